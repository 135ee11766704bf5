//! Steps against the equations, one scalar at a time.
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{
    super::{
        Layer, LearningRate, Normalization, ScheduleSeed, Table,
        float::FloatNetwork,
        init,
        optimise::{Optimiser, RateSchedule, tests::optimisers},
    },
    *,
};
use rand::{Rng, SeedableRng};

fn sgd(c: u64) -> Sgd {
    Sgd {
        fixed_point: FixedPoint::compact(),
        plan: LearningRate::from_coefficient(c).unwrap().into(),
    }
}

fn network(widths: &[usize], layers: Vec<(Vec<i64>, Vec<i64>)>) -> Weights {
    let layers = layers
        .into_iter()
        .map(|(weight, bias)| Layer::new(weight, bias))
        .collect();
    Weights::new(Architecture::new(widths.to_vec()).unwrap(), layers).unwrap()
}

/// All values of one layer in one step.
#[derive(Debug, Default, PartialEq)]
struct LayerTrace {
    z: Vec<i128>,
    y: Vec<i64>,
    p: Vec<i128>,
    h: Vec<i64>,
    g: Vec<i64>,
}

/// The values of a step by layer, from its trace.
fn layers(sgd: &Sgd, weights: &Weights, batch: usize, trace: &Trace) -> Vec<LayerTrace> {
    let trainer = Trainer::new(sgd, weights.architecture(), batch).unwrap();
    let program = trainer.program();
    let get = |name: String| {
        let value = program.find(&name);
        let values = value.and_then(|value| trace.get(value).cloned());
        values.map_or_else(Vec::new, |values| values.to_vec())
    };
    let whole = |name: String| {
        let value = program.find(&name);
        let rest = value.and_then(|value| trace.remainder(value).cloned());
        let w = sgd.fixed_point.weight_bits();
        let pairs = get(name)
            .into_iter()
            .zip(rest.iter().flat_map(|rest| rest.iter()));
        pairs
            .map(|(y, rest)| (i128::from(y) << w) + i128::from(*rest))
            .collect()
    };
    (1..=weights.architecture().num_layers())
        .map(|l| LayerTrace {
            z: whole(format!("Y{l}")),
            y: get(format!("Y{l}")),
            p: whole(format!("H{l}")),
            h: get(format!("H{l}")),
            g: get(format!("G{l}")),
        })
        .collect()
}

/// The specification once more, one scalar at a time, in `i128` and without any check.
fn naive_step(
    sgd: &Sgd,
    weights: &Weights,
    (inputs, targets): (&[i64], &[i64]),
) -> (Vec<LayerTrace>, Vec<Layer>) {
    let config = sgd.fixed_point.config();
    let (s, g, w) = (
        config.activation_bits,
        config.gradient_bits,
        config.weight_bits,
    );
    let (layers, arch) = (weights.layers(), weights.architecture());
    let (depth, batch) = (layers.len(), inputs.len() / arch.num_inputs());
    let floor = |x: i128| (x + (1 << (w - 1))).div_euclid(1 << w) as i64;
    let wide = i128::from;
    let mut traces: Vec<LayerTrace> = (0..depth).map(|_| LayerTrace::default()).collect();
    let mut a = vec![inputs.to_vec()];
    for l in 0..depth {
        for b in 0..batch {
            for j in 0..arch.outputs(l) {
                let mut z = wide(layers[l].bias()[j]) << s; // (2)
                for i in 0..arch.inputs(l) {
                    z += wide(a[l][b * arch.inputs(l) + i])
                        * wide(layers[l].weight()[i * arch.outputs(l) + j]);
                }
                traces[l].z.push(z);
                traces[l].y.push(floor(z)); // (3)
            }
        }
        a.push(traces[l].y.iter().map(|&y| y.max(0)).collect()); // (4)
    }
    for l in (0..depth).rev() {
        for at in 0..batch * arch.outputs(l) {
            let y = traces[l].y[at];
            if l + 1 == depth {
                traces[l].g.push((1 << (g - s)) * (y - targets[at])); // (5)
                continue;
            }
            let (b, i, n) = (
                at / arch.outputs(l),
                at % arch.outputs(l),
                arch.outputs(l + 1),
            );
            let terms = (0..n).map(|j| {
                wide(traces[l + 1].g[b * n + j]) * wide(layers[l + 1].weight()[i * n + j])
            });
            let p: i128 = terms.sum(); // (6)
            traces[l].p.push(p);
            traces[l].h.push(floor(p)); // (7)
            traces[l].g.push(if y > 0 { floor(p) } else { 0 }); // (8)
        }
    }
    let mut updated = layers.to_vec();
    let c = wide(sgd.plan.coefficient(0) as i64);
    for l in 0..depth {
        let (n_in, n_out) = (arch.inputs(l), arch.outputs(l));
        for b in 0..batch {
            for j in 0..n_out {
                let g = wide(traces[l].g[b * n_out + j]);
                for i in 0..n_in {
                    let change = c * wide(a[l][b * n_in + i]) * g; // (9)
                    updated[l].weight_mut()[i * n_out + j] -= change as i64;
                }
                updated[l].bias_mut()[j] -= ((c * g) << s) as i64; // (10)
            }
        }
    }
    (traces, updated)
}

