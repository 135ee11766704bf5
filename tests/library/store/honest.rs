//! What is kept is found again.
use crate::{
    family::{Family, author, draft, go, other_weights, root},
    store::kept::Kept,
};
use ark_bls12_381::G1Projective as Bls12381;
use ark_pallas::Projective as Pallas;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::{collections::BTreeSet, fs};
use zktree::tree::{
    NodeId, TreeError,
    store::{LogError, Store, StoreError, VerifiedCache, curve_of},
};

fn open(kept: &Kept) -> Store<Pallas> {
    Store::open(kept.store.dir()).unwrap()
}

#[test]
fn a_tree_is_kept_and_verified() {
    let (kept, family) = (Kept::new(), Family::get());
    assert_eq!(curve_of(kept.store.dir()).unwrap(), "Pallas");
    let store = open(&kept);
    let (tree, damage) = store.load();
    assert_eq!(damage, []);
    assert_eq!(tree.to_string(), family.tree.to_string());
    assert_eq!(tree.verify_all(), Ok(3));
    assert_eq!(tree.node(kept.second), Some(&family.second.node));
    assert_eq!(tree.edge(kept.second), Some(&family.second.edge));

    let log = store.log().unwrap();
    assert_eq!(log.ids(), [kept.root, kept.first, kept.second, kept.third]);
    for id in log.ids() {
        assert!(store.inclusion(*id).unwrap().verify().is_ok());
    }
    let other = NodeId([1; 32]);
    let error = store.inclusion(other).unwrap_err();
    assert!(matches!(error, StoreError::Log(LogError::NotLogged { id }) if id == other));

    // Children on other data share nothing; the root and the log are the only other files.
    assert_eq!(kept.public_files().len(), 2 + 1 + 3 + 6 + 3 + 2);
}

/// The public part is all that a verifier needs, wherever it is and whoever may write.
#[test]
fn the_private_part_is_not_needed_to_verify() {
    let kept = Kept::new();
    fs::remove_dir_all(kept.path("private")).unwrap();
    fs::remove_file(kept.path("lock")).unwrap();
    let (tree, damage) = open(&kept).load();
    assert_eq!((tree.verify_all(), damage), (Ok(3), vec![]));
    let node = tree.node(kept.first).unwrap();
    assert!(
        open(&kept)
            .private()
            .opening(kept.first, node)
            .unwrap()
            .is_none()
    );
    // Who trains on gets a private part again.
    let opening = &Family::get().first.opening;
    kept.store
        .private()
        .save_opening(kept.first, opening)
        .unwrap();
    assert!(
        open(&kept)
            .private()
            .opening(kept.first, node)
            .unwrap()
            .is_some()
    );
}

#[test]
fn ids_are_abbreviated() {
    let kept = Kept::new();
    let ids = [kept.root, kept.first, kept.second, kept.third];
    for id in ids {
        for digits in [12, 63, 64] {
            let text: String = id.to_string().chars().take(digits).collect();
            assert_eq!(kept.store.resolve(&text).unwrap(), id);
            assert_eq!(kept.store.resolve(&text.to_uppercase()).unwrap(), id);
        }
    }
    for text in ["", "123", "xyzw", "12 4", &"0".repeat(65), "\u{1b}[2J"] {
        let error = kept.store.resolve(text).unwrap_err();
        assert!(
            matches!(error, StoreError::MalformedPrefix { .. }),
            "{error}"
        );
        assert!(!error.to_string().contains('\u{1b}'));
    }
    let error = kept.store.resolve(&"0".repeat(20)).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchId { .. }), "{error}");
    // A file that is no node still has a name that an id could have.
    let mut twin = kept.first.to_string();
    twin.replace_range(63.., if twin.ends_with('0') { "1" } else { "0" });
    fs::write(kept.path("nodes").join(&twin), "").unwrap();
    match kept.store.resolve(&twin[..20]).unwrap_err() {
        StoreError::Ambiguous { candidates, .. } => assert_eq!(candidates.len(), 2),
        error => panic!("{error}"),
    }
    assert_eq!(
        kept.store.resolve(&kept.first.to_string()).unwrap(),
        kept.first
    );
}

