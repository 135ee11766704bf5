//! Networks, data and training at the ends of what is allowed: honest proofs verify, and one step
//! beyond is refused with an error that says where.

use crate::common::tiny;
use ark_pallas::Projective as Pallas;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::ops::ControlFlow;
use zktree::{
    error::{ConfigError, ProveError, StatementError, TrainError},
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, Layer, LearningRate, ParentWeights,
        ScheduleSeed, TrainingParameters, TrainingStatement, WeightBound, WeightOpening, Weights,
        argument::Pending, init, network::MAX_LAYERS, proof,
    },
};

/// Where training starts.
#[derive(Debug, Clone)]
enum Start {
    Seed(u64),
    /// Committed weights, none of which is larger.
    Weights(Weights, u128),
}

/// A run of training on rows of these values.
#[derive(Debug, Clone)]
struct Run {
    start: Start,
    parameters: TrainingParameters,
    values: Vec<i64>,
}

fn parameters(widths: &[usize], steps: u64) -> TrainingParameters {
    TrainingParameters {
        architecture: Architecture::new(widths.to_vec()).unwrap(),
        fixed_point: tiny(),
        optimiser: LearningRate::from_coefficient(1).unwrap().into(),
        batch: 1,
        steps,
        segment_steps: steps,
        hiding: true,
    }
}

/// One row of one feature and one target, from a network of these weights, a layer each, in units
/// of `2^-14`; without biases.
fn by_hand(weights: &[i64], feature: i64, target: i64) -> Run {
    let layer = |w: &i64| Layer::new(vec![*w], vec![0]);
    let parameters = parameters(&vec![1; weights.len() + 1], 1);
    let layers = weights.iter().map(layer).collect();
    let weights = Weights::new(parameters.architecture.clone(), layers).unwrap();
    Run {
        start: Start::Weights(weights, 1 << 63),
        parameters,
        values: vec![feature, target],
    }
}

impl Run {
    fn of(parameters: TrainingParameters, values: Vec<i64>) -> Self {
        Self {
            start: Start::Seed(1),
            parameters,
            values,
        }
    }

    /// Trains, proves and verifies; the weights at the end.
    fn outcome(&self) -> Result<Weights, ProveError> {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let go_on = &mut |_| ControlFlow::Continue(());
        let p = &self.parameters;
        let (architecture, fixed) = (&p.architecture, &p.fixed_point);
        let (inputs, outputs) = (architecture.num_inputs(), architecture.num_outputs());
        let data = Dataset::from_rows(inputs, outputs, self.values.clone()).unwrap();
        let data = DatasetOpening::new(data, p.hiding, rng);
        let (root, parent) = match &self.start {
            Start::Seed(seed) => {
                let root = WeightOpening::public(init::expand(*seed, architecture, fixed));
                (root, ParentWeights::Root { seed: *seed })
            }
            Start::Weights(weights, bound) => {
                let opening = WeightOpening::new(weights.clone(), p.hiding, rng);
                let commitment = opening.commit::<Pallas>();
                let bound = WeightBound::new(*bound);
                (opening, ParentWeights::Committed { commitment, bound })
            }
        };
        let mut statement = TrainingStatement::<Pallas> {
            parameters: p.clone(),
            parent,
            child: root.commit(),
            dataset: data.commit(),
            schedule: ScheduleSeed([1; 32]),
            parent_id: [2; 32],
            child_pre_id: [3; 32],
        };
        let (schedule, start) = (statement.schedule()?, root.weights());
        let weights = proof::train_weights(p, start, data.dataset(), &schedule, go_on)?;
        let child = WeightOpening::new(weights.clone(), p.hiding, rng);
        statement.child = child.commit();
        let training = statement.prove(&root, &child, &data, rng, go_on)?;
        let bits = fixed.data_range_bits();
        let range = proof::prove_dataset(&data, &statement.dataset, bits, p.hiding)?;

        let mut pending = statement.verify(&training)?;
        pending.push(proof::verify_dataset(
            &statement.dataset,
            bits,
            p.hiding,
            &range,
        )?);
        Pending::check_all(&pending)?;
        Ok(weights)
    }

