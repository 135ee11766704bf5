//! The tree as indented text.
use super::{Entry, Picture, number, short, visible};
use crate::{commit::Curve, poly::WideField, tree::Tree};
use std::fmt;

/// One line a root or node, children indented below their parent.
impl<C: Curve<ScalarField: WideField>> fmt::Display for Tree<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Picture::of(self, &|_| None).text())
    }
}

/// Below this level lines are not indented further, but begin with their level: text is in proportion to
/// the number of nodes, however deep somebody's tree is.
const DEEPEST_INDENT: usize = 24;

impl Picture {
    /// One line a root or node, children indented below their parent.
    pub fn text(&self) -> String {
        let children = self.children();
        let last = |k: usize, above: usize| {
            let siblings = children.get(above);
            siblings.and_then(|siblings| siblings.last()) == Some(&k)
        };
        let mut text = String::new();
        // What stands to the left of the children of each node on the way to this one.
        let mut indents: Vec<(usize, String)> = Vec::new();
        for (k, entry) in self.nodes.iter().enumerate() {
            let above = entry.above;
            while indents.last().is_some_and(|(id, _)| Some(*id) != above) {
                indents.pop();
            }
            let outer = indents.last().map_or("", |(_, indent)| indent.as_str());
            let (branch, below) = match above.map(|above| last(k, above)) {
                None => ("", ""),
                Some(true) => ("└── ", "    "),
                Some(false) => ("├── ", "│   "),
            };
            let level = indents.len();
            if level <= DEEPEST_INDENT {
                text += &format!("{outer}{branch}{}\n", entry.line());
                indents.push((k, format!("{outer}{below}")));
            } else {
                text += &format!("{outer}[{level}] {}\n", entry.line());
                indents.push((k, outer.to_owned()));
            }
        }
        text
    }
}

/// The optimiser that goes without saying.
const PLAIN: &str = "sgd";

impl Entry {
    fn line(&self) -> String {
        let id = &self.short;
        let quoted = |title: &str| title.replace('\\', "\\\\").replace('"', "\\\"");
        let title = self.title().map(quoted);
        let title = title.map(|title| format!(" \"{}\"", visible(&title)));
        let title = title.unwrap_or_default();
        let mut line = match &self.trained {
            Some(node) => {
                let mut line = format!(
                    "{id}{title}: {} steps on {} rows of {} by {}",
                    node.steps,
                    node.rows,
                    short(&node.dataset),
                    short(&node.author)
                );
                if node.optimizer != PLAIN {
                    line += &format!(", {}", node.optimizer);
                }
                if let Some(loss) = node.loss {
                    line += &format!(", loss {}", number(loss));
                }
                line
            }
            None => {
                let by = self
                    .author()
                    .map(|key| format!(", imported by {}", short(key)));
                let (network, origin) = (self.network(), self.origin());
                format!(
                    "{id} root{title} {network}, {origin}{}",
                    by.unwrap_or_default()
                )
            }
        };
        match self.verified {
            Some(true) => line += ", verified",
            Some(false) => line += ", NOT VERIFIED",
            None => {}
        }
        line
    }
}
