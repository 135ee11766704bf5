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
    /// One axis: `v` at index `v`.
    Position,
    /// Axes `[j, i]` of one length: one where `i > j`.
    Later,
    /// Axes `[i, j]` of one length: one where `j <= i`.
    Causal,
}

/// Most entries of all known tensors of a program.
pub const MAX_ENTRIES: usize = 1 << 18;

impl Known {
    /// How many entries there are at most, of a tensor with axes of these lengths.
    pub(super) fn count(self, lens: &[usize]) -> usize {
        let (_, but_last) = lens.split_last().unwrap_or((&0, &[]));
        match self {
            Self::Window { .. } | Self::Flat => but_last
                .iter()
                .fold(1, |product, len| product.saturating_mul(*len)),
            Self::Position => lens.iter().copied().fold(0, usize::saturating_add),
            Self::Later | Self::Causal => lens
                .iter()
                .fold(1, |product, len| product.saturating_mul(*len)),
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
                    let mut rest = i;
                    let mut index: Vec<usize> = parts
                        .iter()
                        .rev()
                        .map(|part| {
                            let k = rest % part;
                            rest /= part;
                            k
                        })
                        .collect();
                    index.reverse();
                    sparse.push(index.into_iter().chain([i]), 1);
                }
            }
            (Self::Position, [len]) => (1..*len).for_each(|v| sparse.push([v], v as i64)),
            (Self::Later | Self::Causal, [rows, len]) => {
                for row in 0..*rows {
                    let range = match self {
                        Self::Later => row + 1..*len,
                        _ => 0..(row + 1).min(*len),
                    };
                    range.for_each(|column| sparse.push([row, column], 1));
                }
            }
            _ => (),
        }
        Arc::new(sparse)
    }
}
