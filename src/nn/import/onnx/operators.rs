//! Which operators and attributes are supported.
use super::{node::Node, proto::FLOAT_TYPES, windows::pads};
use crate::{nn::import::ImportError, text::quoted};

/// An operator of ONNX.
struct Supported {
    name: &'static str,
    /// All attributes that it may have.
    attributes: &'static [&'static str],
    /// What of it is not supported.
    refuse: fn(&Node) -> Result<Vec<String>, ImportError>,
}

/// All of them.
const OPERATORS: &[Supported] = &[
    of("Gemm", &["alpha", "beta", "transA", "transB"]),
    of("MatMul", &[]),
    of("Add", &[]),
    Supported {
        name: "Conv",
        attributes: &[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "pads",
            "strides",
        ],
        refuse: convolution,
    },
    of("Relu", &[]),
    of("Tanh", &[]),
    of("Sigmoid", &[]),
    Supported {
        name: "Gelu",
        attributes: &["approximate"],
        refuse: |node| one_of(node, "approximate", &["", "none", "tanh"]),
    },
    Supported {
        name: "AveragePool",
        attributes: &[
            "auto_pad",
            "ceil_mode",
            "count_include_pad",
            "dilations",
            "kernel_shape",
            "pads",
            "strides",
        ],
        refuse: average,
    },
    Supported {
        name: "MaxPool",
        attributes: &[
            "auto_pad",
            "ceil_mode",
            "dilations",
            "kernel_shape",
            "pads",
            "storage_order",
            "strides",
        ],
        refuse: maximum,
    },
    of("GlobalAveragePool", &[]),
    Supported {
        name: "BatchNormalization",
        attributes: &["epsilon", "momentum", "training_mode"],
        refuse: normalization,
    },
    of("Flatten", &["axis"]),
    of("Reshape", &["allowzero"]),
    of("Transpose", &["perm"]),
    of("Squeeze", &["axes"]),
    of("Unsqueeze", &["axes"]),
    of("Identity", &[]),
    of("Dropout", &["ratio", "seed"]),
    Supported {
        name: "Cast",
        attributes: &["to", "saturate", "round_mode"],
        refuse: cast,
    },
    of("Constant", &["value", "value_int", "value_ints"]),
    of("Softmax", &["axis"]),
    of("LogSoftmax", &["axis"]),
];

const fn of(name: &'static str, attributes: &'static [&'static str]) -> Supported {
    Supported {
        name,
        attributes,
        refuse: |_| Ok(Vec::new()),
    }
}

/// The names of all operators that are supported.
pub(in crate::nn::import) fn names() -> String {
    let names: Vec<&str> = OPERATORS.iter().map(|operator| operator.name).collect();
    names.join(", ")
}

/// What nodes have that is not supported, all of it.
///
/// # Errors
/// [`ImportError::Operators`], or [`ImportError::Structure`] for attributes of another type.
pub(super) fn check(nodes: &[&Node]) -> Result<(), ImportError> {
    let mut operators = Vec::new();
    for node in nodes {
        let place = format!("{} at {}", node.operator(), node.place());
        let Some(supported) = OPERATORS.iter().find(|operator| node.is(operator.name)) else {
            operators.push(place);
            continue;
        };
        let unknown = node
            .attributes()
            .filter(|name| !supported.attributes.contains(name));
        let unknown = unknown.map(|name| format!("the attribute {}", quoted(name)));
        let refused: Vec<String> = unknown.chain((supported.refuse)(node)?).collect();
        if !refused.is_empty() {
            operators.push(format!("{place} ({})", refused.join("; ")));
        }
    }
    match operators.is_empty() {
        true => Ok(()),
        false => Err(ImportError::Operators { operators }),
    }
}

/// What of an attribute that is one of a few words is not supported.
fn one_of(node: &Node, name: &str, words: &[&str]) -> Result<Vec<String>, ImportError> {
    let found = node.text(name)?;
    let refused = !words.contains(&found);
    let supported: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .collect();
    let text = format!("{name} {}, only {}", quoted(found), supported.join(", "));
    Ok(refused.then_some(text).into_iter().collect())
}

/// What of an attribute that has one supported value is not.
fn only(node: &Node, name: &str, value: i64) -> Result<Option<String>, ImportError> {
    let found = node.integer(name, value)?;
    Ok((found != value).then(|| format!("{name} {found}, only {value}")))
}

fn windowed(node: &Node) -> Result<Vec<String>, ImportError> {
    let words = ["", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"];
    let mut refused = one_of(node, "auto_pad", &words)?;
    let dilations = node.integers("dilations")?.unwrap_or_default();
    if dilations.iter().any(|k| *k != 1) {
        refused.push(format!("dilations {dilations:?}, only 1"));
    }
    Ok(refused)
}

fn convolution(node: &Node) -> Result<Vec<String>, ImportError> {
    let mut refused = windowed(node)?;
    refused.extend(only(node, "group", 1)?);
    Ok(refused)
}

/// A mean here is over a whole window, zeros of padding included.
pub(super) const PADDED_MEAN: &str = "padding without count_include_pad, only with it";

fn average(node: &Node) -> Result<Vec<String>, ImportError> {
    let mut refused = windowed(node)?;
    let is_padded = pads(node)? != [[0; 2]; 2];
    if is_padded && node.integer("count_include_pad", 0)? == 0 {
        refused.push(PADDED_MEAN.to_owned());
    }
    Ok(refused)
}

/// A maximum here has no padding, which would have to be less than all values.
fn maximum(node: &Node) -> Result<Vec<String>, ImportError> {
    let mut refused = windowed(node)?;
    if pads(node)? != [[0; 2]; 2] {
        refused.push("padding, only none".to_owned());
    }
    if node.output.iter().skip(1).any(|name| !name.is_empty()) {
        refused.push("indices as a second output, only maxima".to_owned());
    }
    Ok(refused)
}

fn normalization(node: &Node) -> Result<Vec<String>, ImportError> {
    let mut refused: Vec<String> = only(node, "training_mode", 0)?.into_iter().collect();
    if node.output.iter().skip(1).any(|name| !name.is_empty()) {
        refused.push("several outputs, as in training; only inference".to_owned());
    }
    Ok(refused)
}

fn cast(node: &Node) -> Result<Vec<String>, ImportError> {
    let to = node.integer("to", 0)?;
    let refused = !FLOAT_TYPES.iter().any(|kind| i64::from(*kind) == to);
    let text = format!("to type {to}, only to floats");
    Ok(refused.then_some(text).into_iter().collect())
}
