//! The messages of ONNX files, as far as they are read.
//!
//! Field numbers are those of `onnx.proto`; all other fields are left out.
use crate::nn::import::{FloatKind, ImportError, floats};
use prost::Message;
use std::{mem, ops::Deref};

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
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
    #[prost(float, tag = "2")]
    pub(super) f: f32,
    #[prost(int64, tag = "3")]
    pub(super) i: i64,
    /// [`TensorProto`].
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(super) t: Option<Vec<u8>>,
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

impl Graph {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ImportError> {
        let model = ModelProto::decode(bytes).map_err(malformed)?;
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
        Ok(Self { proto, attributes })
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// The attribute that is a tensor.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<TensorProto>, ImportError> {
        let tensor = self.attribute(name).and_then(|a| a.t.as_deref());
        tensor
            .map(|bytes| TensorProto::decode(bytes).map_err(malformed))
            .transpose()
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
