//! A cheat for each check of a node that its proof alone does not make: see [`crate::cheats`].
#![allow(clippy::unwrap_used)]
use super::{
    AuthorSecret, DatasetName, Draft, Edge, Labels, Node, Path, ProvenDataset, Root, RootWeights,
    Signature, TreeError,
};
use crate::{
    check::{Check, Tried, judge},
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, Layer, LearningRate, Normalization,
        Table, TrainingParameters, TrainingProof, WeightGrid, WeightOpening, Weights, init,
        soundness::tiny,
    },
};
use rand::{SeedableRng, rngs::OsRng};
use rand_chacha::ChaCha20Rng;
use std::{ops::ControlFlow, sync::Arc};

type C = crate::Pallas;
type F = ark_pallas::Fr;

const WIDTHS: &str = "2,3,1";
const SEED: u64 = 5;

fn normalization() -> Normalization {
    let table = Table::from_reader("t.csv", "a,b,y\n1,2,3\n2,3,5\n".as_bytes()).unwrap();
    Normalization::fit(&table, &["y".to_owned()]).unwrap()
}

fn root(seed: u64) -> Root {
    let architecture = WIDTHS.parse().unwrap();
    Root::new(architecture, tiny(), normalization(), seed).unwrap()
}

fn author() -> AuthorSecret {
    AuthorSecret::from_bytes(&[3; 32])
}

/// Six rows of data.
fn data(shift: i64) -> ProvenDataset<C> {
    let values = (0..18).map(|k| (k * 5 + shift) % 7 - 3).collect();
    let dataset = Dataset::from_rows(2, 1, values).unwrap();
    let opening = DatasetOpening::new(dataset, true, &mut OsRng);
    ProvenDataset::new(opening, &tiny(), true).unwrap()
}

/// A run of one step that its author proves as told, below a root that may be another's.
struct Forger {
    root: Root,
    data: ProvenDataset<C>,
    architecture: Architecture,
    fixed_point: FixedPoint,
    /// Changes the node before it is proven.
    claim: fn(&mut Node<C>),
    /// Changes the edge before it is signed.
    deliver: fn(&mut Edge<C>),
    /// Changes what was signed.
    publish: fn(&mut Edge<C>),
}

impl Forger {
    fn new() -> Self {
        Self {
            root: root(SEED),
            data: data(0),
            architecture: WIDTHS.parse().unwrap(),
            fixed_point: tiny(),
            claim: |_| (),
            deliver: |_| (),
            publish: |_| (),
        }
    }

    fn verdict(self) -> Result<(), TreeError> {
        let author = author();
        let parameters = TrainingParameters {
            architecture: self.architecture.clone(),
            fixed_point: self.fixed_point.clone(),
            optimiser: LearningRate::from_coefficient(1).unwrap().into(),
            batch: 2,
            steps: 1,
            segment_steps: 1,
            hiding: true,
        };
        let weights = init::expand(SEED, &self.architecture, &self.fixed_point);
        let parent = WeightOpening::public(weights);
        let origin = super::Origin::root(&self.root)?;
        let draft = Draft {
            parent: origin.id(),
            dataset: &self.data,
            parameters,
            nonce: 0,
            author: &author,
            labels: Labels::default(),
        };
        // The node is named before it is trained: the order of the data follows from its name.
        let mut node = draft.node(parent.commit());
        (self.claim)(&mut node);
        let statement = origin.statement(&node, self.data.commitment());
        let go_on = &mut |_| ControlFlow::Continue(());
        let child = crate::nn::proof::train_weights(
            &statement.parameters,
            parent.weights(),
            self.data.opening().dataset(),
            &statement.schedule().unwrap(),
            go_on,
        );
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let child = WeightOpening::new(child.unwrap(), true, rng);
        node.weights = child.commit();
        let statement = origin.statement(&node, self.data.commitment());
        let proof = statement.prove(&parent, &child, self.data.opening(), rng, go_on);
        let mut edge = Edge {
            proof: Arc::new(proof.unwrap()),
            dataset: self.data.commitment().clone(),
            data_proof: Arc::new(self.data.proof().to_vec()),
            signature: Signature([0; 64]),
        };
        (self.deliver)(&mut edge);
        edge.signature = author.sign(node.id(&edge));
        (self.publish)(&mut edge);
        Path::new(&self.root, vec![(&node, &edge)])
            .verify()
            .map(drop)
    }
}

#[test]
fn without_a_lie_the_forger_is_honest() {
    Forger::new().verdict().unwrap();
    imported(false, false).unwrap();
}

