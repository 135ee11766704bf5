//! Optimisers that are linear in the gradients: $W_t = W_0 - \sum_{\tau} K_{t \tau} \nabla_\tau$ for a public
//! integer matrix $K$, strictly lower triangular: were $K_{tt}$ not zero, a prover could choose $W_t$.
//!
//! Equations 60 to 65 of [`notes`](crate::notes), *Optimisers*. Whatever is linear costs a proof nothing: a statement
//! has a few integers, and whoever reads it makes $K$ of them by integer arithmetic, the same on every machine.
//! Here is no floating point.
//!
//! * [`RateSchedule`]: the rate of each step, as a fraction of the largest one;
//! * [`Momentum`]: what a gradient does in the steps behind its own;
//! * [`Coefficients`]: the matrix of one segment.
//!
//! Velocity is *restarted* at each segment: a segment's $K$ knows the gradients of its own steps alone. So the
//! [`Plan`] has the length of segments, and another length is another training.
mod coding;
mod matrix;
mod rates;
mod text;

pub use matrix::{Coefficients, UpdateMatrix};
pub use rates::{Millionths, RateSchedule};

use super::fixed::{FixedPoint, LearningRate};
use crate::error::ConfigError;

/// Most steps of a segment: a matrix has at most as many rows.
pub const MAX_SEGMENT_STEPS: usize = 1 << 10;

/// How gradients move parameters. Public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Optimiser {
    rate: LearningRate,
    momentum: Momentum,
    schedule: RateSchedule,
}

/// What a gradient does in the steps behind its own; velocity $v_t = \beta v_{t-1} + \nabla_t$.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Momentum {
    /// Nothing.
    #[default]
    None,
    /// Heavy ball: $W_{t+1} = W_t - \eta_t v_t$, with this $\beta$.
    Heavy(Millionths),
    /// Nesterov: $W_{t+1} = W_t - \eta_t (\nabla_t + \beta v_t)$, with this $\beta$.
    Nesterov(Millionths),
}

impl Momentum {
    /// $\beta$, in millionths; 0 without momentum.
    pub fn beta(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Heavy(beta) | Self::Nesterov(beta) => beta.get(),
        }
    }

    /// Checks that $\beta$ lies between 0 and 1.
    fn check(self) -> Result<(), ConfigError> {
        match self {
            Self::Heavy(beta) | Self::Nesterov(beta) if !beta.is_between() => {
                let what = format!("momentum of {beta}: it lies between 0 and 1, such as 0.9");
                Err(ConfigError::Optimiser { what })
            }
            _ => Ok(()),
        }
    }

    /// Equation 62. The weights of a gradient in its own step and in those behind it, with 32 fraction bits.
    fn weights(self, steps: usize) -> Vec<u64> {
        let next =
            |power: &u64| Some(((u128::from(*power) * u128::from(self.beta())) / MILLION) as u64);
        let mut powers = std::iter::successors(Some(ONE), next);
        match self {
            Self::Nesterov(_) => {
                let own = powers.next().unwrap_or(0);
                let mut weights: Vec<u64> = powers.take(steps).collect();
                weights.iter_mut().take(1).for_each(|w| *w += own);
                weights
            }
            _ => powers.take(steps).collect(),
        }
    }
}

/// One, of rates and weights with 32 fraction bits.
const ONE: u64 = 1 << 32;
const MILLION: u128 = 1_000_000;

impl Optimiser {
    /// Fewest units of $K$ that the largest rate may be, but for plain gradient descent: what momentum and schedule
    /// make of it is rounded to units.
    pub const LEAST_UNITS: u64 = 12;
    /// The largest rate in units, but for plain gradient descent: no entry of $K$ reaches 63 bits.
    pub const MOST_UNITS: u64 = 1 << 52;

    /// With a largest rate, momentum and a schedule.
    ///
    /// # Errors
    /// [`ConfigError::Optimiser`] for a fraction that is none; unless this is plain gradient descent
    /// [`ConfigError::CoarseRate`] below [`LEAST_UNITS`](Self::LEAST_UNITS) and
    /// [`ConfigError::CoefficientOutOfRange`] above [`MOST_UNITS`](Self::MOST_UNITS).
    pub fn new(
        rate: LearningRate,
        momentum: Momentum,
        schedule: RateSchedule,
    ) -> Result<Self, ConfigError> {
        let this = Self {
            rate,
            momentum,
            schedule,
        };
        momentum.check()?;
        schedule.check()?;
        match rate.coefficient() {
            _ if this.is_plain() => Ok(this),
            units if units < Self::LEAST_UNITS => Err(ConfigError::CoarseRate {
                units,
                least: Self::LEAST_UNITS,
            }),
            units if units > Self::MOST_UNITS => Err(ConfigError::CoefficientOutOfRange {
                coefficient: units,
                max: Self::MOST_UNITS,
            }),
            _ => Ok(this),
        }
    }

