//! Images and arrays: what is read is what was written, and anything else is refused.
use super::{
    formats::{gzip, idx, npy, npy_with, png, png_of, put, zip},
    *,
};
use ::png::{BitDepth, ColorType};
use proptest::prelude::*;
use std::path::Path;
use tempfile::tempdir;

/// The values of a table and the classes of its rows.
fn content(table: &Table, classes: usize) -> (Vec<f64>, Vec<i64>) {
    let names = (0..classes).map(|class| class.to_string()).collect();
    let classes = Classes::new("label".to_owned(), names).unwrap();
    (numbers(table), classes.of(table).unwrap())
}

fn refused(result: Result<Table, DataError>, what: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(what), "{error}, not {what}");
}

fn images(bytes: &[u8]) -> Result<Table, DataError> {
    Table::from_idx(("i", bytes), None::<(&str, &[u8])>)
}

fn npz(files: &[(&str, Vec<u8>)]) -> Result<Table, DataError> {
    Table::from_npz("a.npz", &zip(files, true))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any images are the same table in all formats.
    #[test]
    fn formats_agree(
        [height, width, samples] in [1_usize..6, 1_usize..6, 1_usize..5],
        seed in any::<u64>(),
        rows in 1_usize..7,
    ) {
        use rand::{Rng, SeedableRng};
        let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed);
        let size = height * width * samples;
        let pixels: Vec<u8> = (0..rows * size).map(|_| rng.r#gen()).collect();
        let mut labels: Vec<u8> = (0..rows).map(|_| rng.gen_range(0..3)).collect();
        // As folders are read.
        labels.sort_unstable();
        let axes = [rows, height, width, samples];
        let expected = (
            pixels.iter().map(|x| f64::from(*x)).collect(),
            labels.iter().map(|x| i64::from(*x)).collect(),
        );

        let dir = tempdir().unwrap();
        let dir = dir.path();
        let file = |name: &str| dir.join(name);
        let written = idx(&axes.map(|axis| axis as u32), &pixels);
        put(dir, "images", &written);
        put(dir, "images.gz", &gzip(&written));
        let written = idx(&[rows as u32], &labels);
        put(dir, "labels", &written);
        put(dir, "labels.gz", &gzip(&written));
        for (n, label) in labels.iter().enumerate() {
            let image = png([height, width, samples], &pixels[n * size..][..size]);
            put(dir, &format!("png/{label}/{n}.PNG"), &image);
        }
        let arrays = [
            ("x.npy", npy("|u1", &axes.map(|axis| axis as u64), &pixels)),
            ("y.npy", npy("|u1", &[rows as u64], &labels)),
        ];
        put(dir, "stored.npz", &zip(&arrays, false));
        put(dir, "packed.npz", &zip(&arrays, true));
        for (data, labels) in [
            ("images", Some("labels")),
            ("images.gz", Some("labels.gz")),
            ("images", Some("labels.gz")),
            ("png", None),
            ("stored.npz", None),
            ("packed.npz", None),
        ] {
            let labels = labels.map(file);
            let data = file(data);
            let source = Source { data: &data, labels: labels.as_deref(), label: None };
            let table = source.read().unwrap();
            prop_assert_eq!(table.label(), Some("label"));
            prop_assert_eq!(&content(&table, 3), &expected, "{:?}", data);
            let names: Vec<String> = (0..size).map(|k| format!("p{k}")).collect();
            prop_assert_eq!(table.columns(), &names);
        }
    }

    /// No header stops the reader otherwise than by an error.
    #[test]
    fn headers_are_read_or_refused(text in r"[{}'a-z:,()0-9 |<TrueFals_]{0,80}", tail in any::<[u8; 8]>()) {
        let _ = npz(&[("x.npy", npy_with(&text, &tail))]);
    }
}

