//! The prover's side of the sumcheck of one layer.
use super::{
    half,
    leaves::{SUMS, Sums, read},
};
use crate::{
    count,
    poly::{
        self, Fraction, ProductAccumulator, SplitEq, WideAccumulator, WideField, parallel, simd,
        wide::sum_of_two,
    },
    sumcheck::{RoundPoly, RoundProver},
};
use ark_ff::PrimeField;
use std::{ops::Range, sync::Arc};

/// The challenge that joins numerators and denominators of a layer.
pub(super) struct Batching<F> {
    pub lambda: F,
    /// `lambda / 2`.
    pub half_lambda: F,
    /// `1 / lambda`. A zero, of probability `1/|F|`, makes a proof that is refused.
    pub inverse: F,
}

impl<F: WideField> Batching<F> {
    pub fn new(lambda: F) -> Self {
        Self {
            lambda,
            half_lambda: half(lambda),
            inverse: lambda.inverse().unwrap_or_default(),
        }
    }

    /// Batches fractions in place.
    ///
    /// `spare` is a buffer to be written to; half of the length of `values` is used.
    pub fn segment(
        &self,
        mut values: Vec<Fraction<F>>,
        spare: Vec<Fraction<F>>,
    ) -> Segment<'static, F> {
        // One a fraction.
        count::field_multiplications(values.len());
        parallel::for_each_chunk(&mut values, parallel::GRAIN, |_, chunk| self.batch(chunk));
        Segment::Fractions(Halving::new(values, spare))
    }
}

impl<F: WideField> Batching<F> {
    fn batch(&self, values: &mut [Fraction<F>]) {
        let done = simd::batch(values, &self.half_lambda);
        for v in &mut values[done..] {
            *v = v.batched(self.half_lambda);
        }
    }

    /// Batched sums from number `start` on.
    fn read(&self, sums: &Sums<'_, F>, start: usize, out: &mut [Fraction<F>]) {
        sums.read(start, out);
        self.batch(out);
    }
}

/// A table that is halved in each round. The half goes to a second buffer, and neither is ever made
/// shorter, so that memory which was written to once is written to again: fresh pages are dear.
pub(super) struct Halving<T> {
    values: Vec<T>,
    spare: Vec<T>,
    len: usize,
}

impl<T: Copy> Halving<T> {
    pub(super) fn new(values: Vec<T>, spare: Vec<T>) -> Self {
        let len = values.len();
        Self { values, spare, len }
    }

    fn values(&self) -> &[T] {
        &self.values[..self.len]
    }

    /// `write` makes the half from the whole; `new` makes a buffer if there is none.
    fn halve(&mut self, new: impl FnOnce(usize) -> Vec<T>, write: impl FnOnce(&[T], &mut [T])) {
        let half = self.len / 2;
        if self.spare.len() < half {
            self.spare = new(half);
        }
        write(&self.values[..self.len], &mut self.spare[..half]);
        std::mem::swap(&mut self.values, &mut self.spare);
        self.len = half;
    }

    /// Makes the length a multiple of four.
    fn pad(&mut self, padding: T) {
        let len = self.len.next_multiple_of(4);
        if self.values.len() < len {
            self.values.resize(len, padding);
        }
        self.values[self.len..len].fill(padding);
        self.len = len;
    }

    /// The buffer that is longer.
    fn into_larger(self) -> Vec<T> {
        match self.values.len() > self.spare.len() {
            true => self.values,
            false => self.spare,
        }
    }
}

/// A run of neighbours in a layer. Indices are those of the layer: bit 0 tells the two children
/// of a gate, bit 1 is the variable of the next round.
///
/// Numerators are batched, `n' = n + (lambda/2) d`. Where `n = 1` only `u = d + 1/lambda` is kept,
/// since the gate is then `n_0' d_1 + n_1' d_0 = d_0 + d_1 + lambda d_0 d_1 = lambda u_0 u_1 -
/// 1/lambda`.
pub(super) enum Segment<'a, F> {
    /// `n = 1` and `u = shift - column`, before the first round.
    Small {
        column: Arc<Vec<i64>>,
        shift: F,
        len: usize,
    },
    /// `n = 1`.
    Ones(Halving<F>),
    /// Any fractions.
    Fractions(Halving<Fraction<F>>),
    /// Sums of leaves before the first round, not batched yet, and a buffer for half of them.
    Sums(&'a Sums<'a, F>, Vec<Fraction<F>>),
}

