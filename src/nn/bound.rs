//! Public bounds on weights, and that nothing wraps around a field.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
use super::{
    fixed::FixedPoint,
    init,
    model::{self, Task},
    network::Architecture,
    optimise::Plan,
    program::bound,
};
use crate::error::ConfigError;

/// A public bound on the magnitude of every weight and bias of a node.
///
/// Weights have no range proof. They start in a public range and each edge moves them by a
/// bounded integer, so a verifier follows the bound along a lineage and from it sees that no
/// integer wraps around the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeightBound(u128);

impl WeightBound {
    /// A bound known by other means.
    pub fn new(bound: u128) -> Self {
        Self(bound)
    }

    /// The bound of a root: the largest [`init::bound`] of its layers.
    pub fn initial(architecture: &Architecture, fixed: &FixedPoint) -> Self {
        let bound = |layer| init::bound(architecture.inputs(layer), fixed).unsigned_abs();
        Self(
            (0..architecture.num_layers())
                .map(bound)
                .max()
                .map_or(0, u128::from),
        )
    }

    /// The bound itself: no weight and no bias of any layer is larger.
    pub fn get(self) -> u128 {
        self.0
    }

    /// Equations 13 and 65, the bound after the steps of a plan: larger by the largest entry that a gradient can have,
    /// which the program of the network says, times the largest sum of coefficients.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WeightBoundOverflow`] above 128 bits; those of [`Plan::check`] and [`model::program`].
    pub fn after(
        self,
        plan: &Plan,
        batch: usize,
        architecture: &Architecture,
        fixed: &FixedPoint,
    ) -> Result<Self, ConfigError> {
        plan.check()?;
        let program = model::program(architecture.graph(), fixed, batch, Task::Training)?;
        let largest = bound::largest_gradient(&program);
        let steps = plan.steps;
        // A bound that is saturated is none.
        let largest = Some(largest).filter(|largest| *largest < u128::MAX);
        plan.largest_sum()
            .zip(largest)
            .and_then(|(sum, largest)| sum.checked_mul(largest))
            .and_then(|change| change.checked_add(self.0))
            .map(Self)
            .ok_or(ConfigError::WeightBoundOverflow { steps })
    }

    /// Checks that with weights within this bound no integer of the relation of training wraps around a field
    /// of `field_bits` bits: every value, and what every rounding drops before it is known to be small,
    /// stays below `2^(field_bits - 2)` in magnitude. Sums are bounded in whole bits.
    ///
    /// # Errors
    ///
    /// [`ConfigError::MayWrap`] with the first value that might; those of [`model::program`].
    pub fn check_no_wrap(
        self,
        architecture: &Architecture,
        fixed: &FixedPoint,
        field_bits: u32,
    ) -> Result<(), ConfigError> {
        let program = model::program(architecture.graph(), fixed, 1, Task::Training)?;
        let limit = field_bits.saturating_sub(2);
        match bound::largest_bits(&program, self.0, limit) {
            Some((tensor, bits)) => Err(ConfigError::MayWrap {
                tensor,
                bits,
                limit,
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::nn::{
        LearningRate,
        program::{Data, Program, Purpose, SAMPLE, at, over, term},
    };

    fn plain(rate: LearningRate, steps: u64) -> Plan {
        Plan {
            steps,
            ..rate.into()
        }
    }

    #[test]
    fn weight_bound_follows_its_formula() {
        let fixed = FixedPoint::compact();
        let architecture = Architecture::new(vec![11, 64, 1]).unwrap();
        let initial = WeightBound::initial(&architecture, &fixed);
        assert_eq!(
            initial.get(),
            (6_u128 << 68).checked_div(11).unwrap().isqrt()
        );
        let rate = LearningRate::from_coefficient(20).unwrap();
        let after = initial
            .after(&plain(rate, 7), 32, &architecture, &fixed)
            .unwrap();
        // The output layer's gradient, 4 (2^13 + 2^13) = 2^16, beats the hidden 2^15.
        assert_eq!(
            after.get() - initial.get(),
            7 * 20 * 32 * (1 << 13) * (1 << 16)
        );
        assert_eq!(
            initial.after(&plain(rate, 0), 32, &architecture, &fixed),
            Ok(initial)
        );
        let rate = LearningRate::from_coefficient(LearningRate::MAX).unwrap();
        assert_eq!(
            initial.after(&plain(rate, u64::MAX), 32, &architecture, &fixed),
            Err(ConfigError::WeightBoundOverflow { steps: u64::MAX })
        );
    }

    #[test]
    fn wrapping_is_refused() {
        let architecture = Architecture::new(vec![3072, 1024, 1024, 10]).unwrap();
        for fixed in [FixedPoint::compact(), FixedPoint::paper()] {
            let rate = LearningRate::nearest(&fixed, 64, 0.01).unwrap();
            let bound = WeightBound::initial(&architecture, &fixed)
                .after(&plain(rate, 1_000_000), 64, &architecture, &fixed)
                .unwrap();
            bound.check_no_wrap(&architecture, &fixed, 255).unwrap();
        }
        let fixed = FixedPoint::compact();
        // Terms 2^12, inputs 2^13, one bit for the difference: limits around 40 + 26 bits.
        let bound = WeightBound::new(1 << 40);
        let refused = |field_bits| bound.check_no_wrap(&architecture, &fixed, field_bits);
        let wraps = |tensor: &str, bits, limit| {
            Err(ConfigError::MayWrap {
                tensor: tensor.to_owned(),
                bits,
                limit,
            })
        };
        let rest = |of: &str| format!("what is left of rounding to {of}");
        assert_eq!(refused(0), wraps("A0", 13, 0));
        assert_eq!(refused(42), wraps("W1", 40, 40));
        assert_eq!(refused(68), wraps(&rest("Y1"), 66, 66));
        assert_eq!(refused(69), Ok(()));
        let narrow = Architecture::new(vec![1, 1024, 1024]).unwrap();
        let error = bound.check_no_wrap(&narrow, &fixed, 69).unwrap_err();
        assert_eq!(error, wraps(&rest("H1"), 67, 67).unwrap_err());
    }

    /// A bound ends at 128 bits: what is there may be larger.
    #[test]
    fn bounds_that_saturate_are_refused() {
        let scaled = |times: usize| {
            let mut p = Program::new(Purpose::Training, &FixedPoint::compact(), 1);
            let mut x = p.input("A0", Data::Inputs, &[SAMPLE]);
            let indices = over(&[SAMPLE]);
            for _ in 0..times {
                let terms = vec![term(1 << 100, [at(x, &indices)], &indices)];
                x = p.sum("scaled", &[SAMPLE], 8, terms);
            }
            bound::largest_bits(&p, 1, 253)
        };
        assert_eq!(scaled(1), None);
        assert_eq!(scaled(2), Some(("scaled".to_owned(), u32::MAX)));
    }
}
