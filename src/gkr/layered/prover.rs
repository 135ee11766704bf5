//! The prover for layered circuits, linear in the number of gates.
use super::{Circuit, Gate, claim_weights};
use crate::{
    poly::{WideField, eq_evals},
    sumcheck::{self, Product, SumOfProducts, Table},
    transcript::{Challenger, ProverChannel},
};
use ark_ff::PrimeField;

/// True values of the inputs' extension at two points: the prover's end of
/// [`super::InputClaims`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputEvaluations<F> {
    /// The two points.
    pub points: [Vec<F>; 2],
    /// The values there.
    pub values: [F; 2],
}

/// Proves that the outputs' extension has at `point` the value that it has. `values` are those of
/// [`Circuit::evaluate`]; if they are not, the proof is refused.
///
/// # Panics
/// If `values` does not have the circuit's layers and widths, or `point` not the number of
/// variables of the outputs.
pub fn prove<F: WideField>(
    circuit: &Circuit,
    values: &[Vec<F>],
    point: &[F],
    channel: &mut ProverChannel<F>,
) -> InputEvaluations<F> {
    let widths = circuit.layers().iter().map(Vec::len);
    let widths: Vec<usize> = [circuit.num_inputs()].into_iter().chain(widths).collect();
    assert_eq!(widths, values.iter().map(Vec::len).collect::<Vec<_>>());
    let mut claims = vec![(F::ONE, point.to_vec())];
    let mut value = crate::poly::evaluate(&values[values.len() - 1], point);
    let mut left = InputEvaluations {
        points: [Vec::new(), Vec::new()],
        values: [F::ZERO; 2],
    };
    for ((gates, num_vars), below) in circuit.top_down().zip(values.iter().rev().skip(1)) {
        left = prove_layer(gates, num_vars, below, &claims, value, channel);
        let gamma: F = channel.challenge("circuit gamma", 1);
        let [u, v] = left.points.clone();
        claims = vec![(F::ONE, u), (gamma, v)];
        value = left.values[0] + gamma * left.values[1];
    }
    left
}

/// From claims on a layer to two claims on the one below.
fn prove_layer<F: WideField>(
    gates: &[Gate],
    num_vars: usize,
    below: &[F],
    claims: &[(F, Vec<F>)],
    value: F,
    channel: &mut ProverChannel<F>,
) -> InputEvaluations<F> {
    let weights = claim_weights(claims);
    let (factor, rest) = left_tables(gates, &weights, below);
    let (u, value, at_u) = prove_phase(num_vars, below, factor, rest, value, channel);
    let (factor, rest) = right_tables(gates, &weights, &eq_evals(&u), at_u, below.len());
    let (v, _, at_v) = prove_phase(num_vars, below, factor, rest, value, channel);
    channel.send_all("circuit layer", &[at_u, at_v]);
    InputEvaluations {
        points: [u, v],
        values: [at_u, at_v],
    }
}

/// The sumcheck `sum_x V(x) factor(x) + rest(x)`: point, value there, and `V` there.
fn prove_phase<F: WideField>(
    num_vars: usize,
    below: &[F],
    factor: Vec<F>,
    rest: Vec<F>,
    value: F,
    channel: &mut ProverChannel<F>,
) -> (Vec<F>, F, F) {
    let product = |factors| Product {
        coefficient: F::ONE,
        factors,
        num_vars,
    };
    let tables = [below.to_vec(), factor, rest].map(Table::Field).to_vec();
    let products = vec![product(vec![0, 1]), product(vec![2])];
    let mut prover = SumOfProducts::new(num_vars, tables, products);
    let (point, value) = sumcheck::prove(&mut prover, value, channel);
    (point, value, prover.final_evaluations()[0])
}

/// The layer's sum over `y` as `V(x) factor(x) + rest(x)` [Xie et al. 2019/317, alg. 4].
pub(super) fn left_tables<F: PrimeField>(
    gates: &[Gate],
    weights: &[F],
    below: &[F],
) -> (Vec<F>, Vec<F>) {
    let mut factor = vec![F::ZERO; below.len()];
    let mut rest = vec![F::ZERO; below.len()];
    for (gate, weight) in gates.iter().zip(weights) {
        match *gate {
            Gate::Add(left, right) => {
                factor[left] += weight;
                rest[left] += *weight * below[right];
            }
            Gate::Mul(left, right) => factor[left] += *weight * below[right],
        }
    }
    (factor, rest)
}

/// With `x` bound to `u`, the layer's summand as `V(y) factor(y) + rest(y)` [Xie et al. 2019/317,
/// alg. 5].
fn right_tables<F: PrimeField>(
    gates: &[Gate],
    weights: &[F],
    eq_u: &[F],
    at_u: F,
    width: usize,
) -> (Vec<F>, Vec<F>) {
    let mut factor = vec![F::ZERO; width];
    let mut rest = vec![F::ZERO; width];
    for (gate, weight) in gates.iter().zip(weights) {
        let (left, right) = gate.wires();
        let wire = *weight * eq_u[left];
        match gate {
            Gate::Add(..) => {
                factor[right] += wire;
                rest[right] += wire * at_u;
            }
            Gate::Mul(..) => factor[right] += wire * at_u,
        }
    }
    (factor, rest)
}
