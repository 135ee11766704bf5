//! The kernels of the fraction tree.
use super::{
    Limbs,
    lanes::{Lanes, Modulus, V, add, cut, gather, paste, scatter, splat, zero},
    sums::{Affine, Multiples, Products},
};
use crate::poly::{Fraction, WideField};
use std::arch::x86_64::*;

/// Eight elements at `base + offset + k stride`, `k < 8`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) unsafe fn gather_strided<F: Limbs<4>>(
    base: *const F,
    offset: usize,
    stride: usize,
) -> [V; 4] {
    let mut rows = [std::ptr::null(); 8];
    for (k, row) in rows.iter_mut().enumerate() {
        *row = base.wrapping_add(offset + k * stride).cast();
    }
    // SAFETY: the caller's.
    unsafe { gather::<4>(rows) }
}

/// Stores eight reduced elements at `base + offset + k stride`, `k < 8`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) unsafe fn scatter_strided<F: Limbs<4>>(
    x: &Lanes<5>,
    base: *mut F,
    offset: usize,
    stride: usize,
) {
    let mut rows = [std::ptr::null_mut(); 8];
    for (k, row) in rows.iter_mut().enumerate() {
        *row = base.wrapping_add(offset + k * stride).cast();
    }
    // SAFETY: the caller's.
    unsafe { scatter(paste::<4, 5>(x), rows) }
}

type Plain = Lanes<5>;

