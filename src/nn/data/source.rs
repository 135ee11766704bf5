//! Where a table comes from.
use super::{Table, idx, npz, png};
use crate::{error::DataError, files};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Longest file of arrays.
const MAX_FILE: u64 = 1 << 34;

/// Files of data, in any of the [formats](super).
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file or folder.
    pub data: &'a Path,
    /// The file of labels, of IDX.
    pub labels: Option<&'a Path>,
    /// The column of a CSV file that has labels, if it is there: text, or numbers of classes. Labels of other
    /// formats are the column `label`.
    pub label: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// A file or folder whose columns are numbers, or that knows its labels.
    pub fn new(data: &'a Path) -> Self {
        Self {
            data,
            labels: None,
            label: None,
        }
    }

    /// Reads the table. Files must be regular ones, or standard input (`/dev/stdin`).
    ///
    /// # Errors
    ///
    /// [`DataError::Open`], [`DataError::Format`], [`DataError::LabelCount`], [`DataError::NotFinite`];
    /// of CSV those of [`Table::from_labelled_reader`].
    pub fn read(&self) -> Result<Table, DataError> {
        let file = self.data.display().to_string();
        if self.data.is_dir() {
            self.refuse_labels()?;
            return png::table(self.data);
        }
        let mut reader = open(self.data)?;
        let fail = |source| DataError::Open {
            file: file.clone(),
            source,
        };
        let head = idx::begin(&mut reader).map_err(fail)?;
        self.check_name(&head)?;
        let again = io::Cursor::new(head.clone()).chain(reader);
        if idx::begins(&head) {
            let labels = self.labels.map(open).transpose()?;
            let name = self.labels.map(|path| path.display().to_string());
            return Table::from_idx((&file, again), name.as_deref().zip(labels));
        }
        self.refuse_labels()?;
        if npz::begins(&head) {
            let bytes = files::read_from(again, MAX_FILE).map_err(fail)?;
            return Table::from_npz(&file, &bytes);
        }
        Table::from_labelled_reader(&file, again, self.label)
    }

    /// Labels of their own are those of images in IDX.
    fn refuse_labels(&self) -> Result<(), DataError> {
        match self.labels {
            None => Ok(()),
            Some(_) => Err(self.refuse("IDX", "it is no such file, and others hold their labels")),
        }
    }

    /// What a file's name says and its first bytes do not, or the other way round.
    fn check_name(&self, head: &[u8]) -> Result<(), DataError> {
        let name = self.data.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        if head.starts_with(b"\x89PNG") {
            let what = "it is one image; name the folder that it is in";
            return Err(self.refuse("PNG", what));
        }
        if head.starts_with(b"\x93NUMPY") {
            let what = "it is one array; save it by numpy.savez(file, x=..., y=...)";
            return Err(self.refuse("NPZ", what));
        }
        let other = "it does not begin as such a file does: it was altered, or has another name";
        if name.ends_with(".npz") && !npz::begins(head) {
            return Err(self.refuse("NPZ", other));
        }
        let is_idx = name.ends_with(".gz") || name.ends_with("-ubyte");
        match is_idx && !idx::begins(head) {
            true => Err(self.refuse("IDX", other)),
            false => Ok(()),
        }
    }

    fn refuse(&self, format: &'static str, what: &str) -> DataError {
        DataError::Format {
            file: self.data.display().to_string(),
            format,
            what: what.to_owned(),
        }
    }
}

fn open(path: &Path) -> Result<File, DataError> {
    files::open(path).map_err(|source| DataError::Open {
        file: path.display().to_string(),
        source,
    })
}

impl Table {
    /// Reads a file or folder whose columns are numbers, or that knows its labels.
    ///
    /// # Errors
    ///
    /// Those of [`Source::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Source::new(path.as_ref()).read()
    }
}
