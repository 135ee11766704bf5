//! The specification: stochastic gradient descent in integers.
//!
//! Equation numbers are those of the [module above](super). Matrices are row-major, `[B, width]`
//! with the unit fastest; layers count from 0.

use std::ops::{ControlFlow, Range};

use super::{
    data::Dataset,
    fixed::{FixedPoint, LearningRate, in_range, round},
    matmul,
    network::{Layer, Weights},
    schedule::Schedule,
};
use crate::error::TrainError;

/// Rows evaluated at once.
const EVALUATION_ROWS: usize = 256;

/// How to train: everything public but the architecture, which the weights carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sgd {
    /// The fixed-point format.
    pub fixed_point: FixedPoint,
    /// The learning rate.
    pub rate: LearningRate,
}

/// One layer of a forward pass.
#[derive(Clone, PartialEq, Eq)]
pub struct Activations {
    /// `Z_l`, `[B, outputs]`, with `s + w` fraction bits.
    pub z: Vec<i128>,
    /// `Y_l = round_w(Z_l)`, `[B, outputs]`, with `s` fraction bits.
    pub y: Vec<i64>,
}

impl Activations {
    /// `A_l = max(Y_l, 0)`, `[B, outputs]`: the input of the next layer.
    pub fn rectified(&self) -> Vec<i64> {
        self.y.iter().map(|&y| y.max(0)).collect()
    }
}

/// All values of one layer in one step.
#[derive(Clone, PartialEq, Eq)]
pub struct LayerTrace {
    /// `Z_l`, `[B, outputs]`, with `s + w` fraction bits.
    pub z: Vec<i128>,
    /// `Y_l`, `[B, outputs]`, with `s` fraction bits.
    pub y: Vec<i64>,
    /// `P_l`, `[B, outputs]`, with `g + w` fraction bits; empty at the output layer.
    pub p: Vec<i128>,
    /// `H_l`, `[B, outputs]`, with `g` fraction bits; empty at the output layer.
    pub h: Vec<i64>,
    /// `G_l`, `[B, outputs]`, with `g` fraction bits.
    pub g: Vec<i64>,
}

/// All values of one step but the weights.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// `A_0`, `[B, inputs]`, with `s` fraction bits.
    pub inputs: Vec<i64>,
    /// `[B, outputs]`, with `s` fraction bits.
    pub targets: Vec<i64>,
    /// The layers, first to last.
    pub layers: Vec<LayerTrace>,
}

/// Shapes only: activations are secrets.
impl std::fmt::Debug for Activations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Activations({} values)", self.y.len())
    }
}

/// Shapes only: activations and gradients are secrets.
impl std::fmt::Debug for LayerTrace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LayerTrace({} values)", self.y.len())
    }
}

/// Shapes only: the data are secrets.
impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Step({} inputs, {:?})", self.inputs.len(), self.layers)
    }
}

/// The forward pass, equations 1 to 3, of `inputs`, `[B, inputs]` with `s` fraction bits: one
/// entry a layer; the prediction is the last `y`.
///
/// # Errors
///
/// [`TrainError::Shape`] unless `inputs` are whole rows, at least one; [`TrainError::OutOfRange`]
/// for inputs, hidden `Y` and the output.
pub fn forward(
    fixed: &FixedPoint,
    weights: &Weights,
    inputs: &[i64],
) -> Result<Vec<Activations>, TrainError> {
    forward_at(None, fixed, weights, inputs)
}

/// The prediction `Y_L`, `[B, outputs]` with `s` fraction bits, for `inputs`, `[B, inputs]`.
///
/// # Errors
///
/// Those of [`forward`].
pub fn predict(
    fixed: &FixedPoint,
    weights: &Weights,
    inputs: &[i64],
) -> Result<Vec<i64>, TrainError> {
    let layers = forward(fixed, weights, inputs)?;
    Ok(layers
        .into_iter()
        .next_back()
        .map_or_else(Vec::new, |last| last.y))
}

/// The mean over rows of the sum over outputs of the squared error, in units of the standardised
/// targets (the integer error divided by `2^s`). The sum is exact. Zero for no rows.
///
/// # Errors
///
/// [`TrainError::DatasetWidth`], and those of [`forward`].
pub fn mean_squared_error(
    fixed: &FixedPoint,
    weights: &Weights,
    dataset: &Dataset,
) -> Result<f64, TrainError> {
    check_widths(weights, dataset)?;
    let rows: Vec<usize> = (0..dataset.num_rows()).collect();
    let mut sum = 0_i128;
    for rows in rows.chunks(EVALUATION_ROWS) {
        let (inputs, targets) = dataset.gather(rows);
        let outputs = predict(fixed, weights, &inputs)?;
        let errors = outputs
            .iter()
            .zip(&targets)
            .map(|(&y, &t)| i128::from(y) - i128::from(t));
        sum += errors.map(|error| error * error).sum::<i128>();
    }
    let unit = (1_u64 << (2 * fixed.activation_bits())) as f64;
    Ok(sum as f64 / unit / dataset.num_rows().max(1) as f64)
}

