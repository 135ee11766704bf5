//! Operators: what networks are made of, forward and backward, each in a file.
//!
//! An operator emits its arithmetic into a [`Program`]; it does not compute anything, and it knows no proof.
//! Sums and products are exact and raise the number of fraction bits; only where a
//! [`gadget`](super::gadget) rounds, precision is dropped, once for everything linear that happened to a
//! value. A value that several operators read gets the exact sum of their cotangents.

mod activation;
mod add;
mod linear;
pub mod loss;
mod round;
#[cfg(test)]
mod tests;

pub use activation::{Activation, Nonlinearity, SLOPE_BITS};
pub use add::Add;
pub use linear::Linear;
pub use round::Round;

use super::program::{Program, Value, at, over, term};
use crate::error::ConfigError;

/// What an operator makes.
pub struct Forward {
    /// The output.
    pub output: Value,
    /// What the backward pass needs.
    pub saved: Vec<Value>,
}

/// A part of a network.
pub trait Op {
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
