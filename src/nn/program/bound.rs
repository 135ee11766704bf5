//! How large the values of a program can be: a reader.
use super::{Axis, Gadget, Index, Node, Program, Term, Value};
use crate::nn::fixed::ceil_log2;

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
    for operand in &term.operands {
        bound = bound.saturating_mul(of(operand.value)?);
    }
    let terms = summed(term).into_iter();
    let terms = terms.map(|axis| program.len(axis) as u128);
    Some(terms.fold(bound, u128::saturating_mul))
}

/// The axes that a term sums over.
fn summed(term: &Term) -> Vec<Axis> {
    let mut summed: Vec<_> = term
        .operands
        .iter()
        .flat_map(|operand| operand.indices.iter().filter_map(|index| index.axis()))
        .filter(|axis| !term.output.iter().any(|index| index.axis() == Some(*axis)))
        .collect();
    summed.sort();
    summed.dedup();
    summed
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
    let operands = term.operands.iter().map(|operand| of(operand.value));
    let summed = summed(term).into_iter();
    let lens = summed.map(|axis| ceil_log2(program.len(axis) as u128));
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
