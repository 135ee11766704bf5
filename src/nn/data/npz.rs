//! NPZ files: NumPy's arrays by name, in a ZIP archive.
use super::{
    labels::LabelColumn,
    npy::{self, Array, Values},
    pixels::{self, PIXEL_SCALE, Shape},
    table::{Cells, Table},
};
use crate::{
    error::{DataError, Place},
    text::list,
};
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};
use std::io::Read;

/// Names of the array of features, and of that of labels.
const FEATURES: [&str; 2] = ["x", "images"];
const LABELS: [&str; 2] = ["y", "labels"];

/// Most arrays of a file.
const MAX_ARRAYS: usize = 1 << 10;

/// Whether a file that begins so is read here.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(b"PK")
}

impl Table {
    /// Reads the bytes of an NPZ file, called `file` in errors: features, and labels if there are any.
    ///
    /// # Errors
    ///
    /// [`DataError::Format`] of arrays that are missing, or of another type or shape than is read, of an archive
    /// that is cut or altered, or of more than 2^28 values; [`DataError::LabelCount`];
    /// [`DataError::NotFinite`].
    pub fn from_npz(file: &str, bytes: &[u8]) -> Result<Self, DataError> {
        let refuse = |what: String| DataError::Format {
            file: file.to_owned(),
            format: "NPZ",
            what,
        };
        let archive = Archive::new(bytes).map_err(refuse)?;
        let mut width = 0;
        let features = archive.array(FEATURES, |axes| {
            let shape = Shape::of(axes)?;
            width = shape.width;
            Ok(shape.cells())
        });
        let features = features.map_err(refuse)?.ok_or_else(|| {
            let names = list(&archive.names());
            refuse(format!(
                "there is no array \"x\" or \"images\"; the arrays are {names}"
            ))
        })?;
        let labels = archive.array(LABELS, pixels::count_of_labels);
        let labels = labels.map_err(refuse)?;
        let label = labels.map(|array| label(file, array.values)).transpose()?;
        let table = pixels::table(file, width, cells(features), label)?;
        all_finite(&table)?;
        Ok(table)
    }
}

/// Values, and what they are scaled by.
fn cells(array: Array) -> (Cells, Option<f64>) {
    let are_images = array.axes.len() > 2;
    let (numbers, scale) = match array.values {
        Values::Bytes(bytes) => return (Cells::Bytes(bytes), Some(PIXEL_SCALE)),
        Values::Integers(integers) => (integers.into_iter().map(|x| x as f64).collect(), 1.0),
        Values::Floats(floats) => (floats, 1.0),
    };
    (Cells::Numbers(numbers), are_images.then_some(scale))
}

/// Labels as text: a number that is no class is found where classes are known.
fn label(file: &str, values: Values) -> Result<LabelColumn, DataError> {
    match values {
        Values::Bytes(all) => pixels::labels(file, all.iter().map(u8::to_string)),
        Values::Integers(all) => pixels::labels(file, all.iter().map(i64::to_string)),
        Values::Floats(all) => pixels::labels(file, all.iter().map(f64::to_string)),
    }
}

fn all_finite(table: &Table) -> Result<(), DataError> {
    let Cells::Numbers(numbers) = &table.cells else {
        return Ok(());
    };
    let Some((at, value)) = numbers.iter().enumerate().find(|(_, x)| !x.is_finite()) else {
        return Ok(());
    };
    let width = table.columns.len().max(1);
    Err(DataError::NotFinite {
        file: table.file.clone(),
        place: Place::Row(at / width),
        column: table.columns.get(at % width).cloned().unwrap_or_default(),
        text: value.to_string(),
    })
}

/// An archive's arrays, by name.
struct Archive<'a> {
    archive: ZipSliceArchive<&'a [u8]>,
    entries: Vec<(String, CompressionMethod, ZipArchiveEntryWayfinder)>,
}

impl<'a> Archive<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let fail = |error: rawzip::Error| format!("it is no whole ZIP archive: {error}");
        let archive = ZipArchive::from_slice(bytes).map_err(fail)?;
        let mut entries = Vec::new();
        for entry in archive.entries() {
            let entry = entry.map_err(fail)?;
            if entries.len() == MAX_ARRAYS {
                return Err(format!("it has more than {MAX_ARRAYS} arrays"));
            }
            let path = entry.file_path();
            let name = String::from_utf8_lossy(path.as_bytes()).into_owned();
            let name = name
                .strip_suffix(".npy")
                .map_or(name.clone(), str::to_owned);
            entries.push((name, entry.compression_method(), entry.wayfinder()));
        }
        Ok(Self { archive, entries })
    }

    fn names(&self) -> Vec<&str> {
        self.entries
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect()
    }

    /// The one array that has one of two names, if there is one.
    fn array(
        &self,
        names: [&str; 2],
        count: impl FnOnce(&[u64]) -> Result<usize, String>,
    ) -> Result<Option<Array>, String> {
        let mut found = self
            .entries
            .iter()
            .filter(|(name, ..)| names.contains(&name.as_str()));
        let Some((name, method, at)) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            let [first, second] = names;
            return Err(format!(
                "it has {first:?} and {second:?}, or one of them twice: only one can be"
            ));
        }
        let named = |what: String| format!("array {name:?}: {what}");
        self.read(*method, *at, count).map(Some).map_err(named)
    }

    fn read(
        &self,
        method: CompressionMethod,
        at: ZipArchiveEntryWayfinder,
        count: impl FnOnce(&[u64]) -> Result<usize, String>,
    ) -> Result<Array, String> {
        let entry = self.archive.get_entry(at);
        let entry = entry.map_err(|error| format!("it cannot be found: {error}"))?;
        let unpacked: Box<dyn Read + '_> = match method {
            CompressionMethod::STORE => Box::new(entry.data()),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(entry.data())),
            _ => return Err("it is packed otherwise than NumPy does".to_owned()),
        };
        // Its end is looked for, where the check sum is compared.
        npy::read(entry.verifying_reader(unpacked), count)
    }
}
