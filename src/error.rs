//! Errors: what is wrong, where, and what to do about it.
use thiserror::Error;

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The proof ended where another message was due.
    #[error("the proof ends before message `{label}`: it was cut, or made for another statement")]
    Truncated {
        /// The message that was due.
        label: &'static str,
    },
    /// Bytes follow the last message.
    #[error(
        "{count} bytes follow the end of the proof: it was extended, or made for another statement"
    )]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A scalar was not in its canonical encoding (below the field's modulus).
    #[error("message `{label}` is not a canonical field element")]
    NonCanonicalScalar {
        /// The message.
        label: &'static str,
    },
    /// A group element was not canonical, not on the curve or not in the prime-order subgroup.
    #[error("message `{label}` is not a canonical element of the commitment group")]
    InvalidPoint {
        /// The message.
        label: &'static str,
    },
    /// A relation between messages does not hold.
    #[error("the check `{check}` fails")]
    CheckFailed {
        /// The relation.
        check: &'static str,
    },
    /// The final group equation does not hold: some message, commitment or public value is not
    /// what the prover committed to.
    #[error("the opening of the commitments fails")]
    Opening,
    /// The proof or a commitment has another shape than the statement says.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// What has the wrong shape.
        what: &'static str,
        /// The number that the statement calls for.
        expected: usize,
        /// The number found.
        got: usize,
    },
    /// The statement itself cannot be proven (for instance two segments that do not join).
    #[error("the statement does not hold together: {0}")]
    Statement(String),
    /// Where an inner error happened.
    #[error("{location}: {source}")]
    In {
        /// Phase, layer, tensor or edge.
        location: String,
        /// What happened there.
        #[source]
        source: Box<VerifyError>,
    },
}

/// Adds a location to an error.
pub trait Locate<T> {
    /// Says where the error happened.
    fn located(self, location: impl FnOnce() -> String) -> Result<T, VerifyError>;
}

impl<T> Locate<T> for Result<T, VerifyError> {
    fn located(self, location: impl FnOnce() -> String) -> Result<T, VerifyError> {
        self.map_err(|source| VerifyError::In {
            location: location(),
            source: Box::new(source),
        })
    }
}

/// Why no proof was made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The witness does not satisfy the relation.
    #[error("the witness does not satisfy the relation: `{check}` fails")]
    Unsatisfied {
        /// The check that fails.
        check: &'static str,
    },
    /// A value is not in the lookup table that the relation asks for.
    #[error("tensor {tensor}, position {position}: {values:?} is not in its lookup table")]
    NotInTable {
        /// The tensor.
        tensor: String,
        /// The flat position in it.
        position: usize,
        /// The looked-up tuple.
        values: Vec<i64>,
    },
}
