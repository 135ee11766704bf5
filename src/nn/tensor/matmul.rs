//! Exact integer matrix products through a floating-point GEMM.
//!
//! A product of integers is exact in `f64` while no partial sum, in whatever order, can pass
//! `2^53`. With `|L|` the largest sum of magnitudes along the inner axis of the left factor and `m`
//! the largest magnitude of the right one, `|L| m <= 2^53` is enough. Where it does not hold
//! for the values at hand, factors are cut into limbs: of the right factor so wide that it does,
//! of the left one only if it leaves no room at all. Sums of limb products are `i128`. The tests
//! compare with plain `i128` sums.

use crate::count;
use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul, s};
#[cfg(feature = "parallel")]
use rayon::prelude::*;
use std::ops::Range;

/// Bits of an exact sum.
const EXACT_BITS: u32 = 53;
/// Bits of the left factor's sums, at most: the rest is for the right factor.
const LEFT_BITS: u32 = 40;
/// Columns of the product that one task makes.
const TILE: usize = 128;
/// Terms of one call of the GEMM: with [`TILE`], what fits in the second-level cache.
const TERMS: usize = 512;

/// Values that one task looks through.
const SCAN: usize = 1 << 16;

/// Largest magnitude.
pub(in crate::nn) fn magnitude(values: &[i64]) -> u64 {
    let largest = |values: &[i64]| values.iter().map(|x| x.unsigned_abs()).max();
    let parts = map(values.len().div_ceil(SCAN), |k| {
        largest(&values[k * SCAN..values.len().min((k + 1) * SCAN)])
    });
    parts.into_iter().flatten().max().unwrap_or_default()
}

/// Bits of the largest magnitude.
fn bits(values: &[i64]) -> u32 {
    // An upper bound of the maximum with the same highest bit.
    let or = values.iter().fold(0, |or, x| or | x.unsigned_abs());
    u64::BITS - or.leading_zeros()
}

/// How a factor is cut: `x = sum_d 2^(width d) limb_d(x)` with `|limb| <= 2^width`, the last limb
/// signed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limbs {
    count: u32,
    width: u32,
}

impl Limbs {
    /// Values as they are.
    const WHOLE: Self = Self {
        count: 1,
        width: 63,
    };

    /// Limbs of `width` bits for these values.
    fn new(values: &[i64], width: u32) -> Self {
        let width = width.clamp(1, 63);
        let count = bits(values).div_ceil(width).max(1);
        Self { count, width }
    }

    /// Position of limb `d`.
    fn shift(self, d: u32) -> u32 {
        d * self.width
    }

    /// Limb `d` of every entry.
    fn cut(self, d: u32, values: &[i64], out: &mut [f64]) {
        let shift = self.shift(d).min(63);
        let mask = match d + 1 == self.count {
            true => -1,
            false => (1 << self.width) - 1,
        };
        for (out, &x) in out.iter_mut().zip(values) {
            *out = ((x >> shift) & mask) as f64;
        }
    }
}

/// The left factor: its limbs as floating-point numbers, and how the right factor is cut.
struct Left {
    limbs: Limbs,
    parts: Vec<Vec<f64>>,
    /// No sum of magnitudes along the inner axis of a limb is larger.
    sum: u64,
}

impl Left {
    /// `sum` bounds the sums of magnitudes along the inner axis, which has `terms` entries.
    fn new(values: &[i64], sum: u128, terms: usize) -> Self {
        let terms_bits = terms.next_power_of_two().trailing_zeros();
        let whole = sum <= 1 << LEFT_BITS;
        let limbs = match whole {
            true => Limbs::WHOLE,
            false => Limbs::new(values, LEFT_BITS.saturating_sub(terms_bits)),
        };
        let part = |d| {
            let mut part = vec![0.0; values.len()];
            limbs.cut(d, values, &mut part);
            part
        };
        let sum = match whole {
            true => sum as u64,
            false => (terms as u64) << limbs.width,
        };
        Self {
            parts: (0..limbs.count).map(part).collect(),
            limbs,
            sum,
        }
    }

