//! Every way to forge a tree that we know of: what is said about it, and that the rest of the tree
//! can be used. Altered files are in `tamper.rs`, heads of forked logs beside the log.
use crate::{
    family::{Alteration, Family, STEPS, author, family_edge, other_weights, root, sign},
    store::kept::Kept,
    store::pull::cousin,
};
use ark_pallas::Projective as Pallas;
use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, LazyLock},
};
use zktree::{
    nn::{Architecture, FixedPoint, LearningRate},
    tree::{
        Child, DatasetName, Loss, NodeId, TreeError,
        store::{LogError, Problem, Store, StoreError},
    },
};

/// Every field of a node and every part of an edge, altered.
fn alterations() -> Vec<Alteration<'static>> {
    vec![
        ("parent", &|node, _| {
            node.parent = Family::id(&Family::get().third)
        }),
        ("architecture", &|node, _| {
            node.parameters.architecture = Architecture::new(vec![4, 4, 2]).unwrap();
        }),
        ("fixed point", &|node, _| {
            node.parameters.fixed_point = FixedPoint::paper()
        }),
        ("rate", &|node, _| {
            node.parameters.optimiser = LearningRate::from_coefficient(3).unwrap().into();
        }),
        ("batch", &|node, _| node.parameters.batch -= 1),
        ("steps", &|node, _| node.parameters.steps = STEPS + 1),
        ("segment steps", &|node, _| {
            node.parameters.segment_steps = STEPS
        }),
        ("hiding", &|node, _| node.parameters.hiding = false),
        ("weights", &|node, _| {
            node.weights = other_weights(&Family::get().second.opening).commit();
        }),
        ("the parent's weights", &|node, _| {
            node.weights = Family::get().first.node.weights.clone();
        }),
        ("data set", &|node, edge| {
            edge.dataset = Family::get().data[2].commitment().clone();
            node.dataset = DatasetName::of(&edge.dataset);
        }),
        ("data set and its range", &|node, edge| {
            edge.dataset = Family::get().data[2].commitment().clone();
            edge.data_proof = family_edge(2).data_proof;
            node.dataset = DatasetName::of(&edge.dataset);
        }),
        ("rows", &|node, _| node.dataset.num_rows += 1),
        ("nonce", &|node, _| node.nonce += 1),
        ("author", &|node, _| node.author = author(8).public()),
        ("title", &|node, _| node.labels.title = Some("mine".into())),
        ("licence", &|node, _| {
            node.labels.licence = Some("MIT".into())
        }),
        ("note", &|node, _| node.labels.note = Some("better".into())),
        ("loss", &|node, _| {
            node.labels.loss = Some(Loss::new(0.0).unwrap())
        }),
        ("a byte of the proof", &|_, edge| {
            Arc::make_mut(&mut edge.proof).0[500] ^= 1
        }),
        ("a byte of the range", &|_, edge| {
            Arc::make_mut(&mut edge.data_proof)[500] ^= 1
        }),
        ("the sibling's proof", &|_, edge| {
            edge.proof = family_edge(2).proof
        }),
        ("the parent's proof", &|_, edge| {
            edge.proof = family_edge(0).proof
        }),
        ("no proof", &|_, edge| {
            Arc::make_mut(&mut edge.proof).0.clear()
        }),
    ]
}

/// An author alters what they signed, and signs again: the proof refuses it.
#[test]
fn what_its_author_alters_is_not_proven() {
    let family = Family::get();
    for (what, alter) in alterations() {
        let kept = Kept::new();
        let Child {
            mut node, mut edge, ..
        } = family.second.clone();
        alter(&mut node, &mut edge);
        sign(&node, &mut edge);
        let opening = family.second.opening.clone();
        let id = kept
            .store
            .add_child(&Child {
                node,
                edge,
                opening,
            })
            .unwrap();
        let (tree, damage) = kept.store.load();
        assert_eq!(damage, [], "{what}");
        // What was verified before is passed over.
        let known = BTreeSet::from([kept.first, kept.third]);
        let error = tree.verify(&[id], &known, &mut |_| ()).expect_err(what);
        assert_eq!(error.node(), Some(id), "{what}: {error}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("node {}", id.short())),
            "{what}: {text}"
        );
        let verdicts = tree
            .verdicts(&[id, kept.third], &known, &mut |_| ())
            .unwrap();
        assert_eq!(verdicts.refused.keys().collect::<Vec<_>>(), [&id], "{what}");
    }
}

