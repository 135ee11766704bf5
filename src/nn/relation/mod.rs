//! The tensor-relation language, and the engine that reduces claims on its tensors.
//!
//! Equations 20 to 22 of [`notes`](crate::notes).
//!
//! **Relation.** A [`Relation`] is a small directed acyclic graph of tensors over axes of
//! power-of-two sizes.
//!
//! * *Inputs* are opaque: claims on them are what the reduction ends in. The caller opens
//!   commitments, gathers rows of a data set or expands a seed.
//! * *Public* tensors are known to everybody, by a [formula](Public). They may be looked up beside private
//!   ones: the verifier evaluates them itself, at the lookup's point.
//! * *Virtual* tensors are defined as sums of [`Term`]s, each a constant times an einsum of
//!   earlier tensors with at most two operands that are not public. Matrix product, transpose,
//!   Hadamard product, broadcast, reduction, and embedding at a fixed index are all terms.
//! * *Lookups* say that at every position a tuple of tensors lies in a table; *equalities* say
//!   that an input equals a virtual tensor, or that a tensor is zero. Each has the name of its
//!   [check](crate::check::Check).
//!
//! **Prover, verifier.** Both sides follow one description, [`reduce`](fn@reduce), as a [`Prover`] and
//! as a [`Verifier`]. One [LogUp-GKR](crate::gkr::fractional) over all lookups gives a claim on every
//! looked-up tensor. Then, from the top *level* down, all claims on the virtual tensors of a level are
//! reduced in one batched sumcheck to claims on their operands. A tensor's level is its depth
//! above the inputs, affine definitions not counted: a claim on an affine tensor is split
//! linearly at its own point and costs no sumcheck.
//!
//! For a term and a claim at $r$ on its output, an output axis that occurs in exactly one operand is
//! substituted by its coordinates of $r$; one of the set $E$ that occur in several stays under the sum
//! with a factor $\mathrm{eq}$; a contracted axis stays without one:
//! $$ \tilde X(r) = \sum_k \kappa_k \sum_{\text{axes of } E \text{ and contracted}}
//! \prod_{a \in E} \mathrm{eq}(r_a, x_a) \prod_j \tilde T_{k,j}(\ldots). $$
//!
//! **Soundness.** Claims of a level are combined by powers of a challenge drawn after all of
//! them (and the values of direct operands) are in the transcript: error at most $\chi / |F|$ for
//! $\chi$ claims, plus $3 n / |F|$ for the sumcheck over $n$ variables. Equalities, and that a tensor is zero, are
//! checked at a point that was drawn after all inputs were committed.
//!
//! **Departures.** zkDL stacks the tensors of all layers and steps into one; here a step is an axis,
//! layers share one sumcheck a level, and tensors keep their sizes (19).
//!
//! **References.** \[Sun et al. 23\] zkDL, arXiv 2307.16273, for proving layers and steps together;
//! \[Thaler 22\], sec. 4.4, for the sumcheck of a matrix product.
//!
//! **Adding a layer** is a new definition in this language, and maybe a lookup table.
mod committed;
mod dense;
mod multiplicities;
mod naive;
mod prover;
mod public;
mod reduce;
mod verifier;

pub use committed::Committed;
pub use multiplicities::count_multiplicities;
pub use naive::Violation;
pub use prover::{Prover, Values};
pub use public::Public;
pub use reduce::{Claim, reduce};
pub use verifier::Verifier;

use crate::{
    check,
    error::VerifyError,
    gkr::{fractional::LookupShape, table::LookupTable},
};
use ark_ff::PrimeField;
use std::sync::Arc;

/// An axis: a name for an index of a given number of bits.
///
/// Axes are ordered by creation. Sums run over axes in this order, lowest first, so axes that
/// terms of different sizes share (sample, step) are made first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Axis(usize);

/// A tensor of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub(crate) usize);

/// How a term uses one dimension of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Runs over the axis.
    Over(Axis),
    /// Fixed at index 0.
    First,
    /// Fixed at the last index, all bits one.
    Last,
}

impl From<Axis> for Index {
    fn from(axis: Axis) -> Self {
        Index::Over(axis)
    }
}

/// A tensor as an operand of a term: one [`Index`] a dimension, lowest variables first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// The tensor.
    pub tensor: TensorId,
    /// How its dimensions are used.
    pub indices: Vec<Index>,
}

/// `coefficient * einsum(operands -> output)`.
///
/// On an axis under the sum a public operand must stand alone: the axis is no output axis and no other
/// public operand has it. Their product would not be multilinear there.
#[derive(Debug, Clone)]
pub struct Term<F> {
    /// The constant factor.
    pub coefficient: F,
    /// The operands; at most two are not public.
    pub operands: Vec<Operand>,
    /// Where the result stands in the defined tensor; zero outside of fixed indices.
    pub output: Vec<Index>,
}

/// What a tensor is.
pub(crate) enum Kind<F> {
    Input,
    Public(Public),
    Virtual(Vec<Term<F>>),
}

