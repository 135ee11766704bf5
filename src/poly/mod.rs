//! Multilinear extensions: pure algebra, no protocol.
//!
//! **Order of variables, stated once.** A table of `2^n` values is indexed by
//! `x = x_0 + 2 x_1 + ... + 2^(n-1) x_(n-1)`: variable `k` is bit `k` of the index, and a
//! point lists its coordinates in that order. Sumcheck binds variable 0 first, so the list of
//! its challenges *is* the point, and a tensor with fewer variables is evaluated at a prefix of
//! it. Nothing is ever reversed.
//!
//! Tables may be shorter than `2^n`: the missing tail is zero.
pub mod eq;
pub mod int;
pub mod parallel;
pub mod wide;

pub use eq::{SplitEq, eq_eval, eq_evals};
pub use wide::{ProductAccumulator, WideAccumulator, WideField};

use ark_ff::PrimeField;

/// Number of variables of a table that must hold `len` values: `ceil(log2(len))`, 0 for `len <= 1`.
pub fn num_vars(len: usize) -> usize {
    len.next_power_of_two().trailing_zeros() as usize
}

/// Evaluates the multilinear extension of `evals` (zero tail implied) at `point`, by folding.
///
/// This is the plain form: `O(2^n)` field multiplications.
pub fn evaluate<F: PrimeField>(evals: &[F], point: &[F]) -> F {
    let mut table = evals.to_vec();
    for r in point {
        table = (0..table.len().div_ceil(2))
            .map(|i| {
                let low = table[2 * i];
                let high = table.get(2 * i + 1).copied().unwrap_or_default();
                low + *r * (high - low)
            })
            .collect();
    }
    table.first().copied().unwrap_or_default()
}

/// `<a, b>` over the shorter of the two.
pub fn inner_product<F: PrimeField>(a: &[F], b: &[F]) -> F {
    parallel::sum(a.len().min(b.len()), |range| {
        [a[range.clone()]
            .iter()
            .zip(&b[range])
            .map(|(x, y)| *x * y)
            .sum()]
    })[0]
}
