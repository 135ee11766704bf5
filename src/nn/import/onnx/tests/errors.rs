//! Graphs that are no network here, or that are made to break the reader.
use super::encode::{
    attribute, bytes, file, file_of, floats, integers, node, node_of, number, of_integer,
    of_integers, of_text,
};
use crate::nn::import::{FloatModel, ImportError};

fn error(file: &[u8]) -> ImportError {
    FloatModel::from_onnx(file).unwrap_err()
}

fn refused(file: &[u8], text: &str) {
    let error = error(file);
    let is_structure = matches!(error, ImportError::Structure { .. });
    let error = error.to_string();
    assert!(is_structure && error.contains(text), "{error}");
}

/// A matrix `[rows, columns]` of ones.
fn ones(name: &str, shape: &[i64]) -> Vec<u8> {
    let size: i64 = shape.iter().product();
    floats(name, shape, &vec![1.0; size as usize])
}

/// A graph on images `[2, 4, 4]`.
fn on_image(nodes: &[Vec<u8>], initializers: &[Vec<u8>]) -> Vec<u8> {
    file_of(
        18,
        nodes,
        initializers,
        &[Some(1), Some(2), Some(4), Some(4)],
    )
}

/// A convolution with these attributes, flattened, and a layer of so many inputs.
fn convolution(attributes: &[Vec<u8>], shape: &[i64], inputs: i64) -> Vec<u8> {
    let nodes = [
        node("Conv", &["x", "k"], "c", attributes),
        node("Flatten", &["c"], "f", &[]),
        node("Gemm", &["f", "w"], "y", &[]),
    ];
    on_image(&nodes, &[ones("k", shape), ones("w", &[inputs, 2])])
}

#[test]
fn all_that_is_not_supported_is_listed_at_once() {
    let pads = || of_integers("pads", &[1, 1, 1, 1]);
    let kernel = || of_integers("kernel_shape", &[2, 2]);
    let nodes = [
        node(
            "Conv",
            &["x", "k"],
            "c",
            &[of_integer("group", 2), of_text("auto_pad", "SAME")],
        ),
        node_of("MaxPool", &["c"], &["m", "indices"], &[kernel(), pads()]),
        node(
            "AveragePool",
            &["m"],
            "a",
            &[kernel(), pads(), of_integers("dilations", &[2, 2])],
        ),
        node_of(
            "BatchNormalization",
            &["a", "k", "k", "k", "k"],
            &["b", "mean"],
            &[of_integer("training_mode", 1)],
        ),
        node("LeakyRelu", &["b"], "l", &[]),
        node("Gelu", &["l"], "g", &[of_text("approximate", "erf")]),
        node("Cast", &["g"], "i", &[of_integer("to", 7)]),
        node("Relu", &["i"], "r", &[of_integer("alpha", 7)]),
        [node("Relu", &["r"], "y", &[])].concat(),
        // Nothing depends on this one.
        node("LSTM", &["x"], "dead", &[]),
    ];
    let error = error(&on_image(&nodes, &[ones("k", &[2, 2, 2, 2])]));
    let ImportError::Operators { operators } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        *operators,
        [
            "Conv at the node of \"c\" (auto_pad \"SAME\", only NOTSET, VALID, SAME_UPPER, SAME_LOWER; group 2, only 1)",
            "MaxPool at the node of \"m\" (padding, only none; indices as a second output, only maxima)",
            "AveragePool at the node of \"a\" (dilations [2, 2], only 1; padding without count_include_pad, only with it)",
            "BatchNormalization at the node of \"b\" (training_mode 1, only 0; several outputs, as in training; only inference)",
            "LeakyRelu at the node of \"l\"",
            "Gelu at the node of \"g\" (approximate \"erf\", only none, tanh)",
            "Cast at the node of \"i\" (to type 7, only to floats)",
            "Relu at the node of \"r\" (the attribute \"alpha\")",
        ]
    );
    assert!(
        error
            .to_string()
            .contains("those that can are Gemm, MatMul"),
        "{error}"
    );
    // Operators of another domain are others.
    let other = [node("Relu", &["x"], "y", &[]), Vec::new()].concat();
    let inner = &other[2..];
    let foreign = bytes(1, &[inner, &bytes(7, b"com.example")].concat());
    assert!(matches!(
        FloatModel::from_onnx(&on_image(&[foreign], &[])),
        Err(ImportError::Operators { .. })
    ));
}

