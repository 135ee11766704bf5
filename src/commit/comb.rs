//! The comb: committing many rows of small integers with the same generators.
//!
//! Generators are taken in groups of [`WIDTH`]. For each group the points `sum_i +-G_i / 2` are
//! tabulated for all patterns of signs, up to the sign of the whole. An entry `v` with `b` bits
//! (after an offset that makes it non-negative; `b` is what its row needs) is written in digits `+-1`,
//! `2 v - (2^b - 1) = sum_j 2^j s_j`, so one table lookup adds one bit of all entries of a group:
//! a row of `n` entries costs `n b / WIDTH` additions. The accumulators of all rows and bits (the
//! *lanes*) advance together, in batch-affine additions.
//!
//! Tables are made when they are first used, block by block.
use super::{
    batch::{BatchAdder, add_alone, add_pairs},
    curve::Curve,
    msm,
};
use crate::{
    count,
    poly::{
        parallel,
        simd::{self, PointPairs},
    },
};
use ark_ec::AffineRepr;
use ark_ff::{Field, PrimeField};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// Generators in a group.
pub(super) const WIDTH: usize = 10;
/// Points of a group's table.
const PATTERNS: usize = 1 << (WIDTH - 1);
/// Groups whose tables are made together.
const BLOCK: usize = 16;
/// Lanes that advance together: their accumulators stay in the second-level cache.
const LANES: usize = 4096;

/// The tables of [`BLOCK`] groups or fewer.
struct Block<C: Curve> {
    /// Group-major: pattern `p` is `(G_last + sum_i (-1)^(1 + bit i of p) G_i) / 2`.
    patterns: Vec<C::Affine>,
    /// Half the sum of all generators of the block.
    half_sum: C,
}

impl<C: Curve> Block<C> {
    fn new(generators: &[C::Affine]) -> Self {
        let half = C::ScalarField::from(2u64).inverse().unwrap_or_default();
        let groups: Vec<&[C::Affine]> = generators.chunks_exact(WIDTH).collect();
        // A group's lowest pattern and its share of the half sum; the other patterns are counted
        // where they are added up.
        count::group_additions((2 * WIDTH + 2) * groups.len());
        count_multiplications::<C>(groups.len() + 1);
        let lowest: Vec<C> = groups
            .iter()
            .map(|group| {
                let last = group[WIDTH - 1];
                (group.iter().fold(C::ZERO, |sum, g| sum - g) + last + last) * half
            })
            .collect();
        let lowest = C::normalize_batch(&lowest);
        // Setting bit `i` of a pattern adds `G_i`. Layout while filling: (pattern, addend) pairs.
        let mut adder = BatchAdder::default();
        let mut patterns = vec![C::Affine::zero(); groups.len() * PATTERNS];
        for (table, lowest) in patterns.chunks_mut(PATTERNS).zip(lowest) {
            table[0] = lowest;
        }
        for bit in 0..WIDTH - 1 {
            let known = 1 << bit;
            let mut pairs = Vec::with_capacity(2 * known * groups.len());
            for (table, group) in patterns.chunks(PATTERNS).zip(&groups) {
                pairs.extend(table[..known].iter().flat_map(|p| [*p, group[bit]]));
            }
            let mut lens = vec![2; known * groups.len()];
            adder.halve::<C>(&mut pairs, &mut lens);
            for (table, sums) in patterns.chunks_mut(PATTERNS).zip(pairs.chunks(known)) {
                table[known..2 * known].copy_from_slice(sums);
            }
        }
        let covered = &generators[..groups.len() * WIDTH];
        Self {
            patterns,
            half_sum: covered.iter().fold(C::ZERO, |sum, g| sum + g) * half,
        }
    }
}

/// Tables for a list of generators, made on demand.
pub(super) struct Comb<C: Curve> {
    blocks: Vec<OnceLock<Arc<Block<C>>>>,
    /// Additions that tables would have saved so far. When they pay for the tables these are
    /// made: whatever rows come later, the total is at most twice the best.
    regret: AtomicUsize,
}

/// How the entries of a row are written in `+-1` digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Digits {
    /// `b`.
    bits: u32,
    /// What is added to every entry to make it non-negative: 0 or `2^(b-1)`.
    offset: u64,
}

