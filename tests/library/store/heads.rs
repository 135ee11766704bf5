//! Heads of logs: signed, remembered, asked for.
use crate::{
    family::{self, Family, author},
    store::{
        commands::{ends, json, text, zktree},
        kept::Kept,
    },
};
use ark_pallas::Projective as Pallas;
use std::{
    fs,
    path::{Path, PathBuf},
};
use zktree::tree::{
    AuthorKey,
    store::{Head, KnownHeads, LogError, SignedHead, Store, StoreError, Witness},
};

const SIGNED: &str = "log/signed.json";

fn see(known: &KnownHeads, store: &Store<Pallas>) -> Result<(), StoreError> {
    known.check(store)?.remember()
}

fn rewritten(result: Result<(), StoreError>) -> (Witness, LogError) {
    match result {
        Err(StoreError::Rewritten {
            witness, source, ..
        }) => (witness, *source),
        other => panic!("{other:?}"),
    }
}

/// A copy of a tree's directory.
fn copy(kept: &Kept, name: &str) -> Store<Pallas> {
    fn files(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => files(&entry.path(), &to),
                false => drop(fs::copy(entry.path(), to).unwrap()),
            }
        }
    }
    let to = kept.beside(name);
    files(kept.store.dir(), &to);
    Store::view(to).unwrap()
}

/// Everything behind the first three entries is forgotten, as a keeper might, with the files.
fn forget_the_last(kept: &Kept) {
    fs::remove_file(kept.file("nodes", kept.third)).unwrap();
    kept.relog(&[kept.root, kept.first, kept.second]);
}

#[test]
fn heads_are_signed_and_stay_while_the_log_grows() {
    let kept = Kept::new();
    assert_eq!(kept.store.signed_head().unwrap(), None);
    let signed = kept.store.sign_log(author(1)).unwrap();
    assert_eq!(signed.head(), kept.store.head().unwrap());
    assert_eq!(signed.signer, author(1).public());
    assert_eq!(kept.store.signed_head().unwrap(), Some(signed));
    let bytes = fs::read(kept.path(SIGNED)).unwrap();
    assert_eq!(kept.store.sign_log(author(1)).unwrap(), signed);
    assert_eq!(fs::read(kept.path(SIGNED)).unwrap(), bytes);
    let text = String::from_utf8(bytes).unwrap();
    let expected = format!(
        "{{\"log\":\"{}\",\"size\":4,\"root\":\"{}\",\"signer\":\"{}\",\"signature\":\"{}\"}}\n",
        hex::encode(signed.log),
        hex::encode(signed.root),
        signed.signer,
        hex::encode(signed.signature.0)
    );
    assert_eq!(text, expected);

    kept.store.add_root(&family::root(4)).unwrap();
    assert_eq!(kept.store.signed_head().unwrap(), Some(signed));
    assert_eq!(kept.damage(), [""; 0]);
    // Another signer signs the same log, by its name.
    let again = kept.store.sign_log(author(2)).unwrap();
    assert_eq!((again.log, again.size), (signed.log, 5));
    // Another log has another name.
    let other = Kept::new().store.sign_log(author(1)).unwrap();
    assert_ne!(other.log, signed.log);
    assert_eq!(other.head(), signed.head());
}

