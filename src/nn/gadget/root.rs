//! The inverse root of the mean square of a row.
//!
//! Of numbers $c_j$ of $f$ fraction bits, with $V = \sum_j c_j^2 + \rho \epsilon$ and $X = d 2^{2 f + 2 q}$, where
//! $\epsilon \ge 1$ is $d$ times a public number, of $2 f$ fraction bits, and $\rho$ is one on real rows: $r$ is the integer
//! nearest to $2^q / \sqrt{V / (d 2^{2 f})} = \sqrt{X / V}$.
//!
//! **Proof.** $r$ is committed, from 0 to the largest that there is, and
//! $$ 4 \rho X - (2 r - 1)^2 V \ge 0, \qquad (2 r + 1)^2 V - \rho (4 X + 1) \ge 0, $$
//! of $r^2 V$, $r V$ and $V$ with a virtual $r^2$.
//!
//! **Why one number.** $V$ is a sum of squares and a positive number. For integers $r \ge 0$, which do not let anything
//! wrap, $(2 r - 1)^2 V \le 4 X < (2 r + 1)^2 V$ holds of one alone: these intervals have no point in common, and $r = 0$
//! would ask for $V \le 4 X < V$. Without the range of $r$ squares might wrap around the field.
//!
//! **Padding.** $V = \rho = 0$ says nothing of $r$: its range carries the mask, and leaves 0.
use super::{between, bounded, ceil_log2, compute, rows as rows_of, within};
use crate::{
    check::Check,
    error::ConfigError,
    nn::program::{Outside, Program, Range, Rule, Value, at, over, term},
};

/// What is added to a mean square, so that it is not zero: in units of $10^{-12}$, from 0 to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epsilon(u64);

impl Epsilon {
    /// Units of a one.
    pub const ONE: u64 = 1_000_000_000_000;

    /// So many units.
    ///
    /// # Errors
    /// [`ConfigError::Operator`] above one.
    pub fn new(units: u64) -> Result<Self, ConfigError> {
        match units <= Self::ONE {
            true => Ok(Self(units)),
            false => Err(ConfigError::Operator {
                operator: "norm",
                what: "epsilon is at most one",
            }),
        }
    }

    /// Units.
    pub fn units(self) -> u64 {
        self.0
    }

    /// `count` times it with so many fraction bits, rounded to nearest, ties up; at least 1.
    fn scaled(self, count: usize, fraction: u32) -> Option<u128> {
        let whole = u128::from(self.0).checked_mul(count as u128)?;
        let one = u128::from(Self::ONE);
        let doubled = shifted(whole, fraction + 1)?;
        Some((doubled.checked_add(one)? / (2 * one)).max(1))
    }
}

/// `x 2^bits`, if it is below `2^126`.
fn shifted(x: u128, bits: u32) -> Option<u128> {
    let fits = u128::BITS - x.leading_zeros() + bits <= 126;
    fits.then(|| x << bits)
}

/// The inverse root of the mean square of a value along its last axis, with `q` fraction bits.
///
/// # Errors
/// [`ConfigError`] if the value depends on parameters, or is so large that the ranges would be too wide.
pub fn inverse_root(
    p: &mut Program,
    name: &str,
    c: Value,
    (epsilon, q): (Epsilon, u32),
) -> Result<Value, ConfigError> {
    bounded(p, "norm", c)?;
    let (rows, units) = rows_of(p, "norm", c)?;
    let (count, fraction) = (p.len(units), 2 * p.fact(c).fraction);
    let too_wide = ConfigError::TooWide {
        what: "the inverse root of a row",
        bits: fraction + 2 * q + ceil_log2(count as u128),
        max: 124,
    };
    let numbers = epsilon.scaled(count, fraction);
    let numbers = numbers.zip(shifted(count as u128, fraction + 2 * q + 2));
    let Some((offset, target)) = numbers else {
        return Err(too_wide);
    };
    let one = p.one(&rows);
    let (of, squares) = (over(&rows), over(&p.fact(c).axes.clone()));
    let terms = vec![
        term(1, [at(c, &squares), at(c, &squares)], &of),
        term(offset as i128, [at(one, &of)], &of),
    ];
    let energy = p.sum(format!("energy of {name}"), &rows, fraction, terms);
    let largest = root(target, offset);
    let r = p.commit(name.into(), &rows, q, largest);
    let rule = Root { target, count };
    compute(p, rule, &rows, &[energy, one], &[r]);
    between(p, "an inverse root", (r, one), largest, Check::Root)?;
    brackets(p, (energy, r, one), target)?;
    Ok(r)
}

/// The two inequalities, with `target` four times $X$.
fn brackets(
    p: &mut Program,
    (energy, r, one): (Value, Value, Value),
    target: u128,
) -> Result<(), ConfigError> {
    let rows = p.fact(r).axes.clone();
    let (of, name) = (over(&rows), p.name(r).to_owned());
    let (q, fraction) = (p.fact(r).fraction, p.fact(energy).fraction);
    let part = |value: Value| at(value, &of);
    let square = vec![term(1, [part(r), part(r)], &of)];
    let square = p.sum(format!("square of {name}"), &rows, 2 * q, square);
    // A slack is at most 8 r V, with r at most half a unit above the root of X / V.
    let bound = p.fact(energy).bound.map_or(u32::MAX, ceil_log2);
    let half = (ceil_log2(target) + bound.min(128)).div_ceil(2);
    let range = Range::Unsigned(1 + (half + 2).max(bound.min(128) + 2));
    let target = target as i128;
    let sides = [
        ("below", -1, target, Check::RootBelow),
        ("above", 1, -(target + 1), Check::RootAbove),
    ];
    for (side, sign, constant, check) in sides {
        let terms = vec![
            term(4 * sign, [part(square), part(energy)], &of),
            term(4, [part(r), part(energy)], &of),
            term(sign, [part(energy)], &of),
            term(constant, [part(one)], &of),
        ];
        let name = format!("{name}, from {side}");
        let slack = p.sum(name, &rows, fraction + 2 * q, terms);
        within(p, "the inverse root of a row", slack, range, check)?;
    }
    Ok(())
}

/// The integer nearest to the root of `target / (4 energy)`.
fn root(target: u128, energy: u128) -> u128 {
    (target / energy.max(1)).isqrt().div_ceil(2)
}

/// Of rows of so many entries, with four times $X$.
#[derive(Debug)]
struct Root {
    target: u128,
    count: usize,
}

impl Rule for Root {
    fn integers(&self, of: &[&[i128]], made: &mut [Vec<i128>]) -> Result<(), Outside> {
        let ([energy, one], [r]) = (of, made) else {
            return Ok(());
        };
        for ((r, energy), one) in r.iter_mut().zip(*energy).zip(*one) {
            if *one != 0 && *energy > 0 {
                *r = root(self.target, energy.unsigned_abs()) as i128;
            }
        }
        Ok(())
    }

    fn reals(&self, of: &[&[f64]], made: &mut [Vec<f64>]) {
        let ([energy, _], [r]) = (of, made) else {
            return;
        };
        let pairs = r.iter_mut().zip(*energy);
        pairs.for_each(|(r, energy)| *r = (self.count as f64 / energy).sqrt());
    }
}
