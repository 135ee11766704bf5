//! Dense tensors with labelled axes: what the prover partially evaluates and contracts.
use super::{Axis, reduce::Binding};
use crate::{
    count,
    nn::tensor::Sparse,
    poly::{self, WideAccumulator, WideField, int, parallel, simd},
    sumcheck::Table,
};
use std::sync::Arc;

/// A tensor over labelled axes of `2^k` indices, lowest variables first; a missing tail is zero.
#[derive(Clone)]
pub(super) struct Dense<F> {
    pub(super) axes: Vec<(Axis, usize)>,
    pub(super) data: Table<F>,
}

impl<F: WideField> Dense<F> {
    /// `eq(point, .)` on one axis.
    pub(super) fn eq(axis: Axis, point: &[F]) -> Self {
        Self {
            axes: vec![(axis, point.len())],
            data: Table::Field(poly::eq_evals(point)),
        }
    }

    /// Integer values with some dimensions substituted by coordinates.
    pub(super) fn fold(values: &Arc<Vec<i64>>, dims: &[usize], bindings: &[Binding<F>]) -> Self {
        let pairs = dims.iter().copied().zip(bindings);
        let axes = pairs.clone().filter_map(|(dim, binding)| match binding {
            Binding::Sum(axis) => Some((*axis, dim)),
            Binding::At(_) => None,
        });
        let axes = axes.collect();
        // A dimension of one index is no dimension: those beside it are neighbours.
        let mut dims: Vec<(usize, &Binding<F>)> = pairs.filter(|(dim, _)| *dim > 0).collect();
        let mut len = values.len();
        // Fixed at index 0 on top: a prefix.
        while let Some((dim, Binding::At(point))) = dims.last()
            && point.iter().all(F::is_zero)
        {
            len = len.min(1 << (dims.iter().map(|d| d.0).sum::<usize>() - dim));
            dims.pop();
        }
        let values_here = &values[..len];
        let is_at = |d: &&(usize, &Binding<F>)| matches!(d.1, Binding::At(_));
        let low = dims.iter().take_while(is_at).count();
        let high = dims.iter().rev().take_while(is_at).count();
        if low == dims.len() {
            let value = int::evaluate(values_here, &points(&dims));
            return Self {
                axes,
                data: Table::Field(vec![value]),
            };
        }
        let (data, rest) = if low > 0 {
            let folded = fold_low(values_here, &points(&dims[..low]));
            (Table::Field(folded), &dims[low..])
        } else if high > 0 {
            let kept = &dims[..dims.len() - high];
            let width = 1 << kept.iter().map(|d| d.0).sum::<usize>();
            let weights = poly::eq_evals(&points(&dims[kept.len()..]));
            (
                Table::Field(int::fold_high(values_here, width, &weights)),
                kept,
            )
        } else if len == values.len() {
            (Table::Int(values.clone()), dims.as_slice())
        } else {
            (Table::Int(Arc::new(values_here.to_vec())), dims.as_slice())
        };
        let data = Self::fold_rest(data, rest).data;
        Self { axes, data }
    }

    /// Listed entries with some dimensions substituted by coordinates.
    pub(super) fn fold_sparse(entries: &Sparse, dims: &[usize], bindings: &[Binding<F>]) -> Self {
        let mut axes = Vec::new();
        let (mut weights, mut strides, mut size) = (Vec::new(), Vec::new(), 1_usize);
        for (dim, binding) in dims.iter().zip(bindings) {
            match binding {
                Binding::Sum(axis) => {
                    axes.push((*axis, *dim));
                    weights.push(None);
                    strides.push(size);
                    size <<= dim;
                }
                Binding::At(point) => {
                    weights.push(Some(poly::eq_evals(point)));
                    strides.push(0);
                }
            }
        }
        let mut data = vec![F::ZERO; size];
        for (index, value) in entries.entries() {
            let (mut at, mut entry) = (0, F::from(value));
            for ((k, weights), stride) in index.iter().zip(&weights).zip(&strides) {
                at += *k as usize * stride;
                if let Some(weights) = weights {
                    entry *= weights[*k as usize];
                }
            }
            data[at] += entry;
        }
        let data = Table::Field(data);
        Self { axes, data }
    }

    /// Substitutes the dimensions still bound, by contraction with `eq`.
    fn fold_rest(data: Table<F>, dims: &[(usize, &Binding<F>)]) -> Self {
        let label = |k: usize, binding: &Binding<F>| match binding {
            Binding::Sum(axis) => *axis,
            Binding::At(_) => Axis(usize::MAX - k),
        };
        let axes: Vec<_> = dims
            .iter()
            .enumerate()
            .map(|(k, (d, b))| (label(k, b), *d))
            .collect();
        let mut operands = vec![Self {
            axes: axes.clone(),
            data,
        }];
        let mut output = Vec::new();
        for ((_, binding), axis) in dims.iter().zip(&axes) {
            match binding {
                Binding::Sum(_) => output.push(*axis),
                Binding::At(point) => operands.push(Self::eq(axis.0, point)),
            }
        }
        if operands.len() == 1 {
            operands.remove(0)
        } else {
            contract(operands, &output)
        }
    }

