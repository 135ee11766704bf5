//! Weights as safetensors files: integers exactly as trained, with or without the blindings that
//! open their commitment, and floats for PyTorch.
//!
//! Integers: layer `N` (from 0) is `layers.N.weight`, shape `[inputs, outputs]`, and `layers.N.bias`,
//! shape `[outputs]`, both I64, without padding. An opening has `layers.N.blinding` too, shape
//! `[rows, bytes]`, U8: for each row of the commitment the canonical little-endian encoding of its
//! blinding. Nothing else may be in the file.
//!
//! Data with the blindings that open their commitment: `features`, `[rows, features]`, and `targets`,
//! `[rows, targets]`, both I64, and `blinding` as above.
//!
//! PyTorch: the `state_dict` of an `nn.Sequential(Linear, ReLU, Linear, ...)`. Layer `N` is
//! `2N.weight`, shape `[outputs, inputs]`, and `2N.bias`, shape `[outputs]`, both F32: the integers
//! divided by `2^w` and rounded to the nearest float. The metadata say how raw columns become inputs
//! and outputs become raw targets.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]
use super::{
    Architecture, Dataset, DatasetOpening, FixedPoint, Layer, Normalization, WeightOpening, Weights,
};
use crate::{commit::RowBlindings, error::DataError, transcript};
use ark_ff::PrimeField;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::HashMap;

/// A tensor to be written.
struct Entry {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Entry {
    fn new<const N: usize>(
        name: String,
        dtype: Dtype,
        shape: Vec<usize>,
        values: impl Iterator<Item = [u8; N]>,
    ) -> Self {
        let data = values.flatten().collect();
        Self {
            name,
            dtype,
            shape,
            data,
        }
    }
}

fn write(
    tensors: &[Entry],
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, DataError> {
    let views = tensors.iter().map(|tensor| {
        TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data)
            .map(|view| (&tensor.name, view))
    });
    let views: Vec<_> = views
        .collect::<Result<_, _>>()
        .map_err(|e| malformed(e.to_string()))?;
    safetensors::serialize(views, metadata).map_err(|e| malformed(e.to_string()))
}

impl Weights {
    /// The file's bytes, in integers.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] if the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, DataError> {
        write(&self.integers(), None)
    }

    fn integers(&self) -> Vec<Entry> {
        let layers = self.layers().iter().enumerate().flat_map(|(n, layer)| {
            let outputs = layer.bias.len();
            let shape = vec![self.architecture().inputs(n), outputs];
            let entry = |part, shape, values: &[i64]| {
                let bytes = values.iter().map(|value| value.to_le_bytes());
                Entry::new(format!("layers.{n}.{part}"), Dtype::I64, shape, bytes)
            };
            [
                entry("weight", shape, &layer.weight),
                entry("bias", vec![outputs], &layer.bias),
            ]
        });
        layers.collect()
    }

    /// The bytes of a file for PyTorch: `load_state_dict` of an `nn.Sequential` of `Linear` and
    /// `ReLU` takes its tensors.
    ///
    /// The metadata have one entry, `zktree`, so that equal weights give equal files. It is JSON
    /// `{"activation_bits": s, "normalization": {"features": [{"name", "mean", "deviation"}, ...],
    /// "targets": [...]}}`. Input `i` of the
    /// network is `(x - mean) / deviation` of feature `i` (`x - mean` where the deviation is 0),
    /// rounded by the integer network to multiples of `2^-s`; the prediction of target `j` is
    /// output `j` times deviation (or 1) plus mean.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] if the format cannot hold them.
    pub fn to_torch(
        &self,
        fixed: &FixedPoint,
        normalization: &Normalization,
    ) -> Result<Vec<u8>, DataError> {
        let unit = (1_u64 << fixed.weight_bits()) as f64;
        let float = |value: &i64| ((*value as f64 / unit) as f32).to_le_bytes();
        let layers = self.layers().iter().enumerate().flat_map(|(n, layer)| {
            let outputs = layer.bias.len();
            let column = |j: usize| layer.weight.iter().skip(j).step_by(outputs).map(float);
            let shape = vec![outputs, self.architecture().inputs(n)];
            let name = |part: &str| format!("{}.{part}", 2 * n);
            [
                Entry::new(
                    name("weight"),
                    Dtype::F32,
                    shape,
                    (0..outputs).flat_map(column),
                ),
                Entry::new(
                    name("bias"),
                    Dtype::F32,
                    vec![outputs],
                    layer.bias.iter().map(float),
                ),
            ]
        });
        let metadata = serde_json::json!({
            "activation_bits": fixed.activation_bits(),
            "normalization": normalization,
        });
        let metadata = HashMap::from([("zktree".to_owned(), metadata.to_string())]);
        write(&layers.collect::<Vec<_>>(), Some(metadata))
    }

