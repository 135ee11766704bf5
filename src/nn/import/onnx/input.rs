//! The input of a network: a row of numbers, or an image.
use super::{
    node::Node,
    proto::ValueInfoProto,
    rearrange::Rearranging,
    view::{View, refined},
};
use crate::{
    error::ConfigError,
    nn::{
        import::{ImportError, structure},
        model::MAX_WIDTH,
    },
    text::quoted,
};
use std::collections::BTreeMap;

/// How many samples a file is for, if it says so, and the lengths of the other dimensions, those that are numbers.
type Shape = (Option<i64>, Vec<Option<usize>>);

/// The shape that a file states.
pub(super) fn shape(input: &ValueInfoProto) -> Result<Shape, ImportError> {
    let Some(dims) = input.shape()? else {
        return Ok((None, vec![None]));
    };
    let place = || quoted(&input.name);
    let Some((samples, rest)) = dims.split_first() else {
        return Err(structure(place(), "it has no dimension of samples"));
    };
    let len = |dim: &Option<i64>| {
        let len = dim
            .map(usize::try_from)
            .transpose()
            .ok()
            .filter(|len| *len != Some(0));
        len.ok_or_else(|| structure(place(), format!("its shape is {dims:?}")))
    };
    let lens = rest.iter().map(len).collect::<Result<Vec<_>, _>>()?;
    Ok((samples.filter(|samples| *samples > 0), lens))
}

/// The view of the input: how a row of data lies is up to us, and what reads the input says how.
///
/// Convolutions and pools make an image of it; where there is none, it has the dimensions that the first operator
/// sees that does more than rearrange.
pub(super) fn view(
    input: &ValueInfoProto,
    lens: &[Option<usize>],
    nodes: &[&Node],
    rearranging: Rearranging<'_>,
) -> Result<View, ImportError> {
    let known: Option<Vec<usize>> = lens.iter().copied().collect();
    let lens = match known {
        Some(lens) => lens,
        None => vec![width(input, nodes, rearranging)?],
    };
    let width = lens.iter().fold(1, |n: usize, len| n.saturating_mul(*len));
    if width > MAX_WIDTH {
        let (index, max) = (0, MAX_WIDTH);
        return Err(ConfigError::WidthOutOfRange { index, width, max }.into());
    }
    let raw = cut(input, lens, nodes, rearranging)?;
    let mut views: BTreeMap<&str, View> = BTreeMap::from([(input.name.as_str(), raw.clone())]);
    let mut first = None;
    for node in nodes {
        let Some(view) = node.input.iter().find_map(|name| views.get(name.as_str())) else {
            continue;
        };
        let made = match node.op_type.as_str() {
            "Conv" | "MaxPool" | "AveragePool" | "GlobalAveragePool" => {
                if let [channels, height, width] = view.dims() {
                    let image = [height, width, channels].map(Vec::clone);
                    return Ok(raw.over(&image));
                }
                None
            }
            "Relu" | "Tanh" | "Sigmoid" | "Gelu" | "Add" => Some(view.clone()),
            _ => rearranging.view(node, view)?,
        };
        match (made, node.output.first()) {
            (Some(made), Some(output)) => drop(views.insert(output, made)),
            _ => first = first.or_else(|| Some(view.dims().to_vec())),
        }
    }
    let dims = first.unwrap_or_else(|| raw.dims().to_vec());
    Ok(raw.over(&dims))
}

/// The input of which the dimensions are such that those that read it may cut them.
fn cut(
    input: &ValueInfoProto,
    lens: Vec<usize>,
    nodes: &[&Node],
    rearranging: Rearranging<'_>,
) -> Result<View, ImportError> {
    let mut atoms = lens.clone();
    let reads = |node: &&&Node| node.is("Reshape") && node.input.first() == Some(&input.name);
    for node in nodes.iter().filter(reads) {
        let asked = rearranging.lens(node, &lens)?;
        // What does not fit is an error where it is read.
        atoms = refined(&atoms, &asked).unwrap_or(atoms);
    }
    let view = View::same(&atoms).reshaped(&lens);
    view.ok_or_else(|| structure(quoted(&input.name), format!("its shape is {lens:?}")))
}

/// The width of an input whose file does not say it: that of the first matrix.
fn width(
    input: &ValueInfoProto,
    nodes: &[&Node],
    rearranging: Rearranging<'_>,
) -> Result<usize, ImportError> {
    let mut matrices = nodes
        .iter()
        .filter(|node| node.is("Gemm") || node.is("MatMul"));
    let rows = match matrices.next() {
        None => None,
        Some(node) => {
            let name = node.input.get(1);
            let tensor = name.and_then(|name| rearranging.constants.find(name));
            let is_turned = node.is("Gemm") && node.integer("transB", 0)? != 0;
            match tensor.map(|tensor| tensor.dims.as_slice()) {
                Some([rows, columns]) => {
                    usize::try_from(if is_turned { *columns } else { *rows }).ok()
                }
                _ => None,
            }
        }
    };
    let found = rows.filter(|rows| *rows > 0);
    found.ok_or_else(|| {
        let reason = "the lengths of its dimensions must be numbers, but for that of samples";
        structure(quoted(&input.name), reason)
    })
}
