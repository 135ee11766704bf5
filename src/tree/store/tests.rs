//! Writers that are killed, writers at the same time, and the log, on nodes whose proofs nobody
//! looks at.
use super::*;
use crate::{
    commit::RowCommitments,
    files::crash,
    nn::{
        Architecture, DataKind, DatasetCommitment, FixedPoint, LearningRate, Normalization, Table,
        TrainingParameters, TrainingProof,
    },
    tree::{AuthorSecret, Child, DatasetName, Edge, Labels, Node, Root, Signature, TreeError},
};
use ark_pallas::Projective as Pallas;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    env,
    process::{Command, Stdio},
    time::Duration,
};

fn root() -> Root {
    let table = Table::from_reader("t.csv", "a,x\n1,2\n2,3\n".as_bytes()).unwrap();
    let normalization = Normalization::fit(&table, &["x".to_owned()]).unwrap();
    let architecture = Architecture::new(vec![1, 1]).unwrap();
    Root::new(architecture, FixedPoint::compact(), normalization, 7).unwrap()
}

/// A signed child of the root with a proof of nothing.
fn child(author: u8, nonce: u64) -> Child<Pallas> {
    let secret = AuthorSecret::from_bytes(&[author; 32]);
    let opening = root().opening().unwrap();
    let dataset = DatasetCommitment::new(1, 1, RowCommitments { rows: vec![] });
    let node = Node {
        parent: root().id(),
        parameters: TrainingParameters {
            architecture: root().architecture().clone(),
            fixed_point: root().fixed_point().clone(),
            optimiser: LearningRate::from_coefficient(1).unwrap().into(),
            batch: 1,
            steps: 1,
            segment_steps: 1,
            hiding: false,
        },
        weights: opening.commit(),
        dataset: DatasetName::of(&dataset),
        nonce,
        author: secret.public(),
        labels: Labels::default(),
    };
    let mut edge = Edge {
        proof: TrainingProof(nonce.to_le_bytes().to_vec()).into(),
        dataset,
        data_proof: vec![author].into(),
        signature: Signature([0; 64]),
    };
    edge.signature = secret.sign(node.id(&edge));
    Child {
        node,
        edge,
        opening,
    }
}

/// A data set of labels is read as one, and a file of another kind is not it.
#[test]
fn data_sets_of_labels_have_files_of_their_own() {
    let (numbers, mut labels) = (child(1, 1), child(1, 2));
    let rows = RowCommitments { rows: vec![] };
    let kind = DataKind::Labels { classes: 2 };
    labels.edge.dataset = DatasetCommitment::of_kind(1, kind, rows);
    labels.node.dataset = DatasetName::of(&labels.edge.dataset);
    let secret = AuthorSecret::from_bytes(&[1; 32]);
    labels.edge.signature = secret.sign(labels.node.id(&labels.edge));

    let dir = tempfile::TempDir::new().unwrap();
    let store = Store::<Pallas>::create(dir.path().join("tree")).unwrap();
    store.add_root(&root()).unwrap();
    for child in [&numbers, &labels] {
        store.add_child(child).unwrap();
    }
    let (tree, damage) = store.load();
    assert!(damage.is_empty(), "{damage:?}");
    for child in [&numbers, &labels] {
        assert_eq!(tree.node(id(child)), Some(&child.node));
        assert_eq!(tree.edge(id(child)), Some(&child.edge));
    }
    let file = |child: &Child<Pallas>| {
        let name = hex::encode(child.node.dataset.root);
        dir.path().join("tree/datasets").join(name)
    };
    std::fs::copy(file(&numbers), file(&labels)).unwrap();
    let (tree, damage) = store.load();
    assert!(tree.node(id(&labels)).is_none() && !damage.is_empty());
}

fn id(child: &Child<Pallas>) -> NodeId {
    child.node.id(&child.edge)
}

const DIR: &str = "ZKTREE_TEST_DIR";
const AUTHOR: &str = "ZKTREE_TEST_AUTHOR";
const COUNT: &str = "ZKTREE_TEST_COUNT";

