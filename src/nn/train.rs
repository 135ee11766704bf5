//! Training and inference in integers, by running the program of a network.
//!
//! Equation numbers are those of the [module above](super). Matrices are row-major, `[B, width]`
//! with the unit fastest; layers count from 0.

mod velocity;

use super::{
    data::Dataset,
    fixed::FixedPoint,
    model::{self, Task},
    network::{Architecture, Weights},
    op::Loss,
    optimise::{Momentum, Plan},
    program::{
        Program,
        eval::{self, Inputs, Trace},
    },
    schedule::Schedule,
};
use crate::error::TrainError;
use std::{
    ops::{ControlFlow, Range},
    sync::Arc,
};
use velocity::Velocity;

/// Rows evaluated at once.
const EVALUATION_ROWS: usize = 256;

/// How to train: everything public but the architecture, which the weights carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sgd {
    /// The fixed-point format.
    pub fixed_point: FixedPoint,
    /// How gradients move weights in each step.
    pub plan: Plan,
}

/// Trains a network with batches of one size.
#[derive(Debug, Clone)]
pub struct Trainer {
    program: Program,
    plan: Plan,
    velocity: Velocity,
}

impl Trainer {
    /// For a network and a number of samples.
    ///
    /// # Errors
    /// [`TrainError::Network`] if the network cannot be run in these formats, or segments are too long for the
    /// optimiser.
    pub fn new(sgd: &Sgd, architecture: &Architecture, batch: usize) -> Result<Self, TrainError> {
        let task = Task::Training;
        sgd.plan.check()?;
        Ok(Self {
            program: model::program(architecture.graph(), &sgd.fixed_point, batch, task)?,
            plan: sgd.plan,
            velocity: Velocity::default(),
        })
    }

    /// What a step computes.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// One step, equations 2 to 10 and 64, on `inputs` `[B, inputs]` and `targets` `[B, outputs]`, both with
    /// `s` fraction bits. For plain gradient descent `step` is for errors only.
    ///
    /// # Errors
    ///
    /// [`TrainError::Shape`] unless both are `B` whole rows; [`TrainError::OutOfRange`] if a
    /// value leaves its range or a weight leaves `i64`; [`TrainError::MidSegment`] if there is momentum and the last
    /// step was not the one before. The weights are then unchanged.
    pub fn step(
        &mut self,
        weights: &mut Weights,
        inputs: &Arc<Vec<i64>>,
        targets: &Arc<Vec<i64>>,
        step: u64,
    ) -> Result<Trace, TrainError> {
        let Self {
            program,
            plan,
            velocity,
        } = self;
        let has_momentum = plan.optimiser.momentum() != Momentum::None;
        if has_momentum {
            velocity.begin(plan, step)?;
        }
        let trace = eval::eval(
            program,
            &Inputs {
                inputs,
                targets,
                parameters: &weights.tensors(),
                step: Some(step),
            },
        )?;
        match has_momentum {
            true => velocity.update((program, &trace), weights, step)?,
            false => update((program, &trace), plan.coefficient(step), weights, step)?,
        }
        Ok(trace)
    }
}

/// Moves weights by a gradient alone. After an error they are what they were.
fn update(
    (program, trace): (&Program, &Trace),
    coefficient: u64,
    weights: &mut Weights,
    step: u64,
) -> Result<(), TrainError> {
    let fits = eval::update_fits(program, trace, coefficient);
    let before = (!fits).then(|| weights.clone());
    let tensors = &mut weights.tensors_mut();
    let moved = eval::update(program, trace, (coefficient, fits), tensors, Some(step));
    if let (Err(_), Some(before)) = (&moved, before) {
        *weights = before;
    }
    moved
}

