//! Small integers times field elements, without reducing.
//!
//! A product of an `i64` and a 256-bit residue has 320 bits; sums of them are kept as 384-bit
//! two's-complement integers and reduced once, at about a fifth of the price of field
//! multiplications. Residues are taken as they lie in memory (Montgomery form): `v * (x R)` is
//! `(v x) R`.
use ark_ff::{BigInt, Fp, MontBackend, MontConfig};

/// A prime field of four 64-bit limbs in Montgomery form, with access to the raw residue.
pub trait WideField: super::simd::Limbs<4> {
    /// The residue `x * 2^256 mod p` as little-endian limbs, fully reduced.
    fn raw(&self) -> [u64; 4];
    /// The element whose raw residue is congruent to `low + 2^256 high`.
    fn from_raw_wide(low: [u64; 4], high: u128) -> Self;
    /// The element whose raw residue is congruent to `limbs / 2^256`: what becomes of a sum of
    /// products of raw residues.
    fn from_raw_products(limbs: [u64; 9]) -> Self;
}

impl<T: MontConfig<4>> WideField for Fp<MontBackend<T, 4>, 4> {
    #[inline]
    fn raw(&self) -> [u64; 4] {
        self.0.0
    }

    #[inline]
    fn from_raw_wide(mut low: [u64; 4], high: u128) -> Self {
        if high >> 40 == 0 && Barrett::<T>::RECIPROCAL != 0 {
            return Self::new_unchecked(BigInt(Barrett::<T>::reduce(low, high as u64)));
        }
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

    #[inline]
    fn from_raw_products(mut limbs: [u64; 9]) -> Self {
        // Montgomery: add multiples of the modulus until the low four limbs are zero.
        let mut top = false;
        for k in 0..4 {
            let m = limbs[k].wrapping_mul(T::INV) as u128;
            let mut carry = 0u128;
            for j in 0..4 {
                let t = m * T::MODULUS.0[j] as u128 + limbs[k + j] as u128 + carry;
                limbs[k + j] = t as u64;
                carry = t >> 64;
            }
            let (sum, c1) = limbs[k + 4].overflowing_add(carry as u64);
            let (sum, c2) = sum.overflowing_add(top as u64);
            limbs[k + 4] = sum;
            top = c1 | c2;
        }
        let [_, _, _, _, a, b, c, d, e] = limbs;
        Self::from_raw_wide([a, b, c, d], e as u128 + top as u128)
    }
}

/// Division by a modulus of 255 bits with a precomputed reciprocal.
struct Barrett<T>(std::marker::PhantomData<T>);

impl<T: MontConfig<4>> Barrett<T> {
    /// `floor(2^318 / p)`, or 0 unless `2^254 < p < 2^255`.
    const RECIPROCAL: u64 = reciprocal(T::MODULUS.0);

    /// `low + 2^256 high` modulo `p`, for `high < 2^40`.
    #[inline(always)]
    fn reduce(low: [u64; 4], high: u64) -> [u64; 4] {
        // With V the value: h = floor(V / 2^234) < 2^62, and floor(h reciprocal / 2^84) is
        // floor(V / p) or one less.
        let h = (high << 22) | (low[3] >> 42);
        let quotient = ((h as u128 * Self::RECIPROCAL as u128) >> 84) as u64;
        let mut out = low;
        let mut carry = 0u128;
        let mut borrow = false;
        for (x, p) in out.iter_mut().zip(T::MODULUS.0) {
            let t = quotient as u128 * p as u128 + carry;
            carry = t >> 64;
            (*x, borrow) = borrowing_sub(*x, t as u64, borrow);
        }
        // The remainder is below 2p < 2^256, so what is above 256 bits cancels.
        let mut reduced = out;
        let mut borrow = false;
        for (x, p) in reduced.iter_mut().zip(T::MODULUS.0) {
            (*x, borrow) = borrowing_sub(*x, p, borrow);
        }
        if borrow { out } else { reduced }
    }
}

/// `floor(2^318 / p)` bit by bit, or 0 unless `2^254 < p < 2^255`.
const fn reciprocal(p: [u64; 4]) -> u64 {
    if p[3] >> 62 != 1 {
        return 0;
    }
    let mut remainder = [0, 0, 0, 1u64 << 62];
    let mut quotient = 0u64;
    let mut bit = 0;
    while bit < 64 {
        let mut k = 3;
        while k > 0 {
            remainder[k] = remainder[k] << 1 | remainder[k - 1] >> 63;
            k -= 1;
        }
        remainder[0] <<= 1;
        let mut difference = [0; 4];
        let mut borrow = false;
        let mut k = 0;
        while k < 4 {
            (difference[k], borrow) = borrowing_sub(remainder[k], p[k], borrow);
            k += 1;
        }
        quotient <<= 1;
        if !borrow {
            remainder = difference;
            quotient |= 1;
        }
        bit += 1;
    }
    quotient
}

/// A sum of products of field elements, not yet reduced.
///
/// Headroom: residues below `2^255` give products below `2^510`; with 576 bits, `2^66` of them
/// fit, more than can be added.
#[derive(Clone, Copy, Default)]
pub struct ProductAccumulator([u64; 9]);

impl ProductAccumulator {
    /// Adds `a * b`, both raw residues below `2^255`.
    #[inline(always)]
    pub fn add_product(&mut self, a: &[u64; 4], b: &[u64; 4]) {
        let mut product = [0u64; 8];
        for i in 0..4 {
            let mut carry = 0u128;
            for j in 0..4 {
                let t = a[i] as u128 * b[j] as u128 + product[i + j] as u128 + carry;
                product[i + j] = t as u64;
                carry = t >> 64;
            }
            product[i + 4] = carry as u64;
        }
        let mut carry = false;
        for k in 0..8 {
            (self.0[k], carry) = carrying_add(self.0[k], product[k], carry);
        }
        self.0[8] += carry as u64;
    }

