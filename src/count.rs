//! Counts of operations, behind the feature `count`: a researcher's tool.
//!
//! A kernel adds what its sizes say that it does, once for a call or a block of elements and above
//! the choice between vectors and scalars, which therefore count the same. Each place says what it
//! adds. Without the feature nothing is added, and nothing is paid.
//!
//! * *Field multiplications*: products of two elements of the scalar field, whether each is reduced
//!   or a sum of them is. An integer that becomes an element is one, too.
//! * *Small multiply-accumulates*: products of an integer of at most 64 bits and an element, added
//!   to a sum that is reduced once. The reduction is not counted, even where a sum has two terms.
//! * *Group additions*: additions and doublings of points, in batches or alone. One alone, in
//!   projective coordinates, costs several in a batch.
//! * *Integer multiply-accumulates*: those of the plain training step, in `f64`.
//!
//! Left out are additions of elements, inversions, hashing, random numbers, maps to the curve, and
//! what does not grow with a table: a round polynomial, a selector, a closed form.
//!
//! Counters are those of the process. `tests/count.rs` compares some with counts by hand, and the
//! example `headline` sets them beside the time of each phase.
use serde::Serialize;
use std::ops::{AddAssign, Sub};
#[cfg(feature = "count")]
use std::sync::atomic::{AtomicU64, Ordering};

/// How many operations were done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Products of two elements of the scalar field.
    pub field_multiplications: u64,
    /// Products of an integer and an element, reduced as a sum.
    pub small_multiply_accumulates: u64,
    /// Additions and doublings of points.
    pub group_additions: u64,
    /// Products of two integers in the plain training step.
    pub integer_multiply_accumulates: u64,
}

impl Counts {
    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            field_multiplications: f(self.field_multiplications, other.field_multiplications),
            small_multiply_accumulates: f(
                self.small_multiply_accumulates,
                other.small_multiply_accumulates,
            ),
            group_additions: f(self.group_additions, other.group_additions),
            integer_multiply_accumulates: f(
                self.integer_multiply_accumulates,
                other.integer_multiply_accumulates,
            ),
        }
    }
}

/// What was done between two snapshots: the later less the earlier.
impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        self.zip(earlier, u64::saturating_sub)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        *self = self.zip(other, u64::saturating_add);
    }
}

#[cfg(feature = "count")]
static TOTALS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

/// What all threads of the process have done so far; `None` without the feature `count`.
pub fn snapshot() -> Option<Counts> {
    #[cfg(feature = "count")]
    {
        let [field, small, group, integer] = &TOTALS;
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Some(Counts {
            field_multiplications: read(field),
            small_multiply_accumulates: read(small),
            group_additions: read(group),
            integer_multiply_accumulates: read(integer),
        })
    }
    #[cfg(not(feature = "count"))]
    None
}

/// How many items there are, which only a build that counts looks at.
#[inline(always)]
pub(crate) fn number_of(items: impl Iterator) -> usize {
    match cfg!(feature = "count") {
        true => items.count(),
        false => 0,
    }
}

/// Adds `n` field multiplications.
#[inline(always)]
pub(crate) fn field_multiplications(n: usize) {
    add(0, n);
}

/// Adds `n` small multiply-accumulates.
#[inline(always)]
pub(crate) fn small_multiply_accumulates(n: usize) {
    add(1, n);
}

/// Adds `n` group additions.
#[inline(always)]
pub(crate) fn group_additions(n: usize) {
    add(2, n);
}

/// Adds the group additions of `n` multiplications of a point by a scalar of full size: with the
/// curve's endomorphism, half as many doublings as bits, and an addition at three of four of them.
#[inline(always)]
pub(crate) fn scalar_multiplications(n: usize, bits: u32) {
    add(2, n * (bits as usize * 7 / 8));
}

/// Adds `n` integer multiply-accumulates.
#[inline(always)]
pub(crate) fn integer_multiply_accumulates(n: usize) {
    add(3, n);
}

#[cfg(feature = "count")]
fn add(kind: usize, n: usize) {
    TOTALS[kind].fetch_add(n as u64, Ordering::Relaxed);
}

#[cfg(not(feature = "count"))]
#[inline(always)]
fn add(_: usize, _: usize) {}
