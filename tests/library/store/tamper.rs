//! Public files that are altered, cut, extended or removed: each is reported by name, and what does
//! not need it is there.
use super::kept::Kept;
use ark_pallas::Projective as Pallas;
use std::{fs, path::Path};
use zktree::tree::store::Store;

/// What is said about a tree: an error, or damage. Both name files.
fn complaints(dir: &Path) -> (Vec<String>, usize) {
    match Store::<Pallas>::view(dir) {
        Err(error) => (vec![error.to_string()], 0),
        Ok(store) => {
            let (tree, damage) = store.load();
            (damage.iter().map(ToString::to_string).collect(), tree.len())
        }
    }
}

/// Alters each file in turn; the alteration returns nothing where it is none.
fn each_file(what: &str, variants: usize, alter: impl Fn(&[u8], usize) -> Option<Vec<u8>>) {
    let kept = Kept::new();
    let dir = kept.store.dir();
    let mut altered = 0;
    for file in kept.public_files() {
        let name = file.strip_prefix(dir).unwrap().display().to_string();
        let good = fs::read(&file).unwrap();
        // Nothing is in the lock, and it may be missing.
        for variant in (0..variants).filter(|_| name != "lock") {
            let Some(bad) = alter(&good, variant) else {
                continue;
            };
            fs::write(&file, bad).unwrap();
            let (complaints, count) = complaints(dir);
            let where_ = format!("{what} {variant} of {name}: {complaints:?}");
            // Entries and head are checked against each other: either may be named.
            let named = |text: &&String| match name.starts_with("log/") {
                true => text.starts_with("log/"),
                false => text.contains(&name),
            };
            assert!(complaints.iter().any(|text| named(&text)), "{where_}");
            let needed = match &name {
                n if n.contains(&kept.root.to_string()) || n == "zktree.json" => 0,
                n if n.starts_with("log/") => 4,
                _ => 1,
            };
            assert!(count >= needed, "{where_}");
            altered += 1;
        }
        fs::write(&file, &good).unwrap();
    }
    assert!(altered >= variants.min(14) * 14, "{what}: {altered}");
    assert_eq!(complaints(dir), (vec![], 4));
}

#[test]
fn altered_bytes() {
    each_file("byte", 40, |good, k| {
        let mut bytes = good.to_vec();
        // Both ends, then evenly.
        let position = match k {
            0..8 => k,
            8..16 => good.len().checked_sub(k - 7)?,
            _ => good.len() * (k - 16) / 24,
        };
        *bytes.get_mut(position)? ^= 1 << (k % 8);
        Some(bytes)
    });
}

/// Small files are altered everywhere.
#[test]
fn altered_bytes_of_what_is_small() {
    let kept = Kept::new();
    let dir = kept.store.dir();
    for file in ["zktree.json", "log/head.json", "log/entries"] {
        let path = kept.path(file);
        let good = fs::read(&path).unwrap();
        for position in 0..good.len() {
            for bit in [0, 5] {
                let mut bytes = good.clone();
                bytes[position] ^= 1 << bit;
                fs::write(&path, bytes).unwrap();
                let (complaints, _) = complaints(dir);
                assert!(
                    !complaints.is_empty(),
                    "bit {bit} of byte {position} of {file}"
                );
            }
        }
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn cut_and_extended() {
    each_file("cut", 3, |good, k| {
        Some(good[..[0, good.len() / 2, good.len() - 1][k]].to_vec())
    });
    each_file("extended", 2, |good, k| {
        Some([good, [b" ", good][k]].concat())
    });
}

#[test]
fn removed_and_replaced() {
    let kept = Kept::new();
    let dir = kept.store.dir();
    for file in kept.public_files() {
        let name = file.strip_prefix(dir).unwrap().display().to_string();
        if name == "lock" {
            continue;
        }
        let good = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let (missing, _) = complaints(dir);
        assert!(
            missing.iter().any(|text| text.contains(&name)),
            "{name}: {missing:?}"
        );
        fs::create_dir(&file).unwrap();
        let (directory, _) = complaints(dir);
        assert!(
            directory
                .iter()
                .any(|text| text.contains("not a regular file")),
            "{directory:?}"
        );
        fs::remove_dir(&file).unwrap();
        #[cfg(unix)]
        {
            // A link to what was there is not followed either: it may point anywhere.
            let elsewhere = kept.beside("elsewhere");
            fs::write(&elsewhere, &good).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
            let (link, _) = complaints(dir);
            assert!(
                link.iter().any(|text| text.contains("not a regular file")),
                "{link:?}"
            );
            fs::remove_file(&file).unwrap();
        }
        fs::write(&file, &good).unwrap();
    }
    assert_eq!(complaints(dir), (vec![], 4));
}

#[test]
fn foreign_files() {
    let kept = Kept::new();
    for file in ["nodes/README", "roots/x", "proofs/a b", "datasets/A"] {
        fs::write(kept.path(file), "").unwrap();
        let line = format!("{file}: the file does not belong here");
        assert_eq!(kept.damage(), [line]);
        fs::remove_file(kept.path(file)).unwrap();
    }
    // A node's name and nothing behind it.
    let name = format!("nodes/{}", "0".repeat(64));
    fs::write(kept.path(&name), "").unwrap();
    let damage = kept.damage();
    assert!(
        damage.len() == 2 && damage.iter().all(|line| line.starts_with(&name)),
        "{damage:?}"
    );
}