    /// The sum as a field element.
    #[inline(always)]
    pub fn reduce<F: WideField>(&self) -> F {
        F::from_raw_products(self.0)
    }
}

/// `a b + c d`, reduced once.
#[inline(always)]
pub fn sum_of_two<F: WideField>(a: &F, b: &F, c: &F, d: &F) -> F {
    let mut acc = ProductAccumulator::default();
    acc.add_product(&a.raw(), &b.raw());
    acc.add_product(&c.raw(), &d.raw());
    acc.reduce()
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
const fn borrowing_sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
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
    use ark_ff::{AdditiveGroup, Field, PrimeField};
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

    fn limb() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(1),
            Just(u64::MAX),
            Just(1 << 63),
            any::<u64>()
        ]
    }

    /// `low + 2^256 high` by the field's own arithmetic.
    fn check_wide<F: WideField + From<u128>>(low: [u64; 4], high: u128) {
        let raw_one = F::ONE.raw();
        let mut expected = F::from(high);
        // Raw residue 1 is 2^-256.
        let mut limb = F::from_raw_wide([1, 0, 0, 0], 0);
        assert_eq!(limb * F::from_raw_wide(raw_one, 0), limb);
        for v in low {
            expected += F::from(v) * limb;
            limb *= F::from(1u128 << 64);
        }
        assert_eq!(limb, F::ONE);
        let value = F::from_raw_wide(low, high);
        assert_eq!(value, expected);
        assert_eq!(value.raw(), expected.raw());
    }

    proptest! {
        #[test]
        fn reductions_are_canonical(
            low in prop::array::uniform4(limb()),
            high in limb(),
            shift in 0..64,
            top in limb(),
        ) {
            let high = (high >> shift) as u128;
            for high in [high, high | (top as u128) << 64] {
                check_wide::<Fr>(low, high);
                check_wide::<ark_pallas::Fr>(low, high);
                check_wide::<ark_pallas::Fq>(low, high);
            }
            // Values next to multiples of the modulus.
            let p = Fr::MODULUS.0;
            let mut carry = 0u128;
            let multiple = p.map(|p| {
                let t = p as u128 * (top >> 24) as u128 + carry;
                carry = t >> 64;
                t as u64
            });
            check_wide::<Fr>(multiple, carry);
            let mut below = multiple;
            below[0] = below[0].wrapping_sub(1);
            if multiple[0] > 0 {
                check_wide::<Fr>(below, carry);
                prop_assert_eq!(Fr::from_raw_wide(below, carry), Fr::from_raw_wide(p, 0) - Fr::from_raw_wide([1, 0, 0, 0], 0));
            }
        }

        #[test]
        fn products_are_sums_of_products(seed: u64, n in 0usize..50) {
            let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(seed);
            let extremes = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from_raw_wide([u64::MAX; 4], 0)];
            let mut draw = |i: usize| extremes.get(i % 6).copied().unwrap_or_else(|| ark_ff::UniformRand::rand(&mut rng));
            let a: Vec<Fr> = (0..n).map(&mut draw).collect();
            let b: Vec<Fr> = (0..n).map(|i| draw(i + i / 6)).collect();
            let mut acc = ProductAccumulator::default();
            a.iter().zip(&b).for_each(|(a, b)| acc.add_product(&a.raw(), &b.raw()));
            let expected: Fr = a.iter().zip(&b).map(|(a, b)| *a * b).sum();
            prop_assert_eq!(acc.reduce::<Fr>(), expected);
            // All limbs of the accumulator full.
            let full = Fr::from_raw_products([u64::MAX; 9]);
            let two = Fr::from(2u64);
            let raw = (two.pow([576]) - Fr::ONE) / two.pow([512]);
            prop_assert_eq!(full, raw);
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
