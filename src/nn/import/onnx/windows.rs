//! The windows of convolutions and pools.
use super::node::Node;
use crate::nn::{import::ImportError, op::Windows};

/// The windows of a node on an image of this height and width; `kernel` is for operators that do not say it
/// themselves.
pub(super) fn windows(
    node: &Node,
    kernel: Option<[usize; 2]>,
    image: [usize; 2],
) -> Result<Windows, ImportError> {
    let said = pair(node, "kernel_shape")?;
    let kernel = match (said, kernel) {
        (Some(said), Some(kernel)) if said != kernel => {
            let text = format!("kernel_shape is {said:?}, that of its weights {kernel:?}");
            return Err(node.error(text));
        }
        (said, kernel) => kernel
            .or(said)
            .ok_or_else(|| node.error("no kernel_shape"))?,
    };
    let stride = pair(node, "strides")?.unwrap_or([1, 1]);
    let [before, behind] = match node.text("auto_pad")? {
        "" | "NOTSET" => pads(node)?,
        _ if pads(node)? != [[0; 2]; 2] => return Err(node.error("both auto_pad and pads")),
        "VALID" => [[0; 2]; 2],
        side => {
            if stride.contains(&0) {
                return Err(node.error("windows and strides are at least 1"));
            }
            let of = |k: usize| same(at(image, k), at(kernel, k), at(stride, k));
            let (total, upper) = ([of(0), of(1)], side == "SAME_UPPER");
            let less = total.map(|total| total / 2);
            let more = total.map(|total| total.div_ceil(2));
            if upper { [less, more] } else { [more, less] }
        }
    };
    let windows = Windows {
        kernel,
        stride,
        before,
        behind,
    };
    let is_cut = |k: usize| {
        let padded = at(image, k)
            .saturating_add(at(before, k))
            .saturating_add(at(behind, k));
        let room = padded.checked_sub(at(kernel, k));
        room.is_some_and(|room| !room.is_multiple_of(at(stride, k)))
    };
    if node.integer("ceil_mode", 0)? != 0 && (is_cut(0) || is_cut(1)) {
        return Err(node.error(
            "ceil_mode with windows that reach beyond the image: only windows that fit are supported",
        ));
    }
    Ok(windows)
}

/// Padding that makes as many windows as there are strides in the image.
fn same(image: usize, kernel: usize, stride: usize) -> usize {
    let windows = image.div_ceil(stride);
    let reach = windows.saturating_sub(1).saturating_mul(stride);
    reach.saturating_add(kernel).saturating_sub(image)
}

fn at(pair: [usize; 2], k: usize) -> usize {
    let [first, second] = pair;
    if k == 0 { first } else { second }
}

/// Two lengths, if there is such an attribute.
fn pair(node: &Node, name: &str) -> Result<Option<[usize; 2]>, ImportError> {
    let Some(list) = node.integers(name)? else {
        return Ok(None);
    };
    let of = |k: &i64| usize::try_from(*k).ok();
    match list {
        [height, width] => Ok(of(height).zip(of(width)).map(|(h, w)| [h, w])),
        _ => Ok(None),
    }
    .and_then(|found| match found {
        Some(pair) => Ok(Some(pair)),
        None => Err(node.error(format!(
            "{name} is {list:?}, not two lengths: only images of height and width are supported"
        ))),
    })
}

/// Rows and columns of zeros before the image, and behind it.
pub(super) fn pads(node: &Node) -> Result<[[usize; 2]; 2], ImportError> {
    let Some(list) = node.integers("pads")? else {
        return Ok([[0; 2]; 2]);
    };
    let pads: Option<Vec<usize>> = list.iter().map(|k| usize::try_from(*k).ok()).collect();
    match pads.as_deref() {
        Some([top, left, bottom, right]) => Ok([[*top, *left], [*bottom, *right]]),
        _ => Err(node.error(format!(
            "pads are {list:?}, not those of an image's four sides, from 0"
        ))),
    }
}
