//! Small integers times field elements, without reducing.
//!
//! A product of an `i64` and a 256-bit residue has 320 bits; sums of them are kept as 384-bit
//! two's-complement integers and reduced once, at about a fifth of the price of field
//! multiplications. Residues are taken as they lie in memory (Montgomery form): `v * (x R)` is
//! `(v x) R`.
use ark_ff::{BigInt, Fp, MontBackend, MontConfig, PrimeField};

/// A prime field of four 64-bit limbs in Montgomery form, with access to the raw residue.
pub trait WideField: PrimeField {
    /// The residue `x * 2^256 mod p` as little-endian limbs, fully reduced.
    fn raw(&self) -> [u64; 4];
    /// The element whose raw residue is congruent to `low + 2^256 high`.
    fn from_raw_wide(low: [u64; 4], high: u128) -> Self;
}

impl<T: MontConfig<4>> WideField for Fp<MontBackend<T, 4>, 4> {
    #[inline]
    fn raw(&self) -> [u64; 4] {
        self.0.0
    }

    #[inline]
    fn from_raw_wide(mut low: [u64; 4], high: u128) -> Self {
        // `2^256 high mod p` is the Montgomery form of `high`.
        while low.iter().rev().ge(T::MODULUS.0.iter().rev()) {
            let mut borrow = false;
            for (x, p) in low.iter_mut().zip(T::MODULUS.0) {
                let (d, b1) = x.overflowing_sub(p);
                let (d, b2) = d.overflowing_sub(borrow as u64);
                (*x, borrow) = (d, b1 | b2);
            }
        }
        let low = Self::new_unchecked(BigInt(low));
        if high == 0 {
            low
        } else {
            low + Self::from(high)
        }
    }
}

/// A sum of products `v * x` with `v: i64` and `x: F`, not yet reduced.
///
/// Headroom: `|v| <= 2^63` and a residue below `2^256` give products below `2^319`; with 384 bits
/// and a sign, `2^64` of them fit, more than can be stored.
#[derive(Clone, Copy, Default)]
pub struct WideAccumulator([u64; 6]);

impl WideAccumulator {
    /// Adds `v * x`, where `x` is a raw residue.
    #[inline(always)]
    pub fn add_product(&mut self, v: i64, x: &[u64; 4]) {
        // v = u - 2^64 [v < 0] with u = v as u64.
        let u = v as u64 as u128;
        let negative = (v >> 63) as u64;
        let mut carry = 0u128;
        let mut product = [0u64; 5];
        for k in 0..4 {
            let t = u * x[k] as u128 + carry;
            product[k] = t as u64;
            carry = t >> 64;
        }
        product[4] = carry as u64;
        let mut carry = false;
        for k in 0..5 {
            (self.0[k], carry) = carrying_add(self.0[k], product[k], carry);
        }
        self.0[5] = self.0[5].wrapping_add(carry as u64);
        let mut borrow = false;
        for k in 0..4 {
            (self.0[k + 1], borrow) = borrowing_sub(self.0[k + 1], x[k] & negative, borrow);
        }
        self.0[5] = self.0[5].wrapping_sub(borrow as u64);
    }

    /// Adds another accumulator.
    #[inline]
    pub fn add(&mut self, other: &Self) {
        let mut carry = false;
        for k in 0..6 {
            (self.0[k], carry) = carrying_add(self.0[k], other.0[k], carry);
        }
    }

    /// The sum as a field element.
    #[inline]
    pub fn reduce<F: WideField>(&self) -> F {
        let mut limbs = self.0;
        let negative = limbs[5] >> 63 == 1;
        if negative {
            let mut carry = true;
            for x in &mut limbs {
                (*x, carry) = (!*x).overflowing_add(carry as u64);
            }
        }
        let [a, b, c, d, e, f] = limbs;
        let value = F::from_raw_wide([a, b, c, d], e as u128 | (f as u128) << 64);
        if negative { -value } else { value }
    }
}

#[inline(always)]
fn carrying_add(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (s, c1) = a.overflowing_add(b);
    let (s, c2) = s.overflowing_add(carry as u64);
    (s, c1 | c2)
}

#[inline(always)]
fn borrowing_sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (d, b1) = a.overflowing_sub(b);
    let (d, b2) = d.overflowing_sub(borrow as u64);
    (d, b1 | b2)
}

/// `sum_i v_i x_i` over the shorter of the two.
#[inline]
pub fn dot<F: WideField>(v: &[i64], x: &[F]) -> F {
    let mut acc = WideAccumulator::default();
    for (v, x) in v.iter().zip(x) {
        acc.add_product(*v, &x.raw());
    }
    acc.reduce()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::AdditiveGroup;
    use proptest::prelude::*;

    fn naive<F: PrimeField>(v: &[i64], x: &[F]) -> F {
        v.iter().zip(x).map(|(v, x)| F::from(*v) * x).sum()
    }

    fn small() -> impl Strategy<Value = i64> {
        prop_oneof![
            Just(0),
            Just(1),
            Just(-1),
            Just(i64::MIN),
            Just(i64::MAX),
            any::<i64>()
        ]
    }

    fn check<F: WideField>(v: &[i64], seed: u64) {
        let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(seed);
        let extremes = [
            F::ZERO,
            F::ONE,
            -F::ONE,
            F::from_raw_wide([u64::MAX; 4], u128::MAX),
        ];
        let x: Vec<F> = (0..v.len())
            .map(|i| {
                extremes
                    .get(i % 7)
                    .copied()
                    .unwrap_or_else(|| F::rand(&mut rng))
            })
            .collect();
        assert_eq!(dot(v, &x), naive(v, &x));
        let x = vec![-F::ONE; v.len()];
        assert_eq!(dot(v, &x), naive(v, &x));
    }

    proptest! {
        #[test]
        fn dot_is_the_plain_sum(v in prop::collection::vec(small(), 0..80), seed: u64) {
            check::<Fr>(&v, seed);
            check::<ark_pallas::Fr>(&v, seed);
        }
    }

    #[test]
    fn widest_sum_keeps_its_headroom() {
        let n = 100_000;
        for v in [i64::MIN, i64::MAX] {
            let x = vec![-Fr::from(1u64); n];
            assert_eq!(
                dot(&vec![v; n], &x),
                Fr::from(v) * x[0] * Fr::from(n as u64)
            );
        }
        assert_eq!(dot::<Fr>(&[], &[]), Fr::ZERO);
    }
}
