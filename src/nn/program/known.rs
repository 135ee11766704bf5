//! Tensors that everybody knows, given by a rule: how windows lie on an image, how a row of data is cut into axes.
//!
//! They are sparse: a rule lists the entries that are not zero, in an order of its own. A verifier evaluates them in
//! their number, so that of a whole program is [limited](MAX_ENTRIES).
use crate::nn::tensor::Sparse;
use std::sync::Arc;

/// A rule for the entries of a known tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Axes `[o, k, i]`: one where `i = stride o + k - before`. What window `o` sees at place `k`, of an axis with that
    /// much padding before it.
    Window {
        /// How far apart windows are, at least 1.
        stride: usize,
        /// Places before the axis.
        before: usize,
    },
    /// Axes `[a, ..., i]`: one where `i` is the row-major index of the others.
    Flat,
    /// `v` at row-major index `v`.
    Position,
    /// Some axes, and as many of the same lengths: one where the row-major index of the latter ones is the larger.
    Later,
}

/// Most entries of all known tensors of a program.
pub const MAX_ENTRIES: usize = 1 << 18;

impl Known {
    /// How many entries there are at most, of a tensor with axes of these lengths.
    pub(super) fn count(self, lens: &[usize]) -> usize {
        let product = |lens: &[usize]| {
            lens.iter()
                .fold(1, |size: usize, len| size.saturating_mul(*len))
        };
        match (self, lens) {
            (Self::Window { .. } | Self::Flat, [but_last @ .., _]) => product(but_last),
            _ => product(lens),
        }
    }

    /// The entries, of a tensor with axes of these lengths.
    pub(super) fn entries(self, lens: &[usize]) -> Arc<Sparse> {
        let mut sparse = Sparse::new(lens.len());
        match (self, lens) {
            (Self::Window { stride, before }, [windows, places, len]) => {
                for o in 0..*windows {
                    for k in 0..*places {
                        let seen = (o * stride + k).checked_sub(before);
                        if let Some(i) = seen.filter(|i| i < len) {
                            sparse.push([o, k, i], 1);
                        }
                    }
                }
            }
            (Self::Flat, [parts @ .., len]) => {
                for i in 0..*len {
                    sparse.push(indices(i, parts).chain([i]), 1);
                }
            }
            (Self::Position, lens) => {
                for v in 1..lens.iter().product() {
                    sparse.push(indices(v, lens), v as i64);
                }
            }
            (Self::Later, lens) => {
                let lens = &lens[..lens.len() / 2];
                let len = lens.iter().product();
                for j in 0..len {
                    for i in j + 1..len {
                        sparse.push(indices(j, lens).chain(indices(i, lens)), 1);
                    }
                }
            }
            _ => (),
        }
        Arc::new(sparse)
    }
}

/// The indices of a row-major one.
fn indices(flat: usize, lens: &[usize]) -> impl Iterator<Item = usize> + '_ {
    let mut stride: usize = lens.iter().product();
    lens.iter().map(move |len| {
        stride /= len;
        flat / stride % len
    })
}
