//! How columns become values: fixed once for a tree, and public.
use super::{
    DataKind, first_duplicate,
    labels::Classes,
    table::{Column, Table},
};
use crate::{
    error::{DataError, DecodeError},
    nn::{encoding::Decoder, fixed::FixedPoint},
    text::quoted,
};
use serde::{Deserialize, Serialize};

/// Name, mean and population standard deviation of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnStatistics {
    /// Column name.
    pub name: String,
    /// Mean of the column.
    pub mean: f64,
    /// Population standard deviation; 0 for a column without spread.
    pub deviation: f64,
}

impl ColumnStatistics {
    /// What an integer with `s` fraction bits stands for before standardisation.
    pub fn restore(&self, integer: i64, fixed: &FixedPoint) -> f64 {
        let unit = (1_u64 << fixed.activation_bits()) as f64;
        let spread = match self.deviation > 0.0 {
            true => self.deviation,
            false => 1.0,
        };
        integer as f64 / unit * spread + self.mean
    }

    /// `(value - mean) / deviation`, or only centred where there is no spread.
    pub(super) fn standardize(&self, value: f64) -> f64 {
        let centred = value - self.mean;
        if self.deviation > 0.0 {
            centred / self.deviation
        } else {
            centred
        }
    }
}

/// How columns become standardised values: the statistics of the root's data, kept by all of its
/// descendants. They are public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "NormalizationFields", into = "NormalizationFields")]
pub struct Normalization {
    features: Vec<ColumnStatistics>,
    targets: Targets,
}

#[derive(Debug, Clone, PartialEq)]
enum Targets {
    Numbers(Vec<ColumnStatistics>),
    Labels(Classes),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NormalizationFields {
    features: Vec<ColumnStatistics>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    targets: Vec<ColumnStatistics>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Classes>,
}

impl Normalization {
    /// What [`Normalization::to_bytes`] begins with, if targets are numbers.
    const NUMBERS: &'static [u8] = b"zktree/v1/normalization";
    /// The same if they are labels.
    const LABELS: &'static [u8] = b"zktree/v1/labelled-normalization";

    /// A normalisation of features and targets from their statistics.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidNormalization`] unless there are features and targets, all names
    /// differ, all numbers are finite and no deviation is negative.
    pub fn new(
        features: Vec<ColumnStatistics>,
        targets: Vec<ColumnStatistics>,
    ) -> Result<Self, DataError> {
        Self::with(features, Targets::Numbers(targets))
    }

    /// A normalisation of features from their statistics; labels are taken as they are.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn labelled(features: Vec<ColumnStatistics>, classes: Classes) -> Result<Self, DataError> {
        Self::with(features, Targets::Labels(classes))
    }

    fn with(features: Vec<ColumnStatistics>, targets: Targets) -> Result<Self, DataError> {
        let invalid = |reason: String| Err(DataError::InvalidNormalization { reason });
        let this = Self { features, targets };
        if this.features.is_empty() || this.kind().num_targets() == 0 {
            return invalid("it needs a feature and a target".to_owned());
        }
        let features = this.features.iter().map(|column| column.name.clone());
        let names: Vec<String> = features.chain(this.target_names()).collect();
        if let Some(name) = first_duplicate(&names) {
            return invalid(format!("column {} appears twice", quoted(&name)));
        }
        let bad = |c: &&ColumnStatistics| {
            !(c.mean.is_finite() && c.deviation.is_finite() && c.deviation >= 0.0)
        };
        if let Some(column) = this.features.iter().chain(this.targets()).find(bad) {
            return invalid(format!(
                "column {} has mean {} and deviation {}",
                quoted(&column.name),
                column.mean,
                column.deviation
            ));
        }
        // One encoding for zero: x + 0.0 turns -0.0 into 0.0.
        let canonical = |columns: Vec<ColumnStatistics>| {
            let canonical = |c: ColumnStatistics| ColumnStatistics {
                mean: c.mean + 0.0,
                deviation: c.deviation + 0.0,
                ..c
            };
            columns.into_iter().map(canonical).collect()
        };
        Ok(Self {
            features: canonical(this.features),
            targets: match this.targets {
                Targets::Numbers(columns) => Targets::Numbers(canonical(columns)),
                labels => labels,
            },
        })
    }

