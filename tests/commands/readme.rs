//! The README's tutorial runs as it stands, but for fewer steps.
use crate::world::World;
use std::process::Command;

#[test]
fn the_tutorial_runs() {
    let world = World::new();
    let readme = include_str!("../../README.md");
    let tutorial = readme.split("## A tree of your own").nth(1).unwrap();
    let tutorial = tutorial.split("\n## ").next().unwrap();
    let blocks: Vec<&str> = tutorial
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let script = blocks.concat();
    for from in ["cargo install --path .", "/tmp/wine", "--steps 96"] {
        assert!(script.contains(from), "{from}");
    }
    let script = script
        .replace("cargo install --path .", "true")
        .replace("/tmp/wine", "\"$FOLDER\"")
        .replace("--steps 96", "--steps 2");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_zktree"));
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-euc", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env(
            "PATH",
            format!("{}:{path}", program.parent().unwrap().display()),
        )
        .env("FOLDER", world.path("tutorial"))
        .env("XDG_CACHE_HOME", world.path("cache"))
        .env("XDG_STATE_HOME", world.path("state"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let page = String::from_utf8(world.read("tutorial/tree.html")).unwrap();
    for text in [
        "2a94e3ac9f02",
        "Red, with bob",
        "Red, with carol",
        "all verified",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(world.ids("tutorial/alice").len(), 4);
}
