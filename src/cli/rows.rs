//! `zktree prove-row` and `zktree verify-row`: credit for a row of data.
use super::{
    Ended, Failure,
    args::{Memory, Reporting, TreeDir, whole},
    data::LabelsFile,
    files,
    tree::{Opened, on_its_curve},
};
use clap::Args;
use serde::Serialize;
use std::{fmt, path::PathBuf};
use zktree::{
    commit::Curve,
    poly::WideField,
    text::visible,
    tree::{NodeId, RowError, RowProof},
};

/// Options of `zktree prove-row`.
#[derive(Debug, Args)]
pub struct Prove {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// A node that was trained on the data, which must be in this tree's private part
    id: String,
    /// The row of the data, of a CSV file below its header, from 0
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    row: usize,
    /// File for the proof; it shows this row and no other
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    id: String,
    #[serde(skip)]
    short: String,
    dataset: String,
    row: usize,
    file: String,
    /// The row and the lineage of the node, now or before.
    verified: bool,
    columns: Vec<Column>,
}

/// A proven value.
#[derive(Serialize)]
struct Column {
    name: String,
    integer: i64,
    /// What the integer stands for, before normalisation.
    value: f64,
    /// The name of its class, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dataset: String = self.dataset.chars().take(12).collect();
        let unverified = match self.verified {
            true => "",
            false => ", which was not verified here",
        };
        writeln!(
            f,
            "{}: row {} of the data set {dataset} of node {}{unverified}",
            visible(&self.file),
            self.row,
            self.short
        )?;
        for column in &self.columns {
            let name = visible(&column.name);
            let integer = column.integer;
            match &column.class {
                None => writeln!(f, "  {name}: {:.6} (integer {integer})", column.value)?,
                Some(class) => writeln!(f, "  {name}: {} (class {integer})", visible(class))?,
            }
        }
        Ok(())
    }
}

/// Opens one row of the owner's data.
pub fn prove(options: &Prove) -> Result<Ended, Failure> {
    on_its_curve!(open_row, options)
}

fn open_row<C: Curve<ScalarField: WideField>>(options: &Prove) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let id = opened.find(&options.id)?;
    let (node, edge) = opened.trained(id)?;
    let data = opened.store.private().dataset(&node.dataset.root)?;
    let data = data.ok_or_else(|| {
        Failure::input(format!(
            "the data of node {} are not in this tree's private part: only their owner can show a row",
            opened.tree.short(id)
        ))
    })?;
    let proof = RowProof::<C>::new(data.opening(), node.dataset.root, options.row)?;
    proof.verify(node, edge)?;
    files::create(&options.out, (proof.to_json() + "\n").as_bytes())?;
    let file = options.out.display().to_string();
    let verified = options.memory.cache::<C>().ids().contains(&id);
    let report = report(&opened, id, &proof, file, verified)?;
    Ok(options.reporting.print(&report))
}

/// Options of `zktree verify-row`.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The node
    id: String,
    /// The proof
    file: PathBuf,
    /// Data with the raw values, which must become the proven integers
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    #[command(flatten)]
    labels: LabelsFile,
    /// The row of that file, from 0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "data", value_parser = whole::<usize>)]
    data_row: usize,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

/// Checks that a row is in the data set that a node was trained on, and the node's lineage.
pub fn verify(options: &Verify) -> Result<Ended, Failure> {
    on_its_curve!(check_row, options)
}

fn check_row<C: Curve<ScalarField: WideField>>(options: &Verify) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let id = opened.find(&options.id)?;
    let (node, edge) = opened.verified(id, &mut options.memory.cache())?;
    let file = options.file.display().to_string();
    let named = |error: RowError| Failure::from(error).named(&file);
    let proof = RowProof::<C>::from_json(&files::read(&options.file)?).map_err(named)?;
    proof.verify(node, edge).map_err(named)?;
    if let Some(data) = &options.data {
        let root = opened.tree.path(id)?.root();
        let how = (root.normalization(), root.fixed_point());
        let table = options.labels.read_for(root, data)?;
        let matches = proof.matches(&table, options.data_row, how);
        matches.map_err(named)?;
    }
    let report = report(&opened, id, &proof, file, true)?;
    Ok(options.reporting.print(&report))
}

fn report<C: Curve<ScalarField: WideField>>(
    opened: &Opened<C>,
    id: NodeId,
    proof: &RowProof<C>,
    file: String,
    verified: bool,
) -> Result<Report, Failure> {
    let root = opened.tree.path(id)?.root();
    let normalization = root.normalization();
    let numbers = normalization
        .features()
        .iter()
        .chain(normalization.targets());
    let mut columns: Vec<Column> = numbers
        .zip(&proof.opening.values)
        .map(|(column, integer)| Column {
            name: column.name.clone(),
            integer: *integer,
            value: column.restore(*integer, root.fixed_point()),
            class: None,
        })
        .collect();
    if let (Some(classes), Some(class)) = (normalization.classes(), proof.opening.values.last()) {
        let name = usize::try_from(*class).ok();
        columns.push(Column {
            name: classes.column().to_owned(),
            integer: *class,
            value: *class as f64,
            class: name.and_then(|class| classes.names().get(class)).cloned(),
        });
    }
    Ok(Report {
        id: id.to_string(),
        short: opened.tree.short(id),
        dataset: hex::encode(proof.dataset),
        row: proof.opening.row,
        file,
        verified,
        columns,
    })
}
