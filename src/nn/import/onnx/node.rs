//! Graphs and their nodes, read from messages.
use super::proto::{
    AttributeProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
    malformed, parts,
};
use crate::{
    nn::import::{ImportError, structure},
    text::{quoted, visible},
};
use prost::Message;
use std::{collections::HashSet, mem, ops::Deref};

/// A graph of which the parts are read.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<TensorProto>,
    pub(super) inputs: Vec<ValueInfoProto>,
    pub(super) outputs: Vec<ValueInfoProto>,
}

/// Whether this is the domain of the operators that ONNX itself defines.
fn is_onnx(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The oldest operators that are read. Before, `Dropout` was in training mode unless it said otherwise,
/// and `Add` and `Gemm` broadcast in other ways.
const MIN_VERSION: i64 = 7;

fn check_versions(imports: Vec<Vec<u8>>) -> Result<(), ImportError> {
    let versions = parts::<OperatorSetIdProto>("operator sets", &imports)?;
    let ours = versions.iter().filter(|set| is_onnx(&set.domain));
    // Files that say nothing are of the first version.
    match ours.map(|set| set.version).min().unwrap_or(1) {
        MIN_VERSION.. => Ok(()),
        old => Err(malformed(format!(
            "operators of version {old}: export the network with version {MIN_VERSION} or later"
        ))),
    }
}

impl Graph {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ImportError> {
        let model = ModelProto::decode(bytes).map_err(malformed)?;
        check_versions(model.opset_import)?;
        let graph = model.graph.ok_or_else(|| malformed("there is no graph"))?;
        let protos = parts("nodes", &graph.node)?;
        let mut nodes = Vec::with_capacity(protos.len());
        for proto in protos {
            nodes.push(Node::read(proto)?);
        }
        Ok(Self {
            nodes,
            initializers: parts("initializers", &graph.initializer)?,
            inputs: parts("inputs", &graph.input)?,
            outputs: parts("outputs", &graph.output)?,
        })
    }
}

/// A node with its attributes.
pub(super) struct Node {
    proto: NodeProto,
    attributes: Vec<AttributeProto>,
}

impl Node {
    fn read(mut proto: NodeProto) -> Result<Self, ImportError> {
        let attributes = parts("attributes", &mem::take(&mut proto.attribute))?;
        let node = Self { proto, attributes };
        let mut names = HashSet::new();
        match node.attributes.iter().find(|a| !names.insert(&a.name)) {
            None => Ok(node),
            Some(a) => Err(node.error(format!("two attributes have the name {}", quoted(&a.name)))),
        }
    }

    /// Whether it has this operator, of those of ONNX itself.
    pub(super) fn is(&self, operator: &str) -> bool {
        self.op_type == operator && is_onnx(&self.domain)
    }

    /// The name for people.
    pub(super) fn place(&self) -> String {
        match (self.name.as_str(), self.output.first()) {
            ("", Some(output)) => format!("the node of {}", quoted(output)),
            (name, _) => quoted(name),
        }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> ImportError {
        structure(self.title(), reason)
    }

    /// The operator and the name, for people.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.operator(), self.place())
    }

    /// The operator for people.
    pub(super) fn operator(&self) -> String {
        visible(&self.op_type.chars().take(80).collect::<String>())
    }

    /// An attribute whose value is of this kind; an error if it is of another.
    fn attribute(&self, name: &str, due: Kind) -> Result<Option<&AttributeProto>, ImportError> {
        let found = self.attributes.iter().find(|a| a.name == name);
        match found.filter(|a| !a.is(due)) {
            None => Ok(found),
            Some(_) => Err(self.error(format!("the attribute {name:?} is no {due:?}"))),
        }
    }

    pub(super) fn integer(&self, name: &str, default: i64) -> Result<i64, ImportError> {
        let found = self.attribute(name, Kind::Integer)?;
        Ok(found.map_or(default, |a| a.i.unwrap_or_default()))
    }

    pub(super) fn float(&self, name: &str, default: f64) -> Result<f64, ImportError> {
        let found = self.attribute(name, Kind::Float)?;
        Ok(found.map_or(default, |a| a.f.unwrap_or_default().into()))
    }

    pub(super) fn integers(&self, name: &str) -> Result<Option<&[i64]>, ImportError> {
        let found = self.attribute(name, Kind::Integers)?;
        Ok(found.map(|a| a.ints.as_slice()))
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, ImportError> {
        let found = self.attribute(name, Kind::Text)?;
        let bytes = found.and_then(|a| a.s.as_deref()).unwrap_or_default();
        let refuse = |_| self.error(format!("the attribute {name:?} is no text"));
        std::str::from_utf8(bytes).map_err(refuse)
    }

    /// The tensor that is the node's one attribute.
    pub(super) fn tensor(&self) -> Result<TensorProto, ImportError> {
        let found = match self.attributes.as_slice() {
            [one] => self.attribute(&one.name, one.due())?,
            _ => None,
        };
        let tensor = |a: &AttributeProto| match a.name.as_str() {
            "value" => a.t.as_deref().map(TensorProto::decode),
            "value_int" => a.i.map(|value| Ok(TensorProto::of_integers(&[], &[value]))),
            "value_ints" => {
                let len = i64::try_from(a.ints.len()).ok()?;
                Some(Ok(TensorProto::of_integers(&[len], &a.ints)))
            }
            _ => None,
        };
        match found.and_then(tensor) {
            Some(tensor) => tensor.map_err(malformed),
            None => Err(self.error("no tensor in the attribute \"value\", or others beside it")),
        }
    }

    /// Names of attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|a| a.name.as_str())
    }

    /// The same output of another operator that has no attributes.
    pub(super) fn replaced(&self, operator: &str, input: &str) -> Self {
        let proto = NodeProto {
            input: vec![input.to_owned()],
            output: self.output.clone(),
            name: self.name.clone(),
            op_type: operator.to_owned(),
            ..NodeProto::default()
        };
        let attributes = Vec::new();
        Self { proto, attributes }
    }
}

/// What the value of an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Float = 1,
    Integer = 2,
    Text = 3,
    Tensor = 4,
    Integers = 7,
}

impl AttributeProto {
    /// Whether the value is of this kind, and there is none of another. Files of the first version do
    /// not say of which kind it is; a zero may be left out.
    fn is(&self, due: Kind) -> bool {
        let mut values = [
            (Kind::Float, self.f.is_some()),
            (Kind::Integer, self.i.is_some()),
            (Kind::Text, self.s.is_some()),
            (Kind::Tensor, self.t.is_some()),
            (Kind::Integers, !self.ints.is_empty()),
        ]
        .into_iter();
        let only = values.all(|(kind, there)| match (kind == due, self.kind) {
            (false, _) => !there,
            (true, 0) => there,
            (true, said) => said == kind as i32,
        });
        only && self.ref_attr_name.is_empty()
    }

    /// The kind that the value of a constant has, by the attribute's name.
    fn due(&self) -> Kind {
        match self.name.as_str() {
            "value_int" => Kind::Integer,
            "value_ints" => Kind::Integers,
            _ => Kind::Tensor,
        }
    }
}

impl Deref for Node {
    type Target = NodeProto;

    fn deref(&self) -> &NodeProto {
        &self.proto
    }
}
