//! Why a statement cannot be proven, whatever the proof.
use super::{ConfigError, ProveError, VerifyError};
use thiserror::Error;

/// A statement, or what is given to prove it, that does not hold together.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Its formats, widths, rate or schedule cannot be used, or a value could wrap around the field.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A run or a segment of no steps.
    #[error("a run has at least one step, and a segment too")]
    NoSteps,
    /// A segment that takes the verifier too long.
    #[error(
        "a segment of {steps} steps of {batch} samples is too long: at most {max_steps} steps and \
         {max_samples} samples fit; use fewer steps a segment"
    )]
    SegmentTooLong {
        /// Steps of the segment.
        steps: u64,
        /// Samples of a step.
        batch: usize,
        /// Most steps.
        max_steps: usize,
        /// Most samples, all steps together.
        max_samples: usize,
    },
    /// A segment with more committed values than fit.
    #[error("a segment has too many values: use fewer steps a segment")]
    SegmentTooLarge,
    /// An inference with more committed values than fit.
    #[error("an inference has too many values: make several proofs")]
    InferenceTooLarge,
    /// More samples than fit in one proof of an inference.
    #[error("{samples} samples in one proof: at most {max} fit; make several proofs")]
    TooManySamples {
        /// The samples.
        samples: usize,
        /// The most that fit.
        max: usize,
    },
    /// A range of data that no format has.
    #[error("a range of {bits} bits for data: it must be from 2 to {max}")]
    DataRangeBits {
        /// The bits asked for.
        bits: u32,
        /// The most.
        max: u32,
    },
    /// A data set of a shape that no network reads.
    #[error("a data set of {features} features and {targets} targets: no network has such data")]
    DataColumns {
        /// Columns of features.
        features: usize,
        /// Columns of targets.
        targets: usize,
    },
    /// A data set with labels of a number of classes that cannot be.
    #[error("a data set with labels of {classes} classes: from 2 to 65536 can be")]
    Classes {
        /// The classes.
        classes: usize,
    },
    /// A public value outside of its range.
    #[error("{what} {index} is {value}, outside of the range of {bits} bits")]
    OutOfRange {
        /// `"input"`, `"output"` or `"target"`.
        what: &'static str,
        /// Flat position, from 0.
        index: usize,
        /// The value.
        value: i64,
        /// Bits of the signed range.
        bits: u32,
    },
    /// A stated sum of squared errors that no computation reaches.
    #[error("a sum of squared errors of {sum}: it leaves 63 bits")]
    SquaredErrorSum {
        /// The sum.
        sum: u64,
    },
    /// Outputs so far from the targets that their squared error cannot be stated.
    #[error("the sum of squared errors leaves 63 bits: take fewer rows")]
    SquaredErrorOverflow,
    /// Squared errors of classes, or right classes of numbers.
    #[error(
        "the claim does not fit the network: one that ends in scores has right classes, others have \
         squared errors"
    )]
    OtherLoss,
    /// More right classes than samples.
    #[error("{count} classes are right of {samples} samples")]
    CorrectCount {
        /// The count.
        count: u64,
        /// Samples.
        samples: usize,
    },
    /// An inference on nothing.
    #[error("an inference has at least one row")]
    NoRows,
    /// Values that are no rows.
    #[error("{values} values are no whole rows of {width}")]
    PartialRows {
        /// Number of values.
        values: usize,
        /// Entries of a row.
        width: usize,
    },
    /// Columns that committed rows do not have.
    #[error("columns {start} to {end} of committed rows of {width} entries")]
    Columns {
        /// The first column.
        start: usize,
        /// The column behind the last one.
        end: usize,
        /// Entries of a row.
        width: usize,
    },
    /// The secret weights are not of the statement's architecture.
    #[error("the weights are of another architecture")]
    OtherArchitecture,
    /// An opening does not open the statement's commitment.
    #[error("the opening given is not that of the {what}")]
    OtherOpening {
        /// Whose opening it should be.
        what: &'static str,
    },
    /// The opening of rows is of another shape.
    #[error("an opening is of rows of another shape than the statement's")]
    OtherRows,
    /// An opening was given where nothing is committed.
    #[error("an opening of rows that are public")]
    PublicRows,
    /// No opening was given for committed rows.
    #[error("committed rows without their opening")]
    NoOpening,
    /// A blinded commitment in a statement whose proof is not to hide.
    #[error("a proof that does not hide cannot open commitments that do")]
    BlindedCommitment,
    /// A weight that is not on the grid.
    #[error("a weight is no multiple of 2^{step_bits}")]
    OffGrid {
        /// `log2` of the grid's step.
        step_bits: u32,
    },
    /// Imported weights without a commitment.
    #[error("they are not committed")]
    NotCommitted,
    /// Imported weights that are committed on another curve.
    #[error("they are of {found:?}, not of {expected:?}")]
    OtherCurve {
        /// The curve of the commitment.
        found: String,
        /// The curve asked for.
        expected: &'static str,
    },
    /// A description names a matrix that it does not have.
    #[error("there is no matrix {matrix}")]
    NoMatrix {
        /// Its number.
        matrix: usize,
    },
    /// A description does not say how an input is opened.
    #[error("tensor {tensor} is neither committed nor public")]
    NoSource {
        /// The tensor's name.
        tensor: String,
    },
    /// A lookup in a table that is not there.
    #[error("lookup {lookup} names table {table} of {tables}")]
    LookupTable {
        /// Number of the lookup.
        lookup: usize,
        /// The table it names.
        table: usize,
        /// How many tables there are.
        tables: usize,
    },
    /// A lookup of too many positions.
    #[error("lookup {lookup} has {num_vars} variables, more than {max}")]
    LookupVars {
        /// Number of the lookup.
        lookup: usize,
        /// Its variables.
        num_vars: usize,
        /// The most.
        max: usize,
    },
    /// A table that is too large, or of no component.
    #[error("table {table} has {num_vars} variables (at most 32) and arity {arity} (at least 1)")]
    TableShape {
        /// Number of the table.
        table: usize,
        /// Its variables.
        num_vars: usize,
        /// Its components.
        arity: usize,
    },
    /// Lookups and tables that are too many together.
    #[error("the lookups have 2^{max_vars} entries or more")]
    LookupEntries {
        /// `log2` of the limit.
        max_vars: usize,
    },
    /// A shape of lookups that contradicts itself: a defect of a table.
    #[error("{what} {index} is missing")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Its number.
        index: usize,
    },
    /// A circuit of no layer.
    #[error("the circuit has no layer")]
    NoLayer,
    /// A gate of a circuit reads a wire that is not there.
    #[error("a wire leads nowhere")]
    LooseWire,
}

// Not as a source: the text of the outer error has that of the inner one.
impl From<StatementError> for VerifyError {
    fn from(error: StatementError) -> Self {
        Self::Statement(error)
    }
}

impl From<ConfigError> for VerifyError {
    fn from(error: ConfigError) -> Self {
        StatementError::from(error).into()
    }
}

impl From<StatementError> for ProveError {
    fn from(error: StatementError) -> Self {
        VerifyError::from(error).into()
    }
}

impl From<ConfigError> for ProveError {
    fn from(error: ConfigError) -> Self {
        StatementError::from(error).into()
    }
}
