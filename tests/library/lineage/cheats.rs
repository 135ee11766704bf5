//! Nodes that claim what was not done.
use crate::family::{
    Alteration, Family, Field, STEPS, author, draft, family_edge, go, is_training, other_weights,
    root, sign,
};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;
use zktree::{
    commit::RowCommitments,
    error::ProveError,
    nn::{Architecture, DatasetCommitment, FixedPoint, LearningRate, WeightOpening},
    tree::{DatasetName, Labels, Loss, Path, Tree, TreeError},
};

#[test]
fn weights_changed_after_training() {
    let family = Family::get();
    let parent = Family::id(&family.first);
    let changed = other_weights(&family.second.opening);
    // The honest prover makes no such proof.
    let draft = draft(parent, &family.data[1], "second");
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let child = draft.prove(
        &family.tree,
        &family.first.opening,
        changed.clone(),
        rng,
        &mut go,
    );
    let source = ProveError::OtherChild;
    assert_eq!(child.unwrap_err(), TreeError::NotProven { parent, source });
    // And an honest proof is not one of them, nor of the same weights blinded anew.
    let weights = family.second.opening.weights().clone();
    let blinded = WeightOpening::<Field>::new(weights, true, rng);
    for opening in [changed, blinded] {
        let error = family.refused("weights", &|node, _| node.weights = opening.commit());
        assert!(is_training(&error), "{error}");
    }
}

#[test]
fn another_parent() {
    let family = Family::get();
    // Below its sibling, below the root.
    let third = Family::id(&family.third);
    for parent in [third, family.root] {
        let (mut node, mut edge) = (family.second.node.clone(), family.second.edge.clone());
        node.parent = parent;
        sign(&node, &mut edge);
        let mut tree = family.tree.clone();
        let id = tree.add_node(node, edge).unwrap();
        let error = tree.verify_lineage(id).unwrap_err();
        assert!(
            is_training(&error) && error.to_string().contains(&id.short()),
            "{error}"
        );
        // The whole tree fails by that node, the others still verify.
        assert_eq!(tree.verify_all(), Err(error));
        assert!(tree.verify_lineage(third).is_ok());
    }
}

#[test]
fn paths_are_chained_by_recomputed_ids() {
    let family = Family::get();
    let path = family.tree.path(Family::id(&family.second)).unwrap();
    let edges = path.edges().to_vec();
    let other = root(2);
    for (root, edges) in [(path.root(), edges[1..].to_vec()), (&other, edges.clone())] {
        let (node, edge) = edges[0];
        let wrong = TreeError::WrongParent {
            node: node.label(edge),
            named: node.parent,
            above: Box::new(root.id()),
        };
        assert_eq!(Path::new(root, edges).verify(), Err(wrong));
    }
}

#[test]
fn a_root_of_another_seed() {
    let family = Family::get();
    let mut tree = Tree::new();
    let id = tree.add_root(root(2)).unwrap();
    let (mut node, mut edge) = (family.first.node.clone(), family.first.edge.clone());
    node.parent = id;
    sign(&node, &mut edge);
    let id = tree.add_node(node, edge).unwrap();
    let error = tree.verify_lineage(id).unwrap_err();
    assert!(
        is_training(&error) && error.to_string().contains(&id.short()),
        "{error}"
    );
    // Nor does an honest prover start from weights that are not the root's.
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let draft = draft(family.root, &family.data[0], "first");
    let child = draft.train(&family.tree, &root(2).opening().unwrap(), rng, &mut go);
    assert!(
        child
            .unwrap_err()
            .to_string()
            .contains("opening given is not that of the parent")
    );
}

#[test]
fn altered_statements() {
    let family = Family::get();
    let alterations: &[Alteration<'_>] = &[
        ("one step fewer", &|node, _| node.parameters.steps -= 1),
        ("one step more", &|node, _| node.parameters.steps += 1),
        ("other segments", &|node, _| {
            node.parameters.segment_steps = 3
        }),
        ("one segment", &|node, _| {
            node.parameters.segment_steps = STEPS
        }),
        ("larger batch", &|node, _| node.parameters.batch += 1),
        ("larger rate", &|node, _| {
            node.parameters.optimiser = LearningRate::from_coefficient(3).unwrap().into();
        }),
        ("no hiding", &|node, _| node.parameters.hiding = false),
        ("another author", &|node, _| {
            node.author = author(8).public()
        }),
        ("another nonce", &|node, _| node.nonce += 1),
        ("another title", &|node, _| {
            node.labels.title = Some("mine".into())
        }),
        ("no title", &|node, _| node.labels.title = None),
        ("a licence", &|node, _| {
            node.labels.licence = Some("MIT".into())
        }),
        ("a note", &|node, _| node.labels.note = Some(String::new())),
        ("a loss", &|node, _| {
            node.labels.loss = Some(Loss::new(0.0).unwrap());
        }),
        ("the sibling's proof", &|_, edge| *edge = family_edge(2)),
        ("the parent's proof", &|_, edge| {
            edge.proof = family_edge(0).proof;
        }),
        ("no proof", &|_, edge| {
            Arc::make_mut(&mut edge.proof).0.clear()
        }),
    ];
    for (what, alter) in alterations {
        let (mut node, mut edge) = (family.second.node.clone(), family.second.edge.clone());
        let pre_id = node.pre_id();
        alter(&mut node, &mut edge);
        assert!(
            node.pre_id() != pre_id || edge != family.second.edge,
            "{what}"
        );
        let (id, verdict) = family.verdict(node, edge);
        let error = verdict.expect_err(what);
        assert!(error.to_string().contains(&id.short()), "{what}: {error}");
        let right = is_training(&error) || matches!(error, TreeError::OtherDataset { .. });
        assert!(right, "{what}: {error}");
    }
}

