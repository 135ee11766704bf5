//! What a training edge claims: everything public about it, and the proofs it is cut into.
//!
//! **Relation.** A [`TrainingStatement`] holds if there are weights that open the parent's commitment
//! (or that the root's seed expands to), weights that open the child's, and data that open the data
//! set's, such that the stated number of steps of [integer SGD](super::train) on the batches of the
//! [schedule](super::schedule) takes the former to the latter. [`TrainingStatement::validate`] refuses
//! statements where a value could wrap around the field, by the bound (13) of
//! [`notes`](crate::notes).
//!
//! Steps are proven in [segments](Segment), each with the encoded statement in its transcript; the
//! weights between two are committed in the proof. How, is in [`proof`](super::proof).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
use super::{
    Architecture, FixedPoint, Schedule, ScheduleSeed, Sgd, WeightBound,
    commitment::{DatasetCommitment, WeightCommitment},
    encoding::{Encoder, encode_fixed_point},
    optimise::{Optimiser, Plan},
};
use crate::{
    commit::Curve,
    error::{StatementError, VerifyError},
    poly::WideField,
};

/// How a network is trained on an edge. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingParameters {
    /// Widths of the network.
    pub architecture: Architecture,
    /// Number formats and ranges.
    pub fixed_point: FixedPoint,
    /// How gradients move weights.
    pub optimiser: Optimiser,
    /// Samples in a batch, at least 1.
    pub batch: usize,
    /// Number of steps, at least 1.
    pub steps: u64,
    /// Steps proven at once, at least 1; the last segment may be shorter.
    pub segment_steps: u64,
    /// Whether proofs hide everything but the statement.
    pub hiding: bool,
}

impl TrainingParameters {
    /// The training itself.
    pub fn sgd(&self) -> Sgd {
        Sgd {
            fixed_point: self.fixed_point.clone(),
            plan: self.plan(),
        }
    }

    /// How gradients move weights in each step.
    pub fn plan(&self) -> Plan {
        Plan {
            optimiser: self.optimiser,
            steps: self.steps,
            segment_steps: self.segment_steps,
        }
    }

    /// Number of segments.
    pub fn num_segments(&self) -> u64 {
        self.steps.div_ceil(self.segment_steps.max(1))
    }

    /// Steps `first .. first + count` of each segment.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<> {
        let (size, steps) = (self.segment_steps.max(1), self.steps);
        (0..self.num_segments()).map(move |index| Segment::cut(index, size, steps))
    }

    /// A segment of each shape, and how many there are of it: the first, which may start at a root,
    /// those behind it that are as long, and the last.
    pub(crate) fn segment_shapes(&self) -> impl Iterator<Item = (Segment, u64)> + use<> {
        let (size, steps) = (self.segment_steps.max(1), self.steps);
        let count = self.num_segments();
        let last = count.saturating_sub(1);
        let alike = [0..count.min(1), 1..last, last.max(1)..count];
        alike
            .into_iter()
            .filter(|numbers| !numbers.is_empty())
            .map(move |numbers| {
                let segment = Segment::cut(numbers.start, size, steps);
                (segment, numbers.end - numbers.start)
            })
    }
}

/// Consecutive steps that are proven together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Number of the segment, from 0.
    pub index: u64,
    /// Its first step.
    pub first_step: u64,
    /// How many steps it has.
    pub steps: u64,
}

impl Segment {
    /// Its name in errors.
    pub(crate) fn name(&self) -> String {
        format!("segment {}", self.index)
    }

    /// Segment number `index` of `steps` steps in segments of `size`.
    fn cut(index: u64, size: u64, steps: u64) -> Self {
        Self {
            index,
            first_step: index * size,
            steps: size.min(steps - index * size),
        }
    }
}

/// Where training starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentWeights<C: Curve> {
    /// The expansion of a public seed, which the verifier evaluates itself.
    Root {
        /// The seed.
        seed: u64,
    },
    /// Committed weights, with the bound on their size that the lineage gives.
    ///
    /// An edge says nothing of the size of its parent's weights, nor that the padding of the
    /// commitment is zero. Both are known along a lineage from a root, for one architecture; who
    /// states an edge on its own vouches for them.
    Committed {
        /// The commitment.
        commitment: WeightCommitment<C>,
        /// No weight is larger.
        bound: WeightBound,
    },
}

