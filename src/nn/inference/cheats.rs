//! A cheat for each check of an inference: see [`crate::cheats`].
use super::{argument::rows_of, tests::Scene, *};
use crate::{
    check::{Check, Tried, judge},
    nn::{
        Layer, WeightOpening, Weights,
        argument::Pending,
        claim::Claim,
        mlp::{
            Forward,
            tests::{Pass, tiny},
        },
        relation::Values,
        soundness::{cheats::tried, count},
        train,
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
    forward: &Forward<Scalar>,
    widths: &[usize],
    samples: usize,
) -> Vec<(crate::nn::relation::TensorId, Vec<usize>)> {
    let relation = forward.relation();
    let padded = samples.next_power_of_two();
    let positions = |id| {
        // Names end in the layer, or in the layer and a limb.
        let name = relation
            .name(id)
            .trim_start_matches(|c: char| !c.is_ascii_digit());
        let layer: usize = name.split(' ').next()?.parse().ok()?;
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

/// The tiny format with ranges that nothing leaves.
fn wide() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        hidden_range_bits: 24,
        output_range_bits: 24,
        data_range_bits: 24,
        ..tiny().config().clone()
    })
    .unwrap()
}

/// Proves a statement by the forward pass in a wide format, altered, and verifies.
fn verdict(
    statement: &InferenceStatement<C>,
    secrets: InferenceSecrets<'_, Scalar>,
    alter: impl Fn(&Forward<Scalar>, &mut Values),
) -> Result<(), VerifyError> {
    let claim = statement.claim()?;
    let inputs = rows_of(&statement.inputs, secrets.inputs).unwrap();
    let ends = rows_of(statement.claim.batch(), secrets.outputs).unwrap();
    let weights = secrets.weights.weights();
    let activations = train::forward(&wide(), weights, &inputs).unwrap();
    let values = claim
        .forward
        .values(&claim.fixed, weights, &inputs, &activations, &ends);
    let mut values = values.unwrap();
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
    let layer = Layer {
        weight: vec![0; 2],
        bias: vec![output << (fixed.weight_bits() - fixed.activation_bits())],
    };
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

/// A negative unit is said not to be negative, and passes its rectifier.
pub(crate) fn a_unit_let_through() -> Tried {
    tried(Check::UnitRange, Check::LookupGate, |hiding| {
        let mut pass = Pass::new(6, hiding);
        let unit = pass.activations[0].y.iter().position(|y| *y < 0).unwrap();
        let mut values = pass.let_through(Some(unit));
        count(pass.relation.relation(), &mut values);
        let outputs = pass.activations[1].y.clone();
        pass.verdict(&values, outputs)
    })
}

/// A unit that is a little below zero has a top limb that is not negative, and a low one that is: it
/// passes its rectifier.
pub(crate) fn a_negative_low_limb() -> Tried {
    tried(Check::RangeLow, Check::LookupGate, |hiding| {
        let mut pass = Pass::new(6, hiding);
        let relation = pass.relation.relation().clone();
        let inputs = |name: &str| relation.find(name).expect("a tensor of this name");
        let limbs = ["Y1 limb 0", "Y1 limb 1"].map(inputs);
        let y = pass.activations[0].y.clone();
        let just_below = |y: &i64| (-32..0).contains(y);
        let unit = y.iter().position(just_below).expect("a small value");
        let mut values = pass.let_through(Some(unit));
        let small = |values: &Values, id, at: usize| -> i64 { Vec::clone(&values[&id])[at] };
        let at = values[&limbs[1]]
            .iter()
            .zip(values[&relation.find("Y1").unwrap()].iter())
            .position(|(top, whole)| *top == -1 && *whole == y[unit])
            .expect("its place");
        assert_eq!(small(&values, limbs[1], at), -1);
        let low_bits = (small(&values, limbs[0], at) - y[unit]).trailing_zeros();
        let mut add = |id, by: i64| Arc::make_mut(values.get_mut(&id).unwrap())[at] += by;
        add(limbs[0], -(1 << low_bits));
        add(limbs[1], 1);
        count(&relation, &mut values);
        let outputs = pass.activations[1].y.clone();
        pass.verdict(&values, outputs)
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
            let tensor = forward.squared_error().unwrap();
            values.insert(tensor, Arc::new(vec![sum as i64]));
        })
    })
}
