//! Networks that were trained elsewhere: read from files, rounded to integers.
//!
//! A [`FloatModel`] is a network in `f64`. It comes from ONNX ([`FloatModel::from_onnx`] says which operators), or, as a
//! multilayer perceptron with a rectifier behind each layer but the last, from a safetensors file
//! ([`FloatModel::from_safetensors`]). [`FloatModel::quantize`] rounds its weights to a [`WeightGrid`](super::grid::WeightGrid), and
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
    model::Graph,
    op::{Dense, Linear, Operator, Scores},
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
    /// Operators, or attributes of operators, that are not supported, all of them.
    #[error(
        "operators that cannot be imported: {}; those that can are {}",
        .operators.join(", "),
        onnx::names()
    )]
    Operators {
        /// Each as `Operator at "node"`, with what of it is not supported if that is not all of it.
        operators: Vec<String>,
    },
    /// The file describes no network that can be here.
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

/// A matrix of parameters: of a fully connected layer, or of a convolution.
#[derive(Clone, PartialEq)]
pub struct FloatLayer {
    /// What its file calls it.
    pub name: String,
    /// `[inputs, outputs]`, output unit fastest; of a convolution its inputs are `[height, width, channels]` of a window.
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

/// A network in double precision.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatModel {
    architecture: Architecture,
    layers: Vec<FloatLayer>,
}

/// Rows that are computed at once.
const ROWS: usize = 32;

impl FloatModel {
    /// A multilayer perceptron of these layers, first to last, with a rectifier behind each but the last.
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

    /// A network of any operators, with these parameters in their order.
    ///
    /// # Errors
    /// [`ImportError::Structure`] unless layers have the shapes of the graph's parameters.
    pub fn of(graph: Graph, layers: Vec<FloatLayer>) -> Result<Self, ImportError> {
        let architecture = Architecture::from(graph);
        let shapes = architecture.shapes();
        if shapes.len() != layers.len() {
            let reason = format!("{} layers for {}", layers.len(), shapes.len());
            return Err(structure("the network", reason));
        }
        for (layer, shape) in layers.iter().zip(shapes) {
            let due = (shape.inputs().saturating_mul(shape.outputs), shape.outputs);
            if (layer.weight.len(), layer.bias.len()) != due {
                let reason = format!("weight and bias are not {due:?} numbers");
                return Err(structure(quoted(&layer.name), reason));
            }
        }
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

    /// The network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[FloatLayer] {
        &self.layers
    }

    /// Outputs, `[B, outputs]`, for whole rows of inputs, `[B, inputs]`.
    pub fn predict(&self, inputs: &[f64]) -> Vec<f64> {
        let output = |program: &Program| program.outputs().first().copied();
        let each = self.runs(inputs).map(|(program, reals)| {
            let value = output(&program).map(|value| reals.get(value).to_vec());
            value.unwrap_or_default()
        });
        each.flatten().collect()
    }

    /// The values of each layer before its activation function, `[B, outputs]` or of each pixel, for whole rows of inputs,
    /// `[B, inputs]`.
    pub fn layer_values(&self, inputs: &[f64]) -> Vec<Vec<f64>> {
        let mut all = vec![Vec::new(); self.layers.len()];
        for (program, reals) in self.runs(inputs) {
            for (k, values) in all.iter_mut().enumerate() {
                let value = program.find(&format!("Z{}", k + 1));
                values.extend_from_slice(value.map_or(&[], |value| reals.get(value)));
            }
        }
        all
    }

    /// Forward passes of some rows after the other.
    fn runs(&self, inputs: &[f64]) -> impl Iterator<Item = (Program, Reals)> {
        let layers = self.layers.iter();
        let parameters = layers.map(|layer| [&layer.weight[..], &layer.bias].concat());
        // Formats only say where the point is: of real numbers that is no matter.
        let twin = FloatNetwork::with_parameters(
            self.architecture.clone(),
            &FixedPoint::compact(),
            parameters.collect(),
        );
        let width = self.architecture.num_inputs();
        let some = inputs.chunks(ROWS.saturating_mul(width).max(1));
        some.filter_map(move |rows| twin.run(rows).ok())
    }

    /// The same network, whose outputs are scores of classes.
    ///
    /// # Errors
    /// [`ImportError::Config`] if they can be none.
    pub fn into_classifier(self) -> Result<Self, ImportError> {
        let graph = self.architecture.graph();
        let mut nodes = graph.nodes().to_vec();
        if let Some(last) = nodes.last_mut() {
            last.operator = Operator::new(Scores);
        }
        Self::of(Graph::new(graph.input().to_vec(), nodes)?, self.layers)
    }

    /// The same function of standardised columns, for a network of raw ones: a feature
    /// `x = deviation * z + mean` and a target are folded into the first layer and the last.
    ///
    /// # Errors
    /// [`ImportError::Structure`] if there are not as many columns as inputs and outputs, or these layers are not
    /// fully connected ones that alone read the input and make the output.
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
        if !self.has_outer_layers() {
            let reason = "normalisation is folded into fully connected layers alone: standardise the data, not the network";
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

    /// Whether the first node and the one before the last are fully connected layers, and nothing else reads the
    /// input or what that layer makes.
    fn has_outer_layers(&self) -> bool {
        let graph = self.architecture.graph();
        let is_layer = |node: usize| {
            let outputs = graph.shapes().get(node).and_then(|shape| shape.last());
            let operator = graph.nodes().get(node).map(|node| &node.operator);
            outputs.zip(operator).is_some_and(|(outputs, operator)| {
                let outputs = *outputs;
                let dense = [
                    Operator::new(Linear { outputs }),
                    Operator::new(Dense { outputs }),
                ];
                dense.contains(operator)
            })
        };
        let Some(last) = graph.nodes().len().checked_sub(2) else {
            return false;
        };
        let are_layers = is_layer(0) && is_layer(last);
        are_layers && self.is_read_once(0) && self.is_read_once(last + 1)
    }

    /// Whether one node reads a value.
    fn is_read_once(&self, value: usize) -> bool {
        let nodes = self.architecture.graph().nodes().iter();
        nodes.filter(|node| node.inputs.contains(&value)).count() == 1
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
