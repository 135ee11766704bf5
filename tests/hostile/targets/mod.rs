//! What is done with bytes from outside, a function for each way in. None may panic, whatever the
//! bytes; each asserts what it can of what is read.
//!
//! libFuzzer calls them from `fuzz/`, and the tests beside this directory on fewer bytes.
mod files;
mod formats;
mod input;
mod proofs;
mod scene;

pub use files::{cache, images, import, key, safetensors, table, tree_dir};
pub use formats::{
    encoding, json, log_proof, network, node, node_file, normalization, points, root, text,
    weight_commitment,
};
pub use input::altered;
pub use proofs::{
    channel, checkpoint, data_range, inference, lineage, row_proof, statement, training,
};
pub use scene::{Field, Scene, author};

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: [Target; 26] = [
    ("cache", cache),
    ("channel", channel),
    ("checkpoint", checkpoint),
    ("data_range", data_range),
    ("encoding", encoding),
    ("images", images),
    ("import", import),
    ("inference", inference),
    ("json", json),
    ("key", key),
    ("lineage", lineage),
    ("log_proof", log_proof),
    ("network", network),
    ("node", node),
    ("node_file", node_file),
    ("normalization", normalization),
    ("points", points),
    ("root", root),
    ("row_proof", row_proof),
    ("safetensors", safetensors),
    ("statement", statement),
    ("table", table),
    ("text", text),
    ("training", training),
    ("tree_dir", tree_dir),
    ("weight_commitment", weight_commitment),
];
