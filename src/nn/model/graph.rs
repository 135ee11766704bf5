//! A network as a list of operators, with a canonical encoding.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
use crate::{
    error::{ConfigError, DecodeError},
    gkr::function::Function,
    nn::{
        encoding::{Decoder, Encoder},
        op::{Activation, Add, Linear, Nonlinearity, Round},
    },
};

/// Most nodes of a graph.
pub const MAX_NODES: usize = 1 << 10;
/// Most inputs of all nodes together.
const MAX_EDGES: usize = 1 << 12;
/// Widest layer.
pub const MAX_WIDTH: usize = 1 << 16;
/// Most layers with parameters.
pub const MAX_LAYERS: usize = 64;
/// Most weights and biases, 2 GiB of them: what takes a few copies fits into the memory of a large
/// personal computer.
pub const MAX_PARAMETERS: u64 = 1 << 28;

/// An operator of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// An affine map with parameters.
    Linear(Linear),
    /// An activation function.
    Activation(Activation),
    /// A sum.
    Add(Add),
    /// Rounding of outputs.
    Round(Round),
}

/// An operator and what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphNode {
    /// The operator.
    pub operator: Operator,
    /// What it reads: 0 is the network's input, `k` the output of node `k - 1`, an earlier one.
    pub inputs: Vec<usize>,
}

/// A matrix of parameters, with a row for the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParameterShape {
    /// Rows but for the bias.
    pub inputs: usize,
    /// Columns.
    pub outputs: usize,
}

impl ParameterShape {
    /// Number of entries with the bias.
    pub fn len(self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// A network: operators in the order in which they are computed; the last one's output is the network's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    inputs: usize,
    nodes: Vec<GraphNode>,
    /// The width of each node's output.
    widths: Vec<usize>,
}

const LINEAR: u64 = 1;
const ROUND: u64 = 2;
const ADD: u64 = 3;
const RELU: u64 = 4;
const GELU: u64 = 5;
const SILU: u64 = 6;
const TANH: u64 = 7;
const SIGMOID: u64 = 8;

impl Graph {
    /// A network of so many inputs.
    ///
    /// # Errors
    /// [`ConfigError`] for too many nodes, widths or parameters, a node that reads no earlier one, shapes
    /// that an operator cannot take, sums that are not rounded where they must be, or an output that is not
    /// what a rounding makes.
    pub fn new(inputs: usize, nodes: Vec<GraphNode>) -> Result<Self, ConfigError> {
        let refuse = |node, what: &str| ConfigError::Graph {
            node,
            what: what.into(),
        };
        check_width(0, inputs)?;
        let edges: usize = nodes.iter().map(|node| node.inputs.len()).sum();
        if nodes.is_empty() || nodes.len() > MAX_NODES || edges > MAX_EDGES {
            let what = format!(
                "{} nodes with {edges} inputs: 1 to {MAX_NODES}, {MAX_EDGES}",
                nodes.len()
            );
            return Err(refuse(0, &what));
        }
        let (mut widths, mut rounded) = (Vec::with_capacity(nodes.len()), Vec::new());
        let mut chains = Chains::default();
        for (k, node) in nodes.iter().enumerate() {
            let read = |input: &usize| match input.checked_sub(1) {
                None => Some((inputs, true)),
                Some(before) => Some((*widths.get(before)?, *rounded.get(before)?)),
            };
            let read: Option<Vec<(usize, bool)>> = node.inputs.iter().map(read).collect();
            let read =
                read.ok_or_else(|| refuse(k, "it reads a node that does not come before"))?;
            let (read, are_rounded): (Vec<usize>, Vec<bool>) = read.into_iter().unzip();
            let width = output_width(&node.operator, &read);
            let width = width.ok_or_else(|| refuse(k, "it has not the inputs that it needs"))?;
            check_width(k + 1, width)?;
            let all_rounded = !are_rounded.contains(&false);
            let fits = chains.push(node, all_rounded);
            fits.map_err(|what| refuse(k, what))?;
            let is_rounded = is_rounded(&node.operator, all_rounded);
            rounded.push(is_rounded.map_err(|what| refuse(k, what))?);
            widths.push(width);
        }
        let last = nodes.last().map(|node| &node.operator);
        if !matches!(last, Some(Operator::Round(_))) {
            return Err(refuse(nodes.len() - 1, "the last one is a rounding"));
        }
        let graph = Self {
            inputs,
            nodes,
            widths,
        };
        graph.check_parameters()?;
        Ok(graph)
    }