    /// The statistics of a table: all columns of numbers that are no targets as features, in file order,
    /// then the targets in the order asked.
    ///
    /// Sums run from the first row to the last in `f64`, from 0: `mean = sum(x) / N`,
    /// `deviation = sqrt(sum((x - mean)^2) / N)`. A column of one value has that as its mean and
    /// deviation 0. Features that are pixels have mean 0 and deviation 255, whatever they are.
    ///
    /// # Errors
    ///
    /// No target, an unknown or repeated one, no feature left, or statistics that overflow.
    pub fn fit(table: &Table, targets: &[String]) -> Result<Self, DataError> {
        if targets.is_empty() {
            return Err(DataError::NoTarget);
        }
        if let Some(column) = first_duplicate(targets) {
            return Err(DataError::DuplicateTarget { column });
        }
        let columns = table.find_all(targets.iter().map(String::as_str))?;
        let features = features(table, &columns)?;
        let targets = targets.iter().zip(columns);
        let targets = targets.map(|(name, column)| statistics(table, name, column));
        Self::new(features, targets.collect::<Result<_, _>>()?)
    }

    /// The statistics of a table's columns of numbers, for data of these classes.
    ///
    /// # Errors
    ///
    /// No feature, statistics that overflow, or a label of the table that is none of the classes.
    pub fn fit_labelled(table: &Table, classes: Classes) -> Result<Self, DataError> {
        classes.of(table)?;
        Self::labelled(features(table, &[])?, classes)
    }

    /// The standardised features of a table, `[N, features]`, in `f64`.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownColumn`] for a missing column.
    pub fn standardize(&self, table: &Table) -> Result<Vec<f64>, DataError> {
        let names = self.features.iter().map(|column| column.name.as_str());
        let columns = table.find_all(names)?;
        let mut values = Vec::with_capacity(table.num_rows() * columns.len());
        for row in 0..table.num_rows() {
            for (column, statistics) in columns.iter().zip(&self.features) {
                values.push(statistics.standardize(table.number(row, *column)?));
            }
        }
        Ok(values)
    }

    /// Statistics of the features, in order.
    pub fn features(&self) -> &[ColumnStatistics] {
        &self.features
    }

    /// Statistics of the targets, in order; none of labels.
    pub fn targets(&self) -> &[ColumnStatistics] {
        match &self.targets {
            Targets::Numbers(columns) => columns,
            Targets::Labels(_) => &[],
        }
    }

    /// How the outputs of a network are to be read: as targets or, of labels, a number for each class, as
    /// it is.
    pub fn outputs(&self) -> Vec<ColumnStatistics> {
        let as_it_is = |name: &String| ColumnStatistics {
            name: name.clone(),
            mean: 0.0,
            deviation: 1.0,
        };
        match &self.targets {
            Targets::Numbers(columns) => columns.clone(),
            Targets::Labels(classes) => classes.names().iter().map(as_it_is).collect(),
        }
    }

    /// The classes, if the target is a label.
    pub fn classes(&self) -> Option<&Classes> {
        match &self.targets {
            Targets::Numbers(_) => None,
            Targets::Labels(classes) => Some(classes),
        }
    }

    /// What the targets are.
    pub fn kind(&self) -> DataKind {
        match &self.targets {
            Targets::Numbers(columns) => DataKind::Numbers {
                targets: columns.len(),
            },
            Targets::Labels(classes) => DataKind::Labels {
                classes: classes.count(),
            },
        }
    }

    /// Names of the target columns.
    pub fn target_names(&self) -> Vec<String> {
        match &self.targets {
            Targets::Numbers(columns) => columns.iter().map(|c| c.name.clone()).collect(),
            Targets::Labels(classes) => vec![classes.column().to_owned()],
        }
    }

