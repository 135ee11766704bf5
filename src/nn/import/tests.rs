//! Files of other programs, damaged ones, and integers beside floats.
use super::*;
use crate::nn::{ColumnStatistics, FixedPoint, Layer, WeightGrid, Weights, init, op::Loss};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use serde::Deserialize;

/// See `tests/vectors/import.py`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    inputs: Vec<Vec<f64>>,
    cases: Vec<Case>,
    images: Vec<Images>,
}

/// A network of images: rows of pixels, and its outputs or scores.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Images {
    file: String,
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    classifier: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    file: String,
    outputs: Vec<Vec<f64>>,
    names: Option<LayerNames>,
}

fn path(file: &str) -> std::path::PathBuf {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/vectors/import").join(file)
}

fn vectors() -> Vectors {
    serde_json::from_slice(&std::fs::read(path("vectors.json")).unwrap()).unwrap()
}

/// Every file is read as its writer meant it, and its integers predict nearly the same.
#[test]
fn files_of_other_programs_are_read() {
    let vectors = vectors();
    let inputs = vectors.inputs.concat();
    assert_eq!(vectors.cases.len(), 6);
    for case in vectors.cases {
        let model = FloatModel::read(path(&case.file), case.names.as_ref()).unwrap();
        assert_eq!(model.architecture().widths(), [3, 5, 4, 2], "{}", case.file);
        let outputs = model.predict(&inputs);
        // Scales in Gemm were rounded to single precision.
        for (found, expected) in outputs.iter().zip(case.outputs.concat()) {
            assert!((found - expected).abs() < 1e-6, "{}: {found}", case.file);
        }
        for fixed in [FixedPoint::compact(), FixedPoint::paper()] {
            let (weights, grid) = model.quantize(&fixed, 18).unwrap();
            let report = QuantizationReport::new(&model, (&weights, grid), &fixed, &inputs);
            let report = report.unwrap();
            let bound = error_bound(&model, &fixed, grid, &inputs);
            assert!(report.max_error <= bound, "{report}");
            assert!(report.mean_error <= report.max_error && report.max_error < 0.1);
            assert_eq!((report.rows, report.layers.len()), (6, 3));
        }
    }
}

/// Networks of images too, with what another program says of them.
#[test]
fn networks_of_images_are_read() {
    let vectors = vectors();
    assert_eq!(vectors.images.len(), 2);
    for case in vectors.images {
        let model = FloatModel::read(path(&case.file), None).unwrap();
        let loss = [Loss::SquaredError, Loss::CrossEntropy][usize::from(case.classifier)];
        assert_eq!(model.architecture().graph().loss(), loss);
        let inputs = case.inputs.concat();
        for (found, expected) in model.predict(&inputs).iter().zip(case.outputs.concat()) {
            // Scores are in single precision, and GELU is another form of it.
            let limit = if case.classifier { 1e-5 } else { 1e-3 };
            assert!((found - expected).abs() < limit, "{}: {found}", case.file);
        }
        let fixed = FixedPoint::compact();
        let (weights, grid) = model.quantize(&fixed, 18).unwrap();
        let report = QuantizationReport::new(&model, (&weights, grid), &fixed, &inputs).unwrap();
        assert!(
            report.max_error < 0.03 && report.max_error > 0.0,
            "{report}"
        );
        assert!(
            report
                .layers
                .iter()
                .all(|layer| layer.largest < layer.limit)
        );
    }
}

