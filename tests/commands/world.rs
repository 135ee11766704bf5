//! A folder with data, keys and trees, in which the program is run.
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

pub struct World(TempDir);

impl World {
    /// A folder with `all.csv`, 60 rows of three features and a target, and parts of 20 rows:
    /// `alice.csv`, `bob.csv` and `carol.csv`.
    pub fn new() -> Self {
        let world = Self(TempDir::new().unwrap());
        let row = |n: usize| {
            let (a, b, c) = (n % 7, n * n % 11, n % 5);
            format!("{a},{b}.5,{c},{}\n", 2 * a + b)
        };
        let table = |rows: std::ops::Range<usize>| -> String {
            std::iter::once("a,b,c,y\n".to_owned())
                .chain(rows.map(row))
                .collect()
        };
        world.write("all.csv", &table(0..60));
        for (k, name) in ["alice", "bob", "carol"].into_iter().enumerate() {
            world.write(&format!("{name}.csv"), &table(20 * k..20 * (k + 1)));
        }
        world
    }

    /// With a root in `tree`, whose id is returned, and Alice's key.
    pub fn with_root() -> (Self, String) {
        let world = Self::new();
        world.ok("key --out alice.pem");
        let root = world.init("tree");
        (world, root)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The program with these arguments, separated by blanks; `_` stands for a blank in one.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zktree"));
        command
            .args(
                arguments
                    .split_whitespace()
                    .map(|argument| argument.replace('_', " ")),
            )
            .current_dir(self.0.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(Stdio::null());
        command
    }

    pub fn start(&self, arguments: &str) -> Child {
        let command = &mut self.command(arguments);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that succeeds prints.
    pub fn ok(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// The one JSON object that a command prints.
    pub fn json(&self, arguments: &str) -> Value {
        let text = self.ok(&format!("{arguments} --json"));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(value.is_object(), "{arguments}: {text}");
        value
    }

    /// What a command says that ends with this status.
    pub fn fails(&self, status: i32, arguments: &str) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments}: {errors}");
        assert!(errors.contains("error: "), "{arguments}: {errors}");
        errors
    }

    /// Arguments that make a root in a tree.
    pub fn init_command(tree: &str) -> String {
        format!(
            "init --tree {tree} --layers 3,4,1 --seed 7 --normalize all.csv --target y --curve pallas"
        )
    }

    pub fn init(&self, tree: &str) -> String {
        self.ok(&Self::init_command(tree))
    }

    /// Arguments that train a child on an owner's data in a tree.
    pub fn train(owner: &str, tree: &str, parent: &str) -> String {
        format!(
            "train --tree {tree} --parent {parent} --data {owner}.csv --target y --steps 4 \
             --batch 4 --learning-rate 0.02 --key {owner}.pem --segment-steps 2 --title {owner}"
        )
    }

    /// Ids of all roots and nodes of a tree.
    pub fn ids(&self, tree: &str) -> Vec<String> {
        let value = self.json(&format!("show --tree {tree}"));
        let nodes = value["nodes"].as_array().unwrap().iter();
        nodes
            .map(|node| node["id"].as_str().unwrap().to_owned())
            .collect()
    }
}
