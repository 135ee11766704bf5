//! Weights as safetensors files: integers exactly as trained, with or without the blindings that
//! open their commitment, and floats for PyTorch.
//!
//! Integers: layer `N` (from 0) is `layers.N.weight`, shape `[inputs, outputs]`, and `layers.N.bias`,
//! shape `[outputs]`, both I64, without padding. An opening has `layers.N.blinding` too, shape
//! `[rows, bytes]`, U8: for each row of the commitment the canonical little-endian encoding of its
//! blinding. Nothing else may be in the file. Of networks that are no perceptrons with rectifiers the metadata
//! have an entry `zktree-network`, the canonical encoding of the network in hexadecimal digits.
//!
//! Data with the blindings that open their commitment: `features`, `[rows, features]`, and `targets`,
//! `[rows, targets]`, both I64, and `blinding` as above.
//!
//! PyTorch: the `state_dict` of an `nn.Sequential(Linear, ReLU, Linear, ...)`. Layer `N` is
//! `2N.weight`, shape `[outputs, inputs]`, and `2N.bias`, shape `[outputs]`, both F32: the integers
//! divided by `2^w` and rounded to the nearest float. The metadata say how raw columns become inputs
//! and outputs become raw targets.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]
mod openings;

use super::{Architecture, FixedPoint, Layer, Normalization, Weights, model::Mlp};
use crate::{error::DataError, json};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::HashMap;

/// A tensor to be written.
struct Entry {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Entry {
    fn new<const N: usize>(
        name: String,
        dtype: Dtype,
        shape: Vec<usize>,
        values: impl Iterator<Item = [u8; N]>,
    ) -> Self {
        let data = values.flatten().collect();
        Self {
            name,
            dtype,
            shape,
            data,
        }
    }
}

fn write(
    tensors: &[Entry],
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, DataError> {
    let views = tensors.iter().map(|tensor| {
        TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data)
            .map(|view| (&tensor.name, view))
    });
    let views: Vec<_> = views
        .collect::<Result<_, _>>()
        .map_err(|e| malformed(e.to_string()))?;
    safetensors::serialize(views, metadata).map_err(|e| malformed(e.to_string()))
}

impl Weights {
    /// The file's bytes, in integers.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] if the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, DataError> {
        write(&self.integers(), self.metadata())
    }

    fn integers(&self) -> Vec<Entry> {
        let layers = self.layers().iter().enumerate().flat_map(|(n, layer)| {
            let outputs = layer.bias().len();
            let shape = vec![self.architecture().inputs(n), outputs];
            let entry = |part, shape, values: &[i64]| {
                let bytes = values.iter().map(|value| value.to_le_bytes());
                Entry::new(format!("layers.{n}.{part}"), Dtype::I64, shape, bytes)
            };
            [
                entry("weight", shape, layer.weight()),
                entry("bias", vec![outputs], layer.bias()),
            ]
        });
        layers.collect()
    }

    /// The bytes of a file for PyTorch: `load_state_dict` of an `nn.Sequential` of `Linear` and
    /// `ReLU` takes its tensors.
    ///
    /// The metadata have one entry, `zktree`, so that equal weights give equal files. It is JSON
    /// `{"activation_bits": s, "normalization": {"features": [{"name", "mean", "deviation"}, ...],
    /// "targets": [...]}}`; in place of targets, labels are `"labels": {"column", "names"}`. Input `i` of the
    /// network is `(x - mean) / deviation` of feature `i` (`x - mean` where the deviation is 0),
    /// rounded by the integer network to multiples of `2^-s`; the prediction of target `j` is
    /// output `j` times deviation (or 1) plus mean; output `j` is of class `j`.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] if the format cannot hold them.
    pub fn to_torch(
        &self,
        fixed: &FixedPoint,
        normalization: &Normalization,
    ) -> Result<Vec<u8>, DataError> {
        let unit = (1_u64 << fixed.weight_bits()) as f64;
        let float = |value: &i64| ((*value as f64 / unit) as f32).to_le_bytes();
        let layers = self.layers().iter().enumerate().flat_map(|(n, layer)| {
            let outputs = layer.bias().len();
            let column = |j: usize| layer.weight().iter().skip(j).step_by(outputs).map(float);
            let shape = vec![outputs, self.architecture().inputs(n)];
            let name = |part: &str| format!("{}.{part}", 2 * n);
            [
                Entry::new(
                    name("weight"),
                    Dtype::F32,
                    shape,
                    (0..outputs).flat_map(column),
                ),
                Entry::new(
                    name("bias"),
                    Dtype::F32,
                    vec![outputs],
                    layer.bias().iter().map(float),
                ),
            ]
        });
        let metadata = serde_json::json!({
            "activation_bits": fixed.activation_bits(),
            "normalization": normalization,
        });
        let metadata = HashMap::from([("zktree".to_owned(), metadata.to_string())]);
        write(&layers.collect::<Vec<_>>(), Some(metadata))
    }

