//! The tree as text.
use super::{NodeId, NodeLabel, Tree};
use crate::{commit::Curve, poly::WideField};
use std::fmt;

/// One line a root or node, children indented below their parent.
impl<C: Curve<ScalarField: WideField>> fmt::Display for Tree<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for root in self.roots() {
            if let Some(root) = self.root(*root) {
                let (id, seed) = (root.id().short(), root.seed());
                writeln!(f, "{id} root {}, seed {seed}", root.architecture())?;
            }
            self.descendants(*root, f)?;
        }
        Ok(())
    }
}

impl<C: Curve<ScalarField: WideField>> Tree<C> {
    /// Depth first and without recursion: nobody limits the depth of a tree.
    fn descendants(&self, root: NodeId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut open: Vec<(NodeId, String, bool)> = Vec::new();
        let push = |open: &mut Vec<_>, parent, indent: &str| {
            let children = self.children(parent).iter().rev().enumerate();
            open.extend(children.map(|(k, child)| (*child, indent.to_owned(), k == 0)));
        };
        push(&mut open, root, "");
        while let Some((id, indent, last)) = open.pop() {
            let (branch, below) = if last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            writeln!(f, "{indent}{branch}{}", self.line(id))?;
            push(&mut open, id, &format!("{indent}{below}"));
        }
        Ok(())
    }

    fn line(&self, id: NodeId) -> String {
        let Some(node) = self.node(id) else {
            return id.short();
        };
        let title = node.labels.title.clone();
        format!(
            "{}: {} steps on {} rows",
            NodeLabel { id, title },
            node.parameters.steps,
            node.dataset.num_rows
        )
    }
}
