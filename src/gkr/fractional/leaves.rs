//! The leaves of the tree, read from small integers, and the layers of sums above them.
use super::{
    Block, Fingerprint, Kind, LookupShape,
    layer::{Batching, Halving, Segment},
};
use crate::{
    count,
    poly::{self, Fraction, WideAccumulator, WideField, parallel, simd},
};
use std::sync::Arc;

/// One column of the stack, as it is given.
pub(super) enum Leaves<F> {
    /// Tuples: numerator 1, denominator `shift - sum_j powers[j] columns[j]`.
    Tuples {
        columns: Vec<Arc<Vec<i64>>>,
        shift: F,
        /// `-beta^j`.
        powers: Vec<F>,
        len: usize,
        /// Whether all components are below `2^30`.
        small: bool,
    },
    /// Tuples of one component below `2^30`, whose sums and products are small integers.
    Small {
        column: Arc<Vec<i64>>,
        shift: F,
        len: usize,
    },
    /// Table entries.
    Fractions(Vec<Fraction<F>>),
}

/// Largest absolute value whose products with slopes fit an `i64` with room to spare.
const SMALL: u64 = 1 << 30;

fn is_small(column: &[i64]) -> bool {
    column.iter().all(|v| v.unsigned_abs() < SMALL)
}

/// The columns of the stack in order.
pub(super) fn stack<F: WideField>(
    shape: &LookupShape<F>,
    fingerprint: &Fingerprint<F>,
    columns: &[Vec<Arc<Vec<i64>>>],
    multiplicities: &[Arc<Vec<i64>>],
) -> Vec<Leaves<F>> {
    let leaves = |block: &Block| {
        let len = 1 << block.num_vars;
        match block.kind {
            Kind::Lookup(i) => {
                let columns = columns[i].clone();
                let shift = fingerprint.shift(shape.lookups[i].0);
                match &columns[..] {
                    [column] if is_small(column) => Leaves::Small {
                        column: column.clone(),
                        shift,
                        len,
                    },
                    _ => Leaves::Tuples {
                        small: columns.iter().all(|column| is_small(column)),
                        columns,
                        shift,
                        powers: fingerprint.powers.iter().map(|p| -*p).collect(),
                        len,
                    },
                }
            }
            Kind::Table(t) => {
                let table = &*shape.tables[t];
                // An entry's components, and the conversion of its multiplicity.
                count::small_multiply_accumulates(table.arity() * len);
                count::field_multiplications(len);
                Leaves::Fractions(parallel::map(len, 8, |y| {
                    let mut tuple = vec![0; table.arity()];
                    table.entry(y, &mut tuple);
                    let multiplicity = multiplicities[t].get(y).copied().unwrap_or(0);
                    let entry = poly::wide::dot(&tuple, &fingerprint.powers);
                    Fraction {
                        n: -F::from(multiplicity),
                        d: fingerprint.shift(t) - entry,
                    }
                }))
            }
        }
    };
    shape.blocks.iter().map(leaves).collect()
}

impl<F: WideField> Leaves<F> {
    fn len(&self) -> usize {
        match self {
            Leaves::Tuples { len, .. } | Leaves::Small { len, .. } => *len,
            Leaves::Fractions(values) => values.len(),
        }
    }

    pub fn fraction(&self, i: usize) -> Fraction<F> {
        match self {
            Leaves::Tuples {
                columns,
                shift,
                powers,
                ..
            } => Fraction {
                n: F::ONE,
                d: tuple_denominator(columns, shift, powers, i),
            },
            Leaves::Small { column, shift, .. } => Fraction {
                n: F::ONE,
                d: *shift - F::from(column.get(i).copied().unwrap_or(0)),
            },
            Leaves::Fractions(values) => values[i],
        }
    }

