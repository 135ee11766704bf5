//! The verifier of an argument.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]
use super::{APPLICATION, Argument, final_form};
use crate::{
    commit::{
        Combination, Curve, Generators, GroupEquation, RowCommitments,
        hadamard::{self, MaskForm},
        linear,
    },
    error::VerifyError,
    poly::WideField,
    transcript::{Challenger, ProverChannel, VerifierChannel},
};

/// A proof of which everything is checked but one group equation.
#[must_use = "nothing is proven until the equation is checked"]
pub struct Pending<C: Curve> {
    equation: GroupEquation<C>,
    /// A challenge drawn behind the last message.
    binding: C::ScalarField,
}

impl<C: Curve> Pending<C> {
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
        let weights = channel.challenges("weights", pending.len());
        let equations: Vec<_> = pending.iter().map(|p| p.equation.clone()).collect();
        let columns = equations
            .iter()
            .map(|e| e.shape().columns)
            .max()
            .unwrap_or(0);
        let pads = equations.iter().map(|e| e.shape().pads).max().unwrap_or(0);
        GroupEquation::check_all(&Generators::get(columns, pads), &equations, &weights)
    }
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
        let mut combination = Combination::new();
        if self.hiding {
            combination.add_point(F::ONE, channel.receive_point::<C>("masks")?);
            channel.masked();
        }
        let folded =
            self.reductions(&mut channel, &mut |function, claim| function(&claim.point))?;
        if self.hiding && channel.plan() != layout.plan() {
            return Err(VerifyError::CheckFailed {
                check: "the dry run counts every scalar that is received",
            });
        }
        let constraints = channel.take_constraints();
        let (form, mu) = if self.hiding {
            let e = channel.challenge("products");
            let responses = hadamard::receive(&layout, &mut channel)?;
            let delta = channel.challenge("constraints");
            let form =
                hadamard::combine(&layout, &folded.value, &constraints, e, &responses, delta);
            (form, channel.challenge("mu"))
        } else {
            (
                MaskForm {
                    coefficients: Vec::new(),
                    value: folded.value.constant(),
                },
                F::ONE,
            )
        };
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
        let equation = linear::verify(&claim, &combination, &mut channel)?;
        let binding = channel.challenge("batch of proofs");
        channel.finish()?;
        Ok(Pending { equation, binding })
    }
}
