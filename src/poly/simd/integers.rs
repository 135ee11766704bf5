//! Folds of integers by field elements, and sums of products of tables.
use super::{
    Limbs,
    fractions::{gather_strided, scatter_strided},
    lanes::{Lanes, Modulus, V, add, carry, cut, gather, splat, zero},
    sums::{Affine, Products, add_lanes, join},
};
use crate::poly::WideField;
use std::arch::x86_64::*;

/// Integers `v` of `-2^51 <= v < 2^51` are read as `v + OFFSET`, which has 52 bits.
const OFFSET: i64 = 1 << 51;

/// Steps between two carries: each adds two numbers of 52 bits to a limb, which has to stay below
/// `2^63`. The last limb of an accumulator only takes carries.
const STEPS: usize = 512;

/// Eight integers, which must be there.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn read(values: &[i64], start: usize) -> V {
    debug_assert!(start + 8 <= values.len());
    // SAFETY: the caller's.
    let v = unsafe { _mm512_loadu_si512(values.as_ptr().wrapping_add(start).cast()) };
    _mm512_add_epi64(v, splat(OFFSET as u64))
}

/// Adds `v x` to an accumulator of six limbs and one that only takes carries: sums have up to 376
/// bits, more than `2^69` terms.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_multiple(acc: &mut [V; 7], v: V, x: &Lanes<5>) {
    for j in 0..5 {
        acc[j] = _mm512_madd52lo_epu64(acc[j], x[j], v);
        acc[j + 1] = _mm512_madd52hi_epu64(acc[j + 1], x[j], v);
    }
}

/// What limbs of 52 bits stand for, less the share of the offset.
fn finish<F: WideField>(limbs: &[u64; 7], offset: F) -> F {
    let [a, b, c, d, e, f] = join::<7, 6>(limbs);
    F::from_raw_wide([a, b, c, d], e as u128 | (f as u128) << 64) - offset
}

/// `OFFSET` times the sum of the weights.
fn offset_of<F: WideField>(weights: &[F]) -> F {
    F::from(OFFSET as u64) * weights.iter().sum::<F>()
}

/// `out[i] = sum_j weights[j] values[i width + j]` for whole rows of a multiple of eight values.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn fold_low<F: WideField>(values: &[i64], weights: &[F], out: &mut [F]) -> usize {
    let width = weights.len();
    if width == 0 || !width.is_multiple_of(8) {
        return 0;
    }
    let count = (values.len() / width).min(out.len());
    let offset = offset_of(weights);
    let mut lanes = Vec::with_capacity(width / 8);
    for j in (0..width).step_by(8) {
        // SAFETY: there is a multiple of eight weights.
        lanes.push(cut::<4, 5, false>(&unsafe {
            gather_strided(weights.as_ptr(), j, 1)
        }));
    }
    for (pair, out) in out[..count].chunks_mut(2).enumerate() {
        // Two rows read each weight once.
        let start = 2 * pair * width;
        let second = if out.len() == 2 { start + width } else { start };
        let mut acc = [zero::<7>(); 2];
        for (k, x) in lanes.iter().enumerate() {
            // SAFETY: both rows are whole and have eight values for each of `lanes`.
            let rows = unsafe { [read(values, start + 8 * k), read(values, second + 8 * k)] };
            add_multiple(&mut acc[0], rows[0], x);
            add_multiple(&mut acc[1], rows[1], x);
            if k % STEPS == STEPS - 1 {
                carry(&mut acc[0]);
                carry(&mut acc[1]);
            }
        }
        for (out, mut acc) in out.iter_mut().zip(acc) {
            carry(&mut acc);
            *out = finish(&add_lanes(&acc), offset);
        }
    }
    count
}

/// Columns that are added up side by side, in groups of eight.
const GROUPS: usize = 4;

/// `out[c] = sum_r weights[r] values[r width + start + c]`, the rows all being whole. Returns how
/// many columns were made: a multiple of 32.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn fold_high<F: WideField>(
    values: &[i64],
    width: usize,
    start: usize,
    (weights, limbs): (&[F], &[[u64; 5]]),
    out: &mut [F],
) -> usize {
    let count = out.len() / (8 * GROUPS) * (8 * GROUPS);
    let rows = limbs.len();
    let fits = start.checked_add(count).is_some_and(|end| end <= width);
    if !fits || rows.checked_mul(width).is_none_or(|len| len > values.len()) {
        return 0;
    }
    let offset = offset_of(weights);
    for (block, out) in out[..count].chunks_exact_mut(8 * GROUPS).enumerate() {
        let first = start + block * 8 * GROUPS;
        let mut acc = [zero::<7>(); GROUPS];
        for (r, limbs) in limbs.iter().enumerate() {
            let mut x = zero::<5>();
            for (x, limb) in x.iter_mut().zip(limbs) {
                *x = splat(*limb);
            }
            for (g, acc) in acc.iter_mut().enumerate() {
                // SAFETY: all rows are whole, and the block ends before the row does.
                let v = unsafe { read(values, r * width + first + 8 * g) };
                add_multiple(acc, v, &x);
            }
            if r % STEPS == STEPS - 1 {
                acc.iter_mut().for_each(|acc| carry(acc));
            }
        }
        for (out, mut acc) in out.chunks_exact_mut(8).zip(acc) {
            carry(&mut acc);
            let mut columns = [[0u64; 7]; 8];
            for (j, limb) in acc.iter().enumerate() {
                let mut lanes = [0u64; 8];
                // SAFETY: eight words.
                unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), *limb) };
                for (column, lane) in columns.iter_mut().zip(lanes) {
                    column[j] = lane;
                }
            }
            for (out, column) in out.iter_mut().zip(&columns) {
                *out = finish(column, offset);
            }
        }
    }
    count
}

