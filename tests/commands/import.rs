//! A network of another program becomes a root of unknown origin.
use crate::world::World;
use serde_json::json;
use std::path::Path;

fn scene() -> World {
    let world = World::new();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/import");
    for entry in std::fs::read_dir(vectors).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(
            entry.path(),
            world.path(entry.file_name().to_str().unwrap()),
        )
        .unwrap();
    }
    world.write("rows.csv", "x0,x1,x2\n0.5,-1,2\n1.5,0.25,-0.75\n");
    world.ok("key --out me.pem");
    world
}

#[test]
fn a_model_of_another_program_predicts_and_is_trained_on() {
    let world = scene();
    let made = world
        .json("import --key me.pem --tree tree gemm.onnx --curve pallas --compare rows.csv --title their_model");
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["layers"], json!([3, 5, 4, 2]));
    assert_eq!(
        (&made["origin"], &made["quantization"]["rows"]),
        (&json!("unknown"), &json!(2))
    );
    assert!(made["quantization"]["max_error"].as_f64().unwrap() < 0.05);
    let shown = world.ok("show --tree tree");
    assert!(
        shown.contains("root \"their model\" 3-5-4-2, origin unknown, imported by "),
        "{shown}"
    );
    for format in ["json", "dot", "svg", "html"] {
        let picture = world.ok(&format!("show --tree tree --format {format}"));
        assert!(picture.contains("unknown"), "{format}");
    }
    world.ok("verify --tree tree");

    // Somebody else has the root, not its weights.
    world.ok(
        "init --tree copy --layers 3,4,1 --seed 7 --normalize all.csv --target y --curve pallas",
    );
    world.ok("pull --tree copy tree");
    let short = &id[..10];
    world.ok(&format!(
        "predict --tree tree {short} --input rows.csv --prove p.json"
    ));
    let checked = world.json("verify-prediction --tree copy p.json");
    assert_eq!((&checked["id"], &checked["rows"]), (&json!(id), &json!(2)));
    let refused = world.fails(2, &format!("predict --tree copy {short} --input rows.csv"));
    let ask = format!(
        "ask {}, who imported",
        &made["author"].as_str().unwrap()[..12]
    );
    assert!(refused.contains(&ask), "{refused}");
    world.ok(&format!(
        "export --tree tree {short} --out w.safetensors --with-opening"
    ));
    world.ok(&format!("check-weights --tree copy {short} w.safetensors"));

    // A child of it, whose lineage ends in weights that nobody proves to have been trained.
    world.write(
        "train.csv",
        "x0,x1,x2,y0,y1\n1,2,1,0,1\n0,1,1,1,0\n1,0,2,0,0\n0,0,1,1,1\n",
    );
    let child = world.ok(&format!(
        "train --tree tree --parent {short} --data train.csv --target y0 --target y1 --steps 2 \
         --batch 2 --learning-rate 0.01 --key me.pem"
    ));
    let verified = world.json(&format!("verify --tree tree {child} --no-cache"));
    assert_eq!(
        (&verified["verified"], &verified["edges"]),
        (&json!(true), &json!(1))
    );
    // The root's range, the edge, its data's range.
    assert_eq!(verified["soundness"]["proofs"], json!(3));
    world.ok("pull --tree copy tree");
    world.ok(&format!("verify --tree copy {child}"));
}

#[test]
fn every_kind_of_file_is_imported() {
    let world = scene();
    for (file, more) in [
        ("matmul.onnx", ""),
        ("half.onnx", "--preset paper"),
        ("sequential.safetensors", "--weight-bits 12"),
        ("keras.safetensors", "--names names.json"),
    ] {
        let vectors: serde_json::Value =
            serde_json::from_slice(&world.read("vectors.json")).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["file"] == file).unwrap();
        world.write("names.json", &case["names"].to_string());
        let made = world.json(&format!(
            "import --key me.pem --tree trees {file} {more} --curve pallas --compare rows.csv"
        ));
        assert_eq!(made["parameters"], json!(54));
    }
    assert_eq!(world.ids("trees").len(), 4);
    let grid = |more: &str| {
        let arguments = "import --key me.pem --tree limited --curve pallas gemm.onnx --title";
        world.json(&format!("{arguments} {more}"))["grid"].clone()
    };
    assert_ne!(grid("a --weight-limit 100"), grid("b"));
    let refused =
        "import --key me.pem --tree limited gemm.onnx --curve pallas --weight-limit 0.001";
    assert!(world.fails(2, refused).contains("the largest that fits"));
}

