//! `zktree init`: a root that anyone can expand.
use super::{
    Ended, Failure,
    args::{CurveName, Reporting, TreeDir, whole},
    data::{self, LabelsFile, Predicted},
};
use clap::Args;
use serde::Serialize;
use std::{fmt, path::PathBuf};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        Architecture, FixedPoint,
        model::{self, Mlp, Task},
        op::Nonlinearity,
    },
    poly::WideField,
    tree::{
        Root,
        store::{KnownHeads, Store, StoreError},
    },
};

/// Options of `zktree init`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    tree: TreeDir,
    /// Widths of the network, inputs first
    #[arg(long, value_name = "WIDTHS")]
    layers: Mlp,
    /// Function of hidden units: relu (if nothing is said), gelu, silu, tanh or sigmoid
    #[arg(long, value_name = "NAME")]
    activation: Option<Nonlinearity>,
    /// Hidden layers add their input, where that is a hidden layer of the same width
    #[arg(long)]
    residual: bool,
    /// Seed of the initial weights
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    seed: u64,
    /// Number formats: compact (8 fraction bits of activations) or paper (16, as in zkDL)
    #[arg(long, default_value = "compact")]
    preset: String,
    /// Data whose mean and deviation normalise all data of the tree; they become public. Pixels are divided
    /// by 255 and nothing else. CSV, NPZ, IDX, or a folder of PNG files
    #[arg(long, value_name = "FILE")]
    normalize: PathBuf,
    #[command(flatten)]
    labels: LabelsFile,
    #[command(flatten)]
    predicted: Predicted,
    /// File of the names of the classes, a line each; without it they are the labels of the data
    #[arg(
        long,
        value_name = "FILE",
        requires = "label",
        conflicts_with = "target"
    )]
    class_names: Option<PathBuf>,
    /// Commitment group
    #[arg(long, value_enum, default_value = "bls12-381")]
    curve: CurveName,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    id: String,
    layers: Vec<usize>,
    activation: &'static str,
    residual: bool,
    seed: u64,
    preset: String,
    curve: &'static str,
    features: Vec<String>,
    targets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<Vec<String>>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)
    }
}

/// Adds a root to a tree, which is made if it is not there.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    match options.curve {
        CurveName::Bls12_381 => add::<Bls12381>(options),
        CurveName::Pallas => add::<Pallas>(options),
    }
}

/// The tree in a directory, made if it is not there: what is there may be a tree of other roots, or
/// left without one by a crash.
pub(super) fn tree_at<C: Curve<ScalarField: WideField>>(
    tree: &TreeDir,
) -> Result<Store<C>, Failure> {
    let patience = tree.patience();
    match Store::<C>::create_patiently(&tree.dir, patience) {
        Err(StoreError::NotEmpty { dir }) => match Store::open(&tree.dir) {
            Err(StoreError::NoTree { .. }) => Err(StoreError::NotEmpty { dir }.into()),
            store => Ok(store?.patient(patience)),
        },
        store => {
            let store = store?;
            // What was in this directory before is another tree.
            KnownHeads::of_user().forget(&store)?;
            Ok(store)
        }
    }
}

impl Options {
    /// The network that all options together say.
    fn network(&self) -> Mlp {
        let mut network = self.layers.clone();
        if let Some(activation) = self.activation {
            network.activation = activation;
        }
        network.residual |= self.residual;
        network
    }
}

fn add<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let predicted = &options.predicted;
    let label = predicted.label.as_deref();
    let table = options.labels.read(&options.normalize, label)?;
    let names = options.class_names.as_deref();
    let normalization = data::normalization(&table, (&predicted.target, label), names)?;
    let fixed_point = FixedPoint::from_preset(&options.preset)?;
    let network = options.network();
    let architecture = Architecture::perceptron(&network)?;
    // Whether it can be trained in these formats is known without any data.
    let _ = model::program(architecture.graph(), &fixed_point, 1, Task::Training)?;
    let root = Root::new(architecture, fixed_point, normalization, options.seed)?;
    let id = tree_at::<C>(&options.tree)?.add_root(&root)?;
    let names = |columns: &[zktree::nn::ColumnStatistics]| {
        columns.iter().map(|column| column.name.clone()).collect()
    };
    Ok(options.reporting.print(&Report {
        id: id.to_string(),
        layers: root.architecture().widths(),
        activation: network.activation.name(),
        residual: network.residual,
        seed: options.seed,
        preset: options.preset.clone(),
        curve: C::NAME,
        features: names(root.normalization().features()),
        targets: root.normalization().target_names(),
        classes: root.normalization().classes().map(|c| c.names().to_vec()),
    }))
}