/// Nodes on the same data share the proof of its range, which is verified once: a false one is held
/// against all of them, wherever it fails.
#[test]
fn a_false_range_is_held_against_all_who_share_it() {
    let family = Family::get();
    let kept = Kept::new();
    let len = family.second.edge.data_proof.len();
    let mut bad = Vec::new();
    for position in [0, 500, len / 2, len - 100, len - 32, len - 1] {
        let mut data_proof = family.second.edge.data_proof.clone();
        Arc::make_mut(&mut data_proof)[position] ^= 1;
        for child in [&family.second, cousin_of_second()] {
            let mut child = child.clone();
            child.edge.data_proof = data_proof.clone();
            sign(&child.node, &mut child.edge);
            bad.push(kept.store.add_child(&child).unwrap());
        }
    }
    let cousin = kept.store.add_child(cousin_of_second()).unwrap();
    let (tree, damage) = kept.store.load();
    assert_eq!(damage, []);
    let all: Vec<NodeId> = tree.ids().collect();
    let verdicts = tree.verdicts(&all, &BTreeSet::new(), &mut |_| ()).unwrap();
    let mut good = [kept.first, kept.second, kept.third, cousin];
    let mut verified = verdicts.verified;
    good.sort_unstable();
    verified.sort_unstable();
    assert_eq!(verified, good);
    bad.sort_unstable();
    assert!(verdicts.refused.keys().eq(&bad));
    let data = |error: &TreeError| matches!(error, TreeError::Data { .. });
    assert!(verdicts.refused.values().all(data));
}

/// Another honest child of the first, on the data of the second.
fn cousin_of_second() -> &'static Child<Pallas> {
    static COUSIN: LazyLock<Child<Pallas>> = LazyLock::new(|| cousin("cousin"));
    &COUSIN
}

/// Somebody else alters it: there is no signature of it.
#[test]
fn what_another_alters_is_not_signed() {
    let family = Family::get();
    for (what, alter) in alterations() {
        let kept = Kept::new();
        let Child {
            mut node, mut edge, ..
        } = family.second.clone();
        alter(&mut node, &mut edge);
        // Their own signature, or the one that was there.
        if what.len() % 2 == 0 {
            edge.signature = author(3).sign(node.id(&edge));
        }
        let opening = family.second.opening.clone();
        let refused = kept.store.add_child(&Child {
            node: node.clone(),
            edge: edge.clone(),
            opening,
        });
        assert!(
            matches!(refused, Err(StoreError::Tree(TreeError::Signature { .. }))),
            "{what}"
        );
        let id = kept.plant(&node, &edge);
        let (tree, damage) = kept.store.load();
        let signature = TreeError::Signature {
            node: node.label(&edge),
            author: node.author,
        };
        assert_eq!(damage.len(), 1, "{what}: {damage:?}");
        assert_eq!(damage[0].node, Some(id));
        assert_eq!(*damage[0].problem, Problem::Tree(signature), "{what}");
        assert!(!tree.contains(id) && tree.len() == 4, "{what}");
    }
}

