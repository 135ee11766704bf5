//! Pictures of a tree: text, JSON, DOT, SVG and a page for a browser.
//!
//! Everything that is shown was said by authors; titles come from strangers. Texts are escaped for
//! the format they go into, and characters that would steer a terminal or reorder a line are shown
//! by their number.
mod dot;
mod html;
mod layout;
mod svg;
mod text;

use super::{NodeId, Tree, TreeError};
pub use crate::text::{spelled, visible};
use crate::{commit::Curve, nn::Architecture, poly::WideField};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be seen of a tree: roots and nodes, each behind its parent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    /// The commitment group.
    pub curve: &'static str,
    /// Roots and nodes, depth first.
    pub nodes: Vec<Entry>,
}

/// A root or node as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The id.
    pub id: String,
    /// Its beginning, which no other root or node of the tree has.
    pub short: String,
    /// The parent's place in [`Picture::nodes`]; none for a root.
    #[serde(skip)]
    pub above: Option<usize>,
    /// The parent's id.
    pub parent: Option<String>,
    /// Widths of the network.
    pub layers: Vec<usize>,
    /// The network in words: widths, and what else there is to say of it.
    pub network: String,
    /// Whether the node was verified; unknown unless somebody looked.
    pub verified: Option<bool>,
    /// The seed of a root whose weights are expanded from one.
    pub seed: Option<u64>,
    /// What there is to say of a root whose weights were trained elsewhere, nobody knows how.
    pub imported: Option<Origin>,
    /// What training made of the parent; none for a root.
    #[serde(flatten)]
    pub trained: Option<Trained>,
}

/// Weights of unknown origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Origin {
    /// Always `unknown`: nothing is proven of how these weights came to be.
    pub origin: &'static str,
    /// Title, by whoever imported them.
    pub title: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// Note.
    pub note: Option<String>,
    /// The loss that the author published; a claim.
    pub loss: Option<f64>,
    /// The public key of whoever imported them.
    pub author: String,
    /// Digest of the commitment to the weights.
    pub weights: String,
    /// Bytes of the commitment and of the proof of the weights' range.
    pub bytes: usize,
}

/// A trained node's own fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trained {
    /// Title.
    pub title: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// Note.
    pub note: Option<String>,
    /// The loss that the author published; a claim.
    pub loss: Option<f64>,
    /// The author's public key.
    pub author: String,
    /// The data set's fingerprint.
    pub dataset: String,
    /// Rows of the data set.
    pub rows: usize,
    /// Number of steps.
    pub steps: u64,
    /// Samples in a batch.
    pub batch: usize,
    /// Learning rate for the mean loss of a batch.
    pub learning_rate: f64,
    /// Momentum and schedule of rates.
    pub optimizer: String,
    /// Whether the proof hides weights and data.
    pub hiding: bool,
    /// Digest of the commitment to the weights.
    pub weights: String,
    /// Bytes of the edge.
    pub edge_bytes: usize,
}

impl Picture {
    /// The whole tree. `verified` says what is known of a node.
    pub fn of<C: Curve<ScalarField: WideField>>(
        tree: &Tree<C>,
        verified: &dyn Fn(NodeId) -> Option<bool>,
    ) -> Self {
        let mut picture = Self {
            curve: C::NAME,
            nodes: Vec::new(),
        };
        let roots = tree.roots().iter().rev();
        let mut open: Vec<(NodeId, Option<usize>)> = roots.map(|root| (*root, None)).collect();
        while let Some((id, above)) = open.pop() {
            let place = picture.nodes.len();
            let parent = above.and_then(|above| picture.nodes.get(above));
            let parent = parent.map(|entry| entry.id.clone());
            let Some(mut entry) = Entry::of(tree, id) else {
                continue;
            };
            (entry.above, entry.parent, entry.verified) = (above, parent, verified(id));
            picture.nodes.push(entry);
            let children = tree.children(id).iter().rev();
            open.extend(children.map(|child| (*child, Some(place))));
        }
        picture
    }

    /// Only the lineage of a node and what was trained from it.
    ///
    /// # Errors
    /// [`TreeError::Unknown`].
    pub fn around(&self, id: NodeId) -> Result<Self, TreeError> {
        let text = id.to_string();
        let place = self.nodes.iter().position(|entry| entry.id == text);
        let place = place.ok_or(TreeError::Unknown { id })?;
        let mut keep = BTreeSet::new();
        let mut at = Some(place);
        while let Some(here) = at {
            keep.insert(here);
            at = self.nodes.get(here).and_then(|entry| entry.above);
        }
        // Descendants come behind the node, and each behind its parent.
        for (k, entry) in self.nodes.iter().enumerate().skip(place + 1) {
            if entry.above.is_some_and(|a| a >= place && keep.contains(&a)) {
                keep.insert(k);
            }
        }
        let mut places = BTreeMap::new();
        let mut nodes = Vec::new();
        for (k, entry) in self.nodes.iter().enumerate() {
            if keep.contains(&k) {
                places.insert(k, nodes.len());
                let above = entry.above.and_then(|above| places.get(&above).copied());
                nodes.push(Entry {
                    above,
                    ..entry.clone()
                });
            }
        }
        Ok(Self { nodes, ..*self })
    }