    /// How the right factor, of which `largest` is the magnitude, is cut so that sums are exact.
    fn right(&self, right: &[i64], largest: u64) -> Limbs {
        let sum = self.sum.max(1);
        match u128::from(sum) * u128::from(largest) <= 1 << EXACT_BITS {
            true => Limbs::WHOLE,
            false => Limbs::new(right, ((1 << EXACT_BITS) / sum).max(2).ilog2()),
        }
    }
}

/// Largest sum of magnitudes of a row.
fn row_sum(matrix: &[i64], cols: usize) -> u128 {
    let sum = |row: &[i64]| row.iter().map(|x| u128::from(x.unsigned_abs())).sum();
    matrix.chunks_exact(cols).map(sum).max().unwrap_or(0)
}

/// Largest sum of magnitudes of a column.
fn column_sum(matrix: &[i64], cols: usize) -> u128 {
    let mut sums = vec![0_u128; cols];
    for row in matrix.chunks_exact(cols) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += u128::from(x.unsigned_abs());
        }
    }
    sums.into_iter().max().unwrap_or(0)
}

/// A matrix of `rows` rows; there are as many values as its shape says.
fn view(values: &[f64], rows: usize, cols: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((rows, cols), values).expect("a matrix of this shape")
}

/// `sum` or `out = left x right`.
fn multiply(left: ArrayView2<'_, f64>, right: ArrayView2<'_, f64>, keep: f64, out: &mut [f64]) {
    let shape = (left.nrows(), right.ncols());
    let mut out = ArrayViewMut2::from_shape(shape, out).expect("a matrix of this shape");
    general_mat_mul(1.0, &left, &right, keep, &mut out);
}

/// `[rows, inner] x [inner, cols] -> [rows, cols]`, all row-major; `largest` is the [`magnitude`] of
/// the right factor.
pub(in crate::nn) fn product(
    left: &[i64],
    (right, largest): (&[i64], u64),
    inner: usize,
    cols: usize,
) -> Vec<i128> {
    let fill = |limbs: Limbs, d, j: Range<usize>, k: Range<usize>, out: &mut [f64]| {
        for (k, out) in k.zip(out.chunks_exact_mut(j.len())) {
            limbs.cut(d, &right[k * cols + j.start..k * cols + j.end], out);
        }
    };
    tiled(left, (right, largest), (inner, cols), false, fill)
}

/// `[rows, inner] x [cols, inner]^T -> [rows, cols]`, all row-major; `largest` as in [`product`].
pub(in crate::nn) fn product_transposed(
    left: &[i64],
    (right, largest): (&[i64], u64),
    inner: usize,
) -> Vec<i128> {
    let cols = right.len() / inner;
    let fill = |limbs: Limbs, d, j: Range<usize>, k: Range<usize>, out: &mut [f64]| {
        for (j, out) in j.zip(out.chunks_exact_mut(k.len())) {
            limbs.cut(d, &right[j * inner + k.start..j * inner + k.end], out);
        }
    };
    tiled(left, (right, largest), (inner, cols), true, fill)
}