impl Digits {
    fn of(row: &[i64]) -> Self {
        let (mut min, mut max) = (0, 0);
        for v in row {
            (min, max) = (min.min(*v), max.max(*v));
        }
        if min >= 0 {
            let bits = (64 - max.leading_zeros()).max(1);
            return Self { bits, offset: 0 };
        }
        // A non-negative number and its complement need as many bits.
        let bits = 65 - (!min).max(max).leading_zeros();
        Self {
            bits,
            offset: 1 << (bits - 1),
        }
    }

    /// `(2^b - 1 - 2 offset)`: what is missing from the sum of digits, in half sums.
    fn correction<F: Field>(self) -> F {
        F::from(2u64).pow([u64::from(self.bits)]) - F::ONE - F::from(self.offset).double()
    }
}

impl<C: Curve> Comb<C> {
    /// For `len` generators; `known` may have tables for the same generators, to be shared.
    pub fn new(len: usize, known: Option<&Self>) -> Self {
        let mut blocks: Vec<_> = match known {
            Some(known) => known.blocks.to_vec(),
            None => Vec::new(),
        };
        // A block that was cut short by the end of the list is made anew.
        blocks.truncate(blocks.len().saturating_sub(1));
        blocks.resize_with(len.div_ceil(WIDTH * BLOCK), OnceLock::new);
        Self {
            blocks,
            regret: AtomicUsize::new(0),
        }
    }

    fn block(&self, bases: &[C::Affine], b: usize) -> &Block<C> {
        self.blocks[b].get_or_init(|| {
            let size = WIDTH * BLOCK;
            Arc::new(Block::new(
                &bases[b * size..bases.len().min((b + 1) * size)],
            ))
        })
    }

    /// Makes the tables of the first groups.
    fn blocks(&self, bases: &[C::Affine], groups: usize) -> Vec<&Block<C>> {
        let count = groups.div_ceil(BLOCK);
        parallel::map(count, parallel::GRAIN, |b| self.block(bases, b))
    }

    /// Makes the tables for rows of `len` entries.
    pub fn prepare(&self, bases: &[C::Affine], len: usize) {
        self.blocks(bases, len / WIDTH);
    }

    /// Whether the comb is the method for these rows.
    fn pays(&self, groups: usize, rows: &[Row<'_>]) -> bool {
        let blocks = self.blocks.iter().take(groups.div_ceil(BLOCK));
        let missing = blocks.filter(|block| block.get().is_none()).count();
        let cost = groups * rows.iter().map(Row::bits).sum::<usize>();
        let entries: Vec<&[i64]> = rows.iter().map(|row| row.entries).collect();
        let saved = msm::additions(&entries).saturating_sub(cost);
        let regret = saved + self.regret.fetch_add(saved, Ordering::Relaxed);
        groups > 0 && saved > 0 && regret >= missing * BLOCK * PATTERNS
    }

    /// For each row, `sum_i row_i G_i`: by the comb if it is cheaper than by buckets. `bases` are
    /// the generators that the tables are for.
    ///
    /// # Panics
    /// If a row is longer than the list of bases.
    pub fn rows(&self, bases: &[C::Affine], rows: &[&[i64]]) -> Vec<C> {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let groups = longest / WIDTH;
        let digits = parallel::map(rows.len(), longest / 16, |r| Row::new(rows[r]));
        match self.pays(groups, &digits) {
            true => self.rows_by_comb(bases, &digits, groups),
            false => msm::rows(bases, rows),
        }
    }

    fn rows_by_comb(&self, bases: &[C::Affine], rows: &[Row<'_>], groups: usize) -> Vec<C> {
        let covered = groups * WIDTH;
        let blocks = self.blocks(bases, groups);
        let half_sum = half_sum(&blocks, bases, groups);
        let kinds: BTreeSet<Digits> = rows.iter().map(|row| row.digits).collect();
        // The corrections, and for each row one and its tail.
        count_multiplications::<C>(kinds.len());
        count::group_additions(2 * rows.len());
        let correction = |digits: Digits| half_sum * digits.correction::<C::ScalarField>();
        let corrections: BTreeMap<Digits, C> = kinds
            .into_iter()
            .map(|kind| (kind, correction(kind)))
            .collect();
        let chunks = chunks(rows);
        let heads = parallel::map(chunks.len(), parallel::GRAIN, |c| {
            chunk_by_comb(&blocks, chunks[c], groups)
        })
        .concat();
        let tails: Vec<&[i64]> = rows
            .iter()
            .map(|row| row.entries.get(covered..).unwrap_or_default())
            .collect();
        let tails = msm::rows::<C>(&bases[covered..], &tails);
        let parts = rows.iter().zip(heads).zip(tails);
        parts
            .map(|((row, head), tail)| head + corrections[&row.digits] + tail)
            .collect()
    }
}

/// A row and its digits, as many as its own entries need.
#[derive(Clone, Copy)]
struct Row<'a> {
    entries: &'a [i64],
    digits: Digits,
}

impl<'a> Row<'a> {
    fn new(entries: &'a [i64]) -> Self {
        Self {
            entries,
            digits: Digits::of(entries),
        }
    }

