//! A tree in a directory that anyone can copy.
//!
//! | | |
//! |---|---|
//! | `zktree.json` | version of the format, and the curve |
//! | `roots/ID`, `nodes/ID` | encodings, of a node with the hashes of its proofs and its author's signature |
//! | `proofs/SHA256` | proofs of training and of the range of data |
//! | `datasets/HASH` | commitments to data sets, shared by the nodes trained on them |
//! | `log/entries`, `log/head.json` | ids in the order in which they were added, and their [`Head`] |
//! | `log/signed.json` | the last head that somebody signed: a [`SignedHead`] |
//! | `log/pending` | while something is written: its ids |
//! | `lock` | held by whoever writes, who says so in it; for writers alone (mode 0600) |
//! | `private/` | weights, blindings, data: see [`Private`]; never needed to verify, never pulled |
//!
//! Nothing else belongs there: [`Store::foreign`] names it. [`Store::push`] publishes a tree.
//!
//! Every public file is named after its content, and the name is recomputed when it is read. A
//! file that is missing, cut, altered or foreign is a [`Damage`]: it is reported, and what does not
//! need it can be used.
//!
//! **Writing** is one writer at a time, by a lock of the operating system. Files are written beside
//! their place, synced and renamed; what a node names comes before it, and the log last. A crash
//! leaves a tree without the node or with it; the next writer completes a node whose files are all
//! there. Readers need no lock, and cannot hold it.
#![deny(clippy::unreachable)]

mod cache;
mod error;
mod foreign;
mod heads;
mod load;
mod lock;
pub mod log;
mod objects;
mod private;
mod pull;
mod push;
mod write;

pub use cache::{CacheProblem, VerifiedCache};
pub use error::{Damage, Problem, StoreError};
pub use heads::{KnownHeads, Seen, SignedHead, Witness};
pub use lock::Patience;
pub use log::{ConsistencyProof, Head, InclusionProof, Log, LogError};
pub use objects::NodeFile;
pub use private::{Private, RunGuard};
pub use pull::{Pull, Refusal, Terms};

use super::NodeId;
use crate::{
    commit::Curve,
    files::{self, Access},
    poly::WideField,
};
use objects::{Kind, Reader};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    marker::PhantomData,
    path::{Path, PathBuf},
};

const FORMAT: &str = "zktree.json";
const LOG: &str = "log";
const ENTRIES: &str = "log/entries";
const HEAD: &str = "log/head.json";
const SIGNED: &str = "log/signed.json";
const PENDING: &str = "log/pending";
const LOCK: &str = "lock";
const PRIVATE: &str = "private";

/// Version of the directory's format.
const VERSION: u64 = 1;

/// Shortest beginning of an id that names it.
const MIN_PREFIX: usize = 4;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    version: u64,
    curve: String,
}

/// The directory of a tree.
#[derive(Debug, Clone)]
pub struct Store<C: Curve> {
    dir: PathBuf,
    patience: Patience,
    curve: PhantomData<C>,
}

/// The name of the curve of the tree in a directory, for choosing the type of its [`Store`].
///
/// # Errors
/// [`StoreError::NoTree`], [`StoreError::Format`], [`StoreError::Io`].
pub fn curve_of(dir: impl AsRef<Path>) -> Result<String, StoreError> {
    let dir = dir.as_ref();
    let file = dir.join(FORMAT);
    let bytes = match Reader(dir).bytes(Path::new(FORMAT)) {
        Ok(bytes) => bytes,
        Err(Problem::Missing) => return Err(StoreError::NoTree { dir: dir.into() }),
        Err(problem) => {
            let reason = problem.to_string();
            return Err(StoreError::Format { file, reason });
        }
    };
    // The version first: another one may have other fields.
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let malformed = |error: serde_json::Error| StoreError::Format {
        file: file.clone(),
        reason: format!("it is not the description of a tree: {error}"),
    };
    let Version { version } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if version != VERSION {
        let reason = format!(
            "the tree is of version {version}; this program knows version {VERSION}: use another"
        );
        return Err(StoreError::Format { file, reason });
    }
    let format: Format = serde_json::from_slice(&bytes).map_err(malformed)?;
    match json(&file, &format)? == bytes {
        true => Ok(format.curve),
        false => {
            let reason = "it was altered: it is not in the form in which it is written".into();
            Err(StoreError::Format { file, reason })
        }
    }
}

