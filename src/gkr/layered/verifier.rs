//! The verifier for layered circuits.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]
use super::{Circuit, Gate, claim_weights};
use crate::{
    check::Check,
    error::{Locate, StatementError, VerifyError},
    poly::{eq_evals, num_vars},
    sumcheck,
    transcript::{Challenger, Expr, VerifierChannel},
};
use ark_ff::PrimeField;

/// The outputs' extension has this value at this point. The transcript must have absorbed the
/// circuit and what fixes the value, as [`Circuit::draw_output_point`] does.
#[derive(Debug, Clone)]
pub struct OutputClaim<F> {
    /// One coordinate for each variable of the outputs.
    pub point: Vec<F>,
    /// The value.
    pub value: Expr<F>,
}

/// What is left to check: the inputs' extension has these values at these points.
#[must_use = "the values of the inputs are unchecked"]
#[derive(Debug, Clone)]
pub struct InputClaims<F> {
    /// The two points, one coordinate for each variable of the inputs.
    pub points: [Vec<F>; 2],
    /// The values there.
    pub values: [Expr<F>; 2],
}

/// Reduces a claim on the outputs of `circuit` to two claims on its inputs, which are unchecked.
///
/// # Errors
/// If the point does not fit the outputs, the proof is cut or malformed, or a check fails.
pub fn verify<F: PrimeField>(
    circuit: &Circuit,
    claim: OutputClaim<F>,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<InputClaims<F>, VerifyError> {
    let expected = num_vars(circuit.num_outputs());
    if claim.point.len() != expected {
        return Err(VerifyError::Shape {
            what: "the point of the outputs",
            expected,
            got: claim.point.len(),
        });
    }
    let mut claims = vec![(F::ONE, claim.point)];
    let mut value = claim.value;
    let mut left = Err(StatementError::NoLayer.into());
    let num_layers = circuit.layers().len();
    for (depth, (gates, num_vars)) in circuit.top_down().enumerate() {
        let reduced = verify_layer(gates, num_vars, &claims, value, channel)
            .located(|| format!("circuit layer {}", num_layers - depth))?;
        let gamma: F = channel.challenge("circuit gamma", 1);
        let [u, v] = reduced.points.clone();
        claims = vec![(F::ONE, u), (gamma, v)];
        let [at_u, at_v] = &reduced.values;
        value = at_u.plus(gamma, at_v);
        left = Ok(reduced);
    }
    left
}

/// From weighted claims on a layer, whose sum is `value`, to two claims on the one below.
fn verify_layer<F: PrimeField>(
    gates: &[Gate],
    num_vars: usize,
    claims: &[(F, Vec<F>)],
    value: Expr<F>,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<InputClaims<F>, VerifyError> {
    let left = sumcheck::verify(value, num_vars, 2, channel)?;
    let right = sumcheck::verify(left.value, num_vars, 2, channel)?;
    let at_u = channel.receive("circuit layer")?;
    let at_v = channel.receive("circuit layer")?;
    let (add, mul) =
        wiring(gates, claims, &left.point, &right.point).ok_or(StatementError::LooseWire)?;
    let product = channel.multiply(&at_u, &at_v)?;
    let gate = at_u.plus(F::ONE, &at_v).times(add).plus(mul, &product);
    channel.assert_equal(&right.value, &gate, Check::CircuitLayer.name())?;
    Ok(InputClaims {
        points: [left.point, right.point],
        values: [at_u, at_v],
    })
}

/// The wiring predicates `(add, mul)` at two points, weighted by the claims.
pub(super) fn wiring<F: PrimeField>(
    gates: &[Gate],
    claims: &[(F, Vec<F>)],
    u: &[F],
    v: &[F],
) -> Option<(F, F)> {
    let weights = claim_weights(claims);
    let (eq_u, eq_v) = (eq_evals(u), eq_evals(v));
    let (mut add, mut mul) = (F::ZERO, F::ZERO);
    for (gate, weight) in gates.iter().zip(&weights) {
        let (left, right) = gate.wires();
        let wire = *weight * eq_u.get(left)? * eq_v.get(right)?;
        match gate {
            Gate::Add(..) => add += wire,
            Gate::Mul(..) => mul += wire,
        }
    }
    Some((add, mul))
}
