use super::*;
use crate::{gkr::function::exponential, nn::program::Known};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};

const CLASSES: usize = 3;

/// Scores are data.
pub(crate) fn scene(classes: usize) -> Scene {
    Scene::new(&format(), [&[classes], &[1]], |p, z, _| {
        softmax(p, "softmax", z, None, Probabilities::Gradient).map(|_| ())
    })
    .unwrap()
}

fn of(format: &FixedPoint) -> Result<Scene, ConfigError> {
    Scene::new(format, [&[CLASSES], &[1]], |p, z, _| {
        softmax(p, "softmax", z, None, Probabilities::Gradient).map(|_| ())
    })
}

/// With levels of so many bits.
pub(crate) fn scene_of_levels(bits: u32) -> Scene {
    let mut config = format().config().clone();
    config.functions.as_mut().unwrap().level_range_bits = bits;
    of(&FixedPoint::new(config).unwrap()).unwrap()
}

/// Scores of three queries by three keys, of which those up to the query count.
pub(crate) fn causal() -> Scene {
    Scene::new(&format(), [&[3, 3], &[1]], |p, z, _| {
        let axes = p.fact(z).axes.clone();
        let later = p.known("later", Known::Later, &axes[1..])?;
        let (all, one) = (p.one(&axes), p.one(&axes[..1]));
        let indices = over(&axes);
        let operands = [at(later, &over(&axes[1..])), at(one, &over(&axes[..1]))];
        let terms = vec![
            term(1, [at(all, &indices)], &indices),
            term(-1, operands, &indices),
        ];
        let live = p.sum("live", &axes, 0, terms);
        softmax(p, "softmax", z, Some(live), Probabilities::Factor).map(|_| ())
    })
    .unwrap()
}

fn drawn(scene: Scene, seed: u64, end: i64) -> Scene {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    scene.draw(|data| match data {
        Data::Inputs => rng.gen_range(-end..end),
        Data::Targets => 0,
    })
}

/// With these scores for the first sample of the first step.
pub(crate) fn with(mut scene: Scene, scores: &[i64]) -> Scene {
    scene = drawn(scene, 1, 20);
    scene.inputs[0][0][..scores.len()].copy_from_slice(scores);
    scene
}

fn power(d: i64) -> i128 {
    exponential(d, 6, 2).unwrap().into()
}

/// The definition, with a search from below: level and probabilities.
fn defined(scores: &[i64]) -> (i64, Vec<i64>) {
    let rounded: Vec<i64> = scores.iter().map(|z| (z + 2) >> 2).collect();
    let mut level = rounded.iter().copied().max().unwrap();
    let at = |level: i64| -> Vec<i64> {
        let all = rounded.iter().map(|z| power(level - z) as i64);
        all.collect()
    };
    while at(level).iter().sum::<i64>() > exponential(-1, 6, 3).unwrap() {
        level += 1;
    }
    (level, at(level))
}

#[test]
fn it_is_what_it_is_defined_as() {
    for seed in 0..20 {
        let scene = drawn(scene(CLASSES), seed, 100);
        let rows = scene.inputs.iter().flatten();
        let (levels, values): (Vec<i64>, Vec<Vec<i64>>) = rows.map(|row| defined(row)).unzip();
        assert_eq!(scene.get("level of softmax"), levels);
        assert_eq!(scene.get("softmax"), values.concat());
    }
}

/// Row sums are within half a unit of a score and what rounding adds of one.
#[test]
fn rows_sum_to_one() {
    let format = FixedPoint::classifier();
    let scene = Scene::new(&format, [&[10], &[1]], |p, z, _| {
        softmax(p, "softmax", z, None, Probabilities::Gradient).map(|_| ())
    });
    let scene = drawn(scene.unwrap(), 3, 3000);
    for row in scene.get("softmax").chunks(10) {
        let sum = row.iter().sum::<i64>();
        assert!((sum - (1 << 12)).abs() <= 16 + 10, "{sum}");
    }
}

