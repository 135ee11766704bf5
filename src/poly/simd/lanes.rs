//! Eight elements of a prime field at a time, in 52-bit limbs.
//!
//! A field of `N` 64-bit limbs is held in `L` vectors, limb `j` of all eight lanes in vector `j`:
//! 4 limbs become 5, 6 become 8. Montgomery's radix is then `2^(52 L)` instead of `2^(64 N)`, a
//! factor of `2^s` with `s = 52 L - 64 N` (4 or 32). Elements keep arkworks' form `x 2^(64 N)`;
//! one factor of every product is shifted left by `s` bits, most often while it is loaded:
//! `a (2^s b) / 2^(52 L) = a b / 2^(64 N)`.
//!
//! **Bounds.** With `p < 2^(64 N - 1)`, and factors `a < A p` and `2^s b` with `b < B p`, the
//! product is below `(A B / 2 + 1) p`. What is shifted must be below `2^(64 N)`, so `b < 2p` always
//! may be. Comments below write `[k]` for a value in `0..k p`, not necessarily reduced; what is
//! stored is always reduced.
//!
//! [Gueron, Krasnov 2016], *Accelerating big integer arithmetic using Intel IFMA extensions*.
use std::arch::x86_64::*;

/// A limb of eight lanes.
pub(super) type V = __m512i;

/// Eight elements; limbs of 52 bits except where a comment says that they are not.
pub(super) type Lanes<const L: usize> = [V; L];

pub(super) const MASK: u64 = (1 << 52) - 1;

/// What the arithmetic needs to know of a modulus.
pub(super) struct Modulus<const L: usize> {
    /// `p` in 52-bit limbs.
    pub p: [u64; L],
    /// `-1 / p` modulo `2^52`.
    inverse: u64,
    /// `52 L - 64 N`.
    shift: u32,
}

/// Cuts `N` 64-bit limbs into `L` of 52 bits.
pub(super) const fn radix_52<const N: usize, const L: usize>(limbs: [u64; N]) -> [u64; L] {
    let mut out = [0; L];
    let mut j = 0;
    while j < L {
        let (q, r) = (52 * j / 64, 52 * j % 64);
        if q < N {
            out[j] = limbs[q] >> r;
            if r > 12 && q + 1 < N {
                out[j] |= limbs[q + 1] << (64 - r);
            }
            out[j] &= MASK;
        }
        j += 1;
    }
    out
}

