//! Commands, their options and how they end.
mod demo;
mod output;

use clap::{Parser, Subcommand, ValueEnum};
use std::{error::Error, process::ExitCode};
use zktree::{
    error::{ConfigError, DataError, ProveError, TrainError},
    tree::TreeError,
};

/// Zero-knowledge proofs of training, and trees of models made of them.
///
/// Exit status: 0 if all is well, 1 if something could not be verified, 2 if the command or its
/// input is wrong.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Three owners train a family of models; every run is proven and three frauds are caught
    Demo(demo::Options),
}

/// The commitment group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CurveName {
    /// BLS12-381 G1, the curve of zkDL and zkLLM
    #[value(name = "bls12-381")]
    Bls12_381,
    /// Pallas, about twice as fast
    Pallas,
}

/// Why a command did not succeed.
#[derive(Debug)]
enum Failure {
    /// Something is not what it claims to be.
    NotVerified(Box<dyn Error>),
    /// The command or its input is wrong.
    Input(Box<dyn Error>),
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Self {
        match error {
            // Training that leaves its ranges and drafts that do not fit are input errors.
            TreeError::NotProven {
                source: ProveError::Training(_) | ProveError::Statement(_),
                ..
            }
            | TreeError::MalformedId { .. }
            | TreeError::NormalizationWidth { .. }
            | TreeError::Unknown { .. } => Self::Input(error.into()),
            _ => Self::NotVerified(error.into()),
        }
    }
}

macro_rules! input_error {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Input(error.into())
            }
        }
    )*};
}
input_error!(
    DataError,
    ConfigError,
    TrainError,
    ProveError,
    std::io::Error
);

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options),
    };
    let (error, status) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever read the output has read enough.
        Err(Failure::Input(error)) if is_broken_pipe(&*error) => return ExitCode::SUCCESS,
        Err(Failure::NotVerified(error)) => (error, 1),
        Err(Failure::Input(error)) => (error, 2),
    };
    eprintln!("error: {}", output::chain(&*error));
    ExitCode::from(status)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
