//! Operators that rearrange the values of a sample, or do nothing.
use super::{constants::Constants, node::Node, view::View};
use crate::nn::import::ImportError;

/// What rearranging needs to know of a graph.
#[derive(Clone, Copy)]
pub(super) struct Rearranging<'a> {
    pub(super) constants: &'a Constants<'a>,
    /// How many samples the file is for, if it says so.
    pub(super) samples: Option<i64>,
}

impl Rearranging<'_> {
    /// The view of a node's output from that of its input; `None` of an operator that does more than rearrange.
    pub(super) fn view(self, node: &Node, view: &View) -> Result<Option<View>, ImportError> {
        let view = view.clone();
        let made = match node.op_type.as_str() {
            "Identity" | "Dropout" | "Cast" => Some(view),
            "Flatten" => self.flatten(node, view)?,
            "Reshape" => {
                let lens = self.lens(node, &view.shape())?;
                view.reshaped(&lens)
            }
            "Transpose" => transposed(node, view)?,
            "Squeeze" => self.squeezed(node, view)?,
            "Unsqueeze" => self.unsqueezed(node, view)?,
            _ => return Ok(None),
        };
        let what = "only what keeps samples apart and moves whole dimensions is supported";
        made.map(Some).ok_or_else(|| node.error(what))
    }

    fn flatten(self, node: &Node, view: View) -> Result<Option<View>, ImportError> {
        let rank = dimensions(&view);
        let axis = counted(node.integer("axis", 1)?, rank);
        Ok((axis == Some(1)).then(|| view.flat()))
    }

    /// The lengths that a `Reshape` asks for, without samples.
    pub(super) fn lens(self, node: &Node, shape: &[usize]) -> Result<Vec<usize>, ImportError> {
        let [_, name] = node.input.as_slice() else {
            return Err(node.error("not two inputs"));
        };
        let asked = self.constants.integers(node, name)?;
        let refuse = |what: &str| node.error(format!("the shape {asked:?}: {what}"));
        let Some((samples, rest)) = asked.split_first() else {
            return Err(refuse("it has no dimension of samples"));
        };
        if asked.contains(&0) && node.integer("allowzero", 0)? != 0 {
            return Err(refuse("dimensions of no length"));
        }
        if !matches!(samples, 0 | -1) && Some(*samples) != self.samples {
            return Err(refuse("its first dimension is not that of samples"));
        }
        let mut lens = Vec::new();
        let mut open = None;
        for (k, len) in rest.iter().enumerate() {
            lens.push(match *len {
                0 => *shape.get(k).ok_or_else(|| refuse("no dimension to copy"))?,
                -1 if *samples != -1 && open.is_none() => {
                    open = Some(k);
                    1
                }
                len => usize::try_from(len).map_err(|_| refuse("two open dimensions"))?,
            });
        }
        let product = |lens: &[usize]| lens.iter().fold(1, |n: usize, len| n.saturating_mul(*len));
        // What the others leave; where it is no whole number, nothing is of these lengths.
        let len_left = product(shape).checked_div(product(&lens)).unwrap_or(0);
        if let Some(len) = open.and_then(|k| lens.get_mut(k)) {
            *len = len_left;
        }
        Ok(lens)
    }

    fn squeezed(self, node: &Node, view: View) -> Result<Option<View>, ImportError> {
        let rank = dimensions(&view);
        let axes = self.axes(node, rank)?;
        let mut made = Some(view);
        for axis in axes.iter().rev() {
            made = made.and_then(|view| view.squeezed(axis.checked_sub(1)?));
        }
        Ok(made)
    }

    fn unsqueezed(self, node: &Node, view: View) -> Result<Option<View>, ImportError> {
        let rank = dimensions(&view);
        let count = self.numbers(node)?.len();
        let axes = self.axes(node, rank.saturating_add(count))?;
        let mut made = Some(view);
        for axis in &axes {
            made = made.and_then(|view| view.unsqueezed(axis.checked_sub(1)?));
        }
        Ok(made)
    }

    /// Dimensions that a node names, sorted.
    fn axes(self, node: &Node, rank: usize) -> Result<Vec<usize>, ImportError> {
        let numbers = self.numbers(node)?;
        let axes = numbers.iter().map(|axis| counted(*axis, rank));
        let axes: Option<Vec<usize>> = axes.collect();
        let mut axes = axes.ok_or_else(|| node.error("no such dimension"))?;
        axes.sort_unstable();
        axes.dedup();
        match axes.len() == numbers.len() {
            true => Ok(axes),
            false => Err(node.error("a dimension is named twice")),
        }
    }

    /// Until version 12 an attribute, an input since.
    fn numbers(self, node: &Node) -> Result<Vec<i64>, ImportError> {
        match (node.integers("axes")?, node.input.as_slice()) {
            (Some(axes), [_]) => Ok(axes.to_vec()),
            (None, [_, name]) => self.constants.integers(node, name),
            _ => Err(node.error("it must name its dimensions")),
        }
    }
}

fn transposed(node: &Node, view: View) -> Result<Option<View>, ImportError> {
    // Without it the other way round, samples last.
    let numbers = node.integers("perm")?.unwrap_or_default();
    let Some((0, rest)) = numbers.split_first() else {
        return Ok(None);
    };
    let order: Option<Vec<usize>> = rest
        .iter()
        .map(|k| usize::try_from(*k).ok()?.checked_sub(1))
        .collect();
    Ok(order.and_then(|order| view.permuted(&order)))
}

/// How many dimensions ONNX sees, with that of samples.
fn dimensions(view: &View) -> usize {
    view.dims().len().saturating_add(1)
}

/// The number of a dimension, which may be counted from behind.
fn counted(axis: i64, rank: usize) -> Option<usize> {
    let from_behind = usize::try_from(axis.unsigned_abs()).ok()?;
    let axis = match axis < 0 {
        true => rank.checked_sub(from_behind)?,
        false => from_behind,
    };
    (axis < rank).then_some(axis)
}
