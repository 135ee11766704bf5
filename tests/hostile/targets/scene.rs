//! Honest objects, made once, which the targets alter.
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{ops::ControlFlow, sync::OnceLock};
use zktree::{
    Pallas,
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, FixedPointConfig, LearningRate,
        Normalization, Progress, Table, TrainingParameters, TrainingStatement,
    },
    tree::{AuthorSecret, Child, Draft, Labels, Loss, NodeId, Origin, ProvenDataset, Root, Tree},
};

pub type Field = <Pallas as ark_ec::PrimeGroup>::ScalarField;

/// A root, its child and its grandchild, trained on the same data.
pub struct Scene {
    pub root: Root,
    pub data: ProvenDataset<Pallas>,
    pub child: Child<Pallas>,
    pub grandchild: Child<Pallas>,
}

pub fn author() -> AuthorSecret {
    AuthorSecret::from_bytes(&[7; 32])
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A format of small tables: proofs of a few kilobytes, verified in milliseconds.
fn format() -> FixedPoint {
    let config = FixedPointConfig {
        activation_bits: 3,
        gradient_bits: 3,
        weight_bits: 10,
        limbs: vec![5, 5],
        hidden_range_bits: 6,
        output_range_bits: 6,
        gradient_range_bits: 7,
        data_range_bits: 5,
        functions: None,
    };
    FixedPoint::new(config).unwrap()
}

impl Scene {
    /// With hiding, or without.
    pub fn get(hiding: bool) -> &'static Self {
        static SCENES: [OnceLock<Scene>; 2] = [OnceLock::new(), OnceLock::new()];
        let make = || {
            let stories = (0..64).filter_map(|seed| Self::attempt(hiding, seed));
            let mut stories = stories;
            stories.next().expect("training that stays in range")
        };
        SCENES[usize::from(hiding)].get_or_init(make)
    }

    fn attempt(hiding: bool, seed: u64) -> Option<Self> {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let architecture: Architecture = "2,2,1".parse().unwrap();
        let table = Table::from_reader("t.csv", "a,b,y\n1,2,3\n2,3,5\n".as_bytes()).unwrap();
        let normalization = Normalization::fit(&table, &["y".to_owned()]).unwrap();
        let root = Root::new(architecture.clone(), format(), normalization, seed).unwrap();
        let values = (0..5 * 3).map(|_| rng.gen_range(-8..=8)).collect();
        let data = Dataset::from_rows(2, 1, values).unwrap();
        let data = DatasetOpening::new(data, hiding, rng);
        let data = ProvenDataset::new(data, &format(), hiding).unwrap();
        let parameters = TrainingParameters {
            architecture,
            fixed_point: format(),
            optimiser: LearningRate::from_coefficient(1).unwrap().into(),
            batch: 2,
            steps: 3,
            segment_steps: 2,
            hiding,
        };
        let author = author();
        let draft = |parent, nonce| Draft {
            parent,
            dataset: &data,
            parameters: parameters.clone(),
            nonce,
            author: &author,
            labels: Labels {
                title: Some("title".to_owned()),
                licence: Some("CC0-1.0".to_owned()),
                note: Some("a\nnote".to_owned()),
                loss: Some(Loss::new(0.5).unwrap()),
            },
        };
        let mut tree = Tree::new();
        let id = tree.add_root(root.clone()).unwrap();
        let child = draft(id, 0).train(&tree, &root.opening().unwrap(), rng, &mut go_on);
        let child = child.ok()?;
        let id = tree.add_node(child.node.clone(), child.edge.clone());
        let grandchild = draft(id.unwrap(), 1).train(&tree, &child.opening, rng, &mut go_on);
        Some(Self {
            root,
            grandchild: grandchild.ok()?,
            child,
            data,
        })
    }

    /// The root and its child.
    pub fn tree(&self) -> (Tree<Pallas>, NodeId) {
        let mut tree = Tree::new();
        tree.add_root(self.root.clone()).unwrap();
        let id = tree.add_node(self.child.node.clone(), self.child.edge.clone());
        (tree, id.unwrap())
    }

    /// What the edge to the child claims, and the edge to the grandchild.
    pub fn statements(&self) -> [TrainingStatement<Pallas>; 2] {
        let (tree, id) = self.tree();
        let below = tree.path(id).unwrap().end().unwrap();
        [
            Origin::root(&self.root)
                .unwrap()
                .statement(&self.child.node, &self.child.edge.dataset),
            below.statement(&self.grandchild.node, &self.grandchild.edge.dataset),
        ]
    }
}
