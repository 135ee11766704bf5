//! The command line: exit status, errors, JSON.
use std::{
    path::PathBuf,
    process::{Command, Output},
};

fn zktree(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zktree"))
        .args(arguments)
        .output()
        .unwrap()
}

fn errors(output: &Output) -> String {
    assert!(output.stdout.is_empty() || output.status.code() == Some(0));
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A file with this text, removed when dropped.
struct Csv(PathBuf);

impl Csv {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("zktree-{}-{name}.csv", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn demo(&self) -> Output {
        zktree(&["demo", "--json", "--data", self.0.to_str().unwrap()])
    }
}

impl Drop for Csv {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn wrong_usage_and_input_end_with_2() {
    for arguments in [
        &["nothing"][..],
        &["demo", "--curve", "secp256k1"],
        &["demo", "--steps", "0"],
        &["demo", "--preset", "large"],
        &["demo", "--rate", "0"],
        &["demo", "--data", "/nowhere.csv"],
    ] {
        let output = zktree(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let last = arguments.last().unwrap();
        assert!(errors(&output).contains(last), "{arguments:?}");
    }
}

#[test]
fn bad_data_is_located() {
    let output = Csv::new("cell", "a,b\n1,2\n3,x\n").demo();
    let text = errors(&output);
    assert!(
        text.contains("line 3, column \"b\": \"x\" is not a number"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(2));

    let rows = |n: usize| (0..n).map(|k| format!("{},{}\n", k % 7, k % 5));
    let table: String = std::iter::once("a,b\n".into()).chain(rows(108)).collect();
    let output = Csv::new("short", &table).demo();
    assert!(errors(&output).contains("108 rows; the demo needs 109"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_short_demo_as_json() {
    let output = zktree(&[
        "demo",
        "--json",
        "--curve",
        "pallas",
        "--steps",
        "3",
        "--segment-steps",
        "2",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = result["runs"].as_array().unwrap();
    let titles: Vec<_> = runs
        .iter()
        .map(|run| run["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["R_1", "R_1,2", "R_1,3"]);
    assert_eq!(runs[0]["parent"], result["root"]);
    assert_eq!(runs[1]["parent"], runs[0]["id"]);
    assert_eq!(runs[2]["parent"], runs[0]["id"]);
    let frauds = result["frauds"].as_array().unwrap();
    assert_eq!(frauds.len(), 3);
    for refusal in frauds
        .iter()
        .flat_map(|f| f["refusals"].as_array().unwrap())
    {
        assert!(!refusal[1].as_str().unwrap().is_empty());
    }
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = zktree(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("demo") && script.contains("completions"));
    }
}