fn assert_step_is_naive(sgd: &Sgd, weights: &Weights, inputs: &[i64], targets: &[i64]) {
    let mut trained = weights.clone();
    let trace = step(sgd, &mut trained, inputs, targets, 0).unwrap();
    let batch = inputs.len() / weights.architecture().num_inputs();
    let (expected, updated) = naive_step(sgd, weights, (inputs, targets));
    assert_eq!(layers(sgd, weights, batch, &trace), expected);
    assert!(trained.layers() == updated);
}

proptest! {
    #[test]
    fn steps_are_naive(
        widths in prop::collection::vec(1_usize..7, 2..5),
        (seed, batch, c) in (any::<u64>(), 1_usize..5, 1_u64..1000),
        values in prop::collection::vec(-200_i64..200, 5 * 7 * 2),
        paper in any::<bool>(),
    ) {
        let architecture = Architecture::new(widths).unwrap();
        let mut sgd = sgd(c);
        if paper {
            sgd.fixed_point = FixedPoint::paper();
        }
        let weights = init::expand(seed, &architecture, &sgd.fixed_point);
        let inputs = &values[..batch * architecture.num_inputs()];
        let targets = &values[35..35 + batch * architecture.num_outputs()];
        prop_assume!(step(&sgd, &mut weights.clone(), inputs, targets, 0).is_ok());
        assert_step_is_naive(&sgd, &weights, inputs, targets);
    }
}

/// Ends of the ranges and weights of 62 bits: several limbs in every product.
#[test]
fn extreme_steps_are_naive() {
    let big = 1 << 61;
    let first = vec![big, -big, big - 1, -big, big, 1 - big];
    let weights = network(
        &[2, 3, 1],
        vec![(first, vec![big, 0, -big]), (vec![0; 3], vec![0])],
    );
    let mut sgd = sgd(1);
    let mut config = FixedPoint::paper().config().clone();
    (config.weight_bits, config.limbs) = (60, vec![20; 3]);
    sgd.fixed_point = FixedPoint::new(config).unwrap();
    let end = 1 << 20;
    let inputs = [-end, -end, end - 1, end - 1, 0, 1, -1, -end];
    assert_step_is_naive(&sgd, &weights, &inputs[4..6], &[end - 1]);
    // Backwards through weights of 2^60 (one) with the largest errors.
    let one = 1 << 60;
    let back = vec![one, -one, one - 1];
    let weights = network(&[2, 3, 1], vec![(vec![0; 6], vec![0; 3]), (back, vec![0])]);
    assert_step_is_naive(&sgd, &weights, &inputs, &[end - 1, 0, 1 - end, 1]);
}

