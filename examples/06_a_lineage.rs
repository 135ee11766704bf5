//! Lesson 6 of 6, a family: `cargo run --example 06_a_lineage`.
//!
//! From a root that anyone can expand, Alice trains a network on her data, and Bob trains on from hers
//! on his. The tree has who made what, with proofs; verifying Bob's model verifies Alice's share too.
//!
//! The theory: `paper-notes.md`, *Lineages*. With files and commands: README, *A tree of your own*.
use rand::rngs::OsRng;
use std::{error::Error, ops::ControlFlow, path::Path, time::Instant};
use zktree::{
    Pallas,
    error::ProveError,
    nn::{
        Dataset, DatasetOpening, FixedPoint, LearningRate, Normalization, Table, TrainingParameters,
    },
    tree::{AuthorSecret, Child, Draft, Labels, NodeId, ProvenDataset, Root, Tree},
};

/// A person with data: every second row of the table.
struct Owner {
    name: &'static str,
    secret: AuthorSecret,
    data: ProvenDataset<Pallas>,
}

impl Owner {
    fn new(name: &'static str, data: Dataset, format: &FixedPoint) -> Result<Self, ProveError> {
        let opening = DatasetOpening::new(data, true, &mut OsRng);
        Ok(Self {
            name,
            secret: AuthorSecret::generate(&mut OsRng),
            data: ProvenDataset::new(opening, format, true)?,
        })
    }

    /// What the owner wants to train from `parent`.
    fn draft(&self, parent: NodeId, parameters: &TrainingParameters) -> Draft<'_, Pallas> {
        Draft {
            parent,
            dataset: &self.data,
            parameters: parameters.clone(),
            nonce: 0,
            author: &self.secret,
            labels: Labels {
                title: Some(format!("{}'s", self.name)),
                ..Labels::default()
            },
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let csv = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/winequality-red.csv");
    let table = Table::read(csv)?;
    let normalization = Normalization::fit(&table, &["quality".to_string()])?;
    let root = Root::new("11,16,1".parse()?, FixedPoint::compact(), normalization, 9)?;
    let all = Dataset::quantize(&table, root.normalization(), root.fixed_point())?;

    let mut tree = Tree::<Pallas>::new();
    let mut parent = tree.add_root(root.clone())?;
    let mut opening = root.opening().ok_or("the root has no seed")?;
    println!(
        "root {}: widths {}, public",
        parent.short(),
        root.architecture()
    );
    let parameters = TrainingParameters {
        architecture: root.architecture().clone(),
        fixed_point: root.fixed_point().clone(),
        optimiser: LearningRate::nearest(root.fixed_point(), 32, 0.03)?.into(),
        batch: 32,
        steps: 8,
        segment_steps: 8,
        hiding: true,
    };
    let mut last = None;
    for (first, name) in ["Alice", "Bob"].into_iter().enumerate() {
        let rows: Vec<usize> = (first..all.num_rows()).step_by(2).collect();
        let owner = Owner::new(name, all.select(&rows)?, root.fixed_point())?;
        let start = Instant::now();
        let go_on = &mut |_| ControlFlow::Continue(());
        // The owner of the parent has released its opening: training on needs the weights.
        let draft = owner.draft(parent, &parameters);
        let child = draft.train(&tree, &opening, &mut OsRng, go_on)?;
        let id = tree.add_node(child.node.clone(), child.edge.clone())?;
        println!(
            "{name} trained {} from {}: an edge of {} bytes, in {:.1?}",
            id.short(),
            parent.short(),
            child.edge.encoded_len(),
            start.elapsed()
        );
        (parent, opening) = (id, child.opening.clone());
        last = Some((owner, child));
    }
    let start = Instant::now();
    let lineage = tree.verify_lineage(parent)?;
    println!(
        "lineage of {} verified in {:.1?}: {} steps from the root",
        parent.short(),
        start.elapsed(),
        lineage.steps
    );

    // Bob takes Alice's share out of the history: his model, said to come from the root.
    let (
        bob,
        Child {
            mut node, mut edge, ..
        },
    ) = last.ok_or("nobody trained")?;
    node.parent = tree.roots()[0];
    edge.signature = bob.secret.sign(node.id(&edge));
    let id = tree.add_node(node, edge)?;
    let error = tree
        .verify_lineage(id)
        .err()
        .ok_or("a forged history was accepted")?;
    println!("a cheat who leaves Alice out: refused, {error}");
    Ok(())
}
