//! The verifier of an argument.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]
use super::{APPLICATION, Argument, Layout, PublicInput, final_form};
use crate::{
    commit::{
        Combination, Curve, Generators, GroupEquation, RowCommitments,
        hadamard::{self, MaskForm, MaskLayout},
        linear,
    },
    error::VerifyError,
    nn::relation::Claim,
    poly::WideField,
    transcript::{Challenger, Errors, Expr, ProverChannel, VerifierChannel},
};

/// A proof of which everything is checked but one group equation.
#[must_use = "nothing is proven until the equation is checked"]
pub struct Pending<C: Curve> {
    equation: GroupEquation<C>,
    /// A challenge drawn behind the last message.
    binding: C::ScalarField,
    errors: Errors,
}

impl<C: Curve> Pending<C> {
    /// The soundness errors of the challenges that were drawn: those that
    /// [`Argument::errors`] knows beforehand.
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    /// Checks the equations of many proofs by one multi-scalar multiplication. Its weights are
    /// drawn from the complete transcripts of all of them.
    ///
    /// # Errors
    /// [`VerifyError::Opening`] if any equation does not hold.
    pub fn check_all(pending: &[Self]) -> Result<(), VerifyError> {
        let count = (pending.len() as u64).to_le_bytes();
        let mut channel = ProverChannel::new(b"batch of proofs", &count);
        for proof in pending {
            channel.send_clear("binding", &proof.binding);
        }
        let weights = channel.challenges("weights", pending.len(), 1);
        let equations = pending.iter().map(|p| &p.equation);
        let shapes = || equations.clone().map(GroupEquation::shape);
        let columns = shapes().map(|shape| shape.columns).max().unwrap_or(0);
        let pads = shapes().map(|shape| shape.pads).max().unwrap_or(0);
        GroupEquation::check_all(&Generators::get(columns, pads), equations, &weights)
    }

    /// How many scalars and points there are to keep until the equation is checked.
    pub(crate) fn size(&self) -> usize {
        self.equation.size()
    }
}

/// What a proof takes, known before anything is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Row commitments in the proof.
    pub rows: usize,
    /// Values committed in the proof, rows being filled up.
    pub committed: usize,
    /// Values of the statement's commitments, which are opened.
    pub opened: usize,
    /// Looked-up positions, with padding.
    pub lookups: usize,
    /// Length of the longest row.
    pub columns: usize,
    /// Bytes of the proof: exactly.
    pub proof_bytes: usize,
}

impl<F: WideField> Argument<F> {
    /// Verifies a proof but for the group equation of the returned [`Pending`].
    ///
    /// `known` are the commitments of the statement, in the order of
    /// [`known_matrix`](Self::known_matrix); `statement` must encode all that this description was
    /// made from, the known commitments too.
    pub fn verify<C: Curve<ScalarField = F>>(
        &self,
        statement: &[u8],
        known: &[&RowCommitments<C>],
        proof: &[u8],
    ) -> Result<Pending<C>, VerifyError> {
        let mut channel = VerifierChannel::new(APPLICATION, statement, proof);
        let mut commitments = Vec::with_capacity(self.matrices.len());
        for matrix in self.matrices.iter().take(self.witness.len()) {
            let rows = channel.receive_points::<C>("witness row", matrix.num_rows())?;
            commitments.push(RowCommitments { rows });
        }
        for (matrix, known) in self.matrices.iter().skip(self.witness.len()).zip(known) {
            if matrix.num_rows() != known.len() {
                return Err(VerifyError::Shape {
                    what: "rows of a commitment",
                    expected: matrix.num_rows(),
                    got: known.len(),
                });
            }
            commitments.push((*known).clone());
        }
        // The rows are there, so what the statement asks for is not out of proportion to the proof.
        let layout = self.mask_layout()?;
        let equation = self.verify_rows(&commitments, &layout, &mut channel, &mut |f, claim| {
            f(&claim.point)
        })?;
        let binding = channel.challenge("batch of proofs", 1);
        let errors = channel.errors().clone();
        channel.finish()?;
        Ok(Pending {
            equation,
            binding,
            errors,
        })
    }

    /// The soundness errors of all challenges of a proof, by a run of the verifier without one.
    ///
    /// # Errors
    /// [`VerifyError::Statement`] if the description does not hold together.
    pub fn errors<C: Curve<ScalarField = F>>(&self) -> Result<Errors, VerifyError> {
        Ok(self.dry_run::<C>()?.errors().clone())
    }

