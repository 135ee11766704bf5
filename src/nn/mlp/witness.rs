//! The values of a relation's tensors, from the plain computation.
use super::{
    Extent,
    training::{LayerTensors, Training},
};
use crate::{
    error::ProveError,
    gkr::fractional,
    nn::{
        Architecture, FixedPoint, Step, Weights,
        relation::{Relation, TensorId, Values},
    },
    poly::{WideField, parallel},
};
use std::{ops::Range, sync::Arc};

impl<F: WideField> Training<F> {
    /// The witness of a run: all values that the prover needs, multiplicities counted.
    ///
    /// # Errors
    /// [`ProveError::NotInTable`] if a value is in no table.
    pub fn witness(
        &self,
        fixed: &FixedPoint,
        parent: &Weights,
        steps: &[Step],
        child: &Weights,
    ) -> Result<Values, ProveError> {
        let mut values = Values::new();
        for (k, layer) in self.layers.iter().enumerate() {
            self.layer_witness(k, layer, fixed, steps, &mut values);
            values.insert(self.parent[k], Arc::new(weight_values(parent, k)));
            values.insert(self.child[k], Arc::new(weight_values(child, k)));
        }
        count_multiplicities(&self.relation, &mut values)?;
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
        // Arranges one matrix `[sample, unit]` of every step.
        let arrange = |of: &(dyn Fn(&Step) -> Vec<i64> + Sync)| {
            let rows = parallel::map(steps.len(), parallel::GRAIN, |t| of(&steps[t]));
            transpose(self.extent, &rows)
        };
        let mut put = |id: TensorId, of: &(dyn Fn(&Step) -> Vec<i64> + Sync)| {
            values.insert(id, Arc::new(arrange(of)));
        };
        put(layer.y, &|s| s.layers[k].y.clone());
        put(layer.gradient, &|s| s.layers[k].g.clone());
        let z = |s: &Step| remainders(fixed, &s.layers[k].z, &s.layers[k].y);
        for (i, id) in layer.z_limbs.iter().enumerate() {
            put(*id, &|s| limb(fixed, i, &z(s)));
        }
        if let Some((sign, back)) = layer.hidden {
            put(sign, &|s| {
                s.layers[k].y.iter().map(|y| i64::from(*y > 0)).collect()
            });
            put(back, &|s| s.layers[k].h.clone());
        }
        let p = |s: &Step| remainders(fixed, &s.layers[k].p, &s.layers[k].h);
        for (i, id) in layer.p_limbs.iter().enumerate() {
            put(*id, &|s| limb(fixed, i, &p(s)));
        }
        let below = |s: &Step| match k.checked_sub(1) {
            None => s.inputs.clone(),
            Some(below) => s.layers[below].y.iter().map(|y| *y.max(&0)).collect(),
        };
        let input = with_bias(self.extent, fixed, arrange(&below));
        values.insert(layer.input, Arc::new(input));
    }
}

/// `Z - 2^w Y` for each entry.
pub(super) fn remainders(fixed: &FixedPoint, wide: &[i128], rounded: &[i64]) -> Vec<i64> {
    let w = fixed.weight_bits();
    wide.iter()
        .zip(rounded)
        .map(|(z, y)| (*z - (i128::from(*y) << w)) as i64)
        .collect()
}

/// `[sample, unit]` of each step to `[unit, step, sample]`, sample fastest, steps and samples
/// padded with zeros.
pub(super) fn transpose(extent: Extent, steps: &[Vec<i64>]) -> Vec<i64> {
    let padded = extent.padded();
    let width = steps.first().map_or(0, |rows| rows.len() / extent.batch);
    let mut out = vec![0; width * padded];
    parallel::for_each_chunk(&mut out, padded, |start, out| {
        let unit = start / padded;
        for (t, rows) in steps.iter().enumerate() {
            for b in 0..extent.batch {
                out[extent.position(t, b)] = rows[b * width + unit];
            }
        }
    });
    out
}

/// A layer's input with its bias row behind the padding of the unit axis.
pub(super) fn with_bias(extent: Extent, fixed: &FixedPoint, mut input: Vec<i64>) -> Vec<i64> {
    let units = input.len() / extent.padded();
    input.resize(units.next_power_of_two() * extent.padded(), 0);
    let scale = 1i64 << fixed.activation_bits();
    input.extend(extent.mask().into_iter().map(|m| m * scale));
    input
}

/// Fills in how often each table entry is used by the lookups of a relation.
pub fn count_multiplicities<F: WideField>(
    relation: &Relation<F>,
    values: &mut Values,
) -> Result<(), ProveError> {
    let shape = relation.lookup_shape()?;
    let of = |id: &TensorId| values.get(id).cloned().unwrap_or_default();
    let columns: Vec<Vec<_>> = relation
        .lookups
        .iter()
        .map(|(_, tensors)| tensors.iter().map(of).collect())
        .collect();
    let counts = fractional::count_multiplicities(&shape, &columns).map_err(|error| {
        let tensor = relation
            .lookups
            .get(error.lookup)
            .and_then(|(_, tensors)| tensors.first());
        let tensor = tensor
            .map(|id| relation.name(*id).to_string())
            .unwrap_or_default();
        ProveError::NotInTable {
            tensor,
            position: error.position,
            values: error.tuple,
        }
    })?;
    for ((_, id), count) in relation.tables.iter().zip(counts) {
        values.insert(*id, Arc::new(count));
    }
    Ok(())
}

/// The `i`-th limb of remainders, low limbs unsigned, the top one signed.
pub(super) fn limb(fixed: &FixedPoint, i: usize, remainders: &[i64]) -> Vec<i64> {
    let shift: u32 = fixed.limbs().iter().take(i).sum();
    let bits = fixed.limbs()[i];
    let is_top = i + 1 == fixed.limbs().len();
    let mask = if is_top { -1 } else { (1i64 << bits) - 1 };
    remainders.iter().map(|r| (r >> shift) & mask).collect()
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
