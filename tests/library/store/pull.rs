//! Merging trees.
use crate::{
    family::{Family, author, draft, go, sign},
    store::kept::Kept,
};
use ark_pallas::Projective as Pallas;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::{collections::BTreeSet, fs};
use zktree::tree::{
    Child, NodeId, TreeError,
    store::{Pull, Refusal, Store, Terms},
};

fn pull(to: &Store<Pallas>, from: &Kept, partial: bool) -> Pull {
    let from = Store::view(from.store.dir()).unwrap();
    to.pull(&from, &terms(partial, &BTreeSet::new()), &mut |_| ())
        .unwrap()
}

fn terms(partial: bool, verified: &BTreeSet<NodeId>) -> Terms<'_> {
    Terms {
        partial,
        verified,
        authors: None,
    }
}

/// A child of the family's first, on the data of the second, by another author.
pub fn cousin(title: &str) -> Child<Pallas> {
    let family = Family::get();
    let parent = Family::id(&family.first);
    let mut draft = draft(parent, &family.data[1], title);
    draft.author = author(5);
    let rng = &mut ChaCha20Rng::seed_from_u64(13);
    draft
        .train(&family.tree, &family.first.opening, rng, &mut go)
        .unwrap()
}

/// A node that its author signed and whose proof is another's.
fn forged() -> Child<Pallas> {
    let mut child = Family::get().second.clone();
    child.node.labels.title = Some("forged".into());
    sign(&child.node, &mut child.edge);
    child
}

#[test]
fn trees_are_merged() {
    let (alice, bob) = (Kept::new(), Kept::new());
    let new = bob.store.add_child(&cousin("cousin")).unwrap();
    let before = alice.store.head().unwrap();
    let done = pull(&alice.store, &bob, false);
    assert_eq!((done.taken, done.refused.len()), (vec![new], 0));
    let (tree, damage) = alice.store.load();
    assert_eq!((tree.len(), damage), (5, vec![]));
    assert_eq!(tree.verify_all(), Ok(4));
    assert!(alice.store.consistency(&before).unwrap().verify().is_ok());
    // Secrets are not among what is taken.
    let node = tree.node(new).unwrap();
    assert!(alice.store.private().opening(new, node).unwrap().is_none());
    // A second time there is nothing to take.
    let again = pull(&alice.store, &bob, false);
    assert_eq!((again.taken, again.refused.len()), (vec![], 0));

    let empty = Store::create(alice.beside("empty")).unwrap();
    let mut heard = 0;
    let done = empty
        .pull(&alice.store, &terms(false, &BTreeSet::new()), &mut |_| {
            heard += 1;
        })
        .unwrap();
    assert_eq!((done.taken.len(), heard), (5, 4));
    assert_eq!(empty.head().unwrap(), alice.store.head().unwrap());
}

/// That a node is here does not vouch for it: a copied directory may have anything in it.
#[test]
fn a_parent_that_nobody_verified_is_verified() {
    let (alice, bob) = (Kept::new(), Kept::new());
    let bad = bob.store.add_child(&forged()).unwrap();
    assert_eq!(alice.store.add_child(&forged()).unwrap(), bad);
    let (tree, _) = bob.store.load();
    let family = Family::get();
    let rng = &mut ChaCha20Rng::seed_from_u64(14);
    let below = draft(bad, &family.data[0], "below")
        .train(&tree, &family.second.opening, rng, &mut go)
        .unwrap();
    let below = bob.store.add_child(&below).unwrap();
    let done = pull(&alice.store, &bob, true);
    assert_eq!(done.taken, vec![]);
    assert!(done.refused.contains_key(&below));
    let cached = BTreeSet::from([bad]);
    let from = Store::view(bob.store.dir()).unwrap();
    let done = alice.store.pull(&from, &terms(true, &cached), &mut |_| ());
    let done = done.unwrap();
    assert_eq!(done.taken, vec![below]);
}