    /// `out[i]` is the sum of leaves `2 (start + i)` and the next one.
    fn add_pairs(&self, start: usize, out: &mut [Fraction<F>]) {
        match self {
            Leaves::Small { column, shift, .. } => {
                // One for the numerator, two for the denominator.
                count::small_multiply_accumulates(3 * out.len());
                return add_small_pairs(column, *shift, start, out);
            }
            Leaves::Tuples { columns, .. } => {
                // Two denominators, and their product.
                count::small_multiply_accumulates(2 * columns.len() * out.len());
                count::field_multiplications(out.len());
            }
            Leaves::Fractions(_) => count::field_multiplications(3 * out.len()),
        }
        let mut denominators = vec![F::ZERO; 2 * out.len()];
        let known = self.denominators(2 * start, F::ZERO, &mut denominators);
        let done = simd::add_ones(&denominators[..known], out);
        for (i, out) in (start..).zip(out).skip(done) {
            *out = self.fraction(2 * i).add(&self.fraction(2 * i + 1));
        }
    }

    /// `out[i] = d[start + i] + more` for the denominators of small tuples. Returns how many were
    /// made.
    fn denominators(&self, start: usize, more: F, out: &mut [F]) -> usize {
        let Leaves::Tuples {
            columns,
            shift,
            powers,
            small: true,
            ..
        } = self
        else {
            return 0;
        };
        let columns = columns.iter().map(|column| column.get(start..));
        let columns: Vec<&[i64]> = columns.map(Option::unwrap_or_default).collect();
        let factors = &powers[..columns.len()];
        simd::affine(&columns, *shift + more, factors, out)
    }

    /// The column as the sumcheck of the leaves takes it.
    pub fn segment(&self, batching: &Batching<F>) -> Segment<'static, F> {
        match self {
            Leaves::Tuples {
                columns,
                shift,
                powers,
                len,
                ..
            } => {
                // One a component.
                count::small_multiply_accumulates(columns.len() * len);
                let mut shifted = simd::zeros(*len);
                parallel::for_each_chunk(&mut shifted, parallel::GRAIN, |start, out| {
                    let done = self.denominators(start, batching.inverse, out);
                    for (i, out) in (start..).zip(out).skip(done) {
                        *out = tuple_denominator(columns, shift, powers, i) + batching.inverse;
                    }
                });
                Segment::Ones(Halving::new(shifted, Vec::new()))
            }
            Leaves::Small { column, shift, len } => Segment::Small {
                column: column.clone(),
                shift: *shift + batching.inverse,
                len: *len,
            },
            Leaves::Fractions(values) => batching.segment(values.clone(), Vec::new()),
        }
    }
}

/// `shift + sum_j powers[j] columns[j][i]`.
#[inline]
fn tuple_denominator<F: WideField>(
    columns: &[Arc<Vec<i64>>],
    shift: &F,
    powers: &[F],
    i: usize,
) -> F {
    let mut acc = WideAccumulator::default();
    acc.add_product(1, &shift.raw());
    for (column, power) in columns.iter().zip(powers) {
        acc.add_product(column.get(i).copied().unwrap_or(0), &power.raw());
    }
    acc.reduce()
}

/// `1/(a - x_0) + 1/(a - x_1) = (2a - (x_0 + x_1)) / (a^2 - a (x_0 + x_1) + x_0 x_1)`, for pairs
/// from number `start` on.
fn add_small_pairs<F: WideField>(column: &[i64], a: F, start: usize, out: &mut [Fraction<F>]) {
    let here = column.get(2 * start..).unwrap_or_default();
    let done = simd::add_small_pairs(here, a, out);
    if done == out.len() {
        return;
    }
    let (one, a_2, a_square) = (F::ONE.raw(), a.double().raw(), a.square().raw());
    let raw_a = a.raw();
    for (i, out) in (start + done..).zip(&mut out[done..]) {
        let [x_0, x_1] = read(column, 2 * i);
        let sum = x_0 + x_1;
        let mut n = WideAccumulator::default();
        n.add_product(1, &a_2);
        n.add_product(-sum, &one);
        let mut d = WideAccumulator::default();
        d.add_product(1, &a_square);
        d.add_product(-sum, &raw_a);
        d.add_product(x_0 * x_1, &one);
        *out = Fraction {
            n: n.reduce(),
            d: d.reduce(),
        };
    }
}

