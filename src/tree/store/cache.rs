//! Which edges were verified on this machine before.
use crate::{
    commit::Curve,
    files::{self, Access},
    nn::encoding::Encoder,
    tree::NodeId,
};
use hmac::{Hmac, Mac, digest::KeyInit};
use rand::{RngCore, rngs::OsRng};
use sha2::Sha256;
use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io,
    marker::PhantomData,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The verifier whose verdicts are remembered: a digest of the sources that it is built from, and of the
/// versions of what it uses. Any change makes it another verifier, without anybody's remembering to.
const VERIFIER: &str = env!("ZKTREE_VERIFIER");

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 28;

/// Why what was remembered is not relied on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CacheProblem {
    /// A file or directory that others may have written, or that cannot be read.
    #[error("{}: {reason}; nothing that was verified before is relied on; remove it", .file.display())]
    NotOwn {
        /// The file or directory.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Lines that were not written with this user's key.
    #[error("{}: {lines} lines were altered or come from elsewhere, and are not relied on", .file.display())]
    Altered {
        /// The file.
        file: PathBuf,
        /// How many.
        lines: usize,
    },
}

/// Remembers nodes whose edges were verified, for this user, verifier and curve.
///
/// It is no part of a tree's directory: a tree from someone else must not say of itself that it
/// was verified. An id hashes node, proofs and lineage, so that nothing else can have it. Files that
/// others can write are not read, and each line is authenticated by a key that never leaves the
/// directory (HMAC-SHA256; mode 0600). A cache that cannot be read is an empty one, and one that
/// cannot be written is not: it saves time, no more.
#[derive(Debug, Clone)]
pub struct VerifiedCache<C: Curve> {
    place: Option<Place>,
    ids: BTreeSet<NodeId>,
    problem: Option<CacheProblem>,
    curve: PhantomData<C>,
}

impl<C: Curve> VerifiedCache<C> {
    /// The user's cache: in `$XDG_CACHE_HOME`, or `~/.cache`, below `zktree`. Without a home
    /// directory nothing is remembered.
    pub fn of_user() -> Self {
        let absolute = |name: &str| {
            let dir = PathBuf::from(env::var_os(name)?);
            dir.is_absolute().then_some(dir)
        };
        let caches = absolute("XDG_CACHE_HOME");
        let caches = caches.or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        match caches {
            Some(dir) => Self::in_dir(&dir.join("zktree")),
            None => Self::nowhere(),
        }
    }

    /// A cache in this directory.
    pub fn in_dir(dir: &Path) -> Self {
        Self::at(Place::new(dir, VERIFIER, C::NAME))
    }

    fn at(place: Place) -> Self {
        let (ids, problem) = place.read();
        Self {
            place: Some(place),
            ids,
            problem,
            curve: PhantomData,
        }
    }

    /// A cache that knows nothing and remembers nothing.
    pub fn nowhere() -> Self {
        Self {
            place: None,
            ids: BTreeSet::new(),
            problem: None,
            curve: PhantomData,
        }
    }

    /// The nodes that were verified.
    pub fn ids(&self) -> &BTreeSet<NodeId> {
        &self.ids
    }

    /// Why some or all of what may have been remembered is not among them.
    pub fn problem(&self) -> Option<&CacheProblem> {
        self.problem.as_ref()
    }

    /// Remembers nodes, beside those that others have remembered meanwhile.
    pub fn remember(&mut self, ids: impl IntoIterator<Item = NodeId>) {
        self.ids.extend(ids);
        if let Some(place) = &self.place {
            // What is not remembered is verified again.
            let _ = place.write(&self.ids);
        }
    }

    /// Relies on nothing that was verified before. It is not forgotten: what is verified from now on is
    /// remembered beside it.
    pub fn disregard(&mut self) {
        self.ids.clear();
    }
}

/// A directory with the files of all verifiers and curves, and the key.
#[derive(Debug, Clone)]
struct Place {
    dir: PathBuf,
    file: PathBuf,
    /// What a line is about besides its id.
    about: Vec<u8>,
}

/// A block of the hash, so that it is the key as it is.
type Key = [u8; 64];

impl Place {
    fn new(dir: &Path, verifier: &str, curve: &str) -> Self {
        let start: String = verifier.chars().take(16).collect();
        let curve_name = curve.chars().filter(char::is_ascii_alphanumeric);
        let name = format!("verified-{start}-{}", curve_name.collect::<String>());
        Self {
            file: dir.join(name),
            dir: dir.to_owned(),
            about: Encoder::new("zktree/v1/verified")
                .string(verifier)
                .string(curve)
                .finish(),
        }
    }