impl<const L: usize> Modulus<L> {
    /// For an odd modulus below `2^(64 N - 1)`; `None` for others.
    pub const fn new<const N: usize>(p: [u64; N]) -> Option<Self> {
        if p[N - 1] >> 63 != 0 || p[0] & 1 == 0 {
            return None;
        }
        // Newton's iteration doubles the number of correct bits.
        let mut inverse = 1u64;
        let mut k = 0;
        while k < 6 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(p[0].wrapping_mul(inverse)));
            k += 1;
        }
        Some(Self {
            p: radix_52(p),
            inverse: inverse.wrapping_neg() & MASK,
            shift: (52 * L - 64 * N) as u32,
        })
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn splat(x: u64) -> V {
    _mm512_set1_epi64(x as i64)
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn zero<const K: usize>() -> [V; K] {
    [_mm512_setzero_si512(); K]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn shift_right(x: V, bits: u32) -> V {
    _mm512_srl_epi64(x, _mm_cvtsi32_si128(bits as i32))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn shift_left(x: V, bits: u32) -> V {
    _mm512_sll_epi64(x, _mm_cvtsi32_si128(bits as i32))
}

/// Eight rows of `N` words, 64-bit limbs in vectors. The rows must be readable.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) unsafe fn gather<const N: usize>(rows: [*const u64; 8]) -> [V; N] {
    let mut out = zero::<N>();
    // SAFETY: each row has N words: 4 at offset 0 and, if N is 6, 2 at offset 4.
    unsafe {
        let pair = |a: usize, b: usize| {
            let low = _mm512_castsi256_si512(_mm256_loadu_si256(rows[a].cast()));
            _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(rows[b].cast()))
        };
        // 128-bit parts: (limbs 0, 1), (limbs 2, 3) of one row, then of the other.
        let (a, b, c, d) = (pair(0, 2), pair(1, 3), pair(4, 6), pair(5, 7));
        let (ab_even, ab_odd) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        let (cd_even, cd_odd) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
        out[0] = _mm512_shuffle_i64x2::<0b10_00_10_00>(ab_even, cd_even);
        out[1] = _mm512_shuffle_i64x2::<0b10_00_10_00>(ab_odd, cd_odd);
        out[2] = _mm512_shuffle_i64x2::<0b11_01_11_01>(ab_even, cd_even);
        out[3] = _mm512_shuffle_i64x2::<0b11_01_11_01>(ab_odd, cd_odd);
        if N == 6 {
            let four = |k: usize| {
                let part = |row: usize| _mm_loadu_si128(rows[row].add(4).cast());
                let x = _mm512_castsi128_si512(part(k));
                let x = _mm512_inserti64x2::<1>(x, part(k + 2));
                let x = _mm512_inserti64x2::<2>(x, part(k + 4));
                _mm512_inserti64x2::<3>(x, part(k + 6))
            };
            let (even_rows, odd_rows) = (four(0), four(1));
            out[4] = _mm512_unpacklo_epi64(even_rows, odd_rows);
            out[5] = _mm512_unpackhi_epi64(even_rows, odd_rows);
        }
    }
    out
}

/// The reverse of [`gather`]. The rows must be writable and not overlap.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) unsafe fn scatter<const N: usize>(limbs: [V; N], rows: [*mut u64; 8]) {
    // SAFETY: as in `gather`.
    unsafe {
        let (ab_even, cd_even) = split(limbs[0], limbs[2]);
        let (ab_odd, cd_odd) = split(limbs[1], limbs[3]);
        let store = |even: V, odd: V, first: usize| {
            let (a, b) = (
                _mm512_unpacklo_epi64(even, odd),
                _mm512_unpackhi_epi64(even, odd),
            );
            for (x, row) in [(a, first), (b, first + 1)] {
                _mm256_storeu_si256(rows[row].cast(), _mm512_castsi512_si256(x));
                _mm256_storeu_si256(rows[row + 2].cast(), _mm512_extracti64x4_epi64::<1>(x));
            }
        };
        store(ab_even, ab_odd, 0);
        store(cd_even, cd_odd, 4);
        if N == 6 {
            let even_rows = _mm512_unpacklo_epi64(limbs[4], limbs[5]);
            let odd_rows = _mm512_unpackhi_epi64(limbs[4], limbs[5]);
            for (x, first) in [(even_rows, 0), (odd_rows, 1)] {
                let store = |row: usize, part: __m128i| {
                    _mm_storeu_si128(rows[row].add(4).cast(), part);
                };
                store(first, _mm512_castsi512_si128(x));
                store(first + 2, _mm512_extracti64x2_epi64::<1>(x));
                store(first + 4, _mm512_extracti64x2_epi64::<2>(x));
                store(first + 6, _mm512_extracti64x2_epi64::<3>(x));
            }
        }
    }
}

/// From vectors of limbs `k` and `k + 2` to the 128-bit parts of rows 0 to 3 and 4 to 7.
#[inline]
#[target_feature(enable = "avx512f")]
fn split(low: V, high: V) -> (V, V) {
    // (low 0, high 0, low 1, high 1) in 128-bit parts, and the same of parts 2 and 3.
    let first = _mm512_shuffle_i64x2::<0b01_00_01_00>(low, high);
    let second = _mm512_shuffle_i64x2::<0b11_10_11_10>(low, high);
    (
        _mm512_shuffle_i64x2::<0b11_01_10_00>(first, first),
        _mm512_shuffle_i64x2::<0b11_01_10_00>(second, second),
    )
}

