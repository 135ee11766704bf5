//! What is public of a tree, and what is beside it.
use crate::world::World;
use std::{collections::BTreeSet, fs, path::Path};

/// Files and empty directories below a folder.
fn listing(dir: &Path) -> BTreeSet<String> {
    fn walk(dir: &Path, below: &str, found: &mut BTreeSet<String>) {
        let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() {
            found.insert(format!("{below}/"));
        }
        for entry in entries {
            let name = format!("{below}/{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path(), &name, found),
                false => drop(found.insert(name)),
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(dir, "", &mut found);
    found
}

/// A tree with Alice's node, secrets in and beside its private part, and what a crash left.
fn scene() -> (World, String) {
    let (world, root) = World::with_root();
    let node = world.ok(&World::train("alice", "tree", &root));
    world.write("tree/alice.pem", "secret");
    world.write("tree/private/notes", "secret");
    world.write("tree/.tmpAbC123", "secret");
    (world, node)
}

#[test]
fn what_is_public_is_published_and_nothing_else() {
    let (world, node) = scene();
    let public = |name: &String| {
        let private = ["/private", "/lock", "/alice.pem", "/.tmp"];
        !private.iter().any(|start| name.starts_with(start))
    };
    let expected: BTreeSet<String> = listing(&world.path("tree"))
        .into_iter()
        .filter(public)
        .collect();
    assert_eq!(expected.len(), 9, "{expected:?}");
    fs::create_dir(world.path("empty")).unwrap();
    for to in ["new/folder", "empty"] {
        let said = world.ok(&format!("push --tree tree {to}"));
        assert!(said.contains(&node), "{said}");
        let mut found = listing(&world.path(to));
        assert!(found.remove("/lock"), "whoever writes locks");
        assert_eq!(found, expected);
        assert!(!world.path(to).join("private").exists());
        for name in &found {
            let [ours, theirs] = ["tree", to].map(|tree| world.read(&format!("{tree}{name}")));
            assert_eq!(ours, theirs, "{name}");
        }
        world.ok(&format!("verify --tree {to} --no-cache"));
        let again = world.ok(&format!("push --tree tree {to}"));
        assert_eq!(again, "there is nothing new");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| world.path(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("empty/zktree.json"), mode("tree/zktree.json"));
        assert_eq!(mode("empty/nodes"), mode("tree/nodes"));
    }
}

#[test]
fn a_tree_that_is_there_takes_what_it_lacks() {
    let (world, node) = scene();
    world.ok("push --tree tree public");
    world.init("bob");
    world.ok("pull --tree bob public");
    world.ok("key --out bob.pem");
    world.ok(&format!(
        "export --tree tree {node} --with-opening --out w.safetensors"
    ));
    let second = world.ok(&format!(
        "{} --opening w.safetensors",
        World::train("bob", "bob", &node)
    ));
    let report = world.json("push --tree bob public");
    assert_eq!(report["taken"], serde_json::json!([second]));
    assert!(!world.path("public/private").exists());
    let log = |tree: &str| world.read(&format!("{tree}/log/entries"));
    assert_eq!(log("public"), log("bob"));
    // Alice's signed head is of another log than Bob's: it is not taken away.
    let signed = |tree: &str| world.read(&format!("{tree}/log/signed.json"));
    assert_eq!(signed("public"), signed("tree"));

    // Trees of another curve, and folders that are no trees, are left as they are.
    let other = World::init_command("other").replace("pallas", "bls12-381");
    world.ok(&other);
    let before = listing(&world.path("other"));
    let error = world.fails(2, "push --tree tree other");
    assert!(error.contains("on the curve"), "{error}");
    assert_eq!(listing(&world.path("other")), before);
    fs::create_dir(world.path("folder")).unwrap();
    world.write("folder/file", "");
    let error = world.fails(2, "push --tree tree folder");
    assert!(error.contains("something here already"), "{error}");
    assert_eq!(listing(&world.path("folder")).len(), 1);
}

#[test]
fn what_does_not_verify_is_not_published() {
    let (world, node) = scene();
    let ids = world.ids("tree");
    let proofs = fs::read_dir(world.path("tree/proofs")).unwrap();
    let proof = proofs.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut bytes = fs::read(&proof).unwrap();
    bytes[9] ^= 1;
    fs::write(&proof, bytes).unwrap();
    let error = world.fails(1, "push --tree tree public");
    assert!(error.contains("--partial"), "{error}");
    assert!(!world.path("public").exists());
    let error = world.fails(1, "push --tree tree public --partial");
    assert!(error.contains("1 nodes were refused"), "{error}");
    assert_eq!(world.ids("public"), ids[..1]);
    assert!(!listing(&world.path("public")).contains(&format!("/nodes/{node}")));
}

#[test]
fn what_is_beside_a_tree_is_named() {
    let (world, _) = scene();
    let verified = world.run("verify --tree tree");
    let errors = String::from_utf8(verified.stderr).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{errors}");
    for name in ["alice.pem", ".tmpAbC123", "private/notes"] {
        assert!(
            errors.contains(&format!("warning: {name}: no part of the tree")),
            "{errors}"
        );
    }
    assert_eq!(errors.lines().count(), 3, "{errors}");
    let report = world.json("verify --tree tree");
    let names = serde_json::json!([".tmpAbC123", "alice.pem", "private/notes"]);
    assert_eq!(
        (&report["foreign"], &report["verified"]),
        (&names, &true.into())
    );

    // Of very much the first; and what a run is at is a part.
    for k in 0..300 {
        world.write(&format!("tree/{k}"), "");
    }
    world.write(&format!("tree/private/runs/{}-child", "0".repeat(64)), "");
    world.write(&format!("tree/private/openings/{}", "0".repeat(64)), "");
    let report = world.json("verify --tree tree");
    assert_eq!(report["foreign"].as_array().unwrap().len(), 100);
}
