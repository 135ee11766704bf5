//! Files with blindings: the openings of commitments.
use super::{Entry, check_count, integers, malformed, metadata, parse, write};
use crate::{
    commit::RowBlindings,
    error::DataError,
    nn::{Dataset, DatasetOpening, WeightOpening, Weights, network::MAX_WIDTH},
    text::quoted,
    transcript,
};
use ark_ff::PrimeField;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;

impl<F: PrimeField> WeightOpening<F> {
    /// The bytes of a file with weights and blindings: whoever has it can train on.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] if the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, DataError> {
        let mut tensors = self.weights().integers();
        for (n, blindings) in self.blindings().iter().enumerate() {
            tensors.push(blinding_entry(format!("layers.{n}.blinding"), blindings)?);
        }
        write(&tensors, self.weights().metadata())
    }

    /// Reads a file of weights and blindings.
    ///
    /// # Errors
    /// Those of [`Weights::from_safetensors`]; [`DataError::WeightsFile`] if blindings are missing,
    /// are not those of the rows of a commitment, or are no canonical scalars of this group.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, DataError> {
        let file = parse(bytes).map_err(malformed)?;
        let weights = Weights::read(bytes, &file)?;
        let layers = weights.layers().len();
        let blindings = (0..layers).map(|n| blindings(&file, &format!("layers.{n}.blinding")));
        let blindings = blindings.collect::<Result<Vec<_>, _>>()?;
        check_count(&file, 3 * layers, "weights, biases and blindings")?;
        Self::from_parts(weights, blindings).map_err(|e| malformed(e.to_string()))
    }
}

impl<F: PrimeField> DatasetOpening<F> {
    /// The bytes of a file with data and blindings: the owner's secret.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] if the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, DataError> {
        let data = self.dataset();
        let rows = data.num_rows();
        let entry = |name: &str, width, part: fn(&Dataset, usize) -> &[i64]| {
            let values = (0..rows).flat_map(|n| part(data, n));
            let bytes = values.map(|value| value.to_le_bytes());
            Entry::new(name.to_owned(), Dtype::I64, vec![rows, width], bytes)
        };
        let tensors = [
            entry("features", data.num_features(), Dataset::features),
            entry("targets", data.num_targets(), Dataset::targets),
            blinding_entry("blinding".to_owned(), self.blindings())?,
        ];
        let classes = data.kind().classes();
        let metadata =
            classes.map(|count| HashMap::from([(CLASSES.to_owned(), count.to_string())]));
        write(&tensors, metadata)
    }

    /// Reads a file of data and blindings.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] naming the tensor that is missing, has another type or shape or
    /// does not belong there.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, DataError> {
        let file = parse(bytes).map_err(malformed)?;
        let (features_shape, features) = integers(&file, "features")?;
        let (targets_shape, targets) = integers(&file, "targets")?;
        let (&[rows, width], &[target_rows, target_width]) =
            (features_shape.as_slice(), targets_shape.as_slice())
        else {
            return Err(malformed("features or targets: not two axes".to_owned()));
        };
        if rows == 0 || rows != target_rows {
            let what = "features and targets: not as many rows, or none";
            return Err(malformed(what.to_owned()));
        }
        if ![width, target_width]
            .iter()
            .all(|n| (1..=MAX_WIDTH).contains(n))
        {
            let what = format!("features or targets: not from 1 to {MAX_WIDTH} columns");
            return Err(malformed(what));
        }
        let pairs = features.chunks(width).zip(targets.chunks(target_width));
        let values = pairs.flat_map(|(x, y)| x.iter().chain(y)).copied();
        let dataset = match classes(bytes)? {
            None => Dataset::from_rows(width, target_width, values.collect())?,
            Some(classes) if target_width == 1 => {
                Dataset::from_labelled_rows(width, classes, values.collect())?
            }
            Some(_) => return Err(malformed("targets: not one column of labels".to_owned())),
        };
        let blindings = blindings(&file, "blinding")?;
        check_count(&file, 3, "features, targets and blinding")?;
        Self::from_parts(dataset, blindings).map_err(|e| malformed(e.to_string()))
    }
}

/// The entry of the metadata with the number of classes, if targets are labels.
const CLASSES: &str = "zktree-classes";

/// The number of classes that a file of data names, if it does.
fn classes(bytes: &[u8]) -> Result<Option<usize>, DataError> {
    let Some(text) = metadata(bytes, CLASSES)? else {
        return Ok(None);
    };
    let classes = text.parse::<usize>().ok();
    let canonical = classes.filter(|count| count.to_string() == text);
    let refuse = || malformed(format!("the metadata's {CLASSES} is {}", quoted(&text)));
    canonical.map(Some).ok_or_else(refuse)
}

fn blinding_entry<F: PrimeField>(
    name: String,
    blindings: &RowBlindings<F>,
) -> Result<Entry, DataError> {
    let mut data = Vec::new();
    for blinding in blindings.expose() {
        blinding
            .serialize_compressed(&mut data)
            .map_err(|e| malformed(e.to_string()))?;
    }
    Ok(Entry {
        name,
        dtype: Dtype::U8,
        shape: vec![blindings.expose().len(), F::ZERO.compressed_size()],
        data,
    })
}

fn blindings<F: PrimeField>(
    file: &SafeTensors<'_>,
    name: &str,
) -> Result<RowBlindings<F>, DataError> {
    let missing = "is missing; the file has no opening, ask for one exported with it";
    let tensor = file
        .tensor(name)
        .map_err(|_| malformed(format!("{name} {missing}")))?;
    let size = F::ZERO.compressed_size();
    if tensor.dtype() != Dtype::U8 || !matches!(tensor.shape(), [_, bytes] if *bytes == size) {
        return Err(malformed(format!("{name}: not U8 of shape [rows, {size}]")));
    }
    let scalars = tensor.data().chunks_exact(size).map(transcript::decode);
    let scalars: Option<Vec<F>> = scalars.collect();
    let scalars = scalars
        .ok_or_else(|| malformed(format!("{name}: a row is no canonical scalar of the group")))?;
    Ok(RowBlindings::from_secret(scalars))
}