    fn bits(&self) -> usize {
        self.digits.bits as usize
    }
}

/// Neighbouring rows with [`LANES`] bits or little more; fewer if that keeps more threads at work
/// and leaves enough lanes.
fn chunks<'a, 'b>(rows: &'a [Row<'b>]) -> Vec<&'a [Row<'b>]> {
    let total: usize = rows.iter().map(Row::bits).sum();
    let target = (total / 4).clamp(LANES / 4, LANES);
    let (mut chunks, mut start, mut lanes) = (Vec::new(), 0, 0);
    for (r, row) in rows.iter().enumerate() {
        lanes += row.bits();
        if lanes >= target || r + 1 == rows.len() {
            chunks.push(&rows[start..=r]);
            (start, lanes) = (r + 1, 0);
        }
    }
    chunks
}

/// The patterns of a group.
fn table<'a, C: Curve>(blocks: &[&'a Block<C>], group: usize) -> &'a [C::Affine] {
    &blocks[group / BLOCK].patterns[(group % BLOCK) * PATTERNS..][..PATTERNS]
}

/// Counts `n` multiplications by scalars of full size.
fn count_multiplications<C: Curve>(n: usize) {
    count::scalar_multiplications(n, C::ScalarField::MODULUS_BIT_SIZE);
}

/// Half the sum of the generators of the first groups.
fn half_sum<C: Curve>(blocks: &[&Block<C>], bases: &[C::Affine], groups: usize) -> C {
    let (full, rest) = (groups / BLOCK, groups % BLOCK);
    let sum: C = blocks[..full].iter().map(|block| block.half_sum).sum();
    count::group_additions(full + rest * WIDTH);
    count_multiplications::<C>(1);
    let start = full * BLOCK * WIDTH;
    let half = C::ScalarField::from(2u64).inverse().unwrap_or_default();
    let tail: C = bases[start..start + rest * WIDTH].iter().sum();
    sum + tail * half
}

/// `sum_j 2^j sum_i s_ij G_i / 2` for each row of a chunk.
fn chunk_by_comb<C: Curve>(blocks: &[&Block<C>], rows: &[Row<'_>], groups: usize) -> Vec<C> {
    let lanes_of_rows: usize = rows.iter().map(Row::bits).sum();
    // Few rows: cut them in segments, each with accumulators of its own.
    let segments = (LANES / 4 / lanes_of_rows.max(1)).clamp(1, groups.div_ceil(8));
    let per_segment = groups.div_ceil(segments);
    let segments = groups.div_ceil(per_segment);
    // Lanes are (row, bit, segment).
    let lanes = lanes_of_rows * segments;
    let identity = C::Affine::zero();
    let mut sums = vec![identity; lanes];
    let mut addends = vec![(&identity, false); lanes];
    for k in 0..per_segment {
        for segment in 0..segments {
            let group = segment * per_segment + k;
            let of_segment = addends.iter_mut().skip(segment).step_by(segments);
            if group >= groups {
                of_segment.for_each(|addend| *addend = (&identity, false));
                continue;
            }
            let table = self::table(blocks, group);
            if k + 1 < per_segment && group + 1 < groups {
                simd::prefetch(self::table(blocks, group + 1));
            }
            let patterns = rows.iter().flat_map(|row| {
                let patterns = patterns(&group_entries(row, group), row.bits());
                patterns.into_iter().take(row.bits())
            });
            for (addend, pattern) in of_segment.zip(patterns) {
                *addend = look_up(table, pattern as usize);
            }
        }
        if k == 0 {
            for (sum, (point, negated)) in sums.iter_mut().zip(&addends) {
                *sum = if *negated { -**point } else { **point };
            }
        } else {
            let mut pairs = Advance::<C> {
                sums: &mut sums,
                addends: &addends,
            };
            // One a lane, with or without a point to add.
            count::group_additions(lanes);
            add_pairs(lanes, &mut pairs);
        }
    }
    let mut adder = BatchAdder::default();
    adder.tree_sums::<C>(&mut sums, &mut vec![segments; lanes_of_rows]);
    let mut sums = sums.as_slice();
    let take = |row: &Row<'_>| {
        let (bits, rest) = sums.split_at(row.bits());
        sums = rest;
        msm::horner::<C>(bits)
    };
    rows.iter().map(take).collect()
}

