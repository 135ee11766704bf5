//! How commands end, and the exit status that goes with it.
use super::output;
use std::{error::Error, io, path::Path, process::ExitCode};
use zktree::{
    error::{ConfigError, DataError, ProveError, TrainError},
    tree::{KeyError, RowError, TreeError, store::StoreError},
};

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Something is not what it claims to be: exit status 1.
    NotVerified(Box<dyn Error>),
    /// The command or its input is wrong: exit status 2.
    Input(Box<dyn Error>),
}

impl Failure {
    /// An input error in words: what is wrong, where, and what to do.
    pub fn input(text: impl Into<String>) -> Self {
        Self::Input(text.into().into())
    }

    /// Something was checked and is not what it claims to be.
    pub fn not_verified(text: impl Into<String>) -> Self {
        Self::NotVerified(text.into().into())
    }

    /// A file or directory that cannot be read or written.
    pub fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::input(format!("{}: {error}", path.display()))
    }

    /// The same failure, about this file.
    pub fn named(self, file: &str) -> Self {
        let text = |error: Box<dyn Error>| format!("{file}: {}", output::chain(&*error));
        match self {
            Self::NotVerified(error) => Self::not_verified(text(error)),
            Self::Input(error) => Self::input(text(error)),
        }
    }

    /// Prints the error and its causes; returns the exit status.
    pub fn report(&self) -> ExitCode {
        let (error, status) = match self {
            Self::NotVerified(error) => (error, 1),
            Self::Input(error) => (error, 2),
        };
        output::complain(&format_args!("error: {}", output::chain(&**error)));
        ExitCode::from(status)
    }
}

/// How a command ended that did what it was asked for: a verdict, and what became of its output.
///
/// Commands return this and there is no other way to print, so that the verdict is there before
/// anything is printed, and nothing that happens to the output takes it back.
#[must_use]
#[derive(Debug)]
pub struct Ended {
    verdict: Result<(), Failure>,
    unprinted: Option<io::Error>,
}

impl Ended {
    /// A verdict, and why the output was not written.
    pub fn new(verdict: Result<(), Failure>, unprinted: Option<io::Error>) -> Self {
        Self { verdict, unprinted }
    }

    /// Reports what is wrong; returns the exit status. A refusal or an error comes first; output that
    /// could not be written is an error if there is no other; that nobody read it is none.
    pub fn report(self) -> ExitCode {
        let unprinted = self.unprinted;
        let unprinted = unprinted.filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        let unprinted = unprinted.map(|error| Failure::input(format!("standard output: {error}")));
        let unprinted = unprinted.map(|failure| failure.report());
        match (self.verdict, unprinted) {
            (Err(failure), _) => failure.report(),
            (Ok(()), Some(status)) => status,
            (Ok(()), None) => ExitCode::SUCCESS,
        }
    }
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
            | TreeError::MalformedKey { .. }
            | TreeError::Label { .. }
            | TreeError::Duplicate { .. }
            | TreeError::NormalizationWidth { .. }
            | TreeError::Kind(_)
            | TreeError::Unknown { .. } => Self::Input(error.into()),
            _ => Self::NotVerified(error.into()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Tree(error) => error.into(),
            StoreError::Damage(_)
            | StoreError::Log(_)
            | StoreError::Rewritten { .. }
            | StoreError::WrongOpening { .. } => Self::NotVerified(error.into()),
            _ => Self::Input(error.into()),
        }
    }
}

impl From<RowError> for Failure {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Malformed { .. } => Self::Input(error.into()),
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
    KeyError,
    std::io::Error,
    serde_json::Error
);
