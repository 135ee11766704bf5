//! Lowered programs: honest witnesses satisfy them, and nothing else does.
use super::*;
use crate::nn::{
    Architecture, Dataset, FixedPoint, FixedPointConfig, LearningRate, Schedule, ScheduleSeed, Sgd,
    gadget::Epsilon,
    layout::weight_tensors,
    model::{self, Graph, GraphNode, Mlp, Operator, Task},
    network::Weights,
    op::{
        Activation, Add, AveragePool, Convolution, Dense, GlobalAverage, Linear, Loss, Multiply,
        Nonlinearity, Norm, Round, Scores, Windows,
    },
    optimise::{Optimiser, Plan, tests::optimisers},
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
            classes: false,
        }
    })
}

/// What to do to the nodes so far to get the next one: an operator, and picks of what it reads.
type Growth = (u8, [prop::sample::Index; 2], usize);

/// Any network: operators on whatever they can read, several readers of one output, none of another.
fn networks() -> impl Strategy<Value = Architecture> {
    let growth = prop::collection::vec(any::<Growth>(), 0..9);
    let ends = (1_usize..4, any::<bool>());
    let any = (1_usize..5, growth, ends).prop_map(|(inputs, growth, (outputs, classes))| {
        let outputs = if classes { 2 } else { outputs };
        let mut nodes = Vec::new();
        // Width of each value, and whether it has been rounded.
        let mut values = vec![(inputs, true)];
        for (kind, picks, width) in growth {
            grow(&mut nodes, &mut values, (kind, picks, width % 4 + 1));
        }
        let rounded = values.iter().rposition(|(_, rounded)| *rounded).unwrap();
        let linear = Operator::new(Linear { outputs });
        nodes.push(GraphNode {
            operator: linear,
            inputs: vec![rounded],
        });
        let inputs_of_round = vec![nodes.len()];
        let operator = match classes {
            true => Operator::new(Scores),
            false => Operator::new(Round),
        };
        nodes.push(GraphNode {
            operator,
            inputs: inputs_of_round,
        });
        Architecture::from(Graph::new(vec![inputs], nodes).unwrap())
    });
    prop_oneof![
        any,
        images(),
        perceptron().prop_map(|mlp| Architecture::perceptron(&mlp).unwrap())
    ]
}

/// Convolutions and means over windows of any shape.
fn images() -> impl Strategy<Value = Architecture> {
    let windows = (
        prop::array::uniform2(1_usize..4),
        prop::array::uniform2(1_usize..3),
        prop::array::uniform2(0_usize..3),
        prop::array::uniform2(0_usize..3),
    );
    let windows = windows.prop_map(|(kernel, stride, before, behind)| {
        let pad = |pad: [usize; 2]| [0, 1].map(|k| pad[k].min(kernel[k] - 1));
        Windows {
            kernel,
            stride,
            before: pad(before),
            behind: pad(behind),
        }
    });
    let layer = (windows, any::<bool>(), 1_usize..4);
    let layers = prop::collection::vec(layer, 1..3);
    (prop::array::uniform3(1_usize..5), layers, any::<bool>()).prop_filter_map(
        "windows that fit",
        |(image, layers, global)| {
            let mut operators = Vec::new();
            for (windows, is_mean, outputs) in layers {
                let function = Nonlinearity::Relu;
                operators.extend(match is_mean && windows.kernel != [1, 1] {
                    true => [Operator::new(AveragePool { windows }), Operator::new(Round)],
                    false => [
                        Operator::new(Convolution { outputs, windows }),
                        Operator::new(Activation { function }),
                    ],
                });
            }
            let outputs = 2;
            match global {
                true => operators.extend([
                    Operator::new(GlobalAverage),
                    Operator::new(Round),
                    Operator::new(Linear { outputs }),
                ]),
                false => operators.push(Operator::new(Dense { outputs })),
            }
            operators.push(Operator::new(Round));
            let nodes = operators.into_iter().enumerate();
            let nodes = nodes.map(|(k, operator)| GraphNode {
                operator,
                inputs: vec![k],
            });
            let graph = Graph::new(image.to_vec(), nodes.collect()).ok()?;
            Some(Architecture::from(graph))
        },
    )
}

