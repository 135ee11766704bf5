//! Tables of numbers, their normalisation, and quantised datasets.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{collections::HashSet, fmt, io::Read, ops::Range, path::Path};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{encoding::Decoder, fixed::FixedPoint};
use crate::{
    error::{DataError, DecodeError},
    files,
    text::quoted,
};

/// A CSV file of finite numbers under a header.
#[derive(Clone)]
pub struct Table {
    file: String,
    columns: Vec<String>,
    /// Row by row, each of as many as there are columns: rows of their own would take many times the
    /// memory of a file of short ones.
    cells: Vec<f64>,
    lines: Lines,
}

/// Most columns of a table: twice as many as the widest layer has inputs and outputs.
const MAX_COLUMNS: usize = 1 << 18;

impl Table {
    /// Reads a CSV file: comma-separated UTF-8 with a header line. Spaces around cells are
    /// ignored, blank lines skipped. It must be a regular file, or standard input (`/dev/stdin`).
    ///
    /// # Errors
    ///
    /// [`DataError::Open`], and those of [`Table::from_reader`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        match files::open(path) {
            Ok(reader) => Self::from_reader(&file, reader),
            Err(source) => Err(DataError::Open { file, source }),
        }
    }

    /// Reads CSV text; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// Unreadable text, no header or no rows, a duplicate column, a ragged row, a cell that is
    /// empty, no number or not finite.
    pub fn from_reader(file: &str, mut reader: impl Read) -> Result<Self, DataError> {
        let mut text = Vec::new();
        if let Err(source) = reader.read_to_end(&mut text) {
            return Err(DataError::Csv {
                file: file.to_owned(),
                source: source.into(),
            });
        }
        let mut counter = LineCounter {
            text: &text,
            line: 1,
            byte: 0,
        };
        let csv_error = |source| DataError::Csv {
            file: file.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_slice());
        let empty = || DataError::Empty {
            file: file.to_owned(),
        };
        let mut record = csv::StringRecord::new();
        if !reader.read_record(&mut record).map_err(csv_error)? {
            return Err(empty());
        }
        let columns = header(file, &record, &mut counter)?;
        let mut table = Self {
            file: file.to_owned(),
            cells: Vec::with_capacity(most_cells(&text, columns.len())),
            columns,
            lines: Lines::default(),
        };
        // As long as it can be, but for cells of several lines: one that grows is there twice meanwhile. Not
        // before the header, of which the reader keeps copies.
        let mut record = csv::StringRecord::with_capacity(0, most_commas(&text) + 2);
        while reader.read_record(&mut record).map_err(csv_error)? {
            table.push(&record, counter.of(&record))?;
        }
        if table.cells.is_empty() {
            return Err(empty());
        }
        Ok(table)
    }

    /// Adds a row.
    fn push(&mut self, record: &csv::StringRecord, line: u64) -> Result<(), DataError> {
        let (expected, found) = (self.columns.len(), record.len());
        if expected != found {
            return Err(DataError::RaggedRow {
                file: self.file.clone(),
                line,
                expected,
                found,
            });
        }
        let row = self.num_rows();
        for (text, column) in record.iter().map(str::trim).zip(&self.columns) {
            let parsed = text.parse::<f64>();
            let (file, column) = match parsed {
                Ok(value) if value.is_finite() => {
                    self.cells.push(value);
                    continue;
                }
                _ => (self.file.clone(), column.clone()),
            };
            let text = text.to_owned();
            return Err(match parsed {
                Ok(_) => DataError::NotFinite {
                    file,
                    line,
                    column,
                    text,
                },
                Err(_) if text.is_empty() => DataError::MissingCell { file, line, column },
                Err(_) => DataError::NotANumber {
                    file,
                    line,
                    column,
                    text,
                },
            });
        }
        self.lines.push(row, line);
        Ok(())
    }

    /// Column names, in file order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Number of rows below the header.
    pub fn num_rows(&self) -> usize {
        self.cells.len() / self.columns.len().max(1)
    }

    /// The rows, top to bottom.
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.cells.chunks_exact(self.columns.len().max(1))
    }

    /// The value in a row, from 0, of a column; none if there is no such row or column.
    pub fn value(&self, row: usize, column: &str) -> Option<f64> {
        let position = self.columns.iter().position(|name| name == column)?;
        self.rows().nth(row)?.get(position).copied()
    }

    /// Position of a column.
    fn position(&self, column: &str) -> Result<usize, DataError> {
        self.columns
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| DataError::UnknownColumn {
                file: self.file.clone(),
                column: column.to_owned(),
                available: self.columns.clone(),
            })
    }

    /// The values of the column at a position, top to bottom.
    fn column(&self, position: usize) -> impl Iterator<Item = f64> + Clone + '_ {
        let width = self.columns.len().max(1);
        self.cells.iter().skip(position).step_by(width).copied()
    }
}