/// With authors whose word counts, what others signed is refused, and what descends from it.
#[test]
fn nodes_by_others_are_not_taken() {
    let (alice, bob) = (Kept::new(), Kept::new());
    let theirs = bob.store.add_child(&cousin("cousin")).unwrap();
    let (tree, _) = bob.store.load();
    let family = Family::get();
    let rng = &mut ChaCha20Rng::seed_from_u64(15);
    let parent = cousin("cousin").opening;
    let below = draft(theirs, &family.data[0], "below")
        .train(&tree, &parent, rng, &mut go)
        .unwrap();
    let below = bob.store.add_child(&below).unwrap();
    let ours = BTreeSet::from([tree.author(bob.first).unwrap()]);
    assert_ne!(Some(tree.author(theirs).unwrap()), ours.first().copied());
    let empty = BTreeSet::new();
    let with = |authors, partial| {
        let from = Store::view(bob.store.dir()).unwrap();
        let terms = Terms {
            authors,
            ..terms(partial, &empty)
        };
        alice.store.pull(&from, &terms, &mut |_| ()).unwrap()
    };
    let done = with(Some(&ours), true);
    assert_eq!(done.taken, vec![]);
    let other = &done.refused[&theirs];
    assert!(
        matches!(other, Refusal::Tree(TreeError::OtherAuthor { .. })),
        "{other}"
    );
    let parent = &done.refused[&below];
    assert!(
        matches!(parent, Refusal::Tree(TreeError::RefusedParent { .. })),
        "{parent}"
    );
    let all = tree.ids().filter_map(|id| tree.author(id)).collect();
    assert_eq!(with(Some(&all), false).taken, vec![theirs, below]);
}

#[test]
fn nothing_is_taken_if_anything_fails_unless_asked() {
    let (alice, bob) = (Kept::new(), Kept::new());
    let bad = bob.store.add_child(&forged()).unwrap();
    let mut below = forged();
    below.node.parent = bad;
    sign(&below.node, &mut below.edge);
    let below = bob.store.add_child(&below).unwrap();
    let good = bob.store.add_child(&cousin("good")).unwrap();
    let before = alice.store.head().unwrap();

    let refuses = |done: &Pull| {
        let training = &done.refused[&bad];
        assert!(
            matches!(training, Refusal::Tree(TreeError::Training { .. })),
            "{training}"
        );
        assert!(
            training
                .to_string()
                .starts_with(&format!("node {} \"forged\"", bad.short()))
        );
        let parent = match &done.refused[&below] {
            Refusal::Tree(error) => error.refused_parent(),
            _ => None,
        };
        assert_eq!(parent, Some(bad));
        assert_eq!(done.causes(), [(bad, 1)].into());
        assert_eq!(done.refused.len(), 2);
    };
    let done = pull(&alice.store, &bob, false);
    refuses(&done);
    assert_eq!(done.taken, []);
    assert_eq!(alice.store.head().unwrap(), before);
    let done = pull(&alice.store, &bob, true);
    refuses(&done);
    assert_eq!(done.taken, [good]);
    assert_eq!(alice.store.load().0.verify_all(), Ok(4));
}

#[test]
fn what_is_damaged_there_is_refused_and_what_is_damaged_here_is_replaced() {
    let (alice, bob) = (Kept::new(), Kept::new());
    let lost = bob.file("nodes", bob.third);
    fs::write(&lost, "altered").unwrap();
    // Here it is whole: there is nothing to take.
    assert_eq!(pull(&alice.store, &bob, false).refused.len(), 0);
    let empty = || -> (tempfile::TempDir, Store<Pallas>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("tree")).unwrap();
        (dir, store)
    };
    let (_dir, new) = empty();
    let done = pull(&new, &bob, false);
    let named = |refusal: &Refusal| refusal.to_string().contains(&bob.third.to_string());
    assert!(done.refused.len() == 1 && named(&done.refused[&bob.third]));
    assert_eq!((done.taken, new.load().0.len()), (vec![], 0));
    let done = pull(&new, &bob, true);
    assert_eq!((done.refused.len(), done.taken.len()), (1, 3));

    // Bob gets his node back from Alice, in the place that his log has for it.
    let head = bob.store.head().unwrap();
    let done = pull(&bob.store, &alice, false);
    assert_eq!(done.taken, [bob.third]);
    let (tree, damage) = bob.store.load();
    assert_eq!((tree.verify_all(), damage), (Ok(3), vec![]));
    assert_eq!(bob.store.head().unwrap(), head);
}

/// The order of the other's log is kept, but a parent comes first.
#[test]
fn parents_are_logged_first_whatever_the_other_log_says() {
    let (alice, bob) = (Kept::new(), Kept::new());
    let ids: [NodeId; 4] = [bob.third, bob.root, bob.second, bob.first];
    let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
    fs::write(bob.path("log/entries"), text).unwrap();
    let empty = Store::<Pallas>::create(alice.beside("empty")).unwrap();
    let done = pull(&empty, &bob, false);
    assert_eq!(done.taken, [bob.root, bob.first, bob.third, bob.second]);
    assert_eq!(empty.load().1, []);
    assert!(
        done.damage
            .iter()
            .all(|damage| damage.file.starts_with("log"))
    );
    assert!(!done.damage.is_empty());
    assert_eq!(pull(&empty, &alice, false).damage, []);
}
