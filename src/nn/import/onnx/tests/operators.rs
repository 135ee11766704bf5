//! Each operator against what ONNX says that it does.
use super::reference::{Array, Attribute, Net};
use crate::nn::{import::FloatModel, op::Loss};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn ints(values: &[i64]) -> Attribute {
    Attribute::Integers(values.to_vec())
}

/// How the samples of a file become rows of data.
#[derive(Clone, Copy)]
pub enum Rows {
    /// As they are.
    Same,
    /// From `[channels, height, width]` to `[height, width, channels]`.
    Image([usize; 3]),
}

/// What is read of a file says what the file says, of three samples.
pub fn agree(net: &Net, rows: Rows, file: &[u8]) -> FloatModel {
    const SAMPLES: usize = 3;
    let model = FloatModel::from_onnx(file).unwrap();
    let (rng, width) = (&mut rng(7), net.input.iter().product::<usize>());
    let shape = [&[SAMPLES], net.input.as_slice()].concat();
    let x = Array::from(&shape, |_| rng.gen_range(-1.0..1.0));
    let columns: Vec<f64> = match rows {
        Rows::Same => x.values.clone(),
        Rows::Image([channels, height, width]) => {
            let (shape, values) = (vec![SAMPLES, channels, height, width], x.values.clone());
            let image = Array { shape, values };
            let turned = [SAMPLES, height, width, channels];
            Array::from(&turned, |at| image.at(&[at[0], at[3], at[1], at[2]])).values
        }
    };
    assert_eq!(model.architecture().num_inputs(), width);
    let (found, expected) = (model.predict(&columns), net.run(&x).values);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let limit = 1e-4 * (1.0 + expected.abs());
        assert!(
            (found - expected).abs() < limit,
            "{found} for {expected}: {net:#?}"
        );
    }
    model
}

const IMAGE: [usize; 3] = [2, 5, 4];

/// A network on a small image: a part, then a layer on all of it.
fn with_head(net: &mut Net, value: &str, seed: u64) {
    let mut samples = vec![1];
    samples.extend(&net.input);
    let width = net.run(&Array::from(&samples, |_| 0.0)).values.len();
    let rng = &mut rng(seed);
    let flat = net.step("Flatten", &[value], &[]);
    let weight = net.floats(&[3, width], || rng.gen_range(-0.5..0.5));
    let bias = net.floats(&[3], || rng.gen_range(-0.5..0.5));
    net.step(
        "Gemm",
        &[&flat, &weight, &bias],
        &[("transB", Attribute::Integer(1))],
    );
}

/// The same, read and compared.
fn on_image(part: impl Fn(&mut Net, &mut ChaCha8Rng) -> String) -> FloatModel {
    let mut net = Net::new(&IMAGE);
    let value = part(&mut net, &mut rng(1));
    with_head(&mut net, &value, 2);
    agree(&net, Rows::Image(IMAGE), &net.file(18, None));
    agree(&net, Rows::Image(IMAGE), &net.file(11, Some(1)))
}

/// Names of the operators of a network here.
fn kinds(model: &FloatModel) -> Vec<&'static str> {
    let nodes = model.architecture().graph().nodes().iter();
    nodes.map(|node| node.operator.kind().name).collect()
}

