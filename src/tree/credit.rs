//! Data credit: showing that a row is in the data that a node was trained on.
//!
//! The owner of the data opens the commitment of one row and says nothing about the others. The
//! proof is a JSON object of exactly these fields:
//!
//! ```json
//! {"format": "zktree row 1", "curve": "Pallas", "dataset": "4b1f...", "row": 17,
//!  "values": [-135, 246], "blinding": "09c2..."}
//! ```
//!
//! `dataset` is [`DatasetName::root`](super::DatasetName), `row` counts from 0, `values` are features,
//! then targets, in units of `2^-s`, and `blinding` is the canonical little-endian encoding of the
//! row's blinding, both hashes and scalars in hexadecimal digits. A proof can be passed on: it says
//! what is in the data, not who shows it.
use super::{Edge, Node};
use crate::{
    commit::Curve,
    error::VerifyError,
    json,
    nn::{DatasetOpening, FixedPoint, Normalization, RowOpening, Table, data::Dataset},
    poly::WideField,
    text::quoted,
    transcript,
};
use ark_serialize::CanonicalSerialize;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const FORMAT: &str = "zktree row 1";

/// What is wrong with the proof of a row.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RowError {
    /// The file is no proof of a row.
    #[error("no proof of a row: {reason}")]
    Malformed {
        /// What is wrong, where.
        reason: String,
    },
    /// A proof about other data than the node's.
    #[error("the proof is about the data set {found}, the node was trained on {expected}")]
    OtherDataset {
        /// The node's data set.
        expected: String,
        /// The proof's.
        found: String,
    },
    /// An edge that does not belong to the node.
    #[error("the commitments to the rows are not those of the data set {expected} of the node")]
    OtherCommitment {
        /// The node's data set.
        expected: String,
    },
    /// The values are not those of the row.
    #[error("row {row}: {source}")]
    NotInData {
        /// The row.
        row: usize,
        /// Why.
        #[source]
        source: VerifyError,
    },
    /// Raw values that do not become the proven integers.
    #[error(
        "row {row}, column {}: {raw} becomes {expected}, the proven value is {found}",
        quoted(.column)
    )]
    OtherValue {
        /// The row of the data set.
        row: usize,
        /// The column.
        column: String,
        /// The raw value.
        raw: f64,
        /// The integer that it becomes.
        expected: i64,
        /// The integer in the data set.
        found: i64,
    },
}

/// A row of a data set with all that shows that it is in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProof<C: Curve> {
    /// The [name](super::DatasetName::root) of the data set.
    pub dataset: [u8; 32],
    /// The row.
    pub opening: RowOpening<C::ScalarField>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    curve: String,
    #[serde(with = "hex")]
    dataset: [u8; 32],
    row: usize,
    values: Vec<i64>,
    #[serde(with = "hex")]
    blinding: Vec<u8>,
}

impl<C: Curve<ScalarField: WideField>> RowProof<C> {
    /// Opens a row of the owner's data.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`](crate::error::DataError::RowOutOfRange).
    pub fn new(
        data: &DatasetOpening<C::ScalarField>,
        dataset: [u8; 32],
        row: usize,
    ) -> Result<Self, crate::error::DataError> {
        let opening = data.open_row(row)?;
        Ok(Self { dataset, opening })
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let mut blinding = Vec::new();
        // Writing to memory does not fail.
        let _ = self.opening.blinding.serialize_compressed(&mut blinding);
        let file = File {
            format: FORMAT.to_owned(),
            curve: C::NAME.to_owned(),
            dataset: self.dataset,
            row: self.opening.row,
            values: self.opening.values.clone(),
            blinding,
        };
        serde_json::to_string(&file).unwrap_or_default()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`RowError::Malformed`] if it is not exactly what [`to_json`](Self::to_json) can write, but
    /// for blanks and the order of fields.
    pub fn from_json(text: &[u8]) -> Result<Self, RowError> {
        let malformed = |reason: String| RowError::Malformed { reason };
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
        let blinding = transcript::decode(&file.blinding)
            .ok_or_else(|| malformed("the blinding is no canonical scalar".to_owned()))?;
        Ok(Self {
            dataset: file.dataset,
            opening: RowOpening {
                row: file.row,
                values: file.values,
                blinding,
            },
        })
    }

    /// Checks that the row is in the data that the node was trained on. Whether the node is
    /// proven is another question; see [`Tree::verify_lineage`](super::Tree::verify_lineage).
    ///
    /// # Errors
    /// [`RowError`] saying what does not fit.
    pub fn verify(&self, node: &Node<C>, edge: &Edge<C>) -> Result<(), RowError> {
        let expected = hex::encode(node.dataset.root);
        if self.dataset != node.dataset.root {
            let found = hex::encode(self.dataset);
            return Err(RowError::OtherDataset { expected, found });
        }
        if edge.dataset.root() != node.dataset.root {
            return Err(RowError::OtherCommitment { expected });
        }
        let row = self.opening.row;
        edge.dataset
            .verify_row(&self.opening)
            .map_err(|source| RowError::NotInData { row, source })
    }

    /// Checks that a row of a table, from 0, becomes the proven integers.
    ///
    /// # Errors
    /// [`RowError::OtherValue`] naming the first column that does not;
    /// [`RowError::Malformed`] if the table cannot be read as such data.
    pub fn matches(
        &self,
        table: &Table,
        row: usize,
        (normalization, fixed): (&Normalization, &FixedPoint),
    ) -> Result<(), RowError> {
        let malformed = |e: crate::error::DataError| RowError::Malformed {
            reason: e.to_string(),
        };
        let data = Dataset::quantize(table, normalization, fixed).map_err(malformed)?;
        let integers = data.select(&[row]).map_err(malformed)?;
        if integers.width() != self.opening.values.len() {
            let reason = format!("{} values", self.opening.values.len());
            return Err(RowError::Malformed { reason });
        }
        let features = normalization.features().iter().map(|c| c.name.clone());
        let columns = features.chain(normalization.target_names());
        let values = integers.row(0).iter().zip(&self.opening.values);
        for (column, (expected, found)) in columns.zip(values) {
            if expected != found {
                return Err(RowError::OtherValue {
                    row: self.opening.row,
                    // A class that has a name is its own raw value.
                    raw: table.value(row, &column).unwrap_or(*expected as f64),
                    column,
                    expected: *expected,
                    found: *found,
                });
            }
        }
        Ok(())
    }
}
