//! Comma-separated text.
use super::{
    first_duplicate,
    labels::LabelColumn,
    table::{Cells, Lines, Places, Table},
};
use crate::error::{DataError, Place};
use std::io::Read;

/// Most columns of a table: twice as many as the widest layer has inputs and outputs.
const MAX_COLUMNS: usize = 1 << 18;

impl Table {
    /// Reads CSV text without labels; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// Those of [`from_labelled_reader`](Self::from_labelled_reader).
    pub fn from_reader(file: &str, reader: impl Read) -> Result<Self, DataError> {
        Self::from_labelled_reader(file, reader, None)
    }

    /// Reads CSV text: comma-separated UTF-8 with a header line. Spaces around cells are ignored, blank
    /// lines skipped. The column `label`, if there is one, has labels; all others have numbers.
    ///
    /// # Errors
    ///
    /// Unreadable text, no header or no rows, a duplicate column, a ragged row, a cell that is
    /// empty, no number or not finite; more than 65,536 different labels.
    pub fn from_labelled_reader(
        file: &str,
        mut reader: impl Read,
        label: Option<&str>,
    ) -> Result<Self, DataError> {
        let csv_error = |source| DataError::Csv {
            file: file.to_owned(),
            source,
        };
        let mut text = Vec::new();
        reader
            .read_to_end(&mut text)
            .map_err(|source| csv_error(source.into()))?;
        let mut counter = LineCounter {
            text: &text,
            line: 1,
            byte: 0,
        };
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_slice());
        let empty = || DataError::Empty {
            file: file.to_owned(),
        };
        let mut record = ::csv::StringRecord::new();
        if !reader.read_record(&mut record).map_err(csv_error)? {
            return Err(empty());
        }
        let columns = header(file, &record, &mut counter)?;
        let mut rows = Rows::new(file, columns, label, &text);
        // As long as it can be, but for cells of several lines: one that grows is there twice meanwhile. Not
        // before the header, of which the reader keeps copies.
        let mut record = ::csv::StringRecord::with_capacity(0, most_commas(&text) + 2);
        while reader.read_record(&mut record).map_err(csv_error)? {
            rows.push(&record, counter.of(&record))?;
        }
        match rows.num_rows {
            0 => Err(empty()),
            _ => Ok(rows.table()),
        }
    }
}

/// The rows so far.
struct Rows {
    file: String,
    /// All columns, the labels among them.
    columns: Vec<String>,
    cells: Vec<f64>,
    num_rows: usize,
    lines: Lines,
    /// With their position among the columns.
    label: Option<(usize, LabelColumn)>,
}

impl Rows {
    fn new(file: &str, columns: Vec<String>, label: Option<&str>, text: &[u8]) -> Self {
        let position = |name: &str| columns.iter().position(|column| column == name);
        let label = label.and_then(|name| Some((position(name)?, LabelColumn::new(name))));
        Self {
            file: file.to_owned(),
            cells: Vec::with_capacity(most_cells(text, columns.len())),
            num_rows: 0,
            lines: Lines::default(),
            columns,
            label,
        }
    }

    /// Adds a row.
    fn push(&mut self, record: &::csv::StringRecord, line: u64) -> Result<(), DataError> {
        let (expected, found) = (self.columns.len(), record.len());
        if expected != found {
            return Err(DataError::RaggedRow {
                file: self.file.clone(),
                line,
                expected,
                found,
            });
        }
        let place = Place::Line(line);
        for (position, text) in record.iter().map(str::trim).enumerate() {
            if let Some((at, label)) = &mut self.label
                && *at == position
                && !text.is_empty()
            {
                label.push(&self.file, text)?;
                continue;
            }
            match text.parse::<f64>() {
                Ok(value) if value.is_finite() => self.cells.push(value),
                parsed => return Err(self.bad_cell(text, place, position, parsed.is_ok())),
            }
        }
        self.lines.push(self.num_rows, line);
        self.num_rows += 1;
        Ok(())
    }

    fn bad_cell(&self, text: &str, place: Place, position: usize, is_number: bool) -> DataError {
        let (file, text) = (self.file.clone(), text.to_owned());
        let column = self.columns.get(position).cloned().unwrap_or_default();
        match is_number {
            true => DataError::NotFinite {
                file,
                place,
                column,
                text,
            },
            false if text.is_empty() => DataError::MissingCell {
                file,
                place,
                column,
            },
            false => DataError::NotANumber {
                file,
                place,
                column,
                text,
            },
        }
    }

    fn table(mut self) -> Table {
        if let Some((position, _)) = &self.label {
            self.columns.remove(*position);
        }
        Table {
            file: self.file,
            columns: self.columns,
            cells: Cells::Numbers(self.cells),
            num_rows: self.num_rows,
            places: Places::Lines(self.lines),
            scale: None,
            label: self.label.map(|(_, label)| label),
        }
    }
}

/// The commas of the line that has most.
fn most_commas(text: &[u8]) -> usize {
    let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
    let commas = lines.map(|line| line.iter().filter(|byte| **byte == b',').count());
    commas.max().unwrap_or(0)
}

/// The names in the first line.
fn header(
    file: &str,
    record: &::csv::StringRecord,
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
    fn of(&mut self, record: &::csv::StringRecord) -> u64 {
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
