//! Networks and their weights.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::data::DataKind;
use super::encoding::{Decoder, Encoder};
use super::model::{self, Cnn, Graph, GraphFile, Mlp, ParameterShape};
pub use super::model::{MAX_LAYERS, MAX_PARAMETERS, MAX_WIDTH};
use super::op::{Loss, Nonlinearity};
use crate::error::{ConfigError, DecodeError};

/// A network: a graph of operators with matrices of parameters. Layers, which are those matrices, count from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct Architecture(Arc<Parts>);

/// Shared by copies.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    graph: Graph,
    shapes: Vec<ParameterShape>,
    /// What it is as a perceptron, if it is one.
    mlp: Option<Mlp>,
    /// And as a chain of layers on an image.
    cnn: Option<Cnn>,
}

/// How a network stands in JSON: widths of a perceptron with rectifiers, else its text or the whole graph.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Widths(Vec<usize>),
    Words(String),
    Graph(GraphFile),
}

impl Architecture {
    /// A perceptron with these widths and rectifiers.
    ///
    /// # Errors
    ///
    /// From 2 to 65 widths, each from 1 to 2^16, and at most 2^28 weights and biases.
    pub fn new(widths: Vec<usize>) -> Result<Self, ConfigError> {
        Self::perceptron(&Mlp {
            widths,
            activation: Nonlinearity::Relu,
            residual: false,
            classes: false,
        })
    }

    /// A perceptron.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn perceptron(mlp: &Mlp) -> Result<Self, ConfigError> {
        Ok(Self::from(model::mlp(mlp)?))
    }

    /// The operators.
    pub fn graph(&self) -> &Graph {
        &self.0.graph
    }

    /// The [canonical encoding](Graph::encode) of the graph.
    pub fn encode(&self) -> Vec<u8> {
        self.0.graph.encode(Encoder::default()).finish()
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no network.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::headless(bytes);
        let graph = Graph::decode(&mut decoder)?;
        decoder.finish()?;
        Ok(Self::from(graph))
    }

    /// What it is as a perceptron, if it is one.
    pub fn as_perceptron(&self) -> Option<&Mlp> {
        self.0.mlp.as_ref()
    }

    /// `L`, the number of weight matrices.
    pub fn num_layers(&self) -> usize {
        self.0.shapes.len()
    }

    /// The shapes of weight matrices.
    pub fn shapes(&self) -> &[ParameterShape] {
        &self.0.shapes
    }

    /// Input width of layer `layer`, 0 if there is no such layer.
    pub fn inputs(&self, layer: usize) -> usize {
        self.0.shapes.get(layer).map_or(0, ParameterShape::inputs)
    }

    /// Output width of layer `layer`, 0 if there is no such layer.
    pub fn outputs(&self, layer: usize) -> usize {
        self.0.shapes.get(layer).map_or(0, |shape| shape.outputs)
    }

    /// Width of the network's input.
    pub fn num_inputs(&self) -> usize {
        self.0.graph.inputs()
    }

    /// The outputs that this network needs to be trained on such targets: its loss compares the two, and
    /// says what they are.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TrainedOnNumbers`] of labels, [`ConfigError::TrainedOnClasses`] of numbers.
    pub fn outputs_for(&self, kind: DataKind) -> Result<usize, ConfigError> {
        match (self.0.graph.loss(), kind) {
            (Loss::SquaredError, DataKind::Numbers { targets }) => Ok(targets),
            (Loss::CrossEntropy, DataKind::Labels { classes }) => Ok(classes),
            (Loss::SquaredError, DataKind::Labels { .. }) => Err(ConfigError::TrainedOnNumbers),
            (Loss::CrossEntropy, DataKind::Numbers { .. }) => Err(ConfigError::TrainedOnClasses),
        }
    }

    /// Width of the network's output.
    pub fn num_outputs(&self) -> usize {
        self.0.graph.outputs()
    }

    /// Columns of targets of a row of data.
    pub fn num_targets(&self) -> usize {
        self.0.graph.targets()
    }

    /// The width of the input, then that of each layer's output.
    pub fn widths(&self) -> Vec<usize> {
        let outputs = self.0.shapes.iter().map(|shape| shape.outputs);
        std::iter::once(self.num_inputs()).chain(outputs).collect()
    }

    /// Number of weights and biases.
    pub fn num_parameters(&self) -> usize {
        self.0.shapes.iter().map(ParameterShape::len).sum()
    }
}

impl From<Graph> for Architecture {
    fn from(graph: Graph) -> Self {
        Self(Arc::new(Parts {
            shapes: graph.parameters(),
            mlp: Mlp::recognise(&graph),
            cnn: Cnn::recognise(&graph),
            graph,
        }))
    }
}

impl TryFrom<Text> for Architecture {
    type Error = ConfigError;

    fn try_from(text: Text) -> Result<Self, ConfigError> {
        match text {
            Text::Widths(widths) => Self::new(widths),
            Text::Words(words) => words.parse(),
            Text::Graph(file) => Ok(Self::from(Graph::try_from(file)?)),
        }
    }
}

