//! The messages of ONNX files, as far as they are read.
//!
//! Field numbers are those of `onnx.proto`; all other fields are left out.
use crate::{
    nn::import::{FloatKind, ImportError, floats, structure},
    text::{quoted, visible},
};
use prost::Message;
use std::{collections::HashSet, mem, ops::Deref};

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    /// [`OperatorSetIdProto`].
    #[prost(bytes = "vec", repeated, tag = "8")]
    opset_import: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

/// Parts are kept as bytes and read one by one, few as they must be: an empty one, of two bytes, would
/// take a hundred times as much memory.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    /// [`NodeProto`].
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) node: Vec<Vec<u8>>,
    /// [`TensorProto`].
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub(super) initializer: Vec<Vec<u8>>,
    /// [`ValueInfoProto`].
    #[prost(bytes = "vec", repeated, tag = "11")]
    pub(super) input: Vec<Vec<u8>>,
    /// [`ValueInfoProto`].
    #[prost(bytes = "vec", repeated, tag = "12")]
    pub(super) output: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    /// [`AttributeProto`].
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub(super) attribute: Vec<Vec<u8>>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(float, optional, tag = "2")]
    f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    i: Option<i64>,
    /// [`TensorProto`].
    #[prost(bytes = "vec", optional, tag = "5")]
    t: Option<Vec<u8>>,
    /// Which value it has: 1, 2 and 4 are those above.
    #[prost(int32, tag = "20")]
    kind: i32,
    /// An attribute of a function that stands for this one.
    #[prost(string, tag = "21")]
    ref_attr_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(super) float_data: Vec<f32>,
    /// Of half precision, the bits of one number each.
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) raw_data: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    pub(super) double_data: Vec<f64>,
    /// 1 if the values are in another file.
    #[prost(int32, tag = "14")]
    pub(super) data_location: i32,
}

/// A graph of which the parts are read.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<TensorProto>,
    pub(super) inputs: Vec<ValueInfoProto>,
    pub(super) outputs: Vec<ValueInfoProto>,
}

/// Most parts of a kind: a network of the deepest kind has less than half.
const MAX_PARTS: usize = 1 << 10;

fn malformed(reason: impl ToString) -> ImportError {
    ImportError::Malformed {
        format: "ONNX",
        reason: reason.to_string(),
    }
}

/// Reads the parts of one kind.
fn parts<T: Message + Default>(what: &str, parts: Vec<Vec<u8>>) -> Result<Vec<T>, ImportError> {
    if parts.len() > MAX_PARTS {
        let reason = format!("{} {what}: at most {MAX_PARTS} are read", parts.len());
        return Err(malformed(reason));
    }
    let mut read = Vec::with_capacity(parts.len());
    for part in parts {
        read.push(T::decode(part.as_slice()).map_err(malformed)?);
    }
    Ok(read)
}

