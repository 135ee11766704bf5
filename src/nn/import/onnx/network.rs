//! The network that is made of a file, operator by operator.
use super::{node::Node, structure};
use crate::{
    error::ConfigError,
    nn::{
        import::{FloatLayer, FloatModel, ImportError},
        model::{Graph, GraphNode},
        op::{Operator, Round, Scores},
    },
};
use std::collections::BTreeMap;

/// A value of the network: 0 is its input, `k` the output of operator `k - 1`.
pub(super) type Value = usize;

/// Operators and layers so far.
pub(super) struct Network {
    /// Of each value: its shape, and whether it has no more fraction bits than activations.
    values: Vec<(Vec<usize>, bool)>,
    nodes: Vec<GraphNode>,
    /// Where in the file each operator comes from.
    places: Vec<String>,
    /// Values that were rounded, and what they became.
    rounded: BTreeMap<Value, Value>,
    pub(super) layers: Vec<FloatLayer>,
}

impl Network {
    /// Of an input of this shape.
    pub(super) fn new(input: Vec<usize>) -> Self {
        Self {
            values: vec![(input, true)],
            nodes: Vec::new(),
            places: Vec::new(),
            rounded: BTreeMap::new(),
            layers: Vec::new(),
        }
    }

    /// Adds an operator; what it cannot read as it is is rounded first. The value that it makes.
    pub(super) fn push(
        &mut self,
        node: &Node,
        operator: Operator,
        inputs: &[Value],
    ) -> Result<Value, ImportError> {
        let mut inputs = inputs.to_vec();
        // Means behind means, or behind layers, would have more bits than a rounding can drop.
        let adds_bits = operator.is_rounded(true) == Ok(false);
        let needs_rounded = adds_bits || operator.is_rounded(false).is_err();
        if !self.are_rounded(&inputs) && needs_rounded {
            for input in &mut inputs {
                *input = self.round(node, *input)?;
            }
        }
        let shapes = inputs.iter().filter_map(|k| self.values.get(*k));
        let shapes: Vec<&[usize]> = shapes.map(|(shape, _)| shape.as_slice()).collect();
        let shape = operator.shape(&shapes).map_err(|what| node.error(what))?;
        let rounded = operator.is_rounded(self.are_rounded(&inputs));
        let rounded = rounded.map_err(|what| node.error(what))?;
        self.values.push((shape, rounded));
        self.nodes.push(GraphNode { operator, inputs });
        self.places.push(node.title());
        Ok(self.nodes.len())
    }

    /// Height, width and channels of a value.
    pub(super) fn image(&self, value: Value) -> [usize; 3] {
        let shape = self.values.get(value).map(|(shape, _)| shape.as_slice());
        shape
            .and_then(|shape| shape.try_into().ok())
            .unwrap_or_default()
    }

    fn are_rounded(&self, values: &[Value]) -> bool {
        let mut values = values.iter();
        values.all(|k| self.values.get(*k).is_some_and(|(_, rounded)| *rounded))
    }

    fn round(&mut self, node: &Node, value: Value) -> Result<Value, ImportError> {
        if self.are_rounded(&[value]) {
            return Ok(value);
        }
        if let Some(rounded) = self.rounded.get(&value) {
            return Ok(*rounded);
        }
        let rounded = self.push(node, Operator::new(Round), &[value])?;
        self.rounded.insert(value, rounded);
        Ok(rounded)
    }

    /// Adds an operator with parameters; its value and the number of its layer.
    pub(super) fn layer(
        &mut self,
        node: &Node,
        (operator, input): (Operator, Value),
        (weight, bias): (Vec<f64>, Vec<f64>),
    ) -> Result<(Value, usize), ImportError> {
        let value = self.push(node, operator, &[input])?;
        self.layers.push(FloatLayer {
            name: match node.name.as_str() {
                "" => node.output.first().cloned().unwrap_or_default(),
                name => name.to_owned(),
            },
            weight,
            bias,
        });
        Ok((value, self.layers.len().saturating_sub(1)))
    }

    /// The network with this output: scores of classes, or numbers.
    pub(super) fn finish(self, output: Value, scores: bool) -> Result<FloatModel, ImportError> {
        let Self {
            values,
            mut nodes,
            places,
            layers,
            ..
        } = self;
        if layers.is_empty() {
            return Err(structure("the network", "it has no layer"));
        }
        let place = |node: usize| places.get(node).map_or("the output", String::as_str);
        if values.get(output).is_none_or(|(_, rounded)| *rounded) {
            let reason =
                "no layer behind this activation function: networks here end in a linear layer";
            return Err(structure(place(output.saturating_sub(1)), reason));
        }
        let operator = match scores {
            true => Operator::new(Scores),
            false => Operator::new(Round),
        };
        let inputs = vec![output];
        nodes.push(GraphNode { operator, inputs });
        let input = values.into_iter().next().map(|(shape, _)| shape);
        let graph = Graph::new(input.unwrap_or_default(), nodes);
        let graph = graph.map_err(|error| match error {
            ConfigError::Graph { node, what } => structure(place(node), what),
            other => other.into(),
        })?;
        FloatModel::of(graph, layers)
    }
}
