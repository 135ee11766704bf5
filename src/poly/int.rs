//! Multilinear extensions of small signed integers: evaluated and folded without ever
//! materialising them as field elements.
use super::{WideAccumulator, WideField, eq_evals, parallel, wide};

/// Evaluates the multilinear extension of `values` (zero tail implied) at `point`.
///
/// `2^n` small multiplications: an inner product with `eq` of the low half of the variables,
/// then a short one with `eq` of the high half.
pub fn evaluate<F: WideField>(values: &[i64], point: &[F]) -> F {
    let split = (point.len() / 2 + 2).min(point.len());
    let folded = fold_low(values, &eq_evals(&point[..split]));
    super::inner_product(&folded, &eq_evals(&point[split..]))
}

/// `out[i] = sum_j weights[j] values[i * weights.len() + j]`: contracts the low variables.
pub fn fold_low<F: WideField>(values: &[i64], weights: &[F]) -> Vec<F> {
    let width = weights.len().max(1);
    parallel::map(values.len().div_ceil(width), width, |i| {
        let end = ((i + 1) * width).min(values.len());
        wide::dot(&values[i * width..end], weights)
    })
}

/// `out[c] = sum_r weights[r] values[r * width + c]`: contracts the high variables.
///
/// One streaming pass, one unreduced accumulator a column. The result has `width` entries.
pub fn fold_high<F: WideField>(values: &[i64], width: usize, weights: &[F]) -> Vec<F> {
    const BLOCK: usize = 256;
    let raw: Vec<[u64; 4]> = weights.iter().map(WideField::raw).collect();
    let mut out = vec![F::ZERO; width];
    parallel::for_each_chunk(&mut out, BLOCK, |start, out| {
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
