//! Trees of random shape in which one node lies: it is refused, with all that descends from it, and nothing
//! else is.
use crate::family::{author, dataset, draft, go, root, sign};
use ark_pallas::Projective as Pallas;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use zktree::{
    nn::{LearningRate, TrainingProof},
    tree::{Child, DatasetName, Edge, Node, NodeId, Tree, TreeError},
};

/// A node and its edge before they are signed, and an honest pair that it may steal from.
type Lie = fn((&mut Node<Pallas>, &mut Edge<Pallas>), (&Node<Pallas>, &Edge<Pallas>));

/// What a node may lie about, with what refuses it.
const LIES: [(&str, Lie, fn(&TreeError) -> bool); 11] = [
    (
        "title",
        |(node, _), _| node.labels.title = Some("mine".into()),
        training,
    ),
    (
        "author",
        |(node, _), _| node.author = author(8).public(),
        training,
    ),
    ("steps", |(node, _), _| node.parameters.steps += 1, training),
    (
        "rate",
        |(node, _), _| {
            node.parameters.optimiser = LearningRate::from_coefficient(1).unwrap().into()
        },
        training,
    ),
    ("nonce", |(node, _), _| node.nonce += 1, training),
    (
        "weights",
        |(node, _), (other, _)| node.weights = other.weights.clone(),
        training,
    ),
    (
        "proof of another",
        |(_, edge), (_, other)| edge.proof = other.proof.clone(),
        training,
    ),
    (
        "no proof",
        |(_, edge), _| edge.proof = Arc::new(TrainingProof(Vec::new())),
        training,
    ),
    (
        "altered proof",
        |(_, edge), _| {
            let mut proof = TrainingProof::clone(&edge.proof);
            // The lowest byte of the last scalar: it stays canonical.
            let at = proof.0.len() - 32;
            proof.0[at] ^= 1;
            edge.proof = Arc::new(proof);
        },
        training,
    ),
    (
        "data of another",
        |(node, edge), (_, other)| {
            node.dataset = DatasetName::of(&other.dataset);
            edge.dataset = other.dataset.clone();
            edge.data_proof = other.data_proof.clone();
        },
        training,
    ),
    (
        "range of other data",
        |(_, edge), (_, other)| edge.data_proof = other.data_proof.clone(),
        |error| matches!(error, TreeError::Data { .. }),
    ),
];

fn training(error: &TreeError) -> bool {
    matches!(error, TreeError::Training { .. })
}

/// Trains a child of a node on data of its own.
fn child(
    tree: &Tree<Pallas>,
    parent: (NodeId, Option<&Child<Pallas>>),
    seed: u64,
) -> Child<Pallas> {
    let attempt = |seed| {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let data = dataset(rng);
        let mut draft = draft(parent.0, &data, "honest");
        (draft.parameters.steps, draft.parameters.segment_steps) = (1, 1);
        let root = root(1).opening().unwrap();
        let opening = parent.1.map_or(&root, |child| &child.opening);
        draft.train(tree, opening, rng, &mut go).ok()
    };
    // Some data drive training out of its range.
    let mut seeds = (0..64).map(|k| seed + (k << 41));
    seeds
        .find_map(attempt)
        .expect("data that can be trained on")
}

fn cases() -> u32 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(12)
}

proptest! {
    // As many as `PROPTEST_CASES` says, 12 if it says nothing.
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_lie_is_refused_with_what_descends_from_it(
        shape in prop::collection::vec(any::<prop::sample::Index>(), 2..6),
        liar in any::<prop::sample::Index>(),
        lie in prop::sample::select(&LIES[..]),
        seed in 0u64..1 << 32,
    ) {
        let mut tree = Tree::new();
        let start = tree.add_root(root(1)).unwrap();
        let stranger = child(&tree, (start, None), seed ^ (1 << 40));
        let mut members: Vec<(NodeId, Option<Child<Pallas>>)> = vec![(start, None)];
        let mut parents = BTreeMap::new();
        let liar = liar.index(shape.len());
        let mut liars = start;
        for (k, pick) in shape.iter().enumerate() {
            let (parent, opening) = pick.get(&members);
            let mut child = child(&tree, (*parent, opening.as_ref()), seed + k as u64);
            if k == liar {
                (lie.1)((&mut child.node, &mut child.edge), (&stranger.node, &stranger.edge));
                sign(&child.node, &mut child.edge);
                if child.node.weights == stranger.node.weights {
                    child.opening = stranger.opening.clone();
                }
            }
            let id = tree.add_node(child.node.clone(), child.edge.clone()).unwrap();
            liars = if k == liar { id } else { liars };
            parents.insert(id, *parent);
            members.push((id, Some(child)));
        }
        let descends = |id: &NodeId| {
            let mut line = std::iter::successors(Some(*id), |id| parents.get(id).copied());
            line.any(|id| id == liars)
        };
        let refused: BTreeSet<NodeId> = parents.keys().copied().filter(descends).collect();
        let ids: Vec<NodeId> = tree.ids().collect();
        let verdicts = tree.verdicts(&ids, &BTreeSet::new(), &mut |_| ()).unwrap();
        let found: BTreeSet<NodeId> = verdicts.refused.keys().copied().collect();
        prop_assert_eq!(&found, &refused, "{}", lie.0);
        prop_assert!((lie.2)(&verdicts.refused[&liars]), "{}: {:?}", lie.0, verdicts.refused[&liars]);
        let verified: BTreeSet<NodeId> = verdicts.verified.iter().copied().collect();
        let honest: BTreeSet<NodeId> = parents.keys().copied().filter(|id| !refused.contains(id)).collect();
        prop_assert_eq!(verified, honest);
        for id in parents.keys() {
            prop_assert_eq!(tree.verify_lineage(*id).is_err(), refused.contains(id));
        }
    }
}
