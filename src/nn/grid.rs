//! Weights of unknown origin: their range, and the proof of it.
//!
//! Along a lineage from a seed a verifier follows the bound on weights and knows that padding is zero.
//! Weights that come from elsewhere need a proof of both, once.
//!
//! **Relation.** A [`WeightGrid`] holds for a commitment if every weight and bias in it is
//! $v \cdot 2^{\mathrm{step}}$ with $|v| < 2^{\mathrm{range} - 1}$, and nothing is committed at units that the
//! architecture does not have.
//!
//! **Prover, verifier.** One [`argument`](super::argument) for the relation
//! [`WeightRange`]: the quotients $v$ are lookups in one table, beside a
//! public gate. Nothing but the multiplicities is committed.
//!
//! **Soundness.** Equation 52 of [`notes`](crate::notes). The bound on weights that follows is
//! [`WeightGrid::bound`].
//!
//! **Departures.** Nothing of the kind is in the papers: they take weights as given.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
mod range;

pub use range::WeightRange;

use super::{
    Architecture, WeightBound, WeightCommitment, WeightOpening,
    argument::{Argument, Pending},
    claim::{Claim, describe, weight_inputs},
    encoding::Encoder,
    network::Layer,
};
use crate::{
    commit::{Curve, RowCommitments},
    error::{ConfigError, ProveError, StatementError, VerifyError},
    poly::WideField,
    security::Soundness,
};
use serde::{Deserialize, Serialize};

/// Most bits of the range: the table has as many entries as it has values.
const MAX_RANGE_BITS: u32 = 20;
/// Most bits of a weight.
const MAX_BITS: u32 = 62;

/// The grid that weights are on: `v * 2^step_bits`, in units of `2^-w`, with
/// `|v| < 2^(range_bits - 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightGrid {
    /// `log2` of the step.
    pub step_bits: u32,
    /// Bits of the range of `v`, with the sign: from 2 to 20.
    pub range_bits: u32,
}

impl WeightGrid {
    /// The finest grid of `range_bits` bits that has a place for a weight of magnitude `largest`, in
    /// units of `2^-w`.
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn finest(largest: u64, range_bits: u32) -> Result<Self, ConfigError> {
        let bits = u64::BITS - largest.leading_zeros();
        let magnitude = range_bits.saturating_sub(1);
        let mut grid = Self {
            step_bits: bits.saturating_sub(magnitude),
            range_bits,
        };
        grid.validate()?;
        // Rounding may carry beyond the last value.
        if grid.round(i128::from(largest)) > i128::from(grid.largest()) {
            grid.step_bits += 1;
        }
        grid.validate()?;
        Ok(grid)
    }

    /// Checks the numbers of bits.
    ///
    /// # Errors
    /// [`ConfigError::BitsOutOfRange`] unless the range has from 2 to 20 bits, and step and range
    /// together at most 62.
    pub fn validate(self) -> Result<(), ConfigError> {
        let (bits, step) = (self.range_bits, self.step_bits);
        let check = |field, value: u32, min: u32, max: u32| match (min..=max).contains(&value) {
            true => Ok(()),
            false => Err(ConfigError::BitsOutOfRange {
                field,
                bits: value,
                min,
                max,
            }),
        };
        check("range_bits", bits, 2, MAX_RANGE_BITS)?;
        check("step_bits", step, 0, MAX_BITS - bits)
    }

    /// `largest |v|`.
    pub fn largest(self) -> u64 {
        (1 << (self.range_bits - 1)) - 1
    }

    /// The nearest `v` of a weight, ties away from zero.
    pub fn round(self, weight: i128) -> i128 {
        let half = (1_i128 << self.step_bits) >> 1;
        let magnitude = (weight.abs() + half) >> self.step_bits;
        weight.signum() * magnitude
    }

    /// No weight on the grid is larger.
    pub fn bound(self) -> WeightBound {
        WeightBound::new(u128::from(self.largest()) << self.step_bits)
    }

    /// Proves that the committed weights are on this grid. The proof is bound to `subject`, a hash of
    /// whatever they are presented with, and passes for nothing else.
    ///
    /// # Errors
    /// [`ProveError::Statement`] for impossible bits, or if a weight is no multiple of the step;
    /// [`ProveError::NotInTable`] if one is out of range.
    pub fn prove<C: Curve<ScalarField: WideField>>(
        self,
        weights: &WeightOpening<C::ScalarField>,
        commitment: &WeightCommitment<C>,
        hiding: bool,
        subject: &[u8; 32],
    ) -> Result<Vec<u8>, ProveError> {
        let architecture = weights.weights().architecture();
        let claim = GridClaim::new(self, architecture, commitment, hiding, subject)?;
        let step = 1_i64 << self.step_bits;
        let layers = weights.weights().layers().iter();
        let mut entries = layers.flat_map(Layer::values);
        if entries.any(|weight| weight % step != 0) {
            let step_bits = self.step_bits;
            return Err(StatementError::OffGrid { step_bits }.into());
        }
        let mut values = claim.range.witness(weights.weights())?;
        let known = weights.matrices();
        let tensors = claim.range.weights().iter().copied();
        values.extend(tensors.zip(known.iter().map(|matrix| matrix.values.clone())));
        claim.prove(&values, &known, true)
    }

