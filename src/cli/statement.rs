//! `zktree statement`: an in-toto attestation of a node.
use super::{
    Ended, Failure,
    args::{Memory, TreeDir},
    export, files, output,
    tree::{Opened, on_its_curve},
};
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use zktree::{
    commit::Curve,
    nn::{WeightOpening, Weights},
    poly::WideField,
    transcript::PROTOCOL,
    tree::{Node, NodeId},
};

const PREDICATE: &str = "urn:zktree:training:1";

/// Options of `zktree statement`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The node
    id: String,
    /// A file exported from this node, to be a subject too; its weights must be here, or in the
    /// file with their opening
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    #[command(flatten)]
    memory: Memory,
    /// The statement is JSON in any case
    #[arg(long)]
    json: bool,
}

/// Prints the statement, for `cosign attest-blob` and other tools to sign.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(state, options)
}

fn state<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let id = opened.find(&options.id)?;
    let (node, edge) = opened.verified(id, &mut options.memory.cache())?;
    let sha256 = |bytes: &[u8]| json!({"sha256": hex::encode(Sha256::digest(bytes))});
    let mut subject = vec![json!({
        "name": format!("zktree:{id}/commitment"),
        "digest": sha256(&node.weights.encode()),
    })];
    if let Some(path) = &options.weights {
        let bytes = files::read(path)?;
        if !is_export(&opened, id, &bytes)? {
            return Err(Failure::not_verified(format!(
                "{}: not an export of node {}",
                path.display(),
                opened.tree.short(id)
            )));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        subject.push(json!({"name": name, "digest": sha256(&bytes)}));
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": PREDICATE,
        "predicate": predicate::<C>(id, node, &edge.digest()),
    });
    let mut printer = output::Printer::default();
    printer.print_json(&statement);
    Ok(printer.end(Ok(())))
}

fn predicate<C: Curve<ScalarField: WideField>>(
    id: NodeId,
    node: &Node<C>,
    proof: &[u8; 32],
) -> Value {
    let p = &node.parameters;
    let mut predicate = json!({
        "id": id.to_string(),
        "parents": [node.parent.to_string()],
        "author": {"ed25519": node.author.to_string()},
        "protocol": String::from_utf8_lossy(PROTOCOL),
        "curve": C::NAME,
        "weights": hex::encode(node.weights.digest()),
        "dataset": {
            "root": hex::encode(node.dataset.root),
            "rows": node.dataset.num_rows,
            "features": node.dataset.num_features,
            "targets": node.dataset.kind.num_targets(),
        },
        "training": {
            "layers": p.architecture.widths(),
            "network": p.architecture.to_string(),
            "fixedPoint": p.fixed_point,
            "learningRateCoefficient": p.optimiser.rate().coefficient(),
            "learningRate": p.optimiser.rate().as_f64(&p.fixed_point, p.batch),
            "optimizer": p.optimiser.momentum().to_string(),
            "rates": p.optimiser.schedule().to_string(),
            "batch": p.batch,
            "steps": p.steps,
            "segmentSteps": p.segment_steps,
            "hiding": p.hiding,
            "nonce": node.nonce,
            "schedule": hex::encode(node.schedule().0),
        },
        "proof": {"sha256": hex::encode(proof)},
        "title": node.labels.title,
        "licence": node.labels.licence,
        "note": node.labels.note,
        "loss": node.labels.loss.map(|loss| loss.get()),
    });
    if let Some(classes) = node.dataset.kind.classes() {
        predicate["dataset"]["classes"] = classes.into();
    }
    predicate
}

/// Whether a file is what `zktree export` writes of this node.
fn is_export<C: Curve<ScalarField: WideField>>(
    opened: &Opened<C>,
    id: NodeId,
    bytes: &[u8],
) -> Result<bool, Failure> {
    let (node, _) = opened.trained(id)?;
    if let Ok(opening) = WeightOpening::<C::ScalarField>::from_safetensors(bytes) {
        return Ok(
            *opening.weights().architecture() == node.parameters.architecture
                && opening.opens(&node.weights, &mut rand::rngs::OsRng),
        );
    }
    let opening = export::opening(opened, id)?;
    let root = opened.tree.path(id)?.root();
    let torch = opening
        .weights()
        .to_torch(root.fixed_point(), root.normalization())?;
    let weights = Weights::from_safetensors(bytes);
    Ok(weights.is_ok_and(|weights| weights == *opening.weights()) || torch == bytes)
}
