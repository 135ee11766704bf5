//! The proof of an inference.
use super::{Batch, CommittedRows, InferenceStatement, MAX_ENTRIES, OutputClaim, RowsOpening};
use crate::{
    commit::{Curve, RowCommitments},
    error::{ProveError, StatementError, VerifyError},
    nn::{
        WeightOpening, Weights,
        argument::{Argument, Gather, GatheredRows, Pending, Size, Source},
        claim::{Claim, describe, num_entries, weight_inputs},
        lower::{Cut, Extent, Lowered, lower},
        model::{self, Task},
        program::Data,
        relation::TensorId,
        statement::ParentWeights,
        train,
    },
    poly::{WideField, int, num_vars},
    security::Soundness,
};
use ark_ff::PrimeField;
use std::sync::Arc;
use tracing::info_span;

/// What opens the committed parts of a statement; `None` where rows are public.
#[derive(Debug, Clone, Copy)]
pub struct InferenceSecrets<'a, F: PrimeField> {
    /// The weights; of a root, those of its seed.
    pub weights: &'a WeightOpening<F>,
    /// The rows of which inputs are columns.
    pub inputs: Option<&'a RowsOpening<F>>,
    /// The rows of which outputs or targets are columns.
    pub outputs: Option<&'a RowsOpening<F>>,
}

/// A statement of which the parts fit together.
pub(super) struct InferenceClaim<'a, C: Curve> {
    statement: &'a InferenceStatement<C>,
    pub(super) forward: Lowered<C::ScalarField>,
    argument: Argument<C::ScalarField>,
}

impl<C: Curve<ScalarField: WideField>> Claim<C> for InferenceClaim<'_, C> {
    fn name(&self) -> String {
        "inference".to_string()
    }

    fn statement(&self) -> Vec<u8> {
        self.statement.encode()
    }

    fn argument(&self) -> &Argument<C::ScalarField> {
        &self.argument
    }

    fn known(&self) -> Vec<&RowCommitments<C>> {
        let weights = match &self.statement.model.weights {
            ParentWeights::Root { .. } => &[],
            ParentWeights::Committed { commitment, .. } => commitment.layers(),
        };
        let rows = self.statement.matrices().map(CommittedRows::rows);
        weights.iter().chain(rows).collect()
    }
}

impl<C: Curve<ScalarField: WideField>> InferenceStatement<C> {
    /// Proves the statement.
    ///
    /// # Errors
    /// [`ProveError::Statement`] if it does not hold together or the secrets are not of its shape;
    /// [`ProveError::Training`] if a value leaves its range; [`ProveError::Unsatisfied`] if outputs
    /// or error are others, or the weights are not those of the root.
    pub fn prove(
        &self,
        secrets: InferenceSecrets<'_, C::ScalarField>,
    ) -> Result<Vec<u8>, ProveError> {
        self.prove_with(secrets, true)
    }