/// 64-bit limbs cut into limbs of 52 bits, shifted left by `s` bits if `SHIFTED`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn cut<const N: usize, const L: usize, const SHIFTED: bool>(limbs: &[V; N]) -> Lanes<L> {
    let shift = if SHIFTED { 52 * L - 64 * N } else { 0 };
    let mut out = zero::<L>();
    let mask = splat(MASK);
    for j in 0..L {
        // Bits 52 j - shift and up.
        let x = match (52 * j).checked_sub(shift) {
            None => shift_left(limbs[0], shift as u32),
            Some(at) => {
                let (q, r) = (at / 64, (at % 64) as u32);
                if r > 12 && q + 1 < N {
                    _mm512_or_si512(shift_right(limbs[q], r), shift_left(limbs[q + 1], 64 - r))
                } else {
                    shift_right(limbs[q], r)
                }
            }
        };
        out[j] = _mm512_and_si512(x, mask);
    }
    out
}

/// The reverse of [`cut`] without a shift.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn paste<const N: usize, const L: usize>(x: &Lanes<L>) -> [V; N] {
    let mut limbs = zero::<N>();
    for (k, limb) in limbs.iter_mut().enumerate() {
        let (q, r) = (64 * k / 52, (64 * k % 52) as u32);
        *limb = shift_right(x[q], r);
        if q + 1 < L {
            *limb = _mm512_or_si512(*limb, shift_left(x[q + 1], 52 - r));
        }
        if 104 - r < 64 && q + 2 < L {
            *limb = _mm512_or_si512(*limb, shift_left(x[q + 2], 104 - r));
        }
    }
    limbs
}

/// Makes all limbs but the last 52 bits wide; limbs may be negative.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn carry<const K: usize>(x: &mut [V; K]) {
    let mask = splat(MASK);
    for j in 0..K - 1 {
        x[j + 1] = _mm512_add_epi64(x[j + 1], _mm512_srai_epi64::<52>(x[j]));
        x[j] = _mm512_and_si512(x[j], mask);
    }
}

/// `a + b`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn add<const L: usize>(a: &Lanes<L>, b: &Lanes<L>) -> Lanes<L> {
    let mut out = zero::<L>();
    for j in 0..L {
        out[j] = _mm512_add_epi64(a[j], b[j]);
    }
    carry(&mut out);
    out
}

