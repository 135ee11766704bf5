//! Shapes and weights of a multilayer perceptron.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::error::ConfigError;

/// Widest layer.
pub const MAX_WIDTH: usize = 1 << 16;
/// Most layers.
pub const MAX_LAYERS: usize = 64;
/// Most weights and biases, 2 GiB of them: what takes a few copies fits into the memory of a large
/// personal computer.
pub const MAX_PARAMETERS: u64 = 1 << 28;

/// The widths of a fully connected network, inputs first, outputs last. Layers count from 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Architecture {
    shapes: Vec<Shape>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    inputs: usize,
    outputs: usize,
}

impl Architecture {
    /// A network with these widths.
    ///
    /// # Errors
    ///
    /// From 2 to 65 widths, each from 1 to 2^16, and at most 2^28 weights and biases.
    pub fn new(widths: Vec<usize>) -> Result<Self, ConfigError> {
        let (count, min, max) = (widths.len(), 2, MAX_LAYERS + 1);
        if !(min..=max).contains(&count) {
            return Err(ConfigError::WidthCount { count, min, max });
        }
        for (index, &width) in widths.iter().enumerate() {
            if !(1..=MAX_WIDTH).contains(&width) {
                return Err(ConfigError::WidthOutOfRange {
                    index,
                    width,
                    max: MAX_WIDTH,
                });
            }
        }
        let pairs = widths.iter().zip(widths.iter().skip(1));
        let shapes: Vec<Shape> = pairs
            .map(|(&inputs, &outputs)| Shape { inputs, outputs })
            .collect();
        // Below 2^39, whatever a `usize` holds here.
        let of = |shape: &Shape| (shape.inputs as u64 + 1) * shape.outputs as u64;
        let (parameters, max) = (shapes.iter().map(of).sum(), MAX_PARAMETERS);
        match parameters <= max {
            true => Ok(Self { shapes }),
            false => Err(ConfigError::TooManyParameters { parameters, max }),
        }
    }

    /// `L`, the number of weight matrices.
    pub fn num_layers(&self) -> usize {
        self.shapes.len()
    }

    /// Input width of layer `layer`, 0 if there is no such layer.
    pub fn inputs(&self, layer: usize) -> usize {
        self.shapes.get(layer).map_or(0, |shape| shape.inputs)
    }

    /// Output width of layer `layer`, 0 if there is no such layer.
    pub fn outputs(&self, layer: usize) -> usize {
        self.shapes.get(layer).map_or(0, |shape| shape.outputs)
    }

    /// Width of the network's input.
    pub fn num_inputs(&self) -> usize {
        self.inputs(0)
    }

    /// Width of the network's output.
    pub fn num_outputs(&self) -> usize {
        self.outputs(self.num_layers() - 1)
    }

    /// All widths, inputs first.
    pub fn widths(&self) -> Vec<usize> {
        let outputs = self.shapes.iter().map(|shape| shape.outputs);
        std::iter::once(self.num_inputs()).chain(outputs).collect()
    }

    /// Number of weights and biases.
    pub fn num_parameters(&self) -> usize {
        self.shapes
            .iter()
            .map(|shape| (shape.inputs + 1) * shape.outputs)
            .sum()
    }
}

impl TryFrom<Vec<usize>> for Architecture {
    type Error = ConfigError;

    fn try_from(widths: Vec<usize>) -> Result<Self, ConfigError> {
        Self::new(widths)
    }
}

impl From<Architecture> for Vec<usize> {
    fn from(architecture: Architecture) -> Self {
        architecture.widths()
    }
}

/// Widths separated by commas, such as `11,64,64,1`; spaces are ignored.
impl FromStr for Architecture {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let width = |text: &str| {
            let text = text.trim();
            text.parse().map_err(|_| ConfigError::WidthNotANumber {
                text: text.to_owned(),
            })
        };
        Self::new(text.split(',').map(width).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.num_inputs())?;
        self.shapes
            .iter()
            .try_for_each(|shape| write!(f, ",{}", shape.outputs))
    }
}

/// Weights and biases of one layer, with `w` fraction bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Layer {
    /// `[inputs, outputs]`, row-major: the output unit runs fastest.
    pub weight: Vec<i64>,
    /// `[outputs]`.
    pub bias: Vec<i64>,
}

/// Weights are secrets.
impl Drop for Layer {
    fn drop(&mut self) {
        self.weight.zeroize();
        self.bias.zeroize();
    }
}

/// Shapes only: weights are secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = self.weight.len().checked_div(self.bias.len()).unwrap_or(0);
        write!(f, "Layer({inputs} -> {})", self.bias.len())
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
        for (index, (layer, shape)) in layers.iter().zip(&architecture.shapes).enumerate() {
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
            check("weight", layer.weight.len(), shape.inputs * shape.outputs)?;
            check("bias", layer.bias.len(), shape.outputs)?;
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

    /// The layers, to change their values and not their shapes.
    pub(super) fn layers_mut(&mut self) -> &mut [Layer] {
        &mut self.layers
    }

    /// The layers, by value.
    pub fn into_layers(self) -> Vec<Layer> {
        self.layers
    }

    /// `(self - other) / factor` and `factor`, of the same architecture; with factor 1 unless all
    /// differences are multiples. `None` if a difference leaves `i64`.
    pub(super) fn difference(&self, other: &Self, factor: u64) -> Option<(Self, u64)> {
        let pairs = self.layers.iter().zip(&other.layers);
        let subtract = |a: &[i64], b: &[i64]| -> Option<Vec<i64>> {
            a.iter().zip(b).map(|(a, b)| a.checked_sub(*b)).collect()
        };
        let layers: Option<Vec<Layer>> = pairs
            .map(|(a, b)| {
                Some(Layer {
                    weight: subtract(&a.weight, &b.weight)?,
                    bias: subtract(&a.bias, &b.bias)?,
                })
            })
            .collect();
        let mut update = Self::with_shapes_of(&self.architecture, layers?);
        let divisor = i64::try_from(factor).unwrap_or(1).max(1);
        let mut entries = update
            .layers
            .iter()
            .flat_map(|layer| layer.weight.iter().chain(&layer.bias));
        if divisor == 1 || !entries.all(|x| x % divisor == 0) {
            return Some((update, 1));
        }
        for layer in &mut update.layers {
            let entries = layer.weight.iter_mut().chain(&mut layer.bias);
            entries.for_each(|x| *x /= divisor);
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
                Layer {
                    weight: vec![77; 6],
                    bias: vec![77; 3],
                },
                Layer {
                    weight: vec![77; 3],
                    bias: vec![77; 1],
                },
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
        wide[1].weight.push(0);
        let shape = |tensor, expected, found| ConfigError::LayerShape {
            layer: 1,
            tensor,
            expected,
            found,
        };
        assert_eq!(refused(wide), shape("weight", 3, 4));
        let mut bare = layers();
        bare[1].bias.clear();
        assert_eq!(refused(bare), shape("bias", 1, 0));
    }
}
