//! Proving what a committed network predicts.
//!
//! **Relation.** An [`InferenceStatement`] holds if there are weights that open the commitment of a
//! model (or that a root's seed expands to), and rows that open what is committed of inputs, outputs
//! and targets, such that the [integer forward pass](super::train::forward) of these weights on the
//! inputs gives the outputs, or outputs whose squared errors sum to the stated number: equations 2 to
//! 4 and 12 of [`nn`](super).
//!
//! **Prover.** Runs the forward pass and proves it by one [`argument`](super::argument) for the
//! relation of the network's [program](super::program). Weights are committed once; a proof opens them and
//! commits only to what is between the layers.
//!
//! **Verifier.** Builds the same relation from the statement, checks ranges of what is public itself,
//! and returns the group equation as [`Pending`](super::argument::Pending): nothing is verified until it is checked.
//!
//! **Soundness.** Equation 52 of [`notes`](crate::notes). Committed inputs and targets are looked up
//! in the range of data, so that no value wraps around the field with weights within the bound of the
//! statement. That bound, and that the padding of the committed weights is zero, is
//! known along a lineage from a root; who states an inference on its own vouches for them.
//!
//! **Hiding.** As in training: weights, committed rows and all that is between are hidden. What is
//! public is not: outputs on many chosen inputs tell a lot about the weights.
//!
//! **Departures.** zkDL's released code proves an inference without a verifier or Fiat-Shamir, and
//! commits to the weights anew.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
mod argument;
mod batch;
#[cfg(test)]
pub(crate) mod cheats;
#[cfg(test)]
mod tests;

pub use argument::InferenceSecrets;
pub use batch::{Batch, CommittedRows, RowsOpening};

use super::{
    Architecture, FixedPoint, WeightBound,
    encoding::{Encoder, encode_fixed_point},
    fixed::in_range,
    op::Loss,
    statement::ParentWeights,
};
use crate::{
    check::Check,
    commit::Curve,
    error::{StatementError, VerifyError},
    poly::WideField,
};

/// A network as the statement of an inference knows it: public.
#[derive(Debug, Clone)]
pub struct Model<C: Curve> {
    /// Widths of the network.
    pub architecture: Architecture,
    /// Number formats and ranges.
    pub fixed_point: FixedPoint,
    /// Its weights: a seed, or a commitment and a bound on their size.
    pub weights: ParentWeights<C>,
    /// Identity of the model; the proof is bound to it.
    pub id: [u8; 32],
}

/// What is said of the outputs.
#[derive(Debug, Clone)]
pub enum OutputClaim<C: Curve> {
    /// These are the outputs, `[samples, outputs]`.
    Outputs(Batch<C>),
    /// This is the sum of squared errors, over samples and outputs.
    SquaredError {
        /// `[samples, outputs]`.
        targets: Batch<C>,
        /// The sum, in units of `2^-2s`; below `2^63`.
        sum: u64,
    },
    /// So many classes are right, of a network that ends in scores: those of the first of the largest scores.
    Correct {
        /// `[samples, 1]`.
        labels: Batch<C>,
        /// How many.
        count: u64,
    },
}

/// "The model has these outputs, or this error, on these inputs."
#[derive(Debug, Clone)]
pub struct InferenceStatement<C: Curve> {
    /// The network.
    pub model: Model<C>,
    /// `[samples, inputs]`.
    pub inputs: Batch<C>,
    /// What is said of its outputs on them.
    pub claim: OutputClaim<C>,
    /// Whether the proof hides everything but the statement.
    pub hiding: bool,
}

/// More samples than this in one proof are refused.
const MAX_SAMPLES: usize = 1 << 20;
/// More committed values than this in one proof are refused.
const MAX_ENTRIES: usize = 1 << 34;

impl<C: Curve<ScalarField: WideField>> InferenceStatement<C> {
    /// Checks that the parts fit together, that public values are in range, and that no value can
    /// wrap around the field. Returns the number of samples.
    ///
    /// # Errors
    /// [`VerifyError::Statement`] or [`VerifyError::Shape`] saying what does not fit.
    pub fn validate(&self) -> Result<usize, VerifyError> {
        self.validate_in(<C::ScalarField as ark_ff::PrimeField>::MODULUS_BIT_SIZE)
    }

