//! The matrix of one segment.
use super::{LearningRate, ONE, Plan};
use std::{ops::Range, sync::Arc};

/// How the gradients of a segment move parameters in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateMatrix {
    /// Plain gradient descent: $K_{t \tau} = c \lbrack \tau < t \rbrack$, for all $t$.
    Plain(LearningRate),
    /// Any other.
    Of(Coefficients),
}

/// The strictly lower triangular matrix $K_{t \tau}$ of a segment, for $0 \le t \le T$ and $0 \le \tau < T$: zero where
/// $t \le \tau$, not negative, and growing with $t$.
///
/// Kept are the $2 T$ numbers that its entries follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coefficients {
    /// The largest rate, in units.
    peak: u64,
    /// Of each step, with 32 fraction bits.
    rates: Arc<[u64]>,
    /// What a gradient weighs so many steps behind its own, with 32 fraction bits.
    weights: Arc<[u64]>,
}

#[cfg(test)]
impl UpdateMatrix {
    /// $K_{t \tau}$ in a step, real or not.
    pub(crate) fn entry(&self, t: usize, tau: usize) -> i64 {
        match self {
            Self::Plain(rate) if tau < t => rate.coefficient() as i64,
            Self::Of(matrix) if tau < t && t < matrix.steps() => {
                matrix.column(tau).nth(t - tau - 1).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// $K_{T \tau}$.
    pub(crate) fn last(&self, tau: usize) -> i64 {
        match self {
            Self::Plain(rate) => rate.coefficient() as i64,
            Self::Of(matrix) => matrix.column(tau).last().unwrap_or(0),
        }
    }
}

impl Coefficients {
    /// Of these steps of a run, at most [`MAX_SEGMENT_STEPS`](super::MAX_SEGMENT_STEPS).
    pub(super) fn new(plan: &Plan, steps: Range<u64>) -> Self {
        let optimiser = plan.optimiser;
        let weights = optimiser.momentum.weights(steps.clone().count());
        let rates = steps.map(|step| optimiser.schedule.at(step, plan.steps));
        Self {
            peak: optimiser.rate.coefficient(),
            rates: rates.collect(),
            weights: weights.into(),
        }
    }

    /// $T$.
    pub fn steps(&self) -> usize {
        self.rates.len()
    }

    /// Equation 63. $K_{\tau + 1, \tau}, \dots, K_{T \tau}$, below $2^{63}$; what is above them is zero.
    pub fn column(&self, tau: usize) -> impl Iterator<Item = i64> + '_ {
        let rates = self.rates.get(tau..).unwrap_or_default();
        let rounded = |sum: u128| ((sum + (1 << 63)) >> 64) as i64;
        let pairs = rates.iter().zip(self.weights.iter());
        pairs.scan(0_u128, move |sum, (rate, weight)| {
            // Below 2^85, and together below 2^127: weights add up to less than 1025, in units of 2^32.
            *sum += u128::from(self.peak) * u128::from(*rate) * u128::from(*weight);
            Some(rounded(*sum))
        })
    }

    /// $K_{T \tau}$ for each $\tau$: what becomes of gradients behind the last step.
    pub fn last(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.steps()).map(|tau| self.column(tau).last().unwrap_or(0))
    }
}

const _: () = assert!(ONE == 1 << 32);
