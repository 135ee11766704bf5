//! Vector arithmetic: AVX-512 IFMA under the hot loops, eight field elements at a time.
//!
//! The only module with `unsafe`. What others see are safe functions on slices that do as much as
//! they can and say how much that was: the whole multiples of eight, or nothing on a machine
//! without these instructions. The caller does the rest with the scalar code, which is the
//! specification; results are equal to the last bit.
//!
//! The environment variable `ZKTREE_SIMD=off` turns all of it off.
#![allow(unsafe_code)]
#![cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]

#[cfg(target_arch = "x86_64")]
mod fractions;
#[cfg(target_arch = "x86_64")]
mod integers;
#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod points;
#[cfg(target_arch = "x86_64")]
mod sums;
#[cfg(test)]
mod tests;

use super::{Fraction, WideField};
use ark_ff::{Fp, MontBackend, MontConfig, PrimeField};
use std::sync::OnceLock;

/// A prime field whose elements are `N` 64-bit limbs and nothing else, in Montgomery form.
///
/// # Safety
/// Size and alignment are those of `[u64; N]`, there is no padding, and every bit pattern is a value
/// of the type.
pub unsafe trait Limbs<const N: usize>: PrimeField {
    /// The modulus, lowest limb first.
    const LIMBS: [u64; N];
}

// SAFETY: `Fp` is a `BigInt<N>` and a marker, and that is `[u64; N]`; the sizes are checked
// below, so there is nothing else in it. All bit patterns are values.
unsafe impl<T: MontConfig<N>, const N: usize> Limbs<N> for Fp<MontBackend<T, N>, N> {
    const LIMBS: [u64; N] = {
        assert!(size_of::<Self>() == 8 * N && align_of::<Self>() == 8);
        T::MODULUS.0
    };
}

/// Whether the vector instructions are there and wanted.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let wanted = std::env::var_os("ZKTREE_SIMD").is_none_or(|value| value != "off");
        #[cfg(target_arch = "x86_64")]
        let there = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma");
        #[cfg(not(target_arch = "x86_64"))]
        let there = false;
        wanted && there
    })
}

/// Calls a kernel with the modulus, if there are vectors for it; else gives the default.
macro_rules! vectors {
    ($field:ty, |$modulus:ident| $kernel:expr, $default:expr) => {
        vectors!($field, 4, 5, |$modulus| $kernel, $default)
    };
    ($field:ty, $n:literal, $l:literal, |$modulus:ident| $kernel:expr, $default:expr) => {{
        #[cfg(target_arch = "x86_64")]
        if available()
            && let Some($modulus) = const { &Of::<$field, $n, $l>::MODULUS }
        {
            // SAFETY: the instructions are there.
            return unsafe { $kernel };
        }
        $default
    }};
}

/// Constants of a field.
#[cfg(target_arch = "x86_64")]
struct Of<F, const N: usize, const L: usize>(std::marker::PhantomData<F>);

#[cfg(target_arch = "x86_64")]
impl<F: Limbs<N>, const N: usize, const L: usize> Of<F, N, L> {
    const MODULUS: Option<lanes::Modulus<L>> = lanes::Modulus::new(F::LIMBS);
}

/// A batch of additions of pairs of affine points.
pub trait PointPairs<F> {
    /// The coordinates `x_1, y_1, x_2, y_2` of pairs `first` to `first + 7`. Behind the last pair,
    /// and where there is nothing to add, `x_1 = x_2`.
    fn operands(&self, first: usize) -> [[&F; 4]; 8];

    /// Those of pairs `first` to `first + 7` of which the second point is to be subtracted.
    fn negated(&self, first: usize) -> u8;

    /// Takes the sums of pairs `first` to `first + 7` that have a bit in `regular`. The others had
    /// an `x` that is zero, or twice the same.
    fn finish(&mut self, first: usize, regular: u8, x: &[F; 8], y: &[F; 8]);
}

