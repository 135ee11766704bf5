//! IDX files, the format of MNIST: two zero bytes, a byte for the type, a byte for the number of axes, the axes
//! as 4 big-endian bytes each, and the values.
use super::{
    pixels::{self, PIXEL_SCALE, Shape},
    table::{Cells, Table},
};
use crate::error::DataError;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// The type of unsigned bytes.
const BYTES: u8 = 8;
/// The most axes that anything is read of.
const MAX_AXES: u8 = 4;

/// Whether a file that begins so is read here.
pub(super) fn begins(head: &[u8]) -> bool {
    is_gzip(head) || head.starts_with(&[0, 0])
}

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

impl Table {
    /// Reads images in IDX, and their labels if there are any; the names are for errors. Both may be gzipped.
    ///
    /// # Errors
    ///
    /// [`DataError::Format`] of another type or shape than is read, of a file that is cut or goes on behind its
    /// values, or of more than 2^28 values; [`DataError::LabelCount`].
    pub fn from_idx(
        (file, images): (&str, impl Read),
        labels: Option<(&str, impl Read)>,
    ) -> Result<Self, DataError> {
        let mut width = 0;
        let pixels = read(file, images, |axes| {
            let shape = Shape::of(axes)?;
            width = shape.width;
            Ok(shape.cells())
        })?;
        let label = labels.map(|(file, labels)| {
            let classes = read(file, labels, pixels::count_of_labels)?;
            pixels::labels(file, classes.iter().map(u8::to_string))
        });
        let cells = (Cells::Bytes(pixels), Some(PIXEL_SCALE));
        pixels::table(file, width, cells, label.transpose()?)
    }
}

/// The values of a file; `count` says of its axes how many there are.
fn read(
    file: &str,
    mut reader: impl Read,
    count: impl FnOnce(&[u64]) -> Result<usize, String>,
) -> Result<Vec<u8>, DataError> {
    let refuse = |what: String| DataError::Format {
        file: file.to_owned(),
        format: "IDX",
        what,
    };
    let head = begin(&mut reader).map_err(|error| refuse(error.to_string()))?;
    let again = io::Cursor::new(&head).chain(reader);
    match is_gzip(&head) {
        true => values(MultiGzDecoder::new(again), count).map_err(refuse),
        false => values(again, count).map_err(refuse),
    }
}

/// The first bytes, or all if there are fewer.
pub(super) fn begin(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.by_ref().take(6).read_to_end(&mut head)?;
    Ok(head)
}

fn values(
    mut reader: impl Read,
    count: impl FnOnce(&[u64]) -> Result<usize, String>,
) -> Result<Vec<u8>, String> {
    let [zero, zero_too, kind, num_axes] = array(&mut reader)?;
    if (zero, zero_too) != (0, 0) {
        return Err(format!(
            "it begins with the bytes {:?}, not with two zeros: it is another kind of file",
            [zero, zero_too, kind, num_axes]
        ));
    }
    if kind != BYTES {
        return Err(format!(
            "its values are of type {kind:#04x}; only unsigned bytes, {BYTES:#04x}, are read"
        ));
    }
    if num_axes > MAX_AXES {
        return Err(format!(
            "it has {num_axes} axes; at most {MAX_AXES} are read"
        ));
    }
    let mut axes = Vec::new();
    for _ in 0..num_axes {
        axes.push(u32::from_be_bytes(array(&mut reader)?).into());
    }
    let count = count(&axes)?;
    let mut values = Vec::new();
    let fail = |error: io::Error| format!("it cannot be read or unpacked: {error}");
    reader
        .by_ref()
        .take(count as u64)
        .read_to_end(&mut values)
        .map_err(fail)?;
    if values.len() < count {
        let found = values.len();
        return Err(format!(
            "it ends behind {found} of {count} values, as its shape {axes:?} says: it was cut"
        ));
    }
    match reader.read(&mut [0]).map_err(fail)? {
        0 => Ok(values),
        _ => Err(format!(
            "more bytes follow than the {count} values of its shape {axes:?}"
        )),
    }
}

fn array<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err("it ends before its values: it was cut".to_owned())
        }
        Err(error) => Err(format!("it cannot be read or unpacked: {error}")),
    }
}