    /// With the largest rate nearest to `rate`, the rate for the mean loss of a batch.
    ///
    /// # Errors
    /// Those of [`LearningRate::nearest`] and of [`new`](Self::new).
    pub fn nearest(
        (fixed, batch): (&FixedPoint, usize),
        rate: f64,
        momentum: Momentum,
        schedule: RateSchedule,
    ) -> Result<Self, ConfigError> {
        let plain = (momentum, schedule) == (Momentum::None, RateSchedule::Constant);
        if let (false, Some(units)) = (plain, LearningRate::units(fixed, batch, rate))
            && units < Self::LEAST_UNITS
        {
            return Err(ConfigError::CoarseRate {
                units,
                least: Self::LEAST_UNITS,
            });
        }
        Self::new(
            LearningRate::nearest(fixed, batch, rate)?,
            momentum,
            schedule,
        )
    }

    /// The largest rate of a step: its coefficient counts units of $K$.
    pub fn rate(self) -> LearningRate {
        self.rate
    }

    /// Its momentum.
    pub fn momentum(self) -> Momentum {
        self.momentum
    }

    /// The rates of its steps.
    pub fn schedule(self) -> RateSchedule {
        self.schedule
    }

    /// Whether this is plain gradient descent: $K_{t \tau} = c \lbrack \tau < t \rbrack$.
    pub fn is_plain(self) -> bool {
        self.momentum == Momentum::None && self.schedule == RateSchedule::Constant
    }
}

/// Plain gradient descent.
impl From<LearningRate> for Optimiser {
    fn from(rate: LearningRate) -> Self {
        Self {
            rate,
            momentum: Momentum::None,
            schedule: RateSchedule::Constant,
        }
    }
}

/// An optimiser for a run of a given length, in segments: what makes the matrix of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How gradients move parameters.
    pub optimiser: Optimiser,
    /// Steps of the run.
    pub steps: u64,
    /// Steps of a segment; the last may be shorter.
    pub segment_steps: u64,
}

/// Plain gradient descent, for any number of steps.
impl From<LearningRate> for Plan {
    fn from(rate: LearningRate) -> Self {
        Self {
            optimiser: rate.into(),
            steps: u64::MAX,
            segment_steps: u64::MAX,
        }
    }
}

impl Plan {
    /// Checks that segments are not too long for their matrices.
    ///
    /// # Errors
    /// [`ConfigError::LongSegment`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let (steps, max) = (self.segment_steps.min(self.steps), MAX_SEGMENT_STEPS);
        match self.optimiser.is_plain() || steps <= max as u64 {
            true => Ok(()),
            false => Err(ConfigError::LongSegment { steps, max }),
        }
    }

    /// The first step of the segment of a step.
    pub fn first_of(&self, step: u64) -> u64 {
        step - step % self.segment_steps.max(1)
    }

    /// The matrix of the segment that starts with a step.
    pub fn matrix(&self, first_step: u64) -> UpdateMatrix {
        let left = self.steps.saturating_sub(first_step);
        let steps = left.min(self.segment_steps).min(MAX_SEGMENT_STEPS as u64);
        match self.optimiser.is_plain() {
            true => UpdateMatrix::Plain(self.optimiser.rate),
            false => UpdateMatrix::Of(Coefficients::new(self, first_step..first_step + steps)),
        }
    }

    /// A number that divides all entries of all matrices.
    pub fn common_factor(&self) -> u64 {
        match self.optimiser.is_plain() {
            true => self.optimiser.rate.coefficient(),
            false => 1,
        }
    }

    /// The rate of a step, in units of $K$: all that a gradient does without momentum.
    pub fn coefficient(&self, step: u64) -> u64 {
        let rate = self.optimiser.schedule.at(step, self.steps);
        let product = u128::from(self.optimiser.rate.coefficient()) * u128::from(rate);
        ((product + u128::from(ONE / 2)) >> ONE.trailing_zeros()) as u64
    }

    /// The rate of a step for the mean loss of a batch, as a real number.
    pub fn rate(&self, step: u64, fixed: &FixedPoint, batch: usize) -> f64 {
        let part = self.optimiser.schedule.at(step, self.steps) as f64 / ONE as f64;
        self.optimiser.rate.as_f64(fixed, batch) * part
    }

    /// Equation 65. No weight moves by more than this times the largest gradient. `None` above 128 bits, or if segments
    /// are too long.
    pub fn largest_sum(&self) -> Option<u128> {
        let rate = u128::from(self.optimiser.rate.coefficient());
        if self.optimiser.is_plain() {
            return rate.checked_mul(self.steps.into());
        }
        self.check().ok()?;
        let size = self.segment_steps.max(1).min(self.steps);
        let weights = self.optimiser.momentum.weights(size as usize);
        let of_segment = |steps: u64| {
            let sums = weights.iter().scan(0, |sum: &mut u128, weight| {
                *sum += u128::from(*weight);
                Some((rate * *sum).div_ceil(ONE.into()))
            });
            sums.take(steps as usize).sum::<u128>()
        };
        let (whole, rest) = (self.steps.checked_div(size)?, self.steps.checked_rem(size)?);
        let whole = of_segment(size).checked_mul(whole.into())?;
        whole.checked_add(of_segment(rest))
    }
}

#[cfg(test)]
pub(crate) mod tests;