/// To each sum an addend, or its negative.
struct Advance<'a, C: Curve> {
    sums: &'a mut [C::Affine],
    addends: &'a [(&'a C::Affine, bool)],
}

impl<C: Curve> PointPairs<C::BaseField> for Advance<'_, C> {
    #[inline]
    fn operands(&self, first: usize) -> [[&C::BaseField; 4]; 8] {
        std::array::from_fn(|k| {
            // Behind the end, a sum and itself.
            let at = (first + k).min(self.sums.len() - 1);
            let sum = &self.sums[at];
            let addend = self.addends.get(first + k).map_or(sum, |addend| addend.0);
            let ((x_1, y_1), (x_2, y_2)) = (C::coordinates_ref(sum), C::coordinates_ref(addend));
            [x_1, y_1, x_2, y_2]
        })
    }

    #[inline]
    fn negated(&self, first: usize) -> u8 {
        let addends = self.addends.get(first..).unwrap_or_default();
        let bits = addends.iter().take(8).enumerate();
        bits.fold(0, |mask, (k, (_, negated))| mask | u8::from(*negated) << k)
    }

    #[inline]
    fn finish(&mut self, first: usize, regular: u8, x: &[C::BaseField; 8], y: &[C::BaseField; 8]) {
        let sums = self.sums.get_mut(first..).unwrap_or_default();
        let addends = self.addends.get(first..).unwrap_or_default();
        for (k, (sum, (addend, negated))) in sums.iter_mut().zip(addends).take(8).enumerate() {
            *sum = match (regular >> k & 1, negated) {
                (1, _) => C::from_coordinates(x[k], y[k]),
                (_, false) => add_alone::<C>(sum, addend),
                (_, true) => add_alone::<C>(sum, &-**addend),
            };
        }
    }
}

/// The entries of a row that belong to a group, made non-negative; zeros behind its end.
fn group_entries(row: &Row<'_>, group: usize) -> [u64; WIDTH] {
    let offset = row.digits.offset;
    let mut entries = [offset; WIDTH];
    let present = row.entries.get(group * WIDTH..).unwrap_or_default();
    for (entry, v) in entries.iter_mut().zip(present) {
        *entry = (*v as u64).wrapping_add(offset);
    }
    entries
}

/// For each bit, the pattern of that bit in all entries: the transposed matrix of bits.
fn patterns(entries: &[u64; WIDTH], bits: usize) -> [u16; 64] {
    let mut patterns = [0; 64];
    for byte in 0..bits.div_ceil(8) {
        for (half, entries) in entries.chunks(8).enumerate() {
            let rows = entries.iter().enumerate();
            let rows = rows.fold(0, |rows, (i, e)| rows | (e >> (8 * byte) & 0xff) << (8 * i));
            let columns = transpose(rows).to_le_bytes();
            for (pattern, column) in patterns[8 * byte..].iter_mut().zip(columns) {
                *pattern |= u16::from(column) << (8 * half);
            }
        }
    }
    patterns
}

/// Transposes a matrix of 8 by 8 bits: bit `8 r + c` becomes bit `8 c + r`.
#[inline]
fn transpose(x: u64) -> u64 {
    let swap = |x: u64, mask: u64, shift: u32| {
        let t = (x ^ (x >> shift)) & mask;
        x ^ t ^ (t << shift)
    };
    let x = swap(x, 0x00aa_00aa_00aa_00aa, 7);
    let x = swap(x, 0x0000_cccc_0000_cccc, 14);
    swap(x, 0x0000_0000_f0f0_f0f0, 28)
}

