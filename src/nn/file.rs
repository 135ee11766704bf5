//! Weights as a safetensors file, integers exactly as trained.
//!
//! Layer `N` (from 0) is `layers.N.weight`, shape `[inputs, outputs]`, and `layers.N.bias`, shape
//! `[outputs]`, both I64, without padding. Nothing else may be in the file.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]
use super::{Architecture, Layer, Weights};
use crate::error::DataError;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

impl Weights {
    /// The file's bytes.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] if the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, DataError> {
        let bytes = |values: &[i64]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        let architecture = self.architecture();
        let mut tensors = Vec::new();
        for (n, layer) in self.layers().iter().enumerate() {
            let shape = vec![architecture.inputs(n), architecture.outputs(n)];
            tensors.push((format!("layers.{n}.weight"), shape, bytes(&layer.weight)));
            let shape = vec![architecture.outputs(n)];
            tensors.push((format!("layers.{n}.bias"), shape, bytes(&layer.bias)));
        }
        let views = tensors.iter().map(|(name, shape, data)| {
            TensorView::new(Dtype::I64, shape.clone(), data).map(|view| (name, view))
        });
        let views: Vec<_> = views
            .collect::<Result<_, _>>()
            .map_err(|e| malformed(e.to_string()))?;
        safetensors::serialize(views, None).map_err(|e| malformed(e.to_string()))
    }

    /// Reads a file; the widths are those of its tensors.
    ///
    /// # Errors
    /// [`DataError::WeightsFile`] saying which tensor is missing, has another type or shape, or
    /// does not belong there.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, DataError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| malformed(e.to_string()))?;
        let mut widths: Vec<usize> = Vec::new();
        let mut layers = Vec::new();
        while layers.is_empty()
            || file
                .tensor(&format!("layers.{}.weight", layers.len()))
                .is_ok()
        {
            let name = |part: &str| format!("layers.{}.{part}", layers.len());
            let (shape, weight) = integers(&file, &name("weight"))?;
            let &[inputs, outputs] = shape.as_slice() else {
                return Err(malformed(format!(
                    "{}: the shape is not [in, out]",
                    name("weight")
                )));
            };
            let (shape, bias) = integers(&file, &name("bias"))?;
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
        let known = 2 * layers.len();
        if file.len() != known {
            let what = format!(
                "{} tensors, of which {known} are weights and biases",
                file.len()
            );
            return Err(malformed(what));
        }
        let architecture = Architecture::new(widths).map_err(|e| malformed(e.to_string()))?;
        Weights::new(architecture, layers).map_err(|e| malformed(e.to_string()))
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
    use crate::nn::{FixedPoint, init};

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
