//! Multilinear extensions of small signed integers: evaluated and folded without ever
//! materialising them as field elements.
use super::{WideAccumulator, WideField, eq_evals, parallel, simd, wide};
use crate::count;

/// Evaluates the multilinear extension of `values` (zero tail implied) at `point`.
///
/// `2^n` small multiplications: an inner product with `eq` of the low half of the variables,
/// then a short one with `eq` of the high half.
pub fn evaluate<F: WideField>(values: &[i64], point: &[F]) -> F {
    let split = (point.len() / 2 + 2).min(point.len());
    let folded = fold_low(values, &eq_evals(&point[..split]));
    super::inner_product(&folded, &eq_evals(&point[split..]))
}

/// Values of a chunk of rows: enough to pay for what is made of the weights, and few enough to be read twice
/// from a core's own cache.
const CHUNK: usize = 1 << 15;

/// `out[i] = sum_j weights[j] values[i * weights.len() + j]`: contracts the low variables.
pub fn fold_low<F: WideField>(values: &[i64], weights: &[F]) -> Vec<F> {
    // One a value.
    count::small_multiply_accumulates(values.len());
    let width = weights.len().max(1);
    let mut out = simd::zeros(values.len().div_ceil(width));
    let rows = (CHUNK / width).max(2);
    parallel::for_each_chunk(&mut out, rows, |start, out| {
        let rows = &values[start * width..values.len().min((start + out.len()) * width)];
        let done = match simd::foldable(rows) {
            true => simd::fold_low(rows, weights, out),
            false => 0,
        };
        for (out, row) in out.iter_mut().zip(rows.chunks(width)).skip(done) {
            *out = wide::dot(row, weights);
        }
    });
    out
}

/// `out[c] = sum_r weights[r] values[r * width + c]`: contracts the high variables.
///
/// One streaming pass, one unreduced accumulator a column. The result has `width` entries.
pub fn fold_high<F: WideField>(values: &[i64], width: usize, weights: &[F]) -> Vec<F> {
    const BLOCK: usize = 256;
    // One a value that has a weight, zero or not.
    count::small_multiply_accumulates(values.len().min(width * weights.len()));
    let raw: Vec<[u64; 4]> = weights.iter().map(WideField::raw).collect();
    let mut out = simd::zeros(width);
    let full = &weights[..weights.len().min(values.len() / width.max(1))];
    let whole = values.len() == full.len() * width && simd::foldable(values);
    parallel::for_each_chunk(&mut out, BLOCK, |start, out| {
        let done = match whole {
            true => simd::fold_high(values, width, start, full, out),
            false => 0,
        };
        let (start, out) = (start + done, &mut out[done..]);
        if out.is_empty() {
            return;
        }
        let mut acc = [WideAccumulator::default(); BLOCK];
        for (row, weight) in values.chunks(width).zip(&raw) {
            let end = (start + out.len()).min(row.len());
            for (acc, v) in acc.iter_mut().zip(row.get(start..end).unwrap_or_default()) {
                if *v != 0 {
                    acc.add_product(*v, weight);
                }
            }
        }
        for (out, acc) in out.iter_mut().zip(&acc) {
            *out = acc.reduce();
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::UniformRand;
    use ark_std::test_rng;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn folds_agree_with_evaluation(
            values in prop::collection::vec(any::<i64>(), 0..64),
            low in 0usize..=6,
        ) {
            let rng = &mut test_rng();
            let point: Vec<Fr> = (0..6).map(|_| Fr::rand(rng)).collect();
            let field: Vec<Fr> = values.iter().map(|v| Fr::from(*v)).collect();
            let expected = crate::poly::evaluate(&field, &point);
            prop_assert_eq!(evaluate(&values, &point), expected);
            let folded = fold_low(&values, &eq_evals(&point[..low]));
            prop_assert_eq!(crate::poly::evaluate(&folded, &point[low..]), expected);
            let folded = fold_high(&values, 1 << low, &eq_evals(&point[low..]));
            prop_assert_eq!(crate::poly::evaluate(&folded, &point[..low]), expected);
        }
    }
}