    fn check_parameters(&self) -> Result<(), ConfigError> {
        let shapes = self.parameters();
        if shapes.is_empty() || shapes.len() > MAX_LAYERS {
            return Err(ConfigError::WidthCount {
                count: shapes.len() + 1,
                min: 2,
                max: MAX_LAYERS + 1,
            });
        }
        // Below 2^40, whatever a `usize` holds here.
        let of = |shape: &ParameterShape| (shape.inputs as u64 + 1) * shape.outputs as u64;
        let (parameters, max) = (shapes.iter().map(of).sum(), MAX_PARAMETERS);
        match parameters <= max {
            true => Ok(()),
            false => Err(ConfigError::TooManyParameters { parameters, max }),
        }
    }

    /// Width of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of the output.
    pub fn outputs(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }

    /// The operators.
    pub fn nodes(&self) -> &[GraphNode] {
        &self.nodes
    }

    /// The width of what input number `k` of a node refers to.
    fn width(&self, k: usize) -> usize {
        match k.checked_sub(1) {
            None => self.inputs,
            Some(node) => self.widths.get(node).copied().unwrap_or(0),
        }
    }

    /// Shapes of the parameters, in order.
    pub fn parameters(&self) -> Vec<ParameterShape> {
        let linear = |node: &GraphNode| match node.operator {
            Operator::Linear(Linear { outputs }) => {
                let inputs = node.inputs.first().map_or(0, |k| self.width(*k));
                Some(ParameterShape { inputs, outputs })
            }
            _ => None,
        };
        self.nodes.iter().filter_map(linear).collect()
    }

    /// The canonical encoding: the input's width, then of each node its operator's code and number, how many
    /// inputs it has, and which.
    pub fn encode(&self, encoder: Encoder) -> Encoder {
        let encoder = encoder.count(self.inputs).count(self.nodes.len());
        self.nodes.iter().fold(encoder, |encoder, node| {
            let (code, number) = code(&node.operator);
            encoder
                .number(code)
                .number(number)
                .numbers(node.inputs.iter().map(|k| *k as u64))
        })
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no graph.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let inputs = decoder.count("width of the input")?;
        let count = decoder.count("nodes")?;
        let mut nodes = Vec::new();
        for _ in 0..count.min(MAX_NODES + 1) {
            let (code, number) = (decoder.number("operator")?, decoder.number("operator")?);
            let operator = operator(code, number)
                .ok_or_else(|| DecodeError::value("operator", format!("{code} {number}")))?;
            let inputs = decoder.numbers("inputs of a node")?.into_iter();
            let inputs = inputs.map(|k| usize::try_from(k).unwrap_or(usize::MAX));
            nodes.push(GraphNode {
                operator,
                inputs: inputs.collect(),
            });
        }
        Self::new(inputs, nodes).map_err(|error| DecodeError::value("network", error))
    }
}

fn check_width(index: usize, width: usize) -> Result<(), ConfigError> {
    match (1..=MAX_WIDTH).contains(&width) {
        true => Ok(()),
        false => Err(ConfigError::WidthOutOfRange {
            index,
            width,
            max: MAX_WIDTH,
        }),
    }
}

/// The width of an operator's output, from those of its inputs; `None` if it cannot take them.
fn output_width(operator: &Operator, inputs: &[usize]) -> Option<usize> {
    match (operator, inputs) {
        (Operator::Linear(Linear { outputs }), [_]) => Some(*outputs),
        (Operator::Activation(_) | Operator::Round(_), [width]) => Some(*width),
        (Operator::Add(_), [first, second, rest @ ..]) => {
            let same = first == second && rest.iter().all(|width| width == first);
            same.then_some(*first)
        }
        _ => None,
    }
}

/// How operators follow one another without anything between them that a proof commits to: what a verifier and a
/// prover do for a network is bounded by it.
#[derive(Default)]
struct Chains {
    /// Of each node: functions of what was rounded before, one behind the other.
    functions: Vec<usize>,
    /// Of each node: ways through sums alone.
    ways: Vec<usize>,
}

/// Most functions of rounded values, one behind the other.
const MAX_FUNCTIONS: usize = 8;
/// Most ways through sums alone that end in one.
const MAX_WAYS: usize = 1 << 12;

impl Chains {
    fn push(&mut self, node: &GraphNode, rounded: bool) -> Result<(), &'static str> {
        let of = |all: &[usize], k: &usize, input| match k.checked_sub(1) {
            None => input,
            Some(node) => all.get(node).copied().unwrap_or(input),
        };
        let functions = node.inputs.iter().map(|k| of(&self.functions, k, 0)).max();
        let ways = node.inputs.iter().map(|k| of(&self.ways, k, 1));
        let (functions, ways) = match (&node.operator, rounded) {
            (Operator::Activation(_), true) => (functions.unwrap_or(0) + 1, 1),
            (Operator::Add(_), _) => {
                let ways = ways.fold(0_usize, usize::saturating_add);
                (functions.unwrap_or(0), ways)
            }
            _ => (0, 1),
        };
        if functions > MAX_FUNCTIONS {
            return Err("too many functions one behind the other without a linear operator");
        }
        if ways > MAX_WAYS {
            return Err("too many sums of sums");
        }
        self.functions.push(functions);
        self.ways.push(ways);
        Ok(())
    }
}

