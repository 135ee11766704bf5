//! Rounding of a network's output: $Y = \mathrm{round}(Z)$, and $H = \mathrm{round}(P)$ backward.
use super::{Forward, Op};
use crate::{
    check::Check,
    error::ConfigError,
    nn::{
        gadget,
        program::{Program, Value},
    },
};

/// Rounds to the fraction bits and the range of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round;

impl Op for Round {
    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("round", x)?;
        let format = p.format();
        let to = (format.activation_bits(), format.output_range_bits());
        let output = gadget::rounded(p, format!("Y{label}"), x, to, Check::OutputRange);
        let saved = Vec::new();
        Ok(Forward { output, saved })
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        _: &[Value],
        cotangent: Value,
        _: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let format = p.format();
        let to = (format.gradient_bits(), format.gradient_range_bits());
        let name = format!("H{label}");
        Ok(vec![Some(gadget::rounded(
            p,
            name,
            cotangent,
            to,
            Check::GradientRange,
        ))])
    }
}
