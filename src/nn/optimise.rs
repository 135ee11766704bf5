//! Optimisers that are linear in the gradients: $W_t = W_0 - \sum_{\tau} K_{t \tau} \nabla_\tau$ for a public
//! integer matrix $K$, strictly lower triangular: were $K_{tt}$ not zero, a prover could choose $W_t$.
use super::fixed::LearningRate;

/// How gradients move parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimiser {
    /// Stochastic gradient descent: $K_{t \tau} = c \lbrack \tau < t \rbrack$.
    Sgd(LearningRate),
}

impl Optimiser {
    /// The largest $\sum_\tau \vert K_{t \tau} \vert$ of so many steps.
    pub fn largest_sum(self, steps: u64) -> Option<u128> {
        match self {
            Self::Sgd(rate) => u128::from(rate.coefficient()).checked_mul(steps.into()),
        }
    }
}
