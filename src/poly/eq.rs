//! The equality polynomial $\mathrm{eq}(r, x) = \prod_k \left( r_k x_k + (1 - r_k)(1 - x_k) \right)$, equation 15.
use super::parallel;
use crate::count;
use ark_ff::PrimeField;

/// `eq(r, x)` for all `x` of the cube: `2^n` values, `2^n` multiplications.
pub fn eq_evals<F: PrimeField>(point: &[F]) -> Vec<F> {
    scaled_eq_evals(point, F::ONE)
}

/// `scale * eq(r, x)` for all `x` of the cube.
pub fn scaled_eq_evals<F: PrimeField>(point: &[F], scale: F) -> Vec<F> {
    // Each variable one for each entry so far: 1 + 2 + 4 + ..
    count::field_multiplications((1 << point.len()) - 1);
    let mut table = Vec::with_capacity(1 << point.len());
    table.push(scale);
    for r in point {
        let len = table.len();
        let high = parallel::map(len, 1, |i| table[i] * r);
        parallel::for_each_chunk(&mut table, parallel::GRAIN, |start, chunk| {
            for (low, high) in chunk.iter_mut().zip(&high[start..]) {
                *low -= high;
            }
        });
        table.extend_from_slice(&high);
    }
    table
}

/// `eq(a, b)` at two points of the same number of variables; `a.len() == b.len()`.
pub fn eq_eval<F: PrimeField>(a: &[F], b: &[F]) -> F {
    // Two a variable: the factor, and the product of factors.
    count::field_multiplications(2 * a.len().min(b.len()));
    a.iter()
        .zip(b)
        .map(|(a, b)| {
            let ab = *a * b;
            ab + ab + F::ONE - a - b
        })
        .product()
}

/// `eq(r, x)` restricted to the variables not yet bound, as an outer product of two tables of
/// about square-root size [Gruen 2024/108, sec. 3; Dao-Thaler 2024/1210].
///
/// Before round `k` it serves `eq(r_(k+1..), x_(k+1..))`: the caller puts the factor of variable
/// `k` in by hand. No table is recomputed: all suffixes of both halves are kept.
pub struct SplitEq<F> {
    point: Vec<F>,
    split: usize,
    low: Vec<Vec<F>>,
    high: Vec<Vec<F>>,
}

impl<F: PrimeField> SplitEq<F> {
    /// Prepares `eq(point, .)`.
    pub fn new(point: &[F]) -> Self {
        let split = point.len() / 2;
        Self {
            point: point.to_vec(),
            split,
            low: suffix_tables(&point[..split]),
            high: suffix_tables(&point[split..]),
        }
    }

    /// The coordinate of variable `k`.
    pub fn coordinate(&self, k: usize) -> F {
        self.point[k]
    }

    /// The two tables `(low, high)` of `eq` over variables `first..n`: the value at index `i`
    /// is `low[i % low.len()] * high[i / low.len()]`. Both lengths are powers of two.
    pub fn tables(&self, first: usize) -> (&[F], &[F]) {
        if first <= self.split {
            (&self.low[first], &self.high[0])
        } else {
            (&self.low[self.split], &self.high[first - self.split])
        }
    }
}

/// `tables[k] = eq(point[k..], .)`.
fn suffix_tables<F: PrimeField>(point: &[F]) -> Vec<Vec<F>> {
    // As for the last of the tables alone.
    count::field_multiplications((1 << point.len()) - 1);
    let mut tables = vec![vec![F::ONE]];
    for r in point.iter().rev() {
        let last = &tables[tables.len() - 1];
        let mut next = Vec::with_capacity(2 * last.len());
        for e in last {
            let high = *e * r;
            next.push(*e - high);
            next.push(high);
        }
        tables.push(next);
    }
    tables.reverse();
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use ark_std::test_rng;

    fn bits(i: usize, n: usize) -> Vec<Fr> {
        (0..n).map(|k| Fr::from((i >> k & 1) as u64)).collect()
    }

    #[test]
    fn tables_agree_with_the_definition() {
        let mut rng = test_rng();
        for n in 0..7 {
            let r: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
            let table = eq_evals(&r);
            let split = SplitEq::new(&r);
            for (i, e) in table.iter().enumerate() {
                assert_eq!(*e, eq_eval(&r, &bits(i, n)));
            }
            for first in 0..=n {
                let (low, high) = split.tables(first);
                for (i, e) in eq_evals(&r[first..]).into_iter().enumerate() {
                    assert_eq!(e, low[i % low.len()] * high[i / low.len()]);
                }
            }
            assert_eq!(table.iter().fold(Fr::ZERO, |a, b| a + b), Fr::ONE);
        }
    }
}