    /// As [`prove`](Self::prove); without `check` a false statement gets a proof, too, which is
    /// refused.
    pub(super) fn prove_with(
        &self,
        secrets: InferenceSecrets<'_, C::ScalarField>,
        check: bool,
    ) -> Result<Vec<u8>, ProveError> {
        let claim = info_span!("describe").in_scope(|| self.claim())?;
        let architecture = &self.model.architecture;
        if secrets.weights.weights().architecture() != architecture {
            return Err(StatementError::OtherArchitecture.into());
        }
        let inputs = rows_of(&self.inputs, secrets.inputs)?;
        let ends = rows_of(self.claim.batch(), secrets.outputs)?;
        let run = self.run(secrets.weights.weights(), (&inputs, &ends))?;
        let mut values = info_span!("witness")
            .in_scope(|| claim.forward.witness(std::slice::from_ref(&run.trace)))?;
        let told = claim.forward.told().first();
        let told = told.and_then(|(value, _)| run.trace.told(*value));
        let (is_true, what) = match &self.claim {
            OutputClaim::Outputs(_) => {
                let told = claim.forward.outputs();
                values.extend(told.and_then(|id| {
                    let tensor = claim.forward.arranged(id, &ends)?;
                    Some((id, Arc::new(tensor)))
                }));
                (run.outputs() == ends, "the outputs are the model's")
            }
            OutputClaim::SquaredError { sum, .. } => {
                let is_true = told == Some((*sum).into());
                (is_true, "the squared error is the model's")
            }
            OutputClaim::Correct { count, .. } => {
                let is_true = told == Some((*count).into());
                (is_true, "the count of right classes is the model's")
            }
        };
        let known = secrets.weights.matrices();
        let tensors = claim.forward.parameters().iter().zip(&known);
        values.extend(tensors.map(|(id, matrix)| (id.first, matrix.values.clone())));
        if check && !is_true {
            return Err(ProveError::Unsatisfied { check: what });
        }
        let mut known = match self.model.weights {
            ParentWeights::Root { .. } => Vec::new(),
            ParentWeights::Committed { .. } => known,
        };
        // Rows of which both ends are columns are one matrix.
        let rows = secrets.inputs.into_iter().chain(secrets.outputs);
        let rows = rows.take(self.matrices().count());
        known.extend(rows.map(RowsOpening::matrix));
        claim.prove(&values, &known, check)
    }

    /// Verifies a proof of the statement but for the group equation of the returned [`Pending`].
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, proof: &[u8]) -> Result<Pending<C>, VerifyError> {
        self.claim()?.verify(proof)
    }

    /// The soundness of a proof of this statement. Needs no proof.
    ///
    /// # Errors
    /// [`VerifyError`] if the statement does not hold together.
    pub fn soundness(&self) -> Result<Soundness, VerifyError> {
        self.claim()?.soundness()
    }

    /// What a proof of this statement takes. The commitments' shapes are looked at, not their points.
    ///
    /// # Errors
    /// [`VerifyError`] if the statement does not hold together.
    pub fn size(&self) -> Result<Size, VerifyError> {
        self.claim()?.size()
    }

    /// The committed rows of the statement, in order; those that both ends are columns of once.
    fn matrices(&self) -> impl Iterator<Item = &CommittedRows<C>> {
        let (inputs, ends) = (self.inputs.rows(), self.claim.batch().rows());
        let ends = ends.filter(|ends| inputs != Some(*ends));
        inputs.into_iter().chain(ends)
    }

    /// The relation and how its inputs are opened. The statement's matrices are, in this order: the
    /// weights (none of a root), then [`matrices`](Self::matrices).
    pub(super) fn claim(&self) -> Result<InferenceClaim<'_, C>, VerifyError> {
        let samples = self.validate()?;
        let model = &self.model;
        let architecture = &model.architecture;
        let (graph, format) = (architecture.graph(), &model.fixed_point);
        let program = model::program(graph, format, samples, self.task())?;
        let extent = Extent {
            steps: 1,
            updates: None,
            cut: Cut::Cheapest,
            opened_outputs: matches!(self.claim, OutputClaim::Outputs(_)),
        };
        let forward = lower(program, &extent)?;
        if num_entries(forward.committed()) > MAX_ENTRIES {
            return Err(StatementError::InferenceTooLarge.into());
        }
        let mut argument = describe(forward.relation(), forward.committed(), self.hiding);
        let root = match &model.weights {
            ParentWeights::Root { seed } => Some((*seed, &model.fixed_point)),
            ParentWeights::Committed { .. } => None,
        };
        let weights = forward.parameters().iter().map(|tensors| tensors.first);
        weight_inputs(
            &mut argument,
            &weights.collect::<Vec<_>>(),
            architecture,
            root,
        );
        let numbers: Vec<usize> = self
            .matrices()
            .map(|rows| argument.known_matrix(rows.layout()))
            .collect();
        let end = match self.claim {
            OutputClaim::Outputs(_) => forward.outputs(),
            OutputClaim::SquaredError { .. } | OutputClaim::Correct { .. } => {
                forward.data(Data::Targets)
            }
        };
        let ends = [
            (forward.data(Data::Inputs), &self.inputs, numbers.first()),
            (end, self.claim.batch(), numbers.last()),
        ];
        for (tensor, batch, matrix) in ends {
            if let Some(tensor) = tensor {
                let source = source(batch, matrix, (samples, tensor), &forward)?;
                argument.input(tensor, source);
            }
        }
        let told = match &self.claim {
            OutputClaim::Outputs(_) => None,
            OutputClaim::SquaredError { sum, .. } => Some(*sum),
            OutputClaim::Correct { count, .. } => Some(*count),
        };
        if let (Some((_, tensor)), Some(told)) = (forward.told().first(), told) {
            let sum = C::ScalarField::from(told);
            argument.input(*tensor, Source::Public(Arc::new(move |_: &[_]| sum)));
        }
        Ok(InferenceClaim {
            statement: self,
            forward,
            argument,
        })
    }

    /// What the network computes for the claim.
    fn task(&self) -> Task {
        let inputs_in_range = self.inputs.is_committed();
        match &self.claim {
            OutputClaim::Outputs(_) => Task::Outputs { inputs_in_range },
            OutputClaim::SquaredError { targets, .. } => Task::SquaredError {
                inputs_in_range,
                targets_in_range: targets.is_committed(),
            },
            OutputClaim::Correct { .. } => Task::Correct { inputs_in_range },
        }
    }

    /// Runs the network on inputs and, for the error, targets.
    pub(super) fn run(
        &self,
        weights: &Weights,
        (inputs, ends): (&[i64], &[i64]),
    ) -> Result<train::Forward, ProveError> {
        let fixed = &self.model.fixed_point;
        Ok(train::forward(fixed, weights, (inputs, ends), self.task())?)
    }
}

