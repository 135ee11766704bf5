//! Logs are signed by whoever adds to them, and their heads remembered by whoever looks.
use crate::world::World;
use std::fs;

#[test]
fn training_signs_the_log() {
    let (world, root) = World::with_root();
    let unsigned = world.ok("log --tree tree");
    assert!(
        unsigned.ends_with("nobody vouches for this log"),
        "{unsigned}"
    );
    let train = World::train("alice", "tree", &root);
    let made = world.json(&train);
    let log = world.json("log --tree tree");
    assert_eq!(log["signed"]["signer"], made["author"]);
    assert_eq!(log["signed"]["root"], log["head"]["root"]);
    // Who pulls has no key at hand: what comes is not signed until somebody does.
    world.ok("key --out bob.pem");
    world.init("other");
    world.ok("pull --tree other tree");
    assert!(world.json("log --tree other")["signed"].is_null());
    let bob = world.json("log --tree other --sign bob.pem")["signed"].clone();
    assert_ne!(bob["signer"], made["author"]);
    world.ok("verify --tree other");
}

/// A tree that is made anew is another one; one that was put in the place of another is not taken for it.
#[test]
fn a_tree_in_the_place_of_another_is_noticed() {
    let (world, root) = World::with_root();
    world.ok(&World::train("alice", "tree", &root));
    world.ok("verify --tree tree");
    fs::remove_dir_all(world.path("tree")).unwrap();
    world.init("tree");
    world.ok("verify --tree tree");

    world.ok(&World::train("alice", "tree", &root));
    world.ok("verify --tree tree");
    world.init("other");
    fs::remove_dir_all(world.path("tree")).unwrap();
    fs::rename(world.path("other"), world.path("tree")).unwrap();
    let errors = world.fails(1, "verify --tree tree");
    assert!(errors.contains("history was rewritten"), "{errors}");
    assert!(errors.contains("1 entries; its head counts 2"), "{errors}");
    assert!(errors.contains("--forget-head"), "{errors}");
    world.ok("verify --tree tree --forget-head");
    world.ok("verify --tree tree");
}
