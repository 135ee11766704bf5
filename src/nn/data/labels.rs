//! Columns of labels, and what class each is.
use super::{
    first_duplicate,
    kind::{DataKind, MAX_CLASSES},
    table::Table,
};
use crate::{
    error::{DataError, Place},
    text::quoted,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The labels of a table's rows, as they stand in its file.
#[derive(Clone)]
pub(super) struct LabelColumn {
    pub(super) name: String,
    /// Each text once, in the order of the file.
    texts: Vec<String>,
    positions: HashMap<String, u32>,
    /// Of each row, the position of its text.
    rows: Vec<u32>,
}

impl LabelColumn {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            texts: Vec::new(),
            positions: HashMap::new(),
            rows: Vec::new(),
        }
    }

    /// The position of a text, which need not be that of a row.
    ///
    /// # Errors
    /// [`DataError::ClassCount`] of one text too many.
    pub(super) fn intern(&mut self, file: &str, text: &str) -> Result<u32, DataError> {
        if let Some(position) = self.positions.get(text) {
            return Ok(*position);
        }
        if self.texts.len() == MAX_CLASSES {
            return Err(self.bad_count(file, MAX_CLASSES as u64 + 1));
        }
        let position = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.positions.insert(text.to_owned(), position);
        Ok(position)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Those of [`intern`](Self::intern).
    pub(super) fn push(&mut self, file: &str, text: &str) -> Result<(), DataError> {
        let position = self.intern(file, text)?;
        self.rows.push(position);
        Ok(())
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The text of a row.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        let position = self.rows.get(row)?;
        self.texts.get(*position as usize).map(String::as_str)
    }

    fn bad_count(&self, file: &str, found: u64) -> DataError {
        DataError::ClassCount {
            file: file.to_owned(),
            column: self.name.clone(),
            found,
            most: MAX_CLASSES,
        }
    }
}

/// What a label says.
enum Label<'a> {
    /// The class itself.
    Number(u64),
    /// Its name.
    Name(&'a str),
}

impl<'a> Label<'a> {
    /// None of a number that is no class.
    fn read(text: &'a str) -> Option<Self> {
        /// From here on not every whole number is one of 64 bits.
        const END: f64 = (1_u64 << 53) as f64;
        match text.parse::<f64>() {
            Err(_) => Some(Self::Name(text)),
            Ok(number) if (0.0..END).contains(&number) && number.fract() == 0.0 => {
                Some(Self::Number(number as u64))
            }
            Ok(_) => None,
        }
    }
}

/// The classes of a column of labels, by number. They are public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ClassesFields", into = "ClassesFields")]
pub struct Classes {
    column: String,
    names: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassesFields {
    column: String,
    names: Vec<String>,
}

impl TryFrom<ClassesFields> for Classes {
    type Error = DataError;

    fn try_from(fields: ClassesFields) -> Result<Self, DataError> {
        Self::new(fields.column, fields.names)
    }
}

impl From<Classes> for ClassesFields {
    fn from(Classes { column, names }: Classes) -> Self {
        Self { column, names }
    }
}

impl Classes {
    /// Classes 0, 1, ... of these names, in a column of this name.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidClasses`] unless there are from 2 to 65,536 names, all different, none empty or
    /// with blanks around it, and a name that is a number is that of the class.
    pub fn new(column: String, names: Vec<String>) -> Result<Self, DataError> {
        let invalid = |reason: String| Err(DataError::InvalidClasses { reason });
        if !DataKind::is_count_of_classes(names.len()) {
            let reason = format!("{} classes; from 2 to {MAX_CLASSES} can be", names.len());
            return invalid(reason);
        }
        if let Some(name) = first_duplicate(&names) {
            return invalid(format!("{} appears twice", quoted(&name)));
        }
        for (class, name) in names.iter().enumerate() {
            if name.is_empty() || name.trim() != name {
                let reason = format!("{} is empty or has blanks around it", quoted(name));
                return invalid(reason);
            }
            // A number is the class itself in every file.
            if name.parse::<f64>().is_ok() && *name != class.to_string() {
                let name = quoted(name);
                return invalid(format!("class {class} has the name {name}, another number"));
            }
        }
        Ok(Self { column, names })
    }

