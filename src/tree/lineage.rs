//! Verifying the way from a root to a node.
use super::{Edge, Node, NodeId, NodeLabel, Root, TreeError, node::DatasetName};
use crate::{
    commit::Curve,
    error::VerifyError,
    nn::{
        DatasetCommitment, ParentWeights, TrainingStatement, WeightBound, argument::Pending, proof,
    },
    poly::WideField,
};
use std::collections::BTreeSet;

/// A root or node as the start of training: what a verifier knows of it.
#[derive(Debug, Clone)]
pub struct Origin<'a, C: Curve> {
    root: &'a Root,
    id: NodeId,
    weights: ParentWeights<C>,
}

impl<'a, C: Curve<ScalarField: WideField>> Origin<'a, C> {
    /// The root itself.
    pub fn root(root: &'a Root) -> Self {
        Self {
            root,
            id: root.id(),
            weights: ParentWeights::Root { seed: root.seed() },
        }
    }

    /// Its id, recomputed.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its weights: a seed, or a commitment and the bound that the lineage gives.
    pub fn weights(&self) -> &ParentWeights<C> {
        &self.weights
    }

    /// The bound on its weights.
    pub fn bound(&self) -> WeightBound {
        match &self.weights {
            ParentWeights::Root { .. } => {
                WeightBound::initial(self.root.architecture(), self.root.fixed_point())
            }
            ParentWeights::Committed { bound, .. } => *bound,
        }
    }

    /// The claim of an edge that starts here: that the node's weights come from these by the
    /// training that the node names.
    pub fn statement(
        &self,
        node: &Node<C>,
        dataset: &DatasetCommitment<C>,
    ) -> TrainingStatement<C> {
        TrainingStatement {
            parameters: node.parameters.clone(),
            parent: self.weights.clone(),
            child: node.weights.clone(),
            dataset: dataset.clone(),
            schedule: node.schedule(),
            parent_id: self.id.0,
            child_pre_id: node.pre_id(),
        }
    }

    /// The node as the next origin, behind all checks that need no proof, and its statement.
    pub(super) fn step(
        &self,
        node: &Node<C>,
        edge: &Edge<C>,
    ) -> Result<(Self, TrainingStatement<C>), TreeError> {
        let id = node.check_signature(edge)?;
        let label = || node.label_of(id);
        let (architecture, fixed_point) = (self.root.architecture(), self.root.fixed_point());
        if node.parent != self.id {
            return Err(TreeError::WrongParent {
                node: label(),
                named: node.parent,
                above: self.id,
            });
        }
        if node.parameters.architecture != *architecture {
            return Err(TreeError::OtherArchitecture {
                node: label(),
                expected: architecture.clone(),
                found: node.parameters.architecture.clone(),
            });
        }
        if node.parameters.fixed_point != *fixed_point {
            return Err(TreeError::OtherFixedPoint { node: label() });
        }
        if node.dataset != DatasetName::of(&edge.dataset) {
            return Err(TreeError::OtherDataset { node: label() });
        }
        let statement = self.statement(node, &edge.dataset);
        let bound = statement.validate().map_err(|source| TreeError::Training {
            node: label(),
            source,
        })?;
        let next = Self {
            root: self.root,
            id,
            weights: ParentWeights::Committed {
                commitment: node.weights.clone(),
                bound,
            },
        };
        Ok((next, statement))
    }

    /// Verifies an edge but for the group equations that it adds to `batch`. Returns the node as
    /// the next origin.
    pub(super) fn verify_edge(
        &self,
        node: &Node<C>,
        edge: &Edge<C>,
        batch: &mut Batch<C>,
    ) -> Result<Self, TreeError> {
        let (next, statement) = self.step(node, edge)?;
        let label = node.label_of(next.id);
        let segments = statement
            .verify(&edge.proof)
            .map_err(|source| TreeError::Training {
                node: label.clone(),
                source,
            })?;
        for (k, pending) in segments.into_iter().enumerate() {
            batch.push(label.clone(), Part::Segment(k), pending)?;
        }
        let parameters = &node.parameters;
        let bits = parameters.fixed_point.data_range_bits();
        let [_, data_proof] = edge.proof_hashes();
        let claim = (node.dataset, bits, parameters.hiding, data_proof);
        if !batch.data.insert(claim) {
            return Ok(next);
        }
        let data = proof::verify_dataset(&edge.dataset, bits, parameters.hiding, &edge.data_proof)
            .map_err(|source| TreeError::Data {
                node: label.clone(),
                source,
            })?;
        batch.push(label, Part::Data, data)?;
        Ok(next)
    }
}