    #[track_caller]
    fn verifies(&self) -> Weights {
        let plain = Self {
            parameters: TrainingParameters {
                hiding: false,
                ..self.parameters.clone()
            },
            ..self.clone()
        };
        let weights = plain.outcome().unwrap();
        assert_eq!(self.outcome().unwrap(), weights);
        weights
    }

    /// Asserts that the value leaves its range in the first step.
    #[track_caller]
    fn leaves(&self, of: &str, expected: i128) {
        let Err(ProveError::Training(error)) = self.outcome() else {
            panic!("{of} does not leave its range");
        };
        let TrainError::OutOfRange {
            step,
            tensor,
            value,
            ..
        } = &*error
        else {
            panic!("{error}");
        };
        assert_eq!((*step, tensor.as_str(), *value), (Some(0), of, expected));
        let text = format!("step 0: {of} is {expected}, outside");
        assert!(error.to_string().starts_with(&text), "{error}");
    }
}

#[test]
fn the_smallest_network_learns_from_one_row() {
    for steps in [1, 2] {
        for value in [0, 16, -128, 127] {
            Run::of(parameters(&[1, 1], steps), vec![value, 16]).verifies();
        }
    }
}

#[test]
fn deep_narrow_networks() {
    for layers in [40, MAX_LAYERS] {
        let weights = vec![1 << 14; layers];
        Run {
            values: vec![3, 1],
            ..by_hand(&weights, 0, 0)
        }
        .verifies();
    }
    let widths = [vec![3], vec![1; 38], vec![2, 2]].concat();
    Run::of(parameters(&widths, 1), vec![0; 5]).verifies();
}

/// Without error there is no gradient, whatever the rate.
#[test]
fn data_without_news_leave_weights_as_they_are() {
    let rates = [1, LearningRate::MAX];
    for rate in rates.map(|c| LearningRate::from_coefficient(c).unwrap()) {
        let zeros = TrainingParameters {
            optimiser: rate.into(),
            batch: 3,
            ..parameters(&[2, 3, 1], 2)
        };
        let root = init::expand(1, &zeros.architecture, &zeros.fixed_point);
        assert_eq!(Run::of(zeros, vec![0; 4 * 3]).verifies(), root);
    }
}

#[test]
fn rows_that_are_all_equal() {
    for value in [1, -7, 16] {
        let p = TrainingParameters {
            batch: 4,
            segment_steps: 1,
            ..parameters(&[3, 4, 2], 3)
        };
        Run::of(p, vec![value; 6 * 5]).verifies();
    }
}

#[test]
fn a_batch_is_no_larger_than_the_data() {
    let run = |batch| {
        let p = TrainingParameters {
            batch,
            ..parameters(&[1, 1], 2)
        };
        Run::of(p, vec![1, 2, 3, 4, 5, 6])
    };
    run(3).verifies();
    for batch in [0, 4, usize::MAX] {
        let error = run(batch).outcome().unwrap_err();
        let expected = match batch {
            0 => ConfigError::EmptyBatch,
            _ => ConfigError::BatchExceedsRows { batch, rows: 3 },
        };
        assert_eq!(error, expected.into());
    }
}

#[test]
fn segments_of_one_step_and_longer_than_the_run() {
    for segment_steps in [1, 2, 3, 4, u64::MAX] {
        let p = TrainingParameters {
            segment_steps,
            batch: 2,
            ..parameters(&[2, 2, 1], 3)
        };
        Run::of(p, vec![1, 2, 3, 4, 5, 6, 7, 8, 9]).verifies();
    }
    for (steps, segment_steps) in [(0, 1), (1, 0)] {
        let p = TrainingParameters {
            segment_steps,
            steps,
            ..parameters(&[1, 1], 1)
        };
        let error = Run::of(p, vec![1, 1]).outcome().unwrap_err();
        assert_eq!(error, StatementError::NoSteps.into());
    }
}

