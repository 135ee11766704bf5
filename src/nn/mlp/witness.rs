//! The values of a relation's tensors, from the plain computation.
use super::{
    Extent,
    training::{LayerTensors, Training},
};
use crate::{
    error::ProveError,
    nn::{
        Architecture, FixedPoint, Step, Weights,
        relation::{TensorId, Values, count_multiplicities},
    },
    poly::{WideField, parallel},
};
use std::{ops::Range, sync::Arc};
use tracing::info_span;

impl<F: WideField> Training<F> {
    /// The witness of a run: all values that the prover needs, multiplicities counted. Weights are
    /// given as [`weight_tensors`].
    ///
    /// # Errors
    /// [`ProveError::NotInTable`] if a value is in no table.
    pub fn witness(
        &self,
        fixed: &FixedPoint,
        parent: &[Arc<Vec<i64>>],
        steps: &[Step],
        child: &[Arc<Vec<i64>>],
    ) -> Result<Values, ProveError> {
        let mut values = Values::new();
        info_span!("witness layout").in_scope(|| {
            for (k, layer) in self.layers.iter().enumerate() {
                self.layer_witness(k, layer, fixed, steps, &mut values);
            }
        });
        for (ids, weights) in [(&self.parent, parent), (&self.child, child)] {
            values.extend(ids.iter().copied().zip(weights.iter().cloned()));
        }
        info_span!("multiplicities")
            .in_scope(|| count_multiplicities(&self.relation, &mut values))?;
        Ok(values)
    }

    fn layer_witness(
        &self,
        k: usize,
        layer: &LayerTensors,
        fixed: &FixedPoint,
        steps: &[Step],
        values: &mut Values,
    ) {
        let extent = self.extent;
        let at = |t: usize| &steps[t].layers[k];
        let width = steps
            .first()
            .map_or(0, |s| s.layers[k].y.len() / extent.batch);
        let mut put = |id: TensorId, tensor: Vec<i64>| drop(values.insert(id, Arc::new(tensor)));
        put(layer.y, arrange(extent, width, |t, i| at(t).y[i]));
        put(layer.gradient, arrange(extent, width, |t, i| at(t).g[i]));
        for (limb, id) in Limb::all(fixed.limbs()).zip(&layer.z_limbs) {
            let value = |t: usize, i: usize| limb.of(remainder(fixed, at(t).z[i], at(t).y[i]));
            put(*id, arrange(extent, width, value));
        }
        if let Some((sign, back)) = layer.hidden {
            let positive = |t: usize, i: usize| i64::from(at(t).y[i] > 0);
            put(sign, arrange(extent, width, positive));
            put(back, arrange(extent, width, |t, i| at(t).h[i]));
        }
        for (limb, id) in Limb::all(fixed.limbs()).zip(&layer.p_limbs) {
            let value = |t: usize, i: usize| limb.of(remainder(fixed, at(t).p[i], at(t).h[i]));
            put(*id, arrange(extent, width, value));
        }
        let input = match k.checked_sub(1) {
            None => {
                let width = steps.first().map_or(0, |s| s.inputs.len() / extent.batch);
                with_bias(extent, fixed, width, |t, i| steps[t].inputs[i])
            }
            Some(below) => {
                let layer = |t: usize| &steps[t].layers[below];
                let width = steps
                    .first()
                    .map_or(0, |s| s.layers[below].y.len() / extent.batch);
                with_bias(extent, fixed, width, |t, i| layer(t).y[i].max(0))
            }
        };
        put(layer.input, input);
    }
}

/// One limb of a value: low limbs unsigned, the top one signed.
#[derive(Clone, Copy)]
pub(super) struct Limb {
    shift: u32,
    mask: i64,
}

impl Limb {
    /// All limbs, low to high.
    pub(super) fn all(widths: &[u32]) -> impl Iterator<Item = Self> + use<'_> {
        let mut shift = 0;
        (1..).zip(widths).map(move |(count, width)| {
            let mask = match count == widths.len() {
                true => -1,
                false => (1 << width) - 1,
            };
            let limb = Self { shift, mask };
            shift += width;
            limb
        })
    }

    pub(super) fn of(self, value: i64) -> i64 {
        (value >> self.shift) & self.mask
    }
}

