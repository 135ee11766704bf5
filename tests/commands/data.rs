//! Images and arrays in place of CSV, in every command that reads data.
use crate::{
    formats::{gzip, idx, npy, png, put, zip},
    world::World,
};
use serde_json::Value;

const ROWS: usize = 12;

/// Rows of three pixels and their class, classes in order as folders are.
fn rows() -> (Vec<u8>, Vec<u8>) {
    let pixels = (0..3 * ROWS).map(|k| (k * k * 37 % 256) as u8).collect();
    let labels = (0..ROWS).map(|n| (n / 5) as u8).collect();
    (pixels, labels)
}

/// The same images in all formats.
fn world() -> World {
    let world = World::new();
    world.ok("key --out alice.pem");
    let (pixels, labels) = rows();
    let (dir, n) = (world.path(""), ROWS as u32);
    put(&dir, "images", &idx(&[n, 1, 3], &pixels));
    put(&dir, "labels", &idx(&[n], &labels));
    put(&dir, "images.gz", &gzip(&idx(&[n, 1, 3], &pixels)));
    put(&dir, "labels.gz", &gzip(&idx(&[n], &labels)));
    let arrays = [
        ("x.npy", npy("|u1", &[ROWS as u64, 3], &pixels)),
        ("labels.npy", npy("|u1", &[ROWS as u64], &labels)),
    ];
    put(&dir, "images.npz", &zip(&arrays, true));
    for (k, (image, label)) in pixels.chunks(3).zip(&labels).enumerate() {
        let image = png([1, 1, 3], image);
        put(&dir, &format!("png/{label}/{k:02}.png"), &image);
    }
    let text = pixels.chunks(3).zip(&labels);
    let text = text.map(|(p, label)| format!("{},{},{},{label}\n", p[0], p[1], p[2]));
    let text: String = std::iter::once("p0,p1,p2,label\n".to_owned())
        .chain(text)
        .collect();
    world.write("images.csv", &text);
    world
}

/// Data, and the file of their labels.
const FORMATS: [(&str, &str); 5] = [
    ("images", " --labels labels"),
    ("images.gz", " --labels labels.gz"),
    ("images.npz", ""),
    ("png", ""),
    ("images.csv", ""),
];

fn init(tree: &str, (data, labels): (&str, &str)) -> String {
    format!("init --tree {tree} --layers 3,4,1 --seed 7 --curve pallas --normalize {data}{labels}")
}

fn train(parent: &str, (data, labels): (&str, &str)) -> String {
    format!(
        "train --tree tree --parent {parent} --data {data}{labels} --steps 2 --batch 4 \
         --learning-rate 0.02 --key alice.pem"
    )
}

#[test]
fn all_commands_read_all_formats_alike() {
    let world = world();
    let root = world.ok(&format!("{} --target label", init("tree", FORMATS[0])));
    let first = world.json(&format!("{} --target label", train(&root, FORMATS[0])));
    let id = first["id"].as_str().unwrap();
    world.ok("verify --tree tree --no-cache");
    world.ok(&format!(
        "prove-row --tree tree {id} --row 7 --out row.json"
    ));
    let evaluate =
        |(data, labels): (&str, &str)| format!("evaluate --tree tree {id} --data {data}{labels}");
    world.ok(&format!("{} --prove error.json", evaluate(FORMATS[0])));
    let predict = |data: &str| format!("predict --tree tree {id} --input {data}");
    world.ok(&format!("{} --prove prediction.json", predict("images")));
    let (predicted, error) = (
        world.json(&predict("images")),
        world.json(&evaluate(FORMATS[0])),
    );
    assert_eq!(predicted["rows"], ROWS);
    for (seed, format) in (1..).zip(FORMATS) {
        let (data, labels) = format;
        assert_eq!(world.json(&predict(data)), predicted, "{data}");
        assert_eq!(world.json(&evaluate(format)), error, "{data}");
        let row =
            format!("verify-row --tree tree {id} row.json --data {data}{labels} --data-row 7");
        world.ok(&row);
        let other = row.replace("--data-row 7", "--data-row 6");
        assert!(world.fails(1, &other).contains("becomes"), "{data}");
        world.ok(&format!(
            "verify-prediction --tree tree prediction.json --data {data}"
        ));
        world.ok(&format!(
            "verify-prediction --tree tree error.json --data {data}{labels}"
        ));
        // The same data set, which is committed once.
        let again = format!("{} --target label --seed {seed}", train(&root, format));
        assert_eq!(world.json(&again)["dataset"], first["dataset"], "{data}");
        // Pixels have no statistics: whoever starts from them has the same root. A table of text has.
        let other = world.ok(&format!(
            "{} --target label",
            init(&format!("tree-{seed}"), format)
        ));
        assert_eq!(other == root, data != "images.csv", "{data}");
    }
}