/// The two halves of `eq` over the variables after the current one.
type EqTables<'a, F> = (&'a [F], &'a [F]);

/// `sum_i eq(start + i) f(i)` for `i < count`, where `f(range, weights)` adds up a range with
/// weights of the low half of `eq`.
fn weighted_sum<F: PrimeField, const K: usize>(
    (low, high): EqTables<'_, F>,
    start: usize,
    count: usize,
    f: impl Fn(Range<usize>, &[F]) -> [F; K] + Sync + Send,
) -> [F; K] {
    // One a sum for each run of low weights; what `f` does is counted by who asks for it.
    count::field_multiplications(K * count.div_ceil(low.len()));
    parallel::sum(count, |range| {
        let mut sums = [F::ZERO; K];
        let mut i = range.start;
        while i < range.end {
            let (row, column) = ((start + i) / low.len(), (start + i) % low.len());
            let run = (low.len() - column).min(range.end - i);
            let inner = f(i..i + run, &low[column..column + run]);
            for (sum, inner) in sums.iter_mut().zip(inner) {
                *sum += high[row] * inner;
            }
            i += run;
        }
        sums
    })
}

impl<F: WideField> Segment<'_, F> {
    fn len(&self) -> usize {
        match self {
            Segment::Small { len, .. } => *len,
            Segment::Ones(shifted) => shifted.len,
            Segment::Fractions(values) => values.len,
            Segment::Sums(sums, _) => sums.len(),
        }
    }

    /// The batched fraction at an index.
    fn fraction(&self, i: usize, batching: &Batching<F>) -> Fraction<F> {
        let shifted = match self {
            Segment::Fractions(values) => return values.values()[i],
            Segment::Ones(shifted) => shifted.values()[i],
            Segment::Small { column, shift, .. } => {
                *shift - F::from(column.get(i).copied().unwrap_or(0))
            }
            Segment::Sums(sums, _) => {
                let mut sum = [Fraction::zero()];
                sums.read(i, &mut sum);
                return sum[0].batched(batching.half_lambda);
            }
        };
        let d = shifted - batching.inverse;
        Fraction { n: F::ONE, d }.batched(batching.half_lambda)
    }

    /// All of them.
    fn fractions(&self, batching: &Batching<F>) -> Vec<Fraction<F>> {
        if !matches!(self, Segment::Fractions(_)) {
            // Each is batched.
            count::field_multiplications(self.len());
        }
        (0..self.len())
            .map(|i| self.fraction(i, batching))
            .collect()
    }

    /// The sum of `eq` times the gate with the current variable at 0, and the coefficient of its
    /// square. `weight` is the sum of `eq` over the segment, which starts at gate `start` of the
    /// next round.
    fn round(
        &self,
        eq: EqTables<'_, F>,
        start: usize,
        weight: F,
        batching: &Batching<F>,
    ) -> [F; 2] {
        let gates = self.len() / 4;
        let [at_0, at_infinity] = match self {
            Segment::Small { column, shift, .. } => {
                let stored = column.len().div_ceil(4);
                // Three weighted sums of integers a gate.
                count::small_multiply_accumulates(3 * stored);
                let [sum, product, slopes] = weighted_sum(eq, start, stored, |range, low| {
                    small_round(column, range, low)
                });
                [shift.square() * weight - *shift * sum + product, slopes]
            }
            Segment::Ones(shifted) => {
                let shifted = shifted.values();
                // A gate and one of slopes, each a product and its weight.
                count::field_multiplications(4 * gates);
                weighted_sum(eq, start, gates, |range, low| {
                    ones_round(&shifted[4 * range.start..4 * range.end], low)
                })
            }
            Segment::Fractions(values) => {
                let values = values.values();
                // A gate and one of slopes, each two products and their weight.
                count::field_multiplications(6 * gates);
                return weighted_sum(eq, start, gates, |range, low| {
                    fractions_round(&values[4 * range.start..4 * range.end], low)
                });
            }
            Segment::Sums(sums, _) => {
                // They are batched too.
                count::field_multiplications((6 + 4) * gates);
                return weighted_sum(eq, start, gates, |range, low| {
                    sums_round(sums, batching, range, low)
                });
            }
        };
        [
            at_0 * batching.lambda - batching.inverse * weight,
            at_infinity * batching.lambda,
        ]
    }

    /// Binds the current variable.
    fn bind(&mut self, r: F, batching: &Batching<F>) {
        match self {
            Segment::Sums(sums, spare) => {
                // Each is batched; two a fraction that is left.
                count::field_multiplications(2 * sums.len());
                let mut half = std::mem::take(spare);
                if half.len() < sums.len() / 2 {
                    half = simd::zero_fractions(sums.len() / 2);
                }
                let left = &mut half[..sums.len() / 2];
                parallel::for_each_chunk(left, parallel::GRAIN, |start, out| {
                    let mut values = [Fraction::zero(); SUMS];
                    for (k, out) in out.chunks_mut(SUMS / 2).enumerate() {
                        let values = &mut values[..2 * out.len()];
                        batching.read(sums, 2 * start + k * SUMS, values);
                        bind_fractions(values, r, out);
                    }
                });
                let mut left = Halving::new(half, Vec::new());
                left.len = sums.len() / 2;
                *self = Segment::Fractions(left);
            }
            Segment::Small { column, shift, len } => {
                // Two an entry that is left.
                count::small_multiply_accumulates(*len);
                let shifted = bind_small(column, *shift, r, *len / 2);
                *self = Segment::Ones(Halving::new(shifted, Vec::new()));
            }
            Segment::Ones(shifted) => {
                // One an entry that is left.
                count::field_multiplications(shifted.len / 2);
                shifted.halve(simd::zeros, |shifted, half| {
                    parallel::for_each_chunk(half, parallel::GRAIN, |start, out| {
                        let shifted = &shifted[2 * start..];
                        let done = simd::bind::<F, 2>(shifted, &r, out);
                        let (blocks, out) = (shifted[2 * done..].chunks_exact(4), &mut out[done..]);
                        for (out, u) in out.chunks_exact_mut(2).zip(blocks) {
                            out[0] = u[0] + r * (u[2] - u[0]);
                            out[1] = u[1] + r * (u[3] - u[1]);
                        }
                    });
                });
            }
            Segment::Fractions(values) => {
                // Two a fraction that is left.
                count::field_multiplications(values.len);
                values.halve(simd::zero_fractions, |values, half| {
                    parallel::for_each_chunk(half, parallel::GRAIN, |start, out| {
                        bind_fractions(&values[2 * start..], r, out);
                    });
                });
            }
        }
    }
}

