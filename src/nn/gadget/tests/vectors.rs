//! Against `tests/vectors/gadgets.py`, which follows the notes.
use super::*;
use crate::nn::op::{Norm, Op};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    softmax: Vec<SoftmaxCase>,
    norm: Vec<NormCase>,
}

#[derive(Deserialize)]
struct SoftmaxCase {
    s: u32,
    g: u32,
    sigma: u32,
    rows: Vec<Vec<i64>>,
    levels: Vec<i64>,
    probabilities: Vec<Vec<i64>>,
}

#[derive(Deserialize)]
struct NormCase {
    /// `s`, `g`, `m`, `q`, `alpha`.
    numbers: [u32; 5],
    centred: bool,
    epsilon: u64,
    rows: Vec<Vec<i64>>,
    errors: Vec<Vec<i64>>,
    means: Vec<i64>,
    roots: Vec<i64>,
    outputs: Vec<Vec<i64>>,
    back: Vec<Vec<i64>>,
}

fn vectors() -> Vectors {
    let text = include_str!("../../../../tests/vectors/gadgets.json");
    serde_json::from_str(text).unwrap()
}

fn steps(rows: &[Vec<i64>]) -> Vec<Vec<Vec<i64>>> {
    rows.chunks(SAMPLES).map(<[_]>::to_vec).collect()
}

#[test]
fn softmax_agrees() {
    for case in vectors().softmax {
        let SoftmaxCase { s, g, sigma, .. } = case;
        let text = format!(
            "classifier,activation_bits={s},gradient_bits={g},score_bits={sigma},data_range_bits=20,\
             probability_bits={g}"
        );
        let format = FixedPoint::from_preset(&text).unwrap();
        let scene = Scene::new(&format, [&[case.rows[0].len()], &[1]], |p, z, _| {
            softmax(p, "softmax", z, None, Probabilities::Gradient).map(|_| ())
        });
        let mut scene = scene.unwrap();
        scene.inputs = steps(&case.rows);
        assert_eq!(scene.get("level of softmax"), case.levels);
        assert_eq!(scene.get("softmax"), case.probabilities.concat());
    }
}

#[test]
fn norms_agree() {
    for case in vectors().norm {
        let [s, g, m, q, alpha] = case.numbers;
        let text = format!(
            "classifier,activation_bits={s},gradient_bits={g},score_bits=4,mean_bits={m},root_bits={q},\
             row_bits={alpha},norm_range_bits=24"
        );
        let format = FixedPoint::from_preset(&text).unwrap();
        let width = case.rows[0].len();
        let scene = Scene::new(&format, [&[width], &[width]], |p, x, error| {
            let norm = Norm {
                centred: case.centred,
                epsilon: Epsilon::new(case.epsilon)?,
            };
            let forward = norm.forward(p, 1, &[x])?;
            norm.backward(p, 1, &forward.saved, error, &[true])
                .map(|_| ())
        });
        let mut scene = scene.unwrap();
        (scene.inputs, scene.targets) = (steps(&case.rows), steps(&case.errors));
        if case.centred {
            assert_eq!(scene.get("mean 1"), case.means);
        }
        assert_eq!(scene.get("root 1"), case.roots);
        assert_eq!(scene.get("norm 1"), case.outputs.concat());
        assert_eq!(scene.get("gradient behind norm 1"), case.back.concat());
    }
}
