//! The sumcheck protocol [Lund-Fortnow-Karloff-Nisan 92; Thaler 22, sec. 4.1].
//!
//! Equations 17 to 19 of [`notes`](crate::notes).
//!
//! **Relation.** A public claim says that $\sum_x p(x) = v$ over the $2^n$ vertices of the cube, for a
//! polynomial $p$ of degree at most $d$ in each of its $n$ variables.
//!
//! **Prover.** In round $k$ it sends the polynomial in one variable that is left when the earlier
//! variables are bound to challenges and the later ones are summed over,
//! $$ g_k(X) = \sum_{x_{k+1}, \dots, x_{n-1}} p(r_0, \dots, r_{k-1}, X, x_{k+1}, \dots, x_{n-1}), $$
//! by its coefficients $c_0, c_2, \dots, c_d$. Its side of a round is the trait [`RoundProver`]; there
//! is one driver, [`prove`]. [`SumOfProducts`] is the fast prover, $O(2^n)$ for tables of $2^n$ values;
//! [`Naive`] is its oracle.
//!
//! **Verifier.** From $v_0 = v$ on it gets the coefficient that was not sent from
//! $g_k(0) + g_k(1) = v_k$, as
//! $$ c_1 = v_k - 2 c_0 - c_2 - \dots - c_d, $$
//! draws $r_k$, and goes on with $v_{k+1} = g_k(r_k)$. What [`verify`] returns is the claim
//! $p(r) = v_n$, [`Reduced`], which the caller must discharge. With masked scalars everything is an
//! affine form in the pads: no product of received values occurs.
//!
//! **Soundness.** A false claim ends in a true one with probability at most $n d / |F|$: a wrong $v_k$
//! makes $g_k$ wrong, and two polynomials of degree $d$ agree at $d$ places at most. As $c_1$ does not
//! travel, nothing can fail in a round, and the messages do not determine the claim: $v$ must already
//! be a function of the transcript, as it is for every claim in this crate.
//!
//! **Departures.** Variable 0 is bound first (see [`crate::poly`]). Round polynomials are sent as
//! coefficients, not as values. Products of fewer than $n$ variables take part as they are (19).
//!
//! **References.** \[Lund-Fortnow-Karloff-Nisan 92\] Algebraic methods for interactive proof
//! systems; \[Thaler 22\] Proofs, arguments, and zero-knowledge.
//!
//! # To learn it
//!
//! `tests/teaching/sumcheck.rs` in the repository has the protocol from scratch, its best cheat, and
//! how often that wins; `examples/01_prove_a_sum.rs` is a larger sum. In short:
//!
//! ```
//! use ark_pallas::Fr;
//! use zktree::{
//!     poly,
//!     sumcheck::{self, Product, SumOfProducts, Table},
//!     transcript::{Expr, ProverChannel, VerifierChannel},
//! };
//!
//! // 1 * 5 + 2 * 6 + 3 * 7 + 4 * 8 = 70
//! let [a, b] = [[1, 2, 3, 4], [5, 6, 7, 8]].map(|table| table.map(Fr::from).to_vec());
//! let product = Product { coefficient: Fr::from(1), factors: vec![0, 1], num_vars: 2 };
//! let tables = vec![Table::Field(a.clone()), Table::Field(b.clone())];
//! let mut prover = SumOfProducts::new(2, tables, vec![product]);
//! let mut channel = ProverChannel::new(b"documentation", b"70");
//! sumcheck::prove(&mut prover, Fr::from(70), &mut channel);
//! let proof = channel.finish();
//!
//! let mut channel = VerifierChannel::new(b"documentation", b"70", &proof);
//! let left = sumcheck::verify(Expr::known(Fr::from(70)), 2, 2, &mut channel)?;
//! channel.finish()?;
//! // The claim that is left, by a verifier who has the tables.
//! let product = poly::evaluate(&a, &left.point) * poly::evaluate(&b, &left.point);
//! assert_eq!(left.value.constant(), product);
//! # Ok::<(), zktree::error::VerifyError>(())
//! ```
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