/// Not a test of its own: what the processes of the others run.
#[test]
fn writes_as_told() {
    let Ok(dir) = env::var(DIR) else {
        return;
    };
    let number = |name| env::var(name).unwrap().parse().unwrap();
    let store = match Store::<Pallas>::create(&dir) {
        Err(StoreError::NotEmpty { .. }) => Store::open(dir),
        made => made,
    };
    let store = store.unwrap();
    match store.add_root(&root()) {
        Ok(_) | Err(StoreError::Tree(TreeError::Duplicate { .. })) => {}
        Err(error) => panic!("{error}"),
    }
    for nonce in 0..number(COUNT) {
        let author = u8::try_from(number(AUTHOR)).unwrap();
        store.add_child(&child(author, nonce)).unwrap();
    }
}

fn process(dir: &Path, author: u8, count: u64) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "tree::store::tests::writes_as_told"])
        .env(DIR, dir)
        .env(AUTHOR, author.to_string())
        .env(COUNT, count.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn store_with_root() -> (tempfile::TempDir, Store<Pallas>) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path().join("tree")).unwrap();
    store.add_root(&root()).unwrap();
    (dir, store)
}

/// The tree is whole, after recovery; returns how many roots and nodes it has.
fn whole(dir: &Path) -> usize {
    let store = Store::<Pallas>::open(dir).unwrap();
    let (tree, damage) = store.load();
    assert_eq!(damage, []);
    assert_eq!(tree.len(), store.log().unwrap().ids().len());
    let unfinished = |dir: PathBuf| {
        let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name());
        names
            .filter(|n| n.to_string_lossy().starts_with(files::TEMPORARY))
            .count()
    };
    let dirs = [
        "",
        "roots",
        "nodes",
        "proofs",
        "datasets",
        "log",
        "private/openings",
    ];
    assert_eq!(dirs.map(|name| unfinished(dir.join(name))), [0; 7]);
    tree.len()
}

#[test]
fn a_writer_that_is_killed_leaves_the_old_or_the_new_state() {
    let (_dir, template) = store_with_root();
    let mut states = BTreeSet::new();
    let mut points = 0;
    for at in 1.. {
        let (_dir, store) = store_with_root();
        let before = store.head().unwrap();
        let status = process(store.dir(), 1, 1)
            .env(crash::AT, at.to_string())
            .status();
        if status.unwrap().success() {
            break;
        }
        points += 1;
        // A reader that comes first sees one or the other, too.
        let (tree, damage) = Store::<Pallas>::view(store.dir()).unwrap().load();
        assert!((1..=2).contains(&tree.len()));
        assert_eq!(damage, []);
        let count = whole(store.dir());
        assert!((1..=2).contains(&count));
        assert!(store.consistency(&before).unwrap().verify().is_ok());
        let again = store.add_child(&child(1, 0));
        assert_eq!(again.is_ok(), count == 1, "{again:?}");
        assert_eq!(whole(store.dir()), 2);
        let opening = store.private().opening(id(&child(1, 0)), &child(1, 0).node);
        assert!(opening.unwrap().is_some());
        states.insert(count);
    }
    // Opening, pending, two proofs, data set, node, entries and head.
    assert_eq!(points, 8 * 4);
    assert_eq!(states, BTreeSet::from([1, 2]));
    assert_eq!(whole(template.dir()), 1);
}

#[test]
fn a_tree_that_was_begun_is_finished() {
    let mut points = 0;
    for at in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        let status = process(&tree, 1, 0).env(crash::AT, at.to_string()).status();
        let through = status.unwrap().success();
        assert!(process(&tree, 2, 1).status().unwrap().success());
        assert_eq!(whole(&tree), 2);
        if through {
            break;
        }
        points += 1;
    }
    // Entries, head and format; then pending, the root, entries and head.
    assert_eq!(points, 7 * 4);
}

#[test]
fn trees_made_at_the_same_time_are_one() {
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        let makers = [1, 2, 3].map(|author| process(&tree, author, 1).spawn().unwrap());
        for mut maker in makers {
            assert!(maker.wait().unwrap().success());
        }
        assert_eq!(whole(&tree), 4);
    }
}