/// Sizes only: the cells are secrets.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Table({}, {} rows, {:?})",
            self.file,
            self.num_rows(),
            self.columns
        )
    }
}

/// The commas of the line that has most.
fn most_commas(text: &[u8]) -> usize {
    let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
    let commas = lines.map(|line| line.iter().filter(|byte| **byte == b',').count());
    commas.max().unwrap_or(0)
}

/// Which line each row is on: where that is not the one behind the row before.
#[derive(Clone, Default)]
struct Lines {
    /// Rows and their lines, in order. Narrow, for there may be as many as rows; beyond four thousand
    /// million lines they no longer count.
    jumps: Vec<(u32, u32)>,
}

impl Lines {
    fn push(&mut self, row: usize, line: u64) {
        if self.of(row) != line {
            let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            self.jumps.push((narrow(row as u64), narrow(line)));
        }
    }

    /// The line of a row, from 1.
    fn of(&self, row: usize) -> u64 {
        let before = self.jumps.partition_point(|(at, _)| *at as usize <= row);
        let jump = before.checked_sub(1).and_then(|k| self.jumps.get(k));
        // Without one, the header is on the first line.
        let (at, line) = jump.map_or((0, 2), |(at, line)| (*at as usize, u64::from(*line)));
        line + row.saturating_sub(at) as u64
    }
}

/// The names in the first line.
fn header(
    file: &str,
    record: &csv::StringRecord,
    counter: &mut LineCounter<'_>,
) -> Result<Vec<String>, DataError> {
    if record.len() > MAX_COLUMNS {
        return Err(DataError::TooManyColumns {
            file: file.to_owned(),
            found: record.len(),
            most: MAX_COLUMNS,
        });
    }
    let columns = record.iter().map(|name| name.trim().to_owned());
    let columns: Vec<String> = columns.collect();
    match first_duplicate(&columns) {
        None => Ok(columns),
        Some(column) => Err(DataError::DuplicateColumn {
            file: file.to_owned(),
            line: counter.of(record),
            column,
        }),
    }
}

/// At most so many cells are in a text below its header. Memory that is taken once is not taken twice
/// while it grows.
fn most_cells(text: &[u8], columns: usize) -> usize {
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let starts = text.windows(2).filter(|pair| match pair {
        [a, b] => ends(a) && !ends(b),
        _ => false,
    });
    let rows = starts.count();
    let commas = text.iter().filter(|byte| **byte == b',').count();
    rows.saturating_mul(columns).min(rows + commas)
}

/// Counts lines. The reader's own count is off after blank lines that end in `\r\n`.
struct LineCounter<'a> {
    /// What is not yet counted.
    text: &'a [u8],
    line: u64,
    /// Bytes already counted.
    byte: usize,
}

impl LineCounter<'_> {
    /// The line, from 1, on which a record starts; records are asked for in order.
    fn of(&mut self, record: &csv::StringRecord) -> u64 {
        let start = record.position().map_or(0, |position| position.byte());
        let skip = usize::try_from(start)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.byte);
        // Terminators that the reader skips before the record count too.
        let blank = self
            .text
            .iter()
            .skip(skip)
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let (counted, rest) = self
            .text
            .split_at((skip + blank.count()).min(self.text.len()));
        // A line ends in one of \r, \n and both.
        let next = counted.iter().skip(1).chain(std::iter::once(&0));
        let ends = counted.iter().zip(next);
        let ends =
            ends.filter(|(byte, next)| **byte == b'\n' || (**byte == b'\r' && **next != b'\n'));
        self.line += ends.count() as u64;
        self.byte += counted.len();
        self.text = rest;
        self.line
    }
}

