//! Cheats with gadgets: other levels, means, roots and choices, on real entries and on padding. See [`crate::cheats`].
use super::tests::{F, SAMPLES, Scene, choice, is, norm, softmax, tried, tried_in_field};
use crate::{
    check::{Check, Tried},
    gkr::function::exponential,
    nn::{
        fixed::round,
        lower::{Lowered, forger::Place},
        relation::TensorId,
    },
};
use ark_ff::Field;

/// The first row of the first step: a unit is added.
const ROW: [usize; 2] = [0, 0];

/// A lie about a value at a unit of the first row.
fn at(name: &'static str, unit: usize, number: i128) -> impl Fn(Place<'_>, &mut i128) {
    move |here: Place<'_>, value: &mut i128| {
        if is(here, name, [ROW[0], ROW[1], unit]) {
            *value = number;
        }
    }
}

fn power(d: i64) -> i128 {
    exponential(d, 6, 2).unwrap().into()
}

/// What the table of exponentials says of a distance.
fn images(d: i64) -> [i128; 2] {
    [power(d), power(d - 1) - power(d)]
}

/// A row of a softmax: its level, and of each unit a distance and what the table is to say of it.
fn row(level: i128, distances: Vec<i128>, images: Vec<[i128; 2]>) -> impl Fn(Place<'_>, &mut i128) {
    move |here: Place<'_>, value: &mut i128| {
        if [here.step, here.sample] != ROW {
            return;
        }
        let said = match here.name {
            "level of softmax" => (here.unit == 0).then_some(level),
            "distance of softmax" => distances.get(here.unit).copied(),
            "softmax" => images.get(here.unit).map(|images| images[0]),
            "step of softmax" => images.get(here.unit).map(|images| images[1]),
            _ => None,
        };
        if let Some(said) = said {
            *value = said;
        }
    }
}

/// A row as the table has it, at some level above the honest one.
fn levelled(scores: &[i64], above: i64) -> (Scene, impl Fn(Place<'_>, &mut i128)) {
    let scene = softmax::with(softmax::scene(scores.len()), scores);
    let level = scene.get("level of softmax")[0] + above;
    let distances = scores.iter().map(|z| level - round(2, (*z).into()) as i64);
    let distances: Vec<i64> = distances.collect();
    let images = distances.iter().map(|d| images(*d)).collect();
    let distances = distances.into_iter().map(i128::from).collect();
    (scene, row(level.into(), distances, images))
}

/// A flat row becomes one of a single score, by the zeros that padding has.
pub(crate) fn a_flat_row_of_one() -> Tried {
    let scene = softmax::with(softmax::scene(4), &[8; 4]);
    let zeros = [0, 0];
    let lie = row(2, vec![0; 4], vec![images(0), zeros, zeros, zeros]);
    tried(Check::Probability, Check::LookupGate, &scene, lie)
}

/// The largest score is left out: it lies above the level, and has no probability.
pub(crate) fn the_largest_score_left_out() -> Tried {
    let scene = softmax::with(softmax::scene(2), &[12, 8]);
    let lie = row(2, vec![-1, 0], vec![[0, 0], images(0)]);
    tried(Check::Probability, Check::LookupGate, &scene, lie)
}

/// A key behind a query, which does not count, has a probability of one, that values would be multiplied by.
pub(crate) fn a_probability_that_is_masked() -> Tried {
    let scene = softmax::with(softmax::causal(), &[0; 9]);
    // Query 0 sees key 0 alone; queries are the lower variables.
    let lie = |here: Place<'_>, value: &mut i128| {
        if [here.step, here.sample] == ROW && here.unit == 4 {
            match here.name {
                "softmax" => *value = power(0),
                "step of softmax" => *value = images(0)[1],
                _ => (),
            }
        }
    };
    let room = |here: Place<'_>, value: &mut i128| {
        lie(here, value);
        // The key that counts makes room: its own probability is none.
        if [here.step, here.sample] == ROW && here.unit == 0 {
            match here.name {
                "softmax" | "step of softmax" => *value = 0,
                _ => (),
            }
        }
    };
    tried(Check::Probability, Check::LookupGate, &scene, room)
}

