//! The public files: what is in them, and reading them. Each is named after its content, and the
//! name is always recomputed.
use super::{Damage, Problem};
use crate::{
    commit::{Curve, RowCommitments},
    error::DecodeError,
    files,
    nn::{
        DataKind, DatasetCommitment, TrainingProof,
        encoding::{Decoder, Encoder},
    },
    poly::WideField,
    tree::{DatasetName, Edge, Node, NodeId, Root, Signature},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

const NODE: &str = "zktree/v1/node-file";
const DATASET: &str = "zktree/v1/dataset";
/// The same, with labels: behind the number of features is that of classes.
const LABELLED: &str = "zktree/v1/labelled-dataset";

/// Longest file that is read. A file is no longer than memory for other reasons.
const MAX_FILE: u64 = 1 << 31;

/// The directories of public files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Root,
    Node,
    Proof,
    Dataset,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Root, Self::Node, Self::Proof, Self::Dataset];

    pub(super) fn dir(self) -> &'static str {
        match self {
            Self::Root => "roots",
            Self::Node => "nodes",
            Self::Proof => "proofs",
            Self::Dataset => "datasets",
        }
    }

    /// The file of what has this hash, below the tree's directory.
    pub(super) fn file(self, hash: &[u8; 32]) -> PathBuf {
        Path::new(self.dir()).join(hex::encode(hash))
    }
}

/// A file to be written, below the tree's directory.
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) hash: [u8; 32],
    pub(super) bytes: Vec<u8>,
}

/// A root, or a node with its edge.
#[derive(Debug, Clone)]
pub(super) enum Entry<C: Curve> {
    Root(Box<Root>),
    Node(Box<(Node<C>, Edge<C>)>),
}

impl<C: Curve<ScalarField: WideField>> Entry<C> {
    pub(super) fn id(&self) -> NodeId {
        match self {
            Self::Root(root) => root.id(),
            Self::Node(both) => both.0.id(&both.1),
        }
    }

    pub(super) fn parent(&self) -> Option<NodeId> {
        match self {
            Self::Root(_) => None,
            Self::Node(both) => Some(both.0.parent),
        }
    }

    /// Its files, in the order in which they are written: what is named by another comes first.
    pub(super) fn objects(&self) -> Vec<Object> {
        let object = |kind, hash, bytes| Object { kind, hash, bytes };
        match self {
            Self::Root(root) => vec![object(Kind::Root, root.id().0, root.encode())],
            Self::Node(both) => {
                let (node, edge) = &**both;
                let [training, data] = edge.proof_hashes();
                let file = NodeFile {
                    proofs: [training, data],
                    signature: edge.signature,
                    node: node.clone(),
                };
                vec![
                    object(Kind::Proof, training, edge.proof.0.clone()),
                    object(Kind::Proof, data, edge.data_proof.to_vec()),
                    object(
                        Kind::Dataset,
                        edge.dataset.root(),
                        encode_dataset(&edge.dataset),
                    ),
                    object(Kind::Node, file.id().0, file.encode()),
                ]
            }
        }
    }
}

/// What the file of a node has: the node, the hashes of its proofs, its author's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFile<C: Curve> {
    /// The node.
    pub node: Node<C>,
    /// Hashes of the proof of training and of that of the range of data.
    pub proofs: [[u8; 32]; 2],
    /// The author's signature of the id.
    pub signature: Signature,
}

impl<C: Curve<ScalarField: WideField>> NodeFile<C> {
    /// The id, recomputed. It does not depend on the signature.
    pub fn id(&self) -> NodeId {
        NodeId::of(&self.node.pre_id(), &Edge::<C>::digest_of(&self.proofs))
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let [training, data] = &self.proofs;
        let encoder = Encoder::new(NODE).bytes(&self.node.encode());
        let mut bytes = encoder.hash(training).hash(data).finish();
        bytes.extend(self.signature.0);
        bytes
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(NODE, bytes)?;
        let file = Self {
            node: Node::decode(decoder.bytes("node")?)?,
            proofs: [
                decoder.hash("proof of training")?,
                decoder.hash("proof of the range of data")?,
            ],
            signature: Signature(decoder.array("signature")?),
        };
        decoder.finish()?;
        Ok(file)
    }
}

fn encode_dataset<C: Curve>(dataset: &DatasetCommitment<C>) -> Vec<u8> {
    let (kind, count) = match dataset.kind() {
        DataKind::Numbers { targets } => (DATASET, targets),
        DataKind::Labels { classes } => (LABELLED, classes),
    };
    Encoder::new(kind)
        .string(C::NAME)
        .count(dataset.num_features())
        .count(count)
        .bytes(&dataset.rows().encode())
        .finish()
}

fn decode_dataset<C: Curve>(
    bytes: &[u8],
    name: &DatasetName,
) -> Result<DatasetCommitment<C>, Problem> {
    let mut decoder = match name.kind {
        DataKind::Numbers { .. } => Decoder::new(DATASET, bytes)?,
        DataKind::Labels { .. } => Decoder::new(LABELLED, bytes)?,
    };
    let curve = decoder.string("curve")?;
    let (features, count) = (decoder.count("features")?, decoder.count("targets")?);
    let kind = match name.kind {
        DataKind::Numbers { .. } => DataKind::Numbers { targets: count },
        DataKind::Labels { .. } => DataKind::Labels { classes: count },
    };
    let points = decoder.bytes("rows")?;
    decoder.finish()?;
    let rows = RowCommitments::decode(points, points.len() / C::ENCODED_LEN)
        .map_err(|error| DecodeError::value("rows", error))?;
    let dataset = DatasetCommitment::<C>::of_kind(features, kind, rows);
    match curve == C::NAME && dataset.root() == name.root {
        true => Ok(dataset),
        false => Err(Problem::OtherContent),
    }
}

