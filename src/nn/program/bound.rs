//! How large the values of a program can be: a reader.
use super::{Axis, Gadget, Index, Node, Operand, Program, Term, Value};
use crate::nn::{fixed::ceil_log2, tensor::Sparse};
use std::collections::BTreeMap;

/// A bound on the magnitudes of a sum of terms, if there is one of every operand.
///
/// Terms that stand in different parts of an extended axis do not add up.
pub(super) fn of_sum(
    program: &Program,
    terms: &[Term],
    of: impl Fn(Value) -> Option<u128>,
) -> Option<u128> {
    let bounds: Option<Vec<u128>> = terms
        .iter()
        .map(|term| of_term(program, term, &of))
        .collect();
    let bounds = bounds?;
    let apart = |term: &Term| {
        term.output
            .iter()
            .any(|index| !matches!(index, Index::Over(_)))
    };
    if !terms.iter().any(apart) {
        return Some(bounds.into_iter().fold(0, u128::saturating_add));
    }
    // The largest sum over terms that share an entry with some one term.
    let share = |a: &Term, b: &Term| {
        let mut pairs = a.output.iter().zip(&b.output);
        !pairs.any(|pair| {
            matches!(
                pair,
                (Index::Body(_), Index::Tail) | (Index::Tail, Index::Body(_))
            )
        })
    };
    let sums = terms.iter().map(|a| {
        let with_it = terms.iter().zip(&bounds).filter(|(b, _)| share(a, b));
        with_it.fold(0_u128, |sum, (_, bound)| sum.saturating_add(*bound))
    });
    Some(sums.max().unwrap_or(0))
}

/// A bound on the magnitudes of a term: of every operand, times the number of products in a sum.
fn of_term(program: &Program, term: &Term, of: &impl Fn(Value) -> Option<u128>) -> Option<u128> {
    let mut bound = term.factor.unsigned_abs();
    for operand in program.unknown(term) {
        bound = bound.saturating_mul(of(operand.value)?);
    }
    Some(products(program, term).fold(bound, u128::saturating_mul))
}

/// Factors of how many products a term sums for an entry: the lengths of the axes that it sums over; of known
/// operands, which are sparse, the largest sum of magnitudes that an entry of the output takes.
fn products<'a>(program: &'a Program, term: &'a Term) -> impl Iterator<Item = u128> + 'a {
    let output = program.leaves_of(&term.output);
    let known = |operand: &'a Operand| Some((operand, program.sparse(operand.value)?));
    let known: Vec<_> = term.operands.iter().filter_map(known).collect();
    let of_known = |operand: &Operand| program.leaves_of(&operand.indices);
    let covered: Vec<Axis> = known.iter().flat_map(|(o, _)| of_known(o)).collect();
    let operands = program.unknown(term);
    let mut summed: Vec<Axis> = operands
        .flat_map(|operand| program.leaves_of(&operand.indices))
        .filter(|axis| !output.contains(axis) && !covered.contains(axis))
        .collect();
    summed.sort();
    summed.dedup();
    let sparse = known.into_iter().map(move |(operand, entries)| {
        let leaves = program.leaves_of(&operand.indices);
        let kept: Vec<bool> = leaves.iter().map(|leaf| output.contains(leaf)).collect();
        largest_row(entries, &kept)
    });
    let lens = summed.into_iter().map(|axis| program.len(axis) as u128);
    lens.chain(sparse)
}

/// The largest sum of magnitudes of entries that agree where `kept` says so.
fn largest_row(entries: &Sparse, kept: &[bool]) -> u128 {
    let mut rows: BTreeMap<Vec<u32>, u128> = BTreeMap::new();
    for (index, value) in entries.entries() {
        let row = index.iter().zip(kept).filter(|(_, kept)| **kept);
        let row = row.map(|(k, _)| *k).collect();
        *rows.entry(row).or_default() += u128::from(value.unsigned_abs());
    }
    rows.into_values().max().unwrap_or(0)
}

/// Bounds on the magnitudes of all values, with parameters of at most `parameters`, saturating.
pub fn bounds(program: &Program, parameters: u128) -> Vec<u128> {
    let mut bounds: Vec<u128> = Vec::with_capacity(program.values.len());
    for definition in &program.values {
        let bound = match &definition.node {
            Node::Parameter(_) => Some(parameters),
            Node::Sum(terms) => of_sum(program, terms, |value| bounds.get(value.0).copied()),
            _ => definition.fact.bound,
        };
        bounds.push(bound.unwrap_or(u128::MAX));
    }
    bounds
}

/// The largest bound on an entry of a gradient: by how much a step moves a parameter, but for the rate.
pub fn largest_gradient(program: &Program) -> u128 {
    let of = |values: &Vec<Value>| {
        let bounds = values.iter().map(|value| program.fact(*value).bound);
        bounds.fold(0_u128, |sum, bound| {
            sum.saturating_add(bound.unwrap_or(u128::MAX))
        })
    };
    program.gradients().iter().map(of).max().unwrap_or(0)
}

/// The first value with a bound of `limit` bits or more, with its bits: of all values, and of what roundings drop
/// before its range is known. No parameter is larger than `parameters`.
///
/// Values without parameters have the bound of their fact; of others terms are bounded in whole bits.
pub fn largest_bits(program: &Program, parameters: u128, limit: u32) -> Option<(String, u32)> {
    let mut bits: Vec<u32> = Vec::with_capacity(program.values.len());
    let gradients: Vec<Value> = program.gradients().iter().flatten().copied().collect();
    for (value, definition) in program.numbered() {
        let of = |value: Value| bits.get(value.0).copied().unwrap_or(u32::MAX);
        let here = match (&definition.node, definition.fact.bound) {
            (Node::Parameter(_), _) => ceil_log2(parameters),
            // Bounds saturate.
            (_, Some(u128::MAX)) => u32::MAX,
            (_, Some(bound)) => ceil_log2(bound),
            (Node::Sum(terms), None) => {
                let largest = terms.iter().map(|term| term_bits(program, term, &of)).max();
                let count = ceil_log2(terms.len() as u128);
                largest.unwrap_or(0).saturating_add(count)
            }
            (_, None) => u32::MAX,
        };
        bits.push(here);
        if here >= limit && !gradients.contains(&value) {
            return Some((definition.name.clone(), here));
        }
        if let Some((name, here)) = rest_bits(program, value, &bits).filter(|r| r.1 >= limit) {
            return Some((name, here));
        }
    }
    None
}

/// The bits of a term: of its factor, its operands, and the number of products in a sum.
fn term_bits(program: &Program, term: &Term, of: &impl Fn(Value) -> u32) -> u32 {
    let operands = program.unknown(term).map(|operand| of(operand.value));
    let lens = products(program, term).map(ceil_log2);
    operands
        .chain(lens)
        .fold(ceil_log2(term.factor.unsigned_abs()), u32::saturating_add)
}

/// The bits of `wide - 2^shift narrow`, if a value is rounded to.
fn rest_bits(program: &Program, narrow: Value, bits: &[u32]) -> Option<(String, u32)> {
    let (gadget, _) = program.maker(narrow)?;
    match program.gadgets.get(gadget)? {
        Gadget::Round {
            wide, shift, table, ..
        } => {
            let name = program.name(narrow);
            let rounded = shift.saturating_add(table.bits()).saturating_sub(1);
            let wide = bits.get(wide.0).copied().unwrap_or(u32::MAX);
            let name = format!("what is left of rounding to {name}");
            Some((name, wide.max(rounded).saturating_add(1)))
        }
        _ => None,
    }
}