#[test]
fn signed_heads_that_were_altered_are_damage() {
    let kept = Kept::new();
    let signed = kept.store.sign_log(author(1)).unwrap();
    let honest = fs::read(kept.path(SIGNED)).unwrap();
    let mut other = signed;
    other.log[0] ^= 1;
    let mut forged = vec![(serde_json::to_vec(&other).unwrap(), "is not signed by")];
    other = SignedHead {
        signer: author(2).public(),
        ..signed
    };
    forged.push((serde_json::to_vec(&other).unwrap(), "is not signed by"));
    // A key of small order, which has signatures of everything.
    let mut small = [0; 32];
    small[0] = 1;
    other = SignedHead {
        signer: AuthorKey(small),
        ..signed
    };
    other.signature.0 = [0; 64];
    other.signature.0[0] = 1;
    forged.push((serde_json::to_vec(&other).unwrap(), "is not signed by"));
    // Signed, and of another log.
    let head = |size, root| SignedHead::new(signed.log, Head { size, root }, author(1));
    for other in [head(5, signed.root), head(3, signed.root)] {
        let problem = if other.size == 5 {
            "entries were removed"
        } else {
            "its entries are not"
        };
        forged.push((serde_json::to_vec(&other).unwrap(), problem));
    }
    for (json, problem) in forged {
        fs::write(kept.path(SIGNED), [&json[..], b"\n"].concat()).unwrap();
        let damage = kept.damage();
        assert_eq!(damage.len(), 1, "{damage:?}");
        assert!(damage[0].starts_with("log/signed.json: "), "{}", damage[0]);
        assert!(damage[0].contains(problem), "{}: {problem}", damage[0]);
        assert!(kept.store.signed_head().is_err());
    }
    // In no other form.
    let text = String::from_utf8(honest.clone()).unwrap();
    for other in [
        text.trim_end().to_owned(),
        text.replace(":4,", ": 4,"),
        text.to_uppercase(),
        text.replace("{\"log\"", "{\"time\":0,\"log\""),
        String::new(),
    ] {
        fs::write(kept.path(SIGNED), &other).unwrap();
        assert_eq!(kept.damage().len(), 1, "{other}");
    }
    fs::write(kept.path(SIGNED), honest).unwrap();
    assert_eq!(kept.damage(), [""; 0]);
    fs::remove_file(kept.path(SIGNED)).unwrap();
    assert_eq!(kept.damage(), [""; 0]);
    assert_eq!(kept.store.signed_head().unwrap(), None);
}

#[test]
fn a_history_that_was_rewritten_is_noticed() {
    let kept = Kept::new();
    let known = KnownHeads::in_dir(kept.beside("state/heads"));
    see(&known, &kept.store).unwrap();
    see(&known, &kept.store).unwrap();
    kept.store.add_root(&family::root(4)).unwrap();
    see(&known, &kept.store).unwrap();
    forget_the_last(&kept);
    let (witness, error) = rewritten(see(&known, &kept.store));
    assert_eq!(witness, Witness::Machine);
    assert_eq!(
        error,
        LogError::Short {
            entries: 3,
            head: 5
        }
    );
    // As long as before, and another.
    kept.relog(&[kept.root, kept.first, kept.second]);
    for seed in [5, 4] {
        kept.store.add_root(&family::root(seed)).unwrap();
    }
    let (_, error) = rewritten(see(&known, &kept.store));
    assert_eq!(error, LogError::OtherEntries);
    // A log that cannot be read does not continue anything.
    fs::write(kept.path("log/entries"), "x\n").unwrap();
    assert!(matches!(
        see(&known, &kept.store),
        Err(StoreError::Damage(_))
    ));
    kept.relog(&[kept.root, kept.first, kept.second]);
    known.forget(&kept.store).unwrap();
    see(&known, &kept.store).unwrap();

    // In another directory nothing was seen.
    let other = Kept::new();
    see(&known, &other.store).unwrap();
    // What is remembered is nobody's to change.
    for entry in fs::read_dir(kept.beside("state/heads")).unwrap() {
        let file = entry.unwrap().path();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        }
        fs::write(file, "{}").unwrap();
    }
    let error = known.check(&kept.store).unwrap_err();
    assert!(matches!(error, StoreError::Format { .. }), "{error}");
}

/// Who signed two histories of one log is convicted wherever they are seen; an older copy is none.
#[test]
fn what_was_signed_is_remembered_wherever_it_is_seen() {
    let kept = Kept::new();
    let known = KnownHeads::in_dir(kept.beside("heads"));
    kept.store.sign_log(author(1)).unwrap();
    let older = copy(&kept, "older");
    kept.store.add_root(&family::root(4)).unwrap();
    kept.store.sign_log(author(1)).unwrap();
    see(&known, &kept.store).unwrap();
    see(&known, &older).unwrap();

    // The same name and signer, and another history.
    let fork = copy(&kept, "fork");
    let entries = fs::read_to_string(kept.path("log/entries")).unwrap();
    let mut lines: Vec<&str> = entries.lines().collect();
    lines.swap(2, 3);
    let name = kept.store.signed_head().unwrap().unwrap().log;
    let ids = lines.iter().map(|line| line.parse().unwrap());
    let head = zktree::tree::store::Log::new(ids).unwrap().head();
    let write = |file: &str, text: String| fs::write(fork.dir().join(file), text + "\n").unwrap();
    write("log/entries", lines.join("\n"));
    write("log/head.json", serde_json::to_string(&head).unwrap());
    let signed = |name, signer| SignedHead::new(name, head, author(signer));
    let sign = |name, signer| {
        write(
            SIGNED,
            serde_json::to_string(&signed(name, signer)).unwrap(),
        )
    };
    sign(name, 1);
    let (witness, error) = rewritten(see(&known, &fork));
    assert_eq!(witness, Witness::Signer(author(1).public()));
    assert_eq!(error, LogError::OtherEntries);
    // Of another log, or signed by somebody else, it says nothing against the signer.
    sign([7; 32], 1);
    known.check(&fork).map(drop).unwrap();
    sign(name, 2);
    known.check(&fork).map(drop).unwrap();
}