fn grow(
    nodes: &mut Vec<GraphNode>,
    values: &mut Vec<(usize, bool)>,
    (kind, picks, outputs): Growth,
) {
    let of = |rounded: bool| -> Vec<usize> {
        let all = values.iter().enumerate();
        all.filter(|(_, value)| value.1 == rounded)
            .map(|(k, _)| k)
            .collect()
    };
    let (exact, rounded) = (of(false), of(true));
    let first = *picks[0].get(&rounded);
    let (operator, inputs, value) = match kind % 6 {
        0 => (
            Operator::new(Linear { outputs }),
            vec![first],
            (outputs, false),
        ),
        1 if !exact.is_empty() => {
            let x = *picks[0].get(&exact);
            let function = *picks[1].get(&Nonlinearity::ALL);
            let activation = Operator::new(Activation { function });
            (activation, vec![x], (values[x].0, true))
        }
        2 => {
            let centred = outputs % 2 == 0;
            let epsilon = Epsilon::new(Epsilon::ONE / 4).unwrap();
            let norm = Operator::new(Norm { centred, epsilon });
            (norm, vec![first], (values[first].0, true))
        }
        3 => {
            let width = values[first].0;
            let alike: Vec<usize> = rounded
                .into_iter()
                .filter(|k| values[*k].0 == width)
                .collect();
            let second = *picks[1].get(&alike);
            let product = Operator::new(Multiply);
            (product, vec![first, second], (width, false))
        }
        _ => {
            // A sum of two of one width, both rounded or both exact.
            let all: Vec<usize> = (0..values.len()).collect();
            let x = *picks[0].get(&all);
            let alike: Vec<usize> = all
                .into_iter()
                .filter(|k| values[*k] == values[x])
                .collect();
            let y = *picks[1].get(&alike);
            (Operator::new(Add), vec![x, y], values[x])
        }
    };
    nodes.push(GraphNode { operator, inputs });
    values.push(value);
}

/// Some training by plain gradient descent, unless a value leaves its range.
fn training(architecture: &Architecture, (batch, steps): (usize, usize), seed: u64) -> Option<Run> {
    let rate = LearningRate::from_coefficient(3).unwrap();
    training_by(
        rate.into(),
        0,
        (architecture, &tiny()),
        (batch, steps),
        seed,
    )
}

/// Weights are so fine that twelve units are a small rate.
fn fine() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        weight_bits: 22,
        limbs: vec![11, 11],
        ..tiny().config().clone()
    })
    .unwrap()
}

