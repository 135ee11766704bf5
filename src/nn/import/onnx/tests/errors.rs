//! Graphs that are no network here, or that are made to break the reader.
use super::{
    encode::{
        attribute, bytes, file, file_of, floats, node, node_of, number, of_integer, of_integers,
        of_text,
    },
    misplaced::convolution,
};
use crate::nn::import::{FloatModel, ImportError};

pub fn error(file: &[u8]) -> ImportError {
    FloatModel::from_onnx(file).unwrap_err()
}

pub fn refused(file: &[u8], text: &str) {
    let error = error(file);
    let is_structure = matches!(error, ImportError::Structure { .. });
    let error = error.to_string();
    assert!(is_structure && error.contains(text), "{error}");
}

/// A matrix `[rows, columns]` of ones.
pub fn ones(name: &str, shape: &[i64]) -> Vec<u8> {
    let size: i64 = shape.iter().product();
    floats(name, shape, &vec![1.0; size as usize])
}

/// A graph on images `[2, 4, 4]`.
pub fn on_image(nodes: &[Vec<u8>], initializers: &[Vec<u8>]) -> Vec<u8> {
    file_of(
        18,
        nodes,
        initializers,
        &[Some(1), Some(2), Some(4), Some(4)],
    )
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