/// What a root of classes is made of: labels say that outputs are scores.
fn classes(tree: &str, network: &str, (data, labels): (&str, &str)) -> String {
    format!(
        "init --tree {tree} {network} --seed 7 --curve pallas --normalize {data}{labels} --label label"
    )
}

#[test]
fn classes_are_learned_predicted_and_counted() {
    let world = world();
    for (k, (network, format)) in [
        ("--layers 3,4,3", FORMATS[4]),
        ("--layers 3,4,3", FORMATS[2]),
        ("--network cnn:1x1x3,conv2k1,linear3", FORMATS[1]),
    ]
    .into_iter()
    .enumerate()
    {
        let (data, labels) = format;
        let tree = format!("classes-{k}");
        let report = world.json(&classes(&tree, network, format));
        assert_eq!(report["preset"], "classifier");
        let root = report["id"].as_str().unwrap();
        let command = format!(
            "train --tree {tree} --parent {root} --data {data}{labels} --label label --steps 4 --batch 4 \
             --segment-steps 2 --learning-rate 0.01 --optimizer momentum:0.9 --key alice.pem"
        );
        let child = world.json(&command)["id"].as_str().unwrap().to_owned();
        world.ok(&format!("verify --tree {tree} --no-cache"));
        let predicted = world.ok(&format!("predict --tree {tree} {child} --input {data}"));
        let header = predicted.lines().next().unwrap();
        assert!(header.ends_with(",class"), "{header}");
        let right = predicted.lines().skip(1).enumerate();
        let right = right.filter(|(n, line)| right_class(line, *n)).count();
        let evaluate = format!("evaluate --tree {tree} {child} --data {data}{labels}");
        let report = world.json(&format!("{evaluate} --prove right-{k}.json"));
        assert_eq!(report["correct"], right);
        assert!(report["cross_entropy"].as_f64().unwrap() > 0.0);
        let verify = format!("verify-prediction --tree {tree}");
        let verified = world.json(&format!("{verify} right-{k}.json --data {data}{labels}"));
        assert_eq!(verified["correct"], right);
        world.ok(&format!("{evaluate} --prove hidden-{k}.json --hide-data"));
        world.ok(&format!("{verify} hidden-{k}.json"));
        // One more is right.
        let text = String::from_utf8(world.read(&format!("right-{k}.json"))).unwrap();
        let more = text.replace(
            &format!("\"count\":{right}"),
            &format!("\"count\":{}", right + 1),
        );
        assert_ne!(text, more);
        world.write("more.json", &more);
        let message = world.fails(1, &format!("{verify} more.json"));
        assert!(message.contains("the claim is not proven"), "{message}");
        let message = world.fails(2, &format!("{evaluate} --metric mse"));
        assert!(
            message.contains("this network has accuracy and cross-entropy"),
            "{message}"
        );
        let message = world.fails(
            2,
            &format!("{evaluate} --metric cross-entropy --prove x.json"),
        );
        assert!(
            message.contains("a proof can only say accuracy"),
            "{message}"
        );
    }
}

#[test]
fn numbers_and_classes_are_told_apart() {
    let world = world();
    let root = world.ok(&format!("{} --target label", init("tree", FORMATS[0])));
    for format in FORMATS {
        // One score is no class.
        let message = world.fails(2, &classes("new", "--layers 3,4,1", format));
        assert!(
            message.contains("scores of two or more classes"),
            "{message}"
        );
        // Nor do two classes name three.
        let message = world.fails(2, &classes("new", "--layers 3,4,2", format));
        assert!(
            message.contains("2 outputs") && message.contains("3 targets"),
            "{message}"
        );
        let message = world.fails(2, &format!("{} --label label", train(&root, format)));
        let expected = "--label \"label\": the networks of this tree predict \"label\" as numbers; \
                        name them by --target";
        assert!(message.contains(expected), "{message}");
    }
    assert!(!world.path("new").exists());
}

