//! How the weights of a relation are opened.
use crate::{
    nn::{
        Architecture, FixedPoint,
        argument::{Argument, PublicInput, Source},
        commitment::weight_layout,
        init::LayerStream,
        relation::TensorId,
    },
    poly::{self, WideField, int, num_vars},
};
use std::sync::Arc;

/// Opens the weights `W_l` of all layers: of a root's seed by the verifier itself, others as matrices of
/// the statement, one a layer.
pub(crate) fn weight_inputs<F: WideField>(
    argument: &mut Argument<F>,
    tensors: &[TensorId],
    architecture: &Architecture,
    root: Option<(u64, &FixedPoint)>,
) {
    for (layer, tensor) in tensors.iter().enumerate() {
        let source = match root {
            Some((seed, fixed)) => Source::Public(root_input(seed, architecture, fixed, layer)),
            None => Source::Matrix(argument.known_matrix(weight_layout(architecture, layer))),
        };
        argument.input(*tensor, source);
    }
}

/// Weights of a root that are held at once.
const CHUNK: usize = 1 << 20;

/// Evaluates the expansion of a root's seed at a point `(output unit, input unit, is bias)`.
fn root_input<F: WideField>(
    seed: u64,
    architecture: &Architecture,
    fixed: &FixedPoint,
    layer: usize,
) -> PublicInput<F> {
    let (architecture, fixed) = (architecture.clone(), fixed.clone());
    Arc::new(move |point| {
        let Some(shape) = architecture.shapes().get(layer) else {
            return F::ZERO;
        };
        let outputs = shape.outputs;
        let (j, rest) = point
            .split_at_checked(num_vars(outputs))
            .unwrap_or((point, &[]));
        let (i, h) = rest
            .split_at_checked(shape.row_vars())
            .unwrap_or((rest, &[]));
        // The bias row of a root is zero. Some rows at a time: no layer is held whole.
        let mut eq = poly::eq_evals(j);
        eq.truncate(outputs);
        let mut stream = LayerStream::new(seed, &architecture, &fixed, layer);
        let chunk = outputs * (CHUNK / outputs).max(1);
        let mut folded = Vec::with_capacity(shape.inputs());
        loop {
            let weights: Vec<i64> = stream.by_ref().take(chunk).collect();
            if weights.is_empty() {
                break;
            }
            folded.extend(int::fold_low(&weights, &eq));
        }
        let not_bias: F = h.iter().map(|h| F::ONE - h).product();
        let eq = poly::eq_evals(i);
        let weights = shape.places().map(|place| eq.get(place).copied());
        let weights: Option<Vec<F>> = weights.collect();
        not_bias * poly::inner_product(&folded, &weights.unwrap_or_default())
    })
}
