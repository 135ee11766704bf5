//! Making a child: training, committing, proving, signing.
use super::{AuthorSecret, DatasetName, Edge, Labels, Node, NodeId, Signature, Tree, TreeError};
use crate::{
    commit::Curve,
    error::ProveError,
    nn::{
        DatasetCommitment, DatasetOpening, FixedPoint, Schedule, ScheduleSeed, SegmentProver,
        TrainingParameters, WeightCommitment, WeightOpening,
        argument::Pending,
        proof::{self, Progress, Sink},
    },
    poly::WideField,
};
use ark_ff::Zero;
use rand::{CryptoRng, RngCore};
use std::ops::ControlFlow;

/// A data set with its opening, its commitment and the proof of its range: made once, used for
/// every child that is trained on it. The owner's secret.
#[derive(Clone)]
pub struct ProvenDataset<C: Curve> {
    opening: DatasetOpening<C::ScalarField>,
    commitment: DatasetCommitment<C>,
    proof: Vec<u8>,
}

impl<C: Curve> std::fmt::Debug for ProvenDataset<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProvenDataset({:?})", self.opening)
    }
}

impl<C: Curve<ScalarField: WideField>> ProvenDataset<C> {
    /// Commits to a data set and proves its range.
    ///
    /// # Errors
    /// [`ProveError::NotInTable`] if a value is not in the range of data.
    pub fn new(
        opening: DatasetOpening<C::ScalarField>,
        fixed_point: &FixedPoint,
        hiding: bool,
    ) -> Result<Self, ProveError> {
        let commitment = opening.commit::<C>();
        let bits = fixed_point.data_range_bits();
        let proof = proof::prove_dataset(&opening, &commitment, bits, hiding)?;
        Ok(Self {
            opening,
            commitment,
            proof,
        })
    }

    /// A data set whose range was proven before. Nothing is checked.
    pub fn from_parts(opening: DatasetOpening<C::ScalarField>, proof: Vec<u8>) -> Self {
        let commitment = opening.commit::<C>();
        Self {
            opening,
            commitment,
            proof,
        }
    }

    /// The data and blindings.
    pub fn opening(&self) -> &DatasetOpening<C::ScalarField> {
        &self.opening
    }

    /// The proof that the data are in their range.
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }

    /// Whether this is how a new commitment to the data would be: blinded or not, with a proof of
    /// the range of this format.
    pub fn proves_range(&self, fixed_point: &FixedPoint, hiding: bool) -> bool {
        let blindings = self.opening.blindings().expose();
        let blinded = blindings.iter().any(|blinding| !blinding.is_zero());
        let bits = fixed_point.data_range_bits();
        let verified = proof::verify_dataset(&self.commitment, bits, hiding, &self.proof);
        blinded == hiding && verified.is_ok_and(|pending| Pending::check_all(&[pending]).is_ok())
    }

    /// What others see of the data.
    pub fn commitment(&self) -> &DatasetCommitment<C> {
        &self.commitment
    }
}

/// A child to be made.
#[derive(Debug, Clone)]
pub struct Draft<'a, C: Curve> {
    /// What it is trained from.
    pub parent: NodeId,
    /// What it is trained on.
    pub dataset: &'a ProvenDataset<C>,
    /// How it is trained; architecture and number formats must be those of the root.
    pub parameters: TrainingParameters,
    /// Tells apart runs that are otherwise the same.
    pub nonce: u64,
    /// Who trains and signs it.
    pub author: &'a AuthorSecret,
    /// For readers.
    pub labels: Labels,
}

/// A child with its proof and its author's signature, and the secret that opens its commitment.
#[derive(Debug, Clone)]
pub struct Child<C: Curve> {
    /// The node, for [`Tree::add_node`].
    pub node: Node<C>,
    /// The edge, for [`Tree::add_node`].
    pub edge: Edge<C>,
    /// Weights and blindings: whoever has them can train on.
    pub opening: WeightOpening<C::ScalarField>,
}

