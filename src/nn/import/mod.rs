//! Networks that were trained elsewhere: read from files, rounded to integers.
//!
//! A [`FloatModel`] is a multilayer perceptron in `f64`, with a rectifier behind each layer but the
//! last. It comes from a safetensors file ([`FloatModel::from_safetensors`]) or from ONNX
//! ([`FloatModel::from_onnx`]). [`FloatModel::quantize`] rounds its weights to a [`WeightGrid`](super::grid::WeightGrid), and
//! [`QuantizationReport`] says how far the integer network is from the float one on given rows.
//!
//! Files are not trusted: they are read in memory in proportion to their length, and whatever is
//! not understood is named.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
mod onnx;
mod quantize;
mod report;
mod safetensors;
#[cfg(test)]
mod tests;

pub use report::{LayerReport, QuantizationReport};
pub use safetensors::{LayerName, LayerNames};

use super::{
    Architecture, FixedPoint, Normalization,
    float::FloatNetwork,
    program::{Program, float::Reals},
};
use crate::{
    error::{ConfigError, TrainError},
    files,
    text::{list, quoted},
};
use std::path::Path;
use thiserror::Error;

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 34;

/// Why a network cannot be imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The name of the file does not say what it is.
    #[error("{file}: neither .safetensors nor .onnx; name the file by what is in it")]
    UnknownKind {
        /// The file.
        file: String,
    },
    /// The bytes are not such a file, or it was cut.
    #[error("the file cannot be read as {format}: {reason}")]
    Malformed {
        /// What it should be.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Operators that no multilayer perceptron has, all of them.
    #[error(
        "operators that cannot be imported: {}; a network of Gemm, MatMul, Add, Relu and Flatten can",
        .operators.join(", ")
    )]
    Operators {
        /// Each as `Operator at "node"`.
        operators: Vec<String>,
    },
    /// The network is no multilayer perceptron with rectifiers between its layers.
    #[error("at {place}: {reason}")]
    Structure {
        /// The node or tensor.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// Tensors that no layer uses.
    #[error("tensors that no layer uses: {}; name the layers if they are called otherwise", list(.names))]
    Unused {
        /// Their names.
        names: Vec<String>,
    },
    /// A weight that is no number.
    #[error("layer {}, {part} {index}: the weight is {value}", quoted(.layer))]
    NotFinite {
        /// The layer's name.
        layer: String,
        /// `weight` or `bias`.
        part: &'static str,
        /// Where in it, output unit fastest.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A weight that no grid of this many bits holds.
    #[error(
        "layer {}, {part} {index}: the weight is {value}; the largest that fits is {largest}",
        quoted(.layer)
    )]
    TooLarge {
        /// The layer's name.
        layer: String,
        /// `weight` or `bias`.
        part: &'static str,
        /// Where in it, output unit fastest.
        index: usize,
        /// The value.
        value: f64,
        /// The largest magnitude that fits.
        largest: f64,
    },
    /// Values that leave the range of a number format.
    #[error(
        "layer {}: a value of {value:.4} leaves the range, which ends at {limit}; {advice}",
        quoted(.layer)
    )]
    OutOfRange {
        /// The layer's name; `inputs` for the inputs.
        layer: String,
        /// The largest magnitude that was found.
        value: f64,
        /// The end of the range.
        limit: f64,
        /// Which preset would hold it.
        advice: String,
    },
    /// Sizes that no network has.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The integer network cannot be evaluated.
    #[error(transparent)]
    Evaluation(#[from] TrainError),
}

fn structure(place: impl Into<String>, reason: impl Into<String>) -> ImportError {
    ImportError::Structure {
        place: place.into(),
        reason: reason.into(),
    }
}

/// A fully connected layer.
#[derive(Clone, PartialEq)]
pub struct FloatLayer {
    /// What its file calls it.
    pub name: String,
    /// `[inputs, outputs]`, output unit fastest.
    pub weight: Vec<f64>,
    /// `[outputs]`.
    pub bias: Vec<f64>,
}

/// Shapes only: weights are secrets.
impl std::fmt::Debug for FloatLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inputs = self.weight.len().checked_div(self.bias.len()).unwrap_or(0);
        write!(f, "FloatLayer({} -> {})", inputs, self.bias.len())
    }
}

/// A multilayer perceptron in double precision, with a rectifier behind each layer but the last.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatModel {
    architecture: Architecture,
    layers: Vec<FloatLayer>,
}

impl FloatModel {
    /// A network of these layers, first to last.
    ///
    /// # Errors
    /// [`ImportError::Structure`] if there is none, or one is not as wide as the one before;
    /// [`ImportError::Config`] for widths that no network has.
    pub fn new(layers: Vec<FloatLayer>) -> Result<Self, ImportError> {
        let mut widths: Vec<usize> = Vec::new();
        for layer in &layers {
            let outputs = layer.bias.len();
            if outputs == 0 || !layer.weight.len().is_multiple_of(outputs) {
                let reason = "weight and bias do not fit together";
                return Err(structure(quoted(&layer.name), reason));
            }
            let inputs = layer.weight.len() / outputs;
            match widths.last() {
                None => widths.push(inputs),
                Some(width) if *width == inputs => {}
                Some(width) => {
                    let reason = format!("{inputs} inputs behind a layer of {width} outputs");
                    return Err(structure(quoted(&layer.name), reason));
                }
            }
            widths.push(outputs);
        }
        if layers.is_empty() {
            return Err(structure("the network", "it has no layer"));
        }
        let architecture = Architecture::new(widths)?;
        Ok(Self {
            architecture,
            layers,
        })
    }

