//! One suite that every operator passes by being in a list: see also `nn/lower/tests.rs`, where each network's witness is
//! tried.
use super::*;
use crate::nn::{
    Architecture, FixedPoint, FixedPointConfig, FunctionBits,
    float::FloatNetwork,
    gadget::Epsilon,
    init,
    model::{self, Graph, GraphNode, Mlp, Task},
    program::{Data, bound, eval, float},
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use std::sync::Arc;

/// Networks in which every operator occurs.
fn networks() -> Vec<Architecture> {
    let with = |activation, residual| Mlp {
        widths: vec![3, 4, 4, 2],
        activation,
        residual,
        classes: false,
    };
    let functions = Nonlinearity::ALL.into_iter();
    let perceptrons = functions
        .flat_map(|function| [false, true].map(|residual| with(function, residual)))
        .map(|mlp| Architecture::perceptron(&mlp).unwrap());
    let classes = Mlp {
        widths: vec![3, 4, 3],
        activation: Nonlinearity::Relu,
        residual: false,
        classes: true,
    };
    let classes = Architecture::perceptron(&classes).unwrap();
    perceptrons
        .chain([classes, norms()])
        .chain(images())
        .collect()
}

/// Norms of rows, and a gate.
fn norms() -> Architecture {
    let linear = || Operator::new(Linear { outputs: 3 });
    let norm = |centred| {
        // Rows of small numbers do not make gradients that leave their range.
        let epsilon = Epsilon::new(Epsilon::ONE / 8).unwrap();
        Operator::new(Norm { centred, epsilon })
    };
    let gelu = Operator::new(Activation {
        function: Nonlinearity::Smooth(crate::gkr::function::Function::Gelu),
    });
    let nodes = [
        (linear(), vec![0]),
        (Operator::new(Round), vec![1]),
        (norm(true), vec![2]),
        (linear(), vec![3]),
        (gelu, vec![4]),
        (Operator::new(Multiply), vec![3, 5]),
        (Operator::new(Round), vec![6]),
        (norm(false), vec![7]),
        (linear(), vec![8]),
        (Operator::new(Round), vec![9]),
    ];
    let nodes = nodes.map(|(operator, inputs)| GraphNode { operator, inputs });
    Architecture::from(Graph::new(vec![4], nodes.into()).unwrap())
}

/// Networks of images of three by five pixels and two channels.
fn images() -> Vec<Architecture> {
    let relu = Operator::new(Activation {
        function: Nonlinearity::Relu,
    });
    let windows = |kernel, stride, before, behind| Windows {
        kernel,
        stride,
        before,
        behind,
    };
    let convolution = |outputs, windows| Operator::new(Convolution { outputs, windows });
    let linear = Operator::new(Linear { outputs: 2 });
    let (round, dense) = (Operator::new(Round), Operator::new(Dense { outputs: 2 }));
    let average = |windows| Operator::new(AveragePool { windows });
    let maximum = |windows| Operator::new(MaxPool { windows });
    let uneven = windows([2, 3], [1, 2], [1, 0], [0, 2]);
    let chains = [
        vec![
            convolution(3, Windows::same(3)),
            relu.clone(),
            average(Windows::apart(2)),
            round.clone(),
            dense.clone(),
            round.clone(),
        ],
        vec![
            convolution(2, uneven),
            relu.clone(),
            convolution(3, windows([1, 2], [1, 1], [0, 0], [0, 1])),
            Operator::new(GlobalAverage),
            relu.clone(),
            linear,
            round.clone(),
        ],
        vec![
            convolution(2, Windows::same(3)),
            Operator::new(Round),
            Operator::new(MaxPool {
                windows: windows([2, 2], [1, 2], [0, 0], [0, 0]),
            }),
            Operator::new(Dense { outputs: 3 }),
            Operator::new(Scores),
        ],
        vec![
            average(windows([3, 2], [2, 1], [1, 0], [1, 1])),
            round.clone(),
            dense.clone(),
            round.clone(),
        ],
        vec![
            convolution(3, Windows::same(3)),
            relu,
            maximum(windows([2, 3], [1, 2], [0; 2], [0; 2])),
            dense,
            round,
        ],
    ];
    let graph = |operators: Vec<Operator>| {
        let nodes = operators.into_iter().enumerate();
        let nodes = nodes.map(|(k, operator)| GraphNode {
            operator,
            inputs: vec![k],
        });
        Architecture::from(Graph::new(vec![3, 5, 2], nodes.collect()).unwrap())
    };
    chains.map(graph).into()
}

/// A proof of an inference opens the output as a vector of values that a rounding made.
#[test]
fn outputs_are_vectors_that_a_rounding_makes() {
    let graph = |image: [usize; 3], operators: &[Operator]| {
        let nodes = operators.iter().enumerate();
        let nodes = nodes.map(|(k, operator)| GraphNode {
            operator: operator.clone(),
            inputs: vec![k],
        });
        Graph::new(image.to_vec(), nodes.collect())
    };
    let convolution = Operator::new(Convolution {
        outputs: 2,
        windows: Windows::same(1),
    });
    let relu = Operator::new(Activation {
        function: Nonlinearity::Relu,
    });
    let [round, average] = [Operator::new(Round), Operator::new(GlobalAverage)];
    let one = Operator::new(AveragePool {
        windows: Windows::apart(1),
    });
    let ends = [convolution.clone(), relu.clone(), average, round.clone()];
    assert!(graph([1, 2, 1], &ends).is_ok());
    assert!(graph([1, 1, 1], &ends).is_err());
    let dense = Operator::new(Dense { outputs: 2 });
    assert!(graph([2, 2, 1], &[convolution.clone(), one, dense, round.clone()]).is_err());
    assert!(graph([1, 1, 1], &[convolution, round]).is_err());
}

/// A format with more bits than any preset's, so that rounding is next to nothing.
fn fine() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        activation_bits: 12,
        gradient_bits: 20,
        weight_bits: 34,
        limbs: vec![17, 17],
        hidden_range_bits: 18,
        output_range_bits: 18,
        gradient_range_bits: 24,
        data_range_bits: 16,
        functions: Some(FunctionBits {
            probability_bits: 20,
            score_bits: 12,
            exponential_bits: 17,
            level_range_bits: 20,
            score_gradient_bits: 20,
            mean_bits: 2,
            root_bits: 15,
            row_bits: 4,
            norm_range_bits: 24,
        }),
    })
    .unwrap()
}