fn convolved(
    net: &mut Net,
    rng: &mut ChaCha8Rng,
    value: &str,
    [inputs, outputs, height, width]: [usize; 4],
    attributes: &[(&'static str, Attribute)],
) -> String {
    let weight = net.floats(&[outputs, inputs, height, width], || {
        rng.gen_range(-0.5..0.5)
    });
    let bias = net.floats(&[outputs], || rng.gen_range(-0.5..0.5));
    net.step("Conv", &[value, &weight, &bias], attributes)
}

#[test]
fn convolutions() {
    for attributes in [
        vec![],
        vec![("pads", ints(&[1, 1, 1, 1]))],
        vec![
            ("pads", ints(&[2, 0, 1, 1])),
            ("strides", ints(&[2, 1])),
            ("kernel_shape", ints(&[3, 2])),
        ],
        vec![
            ("strides", ints(&[1, 3])),
            ("group", Attribute::Integer(1)),
            ("dilations", ints(&[1, 1])),
        ],
        vec![
            ("auto_pad", Attribute::Text("SAME_UPPER")),
            ("strides", ints(&[2, 3])),
        ],
        vec![
            ("auto_pad", Attribute::Text("SAME_LOWER")),
            ("strides", ints(&[1, 2])),
        ],
        vec![("auto_pad", Attribute::Text("VALID"))],
        vec![
            ("auto_pad", Attribute::Text("NOTSET")),
            ("pads", ints(&[0, 1, 2, 0])),
        ],
    ] {
        let model = on_image(|net, rng| convolved(net, rng, "x", [2, 3, 3, 2], &attributes));
        assert_eq!(kinds(&model), ["convolution", "round", "dense", "round"]);
    }
    // Without a bias, or with one that is added.
    on_image(|net, rng| {
        let weight = net.floats(&[3, 2, 1, 1], || rng.gen_range(-0.5..0.5));
        net.step("Conv", &["x", &weight], &[])
    });
    for shape in [&[3, 1, 1][..], &[1, 3, 1, 1], &[1]] {
        let model = on_image(|net, rng| {
            let weight = net.floats(&[3, 2, 2, 2], || rng.gen_range(-0.5..0.5));
            let value = net.step("Conv", &["x", &weight], &[]);
            let bias = net.floats(shape, || rng.gen_range(-0.5..0.5));
            net.step("Add", &[&bias, &value], &[])
        });
        assert_eq!(model.layers().len(), 2);
    }
}

#[test]
fn pools() {
    let include = ("count_include_pad", Attribute::Integer(1));
    let kernel = |h, w| ("kernel_shape", ints(&[h, w]));
    for attributes in [
        vec![kernel(2, 2)],
        vec![kernel(3, 2), ("strides", ints(&[2, 2]))],
        vec![
            kernel(3, 2),
            ("strides", ints(&[2, 2])),
            ("ceil_mode", Attribute::Integer(1)),
        ],
        vec![kernel(2, 3), ("pads", ints(&[1, 2, 0, 1])), include.clone()],
        vec![
            kernel(2, 2),
            ("auto_pad", Attribute::Text("SAME_UPPER")),
            include.clone(),
        ],
        vec![
            kernel(3, 3),
            ("auto_pad", Attribute::Text("SAME_LOWER")),
            ("strides", ints(&[2, 2])),
            include,
        ],
    ] {
        let model = on_image(|net, _| net.step("AveragePool", &["x"], &attributes));
        assert_eq!(kinds(&model), ["average_pool", "round", "dense", "round"]);
    }
    for attributes in [
        vec![kernel(2, 2)],
        vec![
            kernel(2, 2),
            ("strides", ints(&[2, 2])),
            ("storage_order", Attribute::Integer(0)),
        ],
        vec![
            kernel(1, 2),
            ("auto_pad", Attribute::Text("SAME_UPPER")),
            ("strides", ints(&[1, 2])),
        ],
    ] {
        let model = on_image(|net, _| net.step("MaxPool", &["x"], &attributes));
        assert_eq!(kinds(&model), ["max_pool", "dense", "round"]);
    }
    // What is not rounded is, before it is compared.
    let model = on_image(|net, rng| {
        let value = convolved(net, rng, "x", [2, 2, 2, 2], &[]);
        let value = net.step("MaxPool", &[&value], &[kernel(2, 2)]);
        net.step("Relu", &[&value], &[])
    });
    let expected = ["convolution", "round", "max_pool", "relu", "dense", "round"];
    assert_eq!(kinds(&model), expected);
}

#[test]
fn means_of_all_pixels() {
    let reshaped = |net: &mut Net, value: &str, kind: usize| {
        let [lens, axes] = [net.integers(&[0, 3]), net.integers(&[-1, 2])];
        match kind {
            0 => net.step("Flatten", &[value], &[]),
            1 => net.step("Reshape", &[value, &lens], &[]),
            2 => net.step("Squeeze", &[value, &axes], &[]),
            _ => net.step("Squeeze", &[value], &[("axes", ints(&[2, 3]))]),
        }
    };
    for kind in 0..4 {
        let model = on_image(|net, rng| {
            let value = convolved(net, rng, "x", [2, 3, 2, 2], &[]);
            let value = net.step("Relu", &[&value], &[]);
            let value = net.step("GlobalAveragePool", &[&value], &[]);
            reshaped(net, &value, kind)
        });
        let expected = [
            "convolution",
            "relu",
            "global_average_pool",
            "round",
            "linear",
            "round",
        ];
        assert_eq!(kinds(&model), expected);
    }
    // Of one pixel there is nothing to do.
    let model = on_image(|net, rng| {
        let value = convolved(net, rng, "x", [2, 3, 5, 4], &[]);
        net.step("GlobalAveragePool", &[&value], &[])
    });
    assert_eq!(kinds(&model), ["convolution", "round", "dense", "round"]);
}

#[test]
fn functions() {
    for (operator, kind) in [
        ("Relu", "relu"),
        ("Tanh", "tanh"),
        ("Sigmoid", "sigmoid"),
        ("Gelu", "gelu"),
    ] {
        let model = on_image(|net, rng| {
            let value = convolved(net, rng, "x", [2, 2, 2, 2], &[]);
            let attributes = match operator {
                "Gelu" => vec![("approximate", Attribute::Text("tanh"))],
                _ => vec![],
            };
            net.step(operator, &[&value], &attributes)
        });
        assert_eq!(kinds(&model), ["convolution", kind, "dense", "round"]);
    }
}

fn normalized(net: &mut Net, rng: &mut ChaCha8Rng, value: &str, channels: usize) -> String {
    let mut constant = |low: f64, high: f64| net.floats(&[channels], || rng.gen_range(low..high));
    let [scale, shift, mean] = [constant(0.5, 2.0), constant(-1.0, 1.0), constant(-1.0, 1.0)];
    let variance = constant(0.1, 2.0);
    let epsilon = ("epsilon", Attribute::Float(0.01));
    net.step(
        "BatchNormalization",
        &[value, &scale, &shift, &mean, &variance],
        &[epsilon],
    )
}

/// It becomes a part of the layer before it.
#[test]
fn batch_normalization() {
    let model = on_image(|net, rng| {
        let value = convolved(net, rng, "x", [2, 3, 2, 2], &[]);
        let value = net.step("Identity", &[&value], &[]);
        let value = normalized(net, rng, &value, 3);
        let value = normalized(net, rng, &value, 3);
        net.step("Relu", &[&value], &[])
    });
    assert_eq!(kinds(&model), ["convolution", "relu", "dense", "round"]);
    // Of one channel, and without a bias.
    on_image(|net, rng| {
        let weight = net.floats(&[1, 2, 2, 2], || rng.gen_range(-0.5..0.5));
        let value = net.step("Conv", &["x", &weight], &[]);
        normalized(net, rng, &value, 1)
    });
    for is_gemm in [false, true] {
        let (mut net, rng) = (Net::new(&[4]), &mut rng(3));
        let weight = net.floats(&[4, 3], || rng.gen_range(-0.5..0.5));
        let bias = net.floats(&[3], || rng.gen_range(-0.5..0.5));
        let value = match is_gemm {
            true => net.step(
                "Gemm",
                &["x", &weight, &bias],
                &[("alpha", Attribute::Float(0.5))],
            ),
            false => {
                let value = net.step("MatMul", &["x", &weight], &[]);
                net.step("Add", &[&value, &bias], &[])
            }
        };
        let value = normalized(&mut net, rng, &value, 3);
        let value = net.step("Tanh", &[&value], &[]);
        with_head(&mut net, &value, 4);
        let model = agree(&net, Rows::Same, &net.file(15, Some(1)));
        assert_eq!(model.architecture().to_string(), "4,3,3 tanh");
    }
}

#[test]
fn sums() {
    let model = on_image(|net, rng| {
        let same = [("pads", ints(&[1, 1, 1, 1]))];
        let first = convolved(net, rng, "x", [2, 2, 3, 3], &same);
        let first = net.step("Relu", &[&first], &[]);
        let second = convolved(net, rng, &first, [2, 2, 3, 3], &same);
        let sum = net.step("Add", &[&first, &second], &[]);
        let input = net.step("Add", &["x", &sum], &[]);
        net.step("Add", &[&input, &input], &[])
    });
    let expected = [
        "convolution",
        "relu",
        "convolution",
        "add",
        "add",
        "add",
        "round",
        "dense",
        "round",
    ];
    assert_eq!(kinds(&model), expected);
    // What a sum reads is not changed by what else reads it.
    let model = on_image(|net, rng| {
        let value = convolved(net, rng, "x", [2, 2, 1, 1], &[]);
        let relu = net.step("Relu", &[&value], &[]);
        net.step("Add", &[&value, &relu], &[])
    });
    assert_eq!(
        kinds(&model),
        ["convolution", "relu", "add", "round", "dense", "round"]
    );
}

/// All ways to write the same rearrangement of an image give the same network.
#[test]
fn layouts() {
    // Channels last before the layer, as Keras has them; and turned.
    for (perm, lens) in [
        ([0, 2, 3, 1], [0, -1]),
        ([0, 3, 2, 1], [-1, 20]),
        ([0, 1, 3, 2], [1, 20]),
    ] {
        let mut net = Net::new(&[1, 5, 4]);
        let rng = &mut rng(5);
        let value = convolved(
            &mut net,
            rng,
            "x",
            [1, 2, 1, 2],
            &[("strides", ints(&[1, 2]))],
        );
        let value = net.step("Relu", &[&value], &[]);
        let value = net.step("Transpose", &[&value], &[("perm", ints(&perm))]);
        let lens = net.integers(&lens);
        let value = net.step("Reshape", &[&value, &lens], &[]);
        with_head(&mut net, &value, 6);
        let samples = (perm == [0, 1, 3, 2]).then_some(1);
        let model = agree_of_one(&net, samples);
        assert_eq!(kinds(&model), ["convolution", "relu", "dense", "round"]);
    }
    // Dimensions of one go and come, and merge with others.
    on_image(|net, rng| {
        let value = convolved(net, rng, "x", [2, 1, 1, 1], &[]);
        let value = net.step("Squeeze", &[&value], &[("axes", ints(&[1]))]);
        let value = net.step("Unsqueeze", &[&value], &[("axes", ints(&[1, -1]))]);
        let lens = net.integers(&[0, 1, 5, 4]);
        let value = net.step("Reshape", &[&value, &lens], &[]);
        convolved(net, rng, &value, [1, 2, 2, 2], &[])
    });
    // A row of numbers is an image, of two channels too.
    for channels in [1, 2] {
        let mut net = Net::new(&[channels * 20]);
        let lens = net.integers(&[-1, channels as i64, 5, 4]);
        let value = net.step("Reshape", &["x", &lens], &[]);
        let value = convolved(&mut net, &mut rng(8), &value, [channels, 2, 2, 2], &[]);
        with_head(&mut net, &value, 9);
        let model = agree(&net, Rows::Image([channels, 5, 4]), &net.file(18, None));
        assert_eq!(model.architecture().graph().input(), [5, 4, channels]);
    }
    // Images whose channels are the last dimension of the file, and images that are only flattened.
    let mut net = Net::new(&[5, 4, 2]);
    let value = net.step("Transpose", &["x"], &[("perm", ints(&[0, 3, 1, 2]))]);
    let value = convolved(&mut net, &mut rng(10), &value, [2, 3, 2, 2], &[]);
    with_head(&mut net, &value, 11);
    agree(&net, Rows::Same, &net.file(18, None));
    let mut net = Net::new(&IMAGE);
    with_head(&mut net, "x", 12);
    let model = agree(&net, Rows::Same, &net.file(18, None));
    assert_eq!(model.architecture().to_string(), "40,3");
}

fn agree_of_one(net: &Net, samples: Option<i64>) -> FloatModel {
    // Files for one sample name it where they reshape; the evaluator has three.
    let mut all = net.clone();
    if samples.is_some() {
        for constant in all.constants.values_mut() {
            if let super::reference::Constant::Integers(lens) = constant {
                lens[0] = 0;
            }
        }
    }
    agree(&all, Rows::Same, &net.file(18, samples))
}

/// Layers on the last of several dimensions.
#[test]
fn products_of_the_last_dimension() {
    let (mut net, rng) = (Net::new(&[4, 3]), &mut rng(13));
    let weight = net.floats(&[3, 2], || rng.gen_range(-0.5..0.5));
    let bias = net.floats(&[2], || rng.gen_range(-0.5..0.5));
    let value = net.step("MatMul", &["x", &weight], &[]);
    let value = net.step("Add", &[&bias, &value], &[]);
    let value = net.step("Relu", &[&value], &[]);
    with_head(&mut net, &value, 14);
    let model = agree(&net, Rows::Same, &net.file(18, None));
    assert_eq!(kinds(&model), ["linear", "relu", "dense", "round"]);
    assert_eq!(model.architecture().graph().input(), [4, 3]);
    // Of an image, as a convolution of single pixels.
    let model = on_image(|net, rng| {
        let value = convolved(net, rng, "x", [2, 3, 2, 2], &[]);
        let value = net.step("Tanh", &[&value], &[]);
        let value = net.step("Transpose", &[&value], &[("perm", ints(&[0, 2, 3, 1]))]);
        let weight = net.floats(&[3, 2], || rng.gen_range(-0.5..0.5));
        let value = net.step("MatMul", &[&value, &weight], &[]);
        net.step("Transpose", &[&value], &[("perm", ints(&[0, 3, 1, 2]))])
    });
    assert_eq!(
        kinds(&model),
        ["convolution", "tanh", "linear", "round", "dense", "round"]
    );
}

/// The network ends in scores, whether they are called so or not.
#[test]
fn softmax_is_left_out() {
    for (operator, version, axis) in [
        ("Softmax", 18, Some(-1)),
        ("Softmax", 11, None),
        ("LogSoftmax", 13, Some(1)),
        ("", 18, None),
    ] {
        let (mut net, rng) = (Net::new(&[4]), &mut rng(15));
        let weight = net.floats(&[4, 3], || rng.gen_range(-0.5..0.5));
        let mut value = net.step("Gemm", &["x", &weight], &[]);
        if !operator.is_empty() {
            let axis = axis.map(|axis| ("axis", Attribute::Integer(axis)));
            value = net.step(operator, &[&value], &axis.into_iter().collect::<Vec<_>>());
        }
        net.step("Identity", &[&value], &[]);
        let model = agree(&net, Rows::Same, &net.file(version, None));
        let loss = match operator {
            "" => Loss::SquaredError,
            _ => Loss::CrossEntropy,
        };
        assert_eq!(model.architecture().graph().loss(), loss);
        let scores = model.into_classifier().unwrap();
        assert_eq!(scores.architecture().graph().loss(), Loss::CrossEntropy);
    }
}
