//! Errors: what is wrong, where, and what to do about it.
//!
//! One enum per concern, each `#[non_exhaustive]`. Layers and steps are counted from 0.
mod statement;

pub use statement::StatementError;

use crate::text::{list, quoted};
use std::fmt;
use thiserror::Error;

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Error)]
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
    /// A defect of this library, or of a relation, a table or a protocol made with it: whatever the
    /// proof is, nothing is known of the statement.
    #[error("nothing is verified, by a defect of the verifier: {0}; please report it")]
    Defect(&'static str),
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
    Statement(StatementError),
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

impl VerifyError {
    /// Whether this check refused the proof. One that a relation makes by a lookup, or that is put off
    /// to the opening, is known by what it is reduced to.
    #[cfg(test)]
    pub(crate) fn is_check(&self, check: crate::check::Check) -> bool {
        match self {
            Self::In { source, .. } => source.is_check(check),
            Self::CheckFailed { check: name } => *name == check.name(),
            Self::Opening => check == crate::check::Check::Opening,
            _ => false,
        }
    }

    /// [`VerifyError::Shape`] unless `got` is what the statement calls for.
    pub(crate) fn check_shape(what: &'static str, expected: usize, got: usize) -> Result<(), Self> {
        match expected == got {
            true => Ok(()),
            false => Err(Self::Shape {
                what,
                expected,
                got,
            }),
        }
    }
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
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The statement cannot be proven as it is.
    #[error(transparent)]
    Statement(#[from] VerifyError),
    /// Training stopped: a value left its range.
    #[error(transparent)]
    Training(std::sync::Arc<TrainError>),
    /// The child's weights are not those that training gives.
    #[error("the child's weights are not what training from the parent on this data gives")]
    OtherChild,
    /// The work was stopped on request.
    #[error("stopped on request")]
    Cancelled,
    /// A checkpoint of another run, or an altered one.
    #[error("the checkpoint cannot be used: {what}; begin again without it")]
    Checkpoint {
        /// What is wrong with it.
        what: String,
    },
    /// The witness does not satisfy the relation.
    #[error("the witness does not satisfy the relation: `{check}` fails")]
    Unsatisfied {
        /// The check that fails.
        check: &'static str,
    },
    /// A number that a proof tells is too large.
    #[error("{tensor} leaves 63 bits: take fewer rows")]
    Told {
        /// The value's name in the program.
        tensor: String,
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

/// Bytes that are not the canonical encoding of what they should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end within a field.
    #[error("it ends within the field `{field}`: it was cut or altered")]
    Truncated {
        /// The field.
        field: &'static str,
    },
    /// Bytes follow the last field.
    #[error("{count} bytes follow its end: it was extended or altered")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// Another kind of thing.
    #[error("it is of the kind {found:?}, not {expected:?}")]
    Kind {
        /// The kind asked for.
        expected: &'static str,
        /// What the bytes begin with, cut.
        found: String,
    },
    /// A version that this program does not know.
    #[error(
        "it is of version {version}; this program knows {kind:?}: read it with the program that wrote it"
    )]
    Version {
        /// The kind and version asked for.
        kind: &'static str,
        /// The version found.
        version: u64,
    },
    /// A field that cannot have this value.
    #[error("the field `{field}` is invalid: {reason}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is another encoding of the same, which is the canonical one.
    #[error("it is not the canonical encoding of what it says")]
    NotCanonical,
}

impl DecodeError {
    /// [`DecodeError::Value`].
    pub(crate) fn value(field: &'static str, reason: impl ToString) -> Self {
        let reason = reason.to_string();
        Self::Value { field, reason }
    }
}

/// A configuration that cannot be used: fixed point, architecture, learning rate or schedule.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No preset has this name.
    #[error("no fixed-point preset is called {}; use \"compact\", \"paper\" or \"classifier\"", quoted(.name))]
    UnknownPreset {
        /// The name asked for.
        name: String,
    },
    /// A change of a preset that is none.
    #[error(
        "{} changes no number of bits of the format: write gradient_bits=12, or limbs=17+17, after the \
         name of a preset that has it",
        quoted(.text)
    )]
    UnknownField {
        /// The text found.
        text: String,
    },
    /// A format without the numbers that an operator needs.
    #[error(
        "the number format says nothing of what `{operator}` needs; take the preset \"classifier\", or \
         one with `functions`"
    )]
    NoFunctionBits {
        /// The operator.
        operator: &'static str,
    },
    /// Probabilities too coarse for the number of them.
    #[error(
        "a softmax of {row} entries needs probabilities of at least {needed} fraction bits and has {bits}: \
         raise {field}"
    )]
    LongRow {
        /// Entries of a row.
        row: usize,
        /// Fraction bits of the probabilities.
        bits: u32,
        /// As many as a flat row needs.
        needed: u32,
        /// The field of the configuration.
        field: &'static str,
    },
    /// A number that a proof would have to cut into too many limbs.
    #[error(
        "{what} takes {bits} bits, more than {max}: take fewer fraction bits, or a shorter row"
    )]
    TooWide {
        /// Which number.
        what: &'static str,
        /// Its bits.
        bits: u32,
        /// The most.
        max: u32,
    },
    /// A number of bits lies outside what the field allows.
    #[error("{field} is {bits} bits; it must be from {min} to {max}")]
    BitsOutOfRange {
        /// The field of the configuration.
        field: &'static str,
        /// Its value.
        bits: u32,
        /// The smallest allowed value.
        min: u32,
        /// The largest allowed value.
        max: u32,
    },
    /// Fewer weight bits than activation and gradient bits together: no learning rate would be
    /// an integer.
    #[error(
        "weight_bits is {weight_bits}, less than activation_bits + gradient_bits = {needed}; \
         raise weight_bits"
    )]
    TooFewWeightBits {
        /// Fraction bits of the weights.
        weight_bits: u32,
        /// `activation_bits + gradient_bits`.
        needed: u32,
    },
    /// The limbs of a rounding remainder do not cover exactly `weight_bits` bits.
    #[error("the limbs sum to {sum} bits; they must sum to weight_bits = {weight_bits} exactly")]
    LimbSum {
        /// Sum of the limb widths.
        sum: u64,
        /// Fraction bits of the weights.
        weight_bits: u32,
    },
    /// A learning rate that is no positive finite number.
    #[error("the learning rate is {rate}; it must be a positive finite number")]
    InvalidRate {
        /// The rate asked for.
        rate: String,
    },
    /// A learning rate further than 5% from every multiple of the smallest one.
    #[error(
        "the learning rate {rate} is not within 5% of a representable one; the neighbours are \
         {lower} and {upper}: take one of them, or more weight_bits for a finer choice"
    )]
    RateNotRepresentable {
        /// The rate asked for.
        rate: f64,
        /// The next representable rate below, or 0 if there is none.
        lower: f64,
        /// The next representable rate above, or the largest one.
        upper: f64,
    },
    /// An integer rate coefficient that is zero or too large.
    #[error("the rate coefficient is {coefficient}; it must be from 1 to {max}")]
    CoefficientOutOfRange {
        /// The coefficient.
        coefficient: u64,
        /// The largest allowed value.
        max: u64,
    },
    /// Labels for a network that learns numbers.
    #[error(
        "this network is trained on numbers, and the data have labels: name columns of numbers as targets, or \
         let the network end in classes"
    )]
    TrainedOnNumbers,
    /// Numbers for a network that learns classes.
    #[error(
        "this network is trained on classes, and the data have numbers: name a column of labels, with \
         `--label`"
    )]
    TrainedOnClasses,
    /// A batch of no samples.
    #[error("the batch size is 0; it must be at least 1")]
    EmptyBatch,
    /// A batch that the data cannot fill.
    #[error("the batch size {batch} exceeds the number of rows {rows}; lower it to {rows} or less")]
    BatchExceedsRows {
        /// Samples in a batch.
        batch: usize,
        /// Rows of the dataset.
        rows: usize,
    },
    /// A width that is no whole number.
    #[error("{} is not a layer width; write widths as in \"11,64,64,1\"", quoted(.text))]
    WidthNotANumber {
        /// The text found.
        text: String,
    },
    /// Fewer than two or more than 65 widths.
    #[error("{count} widths given; a network has from {min} to {max} (inputs first, outputs last)")]
    WidthCount {
        /// Number of widths.
        count: usize,
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
    /// A width that is zero or too large.
    #[error("width {index} (from 0) is {width}; it must be from 1 to {max}")]
    WidthOutOfRange {
        /// Position in the list of widths, from 0.
        index: usize,
        /// The width.
        width: usize,
        /// The largest allowed width.
        max: usize,
    },
    /// A network that memory may not hold.
    #[error(
        "the network has {parameters} weights and biases; at most {max} are supported: use narrower \
         layers"
    )]
    TooManyParameters {
        /// Weights and biases of all layers.
        parameters: u64,
        /// The most allowed.
        max: u64,
    },
    /// Weights with another number of layers than the architecture.
    #[error("the weights have {found} layers; the architecture has {expected}")]
    LayerCount {
        /// Layers of the architecture.
        expected: usize,
        /// Layers given.
        found: usize,
    },
    /// A weight or bias of the wrong size.
    #[error("layer {layer}: {tensor} has {found} entries; the architecture needs {expected}")]
    LayerShape {
        /// Layer, from 0.
        layer: usize,
        /// `"weight"` or `"bias"`.
        tensor: &'static str,
        /// Entries needed.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// The bound on weights after so many steps exceeds 128 bits.
    #[error("the bound on weights after {steps} steps exceeds 128 bits; train in fewer steps")]
    WeightBoundOverflow {
        /// Steps of the edge.
        steps: u64,
    },
    /// A rate that is too few units of an optimiser's matrix.
    #[error(
        "the learning rate is {units} times the finest that there is, and an optimiser with momentum or with a \
         schedule needs {least}, or its rounding shows; take more weight bits, a smaller batch or a larger rate"
    )]
    CoarseRate {
        /// Units of the largest rate.
        units: u64,
        /// Fewest units.
        least: u64,
    },
    /// An optimiser or a schedule of rates that is none.
    #[error("{what}")]
    Optimiser {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A segment that is too long for an optimiser's matrix.
    #[error(
        "segments have {steps} steps; with momentum or with a schedule of rates they have at most {max}"
    )]
    LongSegment {
        /// Steps of a segment.
        steps: u64,
        /// The most.
        max: usize,
    },
    /// An integer that could wrap around the field of the proof.
    #[error(
        "{tensor} may need {bits} bits, more than the {limit} that cannot wrap around the field; use \
         fewer steps, narrower layers or fewer bits"
    )]
    MayWrap {
        /// The value's name in the program; of a rounded one, what rounding drops.
        tensor: String,
        /// Bits of a bound on its magnitude.
        bits: u32,
        /// Bits that are safe.
        limit: u32,
    },
    /// A network that is no graph of operators.
    #[error("node {node} (from 0) of the network: {what}")]
    Graph {
        /// The node.
        node: usize,
        /// What is wrong with it.
        what: String,
    },
    /// An operator that cannot be applied where it stands.
    #[error("the operator `{operator}`: {what}")]
    Operator {
        /// The operator.
        operator: &'static str,
        /// What it needs.
        what: &'static str,
    },
    /// No activation function of this name.
    #[error(
        "{} is no activation function; take relu, gelu, silu, tanh or sigmoid",
        quoted(name)
    )]
    UnknownFunction {
        /// The name.
        name: String,
    },
    /// A function without a table in these formats.
    #[error(
        "{function} of numbers of {bits} bits with {fraction} fraction bits has no table: at most \
         {max_bits} bits with {max_fraction}; take the format `compact`"
    )]
    NoTable {
        /// The function.
        function: &'static str,
        /// Fraction bits of activations.
        fraction: u32,
        /// Bits of the range of hidden values.
        bits: u32,
        /// Most fraction bits.
        max_fraction: u32,
        /// Most bits.
        max_bits: u32,
    },
    /// Text that is no network.
    #[error("no network in JSON: {what}")]
    GraphFile {
        /// What is wrong.
        what: String,
    },
    /// Text that is no layer of a network.
    #[error(
        "{} is no part of a network of images: it is `cnn:`, channels, height and width such as \
         1x28x28, then layers such as conv8, conv8k5s2, pool, average, global, linear10, \
         separated by commas",
        quoted(.text)
    )]
    Layer {
        /// The text.
        text: String,
    },
    /// Known tensors of a network have too many entries.
    #[error(
        "up to `{tensor}`, windows and rearrangements of the network list {entries} places; at most \
         {max}: take smaller windows or images, or fewer classes"
    )]
    Known {
        /// The tensor.
        tensor: String,
        /// Entries up to it.
        entries: usize,
        /// Most of all together.
        max: usize,
    },
}