/// The point for a pattern, and whether it is to be negated.
#[inline]
fn look_up<A>(table: &[A], pattern: usize) -> (&A, bool) {
    match pattern.checked_sub(PATTERNS) {
        Some(index) => (&table[index], false),
        // The last sign is minus: the opposite pattern, negated.
        None => (&table[PATTERNS - 1 - pattern], true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::G1Projective as Bls;
    use ark_ec::CurveGroup;
    use ark_ff::UniformRand;
    use ark_pallas::Projective as Pallas;
    use ark_std::test_rng;
    use rand::RngCore;

    #[test]
    fn patterns_are_columns_of_bits() {
        let rng = &mut test_rng();
        for bits in 1..=64 {
            let entries: [u64; WIDTH] = std::array::from_fn(|_| rng.next_u64());
            let patterns = patterns(&entries, bits);
            for (bit, pattern) in patterns.iter().enumerate().take(bits) {
                for (i, entry) in entries.iter().enumerate() {
                    assert_eq!(u64::from(pattern >> i & 1), entry >> bit & 1);
                }
                assert_eq!(pattern >> WIDTH, 0);
            }
        }
    }

    fn check<C: Curve>(bases: &[C::Affine], data: &[Vec<i64>]) {
        let comb = Comb::<C>::new(bases.len(), None);
        let rows: Vec<&[i64]> = data.iter().map(Vec::as_slice).collect();
        let groups = rows.iter().map(|row| row.len()).max().unwrap() / WIDTH;
        let expected: Vec<C> = rows.iter().map(|row| msm::naive(bases, row)).collect();
        let with_digits: Vec<Row<'_>> = rows.iter().map(|row| Row::new(row)).collect();
        assert!(comb.rows_by_comb(bases, &with_digits, groups) == expected);
        assert!(comb.rows(bases, &rows) == expected);
    }

    fn equals_naive<C: Curve>() {
        let rng = &mut test_rng();
        let n = 3 * WIDTH * BLOCK / 2 + 3;
        let bases: Vec<C::Affine> =
            C::normalize_batch(&(0..n).map(|_| C::rand(rng)).collect::<Vec<_>>());
        let mut random = |bits: u32, len: usize| -> Vec<i64> {
            (0..len)
                .map(|_| (rng.next_u64() as i64) >> (64 - bits))
                .collect()
        };
        check::<C>(
            &bases,
            &[random(64, n), vec![], vec![i64::MIN; n], vec![i64::MAX; 7]],
        );
        check::<C>(&bases, &[random(16, n - 5), random(9, n)]);
        check::<C>(&bases, &[random(1, n)]);
        check::<C>(
            &bases,
            &[
                random(1, n).iter().map(|v| -v).collect(),
                vec![1; n],
                vec![0; n],
            ],
        );
        check::<C>(&bases, &[vec![0; n]]);
        check::<C>(&bases, &[vec![-1; 2 * WIDTH], vec![5; WIDTH]]);
        check::<C>(&bases, &(0..70).map(|i| random(4, i)).collect::<Vec<_>>());
        for bits in 1..=20u32 {
            for end in [(1i64 << bits) - 1, -(1i64 << bits), 1i64 << bits] {
                check::<C>(&bases, &[vec![end; 2 * WIDTH]]);
            }
        }
    }

    #[test]
    fn comb_equals_the_naive_sum() {
        equals_naive::<Bls>();
        equals_naive::<Pallas>();
    }

    /// Tables and accumulators with equal and opposite points and the identity.
    #[test]
    fn equal_and_opposite_points() {
        let p: <Bls as ark_ec::CurveGroup>::Affine = Bls::rand(&mut test_rng()).into();
        let patterns = [
            vec![p],
            vec![p, -p],
            vec![p, p, -p],
            vec![p, AffineRepr::zero()],
        ];
        for pattern in patterns {
            let bases: Vec<_> = pattern
                .iter()
                .copied()
                .cycle()
                .take(5 * WIDTH + 1)
                .collect();
            check::<Bls>(
                &bases,
                &[
                    vec![1; 50],
                    vec![-3; 49],
                    (0..5 * WIDTH as i64 + 1).collect(),
                ],
            );
        }
    }

    #[test]
    fn tables_are_shared_when_the_list_grows() {
        let rng = &mut test_rng();
        let n = 4 * WIDTH * BLOCK;
        let bases = Pallas::normalize_batch(&(0..n).map(|_| Pallas::rand(rng)).collect::<Vec<_>>());
        let short = Comb::<Pallas>::new(n / 2 + 5, None);
        short.block(&bases[..n / 2 + 5], 0);
        short.block(&bases[..n / 2 + 5], 2);
        let long = Comb::<Pallas>::new(n, Some(&short));
        assert!(long.blocks[0].get().is_some() && long.blocks[2].get().is_none());
        let row: Vec<i64> = (0..n as i64).collect();
        let sums = long.rows_by_comb(&bases, &[Row::new(&row)], n / WIDTH);
        assert!(sums == [msm::naive::<Pallas>(&bases, &row)]);
    }
}
