//! Tensors that everybody knows, each by a formula.
//!
//! A statement is read before its proof: what its numbers say must cost a verifier no memory and next
//! to no time, however large they are. So there are no public tables, only tensors whose
//! extension has a closed form, of a few multiplications a variable, or whose few entries a rule lists. The prover
//! has their entries.
//!
//! The coefficients of an optimiser are the exception: as many numbers as a segment has steps say them, and an
//! evaluation takes a multiplication for each entry that is not that of the step before. Segments are short.
use crate::{
    nn::{optimise::Coefficients, tensor::Sparse},
    poly::eq_evals,
};
use ark_ff::PrimeField;
use std::sync::Arc;

/// A tensor that everybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Public {
    /// One where each index is below its bound, else zero: what is real, and what is padding.
    Below(Vec<usize>),
    /// A matrix `[t, s]` with one where `s < t`, else zero.
    Earlier,
    /// Entries at the indices of a list, else zero.
    Sparse(Arc<Sparse>),
    /// The coefficients `[t, s]` of an optimiser, zero outside of its steps.
    Coefficients(Coefficients),
    /// Its coefficients `[s]` behind the last step.
    LastCoefficients(Coefficients),
    /// Any entries, for verifiers that are careless.
    #[cfg(test)]
    Any(Vec<i64>),
}

impl Public {
    /// Whether an evaluation takes more than a few multiplications a variable.
    pub(crate) fn is_costly(&self) -> bool {
        !matches!(self, Self::Below(_) | Self::Earlier)
    }

    /// The entries of a tensor of `2^dims[k]` indices, lowest variables first.
    pub(crate) fn values(&self, dims: &[usize]) -> Vec<i64> {
        let mut values = vec![0; 1 << dims.iter().sum::<usize>()];
        match self {
            Self::Coefficients(matrix) => {
                let rows = 1 << dims.first().copied().unwrap_or(0);
                for (tau, column) in values
                    .chunks_exact_mut(rows)
                    .take(matrix.steps())
                    .enumerate()
                {
                    let column = column.iter_mut().take(matrix.steps()).skip(tau + 1);
                    column
                        .zip(matrix.column(tau))
                        .for_each(|(entry, k)| *entry = k);
                }
                return values;
            }
            Self::LastCoefficients(matrix) => {
                values
                    .iter_mut()
                    .zip(matrix.last())
                    .for_each(|(entry, k)| *entry = k);
                return values;
            }
            Self::Sparse(entries) => {
                for (index, value) in entries.entries() {
                    if let Some(entry) = values.get_mut(flat(index, dims)) {
                        *entry = value;
                    }
                }
                return values;
            }
            Self::Below(_) | Self::Earlier => {}
            #[cfg(test)]
            Self::Any(entries) => return entries.clone(),
        }
        let is_one = |flat: usize| {
            let mut rest = flat;
            let mut indices = dims.iter().map(|dim| {
                let index = rest & ((1 << dim) - 1);
                rest >>= dim;
                index
            });
            match self {
                Self::Below(bounds) => indices.zip(bounds).all(|(index, bound)| index < *bound),
                _ => indices.next() > indices.next(),
            }
        };
        let entries = values.iter_mut().enumerate();
        entries.for_each(|(flat, entry)| *entry = i64::from(is_one(flat)));
        values
    }

    /// The multilinear extension at a point, whose coordinates are those of `dims`, one dimension
    /// after the other.
    pub(crate) fn evaluate<F: PrimeField>(&self, dims: &[usize], point: &[F]) -> F {
        let mut rest = point;
        let mut parts = dims.iter().map(|dim| {
            let (here, after) = rest.split_at_checked(*dim).unwrap_or((rest, &[]));
            rest = after;
            here
        });
        match self {
            Self::Below(bounds) => parts
                .zip(bounds)
                .map(|(r, bound)| below(*bound, r))
                .product(),
            Self::Earlier => {
                let (t, s) = (parts.next().unwrap_or(&[]), parts.next().unwrap_or(&[]));
                earlier(t, s)
            }
            Self::Sparse(entries) => {
                let weights: Vec<Vec<F>> = parts.map(eq_evals).collect();
                let of = |(index, value): (&[u32], i64)| {
                    let weight = |(k, w): (&u32, &Vec<F>)| w.get(*k as usize).copied();
                    let product: Option<F> = index.iter().zip(&weights).map(weight).product();
                    product.unwrap_or_default() * F::from(value)
                };
                entries.entries().map(of).sum()
            }
            Self::Coefficients(matrix) => {
                let (t, s) = (parts.next().unwrap_or(&[]), parts.next().unwrap_or(&[]));
                coefficients(matrix, t, s)
            }
            #[cfg(test)]
            Self::Any(entries) => {
                let pairs = eq_evals(point).into_iter().zip(entries);
                pairs.map(|(weight, k)| weight * F::from(*k)).sum()
            }
            Self::LastCoefficients(matrix) => {
                let weights = eq_evals(parts.next().unwrap_or(&[]));
                let pairs = weights.iter().zip(matrix.last());
                pairs.map(|(weight, k)| *weight * F::from(k)).sum()
            }
        }
    }
}

/// The flat index of an entry.
fn flat(index: &[u32], dims: &[usize]) -> usize {
    let pairs = index.iter().zip(dims).rev();
    pairs.fold(0, |flat, (k, dim)| (flat << dim) + *k as usize)
}

