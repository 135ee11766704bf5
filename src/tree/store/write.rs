//! Adding to a tree, one writer at a time.
use super::{
    ENTRIES, HEAD, LOG, Log, LogError, PENDING, Store, StoreError,
    objects::{Entry, Object, Reader, Shared},
};
use crate::{
    commit::Curve,
    files,
    poly::WideField,
    tree::{Child, NodeId, Root, TreeError},
};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// Adds a root; returns its id.
    ///
    /// # Errors
    /// [`TreeError::Signature`]; [`TreeError::Duplicate`]; [`StoreError::Damage`] if the log is
    /// damaged; [`StoreError::Io`]. The tree is as it was.
    pub fn add_root(&self, root: &Root) -> Result<NodeId, StoreError> {
        root.check_signature()?;
        self.add(Entry::Root(Box::new(root.clone())))
    }

    /// Adds a child, whose parent must be there; returns its id. Its weights and blindings go to
    /// the private part first. The signature is checked; the proof is not, [`Tree::verify`] is
    /// for that.
    ///
    /// [`Tree::verify`]: crate::tree::Tree::verify
    ///
    /// # Errors
    /// [`TreeError::UnknownParent`], [`TreeError::Signature`], [`TreeError::Label`],
    /// [`TreeError::Duplicate`]; [`StoreError::Damage`] if the log is damaged; [`StoreError::Io`].
    /// The tree is as it was.
    pub fn add_child(&self, child: &Child<C>) -> Result<NodeId, StoreError> {
        let (node, edge) = (child.node.clone(), child.edge.clone());
        node.labels.check()?;
        let id = node.check_signature(&edge)?;
        self.private().save_opening(id, &child.opening)?;
        self.add(Entry::Node(Box::new((node, edge))))
    }

    fn add(&self, entry: Entry<C>) -> Result<NodeId, StoreError> {
        let _guard = self.lock()?;
        self.recover()?;
        let (id, log) = (entry.id(), self.log()?);
        if log.contains(id) {
            return Err(TreeError::Duplicate { id }.into());
        }
        self.append(log, &[entry])?;
        Ok(id)
    }

    /// Writes entries, parents first, and then the log; files that are there and damaged are
    /// replaced. Nothing is written if a parent is not logged. Under the lock.
    pub(super) fn append(&self, mut log: Log, entries: &[Entry<C>]) -> Result<(), StoreError> {
        // What is begun is written down, so that a node that is not logged for another reason is
        // not taken for one that a crash kept from it.
        for entry in entries {
            if let (Entry::Node(both), Some(parent)) = (entry, entry.parent())
                && !log.contains(parent)
            {
                let node = both.0.label(&both.1);
                return Err(TreeError::UnknownParent { node, parent }.into());
            }
            match log.push(entry.id()) {
                Ok(()) | Err(LogError::Twice { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.make_public_dirs()?;
        let pending: String = entries.iter().map(|e| format!("{}\n", e.id())).collect();
        self.replace(Path::new(PENDING), pending.as_bytes())?;
        for entry in entries {
            for object in entry.objects() {
                self.write_object(&object)?;
            }
        }
        self.write_log(&log)?;
        self.remove_pending()
    }

    fn remove_pending(&self) -> Result<(), StoreError> {
        let file = self.dir.join(PENDING);
        remove(&file).map_err(StoreError::io(&file))
    }

    /// The ids of what was being written when a writer ended.
    pub(super) fn pending(&self) -> BTreeSet<NodeId> {
        let text = self.reader().bytes(Path::new(PENDING)).unwrap_or_default();
        Log::from_text(&text).0.ids().iter().copied().collect()
    }

    fn write_object(&self, object: &Object) -> Result<(), StoreError> {
        let file = object.kind.file(&object.hash);
        match self.reader().bytes(&file) {
            Ok(bytes) if bytes == object.bytes => Ok(()),
            _ => self.replace(&file, &object.bytes),
        }
    }

    pub(super) fn write_log(&self, log: &Log) -> Result<(), StoreError> {
        self.replace(Path::new(ENTRIES), log.to_text().as_bytes())?;
        self.replace(Path::new(HEAD), &self.json(HEAD, &log.head())?)
    }

    /// Recovers if nobody is writing and the tree can be written.
    pub(super) fn recover_if_free(&self) {
        if let Some(_guard) = self.lock_if_free() {
            // What cannot be recovered stays as it is, and is reported by `load` and by writing.
            let _ = self.recover();
        }
    }

    /// Brings a tree that a crash left half-written to the state before or after what was being
    /// written. Under the lock.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        // A link may lead to the log of another tree, whose lock this is not.
        if !self.is_dir(Path::new(LOG)) {
            return Ok(());
        }
        self.remove_unfinished()?;
        // A damaged log is left as it is: its file says what happened.
        let Ok(log) = self.log() else {
            return Ok(());
        };
        let entries = self.unlogged(&log);
        let head = self.reader().bytes(Path::new(HEAD)).ok();
        if !entries.is_empty() || head != Some(self.json(HEAD, &log.head())?) {
            self.append(log, &entries)?;
        }
        self.remove_pending()
    }

    /// What was being written, not yet logged, and can be: its files are all there, its signature
    /// is right, its parent is logged or comes before it.
    fn unlogged(&self, log: &Log) -> Vec<Entry<C>> {
        let mut known = log.clone();
        let mut ids = self.pending();
        ids.retain(|id| !log.contains(*id));
        let complete = |entry: &Entry<C>| match entry {
            Entry::Root(root) => root.check_signature().is_ok(),
            Entry::Node(both) => both.0.check_signature(&both.1).is_ok(),
        };
        let mut shared = Shared::default();
        let read = ids
            .into_iter()
            .filter_map(|id| self.reader().entry(id, &mut shared).ok());
        let mut open: Vec<Entry<C>> = read.filter(complete).collect();
        let mut found = Vec::new();
        loop {
            let ready = |entry: &Entry<C>| entry.parent().is_none_or(|p| known.contains(p));
            let (now, later): (Vec<_>, Vec<_>) = open.into_iter().partition(ready);
            if now.is_empty() {
                return found;
            }
            for entry in &now {
                let _ = known.push(entry.id());
            }
            found.extend(now);
            open = later;
        }
    }

    /// Removes files that a crash kept from being renamed.
    fn remove_unfinished(&self) -> Result<(), StoreError> {
        for dir in Self::dirs().into_iter().chain([PathBuf::new()]) {
            // A link may lead anywhere.
            if !dir.ancestors().all(|dir| self.is_dir(dir)) {
                continue;
            }
            let entries = fs::read_dir(self.dir.join(dir)).into_iter();
            for entry in entries.flatten().flatten() {
                let name = entry.file_name();
                let file = entry.file_type().is_ok_and(|kind| !kind.is_dir());
                if file && name.to_string_lossy().starts_with(files::TEMPORARY) {
                    remove(&entry.path()).map_err(StoreError::io(&entry.path()))?;
                }
            }
        }
        Ok(())
    }

    /// Whether this is a directory, and no link to one, below the tree's own.
    pub(super) fn is_dir(&self, dir: &Path) -> bool {
        fs::symlink_metadata(self.dir.join(dir)).is_ok_and(|found| found.is_dir())
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader(&self.dir)
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
