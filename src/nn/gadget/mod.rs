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
use super::program::{Gadget, Program, Purpose, Table, Value, at, over, term};
use crate::{check::Check, gkr::function::Function};

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
