//! `zktree predict`, `zktree evaluate` and `zktree verify-prediction`: what a model says, proven.
use super::{
    Ended, Failure,
    args::{Memory, Reporting, TreeDir},
    claim::{Report, chosen, restored},
    data::LabelsFile,
    estimate, export, files, output, train,
    tree::{Opened, on_its_curve},
};
use clap::{Args, ValueEnum};
use rand::rngs::OsRng;
use std::path::PathBuf;
use zktree::{
    commit::{Curve, RowCommitments},
    nn::{
        Classes, Dataset, FixedPoint, Source, Table, Weights,
        inference::{
            Batch, CommittedRows, InferenceSecrets, InferenceStatement, OutputClaim, RowsOpening,
        },
        op::Loss,
        train as plain,
    },
    poly::WideField,
    tree::{Inference, LabelledRows, Origin, Root, Said},
};

/// Options of `zktree predict`.
#[derive(Debug, Args)]
pub struct Predict {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// A root, or a node whose weights are in this tree's private part
    id: String,
    /// Data with the feature columns of the tree: CSV, NPZ, IDX, or a folder of PNG files
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// File for a proof that the node, and no other, predicts this; weights stay hidden
    #[arg(long, value_name = "FILE")]
    prove: Option<PathBuf>,
    /// Commit to the inputs instead of showing them in the proof
    #[arg(long, requires = "prove")]
    hide_input: bool,
    /// Commit to the outputs instead of showing them in the proof
    #[arg(long, requires = "prove")]
    hide_output: bool,
    /// Print what the proof would take, and do nothing
    #[arg(long, requires = "prove")]
    dry_run: bool,
    #[command(flatten)]
    reporting: Reporting,
}

/// Options of `zktree evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// A root, or a node whose weights are in this tree's private part
    id: String,
    /// Data with the feature and target columns of the tree: CSV, NPZ, IDX, or a folder of PNG files
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[command(flatten)]
    labels: LabelsFile,
    /// One number alone: accuracy or cross-entropy of a network of classes, mse or r2 of one of numbers
    #[arg(long, value_enum)]
    metric: Option<Metric>,
    /// File for a proof that the node has this error, or this accuracy; weights stay hidden
    #[arg(long, value_name = "FILE")]
    prove: Option<PathBuf>,
    /// Commit to the data instead of showing them in the proof; data that a node was trained on are
    /// the same data set again
    #[arg(long, requires = "prove")]
    hide_data: bool,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

/// What an evaluation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Metric {
    /// Share of right classes: proven
    Accuracy,
    /// Mean cross-entropy of classes, in nats: not proven
    CrossEntropy,
    /// Mean squared error: proven
    Mse,
    /// One less the share of the targets' variance that is left: not proven
    R2,
}

impl Metric {
    /// Those of a network with this loss; the first one is proven.
    fn of(loss: Loss) -> [Self; 2] {
        match loss {
            Loss::SquaredError => [Self::Mse, Self::R2],
            Loss::CrossEntropy => [Self::Accuracy, Self::CrossEntropy],
        }
    }
}

/// Options of `zktree verify-prediction`.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The proof, from `zktree predict` or `zktree evaluate`
    file: PathBuf,
    /// Data whose rows must become the public inputs, or the public data, of the proof
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    #[command(flatten)]
    labels: LabelsFile,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

/// Predicts, and proves it if asked to.
pub fn predict(options: &Predict) -> Result<Ended, Failure> {
    on_its_curve!(predictions, options)
}

fn predictions<C: Curve<ScalarField: WideField>>(options: &Predict) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let id = opened.find(&options.id)?;
    let root = opened.tree.path(id)?.root();
    let table = Source {
        data: &options.input,
        labels: None,
        label: root.normalization().classes().map(Classes::column),
    }
    .read()?;
    let fixed = root.fixed_point();
    let inputs = Dataset::quantize_features(&table, root.normalization(), fixed)?;
    let widths = [
        root.architecture().num_inputs(),
        root.architecture().num_outputs(),
    ];
    if options.dry_run {
        return measure(options, &opened.tree.path(id)?.end()?, widths, &inputs);
    }
    let weights = export::opening(&opened, id)?;
    let outputs = plain::predict(fixed, weights.weights(), &inputs)?;
    let mut report = Report::new(&opened, id, root, table.num_rows());
    report.predictions = Some(restored(root, &outputs));
    report.classes = chosen(root, &outputs);
    if let Some(file) = &options.prove {
        let commit = |hide: bool, width, values: &[i64]| {
            hide.then(|| RowsOpening::new(width, values, true, &mut OsRng))
                .transpose()
                .map_err(|e| Failure::input(e.to_string()))
        };
        let hidden = [
            commit(options.hide_input, widths[0], &inputs)?,
            commit(options.hide_output, widths[1], &outputs)?,
        ];
        let batch = |k: usize, values| match hidden.get(k).and_then(Option::as_ref) {
            Some(opening) => Batch::committed(opening.commit()),
            None => Batch::public(widths[k], values),
        };
        let said = Said::Prediction {
            inputs: batch(0, inputs),
            outputs: batch(1, outputs),
        };
        let [inputs, outputs] = hidden.each_ref().map(Option::as_ref);
        let secrets = InferenceSecrets {
            weights: &weights,
            inputs,
            outputs,
        };
        let origin = opened.tree.path(id)?.end()?;
        report.write(&origin, said, secrets, file)?;
    }
    Ok(options.reporting.print(&report))
}

