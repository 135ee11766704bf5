//! The forward relation: outputs are the forward pass of the weights on the inputs.
use super::{Builder, Committed, Extent, Limbs, limb_widths, witness, witness::Limb};
use crate::{
    check::Check,
    error::{ProveError, VerifyError},
    nn::{
        Architecture, FixedPoint, Weights,
        relation::{Index, Relation, TensorId, Values, at, count_multiplicities, term},
        train::Activations,
    },
    poly::WideField,
};
use std::{ops::Range, sync::Arc};

pub(super) struct LayerTensors {
    y: TensorId,
    /// One where `Y` is negative, of hidden layers.
    pub(super) negative: Option<TensorId>,
    /// Of `Y` in its range.
    range: Ranged,
    /// Of the remainder of rounding to `Y`.
    limbs: Limbs,
    pub(super) input: TensorId,
}

/// A tensor whose range is proven by its limbs.
struct Ranged {
    tensor: TensorId,
    widths: Vec<u32>,
    limbs: Limbs,
}

/// What a forward relation says of its last layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The outputs are an input of the relation: the caller opens them.
    Outputs,
    /// The outputs are committed in the proof, and of them only the sum of squared errors is said.
    SquaredError {
        /// Whether the targets' range is proven: it must be, unless it is known.
        targets_in_range: bool,
    },
}

/// The tensors of a sum of squared errors.
struct ErrorTensors {
    targets: TensorId,
    sum: TensorId,
}

/// The relation of a forward pass of a batch. Inputs, weights, and outputs or targets are opened as
/// the caller says: committed, gathered or public.
pub struct Forward<F> {
    relation: Arc<Relation<F>>,
    pub(super) extent: Extent,
    committed: Vec<Committed>,
    pub(super) layers: Vec<LayerTensors>,
    weights: Vec<TensorId>,
    inputs: TensorId,
    /// Of inputs and targets whose range is proven.
    data: Vec<Ranged>,
    error: Option<ErrorTensors>,
}

impl<F: WideField> Forward<F> {
    /// The relation for `batch` samples. With `inputs_in_range` the range of the inputs is proven:
    /// it must be, unless it is known.
    pub fn new(
        architecture: &Architecture,
        fixed: &FixedPoint,
        batch: usize,
        inputs_in_range: bool,
        head: Head,
    ) -> Self {
        let depth = architecture.num_layers();
        let extent = Extent { batch, steps: 1 };
        let (mut builder, _) = Builder::new(fixed, &architecture.widths(), extent, &[]);
        let b = &mut builder;
        let widths = |layers: Range<usize>| -> usize { architecture.widths()[layers].iter().sum() };
        let cut = |bits, units: usize| limb_widths(bits, units.saturating_mul(batch));
        let inputs = b.input("A0", 0);
        let mut data = Vec::new();
        let mut in_range = |b: &mut Builder<F>, check, (l, name, tensor)| {
            let widths = cut(fixed.data_range_bits(), widths(l..l + 1));
            data.push(Ranged::new(b, check, (name, l), (tensor, None), widths));
        };
        if inputs_in_range {
            in_range(b, Check::InputRange, (0, "A", inputs));
        }
        let weights = b.weights("forward");
        let mut below = inputs;
        let mut layers = Vec::new();
        for l in 1..=depth {
            let input = b.with_bias(below, l);
            let name = format!("Y{l}");
            let y = match l == depth && head == Head::Outputs {
                true => b.input(&name, l),
                false => b.commit(name, l),
            };
            let negative = (l < depth).then(|| b.commit(format!("N{l}"), l));
            let bits = match negative {
                Some(negative) => {
                    below = b.rectified(l, y, negative);
                    fixed.hidden_range_bits()
                }
                None => fixed.output_range_bits(),
            };
            let ranges = cut(bits, widths(1..depth + 1));
            let check = match negative {
                Some(_) => Check::UnitRange,
                None => Check::OutputRange,
            };
            let range = Ranged::new(b, check, ("Y", l), (y, negative), ranges);
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
                negative,
                range,
                limbs,
                input,
            });
        }
        let error = match (head, layers.last()) {
            (Head::SquaredError { targets_in_range }, Some(last)) => {
                let error = squared_error(b, depth, last.y);
                if targets_in_range {
                    in_range(b, Check::TargetRange, (depth, "target", error.targets));
                }
                Some(error)
            }
            _ => None,
        };
        let (relation, committed) = builder.finish();
        Self {
            relation,
            extent,
            committed,
            layers,
            weights,
            inputs,
            data,
            error,
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

    /// `X[sample, 1 step, unit]`, with [`Head::SquaredError`].
    pub fn targets(&self) -> Option<TensorId> {
        self.error.as_ref().map(|error| error.targets)
    }

    /// The sum of squared errors, a scalar, with [`Head::SquaredError`].
    pub fn squared_error(&self) -> Option<TensorId> {
        self.error.as_ref().map(|error| error.sum)
    }

    /// `[B, width]`, unit fastest, as a tensor of this relation.
    pub fn arrange(&self, width: usize, values: &[i64]) -> Vec<i64> {
        witness::arrange(self.extent, width, |_, i| values[i])
    }

    /// The witness of a forward pass on `inputs` (`[B, inputs]`, unit fastest), multiplicities
    /// counted; `targets`, `[B, outputs]`, are used with [`Head::SquaredError`] alone.
    ///
    /// # Errors
    /// [`ProveError::NotInTable`] if a value is in no table; [`ProveError::Statement`] if the sum
    /// of squared errors leaves 63 bits.
    pub fn witness(
        &self,
        fixed: &FixedPoint,
        weights: &Weights,
        inputs: &[i64],
        activations: &[Activations],
        targets: &[i64],
    ) -> Result<Values, ProveError> {
        let mut values = self.values(fixed, weights, inputs, activations, targets)?;
        count_multiplicities(&self.relation, &mut values)?;
        Ok(values)
    }

    /// The witness without multiplicities, in range or not.
    pub(crate) fn values(
        &self,
        fixed: &FixedPoint,
        weights: &Weights,
        inputs: &[i64],
        activations: &[Activations],
        targets: &[i64],
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
            if let Some(negative) = layer.negative {
                let tensor = witness::arrange(extent, width, |_, i| i64::from(y[i] < 0));
                put(&mut values, negative, tensor);
            }
            layer.range.witness(&mut values);
            for (limb, id) in Limb::all(fixed.limbs()).zip(&layer.limbs) {
                let value = |_, i: usize| limb.of(witness::remainder(fixed, z[i], y[i]));
                put(&mut values, *id, witness::arrange(extent, width, value));
            }
            let tensor = witness::weight_values(weights, k);
            put(&mut values, self.weights[k], tensor);
            below = activation.rectified();
        }
        if let (Some(error), Some(last)) = (&self.error, activations.last()) {
            let sum = squared_error_of(&last.y, targets)?;
            let targets = self.arrange(architecture.num_outputs(), targets);
            put(&mut values, error.targets, targets);
            put(&mut values, error.sum, vec![sum]);
        }
        self.data.iter().for_each(|data| data.witness(&mut values));
        Ok(values)
    }
}