impl<const L: usize> Modulus<L> {
    /// `a - b + k p`, for `b < k p`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn sub(&self, a: &Lanes<L>, b: &Lanes<L>, k: u64) -> Lanes<L> {
        let mut out = zero::<L>();
        for j in 0..L {
            let lifted = _mm512_add_epi64(a[j], splat(k * self.p[j]));
            out[j] = _mm512_sub_epi64(lifted, b[j]);
        }
        carry(&mut out);
        out
    }

    /// `x`, and `p - x` (`p` for 0) in the lanes of the mask.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn negate(&self, x: &Lanes<L>, mask: u8) -> Lanes<L> {
        let mut out = *x;
        for j in 0..L {
            out[j] = _mm512_mask_sub_epi64(x[j], mask, splat(self.p[j]), x[j]);
        }
        carry(&mut out);
        out
    }

    /// `2^s x`, for `x < 2^(64 N)`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn shifted(&self, x: &Lanes<L>) -> Lanes<L> {
        let mask = splat(MASK);
        let mut out = zero::<L>();
        for j in 0..L {
            let mut limb = shift_left(x[j], self.shift);
            if j > 0 {
                limb = _mm512_or_si512(limb, shift_right(x[j - 1], 52 - self.shift));
            }
            out[j] = _mm512_and_si512(limb, mask);
        }
        out
    }

    /// `x` or `x - k p`, whichever is in `0..k p`, for `x < 2 k p`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn reduce_once(&self, x: &Lanes<L>, k: u64) -> Lanes<L> {
        let mut less = zero::<L>();
        for j in 0..L {
            less[j] = _mm512_sub_epi64(x[j], splat(k * self.p[j]));
        }
        carry(&mut less);
        let negative = _mm512_cmplt_epi64_mask(less[L - 1], splat(0));
        let mut out = zero::<L>();
        for j in 0..L {
            out[j] = _mm512_mask_mov_epi64(less[j], negative, x[j]);
        }
        out
    }

    /// `sum_k a_k b_k / 2^(52 L)` for `K <= 4` products with one reduction, `P` times: the chain
    /// of one sum waits, the others go on. One factor of each product is shifted.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn dots<const P: usize, const K: usize>(
        &self,
        factors: [[(&Lanes<L>, &Lanes<L>); K]; P],
    ) -> [Lanes<L>; P] {
        let inverse = splat(self.inverse);
        let mut acc = [zero::<L>(); P];
        let mut q = zero::<P>();
        for i in 0..L {
            for n in 0..P {
                for (a, b) in factors[n] {
                    for j in 0..L {
                        acc[n][j] = _mm512_madd52lo_epu64(acc[n][j], a[j], b[i]);
                    }
                }
            }
            for n in 0..P {
                q[n] = _mm512_madd52lo_epu64(_mm512_setzero_si512(), acc[n][0], inverse);
            }
            for n in 0..P {
                let lowest = _mm512_madd52lo_epu64(acc[n][0], q[n], splat(self.p[0]));
                // A multiple of 2^52.
                let high = _mm512_srli_epi64::<52>(lowest);
                for j in 0..L - 1 {
                    acc[n][j] = _mm512_madd52lo_epu64(acc[n][j + 1], q[n], splat(self.p[j + 1]));
                }
                acc[n][0] = _mm512_add_epi64(acc[n][0], high);
                acc[n][L - 1] = _mm512_setzero_si512();
            }
            for n in 0..P {
                for (a, b) in factors[n] {
                    for j in 0..L {
                        acc[n][j] = _mm512_madd52hi_epu64(acc[n][j], a[j], b[i]);
                    }
                }
                for j in 0..L {
                    acc[n][j] = _mm512_madd52hi_epu64(acc[n][j], q[n], splat(self.p[j]));
                }
            }
        }
        for n in 0..P {
            carry(&mut acc[n]);
        }
        acc
    }

    /// One of [`dots`](Self::dots).
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn dot<const K: usize>(&self, factors: [(&Lanes<L>, &Lanes<L>); K]) -> Lanes<L> {
        let [out] = self.dots([factors]);
        out
    }

    /// `a b / 2^(52 L)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn mul(&self, a: &Lanes<L>, b: &Lanes<L>) -> Lanes<L> {
        self.dot([(a, b)])
    }

    /// `a_n b_n / 2^(52 L)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn muls<const P: usize>(&self, a: &[Lanes<L>; P], b: &[Lanes<L>; P]) -> [Lanes<L>; P] {
        let mut factors = [[(&a[0], &b[0])]; P];
        for n in 0..P {
            factors[n] = [(&a[n], &b[n])];
        }
        self.dots(factors)
    }
}

impl Modulus<5> {
    /// `x / 2^(52 K)`, reduced, for `x < 2^(52 K) p`; limbs may have more than 52 bits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn reduce_steps<const K: usize>(&self, mut x: [V; 8]) -> Lanes<5> {
        let inverse = splat(self.inverse);
        for i in 0..K {
            let q = _mm512_madd52lo_epu64(_mm512_setzero_si512(), x[i], inverse);
            for j in 0..5 {
                let p = splat(self.p[j]);
                x[i + j] = _mm512_madd52lo_epu64(x[i + j], q, p);
                x[i + j + 1] = _mm512_madd52hi_epu64(x[i + j + 1], q, p);
            }
            x[i + 1] = _mm512_add_epi64(x[i + 1], _mm512_srli_epi64::<52>(x[i]));
        }
        let mut out = zero::<5>();
        out.copy_from_slice(&x[K..K + 5]);
        carry(&mut out);
        self.reduce_once(&out, 1)
    }
}