/// How far integers can be from floats: every layer rounds to multiples of `2^-s`, and weights are
/// off by half a step.
fn error_bound(model: &FloatModel, fixed: &FixedPoint, grid: WeightGrid, inputs: &[f64]) -> f64 {
    let half = 0.5_f64.powi(fixed.activation_bits() as i32 + 1);
    let weight = 2_f64.powi(grid.step_bits as i32 - fixed.weight_bits() as i32 - 1);
    let mut worst = 0.0_f64;
    for row in inputs.chunks(model.architecture().num_inputs()) {
        let (mut values, mut errors) = (row.to_vec(), vec![half; row.len()]);
        for (k, layer) in model.layers().iter().enumerate() {
            if k > 0 {
                values.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            let outputs = layer.bias.len();
            let moved = (0..outputs).map(|j| {
                let column = layer.weight.iter().skip(j).step_by(outputs);
                let terms = column.zip(values.iter().zip(&errors));
                let terms = terms.map(|(w, (x, e))| (w.abs() + weight) * e + weight * x.abs());
                terms.sum::<f64>() + weight + half
            });
            errors = moved.collect();
            values = model.layer_values(row)[k].clone();
        }
        worst = errors.into_iter().fold(worst, f64::max);
    }
    worst
}

fn onnx(file: &str) -> Vec<u8> {
    std::fs::read(path(file)).unwrap()
}

#[test]
fn unsupported_operators_are_all_named() {
    let error = FloatModel::from_onnx(&onnx("unsupported.onnx")).unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text,
        "operators that cannot be imported: Conv at \"conv\" (dilations [2, 1], only 1; group 2, only 1), \
         Elu at the node of \"e\", AveragePool at \"pool\" (padding without count_include_pad, only with it), \
         Resize at \"resize\"; those that can are Gemm, MatMul, Add, Conv, Relu, Tanh, Sigmoid, Gelu, \
         AveragePool, MaxPool, GlobalAveragePool, BatchNormalization, Flatten, Reshape, Transpose, Squeeze, \
         Unsqueeze, Identity, Dropout, Cast, Constant, Softmax, LogSoftmax"
    );
}

/// Cut and altered files are errors, or other networks.
#[test]
fn damaged_files_are_errors() {
    let read = |file: &str, bytes: &[u8]| match file.ends_with("onnx") {
        true => FloatModel::from_onnx(bytes),
        false => FloatModel::from_safetensors(bytes, None),
    };
    for file in [
        "gemm.onnx",
        "matmul.onnx",
        "half.onnx",
        "sequential.safetensors",
        "image-channels-last.onnx",
    ] {
        let bytes = onnx(file);
        let honest = read(file, &bytes).unwrap();
        for end in 0..bytes.len() {
            // A version number is behind the graph, and says nothing of the network.
            let behind = file.ends_with("onnx") && end + 8 > bytes.len();
            assert!(behind || read(file, &bytes[..end]).ok() != Some(honest.clone()));
        }
        for k in 0..bytes.len() {
            for bit in [1, 0x80] {
                let mut bytes = bytes.clone();
                bytes[k] ^= bit;
                let _ = read(file, &bytes).map(|model| model.quantize(&FixedPoint::compact(), 18));
            }
        }
    }
}