/// `wide - 2^w rounded`, which fits: differences modulo `2^64` will do.
pub(super) fn remainder(fixed: &FixedPoint, wide: i128, rounded: i64) -> i64 {
    (wide as i64).wrapping_sub(rounded.wrapping_shl(fixed.weight_bits()))
}

/// Units whose columns are written side by side: what one cache line of a row holds.
const UNITS: usize = 8;

/// A tensor `[unit, step, sample]`, sample fastest, steps and samples padded with zeros, of
/// matrices `[sample, unit]`, one a step; `value(t, i)` is entry `i` of that of step `t`.
pub(super) fn arrange(
    extent: Extent,
    width: usize,
    value: impl Fn(usize, usize) -> i64 + Sync + Send,
) -> Vec<i64> {
    arrange_in(vec![0; width * extent.padded()], extent, width, value)
}

fn arrange_in(
    mut out: Vec<i64>,
    extent: Extent,
    width: usize,
    value: impl Fn(usize, usize) -> i64 + Sync + Send,
) -> Vec<i64> {
    let padded = extent.padded();
    let tensor = &mut out[..width * padded];
    parallel::for_each_chunk(tensor, UNITS * padded, |start, out| {
        let first = start / padded;
        for t in 0..extent.steps {
            for b in 0..extent.batch {
                let (from, to) = (b * width + first, extent.position(t, b));
                for (u, out) in out.chunks_exact_mut(padded).enumerate() {
                    out[to] = value(t, from + u);
                }
            }
        }
    });
    out
}

/// A layer's input with its bias row behind the padding of the unit axis; `value` as in
/// [`arrange`].
pub(super) fn with_bias(
    extent: Extent,
    fixed: &FixedPoint,
    width: usize,
    value: impl Fn(usize, usize) -> i64 + Sync + Send,
) -> Vec<i64> {
    let padded = extent.padded();
    let bias = width.next_power_of_two() * padded;
    let mut input = arrange_in(vec![0; bias + padded], extent, width, value);
    let scale = 1i64 << fixed.activation_bits();
    for (out, real) in input[bias..]
        .iter_mut()
        .zip(extent.mask().values(&extent.dims()))
    {
        *out = real * scale;
    }
    input
}

/// [`weight_values`] of all layers.
pub fn weight_tensors(weights: &Weights) -> Vec<Arc<Vec<i64>>> {
    let layers = weights.layers().len();
    parallel::map(layers, parallel::GRAIN, |layer| {
        Arc::new(weight_values(weights, layer))
    })
}

/// `W_l[j, i, h]` of a layer counted from 0, output units fastest: weights, padding, bias.
pub fn weight_values(weights: &Weights, layer: usize) -> Vec<i64> {
    let architecture = weights.architecture();
    let (inputs, outputs) = (architecture.inputs(layer), architecture.outputs(layer));
    let width = outputs.next_power_of_two();
    let mut values = vec![0; (inputs.next_power_of_two() + 1) * width];
    let source = &weights.layers()[layer];
    for (row, out) in source
        .weight
        .chunks_exact(outputs)
        .zip(values.chunks_exact_mut(width))
    {
        out[..outputs].copy_from_slice(row);
    }
    let bias = inputs.next_power_of_two() * width;
    values[bias..bias + outputs].copy_from_slice(&source.bias);
    values
}

/// Flat indices of `W_l[j, i, h]` that may be non-zero.
pub fn weight_extent(architecture: &Architecture, layer: usize) -> Vec<Range<usize>> {
    let (inputs, outputs) = (architecture.inputs(layer), architecture.outputs(layer));
    let width = outputs.next_power_of_two();
    let bias = inputs.next_power_of_two() * width;
    vec![0..inputs * width, bias..bias + outputs]
}
