//! Inputs of a relation that its proof commits to.
use super::TensorId;
use std::ops::Range;

/// Where the witness of one committed tensor lies, and which entries of it are real.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The tensor.
    pub tensor: TensorId,
    /// Number of variables.
    pub num_vars: usize,
    /// Ranges of flat indices that may be non-zero, ascending; all else is padding.
    pub real: Vec<Range<usize>>,
}
