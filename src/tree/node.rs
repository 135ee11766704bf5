//! Roots and nodes, and what their ids are made of.
use super::{Edge, TreeError};
use crate::{
    commit::Curve,
    nn::{
        Architecture, DatasetCommitment, FixedPoint, Normalization, ScheduleSeed,
        TrainingParameters, WeightCommitment, WeightOpening, Weights, encoding::Encoder, init,
        statement::encode_fixed_point,
    },
    poly::WideField,
};
use ark_ff::PrimeField;
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The identity of a root or node: a hash of all that it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub [u8; 32]);

impl NodeId {
    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.short())
    }
}

/// 64 hexadecimal digits.
impl FromStr for NodeId {
    type Err = TreeError;

    fn from_str(text: &str) -> Result<Self, TreeError> {
        let malformed = || TreeError::MalformedId {
            text: text.escape_debug().take(80).collect(),
        };
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
        let digits = digits.filter(|d| d.len() == 64).ok_or_else(malformed)?;
        let mut id = [0; 32];
        for (byte, digits) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digits.iter().fold(0, |b, d| (b << 4) | *d as u8);
        }
        Ok(Self(id))
    }
}

/// The public key of the author of a node. Opaque here: it is bound to the proof, and a signature
/// of the node's id under it is the author's credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorKey(pub [u8; 32]);

/// An untrained network: its weights are the expansion of a public seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    architecture: Architecture,
    fixed_point: FixedPoint,
    normalization: Normalization,
    seed: u64,
}

impl Root {
    /// A root. Its descendants keep architecture, number formats and normalisation.
    ///
    /// # Errors
    /// [`TreeError::NormalizationWidth`] unless the normalisation has a feature for each input of
    /// the network and a target for each output.
    pub fn new(
        architecture: Architecture,
        fixed_point: FixedPoint,
        normalization: Normalization,
        seed: u64,
    ) -> Result<Self, TreeError> {
        let network = (architecture.num_inputs(), architecture.num_outputs());
        let (features, targets) = (normalization.features(), normalization.targets());
        let columns = (features.len(), targets.len());
        if network != columns {
            return Err(TreeError::NormalizationWidth { network, columns });
        }
        Ok(Self {
            architecture,
            fixed_point,
            normalization,
            seed,
        })
    }

    /// Widths of the network and of all its descendants.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Number formats of the network and of all its descendants.
    pub fn fixed_point(&self) -> &FixedPoint {
        &self.fixed_point
    }

    /// How data become the network's inputs and targets.
    pub fn normalization(&self) -> &Normalization {
        &self.normalization
    }

    /// The seed of the weights.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// SHA-256 of the canonical encoding.
    pub fn id(&self) -> NodeId {
        let encoding = Encoder::new("zktree/v1/root")
            .numbers(self.architecture.widths().iter().map(|w| *w as u64))
            .bytes(&encode_fixed_point(&self.fixed_point))
            .bytes(&self.normalization.to_bytes())
            .number(self.seed)
            .finish();
        NodeId(Sha256::digest(encoding).into())
    }

    /// The weights, which anyone can expand.
    pub fn weights(&self) -> Weights {
        init::expand(self.seed, &self.architecture, &self.fixed_point)
    }

    /// The weights as the start of training.
    pub fn opening<F: PrimeField>(&self) -> WeightOpening<F> {
        WeightOpening::public(self.weights())
    }
}

/// What names a data set: the hash of its commitment, and its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetName {
    /// [`DatasetCommitment::root`].
    pub root: [u8; 32],
    /// Number of data rows.
    pub num_rows: usize,
    /// Number of feature columns.
    pub num_features: usize,
    /// Number of target columns.
    pub num_targets: usize,
}

impl DatasetName {
    /// The name of a committed data set.
    pub fn of<C: Curve>(commitment: &DatasetCommitment<C>) -> Self {
        Self {
            root: commitment.root(),
            num_rows: commitment.num_rows(),
            num_features: commitment.num_features(),
            num_targets: commitment.num_targets(),
        }
    }
}

/// What an author writes on a node for others to read. Bound to the proof; claims of the author
/// and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// A name.
    pub title: Option<String>,
    /// The licence of the weights, best as an SPDX expression.
    pub licence: Option<String>,
    /// Anything else.
    pub note: Option<String>,
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
    /// SHA-256 of the canonical encoding of all fields, and of the curve: the identity that the
    /// proof is bound to.
    pub fn pre_id(&self) -> [u8; 32] {
        let p = &self.parameters;
        let start = Encoder::new("zktree/v1/pre-id")
            .string(C::NAME)
            .hash(&self.parent.0)
            .numbers(p.architecture.widths().iter().map(|w| *w as u64))
            .bytes(&encode_fixed_point(&p.fixed_point))
            .hash(&self.weights.digest())
            .hash(&self.dataset.root)
            .count(self.dataset.num_rows)
            .count(self.dataset.num_features)
            .count(self.dataset.num_targets)
            .number(p.rate.coefficient())
            .count(p.batch)
            .number(p.steps)
            .number(p.segment_steps)
            .flag(p.hiding)
            .number(self.nonce)
            .hash(&self.author.0);
        let Labels {
            title,
            licence,
            note,
        } = &self.labels;
        let encoding = [title, licence, note]
            .into_iter()
            .fold(start, |encoder, text| match text {
                Some(text) => encoder.flag(true).string(text),
                None => encoder.flag(false),
            });
        Sha256::digest(encoding.finish()).into()
    }

    /// The identity of the node with its proof.
    pub fn id(&self, edge: &Edge<C>) -> NodeId {
        let encoding = Encoder::new("zktree/v1/node")
            .hash(&self.pre_id())
            .hash(&edge.digest());
        NodeId(Sha256::digest(encoding.finish()).into())
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
        NodeLabel {
            id: self.id(edge),
            title: self.labels.title.clone(),
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
}

impl fmt::Display for NodeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id.short())?;
        match &self.title {
            // Whoever wrote the title must not steer the reader's terminal.
            Some(title) => write!(f, " \"{}\"", title.escape_debug()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
