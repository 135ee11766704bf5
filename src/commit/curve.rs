//! The groups commitments live in: short-Weierstrass curves `y^2 = x^3 + b` of prime order, or
//! their subgroup of prime order.
//!
//! Adding a curve is one `impl` of [`NamedCurve`]. Two are provided: BLS12-381 G1 (the default;
//! the curve of zkDL and zkLLM) and Pallas (255-bit base field, about twice as fast; nothing here
//! needs a pairing).
use crate::{poly::simd::BaseField, transcript};
use ark_ec::{
    CurveGroup,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use ark_ff::PrimeField;

/// A short-Weierstrass curve with `a = 0` that has a name in this protocol.
pub trait NamedCurve: SWCurveConfig<BaseField: BaseField, ZeroFlag = ()> {
    /// Part of the domain-separation tag of generators and digests; never changes.
    const NAME: &'static str;
}

impl NamedCurve for ark_bls12_381::g1::Config {
    const NAME: &'static str = "BLS12-381-G1";
}

impl NamedCurve for ark_pallas::PallasConfig {
    const NAME: &'static str = "Pallas";
}

/// A commitment group. Implemented once, for every [`NamedCurve`].
pub trait Curve: CurveGroup<BaseField: BaseField> {
    /// The curve's name in this protocol.
    const NAME: &'static str;
    /// Number of bytes of a point.
    const ENCODED_LEN: usize;
    /// The coefficient of `y^2 = x^3 + b`.
    const B: Self::BaseField;

    /// The coordinates of a point; `(0, 0)`, which is on none of these curves, for the identity.
    fn coordinates(point: &Self::Affine) -> (Self::BaseField, Self::BaseField);

    /// The same, where they lie.
    fn coordinates_ref(point: &Self::Affine) -> (&Self::BaseField, &Self::BaseField);

    /// The point with these coordinates, which must be on the curve, or `(0, 0)`.
    fn from_coordinates(x: Self::BaseField, y: Self::BaseField) -> Self::Affine;

    /// The canonical compressed encoding of a point: [`Self::ENCODED_LEN`] bytes.
    fn encode(point: &Self::Affine) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::ENCODED_LEN);
        Self::encode_into(point, &mut bytes);
        bytes
    }

    /// Appends the encoding of a point.
    fn encode_into(point: &Self::Affine, bytes: &mut Vec<u8>);

    /// The point with this encoding. `None` unless the bytes are the one canonical encoding of a
    /// point on the curve and in the subgroup of prime order; the identity is allowed.
    fn decode(bytes: &[u8]) -> Option<Self::Affine> {
        transcript::decode(bytes)
    }
}

impl<P: NamedCurve> Curve for Projective<P> {
    const NAME: &'static str = P::NAME;
    /// The coordinate `x` and the two flags "identity" and "sign of `y`".
    const ENCODED_LEN: usize =
        (<P::BaseField as PrimeField>::MODULUS_BIT_SIZE as usize + 2).div_ceil(8);
    const B: P::BaseField = P::COEFF_B;

    #[inline]
    fn coordinates(point: &Affine<P>) -> (P::BaseField, P::BaseField) {
        (point.x, point.y)
    }

    #[inline]
    fn coordinates_ref(point: &Affine<P>) -> (&P::BaseField, &P::BaseField) {
        (&point.x, &point.y)
    }

    #[inline]
    fn from_coordinates(x: P::BaseField, y: P::BaseField) -> Affine<P> {
        Affine::new_unchecked(x, y)
    }

    fn encode_into(point: &Affine<P>, bytes: &mut Vec<u8>) {
        use ark_serialize::CanonicalSerialize;
        point
            .serialize_compressed(bytes)
            .expect("writing to memory does not fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::G1Projective as Bls;
    use ark_ec::AffineRepr;
    use ark_ff::{BigInteger, UniformRand};
    use ark_pallas::Projective as Pallas;
    use ark_std::test_rng;
    use rand::RngCore;

    fn round_trip<C: Curve>() {
        let rng = &mut test_rng();
        let identity = C::Affine::zero();
        assert_eq!(C::coordinates(&identity), Default::default());
        for point in [identity, C::generator().into(), C::rand(rng).into()] {
            let bytes = C::encode(&point);
            assert_eq!(bytes.len(), C::ENCODED_LEN);
            assert_eq!(C::decode(&bytes), Some(point));
            let (x, y) = C::coordinates(&point);
            assert_eq!(C::from_coordinates(x, y), point);
            assert_eq!(C::decode(&bytes[1..]), None);
            assert_eq!(C::decode(&[&bytes[..], &[0]].concat()), None);
        }
        assert_eq!(C::decode(&[]), None);
    }

    /// Whatever decodes has that encoding and no other; flipping any bit of the identity's
    /// encoding, or of the highest bytes of a point's, never gives a second one.
    fn canonical<C: Curve>() {
        let rng = &mut test_rng();
        for point in [C::Affine::zero(), C::rand(rng).into()] {
            let bytes = C::encode(&point);
            for bit in 0..8 * bytes.len() {
                let mut other = bytes.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                if let Some(decoded) = C::decode(&other) {
                    assert_ne!(decoded, point);
                    assert!(!decoded.is_zero());
                    assert_eq!(C::encode(&decoded), other);
                }
            }
        }
        for _ in 0..200 {
            let mut bytes = vec![0; C::ENCODED_LEN];
            rng.fill_bytes(&mut bytes);
            if let Some(decoded) = C::decode(&bytes) {
                assert_eq!(C::encode(&decoded), bytes);
            }
        }
    }

    #[test]
    fn points_have_one_encoding() {
        round_trip::<Bls>();
        round_trip::<Pallas>();
        canonical::<Bls>();
        canonical::<Pallas>();
    }

    #[test]
    fn coordinates_above_the_modulus_are_refused() {
        // Generators with the modulus added to `x`: BLS12-381 is big-endian with three flag bits
        // on top, Pallas little-endian with its flags in a byte of their own.
        let x = ark_bls12_381::Fq::MODULUS.to_bytes_be();
        let mut bls = x.clone();
        bls[0] |= 0x80;
        assert_eq!(Bls::decode(&bls), None); // x = p
        let zero_x = [&[0x80][..], &[0; 47]].concat();
        assert_eq!(Bls::decode(&zero_x), None); // (0, 2) is on the curve, but has order 3
        for flags in [0u8, 0x40] {
            let mut pallas = ark_pallas::Fq::MODULUS.to_bytes_le();
            pallas.push(flags);
            assert_eq!(Pallas::decode(&pallas), None);
        }
    }

    #[test]
    fn points_outside_the_subgroup_are_refused() {
        let rng = &mut test_rng();
        let mut seen = 0;
        while seen < 4 {
            let x = ark_bls12_381::Fq::rand(rng);
            if let Some(point) = ark_bls12_381::G1Affine::get_point_from_x_unchecked(x, true) {
                assert_eq!(Bls::decode(&Bls::encode(&point)), None);
                seen += 1;
            }
        }
    }
}
