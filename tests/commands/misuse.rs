//! Disks that are full and commands that are killed: nothing is lost or half-written.
use crate::world::World;
use std::{fs::File, process::Command, time::Duration};

/// The command in a shell that lets no file grow beyond so many blocks of 512 or 1024 bytes. The
/// signal is ignored, so that the write is an error; with `deadly` it ends the process.
fn limited(world: &World, blocks: u32, deadly: bool, arguments: &str) -> Command {
    let trap = if deadly { "" } else { "trap '' XFSZ; " };
    let command = world.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!(
            "{trap}ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\""
        ))
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(world.path(""))
        .env("XDG_CACHE_HOME", world.path("cache"))
        .env("XDG_STATE_HOME", world.path("state"));
    shell
}

/// Names of files that a command did not finish, anywhere below a folder.
fn unfinished(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            found.extend(unfinished(&entry.path()));
        } else if name.starts_with('.') {
            found.push(name);
        }
    }
    found
}

#[test]
fn training_on_a_full_disk_is_an_error_and_the_same_command_completes_later() {
    let (world, root) = World::with_root();
    let train = World::train("alice", "tree", &root);
    let mut failures = 0;
    for blocks in [0, 1, 2, 8, 32] {
        let output = limited(&world, blocks, false, &train).output().unwrap();
        if output.status.success() {
            break;
        }
        failures += 1;
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{blocks}: {error}");
        assert!(error.contains("error: tree/"), "{blocks}: {error}");
        assert!(error.contains("too large"), "{blocks}: {error}");
        assert_eq!(unfinished(&world.path("tree")), [""; 0]);
        assert_eq!(world.ids("tree"), [root.as_str()]);
        world.ok("verify --tree tree --no-cache");
    }
    assert!(failures > 1, "{failures}");
    if world.ids("tree").len() == 1 {
        world.ok(&train);
    }
    assert_eq!(world.ids("tree").len(), 2);
    world.ok("verify --tree tree --no-cache");
}

#[test]
fn a_process_that_the_limit_kills_leaves_a_tree_that_verifies() {
    let (world, root) = World::with_root();
    let train = World::train("alice", "tree", &root);
    for blocks in [1, 4, 16] {
        let output = limited(&world, blocks, true, &train).output().unwrap();
        assert!(!output.status.success());
        assert_eq!(world.ids("tree"), [root.as_str()]);
        world.ok("verify --tree tree --no-cache");
    }
    world.ok(&train);
    world.ok("verify --tree tree --no-cache");
}

#[test]
fn files_that_do_not_fit_are_not_there() {
    let (world, root) = World::with_root();
    let export = format!("export --tree tree {root} --out root.safetensors");
    for (command, file) in [
        (export.as_str(), "root.safetensors"),
        ("key --out k.pem", "k.pem"),
    ] {
        let output = limited(&world, 0, false, command).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(&format!("{file}: ")), "{error}");
        assert!(error.contains("too large"), "{error}");
        assert!(!world.path(file).exists());
        world.ok(command);
        assert!(world.path(file).exists());
    }
}