#[test]
fn pixels_are_divided_by_255_and_nothing_else() {
    let table = Table::from_idx(
        ("i", idx(&[2, 1, 2], &[0, 255, 51, 7]).as_slice()),
        Some(("l", idx(&[2], &[1, 0]).as_slice())),
    )
    .unwrap();
    let classes = Classes::fit(&table, "label").unwrap();
    let normalization = Normalization::fit_labelled(&table, classes).unwrap();
    let scaled = |c: &ColumnStatistics| (c.mean, c.deviation) == (0.0, 255.0);
    assert!(normalization.features().iter().all(scaled));
    let data = Dataset::quantize(&table, &normalization, &FixedPoint::compact()).unwrap();
    // 51/255 is 0.2, and 0.2 * 256 is 51.2; 7/255 * 256 is 7.03.
    assert_eq!(data.values(), [0, 256, 1, 51, 7, 0]);
    // The class as a number, which is standardised as others are.
    let fitted = Normalization::fit(&table, &["label".to_owned()]).unwrap();
    assert_eq!(fitted.features(), normalization.features());
    assert_eq!(
        (fitted.targets()[0].mean, fitted.targets()[0].deviation),
        (0.5, 0.5)
    );
    let data = Dataset::quantize(&table, &fitted, &FixedPoint::compact()).unwrap();
    assert_eq!(data.kind(), DataKind::Numbers { targets: 1 });
    assert_eq!(data.values(), [0, 256, 256, 51, 7, -256]);
}

