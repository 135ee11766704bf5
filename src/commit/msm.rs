//! Multi-scalar multiplication `sum_i v_i G_i`: the hot path of committing and of opening.
//!
//! # Method
//! Scalars are written in signed digits of `c` bits (Pippenger with `2^(c-1)` buckets). All points
//! stay affine, and all additions come in large independent batches that share one field
//! inversion: with it an addition costs six field multiplications, against eleven or more in
//! projective coordinates. The batches span buckets, windows and rows:
//!
//! 1. A *lane* is one window of one scalar vector. The points of a lane are put in the order of
//!    their digits (zero digits are left out) and each bucket is added up as a binary tree, one
//!    level of all trees of all lanes at a time.
//! 2. The buckets `B_1, B_2, ..` of a lane stand for `sum_j j B_j`. With
//!    `S_k = B_2k + B_(2k+1)` this is `2 sum_k k S_k + (B_1 + B_3 + ..)`, so `c` levels of
//!    halving leave one point for each *bit*; two additions a bucket, again in batches.
//! 3. Horner's rule over the bits of all windows of a vector.
//!
//! Small rows and full-size scalars differ only in how digits are made.
//!
//! # References
//! Bernstein, Doumen, Lange, Oosterwijk, *Faster batch forgery identification* (Indocrypt 2012),
//! sec. 4; Pippenger's method and batch-affine buckets as in the blst and halo2 libraries.
use super::{batch::BatchAdder, curve::Curve};
use crate::{count, poly::parallel};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField, Zero};

/// Points that are sorted into buckets at a time.
const BLOCK: usize = 1 << 14;
/// Widest digits; they fit an `i16`.
const MAX_WINDOW: u32 = 15;

/// `sum_i v_i G_i` one point at a time: the reference.
pub fn naive<C: Curve>(bases: &[C::Affine], row: &[i64]) -> C {
    bases.iter().zip(row).fold(C::ZERO, |sum, (base, v)| {
        let term: C = base.mul_bigint([v.unsigned_abs()]);
        if *v < 0 { sum - term } else { sum + term }
    })
}

/// For each row of small signed integers, `sum_i row_i G_i`.
///
/// Time: about `n * bits / 8` batch-affine additions for a row of `n` entries, where `bits` bounds
/// the absolute value of all entries of all rows.
///
/// # Panics
/// If a row is longer than the list of bases.
pub fn rows<C: Curve>(bases: &[C::Affine], rows: &[&[i64]]) -> Vec<C> {
    let (longest, plan) = plan(rows);
    assert!(
        longest <= bases.len(),
        "a row is longer than the generators"
    );
    if plan.count == 0 {
        return vec![C::ZERO; rows.len()];
    }
    let rows_per_block = (BLOCK / (longest * plan.count).max(1)).max(1);
    let blocks: Vec<&[&[i64]]> = rows.chunks(rows_per_block).collect();
    let cost = parallel::GRAIN / 8;
    let sums = parallel::map(blocks.len(), cost, |b| {
        let mut lanes = Lanes::new(longest, plan.bits);
        for row in blocks[b] {
            lanes.push(plan.count, |push| {
                for (i, v) in row.iter().enumerate() {
                    push_small_digits(*v, plan, |window, digit| push(window, i, digit));
                }
            });
        }
        let planes = lanes.bit_sums::<C>(bases);
        planes
            .chunks(plan.count * plan.bits as usize)
            .map(horner::<C>)
            .collect::<Vec<C>>()
    });
    sums.concat()
}

/// The length of the longest row, and how all of them are cut in digits.
fn plan(rows: &[&[i64]]) -> (usize, Windows) {
    let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let magnitudes = rows
        .iter()
        .flat_map(|row| row.iter().map(|v| v.unsigned_abs()));
    (
        longest,
        Windows::for_small(magnitudes.max().unwrap_or(0), longest),
    )
}

