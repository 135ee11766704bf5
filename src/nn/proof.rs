//! Proving and verifying training edges and data sets.
//!
//! **Relation.** That of a [`TrainingStatement`], segment by segment; and, once for each data set, that
//! all its values are in the range of data.
//!
//! **Prover.** Trains again, one segment after the other, and proves each by one
//! [`argument`](super::argument) for the relation [`lower`](super::lower::lower): [`SegmentProver`].
//!
//! **Verifier.** Builds the same relation from the statement, checks each proof, and returns the group
//! equations, one a segment, as [`Pending`]: nothing is verified until
//! [`Pending::check_all`]. [`verify_dataset`] is apart, as many edges share a data set.
//!
//! **Soundness.** Equation 52 of [`notes`](crate::notes) for each segment. Segments join because the
//! commitment behind one is the commitment before the next. That all values are the integers of the
//! specification needs both proofs, and the bound on the parent's weights, which
//! [`Tree`](crate::tree::Tree) follows from the root.
//!
//! **Departures, references.** See the notes, *Training relation* and *Departures*.
//!
//! # To learn it
//!
//! `examples/05_prove_training.rs` in the repository proves a run, and one with a step left out.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
mod segments;

pub use super::claim::{dataset_soundness, prove_dataset, verify_dataset};
pub use segments::SegmentProver;

use super::{
    TrainingStatement,
    argument::{Pending, Size},
    claim::Claim,
    commitment::{DatasetOpening, WeightCommitment, WeightOpening},
    program::eval::Trace,
    statement::{ParentWeights, Segment},
    train,
};
use crate::{
    commit::Curve,
    error::{Locate, ProveError, TrainError, VerifyError},
    nn::Weights,
    poly::WideField,
    security::Soundness,
};
use rand::{CryptoRng, RngCore};
use std::{ops::ControlFlow, sync::Arc};
use tracing::info_span;

/// What long work is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A step was computed, `done` of `total`.
    Step {
        /// Steps computed.
        done: u64,
        /// Steps in all.
        total: u64,
    },
    /// A segment was proven, `done` of `total`.
    Segment {
        /// Segments proven.
        done: u64,
        /// Segments in all.
        total: u64,
    },
}

/// Hears of progress, and may stop the work by returning [`ControlFlow::Break`].
pub type Sink<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Weights between segments: their opening, and their commitment unless they are a root's.
pub(crate) struct Weighed<C: Curve> {
    pub(crate) opening: WeightOpening<C::ScalarField>,
    pub(crate) commitment: Option<WeightCommitment<C>>,
}

/// The proof of a training edge.
///
/// Encoding, for each segment in order: unless it is the last, the commitment to the weights
/// behind it (its length follows from the architecture); the length of the segment's proof as a
/// little-endian `u64`; the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingProof(pub Vec<u8>);

impl<C: Curve<ScalarField: WideField>> TrainingStatement<C> {
    /// Proves the statement: [`prover`](Self::prover), run to its end. Training is run again,
    /// segment by segment, for its intermediate values; memory is that of one segment.
    ///
    /// # Errors
    /// [`ProveError`] if the statement does not hold together, an opening is not of the
    /// statement's commitments or the child is not what training gives; [`ProveError::Cancelled`]
    /// if `sink` asks to stop.
    pub fn prove(
        &self,
        parent: &WeightOpening<C::ScalarField>,
        child: &WeightOpening<C::ScalarField>,
        dataset: &DatasetOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
        sink: Sink<'_>,
    ) -> Result<TrainingProof, ProveError> {
        let mut prover = self.prover(parent, child, dataset, rng)?;
        while prover.prove_next()? {
            let (done, total) = (prover.done(), prover.total());
            if sink(Progress::Segment { done, total }).is_break() {
                return Err(ProveError::Cancelled);
            }
        }
        prover.finish().ok_or(ProveError::Cancelled)
    }

    /// Runs one segment from the given weights; returns its intermediate values and the weights
    /// behind it.
    fn run_segment(
        &self,
        before: &Weights,
        dataset: &DatasetOpening<C::ScalarField>,
        segment: Segment,
    ) -> Result<(Vec<Trace>, Weights), ProveError> {
        let sgd = self.parameters.sgd();
        let mut weights = before.clone();
        let mut steps = Vec::new();
        let range = segment.first_step..segment.first_step + segment.steps;
        let data = (dataset.dataset(), &self.schedule()?);
        let _ = train::train(&sgd, &mut weights, data, range, |_, step| {
            steps.push(step);
            ControlFlow::Continue(())
        })?;
        Ok((steps, weights))
    }

