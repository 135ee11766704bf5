//! `zktree init`: a root that anyone can expand.
use super::{
    Ended, Failure,
    args::{CurveName, Reporting, TreeDir, whole},
    data::{self, LabelsFile, Predicted},
    files,
};
use clap::Args;
use serde::Serialize;
use std::{
    fmt,
    path::{Path, PathBuf},
};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        Architecture, FixedPoint,
        model::{self, Mlp, Task},
        op::{Loss, Nonlinearity},
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
    /// Widths of a perceptron, inputs first
    #[arg(
        long,
        value_name = "WIDTHS",
        required_unless_present = "network",
        conflicts_with = "network"
    )]
    layers: Option<Mlp>,
    /// Any other network: layers on an image, such as cnn:1x28x28,conv8,pool,linear10, or a JSON file of operators
    #[arg(long, value_name = "NETWORK", conflicts_with_all = ["activation", "residual"])]
    network: Option<String>,
    /// Function of hidden units: relu (if nothing is said), gelu, silu, tanh or sigmoid
    #[arg(long, value_name = "NAME")]
    activation: Option<Nonlinearity>,
    /// Hidden layers add their input, where that is a hidden layer of the same width
    #[arg(long)]
    residual: bool,
    /// Seed of the initial weights
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    seed: u64,
    /// Number formats: compact (8 fraction bits of activations), classifier (that and softmax; the default of
    /// networks of classes), paper (16, as in zkDL), and changes such as classifier,gradient_bits=14
    #[arg(long)]
    preset: Option<String>,
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
    network: String,
    layers: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    residual: Option<bool>,
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
    /// The network that all options together say; its outputs are scores of classes if there are labels.
    fn network(&self) -> Result<Architecture, Failure> {
        if let Some(text) = &self.network {
            return match Path::new(text).extension() {
                Some(extension) if extension == "json" => {
                    let bytes = files::read(Path::new(text))?;
                    let graph = zktree::nn::model::GraphFile::read(&bytes);
                    let graph =
                        graph.map_err(|error| Failure::input(format!("{text}: {error}")))?;
                    Ok(Architecture::from(graph))
                }
                _ => Ok(text.parse()?),
            };
        }
        let Some(mut network) = self.layers.clone() else {
            return Err(Failure::input(
                "name a network, by --layers or --network".to_owned(),
            ));
        };
        if let Some(activation) = self.activation {
            network.activation = activation;
        }
        network.residual |= self.residual;
        network.classes |= self.predicted.label.is_some();
        Ok(Architecture::perceptron(&network)?)
    }
}

/// The number formats of networks like this one.
pub fn usual_preset(network: &Architecture) -> &'static str {
    match network.graph().loss() {
        Loss::SquaredError => "compact",
        Loss::CrossEntropy => "classifier",
    }
}

fn add<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let predicted = &options.predicted;
    let label = predicted.label.as_deref();
    let table = options.labels.read(&options.normalize, label)?;
    let names = options.class_names.as_deref();
    let normalization = data::normalization(&table, (&predicted.target, label), names)?;
    let architecture = options.network()?;
    let preset = options.preset.as_deref();
    let preset = preset.unwrap_or(usual_preset(&architecture));
    let fixed_point = FixedPoint::from_preset(preset)?;
    // Whether it can be trained in these formats is known without any data.
    let _ = model::program(architecture.graph(), &fixed_point, 1, Task::Training)?;
    let root = Root::new(architecture, fixed_point, normalization, options.seed)?;
    let id = tree_at::<C>(&options.tree)?.add_root(&root)?;
    let perceptron = root.architecture().as_perceptron();
    let names = |columns: &[zktree::nn::ColumnStatistics]| {
        columns.iter().map(|column| column.name.clone()).collect()
    };
    Ok(options.reporting.print(&Report {
        id: id.to_string(),
        network: root.architecture().to_string(),
        layers: root.architecture().widths(),
        activation: perceptron.map(|network| network.activation.name()),
        residual: perceptron.map(|network| network.residual),
        seed: options.seed,
        preset: preset.to_owned(),
        curve: C::NAME,
        features: names(root.normalization().features()),
        targets: root.normalization().target_names(),
        classes: root.normalization().classes().map(|c| c.names().to_vec()),
    }))
}
