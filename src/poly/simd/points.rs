//! Additions of affine points, eight at a time.
use super::{
    Limbs, PointPairs,
    lanes::{Lanes, Modulus, cut, gather, paste, scatter, zero},
};
use std::arch::x86_64::*;

type Rows = [*const u64; 8];

/// A coordinate of eight points.
#[inline]
#[target_feature(enable = "avx512f")]
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
#[target_feature(enable = "avx512f")]
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

/// See [`super::BaseField::add_points`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add<F: Limbs<N>, const N: usize, const L: usize>(
    modulus: &Modulus<L>,
    groups: usize,
    pairs: &mut impl PointPairs<F>,
) {
    let one = coordinate::<F, N, L>(&[[&F::ONE; 4]; 8], 0);
    // The product, shifted, of the denominators of all later groups.
    let mut later = vec![zero::<L>(); groups];
    let mut product = one;
    for (group, later) in later.iter_mut().enumerate().rev() {
        let operands = pairs.operands(8 * group);
        let x_1 = coordinate::<F, N, L>(&operands, 0);
        let x_2 = coordinate::<F, N, L>(&operands, 2);
        let (d, _) = denominators(modulus, &one, &x_1, &x_2);
        *later = modulus.shifted(&product);
        // [2]
        product = modulus.mul(later, &d);
    }
    let mut inverses = elements::<F, N, L>(&modulus.reduce_once(&product, 1));
    ark_ff::batch_inversion(&mut inverses);
    // [2]
    let mut inverse = coordinate::<F, N, L>(&std::array::from_fn(|k| [&inverses[k]; 4]), 0);
    for (group, later) in later.iter().enumerate() {
        let operands = pairs.operands(8 * group);
        let x_1 = coordinate::<F, N, L>(&operands, 0);
        let y_1 = coordinate::<F, N, L>(&operands, 1);
        let x_2 = coordinate::<F, N, L>(&operands, 2);
        let y_2 = coordinate::<F, N, L>(&operands, 3);
        let (d, regular) = denominators(modulus, &one, &x_1, &x_2);
        // [3], then [2]
        let inverse_d = modulus.reduce_once(&modulus.mul(later, &inverse), 2);
        inverse = modulus.mul(&modulus.shifted(&d), &inverse);
        let rise = modulus.sub(&y_2, &y_1, 1);
        let slope = modulus.mul(&modulus.shifted(&inverse_d), &rise);
        let slope = modulus.reduce_once(&slope, 2);
        let shifted_slope = modulus.shifted(&slope);
        // [3] + [1] + [1]
        let square = modulus.mul(&slope, &shifted_slope);
        let x_3 = modulus.sub(&modulus.sub(&square, &x_1, 1), &x_2, 1);
        let x_3 = modulus.reduce_once(&modulus.reduce_once(&x_3, 4), 2);
        let x_3 = modulus.reduce_once(&x_3, 1);
        // [3] + [1]
        let fall = modulus.mul(&shifted_slope, &modulus.sub(&x_1, &x_3, 1));
        let y_3 = modulus.sub(&fall, &y_1, 1);
        let y_3 = modulus.reduce_once(&modulus.reduce_once(&y_3, 2), 1);
        let (x_3, y_3) = (elements::<F, N, L>(&x_3), elements::<F, N, L>(&y_3));
        pairs.finish(8 * group, regular, &x_3, &y_3);
    }
}
