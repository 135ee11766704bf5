//! How the matrix of a layer lies in memory as a tensor `W[j, i, h]`.
//!
//! Output units $j$ are fastest, then inputs $i$, both padded to a power of two; $h = 1$ is the bias, at $i = 0$.
use super::{Architecture, Weights, network::Layer};
use crate::poly::parallel;
use std::{ops::Range, sync::Arc};

/// [`weight_values`] of all layers.
pub fn weight_tensors(weights: &Weights) -> Vec<Arc<Vec<i64>>> {
    let layers = weights.layers().len();
    parallel::map(layers, parallel::GRAIN, |layer| {
        Arc::new(weight_values(weights, layer))
    })
}

/// `W[j, i, h]` of a layer counted from 0: weights, padding, bias.
pub fn weight_values(weights: &Weights, layer: usize) -> Vec<i64> {
    let architecture = weights.architecture();
    let (inputs, outputs) = (architecture.inputs(layer), architecture.outputs(layer));
    let width = outputs.next_power_of_two();
    let mut values = vec![0; (inputs.next_power_of_two() + 1) * width];
    let source: &Layer = &weights.layers()[layer];
    for (row, out) in source
        .weight()
        .chunks_exact(outputs)
        .zip(values.chunks_exact_mut(width))
    {
        out[..outputs].copy_from_slice(row);
    }
    let bias = inputs.next_power_of_two() * width;
    values[bias..bias + outputs].copy_from_slice(source.bias());
    values
}

/// Flat indices of `W[j, i, h]` that may be non-zero.
pub fn weight_extent(architecture: &Architecture, layer: usize) -> Vec<Range<usize>> {
    let (inputs, outputs) = (architecture.inputs(layer), architecture.outputs(layer));
    let width = outputs.next_power_of_two();
    let bias = inputs.next_power_of_two() * width;
    vec![0..inputs * width, bias..bias + outputs]
}
