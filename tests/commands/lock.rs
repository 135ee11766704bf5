//! Trees that somebody else is writing.
use crate::world::World;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn whoever_waits_is_told_for_whom_and_gives_up() {
    let (world, root) = World::with_root();
    let train = World::train("alice", "tree", &root);
    let file = world.path("tree/lock");
    let lock = File::options().write(true).open(&file).unwrap();
    lock.lock().unwrap();
    for (name, shown) in [
        ("process 1, zktree train\n", "process 1, zktree train"),
        ("\u{1b}[2J\u{202e}1", "\\u{1b}[2J\\u{202e}1"),
        ("", "a process that does not say which"),
    ] {
        fs::write(&file, name).unwrap();
        let start = Instant::now();
        let errors = world.fails(2, &format!("{train} --wait 2"));
        assert!(start.elapsed() < Duration::from_secs(60));
        let (waiting, error) = errors.split_once('\n').unwrap();
        assert_eq!(waiting, format!("waiting: {shown} writes the tree"));
        let named = error.starts_with("error: tree/lock: ") && error.contains(shown);
        assert!(named && error.contains("for 2 seconds"), "{errors}");
    }
    // Who only reads waits for nobody.
    for command in ["verify --tree tree", "show --tree tree", "log --tree tree"] {
        world.ok(command);
    }
    // A writer whose turn comes goes on.
    let mut writer = world.start(&train);
    let mut lines = BufReader::new(writer.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("waiting: "));
    drop(lock);
    assert!(writer.wait().unwrap().success());
    assert!(lines.next().is_none());
    assert_eq!(world.ids("tree").len(), 2);
}

/// Whoever has the lock says so in it, until it has it no more.
#[test]
fn a_writer_names_itself() {
    let (world, root) = World::with_root();
    let train = World::train("alice", "tree", &root).replace("--steps 4", "--steps 12");
    let mut process = world.start(&train);
    let mut said = String::new();
    while said.is_empty() && process.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(100));
        let text = String::from_utf8(world.read("tree/lock")).unwrap();
        if text.ends_with("zktree train") {
            said = text;
        }
    }
    let expected = format!("process {}, zktree train", process.id());
    assert!(process.wait().unwrap().success());
    assert_eq!(said, expected);
    assert_eq!(world.read("tree/lock"), b"");
}

/// Any descriptor can hold the lock, also one of a reader: readers get none.
#[test]
fn who_may_not_write_cannot_open_the_lock() {
    let (world, root) = World::with_root();
    let (tree, lock) = (world.path("tree"), world.path("tree/lock"));
    set_mode(&tree, 0o755);
    set_mode(&lock, 0o644);
    world.ok("show --tree tree");
    assert_eq!(mode(&lock), 0o600);
    fs::remove_file(&lock).unwrap();
    world.ok(&World::train("alice", "tree", &root));
    assert_eq!(mode(&lock), 0o600);
    // A group that may write may lock.
    set_mode(&tree, 0o775);
    world.ok("show --tree tree");
    assert_eq!(mode(&lock), 0o660);
}