#[test]
fn honest_rows_are_accepted() {
    for (seed, classes) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        is_complete(&drawn(scene(classes), seed, 100));
    }
    is_complete(&drawn(causal(), 5, 100));
    // Flat rows, and one score far above all others.
    is_complete(&with(scene(CLASSES), &[0, 0, 0]));
    is_complete(&with(scene(CLASSES), &[127, -20, -20]));
}

#[test]
fn no_value_of_a_row_is_free() {
    nothing_is_free(&drawn(scene(CLASSES), 7, 60));
}

/// Levels of queries that are padding are free, since nothing reads them: all else is not.
#[test]
fn no_value_of_a_masked_row_is_free() {
    let scene = drawn(causal(), 7, 60);
    for (name, place) in scene.places() {
        for by in [1, -1] {
            let lie = |here: Place<'_>, value: &mut i128| {
                *value += by * i128::from(is(here, &name, place));
            };
            let real = place[2] < 3 && place[1] < SAMPLES && place[0] < STEPS;
            let free = name == "level of softmax" && !real;
            let found = scene.violation(lie);
            assert_eq!(found.is_none(), free, "{name} {place:?} {found:?}");
        }
    }
}

/// All integers in the range of levels, and all distances that go with them: one row of probabilities.
#[test]
fn a_row_has_one_level() {
    let scores = [[13, 10, 3], [8, 8, 8], [-20, 31, 30], [127, -100, 5]];
    for row in scores {
        let scene = with(scene(CLASSES), &row);
        let (honest, _) = defined(&row);
        for level in -128..128 {
            let lie = |here: Place<'_>, value: &mut i128| {
                if (here.step, here.sample) == (0, 0) && here.unit < CLASSES {
                    match here.name {
                        "level of softmax" => *value = level,
                        "distance of softmax" => {
                            *value = level - ((row[here.unit] as i128 + 2) >> 2)
                        }
                        _ => (),
                    }
                }
            };
            // Distances that no integer of the table has are no witness, and may be too large to lie about.
            let accepted = scene.violation(lie).is_none();
            assert_eq!(accepted, level == honest.into(), "{row:?} {level}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    // Of larger scores some lie too far below their level for the table: see `what_does_not_fit_is_named`.
    #[test]
    fn random_rows_are_accepted(classes in 1_usize..5, seed: u64, end in 1_i64..100) {
        let scene = drawn(scene(classes), seed, end);
        prop_assert_eq!(scene.violation(|_, _| ()), None);
        let traces = scene.traces().unwrap();
        let lowered = scene.lowered(Cut::Cheapest);
        let values = lowered.witness(&traces).unwrap();
        prop_assert_eq!(lowered.relation().violation(&values), None);
    }
}

/// What does not fit is named: a score far below its row's level, a level beyond its range, a row too long for its
/// probabilities, a format without numbers for it.
#[test]
fn what_does_not_fit_is_named() {
    let named = |scene: &Scene, name: &str| match scene.traces() {
        Err(
            TrainError::Outside { tensor, step, .. } | TrainError::OutOfRange { tensor, step, .. },
        ) => {
            assert_eq!((tensor.as_str(), step), (name, Some(5)));
        }
        other => panic!("{other:?}"),
    };
    let mut config = format().config().clone();
    config.functions.as_mut().unwrap().exponential_bits = 3;
    let short = FixedPoint::new(config).unwrap();
    named(
        &with(of(&short).unwrap(), &[100, 0, 0]),
        "distance of softmax",
    );
    named(
        &with(scene_of_levels(4), &[100, 90, 95]),
        "level of softmax",
    );
    let long = Scene::new(&format(), [&[5], &[1]], |p, z, _| {
        softmax(p, "softmax", z, None, Probabilities::Factor).map(|_| ())
    });
    let expected = ConfigError::LongRow {
        row: 5,
        bits: 6,
        needed: 7,
        field: "probability_bits",
    };
    assert_eq!(long.err(), Some(expected));
    let without = of(&FixedPoint::compact());
    let expected = ConfigError::NoFunctionBits {
        operator: "softmax",
    };
    assert_eq!(without.err(), Some(expected));
}
