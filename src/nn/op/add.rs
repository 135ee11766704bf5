//! The exact sum of values of one shape: a residual connection.
use super::{Chain, Forward, Kind, Op, Operator, total};
use crate::{
    error::ConfigError,
    nn::program::{Program, Value},
};

/// A sum of two or more inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Add;

pub(super) static KIND: Kind = Kind {
    code: 3,
    name: "add",
    fields: &[],
    make: |_| Some(Operator::new(Add)),
};

impl Op for Add {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        match inputs {
            [first, _, ..] if inputs.iter().all(|shape| shape == first) => Ok(first.to_vec()),
            _ => Err("it has two or more inputs of one shape"),
        }
    }

    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        Ok(inputs)
    }

    fn chain(&self) -> Chain {
        Chain::Exact
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let shapes: Vec<_> = x.iter().map(|x| p.shape(*x)).collect();
        if x.len() < 2 || shapes.windows(2).any(|two| two[0] != two[1]) {
            let what = "it has two or more inputs of one shape";
            return Err(ConfigError::Operator {
                operator: "add",
                what,
            });
        }
        let output = total(p, format!("X{label}"), x);
        let output = output.ok_or(ConfigError::Operator {
            operator: "add",
            what: "no input",
        })?;
        Ok(Forward {
            output,
            saved: x.to_vec(),
        })
    }

    fn backward(
        &self,
        _: &mut Program,
        _: usize,
        saved: &[Value],
        cotangent: Value,
        needs: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let each = saved.iter().zip(needs);
        Ok(each
            .map(|(_, needed)| needed.then_some(cotangent))
            .collect())
    }
}