/// Eight fractions of which the first is at `base + offset`, in elements: numerators, and
/// denominators not yet cut in limbs of 52 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn gather_fractions<F: Limbs<4>>(
    base: *const F,
    offset: usize,
    stride: usize,
) -> (Plain, [V; 4]) {
    // SAFETY: the caller's.
    unsafe {
        (
            cut::<4, 5, false>(&gather_strided(base, offset, stride)),
            gather_strided(base, offset + 1, stride),
        )
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn fractions_round<F: WideField>(
    modulus: &Modulus<5>,
    values: &[Fraction<F>],
    low: &[F],
) -> (usize, [F; 2]) {
    let count = (values.len() / 4).min(low.len()) / 8 * 8;
    let base: *const F = values.as_ptr().cast();
    let mut sums = [Products::new(), Products::new()];
    for i in (0..count).step_by(8) {
        // SAFETY: gates i to i + 7 have fractions 4i to 4i + 31, which are twice as many elements,
        // and i + 7 < count.
        let weight = unsafe { cut::<4, 5, false>(&gather_strided(low.as_ptr(), i, 1)) };
        let mut v = [(weight, weight); 4];
        for (k, (n, d)) in v.iter_mut().enumerate() {
            // SAFETY: as above.
            let (numerator, denominator) = unsafe { gather_fractions(base, 8 * i + 2 * k, 8) };
            (*n, *d) = (numerator, cut::<4, 5, true>(&denominator));
        }
        let [(n_0, d_0), (n_1, d_1), (n_2, d_2), (n_3, d_3)] = &v;
        // Shifted, the denominators are below 2^s p.
        let (slope_0, slope_1) = (modulus.sub(n_2, n_0, 1), modulus.sub(n_3, n_1, 1));
        let (steep_0, steep_1) = (modulus.sub(d_2, d_0, 16), modulus.sub(d_3, d_1, 16));
        // [2] and [5]
        let [gate, slopes] = modulus.dots([
            [(n_0, d_1), (n_1, d_0)],
            [(&slope_0, &steep_1), (&slope_1, &steep_0)],
        ]);
        sums[0].add(&weight, &gate);
        sums[1].add(&weight, &slopes);
    }
    (count, sums.map(|sum| F::from_raw_products(sum.total())))
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn ones_round<F: WideField>(
    modulus: &Modulus<5>,
    values: &[F],
    low: &[F],
) -> (usize, [F; 2]) {
    let count = (values.len() / 4).min(low.len()) / 8 * 8;
    let mut sums = [Products::new(), Products::new()];
    for i in (0..count).step_by(8) {
        // SAFETY: gates i to i + 7 have elements 4i to 4i + 31, and i + 7 < count.
        let weight = unsafe { cut::<4, 5, false>(&gather_strided(low.as_ptr(), i, 1)) };
        let mut u = [[splat(0); 4]; 4];
        for (k, u) in u.iter_mut().enumerate() {
            // SAFETY: as above.
            *u = unsafe { gather_strided(values.as_ptr(), 4 * i + k, 4) };
        }
        let (u_0, u_2) = (cut::<4, 5, false>(&u[0]), cut::<4, 5, false>(&u[2]));
        let (u_1, u_3) = (cut::<4, 5, true>(&u[1]), cut::<4, 5, true>(&u[3]));
        let (slope, steep) = (modulus.sub(&u_2, &u_0, 1), modulus.sub(&u_3, &u_1, 16));
        // [2] and [3]
        let [gate, slopes] = modulus.muls(&[u_0, slope], &[u_1, steep]);
        sums[0].add(&weight, &gate);
        sums[1].add(&weight, &slopes);
    }
    (count, sums.map(|sum| F::from_raw_products(sum.total())))
}

/// `out[W i + k] = v[2 W i + k] + r (v[2 W i + W + k] - v[2 W i + k])` for `k < W`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn bind<F: Limbs<4>, const W: usize>(
    modulus: &Modulus<5>,
    values: &[F],
    r: &F,
    out: &mut [F],
) -> usize {
    let count = (values.len() / 2).min(out.len()) / 8 * 8;
    let r = [std::ptr::from_ref(r).cast::<u64>(); 8];
    // SAFETY: a reference can be read.
    let r = unsafe { cut::<4, 5, true>(&gather::<4>(r)) };
    let (from, to) = (values.as_ptr(), out.as_mut_ptr());
    let wide = count / 16 * 16;
    // SAFETY: outputs up to count are asked for, each once.
    unsafe {
        for i in (0..wide).step_by(16) {
            bind_groups::<F, W, 2>(modulus, from, &r, to, i);
        }
        for i in (wide..count).step_by(8) {
            bind_groups::<F, W, 1>(modulus, from, &r, to, i);
        }
    }
    count
}

/// Outputs `start` to `start + 8 P - 1` of [`bind`], which must exist with their sources.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
unsafe fn bind_groups<F: Limbs<4>, const W: usize, const P: usize>(
    modulus: &Modulus<5>,
    from: *const F,
    r: &Lanes<5>,
    to: *mut F,
    start: usize,
) {
    let (mut a, mut slopes) = ([*r; P], [*r; P]);
    for n in 0..P {
        let mut rows = [[std::ptr::null(); 8]; 2];
        for (half, rows) in rows.iter_mut().enumerate() {
            for (k, row) in rows.iter_mut().enumerate() {
                let j = start + 8 * n + k;
                *row = from.wrapping_add(j / W * 2 * W + j % W + half * W).cast();
            }
        }
        // SAFETY: the source of output j, a multiple of W plus k, ends at 2 (j - k) + W + k, in
        // front of twice the end of its block; and W divides 8.
        unsafe {
            a[n] = cut::<4, 5, false>(&gather::<4>(rows[0]));
            let b = cut::<4, 5, false>(&gather::<4>(rows[1]));
            slopes[n] = modulus.sub(&b, &a[n], 1);
        }
    }
    let products = modulus.muls(&slopes, &[*r; P]);
    for n in 0..P {
        // [2] + [1]
        let sum = add(&products[n], &a[n]);
        let reduced = modulus.reduce_once(&modulus.reduce_once(&sum, 2), 1);
        // SAFETY: the output exists.
        unsafe { scatter_strided(&reduced, to, start + 8 * n, 1) };
    }
}

/// `out[i] = v[2 i] + v[2 i + 1]`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add_pairs<F: WideField>(
    modulus: &Modulus<5>,
    values: &[Fraction<F>],
    out: &mut [Fraction<F>],
) -> usize {
    let count = (values.len() / 2).min(out.len()) / 8 * 8;
    let (from, to) = (values.as_ptr().cast::<F>(), out.as_mut_ptr().cast::<F>());
    let wide = count / 16 * 16;
    // SAFETY: outputs up to count are asked for, each once, and need twice as many fractions.
    unsafe {
        for i in (0..wide).step_by(16) {
            add_groups::<F, 2>(modulus, from, to, i);
        }
        for i in (wide..count).step_by(8) {
            add_groups::<F, 1>(modulus, from, to, i);
        }
    }
    count
}

/// Outputs `start` to `start + 8 P - 1` of [`add_pairs`], which must exist with their sources.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
unsafe fn add_groups<F: Limbs<4>, const P: usize>(
    modulus: &Modulus<5>,
    from: *const F,
    to: *mut F,
    start: usize,
) {
    let mut n = [[[splat(0); 5]; 2]; P];
    let (mut d, mut plain) = (n, [[splat(0); 5]; P]);
    for k in 0..P {
        let i = start + 8 * k;
        // SAFETY: output i needs fractions 2i and 2i + 1, which are elements 4i to 4i + 3.
        let sources = unsafe {
            (
                gather_fractions(from, 4 * i, 4),
                gather_fractions(from, 4 * i + 2, 4),
            )
        };
        let ((n_0, d_0), (n_1, d_1)) = sources;
        n[k] = [n_0, n_1];
        d[k] = [cut::<4, 5, true>(&d_0), cut::<4, 5, true>(&d_1)];
        plain[k] = cut::<4, 5, false>(&d_0);
    }
    let mut factors = [[(&n[0][0], &d[0][1]); 2]; P];
    let mut denominators = [[(&plain[0], &d[0][1])]; P];
    for k in 0..P {
        factors[k] = [(&n[k][0], &d[k][1]), (&n[k][1], &d[k][0])];
        denominators[k] = [(&plain[k], &d[k][1])];
    }
    // [2] both
    let sums = [modulus.dots(factors), modulus.dots(denominators)];
    for (component, sums) in sums.iter().enumerate() {
        for (k, sum) in sums.iter().enumerate() {
            let at = 2 * (start + 8 * k) + component;
            // SAFETY: the output exists.
            unsafe { scatter_strided(&modulus.reduce_once(sum, 1), to, at, 2) };
        }
    }
}

/// `n + half_lambda d` over `d`, in place.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn batch<F: WideField>(
    modulus: &Modulus<5>,
    values: &mut [Fraction<F>],
    half_lambda: &F,
) -> usize {
    let count = values.len() / 8 * 8;
    let factor = [std::ptr::from_ref(half_lambda).cast::<u64>(); 8];
    // SAFETY: a reference can be read.
    let factor = unsafe { cut::<4, 5, true>(&gather::<4>(factor)) };
    let base = values.as_mut_ptr().cast::<F>();
    for i in (0..count).step_by(8) {
        // SAFETY: fractions i to i + 7 are elements 2i to 2i + 15.
        unsafe {
            let (n, d) = gather_fractions(base.cast_const(), 2 * i, 2);
            let d = cut::<4, 5, false>(&d);
            // [2] + [1]
            let sum = add(&modulus.mul(&d, &factor), &n);
            let reduced = modulus.reduce_once(&modulus.reduce_once(&sum, 2), 1);
            scatter_strided(&reduced, base, 2 * i, 2);
        }
    }
    count
}