struct Case {
    architecture: Architecture,
    program: Program,
    parameters: Vec<Vec<i64>>,
    inputs: Arc<Vec<i64>>,
    targets: Arc<Vec<i64>>,
}

impl Case {
    fn new(architecture: &Architecture, format: &FixedPoint, samples: usize, seed: u64) -> Self {
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let architecture = architecture.clone();
        let one = 1 << format.activation_bits();
        let mut draw = |width: usize| -> Arc<Vec<i64>> {
            let count = width * samples;
            Arc::new((0..count).map(|_| rng.gen_range(-one..one)).collect())
        };
        let inputs = draw(architecture.num_inputs());
        let targets = match architecture.graph().loss() {
            Loss::SquaredError => draw(architecture.num_targets()),
            Loss::CrossEntropy => {
                let classes = architecture.num_outputs() as i64;
                Arc::new((0..samples).map(|_| rng.gen_range(0..classes)).collect())
            }
        };
        let mut weights = init::expand(seed, &architecture, format).into_layers();
        for layer in &mut weights {
            // Biases too, and no value near the end of its range.
            layer.values_mut().iter_mut().for_each(|w| *w /= 2);
            let end = 1 << (format.weight_bits() - 2);
            layer
                .bias_mut()
                .iter_mut()
                .for_each(|b| *b = rng.gen_range(-end..end));
        }
        let program = model::program(architecture.graph(), format, samples, Task::Training);
        Self {
            architecture,
            program: program.unwrap(),
            parameters: weights
                .iter()
                .map(|layer| layer.values().to_vec())
                .collect(),
            inputs,
            targets,
        }
    }

    fn trace(&self) -> eval::Trace {
        let parameters: Vec<&[i64]> = self.parameters.iter().map(Vec::as_slice).collect();
        let inputs = eval::Inputs {
            inputs: &self.inputs,
            targets: &self.targets,
            parameters: &parameters,
            step: None,
        };
        eval::eval(&self.program, &inputs).unwrap()
    }

    fn reals(&self, parameters: &[Vec<f64>]) -> float::Reals {
        let bits = self.program.format().activation_bits();
        let data = |data| match data {
            Data::Inputs => real(&self.inputs, bits),
            Data::Targets => self.real_targets(),
        };
        float::run(&self.program, &data, parameters)
    }

