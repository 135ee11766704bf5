//! Convolutional networks that end in classes, as text.
use super::{Graph, GraphNode};
use crate::{
    error::ConfigError,
    nn::op::{
        Activation, AveragePool, Convolution, Dense, GlobalAverage, Linear, MaxPool, Nonlinearity,
        Op, Operator, Round, Scores, Windows,
    },
};
use std::{fmt, str::FromStr};

/// A chain of layers on an image. Behind convolutions and linear layers but the last there is a rectifier; the last
/// makes scores of classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cnn {
    /// Channels, height and width.
    pub image: [usize; 3],
    /// The layers, first to last.
    pub layers: Vec<Layer>,
}

/// A layer of a convolutional network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// `conv8k5s2`: a convolution with 8 outputs, a square window of 5 (3 if nothing is said) with `kernel / 2` pixels
    /// of padding, and a stride of 2 (1).
    Convolution {
        /// Channels of the output.
        outputs: usize,
        /// Height and width of a window.
        kernel: usize,
        /// How far windows are apart.
        stride: usize,
    },
    /// `pool3`: the maximum of windows of 3 (2) that do not overlap.
    MaxPool(usize),
    /// `average3`: the mean of such windows.
    AveragePool(usize),
    /// `global`: the mean of each channel.
    Global,
    /// `linear10`: an affine map of all that is before it.
    Linear(usize),
}

impl Cnn {
    /// What a graph is as such a chain, if it is one.
    pub fn recognise(graph: &Graph) -> Option<Self> {
        let [height, width, channels] = *graph.input() else {
            return None;
        };
        let layers = graph
            .nodes()
            .iter()
            .filter_map(|node| layer(&node.operator));
        let this = Self {
            image: [channels, height, width],
            layers: layers.collect(),
        };
        (cnn(&this).as_ref() == Ok(graph)).then_some(this)
    }
}

/// The layer that an operator may be of.
fn layer(operator: &Operator) -> Option<Layer> {
    let numbers: Option<Vec<usize>> = operator
        .numbers()
        .into_iter()
        .map(|k| usize::try_from(k).ok())
        .collect();
    match (operator.kind().name, numbers?.as_slice()) {
        ("convolution", [outputs, kernel, _, stride, ..]) => Some(Layer::Convolution {
            outputs: *outputs,
            kernel: *kernel,
            stride: *stride,
        }),
        ("max_pool", [kernel, ..]) => Some(Layer::MaxPool(*kernel)),
        ("average_pool", [kernel, ..]) => Some(Layer::AveragePool(*kernel)),
        ("global_average_pool", _) => Some(Layer::Global),
        ("linear" | "dense", [outputs]) => Some(Layer::Linear(*outputs)),
        _ => None,
    }
}

/// `cnn:1x28x28,conv8,pool,linear10`: channels, height and width, then layers.
impl fmt::Display for Cnn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [channels, height, width] = self.image;
        write!(f, "cnn:{channels}x{height}x{width}")?;
        self.layers
            .iter()
            .try_for_each(|layer| write!(f, ",{layer}"))
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |f: &mut fmt::Formatter<'_>, name: &str, size: usize| match size {
            2 => f.write_str(name),
            size => write!(f, "{name}{size}"),
        };
        match *self {
            Self::Convolution {
                outputs,
                kernel,
                stride,
            } => {
                write!(f, "conv{outputs}")?;
                if kernel != 3 {
                    write!(f, "k{kernel}")?;
                }
                match stride {
                    1 => Ok(()),
                    stride => write!(f, "s{stride}"),
                }
            }
            Self::MaxPool(kernel) => size(f, "pool", kernel),
            Self::AveragePool(kernel) => size(f, "average", kernel),
            Self::Global => f.write_str("global"),
            Self::Linear(outputs) => write!(f, "linear{outputs}"),
        }
    }
}