/// How many additions [`rows`] takes at most, to compare with other methods.
pub(super) fn additions(rows: &[&[i64]]) -> usize {
    let (longest, plan) = plan(rows);
    rows.len() * plan.additions(longest)
}

/// `sum_i s_i G_i` over the shorter of the two lists, for scalars of any size.
pub fn full<C: Curve>(bases: &[C::Affine], scalars: &[C::ScalarField]) -> C {
    let [sum] = full_many(bases, [scalars]);
    sum
}

/// Several vectors of full-size scalars against the same bases. Zero scalars cost nothing.
pub fn full_many<C: Curve, const K: usize>(
    bases: &[C::Affine],
    vectors: [&[C::ScalarField]; K],
) -> [C; K] {
    let longest = vectors.iter().map(|v| v.len()).max().unwrap_or(0);
    let len = longest.min(bases.len());
    let terms = vectors
        .iter()
        .map(|v| v.iter().filter(|s| !s.is_zero()).count())
        .max()
        .unwrap_or(0);
    if len == 0 {
        return [C::ZERO; K];
    }
    let plan = Windows::for_full(C::ScalarField::MODULUS_BIT_SIZE, terms);
    let mut lanes = Lanes::new(len, plan.bits);
    for vector in vectors {
        lanes.push(plan.count, |push| {
            for (i, s) in vector.iter().take(len).enumerate() {
                push_full_digits(s, plan, |window, digit| push(window, i, digit));
            }
        });
    }
    // One block is as many lanes as give every thread work and full batches.
    let per_block = (BLOCK / terms.max(1)).clamp(1, lanes.count().max(1));
    let blocks = lanes.split(per_block);
    let planes = parallel::map(blocks.len(), parallel::GRAIN, |b| {
        blocks[b].bit_sums::<C>(bases)
    })
    .concat();
    let per_vector = plan.count * plan.bits as usize;
    std::array::from_fn(|k| horner::<C>(&planes[k * per_vector..(k + 1) * per_vector]))
}

/// `sum_i 2^i points_i`.
pub(super) fn horner<C: Curve>(points: &[C::Affine]) -> C {
    // A doubling and an addition a point.
    count::group_additions(2 * points.len());
    points.iter().rev().fold(C::ZERO, |mut sum, point| {
        sum.double_in_place();
        sum + point
    })
}

/// How scalars are cut: `count` digits of `bits` bits, each in `[-2^(bits-1), 2^(bits-1)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Windows {
    bits: u32,
    count: usize,
}

impl Windows {
    /// Whether all integers up to `max` have such digits: `max <= 2^(c-1) (1 + 2^c + ..)`.
    fn reach(self, max: u64) -> bool {
        let half = 1u128 << (self.bits - 1);
        let mut largest = 0u128;
        if max == 0 {
            return true;
        }
        for _ in 0..self.count {
            largest = (largest << self.bits) + half;
            if largest >= u128::from(max) {
                return true;
            }
        }
        false
    }

    /// The cheapest cut for integers up to `max`, in additions for a vector of `n` terms.
    fn for_small(max: u64, n: usize) -> Self {
        Self::cheapest(n, |bits| {
            (0..)
                .find(|count| {
                    Self {
                        bits,
                        count: *count,
                    }
                    .reach(max)
                })
                .unwrap_or(64)
        })
    }

    /// The cheapest cut for scalars of `size` bits.
    fn for_full(size: u32, n: usize) -> Self {
        // One bit more than the size, for the carry out of the highest window.
        Self::cheapest(n, |bits| (size + 1).div_ceil(bits) as usize)
    }

    /// Additions for a vector of `n` terms: into buckets, and two for each bucket.
    fn additions(self, n: usize) -> usize {
        self.count * (n + (2 << (self.bits - 1)))
    }

