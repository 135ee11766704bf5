//! Data that commands read, in any of the formats of `zktree::nn::data`.
use super::Failure;
use clap::Args;
use std::path::{Path, PathBuf};
use zktree::{
    files,
    nn::{Classes, Normalization, Source, Table},
    text::list,
    tree::Root,
};

/// Longest file of names of classes.
const MAX_NAMES: u64 = 1 << 24;

/// Labels that are no part of the data's file.
#[derive(Debug, Args)]
pub struct LabelsFile {
    /// IDX file of the labels, if the data are an IDX file of images
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

impl LabelsFile {
    /// The data, of which this column has labels if it is there.
    pub fn read(&self, data: &Path, label: Option<&str>) -> Result<Table, Failure> {
        let source = Source {
            data,
            labels: self.labels.as_deref(),
            label,
        };
        Ok(source.read()?)
    }

    /// Data for the networks of a tree.
    pub fn read_for(&self, root: &Root, data: &Path) -> Result<Table, Failure> {
        let classes = root.normalization().classes();
        self.read(data, classes.map(Classes::column))
    }
}

/// What a network predicts.
#[derive(Debug, Args)]
pub struct Predicted {
    /// Column to predict; all others are features. Repeat for several
    #[arg(long, value_name = "COL", required_unless_present = "label")]
    pub target: Vec<String>,
    /// Column of classes to predict, in place of --target: numbers from 0, or names. That of images is
    /// called label
    #[arg(long, value_name = "COL", conflicts_with = "target")]
    pub label: Option<String>,
}

impl Predicted {
    /// Checks that this is what the networks of a tree predict.
    pub fn check(&self, root: &Root) -> Result<(), Failure> {
        let normalization = root.normalization();
        let names = normalization.target_names();
        let (asked, option) = match &self.label {
            None => (&self.target, "--target"),
            Some(label) => (&vec![label.clone()], "--label"),
        };
        let same_kind = self.label.is_some() == normalization.classes().is_some();
        if *asked == names && same_kind {
            return Ok(());
        }
        let advice = match (same_kind, normalization.classes()) {
            (true, _) => "",
            (false, None) => " as numbers; name them by --target",
            (false, Some(_)) => " as a class; name it by --label",
        };
        let (asked, names) = (list(asked), list(&names));
        let text = format!("{option} {asked}: the networks of this tree predict {names}{advice}");
        Err(Failure::input(text))
    }
}

/// The normalisation of a table for what is predicted: columns, or classes which may be named in a file.
pub fn normalization(
    table: &Table,
    (targets, label): (&[String], Option<&str>),
    names: Option<&Path>,
) -> Result<Normalization, Failure> {
    let Some(label) = label else {
        return Ok(Normalization::fit(table, targets)?);
    };
    let classes = match names {
        None => Classes::fit(table, label)?,
        Some(file) => named(label, file)?,
    };
    Ok(Normalization::fit_labelled(table, classes)?)
}

/// So many classes, which may be named in a file.
pub fn classes(label: &str, count: usize, names: Option<&Path>) -> Result<Classes, Failure> {
    match names {
        Some(file) => named(label, file),
        None => {
            let names = (0..count).map(|class| class.to_string()).collect();
            Ok(Classes::new(label.to_owned(), names)?)
        }
    }
}

/// The classes that a file names, a line each.
fn named(label: &str, file: &Path) -> Result<Classes, Failure> {
    let bytes = files::read(file, MAX_NAMES).map_err(|error| Failure::file(file, &error))?;
    let refuse = |what: String| Failure::input(format!("{}: {what}", file.display()));
    let text = String::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
    let names = text.lines().map(|line| line.trim().to_owned()).collect();
    Classes::new(label.to_owned(), names).map_err(|error| refuse(error.to_string()))
}
