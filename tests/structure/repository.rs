//! Files of the repository.
use std::path::{Path, PathBuf};

/// A path below the repository's root.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Names of all files below a folder with this ending; hidden ones, `target` and what mutation tests leave aside.
pub fn files(dir: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path(dir)).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let below = if dir == "." {
            name.clone()
        } else {
            format!("{dir}/{name}")
        };
        if name.starts_with('.') || name == "target" || name.starts_with("mutants.out") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&below, extension));
        } else if name.ends_with(&format!(".{extension}")) {
            found.push(below);
        }
    }
    found.sort();
    found
}