/// One [step](Trainer::step) of a batch of as many samples as there are rows of inputs.
///
/// # Errors
///
/// Those of [`Trainer::new`] and [`Trainer::step`].
pub fn step(
    sgd: &Sgd,
    weights: &mut Weights,
    inputs: &[i64],
    targets: &[i64],
    step: u64,
) -> Result<Trace, TrainError> {
    let batch = samples(weights, inputs, Some(step))?;
    let mut trainer = Trainer::new(sgd, weights.architecture(), batch)?;
    let [inputs, targets] = [inputs, targets].map(|values| Arc::new(values.to_vec()));
    trainer.step(weights, &inputs, &targets, step)
}

/// A forward pass: its program and its values.
#[derive(Debug, Clone)]
pub struct Forward {
    /// What was computed.
    pub program: Program,
    /// The values.
    pub trace: Trace,
}

impl Forward {
    /// The prediction `Y_L`, `[B, outputs]` with `s` fraction bits.
    pub fn outputs(&self) -> Arc<Vec<i64>> {
        let value = self.program.outputs().first();
        let outputs = value.and_then(|value| self.trace.get(*value));
        outputs.cloned().unwrap_or_default()
    }
}

/// The forward pass, equations 2 to 4, of `inputs`, `[B, inputs]` with `s` fraction bits, and what else the task
/// asks for, of `targets`, `[B, outputs]`.
///
/// # Errors
///
/// [`TrainError::Shape`] unless `inputs` are whole rows, at least one; [`TrainError::OutOfRange`]
/// for inputs, hidden `Y` and the output; [`TrainError::Network`].
pub fn forward(
    fixed: &FixedPoint,
    weights: &Weights,
    (inputs, targets): (&[i64], &[i64]),
    task: Task,
) -> Result<Forward, TrainError> {
    let batch = samples(weights, inputs, None)?;
    let program = model::program(weights.architecture().graph(), fixed, batch, task)?;
    let [inputs, targets] = [inputs, targets].map(|values| Arc::new(values.to_vec()));
    let trace = eval::eval(
        &program,
        &Inputs {
            inputs: &inputs,
            targets: &targets,
            parameters: &weights.tensors(),
            step: None,
        },
    )?;
    Ok(Forward { program, trace })
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
    let task = Task::Outputs {
        inputs_in_range: false,
    };
    let forward = forward(fixed, weights, (inputs, &[]), task)?;
    Ok(forward.outputs().to_vec())
}

/// The sum over rows and outputs of squared errors, in units of `2^-2s`: equation 12 but for its scale.
///
/// # Errors
///
/// [`TrainError::DatasetWidth`], and those of [`forward`].
pub fn squared_error(
    fixed: &FixedPoint,
    weights: &Weights,
    dataset: &Dataset,
) -> Result<u128, TrainError> {
    let task = Task::SquaredError {
        inputs_in_range: false,
        targets_in_range: false,
    };
    told(fixed, weights, dataset, task)
}

