//! The verifier's side of the reduction: values are affine forms in pads.
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
    Relation, TensorId,
    reduce::{Batch, Party},
};
use crate::{
    check::Check,
    error::{Locate, VerifyError},
    gkr::fractional::{self, LookupShape},
    poly::WideField,
    sumcheck,
    transcript::{Challenger, Expr, VerifierChannel},
};

/// The verifier of a relation, reading from a channel.
pub struct Verifier<'a, 'p, F> {
    relation: &'a Relation<F>,
    channel: &'a mut VerifierChannel<'p, F>,
}

impl<'a, 'p, F: WideField> Verifier<'a, 'p, F> {
    /// A verifier of `relation`.
    pub fn new(relation: &'a Relation<F>, channel: &'a mut VerifierChannel<'p, F>) -> Self {
        Self { relation, channel }
    }
}

impl<F: WideField> Challenger<F> for Verifier<'_, '_, F> {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.channel.absorb(label, bytes);
    }

    fn challenge(&mut self, label: &'static str, error: u64) -> F {
        self.channel.challenge(label, error)
    }
}

impl<F: WideField> Party<F> for Verifier<'_, '_, F> {
    type Value = Expr<F>;
    type Error = VerifyError;

    fn known(&self, value: F) -> Expr<F> {
        Expr::known(value)
    }

    fn plus(&self, a: &Expr<F>, factor: F, b: &Expr<F>) -> Expr<F> {
        a.plus(factor, b)
    }

    fn multiply(&mut self, a: &Expr<F>, b: &Expr<F>) -> Result<Expr<F>, VerifyError> {
        self.channel.multiply(a, b)
    }

    fn evaluation(&mut self, tensor: TensorId, _point: &[F]) -> Result<Expr<F>, VerifyError> {
        self.channel
            .receive("evaluation")
            .located(|| format!("tensor {}", self.relation.name(tensor)))
    }

    fn assert_zero(&mut self, value: Expr<F>, check: Check) -> Result<(), VerifyError> {
        self.channel.assert_zero(value, check.name())
    }

    fn lookups(
        &mut self,
        shape: &LookupShape<F>,
    ) -> Result<(Vec<F>, Vec<Vec<Expr<F>>>, Vec<Expr<F>>), VerifyError> {
        let claims =
            fractional::verify(shape, self.channel).located(|| "lookup argument".to_string())?;
        Ok((claims.point, claims.columns, claims.multiplicities))
    }

    fn sumcheck(
        &mut self,
        claim: Expr<F>,
        batch: &Batch<F>,
    ) -> Result<(Vec<F>, Expr<F>), VerifyError> {
        let reduced = sumcheck::verify(claim, batch.num_vars, batch.degree, self.channel)?;
        Ok((reduced.point, reduced.value))
    }
}
