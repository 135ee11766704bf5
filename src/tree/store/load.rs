//! Reading a tree, whatever state it is in.
use super::{
    Damage, ENTRIES, HEAD, Head, Log, LogError, Problem, SIGNED, SignedHead, Store,
    log::{self},
    objects::{Entry, Kind, Shared},
};
use crate::{
    commit::Curve,
    files,
    poly::WideField,
    tree::{NodeId, Tree, TreeError},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// The tree, as far as its files can be used, and what is wrong with the others. Signatures
    /// are checked, proofs are not: that is [`Tree::verify`].
    pub fn load(&self) -> (Tree<C>, Vec<Damage>) {
        // In this order, without a lock: a writer notes what is pending, writes files, logs them and
        // takes the note away. What is neither pending nor logged after its file was seen never will be.
        let mut files = self.ids();
        let pending = self.pending();
        let LogFiles { log, damage, .. } = self.read_log();
        // What a crash left half done is not there yet.
        files.retain(|id| !log.contains(*id) && !pending.contains(id));
        let mut loader = Loader {
            store: self,
            tree: Tree::new(),
            damage,
            waiting: BTreeMap::new(),
            shared: Shared::default(),
        };
        for id in log.ids() {
            loader.load(*id, true);
        }
        for id in files {
            let file = [Kind::Root, Kind::Node].map(|kind| kind.file(&id.0));
            let file = file.into_iter().find(|file| self.reader().exists(file));
            loader.report(file.unwrap_or_default(), None, Problem::NotLogged);
            loader.load(id, false);
        }
        loader.finish()
    }

    /// The log as far as it can be read, and what is wrong with it.
    pub(super) fn read_log(&self) -> LogFiles {
        let damage = |file: &str, problem| Damage::new(file, None, problem);
        // The heads first: a writer renews them last, so that they are never ahead.
        let signed = match self.reader().bytes(Path::new(SIGNED)) {
            Err(Problem::Missing) => None,
            bytes => Some(bytes),
        };
        let head = self.reader().bytes(Path::new(HEAD));
        let entries = self.reader().bytes(Path::new(ENTRIES));
        let (log, mut found) = match entries {
            Ok(text) => {
                let (log, errors) = Log::from_text(&text);
                let errors = errors.into_iter().map(Problem::Log);
                (
                    log,
                    errors.map(|problem| damage(ENTRIES, problem)).collect(),
                )
            }
            Err(problem) => (Log::default(), vec![damage(ENTRIES, problem)]),
        };
        // An older head of this log passes too: it is what a crash between the two files leaves.
        match head.and_then(|bytes| self.parse_head::<Head>(HEAD, &bytes)) {
            Err(problem) => found.push(damage(HEAD, problem)),
            Ok(head) => {
                let checked = log.check_head(&head).map_err(Problem::Log);
                found.extend(checked.err().map(|problem| damage(ENTRIES, problem)));
            }
        }
        let signed = signed.map(|bytes| self.read_signed(bytes, &log));
        let signed = signed.transpose().unwrap_or_else(|problem| {
            found.push(damage(SIGNED, problem));
            None
        });
        LogFiles {
            log,
            signed,
            damage: found,
        }
    }

    /// The signed head: the signature is its signer's, and it is a head of this log.
    fn read_signed(
        &self,
        bytes: Result<Vec<u8>, Problem>,
        log: &Log,
    ) -> Result<SignedHead, Problem> {
        let signed = self.parse_head::<SignedHead>(SIGNED, &bytes?)?;
        let checked = signed
            .verify()
            .and_then(|()| log.check_head(&signed.head()));
        checked.map(|()| signed).map_err(Problem::Log)
    }

    /// A head in the one form that is written.
    fn parse_head<T: Serialize + DeserializeOwned>(
        &self,
        file: &str,
        bytes: &[u8],
    ) -> Result<T, Problem> {
        let canonical = |head: &T| self.json(file, head).is_ok_and(|text| text == bytes);
        match serde_json::from_slice::<T>(bytes) {
            Ok(head) if canonical(&head) => Ok(head),
            _ => Err(Problem::Log(LogError::MalformedHead {
                text: String::from_utf8_lossy(bytes).into_owned(),
            })),
        }
    }

    /// The ids that files are named after.
    fn ids(&self) -> BTreeSet<NodeId> {
        let mut ids = self.ids_of(Kind::Root);
        ids.extend(self.ids_of(Kind::Node));
        ids
    }

    pub(super) fn ids_of(&self, kind: Kind) -> BTreeSet<NodeId> {
        self.names(kind)
            .filter_map(|name| log::id(name.as_bytes()))
            .collect()
    }

    /// The names of files in a directory, but for those that are not finished.
    fn names(&self, kind: Kind) -> impl Iterator<Item = String> + use<C> {
        let entries = fs::read_dir(self.dir.join(kind.dir()));
        let entries = entries.into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with(files::TEMPORARY))
    }
}

