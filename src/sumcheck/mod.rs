//! The sumcheck protocol [Lund-Fortnow-Karloff-Nisan 92; Thaler 22, sec. 4.1].
//!
//! Equations 17 to 19 of [`notes`](crate::notes).
//!
//! **Relation.** A public claim says that `sum_x g(x) = v` over the cube of `n` variables, for a
//! polynomial `g` of degree at most `d` in each variable.
//!
//! **Protocol.** In round `k` the prover sends the univariate `g_k(X)`, the sum over all
//! variables after `k` with the earlier ones bound to challenges; the verifier uses
//! `g_k(0) + g_k(1) = v_k` to recover the one coefficient that was not sent, draws `r_k`, and goes
//! on with `v_(k+1) = g_k(r_k)`. What is left is the claim `g(r) = v_n`, which the caller must
//! discharge.
//!
//! **Soundness.** A false claim ends in a true one with probability at most `n d / |F|`.
//!
//! **Compression.** A round polynomial `c_0 + c_1 X + ... + c_d X^d` travels without `c_1 =
//! v - 2 c_0 - c_2 - ... - c_d`. It therefore does not determine the claim: `v` must already be
//! a function of the transcript, as it is for every claim in this crate.
//!
//! **Departures.** Variable 0 is bound first (see [`crate::poly`]).
//!
//! The prover's side of a round is the trait [`RoundProver`]; there is one driver, [`prove`].
//!
//! **References.** \[Lund-Fortnow-Karloff-Nisan 92\] Algebraic methods for interactive proof
//! systems; \[Thaler 22\] Proofs, arguments, and zero-knowledge.
mod product;

pub use product::{Naive, Product, SumOfProducts, Table};

use crate::{
    error::VerifyError,
    transcript::{Challenger, Expr, ProverChannel, VerifierChannel},
};
use ark_ff::PrimeField;

/// A univariate polynomial by its coefficients, constant first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundPoly<F>(pub Vec<F>);

impl<F: PrimeField> RoundPoly<F> {
    /// Interpolates degree 1 from the values at 0 and 1.
    pub fn linear(at_0: F, at_1: F) -> Self {
        Self(vec![at_0, at_1 - at_0])
    }

    /// Interpolates degree 2 from the value at 0, the coefficient of `X^2` ("the value at
    /// infinity") and the sum of the values at 0 and 1.
    pub fn quadratic(at_0: F, at_infinity: F, claim: F) -> Self {
        Self(vec![at_0, claim - at_0.double() - at_infinity, at_infinity])
    }

    /// Interpolates degree 3 from the values at 0 and 2, the coefficient of `X^3` and the sum of
    /// the values at 0 and 1.
    pub fn cubic(at_0: F, at_2: F, at_infinity: F, claim: F) -> Self {
        // a = c_1 + c_2 and b = c_1 + 2 c_2, so that c_2 = b - a.
        let a = claim - at_0.double() - at_infinity;
        let half = F::from(2u64).inverse().unwrap_or_default();
        let b = (at_2 - at_0) * half - at_infinity.double().double();
        let c_2 = b - a;
        Self(vec![at_0, a - c_2, c_2, at_infinity])
    }

    /// The value at `x`.
    pub fn evaluate(&self, x: F) -> F {
        self.0.iter().rev().fold(F::ZERO, |sum, c| sum * x + c)
    }

    /// `p(0) + p(1)`.
    pub fn sum_over_bit(&self) -> F {
        self.0.iter().sum::<F>() + self.0.first().copied().unwrap_or_default()
    }
}

/// The prover's side of one sumcheck: yields round polynomials and binds challenges.
pub trait RoundProver<F> {
    /// Number of variables.
    fn num_vars(&self) -> usize;
    /// Degree of every round polynomial.
    fn degree(&self) -> usize;
    /// The polynomial of the next variable; `claim` is its sum over 0 and 1.
    fn round_poly(&mut self, claim: F) -> RoundPoly<F>;
    /// Binds that variable.
    fn bind(&mut self, challenge: F);
}

/// Runs the rounds of `prover` for the claim that its sum is `claim`. Returns the point and the
/// value claimed there.
pub fn prove<F: PrimeField>(
    prover: &mut impl RoundProver<F>,
    claim: F,
    channel: &mut ProverChannel<F>,
) -> (Vec<F>, F) {
    let mut claim = claim;
    let mut point = Vec::with_capacity(prover.num_vars());
    for _ in 0..prover.num_vars() {
        let poly = prover.round_poly(claim);
        debug_assert_eq!(poly.0.len(), prover.degree() + 1);
        for (k, c) in poly.0.iter().enumerate() {
            if k != 1 {
                channel.send("sumcheck round", c);
            }
        }
        let r = channel.challenge("sumcheck challenge", prover.degree() as u64);
        claim = poly.evaluate(r);
        prover.bind(r);
        point.push(r);
    }
    (point, claim)
}

/// The claim that is left when all variables are bound: the summand at `point` is `value`.
#[must_use = "the summand's value at the point is unchecked"]
#[derive(Debug, Clone)]
pub struct Reduced<F> {
    /// The challenges, in order of variables.
    pub point: Vec<F>,
    /// The claimed value.
    pub value: Expr<F>,
}

/// Reduces the claim that a polynomial of `num_vars` variables and degree at most `degree >= 1`
/// in each sums to `claim`. Still unchecked: the value at the point.
pub fn verify<F: PrimeField>(
    claim: Expr<F>,
    num_vars: usize,
    degree: usize,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<Reduced<F>, VerifyError> {
    let mut value = claim;
    let mut point = Vec::new();
    for _ in 0..num_vars {
        let constant = channel.receive("sumcheck round")?;
        let higher = channel.receive_all("sumcheck round", degree.saturating_sub(1))?;
        let r: F = channel.challenge("sumcheck challenge", degree as u64);
        // Equation 18: c_0 + c_1 r + sum c_k r^k with c_1 = value - 2 c_0 - sum c_k
        let mut next = value.times(r).plus(F::ONE - r.double(), &constant);
        let mut power = r;
        for c in &higher {
            power *= r;
            next = next.plus(power - r, c);
        }
        value = next;
        point.push(r);
    }
    Ok(Reduced { point, value })
}