impl From<Architecture> for Text {
    fn from(architecture: Architecture) -> Self {
        match (&architecture.0.mlp, &architecture.0.cnn) {
            (Some(mlp), _) if mlp.is_plain() => Self::Widths(architecture.widths()),
            (None, None) => Self::Graph(GraphFile::from(architecture.graph())),
            _ => Self::Words(architecture.to_string()),
        }
    }
}

/// Widths separated by commas, such as `11,64,64,1`, and perhaps an activation function, `residual` and `classes`
/// behind them, such as `11,64,64,3 gelu residual classes`; or layers on an image, such as
/// `cnn:1x28x28,conv8,pool,linear10`.
impl FromStr for Architecture {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text.trim().starts_with("cnn:") {
            true => Ok(Self::from(model::cnn(&text.parse()?)?)),
            false => Self::perceptron(&text.parse()?),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.mlp, &self.0.cnn) {
            (Some(mlp), _) => mlp.fmt(f),
            (None, Some(cnn)) => cnn.fmt(f),
            (None, None) => {
                let digest = hex::encode(Sha256::digest(self.encode()));
                let digest: String = digest.chars().take(12).collect();
                write!(f, "{} operators, {digest}", self.0.graph.nodes().len())
            }
        }
    }
}

/// Weights and biases of one layer, with `w` fraction bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Layer {
    /// `[inputs + 1, outputs]`, the bias last.
    values: Vec<i64>,
    outputs: usize,
}

impl Layer {
    /// From `weight`, `[inputs, outputs]`, row-major: the output unit runs fastest; and `bias`, `[outputs]`.
    pub fn new(mut weight: Vec<i64>, mut bias: Vec<i64>) -> Self {
        let outputs = bias.len();
        weight.reserve_exact(outputs);
        weight.append(&mut bias);
        Self {
            values: weight,
            outputs,
        }
    }

    /// All of it, `[inputs + 1, outputs]`, row-major, the bias last.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// All of it, to change.
    pub fn values_mut(&mut self) -> &mut [i64] {
        &mut self.values
    }

    fn middle(&self) -> usize {
        self.values.len().saturating_sub(self.outputs)
    }

    /// `[inputs, outputs]`, row-major: the output unit runs fastest.
    pub fn weight(&self) -> &[i64] {
        self.values.split_at(self.middle()).0
    }

    /// `[outputs]`.
    pub fn bias(&self) -> &[i64] {
        self.values.split_at(self.middle()).1
    }

    /// The weights, to change.
    pub fn weight_mut(&mut self) -> &mut [i64] {
        let middle = self.middle();
        self.values.split_at_mut(middle).0
    }

    /// The bias, to change.
    pub fn bias_mut(&mut self) -> &mut [i64] {
        let middle = self.middle();
        self.values.split_at_mut(middle).1
    }
}

/// Weights are secrets.
impl Drop for Layer {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

/// Shapes only: weights are secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = self.weight().len().checked_div(self.outputs).unwrap_or(0);
        write!(f, "Layer({inputs} -> {})", self.outputs)
    }
}

/// All weights of a network, of the shapes of its architecture.
#[derive(Clone, PartialEq, Eq)]
pub struct Weights {
    architecture: Architecture,
    layers: Vec<Layer>,
}

impl Weights {
    /// Weights from their layers.
    ///
    /// # Errors
    ///
    /// [`ConfigError::LayerCount`] or [`ConfigError::LayerShape`] if a shape differs from the
    /// architecture's.
    pub fn new(architecture: Architecture, layers: Vec<Layer>) -> Result<Self, ConfigError> {
        let (expected, found) = (architecture.num_layers(), layers.len());
        if expected != found {
            return Err(ConfigError::LayerCount { expected, found });
        }
        for (index, (layer, shape)) in layers.iter().zip(&architecture.0.shapes).enumerate() {
            let check = |tensor, found, expected| {
                if found == expected {
                    return Ok(());
                }
                Err(ConfigError::LayerShape {
                    layer: index,
                    tensor,
                    expected,
                    found,
                })
            };
            check(
                "weight",
                layer.weight().len(),
                shape.inputs() * shape.outputs,
            )?;
            check("bias", layer.bias().len(), shape.outputs)?;
        }
        Ok(Self {
            architecture,
            layers,
        })
    }

    /// The shapes.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// All values, layer by layer.
    pub fn tensors(&self) -> Vec<&[i64]> {
        self.layers.iter().map(Layer::values).collect()
    }

    /// All values, to change.
    pub(super) fn tensors_mut(&mut self) -> Vec<&mut [i64]> {
        self.layers.iter_mut().map(Layer::values_mut).collect()
    }

    /// The layers, by value.
    pub fn into_layers(self) -> Vec<Layer> {
        self.layers
    }

