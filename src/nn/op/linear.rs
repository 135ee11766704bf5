//! The affine map of a layer.
//!
//! $Z = X W + 2^f \mathbf{1} b$ for inputs of $f$ fraction bits (equation 2); $P = G W^{\mathsf T}$ (6);
//! the gradients are $X^{\mathsf T} G$ and $2^f \mathbf{1}^{\mathsf T} G$ (9, 10). All exact.
use super::{Forward, Op};
use crate::{
    error::ConfigError,
    nn::program::{Axis, Index, Program, Value, at, over, term},
};

/// A linear operator with a bias, on the last axis of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// Number of outputs.
    pub outputs: usize,
}

impl Op for Linear {
    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("linear", x)?;
        let fact = p.fact(x).clone();
        let Some((units, rest)) = fact.axes.split_last() else {
            return Err(ConfigError::Operator {
                operator: "linear",
                what: "its input has an axis of units",
            });
        };
        let (units, rest) = (*units, over(rest));
        let extended = p.extended(units);
        let outputs = p.axis(self.outputs);
        let weights = p.parameter(format!("W{label}"), &[extended, outputs]);
        // The constant one of the bias is real where the batch is: padding does not train.
        let one = p.one(&fact.axes[..fact.axes.len() - 1]);
        let indices = |last: Index| [rest.as_slice(), &[last]].concat();
        let terms = vec![
            term(1, [at(x, &over(&fact.axes))], &indices(Index::Body(units))),
            term(1 << fact.fraction, [at(one, &rest)], &indices(Index::Tail)),
        ];
        let axes = |last| with_last(&fact.axes, last);
        let name = format!("A{} with bias", label.saturating_sub(1));
        let input = p.sum(name, &axes(extended), fact.fraction, terms);
        let product = [
            at(input, &indices(extended.into())),
            at(weights, &over(&[extended, outputs])),
        ];
        let terms = vec![term(1, product, &indices(outputs.into()))];
        let fraction = fact.fraction + p.fact(weights).fraction;
        let output = p.sum(format!("Z{label}"), &axes(outputs), fraction, terms);
        Ok(Forward {
            output,
            saved: vec![input, weights],
        })
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        needs: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let [input, weights] = saved else {
            return Err(ConfigError::Operator {
                operator: "linear",
                what: "its forward pass comes first",
            });
        };
        let (input, weights) = (*input, *weights);
        let fact = p.fact(cotangent).clone();
        if fact.fraction != p.format().gradient_bits() {
            let what = "its output has to be rounded before anything that is not linear";
            return Err(ConfigError::Operator {
                operator: "linear",
                what,
            });
        }
        let (matrix, inputs) = (p.fact(weights).axes.clone(), p.fact(input).clone());
        let gradient = [
            at(input, &over(&inputs.axes)),
            at(cotangent, &over(&with_last(&inputs.axes, matrix[1]))),
        ];
        let terms = vec![term(1, gradient, &over(&matrix))];
        let fraction = inputs.fraction + fact.fraction;
        let gradient = p.sum(format!("gradient of W{label}"), &matrix, fraction, terms);
        p.gradient(weights, gradient);
        let wanted = needs.first() == Some(&true);
        let Some(units) = p.body(matrix[0]).filter(|_| wanted) else {
            return Ok(vec![None]);
        };
        let axes = with_last(&inputs.axes, units);
        let product = [
            at(cotangent, &over(&with_last(&axes, matrix[1]))),
            at(weights, &[Index::Body(units), matrix[1].into()]),
        ];
        let terms = vec![term(1, product, &over(&axes))];
        let fraction = fact.fraction + p.fact(weights).fraction;
        let name = format!("P{}", label.saturating_sub(1));
        Ok(vec![Some(p.sum(name, &axes, fraction, terms))])
    }
}

/// The axes with another one in place of the last.
fn with_last(axes: &[Axis], last: Axis) -> Vec<Axis> {
    let mut axes = axes.to_vec();
    axes.pop();
    axes.push(last);
    axes
}
