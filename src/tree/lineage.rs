//! Verifying the way from a root to a node.
use super::{Edge, Node, NodeId, NodeLabel, Root, RootWeights, TreeError, node::DatasetName};
use crate::{
    check::Check,
    commit::Curve,
    error::{StatementError, VerifyError},
    nn::{
        DatasetCommitment, ParentWeights, TrainingStatement, WeightBound, argument::Pending, proof,
    },
    poly::WideField,
};
use std::collections::BTreeMap;

/// A root or node as the start of training: what a verifier knows of it.
#[derive(Debug, Clone)]
pub struct Origin<'a, C: Curve> {
    root: &'a Root,
    id: NodeId,
    weights: ParentWeights<C>,
}

impl<'a, C: Curve<ScalarField: WideField>> Origin<'a, C> {
    /// The root itself.
    ///
    /// # Errors
    /// [`TreeError::Signature`]; [`TreeError::Imported`] if its weights are imported and of another
    /// curve.
    pub fn root(root: &'a Root) -> Result<Self, TreeError> {
        let id = root.check_signature()?;
        let weights = match (&root.weights, root.commitment()?) {
            (RootWeights::Imported(imported), Some(commitment)) => ParentWeights::Committed {
                commitment,
                bound: imported.grid.bound(),
            },
            (RootWeights::Imported(_), None) => {
                return Err(root.refused(StatementError::NotCommitted.into()));
            }
            (RootWeights::Seed(seed), _) => ParentWeights::Root { seed: *seed },
        };
        Ok(Self { root, id, weights })
    }

    /// The root, the range of its weights verified but for a group equation that it adds to `batch`.
    pub(super) fn verify_root(root: &'a Root, batch: &mut Batch<C>) -> Result<Self, TreeError> {
        let this = Self::root(root)?;
        if Check::RootProof.is_made()
            && let Some(pending) = root.verify()?
        {
            batch.push(Part::Root(root.label()), pending);
        }
        Ok(this)
    }

    /// The root that it descends from, or that it is.
    pub fn start(&self) -> &'a Root {
        self.root
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
        if node.parent != self.id && Check::Parent.is_made() {
            return Err(TreeError::WrongParent {
                node: label(),
                named: node.parent,
                above: Box::new(self.id),
            });
        }
        if node.parameters.architecture != *architecture && Check::Architecture.is_made() {
            return Err(TreeError::OtherArchitecture {
                node: label(),
                expected: architecture.clone(),
                found: node.parameters.architecture.clone(),
            });
        }
        if node.parameters.fixed_point != *fixed_point && Check::Format.is_made() {
            return Err(TreeError::OtherFixedPoint { node: label() });
        }
        if node.dataset != DatasetName::of(&edge.dataset) && Check::NamedData.is_made() {
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
        if Check::TrainingProof.is_made() {
            let verified = statement.verify_each(&edge.proof, &mut |segment, pending| {
                batch.push(Part::Segment(label.clone(), segment), pending);
            });
            verified.map_err(|source| TreeError::Training {
                node: label.clone(),
                source,
            })?;
        }
        let parameters = &node.parameters;
        let bits = parameters.fixed_point.data_range_bits();
        let [_, data_proof] = edge.proof_hashes();
        let claim = (node.dataset, bits, parameters.hiding, data_proof);
        if Check::DataProof.is_made() {
            batch.data(label, claim, || {
                proof::verify_dataset(&edge.dataset, bits, parameters.hiding, &edge.data_proof)
            })?;
        }
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
        let start = Origin::root(self.root)?;
        self.edges.iter().try_fold(start, |origin, (node, edge)| {
            origin.step(node, edge).map(|(next, _)| next)
        })
    }

    /// Verifies all edges.
    ///
    /// # Errors
    /// [`TreeError`] naming a node that fails and why.
    pub fn verify(&self) -> Result<Lineage, TreeError> {
        let mut batch = Batch::new();
        let mut origin = Origin::verify_root(self.root, &mut batch)?;
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
    pending: Vec<(Part, Pending<C>)>,
    /// Scalars and points of them.
    size: usize,
    /// Claims of the range of data, which edges on the same data share, and whose they are. The
    /// proof of each is verified once.
    data: BTreeMap<Claim, Vec<NodeLabel>>,
    failed: Vec<TreeError>,
}

/// Scalars and points of equations that are merged into one, about: beyond, those so far are checked.
const MAX_PENDING: usize = 1 << 20;

/// What a proof of the range of data says, and the proof: data, bits, hiding, the proof's hash.
type Claim = (DatasetName, u32, bool, [u8; 32]);

/// What has a proof of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Segment(NodeLabel, u64),
    Data(Claim),
    Root(NodeLabel),
}

impl<C: Curve<ScalarField: WideField>> Batch<C> {
    pub(super) fn new() -> Self {
        Self {
            pending: Vec::new(),
            size: 0,
            data: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Adds an equation; checks those so far if they are large, so that memory is bounded.
    fn push(&mut self, part: Part, pending: Pending<C>) {
        self.size += pending.size();
        self.pending.push((part, pending));
        if self.size >= MAX_PENDING {
            self.flush();
        }
    }

    /// Adds a claim of the range of data, which `verify` verifies but for a group equation. An
    /// edge with a claim that is there already shares its fate.
    fn data(
        &mut self,
        node: NodeLabel,
        claim: Claim,
        verify: impl FnOnce() -> Result<Pending<C>, VerifyError>,
    ) -> Result<(), TreeError> {
        if let Some(nodes) = self.data.get_mut(&claim) {
            nodes.push(node);
            return Ok(());
        }
        match verify() {
            Ok(pending) => {
                self.data.insert(claim, vec![node]);
                self.push(Part::Data(claim), pending);
                Ok(())
            }
            // Not remembered: the next edge with this claim fails like this one.
            Err(source) => Err(TreeError::Data { node, source }),
        }
    }

    /// Checks the equations so far by one multi-scalar multiplication. If that fails, checks each
    /// alone to find those that do not hold; if all hold alone, so does their sum.
    fn flush(&mut self) {
        self.size = 0;
        let pending = std::mem::take(&mut self.pending);
        let (parts, pending): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
        if Pending::check_all(&pending).is_ok() {
            return;
        }
        for (part, pending) in parts.into_iter().zip(&pending) {
            if let Err(source) = Pending::check_all(std::slice::from_ref(pending)) {
                self.fail(part, source);
            }
        }
    }

    fn fail(&mut self, part: Part, source: VerifyError) {
        match part {
            Part::Segment(node, k) => {
                let location = format!("segment {k}");
                let source = VerifyError::In {
                    location,
                    source: Box::new(source),
                };
                self.failed.push(TreeError::Training { node, source });
            }
            Part::Root(node) => self.failed.push(TreeError::Imported { node, source }),
            // Edges to come verify the proof of this claim again.
            Part::Data(claim) => {
                let nodes = self.data.remove(&claim).unwrap_or_default().into_iter();
                let failed = nodes.map(|node| TreeError::Data {
                    node,
                    source: source.clone(),
                });
                self.failed.extend(failed);
            }
        }
    }

    /// Checks all equations; returns an error for each edge with one that does not hold.
    pub(super) fn failures(mut self) -> Vec<TreeError> {
        self.flush();
        self.failed
    }

    /// Checks all equations.
    pub(super) fn check(self) -> Result<(), TreeError> {
        self.failures().into_iter().next().map_or(Ok(()), Err)
    }
}