fn first_duplicate(names: &[String]) -> Option<String> {
    let mut seen = HashSet::new();
    names.iter().find(|&name| !seen.insert(name)).cloned()
}

/// Name, mean and population standard deviation of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnStatistics {
    /// Column name.
    pub name: String,
    /// Mean of the column.
    pub mean: f64,
    /// Population standard deviation; 0 for a column without spread.
    pub deviation: f64,
}

impl ColumnStatistics {
    /// What an integer with `s` fraction bits stands for before standardisation.
    pub fn restore(&self, integer: i64, fixed: &FixedPoint) -> f64 {
        let unit = (1_u64 << fixed.activation_bits()) as f64;
        let spread = match self.deviation > 0.0 {
            true => self.deviation,
            false => 1.0,
        };
        integer as f64 / unit * spread + self.mean
    }

    /// `(value - mean) / deviation`, or only centred where there is no spread.
    fn standardize(&self, value: f64) -> f64 {
        let centred = value - self.mean;
        if self.deviation > 0.0 {
            centred / self.deviation
        } else {
            centred
        }
    }
}

/// How columns become standardised values: the statistics of the root's data, kept by all of its
/// descendants. They are public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "NormalizationFields", into = "NormalizationFields")]
pub struct Normalization {
    features: Vec<ColumnStatistics>,
    targets: Vec<ColumnStatistics>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NormalizationFields {
    features: Vec<ColumnStatistics>,
    targets: Vec<ColumnStatistics>,
}

impl Normalization {
    /// Domain separator of [`Normalization::to_bytes`].
    const DOMAIN: &'static [u8] = b"zktree/v1/normalization";

    /// A normalisation from its statistics.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidNormalization`] unless there are features and targets, all names
    /// differ, all numbers are finite and no deviation is negative.
    pub fn new(
        features: Vec<ColumnStatistics>,
        targets: Vec<ColumnStatistics>,
    ) -> Result<Self, DataError> {
        let invalid = |reason: String| Err(DataError::InvalidNormalization { reason });
        if features.is_empty() || targets.is_empty() {
            return invalid("it needs a feature and a target".to_owned());
        }
        let all = || features.iter().chain(&targets);
        let names: Vec<String> = all().map(|column| column.name.clone()).collect();
        if let Some(name) = first_duplicate(&names) {
            return invalid(format!("column {} appears twice", quoted(&name)));
        }
        let bad = |c: &&ColumnStatistics| {
            !(c.mean.is_finite() && c.deviation.is_finite() && c.deviation >= 0.0)
        };
        if let Some(column) = all().find(bad) {
            return invalid(format!(
                "column {} has mean {} and deviation {}",
                quoted(&column.name),
                column.mean,
                column.deviation
            ));
        }
        // One encoding for zero: x + 0.0 turns -0.0 into 0.0.
        let canonical = |columns: Vec<ColumnStatistics>| {
            let canonical = |c: ColumnStatistics| ColumnStatistics {
                mean: c.mean + 0.0,
                deviation: c.deviation + 0.0,
                ..c
            };
            columns.into_iter().map(canonical).collect()
        };
        Ok(Self {
            features: canonical(features),
            targets: canonical(targets),
        })
    }