    /// What a proof takes, by the same run.
    ///
    /// # Errors
    /// [`VerifyError::Statement`] if the description does not hold together.
    pub fn size<C: Curve<ScalarField = F>>(&self) -> Result<Size, VerifyError> {
        let bytes = self.dry_run::<C>()?.dry_bytes();
        let (witness, known) = self.matrices.split_at(self.witness.len());
        let entries = |matrices: &[Layout]| -> usize {
            let entries = matrices.iter().map(|m| m.num_rows() << m.row_vars());
            entries.sum()
        };
        Ok(Size {
            rows: self.num_witness_rows(),
            committed: entries(witness),
            opened: entries(known),
            lookups: self.relation.lookup_shape()?.num_lookups(),
            columns: 1 << self.column_vars(),
            proof_bytes: bytes + self.num_witness_rows() * C::ENCODED_LEN,
        })
    }

    /// No proof has fewer bytes than its rows and what its lookups end in. For who has not yet a reason
    /// to run the verifier.
    pub fn least_bytes<C: Curve<ScalarField = F>>(&self) -> usize {
        let points = self.num_witness_rows() + usize::from(self.hiding);
        let columns = self
            .relation
            .lookups
            .iter()
            .map(|(_, tensors)| tensors.len());
        let scalars = columns.sum::<usize>() + self.relation.tables.len();
        let bytes = points.saturating_mul(C::ENCODED_LEN);
        bytes.saturating_add(scalars * F::ZERO.compressed_size())
    }

    /// A run of the verifier without a proof: of the time and memory of the scalars that a proof has
    /// beside its rows, however many rows there are.
    fn dry_run<C: Curve<ScalarField = F>>(
        &self,
    ) -> Result<VerifierChannel<'static, F>, VerifyError> {
        let mut channel = VerifierChannel::dry_run(self.hiding);
        let layout = self.mask_layout()?;
        let rows = vec![RowCommitments::<C> { rows: Vec::new() }; self.matrices.len()];
        let _ = self.verify_rows(&rows, &layout, &mut channel, &mut |_, _| F::ZERO)?;
        let _: F = channel.challenge("batch of proofs", 1);
        Ok(channel)
    }

    /// Everything behind the commitments of the rows.
    fn verify_rows<C: Curve<ScalarField = F>>(
        &self,
        commitments: &[RowCommitments<C>],
        layout: &MaskLayout,
        channel: &mut VerifierChannel<'_, F>,
        public: &mut dyn FnMut(&PublicInput<F>, &Claim<F, Expr<F>>) -> F,
    ) -> Result<GroupEquation<C>, VerifyError> {
        let mut combination = Combination::new();
        if self.hiding {
            combination.add_point(F::ONE, channel.receive_point::<C>("masks")?);
            channel.masked();
        }
        let folded = self.reductions(channel, public)?;
        if self.hiding && channel.plan() != layout.plan() {
            let what = "the dry run does not count every scalar that is received";
            return Err(VerifyError::Defect(what));
        }
        let (form, mu) = self.mask_form(layout, &folded.value, channel)?;
        for (matrix, weights) in &folded.rows {
            let weights: Vec<F> = weights.iter().map(|w| mu * w).collect();
            let rows = commitments.get(*matrix).ok_or(VerifyError::Opening)?;
            combination.add_rows(&weights, rows)?;
        }
        let (shape, coefficients) = final_form(&folded.point, form.coefficients, mu)?;
        let claim = linear::LinearForm {
            shape,
            coefficients: &coefficients,
            value: form.value,
            hiding: self.hiding,
        };
        linear::verify(&claim, &combination, channel)
    }

    /// The form on the masks that is left for an opening that has the value `opened`, and `mu`.
    fn mask_form(
        &self,
        layout: &MaskLayout,
        opened: &Expr<F>,
        channel: &mut VerifierChannel<'_, F>,
    ) -> Result<(MaskForm<F>, F), VerifyError> {
        if !self.hiding {
            let form = MaskForm {
                coefficients: Vec::new(),
                value: opened.constant(),
            };
            return Ok((form, F::ONE));
        }
        let constraints = channel.take_constraints();
        let e = channel.challenge("products", 2);
        let responses = hadamard::receive(layout, channel)?;
        let error = layout.num_constraints(channel.num_constraints());
        let delta = channel.challenge("constraints", error);
        let form = hadamard::combine(layout, opened, &constraints, e, &responses, delta);
        Ok((form, channel.challenge("mu", 2)))
    }
}
