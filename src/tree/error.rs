//! Why a tree is not what it claims.
use super::{AuthorKey, NodeId, NodeLabel};
use crate::{
    error::{ConfigError, ProveError, VerifyError},
    nn::Architecture,
    text::quoted,
};
use thiserror::Error;

/// What is wrong with a tree, at which node.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TreeError {
    /// No root or node has this id.
    #[error("node {id} is not in the tree")]
    Unknown {
        /// The id.
        id: NodeId,
    },
    /// Text that is no id.
    #[error("{} is not an id; ids are 64 hexadecimal digits", quoted(.text))]
    MalformedId {
        /// The text.
        text: String,
    },
    /// Text that is no author's key.
    #[error("{} is not an author's key; keys are 64 hexadecimal digits", quoted(.text))]
    MalformedKey {
        /// The text.
        text: String,
    },
    /// A title, licence, note or loss that no node can have.
    #[error("the {label} is not acceptable: {reason}")]
    Label {
        /// Which.
        label: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A node that its author did not sign.
    #[error(
        "node {node}: the signature is not its author's ({}): it or the node was altered",
        .author.short()
    )]
    Signature {
        /// The node.
        node: NodeLabel,
        /// The author that it names.
        author: AuthorKey,
    },
    /// A node or imported root that is not by those whose word counts.
    #[error("node {node}: it is by {author}, who is not among the authors asked for")]
    OtherAuthor {
        /// The node.
        node: NodeLabel,
        /// Who signed it.
        author: AuthorKey,
    },
    /// The tree has this root or node already.
    #[error("node {id} is in the tree already")]
    Duplicate {
        /// Its id.
        id: NodeId,
    },
    /// A node was added before its parent.
    #[error("node {node}: its parent {parent} is not in the tree")]
    UnknownParent {
        /// The node.
        node: NodeLabel,
        /// The parent that it names.
        parent: NodeId,
    },
    /// A node whose parent does not verify.
    #[error("node {node}: it descends from {parent}, which does not verify")]
    RefusedParent {
        /// The node.
        node: NodeLabel,
        /// Its parent.
        parent: Box<NodeLabel>,
    },
    /// In a path, a node that names another parent than the one before it.
    #[error("node {node}: it names the parent {}, but follows {}", .named.apart(.above)[0], .above.apart(.named)[0])]
    WrongParent {
        /// The node.
        node: NodeLabel,
        /// The parent that it names.
        named: NodeId,
        /// The id, recomputed, of the one above it.
        above: Box<NodeId>,
    },
    /// A root whose normalisation does not fit its network.
    #[error(
        "the network has {} inputs and {} outputs; the normalization has {} features and {} targets",
        .network.0, .network.1, .columns.0, .columns.1
    )]
    NormalizationWidth {
        /// Inputs and outputs.
        network: (usize, usize),
        /// Features and targets.
        columns: (usize, usize),
    },
    /// A root for data of another kind than its network is trained on.
    #[error(transparent)]
    Kind(ConfigError),
    /// A node of another architecture than its root.
    #[error("node {node}: its architecture is {found}, its root's {expected}")]
    OtherArchitecture {
        /// The node.
        node: NodeLabel,
        /// The root's.
        expected: Architecture,
        /// The node's.
        found: Architecture,
    },
    /// A node of other number formats than its root.
    #[error("node {node}: its fixed-point configuration is not its root's")]
    OtherFixedPoint {
        /// The node.
        node: NodeLabel,
    },
    /// An edge with a commitment to other data than the node names.
    #[error("node {node}: the data set of its proof is not the one that it names")]
    OtherDataset {
        /// The node.
        node: NodeLabel,
    },
    /// The proof of training does not prove what the node claims.
    #[error("node {node}: training is not proven: {source}")]
    Training {
        /// The node.
        node: NodeLabel,
        /// Where and why.
        #[source]
        source: VerifyError,
    },
    /// The range of the data is not proven.
    #[error("node {node}: the range of its data is not proven: {source}")]
    Data {
        /// The node.
        node: NodeLabel,
        /// Where and why.
        #[source]
        source: VerifyError,
    },
    /// Imported weights whose range is not proven.
    #[error("root {node}: its imported weights: {source}")]
    Imported {
        /// The root.
        node: NodeLabel,
        /// Why.
        #[source]
        source: VerifyError,
    },
    /// Weights that cannot be imported.
    #[error("the weights cannot be imported: {source}")]
    NotImported {
        /// Why.
        #[source]
        source: ProveError,
    },
    /// A child could not be trained or proven.
    #[error("no child of {parent} was made: {source}")]
    NotProven {
        /// The parent.
        parent: NodeId,
        /// Why.
        #[source]
        source: ProveError,
    },
}

impl TreeError {
    /// The node that does not verify, if that is what is wrong.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::UnknownParent { node, .. }
            | Self::RefusedParent { node, .. }
            | Self::WrongParent { node, .. }
            | Self::OtherArchitecture { node, .. }
            | Self::OtherFixedPoint { node }
            | Self::OtherDataset { node }
            | Self::Signature { node, .. }
            | Self::OtherAuthor { node, .. }
            | Self::Training { node, .. }
            | Self::Imported { node, .. }
            | Self::Data { node, .. } => Some(node.id),
            _ => None,
        }
    }

    /// The node whose child this is, if it is refused for its parent's sake.
    pub fn refused_parent(&self) -> Option<NodeId> {
        match self {
            Self::RefusedParent { parent, .. } => Some(parent.id),
            _ => None,
        }
    }

    /// The same, its nodes named with as many digits as this says.
    pub(super) fn with_digits(mut self, digits: impl Fn(NodeId) -> usize) -> Self {
        let set = |label: &mut NodeLabel| label.set_digits(digits(label.id));
        match &mut self {
            Self::RefusedParent { node, parent } => {
                set(node);
                set(parent);
            }
            Self::UnknownParent { node, .. }
            | Self::WrongParent { node, .. }
            | Self::OtherArchitecture { node, .. }
            | Self::OtherFixedPoint { node }
            | Self::OtherDataset { node }
            | Self::Signature { node, .. }
            | Self::OtherAuthor { node, .. }
            | Self::Training { node, .. }
            | Self::Imported { node, .. }
            | Self::Data { node, .. } => set(node),
            _ => {}
        }
        self
    }
}
