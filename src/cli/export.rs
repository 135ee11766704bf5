//! `zktree export` and `zktree check-weights`: weights as files.
use super::{
    Ended, Failure,
    args::{Memory, Reporting, TreeDir},
    files,
    tree::{Opened, on_its_curve},
};
use clap::{Args, ValueEnum};
use rand::rngs::OsRng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{fmt, path::PathBuf};
use zktree::{
    commit::Curve,
    nn::{WeightOpening, Weights},
    poly::WideField,
    text::visible,
    tree::NodeId,
};

/// Options of `zktree export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The node, whose weights must be in this tree's private part, or a root
    id: String,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Integers exactly as trained, or floats for PyTorch
    #[arg(long, value_enum, default_value = "int")]
    format: Format,
    /// Release the blindings too: who has the file can check it against the node, and train on
    #[arg(long, conflicts_with = "format")]
    with_opening: bool,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// layers.N.weight of shape [in, out] and layers.N.bias, I64
    Int,
    /// The state_dict of an nn.Sequential of Linear and ReLU, F32
    Torch,
}

#[derive(Serialize)]
struct Exported {
    id: String,
    file: String,
    format: &'static str,
    bytes: usize,
    sha256: String,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}", self.sha256, visible(&self.file))
    }
}

/// Writes the weights of a node.
pub fn export(options: &Export) -> Result<Ended, Failure> {
    on_its_curve!(write, options)
}

fn write<C: Curve<ScalarField: WideField>>(options: &Export) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let id = opened.find(&options.id)?;
    let opening = opening(&opened, id)?;
    let weights = opening.weights();
    let (bytes, format) = match (options.with_opening, options.format) {
        (true, _) => (opening.to_safetensors()?, "opening"),
        (false, Format::Int) => (weights.to_safetensors()?, "int"),
        (false, Format::Torch) => {
            let root = opened.tree.path(id)?.root();
            let bytes = weights.to_torch(root.fixed_point(), root.normalization())?;
            (bytes, "torch")
        }
    };
    files::create(&options.out, &bytes)?;
    Ok(options.reporting.print(&Exported {
        id: id.to_string(),
        file: options.out.display().to_string(),
        format,
        bytes: bytes.len(),
        sha256: hex::encode(Sha256::digest(&bytes)),
    }))
}

/// The weights and blindings of a root, or of a node whose are kept here.
pub fn opening<C: Curve<ScalarField: WideField>>(
    opened: &Opened<C>,
    id: NodeId,
) -> Result<WeightOpening<C::ScalarField>, Failure> {
    if let Some(root) = opened.tree.root(id) {
        let opening = opened.store.private().root_opening(root)?;
        return opening.ok_or_else(|| {
            let by = root.imported().map(|imported| imported.author().short());
            Failure::input(format!(
                "the weights of root {} are not in this tree's private part; ask {}, who imported them",
                opened.tree.short(id),
                by.unwrap_or_default()
            ))
        });
    }
    let (node, _) = opened.trained(id)?;
    let opening = opened.store.private().opening(id, node)?;
    opening.ok_or_else(|| {
        Failure::input(format!(
            "the weights of node {} are not in this tree's private part; ask {} for them, exported \
             with --with-opening",
            opened.tree.short(id),
            node.author.short()
        ))
    })
}

/// Options of `zktree check-weights`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The node
    id: String,
    /// Weights with the opening of their commitment, from `zktree export --with-opening`
    file: PathBuf,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Checked {
    id: String,
    #[serde(skip)]
    short: String,
    file: String,
    opens: bool,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opens {
            true => {
                let (file, short) = (visible(&self.file), &self.short);
                writeln!(f, "{file}: these are the weights of node {short}")
            }
            false => Ok(()),
        }
    }
}

/// Checks whether weights open the commitment of a node.
pub fn check(options: &Check) -> Result<Ended, Failure> {
    on_its_curve!(compare, options)
}

fn compare<C: Curve<ScalarField: WideField>>(options: &Check) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let mut cache = options.memory.cache::<C>();
    let id = opened.find(&options.id)?;
    let bytes = files::read(&options.file)?;
    let file = options.file.display().to_string();
    let named = |error| Failure::input(format!("{file}: {error}"));
    let opens = match opened.tree.root(id) {
        Some(root) if root.imported().is_some() => {
            opened.verify(id, &mut cache)?;
            let opening = WeightOpening::from_safetensors(&bytes).map_err(named)?;
            let commitment = root.commitment::<C>()?;
            opening.weights().architecture() == root.architecture()
                && commitment.is_some_and(|weights| opening.opens(&weights, &mut OsRng))
        }
        // Such a root hides nothing: there is no need of an opening.
        Some(root) => {
            let weights = match Weights::from_safetensors(&bytes) {
                Ok(weights) => weights,
                Err(_) => WeightOpening::<C::ScalarField>::from_safetensors(&bytes)
                    .map_err(named)?
                    .weights()
                    .clone(),
            };
            // The shape first: whoever made the root may have asked for more weights than memory has.
            weights.architecture() == root.architecture() && Some(weights) == root.weights()
        }
        None => {
            let (node, _) = opened.verified(id, &mut cache)?;
            let opening = match (node.parameters.hiding, Weights::from_safetensors(&bytes)) {
                (false, Ok(weights)) => WeightOpening::public(weights),
                _ => WeightOpening::from_safetensors(&bytes).map_err(named)?,
            };
            *opening.weights().architecture() == node.parameters.architecture
                && opening.opens(&node.weights, &mut OsRng)
        }
    };
    let short = opened.tree.short(id);
    let verdict = match opens {
        true => Ok(()),
        false => Err(Failure::not_verified(format!(
            "{file}: these are not the weights of node {short}"
        ))),
    };
    let checked = Checked {
        id: id.to_string(),
        short,
        file,
        opens,
    };
    Ok(options.reporting.conclude(&checked, verdict))
}
