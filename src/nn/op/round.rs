//! Rounding of what is linear: $Y = \mathrm{round}(Z)$, and $H = \mathrm{round}(P)$ backward.
//!
//! A network ends in one, and so says what its outputs are: numbers, or scores of classes.
use super::{Chain, Forward, Kind, Loss, Op, Operator, operator::only};
use crate::{
    check::Check,
    error::ConfigError,
    nn::{
        gadget,
        program::{Program, Purpose, Value},
    },
};

/// Rounds to the fraction bits and the range of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round;

/// The same, of the scores of classes that a network ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scores;

pub(super) static ROUND: Kind = Kind {
    code: 2,
    name: "round",
    fields: &[],
    make: |_| Some(Operator::new(Round)),
};

pub(super) static SCORES: Kind = Kind {
    code: 9,
    name: "scores",
    fields: &[],
    make: |_| Some(Operator::new(Scores)),
};

impl Op for Round {
    fn kind(&self) -> &'static Kind {
        &ROUND
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        Ok(only(inputs)?.to_vec())
    }

    // It makes a value of its own, that a proof can open as the output.
    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        match inputs {
            true => Err("what it reads has nothing to round"),
            false => Ok(true),
        }
    }

    fn chain(&self) -> Chain {
        Chain::Linear
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::SquaredError)
    }

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
        let h = gadget::gradient(p, format!("H{label}"), cotangent);
        Ok(vec![Some(h)])
    }
}

impl Op for Scores {
    fn kind(&self) -> &'static Kind {
        &SCORES
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        match only(inputs)? {
            [classes] if *classes > 1 => Ok(vec![*classes]),
            _ => Err("it reads a vector of scores of two or more classes"),
        }
    }

    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        Round.is_rounded(inputs)
    }

    fn chain(&self) -> Chain {
        Round.chain()
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::CrossEntropy)
    }

    // A loss rounds scores itself, and to fewer bits: training needs no others.
    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        match p.purpose() {
            Purpose::Training => Ok(Forward {
                output: super::single("scores", x)?,
                saved: Vec::new(),
            }),
            Purpose::Inference => Round.forward(p, label, x),
        }
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        needs: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        Round.backward(p, label, saved, cotangent, needs)
    }
}