/// The product, tile by tile of its columns. `fill(limbs, d, columns, terms, out)` copies limb `d` of
/// a block of the right factor, columns first if `transposed`.
fn tiled(
    left: &[i64],
    (right, largest): (&[i64], u64),
    (inner, cols): (usize, usize),
    transposed: bool,
    fill: impl Fn(Limbs, u32, Range<usize>, Range<usize>, &mut [f64]) + Sync + Send,
) -> Vec<i128> {
    let rows = left.len() / inner;
    let left = Left::new(left, row_sum(left, inner), inner);
    let limbs = left.right(right, largest);
    // One a term, for each pair of limbs.
    let limb_pairs = left.parts.len() * limbs.count as usize;
    count::integer_multiply_accumulates(rows * inner * cols * limb_pairs);
    let tile = |start: usize| {
        let width = TILE.min(cols - start);
        let mut total = vec![0_i128; rows * width];
        let mut sums = vec![0.0; rows * width];
        let mut block = vec![0.0; width * TERMS.min(inner)];
        for d in 0..limbs.count {
            for (e, part) in left.parts.iter().enumerate() {
                let part = view(part, rows, inner);
                for first in (0..inner).step_by(TERMS) {
                    let terms = TERMS.min(inner - first);
                    let block = &mut block[..width * terms];
                    fill(limbs, d, start..start + width, first..first + terms, block);
                    let block = match transposed {
                        true => view(block, width, terms).reversed_axes(),
                        false => view(block, terms, width),
                    };
                    let keep = if first == 0 { 0.0 } else { 1.0 };
                    let part = part.slice(s![.., first..first + terms]);
                    multiply(part, block, keep, &mut sums);
                }
                let shift = limbs.shift(d) + left.limbs.shift(e as u32);
                add(&sums, shift, &mut total);
            }
        }
        total
    };
    join_tiles(rows, cols, tile)
}

/// `total += 2^shift sums`.
fn add(sums: &[f64], shift: u32, total: &mut [i128]) {
    for (total, &sum) in total.iter_mut().zip(sums) {
        *total += i128::from(sum as i64) << shift;
    }
}

