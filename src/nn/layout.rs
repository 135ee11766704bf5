//! How the matrix of a layer lies in memory as a tensor `W[j, i, h]`.
//!
//! Output units $j$ are fastest, then inputs $i$, each padded to a power of two; $h = 1$ is the bias, at $i = 0$. Inputs
//! that are several axes, as of a convolution, are several dimensions, the fastest one lowest.
use super::{Weights, model::ParameterShape};
use crate::poly::{num_vars, parallel};
use std::{ops::Range, sync::Arc};

impl ParameterShape {
    /// Numbers of variables of the inputs, lowest dimension first.
    pub(super) fn row_dims(&self) -> Vec<usize> {
        self.rows.iter().rev().map(|len| num_vars(*len)).collect()
    }

    /// `log2` of the number of padded inputs.
    pub(super) fn row_vars(&self) -> usize {
        self.row_dims().iter().sum()
    }

    /// Where each input stands among the padded ones, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.inputs()).map(|input| {
            let (mut rest, mut place, mut shift) = (input, 0, 0);
            for len in self.rows.iter().rev() {
                place |= (rest % len) << shift;
                shift += num_vars(*len);
                rest /= len;
            }
            place
        })
    }

    /// Flat indices of `W[j, i, h]` that may be non-zero.
    pub(super) fn extent(&self) -> Vec<Range<usize>> {
        let width = self.outputs.next_power_of_two();
        // Inputs that follow one another are one range.
        let run = match self.rows.as_slice() {
            [_] => self.inputs(),
            rows => rows.last().copied().unwrap_or(1),
        };
        let starts = self.places().step_by(run.max(1));
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for start in starts {
            let (start, end) = (start * width, (start + run) * width);
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => ranges.push(start..end),
            }
        }
        let bias = width << self.row_vars();
        ranges.push(bias..bias + self.outputs);
        ranges
    }
}

/// [`weight_values`] of all layers.
pub fn weight_tensors(weights: &Weights) -> Vec<Arc<Vec<i64>>> {
    let layers = weights.layers().len();
    parallel::map(layers, parallel::GRAIN, |layer| {
        Arc::new(weight_values(weights, layer))
    })
}

/// `W[j, i, h]` of a layer counted from 0: weights, padding, bias.
pub fn weight_values(weights: &Weights, layer: usize) -> Vec<i64> {
    let (Some(shape), Some(source)) = (
        weights.architecture().shapes().get(layer),
        weights.layers().get(layer),
    ) else {
        return Vec::new();
    };
    let (outputs, width) = (shape.outputs, shape.outputs.next_power_of_two());
    let bias = width << shape.row_vars();
    let mut values = vec![0; bias + width];
    for (row, place) in source.weight().chunks_exact(outputs).zip(shape.places()) {
        values[place * width..place * width + outputs].copy_from_slice(row);
    }
    values[bias..bias + outputs].copy_from_slice(source.bias());
    values
}
