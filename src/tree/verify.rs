//! Verifying several lineages at once, each edge once.
use super::{
    NodeId, Origin, Tree, TreeError,
    lineage::{self, Lineage},
};
use crate::{commit::Curve, nn::proof, poly::WideField, security::Soundness};
use std::collections::{BTreeMap, BTreeSet};

/// What [`Tree::verdicts`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdicts {
    /// Nodes whose proofs were verified.
    pub verified: Vec<NodeId>,
    /// Nodes whose proofs were known to be verified.
    pub remembered: Vec<NodeId>,
    /// Roots and nodes that fail, and those that descend from them.
    pub refused: BTreeMap<NodeId, TreeError>,
}

impl Verdicts {
    /// The roots and nodes that fail themselves, each with the number of those that are refused because
    /// they descend from it.
    pub fn causes(&self) -> BTreeMap<NodeId, usize> {
        let parents = self.refused.iter();
        causes(
            &parents
                .map(|(id, error)| (*id, error.refused_parent()))
                .collect(),
        )
    }
}

/// Of refused nodes, each with the parent for whose sake it is refused: those without one that is
/// refused, with the number of those that descend from each.
pub(super) fn causes(refused: &BTreeMap<NodeId, Option<NodeId>>) -> BTreeMap<NodeId, usize> {
    let mut children: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let mut causes = BTreeMap::new();
    for (id, parent) in refused {
        match parent.filter(|parent| refused.contains_key(parent)) {
            Some(parent) => children.entry(parent).or_default().push(*id),
            None => drop(causes.insert(*id, 0)),
        }
    }
    for (cause, count) in &mut causes {
        let mut open = vec![*cause];
        while let Some(id) = open.pop() {
            let below = children.remove(&id).unwrap_or_default();
            *count += below.len();
            open.extend(below);
        }
    }
    causes
}

/// Nodes of lineages in which some edges may fail.
struct Judged {
    /// Those whose proofs were looked at.
    verified: Vec<NodeId>,
    /// Those whose proofs were known.
    remembered: Vec<NodeId>,
    /// Why some of either fail.
    failed: Vec<TreeError>,
}

impl<C: Curve<ScalarField: WideField>> Tree<C> {
    /// Verifies the whole lineage of a node, all group equations together.
    ///
    /// # Errors
    /// [`TreeError`] naming a node that fails and why; [`TreeError::Unknown`].
    pub fn verify_lineage(&self, id: NodeId) -> Result<Lineage, TreeError> {
        self.path(id)?.verify()
    }

    /// Verifies every edge of the tree, each once, all group equations together. Returns how many
    /// edges there are.
    ///
    /// # Errors
    /// [`TreeError`] naming a node that fails and why.
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
    /// [`TreeError`] naming a node that fails and why; [`TreeError::Unknown`].
    pub fn verify(
        &self,
        ids: &[NodeId],
        known: &BTreeSet<NodeId>,
        hear: &mut dyn FnMut(NodeId),
    ) -> Result<Vec<NodeId>, TreeError> {
        let Judged {
            verified, failed, ..
        } = self.judge(ids, known, hear)?;
        failed.into_iter().next().map_or(Ok(verified), Err)
    }

    /// Verifies these lineages as [`verify`](Self::verify) does, and all of them: a node that
    /// fails, and what descends from it, is put aside.
    ///
    /// # Errors
    /// [`TreeError::Unknown`].
    pub fn verdicts(
        &self,
        ids: &[NodeId],
        known: &BTreeSet<NodeId>,
        hear: &mut dyn FnMut(NodeId),
    ) -> Result<Verdicts, TreeError> {
        let Judged {
            mut verified,
            mut remembered,
            failed,
        } = self.judge(ids, known, hear)?;
        let needed = self.lineages(ids)?;
        let mut refused = BTreeMap::new();
        for error in failed {
            // Every error of one edge names it.
            let Some(id) = error.node() else {
                return Err(error);
            };
            refused.entry(id).or_insert(error);
        }
        self.refuse_descendants(&mut refused, &needed);
        verified.retain(|id| !refused.contains_key(id));
        remembered.retain(|id| !refused.contains_key(id));
        Ok(Verdicts {
            verified,
            remembered,
            refused,
        })
    }

