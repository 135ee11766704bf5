//! What a model predicts, or how large its error is, proven: a file to pass on.
//!
//! A file is a JSON object of exactly these fields; one of a prediction, and one of an error:
//!
//! ```json
//! {"format": "zktree inference 1", "curve": "Pallas", "model": "3f0a...", "hiding": true,
//!  "claim": {"prediction": {"inputs": {"public": [[12, -7], [3, 250]]},
//!                           "outputs": {"committed": {"width": 1, "rows": "q83v..."}}}},
//!  "proof": "AAEC..."}
//! {"format": "zktree inference 1", "curve": "Pallas", "model": "3f0a...", "hiding": true,
//!  "claim": {"squared_error": {"sum": 91234, "features": 2, "targets": 1,
//!                              "rows": {"public": [[12, -7, 40]]}}},
//!  "proof": "AAEC..."}
//! ```
//!
//! `model` is the id of a root or node. Public rows are integers in units of `2^-s`, those of an error
//! features, then targets; of committed rows there are their width and the canonical encodings of their
//! commitments, in base 64, like the proof. `sum` is in units of `2^-2s`.
//!
//! The statement is made of the file's claim and of what the verifier's own tree says of the model. A
//! proof can be passed on: it says what the model predicts, not who shows it.
use super::{NodeId, Origin};
use crate::{
    commit::{Curve, RowCommitments},
    error::{ProveError, VerifyError},
    json,
    nn::{
        DataKind, DatasetCommitment,
        argument::Pending,
        data::Dataset,
        inference::{
            Batch, CommittedRows, InferenceSecrets, InferenceStatement, Model, OutputClaim,
        },
    },
    poly::WideField,
    text::quoted,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

const FORMAT: &str = "zktree inference 1";

/// What is wrong with the proof of an inference.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The file is no such proof.
    #[error("no proof of a prediction or an error: {reason}")]
    Malformed {
        /// What is wrong, where.
        reason: String,
    },
    /// A proof about another model.
    #[error("the proof is about the model {}, not about {}", .found.apart(.expected)[0], .expected.apart(.found)[0])]
    OtherModel {
        /// The model at hand.
        expected: NodeId,
        /// The proof's.
        found: NodeId,
    },
    /// The claim is not proven.
    #[error("the claim is not proven: {source}")]
    NotProven {
        /// Why.
        #[source]
        source: VerifyError,
    },
}

/// Rows of features and targets: public, or committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelledRows<C: Curve> {
    /// Everyone sees them.
    Public(Dataset),
    /// As a data set is committed, perhaps one that nodes were trained on.
    Committed(DatasetCommitment<C>),
}

/// What is said of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<C: Curve> {
    /// It predicts these outputs.
    Prediction {
        /// `[samples, inputs]`.
        inputs: Batch<C>,
        /// `[samples, outputs]`.
        outputs: Batch<C>,
    },
    /// Its squared errors have this sum.
    SquaredError {
        /// Features and targets.
        rows: LabelledRows<C>,
        /// In units of `2^-2s`.
        sum: u64,
    },
    /// So many of its classes are right: those of the first of the largest scores.
    Correct {
        /// Features and labels.
        rows: LabelledRows<C>,
        /// How many.
        count: u64,
    },
}

/// Something said of a model, with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference<C: Curve> {
    /// The root or node.
    pub model: NodeId,
    /// What is said.
    pub said: Said<C>,
    /// Whether the proof hides everything but what is said.
    pub hiding: bool,
    /// The proof.
    pub proof: Vec<u8>,
}

impl<C: Curve<ScalarField: WideField>> Origin<'_, C> {
    /// The root or node as the statement of an inference knows it.
    pub fn model(&self) -> Model<C> {
        let root = self.start();
        Model {
            architecture: root.architecture().clone(),
            fixed_point: root.fixed_point().clone(),
            weights: self.weights().clone(),
            id: self.id().0,
        }
    }
}

impl<C: Curve<ScalarField: WideField>> Inference<C> {
    /// Proves what is said of a model.
    ///
    /// # Errors
    /// Those of [`InferenceStatement::prove`].
    pub fn prove(
        origin: &Origin<'_, C>,
        said: Said<C>,
        hiding: bool,
        secrets: InferenceSecrets<'_, C::ScalarField>,
    ) -> Result<Self, ProveError> {
        let mut this = Self {
            model: origin.id(),
            said,
            hiding,
            proof: Vec::new(),
        };
        this.proof = this.statement_of(origin.model()).prove(secrets)?;
        Ok(this)
    }

