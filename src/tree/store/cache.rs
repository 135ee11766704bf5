//! Which edges were verified on this machine before.
use crate::{commit::Curve, files, transcript, tree::NodeId};
use std::{
    collections::BTreeSet,
    env, fs,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// Remembers nodes whose edges were verified, for this user, program, protocol and curve.
///
/// It is no part of a tree's directory: a tree from someone else must not say of itself that it
/// was verified. An id hashes node, proofs and lineage, so that nothing else can have it. A cache
/// that cannot be read is an empty one, and one that cannot be written is not: it saves time, no
/// more.
#[derive(Debug, Clone)]
pub struct VerifiedCache<C: Curve> {
    file: Option<PathBuf>,
    ids: BTreeSet<NodeId>,
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
        let protocol = String::from_utf8_lossy(transcript::PROTOCOL);
        let program = env!("CARGO_PKG_VERSION");
        let name = format!("verified-{protocol}-{program}-{}", C::NAME);
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        };
        let file = dir.join(name.chars().map(plain).collect::<String>());
        let ids = fs::read(&file).ok().and_then(|text| read(&text));
        Self {
            file: Some(file),
            ids: ids.unwrap_or_default(),
            curve: PhantomData,
        }
    }

    /// A cache that knows nothing and remembers nothing.
    pub fn nowhere() -> Self {
        Self {
            file: None,
            ids: BTreeSet::new(),
            curve: PhantomData,
        }
    }

    /// The nodes that were verified.
    pub fn ids(&self) -> &BTreeSet<NodeId> {
        &self.ids
    }

    /// Remembers nodes, beside those that others have remembered meanwhile.
    pub fn remember(&mut self, ids: impl IntoIterator<Item = NodeId>) {
        self.ids.extend(ids);
        if let Some(file) = &self.file {
            let others = fs::read(file).ok().and_then(|text| read(&text));
            let all: BTreeSet<NodeId> = others
                .into_iter()
                .flatten()
                .chain(self.ids.clone())
                .collect();
            let text: String = all.iter().map(|id| format!("{id}\n")).collect();
            // What is not remembered is verified again.
            let _ = file.parent().map(fs::create_dir_all);
            let _ = files::replace(file, text.as_bytes(), files::Access::Private);
        }
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.ids.clear();
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }
}

/// The ids in a file; none if anything in it is not an id.
fn read(text: &[u8]) -> Option<BTreeSet<NodeId>> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| super::log::id(line.strip_suffix(b"\n")?))
        .collect()
}