    /// `self += factor * other`, both over the same axes in the same order.
    pub(super) fn add_scaled(&mut self, factor: F, other: Self) {
        let mut data = std::mem::replace(&mut self.data, Table::Field(Vec::new())).into_field();
        let other = other.data.into_field();
        // One an entry.
        count::field_multiplications(other.len());
        data.resize(data.len().max(other.len()), F::ZERO);
        parallel::for_each_chunk(&mut data, parallel::GRAIN, |start, chunk| {
            let other = other.get(start..).unwrap_or_default();
            let done = simd::add_scaled(chunk, &factor, other);
            for (x, y) in chunk.iter_mut().zip(other).skip(done) {
                *x += factor * y;
            }
        });
        self.data = Table::Field(data);
    }

    /// The same tensor over `axes`: reordered, repeated along axes that it lacks.
    pub(super) fn over(self, axes: &[(Axis, usize)]) -> Self {
        if self.axes == axes {
            self
        } else {
            contract(vec![self], axes)
        }
    }
}

/// Variables that are folded at once: weights of more fill a cache.
const LOW: usize = 12;

/// Substitutes the low variables of integers.
fn fold_low<F: WideField>(values: &[i64], point: &[F]) -> Vec<F> {
    let (low, high) = point.split_at(point.len().min(LOW));
    let folded = int::fold_low(values, &poly::eq_evals(low));
    if high.is_empty() {
        return folded;
    }
    let weights = poly::eq_evals(high);
    let rows: Vec<&[F]> = folded.chunks(weights.len()).collect();
    parallel::map(rows.len(), weights.len(), |row| {
        poly::inner_product(rows[row], &weights)
    })
}

fn points<F: WideField>(dims: &[(usize, &Binding<F>)]) -> Vec<F> {
    dims.iter()
        .flat_map(|(_, binding)| match binding {
            Binding::At(point) => point.clone(),
            Binding::Sum(_) => Vec::new(),
        })
        .collect()
}

/// The einsum of `operands` onto `output`: axes not in the output are summed, axes that no
/// operand has are repeated. Two at a time, smallest intermediate result first.
pub(super) fn contract<F: WideField>(
    mut operands: Vec<Dense<F>>,
    output: &[(Axis, usize)],
) -> Dense<F> {
    while operands.len() > 2 {
        let Some((i, j, axes)) = cheapest_pair(&operands, output) else {
            break;
        };
        let (b, a) = (operands.remove(j), operands.remove(i));
        operands.push(contract_pair(&a, &b, &axes));
    }
    let one = Dense {
        axes: Vec::new(),
        data: Table::Field(vec![F::ONE]),
    };
    let b = if operands.len() > 1 {
        operands.pop().unwrap_or(one)
    } else {
        one
    };
    match operands.pop() {
        Some(a) => contract_pair(&a, &b, output),
        None => contract_pair(&b.clone(), &b, output),
    }
}

/// The pair whose product, summed over axes that nothing else needs, is smallest.
fn cheapest_pair<F>(
    operands: &[Dense<F>],
    output: &[(Axis, usize)],
) -> Option<(usize, usize, Vec<(Axis, usize)>)> {
    let mut best: Option<(usize, (usize, usize, Vec<(Axis, usize)>))> = None;
    for j in 0..operands.len() {
        for i in 0..j {
            let needed = |axis: &(Axis, usize)| {
                output.contains(axis)
                    || operands
                        .iter()
                        .enumerate()
                        .any(|(k, o)| k != i && k != j && o.axes.contains(axis))
            };
            let mut axes: Vec<_> = operands[i]
                .axes
                .iter()
                .chain(&operands[j].axes)
                .copied()
                .filter(needed)
                .collect();
            axes.sort();
            axes.dedup();
            let size = axes.iter().map(|a| a.1).sum();
            if best.as_ref().is_none_or(|(s, _)| size < *s) {
                best = Some((size, (i, j, axes)));
            }
        }
    }
    best.map(|b| b.1)
}