/// A column that is padding, whose score is zero, takes the row.
pub(crate) fn a_class_that_is_not_there() -> Tried {
    let scores = [-20, -24, -28];
    let scene = softmax::with(softmax::scene(3), &scores);
    let levels = |level: i64| -> Vec<i64> {
        let all = scores.iter().chain([&0]);
        all.map(|z| level - round(2, (*z).into()) as i64).collect()
    };
    let sum = |level| levels(level).iter().map(|d| power(*d)).sum::<i128>();
    let top = i128::from(exponential(-1, 6, 3).unwrap());
    let level = (0..).find(|level| sum(*level) <= top).unwrap();
    // The distance of what is padding is bound to zero by the remainder, whatever the table.
    let mut distances = levels(level);
    let images: Vec<[i128; 2]> = distances.iter().map(|d| images(*d)).collect();
    distances[3] = 0;
    let distances = distances.into_iter().map(i128::from).collect();
    let lie = row(level.into(), distances, images);
    tried(Check::Probability, Check::LookupGate, &scene, lie)
}

/// One score is rounded up where it is nearer to the number below, and the level follows.
pub(crate) fn a_score_rounded_otherwise() -> Tried {
    let scores = [13, 10, 3];
    let scene = softmax::with(softmax::scene(3), &scores);
    let rounded = |up: i64| [4, 3 + up, 1];
    let top = i128::from(exponential(-1, 6, 3).unwrap());
    let level_of = |scores: [i64; 3]| -> i64 {
        let sum = |level: i64| scores.map(|z| power(level - z)).iter().sum::<i128>();
        (4..).find(|level| sum(*level) <= top).unwrap()
    };
    let scores = rounded(1);
    let level = level_of(scores);
    let distances = scores.map(|z| level - z);
    let lie = row(
        level.into(),
        distances.map(i128::from).to_vec(),
        distances.map(images).to_vec(),
    );
    tried(Check::Distance, Check::LookupGate, &scene, lie)
}

/// Beside a level above the least there is a lower row of probabilities, and beside one below it a higher one.
pub(crate) fn a_level_above_the_least() -> Tried {
    let (scene, lie) = levelled(&[13, 10, 3], 1);
    tried(Check::LevelLeast, Check::LookupGate, &scene, lie)
}

pub(crate) fn a_level_that_does_not_fit() -> Tried {
    let (scene, lie) = levelled(&[13, 10, 11], -1);
    tried(Check::LevelFits, Check::LookupGate, &scene, lie)
}

/// Scores so large that their level leaves its range, as it is.
pub(crate) fn a_level_out_of_range() -> Tried {
    let scene = softmax::with(softmax::scene_of_levels(4), &[100, 90, 95]);
    tried(Check::Level, Check::LookupGate, &scene, |_, _| ())
}

/// The witness of the scene, with these values in place of those at the first row.
fn in_row(scene: &Scene, lowered: &Lowered<F>, id: TensorId, numbers: &[(&str, Vec<F>)]) -> Vec<F> {
    let values = scene.forged(lowered, |_, _| ());
    let mut entries: Vec<F> = match values.get(&id) {
        Some(values) => values.iter().map(|x| F::from(*x)).collect(),
        None => Vec::new(),
    };
    let name = lowered.relation().name(id);
    if let Some((_, numbers)) = numbers.iter().find(|(n, _)| *n == name) {
        // Samples and steps are padded to four.
        for (unit, number) in numbers.iter().enumerate() {
            entries.resize(entries.len().max(16 * unit + 1), F::from(0u64));
            entries[16 * unit] = *number;
        }
    }
    entries
}