/// The field of a curve's coordinates.
pub trait BaseField: PrimeField {
    /// Adds `8 groups` pairs of points (16 at a time, so perhaps eight more) from `first` on with one
    /// inversion, first to last. Operands
    /// are asked for twice, at last before any sum of the eight is handed over; they must not
    /// depend on sums of earlier ones. Returns false, with nothing done, if there are no vectors.
    fn add_points(first: usize, groups: usize, pairs: &mut impl PointPairs<Self>) -> bool;
}

impl<T: MontConfig<4>> BaseField for Fp<MontBackend<T, 4>, 4> {
    fn add_points(first: usize, groups: usize, pairs: &mut impl PointPairs<Self>) -> bool {
        vectors!(
            Self,
            4,
            5,
            |m| {
                points::add::<Self, 4, 5>(m, first, groups, pairs);
                true
            },
            false
        )
    }
}

impl<T: MontConfig<6>> BaseField for Fp<MontBackend<T, 6>, 6> {
    fn add_points(first: usize, groups: usize, pairs: &mut impl PointPairs<Self>) -> bool {
        vectors!(
            Self,
            6,
            8,
            |m| {
                points::add::<Self, 6, 8>(m, first, groups, pairs);
                true
            },
            false
        )
    }
}

/// One round over gates of four fractions each, weighted: the sum of `n_0 d_1 + n_1 d_0`, and that
/// of the slopes. Returns how many gates were added up.
pub fn fractions_round<F: WideField>(values: &[Fraction<F>], low: &[F]) -> (usize, [F; 2]) {
    vectors!(
        F,
        |m| fractions::fractions_round(m, values, low),
        (0, [F::ZERO; 2])
    )
}

/// One round over gates of four elements each, weighted: the sum of `u_0 u_1`, and that of the
/// slopes. Returns how many gates were added up.
pub fn ones_round<F: WideField>(values: &[F], low: &[F]) -> (usize, [F; 2]) {
    vectors!(
        F,
        |m| fractions::ones_round(m, values, low),
        (0, [F::ZERO; 2])
    )
}

/// Binds a variable of tables of blocks of `2 W` elements, `W` being 1, 2 or 4. Returns how many
/// outputs were made.
pub fn bind<F: WideField, const W: usize>(values: &[F], r: &F, out: &mut [F]) -> usize {
    const { assert!(W == 1 || W == 2 || W == 4) };
    vectors!(F, |m| fractions::bind::<F, W>(m, values, r, out), 0)
}

/// Binds a variable of blocks of four fractions: `out[2 i + c]` is between `values[4 i + c]` and
/// `values[4 i + 2 + c]`. Returns how many outputs were made.
pub fn bind_fractions<F: WideField>(
    values: &[Fraction<F>],
    r: &F,
    out: &mut [Fraction<F>],
) -> usize {
    bind::<F, 4>(elements(values), r, elements_mut(out)) / 2
}

/// `out[i] = v[2 i] + v[2 i + 1]`. Returns how many outputs were made.
pub fn add_pairs<F: WideField>(values: &[Fraction<F>], out: &mut [Fraction<F>]) -> usize {
    vectors!(F, |m| fractions::add_pairs(m, values, out), 0)
}

/// Replaces numerators by `n + half_lambda d`. Returns how many were.
pub fn batch<F: WideField>(values: &mut [Fraction<F>], half_lambda: &F) -> usize {
    vectors!(F, |m| fractions::batch(m, values, half_lambda), 0)
}

/// One round over gates of four numbers each, all below `2^30` in absolute value: weighted sums of
/// `x_0 + x_1`, of `x_0 x_1` and of the product of slopes. Returns how many gates were added up.
pub fn small_round<F: WideField>(column: &[i64], low: &[F]) -> (usize, [F; 3]) {
    vectors!(
        F,
        |_modulus| {
            let (count, sums) = fractions::small_round(column, low);
            let [sum, product, slopes, weight] = sums.map(|[a, b, c, d, e, f]| {
                F::from_raw_wide([a, b, c, d], e as u128 | (f as u128) << 64)
            });
            let square = F::from(1u64 << 62) * weight;
            let twice = F::from(2 * fractions::OFFSET as u64) * weight;
            (count, [sum - twice, product - square, slopes - square])
        },
        (0, [F::ZERO; 3])
    )
}