/// Small numbers `x` are read as `x + OFFSET`, which is not negative.
pub(super) const OFFSET: i64 = 1 << 30;

/// Weighted sums of `x_0 + x_1 + 2 OFFSET`, of `x_0 x_1 + 2^62` and of
/// `(y_0 - x_0) (y_1 - x_1) + 2^62`, and of the weights.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn small_round<F: WideField>(column: &[i64], low: &[F]) -> (usize, [[u64; 6]; 4]) {
    let count = (column.len() / 4).min(low.len()) / 8 * 8;
    let mut sums = [
        Multiples::new(),
        Multiples::new(),
        Multiples::new(),
        Multiples::new(),
    ];
    let (twice, square) = (splat(2 * OFFSET as u64), splat(1 << 62));
    for i in (0..count).step_by(8) {
        // SAFETY: gates i to i + 7 have numbers 4i to 4i + 31, four words a gate.
        let ([x_0, x_1, y_0, y_1], weight) = unsafe {
            (
                gather::<4>(std::array::from_fn(|k| {
                    column.as_ptr().wrapping_add(4 * (i + k)).cast()
                })),
                cut::<4, 5, false>(&gather_strided(low.as_ptr(), i, 1)),
            )
        };
        let sum = _mm512_add_epi64(_mm512_add_epi64(x_0, x_1), twice);
        let product = _mm512_add_epi64(_mm512_mul_epi32(x_0, x_1), square);
        let slopes = _mm512_mul_epi32(_mm512_sub_epi64(y_0, x_0), _mm512_sub_epi64(y_1, x_1));
        sums[0].add(sum, &weight);
        sums[1].add(product, &weight);
        sums[2].add(_mm512_add_epi64(slopes, square), &weight);
        sums[3].add(splat(1), &weight);
    }
    (count, sums.map(|sum| sum.total()))
}

