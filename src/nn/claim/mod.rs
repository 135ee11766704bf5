//! What is proven by one proof, and what is done with any such thing: prove, verify, account for.
//!
//! **Relation.** A [`Claim`] is a statement whose parts fit together, as canonical bytes; its description,
//! an [`Argument`]: a relation, and how the relation's inputs are opened; and the row commitments that
//! the statement names, in the order of the description's matrices. There are four: a segment of
//! training ([`TrainingStatement`](super::TrainingStatement)), an inference
//! ([`InferenceStatement`](super::inference::InferenceStatement)), the range of a data set
//! ([`prove_dataset`]), and the range of weights ([`WeightGrid`](super::WeightGrid)).
//!
//! **Prover, verifier.** Those of [`argument`](super::argument). The bytes come first in the transcript, so a
//! claim has everything in them that its description depends on, and a digest of each commitment.
//!
//! **Soundness.** Equation 52 of [`notes`](crate::notes), for one claim.
//!
//! **Claims that join.** A tensor that one proof ends in and the next begins with is committed once, outside
//! of both. Both claims have its rows among their [`known`](Claim::known) ones and its digest in
//! their bytes; both describe it as [`Source::Matrix`](super::argument::Source::Matrix) of one layout. Who verifies them passes the same
//! commitment to both: then they speak of the same values, and nothing else need be compared. The weights
//! between two segments are such a boundary. A cut elsewhere, as between two layers, is a claim on each
//! side with one more matrix, whose commitment is sent between their proofs, as that of weights is in a
//! [`TrainingProof`](super::TrainingProof); the relation of one side looks up the range of what is
//! committed there, and forces its padding to zero.
//!
//! **Departures, references.** See the relations.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
mod data;
mod data_range;
mod segment;
mod weights;

pub use data::{dataset_soundness, prove_dataset, verify_dataset};
pub(crate) use weights::weight_inputs;
#[cfg(test)]
pub(crate) use {data::DataClaim, segment::SegmentArgument};

use super::{
    argument::{Argument, KnownMatrix, Pending, Size},
    commitment::row_vars,
    relation::{Committed, Relation, Values},
};
use crate::{
    commit::{Curve, RowCommitments},
    error::{Locate, ProveError, VerifyError},
    poly::WideField,
    security::Soundness,
};
use std::sync::Arc;

/// What one proof proves.
pub trait Claim<C: Curve<ScalarField: WideField>> {
    /// What it is called where it is one of several: errors of the verifier begin with it.
    fn name(&self) -> String;

    /// The canonical encoding of all that is claimed, digests of commitments among it.
    fn statement(&self) -> Vec<u8>;

    /// The relation, and how its inputs are opened.
    fn argument(&self) -> &Argument<C::ScalarField>;

    /// The rows of the statement's commitments, in the order of the description's matrices.
    fn known(&self) -> Vec<&RowCommitments<C>>;

    /// Proves the claim for the given values; `known` are what the statement's commitments open to, in
    /// the order of [`known`](Self::known).
    ///
    /// With `check` values that do not satisfy the relation are an error; without, the proof is finished
    /// all the same and will be refused.
    ///
    /// # Errors
    /// Those of [`Argument::prove`].
    fn prove(
        &self,
        values: &Values,
        known: &[KnownMatrix<C::ScalarField>],
        check: bool,
    ) -> Result<Vec<u8>, ProveError> {
        let statement = self.statement();
        self.argument().prove::<C>(&statement, values, known, check)
    }

    /// Verifies a proof of the claim but for the group equation of the returned [`Pending`].
    ///
    /// # Errors
    /// [`VerifyError`], located by the claim's name.
    fn verify(&self, proof: &[u8]) -> Result<Pending<C>, VerifyError> {
        self.argument()
            .verify(&self.statement(), &self.known(), proof)
            .located(|| self.name())
    }

    /// The soundness of a proof of the claim. Needs no proof.
    ///
    /// # Errors
    /// [`VerifyError`] if the description does not hold together.
    fn soundness(&self) -> Result<Soundness, VerifyError> {
        let mut soundness = Soundness::new::<C>();
        soundness.add(&self.argument().errors::<C>()?, 1);
        Ok(soundness)
    }

    /// What a proof of the claim takes. The commitments' points are not looked at.
    ///
    /// # Errors
    /// [`VerifyError`] if the description does not hold together.
    fn size(&self) -> Result<Size, VerifyError> {
        self.argument().size::<C>()
    }
}

/// Number of entries that may be non-zero.
pub(crate) fn num_entries(committed: &[Committed]) -> usize {
    let real = committed.iter().flat_map(|tensor| &tensor.real);
    real.map(|range| range.len()).sum()
}

/// A description in which these tensors are committed, with rows of the length that suits their number.
pub(crate) fn describe<F: WideField>(
    relation: &Arc<Relation<F>>,
    committed: &[Committed],
    hiding: bool,
) -> Argument<F> {
    let row_vars = row_vars(num_entries(committed));
    Argument::new(relation.clone(), committed, row_vars, hiding)
}
