//! The relations of a multilayer perceptron, in the tensor-relation language.
//!
//! Equations 23 to 29 of [`notes`](crate::notes), *Training relation*: what each lookup is for, and why
//! the result is that of the integers.
//!
//! **Relation.** Dimensions are listed lowest variables first: sample $b$, step $t$ (and $\tau$ for an
//! earlier step), unit. $l = 1, \dots, L$ are layers; $u_l$ is the unit axis behind layer $l$, $u_0$ the
//! inputs. The bias is a row of the weights: $W_l(j, i, h)$ has one more variable $h$ on its input
//! side, $h = 0$ for weights and $(i, h) = (0, 1)$ for the bias, whose input is $2^s M$ for the public
//! mask $M$. The mask is one on real samples of real steps: without it padding would train. Weights
//! between the first and the last step are defined, not committed: the update is exact and linear, so
//! they telescope,
//! $$ W_l(j, i, h, t) = W_l(j, i, h) - c \sum_{\tau} \lbrack \tau < t \rbrack
//! \sum_b A_{l-1}^+(b, \tau, i, h) \cdot G_l(b, \tau, j). $$
//!
//! **Prover, verifier, soundness.** Those of [`relation`](super::relation): this module only describes.
//!
//! **Padding** is forced to zero. On padded samples and steps $A_0$ (a gather by the public
//! schedule) and the mask are zero, so $Z_1 = 0$, of which $Y = 0$ with remainder 0 is the only
//! pair in range, and so on up to the output; targets are zero there too, so $G_L = 0$ and all
//! gradients are. On padded units weights are zero: at a root by definition, behind a step because
//! activations or gradients of padded units are, and so along the lineage.
//!
//! [`Training`] and [`Forward`] are made of the same few pieces (`Builder`): a committed tensor
//! over the positions, an input with its bias row, a Hadamard product, a rounding.
//!
//! **Departures.** zkDL decomposes rounded values into bits and proves them to be bits; here limbs and
//! signs are looked up. zkDL has the weights of each step among its tensors.
//!
//! **References.** \[Sun et al. 23\] zkDL, arXiv 2307.16273.
mod data;
mod forward;
#[cfg(test)]
pub(crate) mod tests;
mod training;
mod weights;
mod witness;

pub use data::DataRange;
pub use forward::{Forward, Head, squared_error_of};
pub use training::Training;
pub use weights::WeightRange;
pub use witness::{weight_extent, weight_tensors, weight_values};

use super::{
    FixedPoint,
    relation::{Axis, Committed, Index, Public, Relation, TensorId, at, term},
};
use crate::{
    check::Check,
    gkr::table::{LookupTable, Negative, Relu, Signed, Unsigned},
    poly::num_vars,
};
use ark_ff::PrimeField;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// How many samples and steps a relation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Samples in a batch, `B >= 1`.
    pub batch: usize,
    /// Steps, `T >= 1`.
    pub steps: usize,
}

impl Extent {
    /// `[log2 samples, log2 steps]`, padded.
    fn dims(&self) -> [usize; 2] {
        [num_vars(self.batch), num_vars(self.steps)]
    }

    /// Flat index of a sample of a step, lowest variables first.
    fn position(&self, step: usize, sample: usize) -> usize {
        sample + (step << num_vars(self.batch))
    }

    /// Number of positions with padding.
    fn padded(&self) -> usize {
        1 << self.dims().iter().sum::<usize>()
    }

    /// One on real samples of real steps, zero on padding.
    fn mask(&self) -> Public {
        Public::Below(vec![self.batch, self.steps])
    }
}

/// A lookup table by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TableKind {
    Unsigned(u32),
    Signed(u32),
    Relu(u32),
    Negative(u32),
}

/// The limbs of a value, low to high, the last one signed; all but the last are committed, the last is
/// virtual.
pub(crate) type Limbs = Vec<TensorId>;

/// Makes relations out of the pieces of a layer.
struct Builder<F> {
    relation: Relation<F>,
    fixed: FixedPoint,
    extent: Extent,
    widths: Vec<usize>,
    /// Sample and step.
    positions: [Axis; 2],
    units: Vec<Axis>,
    /// The axis of the bias row.
    bias: Axis,
    mask: TensorId,
    tables: BTreeMap<TableKind, usize>,
    committed: Vec<Committed>,
    multiplicities: Vec<Committed>,
}

impl<F: PrimeField> Builder<F> {
    /// `extra` axes of given sizes are made between the positions and the units.
    fn new(
        fixed: &FixedPoint,
        widths: &[usize],
        extent: Extent,
        extra: &[usize],
    ) -> (Self, Vec<Axis>) {
        let mut relation = Relation::new();
        let dims = extent.dims();
        let positions = dims.map(|dim| relation.axis(dim));
        let extra = extra.iter().map(|dim| relation.axis(*dim)).collect();
        let units = widths
            .iter()
            .map(|width| relation.axis(num_vars(*width)))
            .collect();
        let bias = relation.axis(1);
        let mask = relation.public("mask", &dims, extent.mask());
        let this = Self {
            relation,
            fixed: fixed.clone(),
            extent,
            widths: widths.to_vec(),
            positions,
            units,
            bias,
            mask,
            tables: BTreeMap::new(),
            committed: Vec::new(),
            multiplicities: Vec::new(),
        };
        (this, extra)
    }