    /// Proves one segment; with `check` a false witness is an error.
    pub(crate) fn prove_segment(
        &self,
        segment: Segment,
        before: &Weighed<C>,
        steps: &[Trace],
        after: &Weighed<C>,
        dataset: &DatasetOpening<C::ScalarField>,
        check: bool,
    ) -> Result<Vec<u8>, ProveError> {
        let at_root = before.commitment.is_none();
        let start = info_span!("hash statement").in_scope(|| self.encode_start());
        let committed = after.commitment.as_ref().unwrap_or(&self.child);
        let claim = info_span!("describe").in_scope(|| {
            self.segment_claim(segment, start, before.commitment.as_ref(), committed)
        })?;
        let (from, to) = info_span!("weight tensors")
            .in_scope(|| (before.opening.matrices(), after.opening.matrices()));
        let mut values = claim.training().witness(steps)?;
        for (k, tensors) in claim.training().parameters().iter().enumerate() {
            let ends = [
                (Some(tensors.first), from.get(k)),
                (tensors.last, to.get(k)),
            ];
            for (tensor, matrix) in ends {
                values.extend(tensor.zip(matrix.map(|matrix| matrix.values.clone())));
            }
        }
        let mut known = if at_root { Vec::new() } else { from };
        known.extend(to);
        known.push(dataset.matrix());
        claim.prove(&values, &known, check)
    }

    /// Verifies a proof of the statement but for the group equations of the returned [`Pending`]
    /// proofs, one a segment, to be checked alone or with others.
    ///
    /// The range of the data is not part of it: see [`verify_dataset`].
    ///
    /// # Errors
    /// [`VerifyError`], located by segment.
    pub fn verify(&self, proof: &TrainingProof) -> Result<Vec<Pending<C>>, VerifyError> {
        let mut pending = Vec::new();
        self.verify_each(proof, &mut |_, segment| pending.push(segment))?;
        Ok(pending)
    }

    /// As [`verify`](Self::verify), handing over what is pending of each segment, by its number, so
    /// that not all need be kept. It counts for nothing if there is an error later.
    pub(crate) fn verify_each(
        &self,
        proof: &TrainingProof,
        hand_over: &mut dyn FnMut(u64, Pending<C>),
    ) -> Result<(), VerifyError> {
        let _ = self.validate()?;
        let mut parts = Parts::new(&proof.0, self);
        let start = self.encode_start();
        let mut before = match &self.parent {
            ParentWeights::Root { .. } => None,
            ParentWeights::Committed { commitment, .. } => Some(commitment.clone()),
        };
        for segment in self.parameters.segments() {
            let name = || segment.name();
            let (after, bytes) = parts.take(segment.index).located(name)?;
            let after = self.weights_behind(after).located(name)?;
            let claim = self
                .segment_claim(segment, start.clone(), before.as_ref(), &after)
                .located(name)?;
            hand_over(segment.index, claim.verify(bytes)?);
            before = Some(after);
        }
        match parts.rest().len() {
            0 => Ok(()),
            count => Err(VerifyError::TrailingBytes { count }),
        }
    }

    /// The soundness of a proof of this statement, all segments together. Needs no proof.
    ///
    /// # Errors
    /// [`VerifyError`] if the statement does not hold together.
    pub fn soundness(&self) -> Result<Soundness, VerifyError> {
        let _ = self.validate()?;
        let mut soundness = Soundness::new::<C>();
        for shape in self.segment_arguments() {
            let (argument, count) = shape?;
            soundness.add(&argument.errors::<C>()?, count);
        }
        Ok(soundness)
    }

    /// Refuses a proof that is shorter than any of this statement, without a look at it.
    ///
    /// # Errors
    /// [`VerifyError::Shape`]; those of [`soundness`](Self::soundness).
    pub fn check_length(&self, proof: &TrainingProof) -> Result<(), VerifyError> {
        let _ = self.validate()?;
        let mut least = 0_u64;
        for shape in self.segment_arguments() {
            let (argument, count) = shape?;
            let bytes = argument.least_bytes::<C>() as u64;
            least = least.saturating_add(bytes.saturating_mul(count));
        }
        let (expected, got) = (usize::try_from(least).unwrap_or(usize::MAX), proof.0.len());
        match got >= expected {
            true => Ok(()),
            false => Err(VerifyError::Shape {
                what: "bytes of a proof, at least",
                expected,
                got,
            }),
        }
    }

    /// What a proof of each shape of segment takes, and how many there are of it. The commitments'
    /// points are not looked at.
    ///
    /// # Errors
    /// [`VerifyError`] if the statement does not hold together.
    pub fn sizes(&self) -> Result<Vec<(Size, u64)>, VerifyError> {
        let _ = self.validate()?;
        let sizes = self.segment_arguments().map(|shape| {
            let (argument, count) = shape?;
            Ok((argument.size::<C>()?, count))
        });
        sizes.collect()
    }