    /// The statistics of a table: all columns that are no targets as features, in file order,
    /// then the targets in the order asked.
    ///
    /// Sums run from the first row to the last in `f64`, from 0: `mean = sum(x) / N`,
    /// `deviation = sqrt(sum((x - mean)^2) / N)`. A column of one value has that as its mean and
    /// deviation 0.
    ///
    /// # Errors
    ///
    /// No target, an unknown or repeated one, no feature left, or statistics that overflow.
    pub fn fit(table: &Table, targets: &[String]) -> Result<Self, DataError> {
        if targets.is_empty() {
            return Err(DataError::NoTarget);
        }
        if let Some(column) = first_duplicate(targets) {
            return Err(DataError::DuplicateTarget { column });
        }
        for target in targets {
            table.position(target)?;
        }
        let features = table.columns.iter().filter(|&name| !targets.contains(name));
        let fit = |name: &String| statistics(table, name);
        let features = features.map(fit).collect::<Result<Vec<_>, _>>()?;
        if features.is_empty() {
            return Err(DataError::NoFeature {
                file: table.file.clone(),
            });
        }
        let targets = targets.iter().map(fit).collect::<Result<Vec<_>, _>>()?;
        Self::new(features, targets)
    }

    /// The standardised features of a table, `[N, features]`, in `f64`.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownColumn`] for a missing column.
    pub fn standardize(&self, table: &Table) -> Result<Vec<f64>, DataError> {
        let features: Vec<(usize, &ColumnStatistics)> = self
            .features
            .iter()
            .map(|column| Ok((table.position(&column.name)?, column)))
            .collect::<Result<_, DataError>>()?;
        let mut values = Vec::with_capacity(table.num_rows() * features.len());
        for row in table.rows() {
            let cell = |position: usize| row.get(position).copied().unwrap_or_default();
            let standardized = features
                .iter()
                .map(|(at, column)| column.standardize(cell(*at)));
            values.extend(standardized);
        }
        Ok(values)
    }

    /// Statistics of the features, in order.
    pub fn features(&self) -> &[ColumnStatistics] {
        &self.features
    }

    /// Statistics of the targets, in order.
    pub fn targets(&self) -> &[ColumnStatistics] {
        &self.targets
    }

    /// The canonical encoding, for hashing: `"zktree/v1/normalization"`, the numbers of features
    /// and of targets, then for each feature and each target the length of its name, the name in
    /// UTF-8, mean and deviation. Numbers are 8 little-endian bytes, those of `f64` its bits.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Self::DOMAIN.to_vec();
        for count in [self.features.len(), self.targets.len()] {
            bytes.extend((count as u64).to_le_bytes());
        }
        for column in self.features.iter().chain(&self.targets) {
            bytes.extend((column.name.len() as u64).to_le_bytes());
            bytes.extend(column.name.as_bytes());
            bytes.extend(column.mean.to_bits().to_le_bytes());
            bytes.extend(column.deviation.to_bits().to_le_bytes());
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) writes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let field = "normalization";
        let rest = bytes.strip_prefix(Self::DOMAIN);
        let kind =
            || DecodeError::value(field, "it is not of the kind \"zktree/v1/normalization\"");
        let mut decoder = Decoder::headless(rest.ok_or_else(kind)?);
        let counts = (decoder.count(field)?, decoder.count(field)?);
        let mut column = || {
            Ok(ColumnStatistics {
                name: decoder.string(field)?.to_owned(),
                mean: f64::from_bits(decoder.number(field)?),
                deviation: f64::from_bits(decoder.number(field)?),
            })
        };
        let mut columns = |count| (0..count).map(|_| column()).collect::<Result<_, _>>();
        let (features, targets) = (columns(counts.0)?, columns(counts.1)?);
        decoder.finish()?;
        let this = Self::new(features, targets).map_err(|e| DecodeError::value(field, e))?;
        match this.to_bytes() == bytes {
            true => Ok(this),
            false => Err(DecodeError::NotCanonical),
        }
    }
}

impl TryFrom<NormalizationFields> for Normalization {
    type Error = DataError;

    fn try_from(fields: NormalizationFields) -> Result<Self, DataError> {
        Self::new(fields.features, fields.targets)
    }
}

impl From<Normalization> for NormalizationFields {
    fn from(normalization: Normalization) -> Self {
        Self {
            features: normalization.features,
            targets: normalization.targets,
        }
    }
}

