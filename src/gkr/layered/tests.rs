//! Layered circuits against direct evaluation, dense wiring sums and cheats.
use super::*;
use crate::{
    error::VerifyError,
    poly::{eq_eval, num_vars},
    transcript::{Expr, Mask, ProverChannel, VerifierChannel},
};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random_circuit(rng: &mut ChaCha8Rng) -> Circuit {
    let num_inputs = rng.gen_range(1..10);
    let mut width = num_inputs;
    let layers = (0..rng.gen_range(1..5))
        .map(|_| {
            let gates = (0..rng.gen_range(1..10))
                .map(|_| {
                    let (left, right) = (rng.gen_range(0..width), rng.gen_range(0..width));
                    if rng.r#gen() {
                        Gate::Add(left, right)
                    } else {
                        Gate::Mul(left, right)
                    }
                })
                .collect::<Vec<_>>();
            width = gates.len();
            gates
        })
        .collect();
    Circuit::new(num_inputs, layers).unwrap()
}

fn scalars(n: usize, rng: &mut ChaCha8Rng) -> Vec<Fr> {
    (0..n).map(|_| Fr::rand(rng)).collect()
}

pub(super) fn proof(
    circuit: &Circuit,
    values: &[Vec<Fr>],
    pads: Option<Vec<Fr>>,
) -> (Vec<u8>, InputEvaluations<Fr>) {
    let mut channel = ProverChannel::new(b"test", b"");
    if let Some(pads) = pads {
        channel.mask_with(pads);
    }
    let outputs = &values[values.len() - 1];
    let (point, _) = circuit.draw_output_point(outputs, &mut channel);
    let evals = prove(circuit, values, &point, &mut channel);
    assert_eq!(channel.pads_left(), 0);
    (channel.finish(), evals)
}

/// Whether the proof is accepted for these outputs and its claims hold for these inputs.
pub(super) fn check(
    circuit: &Circuit,
    inputs: &[Fr],
    outputs: &[Fr],
    proof: &[u8],
) -> Result<bool, VerifyError> {
    let mut channel = VerifierChannel::new(b"test", b"", proof);
    let (point, value) = circuit.draw_output_point(outputs, &mut channel);
    let value = Expr::known(value);
    let claims = verify(circuit, OutputClaim { point, value }, &mut channel)?;
    channel.finish()?;
    let hold =
        |(point, value): (&Vec<Fr>, &Expr<Fr>)| poly::evaluate(inputs, point) == value.constant();
    Ok(claims.points.iter().zip(&claims.values).all(hold))
}

