//! Uniform integers from a keystream.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::num::NonZeroU64;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};

/// ChaCha20 with 20 rounds, a 64-bit block counter from 0 and `stream` as the 64-bit nonce.
pub(super) fn keystream(key: [u8; 32], stream: u64) -> ChaCha20Rng {
    let mut rng = ChaCha20Rng::from_seed(key);
    rng.set_stream(stream);
    rng
}

/// A uniform integer in `0..n`: the next little-endian `u64` that is below the largest multiple
/// of `n` not above `2^64`, reduced modulo `n`.
pub(super) fn below(rng: &mut ChaCha20Rng, n: NonZeroU64) -> u64 {
    let excess = (u64::MAX % n + 1) % n; // 2^64 mod n
    loop {
        let draw = rng.next_u64();
        if draw <= u64::MAX - excess {
            return draw % n;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_little_endian_words_of_the_keystream() {
        let mut bytes = [0; 64];
        keystream([7; 32], 3).fill_bytes(&mut bytes);
        let mut rng = keystream([7; 32], 3);
        for word in bytes.chunks_exact(8) {
            let expected = u64::from_le_bytes(word.try_into().unwrap());
            assert_eq!(
                below(&mut rng, NonZeroU64::new(1 << 63).unwrap()),
                expected % (1 << 63)
            );
        }
    }

    /// RFC 8439, A.1, test vector 1: zero key, zero nonce, block counter 0.
    #[test]
    fn keystream_is_chacha20() {
        let mut bytes = [0; 8];
        keystream([0; 32], 0).fill_bytes(&mut bytes);
        assert_eq!(bytes, [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
    }

    #[test]
    fn rejects_the_incomplete_last_interval() {
        // With n just above 2^63 about half of all draws are rejected.
        let n = NonZeroU64::new((1 << 63) + 1).unwrap();
        let (mut rng, mut reference) = (keystream([1; 32], 0), keystream([1; 32], 0));
        for _ in 0..100 {
            let expected = loop {
                let draw = reference.next_u64();
                if draw < n.get() {
                    break draw;
                }
            };
            assert_eq!(below(&mut rng, n), expected);
        }
        assert_eq!(below(&mut rng, NonZeroU64::MIN), 0);
    }
}