fn statistics(table: &Table, name: &str) -> Result<ColumnStatistics, DataError> {
    let values = table.column(table.position(name)?);
    let first = values.clone().next().unwrap_or(0.0);
    let (mean, deviation) = if values.clone().all(|x| x == first) {
        (first, 0.0)
    } else {
        let n = table.num_rows() as f64;
        let mean = values.clone().fold(0.0, |sum, x| sum + x) / n;
        let square = values.fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
        (mean, (square / n).sqrt())
    };
    if !(mean.is_finite() && deviation.is_finite()) {
        let (file, column) = (table.file.clone(), name.to_owned());
        return Err(DataError::StatisticsOverflow { file, column });
    }
    Ok(ColumnStatistics {
        name: name.to_owned(),
        mean,
        deviation,
    })
}

/// Integer rows, features then targets, with `s` fraction bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Dataset {
    num_features: usize,
    num_targets: usize,
    values: Vec<i64>,
}

impl Dataset {
    /// A dataset of rows of features and targets, row-major: `values` is
    /// `[N, num_features + num_targets]`, with `s` fraction bits.
    ///
    /// # Errors
    ///
    /// [`DataError::Shape`] unless there is a feature and a target and the rows are whole. Ranges
    /// are checked where the values are used.
    pub fn from_rows(
        num_features: usize,
        num_targets: usize,
        values: Vec<i64>,
    ) -> Result<Self, DataError> {
        let (found, features, targets) = (values.len(), num_features, num_targets);
        let width = features
            .checked_add(targets)
            .filter(|_| features > 0 && targets > 0);
        if !width.is_some_and(|width| found.is_multiple_of(width)) {
            return Err(DataError::Shape {
                found,
                features,
                targets,
            });
        }
        Ok(Self {
            num_features,
            num_targets,
            values,
        })
    }

    /// The integers of a table: `round(v 2^s)`, ties away from zero, of each standardised value
    /// `v = (x - mean) / deviation` (only centred where the deviation is 0), in `f64`. Columns are
    /// found by name; others are ignored.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownColumn`] for a missing column, [`DataError::OutOfRange`] for a value
    /// outside the range of data.
    pub fn quantize(
        table: &Table,
        normalization: &Normalization,
        fixed: &FixedPoint,
    ) -> Result<Self, DataError> {
        let columns = normalization.features.iter().chain(&normalization.targets);
        Self::from_rows(
            normalization.features.len(),
            normalization.targets.len(),
            integers(table, columns, fixed)?,
        )
    }

    /// The features alone, `[N, num_features]`, of a table that may have no targets; else as
    /// [`quantize`](Self::quantize).
    ///
    /// # Errors
    ///
    /// Those of [`quantize`](Self::quantize).
    pub fn quantize_features(
        table: &Table,
        normalization: &Normalization,
        fixed: &FixedPoint,
    ) -> Result<Vec<i64>, DataError> {
        integers(table, normalization.features.iter(), fixed)
    }

    /// `N`.
    pub fn num_rows(&self) -> usize {
        self.values.len() / self.width()
    }

    /// Features of a row.
    pub fn num_features(&self) -> usize {
        self.num_features
    }

    /// Targets of a row.
    pub fn num_targets(&self) -> usize {
        self.num_targets
    }

    /// `num_features + num_targets`, at least 2.
    pub fn width(&self) -> usize {
        self.num_features + self.num_targets
    }

    /// All values, `[N, num_features + num_targets]`, row-major.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// Row `n`, features then targets; empty if there is no such row.
    pub fn row(&self, n: usize) -> &[i64] {
        self.values
            .chunks_exact(self.width())
            .nth(n)
            .unwrap_or_default()
    }

    /// Features of row `n`; empty if there is no such row.
    pub fn features(&self, n: usize) -> &[i64] {
        self.row(n).get(..self.num_features).unwrap_or_default()
    }

    /// Targets of row `n`; empty if there is no such row.
    pub fn targets(&self, n: usize) -> &[i64] {
        self.row(n).get(self.num_features..).unwrap_or_default()
    }

    /// Features `[B, num_features]` and targets `[B, num_targets]` of these rows, in order. Rows
    /// that do not exist are left out.
    pub fn gather(&self, rows: &[usize]) -> (Vec<i64>, Vec<i64>) {
        let features = rows
            .iter()
            .flat_map(|&n| self.features(n))
            .copied()
            .collect();
        let targets = rows
            .iter()
            .flat_map(|&n| self.targets(n))
            .copied()
            .collect();
        (features, targets)
    }

