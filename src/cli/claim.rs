//! What commands say of predictions and errors.
use super::{Failure, files, tree::Opened};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
    path::Path,
};
use zktree::{
    commit::Curve,
    nn::inference::InferenceSecrets,
    poly::WideField,
    security::Soundness,
    text::visible,
    tree::{Inference, LabelledRows, NodeId, Origin, Root, Said},
};

/// What a command says of a claim.
#[derive(Serialize)]
pub struct Report {
    pub id: NodeId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_bytes: Option<usize>,
    /// The claim and the lineage of the model.
    pub verified: bool,
    pub rows: usize,
    /// Names of the outputs.
    pub targets: Vec<String>,
    /// Predictions before normalisation, row by row, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Vec<Vec<f64>>>,
    /// Mean over rows of the sum over targets of squared errors, in units of the normalised target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_squared_error: Option<f64>,
    /// Share of rows whose class is right, and how many those are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct: Option<u64>,
    /// Mean over rows of the cross-entropy, in nats. No proof says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_entropy: Option<f64>,
    /// One less the share of the targets' variance that is left. No proof says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// Classes of the first of the largest scores, where predictions are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// The data set of an error, if it is committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Nodes of this tree that were trained on it: their lineages were verified, now or before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trained_on_it: Vec<NodeId>,
    /// Nodes of this tree that say so of themselves, and were not verified.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub say_trained_on_it: Vec<NodeId>,
    /// How these nodes are called.
    #[serde(skip)]
    names: BTreeMap<NodeId, String>,
    /// What the proof is worth, that of the lineage not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soundness: Option<Soundness>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            let what = match self.verified {
                true => "verified",
                false => "written",
            };
            let (file, name) = (visible(file), self.name(self.id));
            writeln!(f, "# {file}: {what}, about node {name}")?;
        }
        let numbers = self.numbers();
        if !numbers.is_empty() {
            write!(f, "{} on {} rows", numbers.join(", "), self.rows)?;
            if let Some(dataset) = &self.dataset {
                let short: String = dataset.chars().take(12).collect();
                write!(f, " of the data set {short}")?;
            }
            writeln!(f)?;
            for id in &self.trained_on_it {
                writeln!(f, "node {} was trained on these data", self.name(*id))?;
            }
            for id in &self.say_trained_on_it {
                let name = self.name(*id);
                writeln!(f, "node {name} names these data, and was not verified")?;
            }
        }
        match &self.predictions {
            Some(rows) => {
                let classes = self.classes.as_deref();
                let table = csv(&self.targets, rows, classes).map_err(|_| fmt::Error)?;
                f.write_str(&table)
            }
            None if numbers.is_empty() => {
                writeln!(f, "{} predictions, which are committed", self.rows)
            }
            None => Ok(()),
        }
    }
}

/// A CSV table, with a last column of classes if there are some.
fn csv(
    header: &[String],
    rows: &[Vec<f64>],
    classes: Option<&[String]>,
) -> Result<String, fmt::Error> {
    let quoted = |name: &String| match visible(name) {
        name if name.contains([',', '"']) => format!("\"{}\"", name.replace('"', "\"\"")),
        name => name,
    };
    let mut text = String::new();
    let mut header: Vec<String> = header.iter().map(quoted).collect();
    header.extend(classes.map(|_| "class".to_owned()));
    writeln!(text, "{}", header.join(","))?;
    for (k, row) in rows.iter().enumerate() {
        let mut cells: Vec<String> = row.iter().map(|value| format!("{value}")).collect();
        cells.extend(classes.and_then(|classes| classes.get(k)).map(quoted));
        writeln!(text, "{}", cells.join(","))?;
    }
    Ok(text)
}

/// Outputs before normalisation, row by row.
pub fn restored(root: &Root, outputs: &[i64]) -> Vec<Vec<f64>> {
    let targets = root.normalization().outputs();
    let row = |row: &[i64]| {
        let values = targets.iter().zip(row);
        values
            .map(|(target, y)| target.restore(*y, root.fixed_point()))
            .collect()
    };
    outputs.chunks(targets.len()).map(row).collect()
}

/// The class of the first of the largest scores of each row.
pub fn chosen(root: &Root, outputs: &[i64]) -> Option<Vec<String>> {
    let names = root.normalization().classes()?.names();
    let class = |row: &[i64]| {
        let largest = row.iter().max()?;
        let first = row.iter().position(|score| score == largest)?;
        names.get(first).cloned()
    };
    outputs.chunks(names.len().max(1)).map(class).collect()
}

impl Report {
    /// The numbers that an evaluation says.
    fn numbers(&self) -> Vec<String> {
        let accuracy = self.accuracy.map(|share| {
            let count = self.correct.unwrap_or(0);
            format!("accuracy {:.2} % ({count} right)", 100.0 * share)
        });
        let named = [
            ("cross-entropy", self.cross_entropy),
            ("mean squared error", self.mean_squared_error),
            ("R2", self.r2),
        ];
        let named = named.into_iter();
        let named = named.filter_map(|(name, value)| Some(format!("{name} {:.6}", value?)));
        accuracy.into_iter().chain(named).collect()
    }

    pub fn new<C: Curve<ScalarField: WideField>>(
        opened: &Opened<C>,
        id: NodeId,
        root: &Root,
        rows: usize,
    ) -> Self {
        let targets = root.normalization().outputs().into_iter();
        Self {
            id,
            file: None,
            proof_bytes: None,
            verified: false,
            rows,
            targets: targets.map(|column| column.name).collect(),
            predictions: None,
            mean_squared_error: None,
            accuracy: None,
            correct: None,
            cross_entropy: None,
            r2: None,
            classes: None,
            dataset: None,
            trained_on_it: Vec::new(),
            say_trained_on_it: Vec::new(),
            names: [(id, opened.tree.short(id))].into(),
            soundness: None,
        }
    }

    /// Proves a claim and writes the proof.
    pub fn write<C: Curve<ScalarField: WideField>>(
        &mut self,
        origin: &Origin<'_, C>,
        said: Said<C>,
        secrets: InferenceSecrets<'_, C::ScalarField>,
        file: &Path,
    ) -> Result<(), Failure> {
        let inference = Inference::prove(origin, said, true, secrets)?;
        files::create(file, (inference.to_json() + "\n").as_bytes())?;
        self.file = Some(file.display().to_string());
        self.proof_bytes = Some(inference.proof.len());
        Ok(())
    }

    fn name(&self, id: NodeId) -> &str {
        self.names.get(&id).map_or("", String::as_str)
    }

    /// Names committed data, and the nodes that were trained on them: those that were verified before,
    /// or a moment ago, and those of which nothing is known but what they say.
    pub fn name_data<C: Curve<ScalarField: WideField>>(
        &mut self,
        opened: &Opened<C>,
        rows: &LabelledRows<C>,
        verified: &BTreeSet<NodeId>,
    ) {
        let LabelledRows::Committed(data) = rows else {
            return;
        };
        let name = data.root();
        self.dataset = Some(hex::encode(name));
        let trained = |id: &NodeId| {
            let node = opened.tree.node(*id);
            node.is_some_and(|node| node.dataset.root == name)
        };
        let ids = opened.tree.ids().filter(trained);
        (self.trained_on_it, self.say_trained_on_it) = ids.partition(|id| verified.contains(id));
        let named = self.trained_on_it.iter().chain(&self.say_trained_on_it);
        self.names
            .extend(named.map(|id| (*id, opened.tree.short(*id))));
    }
}
