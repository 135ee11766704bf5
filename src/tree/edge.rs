//! The proof that comes with a node, and its author's signature.
use super::Signature;
use crate::{
    commit::Curve,
    nn::{DatasetCommitment, TrainingProof, encoding::Encoder},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// All that a verifier needs to go from a parent to a child, beside the two nodes. What edges have in
/// common is in memory once: a clone is small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge<C: Curve> {
    /// The proof of training.
    pub proof: Arc<TrainingProof>,
    /// The commitment to the data; the node names its hash.
    pub dataset: DatasetCommitment<C>,
    /// The proof that the data are in their range.
    pub data_proof: Arc<Vec<u8>>,
    /// The author's signature of the node's id.
    pub signature: Signature,
}

impl<C: Curve> Edge<C> {
    /// SHA-256 of the hashes of both proofs. The commitment to the data is in the node's pre-id,
    /// and the signature is of what this goes into.
    pub fn digest(&self) -> [u8; 32] {
        Self::digest_of(&self.proof_hashes())
    }

    /// The digest of two proofs with these hashes.
    pub(super) fn digest_of(hashes: &[[u8; 32]; 2]) -> [u8; 32] {
        let [training, data] = hashes;
        let encoder = Encoder::new("zktree/v1/edge").hash(training).hash(data);
        Sha256::digest(encoder.finish()).into()
    }

    /// SHA-256 of the proof of training and of that of the range of data.
    pub fn proof_hashes(&self) -> [[u8; 32]; 2] {
        [&self.proof.0, &*self.data_proof].map(|proof| Sha256::digest(proof).into())
    }

    /// Bytes of both proofs and of the commitment to the data.
    pub fn encoded_len(&self) -> usize {
        self.proof.0.len() + self.data_proof.len() + self.dataset.num_rows() * C::ENCODED_LEN
    }
}