    /// The statement about the model at hand.
    ///
    /// # Errors
    /// [`InferenceError::OtherModel`].
    pub fn statement(
        &self,
        origin: &Origin<'_, C>,
    ) -> Result<InferenceStatement<C>, InferenceError> {
        match origin.id() == self.model {
            true => Ok(self.statement_of(origin.model())),
            false => Err(InferenceError::OtherModel {
                expected: origin.id(),
                found: self.model,
            }),
        }
    }

    fn statement_of(&self, model: Model<C>) -> InferenceStatement<C> {
        let (inputs, claim) = match &self.said {
            Said::Prediction { inputs, outputs } => {
                (inputs.clone(), OutputClaim::Outputs(outputs.clone()))
            }
            Said::SquaredError { rows, sum } => {
                let (inputs, targets) = rows.batches();
                let sum = *sum;
                (inputs, OutputClaim::SquaredError { targets, sum })
            }
            Said::Correct { rows, count } => {
                let (inputs, labels) = rows.batches();
                let count = *count;
                (inputs, OutputClaim::Correct { labels, count })
            }
        };
        InferenceStatement {
            model,
            inputs,
            claim,
            hiding: self.hiding,
        }
    }

    /// Verifies what is said of a model. Whether the model is proven is another question; see
    /// [`Tree::verify`](super::Tree::verify).
    ///
    /// # Errors
    /// [`InferenceError`].
    pub fn verify(&self, origin: &Origin<'_, C>) -> Result<(), InferenceError> {
        let verified = self.statement(origin)?.verify(&self.proof);
        verified
            .and_then(|pending| Pending::check_all(&[pending]))
            .map_err(|source| InferenceError::NotProven { source })
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let claim = match &self.said {
            Said::Prediction { inputs, outputs } => ClaimFile::Prediction {
                inputs: inputs.into(),
                outputs: outputs.into(),
            },
            Said::SquaredError { rows, sum } => {
                let (features, targets, rows) = rows.to_file();
                ClaimFile::SquaredError {
                    sum: *sum,
                    features,
                    targets: targets.num_targets(),
                    rows,
                }
            }
            Said::Correct { rows, count } => {
                let (features, targets, rows) = rows.to_file();
                ClaimFile::Correct {
                    count: *count,
                    features,
                    classes: targets.classes().unwrap_or(0),
                    rows,
                }
            }
        };
        let file = File {
            format: FORMAT.to_owned(),
            curve: C::NAME.to_owned(),
            model: self.model,
            hiding: self.hiding,
            claim,
            proof: BASE64_STANDARD.encode(&self.proof),
        };
        serde_json::to_string(&file).unwrap_or_default()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`InferenceError::Malformed`] if it is not exactly what [`to_json`](Self::to_json) can write,
    /// but for blanks and the order of fields.
    pub fn from_json(text: &[u8]) -> Result<Self, InferenceError> {
        let file: File = json::read(text).map_err(malformed)?;
        for (what, expected, found) in [
            ("format", FORMAT, &file.format),
            ("curve", C::NAME, &file.curve),
        ] {
            if found != expected {
                let found = quoted(found);
                return Err(malformed(format!(
                    "the {what} is {found}, not {expected:?}"
                )));
            }
        }
        let said = match file.claim {
            ClaimFile::Prediction { inputs, outputs } => Said::Prediction {
                inputs: inputs.read("inputs")?,
                outputs: outputs.read("outputs")?,
            },
            ClaimFile::SquaredError {
                sum,
                features,
                targets,
                rows,
            } => Said::SquaredError {
                rows: LabelledRows::from_file(features, DataKind::Numbers { targets }, rows)?,
                sum,
            },
            ClaimFile::Correct {
                count,
                features,
                classes,
                rows,
            } => Said::Correct {
                rows: LabelledRows::from_file(features, DataKind::Labels { classes }, rows)?,
                count,
            },
        };
        let proof = BASE64_STANDARD.decode(&file.proof);
        Ok(Self {
            model: file.model,
            said,
            hiding: file.hiding,
            proof: proof.map_err(|e| malformed(format!("the proof: {e}")))?,
        })
    }
}

