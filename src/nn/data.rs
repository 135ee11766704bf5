//! Tables of numbers, their normalisation, and quantised datasets.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{collections::HashSet, fmt, fs::File, io::Read, ops::Range, path::Path};

use serde::{Deserialize, Serialize};

use super::fixed::FixedPoint;
use crate::error::DataError;

/// A CSV file of finite numbers under a header.
#[derive(Clone)]
pub struct Table {
    file: String,
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone)]
struct Row {
    line: u64,
    cells: Vec<f64>,
}

impl Table {
    /// Reads a CSV file: comma-separated UTF-8 with a header line. Spaces around cells are
    /// ignored, blank lines skipped.
    ///
    /// # Errors
    ///
    /// [`DataError::Open`], and those of [`Table::from_reader`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let file = path.as_ref().display().to_string();
        match File::open(path) {
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
    pub fn from_reader(file: &str, reader: impl Read) -> Result<Self, DataError> {
        let csv_error = |source| DataError::Csv {
            file: file.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(reader);
        let mut records = reader.records();
        let empty = || DataError::Empty {
            file: file.to_owned(),
        };
        let header = records.next().ok_or_else(empty)?.map_err(csv_error)?;
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        if let Some(column) = first_duplicate(&columns) {
            let (file, line) = (file.to_owned(), line_of(&header));
            return Err(DataError::DuplicateColumn { file, line, column });
        }
        let mut table = Self {
            file: file.to_owned(),
            columns,
            rows: Vec::new(),
        };
        for record in records {
            let row = table.parse(&record.map_err(csv_error)?)?;
            table.rows.push(row);
        }
        if table.rows.is_empty() {
            return Err(empty());
        }
        Ok(table)
    }

    fn parse(&self, record: &csv::StringRecord) -> Result<Row, DataError> {
        let (expected, found, line) = (self.columns.len(), record.len(), line_of(record));
        let file = || self.file.clone();
        if expected != found {
            return Err(DataError::RaggedRow {
                file: file(),
                line,
                expected,
                found,
            });
        }
        let cell = |(text, column): (&str, &String)| {
            let (column, text) = (column.clone(), text.to_owned());
            if text.is_empty() {
                return Err(DataError::MissingCell {
                    file: file(),
                    line,
                    column,
                });
            }
            match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(value),
                Ok(_) => Err(DataError::NotFinite {
                    file: file(),
                    line,
                    column,
                    text,
                }),
                Err(_) => Err(DataError::NotANumber {
                    file: file(),
                    line,
                    column,
                    text,
                }),
            }
        };
        let cells = record
            .iter()
            .zip(&self.columns)
            .map(cell)
            .collect::<Result<_, _>>()?;
        Ok(Row { line, cells })
    }

    /// Column names, in file order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Number of rows below the header.
    pub fn num_rows(&self) -> usize {
        self.rows.len()
    }

    /// Position of a column.
    fn position(&self, column: &str) -> Result<usize, DataError> {
        self.columns
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| DataError::UnknownColumn {
                file: self.file.clone(),
                column: column.to_owned(),
                available: self.columns.join(", "),
            })
    }

    /// The values of the column at a position, top to bottom.
    fn column(&self, position: usize) -> impl Iterator<Item = f64> + Clone + '_ {
        self.rows
            .iter()
            .filter_map(move |row| row.cells.get(position).copied())
    }
}

/// Sizes only: the cells are secrets.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Table({}, {} rows, {:?})",
            self.file,
            self.rows.len(),
            self.columns
        )
    }
}

fn line_of(record: &csv::StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
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
            return invalid(format!("column {name:?} appears twice"));
        }
        let bad = |c: &&ColumnStatistics| {
            !(c.mean.is_finite() && c.deviation.is_finite() && c.deviation >= 0.0)
        };
        if let Some(column) = all().find(bad) {
            return invalid(format!(
                "column {:?} has mean {} and deviation {}",
                column.name, column.mean, column.deviation
            ));
        }
        Ok(Self { features, targets })
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
        let targets = targets
            .iter()
            .map(|name| statistics(table, name))
            .collect::<Result<Vec<_>, _>>()?;
        let is_feature = |name: &&String| targets.iter().all(|target| target.name != **name);
        let features = table.columns.iter().filter(is_feature);
        let features = features
            .map(|name| statistics(table, name))
            .collect::<Result<Vec<_>, _>>()?;
        if features.is_empty() {
            return Err(DataError::NoFeature {
                file: table.file.clone(),
            });
        }
        Self::new(features, targets)
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
        (first + 0.0, 0.0) // + 0.0 turns -0.0 into 0.0
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
        let columns: Vec<(usize, &ColumnStatistics)> = normalization
            .features
            .iter()
            .chain(&normalization.targets)
            .map(|column| Ok((table.position(&column.name)?, column)))
            .collect::<Result<_, DataError>>()?;
        let (exponent, fraction) = (fixed.data_range_bits() - 1, fixed.activation_bits());
        let (end, unit) = ((1_u64 << exponent) as f64, (1_u64 << fraction) as f64);
        let mut values = Vec::with_capacity(columns.len().saturating_mul(table.num_rows()));
        for row in &table.rows {
            for &(position, column) in &columns {
                // Present: rows are as long as the header.
                let value = row.cells.get(position).copied().unwrap_or_default();
                let standardized = column.standardize(value);
                let rounded = (standardized * unit).round();
                if !(-end..end).contains(&rounded) {
                    let (file, line, column) = (table.file.clone(), row.line, column.name.clone());
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
        Self::from_rows(
            normalization.features.len(),
            normalization.targets.len(),
            values,
        )
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
