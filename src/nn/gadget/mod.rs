//! What a proof commits to: rounded numbers, and what tables say of them.
//!
//! Only here a program gets committed values: an operator that is wrong computes something else, but
//! cannot leave a prover a choice. A rounded number is always looked up in a table, which is the proof of
//! its range: without one, every remainder has a field element that fits.
//!
//! **Rounding.** $y = \mathrm{round_k}(z)$ is the only $y$ in a range with $z - 2^k y \in
//! \lbrack -2^{k-1}, 2^{k-1})$; that is proven by limbs whose widths sum to exactly $k$, the top one signed.
//!
//! **Tables.** The tuple of a number and its images is in the table, one lookup. Where an image of zero is not
//! zero, the table has a flag as its first component, which is one on real entries alone: padding is then
//! forced to zero, and no number has a second image.
//!
//! **What a rule computes**, a level, a mean, a root, a choice, is a hint. It is proven by ranges of exact sums of
//! it, or by sums that are zero: each file says which, and why one number alone satisfies them. Ranges from zero up to a
//! number that is no power of two are `between`: they carry the mask, and leave zero alone where it is zero.
#[cfg(test)]
pub(crate) mod cheats;
mod maximum;
mod mean;
mod one_hot;
mod root;
mod softmax;
#[cfg(test)]
mod tests;

pub use maximum::{Choice, first_maximum};
pub use mean::mean;
pub use one_hot::one_hot;
pub use root::{Epsilon, inverse_root};
pub use softmax::{Probabilities, softmax};

use super::{
    fixed::ceil_log2,
    program::{
        Axis, Gadget, Program, Purpose, Range, Rule, SAMPLE, Table, Term, Value, at, over, term,
    },
};
use crate::{check::Check, error::ConfigError, gkr::function::Function};
use std::sync::Arc;

/// `x` with at least so many fraction bits, exact.
pub fn shifted(p: &mut Program, name: &str, x: Value, fraction: u32) -> Value {
    let fact = p.fact(x).clone();
    if fact.fraction >= fraction {
        return x;
    }
    let indices = over(&fact.axes);
    let factor = 1 << (fraction - fact.fraction);
    let terms = vec![term(factor, [at(x, &indices)], &indices)];
    p.sum(name, &fact.axes, fraction, terms)
}

/// `x` rounded to `fraction` bits, in a signed range of `bits` bits; `x` itself if it has no more.
pub fn rounded(
    p: &mut Program,
    name: String,
    x: Value,
    (fraction, bits): (u32, u32),
    check: Check,
) -> Value {
    if p.fact(x).fraction <= fraction {
        return shifted(p, &name, x, fraction);
    }
    let table = Table::Signed(bits);
    let y = round(p, name, x, fraction, table);
    look_up(p, None, (y, Vec::new()), table, check);
    y
}

/// A cotangent rounded to the bits and the range of gradients; itself, but for its point, if it has no more.
pub fn gradient(p: &mut Program, name: String, cotangent: Value) -> Value {
    let format = p.format();
    let to = (format.gradient_bits(), format.gradient_range_bits());
    rounded(p, name, cotangent, to, Check::GradientRange)
}

