//! What is honest verifies, and the tree itself.
use crate::{
    common::tiny,
    family::{
        BATCH, Family, STEPS, author, dataset, draft, go, other_weights, parameters, root, root_of,
    },
};
use ark_pallas::Projective as Pallas;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::{collections::BTreeSet, ops::ControlFlow};
use zktree::{
    error::{ProveError, VerifyError},
    nn::{Architecture, Dataset, DatasetOpening, WeightBound},
    tree::{Child, Draft, Labels, Node, NodeId, ProvenDataset, Root, Tree, TreeError},
};

/// An id that no tree has is named, whatever is asked of it.
#[test]
fn unknown_ids_are_named() {
    let (tree, id) = (Tree::<Pallas>::new(), NodeId([9; 32]));
    let (known, hear) = (BTreeSet::new(), &mut |_| ());
    let unknown = Some(TreeError::Unknown { id });
    assert_eq!(tree.verify(&[id], &known, hear).err(), unknown);
    assert_eq!(tree.verdicts(&[id], &known, hear).err(), unknown);
    assert_eq!(tree.verify_lineage(id).err(), unknown);
    assert_eq!(tree.edges_of(&[id]).err(), unknown);
    assert_eq!(tree.soundness(&[id]).err(), unknown);
}

#[test]
fn an_honest_family_verifies() {
    let family = Family::get();
    let (first, second) = (Family::id(&family.first), Family::id(&family.second));
    let third = Family::id(&family.third);
    let tree = &family.tree;
    assert_eq!(tree.verify_all(), Ok(3));
    assert_eq!(tree.roots(), [family.root]);
    assert_eq!(tree.children(family.root), [first]);
    assert_eq!(tree.children(first), [second, third]);
    assert_eq!((tree.len(), tree.is_empty()), (4, false));

    let lineage = tree.verify_lineage(second).unwrap();
    assert_eq!(lineage.ids, [family.root, first, second]);
    assert_eq!(lineage.steps, 2 * u128::from(STEPS));
    let (p, fixed) = (parameters(), tiny());
    let bound = WeightBound::initial(&p.architecture, &fixed);
    let after = |bound: WeightBound| bound.after(&p.plan(), BATCH, &p.architecture, &fixed);
    assert_eq!(lineage.bound, after(after(bound).unwrap()).unwrap());

    let start = tree.verify_lineage(family.root).unwrap();
    assert_eq!(
        (start.ids, start.steps, start.bound),
        (vec![family.root], 0, bound)
    );
}

#[test]
fn without_hiding_too_and_on_bls12_381() {
    type Bls = ark_bls12_381::G1Projective;
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut tree = Tree::<Bls>::new();
    let id = tree.add_root(root(1)).unwrap();
    let data = Dataset::from_rows(3, 2, vec![5; 4 * 5]).unwrap();
    let opening = DatasetOpening::new(data, false, &mut rng);
    let data = ProvenDataset::new(opening, &tiny(), false).unwrap();
    let mut parameters = parameters();
    parameters.hiding = false;
    let draft = Draft {
        parent: id,
        dataset: &data,
        parameters,
        nonce: 0,
        author: author(0),
        labels: Labels::default(),
    };
    let child = draft
        .train(&tree, &root(1).opening().unwrap(), &mut rng, &mut go)
        .unwrap();
    let id = tree.add_node(child.node, child.edge).unwrap();
    assert_eq!(tree.verify_lineage(id).map(|l| l.steps), Ok(STEPS.into()));
}

/// A child and a grandchild of a network with this text verify, stored and read again.
fn a_lineage_of(network: &str) {
    let architecture: Architecture = network.parse().unwrap();
    let attempt = |seed| {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let start = root_of(architecture.clone(), seed);
        let mut tree = Tree::<Pallas>::new();
        let mut parent = tree.add_root(start.clone()).unwrap();
        let mut opening = start.opening().unwrap();
        for title in ["child", "grandchild"] {
            let data = dataset(rng);
            let mut draft = draft(parent, &data, title);
            draft.parameters.architecture = architecture.clone();
            let child = draft.train(&tree, &opening, rng, &mut go).ok()?;
            let node = Node::decode(&child.node.encode()).unwrap();
            assert_eq!(node, child.node);
            parent = tree.add_node(node, child.edge).unwrap();
            opening = child.opening;
        }
        Some((tree, parent))
    };
    let trained = (0..64).find_map(attempt);
    let (tree, id) = trained.expect("a seed of 64 whose training stays in range");
    let lineage = tree.verify_lineage(id).unwrap();
    assert_eq!(
        (lineage.ids.len(), lineage.steps),
        (3, u128::from(2 * STEPS))
    );
}