/// Neighbours `2 i, 2 i + 1` of a table, for eight `i` from `start` on.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn neighbours<F: Limbs<4>>(table: &[F], start: usize) -> [Lanes<5>; 2] {
    // SAFETY: the caller's.
    unsafe {
        [
            cut::<4, 5, false>(&gather_strided(table.as_ptr(), 2 * start, 2)),
            cut::<4, 5, false>(&gather_strided(table.as_ptr(), 2 * start + 1, 2)),
        ]
    }
}

/// `sum_i a_i b_i` of the even entries, and of the differences of neighbours.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn product_round<F: WideField>(
    modulus: &Modulus<5>,
    a: &[F],
    b: &[F],
) -> (usize, [F; 2]) {
    let count = a.len().min(b.len()) / 16 * 8;
    let mut sums = [Products::new(), Products::new()];
    for i in (0..count).step_by(8) {
        // SAFETY: pairs i to i + 7 are entries 2i to 2i + 15.
        let ([a_0, a_1], [b_0, b_1]) = unsafe { (neighbours(a, i), neighbours(b, i)) };
        sums[0].add(&a_0, &b_0);
        let slopes = [modulus.sub(&a_1, &a_0, 1), modulus.sub(&b_1, &b_0, 1)];
        sums[1].add(&slopes[0], &slopes[1]);
    }
    (count, sums.map(|sum| F::from_raw_products(sum.total())))
}

/// `out[i] = x[i] + factor y[i]`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add_scaled<F: Limbs<4>>(
    modulus: &Modulus<5>,
    x: &mut [F],
    factor: &F,
    y: &[F],
) -> usize {
    let count = x.len().min(y.len()) / 8 * 8;
    let rows = [std::ptr::from_ref(factor).cast::<u64>(); 8];
    // SAFETY: a reference can be read.
    let factor = cut::<4, 5, true>(&unsafe { gather::<4>(rows) });
    for i in (0..count).step_by(8) {
        // SAFETY: i + 8 is at most the length of both.
        unsafe {
            let y = cut::<4, 5, false>(&gather_strided(y.as_ptr(), i, 1));
            let old = cut::<4, 5, false>(&gather_strided(x.as_ptr(), i, 1));
            // [2] + [1]
            let sum = add(&modulus.mul(&y, &factor), &old);
            let sum = modulus.reduce_once(&modulus.reduce_once(&sum, 2), 1);
            scatter_strided(&sum, x.as_mut_ptr(), i, 1);
        }
    }
    count
}

/// `out[i] = 1/d[2 i] + 1/d[2 i + 1]`, as numerators and denominators in turn.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add_ones<F: Limbs<4>>(modulus: &Modulus<5>, d: &[F], out: &mut [F]) -> usize {
    let count = d.len().min(out.len()) / 16 * 8;
    for i in (0..count).step_by(8) {
        // SAFETY: pairs i to i + 7 are entries 2i to 2i + 15, and so are the outputs.
        unsafe {
            let [d_0, d_1] = neighbours(d, i);
            let shifted = modulus.shifted(&d_1);
            let sum = modulus.reduce_once(&add(&d_0, &d_1), 1);
            let product = modulus.reduce_once(&modulus.mul(&d_0, &shifted), 1);
            scatter_strided(&sum, out.as_mut_ptr(), 2 * i, 2);
            scatter_strided(&product, out.as_mut_ptr(), 2 * i + 1, 2);
        }
    }
    count
}

/// A linear polynomial's values at 0 and 2, `[1]` and `[4]`, and its slope, `[2]`.
#[inline]
#[target_feature(enable = "avx512f")]
fn at_0_2_infinity(modulus: &Modulus<5>, [x_0, x_1]: &[Lanes<5>; 2]) -> [Lanes<5>; 3] {
    let slope = modulus.sub(x_1, x_0, 1);
    let mut twice = zero::<5>();
    for j in 0..5 {
        twice[j] = _mm512_add_epi64(_mm512_add_epi64(slope[j], slope[j]), x_0[j]);
    }
    carry(&mut twice);
    [*x_0, twice, slope]
}

