//! Tables of text, their normalisation and the data sets made of them.
mod formats;
mod images;
mod labels;

use super::{table::Column, *};
use crate::{
    error::{DataError, Place},
    nn::fixed::FixedPoint,
};

use std::error::Error;

fn table(text: &str) -> Result<Table, DataError> {
    Table::from_reader("t.csv", text.as_bytes())
}

/// All numbers but labels, row by row.
fn numbers(table: &Table) -> Vec<f64> {
    let columns = 0..table.columns().len();
    (0..table.num_rows())
        .flat_map(|row| columns.clone().map(move |k| (row, Column::Cell(k))))
        .map(|(row, column)| table.number(row, column).unwrap())
        .collect()
}

fn fit(text: &str, targets: &[&str]) -> Result<Normalization, DataError> {
    let targets: Vec<String> = targets.iter().map(|&name| name.to_owned()).collect();
    Normalization::fit(&table(text)?, &targets)
}

#[test]
fn reads_csv() {
    let table = table("\u{feff}\"a, b\" , c\r\n 1 ,-2.5e-1\r\n\r\n3,4\n").unwrap();
    assert_eq!(table.columns(), ["a, b", "c"]);
    assert_eq!(numbers(&table), [1.0, -0.25, 3.0, 4.0]);
    assert_eq!((table.num_rows(), table.place(1)), (2, Place::Line(4)));
    assert_eq!(
        format!("{table:?}"),
        r#"Table(t.csv, 2 rows, ["a, b", "c"])"#
    );
}