/// Binds the current variable of fractions.
fn bind_fractions<F: WideField>(values: &[Fraction<F>], r: F, out: &mut [Fraction<F>]) {
    let done = simd::bind_fractions(values, &r, out);
    let (blocks, out) = (values[2 * done..].chunks_exact(4), &mut out[done..]);
    for (out, v) in out.chunks_exact_mut(2).zip(blocks) {
        out[0] = interpolate(&v[0], &v[2], r);
        out[1] = interpolate(&v[1], &v[3], r);
    }
}

fn interpolate<F: PrimeField>(a: &Fraction<F>, b: &Fraction<F>, r: F) -> Fraction<F> {
    Fraction {
        n: a.n + r * (b.n - a.n),
        d: a.d + r * (b.d - a.d),
    }
}

/// For `u = shift - x` at the four positions of each gate, weighted sums of `x_0 + x_1`, of
/// `x_0 x_1` and of the product of slopes.
fn small_round<F: WideField>(column: &[i64], range: Range<usize>, low: &[F]) -> [F; 3] {
    let here = &column[4 * range.start..column.len().min(4 * range.end)];
    let (done, mut sums) = simd::small_round(here, low);
    let mut acc = [WideAccumulator::default(); 3];
    for (i, weight) in range.zip(low).skip(done) {
        let [x_0, x_1, y_0, y_1] = read(column, 4 * i);
        let weight = weight.raw();
        acc[0].add_product(x_0 + x_1, &weight);
        acc[1].add_product(x_0 * x_1, &weight);
        acc[2].add_product((y_0 - x_0) * (y_1 - x_1), &weight);
    }
    for (sum, acc) in sums.iter_mut().zip(acc) {
        *sum += acc.reduce::<F>();
    }
    sums
}

