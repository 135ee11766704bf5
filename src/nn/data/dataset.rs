//! Quantised data sets.
use super::{ColumnStatistics, DataKind, Normalization, table::Table};
use crate::{error::DataError, nn::fixed::FixedPoint};
use std::{fmt, ops::Range};
use zeroize::Zeroize;

/// Integer rows, features then targets. Numbers have `s` fraction bits, labels none.
#[derive(Clone, PartialEq, Eq)]
pub struct Dataset {
    num_features: usize,
    kind: DataKind,
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
        let kind = DataKind::Numbers {
            targets: num_targets,
        };
        Self::with(num_features, kind, values)
    }

    /// A dataset of rows of features and a class, row-major: `values` is `[N, num_features + 1]`.
    ///
    /// # Errors
    ///
    /// [`DataError::Shape`] unless there is a feature and the rows are whole;
    /// [`DataError::InvalidClasses`] unless there are from 2 to 65,536 classes, and the last column has
    /// some of them.
    pub fn from_labelled_rows(
        num_features: usize,
        classes: usize,
        values: Vec<i64>,
    ) -> Result<Self, DataError> {
        let invalid = |reason: String| Err(DataError::InvalidClasses { reason });
        if !DataKind::is_count_of_classes(classes) {
            return invalid(format!("{classes} classes; from 2 to 65536 can be"));
        }
        let this = Self::with(num_features, DataKind::Labels { classes }, values)?;
        let of_row = |n| this.targets(n).first().copied().unwrap_or_default();
        let bad = |n: &usize| !(0..classes as i64).contains(&of_row(*n));
        match (0..this.num_rows()).find(bad) {
            None => Ok(this),
            Some(n) => {
                let class = of_row(n);
                invalid(format!("row {n} (from 0): class {class} of {classes}"))
            }
        }
    }

    fn with(num_features: usize, kind: DataKind, values: Vec<i64>) -> Result<Self, DataError> {
        let (found, features, targets) = (values.len(), num_features, kind.num_targets());
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
            kind,
            values,
        })
    }

    /// The integers of a table: `round(v 2^s)`, ties away from zero, of each standardised value
    /// `v = (x - mean) / deviation` (only centred where the deviation is 0), in `f64`; of a label, its
    /// class. Columns are found by name; others are ignored.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownColumn`] for a missing column, [`DataError::OutOfRange`] for a value
    /// outside the range of data; of labels, [`DataError::NoLabels`], [`DataError::NotLabels`],
    /// [`DataError::NotAClass`], [`DataError::UnknownClass`] and [`DataError::ClassRange`].
    pub fn quantize(
        table: &Table,
        normalization: &Normalization,
        fixed: &FixedPoint,
    ) -> Result<Self, DataError> {
        let labels = match normalization.classes() {
            None => Vec::new(),
            Some(labels) => {
                let (classes, bits) = (labels.count(), fixed.data_range_bits());
                if classes as u64 > 1 << (bits - 1) {
                    return Err(DataError::ClassRange { classes, bits });
                }
                labels.of(table)?
            }
        };
        let columns = normalization
            .features()
            .iter()
            .chain(normalization.targets());
        Self::with(
            normalization.features().len(),
            normalization.kind(),
            integers(table, columns, &labels, fixed)?,
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
        integers(table, normalization.features().iter(), &[], fixed)
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
        self.kind.num_targets()
    }

    /// What the targets are.
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// `num_features + num_targets`, at least 2.
    pub fn width(&self) -> usize {
        self.num_features + self.num_targets()
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

/// `round(v 2^s)` of the standardised values of some columns, and the label behind them if there are
/// labels; row-major.
fn integers<'a>(
    table: &Table,
    columns: impl Iterator<Item = &'a ColumnStatistics>,
    labels: &[i64],
    fixed: &FixedPoint,
) -> Result<Vec<i64>, DataError> {
    let columns: Vec<&ColumnStatistics> = columns.collect();
    let positions = table.find_all(columns.iter().map(|column| column.name.as_str()))?;
    let (exponent, fraction) = (fixed.data_range_bits() - 1, fixed.activation_bits());
    let (end, unit) = ((1_u64 << exponent) as f64, (1_u64 << fraction) as f64);
    let width = columns.len() + usize::from(!labels.is_empty());
    let mut values = Vec::with_capacity(width.saturating_mul(table.num_rows()));
    for row in 0..table.num_rows() {
        for (position, column) in positions.iter().zip(&columns) {
            let value = table.number(row, *position)?;
            let standardized = column.standardize(value);
            let rounded = (standardized * unit).round();
            if !(-end..end).contains(&rounded) {
                return Err(DataError::OutOfRange {
                    file: table.file.clone(),
                    place: table.place(row),
                    column: column.name.clone(),
                    value,
                    standardized,
                    exponent,
                    fraction,
                });
            }
            values.push(rounded as i64);
        }
        values.extend(labels.get(row));
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
        let (rows, features, targets) = (self.num_rows(), self.num_features, self.num_targets());
        write!(
            f,
            "Dataset({rows} rows, {features} features, {targets} targets)"
        )
    }
}
