//! Layers in ONNX files.
//!
//! Of the format, <https://onnx.ai/onnx/repo-docs/IR.html>, only what a multilayer perceptron needs
//! is read.
mod proto;
#[cfg(test)]
mod tests;

use super::{FloatLayer, FloatModel, ImportError, structure, transposed};
use crate::text::quoted;
use proto::{Graph, Node, Tensor, TensorProto, is_onnx};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// Operators of which a network may consist.
const OPERATORS: [&str; 8] = [
    "Gemm", "MatMul", "Add", "Relu", "Flatten", "Identity", "Dropout", "Constant",
];

impl FloatModel {
    /// Reads a graph that is one chain of `Gemm`, or `MatMul` and `Add`, with `Relu` between, from its
    /// one input to its one output. `Flatten` before the first layer, `Identity`, `Dropout` (which does
    /// nothing in inference) and `Constant` may be in it.
    ///
    /// # Errors
    /// [`ImportError::Malformed`]; [`ImportError::Operators`] naming all operators that are not
    /// supported, before anything else is looked at; [`ImportError::Structure`].
    pub fn from_onnx(bytes: &[u8]) -> Result<Self, ImportError> {
        let graph = Graph::read(bytes)?;
        let unsupported: Vec<String> = graph
            .nodes
            .iter()
            .filter(|node| !node.is_supported())
            .map(|node| format!("{} at {}", node.operator(), node.place()))
            .collect();
        if !unsupported.is_empty() {
            return Err(ImportError::Operators {
                operators: unsupported,
            });
        }
        Chain::new(&graph, bytes.len())?.read(&graph)
    }
}

impl Node {
    fn is_supported(&self) -> bool {
        is_onnx(&self.domain) && OPERATORS.contains(&self.op_type.as_str())
    }
}

/// Checks that no two values have one name: of two initialisers, other programs may take the other.
fn check_names(graph: &Graph) -> Result<(), ImportError> {
    let initializers = graph.initializers.iter().map(|tensor| &tensor.name);
    let inputs = graph.inputs.iter().map(|input| &input.name);
    let outputs = || {
        let all = graph.nodes.iter().flat_map(|node| &node.output);
        // What a node leaves out has no name.
        all.filter(|name| !name.is_empty())
    };
    // Old files name initialisers among the inputs, too.
    let twice = second(initializers.chain(outputs())).or_else(|| second(inputs.chain(outputs())));
    match twice {
        None => Ok(()),
        Some(name) => {
            let reason = format!("two values have the name {}", quoted(name));
            Err(structure("the graph", reason))
        }
    }
}

/// The first name that was there before.
fn second<'a>(mut names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}

/// What is known on the way from input to output.
struct Chain<'a> {
    constants: BTreeMap<&'a str, Cow<'a, TensorProto>>,
    /// How many values may still be read. A constant may be used more than once, but not so often that
    /// layers are larger than the file.
    budget: usize,
    /// The value that the next node must take.
    at: &'a str,
    output: &'a str,
    layers: Vec<FloatLayer>,
    /// Whether the last layer came from a `MatMul`, to which a bias may be added.
    open: bool,
    /// Whether a rectifier follows the last layer.
    rectified: bool,
}

impl<'a> Chain<'a> {
    fn new(graph: &'a Graph, budget: usize) -> Result<Self, ImportError> {
        check_names(graph)?;
        let mut constants: BTreeMap<&str, Cow<'_, TensorProto>> = graph
            .initializers
            .iter()
            .map(|tensor| (tensor.name.as_str(), Cow::Borrowed(tensor)))
            .collect();
        for node in graph.nodes.iter().filter(|node| node.op_type == "Constant") {
            let [output] = node.output.as_slice() else {
                return Err(node.error("not one output"));
            };
            constants.insert(output, Cow::Owned(node.tensor("value")?));
        }
        // Old files name initialisers among the inputs, too.
        let inputs: Vec<&str> = graph
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .filter(|name| !constants.contains_key(name))
            .collect();
        let (&[at], [output]) = (inputs.as_slice(), graph.outputs.as_slice()) else {
            let (inputs, outputs) = (inputs.len(), graph.outputs.len());
            let reason = format!("{inputs} inputs and {outputs} outputs, not one of each");
            return Err(structure("the graph", reason));
        };
        Ok(Self {
            constants,
            budget,
            at,
            output: &output.name,
            layers: Vec::new(),
            open: false,
            rectified: false,
        })
    }

    fn read(mut self, graph: &'a Graph) -> Result<FloatModel, ImportError> {
        // Nodes are in an order in which they can be evaluated: a chain is read in one pass.
        for node in graph.nodes.iter().filter(|node| node.op_type != "Constant") {
            let takes = node.input.iter().filter(|input| **input == self.at).count();
            let first = node.output.first().filter(|output| !output.is_empty());
            let (Some(output), 1) = (first, takes) else {
                let at = quoted(self.at);
                let what = format!("it does not continue {at}: the graph is no chain");
                return Err(node.error(what));
            };
            self.node(node)?;
            self.at = output;
        }
        if self.at != self.output {
            let (at, output) = (quoted(self.at), quoted(self.output));
            let reason = format!("it ends in {at}, not in {output}");
            return Err(structure("the graph", reason));
        }
        if self.rectified {
            let reason = "a rectifier behind the last layer: networks here end in a linear layer";
            return Err(structure("the graph", reason));
        }
        FloatModel::new(self.layers)
    }