    /// Verifies a proof of [`prove`](Self::prove) but for the group equation of the returned
    /// [`Pending`].
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify<C: Curve<ScalarField: WideField>>(
        self,
        architecture: &Architecture,
        commitment: &WeightCommitment<C>,
        hiding: bool,
        subject: &[u8; 32],
        proof: &[u8],
    ) -> Result<Pending<C>, VerifyError> {
        GridClaim::new(self, architecture, commitment, hiding, subject)?.verify(proof)
    }

    /// The soundness of such a proof. Needs no proof.
    ///
    /// # Errors
    /// [`VerifyError`] if the statement does not hold together.
    pub fn soundness<C: Curve<ScalarField: WideField>>(
        self,
        architecture: &Architecture,
        commitment: &WeightCommitment<C>,
        hiding: bool,
    ) -> Result<Soundness, VerifyError> {
        // It is the same for every subject.
        GridClaim::new(self, architecture, commitment, hiding, &[0; 32])?.soundness()
    }
}

/// "The committed weights are on the grid."
struct GridClaim<'a, C: Curve> {
    grid: WeightGrid,
    architecture: &'a Architecture,
    commitment: &'a WeightCommitment<C>,
    hiding: bool,
    subject: &'a [u8; 32],
    range: WeightRange<C::ScalarField>,
    argument: Argument<C::ScalarField>,
}

impl<'a, C: Curve<ScalarField: WideField>> GridClaim<'a, C> {
    fn new(
        grid: WeightGrid,
        architecture: &'a Architecture,
        commitment: &'a WeightCommitment<C>,
        hiding: bool,
        subject: &'a [u8; 32],
    ) -> Result<Self, VerifyError> {
        grid.validate()?;
        commitment.check_shape(architecture)?;
        let range = WeightRange::new(architecture, grid.step_bits, grid.range_bits);
        let committed = std::slice::from_ref(range.multiplicities());
        let mut argument = describe(range.relation(), committed, hiding);
        weight_inputs(&mut argument, range.weights(), architecture, None);
        Ok(Self {
            grid,
            architecture,
            commitment,
            hiding,
            subject,
            range,
            argument,
        })
    }
}

impl<C: Curve<ScalarField: WideField>> Claim<C> for GridClaim<'_, C> {
    fn name(&self) -> String {
        "weight range".to_string()
    }

    fn statement(&self) -> Vec<u8> {
        Encoder::new("zktree/v3/weight-range")
            .string(C::NAME)
            .bytes(&self.architecture.encode())
            .hash(&self.commitment.digest())
            .number(u64::from(self.grid.step_bits))
            .number(u64::from(self.grid.range_bits))
            .flag(self.hiding)
            .hash(self.subject)
            .finish()
    }

    fn argument(&self) -> &Argument<C::ScalarField> {
        &self.argument
    }

    fn known(&self) -> Vec<&RowCommitments<C>> {
        self.commitment.layers().iter().collect()
    }
}

