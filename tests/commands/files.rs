//! Pipes, devices and directories in the place of files: nothing waits for them.
use crate::{
    formats::{idx, put},
    world::World,
};
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Exit status and errors of a command, if it ends soon.
fn soon(world: &World, arguments: &str) -> (Option<i32>, String) {
    let mut process = world.start(arguments);
    let start = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            process.kill().unwrap();
            process.wait().unwrap();
            panic!("{arguments}: it waits");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = process.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), errors)
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let (world, root) = World::with_root();
    let child = world.ok(&World::train("alice", "tree", &root));
    let child = &child[..12];
    world.ok(&format!(
        "prove-row --tree tree {child} --row 1 --out row.json"
    ));
    world.ok(&format!(
        "predict --tree tree {child} --input all.csv --prove p.json"
    ));
    std::fs::create_dir(world.path("folder")).unwrap();
    for name in ["pipe", "pipe.onnx", "pipe.safetensors"] {
        pipe(&world.path(name));
    }
    let train = World::train("alice", "tree", &root);
    let grandchild = World::train("alice", "tree", child);
    let init = World::init_command("new");
    for place in ["pipe", "folder", "/dev/zero"] {
        for arguments in [
            init.replace("all.csv", place),
            train.replace("alice.csv", place),
            train.replace("alice.pem", place),
            format!("{grandchild} --opening {place}"),
            format!("check-weights --tree tree {child} {place}"),
            format!("check-weights --tree tree {root} {place}"),
            format!("statement --tree tree {child} --weights {place}"),
            format!("verify-row --tree tree {child} {place}"),
            format!("verify-row --tree tree {child} row.json --data {place}"),
            format!("verify-prediction --tree tree {place}"),
            format!("verify-prediction --tree tree p.json --data {place}"),
            format!("predict --tree tree {child} --input {place}"),
            format!("evaluate --tree tree {child} --data {place}"),
            format!("inclusion --check {place}"),
            format!("consistency --check {place}"),
            format!("demo --data {place}"),
        ] {
            let (status, errors) = soon(&world, &arguments);
            // A key that others can read is refused for that.
            let mut named = errors.contains("not a regular file") || errors.contains("chmod 600");
            // Data may be a folder, of images.
            named |= errors.contains("folder: cannot be read as PNG: there is no PNG file in it");
            assert!(
                status == Some(2) && named && errors.contains(place),
                "{arguments}: {errors}"
            );
        }
    }
    std::fs::create_dir_all(world.path("images/cat")).unwrap();
    pipe(&world.path("images/cat/0.png"));
    put(&world.path(""), "image", &idx(&[1, 1, 3], &[1, 2, 3]));
    for data in ["images", "image --labels pipe"] {
        let (status, errors) = soon(&world, &init.replace("all.csv", data));
        assert!(
            status == Some(2) && errors.contains("not a regular file"),
            "{errors}"
        );
    }
    for model in ["pipe.onnx", "pipe.safetensors"] {
        let (status, errors) = soon(
            &world,
            &format!("import --tree theirs {model} --curve pallas --key alice.pem"),
        );
        let named = errors.contains("not a regular file") && errors.contains(model);
        assert!(status == Some(2) && named, "{errors}");
    }
    std::fs::remove_file(world.path("tree/zktree.json")).unwrap();
    pipe(&world.path("tree/zktree.json"));
    let (status, errors) = soon(&world, "show --tree tree");
    assert!(
        status == Some(2) && errors.contains("not a regular file"),
        "{errors}"
    );
}

#[test]
fn a_cache_that_is_a_pipe_is_not_waited_for() {
    let (world, root) = World::with_root();
    world.ok(&World::train("alice", "tree", &root));
    for name in ["zktree/key", "zktree/verified"] {
        let files = std::fs::read_dir(world.path("cache/zktree")).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        let file = files.find(|file| file.to_string_lossy().contains(name));
        let file = file.unwrap();
        std::fs::remove_file(&file).unwrap();
        pipe(&file);
        let (status, errors) = soon(&world, "verify --tree tree");
        let warned = errors.contains("warning: ") && errors.contains("not a regular file");
        assert!(status == Some(0) && warned, "{name}: {errors}");
        std::fs::remove_dir_all(world.path("cache")).unwrap();
        world.ok("verify --tree tree");
    }
}

/// Standard input is a pipe that one asks for.
#[test]
fn standard_input_is_read_where_it_is_named() {
    let (world, root) = World::with_root();
    let given = |arguments: &str, input: &[u8]| {
        let mut command = world.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        process.stdin.take().unwrap().write_all(input).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments}");
        String::from_utf8(output.stdout).unwrap()
    };
    let init = World::init_command("new").replace("all.csv", "/dev/stdin");
    assert_eq!(given(&init, &world.read("all.csv")).trim(), root);
    let proof = world.ok(&format!("inclusion --tree tree {root} --json"));
    for name in ["-", "/dev/stdin"] {
        let said = given(&format!("inclusion --check {name}"), proof.as_bytes());
        assert!(said.contains("is entry 0"), "{said}");
    }
}