    /// The dataset of these rows, in order; a row may be taken twice.
    ///
    /// # Errors
    ///
    /// [`DataError::RowOutOfRange`].
    pub fn select(&self, rows: &[usize]) -> Result<Self, DataError> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.num_rows()) {
            return Err(DataError::RowOutOfRange {
                row,
                rows: self.num_rows(),
            });
        }
        let values = rows.iter().flat_map(|&n| self.row(n)).copied().collect();
        Ok(Self { values, ..*self })
    }

    /// The dataset of a range of rows.
    ///
    /// # Errors
    ///
    /// [`DataError::RowOutOfRange`] if the range ends behind the last row; a range that ends
    /// before it starts is empty.
    pub fn split(&self, rows: Range<usize>) -> Result<Self, DataError> {
        let count = self.num_rows();
        if rows.end > count {
            return Err(DataError::RowOutOfRange {
                row: rows.end - 1,
                rows: count,
            });
        }
        let range = rows.start.min(rows.end) * self.width()..rows.end * self.width();
        Ok(Self {
            values: self.values.get(range).unwrap_or_default().to_vec(),
            ..*self
        })
    }
}

/// `round(v 2^s)` of the standardised values of some columns, row-major.
fn integers<'a>(
    table: &Table,
    columns: impl Iterator<Item = &'a ColumnStatistics>,
    fixed: &FixedPoint,
) -> Result<Vec<i64>, DataError> {
    let columns: Vec<(usize, &ColumnStatistics)> = columns
        .map(|column| Ok((table.position(&column.name)?, column)))
        .collect::<Result<_, DataError>>()?;
    let (exponent, fraction) = (fixed.data_range_bits() - 1, fixed.activation_bits());
    let (end, unit) = ((1_u64 << exponent) as f64, (1_u64 << fraction) as f64);
    let mut values = Vec::with_capacity(columns.len().saturating_mul(table.num_rows()));
    for (k, row) in table.rows().enumerate() {
        for &(position, column) in &columns {
            // Present: rows are as long as the header.
            let value = row.get(position).copied().unwrap_or_default();
            let standardized = column.standardize(value);
            let rounded = (standardized * unit).round();
            if !(-end..end).contains(&rounded) {
                let (file, line, column) =
                    (table.file.clone(), table.lines.of(k), column.name.clone());
                return Err(DataError::OutOfRange {
                    file,
                    line,
                    column,
                    value,
                    standardized,
                    exponent,
                    fraction,
                });
            }
            values.push(rounded as i64);
        }
    }
    Ok(values)
}