#[test]
fn arrays_of_numbers_have_statistics_and_float_images_have_none() {
    let floats = |values: &[f64]| {
        values
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let labels = (
        "labels.npy",
        npy(
            "<i8",
            &[2],
            &[[1_i64, 0].map(i64::to_le_bytes).concat()].concat(),
        ),
    );
    let rows = (
        "images.npy",
        npy("<f8", &[2, 2], &floats(&[1.0, -2.5, 3.0, -2.5])),
    );
    let table = npz(&[rows, labels.clone()]).unwrap();
    assert_eq!(table.columns(), ["x0", "x1"]);
    assert_eq!(content(&table, 2), (vec![1.0, -2.5, 3.0, -2.5], vec![1, 0]));
    let fitted = Normalization::fit(&table, &["x1".to_owned()]).unwrap();
    assert_eq!(
        (fitted.features()[0].mean, fitted.features()[0].deviation),
        (2.0, 1.0)
    );

    let ints: Vec<u8> = [5_i32, -6].iter().flat_map(|x| x.to_le_bytes()).collect();
    let table = npz(&[("x.npy", npy("<i4", &[2, 1], &ints)), labels]).unwrap();
    assert_eq!(numbers(&table), [5.0, -6.0]);

    let halves: Vec<u8> = [0.5_f32, 0.25]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let table = npz(&[("x.npy", npy("<f4", &[1, 1, 2], &halves))]).unwrap();
    assert_eq!((table.columns()[0].as_str(), table.label()), ("p0", None));
    assert_eq!(numbers(&table), [0.5, 0.25]);
    let fitted = Normalization::fit(&table, &["p1".to_owned()]).unwrap();
    assert_eq!(
        (fitted.features()[0].mean, fitted.features()[0].deviation),
        (0.0, 1.0)
    );
    // Classes in floats are whole.
    let of = |y: f64| {
        let x = ("x.npy", npy("|u1", &[1, 1], &[9]));
        Classes::fit(
            &npz(&[x, ("y.npy", npy("<f8", &[1], &floats(&[y])))])?,
            "label",
        )
    };
    assert_eq!(of(2.0).unwrap().count(), 3);
    for y in [2.5, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        let error = of(y).unwrap_err().to_string();
        assert!(
            error.starts_with("a.npz, row 0 (from 0), column \"label\""),
            "{error}"
        );
    }
    let infinite = ("x.npy", npy("<f8", &[2, 1], &floats(&[1.0, f64::INFINITY])));
    refused(
        npz(&[infinite]),
        "a.npz, row 1 (from 0), column \"x0\": \"inf\" is not finite",
    );
}

#[test]
fn other_idx_files_are_refused() {
    let good = idx(&[2, 1, 2], &[1, 2, 3, 4]);
    assert_eq!(images(&good).unwrap().num_rows(), 2);
    for len in 0..good.len() {
        refused(images(&good[..len]), "cut");
    }
    refused(
        images(&[&good[..], &[0]].concat()),
        "more bytes follow than the 4 values",
    );
    let packed = gzip(&good);
    for len in 2..packed.len() {
        refused(images(&packed[..len]), "i: cannot be read as IDX: it ");
    }
    let mut altered = packed.clone();
    let check_sum = altered.len() - 8;
    altered[check_sum] ^= 1;
    refused(images(&altered), "cannot be read or unpacked");
    refused(images(&[packed, gzip(b"x")].concat()), "more bytes follow");
    refused(images(&gzip(b"a,b\n1,2\n")), "another kind of file");
    let mut kind = good.clone();
    kind[2] = 0x0d;
    refused(images(&kind), "type 0x0d");
    for (axes, what) in [
        (&[][..], "no axes"),
        (&[4], "1 axes"),
        (&[0, 2, 2], "nothing in it"),
        (&[1, 0, 2], "nothing in it"),
        (&[1, 256, 257], "more than 65536 values"),
        (&[1, u32::MAX, u32::MAX, u32::MAX], "more than 65536 values"),
        (&[u32::MAX, 256, 256], "more than 268435456 values; split"),
        (&[1, 1, 1, 1, 1], "5 axes"),
    ] {
        refused(images(&idx(axes, &[1, 2, 3, 4])), what);
    }
    let labelled = |labels: &[u8]| Table::from_idx(("i", good.as_slice()), Some(("l", labels)));
    refused(labelled(&idx(&[3], &[0, 1, 2])), "i: 2 rows, and 3 labels");
    refused(
        labelled(&idx(&[2, 1], &[0, 1])),
        "l: cannot be read as IDX: its shape is [2, 1]",
    );
    refused(labelled(&good), "l: cannot be read as IDX");
    refused(labelled(&[]), "l: cannot be read as IDX");
    let error = Classes::fit(&images(&good).unwrap(), "label").unwrap_err();
    assert!(matches!(error, DataError::NoLabels { .. }), "{error}");
}

#[test]
fn other_npz_files_are_refused() {
    let x = |bytes: Vec<u8>| [("x.npy", bytes)];
    let values = [1, 2, 3, 4];
    assert_eq!(npz(&x(npy("|u1", &[2, 2], &values))).unwrap().num_rows(), 2);
    for (file, what) in [
        (
            npy("|u1", &[2, 2], &values[..3]),
            "array \"x\": it ends behind 3 of 4 values",
        ),
        (
            npy("|u1", &[2, 1], &values),
            "more bytes follow than the 2 values",
        ),
        (npy("|u1", &[4], &values), "1 axes"),
        (npy("|u1", &[2, 0], &values), "nothing in it"),
        (
            npy("|u1", &[1 << 40, 1 << 40], &values),
            "more than 65536 values",
        ),
        (
            npy("<f8", &[1 << 28, 2], &values),
            "more than 268435456 values",
        ),
        (
            npy(">f8", &[2, 2], &values),
            "its type is \">f8\"; take one of u1",
        ),
        (npy("|O", &[2, 2], &values), "its type is \"|O\""),
        (
            npy_with(
                "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}",
                &values,
            ),
            "Fortran's order",
        ),
        (
            npy_with("{'descr': '|u1', 'shape': (2, 2)}", &values),
            "its header cannot be read",
        ),
        (
            npy_with(
                "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2, 2)}",
                &values,
            ),
            "its header cannot",
        ),
        (
            npy_with(
                "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (2, 2)}",
                &values,
            ),
            "its header cannot",
        ),
        (
            npy_with(
                "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 2)}",
                &values,
            ),
            "its header cannot",
        ),
        (
            npy_with(
                "{'descr': '|u1' 'fortran_order': False 'shape': (2, 2)}",
                &values,
            ),
            "its header cannot",
        ),
        (
            npy_with(
                "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 2)}",
                &values,
            ),
            "its header cannot",
        ),
        (
            npy_with(&"x".repeat(5000), &values),
            "its header has 5000 bytes",
        ),
        (b"\x93NUMPY\x09\x00".to_vec(), "its version is 9"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            "its header has 4294967295 bytes",
        ),
        (b"\x93NUM".to_vec(), "ends within its header"),
        (b"text of some length".to_vec(), "it is no NPY array"),
    ] {
        refused(npz(&x(file)), what);
    }
    let good = npy("|u1", &[2, 2], &values);
    let two = [("x.npy", good.clone()), ("images.npy", good.clone())];
    refused(
        npz(&two),
        "it has \"x\" and \"images\", or one of them twice",
    );
    refused(
        npz(&[("x.npy", good.clone()), ("x.npy", good.clone())]),
        "or one of them twice",
    );
    refused(
        npz(&[("z.npy", good.clone())]),
        "there is no array \"x\" or \"images\"; the arrays are \"z\"",
    );
    let labels = ("y.npy", npy("|u1", &[3], &values[..3]));
    refused(
        npz(&[("x.npy", good.clone()), labels]),
        "a.npz: 2 rows, and 3 labels",
    );
    let labels = ("y.npy", good.clone());
    refused(
        npz(&[("x.npy", good.clone()), labels]),
        "array \"y\": its shape is [2, 2]; labels are [n]",
    );
    let whole = zip(&x(good), true);
    for len in 0..whole.len() {
        refused(
            Table::from_npz("a.npz", &whole[..len]),
            "a.npz: cannot be read as NPZ",
        );
    }
    // A changed byte changes nothing that is read, or is refused.
    let expected = numbers(&Table::from_npz("a.npz", &whole).unwrap());
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x11;
        if let Ok(table) = Table::from_npz("a.npz", &altered) {
            assert_eq!(numbers(&table), expected, "{at}");
        }
    }
}

