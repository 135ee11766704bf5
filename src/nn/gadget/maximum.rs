//! The first maximum of a row.
//!
//! **Proof.** Bits $B_j$ of the maximum are committed, with $M = \sum_j B_j x_j$ and
//! $$ \sum_j B_j = \rho, \qquad \left( m_j, \; m_j M - x_j - \sum_{i > j} B_i, \; B_j \right) \in
//! \lbrace (0, 0, 0) \rbrace \cup \lbrace (1, 0, 1) \rbrace \cup \lbrace (1, u, 0) : u \ge 0 \rbrace. $$
//! $m$ is one on real entries, $\rho$ on real rows.
//!
//! **Why one choice.** The table makes bits of $B$, and there is one: $M$ is an entry. What comes before it lacks
//! at least one of $M$, what comes behind it lacks nothing or more, so that it is the first of the largest. Differences
//! are at most twice the bound of $x$: they do not wrap, and all of them are in the table.
//!
//! **Padding.** Where $m = 0$ the table has zeros alone; $M$ and $x$ are zero on padded rows, and on padded columns
//! neither $M$ nor a later bit is counted.
use super::{bounded, ceil_log2, compute, look_up, rows as rows_of, zero};
use crate::{
    check::Check,
    error::ConfigError,
    nn::program::{Axis, Known, Outside, Program, Rule, Table, Value, at, over, term},
};

/// Which entry of a row is the first of the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// One at that entry, else zero.
    pub bits: Value,
    /// The maximum, exact: of the rows.
    pub value: Value,
}

/// Most bits of the table of differences.
const MAX_BITS: u32 = 24;

/// The first maximum of a value along its last axis.
///
/// # Errors
/// [`ConfigError`] if the value depends on parameters, or rows or numbers are too large.
pub fn first_maximum(p: &mut Program, name: &str, x: Value) -> Result<Choice, ConfigError> {
    let bound = bounded(p, "maximum", x)?;
    let (rows, units) = rows_of(p, "maximum", x)?;
    let bits = ceil_log2(bound.saturating_mul(2).saturating_add(3));
    if bits > MAX_BITS {
        return Err(ConfigError::TooWide {
            what: "the difference of two entries of a maximum",
            bits,
            max: MAX_BITS,
        });
    }
    let fact = p.fact(x).clone();
    let (of, each, last) = (over(&rows), over(&fact.axes), over(&[units]));
    let (flag, one, columns) = (p.one(&fact.axes), p.one(&rows), p.one(&[units]));
    let chosen = p.commit(name.into(), &fact.axes, 0, 1);
    compute(p, First, &rows, &[x, flag], &[chosen]);
    let terms = vec![
        term(1, [at(chosen, &each)], &of),
        term(-1, [at(one, &of)], &of),
    ];
    zero(
        p,
        format!("sum of {name}"),
        (&rows, 0),
        terms,
        Check::MaximumSum,
    );
    let product = [at(chosen, &each), at(x, &each)];
    let name_of = |what: &str| format!("{what} of {name}");
    let value = p.sum(
        name_of("maximum"),
        &rows,
        fact.fraction,
        vec![term(1, product, &of)],
    );
    // The other entries of a row, on axes of their own.
    let here = p.leaves(units);
    let others: Vec<Axis> = here.iter().map(|axis| p.axis(p.len(*axis))).collect();
    let pairs = [here, others.clone()].concat();
    let later = p.known("later entries", Known::Later, &pairs)?;
    let other = p.group(&others);
    let behind = [of.as_slice(), &over(&[other])].concat();
    let terms = vec![
        term(1, [at(value, &of), at(columns, &last)], &each),
        term(-1, [at(x, &each)], &each),
        term(-1, [at(later, &over(&pairs)), at(chosen, &behind)], &each),
    ];
    let lack = p.sum(name_of("lack"), &fact.axes, fact.fraction, terms);
    let table = Table::Maximum(bits);
    look_up(
        p,
        Some(flag),
        (lack, vec![chosen]),
        table,
        Check::FirstMaximum,
    );
    Ok(Choice {
        bits: chosen,
        value,
    })
}

#[derive(Debug)]
struct First;

impl Rule for First {
    fn integers(&self, of: &[&[i128]], made: &mut [Vec<i128>]) -> Result<(), Outside> {
        if let ([x, live], [bits]) = (of, made) {
            let live = live.iter().map(|live| *live != 0);
            choose(x, live, |a, b| a > b)
                .and_then(|at| bits.get_mut(at))
                .into_iter()
                .for_each(|bit| *bit = 1);
        }
        Ok(())
    }

    fn reals(&self, of: &[&[f64]], made: &mut [Vec<f64>]) {
        if let ([x, live], [bits]) = (of, made) {
            let live = live.iter().map(|live| *live != 0.0);
            choose(x, live, |a, b| a > b)
                .and_then(|at| bits.get_mut(at))
                .into_iter()
                .for_each(|bit| *bit = 1.0);
        }
    }
}

/// The first of the largest live entries.
fn choose<T: Copy>(
    x: &[T],
    live: impl Iterator<Item = bool>,
    more: impl Fn(T, T) -> bool,
) -> Option<usize> {
    let mut best: Option<(usize, T)> = None;
    for (k, (x, _)) in x
        .iter()
        .zip(live)
        .enumerate()
        .filter(|(_, (_, live))| *live)
    {
        if best.is_none_or(|(_, most)| more(*x, most)) {
            best = Some((k, *x));
        }
    }
    best.map(|(k, _)| k)
}