#[test]
fn windows_that_are_none() {
    assert!(FloatModel::from_onnx(&convolution(&[], &[1, 2, 2, 2], 9)).is_ok());
    let refused = |attributes: &[Vec<u8>], text| {
        refused(&convolution(attributes, &[1, 2, 2, 2], 9), text);
    };
    let most = i64::MAX;
    refused(&[of_integers("strides", &[0, 1])], "strides are at least 1");
    let same = of_text("auto_pad", "SAME_UPPER");
    refused(
        &[of_integers("strides", &[1, 0]), same.clone()],
        "strides are at least 1",
    );
    refused(&[of_integers("strides", &[-1, 1])], "strides is [-1, 1]");
    refused(
        &[of_integers("strides", &[1])],
        "only images of height and width",
    );
    refused(
        &[of_integers("kernel_shape", &[3, 2])],
        "that of its weights [2, 2]",
    );
    refused(
        &[of_integers("pads", &[2, 0, 0, 0])],
        "padding is less than a window",
    );
    refused(
        &[of_integers("pads", &[0, 0, 0, most])],
        "padding is less than a window",
    );
    refused(
        &[of_integers("pads", &[0, -1, 0, 0])],
        "pads are [0, -1, 0, 0]",
    );
    refused(
        &[of_integers("pads", &[0, 0])],
        "not those of an image's four sides",
    );
    refused(
        &[of_integers("pads", &[1, 0, 0, 0]), same],
        "both auto_pad and pads",
    );
    // One window, and so weights for another number of values.
    refused(
        &[of_integers("strides", &[most, most])],
        "weights of 9 inputs behind 1 values",
    );
    for shape in [&[1, 3, 2, 2][..], &[1, 2, 2], &[0, 2, 2, 2], &[1, 2, 0, 2]] {
        super::refused(
            &convolution(&[], shape, 9),
            "not [outputs, 2, height, width]",
        );
    }
    super::refused(
        &convolution(&[], &[1, 2, 5, 2], 9),
        "larger than the padded image",
    );

    let pool = |attributes: &[Vec<u8>]| {
        let nodes = [
            node("AveragePool", &["x"], "p", attributes),
            node("Flatten", &["p"], "f", &[]),
            node("Gemm", &["f", "w"], "y", &[]),
        ];
        on_image(&nodes, &[ones("w", &[18, 2])])
    };
    let kernel = |h, w| of_integers("kernel_shape", &[h, w]);
    assert!(FloatModel::from_onnx(&pool(&[kernel(2, 2)])).is_ok());
    super::refused(&pool(&[]), "no kernel_shape");
    super::refused(&pool(&[kernel(1, 1)]), "a mean is over two or more pixels");
    super::refused(&pool(&[kernel(most, most)]), "larger than the padded image");
    super::refused(&pool(&[kernel(0, 2)]), "at least 1");
    let strides = of_integers("strides", &[3, 3]);
    let ceil = of_integer("ceil_mode", 1);
    super::refused(
        &pool(&[kernel(2, 2), strides, ceil]),
        "reach beyond the image",
    );
    let same = of_text("auto_pad", "SAME_LOWER");
    super::refused(
        &pool(&[kernel(2, 2), same]),
        "padding without count_include_pad",
    );
    let include = of_integer("count_include_pad", 1);
    let pads = of_integers("pads", &[most; 4]);
    super::refused(&pool(&[kernel(most, most), pads, include]), "");
}

