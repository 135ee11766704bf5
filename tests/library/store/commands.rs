//! The same through the program: exit status, and what is said.
use crate::{
    family::{Family, author, sign},
    store::kept::Kept,
};
use serde_json::Value;
use std::{
    fs,
    process::{Command, Output},
};
use zktree::tree::{Child, NodeId, RowProof};

/// The program, on this tree, with a cache and state of its own.
pub fn zktree(kept: &Kept, arguments: &[&str]) -> Output {
    command(kept, arguments).output().unwrap()
}

pub fn command(kept: &Kept, arguments: &[&str]) -> Command {
    let (command, rest) = arguments.split_first().unwrap();
    let tree = kept.store.dir().to_str().unwrap();
    prepared(kept, &[&[*command, "--tree", tree], rest].concat())
}

/// The program, with that cache and state.
pub fn program(kept: &Kept, arguments: &[&str]) -> Output {
    prepared(kept, arguments).output().unwrap()
}

fn prepared(kept: &Kept, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_zktree"));
    program
        .args(arguments)
        .env("XDG_CACHE_HOME", kept.beside("cache"))
        .env("XDG_STATE_HOME", kept.beside("state"));
    program
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The command ends with this status; returns what it says is wrong.
pub fn ends(output: &Output, status: i32) -> String {
    let errors = text(&output.stderr);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(status), "{errors}{said}");
    assert_eq!(errors.contains("error"), status != 0, "{errors}");
    errors
}

#[test]
fn verify_remembers_and_forgets() {
    let kept = Kept::new();
    let second = kept.second.short();
    let output = zktree(&kept, &["verify", &second, "--json"]);
    ends(&output, 0);
    let report = json(&output);
    assert_eq!(report["id"], kept.second.to_string());
    assert_eq!(
        (&report["verified"], &report["edges"]),
        (&true.into(), &2.into())
    );
    let report = json(&zktree(&kept, &["verify", "--json"]));
    assert_eq!(
        (&report["edges"], &report["remembered"]),
        (&1.into(), &2.into())
    );
    assert_eq!(report.get("id"), None);
    let report = json(&zktree(&kept, &["verify", "--all", "--no-cache", "--json"]));
    assert_eq!(
        (&report["edges"], &report["remembered"]),
        (&3.into(), &0.into())
    );
    let output = zktree(&kept, &["verify", &kept.root.to_string()]);
    ends(&output, 0);
    assert!(text(&output.stdout).starts_with(&format!("verified {}: 0 edges", kept.root.short())));

    for (arguments, what) in [
        (&["verify", "zz"][..], "\"zz\" is not an id"),
        (&["verify", &"0".repeat(9)], "no id in the tree begins with"),
        (&["verify", "--all", &second], "cannot be used with"),
        (&["verify", "--everything"], "--everything"),
    ] {
        assert!(ends(&zktree(&kept, arguments), 2).contains(what));
    }
    let nowhere = Command::new(env!("CARGO_BIN_EXE_zktree"))
        .args(["verify", "--tree", "/nowhere"])
        .output();
    assert!(ends(&nowhere.unwrap(), 2).contains("/nowhere: there is no tree here"));
}