pub(crate) struct Tensor<F> {
    pub(crate) name: String,
    /// Number of variables of each dimension, lowest first.
    pub(crate) dims: Vec<usize>,
    pub(crate) kind: Kind<F>,
    /// Depth above inputs, affine definitions not counted: more than that of every operand
    /// unless the definition is affine.
    pub(crate) level: usize,
    /// Whether every term is affine, so that claims are split without a sumcheck.
    pub(crate) affine: bool,
}

/// "This input equals this virtual tensor."
pub(crate) struct Equality {
    pub(crate) input: TensorId,
    pub(crate) definition: TensorId,
    pub(crate) anchor: TensorId,
}

/// A system of tensors, lookups and equalities. Built once from the public statement.
#[derive(Default)]
pub struct Relation<F> {
    pub(crate) axes: Vec<usize>,
    pub(crate) tensors: Vec<Tensor<F>>,
    pub(crate) lookups: Vec<(usize, Vec<TensorId>)>,
    pub(crate) tables: Vec<(Arc<dyn LookupTable<F>>, TensorId)>,
    pub(crate) equalities: Vec<Equality>,
    pub(crate) vanishing: Vec<TensorId>,
}

impl<F: PrimeField> Relation<F> {
    /// An empty relation.
    pub fn new() -> Self {
        Self {
            axes: Vec::new(),
            tensors: Vec::new(),
            lookups: Vec::new(),
            tables: Vec::new(),
            equalities: Vec::new(),
            vanishing: Vec::new(),
        }
    }

    /// A new axis of `2^num_vars` indices, after all axes made so far.
    pub fn axis(&mut self, num_vars: usize) -> Axis {
        self.axes.push(num_vars);
        Axis(self.axes.len() - 1)
    }

    /// An input with dimensions of `2^dims[k]` indices, lowest variables first.
    pub fn input(&mut self, name: impl Into<String>, dims: &[usize]) -> TensorId {
        self.push(name.into(), dims.to_vec(), Kind::Input, 0, true)
    }

    /// A tensor that everybody knows, with dimensions as of an [`input`](Self::input).
    pub fn public(&mut self, name: impl Into<String>, dims: &[usize], public: Public) -> TensorId {
        self.push(name.into(), dims.to_vec(), Kind::Public(public), 0, true)
    }

    /// A virtual tensor: the sum of `terms`.
    ///
    /// # Panics
    /// If an index does not fit its dimension, an output axis is repeated, or a term has more
    /// than two operands that are not public, or public factors meet on an axis under the sum: the
    /// definition is wrong.
    pub fn define(
        &mut self,
        name: impl Into<String>,
        dims: &[usize],
        terms: Vec<Term<F>>,
    ) -> TensorId {
        let name = name.into();
        let mut below = 0;
        for term in &terms {
            self.check_indices(&name, dims, &term.output);
            for operand in &term.operands {
                self.check_indices(
                    &name,
                    &self.tensors[operand.tensor.0].dims,
                    &operand.indices,
                );
                below = below.max(self.tensors[operand.tensor.0].level);
            }
            assert!(
                self.admits(term),
                "{name}: a term has too many private operands, or its public factors are not \
                 multilinear together"
            );
        }
        // Above all operands, those of direct terms too: the claims that a level's sumcheck makes
        // must all be on lower levels, where they are still to be reduced.
        let affine = terms.iter().all(|term| self.is_direct(term));
        let level = below + usize::from(!affine);
        self.push(name, dims.to_vec(), Kind::Virtual(terms), level, affine)
    }

    /// A lookup table; `multiplicities` is the input that says how often each entry is used.
    /// Returns the table's number for [`lookup`](Self::lookup).
    pub fn table(&mut self, table: Arc<dyn LookupTable<F>>, multiplicities: TensorId) -> usize {
        self.tables.push((table, multiplicities));
        self.tables.len() - 1
    }

    /// The tuple of `tensors`, all of the same dimensions, lies in the table at every position. `check`
    /// is what that is for.
    ///
    /// # Panics
    /// If the tuple has not one tensor for each component of the table's entries, or the
    /// dimensions differ: the definition is wrong.
    pub fn lookup(&mut self, check: &'static str, table: usize, tensors: &[TensorId]) {
        assert_eq!(
            tensors.len(),
            self.tables[table].0.arity(),
            "one tensor for each component"
        );
        let dims = |id: TensorId| &self.tensors[id.0].dims;
        assert!(
            tensors.windows(2).all(|w| dims(w[0]) == dims(w[1])),
            "the tensors of a lookup have the same dimensions"
        );
        if check::is_made(check) {
            self.lookups.push((table, tensors.to_vec()));
        }
    }

    /// `input` equals the virtual tensor `definition`; `check` is what that is for.
    ///
    /// It is checked at the point of the first claim on `anchor`, whose leading dimensions must
    /// be those of `input`; that point must consist of challenges drawn in this proof.
    pub fn equal(
        &mut self,
        check: &'static str,
        input: TensorId,
        definition: TensorId,
        anchor: TensorId,
    ) {
        if check::is_made(check) {
            self.equalities.push(Equality {
                input,
                definition,
                anchor,
            });
        }
    }

