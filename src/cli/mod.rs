//! Commands, their options and how they end. One file a command: its options as `Options`, what it
//! does as `run`.
mod args;
mod completions;
mod demo;
mod failure;
mod output;
mod progress;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Zero-knowledge proofs of training, and trees of models made of them.
///
/// Exit status: 0 if all is well, 1 if something could not be verified, 2 if the command or its
/// input is wrong. Colours obey NO_COLOR; progress is shown if standard error is a terminal.
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
    /// Print a script that completes commands and options in a shell
    Completions(completions::Options),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Completions(options) => completions::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