/// The sum of `eq(t, x) eq(s, y)` times the coefficient `[x, y]` over all steps.
fn coefficients<F: PrimeField>(matrix: &Coefficients, t: &[F], s: &[F]) -> F {
    let mut rows = eq_evals(t);
    rows.truncate(matrix.steps());
    // Of each step and those behind it: entries of a column grow, and few of them do.
    let mut sum = F::ZERO;
    for row in rows.iter_mut().rev() {
        sum += *row;
        *row = sum;
    }
    let column = |tau: usize| -> F {
        let pairs = rows.iter().skip(tau + 1).zip(matrix.column(tau));
        let growth = pairs.scan(0, |before, (row, k)| {
            let more = k - std::mem::replace(before, k);
            Some((row, more))
        });
        let growth = growth.filter(|(_, more)| *more != 0);
        growth.map(|(row, more)| *row * F::from(more)).sum()
    };
    let columns = eq_evals(s);
    let columns = columns.iter().take(matrix.steps()).enumerate();
    columns.map(|(tau, weight)| *weight * column(tau)).sum()
}

/// The sum of `eq(r, x)` over all `x < bound`.
fn below<F: PrimeField>(bound: usize, r: &[F]) -> F {
    let vars = u32::try_from(r.len()).unwrap_or(u32::MAX);
    if bound.checked_shr(vars).unwrap_or(0) > 0 {
        return F::ONE;
    }
    // From the lowest variable up: the part of those below the bound's lower bits.
    (0..)
        .zip(r)
        .fold(F::ZERO, |less, (k, r)| match bound >> k & 1 {
            0 => less - *r * less,
            _ => F::ONE - r + *r * less,
        })
}

/// The sum of `eq(t, x) eq(s, y)` over all `y < x`.
fn earlier<F: PrimeField>(t: &[F], s: &[F]) -> F {
    t.iter().zip(s).fold(F::ZERO, |less, (t, s)| {
        let both = *t * s;
        // The highest variable that differs decides.
        (*t - both) + (both + both + F::ONE - t - s) * less
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        nn::optimise::{Plan, UpdateMatrix, tests::optimisers},
        poly,
    };
    use ark_ff::UniformRand;
    use ark_pallas::Fr;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};

    proptest! {
        /// (86) of sparse ones.
        #[test]
        fn formulas_are_the_extensions_of_the_entries(
            dims in prop::collection::vec(0_usize..5, 1..4),
            bounds: [u8; 3],
            steps in 0_usize..6,
            optimiser in optimisers(12_u64..1 << 52),
            short in 0_u64..16,
            seed: u64,
        ) {
            let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed);
            let mut sparse = Sparse::new(dims.len());
            for _ in 0..bounds[0] % 9 {
                let index = dims.iter().map(|dim| rng.gen_range(0..1_usize << dim));
                let index: Vec<usize> = index.collect();
                let new = sparse.entries().all(|(i, _)| i.iter().zip(&index).any(|(a, b)| *a as usize != *b));
                if new {
                    sparse.push(index, rng.gen_range(-9..9));
                }
            }
            let mut agrees = |public: &Public, dims: &[usize]| {
                let n = dims.iter().sum();
                let point: Vec<Fr> = (0..n).map(|_| Fr::rand(rng)).collect();
                let values = public.values(dims);
                let table: Vec<Fr> = values.iter().map(|v| Fr::from(*v)).collect();
                assert_eq!(public.evaluate(dims, &point), poly::evaluate(&table, &point));
                values
            };
            // Beyond the dimension too.
            let below = dims.iter().zip(bounds);
            let below: Vec<usize> = below.map(|(dim, x)| usize::from(x) % ((1 << dim) + 2)).collect();
            let values = agrees(&Public::Below(below.clone()), &dims);
            let real: usize = dims.iter().zip(&below).map(|(dim, b)| (*b).min(1 << dim)).product();
            prop_assert_eq!(values.iter().sum::<i64>(), real as i64);
            let values = agrees(&Public::Earlier, &[steps, steps]);
            let sum: i64 = sparse.entries().map(|(_, v)| v).sum();
            let entries = agrees(&Public::Sparse(Arc::new(sparse)), &dims);
            prop_assert_eq!(entries.iter().sum::<i64>(), sum);
            for (k, value) in values.iter().enumerate() {
                let (t, s) = (k % (1 << steps), k >> steps);
                prop_assert_eq!(*value, i64::from(s < t));
            }
            // Up to half of the steps are padding.
            let real = (1 << steps) - short.min((1 << steps) / 2);
            let plan = Plan { optimiser, steps: 3 * real, segment_steps: real };
            let matrix = plan.matrix(real);
            if let UpdateMatrix::Of(coefficients) = &matrix {
                let values = agrees(&Public::Coefficients(coefficients.clone()), &[steps, steps]);
                for (k, value) in values.iter().enumerate() {
                    let (t, s) = (k % (1 << steps), k >> steps);
                    prop_assert_eq!(*value, matrix.entry(t, s));
                }
                let values = agrees(&Public::LastCoefficients(coefficients.clone()), &[steps]);
                for (s, value) in values.iter().enumerate() {
                    prop_assert_eq!(*value, matrix.last(s));
                }
            }
        }
    }
}
