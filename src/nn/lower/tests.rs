//! Lowered programs: honest witnesses satisfy them, and nothing else does.
use super::*;
use crate::nn::{
    Architecture, Dataset, FixedPoint, LearningRate, Schedule, ScheduleSeed, Sgd,
    layout::weight_tensors,
    model::{self, Mlp, Task},
    network::Weights,
    op::Nonlinearity,
    relation::{self, Claim, Prover, Values, Verifier},
    soundness::tiny,
    train,
};
use crate::{
    error::VerifyError,
    poly::int,
    transcript::{Expr, ProverChannel, VerifierChannel},
};
use ark_bls12_381::Fr;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use std::ops::ControlFlow;

struct Run {
    lowered: Lowered<Fr>,
    values: Values,
}

/// Small weights, so that few values leave their ranges.
fn weights(architecture: &Architecture, fixed: &FixedPoint, seed: u64) -> Weights {
    crate::nn::init::expand(seed, architecture, fixed)
}

fn perceptron() -> impl Strategy<Value = Mlp> {
    let functions = prop::sample::select(Nonlinearity::ALL.to_vec());
    let widths = prop::collection::vec(1_usize..6, 2..5);
    (widths, functions, any::<bool>()).prop_map(|(mut widths, activation, residual)| {
        // Residual sums need two hidden layers of one width.
        if let ([_, first, second, _], true) = (widths.as_mut_slice(), residual) {
            *second = *first;
        }
        Mlp {
            widths,
            activation,
            residual,
        }
    })
}

/// Some training, unless a value leaves its range.
fn training(mlp: &Mlp, (batch, steps): (usize, usize), seed: u64) -> Option<Run> {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let architecture = Architecture::perceptron(mlp).unwrap();
    let fixed = tiny();
    let rate = LearningRate::from_coefficient(3).unwrap();
    let (features, targets) = (architecture.num_inputs(), architecture.num_outputs());
    let rows = batch + 3;
    let values = (0..rows * (features + targets))
        .map(|_| rng.gen_range(-20..20))
        .collect();
    let dataset = Dataset::from_rows(features, targets, values).unwrap();
    let schedule = Schedule::new(ScheduleSeed([7; 32]), rows, batch).unwrap();
    let parent = weights(&architecture, &fixed, seed);
    let mut child = parent.clone();
    let mut traces = Vec::new();
    let sgd = Sgd {
        fixed_point: fixed.clone(),
        rate,
    };
    let data = (&dataset, &schedule);
    train::train(&sgd, &mut child, data, 0..steps as u64, |_, step| {
        traces.push(step);
        ControlFlow::Continue(())
    })
    .ok()?;
    let program = model::program(architecture.graph(), &fixed, batch, Task::Training).unwrap();
    let extent = Extent {
        steps,
        optimiser: Some(Optimiser::Sgd(rate)),
        cut: Cut::Format,
        opened_outputs: false,
    };
    let lowered = lower(program, &extent).unwrap();
    let mut values = lowered.witness(&traces).unwrap();
    let ends = weight_tensors(&parent)
        .into_iter()
        .zip(weight_tensors(&child));
    for (tensors, (first, last)) in lowered.parameters().iter().zip(ends) {
        values.insert(tensors.first, first);
        values.insert(tensors.last.unwrap(), last);
    }
    Some(Run { lowered, values })
}

/// Some inference.
fn inference(mlp: &Mlp, samples: usize, task: Task, seed: u64) -> Option<Run> {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let architecture = Architecture::perceptron(mlp).unwrap();
    let fixed = tiny();
    let weights = weights(&architecture, &fixed, seed);
    let mut draw = |width: usize| -> Vec<i64> {
        let count = width * samples;
        (0..count).map(|_| rng.gen_range(-20..20)).collect()
    };
    let inputs = draw(architecture.num_inputs());
    let targets = draw(architecture.num_outputs());
    let run = train::forward(&fixed, &weights, (&inputs, &targets), task).ok()?;
    let extent = Extent {
        steps: 1,
        optimiser: None,
        cut: Cut::Cheapest,
        opened_outputs: false,
    };
    let lowered = lower(run.program.clone(), &extent).unwrap();
    let mut values = lowered.witness(&[run.trace]).unwrap();
    for (tensors, first) in lowered.parameters().iter().zip(weight_tensors(&weights)) {
        values.insert(tensors.first, first);
    }
    Some(Run { lowered, values })
}

