//! Verifying several lineages at once, each edge once.
use super::{
    NodeId, Origin, Tree, TreeError,
    lineage::{self, Lineage},
};
use crate::{commit::Curve, poly::WideField};
use std::collections::{BTreeMap, BTreeSet};

/// What [`Tree::verdicts`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// Nodes whose proofs were verified.
    pub verified: Vec<NodeId>,
    /// Nodes that fail, and those that descend from them.
    pub refused: BTreeMap<NodeId, TreeError>,
}

impl<C: Curve<ScalarField: WideField>> Tree<C> {
    /// Verifies the whole lineage of a node, all group equations together.
    ///
    /// # Errors
    /// [`TreeError`] naming the first node that fails and why; [`TreeError::Unknown`].
    pub fn verify_lineage(&self, id: NodeId) -> Result<Lineage, TreeError> {
        self.path(id)?.verify()
    }

    /// Verifies every edge of the tree, each once, all group equations together. Returns how many
    /// edges there are.
    ///
    /// # Errors
    /// [`TreeError`] naming the first node that fails and why.
    pub fn verify_all(&self) -> Result<usize, TreeError> {
        let ids: Vec<NodeId> = self.ids().collect();
        let verified = self.verify(&ids, &BTreeSet::new(), &mut |_| ());
        Ok(verified?.len())
    }

    /// Verifies the lineages of these roots and nodes, each edge once, all group equations
    /// together. The proofs of edges to `known` nodes were verified before and are passed over;
    /// everything else is checked of them too. That is sound because an id hashes the proofs, the
    /// statement and, through the parent's id, the whole lineage. Returns the nodes whose proofs
    /// were verified; `hear` is told of each edge, its equations still pending.
    ///
    /// # Errors
    /// [`TreeError`] naming the first node that fails and why; [`TreeError::Unknown`].
    pub fn verify(
        &self,
        ids: &[NodeId],
        known: &BTreeSet<NodeId>,
        hear: &mut dyn FnMut(NodeId),
    ) -> Result<Vec<NodeId>, TreeError> {
        let needed = self.lineages(ids)?;
        let mut batch = lineage::Batch::new();
        let mut verified = Vec::new();
        let roots = self.roots.iter().filter(|id| needed.contains(id));
        let mut open: Vec<_> = roots
            .filter_map(|id| self.root(*id))
            .map(Origin::root)
            .collect();
        while let Some(origin) = open.pop() {
            let children = self.children(origin.id()).iter();
            for child in children.filter(|id| needed.contains(id)) {
                let Some((node, edge)) = self.trained(*child) else {
                    continue;
                };
                if known.contains(child) {
                    open.push(origin.step(node, edge)?.0);
                } else {
                    open.push(origin.verify_edge(node, edge, &mut batch)?);
                    verified.push(*child);
                }
                hear(*child);
            }
        }
        batch.check()?;
        Ok(verified)
    }

    /// Verifies these lineages as [`verify`](Self::verify) does. Where a node fails, it and its
    /// descendants are put aside, and the rest is verified again.
    ///
    /// # Errors
    /// [`TreeError::Unknown`].
    pub fn verdicts(
        &self,
        ids: &[NodeId],
        known: &BTreeSet<NodeId>,
        hear: &mut dyn FnMut(NodeId),
    ) -> Result<Verdicts, TreeError> {
        let mut open = self.lineages(ids)?;
        let mut refused = BTreeMap::new();
        loop {
            let rest: Vec<NodeId> = open.iter().copied().collect();
            let error = match self.verify(&rest, known, hear) {
                Ok(verified) => return Ok(Verdicts { verified, refused }),
                Err(error) => error,
            };
            let bad = error.node().filter(|id| open.contains(id));
            let Some(bad) = bad else {
                return Err(error);
            };
            open.remove(&bad);
            refused.insert(bad, error);
            let mut below = vec![bad];
            while let Some(parent) = below.pop() {
                for child in self.children(parent) {
                    if open.remove(child) {
                        below.push(*child);
                        let refused_parent = TreeError::RefusedParent { id: *child, parent };
                        refused.insert(*child, refused_parent);
                    }
                }
            }
        }
    }

    /// The nodes that verifying these lineages verifies, roots left out.
    ///
    /// # Errors
    /// [`TreeError::Unknown`].
    pub fn edges_of(&self, ids: &[NodeId]) -> Result<usize, TreeError> {
        let needed = self.lineages(ids)?;
        Ok(needed.iter().filter(|id| self.node(**id).is_some()).count())
    }

    /// All that is on a path from a root to one of these.
    fn lineages(&self, ids: &[NodeId]) -> Result<BTreeSet<NodeId>, TreeError> {
        let mut needed = BTreeSet::new();
        for id in ids {
            let mut at = *id;
            // Ends: parents are added before their children, whose ids hash theirs.
            while needed.insert(at) {
                match self.node(at) {
                    Some(node) => at = node.parent,
                    None if self.contains(at) => break,
                    None => return Err(TreeError::Unknown { id: at }),
                }
            }
        }
        Ok(needed)
    }
}
