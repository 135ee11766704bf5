//! Operators: what networks are made of, forward and backward, each in a file.
//!
//! An operator emits its arithmetic into a [`Program`]; it does not compute anything, and it knows no proof.
//! Sums and products are exact and raise the number of fraction bits; only where a
//! [`gadget`](super::gadget) rounds, precision is dropped, once for everything linear that happened to a
//! value. A value that several operators read gets the exact sum of their cotangents.

//!
//! **Adding an operator** is a file with an [`Op`] and its [`Kind`], and a line in [`KINDS`].

mod activation;
mod add;
mod convolution;
mod linear;
pub mod loss;
mod multiply;
mod norm;
mod operator;
mod pool;
mod round;
#[cfg(test)]
mod tests;
mod windows;

pub use activation::{Activation, Nonlinearity, SLOPE_BITS};
pub use add::Add;
pub use convolution::Convolution;
pub use linear::{Dense, Linear};
pub use loss::Loss;
pub use multiply::Multiply;
pub use norm::Norm;
pub use operator::{Chain, Kind, Operator, ParameterShape};
pub use pool::{AveragePool, GlobalAverage, MaxPool};
pub use round::{Round, Scores};
pub use windows::Windows;

use super::program::{Axis, Program, Value, at, over, term};
use crate::error::ConfigError;

/// All operators. A code is a part of the encoding of networks: it is never given to another one.
pub static KINDS: &[&Kind] = &[
    &linear::LINEAR,
    &round::ROUND,
    &add::KIND,
    &activation::RELU,
    &activation::GELU,
    &activation::SILU,
    &activation::TANH,
    &activation::SIGMOID,
    &round::SCORES,
    &convolution::KIND,
    &pool::AVERAGE,
    &pool::GLOBAL,
    &linear::DENSE,
    &pool::MAXIMUM,
    &multiply::KIND,
    &norm::LAYER,
    &norm::ROOT_MEAN_SQUARE,
];

/// What an operator makes.
pub struct Forward {
    /// The output.
    pub output: Value,
    /// What the backward pass needs.
    pub saved: Vec<Value>,
}

/// A part of a network.
pub trait Op: std::fmt::Debug + Send + Sync {
    /// What graphs call it.
    fn kind(&self) -> &'static Kind;

    /// Its numbers, as many as its kind has fields.
    fn numbers(&self) -> Vec<u64> {
        Vec::new()
    }

    /// The shape of the output without the samples, from those of the inputs.
    ///
    /// # Errors
    /// What it needs, if it cannot take them.
    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str>;

    /// The matrix of parameters that it has, for inputs of these shapes.
    fn parameter(&self, _inputs: &[&[usize]]) -> Option<ParameterShape> {
        None
    }

    /// Whether the output has no more fraction bits than activations, from whether that is so of all inputs.
    ///
    /// # Errors
    /// What it needs, if it cannot take such inputs.
    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str>;

    /// What it does to chains of operators.
    fn chain(&self) -> Chain;

    /// The loss of networks that end in it, if one can.
    fn loss(&self) -> Option<Loss> {
        None
    }

    /// The output for these inputs. `label` numbers the linear operators so far, for names.
    ///
    /// # Errors
    /// [`ConfigError`] if the operator cannot be applied to them.
    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError>;

    /// The cotangents of the inputs that `needs` asks for, from that of the output; gradients of
    /// parameters go into the program.
    ///
    /// # Errors
    /// [`ConfigError`] if the cotangent has a format that the operator cannot take.
    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        needs: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError>;
}

/// The one input of an operator.
fn single(operator: &'static str, x: &[Value]) -> Result<Value, ConfigError> {
    match x {
        [x] => Ok(*x),
        _ => Err(ConfigError::Operator {
            operator,
            what: "it has one input",
        }),
    }
}

/// What the forward pass of an operator saved.
fn saved<const N: usize>(
    operator: &'static str,
    saved: &[Value],
) -> Result<[Value; N], ConfigError> {
    saved.try_into().map_err(|_| ConfigError::Operator {
        operator,
        what: "its forward pass comes first",
    })
}

/// The axes of images: sample, height, width, channel.
fn image(p: &Program, operator: &'static str, x: Value) -> Result<[Axis; 4], ConfigError> {
    let axes = p.fact(x).axes.as_slice();
    axes.try_into().map_err(|_| ConfigError::Operator {
        operator,
        what: "it reads an image: height, width and channels",
    })
}

/// The exact sum of values of the same shape, with the fraction bits of the finest.
pub(super) fn total(p: &mut Program, name: String, values: &[Value]) -> Option<Value> {
    let (first, rest) = values.split_first()?;
    if rest.is_empty() {
        return Some(*first);
    }
    let axes = p.fact(*first).axes.clone();
    let indices = over(&axes);
    let fraction = values.iter().map(|x| p.fact(*x).fraction).max()?;
    let part = |x: &Value| {
        let factor = 1 << (fraction - p.fact(*x).fraction);
        term(factor, [at(*x, &indices)], &indices)
    };
    let terms = values.iter().map(part).collect();
    Some(p.sum(name, &axes, fraction, terms))
}