fn tasks() -> impl Strategy<Value = Task> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(error, inputs, targets)| match error {
        true => Task::SquaredError {
            inputs_in_range: inputs,
            targets_in_range: targets,
        },
        false => Task::Outputs {
            inputs_in_range: inputs,
        },
    })
}

fn verify(run: &Run, proof: &[u8]) -> Result<Vec<Claim<Fr, Expr<Fr>>>, VerifyError> {
    let mut channel = VerifierChannel::new(b"test", b"", proof);
    let relation = run.lowered.relation();
    let claims = relation::reduce(relation, &mut Verifier::new(relation, &mut channel))?;
    channel.finish()?;
    Ok(claims)
}

/// All claims that the reduction ends in hold for the witness.
fn holds(run: &Run, claims: &[Claim<Fr, Expr<Fr>>]) -> bool {
    claims
        .iter()
        .all(|c| int::evaluate(&run.values[&c.tensor], &c.point) == c.value.constant())
}

/// The reduction ends in true claims, and the naive checker finds nothing.
fn is_complete(run: &Run) {
    let relation = run.lowered.relation();
    assert_eq!(relation.violation(&run.values), None);
    let mut channel = ProverChannel::new(b"test", b"");
    let mut prover = Prover::new(relation, &run.values, &mut channel);
    let sent = relation::reduce(relation, &mut prover).unwrap();
    let claims = verify(run, &channel.finish()).unwrap();
    assert_eq!(sent.len(), claims.len());
    assert!(holds(run, &claims));
}

/// A committed entry that is changed is not accepted, one in padding neither.
fn entry_matters(run: &Run, pick: [prop::sample::Index; 2], by: i64) -> bool {
    let relation = run.lowered.relation();
    let uses: Vec<TensorId> = relation.tables.iter().map(|(_, uses)| *uses).collect();
    let committed = run.lowered.committed().iter();
    let live: Vec<&Committed> = committed.filter(|c| !uses.contains(&c.tensor)).collect();
    let tensor = pick[0].get(&live).tensor;
    let mut values = run.values.clone();
    let column = Arc::make_mut(values.get_mut(&tensor).unwrap());
    column.resize(1 << relation.num_vars(tensor), 0);
    let at = pick[1].index(column.len());
    column[at] += by;
    relation.violation(&values).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Completeness of the reduction, without hiding, on all kinds of shapes.
    #[test]
    fn honest_training_reduces_to_true_claims(
        mlp in perceptron(),
        batch in 1_usize..5,
        steps in 1_usize..5,
        seed: u64,
    ) {
        let run = training(&mlp, (batch, steps), seed);
        prop_assume!(run.is_some(), "in range");
        is_complete(&run.unwrap());
    }

    /// And of inferences.
    #[test]
    fn honest_inferences_reduce_to_true_claims(
        mlp in perceptron(),
        samples in 1_usize..5,
        task in tasks(),
        seed: u64,
    ) {
        let run = inference(&mlp, samples, task, seed);
        prop_assume!(run.is_some(), "in range");
        is_complete(&run.unwrap());
    }

    /// No committed value is free, real or in padding: rounded ones, images, limbs.
    #[test]
    fn no_committed_value_is_free(
        mlp in perceptron(),
        shape in (1_usize..4, 1_usize..4),
        seed in 0_u64..50,
        pick: [prop::sample::Index; 2],
        by in prop_oneof![Just(1_i64), Just(-1), Just(1 << 6), Just(-(1 << 8)), Just(1 << 30)],
        task in prop::option::of(tasks()),
    ) {
        let run = match task {
            Some(task) => inference(&mlp, shape.0, task, seed),
            None => training(&mlp, shape, seed),
        };
        prop_assume!(run.is_some(), "in range");
        prop_assert!(entry_matters(&run.unwrap(), pick, by));
    }
}