/// `W = 1`, one input: everything can be done in the head.
#[test]
fn one_step_by_hand() {
    let one = 1 << 34;
    let mut weights = network(&[1, 1, 1], vec![(vec![one], vec![0]), (vec![one], vec![0])]);
    let trace = step(&sgd(3), &mut weights, &[5], &[7], 0).unwrap();
    let all = layers(&sgd(3), &weights, 1, &trace);
    let [hidden, output] = all.as_slice() else {
        panic!("two layers")
    };
    assert_eq!((hidden.z[0], hidden.y[0]), (5 << 34, 5));
    assert_eq!((output.y[0], output.g[0]), (5, 4 * (5 - 7)));
    assert_eq!((hidden.p[0], hidden.h[0], hidden.g[0]), (-8 << 34, -8, -8));
    assert!(output.p.is_empty() && output.h.is_empty());
    let [first, second] = weights.layers() else {
        panic!("two layers")
    };
    assert_eq!(
        (first.weight()[0], first.bias()[0]),
        (one + 3 * 5 * 8, 3 * 256 * 8)
    );
    assert_eq!(
        (second.weight()[0], second.bias()[0]),
        (one + 3 * 5 * 8, 3 * 256 * 8)
    );
    assert!(format!("{trace:?}").starts_with("Trace("), "{trace:?}");
}

#[test]
fn derivative_at_zero_is_zero() {
    let one = 1 << 34;
    let mut weights = network(&[1, 1, 1], vec![(vec![one], vec![0]), (vec![one], vec![0])]);
    let trace = step(&sgd(1), &mut weights, &[0], &[7], 0).unwrap();
    let first = &layers(&sgd(1), &weights, 1, &trace)[0];
    assert_eq!((first.y[0], first.h[0], first.g[0]), (0, -28, 0));
    assert_eq!(
        (
            weights.layers()[0].weight()[0],
            weights.layers()[0].bias()[0]
        ),
        (one, 0)
    );
}

/// Formats with `w = 60`, so that a weight of 8.0 leaves `i64`.
fn wide_sgd() -> Sgd {
    let mut config = FixedPoint::compact().config().clone();
    (config.weight_bits, config.limbs) = (60, vec![20; 3]);
    Sgd {
        fixed_point: FixedPoint::new(config).unwrap(),
        ..sgd(1)
    }
}

#[test]
fn values_outside_their_range_stop_training() {
    let (one, end, max) = (1_i64 << 34, 1_i64 << 13, i64::MAX);
    let deep = |first, second| {
        network(
            &[1, 1, 1],
            vec![(vec![first], vec![0]), (vec![second], vec![0])],
        )
    };
    let flat = |weight, bias| network(&[1, 1], vec![(vec![weight], vec![bias])]);
    for (sgd, weights, (input, target), tensor, value, bits) in [
        (sgd(1), deep(one, one), (end, 0), "A0", end.into(), 14),
        (
            sgd(1),
            deep(one, one),
            (0, -end - 1),
            "target",
            (-end - 1).into(),
            14,
        ),
        (sgd(1), deep(2 * one, 0), (end / 2, 0), "Y1", end.into(), 14),
        (
            sgd(1),
            deep(one, -2 * one),
            (end - 1, 0),
            "Y2",
            (2 - 2 * end).into(),
            14,
        ),
        (sgd(1), deep(0, 1000 * one), (0, 9), "H1", -36_000, 16),
        // Y = 8 and target 100 make G = -368; the bias moves by 2^8 of that.
        (
            wide_sgd(),
            flat(max - 10, 0),
            (1, 100),
            "W1",
            i128::from(max) - 10 + 368,
            64,
        ),
        (
            wide_sgd(),
            flat(0, max),
            (0, 2049),
            "W1",
            i128::from(max) + 1024,
            64,
        ),
    ] {
        let mut trained = weights.clone();
        let error = step(&sgd, &mut trained, &[input], &[target], 3).unwrap_err();
        let expected = TrainError::OutOfRange {
            step: Some(3),
            tensor: tensor.to_owned(),
            value,
            bits,
        };
        assert_eq!(error, expected);
        assert!(trained == weights, "{tensor}");
    }
    let error = predict(&FixedPoint::compact(), &deep(2 * one, 0), &[end / 2]).unwrap_err();
    let message = "evaluation: Y1 is 8192, outside [-2^13, 2^13); ";
    assert!(error.to_string().starts_with(message), "{error}");
}

