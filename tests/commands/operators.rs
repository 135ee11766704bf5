//! Networks with other operators, through files: a child of a child, predictions, errors.
use crate::world::World;

/// Arguments that make a root of a network.
fn init(options: &str) -> String {
    format!(
        "init --tree tree --layers 3,4,4,1 --seed 7 --normalize all.csv --target y --curve pallas {options}"
    )
}

#[test]
fn networks_of_other_operators_have_children_and_predictions() {
    for options in [
        "--activation gelu --residual",
        "--activation tanh",
        "--residual",
    ] {
        let world = World::new();
        world.ok("key --out alice.pem");
        let root = world.ok(&init(options));
        let first = world.ok(&World::train("alice", "tree", &root));
        world.ok(&format!(
            "export --tree tree {first} --with-opening --out first.safetensors"
        ));
        // From its opening in the tree's private part, and from the file.
        let second = world.ok(&World::train("alice", "tree", &first));
        let train = World::train("alice", "tree", &first);
        let third = world.ok(&format!("{train} --seed 1 --opening first.safetensors"));
        assert_ne!(second, third);
        world.ok("verify --tree tree --no-cache");
        let shown = world.ok("show --tree tree");
        for word in options
            .split_whitespace()
            .filter(|word| *word != "--activation")
        {
            assert!(shown.contains(word.trim_start_matches("--")), "{shown}");
        }
        world.ok(&format!(
            "evaluate --tree tree {second} --data bob.csv --prove error.json"
        ));
        world.ok("verify-prediction --tree tree error.json");
        world.ok(&format!(
            "check-weights --tree tree {first} first.safetensors"
        ));
    }
}

/// A function whose table is too large for the formats is refused before anything is made.
#[test]
fn a_function_without_a_table_is_refused() {
    let world = World::new();
    let refused = world.fails(2, &init("--activation gelu --preset paper"));
    assert!(
        refused.contains("gelu") && refused.contains("compact"),
        "{refused}"
    );
    assert!(!world.path("tree").exists());
    let refused = world.fails(2, &init("--activation swish"));
    assert!(refused.contains("swish"), "{refused}");
}