/// The files of a log, as far as they can be read.
pub(super) struct LogFiles {
    pub(super) log: Log,
    /// The last head that was signed, its signature checked.
    pub(super) signed: Option<SignedHead>,
    pub(super) damage: Vec<Damage>,
}

/// Collects a tree.
struct Loader<'a, C: Curve> {
    store: &'a Store<C>,
    tree: Tree<C>,
    damage: Vec<Damage>,
    /// Entries by the parent that is not there yet, and whether they are logged.
    waiting: BTreeMap<NodeId, Vec<(Entry<C>, bool)>>,
    shared: Shared<C>,
}

impl<C: Curve<ScalarField: WideField>> Loader<'_, C> {
    fn report(&mut self, file: PathBuf, node: Option<NodeId>, problem: Problem) {
        self.damage.push(Damage::new(file, node, problem));
    }

    fn load(&mut self, id: NodeId, logged: bool) {
        match self.store.reader().entry(id, &mut self.shared) {
            Ok(entry) => self.add(entry, logged),
            Err(damage) => self.damage.push(damage),
        }
    }

    /// Adds an entry and those that wait for it.
    fn add(&mut self, entry: Entry<C>, logged: bool) {
        let mut open = vec![(entry, logged)];
        while let Some((entry, logged)) = open.pop() {
            match entry.parent() {
                Some(parent) if !self.tree.contains(parent) => {
                    self.waiting
                        .entry(parent)
                        .or_default()
                        .push((entry, logged));
                }
                _ => open.extend(self.insert(entry)),
            }
        }
    }

    /// Inserts an entry whose parent is there; returns those that waited for it.
    fn insert(&mut self, entry: Entry<C>) -> Vec<(Entry<C>, bool)> {
        let id = entry.id();
        let (kind, added) = match entry {
            Entry::Root(root) => (Kind::Root, self.tree.add_root(*root)),
            Entry::Node(both) => (Kind::Node, self.tree.add_node(both.0, both.1)),
        };
        match added {
            Err(TreeError::Duplicate { .. }) => Vec::new(),
            Err(error) => {
                self.report(kind.file(&id.0), Some(id), Problem::Tree(error));
                Vec::new()
            }
            Ok(_) => {
                let waited = self.waiting.remove(&id).unwrap_or_default();
                for (child, logged) in &waited {
                    if *logged {
                        let order = LogError::Order {
                            id: child.id(),
                            parent: id,
                        };
                        self.report(ENTRIES.into(), None, Problem::Log(order));
                    }
                }
                waited
            }
        }
    }

    fn finish(mut self) -> (Tree<C>, Vec<Damage>) {
        for (parent, children) in std::mem::take(&mut self.waiting) {
            for (child, _) in children {
                let id = child.id();
                self.report(Kind::Node.file(&id.0), Some(id), Problem::Parent { parent });
            }
        }
        for kind in Kind::ALL {
            for name in self.store.names(kind) {
                if log::id(name.as_bytes()).is_none() {
                    self.report(Path::new(kind.dir()).join(name), None, Problem::Foreign);
                }
            }
        }
        (self.tree, self.damage)
    }
}