/// A root is its importer's: whoever has not the key cannot make it say something else.
#[test]
fn imported_roots_are_signed() {
    let world = scene();
    let without = world.fails(2, "import --tree tree gemm.onnx --curve pallas");
    assert!(without.contains("--key"), "{without}");
    let made = world.json(
        "import --key me.pem --tree tree gemm.onnx --curve pallas --title theirs --licence CC0-1.0 \
         --note a_note",
    );
    let id = made["id"].as_str().unwrap();
    let shown = &world.json("show --tree tree")["nodes"][0]["imported"];
    assert_eq!(shown["author"], made["author"]);
    assert_eq!(
        (&shown["licence"], &shown["note"]),
        (&json!("CC0-1.0"), &json!("a note"))
    );
    let author = made["author"].as_str().unwrap();
    world.ok(&format!("verify --tree tree --author {author}"));
    let other = world.ok("key --out other.pem");
    let refused = world.fails(1, &format!("verify --tree tree --author {other}"));
    assert!(
        refused.contains(&format!("{} \"theirs\"", &id[..12])),
        "{refused}"
    );
    world.ok(
        "init --tree copy --layers 3,4,1 --seed 7 --normalize all.csv --target y --curve pallas",
    );
    world.fails(1, &format!("pull --tree copy tree --author {other}"));
    world.ok(&format!("pull --tree copy tree --author {author}"));
    // The log is signed by the same key.
    let log = world.json("log --tree tree");
    assert_eq!(log["signed"]["signer"], made["author"]);
    assert_eq!(log["entries"][0]["title"], "theirs");

    let file = world.path("tree/roots").join(id);
    let honest = std::fs::read(&file).unwrap();
    let at = honest.windows(6).position(|w| w == b"theirs").unwrap();
    let mut altered = honest.clone();
    altered[at..at + 6].copy_from_slice(b"nobody");
    std::fs::write(&file, altered).unwrap();
    world.fails(1, "verify --tree tree");
    let mut unsigned = honest.clone();
    *unsigned.last_mut().unwrap() ^= 1;
    std::fs::write(&file, unsigned).unwrap();
    let refused = world.fails(1, "verify --tree tree");
    assert!(
        refused.contains("the signature is not its author's"),
        "{refused}"
    );
    std::fs::write(&file, honest).unwrap();
    world.ok("verify --tree tree");
}

