//! The relations, reduced without commitments.

use super::*;
use crate::{
    nn::{
        Architecture, Dataset, FixedPointConfig, LearningRate, Schedule, ScheduleSeed, Sgd,
        WeightOpening,
        argument::{Argument, Pending, Source},
        commitment::weight_layout,
        init,
        relation::{self, Claim, Prover, Values, Verifier},
        train,
    },
    poly::int,
    transcript::{Expr, ProverChannel, VerifierChannel},
};
use ark_bls12_381::Fr;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use std::ops::ControlFlow;

/// A small format, so that tables are small.
pub(crate) fn tiny() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        activation_bits: 4,
        gradient_bits: 5,
        weight_bits: 14,
        limbs: vec![6, 8],
        hidden_range_bits: 11,
        output_range_bits: 12,
        gradient_range_bits: 12,
        data_range_bits: 8,
    })
    .unwrap()
}

struct Run {
    training: Training<Fr>,
    values: Values,
}

/// Some training, unless a value leaves its range.
fn run(widths: &[usize], extent: Extent, seed: u64) -> Option<Run> {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let architecture = Architecture::new(widths.to_vec()).unwrap();
    let fixed = tiny();
    let rate = LearningRate::from_coefficient(3).unwrap();
    let (features, targets) = (widths[0], widths[widths.len() - 1]);
    let rows = extent.batch + 3;
    let values = (0..rows * (features + targets))
        .map(|_| rng.gen_range(-20..20))
        .collect();
    let dataset = Dataset::from_rows(features, targets, values).unwrap();
    let schedule = Schedule::new(ScheduleSeed([7; 32]), rows, extent.batch).unwrap();
    let parent = init::expand(seed, &architecture, &fixed);
    let mut child = parent.clone();
    let mut steps = Vec::new();
    let sgd = Sgd {
        fixed_point: fixed.clone(),
        rate,
    };
    train::train(
        &sgd,
        &mut child,
        (&dataset, &schedule),
        0..extent.steps as u64,
        |_, step| {
            steps.push(step);
            ControlFlow::Continue(())
        },
    )
    .ok()?;
    let training = Training::new(&architecture, &fixed, rate, extent);
    let mut values = training
        .witness(
            &fixed,
            &weight_tensors(&parent),
            &steps,
            &weight_tensors(&child),
        )
        .unwrap();
    let (width, outputs) = (architecture.num_inputs(), architecture.num_outputs());
    let inputs = witness::arrange(extent, width, |t, i| steps[t].inputs[i]);
    values.insert(training.inputs, Arc::new(inputs));
    let targets = witness::arrange(extent, outputs, |t, i| steps[t].targets[i]);
    values.insert(training.targets, Arc::new(targets));
    Some(Run { training, values })
}

fn verify(run: &Run, proof: &[u8]) -> Result<Vec<Claim<Fr, Expr<Fr>>>, crate::error::VerifyError> {
    let mut channel = VerifierChannel::new(b"test", b"", proof);
    let claims = relation::reduce(
        run.training.relation(),
        &mut Verifier::new(run.training.relation(), &mut channel),
    )?;
    channel.finish()?;
    Ok(claims)
}

/// All claims that the reduction ends in hold for the witness.
fn holds(run: &Run, claims: &[Claim<Fr, Expr<Fr>>]) -> bool {
    claims
        .iter()
        .all(|c| int::evaluate(&run.values[&c.tensor], &c.point) == c.value.constant())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Completeness of the reduction, without hiding, on all kinds of shapes.
    #[test]
    fn honest_training_reduces_to_true_claims(
        widths in prop::collection::vec(1usize..6, 2..5),
        batch in 1usize..5,
        steps in 1usize..5,
        seed: u64,
    ) {
        let run = run(&widths, Extent { batch, steps }, seed);
        prop_assume!(run.is_some(), "in range");
        let run = run.unwrap();
        let mut channel = ProverChannel::new(b"test", b"");
        let relation = run.training.relation();
        let sent = relation::reduce(relation, &mut Prover::new(relation, &run.values, &mut channel)).unwrap();
        let claims = verify(&run, &channel.finish()).unwrap();
        prop_assert_eq!(sent.len(), claims.len());
        prop_assert!(holds(&run, &claims));
    }
}

/// Proves a forward pass under committed weights with public inputs, and verifies it against the
/// given public outputs.
fn forward_is_accepted(outputs: Option<Vec<i64>>, seed: u64, hiding: bool) -> bool {
    type C = ark_pallas::Projective;
    type Scalar = ark_pallas::Fr;
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed);
    let architecture = Architecture::new(vec![3, 5, 2]).unwrap();
    let (fixed, batch) = (tiny(), 3);
    let inputs: Vec<i64> = (0..3 * batch).map(|_| rng.gen_range(-8..8)).collect();
    let weights = init::expand(seed, &architecture, &fixed);
    let opening = WeightOpening::<Scalar>::new(weights, hiding, rng);
    let activations = train::forward(&fixed, opening.weights(), &inputs).unwrap();
    let relation = Forward::<Scalar>::new(&architecture, &fixed, batch, false, Head::Outputs);
    let describe = |outputs: Vec<i64>| {
        let tensors = relation.relation().clone();
        let mut argument = Argument::new(tensors, relation.committed(), 6, hiding);
        for (layer, tensor) in relation.weights().iter().enumerate() {
            let matrix = argument.known_matrix(weight_layout(&architecture, layer));
            argument.input(*tensor, Source::Matrix(matrix));
        }
        let extent = Extent { batch, steps: 1 };
        let public = |rows: Vec<i64>| {
            let values = witness::arrange(extent, rows.len() / batch, |_, i| rows[i]);
            Source::Public(Arc::new(move |point: &[Scalar]| {
                int::evaluate(&values, point)
            }))
        };
        argument.input(relation.inputs(), public(inputs.clone()));
        argument.input(relation.outputs().unwrap(), public(outputs));
        argument
    };
    let truth = activations[1].y.clone();
    let values = relation
        .witness(&fixed, opening.weights(), &inputs, &activations, &[])
        .unwrap();
    let known = opening.matrices();
    let proof = describe(truth.clone())
        .prove::<C>(b"forward", &values, &known, true)
        .unwrap();
    let commitment = opening.commit::<C>();
    let known: Vec<_> = commitment.layers().iter().collect();
    let verified = describe(outputs.unwrap_or(truth)).verify(b"forward", &known, &proof);
    verified
        .and_then(|pending| Pending::check_all(&[pending]))
        .is_ok()
}

#[test]
fn a_forward_pass_has_these_outputs_and_no_others() {
    for hiding in [false, true] {
        assert!(forward_is_accepted(None, 5, hiding));
        assert!(!forward_is_accepted(Some(vec![0; 6]), 5, hiding));
    }
}