/// The one form in which a value is written to a file.
fn json(file: &Path, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| StoreError::Format {
        file: file.to_owned(),
        reason: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// Makes an empty tree in a new or empty directory, or in one where that was begun and not
    /// finished.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], also if somebody else makes a tree there at the same time;
    /// [`StoreError::Locked`]; [`StoreError::Io`].
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::create_patiently(dir, Patience::default())
    }

    /// Makes an empty tree, as [`create`](Self::create) does, with this [`Patience`] for others who do.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    pub fn create_patiently(
        dir: impl Into<PathBuf>,
        patience: Patience,
    ) -> Result<Self, StoreError> {
        let store = Self::at(dir).patient(patience);
        store.make(Access::Private)?;
        Ok(store)
    }

    fn at(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            patience: Patience::default(),
            curve: PhantomData,
        }
    }

    /// A tree that is not made before something is taken: the directory is missing, or unused.
    fn unmade(dir: PathBuf) -> Result<Self, StoreError> {
        let store = Self::at(dir);
        if store.dir.exists() {
            store.check_unused()?;
        }
        Ok(store)
    }

    /// Makes the empty tree, with a private part or without.
    fn make(&self, access: Access) -> Result<(), StoreError> {
        let dir = &self.dir;
        fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
        // Before the lock, which is no guest's to leave; and again when nobody else is at it.
        self.check_unused()?;
        let _guard = self.lock()?;
        self.check_unused()?;
        self.make_public_dirs()?;
        if access == Access::Private {
            private::make_dir(&dir.join(PRIVATE))?;
        }
        self.write_log(&Log::default())?;
        let format = Format {
            version: VERSION,
            curve: C::NAME.to_owned(),
        };
        // Last: with this file it is a tree.
        self.replace(Path::new(FORMAT), &self.json(FORMAT, &format)?)
    }

    /// Checks that there is nothing here but what [`create`](Self::create) may leave.
    fn check_unused(&self) -> Result<(), StoreError> {
        let log = Log::default();
        let empty_log = [
            (Path::new(ENTRIES), log.to_text().into_bytes()),
            (Path::new(HEAD), self.json(HEAD, &log.head())?),
        ];
        let allowed = |file: &Path| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let ours = file == Path::new(LOCK) || name.starts_with(files::TEMPORARY);
            let empty = |(log, text): &(&Path, Vec<u8>)| {
                file == *log && self.reader().bytes(file).is_ok_and(|found| found == *text)
            };
            ours || empty_log.iter().any(empty)
        };
        let mut dirs = vec![PathBuf::new()];
        while let Some(dir) = dirs.pop() {
            let path = self.dir.join(&dir);
            for entry in fs::read_dir(&path).map_err(StoreError::io(&path))? {
                let entry = entry.map_err(StoreError::io(&path))?;
                let file = dir.join(entry.file_name());
                let kind = entry.file_type().map_err(StoreError::io(&path))?;
                match kind.is_dir() && Self::dirs().contains(&file) {
                    true => dirs.push(file),
                    false if kind.is_file() && allowed(&file) => {}
                    false => {
                        let dir = self.dir.clone();
                        return Err(StoreError::NotEmpty { dir });
                    }
                }
            }
        }
        Ok(())
    }

    /// The directories of a tree, below its own.
    fn dirs() -> Vec<PathBuf> {
        let public = Self::public_dirs().map(PathBuf::from);
        let private = private::DIRS.map(|name| Path::new(PRIVATE).join(name));
        let private = private.into_iter().chain([PathBuf::from(PRIVATE)]);
        public.chain(private).collect()
    }

    fn public_dirs() -> impl Iterator<Item = &'static str> {
        Kind::ALL.map(Kind::dir).into_iter().chain([LOG])
    }

    /// Opens a tree. If nobody is writing, what a crash left half done is completed or cleared
    /// away; a tree that may only be read is left as it is.
    ///
    /// # Errors
    /// Those of [`view`](Self::view).
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let store = Self::view(dir)?;
        store.recover_if_free();
        Ok(store)
    }

    /// Opens a tree and leaves it as it is, for instance to pull from it.
    ///
    /// # Errors
    /// [`StoreError::NoTree`], [`StoreError::Format`], [`StoreError::OtherCurve`],
    /// [`StoreError::Io`].
    pub fn view(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let dir = dir.into();
        match curve_of(&dir)? {
            found if found == C::NAME => Ok(Self::at(dir)),
            found => Err(StoreError::OtherCurve {
                dir,
                expected: C::NAME,
                found,
            }),
        }
    }

    /// The same tree, written with this patience for other writers.
    pub fn patient(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is the owner's alone.
    pub fn private(&self) -> Private<'_, C> {
        Private::new(self)
    }

    /// The log.
    ///
    /// # Errors
    /// [`StoreError::Damage`] if it is missing, altered, or not that of its head.
    pub fn log(&self) -> Result<Log, StoreError> {
        let read = self.read_log();
        match read.damage.into_iter().next() {
            None => Ok(read.log),
            Some(damage) => Err(damage.into()),
        }
    }

    /// The head of the log: size and Merkle root. Keep it, or give it to others: whoever has it
    /// can check later that nothing was taken out.
    ///
    /// # Errors
    /// Those of [`log`](Self::log).
    pub fn head(&self) -> Result<Head, StoreError> {
        Ok(self.log()?.head())
    }

    /// The proof that a root or node is in the log.
    ///
    /// # Errors
    /// Those of [`log`](Self::log); [`LogError::NotLogged`].
    pub fn inclusion(&self, id: NodeId) -> Result<InclusionProof, StoreError> {
        Ok(self.log()?.inclusion(id)?)
    }

    /// The proof that the log of an older head is the beginning of this one.
    ///
    /// # Errors
    /// Those of [`log`](Self::log); [`LogError::NotConsistent`] if it is not.
    pub fn consistency(&self, old: &Head) -> Result<ConsistencyProof, StoreError> {
        Ok(self.log()?.consistency(old)?)
    }

    /// The root or node whose id begins with this text, of at least 4 digits.
    ///
    /// # Errors
    /// [`StoreError::MalformedPrefix`], [`StoreError::NoSuchId`], [`StoreError::Ambiguous`].
    pub fn resolve(&self, prefix: &str) -> Result<NodeId, StoreError> {
        let digits = prefix.chars().all(|c| c.is_ascii_hexdigit());
        let shown = || prefix.to_owned();
        if !digits || !(MIN_PREFIX..=64).contains(&prefix.len()) {
            return Err(StoreError::MalformedPrefix { prefix: shown() });
        }
        let start = prefix.to_ascii_lowercase();
        // Of files too: a damaged log does not hide a node.
        let mut ids = self.ids_of(Kind::Root);
        ids.extend(self.ids_of(Kind::Node));
        ids.extend(self.read_log().log.ids());
        ids.retain(|id| id.to_string().starts_with(&start));
        let mut ids = ids.into_iter();
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(StoreError::NoSuchId { prefix: shown() }),
            (Some(first), Some(second)) => Err(StoreError::Ambiguous {
                prefix: shown(),
                candidates: [first, second].into_iter().chain(ids).collect(),
            }),
        }
    }

    fn make_public_dirs(&self) -> Result<(), StoreError> {
        Self::public_dirs().try_for_each(|name| {
            let dir = self.dir.join(name);
            files::make_dir(&dir, Access::Public).map_err(StoreError::io(&dir))
        })
    }

    /// Writes a public file, whole or not at all.
    fn replace(&self, file: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.dir.join(file);
        files::replace(&path, bytes, Access::Public).map_err(StoreError::io(&path))
    }

    fn json(&self, file: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        json(&self.dir.join(file), value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