/// One step, equations 1 to 9, on `inputs` `[B, inputs]` and `targets` `[B, outputs]`, both with
/// `s` fraction bits. `step` is for errors only.
///
/// # Errors
///
/// [`TrainError::Shape`] unless both are `B >= 1` whole rows; [`TrainError::OutOfRange`] if a
/// value leaves its range or a weight leaves `i64`. The weights are then unchanged.
pub fn step(
    sgd: &Sgd,
    weights: &mut Weights,
    inputs: &[i64],
    targets: &[i64],
    step: u64,
) -> Result<Step, TrainError> {
    let fixed = &sgd.fixed_point;
    let at = Some(step);
    let forward = forward_at(at, fixed, weights, inputs)?;
    check_targets(step, fixed, weights, inputs, targets)?;
    let layers = backward(step, fixed, weights, forward, targets)?;
    let trace = Step {
        inputs: inputs.to_vec(),
        targets: targets.to_vec(),
        layers,
    };
    *weights = update(step, sgd, weights, &trace)?;
    Ok(trace)
}

/// Runs the steps of a range on the batches of the schedule. After each step, `progress(step,
/// trace)` is called and may break off. Returns the next step: `steps.end` unless broken off.
///
/// # Errors
///
/// [`TrainError::DatasetWidth`], [`TrainError::ScheduleRows`], and those of [`step`]. The weights
/// are those before the failing step.
pub fn train(
    sgd: &Sgd,
    weights: &mut Weights,
    (dataset, schedule): (&Dataset, &Schedule),
    steps: Range<u64>,
    mut progress: impl FnMut(u64, Step) -> ControlFlow<()>,
) -> Result<u64, TrainError> {
    check_widths(weights, dataset)?;
    let (scheduled, rows) = (schedule.num_rows(), dataset.num_rows());
    if scheduled != rows {
        return Err(TrainError::ScheduleRows { scheduled, rows });
    }
    let count = steps.end.saturating_sub(steps.start);
    for (index, rows) in steps.clone().zip(schedule.batches(steps.start, count)) {
        let (inputs, targets) = dataset.gather(&rows);
        let trace = step(sgd, weights, &inputs, &targets, index)?;
        if progress(index, trace).is_break() {
            return Ok(index + 1);
        }
    }
    Ok(steps.end.max(steps.start))
}

/// Equations 1 to 3.
fn forward_at(
    step: Option<u64>,
    fixed: &FixedPoint,
    weights: &Weights,
    inputs: &[i64],
) -> Result<Vec<Activations>, TrainError> {
    let width = weights.architecture().num_inputs();
    if inputs.is_empty() || !inputs.len().is_multiple_of(width) {
        let expected = format!("a positive multiple of {width}");
        return Err(TrainError::Shape {
            step,
            tensor: "inputs",
            expected,
            found: inputs.len(),
        });
    }
    let data = Place {
        step,
        layer: 0,
        tensor: "A_0",
        bits: fixed.data_range_bits(),
    };
    inputs
        .iter()
        .try_for_each(|&x| data.narrow(x.into()).map(drop))?;

    let mut layers: Vec<Activations> = Vec::with_capacity(weights.layers().len());
    for (layer, params) in weights.layers().iter().enumerate() {
        let hidden = layers.last().map(Activations::rectified);
        let a = hidden.as_deref().unwrap_or(inputs);
        let (n_in, n_out) = (
            weights.architecture().inputs(layer),
            weights.architecture().outputs(layer),
        );
        let mut z = matmul::product(a, &params.weight, n_in, n_out);
        for row in z.chunks_exact_mut(n_out) {
            for (z, &b) in row.iter_mut().zip(&params.bias) {
                *z += i128::from(b) << fixed.activation_bits();
            }
        }
        let last = layer + 1 == weights.layers().len();
        let bits = if last {
            fixed.output_range_bits()
        } else {
            fixed.hidden_range_bits()
        };
        let y = Place {
            step,
            layer,
            tensor: "Y",
            bits,
        }
        .round(fixed.weight_bits(), &z)?;
        layers.push(Activations { z, y });
    }
    Ok(layers)
}

/// Equations 4 to 7, with the forward pass moved into the traces.
fn backward(
    step: u64,
    fixed: &FixedPoint,
    weights: &Weights,
    forward: Vec<Activations>,
    targets: &[i64],
) -> Result<Vec<LayerTrace>, TrainError> {
    let mut traces: Vec<LayerTrace> = Vec::with_capacity(forward.len());
    let mut above: Option<&Layer> = None;
    let layers = forward.into_iter().zip(weights.layers()).enumerate();
    for (layer, (Activations { z, y }, params)) in layers.rev() {
        let trace = match (above, traces.last()) {
            (Some(next), Some(next_trace)) => {
                let p = matmul::product_transposed(&next_trace.g, &next.weight, next.bias.len());
                let bits = fixed.gradient_range_bits();
                let place = Place {
                    step: Some(step),
                    layer,
                    tensor: "H",
                    bits,
                };
                let h = place.round(fixed.weight_bits(), &p)?;
                let g = y
                    .iter()
                    .zip(&h)
                    .map(|(&y, &h)| if y > 0 { h } else { 0 })
                    .collect();
                LayerTrace { z, y, p, h, g }
            }
            _ => {
                let shift = fixed.gradient_bits() - fixed.activation_bits();
                let g = y
                    .iter()
                    .zip(targets)
                    .map(|(&y, &t)| (y - t) << shift)
                    .collect();
                LayerTrace {
                    z,
                    y,
                    p: Vec::new(),
                    h: Vec::new(),
                    g,
                }
            }
        };
        traces.push(trace);
        above = Some(params);
    }
    traces.reverse();
    Ok(traces)
}

