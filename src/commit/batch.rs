//! Additions of affine points in batches that share one field inversion [Montgomery's trick].
//!
//! An addition costs five multiplications and a squaring. Equal and opposite points and the
//! identity are rare and take a slow path of their own.
use super::curve::Curve;
use crate::{
    count,
    poly::simd::{BaseField, PointPairs},
};
use ark_ec::AffineRepr;
use ark_ff::Field;

/// Additions that share one inversion: enough that the inversion (a few hundred multiplications)
/// does not count, few enough that the partial products stay in the first-level cache.
const BATCH: usize = 1024;
/// The same for additions in vectors, which are faster while the inversion is not; their partial
/// products fit the second-level cache.
const VECTOR_BATCH: usize = 4096;
const _: () = assert!(VECTOR_BATCH.is_multiple_of(16));
/// Fewer additions than this are not worth eight lanes.
const MIN_VECTOR: usize = 32;

/// Adds `count` pairs of points of a curve, in order. Who asks for it counts them: some pairs are
/// nothing but moves.
pub(super) fn add_pairs<F: BaseField>(count: usize, pairs: &mut impl PointPairs<F>) {
    let mut partial = Vec::new();
    let mut first = 0;
    while first < count {
        let len = (count - first).min(VECTOR_BATCH);
        let vectors = len >= MIN_VECTOR && F::add_points(first, len.div_ceil(8), pairs);
        if !vectors {
            for start in (first..first + len).step_by(BATCH) {
                add_scalars(start, (first + len - start).min(BATCH), pairs, &mut partial);
            }
        }
        first += len;
    }
}

/// `x_2 - x_1`, of which an addition needs the inverse. `None` for equal or opposite points, and
/// where an `x` is zero, which is how the identity is written.
#[inline]
fn denominator<F: Field>([x_1, _, x_2, _]: [&F; 4]) -> Option<F> {
    let difference = *x_2 - x_1;
    (!difference.is_zero() && !x_1.is_zero() && !x_2.is_zero()).then_some(difference)
}

/// One element after the other: what the vectors compute.
fn add_scalars<F: Field>(
    first: usize,
    count: usize,
    pairs: &mut impl PointPairs<F>,
    partial: &mut Vec<[F; 8]>,
) {
    let groups = count.div_ceil(8);
    // The product of the denominators of all later pairs.
    partial.resize(groups, [F::ONE; 8]);
    let mut product = F::ONE;
    for (group, later) in partial[..groups].iter_mut().enumerate().rev() {
        let operands = pairs.operands(first + 8 * group);
        for (later, operands) in later.iter_mut().zip(operands).rev() {
            *later = product;
            if let Some(d) = denominator(operands) {
                product *= d;
            }
        }
    }
    let mut inverse = product.inverse().unwrap_or_default();
    for (group, later) in partial[..groups].iter().enumerate() {
        let operands = pairs.operands(first + 8 * group);
        let negated = pairs.negated(first + 8 * group);
        let (mut regular, mut x, mut y) = (0, [F::ZERO; 8], [F::ZERO; 8]);
        for (k, (later, operands)) in later.iter().zip(operands).enumerate() {
            let Some(d) = denominator(operands) else {
                continue;
            };
            let [x_1, y_1, x_2, y_2] = operands.map(|coordinate| *coordinate);
            let y_2 = if negated >> k & 1 == 1 { -y_2 } else { y_2 };
            let slope = (y_2 - y_1) * (inverse * later);
            inverse *= d;
            regular |= 1 << k;
            x[k] = slope.square() - x_1 - x_2;
            y[k] = slope * (x_1 - x[k]) - y_1;
        }
        pairs.finish(first + 8 * group, regular, &x, &y);
    }
}

/// One step of a pass over segments.
#[derive(Clone, Copy)]
struct Step {
    from: usize,
    to: usize,
    /// Whether `from + 1` is added, or `from` is moved as it is.
    pair: bool,
}

/// Adds up segments of affine points. Scratch memory is kept from pass to pass.
#[derive(Default)]
pub(super) struct BatchAdder {
    steps: Vec<Step>,
}

impl BatchAdder {
    /// Adds up each of the consecutive segments of `points` that have these lengths. Leaves one
    /// point for each segment, the identity for an empty one.
    pub fn tree_sums<C: Curve>(&mut self, points: &mut Vec<C::Affine>, lens: &mut [usize]) {
        while lens.iter().any(|len| *len > 1) {
            self.halve::<C>(points, lens);
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
    pub fn halve<C: Curve>(&mut self, points: &mut Vec<C::Affine>, lens: &mut [usize]) {
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
        // One a pair.
        count::group_additions(count::number_of(self.steps.iter().filter(|s| s.pair)));
        let mut pairs = Neighbours::<C> {
            points,
            steps: &self.steps,
        };
        add_pairs(self.steps.len(), &mut pairs);
        points.truncate(to);
    }
}

/// Steps as additions of pairs; a move is a pair of the same point twice. No step writes in front
/// of what a later one reads.
struct Neighbours<'a, C: Curve> {
    points: &'a mut [C::Affine],
    steps: &'a [Step],
}

impl<C: Curve> PointPairs<C::BaseField> for Neighbours<'_, C> {
    #[inline]
    fn operands(&self, first: usize) -> [[&C::BaseField; 4]; 8] {
        std::array::from_fn(|k| {
            let step = self.steps.get(first + k);
            let (from, pair) = step.map_or((0, false), |step| (step.from, step.pair));
            let (x_1, y_1) = C::coordinates_ref(&self.points[from]);
            let (x_2, y_2) = C::coordinates_ref(&self.points[from + usize::from(pair)]);
            [x_1, y_1, x_2, y_2]
        })
    }

    #[inline]
    fn negated(&self, _: usize) -> u8 {
        0
    }

    #[inline]
    fn finish(&mut self, first: usize, regular: u8, x: &[C::BaseField; 8], y: &[C::BaseField; 8]) {
        let steps = self.steps.get(first..).unwrap_or_default();
        let steps = &steps[..steps.len().min(8)];
        // Nothing is written before all is read.
        let sums: [C::Affine; 8] = std::array::from_fn(|k| match steps.get(k) {
            None => C::Affine::zero(),
            Some(_) if regular >> k & 1 == 1 => C::from_coordinates(x[k], y[k]),
            Some(step) if step.pair => {
                add_alone::<C>(&self.points[step.from], &self.points[step.from + 1])
            }
            Some(step) => self.points[step.from],
        });
        for (step, sum) in steps.iter().zip(sums) {
            self.points[step.to] = sum;
        }
    }
}

/// The sum of two points, whatever they are.
pub(super) fn add_alone<C: Curve>(a: &C::Affine, b: &C::Affine) -> C::Affine {
    (a.into_group() + b).into_affine()
}
