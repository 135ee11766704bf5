//! Multilayer perceptrons.
use super::{Graph, GraphNode};
use crate::{
    error::ConfigError,
    nn::op::{Activation, Add, Linear, Loss, Nonlinearity, Operator, Round, Scores},
};
use std::{fmt, str::FromStr};

/// What a perceptron is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mlp {
    /// Widths, inputs first, outputs last.
    pub widths: Vec<usize>,
    /// The function of hidden units.
    pub activation: Nonlinearity,
    /// Whether a hidden layer adds its input, where that is a hidden layer of the same width.
    pub residual: bool,
    /// Whether outputs are scores of classes.
    pub classes: bool,
}

impl Mlp {
    /// What a graph is as a perceptron, if it is one.
    pub fn recognise(graph: &Graph) -> Option<Self> {
        let outputs = graph.parameters().into_iter().map(|shape| shape.outputs);
        let widths: Vec<usize> = std::iter::once(graph.inputs()).chain(outputs).collect();
        let function = |node: &GraphNode| node.operator.kind().name.parse().ok();
        let activation = graph.nodes().iter().find_map(function);
        let is_sum = |node: &GraphNode| node.operator == Operator::new(Add);
        let this = Self {
            widths,
            activation: activation.unwrap_or(Nonlinearity::Relu),
            residual: graph.nodes().iter().any(is_sum),
            classes: graph.loss() == Loss::CrossEntropy,
        };
        (mlp(&this).as_ref() == Ok(graph)).then_some(this)
    }

    /// Whether there is nothing to say of it but the widths.
    pub fn is_plain(&self) -> bool {
        self.activation == Nonlinearity::Relu && !self.residual && !self.classes
    }
}

/// `11,64,64,1`, then the activation function unless it is the rectifier, then `residual`, then `classes`.
impl fmt::Display for Mlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, width) in self.widths.iter().enumerate() {
            let comma = if k == 0 { "" } else { "," };
            write!(f, "{comma}{width}")?;
        }
        if self.activation != Nonlinearity::Relu {
            write!(f, " {}", self.activation.name())?;
        }
        let words = [(self.residual, " residual"), (self.classes, " classes")];
        let mut words = words.iter().filter(|(has, _)| *has);
        words.try_for_each(|(_, word)| f.write_str(word))
    }
}

/// What is displayed; spaces beside commas are ignored.
impl FromStr for Mlp {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut this = Self {
            widths: Vec::new(),
            activation: Nonlinearity::Relu,
            residual: false,
            classes: false,
        };
        let mut widths = text.trim();
        if let Some(rest) = widths.strip_suffix("classes") {
            this.classes = true;
            widths = rest.trim();
        }
        if let Some(rest) = widths.strip_suffix("residual") {
            this.residual = true;
            widths = rest.trim();
        }
        for function in Nonlinearity::ALL {
            if let Some(rest) = widths.strip_suffix(function.name()) {
                this.activation = function;
                widths = rest.trim();
                break;
            }
        }
        for width in widths.split(',') {
            let width = width.trim();
            let refused = |_| ConfigError::WidthNotANumber {
                text: width.to_owned(),
            };
            this.widths.push(width.parse().map_err(refused)?);
        }
        Ok(this)
    }
}

/// The graph of a perceptron: affine maps with an activation function behind each but the last, which is
/// rounded.
///
/// # Errors
/// Those of [`Graph::new`].
pub fn mlp(mlp: &Mlp) -> Result<Graph, ConfigError> {
    let (count, min, max) = (mlp.widths.len(), 2, super::graph::MAX_LAYERS + 1);
    if !(min..=max).contains(&count) {
        return Err(ConfigError::WidthCount { count, min, max });
    }
    let mut nodes = Vec::new();
    let mut add = |operator, inputs| {
        nodes.push(GraphNode { operator, inputs });
        nodes.len()
    };
    let activation = Activation {
        function: mlp.activation,
    };
    let mut x = 0;
    for (layer, pair) in mlp.widths.windows(2).enumerate() {
        let [before, outputs] = [pair[0], pair[1]];
        let z = add(Operator::new(Linear { outputs }), vec![x]);
        if layer + 2 == count {
            let end = match mlp.classes {
                true => Operator::new(Scores),
                false => Operator::new(Round),
            };
            add(end, vec![z]);
            break;
        }
        let y = add(Operator::new(activation), vec![z]);
        x = match mlp.residual && layer > 0 && before == outputs {
            true => add(Operator::new(Add), vec![x, y]),
            false => y,
        };
    }
    Graph::new(vec![mlp.widths[0]], nodes)
}