/// The statement of a training edge: "the child's weights come from the parent's by these steps
/// on the committed data".
#[derive(Debug, Clone)]
pub struct TrainingStatement<C: Curve> {
    /// How the network is trained.
    pub parameters: TrainingParameters,
    /// Where training starts.
    pub parent: ParentWeights<C>,
    /// Where it ends.
    pub child: WeightCommitment<C>,
    /// What it is trained on.
    pub dataset: DatasetCommitment<C>,
    /// The order of the data.
    pub schedule: ScheduleSeed,
    /// Identity of the parent node.
    pub parent_id: [u8; 32],
    /// Identity of the child node before its proof; the proof is bound to it.
    pub child_pre_id: [u8; 32],
}

impl<C: Curve<ScalarField: WideField>> TrainingStatement<C> {
    /// Checks that the parts fit together and that no value can wrap around the field. Returns
    /// the bound on the child's weights.
    ///
    /// # Errors
    /// [`VerifyError::Statement`] or [`VerifyError::Shape`] saying what does not fit.
    pub fn validate(&self) -> Result<WeightBound, VerifyError> {
        self.validate_in(<C::ScalarField as ark_ff::PrimeField>::MODULUS_BIT_SIZE)
    }

    /// As [`validate`](Self::validate), for a field of so many bits. With the 255 bits of either curve a
    /// bound of 128 bits is exceeded before any field is.
    pub(crate) fn validate_in(&self, field_bits: u32) -> Result<WeightBound, VerifyError> {
        let TrainingParameters {
            architecture,
            fixed_point,
            batch,
            steps,
            ..
        } = &self.parameters;
        if *steps == 0 || self.parameters.segment_steps == 0 {
            return Err(StatementError::NoSteps.into());
        }
        let _ = self.schedule()?;
        let shape = VerifyError::check_shape;
        shape(
            "features of the data set",
            architecture.num_inputs(),
            self.dataset.num_features(),
        )?;
        shape(
            "targets of the data set",
            architecture.num_outputs(),
            architecture.outputs_for(self.dataset.kind())?,
        )?;
        self.child.check_shape(architecture)?;
        let bound = match &self.parent {
            ParentWeights::Root { .. } => WeightBound::initial(architecture, fixed_point),
            ParentWeights::Committed { commitment, bound } => {
                commitment.check_shape(architecture)?;
                *bound
            }
        };
        let bound = bound.after(&self.parameters.plan(), *batch, architecture, fixed_point)?;
        bound.check_no_wrap(architecture, fixed_point, field_bits)?;
        Ok(bound)
    }

    /// The schedule of batches.
    ///
    /// # Errors
    /// If the batch does not fit the data set.
    pub fn schedule(&self) -> Result<Schedule, VerifyError> {
        Ok(Schedule::new(
            self.schedule,
            self.dataset.num_rows(),
            self.parameters.batch,
        )?)
    }

    /// The whole statement of one segment, from weights `before` (none at a root) to `after`.
    pub(crate) fn encode_segment(
        &self,
        segment: Segment,
        before: Option<&WeightCommitment<C>>,
        after: &WeightCommitment<C>,
    ) -> Vec<u8> {
        self.encode_end(self.encode_start(), segment, before, after)
    }

    /// What the statements of all segments have in common. It takes a hash of all the data: who has many
    /// segments makes it once.
    pub(crate) fn encode_start(&self) -> Encoder {
        let p = &self.parameters;
        let start = Encoder::new("zktree/v2/segment")
            .string(C::NAME)
            .bytes(&p.architecture.encode())
            .bytes(&encode_fixed_point(&p.fixed_point));
        p.optimiser
            .encode(start)
            .count(p.batch)
            .number(p.steps)
            .number(p.segment_steps)
            .flag(p.hiding)
            .hash(&self.parent_id)
            .hash(&self.child_pre_id)
            .hash(&self.child.digest())
            .hash(&self.dataset.root())
            .hash(&self.schedule.0)
    }

    /// The statement of one segment behind what all have in common.
    pub(crate) fn encode_end(
        &self,
        start: Encoder,
        segment: Segment,
        before: Option<&WeightCommitment<C>>,
        after: &WeightCommitment<C>,
    ) -> Vec<u8> {
        let start = start
            .number(segment.index)
            .number(segment.first_step)
            .number(segment.steps)
            // What is handed from segment to segment: one thing, the weights.
            .count(1)
            .string("weights");
        let start = match (before, &self.parent) {
            (Some(commitment), _) => start.string("committed").hash(&commitment.digest()),
            (None, ParentWeights::Root { seed }) => start.string("seed").number(*seed),
            (None, ParentWeights::Committed { commitment, .. }) => {
                start.string("committed").hash(&commitment.digest())
            }
        };
        start.hash(&after.digest()).finish()
    }
}