    /// Reads a file; the widths are those of its tensors, the operators those of its metadata, if they name them.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] saying which tensor is missing, has another type or shape, or
    /// does not belong there.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, DataError> {
        let file = parse(bytes).map_err(malformed)?;
        let weights = Self::read(bytes, &file)?;
        check_count(&file, 2 * weights.layers().len(), "weights and biases")?;
        Ok(weights)
    }

    /// What a file says of the network: nothing of a perceptron with rectifiers, whose widths are those of its
    /// tensors.
    pub(super) fn metadata(&self) -> Option<HashMap<String, String>> {
        let architecture = self.architecture();
        let is_plain = architecture.as_perceptron().is_some_and(Mlp::is_plain);
        let encoded = hex::encode(architecture.encode());
        (!is_plain).then(|| HashMap::from([(NETWORK.to_owned(), encoded)]))
    }

    /// The weights in a file, whatever else is in it.
    fn read(bytes: &[u8], file: &SafeTensors<'_>) -> Result<Self, DataError> {
        let mut shapes: Vec<[usize; 2]> = Vec::new();
        let mut layers = Vec::new();
        while layers.is_empty()
            || file
                .tensor(&format!("layers.{}.weight", layers.len()))
                .is_ok()
        {
            let name = |part: &str| format!("layers.{}.{part}", layers.len());
            let (shape, weight) = integers(file, &name("weight"))?;
            let &[inputs, outputs] = shape.as_slice() else {
                return Err(malformed(format!(
                    "{}: the shape is not [in, out]",
                    name("weight")
                )));
            };
            let (shape, bias) = integers(file, &name("bias"))?;
            if shape != [outputs] {
                return Err(malformed(format!(
                    "{}: the shape is not [{outputs}]",
                    name("bias")
                )));
            }
            shapes.push([inputs, outputs]);
            layers.push(Layer::new(weight, bias));
        }
        let architecture = match network(bytes)? {
            Some(architecture) => architecture,
            None => chain(&shapes)?,
        };
        Weights::new(architecture, layers).map_err(|e| malformed(e.to_string()))
    }
}

/// The entry of the metadata with the network's encoding in hexadecimal digits.
const NETWORK: &str = "zktree-network";

/// The network that a file names, if it does.
fn network(bytes: &[u8]) -> Result<Option<Architecture>, DataError> {
    let Some(text) = metadata(bytes, NETWORK)? else {
        return Ok(None);
    };
    let refuse = |what: String| malformed(format!("the metadata's {NETWORK}: {what}"));
    let encoded = hex::decode(text).map_err(|e| refuse(e.to_string()))?;
    let architecture = Architecture::decode(&encoded).map_err(|e| refuse(e.to_string()))?;
    Ok(Some(architecture))
}

/// An entry of a file's metadata.
fn metadata(bytes: &[u8], name: &str) -> Result<Option<String>, DataError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| malformed(e.to_string()))?;
    let all = header.metadata().as_ref();
    Ok(all.and_then(|all| all.get(name)).cloned())
}

/// The perceptron with rectifiers of these layers.
fn chain(shapes: &[[usize; 2]]) -> Result<Architecture, DataError> {
    let mut widths: Vec<usize> = Vec::new();
    for (n, [inputs, outputs]) in shapes.iter().enumerate() {
        match widths.last() {
            None => widths.push(*inputs),
            Some(width) if width == inputs => {}
            Some(width) => {
                let what = format!("layers.{n}.weight: {inputs} inputs behind {width} units");
                return Err(malformed(what));
            }
        }
        widths.push(*outputs);
    }
    Architecture::new(widths).map_err(|e| malformed(e.to_string()))
}

/// The tensors of a file, each name once.
pub(super) fn parse(bytes: &[u8]) -> Result<SafeTensors<'_>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let len = bytes.first_chunk().map(|len| u64::from_le_bytes(*len));
    let len = len.and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
    let header = bytes.get(8..).and_then(|rest| rest.get(..len));
    json::unique_names(header.unwrap_or_default())?;
    Ok(file)
}

fn check_count(file: &SafeTensors<'_>, known: usize, what: &str) -> Result<(), DataError> {
    match file.len() {
        found if found == known => Ok(()),
        found => Err(malformed(format!(
            "{found} tensors, of which {known} are {what}"
        ))),
    }
}

fn integers(file: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<i64>), DataError> {
    let tensor = file
        .tensor(name)
        .map_err(|_| malformed(format!("{name} is missing")))?;
    if tensor.dtype() != Dtype::I64 {
        return Err(malformed(format!(
            "{name}: the type is {:?}, not I64",
            tensor.dtype()
        )));
    }
    let values = tensor
        .data()
        .chunks_exact(8)
        .map(|b| b.try_into().unwrap_or_default());
    Ok((
        tensor.shape().to_vec(),
        values.map(i64::from_le_bytes).collect(),
    ))
}

fn malformed(what: String) -> DataError {
    DataError::WeightsFile { what }
}

#[cfg(test)]
mod tests;