#[test]
fn presets_on_the_smallest_network() {
    for fixed_point in [FixedPoint::compact(), FixedPoint::paper()] {
        for hiding in [false, true] {
            let one = 1 << fixed_point.activation_bits();
            let p = TrainingParameters {
                fixed_point: fixed_point.clone(),
                hiding,
                ..parameters(&[1, 1], 1)
            };
            Run::of(p, vec![one, -one]).outcome().unwrap();
        }
    }
}

/// Formats with as little and as much as is allowed of one thing.
#[test]
fn formats_at_their_ends() {
    let format = |change: fn(&mut zktree::nn::FixedPointConfig)| {
        let mut config = tiny().config().clone();
        change(&mut config);
        FixedPoint::new(config).unwrap()
    };
    for fixed_point in [
        format(|c| (c.weight_bits, c.limbs) = (9, vec![9])),
        format(|c| (c.weight_bits, c.limbs) = (9, vec![1; 9])),
        format(|c| (c.weight_bits, c.limbs) = (60, vec![12; 5])),
        format(|c| c.gradient_bits = 4),
        format(|c| (c.activation_bits, c.gradient_bits) = (1, 13)),
        format(|c| c.data_range_bits = 2),
        format(|c| {
            c.hidden_range_bits = 2;
            c.output_range_bits = 2;
            c.gradient_range_bits = 2;
        }),
    ] {
        let p = TrainingParameters {
            fixed_point,
            ..parameters(&[1, 1, 1], 1)
        };
        Run::of(p, vec![0, 0]).verifies();
    }
}

/// Data have 8 bits.
#[test]
fn data_at_the_ends_of_their_range() {
    for (feature, target) in [(127, -128), (-128, 127)] {
        by_hand(&[1 << 13, 1 << 13], feature, target).verifies();
    }
    for beyond in [128, -129] {
        by_hand(&[0], beyond, 0).leaves("A0", beyond.into());
        by_hand(&[0], 0, beyond).leaves("target", beyond.into());
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        for values in [vec![0, 0, beyond, 0], vec![0, 0, 0, beyond]] {
            let data = Dataset::from_rows(1, 1, values).unwrap();
            let data = DatasetOpening::new(data, true, rng);
            let error = proof::prove_dataset(&data, &data.commit::<Pallas>(), 8, true);
            let error = error.unwrap_err();
            assert!(
                matches!(&error, ProveError::NotInTable { values, .. } if values == &[beyond]),
                "{error}"
            );
        }
    }
}

/// Hidden `Y` has 12 bits, the output 13, `H` 14.
#[test]
fn values_at_the_ends_of_their_ranges() {
    const ONE: i64 = 1 << 14;
    // Y = weight * feature.
    by_hand(&[23 * ONE, 0], 89, 0).verifies();
    by_hand(&[32 * ONE, 0], -64, 0).verifies();
    by_hand(&[32 * ONE, 0], 64, 0).leaves("Y1", 2048);
    by_hand(&[683 * ONE, 0], -3, 0).leaves("Y1", -2049);
    by_hand(&[4095 * ONE], 1, 0).verifies();
    by_hand(&[4096 * ONE], -1, 0).verifies();
    by_hand(&[4096 * ONE], 1, 0).leaves("Y1", 4096);
    by_hand(&[4097 * ONE], -1, 0).leaves("Y1", -4097);
    by_hand(&[ONE, 4096 * ONE], 1, 0).leaves("Y2", 4096);
    // H = 2 (Y - target) weight, with Y the weight, rounded.
    by_hand(&[ONE, 8191 * ONE / 128], 1, 0).verifies();
    by_hand(&[ONE, 8192 * ONE / 128], 1, 0).leaves("H1", 8192);
    by_hand(&[ONE, -8192 * ONE / 128], 1, -128).verifies();
    by_hand(&[ONE, -8193 * ONE / 128], 1, -128).leaves("H1", -8193);
}

