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
//! The multilinear extension of a table $X$, equation 15 of [`notes`](crate::notes), is
//! $$ \tilde X(r) = \sum_{x \in \lbrace 0,1 \rbrace^n} X(x) \cdot \mathrm{eq}(r, x), \qquad
//! \mathrm{eq}(r, x) = \prod_k \left( r_k x_k + (1 - r_k)(1 - x_k) \right). $$
//! Two tables that differ have extensions that agree at a random point with probability at most
//! $n / |F|$ [Schwartz; Zippel]: on that all protocols here rest.
//!
//! # To learn it
//!
//! `tests/teaching/mle.rs` in the repository counts at how many points of a grid two tables agree.
//!
//! ```
//! use ark_pallas::Fr;
//! use zktree::poly;
//!
//! let table = [3, 1, 4, 1].map(Fr::from);
//! // Variable 0 is the lowest bit of the index: entry 2 is the vertex (0, 1).
//! assert_eq!(poly::evaluate(&table, &[0, 1].map(Fr::from)), Fr::from(4));
//! // Anywhere else: 3 (1-r)(1-s) + r (1-s) + 4 (1-r) s + r s, here at r = 5, s = 7.
//! let point = [5, 7].map(Fr::from);
//! assert_eq!(poly::evaluate(&table, &point), Fr::from(3 * 24 - 5 * 6 - 4 * 28 + 35));
//! assert_eq!(poly::inner_product(&table, &poly::eq_evals(&point)), Fr::from(-35));
//! ```
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
