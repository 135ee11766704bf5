//! What a reader asks of a tree beyond proofs: whose word counts.
use super::{AuthorKey, NodeId, Tree, TreeError};
use crate::{commit::Curve, poly::WideField};
use std::collections::{BTreeMap, BTreeSet};

impl<C: Curve<ScalarField: WideField>> Tree<C> {
    /// The author of a node or imported root. Nobody is that of a root that anyone expands.
    pub fn author(&self, id: NodeId) -> Option<AuthorKey> {
        let trained = self.node(id).map(|node| node.author);
        trained.or_else(|| Some(self.root(id)?.imported()?.author()))
    }

    /// Why these lineages are not by these authors alone: nodes and imported roots by others, and what
    /// descends from them.
    ///
    /// # Errors
    /// [`TreeError::Unknown`].
    pub fn by_others(
        &self,
        ids: &[NodeId],
        authors: &BTreeSet<AuthorKey>,
    ) -> Result<BTreeMap<NodeId, TreeError>, TreeError> {
        let needed = self.lineages(ids)?;
        let by_other = |id: &NodeId| {
            let author = self.author(*id).filter(|by| !authors.contains(by))?;
            let node = self.name(*id);
            Some((*id, TreeError::OtherAuthor { node, author }))
        };
        let mut refused: BTreeMap<_, _> = needed.iter().filter_map(by_other).collect();
        self.refuse_descendants(&mut refused, &needed);
        Ok(refused)
    }
}