proptest! {
    #[test]
    fn random_circuits_are_accepted(seed: u64) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let circuit = random_circuit(rng);
        let inputs = scalars(circuit.num_inputs(), rng);
        let values = circuit.evaluate(&inputs);
        let outputs = values.last().unwrap();
        let (proof, evals) = proof(&circuit, &values, None);
        prop_assert_eq!(check(&circuit, &inputs, outputs, &proof), Ok(true));
        for (point, value) in evals.points.iter().zip(evals.values) {
            prop_assert_eq!(poly::evaluate(&inputs, point), value);
        }
    }

    /// The layer identity with dense wiring predicates, at several points of the layer, and the
    /// prover's tables against it.
    #[test]
    fn wiring_sums_are_those_of_the_definition(seed: u64) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let circuit = random_circuit(rng);
        let values = circuit.evaluate(&scalars(circuit.num_inputs(), rng));
        for (i, gates) in circuit.layers().iter().enumerate() {
            let (below, layer) = (&values[i], &values[i + 1]);
            let n = num_vars(below.len());
            let bits = |x: usize, n: usize| (0..n).map(|k| Fr::from((x >> k & 1) as u64)).collect::<Vec<_>>();
            let claims: Vec<(Fr, Vec<Fr>)> = (0..2)
                .map(|_| (Fr::rand(rng), scalars(num_vars(gates.len()), rng)))
                .collect();
            let value: Fr = claims.iter().map(|(w, p)| *w * poly::evaluate(layer, p)).sum();

            let predicate = |u: &[Fr], v: &[Fr]| {
                let (mut add, mut mul) = (Fr::ZERO, Fr::ZERO);
                for (z, gate) in gates.iter().enumerate() {
                    let (left, right) = gate.wires();
                    let weight: Fr = claims.iter()
                        .map(|(w, p)| *w * eq_eval(p, &bits(z, p.len()))).sum();
                    let wire = weight * eq_eval(u, &bits(left, n)) * eq_eval(v, &bits(right, n));
                    match gate {
                        Gate::Add(..) => add += wire,
                        Gate::Mul(..) => mul += wire,
                    }
                }
                (add, mul)
            };
            let at = |x: usize| below.get(x).copied().unwrap_or_default();
            let sum: Fr = (0..1usize << (2 * n)).map(|xy| {
                let (x, y) = (xy >> n, xy & ((1 << n) - 1));
                let (add, mul) = predicate(&bits(x, n), &bits(y, n));
                add * (at(x) + at(y)) + mul * at(x) * at(y)
            }).sum();
            prop_assert_eq!(sum, value);

            let (factor, rest) = prover::left_tables(gates, &claim_weights(&claims), below);
            prop_assert_eq!(poly::inner_product(&factor, below) + rest.iter().sum::<Fr>(), value);
            let (u, v) = (scalars(n, rng), scalars(n, rng));
            prop_assert_eq!(verifier::wiring(gates, &claims, &u, &v), Some(predicate(&u, &v)));
        }
    }

    #[test]
    fn masked_proofs_leave_true_constraints(seed: u64) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let circuit = random_circuit(rng);
        let inputs = scalars(circuit.num_inputs(), rng);
        let values = circuit.evaluate(&inputs);
        let outputs = values.last().unwrap();
        let run = |channel: &mut VerifierChannel<'_, Fr>| {
            let (point, value) = circuit.draw_output_point(outputs, channel);
            verify(&circuit, OutputClaim { point, value: Expr::known(value) }, channel).unwrap()
        };
        let mut channel = VerifierChannel::dry_run(true);
        let _ = run(&mut channel);
        let plan = channel.plan().clone();
        let pads = scalars(plan.num_pads, rng);
        let (proof, evals) = proof(&circuit, &values, Some(pads.clone()));

        let mut channel = VerifierChannel::new(b"test", b"", &proof);
        channel.masked();
        let claims = run(&mut channel);
        let value = |expr: &Expr<Fr>| {
            expr.terms().iter().fold(expr.constant(), |sum, (mask, c)| sum + *c * match mask {
                Mask::Pad(i) => pads[*i],
                Mask::Product(k) => pads[plan.products[*k].0] * pads[plan.products[*k].1],
            })
        };
        let constraints = channel.take_constraints();
        prop_assert!(!constraints.is_empty());
        for constraint in constraints {
            prop_assert_eq!(value(&constraint.expr), Fr::ZERO, "{}", constraint.check);
        }
        channel.finish().unwrap();
        prop_assert_eq!(claims.values.each_ref().map(value), evals.values);
        prop_assert_eq!(claims.points, evals.points);
    }

    /// A wrong output, a wrong value inside with everything above recomputed, a wrong gate.
    #[test]
    fn wrong_computations_are_refused(seed: u64) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let circuit = random_circuit(rng);
        let inputs = scalars(circuit.num_inputs(), rng);
        let refused = |outputs: &[Fr], proof: &[u8]| {
            !matches!(check(&circuit, &inputs, outputs, proof), Ok(true))
        };
        let mut values = circuit.evaluate(&inputs);
        let top = values.len() - 1;
        let z = rng.gen_range(0..values[top].len());
        values[top][z] += Fr::ONE;
        prop_assert!(refused(&values[top], &proof(&circuit, &values, None).0));

        let layer = rng.gen_range(0..circuit.layers().len());
        let mut wrong = circuit.clone();
        let z = rng.gen_range(0..wrong.layers[layer].len());
        wrong.layers[layer][z] = match wrong.layers[layer][z] {
            Gate::Add(left, right) => Gate::Mul(left, right),
            Gate::Mul(left, right) => Gate::Add(left, right),
        };
        // `wrong` keeps the digest of the true circuit.
        let values = wrong.evaluate(&inputs);
        if values[top] != circuit.evaluate(&inputs)[top] {
            prop_assert!(refused(&values[top], &proof(&wrong, &values, None).0));
            prop_assert!(refused(&values[top], &proof(&circuit, &values, None).0));
        }
    }
}