#[test]
fn shapes_are_checked() {
    let sgd = sgd(1);
    let mut weights = network(&[2, 1], vec![(vec![0; 2], vec![0])]);
    for (inputs, targets, name) in [
        ([].as_slice(), [].as_slice(), "A0"),
        (&[1, 2, 3], &[1], "A0"),
        (&[1, 2], &[1, 2], "target"),
    ] {
        let error = step(&sgd, &mut weights, inputs, targets, 5).unwrap_err();
        let matches =
            matches!(&error, TrainError::Shape { step: Some(5), tensor, .. } if tensor == name);
        assert!(matches, "{error}");
    }
    let dataset = Dataset::from_rows(1, 1, vec![0; 8]).unwrap();
    let error = mean_squared_error(&sgd.fixed_point, &weights, &dataset).unwrap_err();
    assert_eq!(
        error,
        TrainError::DatasetWidth {
            features: 1,
            targets: 1,
            inputs: 2,
            outputs: 1
        }
    );
    let dataset = Dataset::from_rows(2, 1, vec![0; 12]).unwrap();
    let schedule = Schedule::new(ScheduleSeed([0; 32]), 5, 2).unwrap();
    let go = |_, _| ControlFlow::Continue(());
    let error = train(&sgd, &mut weights, (&dataset, &schedule), 0..1, go).unwrap_err();
    assert_eq!(
        error,
        TrainError::ScheduleRows {
            scheduled: 5,
            rows: 4
        }
    );
}

