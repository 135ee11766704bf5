//! A tree in a directory that anyone can copy.
//!
//! | | |
//! |---|---|
//! | `zktree.json` | version of the format, and the curve |
//! | `roots/ID`, `nodes/ID` | encodings, of a node with the hashes of its proofs and its author's signature |
//! | `proofs/SHA256` | proofs of training and of the range of data |
//! | `datasets/HASH` | commitments to data sets, shared by the nodes trained on them |
//! | `log/entries`, `log/head.json` | ids in the order in which they were added, and their [`Head`] |
//! | `log/pending` | while something is written: its ids |
//! | `lock` | held by whoever writes |
//! | `private/` | weights, blindings, data: see [`Private`]; never needed to verify, never pulled |
//!
//! Every public file is named after its content, and the name is recomputed when it is read. A
//! file that is missing, cut, altered or foreign is a [`Damage`]: it is reported, and what does not
//! need it can be used.
//!
//! **Writing** is one writer at a time, by a lock of the operating system. Files are written beside
//! their place, synced and renamed; what a node names comes before it, and the log last. A crash
//! leaves a tree without the node or with it; the next writer completes a node whose files are all
//! there. Readers need no lock.
#![deny(clippy::unreachable)]

mod cache;
mod error;
mod load;
pub mod log;
mod objects;
mod private;
mod pull;
mod write;

pub use cache::VerifiedCache;
pub use error::{Damage, Problem, StoreError};
pub use log::{ConsistencyProof, Head, InclusionProof, Log, LogError};
pub use objects::NodeFile;
pub use private::Private;
pub use pull::{Pull, Refusal};

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
    io::ErrorKind,
    marker::PhantomData,
    path::{Path, PathBuf},
};

const FORMAT: &str = "zktree.json";
const ENTRIES: &str = "log/entries";
const HEAD: &str = "log/head.json";
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
    /// Makes an empty tree in a new or empty directory.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], [`StoreError::Io`].
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(StoreError::io(&dir))?;
        if fs::read_dir(&dir)
            .map_err(StoreError::io(&dir))?
            .next()
            .is_some()
        {
            return Err(StoreError::NotEmpty { dir });
        }
        let store = Self {
            dir,
            curve: PhantomData,
        };
        let public = Kind::ALL.map(Kind::dir).into_iter().chain(["log"]);
        public
            .into_iter()
            .try_for_each(|name| store.make_dir(name))?;
        private::make_dir(&store.dir.join(PRIVATE))?;
        store.replace(Path::new(LOCK), b"")?;
        store.write_log(&Log::default())?;
        let format = Format {
            version: VERSION,
            curve: C::NAME.to_owned(),
        };
        // Last: with this file it is a tree.
        store.replace(Path::new(FORMAT), &store.json(FORMAT, &format)?)?;
        Ok(store)
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
            found if found == C::NAME => Ok(Self {
                dir,
                curve: PhantomData,
            }),
            found => Err(StoreError::OtherCurve {
                dir,
                expected: C::NAME,
                found,
            }),
        }
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
        let (log, damage) = self.read_log();
        match damage.into_iter().next() {
            None => Ok(log),
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
        let shown = || prefix.escape_debug().take(80).collect();
        if !digits || !(MIN_PREFIX..=64).contains(&prefix.len()) {
            return Err(StoreError::MalformedPrefix { prefix: shown() });
        }
        let start = prefix.to_ascii_lowercase();
        // Of files too: a damaged log does not hide a node.
        let mut ids = self.ids_of(Kind::Root);
        ids.extend(self.ids_of(Kind::Node));
        ids.extend(self.read_log().0.ids());
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

    fn make_dir(&self, name: &str) -> Result<(), StoreError> {
        let dir = self.dir.join(name);
        match fs::create_dir(&dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(StoreError::io(&dir)(error))
            }
            _ => Ok(()),
        }
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
