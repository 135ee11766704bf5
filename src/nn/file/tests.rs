use super::*;
use crate::{
    Pallas,
    commit::RowBlindings,
    nn::{Dataset, DatasetOpening, WeightOpening, init, network::MAX_WIDTH},
};

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

/// Without rows a file may name any number of columns, for each of which a generator is made.
#[test]
fn data_of_no_rows_or_too_many_columns_are_refused() {
    for (features, values) in [(1 << 40, vec![]), (MAX_WIDTH + 1, vec![0; MAX_WIDTH + 2])] {
        let data = Dataset::from_rows(features, 1, values).unwrap();
        let data = DatasetOpening::<Scalar>::new(data, false, &mut rand::rngs::OsRng);
        let bytes = data.to_safetensors().unwrap();
        let error = DatasetOpening::<Scalar>::from_safetensors(&bytes).unwrap_err();
        assert!(error.to_string().contains("features"), "{error}");
    }
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

/// Another program may take the other tensor of the name.
#[test]
fn a_second_tensor_of_one_name_is_refused() {
    let rng = &mut rand::rngs::OsRng;
    let opening = WeightOpening::<Scalar>::new(weights(), true, rng);
    let data = Dataset::from_rows(2, 1, vec![1; 6]).unwrap();
    let data = DatasetOpening::<Scalar>::new(data, true, rng);
    let twice = |bytes: &[u8], name: &str| {
        let (len, rest) = bytes.split_first_chunk().unwrap();
        let (header, values) = rest.split_at(u64::from_le_bytes(*len) as usize);
        let header = std::str::from_utf8(header).unwrap();
        let start = header.find(&format!("\"{name}\"")).unwrap();
        let end = start + header[start..].find('}').unwrap() + 1;
        let header = header.replacen('{', &format!("{{{},", &header[start..end]), 1);
        let len = (header.len() as u64).to_le_bytes();
        [&len, header.as_bytes(), values].concat()
    };
    let plain = weights().to_safetensors().unwrap();
    let errors = [
        Weights::from_safetensors(&twice(&plain, "layers.0.bias")).unwrap_err(),
        WeightOpening::<Scalar>::from_safetensors(&twice(
            &opening.to_safetensors().unwrap(),
            "layers.1.weight",
        ))
        .unwrap_err(),
        DatasetOpening::<Scalar>::from_safetensors(&twice(
            &data.to_safetensors().unwrap(),
            "features",
        ))
        .unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("two fields have the name"), "{text}");
    }
}

/// Weights and openings of any network come back as those of that network.
#[test]
fn the_network_is_in_the_file() {
    for text in ["3,4,4,2", "3,4,4,2 gelu", "3,4,4,2 residual", "2,3,1 tanh"] {
        let architecture: Architecture = text.parse().unwrap();
        let weights = crate::nn::init::expand(3, &architecture, &FixedPoint::compact());
        let file = weights.to_safetensors().unwrap();
        assert!(
            Weights::from_safetensors(&file).unwrap() == weights,
            "{text}"
        );
        let opening = crate::nn::WeightOpening::<ark_pallas::Fr>::public(weights);
        let file = opening.to_safetensors().unwrap();
        let read = crate::nn::WeightOpening::<ark_pallas::Fr>::from_safetensors(&file).unwrap();
        assert!(read.weights() == opening.weights(), "{text}");
    }
}