#[test]
fn colours_of_any_kind_are_expanded() {
    let dir = tempdir().unwrap();
    let read = |file: Vec<u8>| {
        put(dir.path(), "0.png", &file);
        Table::read(dir.path())
    };
    let palette = png_of([1, 2], (ColorType::Indexed, BitDepth::One), &[0b0100_0000]);
    assert_eq!(
        numbers(&read(palette).unwrap()),
        [1.0, 2.0, 3.0, 250.0, 251.0, 252.0]
    );
    let bits = png_of(
        [1, 3],
        (ColorType::Grayscale, BitDepth::One),
        &[0b1010_0000],
    );
    assert_eq!(numbers(&read(bits).unwrap()), [255.0, 0.0, 255.0]);
    let wide = png_of([1, 1], (ColorType::Grayscale, BitDepth::Sixteen), &[1, 2]);
    refused(
        read(wide),
        "0.png: cannot be read as PNG: it has 16 bits a sample",
    );
    let large = png([256, 257, 1], &[0; 256 * 257]);
    refused(read(large), "257 x 256 pixels; at most 65536");
    let large = png([256, 129, 2], &[0; 256 * 129 * 2]);
    refused(read(large), "more than 65536 values");
    let good = png([2, 2, 1], &[1, 2, 3, 4]);
    for len in 0..good.len() {
        assert!(read(good[..len].to_vec()).is_err(), "{len}");
    }
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 0x11;
        if let Ok(table) = read(altered) {
            assert_eq!(numbers(&table), [1.0, 2.0, 3.0, 4.0], "{at}");
        }
    }
}

/// A folder with these files, one pixel each unless something else is said.
fn folder(files: &[(&str, Vec<u8>)]) -> Result<Table, DataError> {
    let dir = tempdir().unwrap();
    for (name, bytes) in files {
        put(dir.path(), name, bytes);
    }
    Table::read(dir.path())
}

