//! The tree of models: who trained what from what, and the proofs of it.
//!
//! A [`Root`] is a network that anyone expands from a public seed, or one of unknown origin that its
//! importer signed. Every other [`Node`] names its parent, commits to its weights and comes with an [`Edge`], the proof that training the parent
//! on the committed data gives them. A lineage is a path from a root to a node; siblings share a
//! prefix of theirs.
//!
//! **Identity.** A node's *pre-id* hashes everything that it says of itself; the proof is bound to
//! it, so that no field can be changed behind the author's back, the author's key least of all.
//! Its *id* hashes pre-id and proof. A child names its parent by id. All ids are computed here and
//! never believed. The author signs the id.
//!
//! **Verification.** [`Tree::verify`] builds the statement of each edge itself, from the
//! parent's commitment and the node's own fields, and follows the bound on weights from the root.
//! Nothing but the proof is taken from the proof.
//!
//! **What is public.** Everything in [`Root`], [`Node`] and [`Edge`]: architecture, number
//! formats, normalisation statistics, sizes of data sets, batch size, rate, steps, titles. Weights
//! and data are hidden by proofs with [`hiding`](crate::nn::TrainingParameters::hiding). Who
//! trains on from a node needs its [`WeightOpening`](crate::nn::WeightOpening); whoever holds the
//! weights of parent and child knows the sum of the gradients between them.
//!
//! This module composes statements of [`nn`](crate::nn) and knows no protocol.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod author;
#[cfg(test)]
pub(crate) mod cheats;
mod credit;
mod draft;
mod edge;
mod error;
mod identity;
mod inference;
mod labels;
mod lineage;
mod node;
mod policy;
pub mod render;
mod root;
pub mod store;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
mod verify;

pub use author::{AuthorKey, AuthorSecret, KeyError, Signature};
pub use credit::{RowError, RowProof};
pub use draft::{Child, Draft, ProvenDataset};
pub use edge::Edge;
pub use error::TreeError;
pub use inference::{Inference, InferenceError, LabelledRows, Said};
pub use labels::{Labels, Loss};
pub use lineage::{Lineage, Origin, Path};
pub use node::{DatasetName, Node, NodeId, NodeLabel};
pub use render::Picture;
pub use root::{Imported, Root, RootWeights};
pub use verify::Verdicts;

use crate::{commit::Curve, poly::WideField};
use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

/// Roots and all that was trained from them, in memory.
#[derive(Debug, Clone)]
pub struct Tree<C: Curve> {
    entries: BTreeMap<NodeId, Entry<C>>,
    /// In the order in which they were added.
    roots: Vec<NodeId>,
}

#[derive(Debug, Clone)]
struct Entry<C: Curve> {
    origin: Source<C>,
    /// In the order in which they were added.
    children: Vec<NodeId>,
}

#[derive(Debug, Clone)]
enum Source<C: Curve> {
    Root(Box<Root>),
    Trained(Box<(Node<C>, Edge<C>)>),
}

impl<C: Curve> Default for Tree<C> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            roots: Vec::new(),
        }
    }
}

impl<C: Curve<ScalarField: WideField>> Tree<C> {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a root; returns its id. The signature of one with imported weights is checked, their range
    /// is not verified.
    ///
    /// # Errors
    /// [`TreeError::Signature`]; [`TreeError::Duplicate`]; [`TreeError::Imported`] if imported weights
    /// are of another curve, or no commitment.
    pub fn add_root(&mut self, root: Root) -> Result<NodeId, TreeError> {
        let id = root.check_signature()?;
        let _ = root.commitment::<C>()?;
        self.insert(id, Source::Root(Box::new(root)))?;
        self.roots.push(id);
        Ok(id)
    }