    /// `(self - other) / factor` and `factor`, of the same architecture; with factor 1 unless all
    /// differences are multiples. `None` if a difference leaves `i64`.
    pub(super) fn difference(&self, other: &Self, factor: u64) -> Option<(Self, u64)> {
        let pairs = self.layers.iter().zip(&other.layers);
        let subtract = |(a, b): (&Layer, &Layer)| {
            let pairs = a.values.iter().zip(&b.values);
            let values: Option<Vec<i64>> = pairs.map(|(a, b)| a.checked_sub(*b)).collect();
            let outputs = a.outputs;
            values.map(|values| Layer { values, outputs })
        };
        let layers: Option<Vec<Layer>> = pairs.map(subtract).collect();
        let mut update = Self::with_shapes_of(&self.architecture, layers?);
        let divisor = i64::try_from(factor).unwrap_or(1).max(1);
        let mut entries = update.layers.iter().flat_map(|layer| &layer.values);
        if divisor == 1 || !entries.all(|x| x % divisor == 0) {
            return Some((update, 1));
        }
        for layer in &mut update.layers {
            layer.values.iter_mut().for_each(|x| *x /= divisor);
        }
        Some((update, factor))
    }

    /// Weights whose layers were made in the shapes of `architecture`.
    pub(super) fn with_shapes_of(architecture: &Architecture, layers: Vec<Layer>) -> Self {
        Self {
            architecture: architecture.clone(),
            layers,
        }
    }
}

/// Shapes only: weights are secrets.
impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights({})", self.architecture)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        let architecture: Architecture = " 11, 64,64,1".parse().unwrap();
        assert_eq!(architecture.to_string(), "11,64,64,1");
        assert_eq!(architecture.widths(), [11, 64, 64, 1]);
        assert_eq!(architecture.num_layers(), 3);
        assert_eq!((architecture.inputs(1), architecture.outputs(2)), (64, 1));
        assert_eq!((architecture.inputs(3), architecture.outputs(3)), (0, 0));
        assert_eq!(
            (architecture.num_inputs(), architecture.num_outputs()),
            (11, 1)
        );
        assert_eq!(architecture.num_parameters(), 12 * 64 + 65 * 64 + 65);
        let json = serde_json::to_string(&architecture).unwrap();
        assert_eq!(json, "[11,64,64,1]");
        assert_eq!(
            serde_json::from_str::<Architecture>(&json).unwrap(),
            architecture
        );
    }

    #[test]
    fn refuses_bad_widths() {
        for count in [0, 1, 66] {
            let error = ConfigError::WidthCount {
                count,
                min: 2,
                max: 65,
            };
            assert_eq!(Architecture::new(vec![1; count]), Err(error));
        }
        assert!(Architecture::new(vec![1; 65]).is_ok());
        for width in [0, MAX_WIDTH + 1, usize::MAX] {
            let error = ConfigError::WidthOutOfRange {
                index: 1,
                width,
                max: MAX_WIDTH,
            };
            assert_eq!(Architecture::new(vec![1, width]), Err(error));
        }
        let parameters = 30_001 * 30_000 + 3 * 30_000 + 30_001;
        let error = ConfigError::TooManyParameters {
            parameters,
            max: MAX_PARAMETERS,
        };
        assert_eq!(Architecture::new(vec![2, 30_000, 30_000, 1]), Err(error));
        assert!(Architecture::new(vec![(1 << 14) - 1, 1 << 14]).is_ok());
        assert!(Architecture::new(vec![1 << 14, 1 << 14]).is_err());
        for (text, part) in [("", ""), ("3,x", "x"), ("3,,1", ""), ("3,-1", "-1")] {
            let error = ConfigError::WidthNotANumber { text: part.into() };
            assert_eq!(text.parse::<Architecture>(), Err(error));
        }
        assert!(serde_json::from_str::<Architecture>("[3]").is_err());
    }

    #[test]
    fn weights_are_shape_checked_and_not_printed() {
        let architecture = Architecture::new(vec![2, 3, 1]).unwrap();
        let layers = || {
            vec![
                Layer::new(vec![77; 6], vec![77; 3]),
                Layer::new(vec![77; 3], vec![77; 1]),
            ]
        };
        let weights = Weights::new(architecture.clone(), layers()).unwrap();
        assert_eq!(format!("{weights:?}"), "Weights(2,3,1)");
        assert_eq!(
            format!("{:?}", weights.layers()),
            "[Layer(2 -> 3), Layer(3 -> 1)]"
        );
        assert_eq!(weights.into_layers(), layers());

        let refused = |layers| Weights::new(architecture.clone(), layers).unwrap_err();
        let mut short = layers();
        short.pop();
        assert_eq!(
            refused(short),
            ConfigError::LayerCount {
                expected: 2,
                found: 1
            }
        );
        let mut wide = layers();
        wide[1] = Layer::new(vec![77; 4], vec![77; 1]);
        let shape = |tensor, expected, found| ConfigError::LayerShape {
            layer: 1,
            tensor,
            expected,
            found,
        };
        assert_eq!(refused(wide), shape("weight", 3, 4));
        let mut bare = layers();
        bare[1] = Layer::new(vec![77; 3], vec![]);
        assert_eq!(refused(bare), shape("bias", 1, 0));
    }
}