/// The program remembers by itself.
#[test]
fn verify_and_pull_notice_a_rewritten_history() {
    let kept = Kept::new();
    let mine = Store::<Pallas>::create(kept.beside("mine")).unwrap();
    let tree = kept.store.dir().to_str().unwrap().to_owned();
    let pull = |rest: &[&str]| {
        let arguments = [
            &["pull", "--tree", mine.dir().to_str().unwrap(), &tree],
            rest,
        ]
        .concat();
        crate::store::commands::program(&kept, &arguments)
    };
    ends(&pull(&[]), 0);
    let head = kept.store.head().unwrap();
    forget_the_last(&kept);
    let errors = ends(&zktree(&kept, &["verify"]), 1);
    assert!(errors.contains("history was rewritten"), "{errors}");
    assert!(errors.contains(&head.to_string()), "{errors}");
    let output = zktree(&kept, &["verify", &kept.second.short(), "--json"]);
    ends(&output, 1);
    let report = json(&output);
    assert_eq!(report["verified"], false);
    assert!(report["history"].as_str().unwrap().contains("3 entries"));

    kept.store.add_root(&family::root(5)).unwrap();
    let errors = ends(&pull(&["--partial"]), 1);
    assert!(errors.contains("its entries are not"), "{errors}");
    assert_eq!(mine.log().unwrap().ids().len(), 4);
    // On one's own responsibility.
    ends(&pull(&["--forget-head"]), 0);
    assert_eq!(mine.log().unwrap().ids().len(), 5);
    ends(&pull(&[]), 0);
    ends(&zktree(&kept, &["verify"]), 0);
    // A warning, and the same verdict, where nothing can be remembered.
    fs::remove_dir_all(kept.beside("state")).unwrap();
    fs::write(kept.beside("state"), "").unwrap();
    let output = zktree(&kept, &["verify"]);
    assert_eq!(output.status.code(), Some(0));
    let warning = text(&output.stderr);
    assert!(warning.contains("this head is not remembered"), "{warning}");
}

#[test]
fn verify_and_pull_ask_for_a_head() {
    let kept = Kept::new();
    let head = kept.store.head().unwrap().to_string();
    kept.store.sign_log(author(1)).unwrap();
    let signed = kept.beside("signed.json");
    fs::copy(kept.path(SIGNED), &signed).unwrap();
    let plain = kept.beside("head.txt");
    fs::write(&plain, format!("{head}\n")).unwrap();
    let json = kept.beside("head.json");
    fs::copy(kept.path("log/head.json"), &json).unwrap();
    let files = [&signed, &plain, &json].map(|file: &PathBuf| file.to_str().unwrap().to_owned());
    let heads = [&files[..], std::slice::from_ref(&head)].concat();
    kept.store.add_root(&family::root(4)).unwrap();
    for head in &heads {
        ends(&zktree(&kept, &["verify", "--head", head]), 0);
    }
    // A tree that nobody saw here before.
    let other = Kept::new();
    forget_the_last(&other);
    for head in &heads {
        let errors = ends(&zktree(&other, &["verify", "--head", head]), 1);
        assert!(errors.contains("which it should"), "{errors}");
        let tree = other.store.dir().to_str().unwrap();
        let errors = ends(&zktree(&kept, &["pull", tree, "--head", head]), 1);
        assert!(errors.contains("3 entries"), "{errors}");
    }
    // The signature of a file that has one must be right.
    let forged = fs::read_to_string(&signed).unwrap().replace(":4,", ":3,");
    fs::write(&signed, forged).unwrap();
    let errors = ends(&zktree(&kept, &["verify", "--head", &files[0]]), 2);
    assert!(errors.contains("is not signed by"), "{errors}");
    for head in ["nothing.json", "4:xyz"] {
        let errors = ends(&zktree(&kept, &["verify", "--head", head]), 2);
        assert!(errors.contains(head), "{errors}");
    }
}