#[test]
fn forgeries_end_with_1_and_are_named() {
    let family = Family::get();
    // Signed by its author and not proven.
    let kept = Kept::new();
    let mut child: Child<_> = family.second.clone();
    child.node.labels.title = Some("forged".into());
    sign(&child.node, &mut child.edge);
    let id = kept.store.add_child(&child).unwrap();
    let errors = ends(&zktree(&kept, &["verify", &id.short()]), 1);
    assert!(errors.contains(&format!(
        "node {} \"forged\": training is not proven",
        id.short()
    )));
    ends(&zktree(&kept, &["verify", &kept.third.short()]), 0);
    let output = zktree(&kept, &["verify", "--json"]);
    assert!(ends(&output, 1).contains(&id.short()));
    let report = json(&output);
    assert_eq!(
        (&report["verified"], &report["remembered"]),
        (&false.into(), &2.into())
    );
    assert_eq!(report["refused"][0]["id"], id.to_string());
    // It is not remembered as verified.
    ends(&zktree(&kept, &["verify", &id.short()]), 1);

    // Another's signature.
    let kept = Kept::new();
    let (mut edge, node) = (family.second.edge.clone(), &family.second.node);
    edge.signature = author(3).sign(node.id(&edge));
    fs::remove_file(kept.file("nodes", kept.second)).unwrap();
    kept.relog(&[kept.root, kept.first, kept.third]);
    let id = kept.plant(node, &edge);
    let errors = ends(&zktree(&kept, &["verify", &id.short()]), 1);
    assert!(
        errors.contains("the signature is not its author's"),
        "{errors}"
    );

    // A proof that was altered; the rest is verified.
    let kept = Kept::new();
    let [proof, _] = family.third.edge.proof_hashes().map(hex::encode);
    let file = kept.path("proofs").join(&proof);
    let mut bytes = fs::read(&file).unwrap();
    bytes[1000] ^= 4;
    fs::write(&file, bytes).unwrap();
    let output = zktree(&kept, &["verify", "--json"]);
    let errors = ends(&output, 1);
    assert!(
        errors.contains(&format!("proofs/{proof}: the file was altered")),
        "{errors}"
    );
    assert_eq!(json(&output)["edges"], 2);
    ends(&zktree(&kept, &["verify", &kept.second.short()]), 0);
    let errors = ends(&zktree(&kept, &["verify", &kept.third.short()]), 1);
    assert!(errors.contains(&proof), "{errors}");
}

/// What a node says of itself is not repeated before it is proven.
#[test]
fn nothing_is_said_of_what_is_not_proven() {
    let family = Family::get();
    let kept = Kept::new();
    let mut child: Child<_> = family.second.clone();
    child.node.parameters.steps += 1;
    sign(&child.node, &mut child.edge);
    let id = kept.store.add_child(&child).unwrap();
    let data = &family.data[1];
    let root = data.commitment().root();
    let row = RowProof::<ark_pallas::Projective>::new(data.opening(), root, 0).unwrap();
    let (proof, weights) = (kept.beside("row.json"), kept.beside("weights"));
    fs::write(&proof, row.to_json()).unwrap();
    fs::write(&weights, child.opening.to_safetensors().unwrap()).unwrap();
    let (proof, weights) = (proof.to_str().unwrap(), weights.to_str().unwrap());
    let commands: [&[&str]; 4] = [
        &["verify-row", "ID", proof],
        &["statement", "ID"],
        &["schedule", "ID"],
        &["check-weights", "ID", weights],
    ];
    for command in commands {
        let named = |id: NodeId| -> Vec<String> {
            let short = id.short();
            command.iter().map(|a| a.replace("ID", &short)).collect()
        };
        let run = |id| {
            let arguments = named(id);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            zktree(&kept, &arguments)
        };
        let errors = ends(&run(id), 1);
        assert!(errors.contains("training is not proven"), "{errors}");
        assert_eq!(text(&run(id).stdout), "");
    }
}