    /// The ids that this user remembered, and what is wrong with the rest.
    fn read(&self) -> (BTreeSet<NodeId>, Option<CacheProblem>) {
        let nothing = BTreeSet::new();
        let text = match self.check_dir().and_then(|()| own(&self.file, false)) {
            Ok(Some(text)) => text,
            Ok(None) => return (nothing, None),
            Err(problem) => return (nothing, Some(problem)),
        };
        let key = match self.key() {
            Ok(key) => key,
            Err(problem) => return (nothing, Some(problem)),
        };
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let (mut ids, mut altered) = (nothing, 0);
        for line in lines {
            match key.and_then(|key| self.id(&key, line)) {
                Some(id) => drop(ids.insert(id)),
                None => altered += 1,
            }
        }
        let file = self.file.clone();
        let problem = (altered > 0).then_some(CacheProblem::Altered {
            file,
            lines: altered,
        });
        (ids, problem)
    }

    /// Writes these ids and those that are there.
    fn write(&self, ids: &BTreeSet<NodeId>) -> Result<(), CacheProblem> {
        let make = || {
            self.dir.parent().map_or(Ok(()), fs::create_dir_all)?;
            files::make_dir(&self.dir, Access::Private)
        };
        self.check_dir()?;
        make().map_err(|error| unreadable(&self.dir, &error))?;
        let key = match self.key()? {
            Some(key) => key,
            None => self.make_key()?,
        };
        let (mut all, _) = self.read();
        all.extend(ids);
        let line = |id: &NodeId| format!("{id} {}\n", hex::encode(self.tag(&key, *id)));
        let text: String = all.iter().map(line).collect();
        files::replace(&self.file, text.as_bytes(), Access::Private)
            .map_err(|error| unreadable(&self.file, &error))
    }

    /// Whether the directory is the user's own, or not there.
    fn check_dir(&self) -> Result<(), CacheProblem> {
        match fs::symlink_metadata(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unreadable(&self.dir, &error)),
            Ok(found) if !found.is_dir() => Err(not_own(&self.dir, "it is not a directory")),
            Ok(found) => {
                files::check_own(&found, false).map_err(|reason| not_own(&self.dir, reason))
            }
        }
    }

    fn key_file(&self) -> PathBuf {
        self.dir.join("key")
    }

    fn key(&self) -> Result<Option<Key>, CacheProblem> {
        let file = self.key_file();
        let bytes = own(&file, true)?;
        let key = bytes.map(|bytes| bytes.try_into());
        key.transpose().map_err(|_| not_own(&file, "it is no key"))
    }

    /// A new key, unless somebody else was faster.
    fn make_key(&self) -> Result<Key, CacheProblem> {
        let (file, mut key) = (self.key_file(), [0; 64]);
        OsRng.fill_bytes(&mut key);
        match files::create_private(&file, &key) {
            Ok(()) => Ok(key),
            Err(error) => self.key()?.ok_or_else(|| unreadable(&file, &error)),
        }
    }

    fn mac(&self, key: &Key, id: NodeId) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(key.into());
        mac.update(&self.about);
        mac.update(&id.0);
        mac
    }

    fn tag(&self, key: &Key, id: NodeId) -> [u8; 32] {
        self.mac(key, id).finalize().into_bytes().into()
    }

    /// The id in a line, if this user wrote it.
    fn id(&self, key: &Key, line: &[u8]) -> Option<NodeId> {
        let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
        let (id, tag) = line.split_once(' ')?;
        let (id, tag) = (super::log::id(id.as_bytes())?, hex::decode(tag).ok()?);
        self.mac(key, id).verify_slice(&tag).is_ok().then_some(id)
    }
}

/// The content of a file that nobody but this user can have written, if it is there.
fn own(file: &Path, secret: bool) -> Result<Option<Vec<u8>>, CacheProblem> {
    let opened: File = match files::open_found(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(file, &error)),
    };
    let found = opened
        .metadata()
        .map_err(|error| unreadable(file, &error))?;
    files::check_own(&found, secret).map_err(|reason| not_own(file, reason))?;
    let bytes = files::read_from(opened, MAX_FILE).map_err(|error| unreadable(file, &error))?;
    Ok(Some(bytes))
}

fn not_own(file: &Path, reason: &str) -> CacheProblem {
    CacheProblem::NotOwn {
        file: file.to_owned(),
        reason: reason.to_owned(),
    }
}

fn unreadable(file: &Path, error: &io::Error) -> CacheProblem {
    not_own(file, &error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ark_pallas::Projective as Pallas;

    /// What another verifier came to is not relied on, wherever it stands.
    #[test]
    fn a_verifier_that_was_changed_remembers_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("cache");
        let at = |verifier| VerifiedCache::<Pallas>::at(Place::new(&dir, verifier, Pallas::NAME));
        let id = NodeId([1; 32]);
        at(VERIFIER).remember([id]);
        assert!(VerifiedCache::<Pallas>::in_dir(&dir).ids().contains(&id));
        let other = VERIFIER.replace(['a', '1'], "0");
        let cache = at(&other);
        assert!(cache.ids().is_empty() && cache.problem().is_none());
        let [ours, theirs] = [VERIFIER, &other].map(|v| Place::new(&dir, v, Pallas::NAME).file);
        fs::copy(ours, theirs).unwrap();
        let cache = at(&other);
        assert!(cache.ids().is_empty());
        assert!(matches!(
            cache.problem(),
            Some(CacheProblem::Altered { lines: 1, .. })
        ));
    }
}
