//! Networks in ONNX files.
//!
//! Of the format, <https://onnx.ai/onnx/repo-docs/IR.html>, only what networks here can be is read:
//!
//! | operator | supported |
//! |---|---|
//! | `Gemm`, `MatMul` | constant weights on the right; a bias as `C`, or by `Add` |
//! | `Conv` | of images, with any kernel, strides and padding; `group` and `dilations` 1 |
//! | `BatchNormalization` | for inference, behind a layer whose output nothing else reads: it becomes a part of it |
//! | `Add` | of a bias to a layer, or of two values of one shape |
//! | `Relu`, `Tanh`, `Sigmoid`, `Gelu` | GELU also spelled with `Erf`; both forms of it are computed by `tanh`, which is off by at most 0.0005 |
//! | `AveragePool`, `MaxPool`, `GlobalAveragePool` | of images; padding of means with `count_include_pad`, of maxima none |
//! | `Flatten`, `Reshape`, `Transpose`, `Squeeze`, `Unsqueeze` | where they rearrange the values of a sample |
//! | `Identity`, `Cast` to floats, `Dropout` for inference | nothing happens |
//! | `Constant` | |
//! | `Softmax`, `LogSoftmax` | as the last one: it is left out, and the network ends in scores of classes |
//!
//! of versions 7 and later. Nodes that the output does not depend on are not looked at.
//!
//! **Samples** are the first dimension of all values; of how many the file is does not matter.
//!
//! **Images** are `[channels, height, width]` in files, and `[height, width, channels]` here: what files rearrange for
//! that is not moved, rows of weights are. So the columns of data are the values of the pixels, row by row, of each
//! pixel one a channel, however the file orders them; of one channel it is the same.
//!
//! **Roundings**, of which a float network has none, are put where a layer or a maximum reads what is no multiple of
//! `2^-s`, and at the end.
mod constants;
mod gelu;
mod input;
mod layers;
mod network;
mod node;
mod operators;
mod proto;
mod reader;
mod rearrange;
#[cfg(test)]
mod tests;
mod view;
mod windows;

pub(super) use operators::names;

use super::{FloatModel, ImportError, structure};
use crate::text::quoted;
use constants::Constants;
use node::{Graph, Node};
use std::collections::BTreeSet;

impl FloatModel {
    /// Reads a graph of the operators that [`ImportError::Operators`] names, from its one input to its one output.
    ///
    /// # Errors
    /// [`ImportError::Malformed`]; [`ImportError::Operators`] naming all operators and attributes that are not
    /// supported, before anything else is looked at; [`ImportError::Structure`].
    pub fn from_onnx(bytes: &[u8]) -> Result<Self, ImportError> {
        let mut graph = Graph::read(bytes)?;
        check_names(&graph)?;
        gelu::recognise(&mut graph);
        let nodes = live(&graph);
        operators::check(&nodes)?;
        let constants = Constants::new(&graph, &nodes, bytes.len())?;
        reader::read(&graph, &nodes, constants)
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

/// The nodes that the output depends on.
fn live(graph: &Graph) -> Vec<&Node> {
    let outputs = graph.outputs.iter().map(|output| output.name.as_str());
    let mut read: BTreeSet<&str> = outputs.collect();
    let mut nodes = Vec::new();
    // Nodes are in an order in which they can be evaluated.
    for node in graph.nodes.iter().rev() {
        if node.output.iter().any(|name| read.contains(name.as_str())) {
            read.extend(node.input.iter().map(String::as_str));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}