#[test]
fn what_is_no_perceptron_is_refused_where_it_is_not() {
    let layer = |name: &str, inputs: usize, outputs: usize| FloatLayer {
        name: name.into(),
        weight: vec![0.5; inputs * outputs],
        bias: vec![0.0; outputs],
    };
    let refused = |layers: Vec<FloatLayer>, text: &str| {
        let error = FloatModel::new(layers).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    refused(vec![], "no layer");
    refused(vec![layer("a", 2, 3), layer("b", 4, 1)], "\"b\": 4 inputs");
    refused(vec![layer("a", 1, 1 << 17)], "131072");
    let mut odd = layer("odd", 2, 3);
    odd.weight.pop();
    refused(vec![odd], "at \"odd\"");

    let error = FloatModel::read("model.pt", None).unwrap_err();
    assert!(matches!(error, ImportError::UnknownKind { .. }));
    let error = FloatModel::read("none.onnx", None).unwrap_err();
    assert!(error.to_string().contains("none.onnx"));

    // Without names, Keras's tensors are no layers; with too few, some are unused.
    let keras = onnx("keras.safetensors");
    let error = FloatModel::from_safetensors(&keras, None).unwrap_err();
    assert!(
        matches!(&error, ImportError::Unused { names } if names.len() == 6),
        "{error}"
    );
    let names = |text: &str| serde_json::from_str::<LayerNames>(text).unwrap();
    let one = names(r#"{"layers": [{"weight": "dense0/kernel", "transposed": true}]}"#);
    let error = FloatModel::from_safetensors(&keras, Some(&one)).unwrap_err();
    assert!(
        matches!(&error, ImportError::Unused { names } if names.len() == 5),
        "{error}"
    );
    let torch = onnx("sequential.safetensors");
    let missing = names(r#"{"layers": [{"weight": "fc"}]}"#);
    assert!(FloatModel::from_safetensors(&torch, Some(&missing)).is_err());
}

fn model(layers: &[(usize, usize)], mut draw: impl FnMut() -> f64) -> FloatModel {
    let layers = layers
        .iter()
        .enumerate()
        .map(|(k, (inputs, outputs))| FloatLayer {
            name: format!("layer {k}"),
            weight: (0..inputs * outputs).map(|_| draw()).collect(),
            bias: (0..*outputs).map(|_| draw()).collect(),
        });
    FloatModel::new(layers.collect()).unwrap()
}

#[test]
fn weights_that_cannot_be_integers_are_named() {
    let fixed = FixedPoint::compact();
    for (value, text) in [
        (f64::NAN, "\"layer 1\", weight 3: the weight is NaN"),
        (f64::NEG_INFINITY, "the weight is -inf"),
        (1e9, "the weight is 1000000000; the largest that fits is"),
    ] {
        let mut model = model(&[(2, 3), (3, 2)], || 0.25);
        model.layers[1].weight[3] = value;
        let error = model.quantize(&fixed, 18).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let model = model(&[(2, 1)], || 0.0);
    for bits in [0, 1, 21, u32::MAX] {
        assert!(matches!(
            model.quantize(&fixed, bits),
            Err(ImportError::Config(_))
        ));
    }
    let (weights, grid) = model.quantize(&fixed, 8).unwrap();
    assert_eq!((weights.layers()[0].bias()[0], grid.step_bits), (0, 0));
}

/// A grid for a stated limit does not depend on the weights; one for the largest weight does.
#[test]
fn a_stated_limit_hides_the_largest_weight() {
    let fixed = FixedPoint::compact();
    let of = |weight: f64| model(&[(2, 1)], || weight);
    let grid = |weight, limit| of(weight).quantize_within(&fixed, 12, limit).unwrap().1;
    let finest = |weight| of(weight).quantize(&fixed, 12).unwrap().1;
    assert_ne!(finest(0.01), finest(3.9));
    assert_eq!(grid(0.01, 4.0), grid(3.9, 4.0));
    assert_eq!(grid(3.9, 3.9), finest(3.9));
    let limits = [3.0, 0.0, -1.0, f64::NAN];
    for limit in limits {
        let error = of(3.9).quantize_within(&fixed, 12, limit).unwrap_err();
        assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
    }
    assert!(of(3.9).quantize_within(&fixed, 12, f64::INFINITY).is_ok());
}

/// Which layer, by how much, and what would hold it.
#[test]
fn values_out_of_range_are_named() {
    let fixed = FixedPoint::compact();
    let report = |scale: f64, input: f64| {
        let model = model(&[(1, 1), (1, 1)], || scale);
        let made = model.quantize(&fixed, 18).unwrap();
        QuantizationReport::new(&model, (&made.0, made.1), &fixed, &[input])
    };
    assert!(report(1.0, 2.0).is_ok());
    let text = |scale, input| report(scale, input).unwrap_err().to_string();
    let hidden = text(12.0, 2.0);
    assert!(
        hidden.contains("\"layer 0\": a value of 36.0000")
            && hidden.contains("the preset classifier would hold it"),
        "{hidden}"
    );
    let wide = text(100.0, 2.0);
    assert!(
        wide.contains("a preset with hidden_range_bits=18 would hold it"),
        "{wide}"
    );
    assert!(text(1e4, 30.0).contains("no range holds it"));
    assert!(text(1.0, 100.0).contains("\"inputs\": a value of 100.0000"));
    assert!(text(5.0, 2.0).contains("\"layer 1\": a value of 80.0000"));
    assert!(report(1.0, f64::NAN).is_err());
}

/// Inputs of four fraction bits in eight end at 8, those of `compact` at 32.
#[test]
fn the_preset_that_holds_is_named() {
    let narrow = crate::nn::soundness::tiny();
    let model = model(&[(1, 1)], || 1.0);
    let made = model.quantize(&narrow, 8).unwrap();
    let error = QuantizationReport::new(&model, (&made.0, made.1), &narrow, &[20.0]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("ends at 8; the preset compact would hold it"),
        "{text}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// An export for PyTorch is imported to the same network, as near as floats and the grid are.
    #[test]
    fn exports_are_imported(seed: u64, range_bits in 8_u32..21) {
        let fixed = FixedPoint::compact();
        let architecture: Architecture = "3,5,2".parse().unwrap();
        let weights = init::expand(seed, &architecture, &fixed);
        let column = |name: &str| ColumnStatistics { name: name.into(), mean: 0.0, deviation: 1.0 };
        let normalization = Normalization::new(
            ["a", "b", "c"].map(column).into(),
            ["y", "z"].map(column).into(),
        ).unwrap();
        let file = weights.to_torch(&fixed, &normalization).unwrap();
        let model = FloatModel::from_safetensors(&file, None).unwrap();
        let (imported, grid) = model.quantize(&fixed, range_bits).unwrap();
        let all = |weights: &Weights| -> Vec<i64> {
            let of = |layer: &Layer| layer.values().to_vec();
            weights.layers().iter().flat_map(of).collect()
        };
        for (a, b) in all(&weights).into_iter().zip(all(&imported)) {
            let float = a.abs() >> 23;
            prop_assert!((a - b).abs() <= (1 << grid.step_bits >> 1) + float + 1);
            prop_assert_eq!(b % (1 << grid.step_bits), 0);
            prop_assert!(b.unsigned_abs() >> grid.step_bits <= grid.largest());
        }
    }

    /// A network of raw columns, folded, says the same of standardised ones.
    #[test]
    fn normalization_is_folded_in(seed: u64) {
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let model = model(&[(3, 4), (4, 2)], || rng.gen_range(-1.0..1.0));
        let columns: Vec<ColumnStatistics> = (0..5).map(|k| ColumnStatistics {
            name: format!("c{k}"),
            mean: rng.gen_range(-3.0..3.0),
            deviation: [0.0, 0.5, 2.0][k % 3],
        }).collect();
        let normalization = Normalization::new(columns[..3].into(), columns[3..].into()).unwrap();
        let z: Vec<f64> = (0..3).map(|_| rng.gen_range(-2.0..2.0)).collect();
        let spread = |c: &ColumnStatistics| if c.deviation > 0.0 { c.deviation } else { 1.0 };
        let raw: Vec<f64> = z.iter().zip(&columns).map(|(z, c)| z * spread(c) + c.mean).collect();
        let expected = model.predict(&raw);
        let found = model.clone().standardized(&normalization).unwrap().predict(&z);
        for ((found, expected), column) in found.iter().zip(expected).zip(&columns[3..]) {
            prop_assert!((found * spread(column) + column.mean - expected).abs() < 1e-9);
        }
        prop_assert!(model.standardized(&Normalization::new(columns[..2].into(), columns[3..].into()).unwrap()).is_err());
    }
}

#[test]
fn halves_are_numbers() {
    for (bits, value) in [
        (0x3c00, 1.0),
        (0xc000, -2.0),
        (0x0001, 2_f64.powi(-24)),
        (0x7bff, 65504.0),
        (0x0400, 2_f64.powi(-14)),
        (0x3555, 0.333_251_953_125),
    ] {
        assert_eq!(half(bits), value);
    }
    assert!(half(0x7c00) == f64::INFINITY && half(0x7c01).is_nan() && half(0x8000) == 0.0);
}

/// Which of two tensors of one name is meant, nothing says.
#[test]
fn a_second_tensor_of_one_name_is_refused() {
    let bytes = onnx("sequential.safetensors");
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + len]).unwrap();
    let values = &bytes[8 + len..];
    let file = |header: &str| {
        let len = (header.len() as u64).to_le_bytes();
        [&len, header.as_bytes(), values].concat()
    };
    let honest = FloatModel::from_safetensors(&file(header), None).unwrap();
    // The entry that is there once more, or one of the same place in the file by its number.
    let start = header.find("\"net.0.bias\"").unwrap();
    let end = start + header[start..].find('}').unwrap() + 1;
    let entry = &header[start..end];
    for entry in [entry, &entry.replace("net.0", "net\\u002e0")] {
        let twice = header.replacen('{', &format!("{{{entry}, "), 1);
        let error = FloatModel::from_safetensors(&file(&twice), None).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("two fields have the name \"net.0.bias\""),
            "{text}"
        );
    }
    let twice = header.replacen(
        "\"dtype\": \"F32\"",
        "\"dtype\": \"F32\", \"dtype\": \"F32\"",
        1,
    );
    assert_ne!(twice, header);
    assert!(FloatModel::from_safetensors(&file(&twice), None).is_err());
    let metadata = header.replacen('{', "{\"__metadata__\": {\"a\": \"b\"}, ", 1);
    assert_eq!(
        FloatModel::from_safetensors(&file(&metadata), None).unwrap(),
        honest
    );
}