    /// The canonical encoding, for hashing: `"zktree/v1/normalization"`, the numbers of features
    /// and of targets, then for each feature and each target the length of its name, the name in
    /// UTF-8, mean and deviation. Numbers are 8 little-endian bytes, those of `f64` its bits. If the
    /// target is a label: `"zktree/v1/labelled-normalization"`, the number of features, the features, the
    /// column's name, the number of classes, and their names.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = match &self.targets {
            Targets::Numbers(_) => Self::NUMBERS.to_vec(),
            Targets::Labels(_) => Self::LABELS.to_vec(),
        };
        let number = |bytes: &mut Vec<u8>, number: usize| {
            bytes.extend((number as u64).to_le_bytes());
        };
        let string = |bytes: &mut Vec<u8>, text: &str| {
            number(bytes, text.len());
            bytes.extend(text.as_bytes());
        };
        number(&mut bytes, self.features.len());
        if let Targets::Numbers(targets) = &self.targets {
            number(&mut bytes, targets.len());
        }
        for column in self.features.iter().chain(self.targets()) {
            string(&mut bytes, &column.name);
            bytes.extend(column.mean.to_bits().to_le_bytes());
            bytes.extend(column.deviation.to_bits().to_le_bytes());
        }
        if let Targets::Labels(classes) = &self.targets {
            string(&mut bytes, classes.column());
            number(&mut bytes, classes.count());
            for name in classes.names() {
                string(&mut bytes, name);
            }
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) writes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let this = match bytes.strip_prefix(Self::LABELS) {
            Some(rest) => Self::decode_labelled(rest)?,
            None => {
                let rest = bytes.strip_prefix(Self::NUMBERS);
                let kind = "it is not of the kind \"zktree/v1/normalization\"";
                Self::decode_numbers(rest.ok_or_else(|| DecodeError::value(FIELD, kind))?)?
            }
        };
        match this.to_bytes() == bytes {
            true => Ok(this),
            false => Err(DecodeError::NotCanonical),
        }
    }

    fn decode_numbers(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::headless(bytes);
        let counts = (decoder.count(FIELD)?, decoder.count(FIELD)?);
        let features = decode_columns(&mut decoder, counts.0)?;
        let targets = decode_columns(&mut decoder, counts.1)?;
        decoder.finish()?;
        Self::new(features, targets).map_err(|e| DecodeError::value(FIELD, e))
    }

    fn decode_labelled(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::headless(bytes);
        let count = decoder.count(FIELD)?;
        let features = decode_columns(&mut decoder, count)?;
        let column = decoder.string(FIELD)?.to_owned();
        let count = decoder.count(FIELD)?;
        let name = |_| Ok(decoder.string(FIELD)?.to_owned());
        let names = (0..count).map(name).collect::<Result<_, DecodeError>>()?;
        decoder.finish()?;
        let refuse = |error: DataError| DecodeError::value(FIELD, error);
        let classes = Classes::new(column, names).map_err(refuse)?;
        Self::labelled(features, classes).map_err(refuse)
    }
}

/// The name of what is decoded.
const FIELD: &str = "normalization";

fn decode_columns(
    decoder: &mut Decoder<'_>,
    count: usize,
) -> Result<Vec<ColumnStatistics>, DecodeError> {
    let column = |_| {
        Ok(ColumnStatistics {
            name: decoder.string(FIELD)?.to_owned(),
            mean: f64::from_bits(decoder.number(FIELD)?),
            deviation: f64::from_bits(decoder.number(FIELD)?),
        })
    };
    (0..count).map(column).collect()
}

impl TryFrom<NormalizationFields> for Normalization {
    type Error = DataError;

    fn try_from(fields: NormalizationFields) -> Result<Self, DataError> {
        match fields.labels {
            None => Self::new(fields.features, fields.targets),
            Some(classes) if fields.targets.is_empty() => Self::labelled(fields.features, classes),
            Some(_) => Err(DataError::InvalidNormalization {
                reason: "it has numbers and labels as targets".to_owned(),
            }),
        }
    }
}

impl From<Normalization> for NormalizationFields {
    fn from(normalization: Normalization) -> Self {
        let (targets, labels) = match normalization.targets {
            Targets::Numbers(columns) => (columns, None),
            Targets::Labels(classes) => (Vec::new(), Some(classes)),
        };
        Self {
            features: normalization.features,
            targets,
            labels,
        }
    }
}

/// Statistics of a table's columns of numbers but for the targets.
fn features(table: &Table, targets: &[Column]) -> Result<Vec<ColumnStatistics>, DataError> {
    let columns = table.columns().iter().enumerate();
    let features: Vec<ColumnStatistics> = columns
        .map(|(position, name)| (Column::Cell(position), name))
        .filter(|(column, _)| !targets.contains(column))
        .map(|(column, name)| match table.scale {
            None => statistics(table, name, column),
            Some(scale) => Ok(ColumnStatistics {
                name: name.clone(),
                mean: 0.0,
                deviation: scale,
            }),
        })
        .collect::<Result<_, _>>()?;
    match features.is_empty() {
        true => Err(DataError::NoFeature {
            file: table.file.clone(),
        }),
        false => Ok(features),
    }
}

fn statistics(table: &Table, name: &str, column: Column) -> Result<ColumnStatistics, DataError> {
    let values = table.numbers(column)?;
    let first = values.first().copied().unwrap_or(0.0);
    let (mean, deviation) = if values.iter().all(|x| *x == first) {
        (first, 0.0)
    } else {
        let n = table.num_rows() as f64;
        let mean = values.iter().fold(0.0, |sum, x| sum + x) / n;
        let square = values
            .iter()
            .fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
        (mean, (square / n).sqrt())
    };
    if !(mean.is_finite() && deviation.is_finite()) {
        let (file, column) = (table.file.clone(), name.to_owned());
        return Err(DataError::StatisticsOverflow { file, column });
    }
    Ok(ColumnStatistics {
        name: name.to_owned(),
        mean,
        deviation,
    })
}