    /// The commitment to the weights behind a segment: that in the proof, or the child's.
    fn weights_behind(&self, bytes: Option<&[u8]>) -> Result<WeightCommitment<C>, VerifyError> {
        match bytes {
            Some(bytes) => WeightCommitment::decode(bytes, &self.parameters.architecture),
            None => Ok(self.child.clone()),
        }
    }
}

/// Cuts a [`TrainingProof`] into its segments.
struct Parts<'a> {
    rest: &'a [u8],
    commitment_len: usize,
    num_segments: u64,
}

impl<'a> Parts<'a> {
    fn new<C: Curve>(proof: &'a [u8], statement: &TrainingStatement<C>) -> Self {
        let parameters = &statement.parameters;
        Self {
            rest: proof,
            commitment_len: WeightCommitment::<C>::encoded_len(&parameters.architecture),
            num_segments: parameters.num_segments(),
        }
    }

    /// What is not taken yet.
    fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next segment, number `index`: the commitment to the weights behind it, if it is not the
    /// last, and its proof.
    fn take(&mut self, index: u64) -> Result<(Option<&'a [u8]>, &'a [u8]), VerifyError> {
        let after = match index + 1 == self.num_segments {
            true => None,
            false => Some(self.bytes("weights behind a segment", self.commitment_len)?),
        };
        let len = self.bytes("length of a segment", 8)?;
        let len = u64::from_le_bytes(len.try_into().unwrap_or_default());
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        Ok((after, self.bytes("proof of a segment", len)?))
    }

    fn bytes(&mut self, label: &'static str, len: usize) -> Result<&'a [u8], VerifyError> {
        let (head, tail) = self
            .rest
            .split_at_checked(len)
            .ok_or(VerifyError::Truncated { label })?;
        self.rest = tail;
        Ok(head)
    }
}

/// Trains without proving: the weights behind the last step.
///
/// # Errors
/// [`TrainError`] naming step, layer and tensor if a value leaves its range;
/// [`ProveError::Cancelled`] if `sink` asks to stop.
pub fn train_weights(
    parameters: &super::TrainingParameters,
    parent: &Weights,
    dataset: &super::Dataset,
    schedule: &super::Schedule,
    sink: Sink<'_>,
) -> Result<Weights, ProveError> {
    train_with(parameters, parent, (dataset, schedule), sink, |_| ())
}

/// Trains, and keeps the values of all steps for [`SegmentProver::with_recording`], if they are
/// proven in one segment: then memory is that of a proof.
///
/// # Errors
/// Those of [`train_weights`].
pub fn train_recorded(
    parameters: &super::TrainingParameters,
    parent: &Weights,
    dataset: &super::Dataset,
    schedule: &super::Schedule,
    sink: Sink<'_>,
) -> Result<(Weights, Recording), ProveError> {
    let mut steps = Vec::new();
    let whole = parameters.num_segments() == 1;
    let weights = train_with(parameters, parent, (dataset, schedule), sink, |step| {
        if whole {
            steps.push(step);
        }
    })?;
    let recording = Recording {
        ends: [fingerprint(parent), fingerprint(&weights)],
        steps,
    };
    Ok((weights, recording))
}

/// The values of a run that [`train_recorded`] kept. Secret.
pub struct Recording {
    /// Fingerprints of the weights before and after.
    ends: [u64; 2],
    steps: Vec<Trace>,
}

/// Shapes only.
impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recording({} steps)", self.steps.len())
    }
}

/// Tells weights apart that were mixed up by mistake.
fn fingerprint(weights: &Weights) -> u64 {
    let of = |values: &[i64]| {
        let terms = values.iter().zip(1_u64..);
        terms.fold(0, |sum: u64, (value, i)| {
            let factor = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            sum.wrapping_add((*value as u64).wrapping_mul(factor))
        })
    };
    weights.layers().iter().fold(0, |sum: u64, layer| {
        sum.rotate_left(7).wrapping_add(of(layer.values()))
    })
}

/// Trains; `keep` gets the values of each step.
fn train_with(
    parameters: &super::TrainingParameters,
    parent: &Weights,
    data: (&super::Dataset, &super::Schedule),
    sink: Sink<'_>,
    mut keep: impl FnMut(Trace),
) -> Result<Weights, ProveError> {
    let total = parameters.steps;
    let mut weights = parent.clone();
    let progress = |step, values| {
        keep(values);
        let done = step + 1;
        sink(Progress::Step { done, total })
    };
    let done = train::train(&parameters.sgd(), &mut weights, data, 0..total, progress)?;
    match done < total {
        true => Err(ProveError::Cancelled),
        false => Ok(weights),
    }
}

impl From<TrainError> for ProveError {
    fn from(error: TrainError) -> Self {
        ProveError::Training(Arc::new(error))
    }
}