#[test]
fn only_an_unused_directory_becomes_a_tree() {
    let files = [
        "a",
        "roots/a",
        "log/entries",
        "private/openings/a",
        "lock/a",
    ];
    for file in files {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "precious").unwrap();
        let refused = Store::<Pallas>::create(dir.path());
        assert!(
            matches!(refused, Err(StoreError::NotEmpty { .. })),
            "{file}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        // Nothing of ours is left there.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

/// A directory from somebody else may have anything in the place of what is written.
#[cfg(unix)]
#[test]
fn pipes_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (dir, store) = store_with_root();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let replaced = |name: &str, put: &dyn Fn(&Path)| {
        let (place, aside) = (store.dir().join(name), dir.path().join("aside"));
        fs::rename(&place, &aside).unwrap();
        put(&place);
        // Reading neither waits nor fails.
        let (tree, _) = Store::<Pallas>::open(store.dir()).unwrap().load();
        let refused = store.add_child(&child(1, 0));
        assert!(
            matches!(&refused, Err(StoreError::Io { file, .. }) if file.starts_with(&place)),
            "{name}: {refused:?}"
        );
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "{name}");
        fs::remove_file(&place).unwrap();
        fs::rename(&aside, &place).unwrap();
        tree.len()
    };
    let pipe = |place: &Path| {
        let made = Command::new("mkfifo").arg(place).status();
        assert!(made.unwrap().success());
    };
    let link = |place: &Path| symlink(&elsewhere, place).unwrap();
    assert_eq!(replaced("lock", &pipe), 1);
    assert_eq!(
        replaced("lock", &|place| symlink(elsewhere.join("x"), place)
            .unwrap()),
        1
    );
    for name in ["private", "private/openings", "proofs", "datasets"] {
        assert_eq!(replaced(name, &link), 1, "{name}");
    }
    // Nothing is cleared away behind a link: another tree may be at work there.
    for (name, file) in [("log", "pending"), ("private", "openings/.unfinished-x")] {
        let (_other, other) = store_with_root();
        let file = other.dir().join(name).join(file);
        fs::write(&file, "").unwrap();
        let (place, aside) = (store.dir().join(name), dir.path().join("aside"));
        fs::rename(&place, &aside).unwrap();
        symlink(other.dir().join(name), &place).unwrap();
        Store::<Pallas>::open(store.dir()).unwrap();
        assert!(file.exists(), "{name}");
        fs::remove_file(&place).unwrap();
        fs::rename(&aside, &place).unwrap();
    }
    // What others could read is the owner's alone once there is something in it.
    let private = store.dir().join("private");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o755)).unwrap();
    store.add_child(&child(1, 0)).unwrap();
    let mode = fs::metadata(&private).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(whole(store.dir()), 2);
}

#[test]
fn writers_that_are_killed_at_any_time_lose_nothing() {
    let (_dir, store) = store_with_root();
    let (mut logged, mut head) = (1, store.head().unwrap());
    // On a busy machine a writer gets nowhere in a while: then it is given longer.
    for round in 0..200 {
        if round >= 12 && logged > 12 {
            break;
        }
        let mut writer = process(store.dir(), round + 1, u64::MAX).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + 7 * u64::from(round)));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let count = whole(store.dir());
        assert!(count >= logged);
        assert!(store.consistency(&head).unwrap().verify().is_ok());
        (logged, head) = (count, store.head().unwrap());
    }
    assert!(logged > 12, "{logged} nodes were written");
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let (_dir, store) = store_with_root();
    let writers = [1, 2, 3].map(|author| process(store.dir(), author, 15).spawn().unwrap());
    // Readers meanwhile see whole trees.
    for _ in 0..10 {
        let (tree, damage) = store.load();
        assert_eq!(damage, []);
        assert!(!tree.is_empty());
    }
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_eq!(whole(store.dir()), 46);
    let log = store.log().unwrap();
    let nodes = [1, 2, 3].map(|author| (0..15).map(move |nonce| id(&child(author, nonce))));
    assert!(nodes.into_iter().flatten().all(|id| log.contains(id)));
}

/// RFC 6962, section 2.1, as it stands.
fn merkle(ids: &[NodeId]) -> [u8; 32] {
    let hash = |prefix: u8, parts: &[&[u8]]| -> [u8; 32] {
        Sha256::digest([&[prefix], parts.concat().as_slice()].concat()).into()
    };
    match ids {
        [] => Sha256::digest([]).into(),
        [id] => hash(0, &[&id.0]),
        _ => {
            let (left, right) = ids.split_at(ids.len().next_power_of_two() / 2);
            hash(1, &[&merkle(left), &merkle(right)])
        }
    }
}

fn log(size: u8) -> Log {
    Log::new((0..size).map(|k| NodeId([k; 32]))).unwrap()
}