/// Sums over pairs of neighbours of the products of three tables at 0 and 2, and of their slopes.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn cubic_round<F: WideField>(
    modulus: &Modulus<5>,
    [a, b, c]: [&[F]; 3],
) -> (usize, [F; 3]) {
    let count = a.len().min(b.len()).min(c.len()) / 16 * 8;
    let mut sums = [Products::new(), Products::new(), Products::new()];
    for i in (0..count).step_by(8) {
        // SAFETY: pairs i to i + 7 are entries 2i to 2i + 15.
        let (a, b, c) = unsafe { (neighbours(a, i), neighbours(b, i), neighbours(c, i)) };
        let a = at_0_2_infinity(modulus, &a);
        let [b_0, b_2, slope] = at_0_2_infinity(modulus, &b);
        let b_2 = modulus.reduce_once(&b_2, 2);
        let b = [
            modulus.shifted(&b_0),
            modulus.shifted(&b_2),
            modulus.shifted(&modulus.reduce_once(&slope, 1)),
        ];
        // At most [5], with factors of at most [5].
        let products = modulus.muls(&a, &b);
        let c = at_0_2_infinity(modulus, &c);
        for k in 0..3 {
            sums[k].add(&products[k], &c[k]);
        }
    }
    (count, sums.map(|sum| F::from_raw_products(sum.total())))
}

/// Sixteen integers from `2 start` on, which must be there: the even ones and the odd ones.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn read_neighbours(values: &[i64], start: usize) -> [V; 2] {
    debug_assert!(2 * start + 16 <= values.len());
    let at = values.as_ptr().wrapping_add(2 * start);
    // SAFETY: the caller's.
    let (a, b) = unsafe {
        (
            _mm512_loadu_si512(at.cast()),
            _mm512_loadu_si512(at.wrapping_add(8).cast()),
        )
    };
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    [
        _mm512_permutex2var_epi64(a, even, b),
        _mm512_permutex2var_epi64(a, odd, b),
    ]
}

/// As [`cubic_round`] for a product of integer tables and one of field elements. The integers'
/// products of `x_0`, of `2 x_1 - x_0` and of `x_1 - x_0` must be below `2^51` in absolute value.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn mixed_round<F: WideField>(
    modulus: &Modulus<5>,
    ints: &[&[i64]],
    field: &[F],
) -> (usize, [F; 3]) {
    let count = ints.iter().map(|t| t.len()).fold(field.len(), usize::min) / 16 * 8;
    let mut sums = [zero::<7>(); 3];
    let mut shares = [zero::<7>(); 3];
    for i in (0..count).step_by(8) {
        let mut small = [splat(1); 3];
        for table in ints {
            // SAFETY: pairs i to i + 7 are integers 2i to 2i + 15.
            let [x_0, x_1] = unsafe { read_neighbours(table, i) };
            let slope = _mm512_sub_epi64(x_1, x_0);
            for (s, x) in small
                .iter_mut()
                .zip([x_0, _mm512_add_epi64(x_1, slope), slope])
            {
                *s = _mm512_mullo_epi64(*s, x);
            }
        }
        // SAFETY: pairs i to i + 7 are entries 2i to 2i + 15.
        let x = at_0_2_infinity(modulus, &unsafe { neighbours(field, i) });
        for k in 0..3 {
            let v = _mm512_add_epi64(small[k], splat(OFFSET as u64));
            add_multiple(&mut sums[k], v, &x[k]);
            for j in 0..5 {
                shares[k][j] = _mm512_add_epi64(shares[k][j], x[k][j]);
            }
        }
        if i / 8 % STEPS == STEPS - 1 {
            for k in 0..3 {
                carry(&mut sums[k]);
                carry(&mut shares[k]);
            }
        }
    }
    let mut out = [F::ZERO; 3];
    for k in 0..3 {
        carry(&mut sums[k]);
        carry(&mut shares[k]);
        let share: F = finish(&add_lanes(&shares[k]), F::ZERO);
        out[k] = finish(&add_lanes(&sums[k]), F::from(OFFSET as u64) * share);
    }
    (count, out)
}

/// `out[i] = constant + a (x_0 + 2^30) + b (x_1 + 2^30)` for neighbours `x_0, x_1` at `2 i`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn bind_integers<F: Limbs<4>>(
    modulus: &Modulus<5>,
    values: &[i64],
    form: &Affine<1>,
    out: &mut [F],
) -> usize {
    let count = (values.len() / 2).min(out.len()) / 8 * 8;
    let offset = splat(super::fractions::OFFSET as u64);
    for i in (0..count).step_by(8) {
        // SAFETY: pairs i to i + 7 are integers 2i to 2i + 15.
        let [x_0, x_1] = unsafe { read_neighbours(values, i) };
        let (x_0, x_1) = (_mm512_add_epi64(x_0, offset), _mm512_add_epi64(x_1, offset));
        let value = form.eval(modulus, &[x_0, x_1]);
        // SAFETY: i + 8 is at most the length of the output.
        unsafe { scatter_strided(&value, out.as_mut_ptr(), i, 1) };
    }
    count
}
