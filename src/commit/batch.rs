//! Additions of affine points in batches that share one field inversion [Montgomery's trick].
//!
//! An addition costs five multiplications and a squaring. Equal and opposite points and the
//! identity are rare and take a slow path of their own.
use super::curve::Curve;
use crate::poly::simd::{BaseField, PointPairs};
use ark_ec::AffineRepr;
use ark_ff::{Field, Zero};

/// Additions that share one inversion: enough that the inversion (a few hundred multiplications)
/// does not count, few enough that the partial products stay in the first-level cache.
const BATCH: usize = 1024;
/// The same for additions in vectors, which are faster while the inversion is not; their partial
/// products fit the second-level cache.
const VECTOR_BATCH: usize = 4096;
/// Fewer additions than this are not worth eight lanes.
const MIN_VECTOR: usize = 32;

/// One step of a pass over segments.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub from: usize,
    pub to: usize,
    /// Whether `from + 1` is added, or `from` is moved as it is.
    pub pair: bool,
}

/// Adds affine points in batches. Scratch memory is kept from pass to pass.
pub(super) struct BatchAdder<C: Curve> {
    steps: Vec<Step>,
    partial: Vec<C::BaseField>,
}

impl<C: Curve> Default for BatchAdder<C> {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            partial: Vec::new(),
        }
    }
}

impl<C: Curve> BatchAdder<C> {
    /// Adds up each of the consecutive segments of `points` that have these lengths. Leaves one
    /// point for each segment, the identity for an empty one.
    pub fn tree_sums(&mut self, points: &mut Vec<C::Affine>, lens: &mut [usize]) {
        while lens.iter().any(|len| *len > 1) {
            self.halve(points, lens);
        }
        if lens.iter().all(|len| *len == 1) {
            return;
        }
        let mut sums = points.iter().copied();
        let spread = lens.iter().map(|len| match len {
            0 => C::Affine::zero(),
            _ => sums.next().unwrap_or_default(),
        });
        *points = spread.collect();
    }

    /// Adds neighbours: a segment of `k` points becomes one of `ceil(k / 2)`.
    pub fn halve(&mut self, points: &mut Vec<C::Affine>, lens: &mut [usize]) {
        self.steps.clear();
        let (mut from, mut to) = (0, 0);
        for len in lens {
            let end = from + *len;
            while from < end {
                let pair = from + 1 < end;
                self.steps.push(Step { from, to, pair });
                from += 1 + usize::from(pair);
                to += 1;
            }
            *len = len.div_ceil(2);
        }
        let steps = std::mem::take(&mut self.steps);
        self.run(points, &steps);
        self.steps = steps;
        points.truncate(to);
    }

    /// Takes all steps in order. No step may write in front of what a later step reads.
    pub fn run(&mut self, points: &mut [C::Affine], steps: &[Step]) {
        let mut rest = steps;
        while rest.len() >= MIN_VECTOR {
            let (batch, later) = rest.split_at(rest.len().min(VECTOR_BATCH));
            let groups = batch.len().div_ceil(8);
            let mut pairs = Pairs::<C> {
                points: &mut *points,
                steps: batch,
            };
            if !C::BaseField::add_points(groups, &mut pairs) {
                break;
            }
            rest = later;
        }
        for steps in rest.chunks(BATCH) {
            add_batch::<C>(points, steps, &mut self.partial);
        }
    }
}

/// Steps as additions of pairs; a move is a pair of the same point twice.
struct Pairs<'a, C: Curve> {
    points: &'a mut [C::Affine],
    steps: &'a [Step],
}

impl<C: Curve> PointPairs<C::BaseField> for Pairs<'_, C> {
    #[inline]
    fn operands(&self, first: usize) -> [[&C::BaseField; 4]; 8] {
        std::array::from_fn(|k| {
            let step = self.steps.get(first + k).unwrap_or(&self.steps[0]);
            let other = step.from + usize::from(step.pair && first + k < self.steps.len());
            let (x_1, y_1) = C::coordinates_ref(&self.points[step.from]);
            let (x_2, y_2) = C::coordinates_ref(&self.points[other]);
            [x_1, y_1, x_2, y_2]
        })
    }

    #[inline]
    fn finish(&mut self, first: usize, regular: u8, x: &[C::BaseField; 8], y: &[C::BaseField; 8]) {
        let steps = self.steps.get(first..).unwrap_or_default();
        let steps = &steps[..steps.len().min(8)];
        if regular == u8::MAX {
            for (k, step) in steps.iter().enumerate() {
                self.points[step.to] = C::from_coordinates(x[k], y[k]);
            }
            return;
        }
        let sums: [C::Affine; 8] = std::array::from_fn(|k| match steps.get(k) {
            None => C::Affine::zero(),
            Some(_) if regular >> k & 1 == 1 => C::from_coordinates(x[k], y[k]),
            Some(step) if step.pair => add_alone::<C>(self.points, step.from),
            Some(step) => self.points[step.from],
        });
        for (step, sum) in steps.iter().zip(sums) {
            self.points[step.to] = sum;
        }
    }
}

/// The sum of neighbours, whatever they are.
fn add_alone<C: Curve>(points: &[C::Affine], from: usize) -> C::Affine {
    (points[from].into_group() + points[from + 1]).into_affine()
}

/// `1 / (x2 - x1)` is what an affine addition needs. `None` where there is no such inverse: for
/// equal or opposite points, and the identity.
#[inline]
fn denominator<C: Curve>(points: &[C::Affine], from: usize) -> Option<C::BaseField> {
    let (a, b) = (&points[from], &points[from + 1]);
    let difference = C::coordinates(b).0 - C::coordinates(a).0;
    (!difference.is_zero() && !a.is_zero() && !b.is_zero()).then_some(difference)
}

fn add_batch<C: Curve>(points: &mut [C::Affine], steps: &[Step], partial: &mut Vec<C::BaseField>) {
    // partial[k] is the product of all denominators after step k.
    partial.clear();
    partial.resize(steps.len(), C::BaseField::ONE);
    let mut product = C::BaseField::ONE;
    for (step, later) in steps.iter().zip(partial.iter_mut()).rev() {
        *later = product;
        if step.pair
            && let Some(d) = denominator::<C>(points, step.from)
        {
            product *= d;
        }
    }
    let mut inverse = product.inverse().unwrap_or_default();
    for (step, later) in steps.iter().zip(partial.iter()) {
        points[step.to] = if !step.pair {
            points[step.from]
        } else if let Some(d) = denominator::<C>(points, step.from) {
            let (x1, y1) = C::coordinates(&points[step.from]);
            let (x2, y2) = C::coordinates(&points[step.from + 1]);
            let slope = (y2 - y1) * (inverse * later);
            inverse *= d;
            let x3 = slope.square() - x1 - x2;
            C::from_coordinates(x3, slope * (x1 - x3) - y1)
        } else {
            add_alone::<C>(points, step.from)
        };
    }
}