fn contract_pair<F: WideField>(a: &Dense<F>, b: &Dense<F>, output: &[(Axis, usize)]) -> Dense<F> {
    if let Some(data) = fold(a, b, output).or_else(|| fold(b, a, output)) {
        return Dense {
            axes: output.to_vec(),
            data: Table::Field(data),
        };
    }
    let mut summed: Vec<_> = a
        .axes
        .iter()
        .chain(&b.axes)
        .copied()
        .filter(|x| !output.contains(x))
        .collect();
    summed.sort();
    summed.dedup();
    let (a_out, b_out) = (offsets(&a.axes, output), offsets(&b.axes, output));
    let (a_sum, b_sum) = (offsets(&a.axes, &summed), offsets(&b.axes, &summed));
    let pairs: Vec<(usize, usize)> = a_sum.into_iter().zip(b_sum).collect();
    let data = match (&a.data, &b.data) {
        (Table::Int(x), Table::Field(y)) => mixed(x, y, &a_out, &b_out, pairs.iter().copied()),
        (Table::Field(y), Table::Int(x)) => {
            mixed(x, y, &b_out, &a_out, pairs.iter().map(|(i, j)| (*j, *i)))
        }
        (x, y) => {
            let (x, y) = (x.to_field(), y.to_field());
            // One a term, where the outputs of both tensors are stored.
            let rows = a_out.iter().zip(&b_out);
            let stored = rows.filter(|(i, j)| **i < x.len() && **j < y.len());
            count::field_multiplications(count::number_of(stored) * pairs.len());
            parallel::map(a_out.len(), pairs.len(), |r| {
                let (i, j) = (a_out[r], b_out[r]);
                let product = |(di, dj): &(usize, usize)| Some(*x.get(i + di)? * y.get(j + dj)?);
                pairs.iter().filter_map(product).sum()
            })
        }
    };
    Dense {
        axes: output.to_vec(),
        data: Table::Field(data),
    }
}

/// The contraction of integers with weights over all their low axes, or over all their high ones, the
/// others being the output in order: a fold. `None` for any other.
fn fold<F: WideField>(
    x: &Dense<F>,
    weights: &Dense<F>,
    output: &[(Axis, usize)],
) -> Option<Vec<F>> {
    let (Table::Int(values), Table::Field(_)) = (&x.data, &weights.data) else {
        return None;
    };
    let size = |axes: &[(Axis, usize)]| 1usize << axes.iter().map(|(_, n)| n).sum::<usize>();
    let count = weights.axes.len();
    let kept = x.axes.len().checked_sub(count)?;
    // The weights as they are needed, all of them.
    let over = |axes: &[(Axis, usize)]| {
        let len = size(axes);
        let mut data = weights.clone().over(axes).data.into_field();
        data.resize(len, F::ZERO);
        data
    };
    let same =
        |axes: &[(Axis, usize)]| count > 0 && axes.iter().all(|axis| weights.axes.contains(axis));
    let mut folded = match (x.axes.split_at(count), x.axes.split_at(kept)) {
        ((low, high), _) if high == output && same(low) => int::fold_low(values, &over(low)),
        (_, (low, high)) if low == output && same(high) => {
            int::fold_high(values, size(low), &over(high))
        }
        _ => return None,
    };
    folded.resize(size(output), F::ZERO);
    Some(folded)
}

fn mixed<F: WideField>(
    x: &[i64],
    y: &[F],
    x_out: &[usize],
    y_out: &[usize],
    pairs: impl Iterator<Item = (usize, usize)> + Clone + Sync + Send,
) -> Vec<F> {
    let cost = pairs.clone().count().max(1);
    // One a term, where the outputs of both tensors are stored, zero or not.
    let rows = x_out.iter().zip(y_out);
    let stored = rows.filter(|(i, j)| **i < x.len() && **j < y.len());
    count::small_multiply_accumulates(count::number_of(stored) * cost);
    parallel::map(x_out.len(), cost, |r| {
        if x_out[r] >= x.len() {
            return F::ZERO;
        }
        let mut acc = WideAccumulator::default();
        for (i, j) in pairs.clone() {
            if let (Some(v), Some(e)) = (x.get(x_out[r] + i), y.get(y_out[r] + j))
                && *v != 0
            {
                acc.add_product(*v, &e.raw());
            }
        }
        acc.reduce()
    })
}

