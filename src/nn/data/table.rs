//! What a file of data holds.
use super::labels::LabelColumn;
use crate::error::{DataError, Place};
use std::{collections::HashMap, fmt};

/// The column of labels in all formats whose files do not name it.
pub(super) const LABEL: &str = "label";

/// A table of finite numbers under names, perhaps with a column of labels.
#[derive(Clone)]
pub struct Table {
    pub(super) file: String,
    pub(super) columns: Vec<String>,
    pub(super) cells: Cells,
    pub(super) num_rows: usize,
    pub(super) places: Places,
    /// By what features are divided, if that is known without looking at them.
    pub(super) scale: Option<f64>,
    pub(super) label: Option<LabelColumn>,
}

/// Row by row, each of as many as there are columns: rows of their own would take many times the
/// memory of a file of short ones.
#[derive(Clone)]
pub(super) enum Cells {
    Numbers(Vec<f64>),
    Bytes(Vec<u8>),
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn get(&self, index: usize) -> Option<f64> {
        match self {
            Self::Numbers(numbers) => numbers.get(index).copied(),
            Self::Bytes(bytes) => bytes.get(index).copied().map(f64::from),
        }
    }
}

/// A column of a table: its position among the numbers, or the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Cell(usize),
    Label,
}

impl Table {
    /// Names of the columns of numbers, in file order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Name of the column of labels.
    pub fn label(&self) -> Option<&str> {
        self.label.as_ref().map(|label| label.name.as_str())
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// The number in a row, from 0, of a column; none if there is no such row or column, or no number.
    pub fn value(&self, row: usize, column: &str) -> Option<f64> {
        if row >= self.num_rows {
            return None;
        }
        let column = *self.find_all(std::iter::once(column)).ok()?.first()?;
        self.number(row, column).ok()
    }

    /// Where a row is in the file.
    pub(super) fn place(&self, row: usize) -> Place {
        match &self.places {
            Places::Lines(lines) => Place::Line(lines.of(row)),
            Places::Rows => Place::Row(row),
        }
    }

    /// The columns of these names.
    pub(super) fn find_all<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<Column>, DataError> {
        let columns = self.columns.iter().enumerate();
        let mut known: HashMap<&str, Column> = columns
            .map(|(k, name)| (name.as_str(), Column::Cell(k)))
            .collect();
        if let Some(label) = self.label() {
            known.insert(label, Column::Label);
        }
        let find = |name| match known.get(name) {
            Some(column) => Ok(*column),
            None => Err(self.unknown_column(name)),
        };
        names.map(find).collect()
    }

    fn unknown_column(&self, column: &str) -> DataError {
        if matches!(self.places, Places::Rows) && column == LABEL {
            let file = self.file.clone();
            return DataError::NoLabels { file };
        }
        let label = self.label.iter().map(|label| &label.name);
        DataError::UnknownColumn {
            file: self.file.clone(),
            column: column.to_owned(),
            available: label.chain(&self.columns).cloned().collect(),
        }
    }

    /// The number in a cell; of labels, the class if it is one.
    pub(super) fn number(&self, row: usize, column: Column) -> Result<f64, DataError> {
        let position = match column {
            Column::Cell(position) => position,
            Column::Label => return self.label_number(row),
        };
        // Present: rows are as long as there are columns.
        let index = row * self.columns.len() + position;
        Ok(self.cells.get(index).unwrap_or_default())
    }

    fn label_number(&self, row: usize) -> Result<f64, DataError> {
        let label = self.label.as_ref();
        let text = label.and_then(|label| label.text(row)).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(DataError::NotANumber {
                file: self.file.clone(),
                place: self.place(row),
                column: self.label().unwrap_or_default().to_owned(),
                text: text.to_owned(),
            }),
        }
    }

    /// The numbers of a column, top to bottom.
    pub(super) fn numbers(&self, column: Column) -> Result<Vec<f64>, DataError> {
        (0..self.num_rows)
            .map(|row| self.number(row, column))
            .collect()
    }
}

/// Sizes only: the cells are secrets.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Table({}, {} rows, {:?})",
            self.file, self.num_rows, self.columns
        )
    }
}

/// Where the rows of a table are.
#[derive(Clone)]
pub(super) enum Places {
    Lines(Lines),
    Rows,
}

/// Which line each row is on: where that is not the one behind the row before.
#[derive(Clone, Default)]
pub(super) struct Lines {
    /// Rows and their lines, in order. Narrow, for there may be as many as rows; beyond four thousand
    /// million lines they no longer count.
    jumps: Vec<(u32, u32)>,
}

impl Lines {
    pub(super) fn push(&mut self, row: usize, line: u64) {
        if self.of(row) != line {
            let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            self.jumps.push((narrow(row as u64), narrow(line)));
        }
    }

    /// The line of a row, from 1.
    pub(super) fn of(&self, row: usize) -> u64 {
        let before = self.jumps.partition_point(|(at, _)| *at as usize <= row);
        let jump = before.checked_sub(1).and_then(|k| self.jumps.get(k));
        // Without one, the header is on the first line.
        let (at, line) = jump.map_or((0, 2), |(at, line)| (*at as usize, u64::from(*line)));
        line + row.saturating_sub(at) as u64
    }
}