/// Equations 8 and 9.
fn update(step: u64, sgd: &Sgd, weights: &Weights, trace: &Step) -> Result<Weights, TrainError> {
    let c = i128::from(sgd.rate.coefficient());
    // Saturated values lie outside i64, so that the check sees every overflow.
    let moved = |place: Place, old: i64, sum: i128| {
        place.narrow(i128::from(old).saturating_sub(c.saturating_mul(sum)))
    };
    let mut below: Option<Vec<i64>> = None;
    let mut layers = Vec::with_capacity(trace.layers.len());
    for (layer, (params, values)) in weights.layers().iter().zip(&trace.layers).enumerate() {
        let place = |tensor| Place {
            step: Some(step),
            layer,
            tensor,
            bits: i64::BITS,
        };
        let a = below.as_deref().unwrap_or(&trace.inputs);
        let (n_in, n_out) = (
            weights.architecture().inputs(layer),
            weights.architecture().outputs(layer),
        );
        let rows = matmul::transposed_product_rows(a, &values.g, n_in, n_out, |i, sums| {
            let old = &params.weight[i * n_out..(i + 1) * n_out];
            let new = old
                .iter()
                .zip(sums)
                .map(|(&w, &sum)| moved(place("W"), w, sum));
            new.collect::<Result<Vec<i64>, _>>()
        });
        let mut weight = Vec::with_capacity(params.weight.len());
        for row in rows {
            weight.extend(row?);
        }
        let mut sums = vec![0_i128; n_out];
        for row in values.g.chunks_exact(n_out) {
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, &g)| *sum += i128::from(g));
        }
        let one = sgd.fixed_point.activation_bits();
        let bias = params.bias.iter().zip(sums);
        let bias = bias.map(|(&b, sum)| moved(place("b"), b, sum << one));
        layers.push(Layer {
            weight,
            bias: bias.collect::<Result<_, _>>()?,
        });
        below = Some(values.y.iter().map(|&y| y.max(0)).collect());
    }
    Ok(Weights::with_shapes_of(weights.architecture(), layers))
}

/// A tensor and the signed range of its values.
#[derive(Clone, Copy)]
struct Place {
    step: Option<u64>,
    layer: usize,
    tensor: &'static str,
    bits: u32,
}

impl Place {
    /// `round_k` of all values, each in range.
    fn round(self, k: u32, values: &[i128]) -> Result<Vec<i64>, TrainError> {
        values.iter().map(|&x| self.narrow(round(k, x))).collect()
    }

    /// The value, in range; `bits` is at most 64.
    fn narrow(self, value: i128) -> Result<i64, TrainError> {
        let Self {
            step,
            layer,
            tensor,
            bits,
        } = self;
        match i64::try_from(value) {
            Ok(narrow) if in_range(value, bits) => Ok(narrow),
            _ => Err(TrainError::OutOfRange {
                step,
                layer,
                tensor,
                value,
                bits,
            }),
        }
    }
}

fn check_targets(
    step: u64,
    fixed: &FixedPoint,
    weights: &Weights,
    inputs: &[i64],
    targets: &[i64],
) -> Result<(), TrainError> {
    let architecture = weights.architecture();
    let batch = inputs.len() / architecture.num_inputs();
    let (needed, found) = (batch * architecture.num_outputs(), targets.len());
    if needed != found {
        let expected = format!("{needed} for {batch} rows of inputs");
        return Err(TrainError::Shape {
            step: Some(step),
            tensor: "targets",
            expected,
            found,
        });
    }
    let layer = architecture.num_layers() - 1;
    let bits = fixed.data_range_bits();
    let place = Place {
        step: Some(step),
        layer,
        tensor: "target",
        bits,
    };
    targets
        .iter()
        .try_for_each(|&x| place.narrow(x.into()).map(drop))
}

fn check_widths(weights: &Weights, dataset: &Dataset) -> Result<(), TrainError> {
    let (features, targets) = (dataset.num_features(), dataset.num_targets());
    let architecture = weights.architecture();
    let (inputs, outputs) = (architecture.num_inputs(), architecture.num_outputs());
    if (features, targets) == (inputs, outputs) {
        return Ok(());
    }
    Err(TrainError::DatasetWidth {
        features,
        targets,
        inputs,
        outputs,
    })
}
