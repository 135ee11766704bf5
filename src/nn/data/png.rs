//! Folders of PNG files: one for each class, called as the class is, or files alone without labels.
use super::{
    labels::LabelColumn,
    pixels::{self, PIXEL_SCALE, Shape},
    table::{Cells, LABEL, Table},
};
use crate::{error::DataError, files, nn::network::MAX_WIDTH};
use ::png::{BitDepth, Decoder, Limits, Transformations};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Longest file of an image, and most memory that unpacking one may take.
const MAX_FILE: usize = 1 << 26;

/// Height, width and samples a pixel.
type Size = [u64; 3];

/// Reads all images, folders and files in the order of their names' bytes.
pub(super) fn table(dir: &Path) -> Result<Table, DataError> {
    let mut images = Images {
        dir: dir.display().to_string(),
        size: None,
        pixels: Vec::new(),
    };
    let (folders, flat) = entries(dir)?;
    let label = match (folders.as_slice(), flat.as_slice()) {
        ([], files) => {
            for file in files {
                images.push(file)?;
            }
            None
        }
        ([first, ..], [file, ..]) => {
            let what = format!(
                "it is beside the folder {}: take files alone, or a folder for each class",
                first.0
            );
            return Err(refuse(file, what));
        }
        (folders, []) => Some(images.push_classes(folders)?),
    };
    let Some(size) = images.size else {
        return Err(refuse(dir, "there is no PNG file in it".to_owned()));
    };
    let width = size.iter().product::<u64>() as usize;
    let cells = (Cells::Bytes(images.pixels), Some(PIXEL_SCALE));
    pixels::table(&images.dir, width, cells, label)
}

/// Images so far.
struct Images {
    dir: String,
    /// That of all.
    size: Option<Size>,
    pixels: Vec<u8>,
}

impl Images {
    /// Adds the images of folders, whose names are their labels.
    fn push_classes(&mut self, folders: &[(String, PathBuf)]) -> Result<LabelColumn, DataError> {
        let mut label = LabelColumn::new(LABEL);
        for (class, folder) in folders {
            // One without images is a class too.
            label.intern(&self.dir, class)?;
            let (inner, files) = entries(folder)?;
            if let Some((_, inner)) = inner.first() {
                let what = "it is a folder in the folder of a class".to_owned();
                return Err(refuse(inner, what));
            }
            for file in files {
                self.push(&file)?;
                label.push(&self.dir, class)?;
            }
        }
        Ok(label)
    }

    fn push(&mut self, file: &Path) -> Result<(), DataError> {
        let refuse = |what: String| refuse(file, what);
        let is_png = |name: &std::ffi::OsStr| name.eq_ignore_ascii_case("png");
        if !file.extension().is_some_and(is_png) {
            return Err(refuse(
                "its name does not end in .png; remove it".to_owned(),
            ));
        }
        let bytes = files::read(file, MAX_FILE as u64).map_err(|source| DataError::Open {
            file: file.display().to_string(),
            source,
        })?;
        let (size, pixels) = decode(&bytes).map_err(refuse)?;
        let known = *self.size.get_or_insert(size);
        if size != known {
            return Err(refuse(format!(
                "its size is {size:?} (height, width, samples a pixel), that of images before it {known:?}: \
                 make them all alike"
            )));
        }
        let [height, width, samples] = size;
        let rows = (self.pixels.len() / pixels.len().max(1)) as u64 + 1;
        Shape::of(&[rows, height, width, samples]).map_err(refuse)?;
        self.pixels.extend(pixels);
        Ok(())
    }
}

/// The pixels of an image of 8 bits a sample; colours of a palette and samples of fewer bits are expanded.
fn decode(bytes: &[u8]) -> Result<(Size, Vec<u8>), String> {
    let fail = |error: ::png::DecodingError| error.to_string();
    let mut decoder = Decoder::new_with_limits(io::Cursor::new(bytes), Limits { bytes: MAX_FILE });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(fail)?;
    let (width, height) = (u64::from(header.width), u64::from(header.height));
    if header.bit_depth == BitDepth::Sixteen {
        return Err("it has 16 bits a sample; save it with 8".to_owned());
    }
    if height
        .checked_mul(width)
        .is_none_or(|all| all > MAX_WIDTH as u64)
    {
        return Err(format!(
            "it has {width} x {height} pixels; at most {MAX_WIDTH} values are read: make it smaller"
        ));
    }
    let mut reader = decoder.read_info().map_err(fail)?;
    let samples = reader.output_color_type().0.samples();
    let len = reader.output_buffer_size();
    let len = len.filter(|len| *len as u64 == width * height * samples as u64);
    let mut pixels = vec![0; len.ok_or("its samples are not of 8 bits")?];
    reader.next_frame(&mut pixels).map_err(fail)?;
    // What is behind the pixels may be cut or altered too.
    reader.finish().map_err(fail)?;
    Ok(([height, width, samples as u64], pixels))
}

type Entries = (Vec<(String, PathBuf)>, Vec<PathBuf>);

/// Folders, with their names, and files of a folder, in the order of their names' bytes; not those whose
/// names begin with a dot.
fn entries(dir: &Path) -> Result<Entries, DataError> {
    let fail = |source| DataError::Open {
        file: dir.display().to_string(),
        source,
    };
    let (mut folders, mut all) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match path.is_dir() {
            false => all.push(path),
            true => match name.to_str() {
                Some(name) => folders.push((name.trim().to_owned(), path)),
                None => return Err(refuse(&path, "its name is no UTF-8".to_owned())),
            },
        }
    }
    folders.sort_unstable();
    all.sort_unstable_by(|a, b| {
        a.as_os_str()
            .as_encoded_bytes()
            .cmp(b.as_os_str().as_encoded_bytes())
    });
    Ok((folders, all))
}

fn refuse(file: &Path, what: String) -> DataError {
    DataError::Format {
        file: file.display().to_string(),
        format: "PNG",
        what,
    }
}