/// The values are secrets.
impl Drop for Dataset {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

/// Sizes only: the values are secrets.
impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, features, targets) = (self.num_rows(), self.num_features, self.num_targets);
        write!(
            f,
            "Dataset({rows} rows, {features} features, {targets} targets)"
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::error::Error;

    use super::*;

    fn table(text: &str) -> Result<Table, DataError> {
        Table::from_reader("t.csv", text.as_bytes())
    }

    fn fit(text: &str, targets: &[&str]) -> Result<Normalization, DataError> {
        let targets: Vec<String> = targets.iter().map(|&name| name.to_owned()).collect();
        Normalization::fit(&table(text)?, &targets)
    }

    #[test]
    fn reads_csv() {
        let table = table("\u{feff}\"a, b\" , c\r\n 1 ,-2.5e-1\r\n\r\n3,4\n").unwrap();
        assert_eq!(table.columns(), ["a, b", "c"]);
        assert_eq!(table.cells, [1.0, -0.25, 3.0, 4.0]);
        assert_eq!((table.num_rows(), table.lines.of(1)), (2, 4));
        assert_eq!(
            format!("{table:?}"),
            r#"Table(t.csv, 2 rows, ["a, b", "c"])"#
        );
    }

    #[test]
    fn bad_tables_are_refused_with_their_place() {
        for (text, message) in [
            ("", "t.csv: no data"),
            ("a,b\n", "t.csv: no data"),
            (
                "a,b,a\n1,2,3\n",
                "t.csv, line 1: column \"a\" appears twice",
            ),
            (
                "a,b\n1,2\n1,2,3\n",
                "t.csv, line 3: 3 cells; the header has 2",
            ),
            ("a,b\n1\n", "t.csv, line 2: 1 cells; the header has 2"),
            (
                "a,b\n1, \n",
                "t.csv, line 2, column \"b\": the cell is empty",
            ),
            (
                "a,b\nx,1\n",
                "t.csv, line 2, column \"a\": \"x\" is not a number",
            ),
            (
                "a,b\n1,2\n1,NaN\n",
                "t.csv, line 3, column \"b\": \"NaN\" is not finite",
            ),
            (
                "a,b\n1,1e999\n",
                "t.csv, line 2, column \"b\": \"1e999\" is not finite",
            ),
        ] {
            let error = table(text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let error = Table::from_reader("t.csv", [b'a', 0xff].as_slice()).unwrap_err();
        assert!(
            matches!(error, DataError::Csv { .. }) && error.source().is_some(),
            "{error}"
        );
        let error = Table::read("no/such/file.csv").unwrap_err();
        assert!(
            matches!(error, DataError::Open { .. }) && error.source().is_some(),
            "{error}"
        );
    }

    #[test]
    fn fits_features_in_file_order_then_targets_as_asked() {
        let fitted = fit("p,q,x,y\n0,1,5,-0.1\n2,3,5,-0.1\n4,5,5,-0.1\n", &["q", "p"]).unwrap();
        let names = |columns: &[ColumnStatistics]| {
            columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(fitted.features()), ["x", "y"]);
        assert_eq!(names(fitted.targets()), ["q", "p"]);
        assert_eq!(
            (fitted.features[0].mean, fitted.features[0].deviation),
            (5.0, 0.0)
        );
        assert_eq!(
            (fitted.features[1].mean, fitted.features[1].deviation),
            (-0.1, 0.0)
        );
        let deviation = (8.0_f64 / 3.0).sqrt();
        assert_eq!(
            (fitted.targets[0].mean, fitted.targets[0].deviation),
            (3.0, deviation)
        );
        let zero = fit("a,b\n-0.0,1\n-0.0,2\n", &["b"]).unwrap();
        assert!(zero.features[0].mean.is_sign_positive());
    }

    #[test]
    fn bad_fits_are_refused() {
        let text = "a,b\n1,1e308\n2,1.1e308\n3,1.2e308\n";
        assert!(matches!(fit(text, &[]), Err(DataError::NoTarget)));
        assert!(matches!(
            fit(text, &["a", "b"]),
            Err(DataError::NoFeature { .. })
        ));
        let duplicate = fit(text, &["a", "a"]);
        assert!(matches!(duplicate, Err(DataError::DuplicateTarget { column }) if column == "a"));
        let error = fit(text, &["c"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "t.csv: no column \"c\"; the columns are \"a\", \"b\""
        );
        let overflow = fit(text, &["a"]);
        assert!(
            matches!(overflow, Err(DataError::StatisticsOverflow { column, .. }) if column == "b")
        );
    }

    #[test]
    fn invalid_normalizations_are_refused() {
        let column = |name: &str, mean, deviation| ColumnStatistics {
            name: name.to_owned(),
            mean,
            deviation,
        };
        let good = || vec![column("a", 0.0, 1.0)];
        for (features, targets) in [
            (vec![], good()),
            (good(), vec![]),
            (good(), good()),
            (good(), vec![column("b", f64::NAN, 1.0)]),
            (good(), vec![column("b", 0.0, f64::INFINITY)]),
            (good(), vec![column("b", 0.0, -1.0)]),
        ] {
            let error = Normalization::new(features, targets).unwrap_err();
            assert!(
                matches!(error, DataError::InvalidNormalization { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn serialisation_is_exact() {
        let text = "a,b\n0.1,0.30000000000000004\n0.2,1e-300\n0.7,1e22\n";
        let fitted = fit(text, &["b"]).unwrap();
        let json = serde_json::to_string(&fitted).unwrap();
        let back: Normalization = serde_json::from_str(&json).unwrap();
        assert_eq!(back.to_bytes(), fitted.to_bytes());
        assert!(serde_json::from_str::<Normalization>(r#"{"features":[],"targets":[]}"#).is_err());

        let bytes = fitted.to_bytes();
        assert_eq!(bytes.len(), 23 + 16 + 2 * (8 + 1 + 16));
        assert_eq!(bytes[..23], *b"zktree/v1/normalization");
        assert_eq!(
            bytes[23..48],
            *b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a"
        );
        assert_eq!(bytes[48..56], fitted.features[0].mean.to_le_bytes());
    }

    #[test]
    fn quantizes_ties_away_from_zero() {
        let unit = |name: &str, mean| ColumnStatistics {
            name: name.to_owned(),
            mean,
            deviation: 1.0,
        };
        let normalization = Normalization::new(vec![unit("a", 0.0)], vec![unit("b", 1.0)]).unwrap();
        let half = 0.5 / 256.0;
        let text = format!("b,unused,a\n{},0,{half}\n1,0,{}\n", 1.0 - half, 3.0 * half);
        let fixed = FixedPoint::compact();
        let dataset = Dataset::quantize(&table(&text).unwrap(), &normalization, &fixed).unwrap();
        assert_eq!(dataset.values(), [1, -1, 2, 0]);

        let quantize = |text: &str| Dataset::quantize(&table(text)?, &normalization, &fixed);
        assert_eq!(
            quantize("a,b\n-32,32\n").unwrap().values(),
            [-(1 << 13), 31 << 8]
        );
        for text in ["a,b\n0,1\n32,1\n", "a,b\n0,1\n-32.1,1\n"] {
            let error = quantize(text).unwrap_err();
            assert!(
                matches!(&error, DataError::OutOfRange { line: 3, column, .. } if column == "a")
            );
            assert!(
                error.to_string().contains("outside [-2^13, 2^13) / 2^8"),
                "{error}"
            );
        }
        let missing = quantize("a,c\n0,0\n");
        assert!(matches!(missing, Err(DataError::UnknownColumn { column, .. }) if column == "b"));
    }

    #[test]
    fn columns_without_spread_are_centred() {
        let text = "a,b\n3,0\n3,2\n";
        let normalization = fit(text, &["b"]).unwrap();
        let table = table("a,b\n3,0\n3.5,2\n").unwrap();
        let dataset = Dataset::quantize(&table, &normalization, &FixedPoint::compact()).unwrap();
        assert_eq!(dataset.values(), [0, -256, 128, 256]);
    }

    #[test]
    fn rows_are_found() {
        let dataset = Dataset::from_rows(2, 1, (0..9).collect()).unwrap();
        assert_eq!((dataset.num_rows(), dataset.width()), (3, 3));
        assert_eq!((dataset.num_features(), dataset.num_targets()), (2, 1));
        assert_eq!(
            (dataset.features(1), dataset.targets(1)),
            ([3, 4].as_slice(), [5].as_slice())
        );
        assert!(dataset.row(3).is_empty() && dataset.targets(3).is_empty());
        assert_eq!(dataset.gather(&[2, 0]), (vec![6, 7, 0, 1], vec![8, 2]));
        assert_eq!(dataset.select(&[2]).unwrap(), dataset.split(2..3).unwrap());
        assert_eq!(dataset.split(3..3).unwrap().num_rows(), 0);
        let out = |result| matches!(result, Err(DataError::RowOutOfRange { row: 3, rows: 3 }));
        assert!(out(dataset.select(&[0, 3])) && out(dataset.split(0..4)));
        assert_eq!(
            format!("{dataset:?}"),
            "Dataset(3 rows, 2 features, 1 targets)"
        );
        for (features, targets) in [(0, 3), (3, 0), (2, 2), (usize::MAX, 1)] {
            let error = Dataset::from_rows(features, targets, vec![0; 9]).unwrap_err();
            assert!(
                matches!(error, DataError::Shape { found: 9, .. }),
                "{error}"
            );
        }
    }
}