#[test]
fn a_false_root() {
    let (kept, family) = (Kept::new(), Family::get());
    // Under the id of the true one.
    fs::write(kept.file("roots", kept.root), root(2).encode()).unwrap();
    let damage = kept.damage();
    assert_eq!(damage.len(), 4, "{damage:?}");
    assert!(damage[0].starts_with(&format!("roots/{}: the file was altered", kept.root)));
    assert!(damage[1].contains("is missing or damaged"));
    assert_eq!(kept.store.load().0.len(), 0);

    // Under its own, with a child of the true one.
    let kept = Kept::new();
    let other = kept.store.add_root(&root(2)).unwrap();
    let Child {
        mut node, mut edge, ..
    } = family.first.clone();
    node.parent = other;
    sign(&node, &mut edge);
    let id = kept.plant(&node, &edge);
    let error = kept.store.load().0.verify_lineage(id).unwrap_err();
    assert!(
        matches!(&error, TreeError::Training { node, .. } if node.id == id),
        "{error}"
    );
}

/// No cycle has names that are the hashes of its nodes.
#[test]
fn a_cycle() {
    let (kept, family) = (Kept::new(), Family::get());
    let write = |name: NodeId, parent: NodeId| {
        let Child {
            mut node, mut edge, ..
        } = family.second.clone();
        node.parent = parent;
        sign(&node, &mut edge);
        let id = kept.plant(&node, &edge);
        fs::rename(kept.file("nodes", id), kept.file("nodes", name)).unwrap();
    };
    let [a, b] = [NodeId([1; 32]), NodeId([2; 32])];
    write(a, b);
    write(b, a);
    write(NodeId([3; 32]), NodeId([3; 32]));
    kept.relog(&[
        kept.root,
        kept.first,
        kept.second,
        kept.third,
        a,
        b,
        NodeId([3; 32]),
    ]);
    let (tree, damage) = kept.store.load();
    assert_eq!(damage.len(), 3, "{damage:?}");
    assert!(
        damage.iter().all(|d| *d.problem == Problem::OtherContent),
        "{damage:?}"
    );
    assert_eq!((tree.len(), tree.verify_all()), (4, Ok(3)));
    let error = tree.verify_lineage(a).unwrap_err();
    assert_eq!(error, TreeError::Unknown { id: a });
}

#[test]
fn a_node_whose_parent_is_missing() {
    let kept = Kept::new();
    fs::remove_file(kept.file("nodes", kept.first)).unwrap();
    let damage = kept.damage();
    let parent = kept.first;
    assert_eq!(damage.len(), 3, "{damage:?}");
    let missing = format!("nodes/{}: the file is missing", kept.first);
    assert!(damage[0].starts_with(&missing), "{damage:?}");
    for id in [kept.second, kept.third] {
        let line = format!("nodes/{id}: its parent {parent} is missing or damaged");
        assert!(damage.contains(&line), "{damage:?}");
    }
    // The children are found; they are just not in the tree.
    assert_eq!(kept.store.resolve(&kept.third.short()).unwrap(), kept.third);
}