    fn node(&mut self, node: &Node) -> Result<(), ImportError> {
        let alone = node.input.len() == 1;
        match node.op_type.as_str() {
            "Dropout" => self.dropout(node),
            "Identity" | "Flatten" | "Relu" if !alone => Err(node.error("not one input")),
            "Identity" => Ok(()),
            "Flatten" if self.layers.is_empty() && node.integer("axis", 1)? == 1 => Ok(()),
            "Flatten" => Err(node.error("only of whole samples, before the first layer")),
            "Relu" if self.layers.is_empty() || self.rectified => {
                Err(node.error("a rectifier that follows no layer"))
            }
            "Relu" => {
                (self.open, self.rectified) = (false, true);
                Ok(())
            }
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            _ => self.add(node),
        }
    }

    /// Nothing, unless it is in training mode: its third input, where there is one, must be false.
    fn dropout(&self, node: &Node) -> Result<(), ImportError> {
        if node.input.first().is_none_or(|input| *input != self.at) {
            return Err(node.error("the activations must be its first input"));
        }
        match node.input.get(2).filter(|name| !name.is_empty()) {
            None => Ok(()),
            Some(name) => match self.constants.get(name.as_str()) {
                Some(mode) if mode.is_false() => Ok(()),
                _ => Err(node.error(
                    "it may be in training mode and drop values at random: export the network for \
                     inference",
                )),
            },
        }
    }

    /// Starts a layer.
    fn push(&mut self, node: &Node, weight: Vec<f64>, bias: Vec<f64>) -> Result<(), ImportError> {
        if !self.layers.is_empty() && !self.rectified {
            return Err(node.error("no rectifier between this layer and the one before"));
        }
        self.rectified = false;
        self.layers.push(FloatLayer {
            name: match node.name.as_str() {
                "" => node.output.first().cloned().unwrap_or_default(),
                name => name.to_owned(),
            },
            weight,
            bias,
        });
        Ok(())
    }

    /// `alpha A B + beta C`, with `A` the value so far.
    fn gemm(&mut self, node: &Node) -> Result<(), ImportError> {
        let (alpha, beta) = (node.float("alpha", 1.0)?, node.float("beta", 1.0)?);
        if node.input.first().is_none_or(|input| *input != self.at)
            || node.integer("transA", 0)? != 0
        {
            return Err(node.error("the activations must be its first input, not transposed"));
        }
        let (columns, weight) = self.matrix(node, node.input.get(1))?;
        let rows = weight.len() / columns.max(1);
        let (outputs, mut weight) = match node.integer("transB", 0)? {
            0 => (columns, weight),
            _ => (rows, transposed(&weight, columns)),
        };
        weight.iter_mut().for_each(|w| *w *= alpha);
        let mut bias = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => self.bias(node, name, outputs)?,
            None => vec![0.0; outputs],
        };
        bias.iter_mut().for_each(|b| *b *= beta);
        self.open = false;
        self.push(node, weight, bias)
    }

    fn matmul(&mut self, node: &Node) -> Result<(), ImportError> {
        if node.input.first().is_none_or(|input| *input != self.at) {
            return Err(node.error("the activations must be its first input"));
        }
        let (outputs, weight) = self.matrix(node, node.input.get(1))?;
        self.push(node, weight, vec![0.0; outputs])?;
        self.open = true;
        Ok(())
    }

    /// The bias of the `MatMul` before.
    fn add(&mut self, node: &Node) -> Result<(), ImportError> {
        let other = node.input.iter().find(|input| **input != self.at);
        let outputs = self.layers.last().map_or(0, |layer| layer.bias.len());
        let (Some(name), true) = (other, self.open) else {
            return Err(node.error("only of a bias, behind a MatMul"));
        };
        let bias = self.bias(node, name, outputs)?;
        self.open = false;
        if let Some(layer) = self.layers.last_mut() {
            layer.bias = bias;
        }
        Ok(())
    }

    /// Columns and values, row-major, of a constant matrix.
    fn matrix(
        &mut self,
        node: &Node,
        name: Option<&String>,
    ) -> Result<(usize, Vec<f64>), ImportError> {
        let name = name.ok_or_else(|| node.error("it has no weights"))?;
        let tensor = self.constant(node, name)?;
        match tensor.shape.as_slice() {
            // Not more columns than values.
            &[_, columns] if columns > 0 && !tensor.values.is_empty() => {
                Ok((columns, tensor.values))
            }
            shape => {
                let name = quoted(name);
                Err(node.error(format!("{name} has the shape {shape:?}, not a matrix's")))
            }
        }
    }

    /// A constant that is one value an output, or one for all.
    fn bias(&mut self, node: &Node, name: &str, outputs: usize) -> Result<Vec<f64>, ImportError> {
        let tensor = self.constant(node, name)?;
        let is_row = tensor.shape.iter().rev().skip(1).all(|n| *n == 1);
        match tensor.values.as_slice() {
            [value] if is_row => Ok(vec![*value; outputs]),
            values if is_row && values.len() == outputs => Ok(tensor.values),
            _ => {
                let (name, shape) = (quoted(name), &tensor.shape);
                Err(node.error(format!("{name} has the shape {shape:?}, not [{outputs}]")))
            }
        }
    }

    fn constant(&mut self, node: &Node, name: &str) -> Result<Tensor, ImportError> {
        let tensor = self.constants.get(name);
        let shown = quoted(name);
        let tensor = tensor.ok_or_else(|| node.error(format!("{shown} is no constant")))?;
        let tensor = tensor
            .read()
            .map_err(|reason| node.error(format!("{shown}: {reason}")))?;
        let rest = self.budget.checked_sub(tensor.values.len());
        self.budget = rest.ok_or_else(|| {
            node.error(format!(
                "{shown} is used too often: layers are larger than the file"
            ))
        })?;
        Ok(tensor)
    }
}
