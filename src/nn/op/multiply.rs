//! The exact product of two values of one shape, entry by entry: a gate.
//!
//! Backward the cotangent is rounded first, for the reason of [activations](super::Activation): $H = \mathrm{round}(P)$, then
//! $H \cdot y$ and $H \cdot x$.
use super::{Chain, Forward, Kind, Op, Operator, operator::of_rounded};
use crate::{
    error::ConfigError,
    nn::{
        gadget,
        program::{Program, Value, at, over, term},
    },
};

/// A product of two inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiply;

const NAME: &str = "multiply";

pub(super) static KIND: Kind = Kind {
    code: 14,
    name: NAME,
    fields: &[],
    make: |_| Some(Operator::new(Multiply)),
};

impl Op for Multiply {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        match inputs {
            [first, second] if first == second => Ok(first.to_vec()),
            _ => Err("it has two inputs of one shape"),
        }
    }

    // A factor that depends on parameters would be computed anew for each step of a proof.
    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        of_rounded(inputs, false)
    }

    fn chain(&self) -> Chain {
        Chain::Exact
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        match x {
            [a, b] if p.shape(*a) == p.shape(*b) => {
                gadget::bounded(p, NAME, *a)?;
                gadget::bounded(p, NAME, *b)?;
                Ok(Forward {
                    output: product(p, format!("X{label}"), (*a, *b)),
                    saved: x.to_vec(),
                })
            }
            _ => Err(ConfigError::Operator {
                operator: NAME,
                what: "it has two inputs of one shape",
            }),
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
        let [a, b] = super::saved(NAME, saved)?;
        let h = gadget::gradient(p, format!("H{label}"), cotangent);
        let others = [(0, b), (1, a)];
        let back = others.map(|(k, other)| {
            let needed = needs.get(k) == Some(&true);
            needed.then(|| product(p, format!("G{label}"), (h, other)))
        });
        Ok(back.to_vec())
    }
}

fn product(p: &mut Program, name: String, (a, b): (Value, Value)) -> Value {
    let (axes, fraction) = (
        p.fact(a).axes.clone(),
        p.fact(a).fraction + p.fact(b).fraction,
    );
    let indices = over(&axes);
    let terms = vec![term(1, [at(a, &indices), at(b, &indices)], &indices)];
    p.sum(name, &axes, fraction, terms)
}