    /// Reads a file; the widths are those of its tensors.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] saying which tensor is missing, has another type or shape, or
    /// does not belong there.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, DataError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| malformed(e.to_string()))?;
        let weights = Self::read(&file)?;
        check_count(&file, 2 * weights.layers().len(), "weights and biases")?;
        Ok(weights)
    }

    /// The weights in a file, whatever else is in it.
    fn read(file: &SafeTensors<'_>) -> Result<Self, DataError> {
        let mut widths: Vec<usize> = Vec::new();
        let mut layers = Vec::new();
        while layers.is_empty()
            || file
                .tensor(&format!("layers.{}.weight", layers.len()))
                .is_ok()
        {
            let name = |part: &str| format!("layers.{}.{part}", layers.len());
            let (shape, weight) = integers(file, &name("weight"))?;
            let &[inputs, outputs] = shape.as_slice() else {
                return Err(malformed(format!(
                    "{}: the shape is not [in, out]",
                    name("weight")
                )));
            };
            let (shape, bias) = integers(file, &name("bias"))?;
            if shape != [outputs] {
                return Err(malformed(format!(
                    "{}: the shape is not [{outputs}]",
                    name("bias")
                )));
            }
            match widths.last() {
                None => widths.push(inputs),
                Some(width) if *width == inputs => {}
                Some(width) => {
                    let what = format!("{}: {inputs} inputs behind {width} units", name("weight"));
                    return Err(malformed(what));
                }
            }
            widths.push(outputs);
            layers.push(Layer { weight, bias });
        }
        let architecture = Architecture::new(widths).map_err(|e| malformed(e.to_string()))?;
        Weights::new(architecture, layers).map_err(|e| malformed(e.to_string()))
    }
}

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
        write(&tensors, None)
    }

    /// Reads a file of weights and blindings.
    ///
    /// # Errors
    /// Those of [`Weights::from_safetensors`]; [`DataError::WeightsFile`] if blindings are missing,
    /// are not those of the rows of a commitment, or are no canonical scalars of this group.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, DataError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| malformed(e.to_string()))?;
        let weights = Weights::read(&file)?;
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
        write(&tensors, None)
    }

    /// Reads a file of data and blindings.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] naming the tensor that is missing, has another type or shape or
    /// does not belong there.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, DataError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| malformed(e.to_string()))?;
        let (features_shape, features) = integers(&file, "features")?;
        let (targets_shape, targets) = integers(&file, "targets")?;
        let (&[rows, width], &[target_rows, target_width]) =
            (features_shape.as_slice(), targets_shape.as_slice())
        else {
            return Err(malformed("features or targets: not two axes".to_owned()));
        };
        if rows != target_rows || width == 0 || target_width == 0 {
            let what = "features and targets: not as many rows, or no columns";
            return Err(malformed(what.to_owned()));
        }
        let pairs = features.chunks(width).zip(targets.chunks(target_width));
        let values = pairs.flat_map(|(x, y)| x.iter().chain(y)).copied();
        let dataset = Dataset::from_rows(width, target_width, values.collect())?;
        let blindings = blindings(&file, "blinding")?;
        check_count(&file, 3, "features, targets and blinding")?;
        Self::from_parts(dataset, blindings).map_err(|e| malformed(e.to_string()))
    }
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

fn check_count(file: &SafeTensors<'_>, known: usize, what: &str) -> Result<(), DataError> {
    match file.len() {
        found if found == known => Ok(()),
        found => Err(malformed(format!(
            "{found} tensors, of which {known} are {what}"
        ))),
    }
}

fn integers(file: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<i64>), DataError> {
    let tensor = file
        .tensor(name)
        .map_err(|_| malformed(format!("{name} is missing")))?;
    if tensor.dtype() != Dtype::I64 {
        return Err(malformed(format!(
            "{name}: the type is {:?}, not I64",
            tensor.dtype()
        )));
    }
    let values = tensor
        .data()
        .chunks_exact(8)
        .map(|b| b.try_into().unwrap_or_default());
    Ok((
        tensor.shape().to_vec(),
        values.map(i64::from_le_bytes).collect(),
    ))
}

