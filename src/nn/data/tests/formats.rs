//! Files in the formats of images, written by other code than reads them; for all tests.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    unreachable_pub
)]
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder},
};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use std::{fs, io::Write, path::Path};

/// An IDX file of bytes.
pub fn idx(axes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, axes.len() as u8];
    file.extend(axes.iter().flat_map(|axis| axis.to_be_bytes()));
    file.extend(values);
    file
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An NPY file with this header.
pub fn npy_with(header: &str, values: &[u8]) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}

/// An NPY file as NumPy writes it.
pub fn npy(kind: &str, shape: &[u64], values: &[u8]) -> Vec<u8> {
    let shape: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    npy_with(&header, values)
}

/// A ZIP archive of these files.
pub fn zip(files: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files {
        let method = match packed {
            true => CompressionMethod::DEFLATE,
            false => CompressionMethod::STORE,
        };
        let file = archive.new_file(name).compression_method(method);
        let (mut entry, config) = file.start().unwrap();
        let descriptor = if packed {
            let encoder = DeflateEncoder::new(&mut entry, Compression::default());
            let mut writer = config.wrap(encoder);
            writer.write_all(bytes).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

/// A PNG file of 8 bits a sample; 1 to 4 samples a pixel.
pub fn png([height, width, samples]: [usize; 3], pixels: &[u8]) -> Vec<u8> {
    use ::png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
    let color = [Grayscale, GrayscaleAlpha, Rgb, Rgba][samples - 1];
    png_of([height, width], (color, ::png::BitDepth::Eight), pixels)
}

/// A PNG file of any kind.
pub fn png_of(
    [height, width]: [usize; 2],
    (color, depth): (::png::ColorType, ::png::BitDepth),
    data: &[u8],
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ::png::ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3, 250, 251, 252]);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    file
}

/// Writes a file below a directory, and the folders above it.
pub fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
