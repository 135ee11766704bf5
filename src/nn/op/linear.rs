//! The affine map of a layer.
//!
//! $Z = X W + 2^f \mathbf{1} b$ for inputs of $f$ fraction bits (equation 2); $P = G W^{\mathsf T}$ (6);
//! the gradients are $X^{\mathsf T} G$ and $2^f \mathbf{1}^{\mathsf T} G$ (9, 10). All exact.
use super::{
    Chain, Forward, Kind, Op, Operator, ParameterShape,
    operator::{of_rounded, only, outputs},
};
use crate::{
    error::ConfigError,
    nn::{
        gadget,
        program::{Axis, Index, Program, Value, at, over, term},
    },
};

/// A linear operator with a bias, on the last axis of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// Number of outputs.
    pub outputs: usize,
}

/// A linear operator with a bias, on all of an input of several axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Number of outputs.
    pub outputs: usize,
}

pub(super) static LINEAR: Kind = Kind {
    code: 1,
    name: "linear",
    fields: &["outputs"],
    make: |numbers| {
        let outputs = outputs(numbers)?;
        Some(Operator::new(Linear { outputs }))
    },
};

impl Op for Linear {
    fn kind(&self) -> &'static Kind {
        &LINEAR
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.outputs as u64]
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        let (_, rest) = only(inputs)?.split_last().ok_or("its input has units")?;
        Ok([rest, &[self.outputs]].concat())
    }

    fn parameter(&self, inputs: &[&[usize]]) -> Option<ParameterShape> {
        Some(ParameterShape {
            rows: vec![*only(inputs).ok()?.last()?],
            outputs: self.outputs,
        })
    }

    // One rounding drops no more bits than weights have.
    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        of_rounded(inputs, false)
    }

    fn chain(&self) -> Chain {
        Chain::Linear
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("linear", x)?;
        let kept = p.fact(x).axes.len().saturating_sub(1);
        affine(p, label, (x, kept), self.outputs)
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        needs: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let wanted = needs.first() == Some(&true);
        Ok(vec![product_backward(
            p,
            label,
            saved,
            (cotangent, wanted),
        )?])
    }
}

pub(super) static DENSE: Kind = Kind {
    code: 13,
    name: "dense",
    fields: &["outputs"],
    make: |numbers| {
        let outputs = outputs(numbers)?;
        Some(Operator::new(Dense { outputs }))
    },
};

impl Op for Dense {
    fn kind(&self) -> &'static Kind {
        &DENSE
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.outputs as u64]
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        match only(inputs)? {
            [_, _, ..] => Ok(vec![self.outputs]),
            _ => Err("it reads an input of several dimensions"),
        }
    }

    fn parameter(&self, inputs: &[&[usize]]) -> Option<ParameterShape> {
        Some(ParameterShape {
            rows: only(inputs).ok()?.to_vec(),
            outputs: self.outputs,
        })
    }

    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        of_rounded(inputs, false)
    }

    fn chain(&self) -> Chain {
        Chain::Linear
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("dense", x)?;
        let mut forward = affine(p, label, (x, 1), self.outputs)?;
        forward.saved.push(x);
        Ok(forward)
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        needs: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let wanted = needs.first() == Some(&true);
        let back = product_backward(p, label, saved, (cotangent, wanted))?;
        let (Some(back), [_, _, x]) = (back, saved) else {
            return Ok(vec![None]);
        };
        let (fact, axes) = (p.fact(back).clone(), p.fact(*x).axes.clone());
        let terms = vec![term(1, [at(back, &over(&fact.axes))], &over(&axes))];
        let name = format!("P{} of pixels", label.saturating_sub(1));
        Ok(vec![Some(p.sum(name, &axes, fact.fraction, terms))])
    }
}

/// $Z = X W + 2^f \mathbf{1} b$, where the first `kept` axes of the input are those of the output but for the last.
fn affine(
    p: &mut Program,
    label: usize,
    (x, kept): (Value, usize),
    outputs: usize,
) -> Result<Forward, ConfigError> {
    let fact = p.fact(x).clone();
    let Some((rest, units)) = fact
        .axes
        .split_at_checked(kept)
        .filter(|(_, u)| !u.is_empty())
    else {
        return Err(ConfigError::Operator {
            operator: "linear",
            what: "its input has an axis of units",
        });
    };
    let units = p.group(units);
    let extended = p.extended(units);
    // The constant one of the bias is real where the batch is: padding does not train.
    let one = p.one(rest);
    let indices = |last: Index| [over(rest), vec![last]].concat();
    let terms = vec![
        term(1, [at(x, &over(&fact.axes))], &indices(Index::Body(units))),
        term(
            1 << fact.fraction,
            [at(one, &over(rest))],
            &indices(Index::Tail),
        ),
    ];
    let axes = [rest, &[extended]].concat();
    let name = format!("A{} with bias", label.saturating_sub(1));
    let input = p.sum(name, &axes, fact.fraction, terms);
    Ok(product(p, label, input, outputs))
}

/// $Z = X W$ for an input whose last axis is extended by the constant one.
pub(super) fn product(p: &mut Program, label: usize, input: Value, outputs: usize) -> Forward {
    let fact = p.fact(input).clone();
    let outputs = p.axis(outputs);
    let extended = fact.axes.last().copied().unwrap_or(outputs);
    let weights = p.parameter(format!("W{label}"), &[extended, outputs]);
    let axes = with_last(&fact.axes, outputs);
    let operands = [
        at(input, &over(&fact.axes)),
        at(weights, &over(&[extended, outputs])),
    ];
    let terms = vec![term(1, operands, &over(&axes))];
    let fraction = fact.fraction + p.fact(weights).fraction;
    let output = p.sum(format!("Z{label}"), &axes, fraction, terms);
    Forward {
        output,
        saved: vec![input, weights],
    }
}

/// The gradient of the weights of a [`product`], and what comes back to its input, if it is wanted, on the body of
/// the extended axis.
pub(super) fn product_backward(
    p: &mut Program,
    label: usize,
    saved: &[Value],
    (cotangent, wanted): (Value, bool),
) -> Result<Option<Value>, ConfigError> {
    let [input, weights] = super::saved("linear", saved.get(..2).unwrap_or(saved))?;
    let cotangent = gadget::gradient(p, format!("G{label} rounded"), cotangent);
    let bits = p.fact(cotangent).fraction;
    let (matrix, inputs) = (p.fact(weights).axes.clone(), p.fact(input).clone());
    let gradient = [
        at(input, &over(&inputs.axes)),
        at(cotangent, &over(&with_last(&inputs.axes, matrix[1]))),
    ];
    let terms = vec![term(1, gradient, &over(&matrix))];
    let fraction = inputs.fraction + bits;
    let gradient = p.sum(format!("gradient of W{label}"), &matrix, fraction, terms);
    p.gradient(weights, gradient);
    let Some(units) = p.body(matrix[0]).filter(|_| wanted) else {
        return Ok(None);
    };
    let axes = with_last(&inputs.axes, units);
    let product = [
        at(cotangent, &over(&with_last(&axes, matrix[1]))),
        at(weights, &[Index::Body(units), matrix[1].into()]),
    ];
    let terms = vec![term(1, product, &over(&axes))];
    let fraction = bits + p.fact(weights).fraction;
    let name = format!("P{}", label.saturating_sub(1));
    Ok(Some(p.sum(name, &axes, fraction, terms)))
}

/// The axes with another one in place of the last.
fn with_last(axes: &[Axis], last: Axis) -> Vec<Axis> {
    let mut axes = axes.to_vec();
    axes.pop();
    axes.push(last);
    axes
}