/// Entries of the log that are removed, reordered or replaced, with the head that was there and
/// with one that belongs to them.
#[test]
fn forged_logs() {
    let new = Kept::new();
    let (root, first, second, third) = (new.root, new.first, new.second, new.third);
    let other = NodeId([7; 32]);
    let old = new.store.head().unwrap();
    let no_lines: &[&str] = &[];
    for (what, ids, lines) in [
        (
            "removed at the end",
            vec![root, first, second],
            &["not in the log"][..],
        ),
        (
            "removed",
            vec![root, second, third],
            &["not in the log", "before its parent"],
        ),
        ("reordered", vec![root, first, third, second], no_lines),
        (
            "child first",
            vec![root, second, first, third],
            &["before its parent"],
        ),
        (
            "replaced",
            vec![root, first, second, other],
            &["not in the log", "the file is missing"],
        ),
        ("empty", vec![], &["not in the log"]),
    ] {
        let kept = Kept::new();
        let head = fs::read(kept.path("log/head.json")).unwrap();
        kept.relog(&ids);
        let (tree, damage) = kept.store.load();
        let text: Vec<String> = damage.iter().map(ToString::to_string).collect();
        for line in lines {
            assert!(text.iter().any(|t| t.contains(line)), "{what}: {text:?}");
        }
        assert_eq!(text.is_empty(), lines.is_empty(), "{what}: {text:?}");
        assert_eq!(tree.verify_all(), Ok(3), "{what}");
        // Who kept a head sees it.
        let error = kept.store.consistency(&old).unwrap_err();
        let continued = matches!(error, StoreError::Log(LogError::NotConsistent { .. }));
        assert!(continued, "{what}: {error}");
        assert!(
            kept.store.log().unwrap().inclusion_in(third, &old).is_err(),
            "{what}"
        );

        // With the old head nobody needs to have kept one.
        fs::write(kept.path("log/head.json"), head).unwrap();
        let error = kept.store.log().unwrap_err();
        let head = matches!(&error, StoreError::Damage(d) if d.file.ends_with("entries"));
        assert!(head, "{what}: {error}");
        // A damaged log is not written over.
        let entries = fs::read(kept.path("log/entries")).unwrap();
        assert!(
            kept.store.add_root(&crate::family::root(5)).is_err(),
            "{what}"
        );
        drop(Store::<Pallas>::open(kept.store.dir()).unwrap());
        assert_eq!(
            fs::read(kept.path("log/entries")).unwrap(),
            entries,
            "{what}"
        );
    }
    // An id twice.
    let kept = Kept::new();
    let twice: String = [root, first, second, third, first]
        .map(|id| format!("{id}\n"))
        .concat();
    fs::write(kept.path("log/entries"), twice).unwrap();
    assert_eq!(
        kept.damage(),
        [format!(
            "log/entries: node {} is logged twice",
            first.short()
        )]
    );
}

#[test]
fn a_data_set_in_place_of_another() {
    let (kept, family) = (Kept::new(), Family::get());
    let file = |k: usize| {
        let root = family.data[k].commitment().root();
        kept.path("datasets").join(hex::encode(root))
    };
    fs::copy(file(1), file(2)).unwrap();
    let (tree, damage) = kept.store.load();
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert_eq!(
        (damage[0].node, &*damage[0].problem),
        (Some(kept.third), &Problem::OtherContent)
    );
    assert_eq!(tree.verify_all(), Ok(2));
}

/// There is no place to claim a bound: it is recomputed, and a run that it does not allow is
/// refused whatever is proven.
#[test]
fn a_bound_that_is_too_small() {
    let (kept, family) = (Kept::new(), Family::get());
    let Child {
        mut node, mut edge, ..
    } = family.second.clone();
    node.parameters.steps = u64::MAX;
    node.parameters.segment_steps = u64::MAX;
    node.parameters.optimiser = LearningRate::from_coefficient(1 << 53).unwrap().into();
    sign(&node, &mut edge);
    let id = kept.plant(&node, &edge);
    let error = kept.store.load().0.verify_lineage(id).unwrap_err();
    assert_eq!(error.node(), Some(id));
    assert!(
        error.to_string().contains("bound on weights after"),
        "{error}"
    );
}

/// A directory that comes with a cache of its own is verified all the same.
#[test]
fn a_tree_does_not_vouch_for_itself() {
    let kept = Kept::new();
    let dir = kept.path("zktree");
    fs::create_dir(&dir).unwrap();
    let mut cache = zktree::tree::store::VerifiedCache::<Pallas>::in_dir(&dir);
    cache.remember([kept.first, kept.second, kept.third]);
    let user = zktree::tree::store::VerifiedCache::<Pallas>::in_dir(&kept.beside("cache"));
    let (tree, _) = kept.store.load();
    let verified = tree
        .verify(&[kept.second], user.ids(), &mut |_| ())
        .unwrap();
    assert_eq!(verified.len(), 2);
}
