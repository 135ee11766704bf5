//! A tree as its public files: what a stranger can copy, alter and pass on.
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, path::Path};
use zktree::{
    commit::Curve,
    nn::{DataKind, DatasetCommitment, encoding::Encoder},
    poly::WideField,
    tree::{
        AuthorSecret, Edge, Node, NodeId, Root,
        store::{Log, NodeFile},
    },
};

/// Contents by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The public files of a tree.
pub fn read(dir: &Path) -> Files {
    let mut files = Files::new();
    for name in ["zktree.json", "log/entries", "log/head.json"] {
        files.insert(name.into(), fs::read(dir.join(name)).unwrap());
    }
    for kind in ["roots", "nodes", "proofs", "datasets"] {
        for entry in fs::read_dir(dir.join(kind)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let bytes = fs::read(dir.join(kind).join(&name)).unwrap();
            files.insert(format!("{kind}/{name}"), bytes);
        }
    }
    files
}

/// Writes them to a new directory.
pub fn write(files: &Files, dir: &Path) {
    for (name, bytes) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Puts a file under the hash of its content; returns that.
pub fn put(files: &mut Files, kind: &str, bytes: &[u8]) -> [u8; 32] {
    let hash = Sha256::digest(bytes).into();
    files.insert(format!("{kind}/{}", hex::encode(hash)), bytes.to_vec());
    hash
}

/// The ids in the log.
pub fn logged(files: &Files) -> Vec<NodeId> {
    let text = String::from_utf8(files["log/entries"].clone()).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Makes the log, and its head, of these ids.
pub fn set_log(files: &mut Files, ids: &[NodeId]) {
    let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
    let head = Log::new(ids.iter().copied()).unwrap().head();
    let head = serde_json::to_string(&head).unwrap() + "\n";
    files.insert("log/entries".into(), text.into());
    files.insert("log/head.json".into(), head.into());
}

/// Exchanges an id in the log for another one.
pub fn relog(files: &mut Files, old: NodeId, new: NodeId) {
    let exchange = |id: NodeId| if id == old { new } else { id };
    let ids: Vec<NodeId> = logged(files).into_iter().map(exchange).collect();
    set_log(files, &ids);
}

/// The file of a data set.
fn encode_dataset<C: Curve>(dataset: &DatasetCommitment<C>) -> Vec<u8> {
    let (kind, count) = match dataset.kind() {
        DataKind::Numbers { targets } => ("zktree/v1/dataset", targets),
        DataKind::Labels { classes } => ("zktree/v1/labelled-dataset", classes),
    };
    Encoder::new(kind)
        .string(C::NAME)
        .count(dataset.num_features())
        .count(count)
        .bytes(&dataset.rows().encode())
        .finish()
}

/// A tree of nothing but a root, in this encoding; a root of unknown origin is signed anew.
pub fn lone_root(files: &Files, mut root: Vec<u8>, author: &AuthorSecret) -> (NodeId, Files) {
    let end = root.len() - 64;
    let id = match Root::decode(&root) {
        Ok(decoded) if decoded.imported().is_some() => {
            root[end..].copy_from_slice(&author.sign(decoded.id()).0);
            decoded.id()
        }
        _ => NodeId(Sha256::digest(&root).into()),
    };
    let mut lone = Files::from([("zktree.json".into(), files["zktree.json"].clone())]);
    lone.insert(format!("roots/{id}"), root);
    set_log(&mut lone, &[id]);
    (id, lone)
}

/// Exchanges a node for one whose pre-id is of these bytes, signed by `author`. Returns the id.
pub fn replace_raw(files: &mut Files, old: NodeId, claim: &[u8], author: &AuthorSecret) -> NodeId {
    let file = files.remove(&format!("nodes/{old}")).unwrap();
    let proofs = &file[file.len() - 128..file.len() - 64];
    let edge = Sha256::digest([&Encoder::new("zktree/v1/edge").finish(), proofs].concat());
    let node = Encoder::new("zktree/v1/node")
        .hash(&Sha256::digest(claim).into())
        .hash(&edge.into());
    let id = NodeId(Sha256::digest(node.finish()).into());
    let start = Encoder::new("zktree/v1/node-file").bytes(claim).finish();
    let file = [&start, proofs, &author.sign(id).0].concat();
    files.insert(format!("nodes/{id}"), file);
    relog(files, old, id);
    id
}

/// Exchanges a node that nothing descends from for another one, signed by `author`, with proofs and
/// data set. Returns the id.
pub fn replace<C: Curve<ScalarField: WideField>>(
    files: &mut Files,
    old: NodeId,
    (node, edge): (&Node<C>, &Edge<C>),
    author: &AuthorSecret,
) -> NodeId {
    let proofs = [
        put(files, "proofs", &edge.proof.0),
        put(files, "proofs", &edge.data_proof),
    ];
    let dataset = format!("datasets/{}", hex::encode(edge.dataset.root()));
    files.insert(dataset, encode_dataset(&edge.dataset));
    let id = node.id(edge);
    let file = NodeFile {
        node: node.clone(),
        proofs,
        signature: author.sign(id),
    };
    files.remove(&format!("nodes/{old}"));
    files.insert(format!("nodes/{id}"), file.encode());
    relog(files, old, id);
    id
}
