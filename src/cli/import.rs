//! `zktree import`: a network that was trained elsewhere, as a root of unknown origin.
use super::{
    Ended, Failure,
    args::{Authorship, CurveName, Reporting, TreeDir, whole},
    data::{self, LabelsFile},
    files,
    init::{tree_at, usual_preset},
    key,
};
use clap::Args;
use rand::rngs::OsRng;
use serde::Serialize;
use std::{fmt, path::PathBuf};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        Architecture, Classes, ColumnStatistics, FixedPoint, Normalization, Source, WeightGrid,
        WeightOpening,
        import::{FloatModel, ImportError, LayerNames, QuantizationReport},
        op::Loss,
    },
    poly::WideField,
    tree::Root,
};

/// Options of `zktree import`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    tree: TreeDir,
    /// The network: .onnx, or .safetensors with the state_dict of an nn.Sequential
    model: PathBuf,
    /// JSON file that names the layers of a safetensors file:
    /// {"layers": [{"weight": "fc1.weight", "bias": "fc1.bias", "transposed": false}, ...]}
    #[arg(long, value_name = "FILE.json")]
    names: Option<PathBuf>,
    /// Data whose mean and deviation normalise all data of the tree; they become public. Without
    /// it columns are x0, x1, ... and y0, y1, ..., or classes, as they are. Columns of an image are its
    /// pixels, row by row, of each pixel one a channel
    #[arg(long, value_name = "FILE", requires = "predicted")]
    normalize: Option<PathBuf>,
    #[command(flatten)]
    labels: LabelsFile,
    /// The network reads images: columns p0, p1, ... of pixels from 0 to 255, of which it takes
    /// (pixel / 255 - MEAN) / DEVIATION. Once, or once for each channel
    #[arg(long, value_name = "MEAN,DEVIATION", value_parser = pixels, conflicts_with = "normalize")]
    pixels: Vec<[f64; 2]>,
    /// Column that the network predicts; all others are features. Repeat for several
    #[arg(long, value_name = "COL", requires = "normalize", group = "predicted")]
    target: Vec<String>,
    /// Column of classes whose scores the network's outputs are, in place of --target: numbers from 0, or
    /// names. A network that ends in a softmax has one, called label unless this says otherwise
    #[arg(long, value_name = "COL", group = "predicted")]
    label: Option<String>,
    /// File of the names of the classes, a line each; without it they are the labels of the data, or numbers
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    class_names: Option<PathBuf>,
    /// The network takes and predicts raw columns: normalisation is folded into its layers
    #[arg(long, requires = "normalize")]
    raw: bool,
    /// Number formats: compact (8 fraction bits of activations), classifier (that and softmax; the default of
    /// networks of classes), paper (16, as in zkDL), and changes such as classifier,gradient_bits=14
    #[arg(long)]
    preset: Option<String>,
    /// Bits of a weight, with the sign: more is closer to the floats, and slower once
    #[arg(long, value_name = "BITS", default_value_t = 18, value_parser = whole::<u32>)]
    weight_bits: u32,
    /// Size of weights that the step is chosen for, and that none may exceed. Without it the step is
    /// chosen for the largest weight and shows its size to a factor of two
    #[arg(long, value_name = "W")]
    weight_limit: Option<f64>,
    /// Data on which integers and floats are compared before anything is written
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    #[command(flatten)]
    authorship: Authorship,
    /// Commitment group
    #[arg(long, value_enum, default_value = "bls12-381")]
    curve: CurveName,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    id: String,
    author: String,
    origin: &'static str,
    layers: Vec<usize>,
    parameters: usize,
    preset: String,
    curve: &'static str,
    grid: WeightGrid,
    root_bytes: usize,
    features: Vec<String>,
    targets: Vec<String>,
    /// Integers beside floats, if rows were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantization: Option<QuantizationReport>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)?;
        match &self.quantization {
            Some(report) => report.fmt(f),
            None => Ok(()),
        }
    }
}

/// Imports a network.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    match options.curve {
        CurveName::Bls12_381 => import::<Bls12381>(options),
        CurveName::Pallas => import::<Pallas>(options),
    }
}

