//! Networks as graphs of operators, and the programs that they expand to.

mod cnn;
mod file;
mod graph;
mod mlp;

pub use super::op::{Operator, ParameterShape};
pub use cnn::{Cnn, Layer, cnn};
pub use file::GraphFile;
pub use graph::{Graph, GraphNode, MAX_LAYERS, MAX_PARAMETERS, MAX_WIDTH};
pub use mlp::{Mlp, mlp};

use super::{
    fixed::FixedPoint,
    gadget,
    op::{self, Loss, loss},
    program::{Axis, Data, Known, Program, Purpose, Range, SAMPLE, Value, at, over, term},
};
use crate::{check::Check, error::ConfigError};

/// What a program of a network computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A step of training.
    Training,
    /// The outputs; with `inputs_in_range` the range of inputs is proven: it must be, unless it is known.
    Outputs {
        /// Whether the range of the inputs is proven.
        inputs_in_range: bool,
    },
    /// The sum of squared errors.
    SquaredError {
        /// As of [`Task::Outputs`].
        inputs_in_range: bool,
        /// Whether the range of the targets is proven: it must be, unless it is known.
        targets_in_range: bool,
    },
    /// How many classes are right: those of the first of the largest scores.
    Correct {
        /// As of [`Task::Outputs`].
        inputs_in_range: bool,
    },
}

impl Task {
    /// Whether the range of the inputs is proven.
    fn inputs_in_range(self) -> bool {
        match self {
            Self::Training => false,
            Self::Outputs { inputs_in_range }
            | Self::SquaredError {
                inputs_in_range, ..
            }
            | Self::Correct { inputs_in_range } => inputs_in_range,
        }
    }
}

/// The program of a network for a batch of so many samples.
///
/// # Errors
/// [`ConfigError`] if an operator cannot be applied where the graph says, or has no table in these formats.
pub fn program(
    graph: &Graph,
    format: &FixedPoint,
    samples: usize,
    task: Task,
) -> Result<Program, ConfigError> {
    let purpose = match task {
        Task::Training => Purpose::Training,
        _ => Purpose::Inference,
    };
    let mut p = Program::new(purpose, format, samples);
    let columns = p.axis(graph.inputs());
    let inputs = p.input("A0", Data::Inputs, &[SAMPLE, columns]);
    let bits = format.data_range_bits();
    if task.inputs_in_range() {
        gadget::ranged(&mut p, inputs, bits, Check::InputRange);
    }
    let image = as_image(&mut p, graph, inputs)?;
    let walk = Walk::forward(&mut p, graph, image)?;
    // A proof of an inference opens the output: nothing binds a stated one that is not a value of its own.
    if purpose == Purpose::Inference && p.maker(walk.output).is_none() {
        let node = graph.nodes().len().saturating_sub(1);
        let what = "its output is no value that a rounding makes".into();
        return Err(ConfigError::Graph { node, what });
    }
    p.output(walk.output);
    let (label, y) = (walk.label, walk.output);
    let other = |what| ConfigError::Operator {
        operator: "loss",
        what,
    };
    match (task, graph.loss()) {
        (Task::Outputs { .. }, _) => (),
        (Task::Training, Loss::SquaredError) => {
            let targets = targets(&mut p, graph);
            let cotangent = loss::squared_error_cotangent(&mut p, label, y, targets);
            walk.backward(&mut p, graph, cotangent)?;
        }
        (Task::Training, Loss::CrossEntropy) => {
            let targets = targets(&mut p, graph);
            let cotangent = loss::cross_entropy_cotangent(&mut p, label, y, targets)?;
            walk.backward(&mut p, graph, cotangent)?;
        }
        (
            Task::SquaredError {
                targets_in_range, ..
            },
            Loss::SquaredError,
        ) => {
            let targets = targets(&mut p, graph);
            let _ = loss::tell_squared_error(&mut p, y, targets);
            if targets_in_range {
                gadget::ranged(&mut p, targets, bits, Check::TargetRange);
            }
        }
        (Task::Correct { .. }, Loss::CrossEntropy) => {
            let targets = targets(&mut p, graph);
            let _ = loss::tell_accuracy(&mut p, y, targets)?;
        }
        (Task::SquaredError { .. }, Loss::CrossEntropy) => {
            return Err(other(
                "scores of classes have no squared error: ask for accuracy",
            ));
        }
        (Task::Correct { .. }, Loss::SquaredError) => {
            return Err(other("numbers have no classes: ask for the squared error"));
        }
    }
    check_roundings(&p)?;
    Ok(p)
}

