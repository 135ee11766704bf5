//! Initial weights from a public seed.
//!
//! A root has no author to trust: anyone expands its weights from a 64-bit seed. The key of all
//! draws is `SHA-256("zktree/v1/init" || seed)`, the seed as 8 little-endian bytes. The weights of
//! layer `l` (from 0) are drawn from the ChaCha20 keystream with that key, 64-bit nonce `l` and
//! 64-bit block counter from 0, in row-major order (output unit fastest). With
//! `bound = isqrt(floor(6 * 2^(2w) / fan_in))` each is uniform in `-bound..=bound` (He's uniform
//! initialisation): the next little-endian `u64` below the largest multiple of `n = 2 bound + 1`
//! not above `2^64`, modulo `n`, minus `bound`. Biases are zero and take no draws.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::num::NonZeroU64;

use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use super::{
    fixed::FixedPoint,
    network::{Architecture, Layer, Weights},
    uniform,
};
use crate::poly::parallel;

/// Domain separator of the key.
const DOMAIN: &[u8] = b"zktree/v1/init";

/// The weights of the root with this seed.
pub fn expand(seed: u64, architecture: &Architecture, fixed: &FixedPoint) -> Weights {
    let layer = |layer| {
        let weight = LayerStream::new(seed, architecture, fixed, layer).collect();
        Layer::new(weight, vec![0; architecture.outputs(layer)])
    };
    let layers = parallel::map(architecture.num_layers(), parallel::GRAIN, layer);
    Weights::with_shapes_of(architecture, layers)
}

/// Equation 14, the largest magnitude of an initial weight: `isqrt(floor(6 * 2^(2w) / fan_in))`. A `fan_in` of 0
/// counts as 1.
pub fn bound(fan_in: usize, fixed: &FixedPoint) -> i64 {
    let square = (6_u128 << (2 * fixed.weight_bits())) / (fan_in.max(1) as u128);
    // At most 2^60 * sqrt(6), by the limit on weight bits.
    square.isqrt() as i64
}

/// The initial weights of one layer, in row-major order, output unit fastest; empty if there is
/// no such layer. Nothing is stored, so a verifier can walk a large layer.
#[derive(Clone)]
pub struct LayerStream {
    rng: ChaCha20Rng,
    bound: i64,
    remaining: usize,
}

impl LayerStream {
    /// The stream of layer `layer` (from 0) of the root with this seed.
    pub fn new(seed: u64, architecture: &Architecture, fixed: &FixedPoint, layer: usize) -> Self {
        Self {
            rng: uniform::keystream(key(seed), layer as u64),
            bound: bound(architecture.inputs(layer), fixed),
            remaining: architecture.inputs(layer) * architecture.outputs(layer),
        }
    }
}

impl Iterator for LayerStream {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.remaining = self.remaining.checked_sub(1)?;
        let n = NonZeroU64::MIN.saturating_add(2 * self.bound.unsigned_abs());
        Some(uniform::below(&mut self.rng, n) as i64 - self.bound)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for LayerStream {}

impl std::fmt::Debug for LayerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LayerStream({} left)", self.remaining)
    }
}

fn key(seed: u64) -> [u8; 32] {
    Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(seed.to_le_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use rand_chacha::rand_core::RngCore;

    use super::*;

    #[test]
    fn bounds_are_exact_square_roots() {
        let fixed = FixedPoint::compact();
        assert_eq!(bound(6, &fixed), 1 << 34);
        assert_eq!(bound(24, &fixed), 1 << 33);
        for fan_in in [0, 1, 5, 11, 3072, 1 << 16] {
            let b = u128::from(bound(fan_in, &fixed).unsigned_abs());
            let square = (6 << 68) / (fan_in.max(1) as u128);
            assert!(b * b <= square && square < (b + 1) * (b + 1));
        }
        let mut config = FixedPoint::compact().config().clone();
        (config.weight_bits, config.limbs) = (60, vec![20; 3]);
        assert!(bound(1, &FixedPoint::new(config).unwrap()) > 2 << 60);
    }

    #[test]
    fn expansion_is_the_streams() {
        let fixed = FixedPoint::compact();
        let architecture = Architecture::new(vec![5, 7, 3]).unwrap();
        let weights = expand(42, &architecture, &fixed);
        for (l, layer) in weights.layers().iter().enumerate() {
            let stream = LayerStream::new(42, &architecture, &fixed, l);
            assert_eq!(stream.len(), layer.weight().len());
            assert_eq!(stream.collect::<Vec<_>>(), layer.weight());
            assert!(layer.bias().iter().all(|&b| b == 0));
            let b = bound(architecture.inputs(l), &fixed);
            assert!(layer.weight().iter().all(|x| (-b..=b).contains(x)));
        }
        assert_eq!(LayerStream::new(42, &architecture, &fixed, 2).count(), 0);
        assert_ne!(weights, expand(43, &architecture, &fixed));
    }

    #[test]
    fn first_draws_by_hand() {
        let fixed = FixedPoint::compact();
        let architecture = Architecture::new(vec![2, 2]).unwrap();
        let digest =
            Sha256::digest([b"zktree/v1/init".as_slice(), &[9, 0, 0, 0, 0, 0, 0, 0]].concat());
        let mut rng = uniform::keystream(digest.into(), 0);
        let b = i128::from(bound(2, &fixed));
        // Rejection is rarer than 2^-28 here, so the plain remainder is what is drawn.
        for x in LayerStream::new(9, &architecture, &fixed, 0) {
            assert_eq!(i128::from(x), i128::from(rng.next_u64()) % (2 * b + 1) - b);
        }
    }
}