fn import<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let author = key::load(&options.authorship.key)?;
    let names = options.names.as_ref().map(|file| {
        let named = |error| Failure::input(format!("{}: {error}", file.display()));
        serde_json::from_slice::<LayerNames>(&files::read(file)?).map_err(named)
    });
    let file = options.model.display().to_string();
    let named = |error: ImportError| match error.to_string() {
        text if text.starts_with(&file) => Failure::input(text),
        text => Failure::input(format!("{file}: {text}")),
    };
    let model = FloatModel::read(&options.model, names.transpose()?.as_ref()).map_err(named)?;
    let (model, label) = predicting(options, model).map_err(named)?;
    let preset = options.preset.as_deref();
    let preset = preset.unwrap_or(usual_preset(model.architecture()));
    let fixed = FixedPoint::from_preset(preset)?;
    let normalization = normalization(options, model.architecture(), label.as_deref())?;
    let model = match options.raw {
        true => model.standardized(&normalization).map_err(named)?,
        false => model,
    };
    let bits = options.weight_bits;
    let quantized = match options.weight_limit {
        Some(limit) => model.quantize_within(&fixed, bits, limit),
        None => model.quantize(&fixed, bits),
    };
    let (weights, grid) = quantized.map_err(named)?;
    let quantization = match &options.compare {
        Some(rows) => {
            let source = Source {
                data: rows,
                labels: None,
                label: normalization.classes().map(Classes::column),
            };
            let inputs = normalization.standardize(&source.read()?)?;
            let report = QuantizationReport::new(&model, (&weights, grid), &fixed, &inputs);
            Some(report.map_err(named)?)
        }
        None => None,
    };
    let opening = WeightOpening::new(weights, true, &mut OsRng);
    let network = (&opening, grid);
    let root = Root::import::<C>(
        fixed,
        normalization,
        network,
        &author,
        options.authorship.labels(),
    )?;
    let store = tree_at::<C>(&options.tree)?;
    store.private().save_opening(root.id(), &opening)?;
    let id = store.add_root(&root)?;
    store.sign_log(&author)?;
    let names =
        |columns: &[ColumnStatistics]| columns.iter().map(|column| column.name.clone()).collect();
    Ok(options.reporting.print(&Report {
        id: id.to_string(),
        author: author.public().to_string(),
        origin: "unknown",
        layers: root.architecture().widths(),
        parameters: root.architecture().num_parameters(),
        preset: preset.to_owned(),
        curve: C::NAME,
        grid,
        root_bytes: root.encode().len(),
        features: names(root.normalization().features()),
        targets: root.normalization().target_names(),
        quantization,
    }))
}

/// The network, and the column of classes whose scores it makes, if it does.
fn predicting(
    options: &Options,
    model: FloatModel,
) -> Result<(FloatModel, Option<String>), ImportError> {
    let says_so = options.label.is_some() || options.class_names.is_some();
    match (model.architecture().graph().loss(), says_so) {
        (Loss::SquaredError, false) => return Ok((model, None)),
        (Loss::CrossEntropy, _) if !options.target.is_empty() => return Ok((model, None)),
        _ => {}
    }
    let label = options.label.as_deref().unwrap_or("label");
    Ok((model.into_classifier()?, Some(label.to_owned())))
}

/// The columns of the tree: those of some data, or as they are.
fn normalization(
    options: &Options,
    network: &Architecture,
    label: Option<&str>,
) -> Result<Normalization, Failure> {
    let names = options.class_names.as_deref();
    if let Some(file) = &options.normalize {
        let table = options.labels.read(file, label)?;
        return data::normalization(&table, (&options.target, label), names);
    }
    let outputs = network.num_outputs();
    let inputs = match options.pixels.is_empty() {
        true => columns('x', network.num_inputs()),
        false => pixel_columns(&options.pixels, network.graph().input())?,
    };
    Ok(match label {
        None => Normalization::new(inputs, columns('y', outputs))?,
        Some(label) => Normalization::labelled(inputs, data::classes(label, outputs, names)?)?,
    })
}

/// Columns that are taken as they are.
fn columns(letter: char, count: usize) -> Vec<ColumnStatistics> {
    let column = |k| ColumnStatistics {
        name: format!("{letter}{k}"),
        mean: 0.0,
        deviation: 1.0,
    };
    (0..count).map(column).collect()
}

/// Columns of pixels, channels fastest.
fn pixel_columns(pixels: &[[f64; 2]], image: &[usize]) -> Result<Vec<ColumnStatistics>, Failure> {
    let channels = match image {
        [_, _, channels] => *channels,
        _ => 1,
    };
    if ![1, channels].contains(&pixels.len()) {
        let given = pixels.len();
        let text = format!("--pixels: given {given} times for {channels} channels");
        return Err(Failure::input(text));
    }
    let columns = columns('p', image.iter().product()).into_iter();
    let each = columns.zip(pixels.iter().cycle());
    Ok(each
        .map(|(column, [mean, deviation])| ColumnStatistics {
            mean: mean * 255.0,
            deviation: deviation * 255.0,
            ..column
        })
        .collect())
}

fn pixels(text: &str) -> Result<[f64; 2], String> {
    let numbers: Vec<f64> = text
        .split(',')
        .flat_map(|part| part.trim().parse())
        .collect();
    match numbers.as_slice() {
        [mean, deviation] if mean.is_finite() && *deviation > 0.0 => Ok([*mean, *deviation]),
        _ => Err("a mean and a deviation above 0, such as 0.1307,0.3081".to_owned()),
    }
}