#[test]
fn sizes_that_overflow() {
    let gemm = [
        node("Flatten", &["x"], "f", &[]),
        node("Gemm", &["f", "w"], "y", &[]),
    ];
    let of = |shape: &[Option<i64>]| file_of(18, &gemm, &[ones("w", &[6, 1])], shape);
    assert!(FloatModel::from_onnx(&of(&[None, Some(2), Some(3)])).is_ok());
    // What is no number is what the weights need.
    assert!(FloatModel::from_onnx(&of(&[None, None, Some(3)])).is_ok());
    let most = Some(i64::MAX);
    for shape in [
        &[None, most][..],
        &[most, most, most],
        &[None, Some(1 << 32), Some(1 << 32)],
    ] {
        assert!(matches!(error(&of(shape)), ImportError::Config(_)));
    }
    for shape in [&[None, Some(0)][..], &[Some(1), Some(-6)]] {
        refused(&of(shape), "its shape is");
    }
    refused(&of(&[]), "no dimension of samples");
    refused(&of(&[None, Some(7)]), "weights of 6 inputs behind 7 values");

    // Every pixel padded to many: 64 convolutions of one pixel, whose output is larger each time.
    let pads = of_integers("pads", &[255, 255, 255, 255]);
    let mut nodes: Vec<Vec<u8>> = (0..32)
        .map(|k| {
            let input = if k == 0 {
                "x".into()
            } else {
                format!("c{}", k - 1)
            };
            node(
                "Conv",
                &[&input, "k"],
                &format!("c{k}"),
                std::slice::from_ref(&pads),
            )
        })
        .collect();
    nodes.push(node("GlobalAveragePool", &["c31"], "g", &[]));
    nodes.push(node("Flatten", &["g"], "f", &[]));
    nodes.push(node("Gemm", &["f", "v"], "y", &[]));
    let shape = [None, Some(1), Some(1), Some(1)];
    let kernel: Vec<u8> = [
        number(1, 1),
        number(1, 1),
        number(1, 256),
        number(1, 256),
        number(2, 10),
        bytes(8, b"k"),
        bytes(9, &vec![0; 2 << 16]),
    ]
    .concat();
    let file = file_of(18, &nodes, &[kernel, ones("v", &[1, 1])], &shape);
    refused(&file, "");
}

#[test]
fn values_that_nothing_makes() {
    let w = || ones("w", &[3, 3]);
    let shape = [None, Some(3)];
    let of = |nodes: &[Vec<u8>]| file_of(18, nodes, &[w()], &shape);
    // Each reads the other; and in the other order.
    let gemm = |input: &str, output: &str| node("Gemm", &[input, "w"], output, &[]);
    refused(
        &of(&[gemm("b", "a"), gemm("a", "b"), gemm("b", "y")]),
        "it reads \"b\", which no node before it makes",
    );
    refused(
        &of(&[gemm("a", "y"), gemm("x", "a")]),
        "it reads \"a\", which no node before it makes",
    );
    refused(
        &of(&[gemm("y", "y")]),
        "it reads \"y\", which no node before it makes",
    );
    refused(
        &of(&[gemm("", "y")]),
        "it reads \"\", which no node before it makes",
    );
    refused(&of(&[gemm("x", "z")]), "no node makes its output \"y\"");
    refused(&of(&[node("Gemm", &[], "y", &[])]), "no input");
    refused(&of(&[node("Gemm", &["x"], "y", &[])]), "no weights");
    refused(
        &of(&[node("Gemm", &["x", "v"], "y", &[])]),
        "\"v\" is no constant",
    );
    refused(
        &of(&[node("MatMul", &["x", "x"], "y", &[])]),
        "two values multiplied",
    );
    refused(&of(&[node("Add", &["x"], "y", &[])]), "not two inputs");
    refused(
        &of(&[node("Identity", &["x"], "y", &[])]),
        "it has no layer",
    );
    refused(
        &of(&[gemm("x", "a"), node("Relu", &["a"], "y", &[])]),
        "networks here end in a linear layer",
    );
    // Only the first output is one.
    let two = node_of("Dropout", &["x"], &["a", "mask"], &[]);
    refused(&of(&[two, gemm("mask", "y")]), "it reads \"mask\"");
    let outputs = [gemm("x", "y"), gemm("x", "y")];
    refused(&of(&outputs), "two values have the name \"y\"");
}