/// $L = a / 2^k$, which is no integer, moves what all scores are rounded to.
pub(crate) fn a_level_between_integers() -> Tried {
    let scores = [13_i64, 10, 3];
    let scene = softmax::with(softmax::scene(3), &scores);
    let honest: Vec<i128> = scene.get("softmax")[..3]
        .iter()
        .map(|x| i128::from(*x))
        .collect();
    let top = i128::from(exponential(-1, 6, 3).unwrap());
    let quarter = F::from(4u64).inverse().unwrap();
    let found = (0..200).filter(|a| a % 4 != 0).find_map(|a: i64| {
        // z - (a - 4 d) in -2 .. 2.
        let distances = scores.map(|z| (a - z + 1).div_euclid(4));
        if distances.iter().any(|d| *d < 0) {
            return None;
        }
        let images = distances.map(images);
        let sum: i128 = images.iter().map(|images| images[0]).sum();
        let below: i128 = images.iter().map(|images| images[1]).sum::<i128>() + sum;
        let other = images
            .iter()
            .zip(&honest)
            .any(|(images, p)| images[0] != *p);
        (sum <= top && below > top && other).then_some((a, distances, images))
    });
    let (a, distances, images) = found.expect("another row");
    let field = |x: i128| F::from(x);
    let numbers = [
        ("level of softmax", vec![F::from(a) * quarter]),
        (
            "distance of softmax",
            distances.map(|d| field(d.into())).to_vec(),
        ),
        ("softmax", images.map(|images| field(images[0])).to_vec()),
        (
            "step of softmax",
            images.map(|images| field(images[1])).to_vec(),
        ),
    ];
    tried_in_field(Check::Level, "level of softmax", &scene, |lowered, id| {
        in_row(&scene, lowered, id, &numbers)
    })
}

/// The mean is one more or one less: its rest would be in a range up to a power of two.
pub(crate) fn a_mean_that_is_off_by_one() -> Tried {
    let scene = norm::with(norm::mean_of_three(), &[5, 3, 2]);
    let mean = i128::from(scene.get("mean")[0]);
    let lie = at("mean", 0, mean + 1);
    tried(Check::MeanRest, Check::LookupGate, &scene, lie);
    let lie = at("mean", 0, mean - 1);
    tried(Check::MeanRest, Check::LookupGate, &scene, lie)
}

/// For any rest there is a mean in the field.
pub(crate) fn a_mean_that_is_no_integer() -> Tried {
    let row = [7, -4, 1];
    let scene = norm::with(norm::mean_of_three(), &row);
    let sum: i64 = row.iter().sum();
    let rest = (2 * sum + 3).rem_euclid(6);
    let other = (rest + 1) % 6;
    let mean = F::from(2 * sum + 3 - other) * F::from(6u64).inverse().unwrap();
    let numbers = [("mean", vec![mean])];
    tried_in_field(Check::Mean, "mean", &scene, |lowered, id| {
        in_row(&scene, lowered, id, &numbers)
    })
}

/// On a sample that is none any root does.
pub(crate) fn a_root_on_padding() -> Tried {
    let scene = norm::drawn(norm::root_of_three(), 1, 20);
    let lie = |here: Place<'_>, value: &mut i128| {
        if is(here, "root", [0, SAMPLES, 0]) {
            *value = 7;
        }
    };
    tried(Check::Root, Check::LookupGate, &scene, lie)
}