#[test]
fn folders_are_classes_in_the_order_of_names() {
    let pixel = |value| png([1, 1, 1], &[value]);
    let table = folder(&[
        ("shoe/b.png", pixel(2)),
        ("shoe/a.png", pixel(1)),
        ("bag/z.png", pixel(9)),
        (".hidden/x.png", pixel(7)),
        ("bag/.hidden", vec![]),
    ])
    .unwrap();
    assert_eq!(numbers(&table), [9.0, 1.0, 2.0]);
    let classes = Classes::fit(&table, "label").unwrap();
    assert_eq!(classes.names(), ["bag", "shoe"]);
    assert_eq!(classes.of(&table).unwrap(), [0, 1, 1]);
    let flat = folder(&[("b.png", pixel(2)), ("a.png", pixel(1))]).unwrap();
    assert_eq!((numbers(&flat), flat.label()), (vec![1.0, 2.0], None));
    // A class without images.
    let dir = tempdir().unwrap();
    put(dir.path(), "a/0.png", &pixel(1));
    std::fs::create_dir(dir.path().join("b")).unwrap();
    let table = Table::read(dir.path()).unwrap();
    assert_eq!(Classes::fit(&table, "label").unwrap().names(), ["a", "b"]);
    // Names are no numbers.
    let error = Normalization::fit(&table, &["label".to_owned()])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("row 0 (from 0), column \"label\": \"a\" is not a number"),
        "{error}"
    );

    for (files, what) in [
        (vec![], "there is no PNG file in it"),
        (
            vec![("a/0.png", pixel(1)), ("0.png", pixel(1))],
            "0.png: cannot be read as PNG: it is beside the folder a",
        ),
        (
            vec![("a/b/0.png", pixel(1))],
            "a/b: cannot be read as PNG: it is a folder in the folder of a class",
        ),
        (
            vec![("a/0.jpg", pixel(1))],
            "0.jpg: cannot be read as PNG: its name does not end in .png",
        ),
        (
            vec![("a/0.png", b"text".to_vec())],
            "0.png: cannot be read as PNG",
        ),
        (
            vec![("a/0.png", pixel(1)), ("b/1.png", png([1, 2, 1], &[1, 2]))],
            "1.png: cannot be read as PNG: its size is [1, 2, 1] (height, width, samples a pixel), that of images before it [1, 1, 1]",
        ),
    ] {
        refused(folder(&files), what);
    }
}

#[test]
fn names_and_first_bytes_agree() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    let image = idx(&[1, 1, 1], &[1]);
    for (name, bytes, what) in [
        (
            "a.npz",
            b"a,b\n1,2\n".to_vec(),
            "a.npz: cannot be read as NPZ: it does not begin",
        ),
        (
            "a.gz",
            b"a,b\n1,2\n".to_vec(),
            "a.gz: cannot be read as IDX: it does not begin",
        ),
        (
            "images-idx3-ubyte",
            b"a,b\n1,2\n".to_vec(),
            "cannot be read as IDX: it does not begin",
        ),
        ("b.npz", image.clone(), "b.npz: cannot be read as NPZ"),
        (
            "a.png",
            png([1, 1, 1], &[1]),
            "a.png: cannot be read as PNG: it is one image",
        ),
        (
            "x.npy",
            npy("|u1", &[1, 1], &[1]),
            "x.npy: cannot be read as NPZ: it is one array",
        ),
        (
            "a.csv",
            vec![0xff, 0xfe],
            "cannot be read as comma-separated",
        ),
    ] {
        put(dir, name, &bytes);
        refused(Table::read(dir.join(name)), what);
    }
    put(dir, "labels", &idx(&[1], &[0]));
    put(dir, "images", &image);
    put(dir, "t.csv", b"a,b\n1,2\n");
    put(
        dir,
        "t.npz",
        &zip(&[("x.npy", npy("|u1", &[1, 1], &[1]))], false),
    );
    put(dir, "png/0.png", &png([1, 1, 1], &[1]));
    let labels = dir.join("labels");
    let read = |name: &str, labels: &Path| {
        let data = dir.join(name);
        Source {
            data: &data,
            labels: Some(labels),
            label: None,
        }
        .read()
    };
    assert_eq!(read("images", &labels).unwrap().label(), Some("label"));
    for name in ["t.csv", "t.npz", "png"] {
        refused(
            read(name, &labels),
            "cannot be read as IDX: it is no such file, and others hold their labels",
        );
    }
    assert!(matches!(
        read("images", &dir.join("none")),
        Err(DataError::Open { .. })
    ));
    assert!(matches!(
        Table::read(dir.join("none")),
        Err(DataError::Open { .. })
    ));
}
