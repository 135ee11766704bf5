//! A cheat for each check of an inference: see [`crate::cheats`].
use super::{argument::rows_of, tests::Scene, *};
use crate::{
    check::{Check, Tried, judge},
    nn::{
        Layer, LearningRate, WeightOpening, Weights,
        argument::Pending,
        claim::Claim,
        lower::{
            Lowered,
            forger::{Forger, Place},
        },
        optimise::UpdateMatrix,
        relation::{TensorId, Values},
        soundness::{cheats::tried, count, wide_weights},
    },
};
use proptest::prelude::*;
use rand::rngs::OsRng;
use std::sync::Arc;

type C = crate::Pallas;
type Scalar = <C as ark_ec::PrimeGroup>::ScalarField;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A value on a padded sample or unit, in any committed tensor, is refused.
    #[test]
    fn garbage_in_padding_is_refused(
        widths in prop::collection::vec(1usize..4, 2..4),
        samples in 1usize..4,
        seed in 0u64..1000,
        pick: [prop::sample::Index; 2],
        by in prop_oneof![Just(1i64), Just(-1), Just(1 << 8)],
        hiding: bool,
    ) {
        let scene = Scene::new(&widths, samples, hiding, seed);
        let statement = scene.public(scene.outputs.clone());
        let altered = std::cell::Cell::new(false);
        let verdict = verdict(&statement, scene.secrets(), |forward, values| {
            let padding = padding(forward, &widths, samples);
            if !padding.is_empty() {
                let (tensor, positions) = pick[0].get(&padding);
                let column = Arc::make_mut(values.get_mut(tensor).unwrap());
                let at = *pick[1].get(positions);
                column.resize(column.len().max(at + 1), 0);
                column[at] += by;
                altered.set(true);
            }
        });
        prop_assert_eq!(verdict.is_err(), altered.get());
    }
}

/// Where the committed tensors of layers have padding.
fn padding(
    forward: &Lowered<Scalar>,
    widths: &[usize],
    samples: usize,
) -> Vec<(TensorId, Vec<usize>)> {
    let relation = forward.relation();
    let padded = samples.next_power_of_two();
    let positions = |id| {
        // Of a name the first number is the layer.
        let name = relation.name(id);
        let name = name.trim_start_matches(|c: char| !c.is_ascii_digit());
        let layer: usize = name.split(',').next()?.parse().ok()?;
        let width = *widths.get(layer)?;
        let all = 0..padded * width.next_power_of_two();
        let positions: Vec<usize> = all
            .filter(|at| at % padded >= samples || at / padded >= width)
            .collect();
        (!positions.is_empty()).then_some((id, positions))
    };
    let tensors = forward.committed().iter().map(|c| c.tensor);
    let layers = tensors.filter(|id| !relation.name(*id).starts_with("uses"));
    layers.filter_map(positions).collect()
}

/// Rows of values, each of the same width.
fn rows(values: &[i64], count: usize) -> Vec<Vec<Vec<i64>>> {
    let width = values.len().checked_div(count).unwrap_or(0).max(1);
    vec![values.chunks(width).map(<[i64]>::to_vec).collect()]
}

