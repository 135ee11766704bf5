//! Layers in safetensors files.
use super::{FloatKind, FloatLayer, FloatModel, ImportError, floats, structure, transposed};
use crate::{nn::file, text::quoted};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which tensors of a file are layers, first to last.
///
/// ```json
/// {"layers": [{"weight": "fc1.weight", "bias": "fc1.bias"},
///             {"weight": "dense/kernel", "bias": "dense/bias", "transposed": true}]}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNames {
    /// The layers.
    pub layers: Vec<LayerName>,
}

/// The tensors of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerName {
    /// The weight's name.
    pub weight: String,
    /// The bias's name; without it the bias is zero.
    #[serde(default)]
    pub bias: Option<String>,
    /// Whether the weight is `[inputs, outputs]`, as Keras has it; else `[outputs, inputs]`, as
    /// PyTorch has it.
    #[serde(default)]
    pub transposed: bool,
}

const FORMAT: &str = "safetensors";

impl FloatModel {
    /// Reads layers of type F64, F32, F16 or BF16.
    ///
    /// Without `names`, the file is the `state_dict` of an `nn.Sequential` of `Linear` and `ReLU`,
    /// perhaps with a prefix: tensors `N.weight`, `[outputs, inputs]`, and `N.bias`, `[outputs]`, in
    /// the order of `N`.
    ///
    /// # Errors
    /// [`ImportError::Malformed`], [`ImportError::Structure`], [`ImportError::Unused`].
    pub fn from_safetensors(bytes: &[u8], names: Option<&LayerNames>) -> Result<Self, ImportError> {
        let file = file::parse(bytes).map_err(|reason| ImportError::Malformed {
            format: FORMAT,
            reason,
        })?;
        let names = match names {
            Some(names) => names.layers.clone(),
            None => sequential(&file)?,
        };
        let used = |name: &&str| {
            let is_it =
                |layer: &LayerName| layer.weight == **name || layer.bias.as_deref() == Some(*name);
            names.iter().any(is_it)
        };
        let mut unused: Vec<String> = file
            .names()
            .into_iter()
            .filter(|name| !used(name))
            .map(str::to_owned)
            .collect();
        if !unused.is_empty() {
            unused.sort();
            return Err(ImportError::Unused { names: unused });
        }
        let layers = names.iter().map(|name| layer(&file, name));
        Self::new(layers.collect::<Result<_, _>>()?)
    }
}

/// The layers of an `nn.Sequential`, by number.
fn sequential(file: &SafeTensors<'_>) -> Result<Vec<LayerName>, ImportError> {
    let mut layers: BTreeMap<u64, LayerName> = BTreeMap::new();
    let mut prefix: Option<&str> = None;
    for name in file.names() {
        let Some(stem) = name.strip_suffix(".weight") else {
            continue;
        };
        let (before, number) = stem.rsplit_once('.').unwrap_or(("", stem));
        let Ok(number) = number.parse() else {
            let reason = "no number before .weight; name the layers";
            return Err(structure(quoted(name), reason));
        };
        if *prefix.get_or_insert(before) != before {
            let reason = "not all layers have one prefix; name them";
            return Err(structure(quoted(name), reason));
        }
        let bias = format!("{stem}.bias");
        let layer = LayerName {
            weight: name.to_owned(),
            bias: file.tensor(&bias).is_ok().then_some(bias),
            transposed: false,
        };
        if layers.insert(number, layer).is_some() {
            let reason = "two layers have this number; name the layers";
            return Err(structure(quoted(name), reason));
        }
    }
    Ok(layers.into_values().collect())
}

fn layer(file: &SafeTensors<'_>, name: &LayerName) -> Result<FloatLayer, ImportError> {
    let (shape, weight) = tensor(file, &name.weight)?;
    let &[rows, columns] = shape.as_slice() else {
        let reason = format!("the shape is {shape:?}, not that of a matrix");
        return Err(structure(quoted(&name.weight), reason));
    };
    let (outputs, weight) = match name.transposed {
        true => (columns, weight),
        false => (rows, transposed(&weight, columns)),
    };
    let bias = match &name.bias {
        Some(bias) => {
            let (shape, values) = tensor(file, bias)?;
            if shape != [outputs] {
                let reason = format!("the shape is {shape:?}, not [{outputs}]");
                return Err(structure(quoted(bias), reason));
            }
            values
        }
        // No more than there are weights, of which there are as many as bytes allow.
        None => vec![0.0; outputs.min(weight.len())],
    };
    Ok(FloatLayer {
        name: name.weight.clone(),
        weight,
        bias,
    })
}

fn tensor(file: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<f64>), ImportError> {
    let place = || quoted(name);
    let tensor = file
        .tensor(name)
        .map_err(|_| structure(place(), "the tensor is missing"))?;
    let kind = match tensor.dtype() {
        Dtype::F64 => FloatKind::F64,
        Dtype::F32 => FloatKind::F32,
        Dtype::F16 => FloatKind::F16,
        Dtype::BF16 => FloatKind::Bf16,
        other => {
            let reason = format!("the type is {other:?}, not F64, F32, F16 or BF16");
            return Err(structure(place(), reason));
        }
    };
    let values = floats(kind, tensor.data())
        .ok_or_else(|| structure(place(), "not a whole number of values"))?;
    Ok((tensor.shape().to_vec(), values))
}