    /// The classes of a table's labels: as many as the largest number and one more, or its names, sorted.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownColumn`] or [`DataError::NoLabels`] without this column;
    /// [`DataError::NotAClass`], [`DataError::MixedClasses`], [`DataError::ClassCount`].
    pub fn fit(table: &Table, column: &str) -> Result<Self, DataError> {
        let labels = labels(table, column)?;
        let (mut largest, mut names) = (None, Vec::new());
        for (position, text) in labels.texts.iter().enumerate() {
            match Label::read(text) {
                Some(Label::Number(number)) => {
                    largest = largest.max(Some((number, text)));
                }
                Some(Label::Name(name)) => names.push(name.to_owned()),
                None => return Err(not_a_class(table, labels, position)),
            }
        }
        let names = match (largest, names.first()) {
            (Some((_, number)), Some(name)) => {
                return Err(DataError::MixedClasses {
                    file: table.file.clone(),
                    column: column.to_owned(),
                    number: number.clone(),
                    name: name.clone(),
                });
            }
            (Some((largest, _)), None) if largest < MAX_CLASSES as u64 => {
                (0..=largest).map(|class| class.to_string()).collect()
            }
            (Some((largest, _)), None) => return Err(labels.bad_count(&table.file, largest + 1)),
            (None, _) => {
                names.sort_unstable();
                names
            }
        };
        match names.len() {
            found @ ..2 => Err(labels.bad_count(&table.file, found as u64)),
            _ => Self::new(column.to_owned(), names),
        }
    }

    /// The column's name.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The names, that of class 0 first.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many classes there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// The classes of a table's rows.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownColumn`] or [`DataError::NoLabels`] without this column;
    /// [`DataError::NotAClass`] or [`DataError::UnknownClass`] for the first row of no class.
    pub(super) fn of(&self, table: &Table) -> Result<Vec<i64>, DataError> {
        let labels = labels(table, &self.column)?;
        let by_name: HashMap<&str, usize> =
            self.names.iter().map(String::as_str).zip(0..).collect();
        let class = |label: Label<'_>| match label {
            Label::Number(number) => usize::try_from(number).ok().filter(|k| *k < self.count()),
            Label::Name(name) => by_name.get(name).copied(),
        };
        let texts = labels.texts.iter();
        let classes: Vec<Option<i64>> = texts
            .map(|text| Some(class(Label::read(text)?)? as i64))
            .collect();
        let of = |position: &u32| {
            let position = *position as usize;
            let class = classes.get(position).copied().flatten();
            class.ok_or_else(|| self.unknown(table, labels, position))
        };
        labels.rows.iter().map(of).collect()
    }

    fn unknown(&self, table: &Table, labels: &LabelColumn, position: usize) -> DataError {
        let text = labels.texts.get(position).cloned().unwrap_or_default();
        match Label::read(&text) {
            None => not_a_class(table, labels, position),
            Some(_) => DataError::UnknownClass {
                file: table.file.clone(),
                place: place(table, labels, position),
                column: labels.name.clone(),
                text,
                classes: self.names.clone(),
            },
        }
    }
}

/// The labels of a table, if their column has this name.
fn labels<'a>(table: &'a Table, column: &str) -> Result<&'a LabelColumn, DataError> {
    table.find_all(std::iter::once(column))?;
    let labels = table.label.as_ref().filter(|label| label.name == column);
    labels.ok_or_else(|| DataError::NotLabels {
        file: table.file.clone(),
        column: column.to_owned(),
    })
}

/// Where a text is first.
fn place(table: &Table, labels: &LabelColumn, position: usize) -> Place {
    let mut rows = labels.rows.iter();
    let row = rows.position(|at| *at as usize == position);
    table.place(row.unwrap_or_default())
}

fn not_a_class(table: &Table, labels: &LabelColumn, position: usize) -> DataError {
    DataError::NotAClass {
        file: table.file.clone(),
        place: place(table, labels, position),
        column: labels.name.clone(),
        text: labels.texts.get(position).cloned().unwrap_or_default(),
    }
}