/// `out[i] = constant + sum_j factors[j] (columns[j][i] + OFFSET)`, with premultiplied constants.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn affine<F: Limbs<4>>(
    modulus: &Modulus<5>,
    columns: &[&[i64]],
    form: &Affine<1>,
    out: &mut [F],
) -> usize {
    let len = columns.iter().map(|c| c.len()).fold(out.len(), usize::min);
    let count = len / 8 * 8;
    let offset = splat(OFFSET as u64);
    for i in (0..count).step_by(8) {
        let mut v = zero::<8>();
        for (v, column) in v.iter_mut().zip(columns) {
            // SAFETY: i + 8 is at most the length of every column.
            let x = unsafe { _mm512_loadu_si512(column.as_ptr().wrapping_add(i).cast()) };
            *v = _mm512_add_epi64(x, offset);
        }
        let x = form.eval(modulus, &v[..columns.len().min(8)]);
        // SAFETY: i + 8 is at most the length of the output.
        unsafe { scatter_strided(&x, out.as_mut_ptr(), i, 1) };
    }
    count
}

/// `out[2 i + c] = constant + a (x_c + OFFSET) + b (y_c + OFFSET)` for the numbers
/// `x_0, x_1, y_0, y_1` of block `i`; the form's factors are `a, b`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn bind_small<F: Limbs<4>>(
    modulus: &Modulus<5>,
    column: &[i64],
    form: &Affine<1>,
    out: &mut [F],
) -> usize {
    let count = (column.len() / 4).min(out.len() / 2) / 8 * 8;
    let offset = splat(OFFSET as u64);
    for i in (0..count).step_by(8) {
        // SAFETY: blocks i to i + 7 have numbers 4i to 4i + 31, and outputs 2i to 2i + 15.
        unsafe {
            let row = |k| column.as_ptr().wrapping_add(4 * (i + k)).cast();
            let x = gather::<4>(std::array::from_fn(row)).map(|x| _mm512_add_epi64(x, offset));
            for c in 0..2 {
                let value = form.eval(modulus, &[x[c], x[c + 2]]);
                scatter_strided(&value, out.as_mut_ptr(), 2 * i + c, 2);
            }
        }
    }
    count
}

/// `out[i] = 1/(a - x_0) + 1/(a - x_1)`, with `s = x_0 + x_1 + 2 OFFSET` and `p = (x_0 + OFFSET)
/// (x_1 + OFFSET)`: the form `n` of `s`, the form `d` of `s, p`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add_small_pairs<F: WideField>(
    modulus: &Modulus<5>,
    column: &[i64],
    [n, d]: [&Affine<2>; 2],
    out: &mut [Fraction<F>],
) -> usize {
    let count = (column.len() / 2).min(out.len()) / 8 * 8;
    let to = out.as_mut_ptr().cast::<F>();
    let offset = splat(OFFSET as u64);
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    for i in (0..count).step_by(8) {
        // SAFETY: pairs i to i + 7 are numbers 2i to 2i + 15, and outputs of two elements each.
        unsafe {
            let at = column.as_ptr().wrapping_add(2 * i);
            let a = _mm512_loadu_si512(at.cast());
            let b = _mm512_loadu_si512(at.wrapping_add(8).cast());
            let x_0 = _mm512_add_epi64(_mm512_permutex2var_epi64(a, even, b), offset);
            let x_1 = _mm512_add_epi64(_mm512_permutex2var_epi64(a, odd, b), offset);
            let (s, p) = (_mm512_add_epi64(x_0, x_1), _mm512_mul_epu32(x_0, x_1));
            scatter_strided(&n.eval(modulus, &[s]), to, 2 * i, 2);
            scatter_strided(&d.eval(modulus, &[s, p]), to, 2 * i + 1, 2);
        }
    }
    count
}