    /// Reads `.safetensors` or `.onnx`, as the file's name says; `names` is for the former.
    ///
    /// # Errors
    /// [`ImportError`] saying what is wrong, where.
    pub fn read(path: impl AsRef<Path>, names: Option<&LayerNames>) -> Result<Self, ImportError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let read = || {
            files::read(path, MAX_FILE).map_err(|source| ImportError::File {
                file: file.clone(),
                source,
            })
        };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("safetensors") => Self::from_safetensors(&read()?, names),
            Some("onnx") => Self::from_onnx(&read()?),
            _ => Err(ImportError::UnknownKind { file }),
        }
    }

    /// Widths of the network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[FloatLayer] {
        &self.layers
    }

    /// Outputs, `[B, outputs]`, for whole rows of inputs, `[B, inputs]`.
    pub fn predict(&self, inputs: &[f64]) -> Vec<f64> {
        self.layer_values(inputs).pop().unwrap_or_default()
    }

    /// The values of each layer before its activation function, `[B, outputs]`, for whole rows of inputs,
    /// `[B, inputs]`.
    pub fn layer_values(&self, inputs: &[f64]) -> Vec<Vec<f64>> {
        let layers = self.layers.iter();
        let parameters = layers.map(|layer| [&layer.weight[..], &layer.bias].concat());
        // Formats only say where the point is: of real numbers that is no matter.
        let twin = FloatNetwork::with_parameters(
            self.architecture.clone(),
            &FixedPoint::compact(),
            parameters.collect(),
        );
        let values = |(program, reals): (Program, Reals)| {
            (1..=self.layers.len())
                .map(|k| {
                    let value = program.find(&format!("Y{k}"));
                    value.map_or_else(Vec::new, |value| reals.get(value).to_vec())
                })
                .collect()
        };
        twin.run(inputs).map_or_else(|_| Vec::new(), values)
    }

    /// The same function of standardised columns, for a network of raw ones: a feature
    /// `x = deviation * z + mean` and a target are folded into the first layer and the last.
    ///
    /// # Errors
    /// [`ImportError::Structure`] if there are not as many columns as inputs and outputs.
    pub fn standardized(mut self, normalization: &Normalization) -> Result<Self, ImportError> {
        let (features, targets) = (normalization.features(), normalization.outputs());
        let network = [
            self.architecture.num_inputs(),
            self.architecture.num_outputs(),
        ];
        let columns = [features.len(), targets.len()];
        if network != columns {
            let reason = format!(
                "{} inputs and {} outputs for {} features and {} targets",
                network[0], network[1], columns[0], columns[1]
            );
            return Err(structure("the network", reason));
        }
        let spread = |deviation: f64| match deviation > 0.0 {
            true => deviation,
            false => 1.0,
        };
        if let Some(first) = self.layers.first_mut() {
            let outputs = first.bias.len();
            for (row, feature) in first.weight.chunks_mut(outputs).zip(features) {
                for (weight, bias) in row.iter_mut().zip(&mut first.bias) {
                    *bias += *weight * feature.mean;
                    *weight *= spread(feature.deviation);
                }
            }
        }
        if let Some(last) = self.layers.last_mut() {
            let outputs = last.bias.len();
            for (bias, target) in last.bias.iter_mut().zip(&targets) {
                *bias = (*bias - target.mean) / spread(target.deviation);
            }
            for row in last.weight.chunks_mut(outputs) {
                for (weight, target) in row.iter_mut().zip(&targets) {
                    *weight /= spread(target.deviation);
                }
            }
        }
        Ok(self)
    }
}

/// `[rows, columns]` to `[columns, rows]`.
fn transposed(values: &[f64], columns: usize) -> Vec<f64> {
    let columns = columns.max(1);
    (0..columns)
        .flat_map(|k| values.iter().skip(k).step_by(columns).copied())
        .collect()
}

/// The numbers in little-endian bytes of one of the float formats; `None` for another length.
fn floats(kind: FloatKind, bytes: &[u8]) -> Option<Vec<f64>> {
    fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
        let (chunks, rest) = bytes.as_chunks::<N>();
        rest.is_empty()
            .then(|| chunks.iter().map(|chunk| value(*chunk)).collect())
    }
    match kind {
        FloatKind::F64 => each(bytes, f64::from_le_bytes),
        FloatKind::F32 => each(bytes, |b| f32::from_le_bytes(b).into()),
        FloatKind::Bf16 => each(bytes, |b| {
            f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16).into()
        }),
        FloatKind::F16 => each(bytes, |b| half(u16::from_le_bytes(b))),
    }
}

/// A float format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FloatKind {
    F64,
    F32,
    F16,
    Bf16,
}

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}
