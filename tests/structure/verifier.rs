//! The name of the verifier, by which verdicts are remembered, changes with what a verdict depends on.
use crate::repository::{files, path};
use sha2::{Digest, Sha256};

/// What `build.rs` makes of the sources.
const VERIFIER: &str = env!("ZKTREE_VERIFIER");

fn named(change: impl Fn(&str, &mut Vec<u8>)) -> String {
    let endings = ["rs", "css", "html", "js"];
    let mut names: Vec<String> = endings.iter().flat_map(|e| files("src", e)).collect();
    names.extend(["Cargo.toml", "Cargo.lock"].map(str::to_owned));
    names.retain(|name| !name.starts_with("src/cli/") && name != "src/main.rs");
    names.sort();
    let mut digest = Sha256::new();
    for name in names {
        let mut content = std::fs::read(path(&name)).unwrap();
        change(&name, &mut content);
        digest.update(Sha256::digest(&name));
        digest.update(Sha256::digest(&content));
    }
    hex::encode(digest.finalize())
}

#[test]
fn every_source_of_the_library_names_the_verifier() {
    assert_eq!(named(|_, _| ()), VERIFIER);
    for changed in [
        "src/nn/relation/reduce.rs",
        "src/transcript.rs",
        "Cargo.lock",
    ] {
        let other = named(|name, content| {
            if name == changed {
                content.push(b' ');
            }
        });
        assert_ne!(other, VERIFIER, "{changed}");
    }
}
