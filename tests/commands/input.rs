//! Wrong input: exit status 2 and a message that names it.
use crate::world::World;
use std::collections::HashMap;
use zktree::{
    nn::{FixedPoint, Normalization, Table},
    tree::Root,
};

#[test]
fn wrong_input_is_named() {
    let (world, root) = World::with_root();
    let child = world.ok(&World::train("alice", "tree", &root));
    world.write("cell.csv", "a,b,c,y\n1,2,3,4\n1,x,3,4\n");
    world.write("ragged.csv", "a,b,c,y\n1,2,3\n");
    world.write("column.csv", "a,b,d,y\n1,2,3,4\n");
    world.write("far.csv", "a,b,c,y\n1,2,3,1e9\n");
    world.write("few.csv", "a,b,c,y\n1,2,3,4\n");
    world.write("text.pem", "not a key\n");
    world.write("taken", "");
    std::fs::create_dir(world.path("empty")).unwrap();
    std::fs::create_dir(world.path("other")).unwrap();
    world.write("other/file", "");
    private(&world, "text.pem", 0o600);
    std::fs::copy(world.path("alice.pem"), world.path("open.pem")).unwrap();
    private(&world, "open.pem", 0o644);

    let train = World::train("alice", "tree", &root);
    let with = |from: &str, to: &str| {
        assert!(train.contains(from), "{from}");
        train.replace(from, to)
    };
    let init = "init --layers 3,4,1 --seed 1 --normalize all.csv --target y --tree";
    for (arguments, names) in [
        (
            with("--data alice.csv", "--data none.csv"),
            &["none.csv"][..],
        ),
        (
            with("--data alice.csv", "--data cell.csv"),
            &["cell.csv, line 3, column \"b\": \"x\""],
        ),
        (
            with("--data alice.csv", "--data ragged.csv"),
            &["ragged.csv, line 2"],
        ),
        (
            with("--data alice.csv", "--data column.csv"),
            &["column.csv", "\"c\""],
        ),
        (
            with("--data alice.csv", "--data far.csv"),
            &["far.csv, line 2, column \"y\""],
        ),
        (with("--data alice.csv", "--data few.csv"), &["4", "1"]),
        (
            with("--target y", "--target z"),
            &["--target \"z\"", "\"y\""],
        ),
        (
            with("--target y", "--target y --target a"),
            &["--target \"y\", \"a\""],
        ),
        (with(&root, "12345678"), &["12345678"]),
        (with(&root, "xyz"), &["xyz"]),
        (with(&root, "12"), &["\"12\""]),
        (with("--key alice.pem", "--key none.pem"), &["none.pem"]),
        (
            with("--key alice.pem", "--key text.pem"),
            &["text.pem", "Ed25519"],
        ),
        #[cfg(unix)]
        (
            with("--key alice.pem", "--key open.pem"),
            &["open.pem", "644", "chmod 600"],
        ),
        (with("--tree tree", "--tree nowhere"), &["nowhere"]),
        (with("--tree tree", "--tree empty"), &["empty", "no tree"]),
        (with("--learning-rate 0.02", "--learning-rate 0"), &["rate"]),
        (
            with("--learning-rate 0.02", "--learning-rate 1e-9"),
            &["0.000000001"],
        ),
        (with("--steps 4", "--steps 0"), &["--steps"]),
        (with("--batch 4", "--batch 0"), &["--batch"]),
        (with("--batch 4", "--batch 21"), &["21", "20"]),
        (
            with("--title alice", &format!("--title {}", "x".repeat(2000))),
            &["title"],
        ),
        (with("--title alice", "--opening all.csv"), &["is a root"]),
        (format!("{init} other"), &["other"]),
        (format!("{init} tree").replace("3,4,1", "3,4"), &["1"]),
        (format!("{init} new").replace("3,4,1", "3,x"), &["\"x\""]),
        (
            format!("{init} new").replace("--target y", "--target z"),
            &["\"z\""],
        ),
        (format!("{init} new --preset huge"), &["huge"]),
        (format!("{init} new --curve p256"), &["p256"]),
        (format!("{init} tree"), &["Pallas", "BLS12-381-G1"]),
        ("key --out taken".into(), &["taken", "exist"]),
        ("key --out nowhere/key".into(), &["nowhere/key"]),
        (
            format!("export --tree tree {child} --out taken"),
            &["taken", "exists"],
        ),
        (
            format!("export --tree tree {child} --out nowhere/file"),
            &["nowhere/file"],
        ),
        (
            format!("export --tree tree {child} --out f --format onnx"),
            &["onnx"],
        ),
        (format!("check-weights --tree tree {child} none"), &["none"]),
        (
            format!("check-weights --tree tree {child} all.csv"),
            &["all.csv"],
        ),
        (format!("schedule --tree tree {root}"), &["is a root"]),
        (format!("statement --tree tree {root}"), &["is a root"]),
        (
            format!("prove-row --tree tree {child} --row -1 --out r"),
            &["'-1'", "--row", "a whole number is due, 0 or larger"],
        ),
        (
            format!("verify-row --tree tree {child} r --data all.csv --data-row -2"),
            &["'-2'", "--data-row", "0 or larger"],
        ),
        (
            with("--steps 4", "--steps -4"),
            &["'-4'", "--steps", "a whole number is due, 1 or larger"],
        ),
        (
            with("--batch 4", "--batch -0.5"),
            &["'-0.5'", "--batch", "a whole number is due, 1 or larger"],
        ),
        (
            with("--segment-steps 2", "--segment-steps -1"),
            &["'-1'", "--segment-steps", "1 or larger"],
        ),
        (
            with("--steps 4", &format!("--steps {}0", u64::MAX)),
            &["--steps", "the number is too large"],
        ),
        (
            with("--title alice", "--seed -1"),
            &["--seed", "0 or larger"],
        ),
        (
            with("--learning-rate 0.02", "--learning-rate -0.02"),
            &["-0.02"],
        ),
        (
            format!("{init} new").replace("--seed 1", "--seed -1"),
            &["--seed", "0 or larger"],
        ),
        (
            "import --tree new none.onnx --weight-bits -3".into(),
            &["--weight-bits", "0 or larger"],
        ),
        (
            "show --tree tree -12345".into(),
            &["\"-12345\" is not an id"],
        ),
        (
            format!("prove-row --tree tree {root} --row 1 --out r"),
            &["is a root"],
        ),
        (
            format!("verify-row --tree tree {child} all.csv"),
            &["all.csv"],
        ),
        (
            format!("verify-row --tree tree {child} none.json"),
            &["none.json"],
        ),
        ("show --tree tree --format png".into(), &["png"]),
        ("show --tree tree 99999999".into(), &["99999999"]),
        ("show --tree empty".into(), &["empty"]),
        ("completions tcsh".into(), &["tcsh"]),
    ] {
        let message = world.fails(2, &arguments);
        for name in names {
            assert!(
                message.contains(name),
                "{arguments}: {message} lacks {name}"
            );
        }
    }
    // Nothing came of any of it.
    assert_eq!(world.ids("tree"), [root, child]);
    for name in ["f", "r", "new", "nowhere"] {
        assert!(!world.path(name).exists(), "{name}");
    }
    assert_eq!(world.read("taken"), b"");
}