/// `constant + sum_j factors[j] columns[j][i]` for numbers below `2^30` in absolute value and at
/// most eight columns. Returns how many outputs were made.
pub fn affine<F: WideField>(
    columns: &[&[i64]],
    constant: F,
    factors: &[F],
    out: &mut [F],
) -> usize {
    if columns.len() > 8 {
        return 0;
    }
    vectors!(
        F,
        |m| {
            let form = with_offset(constant, &factors[..factors.len().min(columns.len())]);
            fractions::affine(m, columns, &form, out)
        },
        0
    )
}

/// `out[2 i + c] = shift - x_c - r (y_c - x_c)` for numbers `x_0, x_1, y_0, y_1` in block `i`, all
/// below `2^30` in absolute value. Returns how many blocks were read.
pub fn bind_small<F: WideField>(column: &[i64], shift: F, r: F, out: &mut [F]) -> usize {
    vectors!(
        F,
        |m| {
            let form = with_offset(shift, &[r - F::ONE, -r]);
            fractions::bind_small(m, column, &form, out)
        },
        0
    )
}

/// `out[i] = 1/(a - x_0) + 1/(a - x_1)` for numbers `x_0, x_1` at `2 i`, below `2^30` in absolute
/// value. Returns how many outputs were made.
pub fn add_small_pairs<F: WideField>(column: &[i64], a: F, out: &mut [Fraction<F>]) -> usize {
    vectors!(
        F,
        |m| {
            // With a' = a + OFFSET, s and p of the shifted numbers: 2 a' - s over a'^2 - a' s + p.
            let a = a + F::from(fractions::OFFSET as u64);
            let n = sums::Affine::new(a.double(), &[-F::ONE]);
            let d = sums::Affine::new(a.square(), &[-a, F::ONE]);
            fractions::add_small_pairs(m, column, [&n, &d], out)
        },
        0
    )
}

/// Whether [`fold_low`] and [`fold_high`] can read these integers: 52 bits with the sign.
pub fn foldable(values: &[i64]) -> bool {
    // Without a branch at each value, so that the compiler's vectors read them.
    let beyond = |or: u64, v: &i64| or | v.wrapping_add(1 << 51) as u64 >> 52;
    let mut parts = values.chunks(1 << 10);
    available() && parts.all(|part| part.iter().fold(0, beyond) == 0)
}

/// `out[i] = sum_j weights[j] values[i * weights.len() + j]` for [`foldable`] values. Returns how
/// many outputs were made: none unless rows are multiples of eight.
pub fn fold_low<F: WideField>(values: &[i64], weights: &[F], out: &mut [F]) -> usize {
    vectors!(F, |_modulus| integers::fold_low(values, weights, out), 0)
}

/// `out[c] = sum_r weights[r] values[r * width + start + c]` for [`foldable`] values in whole
/// rows. Returns how many outputs were made.
pub fn fold_high<F: WideField>(
    values: &[i64],
    width: usize,
    start: usize,
    weights: &[F],
    out: &mut [F],
) -> usize {
    vectors!(
        F,
        |_modulus| {
            let limbs: Vec<_> = weights.iter().map(|w| lanes::radix_52(w.raw())).collect();
            integers::fold_high(values, width, start, (weights, &limbs), out)
        },
        0
    )
}

/// The sum of the products of even entries, and that of the differences of neighbours. Returns
/// how many pairs of neighbours were added up.
pub fn product_round<F: WideField>(a: &[F], b: &[F]) -> (usize, [F; 2]) {
    vectors!(F, |m| integers::product_round(m, a, b), (0, [F::ZERO; 2]))
}

/// Sums over pairs of neighbours of the products of three tables at 0 and 2, and of their slopes.
/// Returns how many pairs were added up.
pub fn cubic_round<F: WideField>(tables: [&[F]; 3]) -> (usize, [F; 3]) {
    vectors!(F, |m| integers::cubic_round(m, tables), (0, [F::ZERO; 3]))
}

