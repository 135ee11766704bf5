//! What proving will cost, before it is begun.
//!
//! Sizes are exact: [`Size`] counts them by a run of the verifier without a proof. Time and memory
//! are linear in them, with weights that were fitted to this crate's own benchmarks; the time is scaled by a
//! small proof that is made on the spot. Expect to be off by a third, and more on a busy machine.
use super::{
    Architecture, FixedPoint, ParentWeights, WeightBound, WeightOpening,
    argument::Size,
    inference::{Batch, InferenceSecrets, InferenceStatement, Model, OutputClaim},
    init, train,
};
use crate::{commit::Curve, error::ProveError, poly::WideField};
use rand::{CryptoRng, RngCore};
use serde::Serialize;
use std::time::Instant;

/// What proofs will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Number of proofs.
    pub proofs: u64,
    /// Row commitments in them.
    pub rows: u64,
    /// Values that are committed for them.
    pub committed: u64,
    /// Looked-up positions, with padding.
    pub lookups: u64,
    /// Bytes of the proofs: exactly.
    pub proof_bytes: u64,
    /// Seconds of proving, estimated.
    pub seconds: f64,
    /// Bytes of memory, estimated: proofs are made one after the other.
    pub memory_bytes: u64,
}

/// How fast this machine is, all threads together.
#[derive(Debug, Clone, Copy)]
pub struct Calibration {
    /// Seconds for a unit of [`work`].
    unit: f64,
}

/// Nanoseconds on the machine of the benchmarks, with vectors and two threads: 85 a lookup, 50 a
/// committed value, 25 an opened one, 34 microseconds a column of the opening at the end.
fn work(size: &Size) -> f64 {
    let terms = [
        (size.lookups, 85.0),
        (size.committed, 50.0),
        (size.opened, 25.0),
        (size.columns, 34_000.0),
    ];
    terms.iter().map(|(count, cost)| *count as f64 * cost).sum()
}

/// Bytes: 36 a lookup, 24 a value, and what the program takes without them.
fn memory(size: &Size) -> u64 {
    let bytes = 36 * size.lookups + 24 * (size.committed + size.opened);
    bytes as u64 + (25 << 20)
}

/// Proofs of this are timed: a network of 256 units a layer and 64 samples.
const WIDTHS: [usize; 3] = [256; 3];
const SAMPLES: usize = 64;

impl Calibration {
    /// Proves a small prediction twice on this curve, and times it.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn measure<C: Curve<ScalarField: WideField>>(
        hiding: bool,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, ProveError> {
        let fixed_point = FixedPoint::compact();
        let architecture = Architecture::new(WIDTHS.to_vec())?;
        let weights = init::expand(0, &architecture, &fixed_point);
        let inputs: Vec<i64> = (0..SAMPLES * WIDTHS[0]).map(|k| (k % 200) as i64).collect();
        let outputs = train::predict(&fixed_point, &weights, &inputs)?;
        let bound = WeightBound::initial(&architecture, &fixed_point);
        let weights = WeightOpening::new(weights, hiding, rng);
        let statement = InferenceStatement::<C> {
            model: Model {
                architecture,
                fixed_point,
                weights: ParentWeights::Committed {
                    commitment: weights.commit(),
                    bound,
                },
                id: [0; 32],
            },
            inputs: Batch::public(WIDTHS[0], inputs),
            claim: OutputClaim::Outputs(Batch::public(WIDTHS[2], outputs)),
            hiding,
        };
        let secrets = InferenceSecrets {
            weights: &weights,
            inputs: None,
            outputs: None,
        };
        // Generators are made in the first.
        let mut seconds = f64::INFINITY;
        for _ in 0..2 {
            let clock = Instant::now();
            statement.prove(secrets)?;
            seconds = seconds.min(clock.elapsed().as_secs_f64());
        }
        Ok(Self {
            unit: seconds / work(&statement.size()?),
        })
    }

    /// What proofs of these sizes will take, so many of each.
    pub fn estimate(self, sizes: &[(Size, u64)]) -> Estimate {
        let sum = |part: fn(&Size) -> usize| -> u64 {
            let parts = sizes.iter();
            parts.fold(0, |sum, (size, count)| {
                sum.saturating_add((part(size) as u64).saturating_mul(*count))
            })
        };
        let seconds = sizes
            .iter()
            .map(|(size, count)| self.unit * work(size) * *count as f64);
        Estimate {
            proofs: sizes.iter().map(|(_, count)| count).sum(),
            rows: sum(|size| size.rows),
            committed: sum(|size| size.committed),
            lookups: sum(|size| size.lookups),
            proof_bytes: sum(|size| size.proof_bytes),
            seconds: seconds.sum(),
            memory_bytes: sizes
                .iter()
                .map(|(size, _)| memory(size))
                .max()
                .unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pallas;

    const SIZE: Size = Size {
        rows: 3,
        committed: 300,
        opened: 1000,
        lookups: 4000,
        columns: 128,
        proof_bytes: 777,
    };

    #[test]
    fn estimates_add_up_and_grow() {
        let calibration = Calibration::measure::<Pallas>(true, &mut rand::rngs::OsRng).unwrap();
        let one = calibration.estimate(&[(SIZE, 1)]);
        assert!(one.seconds > 0.0 && one.seconds.is_finite());
        let many = calibration.estimate(&[(SIZE, 4), (SIZE, 3)]);
        assert_eq!((many.proofs, many.rows, many.proof_bytes), (7, 21, 7 * 777));
        assert!((many.seconds / one.seconds - 7.0).abs() < 1e-9);
        // One proof is held at a time.
        assert_eq!(many.memory_bytes, one.memory_bytes);
        for more in [
            Size {
                committed: 10_000,
                ..SIZE
            },
            Size {
                opened: 10_000,
                ..SIZE
            },
            Size {
                lookups: 10_000,
                ..SIZE
            },
        ] {
            let more = calibration.estimate(&[(more, 1)]);
            assert!(more.seconds > one.seconds && more.memory_bytes > one.memory_bytes);
        }
        let endless = calibration.estimate(&[(SIZE, u64::MAX)]);
        assert_eq!(endless.proof_bytes, u64::MAX);
        assert!(calibration.estimate(&[]).seconds == 0.0);
    }
}