    /// The indices of a tensor over positions and the units of layer `l`.
    fn over(&self, l: usize) -> [Index; 3] {
        let [b, t] = self.positions;
        [b.into(), t.into(), self.units[l].into()]
    }

    /// The dimensions of such a tensor.
    fn dims(&self, l: usize) -> [usize; 3] {
        let [b, t] = self.extent.dims();
        [b, t, self.unit_dim(l)]
    }

    fn unit_dim(&self, l: usize) -> usize {
        num_vars(self.widths[l])
    }

    /// The dimensions of `W_l[j, i, h]`.
    fn weight_dims(&self, l: usize) -> [usize; 3] {
        [self.unit_dim(l), self.unit_dim(l - 1), 1]
    }

    /// An input over positions and units that is opened in some way of its own.
    fn input(&mut self, name: &str, l: usize) -> TensorId {
        let dims = self.dims(l);
        self.relation.input(name, &dims)
    }

    /// A tensor over positions and units that the proof commits to.
    fn commit(&mut self, name: String, l: usize) -> TensorId {
        let dims = self.dims(l);
        let tensor = self.relation.input(name, &dims);
        let real = vec![Range {
            start: 0,
            end: self.widths[l] * self.extent.padded(),
        }];
        self.committed.push(Committed {
            tensor,
            num_vars: dims.iter().sum(),
            real,
        });
        tensor
    }

    /// Weights `W_l[j, i, h]` of every layer, to be opened by the caller.
    fn weights(&mut self, whose: &str) -> Vec<TensorId> {
        let name = |l: usize| format!("{whose} W{l}");
        (1..self.widths.len())
            .map(|l| {
                let dims = self.weight_dims(l);
                self.relation.input(name(l), &dims)
            })
            .collect()
    }

    /// Equation 23. The input of layer `l`: `below` on `h = 0`, the bias row `2^s mask` at `(i, h) = (0, 1)`.
    fn with_bias(&mut self, below: TensorId, l: usize) -> TensorId {
        let over = self.over(l - 1);
        let [b, t, i] = over;
        let [db, dt, di] = self.dims(l - 1);
        let scale = power_of_two(self.fixed.activation_bits());
        let terms = vec![
            term(F::ONE, [at(below, &over)], &[b, t, i, Index::First]),
            term(
                scale,
                [at(self.mask, &[b, t])],
                &[b, t, Index::First, Index::Last],
            ),
        ];
        self.relation
            .define(format!("A{} with bias", l - 1), &[db, dt, di, 1], terms)
    }

    /// `x * y`, entry by entry.
    fn hadamard(&mut self, name: String, l: usize, x: TensorId, y: TensorId) -> TensorId {
        let (over, dims) = (self.over(l), self.dims(l));
        let product = term(F::ONE, [at(x, &over), at(y, &over)], &over);
        self.relation.define(name, &dims, vec![product])
    }

    /// `y - [y < 0] y`, the rectifier of `y`.
    fn rectified(&mut self, l: usize, y: TensorId, negative: TensorId) -> TensorId {
        let (over, dims) = (self.over(l), self.dims(l));
        let terms = vec![
            term(F::ONE, [at(y, &over)], &over),
            term(-F::ONE, [at(negative, &over), at(y, &over)], &over),
        ];
        self.relation.define(format!("A{l}"), &dims, terms)
    }

    /// Equation 29. `rounded = round_w(wide)`: the limbs' widths sum to exactly `w`, so the remainder
    /// `wide - 2^w rounded` is in the interval that rounding leaves, and no other `rounded` fits.
    fn rounding(&mut self, name: &str, l: usize, wide: TensorId, rounded: TensorId) -> Limbs {
        // All others are claimed by their lookups, so `wide` is what a claim is solved for.
        let shift = power_of_two::<F>(self.fixed.weight_bits());
        let remainder = [(F::ONE, wide), (-shift, rounded)];
        let widths = self.fixed.limbs().to_vec();
        let limbs = self.limbs(Check::RemainderLow, (name, l), &remainder, &widths);
        if let (Some(bits), Some(top)) = (widths.last(), limbs.last()) {
            self.lookup(Check::RemainderTop, TableKind::Signed(*bits), &[*top]);
        }
        limbs
    }