/// The witness of a forward pass that lies, whatever its values, and the outputs that follow, row by row.
fn forged(
    statement: &InferenceStatement<C>,
    secrets: InferenceSecrets<'_, Scalar>,
    lie: impl Fn(Place<'_>, &mut i128),
) -> (Values, Vec<i64>) {
    let claim = statement.claim().unwrap();
    let samples = statement.validate().unwrap();
    let inputs = rows_of(&statement.inputs, secrets.inputs).unwrap();
    let ends = rows_of(statement.claim.batch(), secrets.outputs).unwrap();
    let data = [rows(&inputs, samples), rows(&ends, samples)];
    let weights = wide_weights(secrets.weights);
    // Nothing is trained.
    let updates = UpdateMatrix::Plain(LearningRate::from_coefficient(1).unwrap());
    let values = Forger::new(&claim.forward, data, weights, updates).run(lie);
    let outputs = &values[&claim.forward.outputs().unwrap()];
    let width = statement.model.architecture.num_outputs();
    let padded = samples.next_power_of_two();
    let entry = |b: usize, j: usize| outputs.get(b + j * padded).copied().unwrap_or(0);
    let outputs = (0..samples).flat_map(|b| (0..width).map(move |j| (b, j)));
    let outputs = outputs.map(|(b, j)| entry(b, j)).collect();
    (values, outputs)
}

/// Proves a statement by a forward pass in which nothing is checked, altered, and verifies.
fn verdict(
    statement: &InferenceStatement<C>,
    secrets: InferenceSecrets<'_, Scalar>,
    alter: impl Fn(&Lowered<Scalar>, &mut Values),
) -> Result<(), VerifyError> {
    // What is refused before anything is proven.
    let _ = statement.claim()?;
    let (values, _) = forged(statement, secrets, |_, _| ());
    verdict_of(statement, secrets, values, alter)
}

fn verdict_of(
    statement: &InferenceStatement<C>,
    secrets: InferenceSecrets<'_, Scalar>,
    mut values: Values,
    alter: impl Fn(&Lowered<Scalar>, &mut Values),
) -> Result<(), VerifyError> {
    let claim = statement.claim()?;
    alter(&claim.forward, &mut values);
    count(claim.forward.relation(), &mut values);
    let mut known = secrets.weights.matrices();
    known.extend(secrets.inputs.map(RowsOpening::matrix));
    known.extend(secrets.outputs.map(RowsOpening::matrix));
    let proof = claim.prove(&values, &known, false);
    let pending = statement.verify(&proof.unwrap())?;
    Pending::check_all(&[pending])
}

/// A scene whose network has no weights but one bias for each output.
fn constant(hiding: bool, output: i64) -> Scene {
    let mut scene = Scene::new(&[2, 1], 2, hiding, 14);
    let fixed = &scene.model.fixed_point;
    let layer = Layer::new(
        vec![0; 2],
        vec![output << (fixed.weight_bits() - fixed.activation_bits())],
    );
    let weights = Weights::new(scene.model.architecture.clone(), vec![layer]).unwrap();
    scene.weights = WeightOpening::new(weights, hiding, &mut OsRng);
    scene.model.weights = ParentWeights::Committed {
        commitment: scene.weights.commit(),
        bound: WeightBound::new(1 << 40),
    };
    scene.outputs = vec![output; 2];
    scene
}

/// Public outputs that are one more.
pub(crate) fn other_outputs() -> Tried {
    tried(Check::PublicInput, Check::PublicInput, |hiding| {
        let scene = Scene::new(&[2, 3, 1], 2, hiding, 14);
        let outputs = scene.outputs.iter().map(|y| y + 1).collect();
        verdict(&scene.public(outputs), scene.secrets(), |_, _| ())
    })
}

/// A scene with a hidden unit of a value that is chosen, and where that unit is: sample and unit.
fn with_unit(hiding: bool, chosen: impl Fn(i64) -> bool) -> (Scene, [usize; 2]) {
    let scenes = (0..).map(|seed| Scene::new(&[3, 5, 2], 3, hiding, seed));
    let found = scenes.into_iter().find_map(|scene| {
        let statement = scene.public(scene.outputs.clone());
        let claim = statement.claim().unwrap();
        let y = claim.forward.relation().find("Y1").unwrap();
        let (values, _) = forged(&statement, scene.secrets(), |_, _| ());
        let at = values[&y].iter().position(|y| chosen(*y))?;
        let (sample, unit) = (at % 4, at / 4);
        (sample < 3 && unit < 5).then_some((scene, [sample, unit]))
    });
    found.unwrap()
}

/// Says of one unit that it is not negative, and computes what follows; the statement has the outputs.
fn let_through(scene: &Scene, [sample, unit]: [usize; 2]) -> (InferenceStatement<C>, Values) {
    let statement = scene.public(scene.outputs.clone());
    let lie = |here: Place<'_>, value: &mut i128| {
        if (here.name, here.sample, here.unit) == ("N1", sample, unit) {
            *value = 0;
        }
    };
    let (values, outputs) = forged(&statement, scene.secrets(), lie);
    (scene.public(outputs), values)
}

/// A negative unit is said not to be negative, and passes its rectifier.
pub(crate) fn a_unit_let_through() -> Tried {
    tried(Check::UnitRange, Check::LookupGate, |hiding| {
        let (scene, at) = with_unit(hiding, |y| y < 0);
        let (statement, values) = let_through(&scene, at);
        verdict_of(&statement, scene.secrets(), values, |_, _| ())
    })
}

/// A function has another value than its table says; the outputs follow.
pub(crate) fn another_value_of_a_function() -> Tried {
    tried(Check::UnitRange, Check::LookupGate, |hiding| {
        let architecture = "3,5,2 gelu".parse().unwrap();
        let scene = Scene::of(architecture, 3, hiding, 6);
        let statement = scene.public(scene.outputs.clone());
        let lie = |here: Place<'_>, value: &mut i128| {
            if (here.name, here.sample, here.unit) == ("A1", 1, 2) {
                *value += 32;
            }
        };
        let (values, outputs) = forged(&statement, scene.secrets(), lie);
        assert_ne!(outputs, scene.outputs);
        verdict_of(&scene.public(outputs), scene.secrets(), values, |_, _| ())
    })
}

