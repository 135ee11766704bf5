//! Additions of affine points, eight at a time.
use super::{
    Limbs, PointPairs,
    lanes::{Lanes, Modulus, cut, gather, paste, scatter, zero},
};
use std::arch::x86_64::*;

type Rows = [*const u64; 8];

/// A coordinate of eight points.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn coordinate<F: Limbs<N>, const N: usize, const L: usize>(
    operands: &[[&F; 4]; 8],
    which: usize,
) -> Lanes<L> {
    let mut rows: Rows = [std::ptr::null(); 8];
    for (row, operands) in rows.iter_mut().zip(operands) {
        *row = std::ptr::from_ref(operands[which]).cast();
    }
    // SAFETY: references can be read.
    cut::<N, L, false>(&unsafe { gather::<N>(rows) })
}

/// Eight elements in memory.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn elements<F: Limbs<N>, const N: usize, const L: usize>(x: &Lanes<L>) -> [F; 8] {
    let mut out = [F::ZERO; 8];
    let base = out.as_mut_ptr();
    let mut rows = [std::ptr::null_mut(); 8];
    for (k, row) in rows.iter_mut().enumerate() {
        *row = base.wrapping_add(k).cast();
    }
    // SAFETY: the rows are the elements of the array.
    unsafe { scatter(paste::<N, L>(x), rows) };
    out
}

/// `x_2 - x_1`, reduced, and one in its place where it is zero, or an `x` is; and where that is
/// not so.
#[inline]
#[target_feature(enable = "avx512f")]
fn denominators<const L: usize>(
    modulus: &Modulus<L>,
    one: &Lanes<L>,
    x_1: &Lanes<L>,
    x_2: &Lanes<L>,
) -> (Lanes<L>, u8) {
    let difference = modulus.reduce_once(&modulus.sub(x_2, x_1, 1), 1);
    let regular = [&difference, x_1, x_2].map(|x| {
        let mut any = x[0];
        for limb in &x[1..] {
            any = _mm512_or_si512(any, *limb);
        }
        _mm512_test_epi64_mask(any, any)
    });
    let regular = regular[0] & regular[1] & regular[2];
    let mut out = zero::<L>();
    for j in 0..L {
        out[j] = _mm512_mask_mov_epi64(one[j], regular, difference[j]);
    }
    (out, regular)
}

/// See [`super::BaseField::add_points`]. Two groups go side by side.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add<F: Limbs<N>, const N: usize, const L: usize>(
    m: &Modulus<L>,
    first: usize,
    groups: usize,
    pairs: &mut impl PointPairs<F>,
) {
    let one = coordinate::<F, N, L>(&[[&F::ONE; 4]; 8], 0);
    // The products, shifted, of the denominators of later groups.
    let mut later = vec![[zero::<L>(); 2]; groups.div_ceil(2)];
    let mut product = [one; 2];
    for (k, later) in later.iter_mut().enumerate().rev() {
        let mut d = [one; 2];
        for side in 0..2 {
            let operands = pairs.operands(first + 8 * (2 * k + side));
            let x_1 = coordinate::<F, N, L>(&operands, 0);
            let x_2 = coordinate::<F, N, L>(&operands, 2);
            (d[side], _) = denominators(m, &one, &x_1, &x_2);
            later[side] = m.shifted(&product[side]);
        }
        // [2]
        product = m.muls(later, &d);
    }
    let mut inverses = [F::ZERO; 16];
    for side in 0..2 {
        let products = elements::<F, N, L>(&m.reduce_once(&product[side], 1));
        inverses[8 * side..][..8].copy_from_slice(&products);
    }
    ark_ff::serial_batch_inversion_and_mul(&mut inverses, &F::ONE);
    // [2]
    let mut inverse = [one; 2];
    for side in 0..2 {
        let rows = std::array::from_fn(|k| [&inverses[8 * side + k]; 4]);
        inverse[side] = coordinate::<F, N, L>(&rows, 0);
    }
    for (k, later) in later.iter().enumerate() {
        let mut points = [[one; 4]; 2];
        let mut shifted_d = [one; 2];
        let mut regular = [0; 2];
        for side in 0..2 {
            let operands = pairs.operands(first + 8 * (2 * k + side));
            for (which, x) in points[side].iter_mut().enumerate() {
                *x = coordinate::<F, N, L>(&operands, which);
            }
            let (d, mask) = denominators(m, &one, &points[side][0], &points[side][2]);
            (shifted_d[side], regular[side]) = (m.shifted(&d), mask);
        }
        // [3], then [2]; and [2]
        let [inverse_0, inverse_1, next_0, next_1] = m.muls(
            &[later[0], later[1], shifted_d[0], shifted_d[1]],
            &[inverse[0], inverse[1], inverse[0], inverse[1]],
        );
        inverse = [next_0, next_1];
        let mut factors = [one; 2];
        let mut rises = [one; 2];
        for (side, x) in [inverse_0, inverse_1].iter().enumerate() {
            let [_, y_1, _, y_2] = &points[side];
            let negated = pairs.negated(first + 8 * (2 * k + side));
            let y_2 = &m.negate(y_2, negated);
            factors[side] = m.shifted(&m.reduce_once(x, 2));
            rises[side] = m.sub(y_2, y_1, 1);
        }
        // [3], then [2]
        let mut slopes = m.muls(&factors, &rises);
        for side in 0..2 {
            slopes[side] = m.reduce_once(&slopes[side], 2);
            factors[side] = m.shifted(&slopes[side]);
        }
        // [3] + [1] + [1]
        let squares = m.muls(&slopes, &factors);
        let mut x_3 = [one; 2];
        let mut falls = [one; 2];
        for side in 0..2 {
            let [x_1, _, x_2, _] = &points[side];
            let x = m.sub(&m.sub(&squares[side], x_1, 1), x_2, 1);
            x_3[side] = m.reduce_once(&m.reduce_once(&m.reduce_once(&x, 4), 2), 1);
            falls[side] = m.sub(x_1, &x_3[side], 1);
        }
        // [3] + [1]
        let falls = m.muls(&falls, &factors);
        for side in 0..2 {
            let y = m.sub(&falls[side], &points[side][1], 1);
            let y = m.reduce_once(&m.reduce_once(&y, 2), 1);
            let (x, y) = (elements::<F, N, L>(&x_3[side]), elements::<F, N, L>(&y));
            pairs.finish(first + 8 * (2 * k + side), regular[side], &x, &y);
        }
    }
}
