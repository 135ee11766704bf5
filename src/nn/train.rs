//! The specification: stochastic gradient descent in integers.
//!
//! Equation numbers are those of the [module above](super). Matrices are row-major, `[B, width]`
//! with the unit fastest; layers count from 0.

use std::ops::{ControlFlow, Range};

use super::{
    data::Dataset,
    fixed::{FixedPoint, LearningRate, in_range, round},
    matmul::{self, Sums},
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

/// The forward pass, equations 2 to 4, of `inputs`, `[B, inputs]` with `s` fraction bits: one
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
    forward_at(None, fixed, weights, &sizes(weights), inputs)
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

/// Equation 12: the mean over rows of the sum over outputs of the squared error, in units of the standardised
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

/// One step, equations 2 to 10, on `inputs` `[B, inputs]` and `targets` `[B, outputs]`, both with
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
    let sizes = sizes(weights);
    let forward = forward_at(at, fixed, weights, &sizes, inputs)?;
    check_targets(step, fixed, weights, inputs, targets)?;
    let layers = backward(step, fixed, (weights, &sizes), forward, targets)?;
    let trace = Step {
        inputs: inputs.to_vec(),
        targets: targets.to_vec(),
        layers,
    };
    let fits = update_fits(sgd, (weights, &sizes), &trace);
    let before = (!fits).then(|| weights.clone());
    if let Err(error) = update(step, sgd, weights, &trace, fits) {
        if let Some(before) = before {
            *weights = before;
        }
        return Err(error);
    }
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

/// Equations 2 to 4.
fn forward_at(
    step: Option<u64>,
    fixed: &FixedPoint,
    weights: &Weights,
    sizes: &[u64],
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
        let mut z = matmul::product(a, (&params.weight, sizes[layer]), n_in, n_out);
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

/// Equations 5 to 8, with the forward pass moved into the traces.
fn backward(
    step: u64,
    fixed: &FixedPoint,
    (weights, sizes): (&Weights, &[u64]),
    forward: Vec<Activations>,
    targets: &[i64],
) -> Result<Vec<LayerTrace>, TrainError> {
    let mut traces: Vec<LayerTrace> = Vec::with_capacity(forward.len());
    let mut above: Option<&Layer> = None;
    let layers = forward.into_iter().zip(weights.layers()).enumerate();
    for (layer, (Activations { z, y }, params)) in layers.rev() {
        let trace = match (above, traces.last()) {
            (Some(next), Some(next_trace)) => {
                let p = matmul::product_transposed(
                    &next_trace.g,
                    (&next.weight, sizes[layer + 1]),
                    next.bias.len(),
                );
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

/// The largest magnitude of the weights of each layer.
fn sizes(weights: &Weights) -> Vec<u64> {
    let layers = weights.layers().iter();
    layers.map(|l| matmul::magnitude(&l.weight)).collect()
}

/// Whether, by the sizes of weights, activations and gradients, no update can leave `i64`.
fn update_fits(sgd: &Sgd, (weights, sizes): (&Weights, &[u64]), trace: &Step) -> bool {
    let largest = |values: &[i64]| u128::from(matmul::magnitude(values));
    let one = 1 << sgd.fixed_point.activation_bits();
    let mut a = largest(&trace.inputs);
    let layers = weights.layers().iter().zip(sizes);
    layers.zip(&trace.layers).all(|((layer, size), values)| {
        let batch = (values.g.len() / layer.bias.len()) as u128;
        let sum = [a.max(one), largest(&values.g), batch]
            .into_iter()
            .fold(sgd.rate.coefficient().into(), u128::saturating_mul);
        a = largest(&values.y);
        let weight = u128::from(*size).max(largest(&layer.bias));
        weight.saturating_add(sum) < 1 << 63
    })
}

/// Equations 9 and 10, in place. If the update [`fits`](update_fits) there is no error; after an
/// error some weights are moved and some are not.
fn update(
    step: u64,
    sgd: &Sgd,
    weights: &mut Weights,
    trace: &Step,
    fits: bool,
) -> Result<(), TrainError> {
    let c = i128::from(sgd.rate.coefficient());
    let mut below: Option<Vec<i64>> = None;
    let layers = weights.layers_mut().iter_mut().zip(&trace.layers);
    for (layer, (params, values)) in layers.enumerate() {
        // Saturated values lie outside i64, so that the check sees every overflow.
        let moved = |tensor, old: i64, sum: i128| {
            let place = Place {
                step: Some(step),
                layer,
                tensor,
                bits: i64::BITS,
            };
            place.narrow(i128::from(old).saturating_sub(c.saturating_mul(sum)))
        };
        let a = below.as_deref().unwrap_or(&trace.inputs);
        let width = params.bias.len();
        matmul::transposed_product_rows(a, &values.g, &mut params.weight, width, |sums, row| {
            match sums {
                Sums::Narrow(sums) if fits => {
                    let c = c as i64;
                    for (w, &sum) in row.iter_mut().zip(sums) {
                        *w -= c * sum as i64;
                    }
                    Ok(())
                }
                Sums::Narrow(sums) => move_row(row, sums.iter().map(|x| *x as i128), moved),
                Sums::Wide(sums) => move_row(row, sums.iter().copied(), moved),
            }
        })?;
        let mut sums = vec![0_i128; width];
        for row in values.g.chunks_exact(width) {
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, &g)| *sum += i128::from(g));
        }
        let one = sgd.fixed_point.activation_bits();
        for (b, sum) in params.bias.iter_mut().zip(sums) {
            *b = moved("b", *b, sum << one)?;
        }
        below = Some(values.y.iter().map(|&y| y.max(0)).collect());
    }
    Ok(())
}

/// Moves the weights of a row one by one.
fn move_row(
    row: &mut [i64],
    sums: impl Iterator<Item = i128>,
    moved: impl Fn(&'static str, i64, i128) -> Result<i64, TrainError>,
) -> Result<(), TrainError> {
    for (w, sum) in row.iter_mut().zip(sums) {
        *w = moved("W", *w, sum)?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::{
        super::{Architecture, Normalization, ScheduleSeed, Table, float::FloatNetwork, init},
        *,
    };

    fn sgd(c: u64) -> Sgd {
        Sgd {
            fixed_point: FixedPoint::compact(),
            rate: LearningRate::from_coefficient(c).unwrap(),
        }
    }

    fn network(widths: &[usize], layers: Vec<(Vec<i64>, Vec<i64>)>) -> Weights {
        let layers = layers
            .into_iter()
            .map(|(weight, bias)| Layer { weight, bias })
            .collect();
        Weights::new(Architecture::new(widths.to_vec()).unwrap(), layers).unwrap()
    }

    /// The specification once more, one scalar at a time, in `i128` and without any check.
    fn naive_step(sgd: &Sgd, weights: &Weights, step: &Step) -> (Vec<LayerTrace>, Vec<Layer>) {
        let config = sgd.fixed_point.config();
        let (s, g, w) = (
            config.activation_bits,
            config.gradient_bits,
            config.weight_bits,
        );
        let (layers, arch) = (weights.layers(), weights.architecture());
        let (depth, batch) = (layers.len(), step.inputs.len() / arch.num_inputs());
        let floor = |x: i128| (x + (1 << (w - 1))).div_euclid(1 << w) as i64;
        let wide = i128::from;
        let empty = || LayerTrace {
            z: vec![],
            y: vec![],
            p: vec![],
            h: vec![],
            g: vec![],
        };
        let mut traces: Vec<LayerTrace> = (0..depth).map(|_| empty()).collect();
        let mut a = vec![step.inputs.clone()];
        for l in 0..depth {
            for b in 0..batch {
                for j in 0..arch.outputs(l) {
                    let mut z = wide(layers[l].bias[j]) << s; // (2)
                    for i in 0..arch.inputs(l) {
                        z += wide(a[l][b * arch.inputs(l) + i])
                            * wide(layers[l].weight[i * arch.outputs(l) + j]);
                    }
                    traces[l].z.push(z);
                    traces[l].y.push(floor(z)); // (3)
                }
            }
            a.push(traces[l].y.iter().map(|&y| y.max(0)).collect()); // (4)
        }
        for l in (0..depth).rev() {
            for at in 0..batch * arch.outputs(l) {
                let y = traces[l].y[at];
                if l + 1 == depth {
                    traces[l].g.push((1 << (g - s)) * (y - step.targets[at])); // (5)
                    continue;
                }
                let (b, i, n) = (
                    at / arch.outputs(l),
                    at % arch.outputs(l),
                    arch.outputs(l + 1),
                );
                let terms = (0..n).map(|j| {
                    wide(traces[l + 1].g[b * n + j]) * wide(layers[l + 1].weight[i * n + j])
                });
                let p: i128 = terms.sum(); // (6)
                traces[l].p.push(p);
                traces[l].h.push(floor(p)); // (7)
                traces[l].g.push(if y > 0 { floor(p) } else { 0 }); // (8)
            }
        }
        let mut updated = layers.to_vec();
        let c = wide(sgd.rate.coefficient() as i64);
        for l in 0..depth {
            let (n_in, n_out) = (arch.inputs(l), arch.outputs(l));
            for b in 0..batch {
                for j in 0..n_out {
                    let g = wide(traces[l].g[b * n_out + j]);
                    for i in 0..n_in {
                        let change = c * wide(a[l][b * n_in + i]) * g; // (9)
                        updated[l].weight[i * n_out + j] -= change as i64;
                    }
                    updated[l].bias[j] -= ((c * g) << s) as i64; // (10)
                }
            }
        }
        (traces, updated)
    }

    fn assert_step_is_naive(sgd: &Sgd, weights: &Weights, inputs: &[i64], targets: &[i64]) {
        let mut trained = weights.clone();
        let trace = step(sgd, &mut trained, inputs, targets, 0).unwrap();
        let (layers, updated) = naive_step(sgd, weights, &trace);
        assert!(trace.layers == layers);
        assert!(trained.layers() == updated);
    }

    proptest! {
        #[test]
        fn steps_are_naive(
            widths in prop::collection::vec(1_usize..7, 2..5),
            (seed, batch, c) in (any::<u64>(), 1_usize..5, 1_u64..1000),
            values in prop::collection::vec(-200_i64..200, 5 * 7 * 2),
            paper in any::<bool>(),
        ) {
            let architecture = Architecture::new(widths).unwrap();
            let mut sgd = sgd(c);
            if paper {
                sgd.fixed_point = FixedPoint::paper();
            }
            let weights = init::expand(seed, &architecture, &sgd.fixed_point);
            let inputs = &values[..batch * architecture.num_inputs()];
            let targets = &values[35..35 + batch * architecture.num_outputs()];
            prop_assume!(step(&sgd, &mut weights.clone(), inputs, targets, 0).is_ok());
            assert_step_is_naive(&sgd, &weights, inputs, targets);
        }
    }

    /// Ends of the ranges and weights of 62 bits: several limbs in every product.
    #[test]
    fn extreme_steps_are_naive() {
        let big = 1 << 61;
        let first = vec![big, -big, big - 1, -big, big, 1 - big];
        let weights = network(
            &[2, 3, 1],
            vec![(first, vec![big, 0, -big]), (vec![0; 3], vec![0])],
        );
        let mut sgd = sgd(1);
        let mut config = FixedPoint::paper().config().clone();
        (config.weight_bits, config.limbs) = (60, vec![20; 3]);
        sgd.fixed_point = FixedPoint::new(config).unwrap();
        let end = 1 << 20;
        let inputs = [-end, -end, end - 1, end - 1, 0, 1, -1, -end];
        assert_step_is_naive(&sgd, &weights, &inputs[4..6], &[end - 1]);
        // Backwards through weights of 2^60 (one) with the largest errors.
        let one = 1 << 60;
        let back = vec![one, -one, one - 1];
        let weights = network(&[2, 3, 1], vec![(vec![0; 6], vec![0; 3]), (back, vec![0])]);
        assert_step_is_naive(&sgd, &weights, &inputs, &[end - 1, 0, 1 - end, 1]);
    }

    /// `W = 1`, one input: everything can be done in the head.
    #[test]
    fn one_step_by_hand() {
        let one = 1 << 34;
        let mut weights = network(&[1, 1, 1], vec![(vec![one], vec![0]), (vec![one], vec![0])]);
        let trace = step(&sgd(3), &mut weights, &[5], &[7], 0).unwrap();
        let [hidden, output] = trace.layers.as_slice() else {
            panic!("two layers")
        };
        assert_eq!((hidden.z[0], hidden.y[0]), (5 << 34, 5));
        assert_eq!((output.y[0], output.g[0]), (5, 4 * (5 - 7)));
        assert_eq!((hidden.p[0], hidden.h[0], hidden.g[0]), (-8 << 34, -8, -8));
        assert!(output.p.is_empty() && output.h.is_empty());
        let [first, second] = weights.layers() else {
            panic!("two layers")
        };
        assert_eq!(
            (first.weight[0], first.bias[0]),
            (one + 3 * 5 * 8, 3 * 256 * 8)
        );
        assert_eq!(
            (second.weight[0], second.bias[0]),
            (one + 3 * 5 * 8, 3 * 256 * 8)
        );
        assert_eq!(
            format!("{trace:?}"),
            "Step(1 inputs, [LayerTrace(1 values), LayerTrace(1 values)])"
        );
        let activations = forward(&FixedPoint::compact(), &weights, &[5]).unwrap();
        assert_eq!(format!("{:?}", activations[0]), "Activations(1 values)");
    }

    #[test]
    fn derivative_at_zero_is_zero() {
        let one = 1 << 34;
        let mut weights = network(&[1, 1, 1], vec![(vec![one], vec![0]), (vec![one], vec![0])]);
        let trace = step(&sgd(1), &mut weights, &[0], &[7], 0).unwrap();
        assert_eq!(
            (
                trace.layers[0].y[0],
                trace.layers[0].h[0],
                trace.layers[0].g[0]
            ),
            (0, -28, 0)
        );
        assert_eq!(
            (weights.layers()[0].weight[0], weights.layers()[0].bias[0]),
            (one, 0)
        );
    }

    /// Formats with `w = 60`, so that a weight of 8.0 leaves `i64`.
    fn wide_sgd() -> Sgd {
        let mut config = FixedPoint::compact().config().clone();
        (config.weight_bits, config.limbs) = (60, vec![20; 3]);
        Sgd {
            fixed_point: FixedPoint::new(config).unwrap(),
            ..sgd(1)
        }
    }

    #[test]
    fn values_outside_their_range_stop_training() {
        let (one, end, max) = (1_i64 << 34, 1_i64 << 13, i64::MAX);
        let deep = |first, second| {
            network(
                &[1, 1, 1],
                vec![(vec![first], vec![0]), (vec![second], vec![0])],
            )
        };
        let flat = |weight, bias| network(&[1, 1], vec![(vec![weight], vec![bias])]);
        for (sgd, weights, (input, target), layer, tensor, value, bits) in [
            (sgd(1), deep(one, one), (end, 0), 0, "A_0", end.into(), 14),
            (
                sgd(1),
                deep(one, one),
                (0, -end - 1),
                1,
                "target",
                (-end - 1).into(),
                14,
            ),
            (
                sgd(1),
                deep(2 * one, 0),
                (end / 2, 0),
                0,
                "Y",
                end.into(),
                14,
            ),
            (
                sgd(1),
                deep(one, -2 * one),
                (end - 1, 0),
                1,
                "Y",
                (2 - 2 * end).into(),
                14,
            ),
            (sgd(1), deep(0, 1000 * one), (0, 9), 0, "H", -36_000, 16),
            // Y = 8 and target 100 make G = -368; the bias moves by 2^8 of that.
            (
                wide_sgd(),
                flat(max - 10, 0),
                (1, 100),
                0,
                "W",
                i128::from(max) - 10 + 368,
                64,
            ),
            (
                wide_sgd(),
                flat(0, max),
                (0, 2049),
                0,
                "b",
                i128::from(max) + 1024,
                64,
            ),
        ] {
            let mut trained = weights.clone();
            let error = step(&sgd, &mut trained, &[input], &[target], 3).unwrap_err();
            let expected = TrainError::OutOfRange {
                step: Some(3),
                layer,
                tensor,
                value,
                bits,
            };
            assert_eq!(error, expected);
            assert!(trained == weights, "{tensor}");
        }
        let error = forward(&FixedPoint::compact(), &deep(2 * one, 0), &[end / 2]).unwrap_err();
        let message = "evaluation, layer 0: Y is 8192, outside [-2^13, 2^13); ";
        assert!(error.to_string().starts_with(message), "{error}");
    }

    #[test]
    fn shapes_are_checked() {
        let sgd = sgd(1);
        let mut weights = network(&[2, 1], vec![(vec![0; 2], vec![0])]);
        for (inputs, targets, name) in [
            ([].as_slice(), [].as_slice(), "inputs"),
            (&[1, 2, 3], &[1], "inputs"),
            (&[1, 2], &[1, 2], "targets"),
        ] {
            let error = step(&sgd, &mut weights, inputs, targets, 5).unwrap_err();
            let matches = matches!(&error, TrainError::Shape { step: Some(5), tensor, .. } if *tensor == name);
            assert!(matches, "{error}");
        }
        let dataset = Dataset::from_rows(1, 1, vec![0; 8]).unwrap();
        let error = mean_squared_error(&sgd.fixed_point, &weights, &dataset).unwrap_err();
        assert_eq!(
            error,
            TrainError::DatasetWidth {
                features: 1,
                targets: 1,
                inputs: 2,
                outputs: 1
            }
        );
        let dataset = Dataset::from_rows(2, 1, vec![0; 12]).unwrap();
        let schedule = Schedule::new(ScheduleSeed([0; 32]), 5, 2).unwrap();
        let go = |_, _| ControlFlow::Continue(());
        let error = train(&sgd, &mut weights, (&dataset, &schedule), 0..1, go).unwrap_err();
        assert_eq!(
            error,
            TrainError::ScheduleRows {
                scheduled: 5,
                rows: 4
            }
        );
    }

    /// The check values of `paper-notes.md`, computed in Python from its text.
    #[test]
    fn check_values() {
        let (sgd, _, dataset, _) = wine();
        let digest = |values: &[&[i64]]| {
            let mut hash = Sha256::new();
            values
                .iter()
                .flat_map(|v| v.iter())
                .for_each(|x| hash.update(x.to_le_bytes()));
            hash.finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let of_weights = |weights: &Weights| {
            let layers = weights.layers().iter();
            digest(
                &layers
                    .flat_map(|l| [&l.weight[..], &l.bias[..]])
                    .collect::<Vec<_>>(),
            )
        };
        let data = digest(&[dataset.values()]);
        assert_eq!(
            data,
            "eecaebbf3cb831cd3352f692166d06ef31b8e6eca6273535de105a7224fab62c"
        );

        let mut weights = init::expand(7, &"11,8,1".parse().unwrap(), &sgd.fixed_point);
        let first = [-12_022_861_695, 3_070_537_955, 6_537_540_221];
        assert_eq!(weights.layers()[0].weight[..3], first);
        let digest = of_weights(&weights);
        assert_eq!(
            digest,
            "e183a414d1e1ca6fe13a4a6fe996b4cdb66362bae0b602b71dbca5dfb2fa894c"
        );

        let seed = ScheduleSeed::derive(&[1; 32], &[2; 32], &[3; 32], 4);
        let schedule = Schedule::new(seed, dataset.num_rows(), 32).unwrap();
        assert_eq!(schedule.batch(0)[..4], [695, 1452, 1569, 1372]);
        assert_eq!(sgd.rate.coefficient(), 20);
        let go = |_, _| ControlFlow::Continue(());
        train(&sgd, &mut weights, (&dataset, &schedule), 0..60, go).unwrap();
        assert_eq!(weights.layers()[1].bias, [-511_733_760]);
        let digest = of_weights(&weights);
        assert_eq!(
            digest,
            "f38480519480c61cefb05a4b7ca41e9a010d770ce502081c985994afe5e85c91"
        );
    }

    /// 11-64-64-1 on the red wines, batches of 32.
    fn wine() -> (Sgd, Weights, Dataset, Schedule) {
        let fixed_point = FixedPoint::compact();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");
        let table = Table::read(path).unwrap();
        let normalization = Normalization::fit(&table, &["quality".to_owned()]).unwrap();
        let dataset = Dataset::quantize(&table, &normalization, &fixed_point).unwrap();
        let schedule = Schedule::new(ScheduleSeed([1; 32]), dataset.num_rows(), 32).unwrap();
        let weights = init::expand(1, &"11,64,64,1".parse().unwrap(), &fixed_point);
        let rate = LearningRate::nearest(&fixed_point, 32, 0.01).unwrap();
        (Sgd { fixed_point, rate }, weights, dataset, schedule)
    }

    #[test]
    fn training_follows_double_precision() {
        let (sgd, mut weights, dataset, schedule) = wine();
        let mut float = FloatNetwork::new(&weights, &sgd.fixed_point);
        let rate = sgd.rate.as_f64(&sgd.fixed_point, 32);
        let loss =
            |weights: &Weights| mean_squared_error(&sgd.fixed_point, weights, &dataset).unwrap();
        let before = loss(&weights);
        let close = |a: f64, b: f64| (a - b).abs() < 0.03 * b;
        assert!(close(before, float.mean_squared_error(&dataset)));
        for steps in [0..50, 50..200, 200..500] {
            let end = steps.end;
            let go = |_, _| ControlFlow::Continue(());
            let next = train(&sgd, &mut weights, (&dataset, &schedule), steps.clone(), go);
            assert_eq!(next, Ok(end));
            float.train(&dataset, &schedule, steps, rate);
            let (exact, reference) = (loss(&weights), float.mean_squared_error(&dataset));
            println!("{end} steps: {exact} against {reference}, {before} before");
            assert!(
                close(exact, reference),
                "{exact} against {reference} after {end} steps"
            );
        }
        assert!(loss(&weights) < 0.7 * before);
    }

    #[test]
    fn training_can_be_broken_off_and_resumed() {
        let (sgd, start, dataset, schedule) = wine();
        let (mut whole, mut parts) = (start.clone(), start);
        let go = |_, _| ControlFlow::Continue(());
        let stop = |step, _| {
            if step == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        assert_eq!(
            train(&sgd, &mut whole, (&dataset, &schedule), 0..5, go),
            Ok(5)
        );
        assert_eq!(
            train(&sgd, &mut parts, (&dataset, &schedule), 0..5, stop),
            Ok(3)
        );
        assert_eq!(
            train(&sgd, &mut parts, (&dataset, &schedule), 3..5, go),
            Ok(5)
        );
        assert!(whole == parts);
    }

    /// The workload of the zkDL paper. Run with `--ignored --nocapture` for its time.
    #[test]
    #[ignore = "takes seconds and 500 MB"]
    fn ten_million_parameters() {
        let mut widths = vec![3072];
        widths.extend([1024; 7]);
        widths.push(10);
        for fixed_point in [FixedPoint::compact(), FixedPoint::paper()] {
            let architecture = Architecture::new(widths.clone()).unwrap();
            let rate = LearningRate::nearest(&fixed_point, 64, 0.002).unwrap();
            let mut weights = init::expand(0, &architecture, &fixed_point);
            let one = 1 << fixed_point.activation_bits();
            let inputs: Vec<i64> = (0..64 * 3072).map(|i| i * 7919 % (2 * one) - one).collect();
            let targets: Vec<i64> = (0..640).map(|i| i * 31 % one).collect();
            let sgd = Sgd { fixed_point, rate };
            let start = std::time::Instant::now();
            step(&sgd, &mut weights, &inputs, &targets, 0).unwrap();
            println!(
                "one step of {} parameters: {:?}",
                architecture.num_parameters(),
                start.elapsed()
            );
        }
    }
}