/// What the proof of a prediction would take.
fn measure<C: Curve<ScalarField: WideField>>(
    options: &Predict,
    origin: &Origin<'_, C>,
    widths: [usize; 2],
    inputs: &[i64],
) -> Result<Ended, Failure> {
    let samples = inputs.len() / widths[0];
    let batch = |hide: bool, width: usize| match hide {
        true => {
            let rows = vec![Default::default(); samples];
            Batch::committed(CommittedRows::new(width, RowCommitments { rows }))
        }
        false => Batch::public(width, vec![0; samples * width]),
    };
    let model = origin.model();
    let architecture = model.architecture.clone();
    let statement = InferenceStatement::<C> {
        model,
        inputs: batch(options.hide_input, widths[0]),
        claim: OutputClaim::Outputs(batch(options.hide_output, widths[1])),
        hiding: true,
    };
    let size = statement
        .size()
        .map_err(|e| Failure::input(e.to_string()))?;
    estimate::print::<C>(&architecture, &[(size, 1)], true, options.reporting)
}

/// Says how large the error on some data is, and proves it if asked to.
pub fn evaluate(options: &Evaluate) -> Result<Ended, Failure> {
    on_its_curve!(error, options)
}

fn error<C: Curve<ScalarField: WideField>>(options: &Evaluate) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let id = opened.find(&options.id)?;
    let root = opened.tree.path(id)?.root();
    let fixed = root.fixed_point();
    let table = options.labels.read_for(root, &options.data)?;
    let data = Dataset::quantize(&table, root.normalization(), fixed)?;
    let weights = export::opening(&opened, id)?;
    let mut report = Report::new(&opened, id, root, data.num_rows());
    let sum = measure_all(options, &mut report, (fixed, weights.weights()), &data)?;
    if let Some(file) = &options.prove {
        let (rows, opening) = match options.hide_data {
            true => {
                let proven = train::proven(&opened, data, root, true)?;
                let opening = RowsOpening::from(proven.opening());
                (
                    LabelledRows::Committed(proven.opening().commit()),
                    Some(opening),
                )
            }
            false => (LabelledRows::Public(data), None),
        };
        report.name_data(&opened, &rows, options.memory.cache::<C>().ids());
        let said = match root.architecture().graph().loss() {
            Loss::SquaredError => Said::SquaredError { rows, sum },
            Loss::CrossEntropy => Said::Correct { rows, count: sum },
        };
        let secrets = InferenceSecrets {
            weights: &weights,
            inputs: opening.as_ref(),
            outputs: opening.as_ref(),
        };
        let origin = opened.tree.path(id)?.end()?;
        report.write(&origin, said, secrets, file)?;
    }
    Ok(options.reporting.print(&report))
}

