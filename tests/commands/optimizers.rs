//! Momentum and schedules of rates, through files.
use crate::world::World;

/// Arguments of a run in two segments of three steps, at a rate of enough units: 4 rows of 2^-16 make 2^-14 each.
fn train(root: &str, options: &str) -> String {
    let train = World::train("alice", "tree", root).replace("--steps 4", "--steps 6");
    let train = train.replace("--segment-steps 2", "--segment-steps 3");
    format!("{train} {options}")
}

#[test]
fn children_by_other_optimizers_are_verified() {
    let (world, root) = World::with_root();
    let mut parent = root.clone();
    for (options, optimizer, rates) in [
        ("--optimizer momentum:0.9", "momentum:0.9", "constant"),
        (
            "--optimizer nesterov:0.95 --schedule cosine:warmup=2,floor=0.1",
            "nesterov:0.95",
            "cosine:warmup=2,floor=0.1",
        ),
        (
            "--schedule step:every=2,by=0.5",
            "sgd",
            "step:every=2,by=0.5,warmup=0",
        ),
    ] {
        let command = train(&parent, options);
        let estimate = world.json(&format!("{command} --dry-run"));
        assert_eq!(estimate["proofs"], 2);
        let report = world.json(&command);
        assert_eq!(report["optimizer"], optimizer);
        assert_eq!(report["rates"], rates);
        assert_eq!(report["segments"], 2);
        let child = report["id"].as_str().unwrap().to_owned();
        // The same once more is there already.
        assert_eq!(world.ok(&command).trim(), child);
        world.ok(&format!("verify --tree tree {child} --no-cache"));
        let line = match rates {
            "constant" => optimizer.to_owned(),
            _ => format!("{optimizer} {rates}"),
        };
        let shown = world.ok("show --tree tree");
        assert!(shown.contains(&format!(", {line}")), "{shown}");
        assert!(world.ok("show --tree tree --format json").contains(&line));
        parent = child;
    }
    world.ok("verify --tree tree --no-cache");
    // Another optimizer is another child.
    let plain = world.ok(&train(&root, ""));
    let heavy = world.ok(&train(&root, "--optimizer momentum:0.5"));
    assert_ne!(plain, heavy);
    let shown = world.ok(&format!("show --tree tree {plain}"));
    let line = shown.lines().nth(1).unwrap();
    assert!(!line.contains("sgd"), "{line}");
}

#[test]
fn optimizers_that_are_none_say_what_would_be_right() {
    let (world, root) = World::with_root();
    for (options, says) in [
        ("--optimizer adam", "take sgd, momentum:0.9"),
        ("--optimizer momentum:0.9,carry", "--segment-steps"),
        (
            "--optimizer momentum:0.9,decay=0.1",
            "weight decay is not yet",
        ),
        ("--schedule linear", "take constant, cosine:"),
        (
            "--optimizer momentum:0.9 --learning-rate 0.0005",
            "more weight bits",
        ),
        (
            "--optimizer momentum:0.9 --steps 2000 --segment-steps 2000",
            "at most 1024",
        ),
    ] {
        let command = train(&root, "");
        let mut words: Vec<&str> = command.split(' ').collect();
        // An option is given once.
        for option in options.split(' ').filter(|word| word.starts_with("--")) {
            if let Some(place) = words.iter().position(|word| *word == option) {
                words.drain(place..place + 2);
            }
        }
        let refused = world.fails(2, &format!("{} {options}", words.join(" ")));
        assert!(refused.contains(says), "{options}: {refused}");
    }
    assert_eq!(world.ids("tree"), [root]);
}
