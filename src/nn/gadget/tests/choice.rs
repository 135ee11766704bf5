use super::*;
use crate::nn::op::loss;
use rand::{Rng, SeedableRng};

/// A class, as a label of four fraction bits.
pub(crate) const ONE: i64 = 16;

/// Classes of labels.
pub(crate) fn labels(classes: usize) -> Scene {
    Scene::new(&format(), [&[1], &[1]], |p, _, label| {
        let axis = p.axis(classes);
        one_hot(p, "classes", label, axis).map(|_| ())
    })
    .unwrap()
}

/// First maxima.
pub(crate) fn maxima(width: usize) -> Scene {
    Scene::new(&format(), [&[width], &[1]], |p, x, _| {
        first_maximum(p, "first", x).map(|_| ())
    })
    .unwrap()
}

/// First maxima of windows of two by three, of a row of six.
fn windows() -> Scene {
    Scene::new(&format(), [&[2, 3], &[1]], |p, x, _| {
        let axes = p.fact(x).axes.clone();
        let seen = p.group(&axes[1..]);
        let own = [SAMPLE, seen];
        let terms = vec![term(1, [at(x, &over(&axes))], &over(&own))];
        let x = p.sum("windows", &own, 4, terms);
        first_maximum(p, "first", x).map(|_| ())
    })
    .unwrap()
}

/// Right answers of logits.
pub(crate) fn answers() -> Scene {
    Scene::new(&format(), [&[3], &[1]], |p, x, label| {
        loss::tell_accuracy(p, x, label).map(|_| ())
    })
    .unwrap()
}

/// The way back from a loss.
fn cross_entropy() -> Scene {
    Scene::new(&format(), [&[3], &[1]], |p, x, label| {
        let cotangent = loss::cross_entropy_cotangent(p, 1, x, label)?;
        assert_eq!(p.fact(cotangent).fraction, p.format().gradient_bits());
        Ok(())
    })
    .unwrap()
}

pub(crate) fn drawn(scene: Scene, seed: u64, classes: i64) -> Scene {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    scene.draw(|data| match data {
        Data::Inputs => rng.gen_range(-3..3),
        Data::Targets => ONE * rng.gen_range(0..classes),
    })
}

#[test]
fn honest_choices_are_accepted() {
    for (seed, width) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 7)] {
        is_complete(&drawn(labels(width), seed, width as i64));
        is_complete(&drawn(maxima(width), seed, 1));
    }
    is_complete(&drawn(windows(), 6, 1));
    is_complete(&drawn(answers(), 6, 3));
    is_complete(&drawn(cross_entropy(), 7, 3));
}

#[test]
fn choices_are_the_label_and_the_first_maximum() {
    let scene = drawn(answers(), 8, 3);
    let (mut right, mut all) = (0, Vec::new());
    let rows = scene
        .inputs
        .iter()
        .flatten()
        .zip(scene.targets.iter().flatten());
    for (row, label) in rows {
        let most = row.iter().max().unwrap();
        let first = row.iter().position(|x| x == most).unwrap();
        right += i128::from(first == (label[0] / ONE) as usize);
        all.extend((0..3).map(|k| i64::from(k == first)));
    }
    assert_eq!(scene.get("answer"), all);
    let told = scene.program.find("right answers").unwrap();
    let traces = scene.traces().unwrap();
    let sum: i128 = traces.iter().map(|trace| trace.told(told).unwrap()).sum();
    assert_eq!(sum, right);
    assert!(right > 0 && right < 9);
}

#[test]
fn no_choice_is_free() {
    nothing_is_free(&drawn(labels(3), 1, 3));
    nothing_is_free(&drawn(maxima(3), 2, 1));
    nothing_is_free(&drawn(windows(), 2, 1));
    nothing_is_free(&drawn(answers(), 3, 3));
    nothing_is_free(&drawn(cross_entropy(), 4, 3));
}

/// Of all tuples of small integers one is the choice of a row, whatever the row.
#[test]
fn a_row_has_one_choice() {
    let tuples = |lens: [i128; 4]| {
        (0..lens.iter().product()).map(move |k: i128| {
            let mut rest = k;
            lens.map(|len| {
                let digit = rest % len;
                rest /= len;
                digit
            })
        })
    };
    let accepted = |scene: &Scene, name: &str, bits: [i128; 4]| {
        let lie = |here: Place<'_>, value: &mut i128| {
            if here.name == name && (here.step, here.sample) == (0, 0) {
                *value = bits[here.unit];
            }
        };
        scene.violation(lie).is_none()
    };
    // The fourth column is padding.
    for row in tuples([3, 3, 3, 1]) {
        let mut scene = drawn(maxima(3), 1, 1);
        scene.inputs[0][0] = row[..3].iter().map(|x| *x as i64 - 1).collect();
        let most = row[..3].iter().max().unwrap();
        let first = row.iter().position(|x| x == most).unwrap();
        for bits in tuples([2, 2, 2, 2]) {
            let right = (0..4).all(|k| bits[k] == i128::from(k == first));
            assert_eq!(accepted(&scene, "first", bits), right, "{row:?} {bits:?}");
        }
    }
    for class in 0..3 {
        let mut scene = drawn(labels(3), 1, 3);
        scene.targets[0][0][0] = ONE * class;
        for bits in tuples([4, 4, 4, 2]) {
            let bits = [bits[0] - 1, bits[1] - 1, bits[2] - 1, bits[3]];
            let right = (0..4).all(|k| bits[k] == i128::from(k as i64 == class));
            assert_eq!(accepted(&scene, "classes", bits), right, "{class} {bits:?}");
        }
    }
}

/// Labels that are no class are named, with those that there are.
#[test]
fn labels_of_no_class_are_named() {
    for label in [3 * ONE, -ONE, 1, ONE + 1] {
        let mut scene = drawn(labels(3), 1, 3);
        scene.targets[1][2][0] = label;
        match scene.traces() {
            Err(TrainError::Outside {
                step: Some(5),
                tensor,
                value,
                low: 0,
                high: 32,
            }) => assert_eq!((tensor.as_str(), value), ("Targets", label.into())),
            other => panic!("{other:?}"),
        }
    }
}
