//! Training that is cut off.
use crate::world::World;
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// The states of runs that are kept in `tree`.
fn runs(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.path("tree/private/runs")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Arguments for a run of 8 segments.
fn long(root: &str) -> String {
    World::train("alice", "tree", root)
        .replace("--steps 4", "--steps 8")
        .replace("--segment-steps 2", "--segment-steps 1")
}

#[test]
fn a_killed_run_goes_on_behind_its_last_segment() {
    let (world, root) = World::with_root();
    let train = long(&root);
    let mut process = world.start(&train);
    wait_for("checkpoint", || {
        runs(&world).iter().any(|name| name.ends_with("-proof"))
    });
    process.kill().unwrap();
    assert!(!process.wait().unwrap().success());
    assert_eq!(world.ids("tree").join(" "), root);
    world.ok("verify --tree tree");

    let report = world.json(&train);
    let resumed = report["resumed"].as_u64().unwrap();
    assert!((1..8).contains(&resumed), "{resumed}");
    assert_eq!(report["segments"], 8);
    let child = report["id"].as_str().unwrap();
    assert_eq!(world.ids("tree"), [root, child.to_owned()]);
    world.ok(&format!("verify --tree tree {child} --no-cache"));
    assert_eq!(runs(&world), [""; 0]);
}

#[test]
fn killed_at_many_points() {
    let (world, root) = World::with_root();
    let train = World::train("alice", "tree", &root);
    // Long enough to be through at the end, whatever the machine.
    let mut pause = Duration::from_millis(1);
    let mut kills = 0;
    loop {
        let mut process = world.start(&train);
        std::thread::sleep(pause);
        let through = process.try_wait().unwrap().is_some();
        let _ = process.kill();
        let status = process.wait().unwrap();
        world.ok("verify --tree tree");
        if through && status.success() {
            break;
        }
        assert!(!through, "a run failed by itself");
        kills += 1;
        let ids = world.ids("tree");
        assert!(ids.len() <= 2, "{ids:?}");
        if ids.len() == 2 && runs(&world).is_empty() {
            break;
        }
        pause = pause * 3 / 2 + Duration::from_millis(4);
    }
    assert!(kills > 0);
    let ids = world.ids("tree");
    assert_eq!(ids.len(), 2, "{ids:?}");
    world.ok(&format!("verify --tree tree {} --no-cache", ids[1]));
    // Reading the tree has cleared away what the kills left.
    assert!(runs(&world).iter().all(|name| !name.starts_with('.')));
}

/// A crash after the child was added, before all of the run's state was removed.
#[test]
fn a_run_that_is_in_the_tree_is_not_run_again() {
    let (world, root) = World::with_root();
    let train = long(&root);
    let kept = |end: &str| {
        let name = runs(&world).into_iter().find(|name| name.ends_with(end));
        world.path("tree/private/runs").join(name.unwrap())
    };
    let mut process = world.start(&train);
    wait_for("checkpoint", || {
        runs(&world).iter().any(|name| name.ends_with("-proof"))
    });
    process.kill().unwrap();
    process.wait().unwrap();
    let file = kept("-child");
    let state = std::fs::read(&file).unwrap();
    let child = world.json(&train);
    std::fs::write(&file, state).unwrap();
    // The node may have been pulled, without its weights.
    let id = child["id"].as_str().unwrap();
    let opening = world.path(&format!("tree/private/openings/{id}.safetensors"));
    let weights = std::fs::read(&opening).unwrap();
    std::fs::remove_file(&opening).unwrap();
    assert_eq!(world.json(&train)["id"], child["id"]);
    assert_eq!(std::fs::read(&opening).unwrap(), weights);
    assert_eq!(world.ids("tree").len(), 2);
    assert_eq!(runs(&world), [""; 0]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_the_tree_as_it_was() {
    let (world, root) = World::with_root();
    let before = world.ok("log --tree tree");
    let mut process = world.start(&long(&root));
    wait_for("checkpoint", || {
        runs(&world).iter().any(|name| name.ends_with("-proof"))
    });
    let kill = Command::new("kill")
        .args(["-INT", &process.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(130));
    let mut text = String::new();
    std::io::Read::read_to_string(process.stderr.as_mut().unwrap(), &mut text).unwrap();
    assert!(text.contains("the tree is as it was"), "{text}");
    assert_eq!(world.ok("log --tree tree"), before);
    assert!(world.json(&long(&root))["resumed"].as_u64().unwrap() > 0);
}

#[test]
fn what_is_left_of_a_run_is_checked() {
    let (world, root) = World::with_root();
    let train = long(&root);
    let mut process = world.start(&train);
    wait_for("checkpoint", || {
        runs(&world).iter().any(|name| name.ends_with("-proof"))
    });
    process.kill().unwrap();
    process.wait().unwrap();
    let name = runs(&world)
        .into_iter()
        .find(|name| name.ends_with("-proof"))
        .unwrap();
    let file = world.path("tree/private/runs").join(&name);
    let mut state = std::fs::read(&file).unwrap();
    let middle = state.len() / 2;
    state[middle] ^= 1;
    std::fs::write(&file, state).unwrap();
    let error = world.fails(2, &train);
    assert!(error.contains(&name) && error.contains("remove"), "{error}");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(world.json(&train)["resumed"], 0);

    // The same run again is the same child; another one does not take up this one's state.
    let ids = world.ids("tree");
    assert_eq!(world.json(&train)["id"], ids[1].as_str());
    assert_eq!(world.ids("tree"), ids);
    let again = world.json(&format!("{train} --seed 1"));
    assert_eq!(again["resumed"], 0);
    assert_eq!(world.ids("tree").len(), 3);
}

/// Commands that are the same are one run: who comes later waits, and tells what came of it.
#[test]
fn the_same_command_at_the_same_time_makes_one_node() {
    let (world, root) = World::with_root();
    for train in [
        World::train("alice", "tree", &root),
        long(&root) + " --publish-loss",
    ] {
        let before = world.ids("tree").len();
        let processes: Vec<_> = (0..3).map(|_| world.start(&train)).collect();
        let mut ids = Vec::new();
        for process in processes {
            let output = process.wait_with_output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(0), "{errors}");
            assert!(errors.is_empty() || errors.contains("waiting"), "{errors}");
            ids.push(String::from_utf8(output.stdout).unwrap());
        }
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(world.ids("tree").len(), before + 1);
    }
    assert_eq!(runs(&world), [""; 0]);
    let data = std::fs::read_dir(world.path("tree/private/datasets")).unwrap();
    assert_eq!(data.count(), 2, "a data set and the proof of its range");
    world.ok("verify --tree tree --no-cache");
}

/// Runs that differ do not wait for one another, nor for one that was killed.
#[test]
fn a_run_that_was_killed_holds_nobody_up() {
    let (world, root) = World::with_root();
    let train = long(&root);
    let mut process = world.start(&train);
    wait_for("a lock", || {
        runs(&world).iter().any(|name| name.ends_with("-lock"))
    });
    let other = world.run(&format!("{train} --seed 2"));
    assert!(other.status.success() && other.stderr.is_empty());
    process.kill().unwrap();
    process.wait().unwrap();
    let again = world.run(&train);
    assert!(again.status.success() && again.stderr.is_empty());
    assert_eq!(world.ids("tree").len(), 3);
    assert_eq!(runs(&world), [""; 0]);
}