/// Whether an operator's output has no more fraction bits than activations, from whether all of its inputs are
/// such; an error where it cannot take them.
fn is_rounded(operator: &Operator, inputs: bool) -> Result<bool, &'static str> {
    match (operator, inputs) {
        (Operator::Linear(_), true) => Ok(false),
        // One rounding drops no more bits than weights have.
        (Operator::Linear(_), false) => Err("what it reads has to be rounded first"),
        // It makes a value of its own, that a proof can open as the output.
        (Operator::Round(_), true) => Err("what it reads has nothing to round"),
        (Operator::Round(_), false) | (Operator::Activation(_), _) => Ok(true),
        (Operator::Add(_), inputs) => Ok(inputs),
    }
}

fn code(operator: &Operator) -> (u64, u64) {
    match operator {
        Operator::Linear(Linear { outputs }) => (LINEAR, *outputs as u64),
        Operator::Round(Round) => (ROUND, 0),
        Operator::Add(Add) => (ADD, 0),
        Operator::Activation(Activation { function }) => {
            let code = match function {
                Nonlinearity::Relu => RELU,
                Nonlinearity::Smooth(Function::Gelu) => GELU,
                Nonlinearity::Smooth(Function::Silu) => SILU,
                Nonlinearity::Smooth(Function::Tanh) => TANH,
                Nonlinearity::Smooth(Function::Sigmoid) => SIGMOID,
            };
            (code, 0)
        }
    }
}

fn operator(code: u64, number: u64) -> Option<Operator> {
    let smooth = |function| {
        Operator::Activation(Activation {
            function: Nonlinearity::Smooth(function),
        })
    };
    let relu = Activation {
        function: Nonlinearity::Relu,
    };
    match (code, number) {
        (LINEAR, outputs) => {
            let outputs = usize::try_from(outputs).ok()?;
            Some(Operator::Linear(Linear { outputs }))
        }
        (ROUND, 0) => Some(Operator::Round(Round)),
        (ADD, 0) => Some(Operator::Add(Add)),
        (RELU, 0) => Some(Operator::Activation(relu)),
        (GELU, 0) => Some(smooth(Function::Gelu)),
        (SILU, 0) => Some(smooth(Function::Silu)),
        (TANH, 0) => Some(smooth(Function::Tanh)),
        (SIGMOID, 0) => Some(smooth(Function::Sigmoid)),
        _ => None,
    }
}
