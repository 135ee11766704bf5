//! Losses: what training makes small, and what an evaluation tells.
use crate::{
    check::Check,
    error::ConfigError,
    nn::{
        gadget::{self, Probabilities},
        program::{Program, Value, at, over, term},
    },
};

/// What training makes small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Half the sum of squared errors of numbers.
    SquaredError,
    /// The cross-entropy of the softmax of scores, of a class.
    CrossEntropy,
}

/// The cotangent of half the sum of squared errors, $2^{g-s} (Y - X)$ (equation 5), exact.
pub fn squared_error_cotangent(p: &mut Program, label: usize, y: Value, targets: Value) -> Value {
    let (s, g) = (p.format().activation_bits(), p.format().gradient_bits());
    difference(p, format!("G{label}"), (y, targets), (1 << (g - s), g))
}

/// Tells the sum over samples and units of squared errors $(Y - X)^2$, equation 12 but for its scale.
pub fn tell_squared_error(p: &mut Program, y: Value, targets: Value) -> Value {
    let s = p.format().activation_bits();
    let error = difference(p, "error".into(), (y, targets), (1, s));
    let indices = over(&p.fact(error).axes.clone());
    let square = term(1, [at(error, &indices), at(error, &indices)], &[]);
    let sum = p.sum("sum of squares", &[], 2 * s, vec![square]);
    gadget::tell(p, sum, Check::SquaredError);
    sum
}

/// The cotangent of the cross-entropy of classes, $P - 2^g O$, exact: the softmax of logits, and one where the label is.
///
/// Logits are exact, and rounded inside the softmax alone; the label has one column.
///
/// # Errors
/// [`ConfigError`] if the format has no numbers for a softmax of so many classes.
pub fn cross_entropy_cotangent(
    p: &mut Program,
    label: usize,
    logits: Value,
    targets: Value,
) -> Result<Value, ConfigError> {
    let axes = p.fact(logits).axes.clone();
    let classes = axes.last().copied().ok_or(ConfigError::Operator {
        operator: "cross-entropy",
        what: "its input has an axis of classes",
    })?;
    let g = p.format().gradient_bits();
    let probabilities = gadget::softmax(p, "softmax", logits, None, Probabilities::Gradient)?;
    let labels = gadget::one_hot(p, "labels", targets, classes)?;
    let indices = over(&axes);
    let terms = vec![
        term(1, [at(probabilities, &indices)], &indices),
        term(-(1 << g), [at(labels, &indices)], &indices),
    ];
    Ok(p.sum(format!("G{label}"), &axes, g, terms))
}

/// Tells how many samples have their label at the first maximum of their logits, which are rounded.
///
/// # Errors
/// [`ConfigError`] if the range of logits is too wide for a maximum.
pub fn tell_accuracy(p: &mut Program, logits: Value, targets: Value) -> Result<Value, ConfigError> {
    let choice = gadget::first_maximum(p, "answer", logits)?;
    let axes = p.fact(choice.bits).axes.clone();
    let classes = axes.last().copied().ok_or(ConfigError::Operator {
        operator: "accuracy",
        what: "its input has an axis of classes",
    })?;
    let labels = gadget::one_hot(p, "labels", targets, classes)?;
    let indices = over(&axes);
    let right = term(1, [at(choice.bits, &indices), at(labels, &indices)], &[]);
    let right = p.sum("right answers", &[], 0, vec![right]);
    gadget::tell(p, right, Check::Accuracy);
    Ok(right)
}

/// `factor * (y - targets)`.
fn difference(
    p: &mut Program,
    name: String,
    (y, targets): (Value, Value),
    (factor, fraction): (i128, u32),
) -> Value {
    let axes = p.fact(y).axes.clone();
    let indices = over(&axes);
    let terms = vec![
        term(factor, [at(y, &indices)], &indices),
        term(-factor, [at(targets, &indices)], &indices),
    ];
    p.sum(name, &axes, fraction, terms)
}
