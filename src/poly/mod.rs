//! Multilinear extensions: pure algebra, no protocol.
//!
//! **Order of variables, stated once.** A table of `2^n` values is indexed by
//! `x = x_0 + 2 x_1 + ... + 2^(n-1) x_(n-1)`: variable `k` is bit `k` of the index, and a
//! point lists its coordinates in that order. Sumcheck binds variable 0 first, so the list of
//! its challenges *is* the point, and a tensor with fewer variables is evaluated at a prefix of
//! it. Nothing is ever reversed.
//!
//! Tables may be shorter than `2^n`: the missing tail is zero.
//!
//! Equations 15 and 16 of [`notes`](crate::notes).
pub mod eq;
mod fraction;
pub mod int;
pub mod parallel;
pub mod simd;
pub mod wide;

pub use eq::{SplitEq, eq_eval, eq_evals};
pub use fraction::Fraction;
pub use wide::{ProductAccumulator, WideAccumulator, WideField};

use crate::count;
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
        // One an entry that is left.
        count::field_multiplications(table.len().div_ceil(2));
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
    // One a term.
    count::field_multiplications(a.len().min(b.len()));
    parallel::sum(a.len().min(b.len()), |range| {
        [a[range.clone()]
            .iter()
            .zip(&b[range])
            .map(|(x, y)| *x * y)
            .sum()]
    })[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::UniformRand;
    use ark_poly::{DenseMultilinearExtension, MultilinearExtension, Polynomial};
    use ark_std::test_rng;

    /// Same order of variables, too.
    #[test]
    fn agrees_with_ark_poly() {
        let rng = &mut test_rng();
        let mut random = |n: usize| (0..n).map(|_| Fr::rand(rng)).collect::<Vec<_>>();
        for n in 0..8 {
            let (r, x) = (random(n), random(n));
            for len in [1 << n, 1, (1 << n) - n.min(1), (1 << n) / 3] {
                let evals = random(len);
                let mut padded = evals.clone();
                padded.resize(1 << n, Fr::default());
                let oracle = DenseMultilinearExtension::from_evaluations_vec(n, padded.clone());
                assert_eq!(evaluate(&evals, &r), oracle.evaluate(&r));
                assert_eq!(inner_product(&padded, &eq_evals(&r)), oracle.evaluate(&r));
                let fixed = oracle.fix_variables(&r[..n / 2]);
                assert_eq!(
                    evaluate(&fixed.evaluations, &r[n / 2..]),
                    oracle.evaluate(&r)
                );
            }
            let eq = DenseMultilinearExtension::from_evaluations_vec(n, eq_evals(&r));
            assert_eq!(eq_eval(&r, &x), eq.evaluate(&x));
        }
    }
}