    /// `tensor` is in the signed range of as many bits as the limbs have. Of one limb that is `tensor`
    /// itself. A `sign` is one where `tensor` is negative, and else zero.
    fn range(
        &mut self,
        check: Check,
        (name, l): (&str, usize),
        (tensor, sign): (TensorId, Option<TensorId>),
        widths: &[u32],
    ) -> Limbs {
        let limbs = match widths {
            [_] => vec![tensor],
            _ => self.limbs(Check::RangeLow, (name, l), &[(F::ONE, tensor)], widths),
        };
        if let (Some(bits), Some(top)) = (widths.last(), limbs.last()) {
            // Low limbs add to it: the top one is negative where the whole is.
            match sign {
                Some(sign) => self.lookup(check, TableKind::Negative(*bits), &[*top, sign]),
                None => self.lookup(check, TableKind::Signed(*bits), &[*top]),
            }
        }
        limbs
    }

    /// Cuts a sum of multiples of tensors into limbs, `sum = sum_i 2^(k_i) limb_i`: commits to all but
    /// the top one and looks them up, and defines the top one, which is the caller's to look up.
    fn limbs(
        &mut self,
        check: Check,
        (name, l): (&str, usize),
        sum: &[(F, TensorId)],
        widths: &[u32],
    ) -> Limbs {
        let Some((_, low)) = widths.split_last() else {
            return Vec::new();
        };
        let mut limbs: Limbs = (0..low.len())
            .map(|k| self.commit(format!("{name}{l} limb {k}"), l))
            .collect();
        let over = self.over(l);
        let scale = power_of_two::<F>(low.iter().sum())
            .inverse()
            .unwrap_or_default();
        let part = |factor: F, tensor: TensorId| term(scale * factor, [at(tensor, &over)], &over);
        let mut terms: Vec<_> = sum.iter().map(|(factor, id)| part(*factor, *id)).collect();
        let mut weight = 0;
        for (limb, bits) in limbs.iter().zip(low) {
            terms.push(part(-power_of_two::<F>(weight), *limb));
            weight += bits;
        }
        let dims = self.dims(l);
        let name = format!("{name}{l} limb {}", low.len());
        limbs.push(self.relation.define(name, &dims, terms));
        for (limb, bits) in limbs.iter().zip(low) {
            self.lookup(check, TableKind::Unsigned(*bits), &[*limb]);
        }
        limbs
    }

    /// The tuple of tensors is in the table, which is made when first asked for.
    fn lookup(&mut self, check: Check, kind: TableKind, tensors: &[TensorId]) {
        let number = match self.tables.get(&kind) {
            Some(number) => *number,
            None => self.table(kind),
        };
        self.relation.lookup(check.name(), number, tensors);
    }

    fn table(&mut self, kind: TableKind) -> usize {
        let table: Arc<dyn LookupTable<F>> = match kind {
            TableKind::Unsigned(bits) => Arc::new(Unsigned {
                bits: bits as usize,
            }),
            TableKind::Signed(bits) => Arc::new(Signed {
                bits: bits as usize,
            }),
            TableKind::Relu(bits) => Arc::new(Relu {
                bits: bits as usize,
            }),
            TableKind::Negative(bits) => Arc::new(Negative {
                bits: bits as usize,
            }),
        };
        let num_vars = table.num_vars();
        let tensor = self
            .relation
            .input(format!("uses of {kind:?}"), &[num_vars]);
        let real = vec![Range {
            start: 0,
            end: 1 << num_vars,
        }];
        self.multiplicities.push(Committed {
            tensor,
            num_vars,
            real,
        });
        let number = self.relation.table(table, tensor);
        self.tables.insert(kind, number);
        number
    }

    /// The relation, and what it commits to: tensors over positions, then multiplicities.
    fn finish(mut self) -> (Arc<Relation<F>>, Vec<Committed>) {
        self.committed.append(&mut self.multiplicities);
        (Arc::new(self.relation), self.committed)
    }
}

/// Widths of the limbs that make lookups of `values` numbers of `bits` bits cheapest, low to high.
///
/// Limbs are no part of what is computed: a number may be cut anyhow. Long limbs are few a value, but
/// a table costs its length however seldom it is used.
pub fn limb_widths(bits: u32, values: usize) -> Vec<u32> {
    let bits = bits as usize;
    let width = |count: usize| bits.div_ceil(count);
    // The last limb is signed: it has a table of its own.
    let cost = |count: &usize| {
        count
            .saturating_mul(values)
            .saturating_add(2 << width(*count))
    };
    let counts = bits.div_ceil(MAX_LIMB_BITS).max(1)..=bits.div_ceil(MIN_LIMB_BITS);
    let count = counts.min_by_key(cost).unwrap_or(1);
    let mut widths = vec![width(count) as u32; count];
    if let Some(last) = widths.last_mut() {
        *last = (bits - width(count) * (count - 1)) as u32;
    }
    widths
}

/// Longest limb that is worth a table.
const MAX_LIMB_BITS: usize = 22;
/// Shortest limb that is worth its commitment.
const MIN_LIMB_BITS: usize = 8;

fn power_of_two<F: PrimeField>(bits: u32) -> F {
    F::from(2u64).pow([bits as u64])
}