/// The same for a table and one or more of integers, the product of whose largest absolute values
/// is `bound`. Returns how many pairs were added up.
pub fn mixed_round<F: WideField>(ints: &[&[i64]], bound: u64, field: &[F]) -> (usize, [F; 3]) {
    // Of each factor, `2 x_1 - x_0` is at most three times as large.
    let fits = 3u64
        .checked_pow(ints.len() as u32)
        .and_then(|k| k.checked_mul(bound));
    if fits.is_none_or(|largest| largest >> 51 != 0) {
        return (0, [F::ZERO; 3]);
    }
    vectors!(
        F,
        |m| integers::mixed_round(m, ints, field),
        (0, [F::ZERO; 3])
    )
}

/// `out[i] = x_0 + r (x_1 - x_0)` for neighbours `x_0, x_1` at `2 i`, below `2^30` in absolute
/// value. Returns how many outputs were made.
pub fn bind_integers<F: WideField>(values: &[i64], r: F, out: &mut [F]) -> usize {
    vectors!(
        F,
        |m| {
            let form = with_offset(F::ZERO, &[F::ONE - r, r]);
            integers::bind_integers(m, values, &form, out)
        },
        0
    )
}

/// `x[i] += factor y[i]`. Returns how many were.
pub fn add_scaled<F: WideField>(x: &mut [F], factor: &F, y: &[F]) -> usize {
    vectors!(F, |m| integers::add_scaled(m, x, factor, y), 0)
}

/// `out[i] = 1/d[2 i] + 1/d[2 i + 1]`. Returns how many outputs were made.
pub fn add_ones<F: WideField>(d: &[F], out: &mut [Fraction<F>]) -> usize {
    let out = elements_mut(out);
    vectors!(F, |m| integers::add_ones(m, d, out), 0)
}

/// For integers that are read with an offset: `constant` plus the sum of the products with them as
/// they were.
#[cfg(target_arch = "x86_64")]
fn with_offset<F: WideField>(constant: F, factors: &[F]) -> sums::Affine<1> {
    let offset = F::from(fractions::OFFSET as u64);
    sums::Affine::new(constant - factors.iter().sum::<F>() * offset, factors)
}

/// Asks for a slice to be brought into the second-level cache, for reading in no order.
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of_val(values)).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(values.as_ptr().cast::<i8>().wrapping_add(offset)) };
    }
}

/// `len` zeros, in memory that the system zeroes when it is first touched: by the threads that fill
/// it, not by the one that asks for it.
pub fn zeros<F: Limbs<4>>(len: usize) -> Vec<F> {
    // SAFETY: size and alignment are those of an element, and zero is the element zero.
    unsafe { reinterpret(vec![[0u64; 4]; len]) }
}

/// The same for fractions. Their denominators are zero too: all are meant to be overwritten.
pub fn zero_fractions<F: Limbs<4>>(len: usize) -> Vec<Fraction<F>> {
    // SAFETY: a fraction is two elements, by `repr(C)`.
    unsafe { reinterpret(vec![[0u64; 8]; len]) }
}

/// # Safety
/// `T` and `U` have the same size and alignment, and the values are values of `U`.
unsafe fn reinterpret<T, U>(values: Vec<T>) -> Vec<U> {
    const { assert!(size_of::<T>() == size_of::<U>() && align_of::<T>() == align_of::<U>()) };
    let mut values = std::mem::ManuallyDrop::new(values);
    let (len, capacity) = (values.len(), values.capacity());
    // SAFETY: the caller's, and the allocation is of the same layout.
    unsafe { Vec::from_raw_parts(values.as_mut_ptr().cast(), len, capacity) }
}

/// Fractions as their numerators and denominators, in turn.
fn elements<F>(values: &[Fraction<F>]) -> &[F] {
    // SAFETY: a fraction is two elements, by `repr(C)`.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), 2 * values.len()) }
}

fn elements_mut<F>(values: &mut [Fraction<F>]) -> &mut [F] {
    // SAFETY: as above.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), 2 * values.len()) }
}
