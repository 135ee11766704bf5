//! Merging another directory's tree into this one.
use super::{Damage, FORMAT, Problem, Store, StoreError, objects::Entry};
use crate::{
    commit::Curve,
    files::Access,
    poly::WideField,
    tree::{AuthorKey, NodeId, NodeLabel, Tree, TreeError, verify},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use thiserror::Error;

/// A node that was not taken.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A file of it is damaged there.
    #[error("where it comes from, {0}")]
    Damage(#[from] Damage),
    /// It does not verify.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// On what terms [`Store::pull`] takes nodes.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Take the nodes that verify and whose ancestors do, even if others do not; else nothing is taken
    /// if any is refused.
    pub partial: bool,
    /// Nodes whose proofs were verified, which is to be this user's cache: that a node is in a
    /// directory says nothing. The proofs of those that are here and whole are not checked again.
    pub verified: &'a BTreeSet<NodeId>,
    /// The authors that all nodes and imported roots must be by, ancestors too, if it matters.
    pub authors: Option<&'a BTreeSet<AuthorKey>>,
}

/// What [`Store::pull`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct Pull {
    /// Roots and nodes that were taken, parents first. None if one was refused, unless those that
    /// verify were asked for.
    pub taken: Vec<NodeId>,
    /// Nodes that were refused.
    pub refused: BTreeMap<NodeId, Refusal>,
    /// What else is wrong with the other tree: its log, or files that do not belong there. Nothing
    /// that was taken rests on it.
    pub damage: Vec<Damage>,
}

impl Pull {
    /// The roots and nodes that were refused for themselves, each with the number of those that were
    /// because they descend from it.
    pub fn causes(&self) -> BTreeMap<NodeId, usize> {
        let parent = |refusal: &Refusal| match refusal {
            Refusal::Tree(error) => error.refused_parent(),
            Refusal::Damage(_) => None,
        };
        let refused = self.refused.iter();
        verify::causes(&refused.map(|(id, why)| (*id, parent(why))).collect())
    }
}

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// Takes from another tree what this one lacks: roots, and nodes behind a check of their
    /// signatures and proofs, all group equations together. Files that are damaged here are replaced,
    /// and nodes that this tree's log lacks are logged. Private files stay where they are, and so does
    /// the other's log: nodes are logged here in the order in which they come. `hear` is told of each edge, its equations still pending.
    ///
    /// # Errors
    /// [`StoreError::Damage`] if this tree's log is damaged, or the other's has no entries to
    /// read; [`StoreError::Io`].
    pub fn pull(
        &self,
        from: &Self,
        terms: &Terms<'_>,
        hear: &mut dyn FnMut(NodeId),
    ) -> Result<Pull, StoreError> {
        let (theirs, damage) = from.load();
        let (ours, _) = self.load();
        let logged: BTreeSet<NodeId> = self.read_log().log.ids().iter().copied().collect();
        let here: BTreeSet<NodeId> = ours.ids().filter(|id| logged.contains(id)).collect();
        let known: BTreeSet<NodeId> = here.intersection(terms.verified).copied().collect();
        let mut refused = BTreeMap::new();
        let (of_nodes, damage): (Vec<_>, Vec<_>) =
            damage.into_iter().partition(|damage| damage.node.is_some());
        for damage in of_nodes {
            if let Some(id) = damage.node.filter(|id| !here.contains(id)) {
                refuse(&mut refused, id, damage);
            }
        }
        let order = from.order(&theirs);
        let mut new: Vec<NodeId> = order.into_iter().filter(|id| !here.contains(id)).collect();
        if let Some(authors) = terms.authors {
            let others = theirs.by_others(&new, authors)?.into_iter();
            refused.extend(others.map(|(id, error)| (id, error.into())));
        }
        if terms.partial || refused.is_empty() {
            let verdicts = theirs.verdicts(&new, &known, hear)?;
            let failed = verdicts.refused.into_iter();
            refused.extend(failed.map(|(id, error)| (id, error.into())));
        }
        if !terms.partial && !refused.is_empty() {
            return Ok(Pull {
                taken: Vec::new(),
                refused,
                damage,
            });
        }
        new.retain(|id| !refused.contains_key(id));
        let taken = self.take(&theirs, &new)?;
        Ok(Pull {
            taken,
            refused,
            damage,
        })
    }

    /// Adds verified roots and nodes, parents first.
    fn take(&self, theirs: &Tree<C>, new: &[NodeId]) -> Result<Vec<NodeId>, StoreError> {
        if !self.reader().exists(Path::new(FORMAT)) {
            if new.is_empty() {
                return Ok(Vec::new());
            }
            self.make(Access::Public)?;
        }
        let _guard = self.lock()?;
        self.recover()?;
        let log = self.log()?;
        let entry = |id: &NodeId| match (theirs.root(*id), theirs.node(*id), theirs.edge(*id)) {
            (Some(root), ..) => Some(Entry::Root(Box::new(root.clone()))),
            (_, Some(node), Some(edge)) => {
                Some(Entry::Node(Box::new((node.clone(), edge.clone()))))
            }
            _ => None,
        };
        let entries: Vec<Entry<C>> = new.iter().filter_map(entry).collect();
        self.append(log, &entries)?;
        Ok(entries.iter().map(Entry::id).collect())
    }

    /// All of a tree, parents first, as logged where that is possible.
    fn order(&self, tree: &Tree<C>) -> Vec<NodeId> {
        let log = self.read_log().log;
        let all = log.ids().iter().copied().chain(tree.ids());
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for id in all.filter(|id| tree.contains(*id)) {
            let mut path = Vec::new();
            let mut at = Some(id);
            while let Some(id) = at.filter(|id| seen.insert(*id)) {
                path.push(id);
                at = tree.node(id).map(|node| node.parent);
            }
            order.extend(path.into_iter().rev());
        }
        order
    }
}

fn refuse(refused: &mut BTreeMap<NodeId, Refusal>, id: NodeId, damage: Damage) {
    let refusal = match &*damage.problem {
        Problem::Parent { parent } => {
            let [node, parent] = [id, *parent].map(|id| NodeLabel::new(id, None));
            let parent = Box::new(parent);
            TreeError::RefusedParent { node, parent }.into()
        }
        Problem::Tree(error) => error.clone().into(),
        _ => damage.into(),
    };
    refused.insert(id, refusal);
}