/// Numbers in it are finite.
impl Eq for ConfigError {}

/// Where a row is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of text, from 1.
    Line(u64),
    /// A row, from 0.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row} (from 0)"),
        }
    }
}

/// Data that cannot be read, normalised or quantised.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file of weights is not what the format calls for.
    #[error("weights file: {what}")]
    WeightsFile {
        /// What is wrong, by the name of the tensor.
        what: String,
    },
    /// The file cannot be opened.
    #[error("{file}: cannot be opened")]
    Open {
        /// File.
        file: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be read as CSV.
    #[error("{file}: cannot be read as comma-separated UTF-8 text")]
    Csv {
        /// File.
        file: String,
        /// Cause, with its position.
        #[source]
        source: csv::Error,
    },
    /// A file with no header or no row below it.
    #[error("{file}: no data; a header line and at least one row are needed")]
    Empty {
        /// File.
        file: String,
    },
    /// Two columns of one name.
    #[error("{file}, line {line}: column {} appears twice; rename one", quoted(.column))]
    DuplicateColumn {
        /// File.
        file: String,
        /// Line of the header, from 1.
        line: u64,
        /// Column name.
        column: String,
    },
    /// More columns than any table has.
    #[error("{file}: {found} columns; at most {most} are read")]
    TooManyColumns {
        /// File.
        file: String,
        /// Columns of the header.
        found: usize,
        /// The most.
        most: usize,
    },
    /// A row with more or fewer cells than the header.
    #[error("{file}, line {line}: {found} cells; the header has {expected}")]
    RaggedRow {
        /// File.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Cells of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// An empty cell.
    #[error(
        "{file}, {place}, column {}: the cell is empty; fill it or drop the row",
        quoted(.column)
    )]
    MissingCell {
        /// File.
        file: String,
        /// Where.
        place: Place,
        /// Column name.
        column: String,
    },
    /// A cell that is no number.
    #[error(
        "{file}, {place}, column {}: {} is not a number; encode or drop the column",
        quoted(.column), quoted(.text)
    )]
    NotANumber {
        /// File.
        file: String,
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// What the cell holds.
        text: String,
    },
    /// A cell that is infinite or NaN.
    #[error(
        "{file}, {place}, column {}: {} is not finite; drop the row",
        quoted(.column), quoted(.text)
    )]
    NotFinite {
        /// File.
        file: String,
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// What the cell holds.
        text: String,
    },
    /// A file of images or arrays is not what its format calls for.
    #[error("{file}: cannot be read as {format}: {what}")]
    Format {
        /// File or folder.
        file: String,
        /// `"IDX"`, `"PNG"` or `"NPZ"`.
        format: &'static str,
        /// What is wrong, where, and what to do.
        what: String,
    },
    /// More or fewer labels than rows.
    #[error("{file}: {rows} rows, and {labels} labels; each row has one")]
    LabelCount {
        /// File of the rows.
        file: String,
        /// Rows.
        rows: usize,
        /// Labels.
        labels: usize,
    },
    /// Data without labels.
    #[error(
        "{file}: it has no labels; they are a file of their own (IDX), the array \"y\" (NPZ) or a folder \
         for each class (PNG)"
    )]
    NoLabels {
        /// File.
        file: String,
    },
    /// A column that was read as numbers, and is asked for as labels.
    #[error("{file}, column {}: it was read as numbers, not as labels", quoted(.column))]
    NotLabels {
        /// File.
        file: String,
        /// Column name.
        column: String,
    },
    /// A label that is a number and no class.
    #[error(
        "{file}, {place}, column {}: {} is no class; classes are whole numbers from 0, or names",
        quoted(.column), quoted(.text)
    )]
    NotAClass {
        /// File.
        file: String,
        /// Where it is first.
        place: Place,
        /// Column name.
        column: String,
        /// The label.
        text: String,
    },
    /// A label that is none of the classes.
    #[error(
        "{file}, {place}, column {}: {} is none of the {} classes {}; correct it or drop the row",
        quoted(.column), quoted(.text), .classes.len(), list(.classes)
    )]
    UnknownClass {
        /// File.
        file: String,
        /// Where it is first.
        place: Place,
        /// Column name.
        column: String,
        /// The label.
        text: String,
        /// Names of the classes.
        classes: Vec<String>,
    },
    /// Labels of which some are numbers and some are names.
    #[error(
        "{file}, column {}: labels are numbers, as {}, and names, as {}; take one or the other",
        quoted(.column), quoted(.number), quoted(.name)
    )]
    MixedClasses {
        /// File.
        file: String,
        /// Column name.
        column: String,
        /// One that is a number.
        number: String,
        /// One that is a name.
        name: String,
    },
    /// Too few or too many classes.
    #[error(
        "{file}, column {}: {found} classes, if they are numbered from 0; from 2 to {most} can be: is it \
         a column of numbers?",
        quoted(.column)
    )]
    ClassCount {
        /// File.
        file: String,
        /// Column name.
        column: String,
        /// Classes, at least.
        found: u64,
        /// The most.
        most: usize,
    },
    /// Names of classes, or classes of rows, that cannot be.
    #[error("the classes are invalid: {reason}")]
    InvalidClasses {
        /// What is wrong.
        reason: String,
    },
    /// More classes than the range of data has numbers.
    #[error(
        "{classes} classes are more than the {} numbers from 0 in the range of data of {bits} bits; \
         raise data_range_bits or have fewer classes",
        1_u64 << bits.saturating_sub(1).min(63)
    )]
    ClassRange {
        /// Classes.
        classes: usize,
        /// Bits of the range of data.
        bits: u32,
    },
    /// No column was named as target.
    #[error("no target column was named; name at least one")]
    NoTarget,
    /// All columns are targets.
    #[error("{file}: every column is a target; at least one feature is needed")]
    NoFeature {
        /// File.
        file: String,
    },
    /// A target named twice.
    #[error("the target {} is named twice", quoted(.column))]
    DuplicateTarget {
        /// Column name.
        column: String,
    },
    /// A column that the file lacks.
    #[error("{file}: no column {}; the columns are {}", quoted(.column), list(.available))]
    UnknownColumn {
        /// File.
        file: String,
        /// Column name.
        column: String,
        /// The columns of the file.
        available: Vec<String>,
    },
    /// Numbers so large that their mean or deviation is not finite.
    #[error(
        "{file}, column {}: mean or deviation overflows; rescale the column",
        quoted(.column)
    )]
    StatisticsOverflow {
        /// File.
        file: String,
        /// Column name.
        column: String,
    },
    /// Statistics that no fit could have produced.
    #[error("the normalization is invalid: {reason}")]
    InvalidNormalization {
        /// What is wrong.
        reason: String,
    },
    /// A standardised value outside the range of data.
    #[error(
        "{file}, {place}, column {}: {value} is {standardized} standard deviations \
         from the mean, outside [-2^{exponent}, 2^{exponent}) / 2^{fraction}; clip or drop it, or \
         raise data_range_bits",
        quoted(.column)
    )]
    OutOfRange {
        /// File.
        file: String,
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// The cell.
        value: f64,
        /// The cell, standardised.
        standardized: f64,
        /// `data_range_bits - 1`.
        exponent: u32,
        /// `activation_bits`.
        fraction: u32,
    },
    /// Values that do not fill whole rows.
    #[error("{found} values do not make rows of {features} features and {targets} targets")]
    Shape {
        /// Number of values.
        found: usize,
        /// Features of a row.
        features: usize,
        /// Targets of a row.
        targets: usize,
    },
    /// A row that the dataset lacks.
    #[error("row {row} (from 0) is asked for; the dataset has {rows}")]
    RowOutOfRange {
        /// Row, from 0.
        row: usize,
        /// Rows of the dataset.
        rows: usize,
    },
}

