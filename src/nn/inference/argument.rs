//! The proof of an inference.
use super::{
    Batch, CommittedRows, InferenceStatement, MAX_ENTRIES, OutputClaim, RowsOpening, with_limbs_for,
};
use crate::{
    commit::{Curve, RowCommitments},
    error::{ProveError, VerifyError},
    nn::{
        FixedPoint, WeightOpening,
        argument::{Argument, Gather, GatheredRows, Pending, Size, Source},
        claim::{Claim, describe, num_entries, weight_inputs},
        mlp::{Forward, Head},
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
    pub(super) forward: Forward<C::ScalarField>,
    argument: Argument<C::ScalarField>,
    /// The formats with the limbs of the proof.
    pub(super) fixed: FixedPoint,
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
            let what = "the weights are of another architecture";
            return Err(statement(what.into()).into());
        }
        let inputs = rows_of(&self.inputs, secrets.inputs)?;
        let ends = rows_of(self.claim.batch(), secrets.outputs)?;
        let fixed = &claim.fixed;
        let activations = train::forward(fixed, secrets.weights.weights(), &inputs)?;
        let mut values = info_span!("witness").in_scope(|| {
            claim.forward.witness(
                fixed,
                secrets.weights.weights(),
                &inputs,
                &activations,
                &ends,
            )
        })?;
        let outputs = activations.last().map(|last| last.y.as_slice());
        let (is_true, what) = match &self.claim {
            OutputClaim::Outputs(_) => {
                let tensor = claim.forward.arrange(architecture.num_outputs(), &ends);
                values.extend(claim.forward.outputs().map(|id| (id, Arc::new(tensor))));
                (
                    outputs == Some(ends.as_slice()),
                    "the outputs are the model's",
                )
            }
            OutputClaim::SquaredError { sum, .. } => {
                let found = claim.forward.squared_error().and_then(|id| values.get(&id));
                let found = found.and_then(|found| u64::try_from(*found.first()?).ok());
                (found == Some(*sum), "the squared error is the model's")
            }
        };
        if check && !is_true {
            return Err(ProveError::Unsatisfied { check: what });
        }
        let mut known = match self.model.weights {
            ParentWeights::Root { .. } => Vec::new(),
            ParentWeights::Committed { .. } => secrets.weights.matrices(),
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
        let (architecture, depth) = (&model.architecture, model.architecture.num_layers());
        let units: usize = architecture.widths().iter().skip(1).sum();
        let fixed = with_limbs_for(&model.fixed_point, units.saturating_mul(samples))?;
        let head = match &self.claim {
            OutputClaim::Outputs(_) => Head::Outputs,
            OutputClaim::SquaredError { targets, .. } => Head::SquaredError {
                targets_in_range: targets.is_committed(),
            },
        };
        let inputs_in_range = self.inputs.is_committed();
        let forward = Forward::new(architecture, &fixed, samples, inputs_in_range, head);
        if num_entries(forward.committed()) > MAX_ENTRIES {
            let what = "an inference has too many values: make several proofs";
            return Err(VerifyError::Statement(what.into()));
        }
        let mut argument = describe(forward.relation(), forward.committed(), self.hiding);
        let root = match &model.weights {
            ParentWeights::Root { seed } => Some((*seed, &model.fixed_point)),
            ParentWeights::Committed { .. } => None,
        };
        weight_inputs(&mut argument, forward.weights(), architecture, root);
        let numbers: Vec<usize> = self
            .matrices()
            .map(|rows| argument.known_matrix(rows.layout()))
            .collect();
        let ends = [
            (Some(forward.inputs()), &self.inputs, numbers.first()),
            (
                forward.targets().or(forward.outputs()),
                self.claim.batch(),
                numbers.last(),
            ),
        ];
        let widths = [architecture.num_inputs(), architecture.outputs(depth - 1)];
        for ((tensor, batch, matrix), width) in ends.into_iter().zip(widths) {
            if let Some(tensor) = tensor {
                let source = source(batch, matrix, (samples, width), &forward)?;
                argument.input(tensor, source);
            }
        }
        if let (Some(tensor), OutputClaim::SquaredError { sum, .. }) =
            (forward.squared_error(), &self.claim)
        {
            let sum = C::ScalarField::from(*sum);
            argument.input(tensor, Source::Public(Arc::new(move |_: &[_]| sum)));
        }
        Ok(InferenceClaim {
            statement: self,
            forward,
            argument,
            fixed,
        })
    }
}

impl<C: Curve> OutputClaim<C> {
    /// The rows that the claim names.
    pub(super) fn batch(&self) -> &Batch<C> {
        match self {
            Self::Outputs(batch) => batch,
            Self::SquaredError { targets, .. } => targets,
        }
    }
}

fn statement(what: String) -> VerifyError {
    VerifyError::Statement(what)
}

/// How a batch of `[samples, width]`, columns of a matrix if it is committed, is opened.
fn source<C: Curve<ScalarField: WideField>>(
    batch: &Batch<C>,
    matrix: Option<&usize>,
    (samples, width): (usize, usize),
    forward: &Forward<C::ScalarField>,
) -> Result<Source<C::ScalarField>, VerifyError> {
    match batch {
        Batch::Committed { columns, .. } => {
            let missing = || statement("committed rows without a matrix".into());
            Ok(Source::Gather(Gather {
                matrix: *matrix.ok_or_else(missing)?,
                rows: GatheredRows::All(samples),
                low_vars: [num_vars(samples), 0],
                first_column: columns.start,
                num_columns: columns.len(),
            }))
        }
        Batch::Public { values, .. } => {
            let tensor = forward.arrange(width, values);
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
    let what = match (batch, opening) {
        (Batch::Public { values, .. }, None) => return Ok(values.clone()),
        (Batch::Committed { rows, columns }, Some(opening)) => {
            if opening.width() == rows.width() && opening.num_rows() == rows.num_rows() {
                return Ok(Arc::new(opening.columns(columns)));
            }
            "an opening is of rows of another shape than the statement's"
        }
        (Batch::Public { .. }, Some(_)) => "an opening of rows that are public",
        (Batch::Committed { .. }, None) => "committed rows without their opening",
    };
    Err(statement(what.into()).into())
}