/// The bytes, if this is their hash.
fn named(bytes: Vec<u8>, hash: &[u8; 32]) -> Result<Vec<u8>, Problem> {
    match Sha256::digest(&bytes)[..] == hash[..] {
        true => Ok(bytes),
        false => Err(Problem::OtherContent),
    }
}

/// What nodes have in common, in memory once: a tree takes no more than its files do.
pub(super) struct Shared<C: Curve> {
    training: BTreeMap<[u8; 32], Result<Arc<TrainingProof>, Problem>>,
    ranges: BTreeMap<[u8; 32], Result<Arc<Vec<u8>>, Problem>>,
    datasets: BTreeMap<[u8; 32], Result<DatasetCommitment<C>, Problem>>,
}

impl<C: Curve> Default for Shared<C> {
    fn default() -> Self {
        Self {
            training: BTreeMap::new(),
            ranges: BTreeMap::new(),
            datasets: BTreeMap::new(),
        }
    }
}

/// Reads files of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a Path);

impl Reader<'_> {
    /// The root or node of this id.
    pub(super) fn entry<C: Curve<ScalarField: WideField>>(
        self,
        id: NodeId,
        shared: &mut Shared<C>,
    ) -> Result<Entry<C>, Damage> {
        let (root, node) = (Kind::Root.file(&id.0), Kind::Node.file(&id.0));
        match (self.exists(&root), self.exists(&node)) {
            (true, _) => self.root(id).map(|root| Entry::Root(Box::new(root))),
            (_, true) => self
                .node(id, shared)
                .map(|both| Entry::Node(Box::new(both))),
            _ => Err(Damage::new(
                node,
                Some(id),
                Problem::NoEntry { other: root },
            )),
        }
    }

    /// Whether there is a file, of whatever kind.
    pub(super) fn exists(self, file: &Path) -> bool {
        fs::symlink_metadata(self.0.join(file)).is_ok()
    }

    fn root(self, id: NodeId) -> Result<Root, Damage> {
        self.read(id, &Kind::Root.file(&id.0), |bytes| {
            let root = Root::decode(bytes)?;
            if root.id() == id {
                Ok(root)
            } else {
                Err(Problem::OtherContent)
            }
        })
    }

    fn node<C: Curve<ScalarField: WideField>>(
        self,
        id: NodeId,
        shared: &mut Shared<C>,
    ) -> Result<(Node<C>, Edge<C>), Damage> {
        let file = self.read(id, &Kind::Node.file(&id.0), |bytes| {
            let file = NodeFile::<C>::decode(bytes)?;
            match file.id() == id {
                true => Ok(file),
                false => Err(Problem::OtherContent),
            }
        })?;
        let [training, data] = &file.proofs;
        let name = &file.node.dataset;
        let edge = Edge {
            proof: self.once(id, Kind::Proof, training, &mut shared.training, |bytes| {
                Ok(Arc::new(TrainingProof(named(bytes, training)?)))
            })?,
            data_proof: self.once(id, Kind::Proof, data, &mut shared.ranges, |bytes| {
                Ok(Arc::new(named(bytes, data)?))
            })?,
            dataset: self.once(
                id,
                Kind::Dataset,
                &name.root,
                &mut shared.datasets,
                |bytes| decode_dataset(&bytes, name),
            )?,
            signature: file.signature,
        };
        Ok((file.node, edge))
    }

    /// Reads a file that the node needs.
    fn read<T>(
        self,
        node: NodeId,
        file: &Path,
        decode: impl FnOnce(&[u8]) -> Result<T, Problem>,
    ) -> Result<T, Damage> {
        self.bytes(file)
            .and_then(|bytes| decode(&bytes))
            .map_err(|problem| Damage::new(file, Some(node), problem))
    }

    /// What a file has that other nodes may need too. It is read for the first of them.
    fn once<T: Clone>(
        self,
        node: NodeId,
        kind: Kind,
        hash: &[u8; 32],
        read: &mut BTreeMap<[u8; 32], Result<T, Problem>>,
        decode: impl FnOnce(Vec<u8>) -> Result<T, Problem>,
    ) -> Result<T, Damage> {
        let file = kind.file(hash);
        let content = read
            .entry(*hash)
            .or_insert_with(|| self.bytes(&file).and_then(decode));
        content
            .clone()
            .map_err(|problem| Damage::new(file, Some(node), problem))
    }

    /// The bytes of a regular file.
    pub(super) fn bytes(self, file: &Path) -> Result<Vec<u8>, Problem> {
        let opened = files::open_found(&self.0.join(file));
        let read = opened.and_then(|handle| files::read_from(handle, MAX_FILE));
        read.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Problem::Missing,
            ErrorKind::FileTooLarge => Problem::TooLong { limit: MAX_FILE },
            _ if files::is_not_regular(&error) => Problem::NotAFile,
            _ => Problem::Unreadable {
                reason: error.to_string(),
            },
        })
    }
}
