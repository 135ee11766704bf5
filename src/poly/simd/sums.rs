//! Sums of products in eight lanes, not yet reduced.
use super::lanes::{Lanes, MASK, Modulus, V, carry, radix_52, splat, zero};
use crate::poly::WideField;
use std::arch::x86_64::*;

/// Products between two carries: each adds at most nine numbers of 52 bits to a limb, which has to
/// stay below `2^63`.
const PRODUCTS: u32 = 128;

/// `sum_k a_k b_k` for elements of five limbs, in each lane. The last limb only takes carries.
pub(super) struct Products {
    limbs: [V; 11],
    room: u32,
}

impl Products {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn new() -> Self {
        Self {
            limbs: zero(),
            room: PRODUCTS,
        }
    }

    /// Adds `a b`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn add(&mut self, a: &Lanes<5>, b: &Lanes<5>) {
        for i in 0..5 {
            for j in 0..5 {
                let limb = &mut self.limbs[i + j];
                *limb = _mm512_madd52lo_epu64(*limb, a[j], b[i]);
            }
            for j in 0..5 {
                let limb = &mut self.limbs[i + j + 1];
                *limb = _mm512_madd52hi_epu64(*limb, a[j], b[i]);
            }
        }
        self.room -= 1;
        if self.room == 0 {
            carry(&mut self.limbs);
            self.room = PRODUCTS;
        }
    }

    /// The sum over all lanes in 64-bit limbs: what a
    /// [`ProductAccumulator`](crate::poly::ProductAccumulator) holds.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn total(mut self) -> [u64; 9] {
        carry(&mut self.limbs);
        join(&add_lanes(&self.limbs))
    }
}

/// `sum_k v_k a_k` for elements of five limbs and numbers below `2^63`, in each lane.
pub(super) struct Multiples {
    limbs: [V; 8],
    room: u32,
}

impl Multiples {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn new() -> Self {
        Self {
            limbs: zero(),
            room: PRODUCTS,
        }
    }

    /// Adds `v a`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn add(&mut self, v: V, a: &Lanes<5>) {
        let high = _mm512_srli_epi64::<52>(v);
        for (j, a) in a.iter().enumerate() {
            self.limbs[j] = _mm512_madd52lo_epu64(self.limbs[j], *a, v);
            self.limbs[j + 1] = _mm512_madd52hi_epu64(self.limbs[j + 1], *a, v);
            self.limbs[j + 1] = _mm512_madd52lo_epu64(self.limbs[j + 1], *a, high);
            self.limbs[j + 2] = _mm512_madd52hi_epu64(self.limbs[j + 2], *a, high);
        }
        self.room -= 1;
        if self.room == 0 {
            carry(&mut self.limbs);
            self.room = PRODUCTS;
        }
    }

    /// The sum over all lanes in 64-bit limbs: what a
    /// [`WideAccumulator`](crate::poly::WideAccumulator) holds.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn total(mut self) -> [u64; 6] {
        carry(&mut self.limbs);
        join(&add_lanes(&self.limbs))
    }
}

/// Limb by limb; the lanes' limbs have 52 bits, but for the last, which must be below `2^61`: one
/// that only takes carries is.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn add_lanes<const K: usize>(limbs: &[V; K]) -> [u64; K] {
    let mut sums = [0; K];
    for (sum, limb) in sums.iter_mut().zip(limbs) {
        *sum = _mm512_reduce_add_epi64(*limb) as u64;
    }
    sums
}

/// A number in digits of 52 bits, carries pending, in 64-bit limbs.
pub(super) fn join<const K: usize, const M: usize>(digits: &[u64; K]) -> [u64; M] {
    let mut out = [0; M];
    let mut carry = 0u128;
    for (j, digit) in digits.iter().enumerate() {
        carry += *digit as u128;
        let bits = if j + 1 < K {
            carry as u64 & MASK
        } else {
            carry as u64
        };
        let (q, r) = (52 * j / 64, 52 * j % 64);
        out[q] |= bits << r;
        if r > 0 && q + 1 < M {
            out[q + 1] |= bits >> (64 - r);
        }
        carry >>= 52;
    }
    out
}

/// `sum_k v_k c_k + c` for small non-negative numbers and fixed elements, reduced.
///
/// The constants are multiplied by `2^(52 K)` beforehand; `K` steps of Montgomery's reduction
/// divide by that. For numbers below `2^(52 K - 18)`, and up to eight of them.
pub(super) struct Affine<const K: usize> {
    constant: [u64; 5],
    factors: Vec<[u64; 5]>,
}

impl<const K: usize> Affine<K> {
    /// For a constant and at most eight factors.
    pub fn new<F: WideField>(constant: F, factors: &[F]) -> Self {
        let scale = F::from(2u64).pow([52 * K as u64]);
        let limbs = |x: F| radix_52((scale * x).raw());
        Self {
            constant: limbs(constant),
            factors: factors.iter().map(|x| limbs(*x)).collect(),
        }
    }

    /// The values in eight lanes, `[1]`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn eval(&self, modulus: &Modulus<5>, v: &[V]) -> Lanes<5> {
        let mut acc = zero::<8>();
        for (limb, c) in acc.iter_mut().zip(&self.constant) {
            *limb = splat(*c);
        }
        for (v, factor) in v.iter().zip(&self.factors) {
            let high = _mm512_srli_epi64::<52>(*v);
            for (j, c) in factor.iter().enumerate() {
                let c = splat(*c);
                acc[j] = _mm512_madd52lo_epu64(acc[j], c, *v);
                acc[j + 1] = _mm512_madd52hi_epu64(acc[j + 1], c, *v);
                if K > 1 {
                    acc[j + 1] = _mm512_madd52lo_epu64(acc[j + 1], c, high);
                    acc[j + 2] = _mm512_madd52hi_epu64(acc[j + 2], c, high);
                }
            }
        }
        modulus.reduce_steps::<K>(acc)
    }
}