impl<C: Curve> OutputClaim<C> {
    /// The rows that the claim names.
    pub(super) fn batch(&self) -> &Batch<C> {
        match self {
            Self::Outputs(batch) => batch,
            Self::SquaredError { targets, .. } => targets,
            Self::Correct { labels, .. } => labels,
        }
    }
}

/// How a batch of `[samples, width]`, columns of a matrix if it is committed, is opened.
fn source<C: Curve<ScalarField: WideField>>(
    batch: &Batch<C>,
    matrix: Option<&usize>,
    (samples, tensor): (usize, TensorId),
    forward: &Lowered<C::ScalarField>,
) -> Result<Source<C::ScalarField>, VerifyError> {
    match batch {
        Batch::Committed { columns, .. } => {
            let missing = VerifyError::Defect("committed rows without a matrix");
            Ok(Source::Gather(Gather {
                matrix: *matrix.ok_or(missing)?,
                rows: GatheredRows::All(samples),
                low_vars: [num_vars(samples), 0],
                first_column: columns.start,
                num_columns: columns.len(),
            }))
        }
        Batch::Public { values, .. } => {
            let tensor = forward.arranged(tensor, values).unwrap_or_default();
            Ok(Source::Public(Arc::new(move |point: &[_]| {
                int::evaluate(&tensor, point)
            })))
        }
    }
}

/// The values of a batch.
pub(super) fn rows_of<C: Curve>(
    batch: &Batch<C>,
    opening: Option<&RowsOpening<C::ScalarField>>,
) -> Result<Arc<Vec<i64>>, ProveError> {
    let error = match (batch, opening) {
        (Batch::Public { values, .. }, None) => return Ok(values.clone()),
        (Batch::Committed { rows, columns }, Some(opening)) => {
            if opening.width() == rows.width() && opening.num_rows() == rows.num_rows() {
                return Ok(Arc::new(opening.columns(columns)));
            }
            StatementError::OtherRows
        }
        (Batch::Public { .. }, Some(_)) => StatementError::PublicRows,
        (Batch::Committed { .. }, None) => StatementError::NoOpening,
    };
    Err(error.into())
}
