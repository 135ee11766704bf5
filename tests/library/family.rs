//! A root, its child, and two children of that.
use crate::common::tiny;
use ark_pallas::Projective as Pallas;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{ops::ControlFlow, sync::OnceLock};
use zktree::{
    nn::{
        Architecture, Dataset, DatasetOpening, LearningRate, Normalization, Progress, Table,
        TrainingParameters, WeightOpening, Weights,
    },
    tree::{
        AuthorSecret, Child, Draft, Edge, Labels, Node, NodeId, ProvenDataset, Root, Tree,
        TreeError,
    },
};

pub type Field = <Pallas as ark_ec::PrimeGroup>::ScalarField;
pub type Alteration<'a> = (&'a str, &'a dyn Fn(&mut Node<Pallas>, &mut Edge<Pallas>));

pub const BATCH: usize = 3;
pub const STEPS: u64 = 5;

pub fn go(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub fn architecture() -> Architecture {
    Architecture::new(vec![3, 4, 2]).unwrap()
}

pub fn root(seed: u64) -> Root {
    root_of(architecture(), seed)
}

/// A root of 3 features and 2 targets.
pub fn root_of(architecture: Architecture, seed: u64) -> Root {
    let table = Table::from_reader("t.csv", "a,b,c,x,y\n1,2,3,4,5\n2,3,4,5,7\n".as_bytes());
    let targets = ["x".to_owned(), "y".to_owned()];
    let normalization = Normalization::fit(&table.unwrap(), &targets).unwrap();
    Root::new(architecture, tiny(), normalization, seed).unwrap()
}

pub fn parameters() -> TrainingParameters {
    TrainingParameters {
        architecture: architecture(),
        fixed_point: tiny(),
        optimiser: LearningRate::from_coefficient(2).unwrap().into(),
        batch: BATCH,
        steps: STEPS,
        segment_steps: 2,
        hiding: true,
    }
}

pub fn dataset(rng: &mut ChaCha20Rng) -> ProvenDataset<Pallas> {
    let values = (0..7 * 5).map(|_| rng.gen_range(-16..=16)).collect();
    let dataset = Dataset::from_rows(3, 2, values).unwrap();
    let opening = DatasetOpening::new(dataset, true, rng);
    ProvenDataset::new(opening, &tiny(), true).unwrap()
}

/// Whoever has one of these public keys signs for anyone who asks.
pub fn author(seed: u8) -> &'static AuthorSecret {
    static AUTHORS: OnceLock<Vec<AuthorSecret>> = OnceLock::new();
    let authors = || (0..=9).map(|seed| AuthorSecret::from_bytes(&[seed; 32]));
    &AUTHORS.get_or_init(|| authors().collect())[usize::from(seed)]
}

/// The node's author signs it.
pub fn sign(node: &Node<Pallas>, edge: &mut Edge<Pallas>) {
    let is_author = |secret: &&AuthorSecret| secret.public() == node.author;
    let secret = (0..=9).map(author).find(is_author);
    edge.signature = secret.unwrap().sign(node.id(edge));
}

pub fn draft<'a>(
    parent: NodeId,
    dataset: &'a ProvenDataset<Pallas>,
    title: &str,
) -> Draft<'a, Pallas> {
    Draft {
        parent,
        dataset,
        parameters: parameters(),
        nonce: 0,
        author: author(7),
        labels: Labels {
            title: Some(title.into()),
            ..Labels::default()
        },
    }
}

/// A root, its child, and two children of that on other data.
pub struct Family {
    pub tree: Tree<Pallas>,
    pub root: NodeId,
    pub first: Child<Pallas>,
    pub second: Child<Pallas>,
    pub third: Child<Pallas>,
    pub data: [ProvenDataset<Pallas>; 3],
}

impl Family {
    pub fn get() -> &'static Self {
        static FAMILY: OnceLock<Family> = OnceLock::new();
        FAMILY.get_or_init(Self::new)
    }

    pub fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let data = [0; 3].map(|_| dataset(&mut rng));
        let mut tree = Tree::new();
        let root = tree.add_root(root(1)).unwrap();
        let mut child = |parent, opening: &WeightOpening<Field>, data, title| {
            let draft = draft(parent, data, title);
            let child = draft.train(&tree, opening, &mut rng, &mut go).unwrap();
            let id = tree.add_node(child.node.clone(), child.edge.clone());
            (id.unwrap(), child)
        };
        let opening = self::root(1).opening().unwrap();
        let (id, first) = child(root, &opening, &data[0], "first");
        let (_, second) = child(id, &first.opening, &data[1], "second");
        let (_, third) = child(id, &first.opening, &data[2], "third");
        Self {
            tree,
            root,
            first,
            second,
            third,
            data,
        }
    }

    pub fn id(child: &Child<Pallas>) -> NodeId {
        child.node.id(&child.edge)
    }

    /// The family's tree with another child, signed by its author; what verifying the lineage of
    /// that says.
    pub fn verdict(
        &self,
        node: Node<Pallas>,
        mut edge: Edge<Pallas>,
    ) -> (NodeId, Result<(), TreeError>) {
        sign(&node, &mut edge);
        let mut tree = Tree::new();
        tree.add_root(root(1)).unwrap();
        let Child {
            node: n, edge: e, ..
        } = &self.first;
        tree.add_node(n.clone(), e.clone()).unwrap();
        let id = tree.add_node(node, edge).unwrap();
        (id, tree.verify_lineage(id).map(drop))
    }

    /// Asserts that the second child with an alteration is refused and named.
    pub fn refused(
        &self,
        what: &str,
        alter: &dyn Fn(&mut Node<Pallas>, &mut Edge<Pallas>),
    ) -> TreeError {
        let (mut node, mut edge) = (self.second.node.clone(), self.second.edge.clone());
        alter(&mut node, &mut edge);
        let (id, verdict) = self.verdict(node, edge);
        let error = verdict.expect_err(what);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("node {} ", id.short())),
            "{what}: {text}"
        );
        error
    }
}

pub fn is_training(error: &TreeError) -> bool {
    matches!(error, TreeError::Training { .. })
}

/// Another commitment to other weights of the same shape.
pub fn other_weights(opening: &WeightOpening<Field>) -> WeightOpening<Field> {
    let mut layers = opening.weights().layers().to_vec();
    layers[1].weight_mut()[3] += 1;
    let weights = Weights::new(architecture(), layers).unwrap();
    WeightOpening::new(weights, true, &mut ChaCha20Rng::seed_from_u64(3))
}

/// The edge of the first, second or third child.
pub fn family_edge(k: usize) -> Edge<Pallas> {
    let family = Family::get();
    [&family.first, &family.second, &family.third][k]
        .edge
        .clone()
}
