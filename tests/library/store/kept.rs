//! The family in a directory.
use crate::family::{self, Family};
use ark_pallas::Projective as Pallas;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use zktree::tree::{
    Edge, Node, NodeId,
    store::{Log, NodeFile, Store},
};

/// A tree of a root, its child and two children of that.
pub struct Kept {
    pub dir: TempDir,
    pub store: Store<Pallas>,
    pub root: NodeId,
    pub first: NodeId,
    pub second: NodeId,
    pub third: NodeId,
}

impl Kept {
    pub fn new() -> Self {
        let family = Family::get();
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("tree")).unwrap();
        let root = store.add_root(&family::root(1)).unwrap();
        let [first, second, third] =
            [&family.first, &family.second, &family.third].map(|c| store.add_child(c).unwrap());
        Self {
            dir,
            store,
            root,
            first,
            second,
            third,
        }
    }

    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.store.dir().join(file)
    }

    pub fn file(&self, dir: &str, id: NodeId) -> PathBuf {
        self.path(dir).join(id.to_string())
    }

    /// Another, empty directory.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// All public files, sorted, below the directory.
    pub fn public_files(&self) -> Vec<PathBuf> {
        let dirs = ["", "roots", "nodes", "proofs", "datasets", "log"];
        let mut files: Vec<PathBuf> = dirs
            .iter()
            .flat_map(|dir| fs::read_dir(self.path(dir)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        files
    }

    /// Writes a log of these ids, with the head that belongs to it.
    pub fn relog(&self, ids: &[NodeId]) {
        let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
        fs::write(self.path("log/entries"), text).unwrap();
        let head = Log::new(ids.iter().copied()).unwrap().head();
        let json = serde_json::to_string(&head).unwrap();
        fs::write(self.path("log/head.json"), json + "\n").unwrap();
    }

    /// Puts a node and its proofs among the files, and its id in the log, without asking anyone.
    pub fn plant(&self, node: &Node<Pallas>, edge: &Edge<Pallas>) -> NodeId {
        let file = NodeFile {
            node: node.clone(),
            proofs: edge.proof_hashes(),
            signature: edge.signature,
        };
        let id = file.id();
        fs::write(self.file("nodes", id), file.encode()).unwrap();
        let [training, data] = file
            .proofs
            .map(|hash| self.path("proofs").join(hex::encode(hash)));
        fs::write(training, &edge.proof.0).unwrap();
        fs::write(data, &*edge.data_proof).unwrap();
        let mut ids = self.store.log().unwrap().ids().to_vec();
        ids.push(id);
        self.relog(&ids);
        id
    }

    /// What is wrong with the files, as text.
    pub fn damage(&self) -> Vec<String> {
        let (_, damage) = self.store.load();
        damage.iter().map(ToString::to_string).collect()
    }
}