/// Some segment of training, one of three, unless a value leaves its range.
fn training_by(
    optimiser: Optimiser,
    segment: u64,
    (architecture, fixed): (&Architecture, &FixedPoint),
    (batch, steps): (usize, usize),
    seed: u64,
) -> Option<Run> {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let plan = Plan {
        optimiser,
        steps: 3 * steps as u64,
        segment_steps: steps as u64,
    };
    let first = segment * steps as u64;
    let (features, targets) = (architecture.num_inputs(), architecture.num_targets());
    let rows = batch + 3;
    let mut values: Vec<i64> = (0..rows * (features + targets))
        .map(|_| rng.gen_range(-20..20))
        .collect();
    let dataset = match architecture.graph().loss() {
        Loss::SquaredError => Dataset::from_rows(features, targets, values),
        Loss::CrossEntropy => {
            let labels = values.chunks_mut(features + 1);
            labels.for_each(|row| row[features] = row[features].rem_euclid(2));
            Dataset::from_labelled_rows(features, 2, values)
        }
    };
    let dataset = dataset.unwrap();
    let schedule = Schedule::new(ScheduleSeed([7; 32]), rows, batch).unwrap();
    let parent = weights(architecture, fixed, seed);
    let mut child = parent.clone();
    let mut traces = Vec::new();
    let sgd = Sgd {
        fixed_point: fixed.clone(),
        plan,
    };
    let data = (&dataset, &schedule);
    let range = first..first + steps as u64;
    train::train(&sgd, &mut child, data, range, |_, step| {
        traces.push(step);
        ControlFlow::Continue(())
    })
    .ok()?;
    let program = model::program(architecture.graph(), fixed, batch, Task::Training).unwrap();
    let extent = Extent {
        steps,
        updates: Some(plan.matrix(first)),
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
fn inference(architecture: &Architecture, samples: usize, task: Task, seed: u64) -> Option<Run> {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let fixed = tiny();
    let weights = weights(architecture, &fixed, seed);
    let mut draw = |width: usize| -> Vec<i64> {
        let count = width * samples;
        (0..count).map(|_| rng.gen_range(-20..20)).collect()
    };
    let inputs = draw(architecture.num_inputs());
    let mut targets = draw(architecture.graph().targets());
    let task = match (architecture.graph().loss(), task) {
        (
            Loss::CrossEntropy,
            Task::SquaredError {
                inputs_in_range, ..
            },
        ) => {
            targets
                .iter_mut()
                .for_each(|class| *class = class.rem_euclid(2));
            Task::Correct { inputs_in_range }
        }
        (_, task) => task,
    };
    let run = train::forward(&fixed, &weights, (&inputs, &targets), task).ok()?;
    let extent = Extent {
        steps: 1,
        updates: None,
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
        network in networks(),
        batch in 1_usize..5,
        steps in 1_usize..5,
        seed: u64,
    ) {
        let run = training(&network, (batch, steps), seed);
        prop_assume!(run.is_some(), "in range");
        is_complete(&run.unwrap());
    }

    /// The same by any optimiser, in any segment.
    #[test]
    fn honest_training_by_other_optimisers_reduces_to_true_claims(
        network in networks(),
        optimiser in optimisers(12_u64..40),
        segment in 0_u64..3,
        shape in (1_usize..5, 1_usize..7),
        seed: u64,
    ) {
        let run = training_by(optimiser, segment, (&network, &fine()), shape, seed);
        prop_assume!(run.is_some(), "in range");
        let run = run.unwrap();
        is_complete(&run);
        let name = if optimiser.is_plain() { "earlier" } else { "coefficients" };
        prop_assert!(run.lowered.relation().find(name).is_some());
    }

    /// Parameters behind a segment are those of its matrix, and no others.
    #[test]
    fn another_matrix_is_refused(
        network in networks(),
        (stated, followed) in (optimisers(12_u64..40), optimisers(12_u64..40)),
        shape in (1_usize..4, 1_usize..5),
        seed: u64,
    ) {
        // Relations of one shape: tensors have the same numbers.
        prop_assume!(!stated.is_plain() && !followed.is_plain());
        let by = |optimiser| training_by(optimiser, 1, (&network, &fine()), shape, seed);
        let (run, other) = (by(stated), by(followed));
        prop_assume!(run.is_some() && other.is_some(), "in range");
        let (run, other) = (run.unwrap(), other.unwrap());
        let same = run.lowered.parameters().iter().all(|tensors| {
            let last = tensors.last.unwrap();
            run.values[&last] == other.values[&last]
        });
        let found = run.lowered.relation().violation(&other.values);
        prop_assert!(same || found.is_some());
    }

    /// And of inferences.
    #[test]
    fn honest_inferences_reduce_to_true_claims(
        network in networks(),
        samples in 1_usize..5,
        task in tasks(),
        seed: u64,
    ) {
        let run = inference(&network, samples, task, seed);
        prop_assume!(run.is_some(), "in range");
        is_complete(&run.unwrap());
    }

    /// No committed value is free, real or in padding: rounded ones, images, limbs.
    #[test]
    fn no_committed_value_is_free(
        network in networks(),
        shape in (1_usize..4, 1_usize..4),
        seed in 0_u64..50,
        pick: [prop::sample::Index; 2],
        by in prop_oneof![Just(1_i64), Just(-1), Just(1 << 6), Just(-(1 << 8)), Just(1 << 30)],
        task in prop::option::of(tasks()),
    ) {
        let run = match task {
            Some(task) => inference(&network, shape.0, task, seed),
            None => training(&network, shape, seed),
        };
        prop_assume!(run.is_some(), "in range");
        prop_assert!(entry_matters(&run.unwrap(), pick, by));
    }
}

/// The witness of a step of `1,1,1` whose hidden value is `hidden` and whose output is `output`, whatever
/// their ranges; in training the gradient behind the hidden layer is `gradient`.
fn constant(
    activation: Nonlinearity,
    task: Task,
    [hidden, output, gradient]: [i64; 3],
) -> Option<relation::Violation> {
    let fixed = tiny();
    let architecture = Architecture::perceptron(&Mlp {
        widths: vec![1, 1, 1],
        activation,
        residual: false,
        classes: false,
    })
    .unwrap();
    let program = model::program(architecture.graph(), &fixed, 1, task).unwrap();
    let training = task == Task::Training;
    let rate = LearningRate::from_coefficient(1).unwrap();
    let extent = Extent {
        steps: 1,
        updates: training.then_some(UpdateMatrix::Plain(rate)),
        cut: if training { Cut::Format } else { Cut::Cheapest },
        opened_outputs: false,
    };
    let lowered: Lowered<ark_pallas::Fr> = lower(program, &extent).unwrap();
    let one = fixed.weight_bits() - fixed.activation_bits();
    // `W[j, i, h]`: a weight, and a bias. The error is one unit: what comes back is the weight, scaled.
    let back = i128::from(gradient)
        << (fixed.weight_bits() - (fixed.gradient_bits() - fixed.activation_bits()));
    let first = vec![0, i128::from(hidden) << one];
    // The output is the bias and what the weight makes of the activation.
    let s = fixed.activation_bits();
    let active = match activation {
        Nonlinearity::Relu => hidden.max(0),
        Nonlinearity::Smooth(function) => function.at(hidden, s, 0).map_or(0, |(f, _)| f),
    };
    let whole = (i128::from(output) << fixed.weight_bits()) - back * i128::from(active);
    let second = vec![back, whole >> s];
    let rest = whole - ((whole >> s) << s);
    assert!(rest < 1 << (fixed.weight_bits() - 1), "rounded away");
    let rows = |x: i64| vec![vec![vec![x]]];
    let data = [rows(0), rows(output - 1)];
    let forger = forger::Forger::new(
        &lowered,
        data,
        vec![first, second],
        UpdateMatrix::Plain(rate),
    );
    let mut values = forger.run(|_, _| ());
    crate::nn::soundness::count(lowered.relation(), &mut values);
    lowered.relation().violation(&values)
}

/// Both ends of every range are accepted, and what lies one beyond is not, by the lookup of that value.
#[test]
fn ranges_end_where_they_say() {
    let fixed = tiny();
    let end = |bits: u32| 1_i64 << (bits - 1);
    let outside = |found: Option<relation::Violation>, name: &str| {
        let is_it = matches!(&found, Some(relation::Violation::Lookup { tensor, .. })
            if tensor.starts_with(name) || tensor == "mask");
        assert!(is_it, "{name}: {found:?}");
    };
    let inference = Task::Outputs {
        inputs_in_range: false,
    };
    for task in [Task::Training, inference] {
        for activation in Nonlinearity::ALL {
            let last = end(fixed.hidden_range_bits());
            let first = match activation {
                Nonlinearity::Relu => -last,
                Nonlinearity::Smooth(_) => 1 - last,
            };
            for hidden in [first, 0, last - 1] {
                assert_eq!(constant(activation, task, [hidden, 3, 0]), None);
            }
            for hidden in [first - 1, last] {
                outside(constant(activation, task, [hidden, 3, 0]), "Y1");
            }
        }
        let last = end(fixed.output_range_bits());
        // Targets are data, one less than outputs: they are given, not looked up here.
        for output in [-last, last - 1] {
            assert_eq!(constant(Nonlinearity::Relu, task, [1, output, 0]), None);
        }
        for output in [-last - 1, last] {
            outside(constant(Nonlinearity::Relu, task, [1, output, 0]), "Y2");
        }
    }
    let last = end(fixed.gradient_range_bits());
    for gradient in [-last, last - 1] {
        assert_eq!(
            constant(Nonlinearity::Relu, Task::Training, [1, 3, gradient]),
            None
        );
    }
    for gradient in [-last - 1, last] {
        outside(
            constant(Nonlinearity::Relu, Task::Training, [1, 3, gradient]),
            "H1",
        );
    }
}