/// Training or evaluation that cannot go on. The weights are as before the failing step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A value left its range.
    #[error(
        "{}: {tensor} is {value}, outside [-2^{e}, 2^{e}); lower the learning rate, check the data for \
         outliers, or widen this range in the fixed-point configuration",
        moment(*step), e = bits.saturating_sub(1)
    )]
    OutOfRange {
        /// Step, from 0; none in evaluation.
        step: Option<u64>,
        /// The value's name in the program, such as `A0`, `target`, `Y1`, `H1` or `W1`.
        tensor: String,
        /// The value, saturated at the range of `i128`.
        value: i128,
        /// Bits of the signed range.
        bits: u32,
    },
    /// A value that is not one of those that it may be.
    #[error(
        "{}: {tensor} is {value}, not from {low} to {high}; check the data, lower the learning rate, or take a \
         number format with more room",
        moment(*step)
    )]
    Outside {
        /// Step, from 0; none in evaluation.
        step: Option<u64>,
        /// The value's name in the program.
        tensor: String,
        /// The value.
        value: i128,
        /// The least that it may be.
        low: i128,
        /// The greatest that it may be.
        high: i128,
    },
    /// Sums that might leave the integers they are computed in.
    #[error("{}: {tensor} may need more than 126 bits; use smaller weights", moment(*step))]
    Wide {
        /// Step, from 0; none in evaluation.
        step: Option<u64>,
        /// The value's name in the program.
        tensor: String,
    },
    /// The network cannot be run in these formats.
    #[error(transparent)]
    Network(std::sync::Arc<ConfigError>),
    /// Inputs or targets of the wrong size.
    #[error("{}: {tensor} has {found} values, not {expected}", moment(*step))]
    Shape {
        /// Step, from 0; none in evaluation.
        step: Option<u64>,
        /// The value's name in the program.
        tensor: String,
        /// What is needed, in words.
        expected: String,
        /// Values given.
        found: usize,
    },
    /// A step with momentum whose segment's earlier gradients are not at hand.
    #[error(
        "step {step} needs the gradients since step {first}: training with momentum goes on from there"
    )]
    MidSegment {
        /// The step.
        step: u64,
        /// The first of its segment.
        first: u64,
    },
    /// A dataset whose columns are not the network's inputs and outputs.
    #[error(
        "the dataset has {features} features and {targets} targets; the network has {inputs} \
         inputs and {outputs} outputs"
    )]
    DatasetWidth {
        /// Features of a row.
        features: usize,
        /// Targets of a row.
        targets: usize,
        /// Inputs of the network.
        inputs: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// A schedule made for another number of rows.
    #[error("the schedule is for {scheduled} rows; the dataset has {rows}")]
    ScheduleRows {
        /// Rows of the schedule.
        scheduled: usize,
        /// Rows of the dataset.
        rows: usize,
    },
}

impl From<ConfigError> for TrainError {
    fn from(error: ConfigError) -> Self {
        Self::Network(std::sync::Arc::new(error))
    }
}

fn moment(step: Option<u64>) -> String {
    step.map_or_else(|| "evaluation".to_owned(), |step| format!("step {step}"))
}