    fn cheapest(n: usize, count: impl Fn(u32) -> usize) -> Self {
        let plans = (1..=MAX_WINDOW).map(|bits| Self {
            bits,
            count: count(bits),
        });
        plans
            .min_by_key(|plan| plan.additions(n))
            .unwrap_or(Self { bits: 1, count: 64 })
    }
}

/// Cuts the lowest digit, in `(-2^(c-1), 2^(c-1)]`, off a magnitude; what is left includes the carry.
#[inline]
fn lowest_digit(low_bits: u64, bits: u32) -> (i32, bool) {
    let digit = (low_bits & ((1 << bits) - 1)) as i32;
    let carry = digit > 1 << (bits - 1);
    (if carry { digit - (1 << bits) } else { digit }, carry)
}

#[inline]
fn push_small_digits(value: i64, plan: Windows, mut push: impl FnMut(usize, i16)) {
    let mut rest = value.unsigned_abs();
    let sign = value.signum() as i32;
    let mut window = 0;
    while rest != 0 {
        let (digit, carry) = lowest_digit(rest, plan.bits);
        rest = (rest >> plan.bits) + u64::from(carry);
        push(window, (sign * digit) as i16);
        window += 1;
    }
}

fn push_full_digits<F: PrimeField>(value: &F, plan: Windows, mut push: impl FnMut(usize, i16)) {
    let limbs = value.into_bigint();
    let limbs = limbs.as_ref();
    let mut carry = false;
    for window in 0..plan.count {
        let bit = window * plan.bits as usize;
        let (limb, shift) = (bit / 64, bit % 64);
        let mut low = limbs.get(limb).map_or(0, |l| l >> shift);
        if shift + plan.bits as usize > 64 {
            low |= limbs.get(limb + 1).map_or(0, |l| l << (64 - shift));
        }
        let masked = (low & ((1 << plan.bits) - 1)) + u64::from(carry);
        // A digit of all ones and a carry make 2^c, which is digit 0 and a carry again.
        let (digit, over) = if masked == 1 << plan.bits {
            (0, true)
        } else {
            lowest_digit(masked, plan.bits)
        };
        carry = over;
        push(window, digit as i16);
    }
}

/// The digits of some scalar vectors, one lane for each window of each vector.
#[derive(Clone)]
struct Lanes {
    len: usize,
    bits: u32,
    digits: Vec<i16>,
}

impl Lanes {
    fn new(len: usize, bits: u32) -> Self {
        Self {
            len,
            bits,
            digits: Vec::new(),
        }
    }

    /// Adds the lanes of one vector; `fill` is handed a function of window, index and digit.
    fn push(&mut self, windows: usize, fill: impl FnOnce(&mut dyn FnMut(usize, usize, i16))) {
        let start = self.digits.len();
        self.digits.resize(start + windows * self.len, 0);
        let (len, digits) = (self.len, &mut self.digits[start..]);
        fill(&mut |window, i, digit| digits[window * len + i] = digit);
    }

    fn count(&self) -> usize {
        self.digits.len() / self.len.max(1)
    }

    fn split(&self, lanes: usize) -> Vec<Self> {
        self.digits
            .chunks((lanes * self.len).max(1))
            .map(|digits| Self {
                digits: digits.to_vec(),
                ..*self
            })
            .collect()
    }

