//! Networks as JSON.
use super::{Graph, GraphNode};
use crate::{
    error::ConfigError,
    nn::op::{KINDS, Operator},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A network as it stands in a file.
///
/// ```json
/// {
///   "input": [28, 28, 1],
///   "nodes": [
///     { "operator": "dense", "outputs": 10, "inputs": [0] },
///     { "operator": "scores", "inputs": [1] }
///   ]
/// }
/// ```
/// The input is a number of columns, or height, width and channels. A node has the name of its operator, that operator's
/// numbers by name, and which values it reads: 0 is the input, `k` what node `k - 1`, counted from 0, makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphFile {
    input: Vec<usize>,
    nodes: Vec<NodeFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NodeFile {
    operator: String,
    inputs: Vec<usize>,
    #[serde(flatten)]
    numbers: BTreeMap<String, u64>,
}

impl GraphFile {
    /// Reads the network of a file.
    ///
    /// # Errors
    /// [`ConfigError::GraphFile`] if it is not the text of one, and those of [`Graph::new`].
    pub fn read(text: &[u8]) -> Result<Graph, ConfigError> {
        let file: Self = crate::json::read(text).map_err(|error| ConfigError::GraphFile {
            what: error.to_string(),
        })?;
        Graph::try_from(file)
    }
}

impl From<&Graph> for GraphFile {
    fn from(graph: &Graph) -> Self {
        let node = |node: &GraphNode| {
            let fields = node
                .operator
                .kind()
                .fields
                .iter()
                .map(|name| (*name).into());
            NodeFile {
                operator: node.operator.kind().name.into(),
                inputs: node.inputs.clone(),
                numbers: fields.zip(node.operator.numbers()).collect(),
            }
        };
        Self {
            input: graph.input().to_vec(),
            nodes: graph.nodes().iter().map(node).collect(),
        }
    }
}

impl TryFrom<GraphFile> for Graph {
    type Error = ConfigError;

    fn try_from(file: GraphFile) -> Result<Self, ConfigError> {
        let nodes = file.nodes.into_iter().enumerate();
        let nodes: Result<Vec<GraphNode>, ConfigError> = nodes.map(|(k, n)| n.node(k)).collect();
        Self::new(file.input, nodes?)
    }
}

impl NodeFile {
    fn node(self, node: usize) -> Result<GraphNode, ConfigError> {
        let refuse = |what: String| ConfigError::Graph { node, what };
        let kind = KINDS.iter().find(|kind| kind.name == self.operator);
        let kind = kind.ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let names = names.join(", ");
            refuse(format!(
                "no operator {:?}; there are {names}",
                self.operator
            ))
        })?;
        let number = |name: &&str| self.numbers.get(*name).copied();
        let numbers: Option<Vec<u64>> = kind.fields.iter().map(number).collect();
        let numbers = numbers.filter(|numbers| numbers.len() == self.numbers.len());
        let operator = numbers.and_then(|numbers| Operator::of(kind, &numbers));
        let operator = operator.ok_or_else(|| {
            let fields = kind.fields.join(", ");
            refuse(format!(
                "{} has the numbers {fields}, and no others",
                kind.name
            ))
        })?;
        Ok(GraphNode {
            operator,
            inputs: self.inputs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Architecture;

    const TEXT: &str = r#"{ "input": [28, 28, 1], "nodes": [
        { "operator": "dense", "outputs": 10, "inputs": [0] },
        { "operator": "scores", "inputs": [1] } ] }"#;

    #[test]
    fn networks_are_written_and_read() {
        let read = GraphFile::read(TEXT.as_bytes()).unwrap();
        assert_eq!((read.inputs(), read.outputs()), (784, 10));
        for text in [
            "cnn:3x18x17,conv4k5s2,pool,conv2,average,global,linear3",
            "4,8,2 gelu",
            "5,3 classes",
        ] {
            let network: Architecture = text.parse().unwrap();
            let json = serde_json::to_string(&GraphFile::from(network.graph())).unwrap();
            assert_eq!(&GraphFile::read(json.as_bytes()).unwrap(), network.graph());
        }
    }

    #[test]
    fn what_is_no_network_is_said() {
        for (from, to, message) in [
            (
                "dense",
                "denser",
                "no operator \"denser\"; there are linear, round",
            ),
            (
                "\"outputs\": 10, ",
                "",
                "dense has the numbers outputs, and no others",
            ),
            (
                "\"outputs\"",
                "\"units\"",
                "dense has the numbers outputs, and no others",
            ),
            ("\"outputs\": 10", "\"outputs\": -1", "no network in JSON"),
            ("\"input\"", "\"inputs\"", "no network in JSON"),
            (
                "\"inputs\": [1]",
                "\"inputs\": [7]",
                "it reads a node that does not come before",
            ),
            ("scores", "relu", "the last one is a rounding"),
        ] {
            let text = TEXT.replacen(from, to, 1);
            assert_ne!(text, TEXT);
            let error = GraphFile::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{to}: {error}");
        }
    }
}
