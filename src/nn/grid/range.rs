//! The range of committed weights.
use crate::{
    check::Check,
    error::ProveError,
    gkr::table::Gated,
    nn::{
        Architecture, Weights,
        relation::{
            Committed, Index, Public, Relation, TensorId, Values, at, count_multiplicities, term,
        },
    },
    poly::{WideField, num_vars},
};
use std::sync::Arc;

/// The relation "every weight is `2^step` times an integer of `bits` bits, and padded units have none".
///
/// Weights are `W_l[j, i, h]` as in the other relations. `V_l[j, i] = 2^-step W_l[j, i, 0]` and the bias
/// `2^-step W_l[j, 0, 1]` are looked up beside a public gate, which is one on real units: padding
/// is zero, and a wider network than the statement's cannot hide there. What is left, `W_l[j, i, 1]` for
/// `i > 0`, meets zeros in every relation.
pub struct WeightRange<F> {
    relation: Arc<Relation<F>>,
    weights: Vec<TensorId>,
    layers: Vec<LayerTensors>,
    multiplicities: Committed,
    step: u32,
}

struct LayerTensors {
    /// `V` and its gate.
    weight: [TensorId; 2],
    /// The bias and its gate.
    bias: [TensorId; 2],
}

impl<F: WideField> WeightRange<F> {
    /// For weights of an architecture, `step` and `bits`.
    pub fn new(architecture: &Architecture, step: u32, bits: u32) -> Self {
        let mut relation = Relation::new();
        let (widths, ends) = sides(architecture);
        let axes: Vec<Vec<Index>> = widths
            .iter()
            .map(|lens| {
                let axes = lens.iter().map(|len| relation.axis(num_vars(*len)));
                axes.map(Index::from).collect()
            })
            .collect();
        let units: Vec<Units> = widths
            .into_iter()
            .zip(axes)
            .map(|(lens, axes)| {
                let dims: Vec<usize> = lens.iter().map(|len| num_vars(*len)).collect();
                let gate = relation.public("units", &dims, Public::Below(lens));
                Units { axes, gate, dims }
            })
            .collect();
        let table = Gated {
            bits: bits as usize,
        };
        let multiplicities = relation.input("uses of the range", &[bits as usize]);
        let table = relation.table(Arc::new(table), multiplicities);
        let scale = F::from(2u64)
            .pow([u64::from(step)])
            .inverse()
            .unwrap_or_default();
        let (mut weights, mut layers) = (Vec::new(), Vec::new());
        for (l, (before, after)) in (1..).zip(ends) {
            let (Some(before), Some(after)) = (units.get(before), units.get(after)) else {
                continue;
            };
            let (i, j) = (before.axes.as_slice(), after.axes.as_slice());
            let both = [j, i].concat();
            let dims = [after.dims.as_slice(), &before.dims].concat();
            let w = relation.input(format!("W{l}"), &[dims.as_slice(), &[1]].concat());
            let here = [both.as_slice(), &[Index::First]].concat();
            let value = term(scale, [at(w, &here)], &both);
            let value = relation.define(format!("W{l} in steps"), &dims, vec![value]);
            let gate = [at(after.gate, j), at(before.gate, i)];
            let gate = term(F::ONE, gate, &both);
            let gate = relation.define(format!("gate of W{l}"), &dims, vec![gate]);
            relation.lookup(Check::WeightRange.name(), table, &[value, gate]);
            let first = vec![Index::First; i.len()];
            let behind = [j, &first, &[Index::Last]].concat();
            let bias = term(scale, [at(w, &behind)], j);
            let bias = relation.define(format!("b{l} in steps"), &after.dims, vec![bias]);
            relation.lookup(Check::BiasRange.name(), table, &[bias, after.gate]);
            weights.push(w);
            layers.push(LayerTensors {
                weight: [value, gate],
                bias: [bias, after.gate],
            });
        }
        let real = std::iter::once(0..1 << bits).collect();
        let num_vars = bits as usize;
        Self {
            relation: Arc::new(relation),
            weights,
            layers,
            multiplicities: Committed {
                tensor: multiplicities,
                num_vars,
                real,
            },
            step,
        }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<Relation<F>> {
        &self.relation
    }

    /// `W_l`, by layer.
    pub fn weights(&self) -> &[TensorId] {
        &self.weights
    }

    /// The public gates of a layer's biases.
    #[cfg(test)]
    pub(crate) fn bias_gates(&self, layer: usize) -> TensorId {
        self.layers[layer].bias[1]
    }

    /// The multiplicities to commit.
    pub fn multiplicities(&self) -> &Committed {
        &self.multiplicities
    }

    /// The witness, but for the weights themselves; multiplicities counted.
    ///
    /// # Errors
    /// [`ProveError::NotInTable`] if a weight is not in range. Weights must be multiples of the step.
    pub fn witness(&self, weights: &Weights) -> Result<Values, ProveError> {
        let mut values = self.values(weights);
        count_multiplicities(&self.relation, &mut values)?;
        Ok(values)
    }

    /// The witness without multiplicities, in range or not.
    pub(crate) fn values(&self, weights: &Weights) -> Values {
        let shapes = weights.architecture().shapes();
        let mut values = Values::new();
        for ((tensors, layer), shape) in self.layers.iter().zip(weights.layers()).zip(shapes) {
            let outputs = shape.outputs;
            let width = outputs.next_power_of_two();
            let last = shape.places().last().unwrap_or(0);
            let rows = |entry: &dyn Fn(i64) -> i64| {
                let mut rows = vec![0; (last + 1) * width];
                let from = layer.weight().chunks_exact(outputs);
                for (from, place) in from.zip(shape.places()) {
                    let row = rows.iter_mut().skip(place * width);
                    row.zip(from).for_each(|(out, w)| *out = entry(*w));
                }
                Arc::new(rows)
            };
            let [value, gate] = tensors.weight;
            values.insert(value, rows(&|w| w >> self.step));
            values.insert(gate, rows(&|_| 1));
            let bias = layer.bias().iter().map(|b| b >> self.step).collect();
            let [value, gate] = tensors.bias;
            values.insert(value, Arc::new(bias));
            values.insert(gate, Arc::new(vec![1; outputs]));
        }
        values
    }
}

/// Units between layers: their axes, what is one on those that are real, and their numbers of variables.
struct Units {
    axes: Vec<Index>,
    gate: TensorId,
    dims: Vec<usize>,
}

/// Widths, lowest dimension first, and which of them each layer has before and after it. A layer behind another of its
/// width shares it.
fn sides(architecture: &Architecture) -> (Vec<Vec<usize>>, Vec<(usize, usize)>) {
    let mut widths = vec![vec![architecture.num_inputs()]];
    let mut ends = Vec::new();
    for shape in architecture.shapes() {
        let rows = shape.rows.iter().rev().copied().collect();
        if widths.last() != Some(&rows) {
            widths.push(rows);
        }
        widths.push(vec![shape.outputs]);
        ends.push((widths.len() - 2, widths.len() - 1));
    }
    (widths, ends)
}
