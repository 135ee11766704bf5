//! What graphs know of operators.
use super::{KINDS, Op};
use std::sync::Arc;

/// A kind of operators.
#[derive(Debug)]
pub struct Kind {
    /// In encodings.
    pub code: u64,
    /// In files.
    pub name: &'static str,
    /// What its numbers are, in their order.
    pub fields: &'static [&'static str],
    /// The operator with these numbers, one a field, if there is one.
    pub make: fn(&[u64]) -> Option<Operator>,
}

/// What an operator does to what is one behind the other without anything between that a proof commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Its output depends on parameters of its own: what is behind begins anew.
    Linear,
    /// It looks values up.
    Function,
    /// An exact function of the inputs.
    Exact,
}

/// A matrix of parameters, with a row for the bias.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ParameterShape {
    /// Lengths of what is walked through as rows but for the bias, the last one fastest.
    pub rows: Vec<usize>,
    /// Columns.
    pub outputs: usize,
}

impl ParameterShape {
    /// Number of rows but for the bias.
    pub fn inputs(&self) -> usize {
        let product = self.rows.iter();
        product.fold(1, |product, len| product.saturating_mul(*len))
    }

    /// Number of entries with the bias.
    pub fn len(&self) -> usize {
        let rows = self.inputs().saturating_add(1);
        rows.saturating_mul(self.outputs)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An operator of a graph.
#[derive(Debug, Clone)]
pub struct Operator(Arc<dyn Op>);

impl Operator {
    /// The operator.
    pub fn new(op: impl Op + 'static) -> Self {
        Self(Arc::new(op))
    }

    /// The operator of a kind with these numbers, if there is one.
    pub fn of(kind: &Kind, numbers: &[u64]) -> Option<Self> {
        let fits = numbers.len() == kind.fields.len();
        fits.then(|| (kind.make)(numbers)).flatten()
    }

    /// The kind with a code.
    pub fn kind_of(code: u64) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.code == code).copied()
    }
}

impl std::ops::Deref for Operator {
    type Target = dyn Op;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}

/// Of one kind, with the same numbers.
impl PartialEq for Operator {
    fn eq(&self, other: &Self) -> bool {
        self.kind().code == other.kind().code && self.numbers() == other.numbers()
    }
}

impl Eq for Operator {}

/// What an operator that reads rounded inputs alone makes of them.
pub(super) fn of_rounded(inputs: bool, output: bool) -> Result<bool, &'static str> {
    match inputs {
        true => Ok(output),
        false => Err("what it reads has to be rounded first"),
    }
}

/// The number that an operator of one has: of its outputs.
pub(super) fn outputs(numbers: &[u64]) -> Option<usize> {
    usize::try_from(*numbers.first()?).ok()
}

/// The only input of an operator.
pub(super) fn only<'a>(inputs: &[&'a [usize]]) -> Result<&'a [usize], &'static str> {
    match inputs {
        [input] => Ok(input),
        _ => Err("it has one input"),
    }
}