/// What is displayed.
impl FromStr for Cnn {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refuse = |part: &str| ConfigError::Layer { text: part.into() };
        let rest = text.trim().strip_prefix("cnn:");
        let mut parts = rest.ok_or_else(|| refuse(text))?.split(',').map(str::trim);
        let image = parts.next().unwrap_or("");
        let lens: Result<Vec<usize>, _> = image.split('x').map(str::parse).collect();
        let lens = lens.ok().and_then(|lens| <[usize; 3]>::try_from(lens).ok());
        Ok(Self {
            image: lens.ok_or_else(|| refuse(image))?,
            layers: parts.map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}

impl FromStr for Layer {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refuse = || ConfigError::Layer { text: text.into() };
        let digits = text.find(|c: char| c.is_ascii_digit());
        let (name, numbers) = text.split_at(digits.unwrap_or(text.len()));
        let number = |text: &str| text.parse::<usize>().map_err(|_| refuse());
        let or_two = |text: &str| if text.is_empty() { Ok(2) } else { number(text) };
        match name {
            "conv" => {
                let (numbers, stride) = numbers.split_once('s').unwrap_or((numbers, "1"));
                let (outputs, kernel) = numbers.split_once('k').unwrap_or((numbers, "3"));
                Ok(Self::Convolution {
                    outputs: number(outputs)?,
                    kernel: number(kernel)?,
                    stride: number(stride)?,
                })
            }
            "pool" => Ok(Self::MaxPool(or_two(numbers)?)),
            "average" => Ok(Self::AveragePool(or_two(numbers)?)),
            "global" if numbers.is_empty() => Ok(Self::Global),
            "linear" => Ok(Self::Linear(number(numbers)?)),
            _ => Err(refuse()),
        }
    }
}

/// The graph of a convolutional network.
///
/// # Errors
/// Those of [`Graph::new`], among them that the last layer is linear.
pub fn cnn(cnn: &Cnn) -> Result<Graph, ConfigError> {
    let mut chain = Chain::default();
    let relu = Activation {
        function: Nonlinearity::Relu,
    };
    let mut is_image = true;
    let count = cnn.layers.len();
    for (k, layer) in cnn.layers.iter().enumerate() {
        match *layer {
            Layer::Convolution {
                outputs,
                kernel,
                stride,
            } => {
                let windows = Windows {
                    stride: [stride; 2],
                    ..Windows::same(kernel)
                };
                chain.push(Convolution { outputs, windows });
                chain.push(relu);
            }
            Layer::MaxPool(kernel) => {
                let windows = Windows::apart(kernel);
                chain.push(MaxPool { windows });
            }
            Layer::AveragePool(kernel) => {
                let windows = Windows::apart(kernel);
                chain.push(AveragePool { windows });
                chain.push(Round);
            }
            Layer::Global => {
                chain.push(GlobalAverage);
                chain.push(Round);
                is_image = false;
            }
            Layer::Linear(outputs) => {
                match is_image {
                    true => chain.push(Dense { outputs }),
                    false => chain.push(Linear { outputs }),
                }
                is_image = false;
                match k + 1 == count {
                    true => chain.push(Scores),
                    false => chain.push(relu),
                }
            }
        }
    }
    let [channels, height, width] = cnn.image;
    Graph::new(vec![height, width, channels], chain.0)
}

/// Nodes that each read the one before.
#[derive(Default)]
struct Chain(Vec<GraphNode>);

impl Chain {
    fn push(&mut self, op: impl Op + 'static) {
        self.0.push(GraphNode {
            inputs: vec![self.0.len()],
            operator: Operator::new(op),
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::Architecture;

    #[test]
    fn texts_are_networks_and_back() {
        for text in [
            "cnn:1x28x28,conv8,pool,conv16,pool,linear10",
            "cnn:3x9x7,conv4k5s2,pool3,linear6,linear2",
            "cnn:2x8x8,average,conv2k1,global,linear3",
        ] {
            let network: Architecture = text.parse().unwrap();
            assert_eq!(network.to_string(), text);
            let json = serde_json::to_string(&network).unwrap();
            assert_eq!(
                serde_json::from_str::<Architecture>(&json).unwrap(),
                network
            );
            let bytes = network.encode();
            assert_eq!(Architecture::decode(&bytes).unwrap(), network);
        }
        let network: Architecture = "cnn:1x28x28,conv8,pool2,linear10".parse().unwrap();
        assert_eq!(network.to_string(), "cnn:1x28x28,conv8,pool,linear10");
        // Three by three of a pixel, and half of them in each direction of 8 channels.
        let shapes: Vec<usize> = network.shapes().iter().map(|s| s.inputs()).collect();
        assert_eq!(shapes, [9, 14 * 14 * 8]);
    }

    #[test]
    fn what_is_no_layer_is_said() {
        for (text, part) in [
            ("cnn:", ""),
            ("cnn:28x28,linear2", "28x28"),
            ("cnn:1x2x3,dense2", "dense2"),
            ("cnn:1x2x3,conv", "conv"),
            ("cnn:1x2x3,conv4s", "conv4s"),
            ("cnn:1x2x3,conv4s2k3", "conv4s2k3"),
            ("cnn:1x2x3,global2", "global2"),
            ("cnn:1x2x3,linear2,", ""),
        ] {
            let error = text.parse::<Architecture>().unwrap_err().to_string();
            let expected = format!("\"{part}\" is no part of a network of images");
            assert!(error.starts_with(&expected), "{text}: {error}");
        }
        for (text, message) in [
            (
                "cnn:1x2x2,conv2,pool,pool,linear2",
                "larger than the padded image",
            ),
            ("cnn:1x2x2,conv2s0,linear2", "at least 1"),
            ("cnn:1x2x2,linear1", "two or more classes"),
            ("cnn:1x2x2,linear2,conv2", "height, width and channels"),
            ("cnn:1x4x4,conv2", "the last one"),
        ] {
            let error = text.parse::<Architecture>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