impl<C: Curve<ScalarField: WideField>> LabelledRows<C> {
    /// Inputs and targets.
    fn batches(&self) -> (Batch<C>, Batch<C>) {
        match self {
            Self::Public(data) => {
                let all: Vec<usize> = (0..data.num_rows()).collect();
                let (features, targets) = data.gather(&all);
                (
                    Batch::public(data.num_features(), features),
                    Batch::public(data.num_targets(), targets),
                )
            }
            Self::Committed(data) => (Batch::features(data), Batch::targets(data)),
        }
    }

    /// Number of features, what the targets are, and the rows.
    fn to_file(&self) -> (usize, DataKind, RowsFile) {
        match self {
            Self::Public(data) => {
                let rows = data.values().chunks(data.width()).map(<[i64]>::to_vec);
                let rows = RowsFile::Public(rows.collect());
                (data.num_features(), data.kind(), rows)
            }
            Self::Committed(data) => {
                let rows = RowsFile::committed(data.width(), data.rows());
                (data.num_features(), data.kind(), rows)
            }
        }
    }

    fn from_file(features: usize, kind: DataKind, rows: RowsFile) -> Result<Self, InferenceError> {
        let width = features.checked_add(kind.num_targets());
        match rows.read("rows")? {
            Batch::Public {
                width: found,
                values,
            } if Some(found) == width => {
                let values = values.to_vec();
                let data = match kind {
                    DataKind::Numbers { targets } => Dataset::from_rows(features, targets, values),
                    DataKind::Labels { classes } => {
                        Dataset::from_labelled_rows(features, classes, values)
                    }
                };
                let data = data.map_err(|e| malformed(e.to_string()))?;
                Ok(Self::Public(data))
            }
            Batch::Committed { rows, .. } if Some(rows.width()) == width => {
                let rows = rows.rows().clone();
                let data = DatasetCommitment::of_kind(features, kind, rows);
                Ok(Self::Committed(data))
            }
            _ => Err(malformed(format!(
                "rows: not of {features} features and {} targets",
                kind.num_targets()
            ))),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    curve: String,
    model: NodeId,
    hiding: bool,
    claim: ClaimFile,
    proof: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum ClaimFile {
    Prediction {
        inputs: RowsFile,
        outputs: RowsFile,
    },
    SquaredError {
        sum: u64,
        features: usize,
        targets: usize,
        rows: RowsFile,
    },
    Correct {
        count: u64,
        features: usize,
        classes: usize,
        rows: RowsFile,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum RowsFile {
    Public(Vec<Vec<i64>>),
    Committed { width: usize, rows: String },
}

impl RowsFile {
    fn committed<C: Curve>(width: usize, rows: &RowCommitments<C>) -> Self {
        let rows = BASE64_STANDARD.encode(rows.encode());
        Self::Committed { width, rows }
    }

    fn read<C: Curve<ScalarField: WideField>>(
        self,
        what: &str,
    ) -> Result<Batch<C>, InferenceError> {
        match self {
            Self::Public(rows) => {
                let width = rows.first().map_or(0, Vec::len);
                if width == 0 || rows.iter().any(|row| row.len() != width) {
                    let reason = format!("{what}: no rows, or not all of one width above 0");
                    return Err(malformed(reason));
                }
                Ok(Batch::public(width, rows.concat()))
            }
            Self::Committed { width, rows } => {
                let bytes = BASE64_STANDARD.decode(&rows);
                let bytes = bytes.map_err(|e| malformed(format!("{what}: {e}")))?;
                if !bytes.len().is_multiple_of(C::ENCODED_LEN) {
                    return Err(malformed(format!("{what}: no whole commitments")));
                }
                let rows = RowCommitments::decode(&bytes, bytes.len() / C::ENCODED_LEN);
                let rows = rows.map_err(|e| malformed(format!("{what}: {e}")))?;
                Ok(Batch::committed(CommittedRows::new(width, rows)))
            }
        }
    }
}

impl<C: Curve> From<&Batch<C>> for RowsFile {
    fn from(batch: &Batch<C>) -> Self {
        match batch {
            Batch::Public { width, values } => {
                let rows = values.chunks((*width).max(1)).map(<[i64]>::to_vec);
                Self::Public(rows.collect())
            }
            Batch::Committed { rows, .. } => Self::committed(rows.width(), rows.rows()),
        }
    }
}

fn malformed(reason: String) -> InferenceError {
    InferenceError::Malformed { reason }
}
