//! Which rows make which batch, from public randomness.
//!
//! The seed hashes parent, dataset, author and a nonce: an order of the data cannot be chosen, but
//! an author can try many and keep one. Epoch `e` is the permutation of `0..N` that a Fisher-Yates
//! shuffle makes of the identity: for `i` from `N - 1` down to 1 swap entries `i` and `j`, with `j`
//! uniform in `0..=i` from the ChaCha20 keystream with the seed as key, 64-bit nonce `e` and 64-bit
//! block counter from 0: the next little-endian `u64` below the largest multiple of `i + 1` not
//! above `2^64`, modulo `i + 1`. The permutation is cut into `floor(N / B)` batches; the remainder
//! is dropped.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::uniform;
use crate::error::ConfigError;

/// Domain separator of the seed.
const DOMAIN: &[u8] = b"zktree/v1/schedule";

/// The 32 bytes that fix the order of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSeed(pub [u8; 32]);

impl ScheduleSeed {
    /// `SHA-256("zktree/v1/schedule" || parent || dataset || author || nonce)`, the nonce as 8
    /// little-endian bytes: parent's id, dataset's commitment, author's public key.
    pub fn derive(parent: &[u8; 32], dataset: &[u8; 32], author: &[u8; 32], nonce: u64) -> Self {
        let hash = Sha256::new()
            .chain_update(DOMAIN)
            .chain_update(parent)
            .chain_update(dataset)
            .chain_update(author)
            .chain_update(nonce.to_le_bytes());
        Self(hash.finalize().into())
    }
}

/// The batches of all steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    seed: ScheduleSeed,
    num_rows: usize,
    batch: usize,
}

impl Schedule {
    /// The schedule of `num_rows` rows in batches of `batch`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::EmptyBatch`] and [`ConfigError::BatchExceedsRows`].
    pub fn new(seed: ScheduleSeed, num_rows: usize, batch: usize) -> Result<Self, ConfigError> {
        if batch == 0 {
            return Err(ConfigError::EmptyBatch);
        }
        if batch > num_rows {
            return Err(ConfigError::BatchExceedsRows {
                batch,
                rows: num_rows,
            });
        }
        Ok(Self {
            seed,
            num_rows,
            batch,
        })
    }

    /// The seed.
    pub fn seed(&self) -> ScheduleSeed {
        self.seed
    }

    /// `N`, the number of rows.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// `B`, the number of samples in a batch.
    pub fn batch_size(&self) -> usize {
        self.batch
    }

    /// `floor(N / B)`, at least 1.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.num_rows / self.batch) as u64
    }

    /// The rows of step `step` (from 0), in order. Shuffles a whole epoch: for several steps use
    /// [`Schedule::batches`].
    pub fn batch(&self, step: u64) -> Vec<usize> {
        let epoch = self.epoch(step / self.steps_per_epoch());
        self.cut(&epoch, step).to_vec()
    }

    /// The rows of `count` steps from `first_step` on; each epoch is shuffled once. Ends
    /// before step `u64::MAX`.
    pub fn batches(&self, first_step: u64, count: u64) -> impl Iterator<Item = Vec<usize>> + '_ {
        let mut shuffled: Option<(u64, Vec<usize>)> = None;
        let end = first_step.saturating_add(count);
        (first_step..end).map(move |step| {
            let index = step / self.steps_per_epoch();
            let (_, epoch) = match shuffled.take() {
                Some((cached, epoch)) if cached == index => shuffled.insert((cached, epoch)),
                _ => shuffled.insert((index, self.epoch(index))),
            };
            self.cut(epoch, step).to_vec()
        })
    }

    /// The permutation of epoch `index`.
    fn epoch(&self, index: u64) -> Vec<usize> {
        let mut rng = uniform::keystream(self.seed.0, index);
        let mut rows: Vec<usize> = (0..self.num_rows).collect();
        for i in (1..self.num_rows).rev() {
            let choices = NonZeroU64::MIN.saturating_add(i as u64);
            rows.swap(i, uniform::below(&mut rng, choices) as usize);
        }
        rows
    }

    /// The batch of `step` in the permutation of its epoch.
    fn cut<'a>(&self, epoch: &'a [usize], step: u64) -> &'a [usize] {
        // Less than N / B, hence a usize.
        let position = (step % self.steps_per_epoch()) as usize;
        epoch
            .chunks_exact(self.batch)
            .nth(position)
            .unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::rand_core::RngCore;

    use super::*;

    fn schedule(num_rows: usize, batch: usize) -> Schedule {
        Schedule::new(ScheduleSeed([5; 32]), num_rows, batch).unwrap()
    }

    #[test]
    fn bad_batches_are_refused() {
        let seed = ScheduleSeed([0; 32]);
        assert_eq!(Schedule::new(seed, 3, 0), Err(ConfigError::EmptyBatch));
        let error = ConfigError::BatchExceedsRows { batch: 4, rows: 3 };
        assert_eq!(Schedule::new(seed, 3, 4), Err(error));
    }

    #[test]
    fn seeds_bind_every_part() {
        let seed = |a: u8, b: u8, c: u8, n| ScheduleSeed::derive(&[a; 32], &[b; 32], &[c; 32], n);
        let bytes = [
            b"zktree/v1/schedule".as_slice(),
            &[1; 32],
            &[2; 32],
            &[3; 32],
            &[4],
            &[0; 7],
        ];
        assert_eq!(
            seed(1, 2, 3, 4).0,
            <[u8; 32]>::from(Sha256::digest(bytes.concat()))
        );
        for other in [
            seed(9, 2, 3, 4),
            seed(1, 9, 3, 4),
            seed(1, 2, 9, 4),
            seed(1, 2, 3, 9),
        ] {
            assert_ne!(seed(1, 2, 3, 4), other);
        }
    }

    #[test]
    fn shuffles_as_written() {
        let mut rng = uniform::keystream([5; 32], 2);
        let mut rows: Vec<usize> = (0..7).collect();
        for i in (1..7).rev() {
            // Rejection is rarer than 2^-60 here.
            rows.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
        }
        // Three batches of two a epoch: epoch 2 is steps 6 to 8.
        for (k, step) in (6..9).enumerate() {
            assert_eq!(schedule(7, 2).batch(step), rows[2 * k..2 * k + 2]);
        }
    }

    #[test]
    fn ends_at_the_last_step() {
        assert_eq!(schedule(1, 1).batches(u64::MAX - 1, 5).count(), 1);
        assert_eq!(schedule(1, 1).batch(u64::MAX), [0]);
    }

    proptest! {
        #[test]
        fn epochs_are_disjoint_batches(num_rows in 1_usize..50, batch in 1_usize..50) {
            prop_assume!(batch <= num_rows);
            let schedule = schedule(num_rows, batch);
            let steps = schedule.steps_per_epoch();
            let mut rows: Vec<usize> = schedule.batches(steps, steps).flatten().collect();
            rows.sort_unstable();
            rows.dedup();
            prop_assert_eq!(rows.len(), num_rows / batch * batch);
            prop_assert!(rows.iter().all(|&row| row < num_rows));
        }

        #[test]
        fn batches_agree_with_batch(first in 0_u64..20, count in 0_u64..20) {
            let schedule = schedule(10, 3);
            let one_by_one: Vec<_> = (first..first + count).map(|t| schedule.batch(t)).collect();
            prop_assert_eq!(schedule.batches(first, count).collect::<Vec<_>>(), one_by_one);
        }
    }
}
