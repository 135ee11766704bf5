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
    nn::{
        encoding::{Decoder, Encoder},
        op::{Chain, Loss, Operator, ParameterShape},
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

/// Most dimensions of a value, without samples.
pub const MAX_RANK: usize = 4;
/// Most entries of a value of one sample, and of what an operator makes of them on the way.
pub const MAX_SIZE: usize = 1 << 26;

/// An operator and what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphNode {
    /// The operator.
    pub operator: Operator,
    /// What it reads: 0 is the network's input, `k` the output of node `k - 1`, an earlier one.
    pub inputs: Vec<usize>,
}

/// A network: operators in the order in which they are computed; the last one's output is the network's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    input: Vec<usize>,
    nodes: Vec<GraphNode>,
    /// The shape of each node's output.
    shapes: Vec<Vec<usize>>,
    /// The parameters of each node that has some.
    parameters: Vec<Option<ParameterShape>>,
    loss: Loss,
}

impl Graph {
    /// A network of an input of this shape: so many numbers, or an image of height, width and channels.
    ///
    /// # Errors
    /// [`ConfigError`] for too many nodes, sizes or parameters, a node that reads no earlier one, shapes
    /// that an operator cannot take, sums that are not rounded where they must be, or an output that is not
    /// what a rounding makes.
    pub fn new(input: Vec<usize>, nodes: Vec<GraphNode>) -> Result<Self, ConfigError> {
        let refuse = |node, what: &str| ConfigError::Graph {
            node,
            what: what.into(),
        };
        check_shape(0, &input)?;
        check_width(0, size(&input))?;
        let edges: usize = nodes.iter().map(|node| node.inputs.len()).sum();
        if nodes.is_empty() || nodes.len() > MAX_NODES || edges > MAX_EDGES {
            let what = format!(
                "{} nodes with {edges} inputs: 1 to {MAX_NODES}, {MAX_EDGES}",
                nodes.len()
            );
            return Err(refuse(0, &what));
        }
        let mut shapes: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
        let (mut rounded, mut parameters) = (Vec::new(), Vec::new());
        let mut chains = Chains::default();
        for (k, node) in nodes.iter().enumerate() {
            let read = |input_of: &usize| match input_of.checked_sub(1) {
                None => Some((input.as_slice(), true)),
                Some(before) => Some((shapes.get(before)?.as_slice(), *rounded.get(before)?)),
            };
            let read: Option<Vec<(&[usize], bool)>> = node.inputs.iter().map(read).collect();
            let read =
                read.ok_or_else(|| refuse(k, "it reads a node that does not come before"))?;
            let (read, are_rounded): (Vec<&[usize]>, Vec<bool>) = read.into_iter().unzip();
            let shape = node.operator.shape(&read).map_err(|what| refuse(k, what))?;
            check_shape(k + 1, &shape)?;
            let parameter = node.operator.parameter(&read);
            let all_rounded = !are_rounded.contains(&false);
            let fits = chains.push(node, all_rounded);
            fits.map_err(|what| refuse(k, what))?;
            let is_rounded = node.operator.is_rounded(all_rounded);
            rounded.push(is_rounded.map_err(|what| refuse(k, what))?);
            shapes.push(shape);
            parameters.push(parameter);
        }
        let (last, inner) = nodes.split_last().ok_or_else(|| refuse(0, "no nodes"))?;
        let is_scores = |node: &GraphNode| node.operator.loss() == Some(Loss::CrossEntropy);
        if let Some(node) = inner.iter().position(is_scores) {
            return Err(refuse(node, "only the last one makes scores of classes"));
        }
        let end = "the last one is a rounding";
        let loss = last
            .operator
            .loss()
            .ok_or_else(|| refuse(inner.len(), end))?;
        if shapes.last().is_some_and(|shape| shape.len() != 1) {
            let what = "the last one makes a vector: put a dense operator or a mean before it";
            return Err(refuse(inner.len(), what));
        }
        let graph = Self {
            input,
            nodes,
            shapes,
            parameters,
            loss,
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
        let of = |shape: &ParameterShape| {
            let inputs = shape.inputs() as u64;
            inputs
                .saturating_add(1)
                .saturating_mul(shape.outputs as u64)
        };
        let parameters = shapes.iter().map(of).fold(0, u64::saturating_add);
        let max = MAX_PARAMETERS;
        match parameters <= max {
            true => Ok(()),
            false => Err(ConfigError::TooManyParameters { parameters, max }),
        }
    }

    /// The shape of the input.
    pub fn input(&self) -> &[usize] {
        &self.input
    }

    /// Number of entries of the input: columns of data.
    pub fn inputs(&self) -> usize {
        size(&self.input)
    }

    /// Number of entries of the output.
    pub fn outputs(&self) -> usize {
        self.shapes.last().map_or(0, |shape| size(shape))
    }

    /// The operators.
    pub fn nodes(&self) -> &[GraphNode] {
        &self.nodes
    }

    /// The shape of each node's output.
    pub fn shapes(&self) -> &[Vec<usize>] {
        &self.shapes
    }

    /// What training makes small.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Columns of targets of a row of data: a class, or as many numbers as outputs.
    pub fn targets(&self) -> usize {
        match self.loss {
            Loss::SquaredError => self.outputs(),
            Loss::CrossEntropy => 1,
        }
    }

    /// Whether a node has parameters.
    pub fn has_parameters(&self, node: usize) -> bool {
        matches!(self.parameters.get(node), Some(Some(_)))
    }

    /// Shapes of the parameters, in order.
    pub fn parameters(&self) -> Vec<ParameterShape> {
        self.parameters.iter().flatten().cloned().collect()
    }

    /// The canonical encoding: the input's width, or 0 and its dimensions if it has several; then of each node its
    /// operator's code and numbers, 0 if it has none, how many inputs it has, and which.
    pub fn encode(&self, encoder: Encoder) -> Encoder {
        let encoder = match self.input.as_slice() {
            [width] => encoder.count(*width),
            shape => encoder
                .count(0)
                .numbers(shape.iter().map(|len| *len as u64)),
        };
        let encoder = encoder.count(self.nodes.len());
        self.nodes.iter().fold(encoder, |encoder, node| {
            let encoder = encoder.number(node.operator.kind().code);
            let mut numbers = node.operator.numbers();
            if numbers.is_empty() {
                numbers.push(0);
            }
            let encoder = numbers.into_iter().fold(encoder, Encoder::number);
            encoder.numbers(node.inputs.iter().map(|k| *k as u64))
        })
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no graph.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let to_len = |len| usize::try_from(len).unwrap_or(usize::MAX);
        let input = match decoder.count("width of the input")? {
            0 => {
                let shape = decoder.numbers("shape of the input")?;
                let shape: Vec<usize> = shape.into_iter().map(to_len).collect();
                if shape.len() < 2 {
                    let what = "one dimension is a width";
                    return Err(DecodeError::value("shape of the input", what));
                }
                shape
            }
            width => vec![width],
        };
        let count = decoder.count("nodes")?;
        let mut nodes = Vec::new();
        for _ in 0..count.min(MAX_NODES + 1) {
            let operator = decode_operator(decoder)?;
            let inputs = decoder.numbers("inputs of a node")?.into_iter();
            let inputs = inputs.map(to_len);
            nodes.push(GraphNode {
                operator,
                inputs: inputs.collect(),
            });
        }
        Self::new(input, nodes).map_err(|error| DecodeError::value("network", error))
    }
}

fn decode_operator(decoder: &mut Decoder<'_>) -> Result<Operator, DecodeError> {
    let code = decoder.number("operator")?;
    let refuse = |what: String| DecodeError::value("operator", what);
    let kind = Operator::kind_of(code).ok_or_else(|| refuse(code.to_string()))?;
    let count = kind.fields.len().max(1);
    let numbers: Result<Vec<u64>, _> = (0..count).map(|_| decoder.number("operator")).collect();
    let numbers = numbers?;
    let operator = match (kind.fields, numbers.as_slice()) {
        ([], [0]) => Operator::of(kind, &[]),
        ([], _) => None,
        (_, numbers) => Operator::of(kind, numbers),
    };
    operator.ok_or_else(|| refuse(format!("{} {numbers:?}", kind.name)))
}

/// The number of entries.
fn size(shape: &[usize]) -> usize {
    shape.iter().fold(1, |size, len| size.saturating_mul(*len))
}

fn check_shape(index: usize, shape: &[usize]) -> Result<(), ConfigError> {
    for width in shape {
        check_width(index, *width)?;
    }
    match (1..=MAX_RANK).contains(&shape.len()) && size(shape) <= MAX_SIZE {
        true => Ok(()),
        false => Err(ConfigError::Graph {
            node: index.saturating_sub(1),
            what: format!(
                "a shape of {} dimensions and {} entries; at most {MAX_RANK}, {MAX_SIZE}",
                shape.len(),
                size(shape)
            ),
        }),
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
        let (functions, ways) = match (node.operator.chain(), rounded) {
            (Chain::Function, true) => (functions.unwrap_or(0) + 1, 1),
            (Chain::Exact, _) => {
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