    /// One JSON object; `nodes` has the ids, each behind its parent's.
    pub fn json(&self) -> String {
        // Keys are strings and floats are finite: this does not fail.
        spelled(&serde_json::to_string(self).unwrap_or_default())
    }

    /// The children of each node, by place.
    fn children(&self) -> Vec<Vec<usize>> {
        let mut children = vec![Vec::new(); self.nodes.len()];
        for (k, entry) in self.nodes.iter().enumerate() {
            if let Some(list) = entry.above.and_then(|above| children.get_mut(above)) {
                list.push(k);
            }
        }
        children
    }
}

impl Entry {
    fn of<C: Curve<ScalarField: WideField>>(tree: &Tree<C>, id: NodeId) -> Option<Self> {
        let entry = |architecture: &Architecture| Self {
            id: id.to_string(),
            short: tree.short(id),
            above: None,
            parent: None,
            layers: architecture.widths(),
            network: architecture.to_string(),
            verified: None,
            seed: None,
            imported: None,
            trained: None,
        };
        if let Some(root) = tree.root(id) {
            let imported = root.imported().map(|imported| Origin {
                origin: "unknown",
                title: imported.labels().title.clone(),
                licence: imported.labels().licence.clone(),
                note: imported.labels().note.clone(),
                loss: imported.labels().loss.map(|loss| loss.get()),
                author: imported.author().to_string(),
                weights: hex::encode(imported.digest()),
                bytes: imported.encoded_len(),
            });
            return Some(Self {
                seed: root.seed(),
                imported,
                ..entry(root.architecture())
            });
        }
        let (node, edge) = (tree.node(id)?, tree.edge(id)?);
        let (p, labels) = (&node.parameters, node.labels.clone());
        let trained = Some(Trained {
            title: labels.title,
            licence: labels.licence,
            note: labels.note,
            loss: labels.loss.map(|loss| loss.get()),
            author: node.author.to_string(),
            dataset: hex::encode(node.dataset.root),
            rows: node.dataset.num_rows,
            steps: p.steps,
            batch: p.batch,
            learning_rate: p.optimiser.rate().as_f64(&p.fixed_point, p.batch),
            optimizer: p.optimiser.to_string(),
            hiding: p.hiding,
            weights: hex::encode(node.weights.digest()),
            edge_bytes: edge.encoded_len(),
        });
        Some(Self {
            trained,
            ..entry(&p.architecture)
        })
    }

    /// `11-64-64-1`.
    fn network(&self) -> String {
        self.network.replace(',', "-")
    }

    /// Where a root's weights come from.
    fn origin(&self) -> String {
        match self.seed {
            Some(seed) => format!("seed {seed}"),
            None => "origin unknown".to_owned(),
        }
    }

    /// The public key of whoever trained a node or imported a root; nobody's is a root from a seed.
    fn author(&self) -> Option<&str> {
        let trained = self.trained.as_ref().map(|node| &node.author);
        let imported = self.imported.as_ref().map(|origin| &origin.author);
        trained.or(imported).map(String::as_str)
    }

    /// The title, unless it is missing or blank.
    fn title(&self) -> Option<&str> {
        let trained = self.trained.as_ref().map(|node| &node.title);
        let imported = self.imported.as_ref().map(|origin| &origin.title);
        let title = trained.or(imported)?.as_deref()?;
        (!title.trim().is_empty()).then_some(title)
    }
}

/// The first 12 characters of a key or hash, for people.
fn short(text: &str) -> &str {
    text.get(..12).unwrap_or(text)
}

/// Text in the body or an attribute of HTML or SVG.
fn escape(text: &str) -> String {
    let escaped = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => c.to_string(),
    };
    visible(text).chars().map(escaped).collect()
}

/// A colour that stays with an author's key: the hue, in degrees.
fn hue(key: &str) -> u32 {
    let digits = key.get(..4).unwrap_or_default();
    u32::from_str_radix(digits, 16).unwrap_or(0) * 360 / 0x1_0000
}

/// `-1.5`, `0.0123` or `1.2e-7`: a number with four digits that say something.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        let digits = (3 - size.max(1e-4).log10().floor() as i32).clamp(0, 8) as usize;
        let text = format!("{value:.digits$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