    /// Adds a node and the edge to its parent; returns its id. The author's signature is checked;
    /// proofs are not, so that a tree can be copied first and verified then.
    ///
    /// # Errors
    /// [`TreeError::Label`], [`TreeError::Signature`], [`TreeError::Duplicate`],
    /// [`TreeError::UnknownParent`].
    pub fn add_node(&mut self, node: Node<C>, edge: Edge<C>) -> Result<NodeId, TreeError> {
        node.labels.check()?;
        let named = |error: TreeError| error.with_digits(|id| self.digits(id));
        let (id, parent) = (node.check_signature(&edge).map_err(named)?, node.parent);
        if !self.contains(parent) {
            let node = node.label(&edge);
            return Err(named(TreeError::UnknownParent { node, parent }));
        }
        self.insert(id, Source::Trained(Box::new((node, edge))))?;
        if let Some(parent) = self.entries.get_mut(&parent) {
            parent.children.push(id);
        }
        Ok(id)
    }

    fn insert(&mut self, id: NodeId, origin: Source<C>) -> Result<(), TreeError> {
        let children = Vec::new();
        match self.entries.entry(id) {
            std::collections::btree_map::Entry::Occupied(_) => Err(TreeError::Duplicate { id }),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Entry { origin, children });
                Ok(())
            }
        }
    }

    /// The roots, in the order in which they were added.
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// The children of a root or node, in the order in which they were added; none if it is
    /// unknown.
    pub fn children(&self, id: NodeId) -> &[NodeId] {
        self.entries.get(&id).map_or(&[], |entry| &entry.children)
    }

    /// The ids of all roots and nodes, in their own order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.entries.keys().copied()
    }

    /// Whether there is a root or node of this id.
    pub fn contains(&self, id: NodeId) -> bool {
        self.entries.contains_key(&id)
    }

    /// The beginning of an id that no other root or node has: 12 hexadecimal digits, or as many as it
    /// takes.
    pub fn short(&self, id: NodeId) -> String {
        id.abbreviated(self.digits(id))
    }

    /// How errors and lists name a root or node, its id as [`short`](Self::short) as can be.
    pub fn name(&self, id: NodeId) -> NodeLabel {
        let title = match (self.root(id), self.node(id)) {
            (Some(root), _) => root.label().title,
            (_, Some(node)) => node.labels.title.clone(),
            _ => None,
        };
        let mut label = NodeLabel::new(id, title);
        label.set_digits(self.digits(id));
        label
    }

    /// How many digits tell an id from those that are here. In their order, its neighbours have most in
    /// common with it.
    fn digits(&self, id: NodeId) -> usize {
        let before = self.entries.range(..id).next_back();
        let after = self.entries.range((Excluded(id), Unbounded)).next();
        let neighbours = before.into_iter().chain(after);
        let digits = neighbours.map(|(other, _)| id.digits_beside(other));
        digits.max().unwrap_or(node::DIGITS)
    }

    /// Number of roots and nodes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing in the tree.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The root of this id, if it is one.
    pub fn root(&self, id: NodeId) -> Option<&Root> {
        match &self.entries.get(&id)?.origin {
            Source::Root(root) => Some(root),
            Source::Trained(_) => None,
        }
    }

    /// The node of this id, if it is one.
    pub fn node(&self, id: NodeId) -> Option<&Node<C>> {
        self.trained(id).map(|(node, _)| node)
    }

    /// The edge that leads to this node.
    pub fn edge(&self, id: NodeId) -> Option<&Edge<C>> {
        self.trained(id).map(|(_, edge)| edge)
    }

    fn trained(&self, id: NodeId) -> Option<&(Node<C>, Edge<C>)> {
        match &self.entries.get(&id)?.origin {
            Source::Root(_) => None,
            Source::Trained(both) => Some(both),
        }
    }

    /// The way from the root down to a root or node.
    ///
    /// # Errors
    /// [`TreeError::Unknown`].
    pub fn path(&self, id: NodeId) -> Result<Path<'_, C>, TreeError> {
        let mut edges = Vec::new();
        let mut at = id;
        // Ends: parents are added before their children, whose ids hash theirs.
        while let Some((node, edge)) = self.trained(at) {
            edges.push((node, edge));
            at = node.parent;
        }
        let root = self.root(at).ok_or(TreeError::Unknown { id: at })?;
        edges.reverse();
        Ok(Path::new(root, edges))
    }
}