#[cfg(test)]
pub(crate) mod cheats;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Layer, Weights};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng, rngs::OsRng};

    type C = crate::Pallas;
    type Scalar = <C as ark_ec::PrimeGroup>::ScalarField;

    const SUBJECT: [u8; 32] = [7; 32];

    fn accepted(
        grid: WeightGrid,
        architecture: &Architecture,
        commitment: &WeightCommitment<C>,
        hiding: bool,
        proof: &[u8],
    ) -> bool {
        let verified = grid.verify(architecture, commitment, hiding, &SUBJECT, proof);
        verified.and_then(|p| Pending::check_all(&[p])).is_ok()
    }

    fn weights(architecture: &Architecture, mut draw: impl FnMut() -> i64) -> Weights {
        let layer = |k| {
            Layer::new(
                (0..architecture.inputs(k) * architecture.outputs(k))
                    .map(|_| draw())
                    .collect(),
                (0..architecture.outputs(k)).map(|_| draw()).collect(),
            )
        };
        let layers = (0..architecture.num_layers()).map(layer).collect();
        Weights::new(architecture.clone(), layers).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10))]
        #[test]
        fn weights_on_the_grid_are_proven(
            widths in prop::collection::vec(1_usize..9, 2..5),
            step_bits in 0_u32..40,
            range_bits in 2_u32..10,
            hiding: bool,
            seed: u64,
        ) {
            let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed);
            let grid = WeightGrid { step_bits, range_bits };
            let architecture = Architecture::new(widths).unwrap();
            let end = grid.largest() as i64;
            let weights = weights(&architecture, || rng.gen_range(-end..=end) << step_bits);
            let opening = WeightOpening::new(weights, hiding, &mut OsRng);
            let commitment = opening.commit::<C>();
            let proof = grid.prove(&opening, &commitment, hiding, &SUBJECT).unwrap();
            prop_assert!(accepted(grid, &architecture, &commitment, hiding, &proof));
            // Of another grid, commitment or kind it proves nothing.
            let finer = WeightGrid { step_bits: step_bits + 1, ..grid };
            let longer = WeightGrid { range_bits: range_bits + 1, ..grid };
            prop_assert!(!accepted(finer, &architecture, &commitment, hiding, &proof));
            prop_assert!(!accepted(longer, &architecture, &commitment, hiding, &proof));
            prop_assert!(!accepted(grid, &architecture, &commitment, !hiding, &proof));
            let other = WeightOpening::new(opening.weights().clone(), true, &mut OsRng);
            prop_assert!(!accepted(grid, &architecture, &other.commit(), hiding, &proof));
            let elsewhere = grid.verify(&architecture, &commitment, hiding, &[8; 32], &proof);
            prop_assert!(elsewhere.and_then(|p| Pending::check_all(&[p])).is_err());
            let mut bytes = proof.clone();
            bytes[proof.len() / 2] ^= 1;
            prop_assert!(!accepted(grid, &architecture, &commitment, hiding, &bytes));
        }

        /// The finest grid holds the weight, and the next finer one does not.
        #[test]
        fn the_finest_grid_is_found(largest in 0_u64..1 << 50, range_bits in 2_u32..13) {
            let grid = WeightGrid::finest(largest, range_bits).unwrap();
            prop_assert!(grid.round(largest.into()) <= grid.largest().into());
            if let Some(step_bits) = grid.step_bits.checked_sub(1) {
                let finer = WeightGrid { step_bits, ..grid };
                prop_assert!(finer.round(largest.into()) > finer.largest().into());
            }
        }
    }

    /// The largest weight of a grid is the bound of a lineage that begins there.
    #[test]
    fn the_bound_is_the_largest_weight() {
        let bound = |step_bits, range_bits| {
            let grid = WeightGrid {
                step_bits,
                range_bits,
            };
            grid.bound().get()
        };
        assert_eq!(bound(0, 2), 1);
        assert_eq!(bound(4, 6), 31 << 4);
        assert_eq!(bound(42, 20), ((1 << 19) - 1) << 42);
    }

    /// Weights out of range, off the grid, or at units that are not there.
    #[test]
    fn other_weights_are_refused() {
        let architecture = Architecture::new(vec![3, 5, 2]).unwrap();
        let grid = WeightGrid {
            step_bits: 4,
            range_bits: 6,
        };
        for hiding in [false, true] {
            let honest = weights(&architecture, || 16);
            let change = |change: &dyn Fn(&mut Layer)| {
                let mut layers = honest.clone().into_layers();
                change(&mut layers[1]);
                let weights = Weights::new(architecture.clone(), layers).unwrap();
                WeightOpening::new(weights, hiding, &mut OsRng)
            };
            let far = change(&|layer| layer.weight_mut()[3] = 32 << 4);
            let refused = |opening: &WeightOpening<Scalar>| {
                let commitment = opening.commit::<C>();
                let proof = grid.prove(opening, &commitment, hiding, &SUBJECT);
                proof.unwrap_err()
            };
            let error = refused(&far);
            assert!(matches!(error, ProveError::NotInTable { .. }), "{error}");
            let off = change(&|layer| layer.bias_mut()[1] = 8);
            let error = refused(&off);
            assert_eq!(error, StatementError::OffGrid { step_bits: 4 }.into());
        }
    }

    #[test]
    fn impossible_grids_are_refused() {
        for (step_bits, range_bits) in [(0, 1), (0, 21), (43, 20), (61, 2), (u32::MAX, 2)] {
            let grid = WeightGrid {
                step_bits,
                range_bits,
            };
            assert!(grid.validate().is_err());
            let architecture = Architecture::new(vec![1, 1]).unwrap();
            let opening = WeightOpening::public(weights(&architecture, || 0));
            let commitment = opening.commit::<C>();
            let verified = grid.verify(&architecture, &commitment, true, &SUBJECT, &[]);
            assert!(verified.is_err());
        }
        assert!(WeightGrid::finest(u64::MAX, 8).is_err());
    }
}