    /// `tensor` is zero at every index; `check` is what that is for.
    ///
    /// It is checked at a point of fresh challenges.
    pub fn vanish(&mut self, check: &'static str, tensor: TensorId) {
        if check::is_made(check) {
            self.vanishing.push(tensor);
        }
    }

    /// A tensor's name, for messages.
    pub fn name(&self, id: TensorId) -> &str {
        &self.tensors[id.0].name
    }

    /// `log2` of the number of indices of an axis.
    #[cfg(test)]
    pub(crate) fn axis_vars(&self, axis: Axis) -> usize {
        self.axes[axis.0]
    }

    /// The first tensor of this name.
    #[cfg(test)]
    pub(crate) fn find(&self, name: &str) -> Option<TensorId> {
        let found = self.tensors.iter().position(|tensor| tensor.name == name);
        found.map(TensorId)
    }

    /// Number of variables of a tensor.
    pub fn num_vars(&self, id: TensorId) -> usize {
        self.tensors[id.0].dims.iter().sum()
    }

    /// The tuples of tensors that are looked up, in order.
    pub fn looked_up(&self) -> impl Iterator<Item = &[TensorId]> {
        self.lookups.iter().map(|(_, tensors)| tensors.as_slice())
    }

    /// The shape of the lookup argument.
    ///
    /// # Errors
    /// If the lookups are too many for it.
    pub fn lookup_shape(&self) -> Result<LookupShape<F>, VerifyError> {
        let size = |tensors: &Vec<TensorId>| tensors.first().map_or(0, |t| self.num_vars(*t));
        LookupShape::new(
            self.lookups
                .iter()
                .map(|(table, tensors)| (*table, size(tensors)))
                .collect(),
            self.tables.iter().map(|(table, _)| table.clone()).collect(),
        )
    }

    /// Whether a term has at most two private operands, and public factors that are multilinear together.
    pub(crate) fn admits(&self, term: &Term<F>) -> bool {
        let axes = self.sum_axes(term);
        let alone = |axis: &Axis| self.public_factors(term, *axis) <= 1;
        self.private(term).count() <= 2 && axes.iter().all(alone)
    }

    /// How many public factors a term has on an axis under its sum: public operands, and `eq` of
    /// an output axis.
    fn public_factors(&self, term: &Term<F>, axis: Axis) -> usize {
        let over = Index::Over(axis);
        let public = |o: &&Operand| self.is_public(o.tensor) && o.indices.contains(&over);
        let operands = term.operands.iter().filter(public).count();
        operands + usize::from(term.output.contains(&over))
    }

    pub(crate) fn is_public(&self, id: TensorId) -> bool {
        matches!(self.tensors[id.0].kind, Kind::Public(_))
    }

    pub(crate) fn private<'a>(&'a self, term: &'a Term<F>) -> impl Iterator<Item = &'a Operand> {
        term.operands.iter().filter(|o| !self.is_public(o.tensor))
    }

    /// Axes under the sum of a term once its output is substituted, in order.
    pub(crate) fn sum_axes(&self, term: &Term<F>) -> Vec<Axis> {
        let uses = |axis| {
            term.operands
                .iter()
                .filter(|o| o.indices.contains(&Index::Over(axis)))
                .count()
        };
        let mut axes: Vec<Axis> = term
            .operands
            .iter()
            .flat_map(|o| &o.indices)
            .filter_map(|i| match i {
                Index::Over(a) if uses(*a) > 1 || !term.output.contains(i) => Some(*a),
                _ => None,
            })
            .collect();
        axes.sort();
        axes.dedup();
        axes
    }

    /// Whether a term needs no sumcheck: nothing to sum and at most one private operand.
    pub(crate) fn is_direct(&self, term: &Term<F>) -> bool {
        self.sum_axes(term).is_empty() && self.private(term).count() <= 1
    }

    fn check_indices(&self, name: &str, dims: &[usize], indices: &[Index]) {
        assert_eq!(
            dims.len(),
            indices.len(),
            "{name}: one index for each dimension"
        );
        for (k, (dim, index)) in dims.iter().zip(indices).enumerate() {
            if let Index::Over(axis) = index {
                assert_eq!(
                    self.axes[axis.0], *dim,
                    "{name}: axis and dimension differ in size"
                );
                assert!(!indices[..k].contains(index), "{name}: an axis is repeated");
            }
        }
    }

    fn push(
        &mut self,
        name: String,
        dims: Vec<usize>,
        kind: Kind<F>,
        level: usize,
        affine: bool,
    ) -> TensorId {
        self.tensors.push(Tensor {
            name,
            dims,
            kind,
            level,
            affine,
        });
        TensorId(self.tensors.len() - 1)
    }
}

/// One term of a definition.
pub fn term<F, const N: usize>(
    coefficient: F,
    operands: [Operand; N],
    output: &[Index],
) -> Term<F> {
    Term {
        coefficient,
        operands: operands.into(),
        output: output.to_vec(),
    }
}

/// A tensor used at the given indices.
pub fn at(tensor: TensorId, indices: &[Index]) -> Operand {
    Operand {
        tensor,
        indices: indices.to_vec(),
    }
}