/// Names of files come from strangers too.
#[cfg(unix)]
#[test]
fn names_of_files_do_not_steer_a_terminal() {
    let kept = Kept::new();
    fs::write(kept.path("nodes/\u{1b}[2J\u{202e}\nerror: all is well"), "").unwrap();
    let errors = text(&zktree(&kept, &["show"]).stderr);
    assert!(
        errors.contains("nodes/\\u{1b}[2J\\u{202e}\\u{a}error"),
        "{errors}"
    );
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn logs_are_proven_and_checked() {
    let kept = Kept::new();
    let log = json(&zktree(&kept, &["log", "--json"]));
    assert_eq!(log["entries"][3]["title"], "third");
    let head = kept.store.head().unwrap().to_string();
    assert!(text(&zktree(&kept, &["log"]).stdout).contains(&format!("\nhead {head}\n")));

    let included = zktree(&kept, &["inclusion", &kept.third.short(), "--json"]);
    ends(&included, 0);
    assert_eq!(json(&included)["id"], kept.third.to_string());
    let proof = kept.beside("proof.json");
    fs::write(&proof, &included.stdout).unwrap();
    let check = |command: &str, rest: &[&str]| {
        let proof = ["--check", proof.to_str().unwrap()];
        let command = Command::new(env!("CARGO_BIN_EXE_zktree"))
            .arg(command)
            .args(proof)
            .args(rest)
            .output();
        command.unwrap()
    };
    ends(&check("inclusion", &["--head", &head]), 0);
    ends(&check("inclusion", &[&kept.third.short()]), 0);
    ends(&check("inclusion", &[&kept.second.short()]), 1);
    let empty = format!("0:{}", "0".repeat(64));
    ends(&check("inclusion", &["--head", &empty]), 1);
    ends(&check("consistency", &[]), 2);
    ends(
        &zktree(&kept, &["inclusion", &kept.third.short(), "--head", &head]),
        0,
    );
    ends(
        &zktree(&kept, &["inclusion", &kept.third.short(), "--head", &empty]),
        1,
    );
    let altered = text(&included.stdout).replace("\"index\":3", "\"index\":2");
    fs::write(&proof, altered).unwrap();
    assert!(ends(&check("inclusion", &[]), 1).contains(&kept.third.short()));

    // What says the same to a lenient reader.
    let value = json(&included);
    let id = kept.third.to_string();
    let same = value.to_string();
    let array = serde_json::json!(["id", "index", "head", "path"].map(|name| value[name].clone()));
    let inner = serde_json::json!([value["head"]["size"], value["head"]["root"]]);
    let head_array = same.replace(&value["head"].to_string(), &inner.to_string());
    for (text, status) in [
        (same.clone(), 0),
        (array.to_string(), 2),
        (head_array, 2),
        (same.replace(&id, &id.to_uppercase()), 2),
    ] {
        fs::write(&proof, &text).unwrap();
        ends(&check("inclusion", &[]), status);
    }

    let old = kept.store.head().unwrap();
    kept.store.add_root(&crate::family::root(4)).unwrap();
    let continued = zktree(&kept, &["consistency", &head, "--json"]);
    ends(&continued, 0);
    fs::write(&proof, &continued.stdout).unwrap();
    let new = kept.store.head().unwrap().to_string();
    ends(&check("consistency", &[&head, "--head", &new]), 0);
    ends(&check("consistency", &[&head, "--head", &head]), 1);
    // The log loses two entries.
    kept.relog(&[kept.root, kept.first, kept.second]);
    assert_ne!(kept.store.head().unwrap(), old);
    let errors = ends(&zktree(&kept, &["consistency", &head]), 1);
    assert!(
        errors.contains("is not shown to continue the log 4:"),
        "{errors}"
    );
    assert!(ends(&zktree(&kept, &["consistency", "4:xyz"]), 2).contains("4:xyz"));
    fs::write(kept.path("log/entries"), "").unwrap();
    assert!(ends(&zktree(&kept, &["log"]), 1).contains("entries were removed"));
}

#[test]
fn trees_are_pulled() {
    let (alice, bob) = (Kept::new(), Kept::new());
    let mut child = Family::get().second.clone();
    child.node.nonce = 9;
    sign(&child.node, &mut child.edge);
    let bad = bob.store.add_child(&child).unwrap();
    let new = bob.store.add_root(&crate::family::root(6)).unwrap();
    let from = bob.store.dir().to_str().unwrap();
    let output = zktree(&alice, &["pull", from]);
    let errors = ends(&output, 1);
    assert!(
        errors.contains(&bad.short()) && errors.contains("nothing was taken"),
        "{errors}"
    );
    assert_eq!(alice.store.load().0.len(), 4);
    let output = zktree(&alice, &["pull", from, "--partial", "--json"]);
    ends(&output, 1);
    assert_eq!(json(&output)["taken"][0], new.to_string());
    let output = zktree(&bob, &["pull", alice.store.dir().to_str().unwrap()]);
    ends(&output, 0);
    assert_eq!(text(&output.stdout), "there is nothing new\n");
    ends(&zktree(&alice, &["pull", "/nowhere"]), 2);
}
