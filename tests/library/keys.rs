//! Key files of other programs are read, and read ours.
use std::{collections::BTreeMap, fs, path::Path, process::Command};
use zktree::tree::AuthorSecret;

fn vector(file: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/vectors/keys").join(file)
}

/// See `tests/vectors/keys.py`.
#[test]
fn key_files_of_other_programs_are_read_and_written() {
    let text = fs::read(vector("public.json")).unwrap();
    let keys: BTreeMap<String, String> = serde_json::from_slice(&text).unwrap();
    assert_eq!(keys.len(), 3);
    let dir = tempfile::tempdir().unwrap();
    for (file, public) in keys {
        let key = AuthorSecret::load(vector(&file)).unwrap();
        assert_eq!(key.public().to_string(), public, "{file}");
        // What is written is what OpenSSL writes.
        let copy = dir.path().join(&file);
        key.save(&copy).unwrap();
        let same = match file.as_str() {
            "second-version.pem" => "cryptography.pem",
            file => file,
        };
        assert_eq!(fs::read(copy).unwrap(), fs::read(vector(same)).unwrap());
    }
}

/// A public key in a file that is not the secret's is no harmless addition.
#[test]
fn a_public_key_that_does_not_fit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.pem");
    let text = fs::read_to_string(vector("second-version.pem")).unwrap();
    // The public key is on the second line.
    let altered = text.replace("gSEAaPz", "gSEAaPA");
    assert_ne!(altered, text);
    fs::write(&file, altered).unwrap();
    assert!(AuthorSecret::load(&file).is_err());
}

/// What a program prints that is here and knows what it is asked for.
fn output(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then_some(output.stdout)
}

#[test]
fn openssl_reads_a_key_file_and_writes_one() {
    // Some programs of this name know no Ed25519.
    let Some(theirs) = output("openssl", &["genpkey", "-algorithm", "ed25519"]) else {
        eprintln!("skipped: no openssl that knows Ed25519");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.pem");
    let public = |file: &Path| {
        let file = file.to_str().unwrap();
        let der = output(
            "openssl",
            &["pkey", "-in", file, "-pubout", "-outform", "DER"],
        );
        let der = der.expect("openssl reads the file");
        hex::encode(&der[der.len() - 32..])
    };
    let ours = AuthorSecret::generate(&mut rand::rngs::OsRng);
    ours.save(&file).unwrap();
    assert_eq!(public(&file), ours.public().to_string());
    let other = dir.path().join("other.pem");
    fs::write(&other, theirs).unwrap();
    let read = AuthorSecret::load(&other).unwrap();
    assert_eq!(public(&other), read.public().to_string());
}

#[test]
fn cryptography_reads_a_key_file() {
    let script = "import sys; from cryptography.hazmat.primitives import serialization as s\n\
                  key = s.load_pem_private_key(open(sys.argv[1], 'rb').read(), None)\n\
                  print(key.public_key().public_bytes_raw().hex())";
    if output("python3", &["-c", "import cryptography"]).is_none() {
        eprintln!("skipped: no cryptography for Python");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.pem");
    let ours = AuthorSecret::generate(&mut rand::rngs::OsRng);
    ours.save(&file).unwrap();
    let found = output("python3", &["-c", script, file.to_str().unwrap()]);
    let found = String::from_utf8(found.expect("cryptography reads the file")).unwrap();
    assert_eq!(found.trim(), ours.public().to_string());
}