/// A root and the edges that lead down from it.
#[derive(Debug, Clone)]
pub struct Path<'a, C: Curve> {
    root: &'a Root,
    edges: Vec<(&'a Node<C>, &'a Edge<C>)>,
}

/// What a verified lineage says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The ids from the root to the node, recomputed.
    pub ids: Vec<NodeId>,
    /// Steps of training from the root to the node.
    pub steps: u128,
    /// No weight of the node is larger.
    pub bound: WeightBound,
}

impl<'a, C: Curve<ScalarField: WideField>> Path<'a, C> {
    /// A root and what was trained from it, one after the other. Nothing is checked yet.
    pub fn new(root: &'a Root, edges: Vec<(&'a Node<C>, &'a Edge<C>)>) -> Self {
        Self { root, edges }
    }

    /// The root.
    pub fn root(&self) -> &'a Root {
        self.root
    }

    /// The nodes below it, with the edges that lead to them.
    pub fn edges(&self) -> &[(&'a Node<C>, &'a Edge<C>)] {
        &self.edges
    }

    /// The end of the path as an origin. Makes all checks but those of proofs.
    ///
    /// # Errors
    /// [`TreeError`] naming the first node that does not fit.
    pub fn end(&self) -> Result<Origin<'a, C>, TreeError> {
        let start = Origin::root(self.root);
        self.edges.iter().try_fold(start, |origin, (node, edge)| {
            origin.step(node, edge).map(|(next, _)| next)
        })
    }

    /// Verifies all edges.
    ///
    /// # Errors
    /// [`TreeError`] naming the first node that fails and why.
    pub fn verify(&self) -> Result<Lineage, TreeError> {
        let mut batch = Batch::new();
        let mut origin = Origin::root(self.root);
        let mut ids = vec![origin.id];
        for (node, edge) in &self.edges {
            origin = origin.verify_edge(node, edge, &mut batch)?;
            ids.push(origin.id);
        }
        batch.check()?;
        let steps = self.edges.iter().map(|(node, _)| node.parameters.steps);
        Ok(Lineage {
            ids,
            steps: steps.map(u128::from).sum(),
            bound: origin.bound(),
        })
    }
}

/// The group equations of many edges, and where each comes from.
#[must_use = "nothing is proven until the equations are checked"]
pub(super) struct Batch<C: Curve> {
    pending: Vec<Pending<C>>,
    places: Vec<(NodeLabel, Part)>,
    /// Ranges of data whose proofs are among these or were checked: bits, hiding and the proof's
    /// hash. Edges on the same data share it. The hash of the data is their nodes'.
    data: BTreeSet<(DatasetName, u32, bool, [u8; 32])>,
}

/// Equations that are merged into one, at most.
const MAX_PENDING: usize = 256;

/// A part of an edge with a proof of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Segment(usize),
    Data,
}

impl<C: Curve<ScalarField: WideField>> Batch<C> {
    pub(super) fn new() -> Self {
        Self {
            pending: Vec::new(),
            places: Vec::new(),
            data: BTreeSet::new(),
        }
    }

    /// Adds an equation; checks those so far if they are many, so that memory is bounded.
    fn push(&mut self, node: NodeLabel, part: Part, pending: Pending<C>) -> Result<(), TreeError> {
        self.pending.push(pending);
        self.places.push((node, part));
        match self.pending.len() {
            0..MAX_PENDING => Ok(()),
            _ => {
                let data = std::mem::take(&mut self.data);
                std::mem::replace(
                    self,
                    Self {
                        data,
                        ..Self::new()
                    },
                )
                .check()
            }
        }
    }

    /// Checks all equations by one multi-scalar multiplication. If that fails, checks each alone
    /// to find the first that does not hold; if all hold alone, so does their sum.
    pub(super) fn check(self) -> Result<(), TreeError> {
        if Pending::check_all(&self.pending).is_ok() {
            return Ok(());
        }
        for (pending, (node, part)) in self.pending.iter().zip(self.places) {
            Pending::check_all(std::slice::from_ref(pending)).map_err(|source| match part {
                Part::Segment(k) => TreeError::Training {
                    node,
                    source: VerifyError::In {
                        location: format!("segment {k}"),
                        source: Box::new(source),
                    },
                },
                Part::Data => TreeError::Data { node, source },
            })?;
        }
        Ok(())
    }
}
