//! The same training in double precision, for comparing losses. Nothing is proven about it.
//!
//! It starts from the integer weights divided by `2^w`, sees the integer data divided by `2^s`,
//! the same batches and the same rate; only the roundings are missing.

use super::{
    data::Dataset,
    fixed::FixedPoint,
    model::{self, Task},
    network::{Architecture, Weights},
    optimise::{Momentum, Plan},
    program::{
        Data, Program,
        float::{self, Reals},
    },
    schedule::Schedule,
};
use crate::error::ConfigError;
use std::ops::Range;

/// Rows evaluated at once.
const EVALUATION_ROWS: usize = 256;

/// A network in double precision.
#[derive(Clone)]
pub struct FloatNetwork {
    architecture: Architecture,
    format: FixedPoint,
    /// `[inputs + 1, outputs]` of each layer, the bias last.
    parameters: Vec<Vec<f64>>,
}

impl FloatNetwork {
    /// The network with these weights divided by `2^w`.
    pub fn new(weights: &Weights, fixed: &FixedPoint) -> Self {
        let tensors = weights.tensors().into_iter();
        let parameters = tensors.map(|values| scaled(values, fixed.weight_bits()));
        Self {
            architecture: weights.architecture().clone(),
            format: fixed.clone(),
            parameters: parameters.collect(),
        }
    }

    /// A network with these parameters, `[inputs + 1, outputs]` of each layer, the bias last.
    pub fn with_parameters(
        architecture: Architecture,
        fixed: &FixedPoint,
        parameters: Vec<Vec<f64>>,
    ) -> Self {
        Self {
            architecture,
            format: fixed.clone(),
            parameters,
        }
    }

    fn program(&self, samples: usize, task: Task) -> Result<Program, ConfigError> {
        model::program(self.architecture.graph(), &self.format, samples, task)
    }

    /// Runs the steps of a range on the batches of the schedule, by a plan's optimiser in real numbers. Velocity
    /// is zero at the start of the range and of each segment. The dataset's widths are the network's and its rows
    /// the schedule's.
    ///
    /// # Errors
    /// [`ConfigError`] if the network cannot be run in its formats.
    pub fn train(
        &mut self,
        dataset: &Dataset,
        schedule: &Schedule,
        steps: Range<u64>,
        plan: &Plan,
    ) -> Result<(), ConfigError> {
        let program = self.program(schedule.batch_size(), Task::Training)?;
        let count = steps.end.saturating_sub(steps.start);
        let parameters = self.parameters.iter();
        let mut velocities: Vec<Vec<f64>> =
            parameters.map(|values| vec![0.0; values.len()]).collect();
        for (step, rows) in steps.clone().zip(schedule.batches(steps.start, count)) {
            let data = self.data(dataset, &rows);
            let reals = float::run(&program, &data, &self.parameters);
            let rate = plan.rate(step, &self.format, rows.len()) / rows.len() as f64;
            let pairs = self.parameters.iter_mut().zip(&mut velocities);
            for (k, (parameter, velocity)) in pairs.enumerate() {
                let gradient = float::gradient(&program, &reals, k);
                if step == plan.first_of(step) {
                    velocity.fill(0.0);
                }
                let rule = plan.optimiser.momentum();
                for ((w, v), gradient) in parameter.iter_mut().zip(velocity).zip(gradient) {
                    *w -= rate * moved(rule, v, gradient);
                }
            }
        }
        Ok(())
    }

    /// The mean over rows of the sum over outputs of the squared error, in units of the
    /// standardised targets. Zero for no rows.
    ///
    /// # Errors
    /// As of [`train`](Self::train).
    pub fn mean_squared_error(&self, dataset: &Dataset) -> Result<f64, ConfigError> {
        let rows: Vec<usize> = (0..dataset.num_rows()).collect();
        let mut sum = 0.0;
        for rows in rows.chunks(EVALUATION_ROWS) {
            let data = self.data(dataset, rows);
            let outputs = self.predict(&data(Data::Inputs))?;
            let pairs = outputs.iter().zip(data(Data::Targets));
            sum += pairs.map(|(y, t)| (y - t) * (y - t)).sum::<f64>();
        }
        Ok(sum / rows.len().max(1) as f64)
    }

    /// The outputs, `[samples, outputs]`, for `[samples, inputs]`, both row-major.
    ///
    /// # Errors
    /// As of [`train`](Self::train).
    pub fn predict(&self, inputs: &[f64]) -> Result<Vec<f64>, ConfigError> {
        let (program, reals) = self.run(inputs)?;
        let outputs = program.outputs().first();
        Ok(outputs.map_or_else(Vec::new, |value| reals.get(*value).to_vec()))
    }

    /// The forward pass of `[samples, inputs]`, row-major: its program and all of its values.
    ///
    /// # Errors
    /// As of [`train`](Self::train).
    pub fn run(&self, inputs: &[f64]) -> Result<(Program, Reals), ConfigError> {
        let samples = inputs.len() / self.architecture.num_inputs();
        let task = Task::Outputs {
            inputs_in_range: false,
        };
        let program = self.program(samples, task)?;
        let reals = float::run(&program, &|_| inputs.to_vec(), &self.parameters);
        Ok((program, reals))
    }

    fn data(&self, dataset: &Dataset, rows: &[usize]) -> impl Fn(Data) -> Vec<f64> + use<> {
        let bits = self.format.activation_bits();
        let (inputs, targets) = dataset.gather(rows);
        move |data| match data {
            Data::Inputs => scaled(&inputs, bits),
            Data::Targets => scaled(&targets, bits),
        }
    }
}

/// What a parameter moves by, but for the rate, when its gradient joins its velocity.
fn moved(momentum: Momentum, velocity: &mut f64, gradient: f64) -> f64 {
    let beta = momentum.beta() as f64 / 1e6;
    *velocity = beta * *velocity + gradient;
    match momentum {
        Momentum::Nesterov(_) => gradient + beta * *velocity,
        _ => *velocity,
    }
}

/// Shapes only: weights are secrets.
impl std::fmt::Debug for FloatNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FloatNetwork({})", self.architecture)
    }
}

/// Integers divided by `2^bits`.
fn scaled(values: &[i64], bits: u32) -> Vec<f64> {
    let unit = (1_u64 << bits) as f64;
    values.iter().map(|&x| x as f64 / unit).collect()
}