#[test]
fn secrets_are_kept_apart_and_checked() {
    let (kept, family) = (Kept::new(), Family::get());
    let (store, private) = (&kept.store, kept.store.private());
    let opening = private
        .opening(kept.second, &family.second.node)
        .unwrap()
        .unwrap();
    assert_eq!(opening.weights(), family.second.opening.weights());

    // Another node's opening, and one of altered weights.
    for wrong in [
        family.third.opening.clone(),
        other_weights(&family.second.opening),
    ] {
        private.save_opening(kept.second, &wrong).unwrap();
        let error = private
            .opening(kept.second, &family.second.node)
            .unwrap_err();
        assert!(matches!(error, StoreError::WrongOpening { .. }), "{error}");
        assert!(
            error.to_string().contains(&kept.second.to_string()),
            "{error}"
        );
    }
    let file = format!("private/openings/{}.safetensors", kept.second);
    fs::write(kept.path(&file), "no tensors").unwrap();
    let error = private
        .opening(kept.second, &family.second.node)
        .unwrap_err();
    assert!(matches!(error, StoreError::Opening { .. }), "{error}");

    assert!(private.datasets().is_empty());
    let data = &family.data[0];
    private.save_dataset(data).unwrap();
    let name = data.commitment().root();
    assert_eq!(private.datasets(), [name]);
    let back = private.dataset(&name).unwrap().unwrap();
    assert_eq!(back.commitment(), data.commitment());
    assert_eq!(back.proof(), data.proof());
    assert!(private.dataset(&[0; 32]).unwrap().is_none());
    let files = |root: [u8; 32]| {
        ["safetensors", "range"]
            .map(|end| kept.path(format!("private/datasets/{}.{end}", hex::encode(root))))
    };
    for (from, to) in files(name).iter().zip(files([0; 32])) {
        fs::copy(from, to).unwrap();
    }
    let error = private.dataset(&[0; 32]).unwrap_err();
    assert!(matches!(error, StoreError::WrongOpening { .. }), "{error}");

    assert_eq!(private.run("a-1").unwrap(), None);
    private.save_run("a-1", b"state").unwrap();
    private.save_run("a-1", b"later").unwrap();
    assert_eq!(private.run("a-1").unwrap().unwrap(), b"later");
    assert_eq!(private.runs(), ["a-1"]);
    private.remove_run("a-1").unwrap();
    private.remove_run("a-1").unwrap();
    assert!(private.runs().is_empty());
    for name in ["", "../a", "a/b", "a b", ".", &"a".repeat(101)] {
        let error = private.save_run(name, b"").unwrap_err();
        assert!(matches!(error, StoreError::RunName { .. }), "{error}");
    }
    assert_eq!(store.load().1, [], "nothing private is public");
}

#[cfg(unix)]
#[test]
fn only_the_owner_sees_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let kept = Kept::new();
    let private = kept.store.private();
    private.save_dataset(&Family::get().data[0]).unwrap();
    private.save_run("run", b"").unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut open = vec![kept.path("private")];
    let mut files = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert_eq!(files, 3 + 2 + 1);
    // The lock is for writers; all else that is public can be read by all.
    let public = kept.public_files().into_iter();
    for file in public.filter(|file| !file.ends_with("lock")) {
        assert_eq!(mode(&file) & 0o444, 0o444, "{}", file.display());
    }
}

#[test]
fn nothing_is_added_twice_or_without_its_parent() {
    let (kept, family) = (Kept::new(), Family::get());
    let head = kept.store.head().unwrap();
    let error = kept.store.add_root(&root(1)).unwrap_err();
    assert!(
        matches!(error, StoreError::Tree(TreeError::Duplicate { .. })),
        "{error}"
    );
    let error = kept.store.add_child(&family.second).unwrap_err();
    assert!(
        matches!(error, StoreError::Tree(TreeError::Duplicate { .. })),
        "{error}"
    );
    let other = Store::<Pallas>::create(kept.beside("other")).unwrap();
    let error = other.add_child(&family.first).unwrap_err();
    assert!(
        matches!(error, StoreError::Tree(TreeError::UnknownParent { .. })),
        "{error}"
    );
    let mut unsigned = family.third.clone();
    unsigned.edge.signature = author(8).sign(kept.third);
    let error = other.add_child(&unsigned).unwrap_err();
    assert!(
        matches!(error, StoreError::Tree(TreeError::Signature { .. })),
        "{error}"
    );
    assert_eq!(other.load().0.len(), 0);
    assert_eq!(kept.store.head().unwrap(), head);
}