/// Whether this is the domain of the operators that ONNX itself defines.
pub(super) fn is_onnx(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The oldest operators that are read. Before, `Dropout` was in training mode unless it said otherwise,
/// and `Add` and `Gemm` broadcast in other ways.
const MIN_VERSION: i64 = 7;

fn check_versions(imports: Vec<Vec<u8>>) -> Result<(), ImportError> {
    let versions = parts::<OperatorSetIdProto>("operator sets", imports)?;
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
        let protos = parts("nodes", graph.node)?;
        let mut nodes = Vec::with_capacity(protos.len());
        for proto in protos {
            nodes.push(Node::read(proto)?);
        }
        Ok(Self {
            nodes,
            initializers: parts("initializers", graph.initializer)?,
            inputs: parts("inputs", graph.input)?,
            outputs: parts("outputs", graph.output)?,
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
        let attributes = parts("attributes", mem::take(&mut proto.attribute))?;
        let node = Self { proto, attributes };
        let mut names = HashSet::new();
        match node.attributes.iter().find(|a| !names.insert(&a.name)) {
            None => Ok(node),
            Some(a) => Err(node.error(format!("two attributes have the name {}", quoted(&a.name)))),
        }
    }

    /// The name for people.
    pub(super) fn place(&self) -> String {
        match (self.name.as_str(), self.output.first()) {
            ("", Some(output)) => format!("the node of {}", quoted(output)),
            (name, _) => quoted(name),
        }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> ImportError {
        structure(format!("{} {}", self.operator(), self.place()), reason)
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

    /// The tensor that is the node's one attribute.
    pub(super) fn tensor(&self, name: &str) -> Result<TensorProto, ImportError> {
        let found = self
            .attribute(name, Kind::Tensor)?
            .and_then(|a| a.t.as_deref());
        match found.filter(|_| self.attributes.len() == 1) {
            Some(bytes) => TensorProto::decode(bytes).map_err(malformed),
            None => Err(self.error(format!(
                "no tensor in the attribute {name:?}, or others beside it"
            ))),
        }
    }
}

/// What the value of an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Float = 1,
    Integer = 2,
    Tensor = 4,
}

impl AttributeProto {
    /// Whether the value is of this kind, and there is none of another. Files of the first version do
    /// not say of which kind it is; a zero may be left out.
    fn is(&self, due: Kind) -> bool {
        let mut values = [
            (Kind::Float, self.f.is_some()),
            (Kind::Integer, self.i.is_some()),
            (Kind::Tensor, self.t.is_some()),
        ]
        .into_iter();
        let only = values.all(|(kind, there)| match (kind == due, self.kind) {
            (false, _) => !there,
            (true, 0) => there,
            (true, said) => said == kind as i32,
        });
        only && self.ref_attr_name.is_empty()
    }
}

impl Deref for Node {
    type Target = NodeProto;

    fn deref(&self) -> &NodeProto {
        &self.proto
    }
}

/// A tensor of any number of axes.
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

impl TensorProto {
    /// Whether this is the truth value false.
    pub(super) fn is_false(&self) -> bool {
        let (raw, int32) = (self.raw_data.as_slice(), self.int32_data.as_slice());
        self.data_type == 9 && matches!((raw, int32), ([0], []) | ([], [0]))
    }

    /// Shape and values, which fit together.
    pub(super) fn read(&self) -> Result<Tensor, String> {
        if self.data_location != 0 {
            return Err("its values are in another file: save the model as one file".to_owned());
        }
        let kind = match self.data_type {
            1 => FloatKind::F32,
            10 => FloatKind::F16,
            11 => FloatKind::F64,
            16 => FloatKind::Bf16,
            other => return Err(format!("type {other}, not one of floats")),
        };
        let lists = [
            self.raw_data.is_empty(),
            self.float_data.is_empty(),
            self.int32_data.is_empty(),
            self.double_data.is_empty(),
        ];
        if lists.iter().filter(|empty| !**empty).count() > 1 {
            return Err("it has values twice".to_owned());
        }
        let values = match (self.raw_data.is_empty(), kind) {
            (false, _) => floats(kind, &self.raw_data).ok_or("a value is cut")?,
            (true, FloatKind::F32) => self.float_data.iter().map(|x| f64::from(*x)).collect(),
            (true, FloatKind::F64) => self.double_data.clone(),
            (true, _) => {
                let bytes = self.int32_data.iter();
                let bytes: Vec<u8> = bytes.flat_map(|x| (*x as u16).to_le_bytes()).collect();
                floats(kind, &bytes).ok_or("a value is cut")?
            }
        };
        let dims = self.dims.iter().map(|dim| usize::try_from(*dim));
        let shape: Vec<usize> = dims.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        let size = shape.iter().try_fold(1_usize, |n, dim| n.checked_mul(*dim));
        match size == Some(values.len()) {
            true => Ok(Tensor { shape, values }),
            false => Err(format!("{} values for the shape {shape:?}", values.len())),
        }
    }
}
