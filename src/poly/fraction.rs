//! Fractions of field elements.
use super::{WideField, wide::sum_of_two};

/// `n / d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Fraction<F> {
    /// The numerator.
    pub n: F,
    /// The denominator.
    pub d: F,
}

impl<F: WideField> Fraction<F> {
    /// The padding `0/1`.
    pub fn zero() -> Self {
        Self {
            n: F::ZERO,
            d: F::ONE,
        }
    }

    /// Equation 32.
    pub fn add(&self, other: &Self) -> Self {
        Self {
            n: sum_of_two(&self.n, &other.d, &other.n, &self.d),
            d: self.d * other.d,
        }
    }

    /// `n + half_lambda d` over `d`.
    pub fn batched(&self, half_lambda: F) -> Self {
        Self {
            n: self.n + half_lambda * self.d,
            d: self.d,
        }
    }
}