fn malformed(what: String) -> DataError {
    DataError::WeightsFile { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pallas, nn::init};

    type Scalar = <Pallas as ark_ec::PrimeGroup>::ScalarField;

    fn weights() -> Weights {
        init::expand(
            3,
            &Architecture::new(vec![3, 4, 2]).unwrap(),
            &FixedPoint::compact(),
        )
    }

    #[test]
    fn what_is_written_is_read() {
        let weights = weights();
        let bytes = weights.to_safetensors().unwrap();
        assert_eq!(Weights::from_safetensors(&bytes).unwrap(), weights);
    }

    #[test]
    fn openings_are_read_back_and_open() {
        let rng = &mut rand::rngs::OsRng;
        let opening = WeightOpening::<Scalar>::new(weights(), true, rng);
        let bytes = opening.to_safetensors().unwrap();
        let read = WeightOpening::from_safetensors(&bytes).unwrap();
        assert_eq!(read.weights(), opening.weights());
        assert!(read.opens(&opening.commit::<Pallas>(), rng));

        // Weights alone are no opening, and an opening is not a file of weights alone.
        assert!(Weights::from_safetensors(&bytes).is_err());
        let plain = opening.weights().to_safetensors().unwrap();
        let refused = |bytes: &[u8], what: &str| {
            let error = WeightOpening::<Scalar>::from_safetensors(bytes).unwrap_err();
            assert!(error.to_string().contains(what), "{error}: {what}");
        };
        refused(&plain, "layers.0.blinding is missing");

        // No scalar is so large.
        let mut large = bytes.clone();
        let blinding = SafeTensors::deserialize(&bytes).unwrap();
        let data = blinding.tensor("layers.1.blinding").unwrap().data();
        let at = data.as_ptr() as usize - bytes.as_ptr() as usize;
        large[at..at + 32].fill(0xff);
        refused(&large, "layers.1.blinding: a row is no canonical scalar");

        let many = vec![RowBlindings::<Scalar>::zero(9); 2];
        assert!(WeightOpening::from_parts(weights(), many).is_err());
    }

    #[test]
    fn data_are_read_back() {
        let data = Dataset::from_rows(2, 1, (-6..6).collect()).unwrap();
        let data = DatasetOpening::<Scalar>::new(data, true, &mut rand::rngs::OsRng);
        let bytes = data.to_safetensors().unwrap();
        let read = DatasetOpening::<Scalar>::from_safetensors(&bytes).unwrap();
        assert_eq!(read.dataset(), data.dataset());
        assert_eq!(read.blindings().expose(), data.blindings().expose());
        for end in 0..bytes.len() {
            let cut = DatasetOpening::<Scalar>::from_safetensors(&bytes[..end]);
            assert!(cut.is_err(), "cut at {end}");
        }
        let weights = weights().to_safetensors().unwrap();
        let error = DatasetOpening::<Scalar>::from_safetensors(&weights).unwrap_err();
        assert!(error.to_string().contains("features is missing"), "{error}");
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let bytes = weights().to_safetensors().unwrap();
        for end in 0..bytes.len() {
            assert!(
                Weights::from_safetensors(&bytes[..end]).is_err(),
                "cut at {end}"
            );
        }
        let write = |tensors: &[(&str, Dtype, Vec<usize>)]| {
            let data = [0; 256];
            let views = tensors.iter().map(|(name, dtype, shape)| {
                let len = shape.iter().product::<usize>() * dtype.bitsize() / 8;
                (
                    *name,
                    TensorView::new(*dtype, shape.clone(), &data[..len]).unwrap(),
                )
            });
            safetensors::serialize(views, None).unwrap()
        };
        let (w, b) = ("layers.0.weight", "layers.0.bias");
        for (tensors, what) in [
            (vec![], "layers.0.weight is missing"),
            (
                vec![(w, Dtype::I64, vec![2, 3])],
                "layers.0.bias is missing",
            ),
            (vec![(w, Dtype::F32, vec![2, 3])], "not I64"),
            (vec![(w, Dtype::I64, vec![6])], "not [in, out]"),
            (
                vec![(w, Dtype::I64, vec![2, 3]), (b, Dtype::I64, vec![2])],
                "not [3]",
            ),
            (
                vec![
                    (w, Dtype::I64, vec![2, 3]),
                    (b, Dtype::I64, vec![3]),
                    ("x", Dtype::I64, vec![1]),
                ],
                "3 tensors",
            ),
            (
                vec![
                    (w, Dtype::I64, vec![2, 3]),
                    (b, Dtype::I64, vec![3]),
                    ("layers.1.weight", Dtype::I64, vec![2, 1]),
                    ("layers.1.bias", Dtype::I64, vec![1]),
                ],
                "2 inputs behind 3 units",
            ),
        ] {
            let error = Weights::from_safetensors(&write(&tensors))
                .unwrap_err()
                .to_string();
            assert!(error.contains(what), "{error}: {what}");
        }
    }
}