fn tried(check: Check, change: impl Fn(&mut Forger), names: impl Fn(&TreeError) -> bool) -> Tried {
    let cheat = || {
        let mut forger = Forger::new();
        change(&mut forger);
        forger.verdict()
    };
    judge(check, cheat, names)
}

/// What somebody trained, under the name of an author who did not sign it.
pub(crate) fn a_node_of_another_author() -> Tried {
    let publish = |edge: &mut Edge<C>| {
        edge.signature = AuthorSecret::from_bytes(&[4; 32]).sign(super::NodeId([0; 32]));
    };
    tried(
        Check::Signature,
        |forger| forger.publish = publish,
        |error| matches!(error, TreeError::Signature { .. }),
    )
}

/// Trained from one root, and said to be of another.
pub(crate) fn a_node_of_another_parent() -> Tried {
    tried(
        Check::Parent,
        |forger| forger.claim = |node| node.parent = root(SEED + 1).id(),
        |error| matches!(error, TreeError::WrongParent { .. }),
    )
}

/// Trained from the root's seed expanded for a smaller network.
pub(crate) fn a_node_of_other_widths() -> Tried {
    tried(
        Check::Architecture,
        |forger| forger.architecture = "2,2,1".parse().unwrap(),
        |error| matches!(error, TreeError::OtherArchitecture { .. }),
    )
}

/// Trained from the root's seed expanded for other ranges.
pub(crate) fn a_node_of_another_format() -> Tried {
    let format = || {
        let mut config = tiny().config().clone();
        config.hidden_range_bits += 1;
        FixedPoint::new(config).unwrap()
    };
    tried(
        Check::Format,
        |forger| forger.fixed_point = format(),
        |error| matches!(error, TreeError::OtherFixedPoint { .. }),
    )
}

/// Trained on one data set, and said to be trained on another of the same shape.
pub(crate) fn a_node_of_other_data() -> Tried {
    tried(
        Check::NamedData,
        |forger| forger.claim = |node| node.dataset = DatasetName::of(data(1).commitment()),
        |error| matches!(error, TreeError::OtherDataset { .. }),
    )
}

/// Training without a proof.
pub(crate) fn a_node_without_proof() -> Tried {
    tried(
        Check::TrainingProof,
        |forger| forger.deliver = |edge| edge.proof = Arc::new(TrainingProof(Vec::new())),
        |error| matches!(error, TreeError::Training { .. }),
    )
}

/// Data whose range nobody proved.
pub(crate) fn data_without_proof() -> Tried {
    tried(
        Check::DataProof,
        |forger| forger.deliver = |edge| edge.data_proof = Arc::new(Vec::new()),
        |error| matches!(error, TreeError::Data { .. }),
    )
}

/// An imported root, without the proof of its range or signed by another.
fn imported(without_proof: bool, of_another: bool) -> Result<(), TreeError> {
    let architecture: Architecture = WIDTHS.parse().unwrap();
    let layer = |inputs: i64, outputs: i64| {
        Layer::new(
            (0..inputs * outputs).map(|k| (7 * k - 9) << 9).collect(),
            (0..outputs).map(|k| (k - 1) << 8).collect(),
        )
    };
    let weights = Weights::new(architecture, vec![layer(2, 3), layer(3, 1)]).unwrap();
    let opening = WeightOpening::<F>::new(weights, true, &mut OsRng);
    let grid = WeightGrid {
        step_bits: 6,
        range_bits: 10,
    };
    let labels = Labels::default();
    let from = (&opening, grid);
    let mut root = Root::import::<C>(tiny(), normalization(), from, &author(), labels)?;
    let change = |root: &mut Root, change: &dyn Fn(&mut super::root::Imported)| {
        if let RootWeights::Imported(imported) = &mut root.weights {
            change(imported);
        }
    };
    if without_proof {
        change(&mut root, &|imported| imported.proof.clear());
    }
    let signer = match of_another {
        true => AuthorSecret::from_bytes(&[4; 32]),
        false => author(),
    };
    let signature = signer.sign(root.id());
    change(&mut root, &|imported| imported.signature = signature);
    Path::<C>::new(&root, Vec::new()).verify().map(drop)
}

/// Imported weights whose range nobody proved.
pub(crate) fn a_root_without_proof() -> Tried {
    judge(
        Check::RootProof,
        || imported(true, false),
        |error| matches!(error, TreeError::Imported { .. }),
    )
}

/// Imported weights under the name of an author who did not sign them.
pub(crate) fn a_root_of_another_author() -> Tried {
    judge(
        Check::Signature,
        || imported(false, true),
        |error| matches!(error, TreeError::Signature { .. }),
    )
}
