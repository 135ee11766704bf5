//! The claim of one segment of training.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
use super::{Claim, describe, num_entries, weight_inputs};
use crate::{
    commit::{Curve, RowCommitments},
    error::{StatementError, VerifyError},
    nn::{
        ParentWeights, Segment, TrainingStatement, WeightCommitment,
        argument::{Argument, Batches, Gather, GatheredRows, Source},
        encoding::Encoder,
        lower::{Cut, Extent, Lowered, lower},
        model::{self, Task},
        optimise::MAX_SEGMENT_STEPS,
        program::Data,
        relation::TensorId,
    },
    poly::{WideField, num_vars},
};
use std::sync::Arc;

/// "The steps of a segment take the weights before it to those after it."
pub(crate) struct SegmentClaim<'a, C: Curve> {
    edge: &'a TrainingStatement<C>,
    segment: Segment,
    /// Of the statement's bytes, what all segments have in common.
    start: Encoder,
    /// None at a root.
    before: Option<&'a WeightCommitment<C>>,
    after: &'a WeightCommitment<C>,
    parts: SegmentArgument<C::ScalarField>,
}

/// A segment's relation and its description as a proof.
pub(crate) struct SegmentArgument<F> {
    pub(crate) training: Lowered<F>,
    pub(crate) argument: Argument<F>,
}

impl<C: Curve<ScalarField: WideField>> Claim<C> for SegmentClaim<'_, C> {
    fn name(&self) -> String {
        self.segment.name()
    }

    fn statement(&self) -> Vec<u8> {
        let start = self.start.clone();
        self.edge
            .encode_end(start, self.segment, self.before, self.after)
    }

    fn argument(&self) -> &Argument<C::ScalarField> {
        &self.parts.argument
    }

    fn known(&self) -> Vec<&RowCommitments<C>> {
        let before = self
            .before
            .map(WeightCommitment::layers)
            .unwrap_or_default();
        before
            .iter()
            .chain(self.after.layers())
            .chain([self.edge.dataset.rows()])
            .collect()
    }
}

impl<C: Curve> SegmentClaim<'_, C> {
    /// The relation.
    pub(crate) fn training(&self) -> &Lowered<C::ScalarField> {
        &self.parts.training
    }
}

impl<C: Curve<ScalarField: WideField>> TrainingStatement<C> {
    /// The claim of one segment, from weights `before` (none at a root) to `after`; `start` is what
    /// [`encode_start`](Self::encode_start) makes.
    pub(crate) fn segment_claim<'a>(
        &'a self,
        segment: Segment,
        start: Encoder,
        before: Option<&'a WeightCommitment<C>>,
        after: &'a WeightCommitment<C>,
    ) -> Result<SegmentClaim<'a, C>, VerifyError> {
        Ok(SegmentClaim {
            edge: self,
            segment,
            start,
            before,
            after,
            parts: self.segment_argument(segment, before.is_none())?,
        })
    }

    /// The description of each shape of segment, and how many segments there are of it. Not segment by
    /// segment: nobody has looked at a proof, and there may be any number.
    pub(crate) fn segment_arguments(
        &self,
    ) -> impl Iterator<Item = Result<(Argument<C::ScalarField>, u64), VerifyError>> {
        let shapes = self.parameters.segment_shapes();
        shapes.map(|(segment, count)| {
            let at_root = segment.index == 0 && matches!(self.parent, ParentWeights::Root { .. });
            Ok((self.segment_argument(segment, at_root)?.argument, count))
        })
    }

    /// The relation of one segment and how its inputs are opened. The statement's matrices are, in
    /// this order: the weights before (none at a root), the weights after, the data set.
    pub(crate) fn segment_argument(
        &self,
        segment: Segment,
        at_root: bool,
    ) -> Result<SegmentArgument<C::ScalarField>, VerifyError> {
        let p = &self.parameters;
        let steps = usize::try_from(segment.steps)
            .ok()
            .filter(|steps| *steps <= MAX_STEPS && steps.saturating_mul(p.batch) <= MAX_POSITIONS)
            .ok_or_else(|| {
                let (steps, batch) = (segment.steps, p.batch);
                StatementError::SegmentTooLong {
                    steps,
                    batch,
                    max_steps: MAX_STEPS,
                    max_samples: MAX_POSITIONS,
                }
            })?;
        let graph = p.architecture.graph();
        let program = model::program(graph, &p.fixed_point, p.batch, Task::Training)?;
        let extent = Extent {
            steps,
            updates: Some(p.plan().matrix(segment.first_step)),
            cut: Cut::Format,
            opened_outputs: false,
        };
        let training = lower(program, &extent)?;
        self.argument_of(training, segment, steps, at_root)
    }

    /// How the inputs of the relation of one segment, of `steps` steps, are opened.
    pub(crate) fn argument_of(
        &self,
        training: Lowered<C::ScalarField>,
        segment: Segment,
        steps: usize,
        at_root: bool,
    ) -> Result<SegmentArgument<C::ScalarField>, VerifyError> {
        let p = &self.parameters;
        if num_entries(training.committed()) > MAX_ENTRIES {
            return Err(StatementError::SegmentTooLarge.into());
        }
        let mut argument = describe(training.relation(), training.committed(), p.hiding);
        let root = match &self.parent {
            ParentWeights::Root { seed } if at_root => Some((*seed, &p.fixed_point)),
            _ => None,
        };
        let parameters = training.parameters().iter();
        let first: Vec<TensorId> = parameters.clone().map(|tensors| tensors.first).collect();
        let last: Vec<TensorId> = parameters.filter_map(|tensors| tensors.last).collect();
        weight_inputs(&mut argument, &first, &p.architecture, root);
        weight_inputs(&mut argument, &last, &p.architecture, None);
        let matrix = argument.known_matrix(self.dataset.layout());
        let batches = Batches::new(self.schedule()?, segment.first_step, segment.steps);
        let rows = GatheredRows::Scheduled(Arc::new(batches));
        let gather = |first_column, num_columns| {
            Source::Gather(Gather {
                matrix,
                rows: rows.clone(),
                low_vars: [num_vars(p.batch), num_vars(steps)],
                first_column,
                num_columns,
            })
        };
        let features = self.dataset.num_features();
        let columns = [
            (Data::Inputs, 0, features),
            (Data::Targets, features, self.dataset.num_targets()),
        ];
        for (data, first, count) in columns {
            if let Some(tensor) = training.data(data) {
                argument.input(tensor, gather(first, count));
            }
        }
        Ok(SegmentArgument { training, argument })
    }
}

/// More samples than this in one segment are refused: the verifier looks each up in the schedule, once
/// for each claim on the data.
const MAX_POSITIONS: usize = 1 << 20;
/// More steps than this in one segment are refused: the prover's matrix of earlier steps is dense.
const MAX_STEPS: usize = MAX_SEGMENT_STEPS;

/// More committed values than this in one segment are refused.
const MAX_ENTRIES: usize = 1 << 34;