#[test]
fn ambiguous_ids_are_listed() {
    let (world, _) = World::with_root();
    let table = Table::read(world.path("all.csv")).unwrap();
    let normalization = Normalization::fit(&table, &["y".to_owned()]).unwrap();
    let id = |seed| {
        let root = Root::new(
            "3,4,1".parse().unwrap(),
            FixedPoint::compact(),
            normalization.clone(),
            seed,
        );
        root.unwrap().id().to_string()
    };
    // Among some hundred ids two begin alike.
    let mut seen = HashMap::new();
    let (first, second) = (100..)
        .find_map(|seed| Some((seen.insert(id(seed)[..4].to_owned(), seed)?, seed)))
        .unwrap();
    let twins = [first, second].map(|seed| {
        world.ok(&World::init_command("tree").replace("--seed 7", &format!("--seed {seed}")))
    });
    let message = world.fails(2, &format!("show --tree tree {}", &twins[0][..4]));
    assert!(message.contains("ambiguous"), "{message}");
    for twin in twins {
        assert!(message.contains(&twin[..12]), "{message}");
    }
}

#[test]
fn output_obeys_its_reader() {
    let (world, root) = World::with_root();
    let shown = world
        .command("show --tree tree")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!shown.stdout.contains(&0x1b) && shown.stderr.is_empty());
    // Bars are for terminals.
    let trained = world.run(&World::train("alice", "tree", &root));
    assert!(
        trained.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&trained.stderr)
    );
    // Whoever stops reading gets no error.
    let command = format!(
        "{} schedule --tree tree $ID | head -n 1",
        env!("CARGO_BIN_EXE_zktree")
    );
    let id = world.ids("tree")[1].clone();
    let shell = std::process::Command::new("sh")
        .args(["-c", &command])
        .env("ID", id)
        .current_dir(world.path(""))
        .output()
        .unwrap();
    assert!(shell.status.success() && shell.stderr.is_empty());
}

#[cfg(unix)]
fn private(world: &World, file: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(world.path(file), permissions).unwrap();
}

#[cfg(not(unix))]
fn private(_: &World, _: &str, _: u32) {}