/// `(a b + c)^2` and `a b + c + c^2`.
fn example() -> (Circuit, Vec<Fr>) {
    let layers = vec![
        vec![Gate::Mul(0, 1), Gate::Add(2, 3), Gate::Mul(2, 2)],
        vec![Gate::Add(0, 1), Gate::Add(2, 1), Gate::Mul(1, 1)],
        vec![Gate::Mul(0, 0), Gate::Add(0, 2)],
    ];
    let circuit = Circuit::new(4, layers).unwrap();
    (circuit, [3, 5, 7, 0].map(Fr::from).to_vec())
}

#[test]
fn every_altered_message_is_refused() {
    let (circuit, inputs) = example();
    let values = circuit.evaluate(&inputs);
    assert_eq!(values[3], [484, 71].map(Fr::from).to_vec());
    let (proof, _) = proof(&circuit, &values, None);
    assert_eq!(check(&circuit, &inputs, &values[3], &proof), Ok(true));
    for i in 0..proof.len() / 32 {
        let mut altered = proof.clone();
        let message = &mut altered[32 * i..32 * (i + 1)];
        let value: Fr =
            ark_serialize::CanonicalDeserialize::deserialize_compressed(&*message).unwrap();
        let value = value + Fr::ONE;
        ark_serialize::CanonicalSerialize::serialize_compressed(&value, message).unwrap();
        assert!(
            check(&circuit, &inputs, &values[3], &altered).is_err(),
            "message {i}"
        );
        assert!(check(&circuit, &inputs, &values[3], &proof[..32 * i]).is_err());
    }
    let longer = [&proof[..], &[0; 32]].concat();
    assert_eq!(
        check(&circuit, &inputs, &values[3], &longer),
        Err(VerifyError::TrailingBytes { count: 32 })
    );
    // Other inputs: accepted so far, and the claims do not hold.
    let others = [3, 5, 7, 1].map(Fr::from);
    assert_eq!(check(&circuit, &others, &values[3], &proof), Ok(false));
    // Another circuit of the same shape.
    let mut layers = circuit.layers().to_vec();
    layers[2][1] = Gate::Add(2, 0);
    let other = Circuit::new(4, layers).unwrap();
    assert!(check(&other, &inputs, &values[3], &proof).is_err());
}

#[test]
fn circuits_and_points_are_validated() {
    assert_eq!(Circuit::new(0, vec![vec![]]), Err(CircuitError::Empty));
    assert_eq!(Circuit::new(1, vec![]), Err(CircuitError::Empty));
    assert_eq!(Circuit::new(1, vec![vec![]]), Err(CircuitError::Empty));
    assert_eq!(
        Circuit::new(2, vec![vec![Gate::Add(0, 1)], vec![Gate::Mul(0, 1)]]),
        Err(CircuitError::Wire {
            layer: 2,
            gate: 0,
            wire: 1,
            width: 1
        })
    );
    let (circuit, _) = example();
    let claim = OutputClaim {
        point: vec![Fr::ONE; 2],
        value: Expr::zero(),
    };
    let mut channel = VerifierChannel::new(b"test", b"", &[]);
    assert_eq!(
        verify(&circuit, claim, &mut channel).err(),
        Some(VerifyError::Shape {
            what: "the point of the outputs",
            expected: 1,
            got: 2
        })
    );
}