/// For each index over `axes` (first axis fastest): where it lies in a tensor over `layout`.
fn offsets(layout: &[(Axis, usize)], axes: &[(Axis, usize)]) -> Vec<usize> {
    let mut offsets = vec![0];
    for (axis, num_vars) in axes {
        let below = layout.iter().take_while(|(a, _)| a != axis);
        let stride = match layout.iter().any(|(a, _)| a == axis) {
            true => 1usize << below.map(|(_, n)| n).sum::<usize>(),
            false => 0,
        };
        offsets = (0..1usize << num_vars)
            .flat_map(|i| offsets.iter().map(move |o| o + i * stride))
            .collect();
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::{AdditiveGroup, UniformRand};
    use ark_std::test_rng;
    use proptest::prelude::*;
    use rand::Rng;

    /// The value of a tensor at an index of named axes.
    fn get(t: &Dense<Fr>, index: &dyn Fn(Axis) -> usize) -> Fr {
        let (mut offset, mut shift) = (0, 0);
        for (axis, n) in &t.axes {
            offset += index(*axis) << shift;
            shift += n;
        }
        t.data.to_field().get(offset).copied().unwrap_or_default()
    }

    proptest! {
        /// Contraction of random labelled tensors against the definition of einsum.
        #[test]
        fn contraction_is_einsum(seed: u64) {
            use rand::SeedableRng;
            let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let sizes: Vec<usize> = (0..4).map(|_| rng.gen_range(0..3)).collect();
            let pick = |rng: &mut rand_chacha::ChaCha8Rng| -> Vec<(Axis, usize)> {
                let mut axes: Vec<_> = (0..4).filter(|_| rng.r#gen()).map(|a| (Axis(a), sizes[a])).collect();
                if rng.r#gen() { axes.reverse(); }
                axes
            };
            let operands: Vec<Dense<Fr>> = (0..rng.gen_range(1..4)).map(|_| {
                let axes = pick(rng);
                let size = 1 << axes.iter().map(|a| a.1).sum::<usize>();
                let len = rng.gen_range(0..=size);
                let data = if rng.r#gen() {
                    Table::Int(Arc::new((0..len).map(|_| rng.r#gen()).collect()))
                } else {
                    Table::Field((0..len).map(|_| Fr::rand(rng)).collect())
                };
                Dense { axes, data }
            }).collect();
            let output = pick(rng);
            let got = contract(operands.clone(), &output);
            let shape = |a: usize| 1usize << sizes[a];
            let used = |a: usize| operands.iter().any(|o| o.axes.iter().any(|x| x.0 == Axis(a)));
            let kept = |a: usize| output.iter().any(|x| x.0 == Axis(a));
            let index = |flat: usize, a: usize| (0..a).fold(flat, |f, k| f / shape(k)) % shape(a);
            let total: usize = (0..4).map(shape).product();
            let mut want = std::collections::BTreeMap::<Vec<usize>, Fr>::new();
            for flat in 0..total {
                // Axes that nobody has and nobody asks for do not repeat the sum.
                if (0..4).any(|a| !used(a) && !kept(a) && index(flat, a) > 0) { continue; }
                let key = output.iter().map(|x| index(flat, x.0.0)).collect();
                let product: Fr = operands.iter().map(|o| get(o, &|a| index(flat, a.0))).product();
                *want.entry(key).or_insert(Fr::ZERO) += product;
            }
            for (key, value) in want {
                let at = |a: Axis| key[output.iter().position(|x| x.0 == a).unwrap()];
                prop_assert_eq!(get(&got, &at), value);
            }
        }

        /// More low variables than are folded at once.
        #[test]
        fn folding_low_variables_is_partial_evaluation(low in LOW - 1..LOW + 3, len in 0usize..1 << 15) {
            let rng = &mut test_rng();
            let values: Vec<i64> = (0..len).map(|_| rng.r#gen()).collect();
            let point: Vec<Fr> = (0..15).map(|_| Fr::rand(rng)).collect();
            let folded = fold_low(&values, &point[..low]);
            prop_assert_eq!(folded.len(), len.div_ceil(1 << low));
            prop_assert_eq!(poly::evaluate(&folded, &point[low..]), int::evaluate(&values, &point));
        }

        /// Partial evaluation against full evaluation of what it leaves.
        #[test]
        fn folding_is_partial_evaluation(dims in prop::collection::vec(0usize..3, 1..5), mask: u8, fixed: u8, len in 0usize..300) {
            let rng = &mut test_rng();
            let n: usize = dims.iter().sum();
            let values: Arc<Vec<i64>> = Arc::new((0..len.min(1 << n)).map(|_| rng.r#gen()).collect());
            let points: Vec<Vec<Fr>> = dims.iter().enumerate().map(|(k, d)| (0..*d).map(|_| {
                if fixed >> k & 1 == 1 { Fr::ZERO } else { Fr::rand(rng) }
            }).collect()).collect();
            let bindings: Vec<Binding<Fr>> = points.iter().enumerate().map(|(k, p)| {
                if mask >> k & 1 == 1 { Binding::Sum(Axis(k)) } else { Binding::At(p.clone()) }
            }).collect();
            let folded = Dense::fold(&values, &dims, &bindings);
            let rest: Vec<Fr> = folded.axes.iter().flat_map(|(a, _)| points[a.0].clone()).collect();
            let value = poly::evaluate(&folded.data.to_field(), &rest);
            prop_assert_eq!(value, int::evaluate(&values, &points.concat()));
        }
    }
}