/// `K` values from `start` on, the tail being zero.
#[inline(always)]
pub(super) fn read<const K: usize>(column: &[i64], start: usize) -> [i64; K] {
    match column.get(start..start + K).map(TryFrom::try_from) {
        Some(Ok(values)) => values,
        _ => std::array::from_fn(|k| column.get(start + k).copied().unwrap_or(0)),
    }
}

/// The layer of sums of two leaves. It is as large as all layers above it together, and is made anew
/// whenever it is read: that takes no longer than to read it, and it need not be kept.
pub(super) struct Sums<'a, F> {
    /// Leaves of an even number, with the place of their first sum.
    blocks: Vec<(usize, &'a Leaves<F>)>,
    /// What follows them: sums of blocks of one leaf.
    last: Vec<Fraction<F>>,
    len: usize,
}

/// Sums that are made at a time.
pub(super) const SUMS: usize = 1024;

impl<'a, F: WideField> Sums<'a, F> {
    pub(super) fn new(leaves: &'a [Leaves<F>]) -> Self {
        let (mut blocks, mut single, mut len) = (Vec::new(), Vec::new(), 0);
        for block in leaves {
            match block.len() {
                1 => single.push(block.fraction(0)),
                n => {
                    blocks.push((len, block));
                    len += n / 2;
                }
            }
        }
        let sum = |pair: &[Fraction<F>]| match pair {
            [a, b] => a.add(b),
            _ => pair[0],
        };
        let last: Vec<_> = single.chunks(2).map(sum).collect();
        len += last.len();
        Self { blocks, last, len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The sums from number `start` on.
    pub(super) fn read(&self, mut start: usize, mut out: &mut [Fraction<F>]) {
        let first = self.blocks.partition_point(|(at, _)| *at <= start);
        for (at, block) in &self.blocks[first.saturating_sub(1)..] {
            let left = (at + block.len() / 2).saturating_sub(start);
            let (here, rest) = out.split_at_mut(left.min(out.len()));
            block.add_pairs(start - at, here);
            (start, out) = (start + here.len(), rest);
            if out.is_empty() {
                return;
            }
        }
        let at = start + self.last.len() - self.len;
        out.copy_from_slice(&self.last[at..at + out.len()]);
    }
}

/// All layers above the sums of two leaves, the root last. None is longer than its real fractions
/// need.
pub(super) fn add_layers<F: WideField>(
    num_vars: usize,
    sums: &Sums<'_, F>,
) -> Vec<Vec<Fraction<F>>> {
    let mut layers: Vec<Vec<Fraction<F>>> = Vec::with_capacity(num_vars);
    for k in 1..num_vars {
        let next = match layers.last() {
            None => add_neighbours(sums.len(), |start, out| sums.read(start, out)),
            Some(layer) => add_neighbours(layer.len(), |start, out| {
                out.copy_from_slice(&layer[start..start + out.len()]);
            }),
        };
        debug_assert!(next.len() <= 1 << (num_vars - k - 1));
        layers.push(next);
    }
    layers
}

/// The layer above a layer of `len` fractions, which `read` gives from any place on.
fn add_neighbours<F: WideField>(
    len: usize,
    read: impl Fn(usize, &mut [Fraction<F>]) + Sync + Send,
) -> Vec<Fraction<F>> {
    // Three an addition of fractions.
    count::field_multiplications(3 * len.div_ceil(2));
    let mut out = simd::zero_fractions(len.div_ceil(2));
    parallel::for_each_chunk(&mut out, parallel::GRAIN, |start, out| {
        let mut layer = [Fraction::zero(); SUMS];
        for (k, out) in out.chunks_mut(SUMS / 2).enumerate() {
            let first = 2 * start + k * SUMS;
            // A missing last one stays `0/1`.
            let here = (2 * out.len()).min(len - first);
            layer[here..].fill(Fraction::zero());
            read(first, &mut layer[..here]);
            let done = simd::add_pairs(&layer[..2 * out.len()], out);
            for (pair, out) in layer.chunks(2).zip(out).skip(done) {
                *out = pair[0].add(&pair[1]);
            }
        }
    });
    out
}