#[test]
fn initialisers_of_another_length() {
    let short = floats("w", &[3, 3], &[1.0; 8]);
    let gemm = [node("Gemm", &["x", "w", "b"], "y", &[])];
    let shape = [None, Some(3)];
    let of = |w: Vec<u8>, b: Vec<u8>| file_of(18, &gemm, &[w, b], &shape);
    let (w, b) = (|| ones("w", &[3, 3]), |len| ones("b", &[len]));
    assert!(FloatModel::from_onnx(&of(w(), b(3))).is_ok());
    refused(&of(short, b(3)), "8 values for the shape [3, 3]");
    refused(
        &of(w(), b(2)),
        "\"b\" has the shape [2], not that of 3 outputs",
    );
    refused(&of(w(), ones("b", &[3, 1])), "has the shape [3, 1]");
    refused(&of(ones("w", &[3, 3, 1]), b(3)), "not a matrix's");
    refused(
        &of(ones("w", &[2, 3]), b(3)),
        "weights of 2 inputs behind 3 values",
    );
    let huge = [
        number(1, i64::MAX),
        number(1, 4),
        number(2, 1),
        bytes(8, b"w"),
    ]
    .concat();
    refused(&of(huge, b(3)), "0 values for the shape");
}

/// Many layers of one matrix are more than the file.
#[test]
fn a_matrix_of_many_users() {
    let (count, mut nodes) = (500, Vec::new());
    for k in 0..count {
        let input = if k == 0 { "x".into() } else { format!("v{k}") };
        let output = if k + 1 == count {
            "y".into()
        } else {
            format!("v{}", k + 1)
        };
        nodes.push(node("Gemm", &[&input, "w"], &output, &[]));
    }
    let shape = [None, Some(64)];
    let file = file_of(18, &nodes, &[ones("w", &[64, 64])], &shape);
    refused(&file, "\"w\" is used too often");
    // Nor may there be more layers than a network has, however small.
    let nodes: Vec<Vec<u8>> = (0..100)
        .map(|k| {
            let input = if k == 0 { "x".into() } else { format!("v{k}") };
            let output = if k == 99 {
                "y".into()
            } else {
                format!("v{}", k + 1)
            };
            node("Gemm", &[&input, "w"], &output, &[])
        })
        .collect();
    let file = file_of(18, &nodes, &[ones("w", &[1, 1])], &[None, Some(1)]);
    assert!(matches!(error(&file), ImportError::Config(_)));
}

