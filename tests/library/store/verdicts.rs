//! What the program says of nodes, and its exit status: whoever reads it, and whatever is wrong with
//! the tree.
use super::{
    commands::{command, ends, json, text, zktree},
    kept::Kept,
};
use crate::family::{Family, sign};
use serde_json::json;
use std::{fs, process::Output};
use zktree::tree::{Child, NodeId, RowProof};

type Pallas = ark_pallas::Projective;

/// A child of the root that is signed, not proven; those below it descend from it.
fn forge(kept: &Kept, title: &str, parent: NodeId) -> NodeId {
    let mut child: Child<_> = Family::get().second.clone();
    child.node.labels.title = Some(title.into());
    child.node.parent = parent;
    sign(&child.node, &mut child.edge);
    kept.store.add_child(&child).unwrap()
}

/// The program, of whose output nobody reads anything.
fn unread(kept: &Kept, arguments: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command(kept, arguments).stdout(writer).output().unwrap()
}

#[test]
fn a_verdict_does_not_depend_on_who_reads_it() {
    let family = Family::get();
    let (kept, other) = (Kept::new(), Kept::new());
    let bad = forge(&other, "forged", other.first).short();
    let from = other.store.dir().to_str().unwrap();
    let weights = kept.beside("weights");
    fs::write(&weights, family.second.opening.to_safetensors().unwrap()).unwrap();
    let weights = weights.to_str().unwrap();
    let (first, second) = (kept.first.short(), kept.second.short());
    let refused: [(&Kept, &[&str]); 7] = [
        (&other, &["verify"]),
        (&other, &["verify", "--json"]),
        (&other, &["verify", &bad]),
        (&kept, &["pull", from]),
        (&kept, &["pull", from, "--partial", "--json"]),
        (&kept, &["check-weights", &first, weights]),
        (&kept, &["check-weights", &first, weights, "--json"]),
    ];
    for (tree, arguments) in refused {
        let errors = ends(&zktree(tree, arguments), 1);
        assert_eq!(ends(&unread(tree, arguments), 1), errors, "{arguments:?}");
    }
    let (log, inclusion) = (["log"], ["inclusion", &first]);
    let accepted: [&[&str]; 5] = [
        &["verify"],
        &["verify", "--json"],
        &["check-weights", &second, weights, "--json"],
        &log,
        &inclusion,
    ];
    for arguments in accepted {
        assert_eq!(ends(&unread(&kept, arguments), 0), "", "{arguments:?}");
    }
    // Damage, too.
    fs::write(kept.path("nodes/foreign"), "").unwrap();
    ends(&unread(&kept, &["verify"]), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_refusal_comes_before_an_output_that_cannot_be_written() {
    let kept = Kept::new();
    forge(&kept, "forged", kept.first);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(&kept, &["verify"]).stdout(full).output().unwrap();
    let errors = ends(&output, 1);
    assert!(errors.contains("standard output: No space"), "{errors}");
    assert!(errors.contains("training is not proven"), "{errors}");
}

#[test]
fn what_descends_from_a_refused_node_is_counted() {
    let (kept, ours) = (Kept::new(), Kept::new());
    let bad = forge(&kept, "forged", kept.first);
    let mut last = bad;
    let below: Vec<NodeId> = (0..3)
        .map(|n| {
            last = forge(&kept, &format!("below {n}"), last);
            last
        })
        .collect();
    let output = zktree(&kept, &["verify", "--json"]);
    let errors = ends(&output, 1);
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("; and 3 that descend from it"), "{errors}");
    assert!(errors.contains(&bad.short()), "{errors}");
    let report = json(&output);
    assert_eq!(report["refused"].as_array().unwrap().len(), 4);
    // The rest verified; that is what the soundness is of.
    assert_eq!(
        (&report["edges"], &report["remembered"]),
        (&json!(3), &json!(0))
    );
    assert!(report["soundness"]["proofs"].as_u64().is_some());
    // Of one that descends: the reason, and the node itself.
    let deepest = below.last().unwrap().to_string();
    let output = zktree(&kept, &["verify", &deepest, "--json"]);
    assert!(ends(&output, 1).contains("training is not proven"));
    assert_eq!(json(&output).get("soundness"), None);
    let other = forge(&kept, "another", kept.root);
    let errors = ends(&zktree(&kept, &["verify"]), 1);
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(errors.contains(&other.short()) && errors.contains("; 5 nodes in all"));

    let output = zktree(&ours, &["pull", kept.store.dir().to_str().unwrap()]);
    let errors = ends(&output, 1);
    assert_eq!(errors.lines().count(), 3, "{errors}");
    assert!(errors.contains("; and 3 that descend from it"), "{errors}");
}

#[test]
fn a_row_of_a_node_that_nobody_verified_is_not_called_verified() {
    let (kept, family) = (Kept::new(), Family::get());
    let mut child = family.second.clone();
    child.node.labels.title = Some("forged".into());
    sign(&child.node, &mut child.edge);
    let forged = kept.store.add_child(&child).unwrap().short();
    let data = &family.data[1];
    kept.store.private().save_dataset(data).unwrap();
    let mut made = 0;
    let mut prove = |id: &str, more: &[&str]| {
        made += 1;
        let file = kept.beside(&format!("row-{made}.json"));
        let arguments = [
            &[
                "prove-row",
                id,
                "--row",
                "2",
                "--out",
                file.to_str().unwrap(),
            ],
            more,
        ];
        let output = zktree(&kept, &arguments.concat());
        ends(&output, 0);
        output
    };
    let second = kept.second.short();
    for id in [&forged, &second] {
        assert_eq!(json(&prove(id, &["--json"]))["verified"], json!(false));
        assert!(text(&prove(id, &[]).stdout).contains("which was not verified here"));
    }
    ends(&zktree(&kept, &["verify", &second]), 0);
    ends(&zktree(&kept, &["verify", &forged]), 1);
    assert_eq!(json(&prove(&second, &["--json"]))["verified"], json!(true));
    assert!(!text(&prove(&second, &[]).stdout).contains("not verified"));
    assert_eq!(json(&prove(&forged, &["--json"]))["verified"], json!(false));
    let distrusted = prove(&second, &["--json", "--no-cache"]);
    assert_eq!(json(&distrusted)["verified"], json!(false));
}

/// Not relying on what is remembered forgets nothing, and adds to it.
#[test]
fn every_command_that_relies_on_the_cache_can_do_without() {
    let (kept, family) = (Kept::new(), Family::get());
    let second = kept.second.short();
    let data = &family.data[1];
    let root = data.commitment().root();
    let row = RowProof::<Pallas>::new(data.opening(), root, 0).unwrap();
    let (proof, weights) = (kept.beside("row.json"), kept.beside("weights"));
    fs::write(&proof, row.to_json()).unwrap();
    fs::write(&weights, family.second.opening.to_safetensors().unwrap()).unwrap();
    let (proof, weights) = (proof.to_str().unwrap(), weights.to_str().unwrap());
    let commands: [&[&str]; 6] = [
        &["verify", &second],
        &["verify-row", &second, proof],
        &["check-weights", &second, weights],
        &["statement", &second],
        &["schedule", &second],
        &["show"],
    ];
    let remembered = |id: NodeId| {
        let shown = json(&zktree(&kept, &["show", "--json"]));
        let nodes = shown["nodes"].as_array().unwrap().iter();
        let mut nodes = nodes.filter(|node| node["id"] == id.to_string());
        nodes.next().unwrap()["verified"] == json!(true)
    };
    for command in commands {
        let _ = fs::remove_dir_all(kept.beside("cache"));
        ends(&zktree(&kept, &["verify", &kept.third.short()]), 0);
        let command = [command, &["--no-cache"]].concat();
        let output = zktree(&kept, &command);
        ends(&output, 0);
        assert!(remembered(kept.third), "{command:?}");
        assert_eq!(remembered(kept.second), command[0] != "show", "{command:?}");
    }
    let shown = text(&zktree(&kept, &["show", "--no-cache"]).stdout);
    assert!(!shown.contains("verified"), "{shown}");
    let report = json(&zktree(&kept, &["verify", "--no-cache", "--json"]));
    assert_eq!(
        (&report["edges"], &report["remembered"]),
        (&json!(3), &json!(0))
    );
}

/// A file that was written by somebody else is not relied on, and said not to be.
#[test]
fn a_cache_that_was_altered_is_warned_of() {
    let kept = Kept::new();
    ends(&zktree(&kept, &["verify"]), 0);
    let dir = kept.beside("cache").join("zktree");
    let files = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = files
        .into_iter()
        .find(|file| !file.ends_with("key"))
        .unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.len() - 3;
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    fs::write(&file, bytes).unwrap();
    let output = zktree(&kept, &["verify", "--json"]);
    assert!(text(&output.stderr).starts_with("warning: "));
    let report = json(&output);
    assert_eq!(
        (&report["edges"], &report["remembered"]),
        (&json!(1), &json!(2))
    );
    // It was written anew.
    assert_eq!(text(&zktree(&kept, &["verify"]).stderr), "");
}

/// A root with imported weights whose range is not proven, and a child.
#[test]
fn nothing_below_a_refused_root_is_known_from_before() {
    let kept = Kept::new();
    let root = crate::imported::unproven();
    let id = kept.store.add_root(&root).unwrap();
    let mut child: Child<_> = Family::get().first.clone();
    child.node.parent = id;
    sign(&child.node, &mut child.edge);
    kept.store.add_child(&child).unwrap();
    for asked in [None, Some(id.short())] {
        let mut arguments = vec!["verify", "--json"];
        arguments.extend(asked.as_deref());
        let output = zktree(&kept, &arguments);
        assert!(ends(&output, 1).contains("its imported weights"));
        let report = json(&output);
        assert_eq!(report["remembered"], json!(0), "{report}");
    }
    let report = json(&zktree(&kept, &["verify", "--json"]));
    assert_eq!(report["remembered"], json!(3));
    assert_eq!(report["refused"].as_array().unwrap().len(), 2);
}