#[test]
fn swapped_data() {
    let family = Family::get();
    let other = family.data[2].commitment();
    let error = family.refused("rows", &|_, edge| edge.dataset = other.clone());
    assert!(matches!(error, TreeError::OtherDataset { .. }), "{error}");
    let error = family.refused("rows and name", &|node, edge| {
        edge.dataset = other.clone();
        node.dataset = DatasetName::of(other);
    });
    assert!(is_training(&error), "{error}");
    let all = family_edge(2);
    let error = family.refused("rows, name and range", &|node, edge| {
        edge.dataset = other.clone();
        node.dataset = DatasetName::of(other);
        edge.data_proof = all.data_proof.clone();
    });
    assert!(is_training(&error), "{error}");
    let error = family.refused("range proof", &|_, edge| {
        edge.data_proof = all.data_proof.clone();
    });
    assert!(matches!(error, TreeError::Data { .. }), "{error}");
    // Shapes that the node and the rows disagree on, and shapes that the network does not take.
    let error = family.refused("shape", &|node, _| node.dataset.num_rows += 1);
    assert!(matches!(error, TreeError::OtherDataset { .. }), "{error}");
    for (features, targets, rows) in [(2, 3, 7), (0, 5, 7), (usize::MAX, 2, 7), (3, 2, 0)] {
        let error = family.refused("shape of both", &|node, edge| {
            let mut points = edge.dataset.rows().rows.clone();
            points.truncate(rows);
            let rows = RowCommitments { rows: points };
            edge.dataset = DatasetCommitment::new(features, targets, rows);
            node.dataset = DatasetName::of(&edge.dataset);
        });
        assert!(is_training(&error), "{error}");
    }
}

/// What is altered without its author's help has no signature.
#[test]
fn only_the_author_signs() {
    let family = Family::get();
    let second = || (family.second.node.clone(), family.second.edge.clone());
    let alterations: &[Alteration<'_>] = &[
        ("another's signature", &|node, edge| {
            edge.signature = author(8).sign(node.id(edge));
        }),
        ("the sibling's signature", &|_, edge| {
            edge.signature = family.third.edge.signature;
        }),
        ("another author", &|node, _| {
            node.author = author(8).public();
        }),
        ("another title", &|node, _| {
            node.labels.title = Some("mine".into())
        }),
        ("another proof", &|_, edge| {
            Arc::make_mut(&mut edge.proof).0[0] ^= 1
        }),
    ];
    for (what, alter) in alterations {
        let (mut node, mut edge) = second();
        alter(&mut node, &mut edge);
        let signature = TreeError::Signature {
            node: node.label(&edge),
            author: node.author,
        };
        let mut tree = family.tree.clone();
        let added = tree.add_node(node.clone(), edge.clone());
        assert_eq!(added, Err(signature.clone()), "{what}");
        let path = family.tree.path(Family::id(&family.second)).unwrap();
        let mut edges = path.edges().to_vec();
        edges[1] = (&node, &edge);
        let verdict = Path::new(path.root(), edges).verify();
        assert_eq!(verdict, Err(signature), "{what}");
    }
    let (mut node, mut edge) = second();
    node.labels.title = Some("two\nlines".into());
    sign(&node, &mut edge);
    let error = family.tree.clone().add_node(node, edge).unwrap_err();
    assert!(matches!(error, TreeError::Label { label: "title", .. }));
    let mut draft = draft(Family::id(&family.first), &family.data[1], "second");
    draft.labels = Labels {
        licence: Some("\u{1b}".into()),
        ..Labels::default()
    };
    let rng = &mut ChaCha20Rng::seed_from_u64(9);
    let child = draft.train(&family.tree, &family.first.opening, rng, &mut go);
    assert!(matches!(child, Err(TreeError::Label { .. })));
}

#[test]
fn another_network_than_the_roots() {
    let family = Family::get();
    let error = family.refused("architecture", &|node, _| {
        node.parameters.architecture = Architecture::new(vec![3, 5, 2]).unwrap();
    });
    assert!(
        matches!(error, TreeError::OtherArchitecture { .. }),
        "{error}"
    );
    let error = family.refused("fixed point", &|node, _| {
        node.parameters.fixed_point = FixedPoint::compact();
    });
    assert!(
        matches!(error, TreeError::OtherFixedPoint { .. }),
        "{error}"
    );
}

/// The bound follows from rate and steps; runs that might wrap around the field are refused
/// whatever their proof says.
#[test]
fn the_bound_on_weights_is_recomputed() {
    let family = Family::get();
    for steps in [1 << 62, u64::MAX] {
        for segment_steps in [1, u64::MAX] {
            let error = family.refused("a run without end", &|node, _| {
                node.parameters.steps = steps;
                node.parameters.segment_steps = segment_steps;
                node.parameters.optimiser = LearningRate::from_coefficient(1 << 53).unwrap().into();
            });
            let text = error.to_string();
            assert!(text.contains("bound on weights after"), "{text}");
        }
    }
    // Within the bound, but no proof has that many segments; nothing is allocated for them.
    let error = family.refused("many segments", &|node, _| {
        node.parameters.steps = 1 << 62;
        node.parameters.segment_steps = 1;
    });
    assert!(is_training(&error), "{error}");
}