impl<C: Curve<ScalarField: WideField>> Draft<'_, C> {
    /// The seed of the order of the data.
    pub fn schedule(&self) -> ScheduleSeed {
        let dataset = self.dataset.commitment.root();
        ScheduleSeed::derive(
            &self.parent.0,
            &dataset,
            &self.author.public().0,
            self.nonce,
        )
    }

    /// The node, for a child of these weights. It has no proof yet.
    pub fn node(&self, weights: WeightCommitment<C>) -> Node<C> {
        Node {
            parent: self.parent,
            parameters: self.parameters.clone(),
            weights,
            dataset: DatasetName::of(&self.dataset.commitment),
            nonce: self.nonce,
            author: self.author.public(),
            labels: self.labels.clone(),
        }
    }

    /// Trains, commits and proves. `parent` are the parent's weights; `sink` hears of every step
    /// trained, then of every segment proven.
    ///
    /// # Errors
    /// Those of [`run`](Self::run) and [`prove`](Self::prove).
    pub fn train(
        &self,
        tree: &Tree<C>,
        parent: &WeightOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
        sink: Sink<'_>,
    ) -> Result<Child<C>, TreeError> {
        let opening = self.run(parent, rng, sink)?;
        self.prove(tree, parent, opening, rng, sink)
    }

    /// Trains without proving: the child's weights with fresh blindings.
    ///
    /// # Errors
    /// [`TreeError::NotProven`] if a value leaves its range, the batch does not fit the data, or
    /// `sink` asks to stop.
    pub fn run(
        &self,
        parent: &WeightOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
        sink: Sink<'_>,
    ) -> Result<WeightOpening<C::ScalarField>, TreeError> {
        let (data, p) = (self.dataset.opening.dataset(), &self.parameters);
        let mut train = || {
            let schedule = Schedule::new(self.schedule(), data.num_rows(), p.batch)?;
            proof::train_weights(p, parent.weights(), data, &schedule, sink)
        };
        let weights = train().map_err(|source| self.not_proven(source))?;
        Ok(WeightOpening::new(weights, p.hiding, rng))
    }

    /// Proves that `child` is what training gives, makes the node and signs it.
    ///
    /// # Errors
    /// Those of [`prove_from`](Self::prove_from).
    pub fn prove(
        &self,
        tree: &Tree<C>,
        parent: &WeightOpening<C::ScalarField>,
        child: WeightOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
        sink: Sink<'_>,
    ) -> Result<Child<C>, TreeError> {
        self.prove_from(tree, (parent, child), None, rng, &mut |prover| {
            sink(Progress::Segment {
                done: prover.done(),
                total: prover.total(),
            })
        })
    }

    /// As [`prove`](Self::prove), with weights of parent and child, from the checkpoint of a run
    /// that was cut off, if there is one. `behind` sees the prover behind every segment: it may
    /// keep a [checkpoint](SegmentProver::checkpoint), and may stop. With a checkpoint, the child
    /// has to be the one of that run, blindings included.
    ///
    /// # Errors
    /// [`TreeError::Label`]; [`TreeError::Unknown`] about the parent; [`TreeError::NotProven`] if
    /// an opening is not what it should be, the checkpoint is of another run, the child is not
    /// what training gives, the parts do not fit together or `behind` asks to stop; those of
    /// [`Path::end`](super::Path::end).
    pub fn prove_from(
        &self,
        tree: &Tree<C>,
        (parent, child): (
            &WeightOpening<C::ScalarField>,
            WeightOpening<C::ScalarField>,
        ),
        checkpoint: Option<&[u8]>,
        rng: &mut (impl RngCore + CryptoRng),
        behind: &mut dyn FnMut(&SegmentProver<'_, C>) -> ControlFlow<()>,
    ) -> Result<Child<C>, TreeError> {
        self.labels.check()?;
        let origin = tree.path(self.parent)?.end()?;
        let node = self.node(child.commit());
        let statement = origin.statement(&node, &self.dataset.commitment);
        let data = &self.dataset.opening;
        let mut prove = || {
            let mut prover = match checkpoint {
                Some(checkpoint) => statement.resume(checkpoint, &child, data, rng)?,
                None => statement.prover(parent, &child, data, rng)?,
            };
            while prover.prove_next()? {
                if behind(&prover).is_break() {
                    return Err(ProveError::Cancelled);
                }
            }
            // All segments are there.
            prover.finish().ok_or(ProveError::Cancelled)
        };
        let proof = prove().map_err(|source| self.not_proven(source))?;
        let mut edge = Edge {
            proof: proof.into(),
            dataset: self.dataset.commitment.clone(),
            data_proof: self.dataset.proof.clone().into(),
            signature: Signature([0; 64]),
        };
        edge.signature = self.author.sign(node.id(&edge));
        Ok(Child {
            node,
            edge,
            opening: child,
        })
    }

    fn not_proven(&self, source: ProveError) -> TreeError {
        TreeError::NotProven {
            parent: self.parent,
            source,
        }
    }
}
