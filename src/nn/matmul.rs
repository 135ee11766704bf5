//! Exact integer matrix products.
//!
//! Sums run in `i64`, which vectorises, and cannot wrap: the left factor is narrow (activations
//! and gradients), so where it and the number of terms leave only `k` bits, the right factor
//! (weights of up to 64 bits) is cut into limbs of `k` bits and one exact `i64` product is formed
//! for each. Results are `i128`. The tests compare with plain `i128` sums.

#[cfg(feature = "parallel")]
use rayon::prelude::*;

/// Columns (or rows) of the right factor that one task takes, for the cache.
const TILE: usize = 128;

/// Bits of the largest magnitude.
fn bits(values: &[i64]) -> u32 {
    let or = values.iter().fold(0, |or, x| or | x.unsigned_abs());
    u64::BITS - or.leading_zeros()
}

/// How the right factor is cut: `x = sum_d 2^(width d) limb_d(x)`, the last limb signed.
#[derive(Clone, Copy)]
struct Limbs {
    count: u32,
    width: u32,
}

impl Limbs {
    /// Limbs of `right` so narrow that a sum of `terms` products with entries of `left` stays
    /// below `2^63` in magnitude: `|left| < 2^a`, `|limb| <= 2^width`, `terms <= 2^m` and
    /// `a + width + m <= 63`.
    fn plan(left: &[i64], right: &[i64], terms: usize) -> Self {
        let used = bits(left) + terms.next_power_of_two().trailing_zeros();
        debug_assert!(
            used < 63,
            "validated formats leave {used} bits of at most 62"
        );
        let width = 63_u32.saturating_sub(used).clamp(1, 62);
        Self {
            count: bits(right).div_ceil(width).max(1),
            width,
        }
    }

    /// Limb `d` of every entry.
    fn cut(self, d: u32, row: &[i64], out: &mut [i64]) {
        let shift = (d * self.width).min(63);
        let mask = if d + 1 == self.count {
            -1
        } else {
            (1 << self.width) - 1
        };
        for (out, &x) in out.iter_mut().zip(row) {
            *out = (x >> shift) & mask;
        }
    }

    /// Adds the products with limb `d` to the totals.
    fn add(self, d: u32, partial: &[i64], total: &mut [i128]) {
        for (total, &x) in total.iter_mut().zip(partial) {
            *total += i128::from(x) << (d * self.width);
        }
    }
}

/// `[rows, inner] x [inner, cols] -> [rows, cols]`, all row-major.
pub(super) fn product(left: &[i64], right: &[i64], inner: usize, cols: usize) -> Vec<i128> {
    let rows = left.len() / inner;
    let limbs = Limbs::plan(left, right, inner);
    let left = transpose(left, inner);
    let tile = |start: usize| {
        let width = TILE.min(cols - start);
        let mut total = vec![0_i128; rows * width];
        let mut partial = vec![0_i64; rows * width];
        let mut limb = vec![0_i64; width];
        for d in 0..limbs.count {
            partial.fill(0);
            for (left, right) in left.chunks_exact(rows).zip(right.chunks_exact(cols)) {
                limbs.cut(d, &right[start..start + width], &mut limb);
                for (&a, sums) in left.iter().zip(partial.chunks_exact_mut(width)) {
                    add_scaled(sums, a, &limb);
                }
            }
            limbs.add(d, &partial, &mut total);
        }
        total
    };
    join_tiles(rows, cols, tile)
}

/// `[rows, inner] x [cols, inner]^T -> [rows, cols]`, all row-major.
pub(super) fn product_transposed(left: &[i64], right: &[i64], inner: usize) -> Vec<i128> {
    let (rows, cols) = (left.len() / inner, right.len() / inner);
    let limbs = Limbs::plan(left, right, inner);
    let tile = |start: usize| {
        let width = TILE.min(cols - start);
        let mut total = vec![0_i128; rows * width];
        let mut limb = vec![0_i64; inner];
        let right = &right[start * inner..(start + width) * inner];
        for (j, right) in right.chunks_exact(inner).enumerate() {
            for d in 0..limbs.count {
                limbs.cut(d, right, &mut limb);
                for (i, left) in left.chunks_exact(inner).enumerate() {
                    total[i * width + j] += i128::from(dot(left, &limb)) << (d * limbs.width);
                }
            }
        }
        total
    };
    join_tiles(rows, cols, tile)
}

/// Row `i` of `left^T right`, for `left` `[inner, rows]` and `right` `[inner, cols]`, handed to
/// `row(i, sums)` for every `i`; results in order of `i`. The sums are exact.
pub(super) fn transposed_product_rows<T: Send>(
    left: &[i64],
    right: &[i64],
    rows: usize,
    cols: usize,
    row: impl Fn(usize, &[i128]) -> T + Sync + Send,
) -> Vec<T> {
    // So many terms cannot reach 2^63: |left| < 2^a, |right| < 2^b, terms <= 2^(63 - a - b).
    let spare = 63_u32.saturating_sub(bits(left) + bits(right)).min(31);
    let block = 1_usize << spare;
    let left = transpose(left, rows);
    let inner = right.len() / cols;
    map(rows, |i| {
        let mut total = vec![0_i128; cols];
        let mut partial = vec![0_i64; cols];
        let left = &left[i * inner..(i + 1) * inner];
        for (left, right) in left
            .chunks(block)
            .zip(right.chunks(block.saturating_mul(cols)))
        {
            partial.fill(0);
            for (&a, right) in left.iter().zip(right.chunks_exact(cols)) {
                add_scaled(&mut partial, a, right);
            }
            total
                .iter_mut()
                .zip(&partial)
                .for_each(|(total, &x)| *total += i128::from(x));
        }
        row(i, &total)
    })
}

/// `sums += a * values`; by the caller's bounds it does not wrap.
fn add_scaled(sums: &mut [i64], a: i64, values: &[i64]) {
    if a == 0 {
        return;
    }
    for (sum, &x) in sums.iter_mut().zip(values) {
        *sum = sum.wrapping_add(a.wrapping_mul(x));
    }
}

/// The inner product; by the caller's bounds it does not wrap.
fn dot(a: &[i64], b: &[i64]) -> i64 {
    a.iter()
        .zip(b)
        .fold(0, |sum, (&a, &b)| sum.wrapping_add(a.wrapping_mul(b)))
}

/// The transpose of a row-major matrix with `cols` columns.
fn transpose(matrix: &[i64], cols: usize) -> Vec<i64> {
    let column = |j| matrix.iter().skip(j).step_by(cols).copied();
    (0..cols).flat_map(column).collect()
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

    use super::*;

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
        (1_usize..5, 1_usize..40, 1_usize..5, 1_u32..=41, 1_u32..=64).prop_flat_map(
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
        fn row_sums_match_the_naive_sum(
            left in entries(24, 40 * 3),
            right in entries(38, 40 * 4),
        ) {
            let rows = transposed_product_rows(&left, &right, 3, 4, |_, row| row.to_vec());
            let expected = naive((3, 40, 4), |i, k| left[k * 3 + i], |k, j| right[k * 4 + j]);
            prop_assert_eq!(rows.concat(), expected);
        }
    }

    /// A left factor of no bits leaves all 63 to the limbs: one less is taken.
    #[test]
    fn widest_limbs_are_cut() {
        for right in [i64::MIN, -1, i64::MAX] {
            assert_eq!(product(&[0], &[right], 1, 1), [0]);
            assert_eq!(product_transposed(&[0], &[right], 1), [0]);
            assert_eq!(product(&[1], &[right], 1, 1), [i128::from(right)]);
        }
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