/// A unit that is a little below zero has a top limb that is not negative, and a low one that is: it
/// passes its rectifier.
pub(crate) fn a_negative_low_limb() -> Tried {
    tried(Check::RangeLow, Check::LookupGate, |hiding| {
        let (scene, [sample, unit]) = with_unit(hiding, |y| (-32..0).contains(&y));
        let (statement, values) = let_through(&scene, [sample, unit]);
        let at = sample + 4 * unit;
        verdict_of(&statement, scene.secrets(), values, |forward, values| {
            let named = |name: &str| {
                forward
                    .relation()
                    .find(name)
                    .expect("a tensor of this name")
            };
            let (y, limbs) = (named("Y1"), ["Y1, limb 0", "Y1, limb 1"].map(named));
            let small = |values: &Values, id: TensorId| -> i64 { values[&id][at] };
            assert_eq!(small(values, limbs[1]), -1);
            let low_bits = (small(values, limbs[0]) - small(values, y)).trailing_zeros();
            let mut add = |id, by: i64| Arc::make_mut(values.get_mut(&id).unwrap())[at] += by;
            add(limbs[0], -(1 << low_bits));
            add(limbs[1], 1);
        })
    })
}

/// Outputs of 5000 in a format that reaches to 2047; what is stated is their squared error.
pub(crate) fn an_output_out_of_range() -> Tried {
    tried(Check::OutputRange, Check::LookupGate, |hiding| {
        let scene = constant(hiding, 5000);
        let claim = OutputClaim::SquaredError {
            targets: Batch::public(1, scene.targets.clone()),
            sum: scene.squared_error(),
        };
        let statement = scene.statement(Batch::public(2, scene.inputs.clone()), claim);
        verdict(&statement, scene.secrets(), |_, _| ())
    })
}

/// An input of 3000 in a format that reaches to 127.
pub(crate) fn an_input_out_of_range() -> Tried {
    tried(Check::InputRange, Check::LookupGate, |hiding| {
        let scene = constant(hiding, 5);
        let rows = scene.rows(2, &[3000, 0, 0, 0]);
        let claim = OutputClaim::Outputs(Batch::public(1, scene.outputs.clone()));
        let statement = scene.statement(Batch::committed(rows.commit()), claim);
        let secrets = InferenceSecrets {
            inputs: Some(&rows),
            ..scene.secrets()
        };
        verdict(&statement, secrets, |_, _| ())
    })
}

/// The same in public.
pub(crate) fn a_public_input_out_of_range() -> Tried {
    let cheat = |hiding| {
        let mut scene = constant(hiding, 5);
        scene.inputs[0] = 3000;
        let statement = scene.public(scene.outputs.clone());
        verdict(&statement, scene.secrets(), |_, _| ())
    };
    let outside = |error: &VerifyError| {
        matches!(
            error,
            VerifyError::Statement(StatementError::OutOfRange { what: "input", .. })
        )
    };
    judge(Check::PublicRange, || cheat(true), outside);
    judge(Check::PublicRange, || cheat(false), outside)
}

/// A target of 3000 in a format that reaches to 127.
pub(crate) fn a_target_out_of_range() -> Tried {
    tried(Check::TargetRange, Check::LookupGate, |hiding| {
        let mut scene = constant(hiding, 5);
        scene.targets = vec![3000, 1];
        let rows = scene.rows(1, &scene.targets);
        let claim = OutputClaim::SquaredError {
            targets: Batch::committed(rows.commit()),
            sum: scene.squared_error(),
        };
        let statement = scene.statement(Batch::public(2, scene.inputs.clone()), claim);
        let secrets = InferenceSecrets {
            outputs: Some(&rows),
            ..scene.secrets()
        };
        verdict(&statement, secrets, |_, _| ())
    })
}

/// A squared error that is one less.
pub(crate) fn another_error() -> Tried {
    tried(Check::SquaredError, Check::LevelEnd, |hiding| {
        let scene = Scene::new(&[2, 3, 1], 2, hiding, 14);
        let sum = scene.squared_error() - 1;
        let claim = OutputClaim::SquaredError {
            targets: Batch::public(1, scene.targets.clone()),
            sum,
        };
        let statement = scene.statement(Batch::public(2, scene.inputs.clone()), claim);
        verdict(&statement, scene.secrets(), |forward, values| {
            let (_, tensor) = forward.told()[0];
            values.insert(tensor, Arc::new(vec![sum as i64]));
        })
    })
}
