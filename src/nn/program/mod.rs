//! What a network computes in one step, as a small program over integer tensors.
//!
//! Operators (`nn::op`) emit it; everything else reads it. [`eval`] computes it: that is the specification.
//! [`float`] computes it without rounding, [`bound`] says how large values can be, and
//! [`lower`](super::lower) makes the relation that a proof is about, and its witness. So the arithmetic of
//! a layer is written once.
//!
//! **Values.** A [`Value`] is a tensor over [`Axis`]es of any length; the [`Fact`] of it says which, and how
//! many fraction bits its integers have. It comes from outside (data, parameters, the constant 1), is an exact
//! *sum* of [`Term`]s, each a constant times an einsum of earlier values, or is *committed*: computed by a
//! [`Gadget`], the only kind of value that a proof commits to. Operators cannot make one: only
//! [`gadget`](super::gadget) does.
//!
//! **Axes.** The first axis is that of the samples of a batch. Every value has it first, but parameters
//! and what is summed over it. The steps of training are an axis that every other value has without saying so.
//! Tensors are row-major here: the last axis runs fastest.
//!
//! **Groups.** Several axes can be walked through as one, their group: a term may use the whole in one value and the
//! parts in another, so images are flattened and windows multiplied by matrices without anything being moved.
//!
//! **Known tensors** are factors that everybody knows beside the one or two that are not: see [`Known`].
//!
//! **Extended axes.** An extended axis has one entry more than another, its *body*. A layer's input is
//! extended by the constant one, and its weights by the bias: one product is the affine map.

mod axis;
pub mod bound;
pub mod eval;
pub mod float;
mod known;
mod rule;

pub use axis::{Axis, Index, SAMPLE};
pub use known::{Known, MAX_ENTRIES};
#[cfg(test)]
pub(in crate::nn) use rule::by_rows;
pub use rule::{Outside, Rule};

use super::{fixed::FixedPoint, tensor::Sparse};
use crate::{
    check::Check,
    error::ConfigError,
    gkr::function::{Function, exponential},
};
use axis::Axes;
use std::{collections::BTreeMap, sync::Arc};

/// A tensor of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub(super) usize);

/// What is known of a value before anything is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The dimensions, slowest first.
    pub axes: Vec<Axis>,
    /// An integer `v` stands for `v * 2^-fraction`.
    pub fraction: u32,
    /// No magnitude is larger; `None` if it depends on parameters.
    pub bound: Option<u128>,
}

/// A value as an operand of a term: one [`Index`] a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// The value.
    pub value: Value,
    /// How its dimensions are used.
    pub indices: Vec<Index>,
}

/// `factor * einsum(operands -> output)`; zero where the output's indices do not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The constant.
    pub factor: i128,
    /// One or two values.
    pub operands: Vec<Operand>,
    /// Where the result stands.
    pub output: Vec<Index>,
}

/// Which part of a data row an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    /// The features.
    Inputs,
    /// The targets.
    Targets,
}

/// A set of tuples in which a committed value lies, with images of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// `v` of a signed range of so many bits.
    Signed(u32),
    /// `(v, [v > 0])` for `v` of a signed range.
    Positive(u32),
    /// `(v, [v < 0])` for `v` of a signed range.
    Negative(u32),
    /// `(v, f(v))`, and `f'(v)` with the slope, for `|v| < 2^(bits - 1)`.
    Function {
        /// The function.
        function: Function,
        /// Bits of the range.
        bits: u32,
        /// Fraction bits of `v` and `f(v)`.
        fraction: u32,
        /// Fraction bits of the slope, if it is an image.
        slope: Option<u32>,
    },
    /// `(d, E(d), E(d - 1) - E(d))` for `0 <= d < 2^bits - 1`: exponentials of `-d`.
    Exponential {
        /// Bits of the range.
        bits: u32,
        /// Fraction bits of `E(d)`.
        fraction: u32,
        /// Fraction bits of `d`.
        scale: u32,
    },
    /// `(u, b)`: zero lacks, and `b` is one; or `u` lacks, for `0 <= u < 2^bits - 2`, and `b` is zero. No function.
    Maximum(u32),
    /// Zero and one.
    Bit,
}

impl Table {
    /// Whether a number is a first component of the table.
    pub(super) fn contains(self, value: i128) -> bool {
        let [low, high] = self.keys();
        (low..=high).contains(&value)
    }