#[test]
fn training_goes_on_from_what_is_kept() {
    let (kept, family) = (Kept::new(), Family::get());
    let store = open(&kept);
    let (tree, _) = store.load();
    let node = tree.node(kept.third).unwrap();
    let opening = store.private().opening(kept.third, node).unwrap().unwrap();
    let rng = &mut ChaCha20Rng::seed_from_u64(11);
    let draft = draft(kept.third, &family.data[0], "fourth");
    let child = draft.train(&tree, &opening, rng, &mut go).unwrap();
    let old = store.head().unwrap();
    let id = store.add_child(&child).unwrap();
    let (tree, damage) = open(&kept).load();
    assert_eq!(damage, []);
    assert_eq!(tree.verify_lineage(id).unwrap().ids.len(), 4);
    assert!(store.consistency(&old).unwrap().verify().is_ok());
}

#[test]
fn directories_that_are_no_trees_are_refused() {
    let kept = Kept::new();
    let error = Store::<Bls12381>::open(kept.store.dir()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("on the curve Pallas, not on BLS12-381-G1"),
        "{error}"
    );
    let error = Store::<Pallas>::create(kept.store.dir()).unwrap_err();
    assert!(matches!(error, StoreError::NotEmpty { .. }), "{error}");
    let error = Store::<Pallas>::open(kept.beside("none")).unwrap_err();
    assert!(matches!(error, StoreError::NoTree { .. }), "{error}");
    for (text, message) in [
        ("", "not the description of a tree"),
        ("{}", "missing field `version`"),
        (
            r#"{"version":2,"curve":"Pallas"}"#,
            "version 2; this program knows version 1",
        ),
        (r#"{"version":1,"curve":"Pallas"}"#, "it was altered"),
        (
            r#"{"version":1,"curve":"Pallas","x":0}"#,
            "unknown field `x`",
        ),
        (
            "{\"version\":1,\"curve\":\"P-256\"}\n",
            "the curve P-256, not on Pallas",
        ),
    ] {
        fs::write(kept.path("zktree.json"), text).unwrap();
        let error = Store::<Pallas>::open(kept.store.dir()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    fs::remove_file(kept.path("zktree.json")).unwrap();
    fs::create_dir(kept.path("zktree.json")).unwrap();
    let error = curve_of(kept.store.dir()).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
    let file = kept.beside("file");
    fs::write(&file, "").unwrap();
    let error = Store::<Pallas>::create(&file).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn verified_edges_are_remembered() {
    let kept = Kept::new();
    let (tree, _) = kept.store.load();
    let dir = kept.beside("cache");
    let mut cache = VerifiedCache::<Pallas>::in_dir(&dir);
    assert!(cache.ids().is_empty());
    let mut heard = Vec::new();
    let new = tree
        .verify(&[kept.second], cache.ids(), &mut |id| heard.push(id))
        .unwrap();
    assert_eq!((&new, &heard), (&vec![kept.first, kept.second], &new));
    cache.remember(new);
    // Another process remembers something else meanwhile.
    let mut other = VerifiedCache::<Pallas>::in_dir(&dir);
    other.remember([NodeId([9; 32])]);
    cache.remember([]);
    let cache = VerifiedCache::<Pallas>::in_dir(&dir);
    assert_eq!(cache.ids().len(), 3);
    let new = tree
        .verify(&[kept.second, kept.third], cache.ids(), &mut |_| ())
        .unwrap();
    assert_eq!(new, [kept.third]);
    assert!(VerifiedCache::<Bls12381>::in_dir(&dir).ids().is_empty());

    // What is not of this user's making is left out, line by line.
    let file = cache_file(&dir);
    let good = fs::read(&file).unwrap();
    let last = good.len() - 2;
    let mut altered = good.clone();
    altered[last] ^= 1;
    for (bad, kept) in [
        (&good[..good.len() - 1], 2),
        (&altered, 2),
        (b"\xff\n", 0),
        (b"zz\n", 0),
        (&[&good[..], b"x\n"].concat(), 3),
        (&[&good[..64], b"\n"].concat(), 0),
    ] {
        fs::write(&file, bad).unwrap();
        let cache = VerifiedCache::<Pallas>::in_dir(&dir);
        assert_eq!(cache.ids().len(), kept);
        let said = cache.problem().unwrap().to_string();
        assert!(said.contains("1 lines were altered"), "{said}");
    }
    fs::write(&file, &good).unwrap();
    let mut cache = VerifiedCache::<Pallas>::in_dir(&dir);
    assert_eq!((cache.ids().len(), cache.problem()), (3, None));
    // Who does not rely on it adds to it.
    cache.disregard();
    assert!(cache.ids().is_empty());
    cache.remember([NodeId([8; 32])]);
    assert_eq!(cache.ids().len(), 1);
    assert_eq!(VerifiedCache::<Pallas>::in_dir(&dir).ids().len(), 4);
    // Without a place nothing is kept, and nothing fails.
    let mut nowhere = VerifiedCache::<Pallas>::nowhere();
    nowhere.remember([kept.first]);
    assert_eq!(nowhere.ids(), &BTreeSet::from([kept.first]));
    let mut nowhere = VerifiedCache::<Pallas>::in_dir(&file);
    nowhere.remember([kept.first]);
    nowhere.disregard();
}

/// The one file of remembered nodes in a directory.
fn cache_file(dir: &std::path::Path) -> std::path::PathBuf {
    let files = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files = files.filter(|file| !file.ends_with("key"));
    files.next().unwrap()
}

/// Lines that another user's program wrote are not believed, though it is the same program.
#[test]
fn verdicts_of_others_are_not_remembered() {
    let kept = Kept::new();
    let dirs = ["ours", "theirs"].map(|name| kept.beside(name));
    for dir in &dirs {
        VerifiedCache::<Pallas>::in_dir(dir).remember([kept.first]);
    }
    let [ours, theirs] = dirs.each_ref().map(|dir| cache_file(dir));
    fs::copy(&theirs, &ours).unwrap();
    let cache = VerifiedCache::<Pallas>::in_dir(&dirs[0]);
    assert!(cache.ids().is_empty() && cache.problem().is_some());
    // Nor is anything without the key that it was written with.
    fs::remove_file(dirs[1].join("key")).unwrap();
    let cache = VerifiedCache::<Pallas>::in_dir(&dirs[1]);
    assert!(cache.ids().is_empty() && cache.problem().is_some());
}

/// A cache that somebody else could have written is as good as none, and said to be.
#[cfg(unix)]
#[test]
fn a_cache_must_be_the_users_own() {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    let kept = Kept::new();
    let mode = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let dir = kept.beside("cache");
    let fresh = || {
        let _ = fs::remove_dir_all(&dir);
        VerifiedCache::<Pallas>::in_dir(&dir).remember([kept.first]);
        let cache = VerifiedCache::<Pallas>::in_dir(&dir);
        assert_eq!((cache.ids().len(), cache.problem()), (1, None));
    };
    fresh();
    let (file, key) = (cache_file(&dir), dir.join("key"));
    for path in [&file, &key] {
        let bits = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(bits, 0o600);
    }
    let refused = |what: &str, reason: &str| {
        let mut cache = VerifiedCache::<Pallas>::in_dir(&dir);
        let problem = cache.problem().expect(what).to_string();
        assert!(problem.contains(reason), "{what}: {problem}");
        assert!(cache.ids().is_empty(), "{what}");
        // Nothing fails for it.
        cache.remember([kept.second]);
        assert_eq!(cache.ids().len(), 1);
    };
    for (what, path, bits, reason) in [
        ("directory of a group", &dir, 0o770, "others can write"),
        ("file of a group", &file, 0o620, "others can write"),
        ("file of all", &file, 0o602, "others can write"),
        ("key of a group", &key, 0o640, "others can read"),
        ("key of all", &key, 0o602, "others can write"),
    ] {
        fresh();
        mode(path, bits);
        refused(what, reason);
    }
    for (path, what) in [(&file, "file"), (&key, "key")] {
        fresh();
        let aside = kept.beside("aside");
        fs::rename(path, &aside).unwrap();
        symlink(&aside, path).unwrap();
        refused(what, "not a regular file");
        fs::remove_file(&aside).unwrap();
    }
    fresh();
    let aside = kept.beside("aside");
    fs::rename(&dir, &aside).unwrap();
    symlink(&aside, &dir).unwrap();
    refused("linked directory", "not a directory");
    fs::remove_file(&dir).unwrap();
    // Only the superuser can give files away.
    for (path, what) in [(&dir, "directory"), (&file, "file"), (&key, "key")] {
        fresh();
        match chown(path, Some(12_345), None) {
            Ok(()) => refused(what, "belongs to another user"),
            Err(_) => eprintln!("skipped: this user cannot give a {what} away"),
        }
    }
}