/// A process that is killed while it writes leaves no secrets under a name that nobody knows.
#[cfg(target_os = "linux")]
#[test]
fn secrets_that_were_not_written_whole_are_nowhere() {
    let (world, root) = World::with_root();
    let child = world.ok(&World::train("alice", "tree", &root));
    std::fs::create_dir(world.path("out")).unwrap();
    let names = || std::fs::read_dir(world.path("out")).unwrap().count();
    for (blocks, command) in [
        (0, "key --out out/k.pem".to_owned()),
        (
            1,
            format!("export --tree tree {child} --with-opening --out out/w.safetensors"),
        ),
        (
            0,
            format!("export --tree tree {child} --format torch --out out/t.safetensors"),
        ),
        (
            0,
            format!("prove-row --tree tree {child} --row 1 --out out/r.json"),
        ),
    ] {
        let output = limited(&world, blocks, true, &command).output().unwrap();
        assert_eq!(output.status.code(), None, "{command} was not killed");
        assert_eq!(names(), 0, "{command}");
        world.ok(&command);
        assert_eq!(names(), 1, "{command}");
        for entry in std::fs::read_dir(world.path("out")).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            let path = entry.unwrap().path();
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{command}");
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_pull_without_space_takes_whole_nodes_or_none() {
    let (world, root) = World::with_root();
    world.ok(&World::train("alice", "tree", &root));
    let ids = world.ids("tree");
    assert_eq!(world.init("other"), root);
    let pull = "pull --tree other tree";
    for blocks in [0, 1, 8] {
        for deadly in [false, true] {
            let output = limited(&world, blocks, deadly, pull).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success(), "{blocks}");
            if !deadly {
                assert_eq!(output.status.code(), Some(2), "{blocks}: {error}");
            }
            assert_eq!(world.ids("other"), [root.as_str()]);
            world.ok("verify --tree other --no-cache");
        }
    }
    world.ok(pull);
    assert_eq!(world.ids("other"), ids);
    world.ok("verify --tree other --no-cache");
}

/// Starts a command again and again and kills it later each time, until it is through. Returns
/// the number of kills.
fn kill_until_through(world: &World, command: &str, check: impl Fn()) -> usize {
    let mut pause = Duration::from_millis(1);
    let mut kills = 0;
    loop {
        let mut process = world.start(command);
        std::thread::sleep(pause);
        let through = process.try_wait().unwrap().is_some();
        let _ = process.kill();
        let output = process.wait_with_output().unwrap();
        if through {
            // A process may be killed when all was done.
            let error = String::from_utf8_lossy(&output.stderr);
            let done = output.status.success() || error.contains("is in the tree already");
            assert!(done, "{command} failed by itself: {error}");
            return kills;
        }
        kills += 1;
        check();
        pause = pause * 5 / 4 + Duration::from_millis(1);
    }
}

#[test]
fn a_killed_pull_takes_whole_nodes_or_none() {
    let (world, root) = World::with_root();
    world.ok(&World::train("alice", "tree", &root));
    world.init("other");
    let check = || drop(world.ok("verify --tree other --no-cache"));
    let kills = kill_until_through(&world, "pull --tree other tree", check);
    assert!(kills > 0);
    assert_eq!(world.ids("other"), world.ids("tree"));
    world.ok("verify --tree other --no-cache");
}

#[test]
fn a_killed_init_is_completed_by_the_same_command() {
    let world = World::new();
    let kills = kill_until_through(&world, &World::init_command("tree"), || ());
    assert!(kills > 0);
    assert_eq!(world.ids("tree").len(), 1);
    world.ok("verify --tree tree --no-cache");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error_that_says_where() {
    let (world, _) = World::with_root();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for command in [
        "show --tree tree",
        "verify --tree tree",
        "log --tree tree --json",
    ] {
        let output = world.command(command).stdout(full()).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {error}");
        assert!(
            error.contains("error: standard output: No space"),
            "{error}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_that_cannot_be_printed_keeps_its_exit_status() {
    let world = World::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = world.command("show --tree nowhere");
    assert_eq!(command.stderr(full).status().unwrap().code(), Some(2));
}

/// The command where a folder cannot be written: in a mount of its own that only this process sees, for
/// permission bits do not bind the superuser; else by permission bits.
fn read_only(world: &World, folder: &str, arguments: &str) -> std::process::Output {
    let command = world.command(arguments);
    let mount = format!(
        "mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && exec \"$0\" \"$@\""
    );
    let mounted = Command::new("unshare")
        .args(["-m", "sh", "-c", &mount])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(world.path(""))
        .env("XDG_CACHE_HOME", world.path("cache"))
        .env("XDG_STATE_HOME", world.path("state"))
        .output();
    match mounted {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("mount") => output,
        _ => {
            let run = |mode: &str, folder: &str| {
                let status = Command::new("chmod").args(["-R", mode, folder]).status();
                assert!(status.unwrap().success());
            };
            let path = world.path(folder);
            run("a-w", path.to_str().unwrap());
            let output = world.run(arguments);
            run("u+w", path.to_str().unwrap());
            output
        }
    }
}

#[test]
fn what_cannot_be_written_is_named_and_can_be_verified() {
    let (world, root) = World::with_root();
    world.init("other");
    world.ok(&World::train("alice", "other", &root));
    std::fs::create_dir(world.path("folder")).unwrap();
    if read_only(&world, "folder", "key --out folder/probe.pem")
        .status
        .success()
    {
        eprintln!("skipped: neither mounts nor permission bits keep this user from writing");
        return;
    }
    let train = World::train("alice", "tree", &root);
    let init = World::init_command("folder/tree");
    let export = format!("export --tree tree {root} --out folder/root.safetensors");
    for (folder, command, named) in [
        ("tree", train.as_str(), "tree/"),
        ("tree", "pull --tree tree other", "tree/"),
        ("folder", init.as_str(), "folder/"),
        ("folder", export.as_str(), "folder/root.safetensors"),
        ("folder", "key --out folder/k.pem", "folder/k.pem"),
    ] {
        let output = read_only(&world, folder, command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {error}");
        let why = ["Read-only file system", "Permission denied"];
        assert!(why.iter().any(|why| error.contains(why)), "{error}");
        assert!(error.contains(named), "{command}: {error}");
        assert_eq!(unfinished(&world.path(folder)), [""; 0]);
    }
    // A tree on a medium that cannot be written is as good as any to read.
    for command in [
        "verify --tree tree --no-cache",
        "show --tree tree",
        "log --tree tree",
    ] {
        let output = read_only(&world, "tree", command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}: {error}");
    }
    assert_eq!(world.ids("tree"), [root.as_str()]);
    world.ok(&train);
    world.ok("pull --tree tree other");
    world.ok("verify --tree tree --no-cache");
}