/// Whether a line of predictions has the class of that row.
fn right_class(line: &str, row: usize) -> bool {
    line.ends_with(&format!(",{}", row / 5))
}

#[test]
fn wrong_images_are_named() {
    let world = world();
    let root = world.ok(&format!("{} --target label", init("tree", FORMATS[0])));
    let (pixels, labels) = rows();
    let (dir, n) = (world.path(""), ROWS as u32);
    put(&dir, "cut.gz", &gzip(&idx(&[n, 1, 3], &pixels[1..])));
    put(&dir, "huge", &idx(&[u32::MAX, 64, 64], &pixels));
    put(&dir, "few", &idx(&[n - 1], &labels[1..]));
    put(&dir, "wide", &idx(&[n, 1, 4], &[9; 4 * ROWS]));
    put(&dir, "narrow", &idx(&[n, 1, 2], &[9; 2 * ROWS]));
    put(&dir, "empty.npz", &zip(&[], true));
    put(&dir, "mixed/a/0.png", &png([1, 3, 1], &[1, 2, 3]));
    put(&dir, "mixed/b/1.png", &png([1, 2, 1], &[1, 2]));
    put(&dir, "named/cat/0.png", &png([1, 3, 1], &[1, 2, 3]));
    world.write("classes.txt", "zero\none\none\n");
    let train = |data: &str| train(&root, (data, " --target label"));
    for (arguments, what) in [
        (
            train("cut.gz --labels labels"),
            "cut.gz: cannot be read as IDX: it ends behind 35 of 36 values",
        ),
        (
            train("huge --labels labels"),
            "huge: cannot be read as IDX: its shape is [4294967295, 64, 64]",
        ),
        (
            train("images --labels few"),
            "images: 12 rows, and 11 labels",
        ),
        (
            train("images --labels images"),
            "images: cannot be read as IDX: its shape is [12, 1, 3]; labels are [n]",
        ),
        (train("images --labels none"), "none: cannot be opened"),
        (
            train("images"),
            "images: it has no labels; they are a file of their own (IDX)",
        ),
        (
            train("images.npz --labels labels"),
            "images.npz: cannot be read as IDX: it is no such file",
        ),
        (train("narrow --labels labels"), "narrow: no column \"p2\""),
        (train("empty.npz"), "empty.npz: cannot be read as NPZ"),
        (
            train("mixed"),
            "mixed/b/1.png: cannot be read as PNG: its size is [1, 2, 1]",
        ),
        (
            train("named"),
            "named, row 0 (from 0), column \"label\": \"cat\" is not a number",
        ),
        (
            format!("{} --label other", init("new", FORMATS[0])),
            "images: no column \"other\"; the columns are \"label\", \"p0\"",
        ),
        (
            format!("{} --label label --target p0", init("new", FORMATS[0])),
            "cannot be used with",
        ),
        (
            format!(
                "{} --class-names classes.txt --target p0",
                init("new", FORMATS[0])
            ),
            "--label",
        ),
        (init("new", FORMATS[0]), "--target"),
        (
            format!(
                "{} --label label --class-names classes.txt",
                init("new", FORMATS[0])
            ),
            "classes.txt: the classes are invalid: \"one\" appears twice",
        ),
        (
            format!(
                "{} --label label --class-names none.txt",
                init("new", FORMATS[0])
            ),
            "none.txt",
        ),
    ] {
        let message = world.fails(2, &arguments);
        assert!(message.contains(what), "{arguments}: {message}, not {what}");
    }
    assert!(!world.path("new").exists());
    // Columns that a tree has no use for are ignored, as those of text are.
    world.ok(&train("wide --labels labels"));
    let shown: Value = world.json("show --tree tree");
    assert_eq!(shown["nodes"].as_array().unwrap().len(), 2);
}
