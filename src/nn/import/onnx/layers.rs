//! Operators with parameters, and what becomes a part of them.
use super::{
    network::Value,
    node::Node,
    reader::{Reader, Traced},
    view::{View, gathered},
    windows::windows,
};
use crate::{
    nn::{
        import::ImportError,
        op::{Convolution, Dense, Linear, Operator},
    },
    text::quoted,
};

impl Reader<'_> {
    /// `alpha A B + beta C`, with `A` the value so far.
    pub(super) fn gemm(&mut self, node: &Node) -> Result<Traced, ImportError> {
        let (alpha, beta) = (node.float("alpha", 1.0)?, node.float("beta", 1.0)?);
        let input = self.first(node)?;
        if node.integer("transA", 0)? != 0 {
            return Err(node.error("the activations must not be transposed"));
        }
        if input.view.dims().len() != 1 {
            return Err(node.error(format!(
                "it reads samples of shape {:?}, which must be flattened",
                input.view.shape()
            )));
        }
        let (columns, mut weight) = self.matrix(node)?;
        let rows = weight.len().checked_div(columns).unwrap_or(0);
        let is_turned = node.integer("transB", 0)? != 0;
        let outputs = if is_turned { rows } else { columns };
        weight.iter_mut().for_each(|w| *w *= alpha);
        let mut bias = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => self.along(node, name, (outputs, 0, 1))?,
            None => vec![0.0; outputs],
        };
        bias.iter_mut().for_each(|b| *b *= beta);
        self.dense(node, input, (weight, is_turned), bias)
    }

    pub(super) fn matmul(&mut self, node: &Node) -> Result<Traced, ImportError> {
        let input = self.first(node)?;
        let (outputs, weight) = self.matrix(node)?;
        let bias = vec![0.0; outputs];
        if input.view.dims().len() == 1 {
            return self.dense(node, input, (weight, false), bias);
        }
        if !input.view.is_last_axis(None) {
            return Err(node.error("it multiplies something else than the last dimension"));
        }
        let rows = weight.len().checked_div(outputs).unwrap_or(0);
        check_rows(node, rows, input.view.last_len())?;
        let operator = Operator::new(Linear { outputs });
        let made = self
            .network
            .layer(node, (operator, input.value), (weight, bias))?;
        Ok(layered(made, input.view.with_last(outputs)))
    }

    /// All of a sample times a matrix, `[inputs, outputs]` or turned.
    fn dense(
        &mut self,
        node: &Node,
        input: Traced,
        (weight, is_turned): (Vec<f64>, bool),
        bias: Vec<f64>,
    ) -> Result<Traced, ImportError> {
        let (outputs, rows) = (bias.len(), input.view.rows());
        let inputs = weight.len().checked_div(outputs).unwrap_or(0);
        check_rows(node, inputs, input.view.shape().iter().product())?;
        let (by_row, by_output) = if is_turned { (1, inputs) } else { (outputs, 1) };
        let rows = rows
            .into_iter()
            .map(|(len, stride)| (len, stride.saturating_mul(by_row)));
        let axes: Vec<_> = rows.chain([(outputs, by_output)]).collect();
        let weight = gathered(&weight, &axes).ok_or_else(|| node.error("its weights are cut"))?;
        let operator = match input.view.axes_shape().len() {
            1 => Operator::new(Linear { outputs }),
            _ => Operator::new(Dense { outputs }),
        };
        let made = self
            .network
            .layer(node, (operator, input.value), (weight, bias))?;
        Ok(layered(made, View::same(&[outputs])))
    }

    pub(super) fn convolution(&mut self, node: &Node) -> Result<Traced, ImportError> {
        let (input, [height, width, channels]) = self.image(node)?;
        let name = node
            .input
            .get(1)
            .ok_or_else(|| node.error("it has no weights"))?;
        let weight = self.constants.read(node, name)?;
        let (outputs, kernel) = match weight.shape.as_slice() {
            [outputs, inputs, h, w] if *inputs == channels && !weight.values.is_empty() => {
                (*outputs, [*h, *w])
            }
            shape => {
                let name = quoted(name);
                return Err(node.error(format!(
                    "{name} has the shape {shape:?}, not [outputs, {channels}, height, width]"
                )));
            }
        };
        let windows = windows(node, Some(kernel), [height, width])?;
        let [h, w] = kernel;
        // Both products are of a shape that has values.
        let (plane, all) = (
            h.saturating_mul(w),
            weight.values.len().checked_div(outputs),
        );
        let axes = [
            (h, w),
            (w, 1),
            (channels, plane),
            (outputs, all.unwrap_or(0)),
        ];
        let weight = gathered(&weight.values, &axes);
        let weight = weight.ok_or_else(|| node.error("its weights are cut"))?;
        let bias = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => self.along(node, name, (outputs, 0, 1))?,
            None => vec![0.0; outputs],
        };
        let operator = Operator::new(Convolution { outputs, windows });
        let (value, layer) = self
            .network
            .layer(node, (operator, input.value), (weight, bias))?;
        let view = View::image(self.network.image(value));
        Ok(layered((value, layer), view))
    }

    /// `scale (x - mean) / sqrt(variance + epsilon) + bias`, for each channel.
    pub(super) fn normalization(&mut self, node: &Node) -> Result<Traced, ImportError> {
        let input = self.first(node)?;
        let layer = input.layer.filter(|_| input.view.is_last_axis(Some(0)));
        let Some(layer) = layer else {
            return Err(node.error("only behind a layer whose output nothing else reads"));
        };
        let outputs = input.view.last_len();
        let [_, scale, shift, mean, variance] = node.input.as_slice() else {
            return Err(node.error("not five inputs"));
        };
        let mut read = |name| self.along(node, name, (outputs, 0, 1));
        let (scale, shift, mean) = (read(scale)?, read(shift)?, read(mean)?);
        let variance = read(variance)?;
        let epsilon = node.float("epsilon", 1e-5)?;
        let factors = scale.iter().zip(variance);
        let factors: Vec<f64> = factors.map(|(s, v)| s / (v + epsilon).sqrt()).collect();
        if let Some(layer) = self.network.layers.get_mut(layer) {
            for row in layer.weight.chunks_mut(outputs.max(1)) {
                row.iter_mut().zip(&factors).for_each(|(w, f)| *w *= f);
            }
            let moved = factors.iter().zip(mean.iter().zip(&shift));
            for (bias, (factor, (mean, shift))) in layer.bias.iter_mut().zip(moved) {
                *bias = (*bias - mean) * factor + shift;
            }
        }
        Ok(input)
    }

    pub(super) fn shift(
        &mut self,
        node: &Node,
        input: Traced,
        name: &str,
    ) -> Result<Traced, ImportError> {
        let dims = input.view.dims().len();
        let along = (0..dims)
            .rev()
            .find(|dim| input.view.is_last_axis(Some(*dim)));
        let (Some(layer), Some(dim)) = (input.layer, along) else {
            return Err(node.error("of a constant only to a layer whose output nothing else reads"));
        };
        let bias = self.along(node, name, (input.view.last_len(), dim, dims))?;
        if let Some(layer) = self.network.layers.get_mut(layer) {
            layer
                .bias
                .iter_mut()
                .zip(bias)
                .for_each(|(b, more)| *b += more);
        }
        Ok(input)
    }

    /// Columns and values of the matrix that is a node's second input.
    fn matrix(&mut self, node: &Node) -> Result<(usize, Vec<f64>), ImportError> {
        let name = node
            .input
            .get(1)
            .ok_or_else(|| node.error("it has no weights"))?;
        if self.values.contains_key(name.as_str()) {
            return Err(node.error("two values multiplied: one must be constant weights"));
        }
        let matrix = self.constants.read(node, name)?.matrix();
        matrix.map_err(|reason| node.error(format!("{} {reason}", quoted(name))))
    }

    /// A constant that is one value an output, or one for all: `(outputs, dimension, dimensions)`.
    fn along(
        &mut self,
        node: &Node,
        name: &str,
        (len, dim, dims): (usize, usize, usize),
    ) -> Result<Vec<f64>, ImportError> {
        let values = self.constants.read(node, name)?.along(len, dim, dims);
        values.map_err(|reason| node.error(format!("{} {reason}", quoted(name))))
    }
}

fn layered((value, layer): (Value, usize), view: View) -> Traced {
    Traced {
        layer: Some(layer),
        ..Traced::new(value, view)
    }
}

fn check_rows(node: &Node, rows: usize, due: usize) -> Result<(), ImportError> {
    match rows == due {
        true => Ok(()),
        false => Err(node.error(format!("weights of {rows} inputs behind {due} values"))),
    }
}