    /// The least and the greatest first component.
    pub(super) fn keys(self) -> [i128; 2] {
        match self {
            Self::Signed(bits) | Self::Positive(bits) | Self::Negative(bits) => {
                Range::Signed(bits).ends()
            }
            Self::Function { bits, .. } => [1 - (1 << (bits - 1)), (1 << (bits - 1)) - 1],
            Self::Exponential { bits, .. } => [0, (1 << bits) - 2],
            Self::Maximum(bits) => [0, (1 << bits) - 3],
            Self::Bit => [0, 1],
        }
    }

    /// The images of a number that is in the table, the first ones of two.
    pub(super) fn images(self, key: i64) -> [i64; 2] {
        match self {
            Self::Signed(_) => [0, 0],
            Self::Positive(_) => [i64::from(key > 0), 0],
            Self::Negative(_) => [i64::from(key < 0), 0],
            Self::Function {
                function,
                fraction,
                slope,
                ..
            } => {
                let images = function.at(key, fraction, slope.unwrap_or(0));
                images.map_or([0, 0], |(value, slope)| [value, slope])
            }
            Self::Exponential {
                fraction, scale, ..
            } => {
                let power = |d| exponential(d, fraction, scale);
                let images = power(key).zip(power(key.saturating_sub(1)));
                images.map_or([0, 0], |(value, before)| [value, before - value])
            }
            // What is chosen is no function of what one entry lacks.
            Self::Maximum(_) | Self::Bit => [0, 0],
        }
    }

    /// Bits of the range of the first component.
    pub fn bits(self) -> u32 {
        match self {
            Self::Signed(bits) | Self::Positive(bits) | Self::Negative(bits) => bits,
            Self::Function { bits, .. } | Self::Exponential { bits, .. } => bits,
            Self::Maximum(bits) => bits,
            Self::Bit => 1,
        }
    }
}

/// How committed values are computed, and what a proof has to show of them.
#[derive(Debug, Clone)]
pub enum Gadget {
    /// Values are computed by a rule, row by row. That is a hint, which proves nothing: what they are follows from
    /// other gadgets.
    Compute {
        /// How.
        rule: Arc<dyn Rule>,
        /// Axes of the rows, the first ones of all these values.
        rows: Vec<Axis>,
        /// What they are computed from, masks too: on padding these are zero.
        of: Vec<Value>,
        /// What is computed.
        made: Vec<Value>,
    },
    /// `narrow = round_shift(wide)`, in the range of the table that it is looked up in.
    Round {
        /// The exact value.
        wide: Value,
        /// The rounded one.
        narrow: Value,
        /// Bits that are dropped.
        shift: u32,
        /// The table that it is looked up in.
        table: Table,
    },
    /// `(key, images...)` is in a table at every position.
    Lookup {
        /// One at every entry that is real, where that is a component before all others.
        live: Option<Value>,
        /// The number that is looked up.
        key: Value,
        /// What the table says of it.
        images: Vec<Value>,
        /// The table.
        table: Table,
        /// What that is for.
        check: Check,
    },
    /// The value, of whatever kind, is in a range, at every entry.
    Range {
        /// The value.
        value: Value,
        /// The range.
        range: Range,
        /// What that is for.
        check: Check,
    },
    /// The value is zero at every entry.
    Zero {
        /// The value.
        value: Value,
        /// What that is for.
        check: Check,
    },
    /// The value, of no axes, is told.
    Tell {
        /// The value.
        value: Value,
        /// What that is for.
        check: Check,
    },
}

/// Integers of at most so many bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// `0 .. 2^bits`.
    Unsigned(u32),
    /// `-2^(bits-1) .. 2^(bits-1)`.
    Signed(u32),
}

impl Range {
    /// Most bits: every number of a range is one of `i64`, with room for sums of limbs.
    pub const MAX_BITS: u32 = 60;

    /// Its number of bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Unsigned(bits) | Self::Signed(bits) => bits,
        }
    }

    /// The least and the greatest number.
    pub fn ends(self) -> [i128; 2] {
        match self {
            Self::Unsigned(bits) => [0, (1 << bits) - 1],
            Self::Signed(bits) => [-(1 << (bits - 1)), (1 << (bits - 1)) - 1],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Data(Data),
    Parameter(usize),
    /// One at every entry that is real.
    One,
    /// Known to everybody.
    Known(Arc<Sparse>),
    Sum(Vec<Term>),
    Committed,
}

#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) fact: Fact,
    pub(super) node: Node,
}

