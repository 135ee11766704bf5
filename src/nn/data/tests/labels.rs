//! Columns of labels.
use super::*;

fn labelled(text: &str) -> Result<Table, DataError> {
    Table::from_labelled_reader("t.csv", text.as_bytes(), Some("y"))
}

fn classes(text: &str) -> Result<Classes, DataError> {
    Classes::fit(&labelled(text)?, "y")
}

fn quantized(classes: &Classes, text: &str) -> Result<Dataset, DataError> {
    let column = ColumnStatistics {
        name: "a".to_owned(),
        mean: 0.0,
        deviation: 1.0,
    };
    let normalization = Normalization::labelled(vec![column], classes.clone()).unwrap();
    Dataset::quantize(&labelled(text)?, &normalization, &FixedPoint::compact())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

#[test]
fn numbers_are_classes_and_names_are_sorted() {
    let found = classes("y,a\n3,1\n0,2\n 1.0 ,3\n").unwrap();
    assert_eq!((found.column(), found.names()), ("y", &*names(4)));
    let found = classes("a,y\n1,dog\n2,\"a cat\"\n3,Ox\n4,dog\n5,ö\n").unwrap();
    assert_eq!(found.names(), ["Ox", "a cat", "dog", "ö"]);

    let table = labelled("a,y,b\n1,dog,2\n3,cat,4\n").unwrap();
    assert_eq!(
        (table.columns(), table.label()),
        (&["a", "b"].map(String::from)[..], Some("y"))
    );
    assert_eq!(numbers(&table), [1.0, 2.0, 3.0, 4.0]);
    // Without such a column all are numbers.
    let table = Table::from_labelled_reader("t.csv", "a,b\n1,2\n".as_bytes(), Some("y")).unwrap();
    assert_eq!((table.columns().len(), table.label()), (2, None));
}

#[test]
fn a_class_is_taken_as_it_is() {
    let found = classes("y,a\ndog,1\ncat,2\nox,3\n").unwrap();
    let data = quantized(&found, "a,y\n0.5,ox\n1,cat\n-1,dog\n").unwrap();
    assert_eq!(data.kind(), DataKind::Labels { classes: 3 });
    assert_eq!(data.values(), [128, 2, 256, 0, -256, 1]);
    assert_eq!((data.num_features(), data.num_targets()), (1, 1));
    assert_eq!(data.gather(&[2, 0]), (vec![-256, 128], vec![1, 2]));
    assert_eq!(data.select(&[1]).unwrap().kind(), data.kind());
    // Where classes have names, numbers are the classes all the same.
    let numbered = quantized(&found, "a,y\n0.5,2\n1,0\n-1,1\n").unwrap();
    assert_eq!(numbered, data);
}

#[test]
fn labels_that_are_no_classes_are_refused_with_their_place() {
    let found = classes("y,a\ncat,1\ndog,2\n").unwrap();
    for (text, message) in [
        (
            "a,y\n1,cat\n2,cow\n",
            "t.csv, line 3, column \"y\": \"cow\" is none of the 2 classes \"cat\", \"dog\"; correct it",
        ),
        (
            "a,y\n1,2\n",
            "t.csv, line 2, column \"y\": \"2\" is none of the 2 classes",
        ),
        (
            "a,y\n1,0.5\n",
            "t.csv, line 2, column \"y\": \"0.5\" is no class; classes are whole numbers",
        ),
        (
            "a,y\n1,-1\n",
            "t.csv, line 2, column \"y\": \"-1\" is no class",
        ),
        (
            "a,y\n1,NaN\n",
            "t.csv, line 2, column \"y\": \"NaN\" is no class",
        ),
        (
            "a,y\n1,1e300\n",
            "t.csv, line 2, column \"y\": \"1e300\" is no class",
        ),
        (
            "a,y\n1,cat\n2, \n",
            "t.csv, line 3, column \"y\": the cell is empty",
        ),
        (
            "a,z\n1,2\n",
            "t.csv: no column \"y\"; the columns are \"a\", \"z\"",
        ),
    ] {
        let error = quantized(&found, text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    for (text, message) in [
        (
            "y,a\n1,1\n2.5,1\n",
            "t.csv, line 3, column \"y\": \"2.5\" is no class",
        ),
        (
            "y,a\n1,1\ncat,1\n",
            "t.csv, column \"y\": labels are numbers, as \"1\", and names, as \"cat\"",
        ),
        (
            "y,a\n65536,1\n",
            "t.csv, column \"y\": 65537 classes, if they are numbered from 0; from 2 to 65536",
        ),
        ("y,a\n0,1\n0,2\n", "t.csv, column \"y\": 1 classes"),
        ("y,a\ncat,1\n", "t.csv, column \"y\": 1 classes"),
        ("a\n1\n", "t.csv: no column \"y\""),
    ] {
        let error = classes(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let many: String = (0..=MAX_CLASSES).map(|k| format!("{k}x\n")).collect();
    let error = labelled(&format!("y\n{many}")).unwrap_err();
    assert!(
        matches!(error, DataError::ClassCount { found: 65537, .. }),
        "{error}"
    );
    // Read as numbers, asked for as labels.
    let error = Classes::fit(&table("y,a\n1,2\n").unwrap(), "y").unwrap_err();
    assert!(matches!(error, DataError::NotLabels { .. }), "{error}");
}

#[test]
fn more_classes_than_the_range_are_refused() {
    let half = 1 << (FixedPoint::compact().data_range_bits() - 1);
    let classes = |count| Classes::new("y".to_owned(), names(count)).unwrap();
    let text = format!("a,y\n1,{}\n", half - 1);
    let data = quantized(&classes(half), &text).unwrap();
    assert_eq!(data.targets(0), [half as i64 - 1]);
    let error = quantized(&classes(half + 1), &text)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("8193 classes")
            && error.contains("8192 numbers")
            && error.contains("raise data_range_bits"),
        "{error}"
    );
}

#[test]
fn classes_have_names_that_tell_them_apart() {
    let new = |names: &[&str]| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Classes::new("y".to_owned(), names)
    };
    assert!(new(&["0", "1"]).is_ok() && new(&["shirt", "1"]).is_ok());
    for names in [
        &[][..],
        &["a"],
        &["a", "a"],
        &["a", ""],
        &["a", " b"],
        &["1", "0"],
        &["0", "1.0"],
        &["0", "01"],
        &["nan", "1"],
    ] {
        let error = new(names).unwrap_err();
        assert!(
            matches!(error, DataError::InvalidClasses { .. }),
            "{names:?}: {error}"
        );
    }
    assert!(Classes::new("y".to_owned(), names(MAX_CLASSES)).is_ok());
    assert!(Classes::new("y".to_owned(), names(MAX_CLASSES + 1)).is_err());
    for values in [vec![0, 2, 0, 1], vec![0, -1, 0, 1]] {
        let error = Dataset::from_labelled_rows(1, 2, values).unwrap_err();
        assert!(error.to_string().contains("row 0 (from 0)"), "{error}");
    }
    for classes in [0, 1, MAX_CLASSES + 1, usize::MAX] {
        let error = Dataset::from_labelled_rows(1, classes, vec![0, 0]).unwrap_err();
        assert!(matches!(error, DataError::InvalidClasses { .. }), "{error}");
    }
}

#[test]
fn a_labelled_normalization_has_one_encoding() {
    let table = labelled("a,y\n1,dog\n3,cat\n").unwrap();
    let fitted = Normalization::fit_labelled(&table, Classes::fit(&table, "y").unwrap()).unwrap();
    assert_eq!(fitted.kind(), DataKind::Labels { classes: 2 });
    assert_eq!(
        (fitted.targets(), fitted.target_names()),
        (&[][..], vec!["y".to_owned()])
    );
    let outputs = fitted
        .outputs()
        .into_iter()
        .map(|c| (c.name, c.mean, c.deviation));
    let as_they_are = ["cat", "dog"].map(|name| (name.to_owned(), 0.0, 1.0));
    assert_eq!(outputs.collect::<Vec<_>>(), as_they_are);

    let bytes = fitted.to_bytes();
    let mut expected =
        b"zktree/v1/labelled-normalization\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a".to_vec();
    expected.extend([2.0_f64, 1.0].map(f64::to_le_bytes).concat());
    for text in [
        "\x01\0\0\0\0\0\0\0y",
        "\x02\0\0\0\0\0\0\0",
        "\x03\0\0\0\0\0\0\0cat",
        "\x03\0\0\0\0\0\0\0dog",
    ] {
        expected.extend(text.as_bytes());
    }
    assert_eq!(bytes, expected);
    assert_eq!(Normalization::from_bytes(&bytes).unwrap(), fitted);
    for len in 0..bytes.len() {
        assert!(Normalization::from_bytes(&bytes[..len]).is_err(), "{len}");
    }
    let json = serde_json::to_string(&fitted).unwrap();
    assert!(
        json.ends_with(r#""labels":{"column":"y","names":["cat","dog"]}}"#),
        "{json}"
    );
    assert_eq!(
        serde_json::from_str::<Normalization>(&json).unwrap(),
        fitted
    );
    let both = json.replace(
        "\"labels\"",
        r#""targets":[{"name":"z","mean":0.0,"deviation":1.0}],"labels""#,
    );
    assert!(serde_json::from_str::<Normalization>(&both).is_err());
    // The label's column has no other name than the features.
    let features = fitted.features().to_vec();
    let same = Classes::new("a".to_owned(), names(2)).unwrap();
    assert!(Normalization::labelled(features, same).is_err());
    assert!(Normalization::labelled(Vec::new(), fitted.classes().unwrap().clone()).is_err());
}
