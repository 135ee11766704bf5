//! Nodes, and what their ids are made of.
use super::{AuthorKey, Edge, Labels, TreeError};
use crate::{
    check::Check,
    commit::Curve,
    nn::{
        DataKind, DatasetCommitment, ScheduleSeed, TrainingParameters, WeightCommitment,
        encoding::Encoder,
    },
    poly::WideField,
    text::quoted,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Digits of an abbreviated id, unless it takes more to tell it from others.
pub(super) const DIGITS: usize = 12;

/// The identity of a root or node: a hash of all that it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(pub [u8; 32]);

impl NodeId {
    /// The id of the node with this pre-id and this [digest](Edge::digest) of its proofs.
    pub(super) fn of(pre_id: &[u8; 32], edge: &[u8; 32]) -> Self {
        let encoder = Encoder::new("zktree/v1/node").hash(pre_id).hash(edge);
        Self(Sha256::digest(encoder.finish()).into())
    }

    /// The id of the root with imported weights of this pre-id, with a proof of their range of this
    /// hash.
    pub(super) fn of_imported(pre_id: &[u8; 32], proof: &[u8; 32]) -> Self {
        let encoder = Encoder::new("zktree/v1/imported-id");
        Self(Sha256::digest(encoder.hash(pre_id).hash(proof).finish()).into())
    }

    /// The first 12 hexadecimal digits, for people. Another id may begin with them: where a tree is at
    /// hand, [`Tree::short`](super::Tree::short) takes as many as tell it from all others.
    pub fn short(&self) -> String {
        self.abbreviated(DIGITS)
    }

    /// The first hexadecimal digits.
    pub(super) fn abbreviated(&self, digits: usize) -> String {
        self.to_string().chars().take(digits).collect()
    }

    /// How many digits it takes to tell it from another id, 12 at least.
    pub(super) fn digits_beside(&self, other: &Self) -> usize {
        let (ours, others) = (self.to_string(), other.to_string());
        let pairs = ours.bytes().zip(others.bytes());
        let common = pairs.take_while(|(a, b)| a == b).count();
        (common + 1).clamp(DIGITS, 64)
    }

    /// This id and another one, abbreviated so that they differ.
    pub(super) fn apart(&self, other: &Self) -> [String; 2] {
        let digits = self.digits_beside(other);
        [self, other].map(|id| id.abbreviated(digits))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.short())
    }
}

impl TryFrom<String> for NodeId {
    type Error = TreeError;

    fn try_from(text: String) -> Result<Self, TreeError> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.to_string()
    }
}

/// 64 hexadecimal digits.
impl FromStr for NodeId {
    type Err = TreeError;

    fn from_str(text: &str) -> Result<Self, TreeError> {
        let mut id = [0; 32];
        match hex::decode_to_slice(text, &mut id) {
            Ok(()) => Ok(Self(id)),
            Err(_) => Err(TreeError::MalformedId {
                text: text.to_owned(),
            }),
        }
    }
}

/// What names a data set: the hash of its commitment, and its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatasetName {
    /// [`DatasetCommitment::root`].
    pub root: [u8; 32],
    /// Number of data rows.
    pub num_rows: usize,
    /// Number of feature columns.
    pub num_features: usize,
    /// What the targets are.
    pub kind: DataKind,
}

impl DatasetName {
    /// The name of a committed data set.
    pub fn of<C: Curve>(commitment: &DatasetCommitment<C>) -> Self {
        Self {
            root: commitment.root(),
            num_rows: commitment.num_rows(),
            num_features: commitment.num_features(),
            kind: commitment.kind(),
        }
    }
}

/// A trained network: its parent, the commitment to its weights, and how it was trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<C: Curve> {
    /// What it was trained from.
    pub parent: NodeId,
    /// How it was trained.
    pub parameters: TrainingParameters,
    /// The commitment to its weights.
    pub weights: WeightCommitment<C>,
    /// What it was trained on.
    pub dataset: DatasetName,
    /// Tells apart runs that are otherwise the same; goes into the order of the data.
    pub nonce: u64,
    /// Who trained it.
    pub author: AuthorKey,
    /// For readers.
    pub labels: Labels,
}

impl<C: Curve<ScalarField: WideField>> Node<C> {
    /// SHA-256 of the canonical encoding: the identity that the proof is bound to.
    pub fn pre_id(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    /// The identity of the node with its proof.
    pub fn id(&self, edge: &Edge<C>) -> NodeId {
        NodeId::of(&self.pre_id(), &edge.digest())
    }

    /// The seed of the order of the data. Parent, data and author are in it, so that a good order
    /// cannot be picked by looking, but by trying nonces.
    pub fn schedule(&self) -> ScheduleSeed {
        ScheduleSeed::derive(
            &self.parent.0,
            &self.dataset.root,
            &self.author.0,
            self.nonce,
        )
    }

    /// How errors and pictures name the node.
    pub fn label(&self, edge: &Edge<C>) -> NodeLabel {
        self.label_of(self.id(edge))
    }

    /// The label, where the id is known.
    pub(super) fn label_of(&self, id: NodeId) -> NodeLabel {
        NodeLabel::new(id, self.labels.title.clone())
    }

    /// Checks that the author signed the id; returns it.
    ///
    /// # Errors
    /// [`TreeError::Signature`].
    pub fn check_signature(&self, edge: &Edge<C>) -> Result<NodeId, TreeError> {
        let id = self.id(edge);
        match self.author.verifies(id, &edge.signature) || !Check::Signature.is_made() {
            true => Ok(id),
            false => Err(TreeError::Signature {
                node: self.label_of(id),
                author: self.author,
            }),
        }
    }
}

/// A node's id and title, for people: `3f0a91c2d4e5 "title"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLabel {
    /// The node.
    pub id: NodeId,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// How many digits of the id are shown.
    digits: usize,
}

impl NodeLabel {
    /// A label with 12 digits of the id; [`Tree::name`](super::Tree::name) makes them more if others
    /// begin with them too.
    pub fn new(id: NodeId, title: Option<String>) -> Self {
        Self {
            id,
            title,
            digits: DIGITS,
        }
    }

    pub(super) fn set_digits(&mut self, digits: usize) {
        self.digits = digits;
    }
}

impl fmt::Display for NodeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id.abbreviated(self.digits))?;
        match &self.title {
            // Whoever wrote the title must not steer the reader's terminal.
            Some(title) => write!(f, " {}", quoted(title)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
