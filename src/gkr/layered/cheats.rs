//! A cheating prover of layered circuits.
use super::{
    Circuit, Gate,
    tests::{check, proof},
};
use crate::check::{Check, Tried, judge};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field};

/// The circuit is said to have another output; below it all is honest.
pub(crate) fn another_output() -> Tried {
    let layers = vec![
        vec![Gate::Mul(0, 1), Gate::Add(1, 2)],
        vec![Gate::Mul(0, 1), Gate::Add(0, 0)],
    ];
    let circuit = Circuit::new(3, layers).unwrap();
    let inputs = [2u64, 3, 5].map(Fr::from);
    let attempt = || {
        let mut values = circuit.evaluate(&inputs);
        values[2][1] += Fr::ONE;
        let (proof, _) = proof(&circuit, &values, None);
        check(&circuit, &inputs, &values[2], &proof).map(|hold| assert!(hold))
    };
    assert_ne!(circuit.evaluate(&inputs)[2][1], Fr::ZERO);
    judge(Check::CircuitLayer, attempt, |error| {
        error.is_check(Check::CircuitLayer)
    })
}