/// What a rounding drops is kept in 64 bits: means over windows and factors of several bits add up where a network
/// rounds late.
fn check_roundings(p: &Program) -> Result<(), ConfigError> {
    match p.longest_rounding() {
        bits if bits > Range::MAX_BITS => Err(ConfigError::TooWide {
            what: "what a rounding drops",
            bits,
            max: Range::MAX_BITS,
        }),
        _ => Ok(()),
    }
}

/// The targets of a batch: numbers, or a class.
fn targets(p: &mut Program, graph: &Graph) -> Value {
    let columns = p.axis(graph.targets());
    let axes = [SAMPLE, columns];
    match graph.loss() {
        Loss::SquaredError => p.input("target", Data::Targets, &axes),
        Loss::CrossEntropy => p.label("label", &axes),
    }
}

/// A row of data as what the network reads: the same numbers along other axes.
fn as_image(p: &mut Program, graph: &Graph, inputs: Value) -> Result<Value, ConfigError> {
    if graph.input().len() == 1 {
        return Ok(inputs);
    }
    let fact = p.fact(inputs).clone();
    let parts: Vec<Axis> = graph.input().iter().map(|len| p.axis(*len)).collect();
    let columns = &fact.axes[1..];
    let place = p.known("places of pixels", Known::Flat, &[&parts, columns].concat())?;
    let operands = [
        at(inputs, &over(&fact.axes)),
        at(place, &over(&p.fact(place).axes)),
    ];
    let axes = [&[SAMPLE], parts.as_slice()].concat();
    let terms = vec![term(1, operands, &over(&axes))];
    Ok(p.sum("A0 as an image", &axes, fact.fraction, terms))
}

/// The forward pass of a graph, and what its way back needs.
struct Walk {
    output: Value,
    label: usize,
    /// Of each node: its label, what it saved, and which of its inputs depend on a parameter.
    nodes: Vec<(usize, Vec<Value>, Vec<bool>)>,
}

impl Walk {
    fn forward(p: &mut Program, graph: &Graph, inputs: Value) -> Result<Self, ConfigError> {
        let mut outputs = vec![inputs];
        let mut trained = vec![false];
        let mut walk = Self {
            output: inputs,
            label: 0,
            nodes: Vec::new(),
        };
        for (k, node) in graph.nodes().iter().enumerate() {
            let op = &node.operator;
            let has_parameter = graph.has_parameters(k);
            walk.label += usize::from(has_parameter);
            let x: Vec<Value> = node.inputs.iter().map(|k| outputs[*k]).collect();
            let needs: Vec<bool> = node.inputs.iter().map(|k| trained[*k]).collect();
            let forward = op.forward(p, walk.label, &x)?;
            outputs.push(forward.output);
            trained.push(has_parameter || needs.contains(&true));
            walk.output = forward.output;
            walk.nodes.push((walk.label, forward.saved, needs));
        }
        Ok(walk)
    }

    /// Walks back from the cotangent of the output, summing those of values that several nodes read.
    fn backward(
        &self,
        p: &mut Program,
        graph: &Graph,
        cotangent: Value,
    ) -> Result<(), ConfigError> {
        let mut cotangents = vec![Vec::new(); self.nodes.len() + 1];
        if let Some(last) = cotangents.last_mut() {
            last.push(cotangent);
        }
        let nodes = graph.nodes().iter().zip(&self.nodes).enumerate().rev();
        for (k, (node, (label, saved, needs))) in nodes {
            let parts = std::mem::take(&mut cotangents[k + 1]);
            let Some(whole) = op::total(p, format!("D{label}"), &parts) else {
                continue;
            };
            let back = node.operator.backward(p, *label, saved, whole, needs)?;
            for ((input, needed), part) in node.inputs.iter().zip(needs).zip(back) {
                if let (true, Some(part)) = (*needed, part) {
                    cotangents[*input].push(part);
                }
            }
        }
        Ok(())
    }
}
