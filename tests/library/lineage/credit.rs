//! A data owner shows one row; forged rows are refused.
use crate::family::{Family, root};
use ark_pallas::Projective as Pallas;
use zktree::{
    nn::{ColumnStatistics, Dataset, DatasetOpening, FixedPoint, Normalization, Table},
    tree::{RowError, RowProof},
};

fn proof(row: usize) -> RowProof<Pallas> {
    let data = &Family::get().data[0];
    RowProof::new(data.opening(), data.commitment().root(), row).unwrap()
}

#[test]
fn every_row_can_be_shown() {
    let family = Family::get();
    for row in 0..7 {
        let text = proof(row).to_json();
        let read = RowProof::<Pallas>::from_json(text.as_bytes()).unwrap();
        assert_eq!(read, proof(row));
        read.verify(&family.first.node, &family.first.edge).unwrap();
    }
    let data = &family.data[0];
    assert!(RowProof::<Pallas>::new(data.opening(), [0; 32], 7).is_err());
}

#[test]
fn forged_rows_are_refused() {
    let family = Family::get();
    let (node, edge) = (&family.first.node, &family.first.edge);
    let refused = |proof: &RowProof<Pallas>| proof.verify(node, edge).unwrap_err();

    let mut other_row = proof(1);
    other_row.opening.row = 2;
    let mut value = proof(1);
    value.opening.values[3] += 1;
    let mut blinding = proof(1);
    blinding.opening.blinding += ark_pallas::Fr::from(1);
    let mut swapped = proof(1);
    swapped.opening.blinding = proof(2).opening.blinding;
    let mut far = proof(1);
    far.opening.row = usize::MAX;
    for forged in [other_row, value, blinding, swapped, far] {
        let error = refused(&forged);
        assert!(matches!(error, RowError::NotInData { row, .. } if row == forged.opening.row));
    }

    // Data of another node, under their own name and under this one's.
    let data = &family.data[1];
    let mut other = RowProof::new(data.opening(), data.commitment().root(), 1).unwrap();
    assert!(matches!(refused(&other), RowError::OtherDataset { .. }));
    other.dataset = node.dataset.root;
    assert!(matches!(refused(&other), RowError::NotInData { .. }));

    // The same data committed anew are another data set.
    let again = DatasetOpening::new(
        family.data[0].opening().dataset().clone(),
        true,
        &mut rand::rngs::OsRng,
    );
    let again = RowProof::new(&again, node.dataset.root, 1).unwrap();
    assert!(matches!(refused(&again), RowError::NotInData { .. }));

    // Commitments that are not those the node names.
    let error = proof(1).verify(node, &family.second.edge).unwrap_err();
    assert!(matches!(error, RowError::OtherCommitment { .. }));
}

#[test]
fn files_are_strict() {
    let text = proof(1).to_json();
    let dataset = hex::encode(proof(1).dataset);
    for (from, to, what) in [
        ("zktree row 1", "zktree row 2", "format"),
        ("Pallas", "BLS12-381-G1", "curve"),
        ("\"row\":1", "\"row\":-1", "invalid value"),
        ("\"row\":1", "\"row\":1,\"row\":1", "duplicate field"),
        ("\"row\":1", "\"row\":1,\"note\":1", "unknown field"),
        ("\"row\":1,", "", "missing field"),
        (&dataset[..], &dataset[2..], "length"),
        ("\"blinding\":\"", "\"blinding\":\"00", "canonical scalar"),
        ("\"values\":[", "\"values\":[0.5,", "invalid type"),
        ("}", "}}", "trailing characters"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let error = RowProof::<Pallas>::from_json(text.replacen(from, to, 1).as_bytes());
        let error = error.unwrap_err().to_string();
        assert!(error.contains(what), "{error}: {what}");
    }
    // What says the same to a lenient reader.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(RowProof::<Pallas>::from_json(value.to_string().as_bytes()).is_ok());
    let names = ["format", "curve", "dataset", "row", "values", "blinding"];
    let array = serde_json::json!(names.map(|name| value[name].clone()));
    let capitals = |name: &str| {
        let mut value = value.clone();
        value[name] = value[name].as_str().unwrap().to_uppercase().into();
        value
    };
    for other in [array, capitals("dataset"), capitals("blinding")] {
        let error = RowProof::<Pallas>::from_json(other.to_string().as_bytes());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("not in the form"), "{error}: {other}");
    }
    for end in 0..text.len() {
        assert!(RowProof::<Pallas>::from_json(&text.as_bytes()[..end]).is_err());
    }
}

#[test]
fn raw_values_are_compared_as_training_saw_them() {
    let column = |name: &str, mean, deviation| ColumnStatistics {
        name: name.to_owned(),
        mean,
        deviation,
    };
    let features = vec![column("a", 1.0, 0.5), column("b", 0.0, 0.0)];
    let normalization = Normalization::new(features, vec![column("y", 10.0, 4.0)]).unwrap();
    let read = |text: &str| Table::from_reader("t.csv", text.as_bytes()).unwrap();
    let table = read("y,b,a\n10,0,1\n12,1,2\n");
    let fixed = FixedPoint::compact();
    let data = Dataset::quantize(&table, &normalization, &fixed).unwrap();
    let data = DatasetOpening::<ark_pallas::Fr>::new(data, true, &mut rand::rngs::OsRng);
    let proof = RowProof::<Pallas>::new(&data, [0; 32], 1).unwrap();
    assert_eq!(proof.opening.values, [512, 256, 128]);

    let how = (&normalization, &fixed);
    proof.matches(&table, 1, how).unwrap();
    proof.matches(&read("a,b,y\n2,1,12\n"), 0, how).unwrap();
    for (table, row, what) in [
        (
            &table,
            0,
            "column \"a\": 1 becomes 0, the proven value is 512",
        ),
        (
            &read("a,b,y\n2,1,12.01\n"),
            0,
            "column \"y\": 12.01 becomes 129",
        ),
        (&table, 2, "row 2"),
        (&read("a,b\n2,1\n"), 0, "no column \"y\""),
    ] {
        let error = proof.matches(table, row, how).unwrap_err().to_string();
        assert!(error.contains(what), "{error}: {what}");
    }
    let root = root(1);
    let how = (root.normalization(), root.fixed_point());
    let wide = read("a,b,c,x,y\n1,2,3,4,5\n");
    assert!(proof.matches(&wide, 0, how).is_err());
}