/// Halves are rounded up, so that the range of a remainder is half open.
#[test]
fn remainders_at_the_ends_of_their_range() {
    const HALF: i64 = 1 << 13;
    for weight in [HALF - 1, HALF, HALF + 1, 3 * HALF - 1, 3 * HALF] {
        for sign in [1, -1] {
            by_hand(&[sign * weight, weight], 1, 0).verifies();
        }
    }
}

#[test]
fn weights_at_the_ends_of_their_type() {
    for end in [i64::MAX, i64::MIN] {
        let unmoved = by_hand(&[end], 0, 0);
        assert_eq!(unmoved.verifies().layers()[0].weight(), [end]);
    }
    // With the largest rate a bias moves by 2^53 2^4 2 (target - Y), a weight by feature / 2^4 of it.
    let run = |feature, target| {
        let mut run = by_hand(&[0], feature, target);
        run.parameters.optimiser = LearningRate::from_coefficient(LearningRate::MAX)
            .unwrap()
            .into();
        run
    };
    for target in [31, -32] {
        let moved = run(16, target).verifies();
        let end = target << 58;
        assert_eq!(
            (moved.layers()[0].weight(), moved.layers()[0].bias()),
            (&[end][..], &[end][..])
        );
    }
    run(16, 32).leaves("W1", 1 << 63);
    run(0, 32).leaves("W1", 1 << 63);
    run(0, -33).leaves("W1", -33 << 58);
}

/// Whichever step it is in which a value leaves its range.
#[test]
fn the_step_that_fails_is_named() {
    let run = |steps| {
        let p = TrainingParameters {
            optimiser: LearningRate::from_coefficient(60).unwrap().into(),
            segment_steps: 2,
            ..parameters(&[1, 1], steps)
        };
        Run::of(p, vec![16, 16]).outcome()
    };
    let failed = (1..64).find_map(|steps| Some((steps, run(steps).err()?)));
    let (steps, error) = failed.expect("a rate at which training diverges");
    assert!(steps > 2, "{error}");
    let text = format!("step {}: Y1 is ", steps - 1);
    assert!(error.to_string().starts_with(&text), "{error}");
}

/// The bound on weights is public, and may be all that 128 bits hold, but not more behind a run.
#[test]
fn bounds_at_the_end_of_their_type() {
    let mut run = by_hand(&[1 << 14], 1, 1);
    let p = run.parameters.clone();
    let after = |bound| {
        let bound = WeightBound::new(bound);
        bound.after(&p.plan(), p.batch, &p.architecture, &p.fixed_point)
    };
    let growth = after(0).unwrap().get();
    for (bound, fits) in [(u128::MAX - growth, true), (u128::MAX - growth + 1, false)] {
        let Start::Weights(_, known) = &mut run.start else {
            panic!("weights that are committed");
        };
        *known = bound;
        match run.outcome() {
            Ok(_) => assert!(fits),
            Err(error) => {
                assert!(!fits, "{error}");
                assert_eq!(
                    error.to_string(),
                    ProveError::from(after(bound).unwrap_err()).to_string()
                );
            }
        }
    }
}

/// Powers of two, and one off.
fn dimension() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn dimensions_around_powers_of_two(
        widths in prop::collection::vec(dimension(), 2..=4),
        batch in dimension(),
        steps in dimension(),
        segment_steps in dimension(),
        spare_rows in 0..2_usize,
        hiding: bool,
    ) {
        let p = TrainingParameters {
            batch,
            segment_steps: segment_steps as u64,
            hiding,
            ..parameters(&widths, steps as u64)
        };
        let width = widths[0] + widths[widths.len() - 1];
        let values = (0..(batch + spare_rows) * width).map(|k| (k % 7) as i64 - 3);
        Run::of(p, values.collect()).outcome().unwrap();
    }
}