#[test]
fn networks_of_other_operators_have_lineages() {
    for network in [
        "3,4,4,2 residual",
        "3,4,2 gelu",
        "3,4,4,4,2 silu residual",
        "3,3,3,2 tanh residual",
        "3,5,2 sigmoid",
    ] {
        a_lineage_of(network);
    }
}

#[test]
fn the_tree_is_printed() {
    let family = Family::get();
    let line = |child: &Child<Pallas>, title| {
        let (id, data) = (
            Family::id(child).short(),
            hex::encode(child.node.dataset.root),
        );
        let author = child.node.author.short();
        format!(
            "{id} {title:?}: 5 steps on 7 rows of {} by {author}",
            &data[..12]
        )
    };
    assert_eq!(
        family.tree.to_string(),
        format!(
            "{} root 3-4-2, seed 1\n└── {}\n    ├── {}\n    └── {}\n",
            family.root.short(),
            line(&family.first, "first"),
            line(&family.second, "second"),
            line(&family.third, "third")
        )
    );
}

#[test]
fn ids_are_text_and_back() {
    let id = Family::get().root;
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in [
        "",
        "12",
        &id.short(),
        &format!("{id}0"),
        &"g".repeat(64),
        "\u{1b}[2J",
    ] {
        let error = text.parse::<NodeId>().unwrap_err();
        assert!(matches!(error, TreeError::MalformedId { .. }));
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

#[test]
fn a_tree_takes_nothing_twice_and_no_orphans() {
    let family = Family::get();
    let mut tree = family.tree.clone();
    let Child { node, edge, .. } = &family.second;
    let id = Family::id(&family.second);
    let duplicate = |id| Err(TreeError::Duplicate { id });
    assert_eq!(tree.add_root(root(1)), duplicate(family.root));
    assert_eq!(tree.add_node(node.clone(), edge.clone()), duplicate(id));
    let mut empty = Tree::new();
    assert_eq!(
        empty.add_node(node.clone(), edge.clone()),
        Err(TreeError::UnknownParent {
            node: node.label(edge),
            parent: node.parent,
        })
    );
    assert_eq!(empty.verify_lineage(id), Err(TreeError::Unknown { id }));
    assert_eq!(empty.verify_all(), Ok(0));
    assert_eq!(tree.len(), 4);
}

#[test]
fn a_root_has_columns_for_its_network() {
    let architecture = Architecture::new(vec![4, 2]).unwrap();
    let normalization = root(1).normalization().clone();
    assert_eq!(
        Root::new(architecture, tiny(), normalization, 0),
        Err(TreeError::NormalizationWidth {
            network: (4, 2),
            columns: (3, 2),
        })
    );
}

#[test]
fn a_prover_with_wrong_openings_stops() {
    let family = Family::get();
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let parent = Family::id(&family.first);
    let fresh = draft(parent, &family.data[1], "fourth");
    let wrong = other_weights(&family.first.opening);
    let child = fresh.train(&family.tree, &wrong, rng, &mut go);
    assert!(
        child
            .unwrap_err()
            .to_string()
            .contains("not that of the parent")
    );

    let mut stopped = 0;
    let child = fresh.train(&family.tree, &family.first.opening, rng, &mut |_| {
        stopped += 1;
        if stopped == 7 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let source = ProveError::Cancelled;
    assert_eq!(child.unwrap_err(), TreeError::NotProven { parent, source });
    assert_eq!(stopped, 7, "5 steps trained, 2 segments proven");

    let mut greedy = fresh.clone();
    greedy.parameters.batch = 8;
    let error = greedy
        .train(&family.tree, &family.first.opening, rng, &mut go)
        .unwrap_err();
    assert!(matches!(
        error,
        TreeError::NotProven {
            source: ProveError::Statement(VerifyError::Statement(_)),
            ..
        }
    ));
    let orphan = draft(NodeId([9; 32]), &family.data[1], "fifth");
    let child = orphan.train(&family.tree, &family.first.opening, rng, &mut go);
    assert_eq!(
        child.unwrap_err(),
        TreeError::Unknown {
            id: NodeId([9; 32])
        }
    );
}

/// Secrets are not printed.
#[test]
fn debug_output_hides_secrets() {
    let family = Family::get();
    let text = format!("{:?} {:?}", family.second.opening, family.data[0]);
    assert_eq!(
        text,
        "WeightOpening(3,4,2) ProvenDataset(DatasetOpening(7 rows))"
    );
}