/// Raw columns are folded into the layers: the same rows, the same predictions.
#[test]
fn raw_columns_are_folded_in() {
    let world = scene();
    let mut table = "x0,x1,x2,y0,y1\n".to_owned();
    for k in 0..12 {
        table += &format!(
            "{},{},{},{},{}\n",
            k % 5,
            (k * k) % 7,
            k % 3,
            k % 4,
            (k + 2) % 3
        );
    }
    world.write("table.csv", &table);
    world.write("in.csv", "x0,x1,x2\n1,2,1\n3,1,0\n");
    let plain = world.ok("import --key me.pem --tree tree gemm.onnx --curve pallas");
    let raw = world.ok(
        "import --key me.pem --tree tree gemm.onnx --curve pallas --normalize table.csv --target y0 --target y1 --raw",
    );
    let predictions = |id: &str| {
        let shown = world.json(&format!("predict --tree tree {id} --input in.csv"));
        let rows = shown["predictions"].as_array().unwrap().clone();
        rows.iter()
            .flat_map(|row| row.as_array().unwrap().clone())
            .map(|value| value.as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    for (a, b) in predictions(&plain).iter().zip(predictions(&raw)) {
        assert!((a - b).abs() < 0.05, "{a} {b}");
    }
}

#[test]
fn what_cannot_be_imported_is_named_and_leaves_nothing() {
    let world = scene();
    let refused = |arguments: &str, text: &str| {
        let error = world.fails(2, &format!("import --key me.pem --tree none {arguments}"));
        assert!(error.contains(text), "{error}");
        assert!(!world.path("none").exists());
    };
    refused(
        "unsupported.onnx",
        "Conv at \"conv\" (dilations [2, 1], only 1; group 2, only 1), Elu at the node of \"e\", AveragePool",
    );
    let whole = world.read("gemm.onnx");
    std::fs::write(world.path("cut.onnx"), &whole[..200]).unwrap();
    refused("cut.onnx", "cut.onnx: the file cannot be read as ONNX");
    refused("rows.csv", "neither .safetensors nor .onnx");
    refused("missing.onnx", "missing.onnx");
    refused(
        "keras.safetensors",
        "tensors that no layer uses: \"dense0/bias\"",
    );
    refused(
        "gemm.onnx --normalize all.csv --target y --raw",
        "3 inputs and 2 outputs for 3 features",
    );
    refused("gemm.onnx --normalize all.csv --target y", "2 outputs");
    refused(
        "gemm.onnx --normalize all.csv --label y",
        "2 outputs; the normalization has 3 features and 22 targets",
    );
    refused("gemm.onnx --normalize all.csv", "--target");
    refused("gemm.onnx --weight-bits 30", "range_bits is 30 bits");
    refused("gemm.onnx --preset huge", "huge");
    world.write("far.csv", "x0,x1,x2\n1,1,1\n500,0,0\n");
    refused(
        "gemm.onnx --compare far.csv",
        "\"inputs\": a value of 500.0000 leaves the range",
    );
    world.write("large.csv", "x0,x1,x2\n31,-31,31\n-31,31,31\n");
    refused(
        "gemm.onnx --compare large.csv",
        "leaves the range, which ends at 32",
    );
    world.write("names.json", "{\"layers\": [{\"weights\": 1}]}");
    refused(
        "keras.safetensors --names names.json",
        "names.json: unknown field",
    );
}

/// A classifier of images: its scores are those of its file, and the proof of a prediction is checked by somebody else.
#[test]
fn a_classifier_of_images_predicts() {
    let world = scene();
    let vectors: serde_json::Value = serde_json::from_slice(&world.read("vectors.json")).unwrap();
    let case = &vectors["images"][0];
    assert_eq!(case["file"], "image-residual.onnx");
    let rows = |value: &serde_json::Value| -> Vec<Vec<f64>> {
        serde_json::from_value(value.clone()).unwrap()
    };
    let (inputs, scores) = (rows(&case["inputs"]), rows(&case["outputs"]));
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let header = |letter: char| {
        line(
            (0..inputs[0].len())
                .map(|k| format!("{letter}{k}"))
                .collect(),
        )
    };
    let text = |letter: char, number: &dyn Fn(f64) -> f64| {
        let lines = inputs
            .iter()
            .map(|row| line(row.iter().map(|x| number(*x).to_string()).collect()));
        std::iter::once(header(letter))
            .chain(lines)
            .collect::<String>()
    };
    world.write("images.csv", &text('x', &|x| x));
    // The same pixels from 0 to 255, of which the network takes (pixel / 255 - 0.5) / 0.5.
    world.write("pixels.csv", &text('p', &|x| (x + 1.0) * 127.5));
    world.write("classes.txt", "cat\ndog\nowl\n");
    let import = "import --key me.pem --curve pallas image-residual.onnx";
    let made = world.json(&format!(
        "{import} --tree tree --compare images.csv --class-names classes.txt"
    ));
    assert_eq!(
        (&made["targets"], &made["preset"]),
        (&json!(["label"]), &json!("classifier"))
    );
    assert_eq!(made["layers"], json!([84, 3, 3, 4, 3]));
    assert!(made["quantization"]["max_error"].as_f64().unwrap() < 0.03);
    let id = made["id"].as_str().unwrap();
    let said = world.json(&format!(
        "predict --tree tree {id} --input images.csv --prove p.json"
    ));
    assert_eq!(said["targets"], json!(["cat", "dog", "owl"]));
    for (found, expected) in rows(&said["predictions"])
        .concat()
        .iter()
        .zip(scores.concat())
    {
        assert!((found - expected).abs() < 0.03, "{found} for {expected}");
    }
    world.ok(
        "init --tree copy --layers 3,4,1 --seed 7 --normalize all.csv --target y --curve pallas",
    );
    world.ok("pull --tree copy tree");
    let checked = world.json("verify-prediction --tree copy p.json --data images.csv");
    assert_eq!(checked["predictions"], said["predictions"]);

    let made = world.json(&format!(
        "{import} --tree pixels --label kind --pixels 0.5,0.5"
    ));
    assert_eq!(made["targets"], json!(["kind"]));
    let id = made["id"].as_str().unwrap();
    let again = world.json(&format!("predict --tree pixels {id} --input pixels.csv"));
    for (found, expected) in rows(&again["predictions"])
        .concat()
        .iter()
        .zip(scores.concat())
    {
        assert!((found - expected).abs() < 0.03, "{found} for {expected}");
    }

    let refused = |more: &str| world.fails(2, &format!("{import} --tree refused {more}"));
    world.write("two.txt", "cat\ndog\n");
    let few = refused("--class-names two.txt");
    assert!(few.contains("3"), "{few}");
    assert!(refused("--pixels 0.5,0").contains("a deviation above 0"));
    let thrice = refused("--pixels 0,1 --pixels 0,1 --pixels 0,1");
    assert!(thrice.contains("given 3 times for 2 channels"), "{thrice}");
    let raw = refused("--raw --normalize images.csv --label label");
    assert!(raw.contains("error"), "{raw}");
    let unsupported = world.fails(2, "import --key me.pem --tree refused unsupported.onnx");
    assert!(
        unsupported.contains("Resize at \"resize\""),
        "{unsupported}"
    );
}