/// What a program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A step of training: gradients are computed.
    Training,
    /// A forward pass.
    Inference,
}

/// A step of a network.
#[derive(Debug, Clone)]
pub struct Program {
    purpose: Purpose,
    format: FixedPoint,
    axes: Axes,
    /// Entries of all known tensors.
    known: usize,
    pub(super) values: Vec<Definition>,
    pub(super) gadgets: Vec<Gadget>,
    /// What computes each committed value: a gadget, and which of its images it is.
    makers: BTreeMap<Value, (usize, usize)>,
    parameters: Vec<Value>,
    /// For each parameter, values whose sum is its gradient.
    gradients: Vec<Vec<Value>>,
    outputs: Vec<Value>,
}

impl Program {
    /// An empty program for a batch of so many samples.
    pub fn new(purpose: Purpose, format: &FixedPoint, samples: usize) -> Self {
        Self {
            purpose,
            format: format.clone(),
            axes: Axes::new(samples),
            known: 0,
            values: Vec::new(),
            gadgets: Vec::new(),
            makers: BTreeMap::new(),
            parameters: Vec::new(),
            gradients: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The formats of numbers.
    pub fn format(&self) -> &FixedPoint {
        &self.format
    }

    /// What is known of a value.
    pub fn fact(&self, value: Value) -> &Fact {
        &self.values[value.0].fact
    }

    /// A value's name, for messages.
    pub fn name(&self, value: Value) -> &str {
        &self.values[value.0].name
    }

    /// Lengths of the dimensions, slowest first.
    pub fn shape(&self, value: Value) -> Vec<usize> {
        let axes = self.fact(value).axes.iter();
        axes.map(|axis| self.len(*axis)).collect()
    }

    /// Number of entries of a value.
    pub fn size(&self, value: Value) -> usize {
        self.shape(value).iter().product()
    }

    /// The values of data, in order.
    pub fn data(&self) -> impl Iterator<Item = (Value, Data)> + '_ {
        self.numbered()
            .filter_map(|(value, definition)| match definition.node {
                Node::Data(data) => Some((value, data)),
                _ => None,
            })
    }

    pub(super) fn numbered(&self) -> impl Iterator<Item = (Value, &Definition)> {
        self.values.iter().enumerate().map(|(k, d)| (Value(k), d))
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> &[Value] {
        &self.parameters
    }

    /// For each parameter, values whose sum is the gradient of the loss of the batch.
    pub fn gradients(&self) -> &[Vec<Value>] {
        &self.gradients
    }

    /// Numbers that are told.
    pub fn told(&self) -> impl Iterator<Item = Value> + '_ {
        self.gadgets.iter().filter_map(|gadget| match gadget {
            Gadget::Tell { value, .. } => Some(*value),
            _ => None,
        })
    }

    /// The value of this name, the first if there are several.
    pub fn find(&self, name: &str) -> Option<Value> {
        let mut all = self.numbered();
        let found = all.find(|(_, definition)| definition.name == name);
        found.map(|(value, _)| value)
    }

    /// What the network says.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }

    /// Part of the data, with as many fraction bits as activations.
    pub fn input(&mut self, name: &str, data: Data, axes: &[Axis]) -> Value {
        let bits = self.format.data_range_bits();
        let fact = Fact {
            axes: axes.to_vec(),
            fraction: self.format.activation_bits(),
            bound: Some(1 << (bits - 1)),
        };
        self.push(name.into(), fact, Node::Data(data))
    }

    /// Classes of the data, as integers.
    pub fn label(&mut self, name: &str, axes: &[Axis]) -> Value {
        let value = self.input(name, Data::Targets, axes);
        self.values[value.0].fact.fraction = 0;
        value
    }

    /// The next parameter.
    pub fn parameter(&mut self, name: String, axes: &[Axis]) -> Value {
        let fact = Fact {
            axes: axes.to_vec(),
            fraction: self.format.weight_bits(),
            bound: None,
        };
        let value = self.push(name, fact, Node::Parameter(self.parameters.len()));
        self.parameters.push(value);
        self.gradients.push(Vec::new());
        value
    }

    /// One at every entry.
    pub fn one(&mut self, axes: &[Axis]) -> Value {
        let is_it = |d: &Definition| d.node == Node::One && d.fact.axes == axes;
        if let Some(k) = self.values.iter().position(is_it) {
            return Value(k);
        }
        let fact = Fact {
            axes: axes.to_vec(),
            fraction: 0,
            bound: Some(1),
        };
        self.push("mask".into(), fact, Node::One)
    }

    /// A tensor that everybody knows.
    ///
    /// # Errors
    /// [`ConfigError::Known`] if the known tensors of the program have too many entries.
    pub fn known(&mut self, name: &str, known: Known, axes: &[Axis]) -> Result<Value, ConfigError> {
        let lens: Vec<usize> = axes.iter().map(|axis| self.len(*axis)).collect();
        let entries = self.known.saturating_add(known.count(&lens));
        if entries > MAX_ENTRIES {
            let (tensor, max) = (name.to_owned(), MAX_ENTRIES);
            return Err(ConfigError::Known {
                tensor,
                entries,
                max,
            });
        }
        self.known = entries;
        let entries = known.entries(&lens);
        let largest = entries.entries().map(|(_, v)| v.unsigned_abs()).max();
        let fact = Fact {
            axes: axes.to_vec(),
            fraction: 0,
            bound: Some(largest.unwrap_or(0).into()),
        };
        Ok(self.push(name.into(), fact, Node::Known(entries)))
    }

    /// The entries of a known tensor.
    pub(super) fn sparse(&self, value: Value) -> Option<&Arc<Sparse>> {
        match &self.values[value.0].node {
            Node::Known(entries) => Some(entries),
            _ => None,
        }
    }

    /// The operands of a term that are not known to everybody.
    pub(super) fn unknown<'a>(&'a self, term: &'a Term) -> impl Iterator<Item = &'a Operand> {
        let unknown = |operand: &&Operand| self.sparse(operand.value).is_none();
        term.operands.iter().filter(unknown)
    }

    /// The exact sum of terms.
    ///
    /// # Panics
    /// If an index does not fit its dimension, an output axis is in no operand or comes twice, or a term has
    /// other than one or two operands that are not known, or known ones that share an axis: the operator is wrong.
    pub fn sum(
        &mut self,
        name: impl Into<String>,
        axes: &[Axis],
        fraction: u32,
        terms: Vec<Term>,
    ) -> Value {
        let name = name.into();
        for term in &terms {
            self.check_term(&name, axes, term);
        }
        let fact = Fact {
            axes: axes.to_vec(),
            fraction,
            bound: bound::of_sum(self, &terms, |value| self.fact(value).bound),
        };
        self.push(name, fact, Node::Sum(terms))
    }

    fn check_term(&self, name: &str, axes: &[Axis], term: &Term) {
        let operands = &term.operands;
        let unknown = self.unknown(term).count();
        assert!((1..=2).contains(&unknown), "{name}: operands");
        let mut known = Vec::new();
        for operand in operands {
            self.check_indices(name, &self.fact(operand.value).axes, &operand.indices);
            if self.sparse(operand.value).is_some() {
                let leaves = self.leaves_of(&operand.indices);
                let shared = leaves.iter().any(|leaf| known.contains(leaf));
                assert!(!shared, "{name}: known operands share an axis");
                known.extend(leaves);
            }
        }
        self.check_indices(name, axes, &term.output);
        let all = operands.iter();
        let read: Vec<Axis> = all.flat_map(|o| self.leaves_of(&o.indices)).collect();
        for leaf in self.leaves_of(&term.output) {
            assert!(read.contains(&leaf), "{name}: an axis of no operand");
        }
    }

    fn check_indices(&self, name: &str, axes: &[Axis], indices: &[Index]) {
        assert_eq!(axes.len(), indices.len(), "{name}: one index a dimension");
        for (axis, index) in axes.iter().zip(indices) {
            let fits = self.fits(*axis, *index);
            assert!(fits, "{name}: an index does not fit its dimension");
        }
        let mut leaves = self.leaves_of(indices);
        let count = leaves.len();
        leaves.sort();
        leaves.dedup();
        assert_eq!(leaves.len(), count, "{name}: an axis is repeated");
    }

    /// A value that a proof commits to; its gadget follows.
    pub(super) fn commit(
        &mut self,
        name: String,
        axes: &[Axis],
        fraction: u32,
        bound: u128,
    ) -> Value {
        let fact = Fact {
            axes: axes.to_vec(),
            fraction,
            bound: Some(bound),
        };
        self.push(name, fact, Node::Committed)
    }

    /// A gadget; the committed values that it computes are those that no earlier one does.
    ///
    /// # Panics
    /// If values are computed of later ones: the gadget is wrong.
    pub(super) fn push_gadget(&mut self, gadget: Gadget) {
        if let Gadget::Compute { of, made, .. } = &gadget {
            let earlier = of.iter().max() < made.iter().min();
            assert!(earlier, "values are computed of earlier ones");
        }
        let made = match &gadget {
            Gadget::Compute { made, .. } => made,
            Gadget::Round { narrow, .. } => std::slice::from_ref(narrow),
            Gadget::Lookup { images, .. } => images,
            Gadget::Range { .. } | Gadget::Zero { .. } | Gadget::Tell { .. } => [].as_slice(),
        };
        for (k, value) in made.iter().enumerate() {
            let maker = (self.gadgets.len(), k);
            self.makers.entry(*value).or_insert(maker);
        }
        self.gadgets.push(gadget);
    }

    /// The most bits that a rounding drops.
    pub(super) fn longest_rounding(&self) -> u32 {
        let shifts = self.gadgets.iter().map(|gadget| match gadget {
            Gadget::Round { shift, .. } => *shift,
            _ => 0,
        });
        shifts.max().unwrap_or(0)
    }

    /// The gadget that computes a committed value, and which of its images it is.
    pub(super) fn maker(&self, value: Value) -> Option<(usize, usize)> {
        self.makers.get(&value).copied()
    }

    /// Which values a prover keeps: those that a proof commits to or looks up, data, and sums without parameters
    /// that are factors of a product or have several terms, so that no long chain is computed twice.
    pub(super) fn kept(&self) -> Vec<bool> {
        let private = |operand: &&Operand| {
            let node = &self.values[operand.value.0].node;
            !matches!(node, Node::One | Node::Known(_))
        };
        let mut kept: Vec<bool> = self
            .values
            .iter()
            .map(|definition| match &definition.node {
                Node::Data(_) | Node::Committed => true,
                Node::Sum(terms) => {
                    let has_private = |term: &&Term| term.operands.iter().any(|o| private(&o));
                    let several = terms.iter().filter(has_private).count() > 1;
                    several && definition.fact.bound.is_some()
                }
                _ => false,
            })
            .collect();
        let sums = self.values.iter().filter_map(|d| match &d.node {
            Node::Sum(terms) => Some(terms),
            _ => None,
        });
        for term in sums.flatten() {
            let factors: Vec<&Operand> = term.operands.iter().filter(private).collect();
            for factor in factors.iter().filter(|_| factors.len() > 1) {
                kept[factor.value.0] |= self.fact(factor.value).bound.is_some();
            }
        }
        for gradient in self.gradients.iter().flatten() {
            kept[gradient.0] = false;
        }
        for gadget in &self.gadgets {
            match gadget {
                Gadget::Lookup { live, key, .. } => {
                    live.iter().chain([key]).for_each(|v| kept[v.0] = true);
                }
                Gadget::Range { value, .. } => kept[value.0] = true,
                _ => (),
            }
        }
        kept
    }

    /// What the network says.
    pub fn output(&mut self, value: Value) {
        self.outputs.push(value);
    }

    /// `gradient` is a part of the gradient of a parameter.
    ///
    /// # Panics
    /// If `parameter` is none: the operator is wrong.
    pub fn gradient(&mut self, parameter: Value, gradient: Value) {
        let known = self.parameters.iter().position(|p| *p == parameter);
        self.gradients[known.expect("a parameter")].push(gradient);
    }

    fn push(&mut self, name: String, fact: Fact, node: Node) -> Value {
        self.values.push(Definition { name, fact, node });
        Value(self.values.len() - 1)
    }
}

/// One term of a sum.
pub fn term<const N: usize>(factor: i128, operands: [Operand; N], output: &[Index]) -> Term {
    Term {
        factor,
        operands: operands.into(),
        output: output.to_vec(),
    }
}

/// A value used at the given indices.
pub fn at(value: Value, indices: &[Index]) -> Operand {
    Operand {
        value,
        indices: indices.to_vec(),
    }
}

/// Indices that run over axes.
pub fn over(axes: &[Axis]) -> Vec<Index> {
    axes.iter().map(|axis| Index::Over(*axis)).collect()
}