    /// Refuses what descends from what is refused, of the nodes that are needed.
    pub(super) fn refuse_descendants(
        &self,
        refused: &mut BTreeMap<NodeId, TreeError>,
        needed: &BTreeSet<NodeId>,
    ) {
        let mut above: Vec<NodeId> = refused.keys().copied().collect();
        while let Some(parent) = above.pop() {
            for child in self
                .children(parent)
                .iter()
                .filter(|id| needed.contains(id))
            {
                // The reason that counts is the ancestor's.
                let (node, above_it) = (self.name(*child), self.name(parent));
                let error = TreeError::RefusedParent {
                    node,
                    parent: Box::new(above_it),
                };
                match refused.insert(*child, error) {
                    Some(TreeError::RefusedParent { .. }) => {}
                    _ => above.push(*child),
                }
            }
        }
    }

    /// Verifies each edge of these lineages once, and none below one that fails before group
    /// equations are looked at.
    fn judge(
        &self,
        ids: &[NodeId],
        known: &BTreeSet<NodeId>,
        hear: &mut dyn FnMut(NodeId),
    ) -> Result<Judged, TreeError> {
        let needed = self.lineages(ids)?;
        let mut batch = lineage::Batch::new();
        let (mut verified, mut remembered, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let mut open = Vec::new();
        let roots = self.roots.iter().filter(|id| needed.contains(id));
        for root in roots.filter_map(|id| self.root(*id)) {
            match Origin::verify_root(root, &mut batch) {
                Ok(origin) => open.push(origin),
                Err(error) => failed.push(error),
            }
        }
        while let Some(origin) = open.pop() {
            let children = self.children(origin.id()).iter();
            for child in children.filter(|id| needed.contains(id)) {
                let Some((node, edge)) = self.trained(*child) else {
                    continue;
                };
                let next = if known.contains(child) {
                    remembered.push(*child);
                    origin.step(node, edge).map(|(next, _)| next)
                } else {
                    verified.push(*child);
                    origin.verify_edge(node, edge, &mut batch)
                };
                match next {
                    Ok(next) => open.push(next),
                    Err(error) => failed.push(error),
                }
                hear(*child);
            }
        }
        failed.extend(batch.failures());
        let named = |error: TreeError| error.with_digits(|id| self.digits(id));
        Ok(Judged {
            verified,
            remembered,
            failed: failed.into_iter().map(named).collect(),
        })
    }

    /// The nodes that verifying these lineages verifies, roots left out.
    ///
    /// # Errors
    /// [`TreeError::Unknown`].
    pub fn edges_of(&self, ids: &[NodeId]) -> Result<usize, TreeError> {
        let needed = self.lineages(ids)?;
        Ok(needed.iter().filter(|id| self.node(**id).is_some()).count())
    }

    /// The soundness of these lineages: the proofs of all their edges, and of the ranges of their
    /// data and of imported weights, each once. Looks at no proof but for its length: a lineage with an
    /// edge that is out of proportion to it is refused.
    ///
    /// # Errors
    /// [`TreeError::Unknown`]; [`TreeError`] naming a node that fails before its proof is looked at.
    pub fn soundness(&self, ids: &[NodeId]) -> Result<Soundness, TreeError> {
        let needed = self.lineages(ids)?;
        let mut soundness = Soundness::new::<C>();
        let mut data = BTreeSet::new();
        let mut open = Vec::new();
        let roots = self.roots.iter().filter(|id| needed.contains(id));
        for root in roots.filter_map(|id| self.root(*id)) {
            soundness.extend(&root.soundness::<C>()?);
            open.push(Origin::root(root)?);
        }
        while let Some(origin) = open.pop() {
            let children = self.children(origin.id()).iter();
            for child in children.filter(|id| needed.contains(id)) {
                let Some((node, edge)) = self.trained(*child) else {
                    continue;
                };
                let (next, statement) = origin.step(node, edge)?;
                let label = || node.label_of(next.id());
                let training = statement
                    .check_length(&edge.proof)
                    .and_then(|()| statement.soundness())
                    .map_err(|source| TreeError::Training {
                        node: label(),
                        source,
                    })?;
                soundness.extend(&training);
                let bits = node.parameters.fixed_point.data_range_bits();
                let hiding = node.parameters.hiding;
                let [_, range] = edge.proof_hashes();
                if data.insert((edge.dataset.root(), bits, hiding, range)) {
                    let range = proof::dataset_soundness(&edge.dataset, bits, hiding);
                    soundness.extend(&range.map_err(|source| TreeError::Data {
                        node: label(),
                        source,
                    })?);
                }
                open.push(next);
            }
        }
        Ok(soundness)
    }

    /// All that is on a path from a root to one of these.
    pub(super) fn lineages(&self, ids: &[NodeId]) -> Result<BTreeSet<NodeId>, TreeError> {
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