    /// For each lane, `bits` points whose sum weighted by `1, 2, 4, ..` is
    /// `sum_i digit_i G_i`.
    fn bit_sums<C: Curve>(&self, bases: &[C::Affine]) -> Vec<C::Affine> {
        let bits = self.bits as usize;
        let buckets = 1 << (bits - 1);
        let mut adder = BatchAdder::default();
        // Segments are (lane, bucket); after the trees there is one point for each.
        let (mut points, mut lens) = self.sort::<C>(bases);
        adder.tree_sums::<C>(&mut points, &mut lens);
        let lanes = lens.len() / buckets;
        // Halve the buckets of each lane; what has an odd number goes to the sum of that bit.
        let mut odd = Vec::with_capacity(lanes * buckets);
        let mut odd_lens = Vec::with_capacity(lanes * bits);
        for bit in 0..bits {
            let width = buckets >> bit;
            odd.extend(points.chunks(width).flat_map(|lane| lane.iter().step_by(2)));
            odd_lens.extend(std::iter::repeat_n(width.div_ceil(2), lanes));
            if width > 1 {
                let mut pairs: Vec<_> = points
                    .chunks(width)
                    .flat_map(|lane| &lane[1..])
                    .copied()
                    .collect();
                adder.halve::<C>(&mut pairs, &mut vec![width - 1; lanes]);
                points = pairs;
            }
        }
        adder.tree_sums::<C>(&mut odd, &mut odd_lens);
        // From bit-major to lane-major.
        (0..lanes * bits)
            .map(|k| odd[(k % bits) * lanes + k / bits])
            .collect()
    }

    /// The points of each lane in the order of their buckets (negated for negative digits), and
    /// the number of points in each bucket `1..=2^(bits-1)`.
    fn sort<C: Curve>(&self, bases: &[C::Affine]) -> (Vec<C::Affine>, Vec<usize>) {
        let buckets = 1usize << (self.bits - 1);
        let mut lens = Vec::with_capacity(self.count() * buckets);
        let mut order: Vec<u32> = Vec::with_capacity(self.digits.len());
        for lane in self.digits.chunks(self.len.max(1)) {
            // Counting sort; bucket 0 is dropped.
            let mut next = vec![0; buckets + 1];
            for digit in lane {
                next[usize::from(digit.unsigned_abs())] += 1;
            }
            lens.extend_from_slice(&next[1..]);
            let start = order.len();
            let mut end = start;
            for slot in &mut next[1..] {
                end += *slot;
                *slot = end - *slot;
            }
            order.resize(end, 0);
            for (i, digit) in lane.iter().enumerate().filter(|(_, digit)| **digit != 0) {
                let slot = &mut next[usize::from(digit.unsigned_abs())];
                order[*slot] = (i as u32) << 1 | u32::from(*digit < 0);
                *slot += 1;
            }
        }
        let points = order
            .iter()
            .map(|entry| {
                let (x, y) = C::coordinates(&bases[(entry >> 1) as usize]);
                C::from_coordinates(x, if entry & 1 == 1 { -y } else { y })
            })
            .collect();
        (points, lens)
    }
}

/// A table of multiples of one point, for many multiplications by full-size scalars.
pub struct FixedBase<C: Curve> {
    /// `table[w][d - 1] = d 2^(6 w) base`.
    table: Vec<Vec<C::Affine>>,
}

impl<C: Curve> FixedBase<C> {
    const BITS: usize = 6;

    /// Makes the table: 43 windows of 63 points for a 255-bit scalar field.
    pub fn new(base: C::Affine) -> Self {
        let windows = (C::ScalarField::MODULUS_BIT_SIZE as usize).div_ceil(Self::BITS);
        // All multiples, and the next power.
        count::group_additions(windows * ((1 << Self::BITS) - 2 + Self::BITS));
        let mut power: C = base.into_group();
        let table = (0..windows)
            .map(|_| {
                let multiples: Vec<C> = std::iter::successors(Some(power), |p| Some(*p + power))
                    .take((1 << Self::BITS) - 1)
                    .collect();
                (0..Self::BITS).for_each(|_| {
                    power.double_in_place();
                });
                C::normalize_batch(&multiples)
            })
            .collect();
        Self { table }
    }