#[test]
fn rearrangements_that_are_more() {
    let of = |operator: &str, input: Option<&[i64]>, attributes: &[Vec<u8>]| {
        let inputs = if input.is_some() {
            vec!["c", "s"]
        } else {
            vec!["c"]
        };
        let nodes = [
            node("Conv", &["x", "k"], "c", &[]),
            node(operator, &inputs, "r", attributes),
            node("Flatten", &["r"], "f", &[]),
            node("Gemm", &["f", "w"], "y", &[]),
        ];
        let list = integers("s", input.unwrap_or_default());
        on_image(
            &nodes,
            &[ones("k", &[3, 2, 1, 1]), ones("w", &[48, 2]), list],
        )
    };
    let reshape = |lens: &[i64]| of("Reshape", Some(lens), &[]);
    for lens in [
        &[1, -1][..],
        &[0, 3, 16],
        &[-1, 12, 4],
        &[1, 48],
        &[0, 0, -1, 1],
    ] {
        // Whole dimensions, but where 3 x 4 are cut from the other end.
        let read = FloatModel::from_onnx(&reshape(lens));
        assert!(read.is_ok(), "{lens:?}: {:?}", read.err());
    }
    let whole = "moves whole dimensions";
    for lens in [
        &[0, 4, 12][..],
        &[0, 47],
        &[0, 7, -1],
        &[0],
        &[1, 0],
        &[0, 48, 2],
    ] {
        refused(&reshape(lens), whole);
    }
    refused(&reshape(&[]), "no dimension of samples");
    refused(
        &reshape(&[3, 16]),
        "its first dimension is not that of samples",
    );
    refused(&reshape(&[-1, -1]), "two open dimensions");
    refused(&reshape(&[0, -1, -1]), "two open dimensions");
    refused(&reshape(&[0, i64::MAX, i64::MAX]), whole);
    refused(&reshape(&[0, i64::MIN]), "two open dimensions");
    refused(&reshape(&[0, 0, 0, 0, 0]), "no dimension to copy");
    refused(&reshape(&[1; 65]), "no list of at most 64");
    refused(
        &of("Reshape", Some(&[0, -1]), &[of_integer("allowzero", 1)]),
        "no length",
    );
    refused(&of("Reshape", None, &[]), "not two inputs");
    let perm = |perm: &[i64]| of("Transpose", None, &[of_integers("perm", perm)]);
    for order in [
        &[1, 0, 2, 3][..],
        &[0, 1, 2],
        &[0, 1, 1, 2],
        &[0, 1, 2, 4],
        &[0, 1, 2, -1],
        &[],
    ] {
        refused(&perm(order), whole);
    }
    refused(&of("Transpose", None, &[]), whole);
    for axis in [0, 2, 4, -1, i64::MIN, i64::MAX] {
        refused(&of("Flatten", None, &[of_integer("axis", axis)]), whole);
    }
    assert!(FloatModel::from_onnx(&of("Flatten", None, &[of_integer("axis", -3)])).is_ok());
    for operator in ["Squeeze", "Unsqueeze"] {
        for axes in [&[0][..], &[1, 0]] {
            refused(&of(operator, Some(axes), &[]), whole);
        }
        for axes in [&[7][..], &[-9], &[i64::MIN]] {
            refused(&of(operator, Some(axes), &[]), "no such dimension");
        }
        refused(
            &of(operator, Some(&[1, 1]), &[]),
            "a dimension is named twice",
        );
        refused(&of(operator, None, &[]), "it must name its dimensions");
    }
    refused(&of("Squeeze", Some(&[2]), &[]), whole);
    // The shape of values that are no list.
    let twice = [
        node("Reshape", &["x", "w"], "r", &[]),
        node("Gemm", &["r", "w"], "y", &[]),
    ];
    refused(
        &on_image(&twice, &[ones("w", &[32, 2])]),
        "no list of at most 64 integers",
    );
}

