//! Operators that are supported, of sizes or in places where they cannot be.
use super::{
    encode::{integers, node, of_integer, of_integers, of_text},
    errors::{self, on_image, ones, refused},
};
use crate::nn::import::FloatModel;

/// A convolution with these attributes, flattened, and a layer of so many inputs.
pub fn convolution(attributes: &[Vec<u8>], shape: &[i64], inputs: i64) -> Vec<u8> {
    let nodes = [
        node("Conv", &["x", "k"], "c", attributes),
        node("Flatten", &["c"], "f", &[]),
        node("Gemm", &["f", "w"], "y", &[]),
    ];
    on_image(&nodes, &[ones("k", shape), ones("w", &[inputs, 2])])
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
        errors::refused(
            &convolution(&[], shape, 9),
            "not [outputs, 2, height, width]",
        );
    }
    errors::refused(
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
    errors::refused(&pool(&[]), "no kernel_shape");
    errors::refused(&pool(&[kernel(1, 1)]), "a mean is over two or more pixels");
    errors::refused(&pool(&[kernel(most, most)]), "larger than the padded image");
    errors::refused(&pool(&[kernel(0, 2)]), "at least 1");
    let strides = of_integers("strides", &[3, 3]);
    let ceil = of_integer("ceil_mode", 1);
    errors::refused(
        &pool(&[kernel(2, 2), strides, ceil]),
        "reach beyond the image",
    );
    let same = of_text("auto_pad", "SAME_LOWER");
    errors::refused(
        &pool(&[kernel(2, 2), same]),
        "padding without count_include_pad",
    );
    let include = of_integer("count_include_pad", 1);
    let pads = of_integers("pads", &[most; 4]);
    errors::refused(&pool(&[kernel(most, most), pads, include]), "");
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