    /// `scalar * base`.
    pub fn mul(&self, scalar: &C::ScalarField) -> C {
        // One a window, though one in 64 has nothing to add; none for zero.
        if !scalar.is_zero() {
            count::group_additions(self.table.len());
        }
        let bits = scalar.into_bigint().to_bits_le();
        let digits = bits.chunks(Self::BITS).map(|window| {
            window
                .iter()
                .rev()
                .fold(0usize, |d, bit| 2 * d + usize::from(*bit))
        });
        digits
            .zip(&self.table)
            .fold(C::ZERO, |sum, (digit, multiples)| {
                match digit.checked_sub(1).and_then(|d| multiples.get(d)) {
                    Some(point) => sum + point,
                    None => sum,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::G1Projective as Bls;
    use ark_ff::{Field, One, UniformRand};
    use ark_pallas::Projective as Pallas;
    use ark_std::test_rng;
    use proptest::prelude::*;
    use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

    fn bases<C: Curve>(n: usize, rng: &mut impl RngCore) -> Vec<C::Affine> {
        C::normalize_batch(&(0..n).map(|_| C::rand(rng)).collect::<Vec<_>>())
    }

    fn check_rows<C: Curve>(bases: &[C::Affine], data: &[Vec<i64>]) {
        let slices: Vec<&[i64]> = data.iter().map(Vec::as_slice).collect();
        let expected: Vec<C> = slices.iter().map(|row| naive(bases, row)).collect();
        assert!(
            rows::<C>(bases, &slices) == expected,
            "rows differ from the naive sum"
        );
    }

    fn extremes<C: Curve>() {
        let rng = &mut test_rng();
        let n = 37;
        let bases = bases::<C>(n, rng);
        let mut data = vec![
            vec![],
            vec![0; n],
            vec![1; n],
            vec![-1; n],
            vec![i64::MIN; n],
            vec![i64::MAX; n],
            vec![7; 1],
            (0..n)
                .map(|i| if i % 2 == 0 { i64::MIN } else { i64::MAX })
                .collect(),
            (0..n as i64).map(|i| i - 18).collect(),
            (0..n).map(|i| 1i64 << i).collect(),
            (0..n).map(|i| -(1i64 << i)).collect(),
            (0..n).map(|i| (1i64 << i) - 1).collect(),
            (0..n).map(|_| rng.next_u64() as i64).collect(),
        ];
        check_rows::<C>(&bases, &data);
        for row in data.drain(..) {
            check_rows::<C>(&bases, &[row]);
        }
        for bits in 1..=20u32 {
            for end in [(1i64 << bits) - 1, -(1i64 << bits), 1i64 << bits] {
                check_rows::<C>(&bases, &[vec![end; n]]);
            }
        }
        check_rows::<C>(&bases, &[]);
    }

    #[test]
    fn rows_of_extreme_values() {
        extremes::<Bls>();
        extremes::<Pallas>();
    }

    /// Equal, opposite and absent bases meet in every bucket.
    fn degenerate<C: Curve>() {
        let rng = &mut test_rng();
        let p: C::Affine = C::rand(rng).into();
        let q: C::Affine = (-p.into_group()).into();
        let o = C::Affine::zero();
        for pattern in [
            vec![p],
            vec![o],
            vec![p, q],
            vec![p, p, q],
            vec![p, o],
            vec![p, p, p, q, o, o, q],
        ] {
            let bases: Vec<C::Affine> = pattern.iter().copied().cycle().take(50).collect();
            check_rows::<C>(
                &bases,
                &[
                    vec![1; 50],
                    vec![-3; 49],
                    (0..50).collect(),
                    (0..50).map(|i| i % 3 - 1).collect(),
                ],
            );
            let scalars: Vec<_> = (0..50u64).map(|i| -C::ScalarField::from(i / 3)).collect();
            assert_eq!(full::<C>(&bases, &scalars), full_naive(&bases, &scalars));
        }
    }

    #[test]
    fn equal_and_opposite_points() {
        degenerate::<Bls>();
        degenerate::<Pallas>();
    }

    fn full_naive<C: Curve>(bases: &[C::Affine], scalars: &[C::ScalarField]) -> C {
        bases.iter().zip(scalars).map(|(b, s)| *b * *s).sum()
    }

    fn full_size<C: Curve>() {
        let rng = &mut test_rng();
        let bases = bases::<C>(40, rng);
        let f = C::ScalarField::rand;
        let mut scalars: Vec<_> = (0..40).map(|_| f(rng)).collect();
        scalars[3] = Zero::zero();
        scalars[4] = One::one();
        scalars[5] = -C::ScalarField::ONE;
        scalars[6] = C::ScalarField::from(2u64).pow([254u64]);
        scalars[7] = scalars[6] - C::ScalarField::ONE;
        for n in [0, 1, 2, 7, 40] {
            assert_eq!(
                full::<C>(&bases[..n], &scalars[..n]),
                full_naive(&bases[..n], &scalars[..n])
            );
            assert_eq!(
                full::<C>(&bases, &scalars[..n]),
                full_naive(&bases, &scalars[..n])
            );
            assert_eq!(
                full::<C>(&bases[..n], &scalars),
                full_naive(&bases[..n], &scalars)
            );
        }
        let reversed: Vec<_> = scalars.iter().rev().take(11).copied().collect();
        let [a, b] = full_many::<C, 2>(&bases, [&scalars, &reversed]);
        assert_eq!(
            (a, b),
            (full_naive(&bases, &scalars), full_naive(&bases, &reversed))
        );
        let table = FixedBase::<C>::new(bases[0]);
        for s in &scalars {
            assert_eq!(table.mul(s), bases[0] * s);
        }
    }

    #[test]
    fn full_size_scalars() {
        full_size::<Bls>();
        full_size::<Pallas>();
    }

    /// Every window width, so that all carries are met, on the widest scalars.
    #[test]
    fn every_window_width() {
        type F = ark_bls12_381::Fr;
        let rng = &mut test_rng();
        let mut values: Vec<F> = (0..20).map(|_| F::rand(rng)).collect();
        values.extend([-F::ONE, F::from(u64::MAX), -F::from(1u64 << 63)]);
        for bits in 1..=MAX_WINDOW {
            let value_of = |plan: Windows, fill: &dyn Fn(&mut dyn FnMut(usize, i16))| {
                let base = F::from(1u64 << plan.bits);
                let mut sum = F::zero();
                fill(&mut |w, digit| {
                    assert!(digit.unsigned_abs() <= 1 << (plan.bits - 1) && w < plan.count);
                    sum += base.pow([w as u64]) * F::from(digit);
                });
                sum
            };
            let plan = Windows {
                bits,
                count: 256usize.div_ceil(bits as usize),
            };
            for v in &values {
                assert_eq!(value_of(plan, &|push| push_full_digits(v, plan, push)), *v);
            }
            for v in [
                i64::MIN,
                i64::MIN + 1,
                -1,
                0,
                1,
                i64::MAX,
                rng.next_u64() as i64,
            ] {
                let count = (1..)
                    .find(|count| {
                        Windows {
                            bits,
                            count: *count,
                        }
                        .reach(v.unsigned_abs())
                    })
                    .unwrap();
                let plan = Windows { bits, count };
                assert_eq!(
                    value_of(plan, &|push| push_small_digits(v, plan, push)),
                    F::from(v)
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn rows_equal_the_naive_sum(
            seed: u64,
            bits in 0u32..64,
            lens in prop::collection::vec(0usize..70, 1..6),
            zeros in 0.0..1.0f64,
        ) {
            let rng = &mut StdRng::seed_from_u64(seed);
            let data: Vec<Vec<i64>> = lens
                .iter()
                .map(|len| (0..*len).map(|_| {
                    let v = (rng.next_u64() as i64) >> (63 - bits);
                    if rng.gen_bool(zeros) { 0 } else { v }
                }).collect())
                .collect();
            check_rows::<Pallas>(&bases::<Pallas>(70, rng), &data);
            check_rows::<Bls>(&bases::<Bls>(70, rng), &data);
        }
    }
}