/// A row of exact sums.
pub(in crate::nn) enum Sums<'a> {
    /// Sums of at most 53 bits.
    Narrow(&'a [f64]),
    /// Sums of any size.
    Wide(&'a [i128]),
}

/// Row `i` of `left^T right`, for `left` `[inner, rows]` and `right` `[inner, cols]`, handed to
/// `row(sums, out_i)` for every `i` with the `i`-th row of `out`, `[rows, cols]`. The sums are exact.
///
/// # Errors
/// An error of `row`; other rows may be done or not.
pub(in crate::nn) fn transposed_product_rows<E: Send>(
    left: &[i64],
    right: &[i64],
    out: &mut [i64],
    cols: usize,
    row: impl Fn(Sums<'_>, &mut [i64]) -> Result<(), E> + Sync + Send,
) -> Result<(), E> {
    let (inner, rows) = (right.len() / cols, out.len() / cols);
    let left = Left::new(left, column_sum(left, rows), inner);
    let limbs = left.right(right, magnitude(right));
    let part = |d| {
        let mut part = vec![0.0; right.len()];
        limbs.cut(d, right, &mut part);
        part
    };
    let right: Vec<Vec<f64>> = (0..limbs.count).map(part).collect();
    // One a term, for each pair of limbs.
    let limb_pairs = left.parts.len() * right.len();
    count::integer_multiply_accumulates(rows * inner * cols * limb_pairs);
    let tile = (TILE * TERMS / cols).clamp(1, TILE);
    let panel = |(index, out): (usize, &mut [i64])| {
        let (first, count) = (index * tile, out.len() / cols);
        let mut sums = vec![0.0; out.len()];
        let multiply = |left: &[f64], right: &[f64], sums: &mut [f64]| {
            let left = view(left, inner, rows);
            let left = left.slice(s![.., first..first + count]).reversed_axes();
            multiply(left, view(right, inner, cols), 0.0, sums);
        };
        if let ([left], [right]) = (left.parts.as_slice(), right.as_slice()) {
            multiply(left, right, &mut sums);
            let mut rows = sums.chunks_exact(cols).zip(out.chunks_exact_mut(cols));
            return rows.try_for_each(|(sums, out)| row(Sums::Narrow(sums), out));
        }
        let mut total = vec![0_i128; out.len()];
        for (d, right) in right.iter().enumerate() {
            for (e, part) in left.parts.iter().enumerate() {
                multiply(part, right, &mut sums);
                let shift = limbs.shift(d as u32) + left.limbs.shift(e as u32);
                add(&sums, shift, &mut total);
            }
        }
        let mut rows = total.chunks_exact(cols).zip(out.chunks_exact_mut(cols));
        rows.try_for_each(|(sums, out)| row(Sums::Wide(sums), out))
    };
    #[cfg(feature = "parallel")]
    return out
        .par_chunks_mut(tile * cols)
        .enumerate()
        .try_for_each(panel);
    #[cfg(not(feature = "parallel"))]
    return out.chunks_mut(tile * cols).enumerate().try_for_each(panel);
}

/// A `[rows, cols]` matrix from its tiles of [`TILE`] columns, each made by `tile(first column)`.
fn join_tiles(
    rows: usize,
    cols: usize,
    tile: impl Fn(usize) -> Vec<i128> + Sync + Send,
) -> Vec<i128> {
    let tiles = map(cols.div_ceil(TILE), |t| tile(t * TILE));
    let mut matrix = Vec::with_capacity(rows * cols);
    for i in 0..rows {
        for tile in &tiles {
            let width = tile.len() / rows;
            matrix.extend_from_slice(&tile[i * width..(i + 1) * width]);
        }
    }
    matrix
}

/// `f(0), ..., f(n - 1)`, on several threads where the feature allows.
fn map<T: Send>(n: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(feature = "parallel")]
    return (0..n).into_par_iter().map(f).collect();
    #[cfg(not(feature = "parallel"))]
    return (0..n).map(f).collect();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::{collections::BTreeMap, sync::Mutex};

    use super::*;

    fn product(left: &[i64], right: &[i64], inner: usize, cols: usize) -> Vec<i128> {
        super::product(left, (right, magnitude(right)), inner, cols)
    }

    fn product_transposed(left: &[i64], right: &[i64], inner: usize) -> Vec<i128> {
        super::product_transposed(left, (right, magnitude(right)), inner)
    }

    /// Equation by equation, in `i128`.
    fn naive(
        (rows, inner, cols): (usize, usize, usize),
        left: impl Fn(usize, usize) -> i64,
        right: impl Fn(usize, usize) -> i64,
    ) -> Vec<i128> {
        let sum = |i, j| {
            (0..inner)
                .map(|k| i128::from(left(i, k)) * i128::from(right(k, j)))
                .sum::<i128>()
        };
        (0..rows)
            .flat_map(|i| (0..cols).map(move |j| (i, j)))
            .map(|(i, j)| sum(i, j))
            .collect()
    }

    /// Values of up to `bits` bits, weighted to the ends of the range.
    fn entries(bits: u32, n: usize) -> impl Strategy<Value = Vec<i64>> {
        let end = 1_i128 << (bits - 1);
        let (min, max) = (-end as i64, (end - 1) as i64);
        let entry = prop_oneof![Just(min), Just(max), Just(0), Just(1), Just(-1), min..=max];
        prop::collection::vec(entry, n)
    }

    fn matrices() -> impl Strategy<Value = (usize, usize, usize, Vec<i64>, Vec<i64>)> {
        (1_usize..5, 1_usize..40, 1_usize..5, 1_u32..=62, 1_u32..=62).prop_flat_map(
            |(rows, inner, cols, left, right)| {
                let (left, right) = (entries(left, rows * inner), entries(right, inner * cols));
                (Just(rows), Just(inner), Just(cols), left, right)
            },
        )
    }

    proptest! {
        #[test]
        fn products_match_the_naive_sum((rows, inner, cols, left, right) in matrices()) {
            let shape = (rows, inner, cols);
            let left_at = |i, k| left[i * inner + k];
            let expected = naive(shape, left_at, |k, j| right[k * cols + j]);
            prop_assert_eq!(product(&left, &right, inner, cols), expected);
            let expected = naive(shape, left_at, |k, j| right[j * inner + k]);
            prop_assert_eq!(product_transposed(&left, &right, inner), expected);
        }

        #[test]
        fn row_sums_match_the_naive_sum((rows, inner, cols, left, right) in matrices()) {
            let (left_at, right_at) = (|i, k| left[k * rows + i], |k, j| right[k * cols + j]);
            let expected = naive((rows, inner, cols), left_at, right_at);
            let mut bottom = vec![0; rows * cols];
            let seen = Mutex::new(BTreeMap::new());
            transposed_product_rows(&left, &right, &mut bottom, cols, |sums, out| {
                let sums: Vec<i128> = match sums {
                    Sums::Narrow(sums) => sums.iter().map(|x| *x as i128).collect(),
                    Sums::Wide(sums) => sums.to_vec(),
                };
                out.iter_mut().zip(&sums).for_each(|(out, x)| *out = *x as i64);
                let mut seen = seen.lock().unwrap();
                let index = seen.len();
                seen.insert(index, sums);
                Ok::<_, ()>(())
            }).unwrap();
            let low: Vec<i64> = expected.iter().map(|x| *x as i64).collect();
            prop_assert_eq!(bottom, low);
            let mut rows: Vec<_> = seen.into_inner().unwrap().into_values().collect();
            let mut expected: Vec<_> = expected.chunks(cols).map(<[_]>::to_vec).collect();
            rows.sort();
            expected.sort();
            prop_assert_eq!(rows, expected);
        }
    }

    /// Sums of exactly `2^53`, the largest that are made in one piece, and just beyond.
    #[test]
    fn sums_at_the_limit_are_exact() {
        for (left, right) in [
            (1 << 20, 1 << 32),
            (1 << 20, (1 << 32) + 1),
            ((1 << 20) + 1, 1 << 32),
            (1 << 40, 1 << 12),
            ((1 << 40) + 1, i64::MAX),
            (i64::MAX, i64::MIN),
            (i64::MIN, 1 << 61),
            (0, i64::MIN),
            (1, i64::MIN),
            (-1, i64::MAX),
        ] {
            let (l, r) = ([left, left], [right, right]);
            let expected = 2 * i128::from(left) * i128::from(right);
            assert_eq!(product(&l, &r, 2, 1), [expected], "{left} {right}");
            assert_eq!(product_transposed(&l, &r, 2), [expected]);
            let odd = i128::from(left) * i128::from(right) + i128::from(right);
            assert_eq!(product(&[left, 1], &r, 2, 1), [odd], "{left} {right}");
        }
    }

    /// The values decide how many products are made.
    #[test]
    fn limbs_are_few() {
        let limbs = |left: i64, right: i64| {
            let left = Left::new(&[left], left.unsigned_abs().into(), 1);
            (
                left.limbs.count,
                left.right(&[right], right.unsigned_abs()).count,
            )
        };
        assert_eq!(limbs(1 << 17, 1 << 36), (1, 1));
        assert_eq!(limbs(1 << 17, (1 << 36) + 1), (1, 2));
        assert_eq!(limbs(1 << 20, i64::MIN), (1, 2));
        assert_eq!(limbs((1 << 40) + 1, i64::MIN), (2, 5));
    }

    #[test]
    fn tiles_are_joined_in_order() {
        let cols = 2 * TILE + 3;
        let right: Vec<i64> = (0..2 * cols as i64).collect();
        let expected = naive(
            (2, 2, cols),
            |i, k| [1, 2, 3, 4][2 * i + k],
            |k, j| right[k * cols + j],
        );
        assert_eq!(product(&[1, 2, 3, 4], &right, 2, cols), expected);
        let expected = naive(
            (2, 2, cols),
            |i, k| [1, 2, 3, 4][2 * i + k],
            |k, j| right[2 * j + k],
        );
        assert_eq!(product_transposed(&[1, 2, 3, 4], &right, 2), expected);
    }
}
