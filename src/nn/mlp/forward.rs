//! The forward relation: outputs are the forward pass of the weights on the inputs.
use super::{Builder, Committed, Extent, Limbs, TableKind, witness};
use crate::{
    error::ProveError,
    nn::{
        Architecture, FixedPoint, Weights,
        relation::{Index, Relation, TensorId, Values, at, term},
        train::Activations,
    },
    poly::WideField,
};
use std::sync::Arc;

struct LayerTensors {
    y: TensorId,
    sign: Option<TensorId>,
    limbs: Limbs,
    input: TensorId,
}

/// The relation of a forward pass of a batch. Inputs, weights and outputs are opened as the
/// caller says: committed, gathered or public.
pub struct Forward<F> {
    relation: Arc<Relation<F>>,
    extent: Extent,
    committed: Vec<Committed>,
    layers: Vec<LayerTensors>,
    weights: Vec<TensorId>,
    inputs: TensorId,
}

impl<F: WideField> Forward<F> {
    /// The relation for `batch` samples. With `commit_outputs` the outputs are among the
    /// committed tensors, else the caller opens them.
    pub fn new(
        architecture: &Architecture,
        fixed: &FixedPoint,
        batch: usize,
        commit_outputs: bool,
    ) -> Self {
        let depth = architecture.num_layers();
        let extent = Extent { batch, steps: 1 };
        let (mut builder, _) = Builder::new(fixed, &architecture.widths(), extent, &[]);
        let b = &mut builder;
        let inputs = b.input("A0", 0);
        let weights = b.weights("forward");
        let mut below = inputs;
        let mut layers = Vec::new();
        for l in 1..=depth {
            let input = b.with_bias(below, l);
            let name = format!("Y{l}");
            let y = match l == depth && !commit_outputs {
                true => b.input(&name, l),
                false => b.commit(name, l),
            };
            let sign = (l < depth).then(|| b.commit(format!("S{l}"), l));
            match sign {
                Some(sign) => {
                    b.lookup(TableKind::Relu(b.fixed.hidden_range_bits()), &[y, sign]);
                    below = b.hadamard(format!("A{l}"), l, sign, y);
                }
                None => b.lookup(TableKind::Signed(b.fixed.output_range_bits()), &[y]),
            }
            let ([sample, t, j], [_, _, i]) = (b.over(l), b.over(l - 1));
            let h = Index::from(b.bias);
            let operands = [
                at(input, &[sample, t, i, h]),
                at(weights[l - 1], &[j, i, h]),
            ];
            let terms = vec![term(F::ONE, operands, &[sample, t, j])];
            let dims = b.dims(l);
            let z = b.relation.define(format!("Z{l}"), &dims, terms);
            let limbs = b.rounding("Z", l, z, y);
            layers.push(LayerTensors {
                y,
                sign,
                limbs,
                input,
            });
        }
        let (relation, committed) = builder.finish();
        Self {
            relation,
            extent,
            committed,
            layers,
            weights,
            inputs,
        }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<Relation<F>> {
        &self.relation
    }

    /// The tensors to commit, multiplicities last.
    pub fn committed(&self) -> &[Committed] {
        &self.committed
    }

    /// The weights, by layer.
    pub fn weights(&self) -> &[TensorId] {
        &self.weights
    }

    /// `A_0[sample, 1 step, unit]`.
    pub fn inputs(&self) -> TensorId {
        self.inputs
    }

    /// `Y_L[sample, 1 step, unit]`.
    pub fn outputs(&self) -> Option<TensorId> {
        self.layers.last().map(|layer| layer.y)
    }

    /// The witness of a forward pass on `inputs` (`[B, inputs]`, unit fastest), multiplicities
    /// counted.
    ///
    /// # Errors
    /// [`ProveError::NotInTable`] if a value is in no table.
    pub fn witness(
        &self,
        fixed: &FixedPoint,
        weights: &Weights,
        inputs: &[i64],
        activations: &[Activations],
    ) -> Result<Values, ProveError> {
        let (extent, architecture) = (self.extent, weights.architecture());
        let mut values = Values::new();
        let width = architecture.num_inputs();
        let put = |values: &mut Values, id, tensor| drop(values.insert(id, Arc::new(tensor)));
        let tensor = witness::arrange(extent, width, |_, i| inputs[i]);
        put(&mut values, self.inputs, tensor);
        let mut below = inputs.to_vec();
        for (k, (layer, activation)) in self.layers.iter().zip(activations).enumerate() {
            let (inputs, width) = (architecture.inputs(k), architecture.outputs(k));
            let input = witness::with_bias(extent, fixed, inputs, |_, i| below[i]);
            put(&mut values, layer.input, input);
            let Activations { z, y } = activation;
            let tensor = witness::arrange(extent, width, |_, i| y[i]);
            put(&mut values, layer.y, tensor);
            if let Some(sign) = layer.sign {
                let tensor = witness::arrange(extent, width, |_, i| i64::from(y[i] > 0));
                put(&mut values, sign, tensor);
            }
            for (limb, id) in witness::Limb::all(fixed).zip(&layer.limbs) {
                let tensor = witness::arrange(extent, width, |_, i| limb.of(z[i], y[i]));
                put(&mut values, *id, tensor);
            }
            let tensor = witness::weight_values(weights, k);
            put(&mut values, self.weights[k], tensor);
            below = activation.rectified();
        }
        witness::count_multiplicities(&self.relation, &mut values)?;
        Ok(values)
    }
}
