//! The messages of ONNX files, as far as they are read.
//!
//! Field numbers are those of `onnx.proto`; all other fields are left out.
use crate::nn::import::{FloatKind, ImportError, floats};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    /// [`OperatorSetIdProto`].
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(super) opset_import: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
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
    pub(super) f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub(super) i: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) s: Option<Vec<u8>>,
    /// [`TensorProto`].
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(super) t: Option<Vec<u8>>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) ints: Vec<i64>,
    /// Which value it has, by its number in `onnx.proto`.
    #[prost(int32, tag = "20")]
    pub(super) kind: i32,
    /// An attribute of a function that stands for this one.
    #[prost(string, tag = "21")]
    pub(super) ref_attr_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {
    /// [`DimensionProto`].
    #[prost(bytes = "vec", repeated, tag = "1")]
    dim: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    value: Option<i64>,
}

impl ValueInfoProto {
    /// The lengths of its dimensions, those that are numbers; `None` if it says none.
    pub(super) fn shape(&self) -> Result<Option<Vec<Option<i64>>>, ImportError> {
        let tensor = self.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
        let Some(shape) = tensor.and_then(|tensor| tensor.shape.as_ref()) else {
            return Ok(None);
        };
        let dims = parts::<DimensionProto>("dimensions", &shape.dim)?;
        Ok(Some(dims.into_iter().map(|dim| dim.value).collect()))
    }
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
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
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

/// Most parts of a kind.
const MAX_PARTS: usize = 1 << 10;

pub(super) fn malformed(reason: impl ToString) -> ImportError {
    ImportError::Malformed {
        format: "ONNX",
        reason: reason.to_string(),
    }
}

/// Reads the parts of one kind.
pub(super) fn parts<T: Message + Default>(
    what: &str,
    parts: &[Vec<u8>],
) -> Result<Vec<T>, ImportError> {
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

/// Longest list of integers that is read.
const MAX_LIST: usize = 64;

/// The types of floats that are read, by their numbers in `onnx.proto`.
pub(super) const FLOAT_TYPES: [i32; 4] = [1, 10, 11, 16];

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

    /// The value, if it is a single one.
    pub(super) fn scalar(&self) -> Option<f64> {
        let lens = [
            self.float_data.len(),
            self.int32_data.len(),
            self.double_data.len(),
        ];
        let is_short = self.raw_data.len() <= 8 && lens.iter().all(|len| *len <= 1);
        let tensor = is_short.then(|| self.read().ok()).flatten()?;
        tensor.values.first().copied()
    }

    pub(super) fn of_integers(dims: &[i64], values: &[i64]) -> Self {
        Self {
            dims: dims.to_vec(),
            data_type: 7,
            int64_data: values.to_vec(),
            ..Self::default()
        }
    }

    /// The integers of a number or a short list: of lengths or numbers of dimensions.
    pub(super) fn integers(&self) -> Result<Vec<i64>, String> {
        let (raw, int32, int64) = (&self.raw_data, &self.int32_data, &self.int64_data);
        let lens = [raw.len() / 8, int32.len(), int64.len()];
        if lens.iter().any(|len| *len > MAX_LIST) || self.dims.len() > 1 {
            return Err(format!("no list of at most {MAX_LIST} integers"));
        }
        if lens.iter().filter(|len| **len > 0).count() > 1 || self.data_location != 0 {
            return Err("it has values twice, or in another file".to_owned());
        }
        fn each<const N: usize>(bytes: &[u8], value: fn([u8; N]) -> i64) -> Option<Vec<i64>> {
            let (chunks, rest) = bytes.as_chunks::<N>();
            let values = chunks.iter().map(|chunk| value(*chunk));
            rest.is_empty().then(|| values.collect())
        }
        let values = match (self.data_type, raw.is_empty()) {
            (6, true) => int32.iter().map(|x| (*x).into()).collect(),
            (7, true) => int64.clone(),
            (6, false) => each(raw, |b| i32::from_le_bytes(b).into()).ok_or("a value is cut")?,
            (7, false) => each(raw, i64::from_le_bytes).ok_or("a value is cut")?,
            (other, _) => return Err(format!("type {other}, not one of integers")),
        };
        let due = self.dims.first().map_or(Ok(1), |len| usize::try_from(*len));
        match due == Ok(values.len()) {
            true => Ok(values),
            false => Err(format!(
                "{} values for the shape {:?}",
                values.len(),
                self.dims
            )),
        }
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