    fn real_parameters(&self) -> Vec<Vec<f64>> {
        let bits = self.program.format().weight_bits();
        self.parameters
            .iter()
            .map(|values| real(values, bits))
            .collect()
    }

    fn real_targets(&self) -> Vec<f64> {
        let bits = match self.architecture.graph().loss() {
            Loss::SquaredError => self.program.format().activation_bits(),
            Loss::CrossEntropy => 0,
        };
        real(&self.targets, bits)
    }

    /// The loss of the float twin.
    fn loss(&self, parameters: &[Vec<f64>]) -> f64 {
        let reals = self.reals(parameters);
        let outputs = reals.get(self.program.outputs()[0]);
        let targets = self.real_targets();
        match self.architecture.graph().loss() {
            Loss::SquaredError => {
                let squares = outputs.iter().zip(targets).map(|(y, t)| (y - t).powi(2));
                squares.sum::<f64>() / 2.0
            }
            Loss::CrossEntropy => {
                let rows = outputs.chunks(self.architecture.num_outputs());
                let loss = |(row, class): (&[f64], f64)| {
                    let sum: f64 = row.iter().map(|z| z.exp()).sum();
                    sum.ln() - row[class as usize]
                };
                rows.zip(targets).map(loss).sum()
            }
        }
    }
}

fn real(values: &[i64], bits: u32) -> Vec<f64> {
    let unit = (1_u64 << bits) as f64;
    values.iter().map(|x| *x as f64 / unit).collect()
}

/// Integers follow real numbers: every value that is kept, and the gradients, within what roundings can do.
#[test]
fn integers_follow_the_float_twin() {
    for (k, network) in networks().iter().enumerate() {
        let case = Case::new(network, &fine(), 5, k as u64);
        let (trace, reals) = (case.trace(), case.reals(&case.real_parameters()));
        let mut compared = 0;
        for (value, definition) in case.program.numbered() {
            let fraction = definition.fact.fraction;
            // A slope jumps where a rectifier bends.
            let Some(values) = trace.get(value).filter(|_| fraction > 0) else {
                continue;
            };
            for (x, y) in real(values, fraction).iter().zip(reals.get(value)) {
                assert!(
                    (x - y).abs() < 0.01 * (1.0 + y.abs()),
                    "{network}, {}: {x} against {y}",
                    definition.name
                );
                compared += 1;
            }
        }
        assert!(compared > 100, "{compared}");
    }
}

/// Backward passes are derivatives: against finite differences of the float twin's loss.
#[test]
fn gradients_are_derivatives() {
    let step = 1e-5;
    for (k, network) in networks().iter().enumerate() {
        let case = Case::new(network, &fine(), 3, 100 + k as u64);
        let parameters = case.real_parameters();
        let reals = case.reals(&parameters);
        for number in 0..parameters.len() {
            let gradient = float::gradient(&case.program, &reals, number);
            for (at, gradient) in gradient.iter().enumerate() {
                let moved = |by: f64| {
                    let mut parameters = parameters.clone();
                    parameters[number][at] += by;
                    case.loss(&parameters)
                };
                let difference = (moved(step) - moved(-step)) / (2.0 * step);
                let close = (gradient - difference).abs() < 1e-4 * (1.0 + difference.abs());
                assert!(
                    close,
                    "{network}, W{}[{at}]: {gradient} against {difference}",
                    number + 1
                );
            }
        }
    }
}

/// The integers' gradients are those of the float twin, but for rounding.
#[test]
fn updates_follow_the_float_twin() {
    for (k, network) in networks().iter().enumerate() {
        let case = Case::new(network, &fine(), 4, 200 + k as u64);
        let (trace, reals) = (case.trace(), case.reals(&case.real_parameters()));
        let mut moved = case.parameters.clone();
        let mut tensors: Vec<&mut [i64]> = moved.iter_mut().map(Vec::as_mut_slice).collect();
        let fits = eval::update_fits(&case.program, &trace, 1);
        eval::update(&case.program, &trace, (1, fits), &mut tensors, None).unwrap();
        let format = case.program.format();
        let unit = (1_u64 << (format.activation_bits() + format.gradient_bits())) as f64;
        for (number, (before, after)) in case.parameters.iter().zip(&moved).enumerate() {
            let gradient = float::gradient(&case.program, &reals, number);
            for ((before, after), gradient) in before.iter().zip(after).zip(gradient) {
                let ours = (before - after) as f64 / unit;
                let close = (ours - gradient).abs() < 0.02 * (1.0 + gradient.abs());
                assert!(
                    close,
                    "{network}, W{}: {ours} against {gradient}",
                    number + 1
                );
            }
        }
    }
}