#[test]
fn bad_tables_are_refused_with_their_place() {
    for (text, message) in [
        ("", "t.csv: no data"),
        ("a,b\n", "t.csv: no data"),
        (
            "a,b,a\n1,2,3\n",
            "t.csv, line 1: column \"a\" appears twice",
        ),
        (
            "a,b\n1,2\n1,2,3\n",
            "t.csv, line 3: 3 cells; the header has 2",
        ),
        ("a,b\n1\n", "t.csv, line 2: 1 cells; the header has 2"),
        (
            "a,b\n1, \n",
            "t.csv, line 2, column \"b\": the cell is empty",
        ),
        (
            "a,b\nx,1\n",
            "t.csv, line 2, column \"a\": \"x\" is not a number",
        ),
        (
            "a,b\n1,2\n1,NaN\n",
            "t.csv, line 3, column \"b\": \"NaN\" is not finite",
        ),
        (
            "a,b\n1,1e999\n",
            "t.csv, line 2, column \"b\": \"1e999\" is not finite",
        ),
    ] {
        let error = table(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let error = Table::from_reader("t.csv", [b'a', 0xff].as_slice()).unwrap_err();
    assert!(
        matches!(error, DataError::Csv { .. }) && error.source().is_some(),
        "{error}"
    );
    let error = Table::read("no/such/file.csv").unwrap_err();
    assert!(
        matches!(error, DataError::Open { .. }) && error.source().is_some(),
        "{error}"
    );
}

#[test]
fn fits_features_in_file_order_then_targets_as_asked() {
    let fitted = fit("p,q,x,y\n0,1,5,-0.1\n2,3,5,-0.1\n4,5,5,-0.1\n", &["q", "p"]).unwrap();
    let names =
        |columns: &[ColumnStatistics]| columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(fitted.features()), ["x", "y"]);
    assert_eq!(names(fitted.targets()), ["q", "p"]);
    assert_eq!(
        (fitted.features()[0].mean, fitted.features()[0].deviation),
        (5.0, 0.0)
    );
    assert_eq!(
        (fitted.features()[1].mean, fitted.features()[1].deviation),
        (-0.1, 0.0)
    );
    let deviation = (8.0_f64 / 3.0).sqrt();
    assert_eq!(
        (fitted.targets()[0].mean, fitted.targets()[0].deviation),
        (3.0, deviation)
    );
    let zero = fit("a,b\n-0.0,1\n-0.0,2\n", &["b"]).unwrap();
    assert!(zero.features()[0].mean.is_sign_positive());
}

#[test]
fn bad_fits_are_refused() {
    let text = "a,b\n1,1e308\n2,1.1e308\n3,1.2e308\n";
    assert!(matches!(fit(text, &[]), Err(DataError::NoTarget)));
    assert!(matches!(
        fit(text, &["a", "b"]),
        Err(DataError::NoFeature { .. })
    ));
    let duplicate = fit(text, &["a", "a"]);
    assert!(matches!(duplicate, Err(DataError::DuplicateTarget { column }) if column == "a"));
    let error = fit(text, &["c"]).unwrap_err().to_string();
    assert_eq!(
        error,
        "t.csv: no column \"c\"; the columns are \"a\", \"b\""
    );
    let overflow = fit(text, &["a"]);
    assert!(matches!(overflow, Err(DataError::StatisticsOverflow { column, .. }) if column == "b"));
}

#[test]
fn invalid_normalizations_are_refused() {
    let column = |name: &str, mean, deviation| ColumnStatistics {
        name: name.to_owned(),
        mean,
        deviation,
    };
    let good = || vec![column("a", 0.0, 1.0)];
    for (features, targets) in [
        (vec![], good()),
        (good(), vec![]),
        (good(), good()),
        (good(), vec![column("b", f64::NAN, 1.0)]),
        (good(), vec![column("b", 0.0, f64::INFINITY)]),
        (good(), vec![column("b", 0.0, -1.0)]),
    ] {
        let error = Normalization::new(features, targets).unwrap_err();
        assert!(
            matches!(error, DataError::InvalidNormalization { .. }),
            "{error}"
        );
    }
}

#[test]
fn serialisation_is_exact() {
    let text = "a,b\n0.1,0.30000000000000004\n0.2,1e-300\n0.7,1e22\n";
    let fitted = fit(text, &["b"]).unwrap();
    let json = serde_json::to_string(&fitted).unwrap();
    let back: Normalization = serde_json::from_str(&json).unwrap();
    assert_eq!(back.to_bytes(), fitted.to_bytes());
    assert!(serde_json::from_str::<Normalization>(r#"{"features":[],"targets":[]}"#).is_err());

    let bytes = fitted.to_bytes();
    assert_eq!(bytes.len(), 23 + 16 + 2 * (8 + 1 + 16));
    assert_eq!(bytes[..23], *b"zktree/v1/normalization");
    assert_eq!(
        bytes[23..48],
        *b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a"
    );
    assert_eq!(bytes[48..56], fitted.features()[0].mean.to_le_bytes());
}

#[test]
fn quantizes_ties_away_from_zero() {
    let unit = |name: &str, mean| ColumnStatistics {
        name: name.to_owned(),
        mean,
        deviation: 1.0,
    };
    let normalization = Normalization::new(vec![unit("a", 0.0)], vec![unit("b", 1.0)]).unwrap();
    let half = 0.5 / 256.0;
    let text = format!("b,unused,a\n{},0,{half}\n1,0,{}\n", 1.0 - half, 3.0 * half);
    let fixed = FixedPoint::compact();
    let dataset = Dataset::quantize(&table(&text).unwrap(), &normalization, &fixed).unwrap();
    assert_eq!(dataset.values(), [1, -1, 2, 0]);

    let quantize = |text: &str| Dataset::quantize(&table(text)?, &normalization, &fixed);
    assert_eq!(
        quantize("a,b\n-32,32\n").unwrap().values(),
        [-(1 << 13), 31 << 8]
    );
    for text in ["a,b\n0,1\n32,1\n", "a,b\n0,1\n-32.1,1\n"] {
        let error = quantize(text).unwrap_err();
        assert!(
            matches!(&error, DataError::OutOfRange { place: Place::Line(3), column, .. } if column == "a")
        );
        assert!(
            error.to_string().contains("outside [-2^13, 2^13) / 2^8"),
            "{error}"
        );
    }
    let missing = quantize("a,c\n0,0\n");
    assert!(matches!(missing, Err(DataError::UnknownColumn { column, .. }) if column == "b"));
}

#[test]
fn columns_without_spread_are_centred() {
    let text = "a,b\n3,0\n3,2\n";
    let normalization = fit(text, &["b"]).unwrap();
    let table = table("a,b\n3,0\n3.5,2\n").unwrap();
    let dataset = Dataset::quantize(&table, &normalization, &FixedPoint::compact()).unwrap();
    assert_eq!(dataset.values(), [0, -256, 128, 256]);
}

#[test]
fn rows_are_found() {
    let dataset = Dataset::from_rows(2, 1, (0..9).collect()).unwrap();
    assert_eq!((dataset.num_rows(), dataset.width()), (3, 3));
    assert_eq!((dataset.num_features(), dataset.num_targets()), (2, 1));
    assert_eq!(
        (dataset.features(1), dataset.targets(1)),
        ([3, 4].as_slice(), [5].as_slice())
    );
    assert!(dataset.row(3).is_empty() && dataset.targets(3).is_empty());
    assert_eq!(dataset.gather(&[2, 0]), (vec![6, 7, 0, 1], vec![8, 2]));
    assert_eq!(dataset.select(&[2]).unwrap(), dataset.split(2..3).unwrap());
    assert_eq!(dataset.split(3..3).unwrap().num_rows(), 0);
    let out = |result| matches!(result, Err(DataError::RowOutOfRange { row: 3, rows: 3 }));
    assert!(out(dataset.select(&[0, 3])) && out(dataset.split(0..4)));
    assert_eq!(
        format!("{dataset:?}"),
        "Dataset(3 rows, 2 features, 1 targets)"
    );
    for (features, targets) in [(0, 3), (3, 0), (2, 2), (usize::MAX, 1)] {
        let error = Dataset::from_rows(features, targets, vec![0; 9]).unwrap_err();
        assert!(
            matches!(error, DataError::Shape { found: 9, .. }),
            "{error}"
        );
    }
}