#[test]
fn operators_where_they_cannot_be() {
    let k = || ones("k", &[2, 2, 1, 1]);
    let c = || ones("c", &[2]);
    let head = |value: &str| {
        let flat = node("Flatten", &[value], "f", &[]);
        [flat, node("Gemm", &["f", "w"], "y", &[])].concat()
    };
    let of = |nodes: &[Vec<u8>]| {
        let more = [
            ones("s", &[1, 2, 1, 1]),
            ones("w", &[32, 2]),
            ones("r", &[4]),
        ];
        on_image(nodes, &[&[k(), c()], &more[..]].concat())
    };
    let conv = |input: &str, output: &str| node("Conv", &[input, "k"], output, &[]);
    let norm = |input: &str| node("BatchNormalization", &[input, "c", "c", "c", "c"], "b", &[]);
    assert!(FloatModel::from_onnx(&of(&[conv("x", "z"), norm("z"), head("b")])).is_ok());
    let nothing_else = "whose output nothing else reads";
    refused(&of(&[norm("x"), head("b")]), nothing_else);
    refused(
        &of(&[
            conv("x", "z"),
            node("Relu", &["z"], "a", &[]),
            norm("a"),
            head("b"),
        ]),
        nothing_else,
    );
    let both = [
        conv("x", "z"),
        norm("z"),
        node("Add", &["z", "b"], "s1", &[]),
        head("s1"),
    ];
    refused(&of(&both), nothing_else);
    let both = [
        conv("x", "z"),
        node("Add", &["z", "s"], "b", &[]),
        node("Add", &["z", "b"], "s1", &[]),
        head("s1"),
    ];
    refused(&of(&both), nothing_else);
    refused(
        &of(&[node("Add", &["x", "s"], "b", &[]), head("b")]),
        nothing_else,
    );
    // One for each column is none for each channel.
    refused(
        &of(&[
            conv("x", "z"),
            node("Add", &["z", "r"], "b", &[]),
            head("b"),
        ]),
        "not that of 2 outputs",
    );
    let turned = node(
        "Transpose",
        &["z"],
        "t",
        &[of_integers("perm", &[0, 2, 3, 1])],
    );
    refused(
        &of(&[conv("x", "z"), turned.clone(), norm("t"), head("b")]),
        nothing_else,
    );
    let sum = node("Add", &["z", "t"], "b", &[]);
    refused(
        &of(&[conv("x", "z"), turned.clone(), sum, head("b")]),
        "must be of one shape",
    );
    refused(
        &of(&[conv("x", "z"), turned, conv("t", "u"), head("u")]),
        "no image of [channels, height, width]",
    );
    refused(
        &of(&[node("Gemm", &["x", "w"], "y", &[])]),
        "must be flattened",
    );
    let product = node("MatMul", &["z", "w"], "y", &[]);
    let text = "something else than the last dimension";
    refused(&of(&[conv("x", "z"), product]), text);
    // Scores are the end.
    let soft = |input: &str, output: &str| node("Softmax", &[input], output, &[]);
    refused(&of(&[soft("x", "a"), head("a")]), "only over the classes");
    let flat = node("Flatten", &["x"], "f", &[]);
    let gemm = node("Gemm", &["f", "w"], "z", &[]);
    let relu = node("Relu", &["p"], "y", &[]);
    refused(
        &of(&[flat.clone(), gemm.clone(), soft("z", "p"), relu]),
        "only as the last one",
    );
    let twice = node("Add", &["p", "p"], "y", &[]);
    refused(
        &of(&[flat.clone(), gemm.clone(), soft("z", "p"), twice]),
        "only as the last one",
    );
    refused(
        &of(&[flat, gemm, soft("z", "p"), soft("p", "y")]),
        "only as the last one",
    );
    // Images are no output.
    refused(&of(&[conv("x", "y")]), "the last one makes a vector");
}

#[test]
fn inputs_and_outputs_are_one() {
    let gemm = || node("Gemm", &["x", "w"], "y", &[]);
    let w = || ones("w", &[3, 3]);
    refused(
        &file(18, &[gemm()], &[w()], &["x", "z"]),
        "2 inputs and 1 outputs",
    );
    refused(&file(18, &[gemm()], &[w()], &[]), "0 inputs and 1 outputs");
    let of_nothing = [
        node("Relu", &["x"], "a", &[]),
        node("Add", &["a", "a"], "y", &[]),
    ];
    refused(
        &file(18, &of_nothing, &[], &["x"]),
        "the lengths of its dimensions must be numbers",
    );
    // Formulas that are no GELU are operators that there are not.
    let half = floats("h", &[], &[0.7]);
    let erf = [
        node("Erf", &["x"], "e", &[]),
        node("Mul", &["e", "h"], "m", &[]),
        node("Gemm", &["m", "w"], "y", &[]),
    ];
    let error = error(&file(18, &erf, &[w(), half], &["x"])).to_string();
    assert!(
        error.contains("Erf at the node of \"e\", Mul at"),
        "{error}"
    );
    // An attribute of text that is none.
    let bad = attribute("auto_pad", 3, &[bytes(4, &[0xff])]);
    refused(&convolution(&[bad], &[1, 2, 2, 2], 9), "is no text");
}