/// The twin's own forward pass is the program's.
#[test]
fn predictions_follow_the_float_twin() {
    for (k, network) in networks().iter().enumerate() {
        let case = Case::new(network, &fine(), 2, 300 + k as u64);
        let parameters = case.real_parameters();
        let reals = case.reals(&parameters);
        let twin = FloatNetwork::with_parameters(case.architecture.clone(), &fine(), parameters);
        let inputs = real(&case.inputs, fine().activation_bits());
        let outputs = twin.predict(&inputs).unwrap();
        assert_eq!(outputs, reals.get(case.program.outputs()[0]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Nothing is larger than its bound, with parameters, data and ranges at their ends.
    #[test]
    fn bounds_are_never_exceeded(
        pick in 0_usize..16,
        widths in prop::collection::vec(1_usize..5, 3..5),
        samples in 1_usize..4,
        ends in prop::collection::vec(any::<bool>(), 64),
        size in 0_u32..40,
    ) {
        let mut network = networks()[pick].clone();
        if let Some(mlp) = network.as_perceptron() {
            let mut mlp = Mlp { widths, ..mlp.clone() };
            // There are two classes or more.
            let last = mlp.widths.last_mut().unwrap();
            *last = (*last).max(1 + usize::from(mlp.classes));
            network = Architecture::perceptron(&mlp).unwrap();
        }
        let format = FixedPoint::classifier();
        let mut case = Case::new(&network, &format, samples, 0);
        let end = 1_i64 << (format.data_range_bits() - 1);
        let mut sign = ends.iter().cycle();
        let mut at_an_end = |end: i64| if *sign.next().unwrap() { end - 1 } else { -end };
        let data = |len: usize, of: &mut dyn FnMut(i64) -> i64| Arc::new((0..len).map(|_| of(end)).collect::<Vec<i64>>());
        case.inputs = data(case.inputs.len(), &mut at_an_end);
        if case.architecture.graph().loss() == Loss::SquaredError {
            case.targets = data(case.targets.len(), &mut at_an_end);
        }
        let largest = 1_i64 << size;
        for values in &mut case.parameters {
            values.iter_mut().for_each(|w| *w = at_an_end(largest));
        }
        let parameters: Vec<&[i64]> = case.parameters.iter().map(Vec::as_slice).collect();
        let inputs = eval::Inputs {
            inputs: &case.inputs,
            targets: &case.targets,
            parameters: &parameters,
            step: None,
        };
        let bounds = bound::bounds(&case.program, u128::from(largest.unsigned_abs()));
        // Most of these runs leave a range; what is computed until then is what counts.
        if let Ok(trace) = eval::eval(&case.program, &inputs) {
            for (value, _) in case.program.numbered() {
                for x in trace.get(value).into_iter().flat_map(|values| values.iter()) {
                    prop_assert!(u128::from(x.unsigned_abs()) <= bounds[value.0]);
                }
                for (k, y) in trace.get(value).into_iter().flat_map(|values| values.iter()).enumerate() {
                    let rest = trace.remainder(value).map(|rest| rest[k]);
                    prop_assert!(rest.is_none_or(|rest| rest.unsigned_abs() < 1 << 62), "{y}");
                }
            }
        }
    }
}

/// What a rounding drops fits 64 bits in all formats, or there is no program: means add bits to those of weights.
#[test]
fn what_is_rounded_too_late_is_refused() {
    let operators = [
        Operator::new(Convolution {
            outputs: 2,
            windows: Windows::same(3),
        }),
        Operator::new(GlobalAverage),
        Operator::new(Round),
    ];
    let nodes = operators.into_iter().enumerate();
    let nodes = nodes.map(|(k, operator)| GraphNode {
        operator,
        inputs: vec![k],
    });
    let graph = Graph::new(vec![3, 5, 1], nodes.collect()).unwrap();
    let program = |format| model::program(&graph, &format, 1, Task::Training);
    assert!(program(FixedPoint::compact()).is_ok());
    let error = program(FixedPoint::paper()).unwrap_err();
    // Weights have 48 bits, one of 15 pixels has 20.
    let expected = ConfigError::TooWide {
        what: "what a rounding drops",
        bits: 68,
        max: 60,
    };
    assert_eq!(error, expected);
}