#[test]
fn logs_have_the_roots_and_proofs_of_rfc_6962() {
    for size in 0..18 {
        let whole = log(size);
        assert_eq!(whole.head().root, merkle(whole.ids()));
        for id in whole.ids() {
            let proof = whole.inclusion(*id).unwrap();
            assert_eq!(proof.verify(), Ok(()));
            let json = serde_json::to_string(&proof).unwrap();
            let back: InclusionProof = serde_json::from_str(&json).unwrap();
            assert_eq!(back, proof);
            for k in 0..=proof.path.len() {
                let mut other = proof.clone();
                match other.path.get_mut(k) {
                    Some(hash) => hash.0[3] ^= 1,
                    None => other.path.push(log::Hash([0; 32])),
                }
                assert!(other.verify().is_err());
            }
            let alter: [&dyn Fn(&mut InclusionProof); 5] = [
                &|p| p.id.0[0] ^= 0x80,
                &|p| p.index += 1,
                &|p| p.index = u64::MAX,
                &|p| p.head.size = u64::MAX,
                &|p| p.head.root[0] ^= 1,
            ];
            for alter in alter {
                let mut other = proof.clone();
                alter(&mut other);
                assert!(other.verify().is_err(), "{other:?}");
            }
        }
        for old in 0..=size {
            let beginning = log(old).head();
            for (k, id) in whole.ids().iter().enumerate() {
                let proof = whole.inclusion_in(*id, &beginning);
                assert_eq!(proof.is_ok(), k < usize::from(old));
                assert!(proof.is_err() || proof == log(old).inclusion(*id));
            }
            let proof = whole.consistency(&beginning).unwrap();
            assert_eq!(proof.verify(), Ok(()));
            let json = serde_json::to_string(&proof).unwrap();
            assert_eq!(
                serde_json::from_str::<ConsistencyProof>(&json).unwrap(),
                proof
            );
            let alter: [&dyn Fn(&mut ConsistencyProof); 6] = [
                &|p| p.old.root[0] ^= 1,
                &|p| p.old.size = u64::MAX,
                &|p| p.new.size = u64::MAX,
                &|p| p.old.size += 1,
                &|p| p.path.push(log::Hash([0; 32])),
                &|p| std::mem::swap(&mut p.old.root, &mut p.new.root),
            ];
            for (k, alter) in alter.iter().enumerate() {
                let mut other = proof.clone();
                alter(&mut other);
                assert!(other == proof || other.verify().is_err(), "{k}: {other:?}");
            }
        }
    }
}

#[test]
fn forked_and_rewritten_logs_are_not_continued() {
    let old = log(5).head();
    let ids = |order: &[u8]| Log::new(order.iter().map(|k| NodeId([*k; 32]))).unwrap();
    for (what, forged) in [
        ("removed", ids(&[0, 1, 3, 4, 5, 6])),
        ("last removed", ids(&[0, 1, 2, 3])),
        ("reordered", ids(&[0, 2, 1, 3, 4, 5])),
        ("replaced", ids(&[0, 1, 2, 3, 9, 5])),
        ("forked", ids(&[7, 8, 9, 10, 11, 12])),
    ] {
        assert!(forged.check_head(&old).is_err(), "{what}");
        let error = forged.consistency(&old).unwrap_err();
        let new = forged.head();
        assert_eq!(error, LogError::NotConsistent { old, new }, "{what}");
        // A proof made for another log does not help.
        let mut proof = log(6).consistency(&old).unwrap();
        proof.new = new;
        assert!(proof.verify().is_err(), "{what}");
    }
}

#[test]
fn heads_are_text_and_back() {
    let head = log(3).head();
    assert_eq!(head.to_string().parse(), Ok(head));
    let digits = "0".repeat(64);
    for text in [
        "",
        "3",
        ":",
        "3:",
        &format!("+3:{digits}"),
        &format!("03:{digits}"),
        &format!("-1:{digits}"),
        &format!("3:{digits}0"),
        &format!("3:{}g", &digits[1..]),
    ] {
        assert!(text.parse::<Head>().is_err(), "{text}");
    }
    for json in [
        r#"{"size":1}"#,
        r#"{"size":1,"root":"00"}"#,
        r#"{"size":-1,"root":""}"#,
    ] {
        assert!(serde_json::from_str::<Head>(json).is_err());
    }
    let extra = format!(r#"{{"size":1,"root":"{digits}","x":1}}"#);
    assert!(serde_json::from_str::<Head>(&extra).is_err());
}
