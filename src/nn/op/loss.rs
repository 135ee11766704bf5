//! Losses: what training makes small, and what an evaluation tells.
use crate::{
    check::Check,
    nn::{
        gadget,
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