/// `x` rounded to `fraction` bits, in a signed range of `bits` bits that is cut into limbs; `x` itself if it has no more.
///
/// # Errors
/// [`ConfigError::TooWide`], naming `what`.
pub fn settled(
    p: &mut Program,
    (name, what): (String, &'static str),
    x: Value,
    (fraction, bits): (u32, u32),
    check: Check,
) -> Result<Value, ConfigError> {
    if p.fact(x).fraction <= fraction {
        return Ok(shifted(p, &name, x, fraction));
    }
    let bits = bits.min(Range::MAX_BITS + 1);
    let y = round(p, name, x, fraction, Table::Signed(bits));
    within(p, what, y, Range::Signed(bits), check)?;
    Ok(y)
}

/// Bits of the signed range of all that a value can be rounded to, with `fraction` bits.
///
/// # Errors
/// [`ConfigError::Operator`] if it depends on parameters.
pub fn bits_of(
    p: &Program,
    operator: &'static str,
    x: Value,
    fraction: u32,
) -> Result<u32, ConfigError> {
    let dropped = p.fact(x).fraction.saturating_sub(fraction);
    let largest = bounded(p, operator, x)?.checked_shr(dropped).unwrap_or(0);
    Ok(ceil_log2(largest.saturating_add(2)) + 1)
}

/// A rounded number and its sign.
pub struct Signed {
    /// `y`, rounded.
    pub value: Value,
    /// `[y > 0]` in training, where it is the slope of the rectifier; else `[y < 0]`.
    pub sign: Value,
}

/// `y`, that is `x` rounded to `fraction` bits, and where it is positive or negative.
pub fn signed(
    p: &mut Program,
    (name, sign): (String, String),
    x: Value,
    (fraction, bits): (u32, u32),
    check: Check,
) -> Signed {
    let table = match p.purpose() {
        Purpose::Training => Table::Positive(bits),
        // The sign of a number is that of its top limb: where few are looked up, limbs are cheaper.
        Purpose::Inference => Table::Negative(bits),
    };
    let value = keyed(p, name, x, fraction, table);
    let axes = p.fact(value).axes.clone();
    let sign = p.commit(sign, &axes, 0, 1);
    look_up(p, None, (value, vec![sign]), table, check);
    Signed { value, sign }
}

/// A rounded number, a function of it, and the slope there, if it was asked for.
pub struct Tabulated {
    /// `f(y)`, with as many fraction bits as `y`.
    pub value: Value,
    /// `f'(y)`.
    pub slope: Option<Value>,
}

/// `f(y)` of `y`, that is `x` rounded to `fraction` bits; the slope, if there is one, has `slope` fraction bits.
pub fn tabulated(
    p: &mut Program,
    names: [String; 3],
    x: Value,
    function: Function,
    (fraction, bits, slope): (u32, u32, Option<u32>),
    check: Check,
) -> Tabulated {
    let table = Table::Function {
        function,
        bits,
        fraction,
        slope,
    };
    let [y, f, derivative] = names;
    let key = keyed(p, y, x, fraction, table);
    let axes = p.fact(key).axes.clone();
    // No function here is larger than its argument and one.
    let value = p.commit(f, &axes, fraction, (1 << (bits - 1)) + (1 << fraction));
    // Nor steeper than two.
    let slope = slope.map(|bits| p.commit(derivative, &axes, bits, 2 << bits));
    let live = p.one(&axes);
    let images = std::iter::once(value).chain(slope).collect();
    look_up(p, Some(live), (key, images), table, check);
    Tabulated { value, slope }
}

/// The value, of no axes, is told.
pub fn tell(p: &mut Program, value: Value, check: Check) {
    p.push_gadget(Gadget::Tell { value, check });
}

/// `x` is in a signed range.
pub fn ranged(p: &mut Program, x: Value, bits: u32, check: Check) {
    look_up(p, None, (x, Vec::new()), Table::Signed(bits), check);
}

/// What is looked up in a table: `x` rounded, or as it is.
fn keyed(p: &mut Program, name: String, x: Value, fraction: u32, table: Table) -> Value {
    match p.fact(x).fraction > fraction {
        true => round(p, name, x, fraction, table),
        false => shifted(p, &name, x, fraction),
    }
}

/// A number rounded to the range of a table; the lookup is the caller's.
fn round(p: &mut Program, name: String, x: Value, fraction: u32, table: Table) -> Value {
    let fact = p.fact(x).clone();
    let narrow = p.commit(name, &fact.axes, fraction, 1 << (table.bits() - 1));
    p.push_gadget(Gadget::Round {
        wide: x,
        narrow,
        shift: fact.fraction - fraction,
        table,
    });
    narrow
}

fn look_up(
    p: &mut Program,
    live: Option<Value>,
    (key, images): (Value, Vec<Value>),
    table: Table,
    check: Check,
) {
    p.push_gadget(Gadget::Lookup {
        live,
        key,
        images,
        table,
        check,
    });
}

/// Values that a rule computes, row by row along `rows`; their proof is the caller's.
fn compute(
    p: &mut Program,
    rule: impl Rule + 'static,
    rows: &[Axis],
    of: &[Value],
    made: &[Value],
) {
    p.push_gadget(Gadget::Compute {
        rule: Arc::new(rule),
        rows: rows.to_vec(),
        of: of.to_vec(),
        made: made.to_vec(),
    });
}

/// A value, exact or committed, is in a range.
///
/// # Errors
/// [`ConfigError::TooWide`], naming `what`.
fn within(
    p: &mut Program,
    what: &'static str,
    value: Value,
    range: Range,
    check: Check,
) -> Result<(), ConfigError> {
    let (bits, max) = (range.bits(), Range::MAX_BITS);
    if bits > max {
        return Err(ConfigError::TooWide { what, bits, max });
    }
    p.push_gadget(Gadget::Range {
        value,
        range,
        check,
    });
    Ok(())
}

/// A value is from 0 to `high` where `one` is one, and zero where it is zero: it is not negative, and neither is what it
/// lacks of `high`.
///
/// # Errors
/// [`ConfigError::TooWide`], naming `what`.
fn between(
    p: &mut Program,
    what: &'static str,
    (value, one): (Value, Value),
    high: u128,
    check: Check,
) -> Result<(), ConfigError> {
    let bits = ceil_log2(high.saturating_add(1));
    within(p, what, value, Range::Unsigned(bits), check)?;
    let fact = p.fact(value).clone();
    let indices = over(&fact.axes);
    let terms = vec![
        term(high as i128, [at(one, &indices)], &indices),
        term(-1, [at(value, &indices)], &indices),
    ];
    let name = format!("what {} lacks", p.name(value));
    let lack = p.sum(name, &fact.axes, fact.fraction, terms);
    within(p, what, lack, Range::Unsigned(bits), check)
}

/// A sum is zero at every entry.
fn zero(
    p: &mut Program,
    name: String,
    (axes, fraction): (&[Axis], u32),
    terms: Vec<Term>,
    check: Check,
) {
    let value = p.sum(name, axes, fraction, terms);
    p.push_gadget(Gadget::Zero { value, check });
}

/// The last axis of a value, and those before it, among which samples are.
///
/// # Errors
/// [`ConfigError::Operator`] if it has no such axes.
fn rows(
    p: &Program,
    operator: &'static str,
    value: Value,
) -> Result<(Vec<Axis>, Axis), ConfigError> {
    match p.fact(value).axes.split_last() {
        Some((last, rows)) if rows.first() == Some(&SAMPLE) => Ok((rows.to_vec(), *last)),
        _ => Err(ConfigError::Operator {
            operator,
            what: "what it reads has a row for each sample",
        }),
    }
}

/// A bound on the magnitude of a value that does not depend on parameters.
///
/// # Errors
/// [`ConfigError::Operator`] of others.
pub fn bounded(p: &Program, operator: &'static str, value: Value) -> Result<u128, ConfigError> {
    p.fact(value).bound.ok_or(ConfigError::Operator {
        operator,
        what: "what it reads has to be rounded first",
    })
}