#[test]
fn verify_asks_for_authors() {
    let kept = Kept::new();
    let cousin = crate::store::pull::cousin("cousin");
    let id = kept.store.add_child(&cousin).unwrap();
    let [ours, theirs] = [&Family::get().first, &cousin].map(|child| child.node.author);
    assert_ne!(ours, theirs);
    let authors = [ours, theirs].map(|key| key.to_string());
    let output = zktree(&kept, &["verify", "--author", &authors[0]]);
    let errors = ends(&output, 1);
    assert!(errors.contains(&format!("node {} \"cousin\"", id.short())));
    assert!(errors.contains(&authors[1]), "{errors}");
    ends(
        &zktree(
            &kept,
            &["verify", &kept.third.short(), "--author", &authors[0]],
        ),
        0,
    );
    let all: Vec<&str> = authors.iter().flat_map(|key| ["--author", key]).collect();
    ends(&zktree(&kept, &[&["verify"][..], &all].concat()), 0);
    let other = author(9).public().to_string();
    let output = zktree(
        &kept,
        &["verify", &kept.second.short(), "--author", &other, "--json"],
    );
    let errors = ends(&output, 1);
    let named = format!("node {}", kept.first.short());
    assert!(
        errors.contains(&named) && errors.contains(&authors[0]),
        "{errors}"
    );
    assert!(errors.contains("who is not among the authors"), "{errors}");
    assert_eq!(
        json(&output)["refused"][0]["id"].as_str().map(str::len),
        Some(64)
    );
    // A root from a seed is nobody's.
    let root = kept.root.short();
    ends(&zktree(&kept, &["verify", &root, "--author", &other]), 0);
    ends(&zktree(&kept, &["verify", "--author", "xyz"]), 2);
}

#[test]
fn the_log_says_who_signed_it() {
    let kept = Kept::new();
    let key = kept.beside("key.pem");
    author(1).save(&key).unwrap();
    let key = key.to_str().unwrap();
    let said = |output: &std::process::Output| text(&output.stdout);
    let output = zktree(&kept, &["log"]);
    assert!(said(&output).ends_with("not signed: nobody vouches for this log\n"));
    let output = zktree(&kept, &["log", "--sign", key]);
    let by = author(1).public();
    assert!(said(&output).ends_with(&format!("signed by {by}\n")));
    let head = kept.store.head().unwrap();
    kept.store.add_root(&family::root(4)).unwrap();
    let output = zktree(&kept, &["log"]);
    assert!(said(&output).ends_with(&format!("signed up to {head} by {by}\n")));
    let log = json(&zktree(&kept, &["log", "--json"]));
    assert_eq!(
        (&log["signed"]["size"], &log["signed"]["signer"]),
        (&4.into(), &by.to_string().into())
    );
}

/// A proof about a head of its own shows little, and says so.
#[test]
fn proofs_about_any_head_say_what_they_do_not_show() {
    let kept = Kept::new();
    let head = kept.store.head().unwrap().to_string();
    let id = kept.third.short();
    let own = "the proof's own";
    let said = |output: &std::process::Output| text(&output.stdout) + &text(&output.stderr);
    let run = |arguments: &[&str]| {
        let output = zktree(&kept, arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        output
    };
    assert!(said(&run(&["inclusion", &id])).contains(own));
    assert!(!said(&run(&["inclusion", &id, "--head", &head])).contains(own));
    let output = run(&["inclusion", &id, "--json"]);
    assert!(text(&output.stderr).contains(own));
    let (included, continued) = (kept.beside("i.json"), kept.beside("c.json"));
    fs::write(&included, &output.stdout).unwrap();
    kept.store.add_root(&family::root(4)).unwrap();
    let output = run(&["consistency", &head, "--json"]);
    assert!(!said(&output).contains(own));
    fs::write(&continued, &output.stdout).unwrap();
    let (included, continued) = (included.to_str().unwrap(), continued.to_str().unwrap());
    let new = kept.store.head().unwrap().to_string();
    for (arguments, claims) in [
        (&["inclusion", "--check", included][..], false),
        (&["inclusion", "--check", included, "--head", &head], true),
        (&["consistency", "--check", continued], false),
        (&["consistency", "--check", continued, &head], false),
        (
            &["consistency", "--check", continued, "--head", &new],
            false,
        ),
        (
            &["consistency", "--check", continued, &head, "--head", &new],
            true,
        ),
    ] {
        let output = crate::store::commands::program(&kept, arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(!said(&output).contains(own), claims, "{arguments:?}");
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
}