fn root(row: [i64; 3], of: impl Fn(i128) -> i128) -> (Scene, impl Fn(Place<'_>, &mut i128)) {
    let scene = norm::with(norm::root_of_three(), &row);
    let honest = i128::from(scene.get("root")[0]);
    (scene, at("root", 0, of(honest)))
}

pub(crate) fn a_root_that_is_too_large() -> Tried {
    let (scene, lie) = root([7, -4, 1], |r| r + 1);
    tried(Check::RootBelow, Check::LookupGate, &scene, lie)
}

/// One of two inequalities alone: any smaller root would do.
pub(crate) fn a_root_of_one() -> Tried {
    let (scene, lie) = root([7, -4, 1], |_| 1);
    tried(Check::RootAbove, Check::LookupGate, &scene, lie);
    let (scene, lie) = root([7, -4, 1], |r| r - 1);
    tried(Check::RootAbove, Check::LookupGate, &scene, lie)
}

fn classes(class: i64, bits: [i128; 4]) -> (Scene, impl Fn(Place<'_>, &mut i128)) {
    let mut scene = choice::drawn(choice::labels(3), 1, 3);
    scene.targets[0][0][0] = choice::ONE * class;
    (scene, bits_of("classes", bits))
}

fn bits_of(name: &'static str, bits: [i128; 4]) -> impl Fn(Place<'_>, &mut i128) {
    move |here: Place<'_>, value: &mut i128| {
        if here.name == name && [here.step, here.sample] == ROW {
            *value = bits[here.unit];
        }
    }
}

/// Class 2 as twice class 1, less class 0.
pub(crate) fn a_class_made_of_others() -> Tried {
    let (scene, lie) = classes(2, [-1, 2, 0, 0]);
    tried(Check::ClassBit, Check::LookupGate, &scene, lie)
}

/// Class 0 as a column that is padding: its gradient would go there.
pub(crate) fn a_class_on_padding() -> Tried {
    let (scene, lie) = classes(0, [0, 0, 0, 1]);
    tried(Check::ClassBit, Check::LookupGate, &scene, lie)
}

/// Class 0 as no class at all.
pub(crate) fn no_class() -> Tried {
    let (scene, lie) = classes(0, [0; 4]);
    tried(Check::ClassSum, Check::LevelEnd, &scene, lie)
}

pub(crate) fn another_class() -> Tried {
    let (scene, lie) = classes(2, [0, 1, 0, 0]);
    tried(Check::ClassLabel, Check::LevelEnd, &scene, lie)
}

fn maxima(row: [i64; 3], bits: [i128; 4]) -> (Scene, impl Fn(Place<'_>, &mut i128)) {
    let mut scene = choice::drawn(choice::maxima(3), 1, 1);
    scene.inputs[0][0] = row.to_vec();
    (scene, bits_of("first", bits))
}

/// The second of two equal maxima, an entry that is none, the padding of a row whose numbers are negative.
pub(crate) fn another_maximum() -> Tried {
    let cheats = [
        ([5, 7, 7], [0, 0, 1, 0]),
        ([5, 7, 6], [1, 0, 0, 0]),
        ([-5, -7, -6], [0, 0, 0, 1]),
    ];
    let mut tries = cheats.map(|(row, bits)| {
        let (scene, lie) = maxima(row, bits);
        tried(Check::FirstMaximum, Check::LookupGate, &scene, lie)
    });
    tries.swap(0, 2);
    let [last, ..] = tries;
    last
}

/// Nothing is chosen of numbers that are not positive: zero is no less than any.
pub(crate) fn no_maximum() -> Tried {
    let (scene, lie) = maxima([-5, -7, 0], [0; 4]);
    tried(Check::MaximumSum, Check::LevelEnd, &scene, lie)
}

/// One right answer more.
pub(crate) fn another_accuracy() -> Tried {
    let check = Check::Accuracy;
    let scene = choice::drawn(choice::answers(), 8, 3);
    crate::nn::soundness::cheats::tried(check, Check::LevelEnd, |hiding| {
        let lowered = scene.lowered(crate::nn::lower::Cut::Format);
        let mut values = scene.forged(&lowered, |_, _| ());
        let (_, told) = lowered.told()[0];
        let number = values[&told][0] + 1;
        values.insert(told, std::sync::Arc::new(vec![number]));
        scene.verdict_of(&lowered, &values, hiding)
    })
}
