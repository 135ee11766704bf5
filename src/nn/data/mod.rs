//! Tables of numbers, images and labels; their normalisation; and quantised data sets.
//!
//! A [`Table`] is what a file holds, in whatever [format](Source). [`Normalization`] says, once for a tree,
//! how its columns become values; [`Dataset`] are the integers that come of them.
//!
//! # Formats
//!
//! Recognised by their first bytes, a folder by being one.
//!
//! | format | columns | scaled by |
//! |---|---|---|
//! | CSV: comma-separated UTF-8 under a header | those of the header | mean and deviation |
//! | IDX: unsigned bytes `[n, h, w]`, `[n, h, w, c]` or `[n, features]`, perhaps gzipped; labels in a file of their own, `[n]` | `p0`, `p1`, ... | 1/255 |
//! | a folder of PNG files of 8 bits a sample, in a folder for each class; or PNG files alone, without labels | `p0`, `p1`, ... | 1/255 |
//! | NPZ: arrays `x` or `images` as in IDX, and `y` or `labels`, `[n]`; of type `u1`, `i4`, `i8`, `f4` or `f8` | bytes: `p0`, `p1`, ... | 1/255 |
//! | NPZ of another type, `[n, h, w]` or `[n, h, w, c]` | `p0`, `p1`, ... | 1: as they are |
//! | NPZ of another type, `[n, features]` | `x0`, `x1`, ... | mean and deviation |
//!
//! An image's columns are its rows one after the other, channels last. Pixels are divided by 255 and nothing else,
//! so that nothing of private images goes into the public normalisation. The labels of all formats but
//! CSV are the column `label`.
//!
//! # Labels
//!
//! A column of labels has a class in each row. Classes are numbered from 0; they are either all whole numbers or all
//! names. Numbers are the classes themselves, and there are as many as the largest and one more; names are sorted by
//! their bytes in UTF-8. Where the classes have names, and a file has numbers, these are the classes all the same. The
//! class is committed as it is, neither scaled nor rounded.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod csv;
mod dataset;
mod idx;
mod kind;
mod labels;
mod normalization;
mod npy;
mod npz;
mod pixels;
mod png;
mod source;
mod table;
#[cfg(test)]
mod tests;

pub use dataset::Dataset;
pub use kind::{DataKind, MAX_CLASSES};
pub use labels::Classes;
pub use normalization::{ColumnStatistics, Normalization};
pub use source::Source;
pub use table::Table;

use std::collections::HashSet;

fn first_duplicate(names: &[String]) -> Option<String> {
    let mut seen = HashSet::new();
    names.iter().find(|&name| !seen.insert(name)).cloned()
}
