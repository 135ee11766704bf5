//! Files in a tree's directory that are no part of a tree.
use super::{
    ENTRIES, FORMAT, HEAD, LOCK, LOG, PENDING, PRIVATE, SIGNED, Store, objects::Kind, private,
};
use crate::{commit::Curve, files, poly::WideField};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files that have a name of their own.
const FILES: [&str; 6] = [FORMAT, LOCK, ENTRIES, HEAD, SIGNED, PENDING];

/// Most files that are named.
const MOST: usize = 100;

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// What is in the directory and no part of the format, below it, of much the first: keys, say, or
    /// what another program left unfinished. Whoever copies the directory copies that too. In the
    /// directories of public files it is a [`Damage`](super::Damage) instead, which [`load`](Self::load)
    /// reports.
    pub fn foreign(&self) -> Vec<PathBuf> {
        let private = private::DIRS.map(|name| Path::new(PRIVATE).join(name));
        let own = [PathBuf::new(), LOG.into(), PRIVATE.into()];
        let mut found = Vec::new();
        for dir in own.into_iter().chain(private) {
            // A link may lead anywhere.
            if !dir.ancestors().all(|dir| self.is_dir(dir)) {
                continue;
            }
            let entries = fs::read_dir(self.dir.join(&dir)).into_iter();
            for entry in entries.flatten().flatten() {
                let file = dir.join(entry.file_name());
                if !Self::is_part(&file) && found.len() < MOST {
                    found.push(file);
                }
            }
        }
        found.sort();
        found
    }

    fn is_part(file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let dirs = || Kind::ALL.map(Kind::dir).into_iter().chain([LOG, PRIVATE]);
        FILES.iter().any(|own| file == Path::new(own))
            || dirs().any(|dir| file == Path::new(dir))
            // Somebody may be writing it.
            || name.starts_with(files::TEMPORARY)
            || file.strip_prefix(PRIVATE).is_ok_and(private::is_part)
    }
}
