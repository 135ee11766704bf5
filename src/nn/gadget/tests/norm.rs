use super::*;
use crate::nn::{
    op::{Norm, Op},
    program::bound,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};

const WIDTH: usize = 3;

/// The mean of three numbers.
pub(crate) fn mean_of_three() -> Scene {
    Scene::new(&format(), [&[WIDTH], &[1]], |p, x, _| {
        let axes = p.fact(x).axes.clone();
        let terms = vec![term(1, [at(x, &over(&axes))], &over(&axes[..1]))];
        let sum = p.sum("sum", &axes[..1], 4, terms);
        mean(p, "mean", sum, WIDTH).map(|_| ())
    })
    .unwrap()
}

/// The inverse root of three numbers.
pub(crate) fn root_of_three() -> Scene {
    Scene::new(&format(), [&[WIDTH], &[1]], |p, x, _| {
        let epsilon = Epsilon::new(Epsilon::ONE / 100)?;
        inverse_root(p, "root", x, (epsilon, 4)).map(|_| ())
    })
    .unwrap()
}

/// A norm, and its way back: the cotangent is data.
fn norm(centred: bool, width: usize) -> Scene {
    Scene::new(&format(), [&[width], &[width]], |p, x, cotangent| {
        let epsilon = Epsilon::new(Epsilon::ONE / 1000)?;
        let norm = Norm { centred, epsilon };
        let forward = norm.forward(p, 1, &[x])?;
        let back = norm.backward(p, 1, &forward.saved, cotangent, &[true])?;
        assert_eq!(
            p.fact(back[0].unwrap()).fraction,
            p.format().gradient_bits()
        );
        Ok(())
    })
    .unwrap()
}

pub(crate) fn drawn(scene: Scene, seed: u64, end: i64) -> Scene {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    scene.draw(|_| rng.gen_range(-end..end))
}

/// With these numbers in the first row.
pub(crate) fn with(scene: Scene, row: &[i64]) -> Scene {
    let mut scene = drawn(scene, 1, 20);
    scene.inputs[0][0].copy_from_slice(row);
    scene
}

#[test]
fn means_and_roots_are_the_nearest() {
    let mut scene = drawn(mean_of_three(), 3, 128);
    scene.inputs[0][0] = vec![1, 0, 0];
    scene.inputs[0][1] = vec![-1, -1, 0];
    for (row, mean) in scene.inputs.iter().flatten().zip(scene.get("mean")) {
        let sum: i64 = row.iter().sum();
        assert_eq!(mean, (2 * sum + 3).div_euclid(6));
        assert_eq!(mean as f64, (sum as f64 / 3.0).round());
    }
    let scene = with(root_of_three(), &[0, 0, 0]);
    // 3 / 100 with eight fraction bits.
    let offset = 8;
    for (row, root) in scene.inputs.iter().flatten().zip(scene.get("root")) {
        let energy = row.iter().map(|x| x * x).sum::<i64>() + offset;
        let exact = (3.0 * (1_u64 << 16) as f64 / energy as f64).sqrt();
        assert!((root as f64 - exact).abs() <= 0.5, "{root} {exact}");
    }
}

#[test]
fn honest_norms_are_accepted() {
    is_complete(&with(mean_of_three(), &[127, 127, 127]));
    is_complete(&with(mean_of_three(), &[-128, -128, -128]));
    is_complete(&with(root_of_three(), &[0, 0, 0]));
    is_complete(&with(root_of_three(), &[-128, -128, -128]));
    for (seed, centred, width) in [(1, true, 3), (2, false, 3), (3, true, 4), (4, true, 1)] {
        is_complete(&drawn(norm(centred, width), seed, 30));
    }
}

#[test]
fn no_value_of_a_norm_is_free() {
    nothing_is_free(&drawn(mean_of_three(), 1, 100));
    nothing_is_free(&drawn(root_of_three(), 2, 100));
    nothing_is_free(&drawn(norm(true, WIDTH), 3, 30));
    nothing_is_free(&drawn(norm(false, WIDTH), 4, 30));
}

/// All integers in the ranges of means and of roots, and some outside: one satisfies the relation.
#[test]
fn a_row_has_one_mean_and_one_root() {
    for row in [[5, 3, 2], [-7, -4, 1], [0, 0, 0], [-128, -128, -128]] {
        for (scene, name, range) in [
            (with(mean_of_three(), &row), "mean", -300..300),
            (with(root_of_three(), &row), "root", -200..200),
        ] {
            let honest = i128::from(scene.get(name)[0]);
            for number in range {
                let lie = |here: Place<'_>, value: &mut i128| {
                    if is(here, name, [0, 0, 0]) {
                        *value = number;
                    }
                };
                let accepted = scene.violation(lie).is_none();
                assert_eq!(accepted, number == honest, "{name} of {row:?}: {number}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Any row within the range of data has a witness, and nothing is larger than its bound.
    #[test]
    fn random_norms_are_accepted(
        centred: bool,
        width in 1_usize..6,
        ends in prop::collection::vec(any::<bool>(), 64),
        seed: u64,
    ) {
        let mut sign = ends.iter().cycle();
        let at_an_end = norm(centred, width).draw(|_| if *sign.next().unwrap() { 127 } else { -128 });
        for scene in [at_an_end, drawn(norm(centred, width), seed, 100)] {
            // Norms of rows at the ends may leave the small range of this format.
            let Ok(traces) = scene.traces() else { continue };
            let bounds = bound::bounds(&scene.program, 0);
            for (value, _) in scene.program.numbered() {
                for x in traces.iter().filter_map(|t| t.get(value)).flat_map(|v| v.iter()) {
                    prop_assert!(u128::from(x.unsigned_abs()) <= bounds[value.0]);
                }
            }
            for cut in [Cut::Format, Cut::Cheapest] {
                let lowered = scene.lowered(cut);
                let values = lowered.witness(&traces).unwrap();
                prop_assert_eq!(lowered.relation().violation(&values), None);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    assert!(Epsilon::new(Epsilon::ONE + 1).is_err());
    // 64 entries of 8 + 20 bits, roots of 20: 2 (28 + 20) + ... bits.
    let wide = "classifier,mean_bits=8,root_bits=20,activation_bits=22,gradient_bits=22,weight_bits=44,\
                limbs=22+22,data_range_bits=24";
    let wide = FixedPoint::from_preset(wide).unwrap();
    let scene = Scene::new(&wide, [&[64], &[1]], |p, x, _| {
        let epsilon = Epsilon::new(1)?;
        let norm = Norm {
            centred: true,
            epsilon,
        };
        norm.forward(p, 1, &[x]).map(|_| ())
    });
    let error = scene.err().unwrap();
    assert!(matches!(error, ConfigError::TooWide { .. }), "{error}");
}