/// Weighted sums of `u_0 u_1` and of the product of slopes.
fn ones_round<F: WideField>(shifted: &[F], low: &[F]) -> [F; 2] {
    let (done, vector) = simd::ones_round(shifted, low);
    let mut sums = [ProductAccumulator::default(); 2];
    for (u, weight) in shifted.chunks_exact(4).zip(low).skip(done) {
        let weight = weight.raw();
        sums[0].add_product(&weight, &(u[0] * u[1]).raw());
        sums[1].add_product(&weight, &((u[2] - u[0]) * (u[3] - u[1])).raw());
    }
    [0, 1].map(|k| vector[k] + sums[k].reduce::<F>())
}

/// Weighted sums of the gates at 0 and of the gates of the slopes.
fn fractions_round<F: WideField>(values: &[Fraction<F>], low: &[F]) -> [F; 2] {
    let (done, vector) = simd::fractions_round(values, low);
    let mut sums = [ProductAccumulator::default(); 2];
    for (v, weight) in values.chunks_exact(4).zip(low).skip(done) {
        let weight = weight.raw();
        let gate = sum_of_two(&v[0].n, &v[1].d, &v[1].n, &v[0].d);
        sums[0].add_product(&weight, &gate.raw());
        let (n_0, d_0) = (v[2].n - v[0].n, v[2].d - v[0].d);
        let (n_1, d_1) = (v[3].n - v[1].n, v[3].d - v[1].d);
        let slopes = sum_of_two(&n_0, &d_1, &n_1, &d_0);
        sums[1].add_product(&weight, &slopes.raw());
    }
    [0, 1].map(|k| vector[k] + sums[k].reduce::<F>())
}

/// The same for sums that are made here.
fn sums_round<F: WideField>(
    sums: &Sums<'_, F>,
    batching: &Batching<F>,
    range: Range<usize>,
    low: &[F],
) -> [F; 2] {
    let mut values = [Fraction::zero(); SUMS];
    let mut total = [F::ZERO; 2];
    for (k, low) in low.chunks(SUMS / 4).enumerate() {
        let values = &mut values[..4 * low.len()];
        batching.read(sums, 4 * range.start + k * SUMS, values);
        for (total, sum) in total.iter_mut().zip(fractions_round(values, low)) {
            *total += sum;
        }
    }
    total
}

/// `shift - x_0 - r (y_0 - x_0)` and the same for the other child.
fn bind_small<F: WideField>(column: &[i64], shift: F, challenge: F, len: usize) -> Vec<F> {
    let (one, r) = (F::ONE.raw(), challenge.raw());
    let raw_shift = shift.raw();
    let mut out = simd::zeros::<F>(len);
    parallel::for_each_chunk(&mut out, parallel::GRAIN, |start, out| {
        let here = column.get(2 * start..).unwrap_or_default();
        let done = simd::bind_small(here, shift, challenge, out);
        let out = &mut out[2 * done..];
        for (i, out) in (start / 2 + done..).zip(out.chunks_exact_mut(2)) {
            let x: [i64; 4] = read(column, 4 * i);
            for child in 0..2 {
                let mut acc = WideAccumulator::default();
                acc.add_product(1, &raw_shift);
                acc.add_product(-x[child], &one);
                acc.add_product(x[child] - x[child + 2], &r);
                out[child] = acc.reduce();
            }
        }
    });
    out
}

/// The sumcheck `sum_x eq(r, x) (n_0' d_1 + n_1' d_0)` of a layer, `eq` factored out of the round
/// polynomial [Gruen 2024/108, sec. 3].
///
/// Segments have multiples of four entries, so that no gate of a round lies in two of them; those
/// that have become shorter are joined at the end. What follows the last one is padding with
/// gates `lambda`, which is never stored.
pub(super) struct LayerProver<'a, F> {
    eq: SplitEq<F>,
    point: Vec<F>,
    round: usize,
    /// `eq` over the variables already bound.
    scale: F,
    batching: Batching<F>,
    segments: Vec<Segment<'a, F>>,
}

impl<'a, F: WideField> LayerProver<'a, F> {
    pub fn new(point: &[F], batching: Batching<F>, segments: Vec<Segment<'a, F>>) -> Self {
        let mut prover = Self {
            eq: SplitEq::new(point),
            point: point.to_vec(),
            round: 0,
            scale: F::ONE,
            batching,
            segments,
        };
        prover.join_short_segments();
        prover
    }

