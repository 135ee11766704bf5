//! Names the verifier that is built, so that no other one's verdicts are relied on.
use sha2::{Digest, Sha256};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What the library is made of, below the package. The lock file has the versions of what it uses; a
/// package that is published has it too.
const SOURCES: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

/// The program uses the library from outside: no verdict is made there.
const PROGRAM: [&str; 2] = ["src/cli", "src/main.rs"];

fn main() -> io::Result<()> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for name in SOURCES {
        if package.join(name).exists() {
            collect(&package, name.to_owned(), &mut files)?;
        }
    }
    files.sort_unstable();
    let mut digest = Sha256::new();
    for name in files {
        // Files one by one: a change of the program is none of the library. A new file is named in
        // one that is here.
        println!("cargo::rerun-if-changed={name}");
        digest.update(Sha256::digest(&name));
        digest.update(Sha256::digest(fs::read(package.join(&name))?));
    }
    let digits: String = digest
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    println!("cargo::rustc-env=ZKTREE_VERIFIER={digits}");
    Ok(())
}

/// The names of all files that a file or directory consists of, those of the program left out.
fn collect(package: &Path, name: String, files: &mut Vec<String>) -> io::Result<()> {
    let path = package.join(&name);
    if PROGRAM.contains(&name.as_str()) {
        return Ok(());
    }
    if !path.is_dir() {
        files.push(name);
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let below = entry?.file_name();
        let below = below.to_string_lossy();
        // Editors leave files of their own.
        if !below.starts_with('.') {
            collect(package, format!("{name}/{below}"), files)?;
        }
    }
    Ok(())
}