impl Ranged {
    fn new<F: WideField>(
        b: &mut Builder<F>,
        check: Check,
        (name, l): (&str, usize),
        (tensor, negative): (TensorId, Option<TensorId>),
        widths: Vec<u32>,
    ) -> Self {
        let limbs = b.range(check, (name, l), (tensor, negative), &widths);
        Self {
            tensor,
            widths,
            limbs,
        }
    }

    /// The limbs of the tensor's values.
    fn witness(&self, values: &mut Values) {
        let whole = values.get(&self.tensor).cloned().unwrap_or_default();
        for (limb, id) in Limb::all(&self.widths).zip(&self.limbs) {
            if *id != self.tensor {
                let limbs = whole.iter().map(|value| limb.of(*value)).collect();
                values.insert(*id, Arc::new(limbs));
            }
        }
    }
}

/// Equation 12, but for its scale: `sum over samples and units of (Y - X)^2`.
///
/// # Errors
/// [`ProveError::Statement`] if it leaves 63 bits.
pub fn squared_error_of(outputs: &[i64], targets: &[i64]) -> Result<i64, ProveError> {
    let squares = outputs.iter().zip(targets).map(|(y, x)| {
        let error = i128::from(*y) - i128::from(*x);
        error * error
    });
    i64::try_from(squares.sum::<i128>()).map_err(|_| {
        let what = "the sum of squared errors leaves 63 bits: take fewer rows";
        VerifyError::Statement(what.into()).into()
    })
}

/// Targets, errors `E = Y - X`, and the sum of their squares, equal to an input of no variables.
fn squared_error<F: WideField>(b: &mut Builder<F>, l: usize, y: TensorId) -> ErrorTensors {
    let targets = b.input("target", l);
    let (over, dims) = (b.over(l), b.dims(l));
    let terms = vec![
        term(F::ONE, [at(y, &over)], &over),
        term(-F::ONE, [at(targets, &over)], &over),
    ];
    let error = b.relation.define("error", &dims, terms);
    let square = term(F::ONE, [at(error, &over), at(error, &over)], &[]);
    let total = b.relation.define("sum of squares", &[], vec![square]);
    let sum = b.relation.input("squared error", &[]);
    b.relation
        .equal(Check::SquaredError.name(), sum, total, total);
    ErrorTensors { targets, sum }
}