    /// Joins segments whose length is not a multiple of four (they come last) and pads the
    /// result.
    fn join_short_segments(&mut self) {
        let short = self.segments.iter().position(|s| s.len() % 4 != 0);
        let Some(first) = short else {
            return;
        };
        let segments = self.segments.split_off(first);
        let mut joined = match <[Segment<'a, F>; 1]>::try_from(segments) {
            Ok([Segment::Fractions(values)]) => values,
            Ok([segment]) => Halving::new(segment.fractions(&self.batching), Vec::new()),
            Err(segments) => {
                let values = segments.iter().flat_map(|s| s.fractions(&self.batching));
                Halving::new(values.collect(), Vec::new())
            }
        };
        joined.pad(Fraction::zero().batched(self.batching.half_lambda));
        self.segments.push(Segment::Fractions(joined));
    }

    /// The four values at the point, and a buffer to be used again.
    pub fn finish(self) -> ([Fraction<F>; 2], Vec<Fraction<F>>) {
        let padding = Fraction::zero().batched(self.batching.half_lambda);
        match self.segments.into_iter().next() {
            Some(Segment::Fractions(values)) => {
                let children = [0, 1].map(|i| values.values().get(i).copied().unwrap_or(padding));
                (children, values.into_larger())
            }
            Some(segment) => (
                [0, 1].map(|i| segment.fraction(i, &self.batching)),
                Vec::new(),
            ),
            None => ([padding; 2], Vec::new()),
        }
    }

    /// Sum of `eq` times the gates with the current variable at 0, and the coefficient of its
    /// square.
    fn sums(&self) -> [F; 2] {
        let later = &self.point[self.round + 1..];
        let tables = self.eq.tables(self.round + 1);
        let (mut at_0, mut at_infinity) = (F::ZERO, F::ZERO);
        let (mut gates, mut weight) = (0, F::ZERO);
        for segment in &self.segments {
            let end = gates + segment.len() / 4;
            let weight_to_end = eq_prefix_sum(later, end);
            let [a, b] = segment.round(tables, gates, weight_to_end - weight, &self.batching);
            at_0 += a;
            at_infinity += b;
            (gates, weight) = (end, weight_to_end);
        }
        [at_0 + self.batching.lambda * (F::ONE - weight), at_infinity]
    }

    /// Sum of `eq` times the gates with the current variable at 1: only for the coordinate that
    /// does not let it be derived from the claim.
    fn sum_at_1(&self) -> F {
        let later = &self.point[self.round + 1..];
        let (low, high) = self.eq.tables(self.round + 1);
        let mut gates = 0;
        let mut sum = F::ZERO;
        for segment in &self.segments {
            let [part]: [F; 1] = parallel::sum(segment.len() / 4, |range| {
                [range
                    .map(|i| {
                        let [a, b] = [2, 3].map(|k| segment.fraction(4 * i + k, &self.batching));
                        let (row, column) = ((gates + i) / low.len(), (gates + i) % low.len());
                        low[column] * high[row] * (a.n * b.d + b.n * a.d)
                    })
                    .sum()]
            });
            sum += part;
            gates += segment.len() / 4;
        }
        sum + self.batching.lambda * (F::ONE - eq_prefix_sum(later, gates))
    }
}

/// `sum_(x < end) eq(point, x)`, for `end <= 2^n`.
fn eq_prefix_sum<F: PrimeField>(point: &[F], end: usize) -> F {
    if end >> point.len() != 0 {
        return F::ONE;
    }
    // At each digit 1 of `end`, the indices that agree above it and have 0 there.
    let mut sum = F::ZERO;
    let mut prefix = F::ONE;
    for (k, r) in point.iter().enumerate().rev() {
        if end >> k & 1 == 1 {
            sum += prefix * (F::ONE - r);
            prefix *= r;
        } else {
            prefix *= F::ONE - r;
        }
    }
    sum
}

