//! The proof that comes with a node.
use crate::{
    commit::Curve,
    nn::{DatasetCommitment, TrainingProof, encoding::Encoder},
};
use sha2::{Digest, Sha256};

/// All that a verifier needs to go from a parent to a child, beside the two nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge<C: Curve> {
    /// The proof of training.
    pub proof: TrainingProof,
    /// The commitment to the data; the node names its hash.
    pub dataset: DatasetCommitment<C>,
    /// The proof that the data are in their range.
    pub data_proof: Vec<u8>,
}

impl<C: Curve> Edge<C> {
    /// SHA-256 of both proofs. The commitment to the data is in the node's pre-id.
    pub fn digest(&self) -> [u8; 32] {
        let kind = Encoder::new("zktree/v1/edge").finish();
        let mut hash = Sha256::new_with_prefix(kind);
        for proof in [&self.proof.0, &self.data_proof] {
            hash.update((proof.len() as u64).to_le_bytes());
            hash.update(proof);
        }
        hash.finalize().into()
    }

    /// Bytes of both proofs and of the commitment to the data.
    pub fn encoded_len(&self) -> usize {
        self.proof.0.len() + self.data_proof.len() + self.dataset.num_rows() * C::ENCODED_LEN
    }
}