/// The metrics that were asked for, and the sum that a proof is about: squared errors, or right classes.
fn measure_all(
    options: &Evaluate,
    report: &mut Report,
    (fixed, weights): (&FixedPoint, &Weights),
    data: &Dataset,
) -> Result<u64, Failure> {
    let known = Metric::of(weights.architecture().graph().loss());
    let name = |metric: Metric| {
        let value = metric.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    if let Some(metric) = options.metric.filter(|metric| !known.contains(metric)) {
        let [a, b] = known.map(name);
        let metric = name(metric);
        return Err(Failure::input(format!(
            "--metric {metric}: this network has {a} and {b}"
        )));
    }
    if let (Some(metric), Some(_)) = (options.metric, &options.prove)
        && metric != known[0]
    {
        let (metric, proven) = (name(metric), name(known[0]));
        return Err(Failure::input(format!(
            "--metric {metric}: a proof can only say {proven}"
        )));
    }
    let wanted = |metric: Metric| options.metric.is_none_or(|only| only == metric);
    let rows = data.num_rows().max(1) as f64;
    if known[0] == Metric::Accuracy {
        let count = plain::correct(fixed, weights, data)?;
        if wanted(Metric::Accuracy) {
            report.accuracy = Some(count as f64 / rows);
            report.correct = Some(count);
        }
        if wanted(Metric::CrossEntropy) {
            report.cross_entropy = Some(plain::mean_loss(fixed, weights, data)?);
        }
        return Ok(count);
    }
    let sum = plain::squared_error(fixed, weights, data)?;
    if wanted(Metric::Mse) {
        report.mean_squared_error = Some(fixed.mean_square(sum, data.num_rows()));
    }
    if wanted(Metric::R2) {
        let all: Vec<usize> = (0..data.num_rows()).collect();
        let (_, targets) = data.gather(&all);
        let left = sum as f64 / spread(&targets, data.num_targets());
        report.r2 = Some(1.0 - left).filter(|r2| r2.is_finite());
    }
    Ok(u64::try_from(sum).unwrap_or(u64::MAX))
}

/// The sum over columns of squared distances from the mean.
fn spread(values: &[i64], width: usize) -> f64 {
    let column = |k: usize| {
        let column: Vec<f64> = values
            .iter()
            .skip(k)
            .step_by(width.max(1))
            .map(|x| *x as f64)
            .collect();
        let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
        column.iter().map(|x| (x - mean).powi(2)).sum::<f64>()
    };
    (0..width).map(column).sum()
}

/// Verifies a prediction or an error, and the lineage of its model.
pub fn verify(options: &Verify) -> Result<Ended, Failure> {
    on_its_curve!(check, options)
}

fn check<C: Curve<ScalarField: WideField>>(options: &Verify) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let name = options.file.display().to_string();
    let named = |error: String| format!("{name}: {error}");
    let inference = Inference::<C>::from_json(&files::read(&options.file)?)
        .map_err(|error| Failure::input(named(error.to_string())))?;
    let id = inference.model;
    if !opened.tree.contains(id) {
        let text = format!("the model {id} is not in this tree");
        return Err(Failure::not_verified(named(text)));
    }
    let mut cache = options.memory.cache::<C>();
    opened.verify(id, &mut cache)?;
    let origin = opened.tree.path(id)?.end()?;
    let not_verified =
        |error: zktree::tree::InferenceError| Failure::not_verified(named(output::chain(&error)));
    inference.verify(&origin).map_err(not_verified)?;
    let root = origin.start();
    if let Some(file) = &options.data {
        same_rows(&inference, root, &options.labels.read_for(root, file)?).map_err(|text| {
            Failure::not_verified(format!("{}: {text} of {name}", file.display()))
        })?;
    }
    let statement = inference.statement(&origin).map_err(not_verified)?;
    let mut report = Report::new(&opened, id, root, 0);
    match &inference.said {
        Said::Prediction { outputs, .. } => match outputs {
            Batch::Public { values, .. } => {
                let rows = restored(root, values);
                report.rows = rows.len();
                report.predictions = Some(rows);
                report.classes = chosen(root, values);
            }
            Batch::Committed { rows, .. } => report.rows = rows.num_rows(),
        },
        Said::SquaredError { rows, .. } | Said::Correct { rows, .. } => {
            report.rows = match rows {
                LabelledRows::Public(data) => data.num_rows(),
                LabelledRows::Committed(data) => data.num_rows(),
            };
            report.mean_squared_error = statement.mean_squared_error();
            report.accuracy = statement.accuracy();
            if let Said::Correct { count, .. } = &inference.said {
                report.correct = Some(*count);
            }
            report.name_data(&opened, rows, cache.ids());
        }
    }
    report.file = Some(name.clone());
    report.verified = true;
    report.proof_bytes = Some(inference.proof.len());
    report.soundness = statement.soundness().ok();
    Ok(options.reporting.print(&report))
}

/// Whether the rows of a table become the public rows of a claim; else what differs.
fn same_rows<C: Curve>(inference: &Inference<C>, root: &Root, table: &Table) -> Result<(), String> {
    let (normalization, fixed) = (root.normalization(), root.fixed_point());
    let text = |error: zktree::error::DataError| format!("{error}: these are not the rows");
    let (width, expected, found) = match &inference.said {
        Said::Prediction {
            inputs: Batch::Public { values, width },
            ..
        } => {
            let rows = Dataset::quantize_features(table, normalization, fixed).map_err(text)?;
            (*width, values.to_vec(), rows)
        }
        Said::SquaredError {
            rows: LabelledRows::Public(data),
            ..
        }
        | Said::Correct {
            rows: LabelledRows::Public(data),
            ..
        } => {
            let rows = Dataset::quantize(table, normalization, fixed).map_err(text)?;
            (data.width(), data.values().to_vec(), rows.values().to_vec())
        }
        _ => return Err("rows cannot be compared with the committed rows".to_owned()),
    };
    if expected.len() != found.len() {
        let (expected, found) = (expected.len() / width, found.len() / width);
        return Err(format!("{found} rows are not the {expected} rows"));
    }
    let mut pairs = expected.iter().zip(&found);
    match pairs.position(|(a, b)| a != b) {
        None => Ok(()),
        Some(k) => Err(format!("row {} is not that", k / width)),
    }
}