impl<F: WideField> RoundProver<F> for LayerProver<'_, F> {
    fn num_vars(&self) -> usize {
        self.point.len()
    }

    fn degree(&self) -> usize {
        3
    }

    fn round_poly(&mut self, claim: F) -> RoundPoly<F> {
        // s(X) = scale eq(r, X) h(X) with h(X) = h_0 + h_1 X + h_2 X^2.
        let r = self.point[self.round];
        let [h_0, h_2] = self.sums();
        let at_1 = match (self.scale * r).inverse() {
            Some(inverse) => (claim - self.scale * (F::ONE - r) * h_0) * inverse,
            None => self.sum_at_1(),
        };
        let h_1 = at_1 - h_0 - h_2;
        let constant = self.scale * (F::ONE - r);
        let slope = self.scale * r - constant;
        RoundPoly(vec![
            constant * h_0,
            constant * h_1 + slope * h_0,
            constant * h_2 + slope * h_1,
            slope * h_2,
        ])
    }

    fn bind(&mut self, challenge: F) {
        self.scale *= poly::eq_eval(&[self.point[self.round]], &[challenge]);
        for segment in &mut self.segments {
            segment.bind(challenge, &self.batching);
        }
        self.round += 1;
        self.join_short_segments();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        poly::eq_evals,
        sumcheck::{self, Product, SumOfProducts, Table},
        transcript::ProverChannel,
    };
    use ark_bls12_381::Fr;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    proptest! {
        #[test]
        fn prefix_sums_of_eq(seed: u64, n in 0usize..6) {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let point: Vec<Fr> = (0..n).map(|_| Fr::rand(rng)).collect();
            let table = eq_evals(&point);
            for end in 0..=table.len() {
                prop_assert_eq!(eq_prefix_sum(&point, end), table[..end].iter().sum::<Fr>());
            }
        }

        /// Points with coordinates 0 and 1, where the value at 1 does not follow from the claim,
        /// and all kinds of segments.
        #[test]
        fn rounds_are_those_of_the_dense_sum(seed: u64, n in 0usize..6) {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let point: Vec<Fr> = (0..n)
                .map(|_| match rng.gen_range(0..3) {
                    0 => Fr::ZERO,
                    1 => Fr::ONE,
                    _ => Fr::rand(rng),
                })
                .collect();
            let batching = Batching::new(Fr::rand(rng));
            let mut segments = Vec::new();
            let mut left = 2usize << n;
            let mut size = left;
            while left > 0 && rng.gen_range(0..5) > 0 {
                size = 1usize << rng.gen_range(0..=size.min(left).ilog2());
                left -= size;
                segments.push(match rng.gen_range(0..3) {
                    0 => Segment::Small {
                        column: Arc::new((0..rng.gen_range(0..=size))
                            .map(|_| rng.gen_range(-(1 << 30) + 1..1 << 30)).collect()),
                        shift: Fr::rand(rng),
                        len: size,
                    },
                    1 => Segment::Ones(Halving::new(
                        (0..size).map(|_| Fr::rand(rng)).collect(),
                        Vec::new(),
                    )),
                    _ => batching.segment((0..size)
                        .map(|_| Fraction { n: Fr::rand(rng), d: Fr::rand(rng) }).collect(),
                        Vec::new()),
                });
            }
            let mut dense: Vec<Fraction<Fr>> =
                segments.iter().flat_map(|s| s.fractions(&batching)).collect();
            dense.resize(2 << n, Fraction::zero().batched(batching.half_lambda));

            let of = |f: &dyn Fn(&[Fraction<Fr>]) -> Fr| {
                Table::Field(dense.chunks(2).map(f).collect::<Vec<Fr>>())
            };
            let eq = Table::Field(eq_evals(&point));
            let tables = vec![eq, of(&|p| p[0].n), of(&|p| p[1].n), of(&|p| p[0].d), of(&|p| p[1].d)];
            let product = |factors: [usize; 3]| Product {
                coefficient: Fr::ONE,
                factors: factors.to_vec(),
                num_vars: n,
            };
            let products = vec![product([0, 1, 4]), product([0, 2, 3])];
            let mut naive = SumOfProducts::new(n, tables, products);
            let sum = naive.sum();
            let mut fast = LayerProver::new(&point, batching, segments);
            let mut proofs = [Vec::new(), Vec::new()];
            let mut channel = ProverChannel::new(b"test", b"");
            let _ = sumcheck::prove(&mut naive, sum, &mut channel);
            proofs[0] = channel.finish();
            let mut channel = ProverChannel::new(b"test", b"");
            let _ = sumcheck::prove(&mut fast, sum, &mut channel);
            proofs[1] = channel.finish();
            prop_assert_eq!(&proofs[0], &proofs[1]);
            let ([a, b], _) = fast.finish();
            prop_assert_eq!(&naive.final_evaluations()[1..], &[a.n, b.n, a.d, b.d]);
        }
    }
}