/// The check values of `paper-notes.md`, computed in Python from its text.
#[test]
fn check_values() {
    let (sgd, _, dataset, _) = wine();
    let digest = |values: &[&[i64]]| {
        let mut hash = Sha256::new();
        values
            .iter()
            .flat_map(|v| v.iter())
            .for_each(|x| hash.update(x.to_le_bytes()));
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let of_weights = |weights: &Weights| {
        let layers = weights.layers().iter();
        digest(&layers.map(|l| l.values()).collect::<Vec<_>>())
    };
    let data = digest(&[dataset.values()]);
    assert_eq!(
        data,
        "eecaebbf3cb831cd3352f692166d06ef31b8e6eca6273535de105a7224fab62c"
    );

    let mut weights = init::expand(7, &"11,8,1".parse().unwrap(), &sgd.fixed_point);
    let first = [-12_022_861_695, 3_070_537_955, 6_537_540_221];
    assert_eq!(weights.layers()[0].weight()[..3], first);
    let digest = of_weights(&weights);
    assert_eq!(
        digest,
        "e183a414d1e1ca6fe13a4a6fe996b4cdb66362bae0b602b71dbca5dfb2fa894c"
    );

    let seed = ScheduleSeed::derive(&[1; 32], &[2; 32], &[3; 32], 4);
    let schedule = Schedule::new(seed, dataset.num_rows(), 32).unwrap();
    assert_eq!(schedule.batch(0)[..4], [695, 1452, 1569, 1372]);
    assert_eq!(sgd.plan.coefficient(0), 20);
    let go = |_, _| ControlFlow::Continue(());
    train(&sgd, &mut weights, (&dataset, &schedule), 0..60, go).unwrap();
    assert_eq!(weights.layers()[1].bias(), [-511_733_760]);
    let digest = of_weights(&weights);
    assert_eq!(
        digest,
        "f38480519480c61cefb05a4b7ca41e9a010d770ce502081c985994afe5e85c91"
    );
}

/// 11-64-64-1 on the red wines, batches of 32.
fn wine() -> (Sgd, Weights, Dataset, Schedule) {
    let fixed_point = FixedPoint::compact();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");
    let table = Table::read(path).unwrap();
    let normalization = Normalization::fit(&table, &["quality".to_owned()]).unwrap();
    let dataset = Dataset::quantize(&table, &normalization, &fixed_point).unwrap();
    let schedule = Schedule::new(ScheduleSeed([1; 32]), dataset.num_rows(), 32).unwrap();
    let weights = init::expand(1, &"11,64,64,1".parse().unwrap(), &fixed_point);
    let rate = LearningRate::nearest(&fixed_point, 32, 0.01).unwrap();
    (
        Sgd {
            fixed_point,
            plan: rate.into(),
        },
        weights,
        dataset,
        schedule,
    )
}

#[test]
fn training_follows_double_precision() {
    let (sgd, mut weights, dataset, schedule) = wine();
    let mut float = FloatNetwork::new(&weights, &sgd.fixed_point);
    let loss = |weights: &Weights| mean_squared_error(&sgd.fixed_point, weights, &dataset).unwrap();
    let before = loss(&weights);
    let close = |a: f64, b: f64| (a - b).abs() < 0.03 * b;
    assert!(close(before, float.mean_squared_error(&dataset).unwrap()));
    for steps in [0..50, 50..200, 200..500] {
        let end = steps.end;
        let go = |_, _| ControlFlow::Continue(());
        let next = train(&sgd, &mut weights, (&dataset, &schedule), steps.clone(), go);
        assert_eq!(next, Ok(end));
        float.train(&dataset, &schedule, steps, &sgd.plan).unwrap();
        let (exact, reference) = (loss(&weights), float.mean_squared_error(&dataset).unwrap());
        println!("{end} steps: {exact} against {reference}, {before} before");
        assert!(
            close(exact, reference),
            "{exact} against {reference} after {end} steps"
        );
    }
    assert!(loss(&weights) < 0.7 * before);
}

#[test]
fn training_can_be_broken_off_and_resumed() {
    let (sgd, start, dataset, schedule) = wine();
    let (mut whole, mut parts) = (start.clone(), start);
    let go = |_, _| ControlFlow::Continue(());
    let stop = |step, _| {
        if step == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    assert_eq!(
        train(&sgd, &mut whole, (&dataset, &schedule), 0..5, go),
        Ok(5)
    );
    assert_eq!(
        train(&sgd, &mut parts, (&dataset, &schedule), 0..5, stop),
        Ok(3)
    );
    assert_eq!(
        train(&sgd, &mut parts, (&dataset, &schedule), 3..5, go),
        Ok(5)
    );
    assert!(whole == parts);
}

/// Equation 64. Parameters in each step are $W_0 - \sum_\tau K_{t \tau} \nabla_\tau$, the gradients one by one from plain steps.
fn literal(
    sgd: &Sgd,
    start: &Weights,
    (dataset, schedule): (&Dataset, &Schedule),
) -> Result<Vec<Weights>, TrainError> {
    let plan = &sgd.plan;
    let one = Sgd {
        plan: LearningRate::from_coefficient(1).unwrap().into(),
        ..sgd.clone()
    };
    let mut all = vec![start.clone()];
    let mut gradients: Vec<Vec<Vec<i64>>> = Vec::new();
    for step in 0..plan.steps {
        let before = all[step as usize].clone();
        let mut moved = before.clone();
        let go = |_, _| ControlFlow::Continue(());
        train(&one, &mut moved, (dataset, schedule), step..step + 1, go)?;
        let first = plan.first_of(step);
        gradients.truncate((step - first) as usize);
        let pairs = before.tensors().into_iter().zip(moved.tensors());
        gradients.push(
            pairs
                .map(|(w, next)| w.iter().zip(next).map(|(w, next)| w - next).collect())
                .collect(),
        );
        let (matrix, t) = (plan.matrix(first), (step - first) as usize + 1);
        let end = first + t as u64 == (first + plan.segment_steps).min(plan.steps);
        let mut next = all[first as usize].clone();
        for (k, tensor) in next.tensors_mut().into_iter().enumerate() {
            for (tau, gradient) in gradients.iter().enumerate() {
                let factor = if end {
                    matrix.last(tau)
                } else {
                    matrix.entry(t, tau)
                };
                let pairs = tensor.iter_mut().zip(&gradient[k]);
                pairs.for_each(|(w, x)| *w -= factor * x);
            }
        }
        all.push(next);
    }
    Ok(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_optimiser_is_its_literal_sum(
        widths in prop::collection::vec(1_usize..5, 2..4),
        optimiser in optimisers(12_u64..2000),
        (batch, steps, segment_steps) in (1_usize..4, 1_u64..60, prop_oneof![1_u64..9, 20_u64..60]),
        seed: u64,
    ) {
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let fixed_point = FixedPoint::compact();
        let sgd = Sgd { fixed_point, plan: Plan { optimiser, steps, segment_steps } };
        let (features, targets) = (widths[0], widths[widths.len() - 1]);
        let values = (0..5 * (features + targets)).map(|_| rng.gen_range(-300..300)).collect();
        let dataset = Dataset::from_rows(features, targets, values).unwrap();
        let schedule = Schedule::new(ScheduleSeed([3; 32]), 5, batch).unwrap();
        let architecture = Architecture::new(widths).unwrap();
        let start = init::expand(seed, &architecture, &sgd.fixed_point);
        let data = (&dataset, &schedule);
        let expected = literal(&sgd, &start, data);
        prop_assume!(expected.is_ok(), "in range");
        let expected = expected.unwrap();
        let mut weights = start.clone();
        let go = |_, _| ControlFlow::Continue(());
        prop_assert_eq!(train(&sgd, &mut weights, data, 0..steps, go), Ok(steps));
        prop_assert!(weights == expected[steps as usize]);
        // Segment by segment too, each by a trainer of its own.
        let mut parts = start;
        let mut first = 0;
        while first < steps {
            let end = (first + segment_steps).min(steps);
            prop_assert_eq!(train(&sgd, &mut parts, data, first..end, go), Ok(end));
            prop_assert!(parts == expected[end as usize]);
            first = end;
        }
    }
}

fn with(sgd: &Sgd, momentum: &str, schedule: &str, segment_steps: u64) -> Sgd {
    let (rate, steps) = (sgd.plan.optimiser.rate(), 500);
    let (momentum, schedule) = (momentum.parse().unwrap(), schedule.parse().unwrap());
    let optimiser = Optimiser::new(rate, momentum, schedule).unwrap();
    let plan = Plan {
        optimiser,
        steps,
        segment_steps,
    };
    Sgd {
        plan,
        ..sgd.clone()
    }
}

#[test]
fn other_optimisers_follow_double_precision() {
    let (plain, start, dataset, schedule) = wine();
    for (momentum, rates) in [
        ("momentum:0.5", "constant"),
        ("nesterov:0.7", "cosine:warmup=20,floor=0.1"),
        ("sgd", "step:every=100,by=0.5"),
        ("momentum:0.8", "step:every=60,by=0.7,warmup=10"),
    ] {
        let sgd = with(&plain, momentum, rates, 64);
        let (mut weights, mut float) = (start.clone(), FloatNetwork::new(&start, &sgd.fixed_point));
        let go = |_, _| ControlFlow::Continue(());
        train(&sgd, &mut weights, (&dataset, &schedule), 0..500, go).unwrap();
        float.train(&dataset, &schedule, 0..500, &sgd.plan).unwrap();
        let loss =
            |weights: &Weights| mean_squared_error(&sgd.fixed_point, weights, &dataset).unwrap();
        let (exact, reference) = (loss(&weights), float.mean_squared_error(&dataset).unwrap());
        println!("{momentum} {rates}: {exact} against {reference}");
        assert!((exact - reference).abs() < 0.03 * reference);
        assert!(exact < 0.7 * loss(&start));
    }
}

#[test]
fn training_with_momentum_goes_on_from_a_segment() {
    let (plain, start, dataset, schedule) = wine();
    let sgd = with(&plain, "momentum:0.9", "constant", 4);
    let data = (&dataset, &schedule);
    let go = |_, _| ControlFlow::Continue(());
    let mut whole = start.clone();
    assert_eq!(train(&sgd, &mut whole, data, 0..9, go), Ok(9));
    // Broken off behind a segment, and within one.
    for cut in [4, 6] {
        let mut parts = start.clone();
        let stop = |step, _| match step + 1 == cut {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        assert_eq!(train(&sgd, &mut parts, data, 0..9, stop), Ok(cut));
        let kept = parts.clone();
        let next = train(&sgd, &mut parts, data, cut..9, go);
        match cut % 4 {
            0 => assert!(next == Ok(9) && parts == whole),
            _ => {
                let error = TrainError::MidSegment {
                    step: cut,
                    first: 4,
                };
                assert_eq!(next, Err(error));
                assert!(parts == kept);
            }
        }
    }
    // A step that is left out, or made twice.
    let mut trainer = Trainer::new(&sgd, start.architecture(), 32).unwrap();
    let mut step = |number| {
        let (inputs, targets) = dataset.gather(&schedule.batch(number));
        trainer.step(
            &mut start.clone(),
            &Arc::new(inputs),
            &Arc::new(targets),
            number,
        )
    };
    assert!(step(0).is_ok() && step(1).is_ok());
    for wrong in [1, 3, 5] {
        let first = wrong - wrong % 4;
        let error = TrainError::MidSegment { step: wrong, first };
        assert_eq!(step(wrong).unwrap_err(), error);
    }
    assert!(step(2).is_ok() && step(4).is_ok());
}

/// A step that fails leaves all as it was: with other data it can be made.
#[test]
fn a_step_that_fails_can_be_made_again() {
    let (plain, start, dataset, schedule) = wine();
    let sgd = with(&plain, "momentum:0.9", "constant", 4);
    let large = Optimiser::new(
        LearningRate::from_coefficient(Optimiser::MOST_UNITS).unwrap(),
        sgd.plan.optimiser.momentum(),
        RateSchedule::Constant,
    );
    let rows = |step| dataset.gather(&schedule.batch(step));
    let run = |optimiser, fail: bool| {
        let plan = Plan {
            optimiser,
            ..sgd.plan
        };
        let sgd = Sgd {
            plan,
            ..sgd.clone()
        };
        let mut trainer = Trainer::new(&sgd, start.architecture(), 32).unwrap();
        let mut weights = start.clone();
        for step in 0..2 {
            let (inputs, targets) = rows(step);
            let (inputs, targets) = (Arc::new(inputs), Arc::new(targets));
            if fail {
                let before = weights.clone();
                let outside = Arc::new(vec![1 << 13; targets.len()]);
                assert!(trainer.step(&mut weights, &inputs, &outside, step).is_err());
                assert!(weights == before);
            }
            trainer.step(&mut weights, &inputs, &targets, step)?;
        }
        Ok(weights)
    };
    let optimiser = sgd.plan.optimiser;
    let (once, again) = (
        run(optimiser, false).unwrap(),
        run(optimiser, true).unwrap(),
    );
    assert!(once == again);
    let error: TrainError = run(large.unwrap(), false).unwrap_err();
    let expected =
        matches!(&error, TrainError::OutOfRange { tensor, bits: 64, .. } if tensor == "W1");
    assert!(expected, "{error}");
}

/// The workload of the zkDL paper. Run with `--ignored --nocapture` for its time.
#[test]
#[ignore = "takes half a minute and 5 GB"]
fn ten_million_parameters() {
    let mut widths = vec![3072];
    widths.extend([1024; 7]);
    widths.push(10);
    for fixed_point in [FixedPoint::compact(), FixedPoint::paper()] {
        let architecture = Architecture::new(widths.clone()).unwrap();
        let rate = LearningRate::nearest(&fixed_point, 64, 0.002).unwrap();
        let mut weights = init::expand(0, &architecture, &fixed_point);
        let one = 1 << fixed_point.activation_bits();
        let inputs: Vec<i64> = (0..64 * 3072).map(|i| i * 7919 % (2 * one) - one).collect();
        let targets: Vec<i64> = (0..640).map(|i| i * 31 % one).collect();
        let sgd = Sgd {
            fixed_point,
            plan: rate.into(),
        };
        let start = std::time::Instant::now();
        step(&sgd, &mut weights, &inputs, &targets, 0).unwrap();
        println!(
            "one step of {} parameters: {:?}",
            architecture.num_parameters(),
            start.elapsed()
        );
        let momentum = "momentum:0.9".parse().unwrap();
        let rate = LearningRate::from_coefficient(50).unwrap();
        let sgd = Sgd {
            plan: Plan {
                optimiser: Optimiser::new(rate, momentum, RateSchedule::Constant).unwrap(),
                steps: 64,
                segment_steps: 64,
            },
            ..sgd
        };
        let mut trainer = Trainer::new(&sgd, &architecture, 64).unwrap();
        let (inputs, targets) = (Arc::new(inputs), Arc::new(targets));
        let start = std::time::Instant::now();
        for step in 0..64 {
            trainer.step(&mut weights, &inputs, &targets, step).unwrap();
        }
        println!("one of 64 with momentum: {:?}", start.elapsed() / 64);
    }
}