/// How many rows of a data set have their class at the first of the largest scores.
///
/// # Errors
///
/// [`TrainError::DatasetWidth`], and those of [`forward`].
pub fn correct(
    fixed: &FixedPoint,
    weights: &Weights,
    dataset: &Dataset,
) -> Result<u64, TrainError> {
    let task = Task::Correct {
        inputs_in_range: false,
    };
    let count = told(fixed, weights, dataset, task)?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// The sum over all rows of a data set of what a task tells.
fn told(
    fixed: &FixedPoint,
    weights: &Weights,
    dataset: &Dataset,
    task: Task,
) -> Result<u128, TrainError> {
    check_widths(weights, dataset)?;
    let rows: Vec<usize> = (0..dataset.num_rows()).collect();
    let mut sum = 0;
    for rows in rows.chunks(EVALUATION_ROWS) {
        let (inputs, targets) = dataset.gather(rows);
        let run = forward(fixed, weights, (&inputs, &targets), task)?;
        let told = run.program.told().next();
        let told = told.and_then(|value| run.trace.told(value));
        sum += told.map_or(0, i128::unsigned_abs);
    }
    Ok(sum)
}

/// The loss of a data set: of numbers the [mean squared error](mean_squared_error), of classes the mean over rows of
/// the cross-entropy of the softmax of scores, in nats, in double precision. Nothing is proven of the latter.
///
/// # Errors
///
/// [`TrainError::DatasetWidth`], and those of [`forward`].
pub fn mean_loss(
    fixed: &FixedPoint,
    weights: &Weights,
    dataset: &Dataset,
) -> Result<f64, TrainError> {
    if weights.architecture().graph().loss() == Loss::SquaredError {
        return mean_squared_error(fixed, weights, dataset);
    }
    check_widths(weights, dataset)?;
    let unit = (1_u64 << fixed.activation_bits()) as f64;
    let rows: Vec<usize> = (0..dataset.num_rows()).collect();
    let mut sum = 0.0;
    for rows in rows.chunks(EVALUATION_ROWS) {
        let (inputs, labels) = dataset.gather(rows);
        let scores = predict(fixed, weights, &inputs)?;
        let scores = scores.chunks(weights.architecture().num_outputs());
        sum += scores
            .zip(labels)
            .map(|(row, label)| {
                let row: Vec<f64> = row.iter().map(|score| *score as f64 / unit).collect();
                cross_entropy(&row, label)
            })
            .sum::<f64>();
    }
    Ok(sum / dataset.num_rows().max(1) as f64)
}

/// $\ln \sum_j e^{z_j} - z_y$.
fn cross_entropy(scores: &[f64], label: i64) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
    let label = usize::try_from(label).ok();
    let own = label.and_then(|label| scores.get(label));
    largest + sum.ln() - own.copied().unwrap_or(f64::NEG_INFINITY)
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
    let sum = squared_error(fixed, weights, dataset)?;
    Ok(fixed.mean_square(sum, dataset.num_rows()))
}

/// Runs the steps of a range on the batches of the schedule. After each step, `progress(step,
/// trace)` is called and may break off. Returns the next step: `steps.end` unless broken off. With momentum a range
/// begins where a segment does.
///
/// # Errors
///
/// [`TrainError::DatasetWidth`], [`TrainError::ScheduleRows`], and those of [`Trainer`]. The weights
/// are those before the failing step.
pub fn train(
    sgd: &Sgd,
    weights: &mut Weights,
    (dataset, schedule): (&Dataset, &Schedule),
    steps: Range<u64>,
    mut progress: impl FnMut(u64, Trace) -> ControlFlow<()>,
) -> Result<u64, TrainError> {
    check_widths(weights, dataset)?;
    let (scheduled, rows) = (schedule.num_rows(), dataset.num_rows());
    if scheduled != rows {
        return Err(TrainError::ScheduleRows { scheduled, rows });
    }
    let mut trainer = Trainer::new(sgd, weights.architecture(), schedule.batch_size())?;
    let count = steps.end.saturating_sub(steps.start);
    for (index, rows) in steps.clone().zip(schedule.batches(steps.start, count)) {
        let (inputs, targets) = dataset.gather(&rows);
        let (inputs, targets) = (Arc::new(inputs), Arc::new(targets));
        let trace = trainer.step(weights, &inputs, &targets, index)?;
        if progress(index, trace).is_break() {
            return Ok(index + 1);
        }
    }
    Ok(steps.end.max(steps.start))
}

/// How many rows there are.
fn samples(weights: &Weights, inputs: &[i64], step: Option<u64>) -> Result<usize, TrainError> {
    let width = weights.architecture().num_inputs();
    match inputs.is_empty() || !inputs.len().is_multiple_of(width) {
        true => Err(TrainError::Shape {
            step,
            tensor: "A0".into(),
            expected: format!("a positive multiple of {width}"),
            found: inputs.len(),
        }),
        false => Ok(inputs.len() / width),
    }
}

fn check_widths(weights: &Weights, dataset: &Dataset) -> Result<(), TrainError> {
    let architecture = weights.architecture();
    let features = dataset.num_features();
    let targets = architecture.outputs_for(dataset.kind())?;
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
mod tests;