    /// As [`validate`](Self::validate), for a field of so many bits.
    fn validate_in(&self, field_bits: u32) -> Result<usize, VerifyError> {
        let Model {
            architecture,
            fixed_point,
            weights,
            ..
        } = &self.model;
        let samples = self.inputs.samples(architecture.num_inputs(), "inputs")?;
        let loss = architecture.graph().loss();
        let (what, batch, width) = match (&self.claim, loss) {
            (OutputClaim::Outputs(batch), _) => ("outputs", batch, architecture.num_outputs()),
            (OutputClaim::SquaredError { targets, .. }, Loss::SquaredError) => {
                ("targets", targets, architecture.num_targets())
            }
            (OutputClaim::Correct { labels, .. }, Loss::CrossEntropy) => {
                ("labels", labels, architecture.num_targets())
            }
            _ => return Err(StatementError::OtherLoss.into()),
        };
        let rows = batch.samples(width, what)?;
        VerifyError::check_shape("rows of what is said of the outputs", samples, rows)?;
        if samples > MAX_SAMPLES {
            let max = MAX_SAMPLES;
            return Err(StatementError::TooManySamples { samples, max }.into());
        }
        let data = fixed_point.data_range_bits();
        check_range("input", &self.inputs, data)?;
        match &self.claim {
            OutputClaim::Outputs(outputs) => {
                check_range("output", outputs, fixed_point.output_range_bits())?;
            }
            OutputClaim::SquaredError { targets, sum } => {
                check_range("target", targets, data)?;
                if i64::try_from(*sum).is_err() {
                    return Err(StatementError::SquaredErrorSum { sum: *sum }.into());
                }
            }
            OutputClaim::Correct { labels, count } => {
                check_range("label", labels, data)?;
                if *count > samples as u64 {
                    let count = *count;
                    return Err(StatementError::CorrectCount { count, samples }.into());
                }
            }
        }
        let bound = match weights {
            ParentWeights::Root { .. } => WeightBound::initial(architecture, fixed_point),
            ParentWeights::Committed { commitment, bound } => {
                commitment.check_shape(architecture)?;
                *bound
            }
        };
        bound.check_no_wrap(architecture, fixed_point, field_bits)?;
        Ok(samples)
    }

    /// The mean over samples of the sum over outputs of squared errors, in units of the
    /// standardised targets, if that is what is claimed: equation 12.
    pub fn mean_squared_error(&self) -> Option<f64> {
        let OutputClaim::SquaredError { sum, .. } = &self.claim else {
            return None;
        };
        let samples = self.validate().ok()?;
        let fixed = &self.model.fixed_point;
        Some(fixed.mean_square((*sum).into(), samples))
    }

    /// The share of samples whose class is right, if that is what is claimed.
    pub fn accuracy(&self) -> Option<f64> {
        let OutputClaim::Correct { count, .. } = &self.claim else {
            return None;
        };
        let samples = self.validate().ok()?;
        Some(*count as f64 / samples as f64)
    }

    /// The whole statement.
    fn encode(&self) -> Vec<u8> {
        let model = &self.model;
        let start = Encoder::new("zktree/v2/inference")
            .string(C::NAME)
            .bytes(&model.architecture.encode())
            .bytes(&encode_fixed_point(&model.fixed_point))
            .flag(self.hiding)
            .hash(&model.id);
        let start = match &model.weights {
            ParentWeights::Root { seed } => start.string("seed").number(*seed),
            ParentWeights::Committed { commitment, .. } => {
                start.string("committed").hash(&commitment.digest())
            }
        };
        let start = start.hash(&self.inputs.digest());
        let end = match &self.claim {
            OutputClaim::Outputs(outputs) => start.string("outputs").hash(&outputs.digest()),
            OutputClaim::SquaredError { targets, sum } => start
                .string("squared error")
                .hash(&targets.digest())
                .number(*sum),
            OutputClaim::Correct { labels, count } => start
                .string("correct")
                .hash(&labels.digest())
                .number(*count),
        };
        end.finish()
    }
}

/// Public values are in the signed range of `bits` bits.
fn check_range<C: Curve>(
    what: &'static str,
    batch: &Batch<C>,
    bits: u32,
) -> Result<(), VerifyError> {
    let Batch::Public { values, .. } = batch else {
        return Ok(());
    };
    let mut values = values.iter().enumerate();
    match values.find(|(_, value)| !in_range(i128::from(**value), bits)) {
        Some((index, value)) if Check::PublicRange.is_made() => Err(StatementError::OutOfRange {
            what,
            index,
            value: *value,
            bits,
        }
        .into()),
        _ => Ok(()),
    }
}
