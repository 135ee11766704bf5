//! Files are made here, byte by byte; those of the `onnx` package are in `tests/vectors/import`.
mod encode;
mod errors;
mod graphs;
mod misplaced;
mod operators;
mod reference;

use crate::nn::import::{FloatModel, ImportError};
use encode::{attribute, bytes, file, float, floats, node, number, tensor};

fn weights() -> Vec<u8> {
    floats("w", &[1, 2], &[3.0, 5.0])
}

/// One layer with these attributes of its Gemm.
fn gemm(attributes: &[Vec<u8>]) -> Vec<u8> {
    file(
        17,
        &[node("Gemm", &["x", "w"], "y", attributes)],
        &[weights()],
        &["x"],
    )
}

fn read(file: &[u8]) -> Vec<f64> {
    FloatModel::from_onnx(file).unwrap().layers()[0]
        .weight
        .clone()
}

fn refused(file: &[u8], text: &str) {
    let error = FloatModel::from_onnx(file).unwrap_err();
    let kind = matches!(
        error,
        ImportError::Structure { .. } | ImportError::Malformed { .. }
    );
    let error = error.to_string();
    assert!(kind && error.contains(text), "{error}");
}

#[test]
fn attributes_are_of_the_type_that_is_due() {
    assert_eq!(read(&gemm(&[])), [3.0, 5.0]);
    let alpha = |kind, values: &[Vec<u8>]| gemm(&[attribute("alpha", kind, values)]);
    assert_eq!(read(&alpha(1, &[float(2, 2.0)])), [6.0, 10.0]);
    // Files of the first version do not say the type; a zero may be left out.
    assert_eq!(read(&alpha(0, &[float(2, 2.0)])), [6.0, 10.0]);
    assert_eq!(read(&alpha(1, &[])), [0.0, 0.0]);
    let turned = gemm(&[attribute("transB", 2, &[number(3, 0)])]);
    assert_eq!(read(&turned), [3.0, 5.0]);
    for file in [
        alpha(2, &[number(3, 2)]),
        alpha(0, &[number(3, 2)]),
        alpha(1, &[number(3, 2)]),
        alpha(2, &[float(2, 2.0)]),
        alpha(1, &[float(2, 2.0), number(3, 2)]),
        alpha(0, &[]),
        alpha(1, &[float(2, 2.0), bytes(21, b"outer")]),
    ] {
        refused(&file, "the attribute \"alpha\" is no Float");
    }
    refused(
        &alpha(2, &[]),
        "Gemm the node of \"y\": the attribute \"alpha\" is no Float",
    );
    let turned = gemm(&[attribute("transB", 1, &[float(2, 1.0)])]);
    refused(&turned, "the attribute \"transB\" is no Integer");
    let twice = attribute("alpha", 1, &[float(2, 2.0)]);
    refused(
        &gemm(&[twice.clone(), twice]),
        "two attributes have the name \"alpha\"",
    );
    let constant = |values: &[Vec<u8>]| {
        let nodes = [
            node("Constant", &[], "w", values),
            node("Gemm", &["x", "w"], "y", &[]),
        ];
        file(17, &nodes, &[], &["x"])
    };
    let value = attribute("value", 4, &[bytes(5, &weights())]);
    assert_eq!(read(&constant(std::slice::from_ref(&value))), [3.0, 5.0]);
    let other = attribute("value_int", 2, &[number(3, 1)]);
    refused(&constant(&[value, other]), "others beside it");
    refused(&constant(&[]), "no tensor");
}

#[test]
fn names_are_of_one_value() {
    let gemm = || node("Gemm", &["x", "w"], "y", &[]);
    let other = floats("w", &[1, 2], &[0.0, 0.0]);
    let named = "two values have the name \"w\"";
    refused(
        &file(17, &[gemm()], &[weights(), other.clone()], &["x"]),
        named,
    );
    let value = attribute("value", 4, &[bytes(5, &other)]);
    let constant = node("Constant", &[], "w", &[value]);
    refused(
        &file(17, &[constant.clone(), gemm()], &[weights()], &["x"]),
        named,
    );
    refused(
        &file(17, &[constant.clone(), constant, gemm()], &[], &["x"]),
        named,
    );
    // Old files name initialisers among the inputs, once.
    assert_eq!(
        read(&file(17, &[gemm()], &[weights()], &["x", "w"])),
        [3.0, 5.0]
    );
    refused(&file(17, &[gemm()], &[weights()], &["w", "x", "w"]), named);
    let twice = "two values have the name \"x\"";
    refused(&file(17, &[gemm()], &[weights()], &["x", "x"]), twice);
    let back = [node("Identity", &["x"], "x", &[]), gemm()];
    refused(&file(17, &back, &[weights()], &["x"]), twice);
    // Twice the values of one tensor.
    let both = [weights(), float(4, 1.0), float(4, 1.0)].concat();
    refused(&file(17, &[gemm()], &[both], &["x"]), "it has values twice");
}

#[test]
fn dropout_is_for_inference() {
    let with = |version, inputs: &[&str], mode: &[Vec<u8>]| {
        let nodes = [
            node("Dropout", inputs, "d", &[]),
            node("Gemm", &["d", "w"], "y", &[]),
        ];
        let all = [&[weights(), floats("r", &[], &[0.5])], mode].concat();
        file(version, &nodes, &all, &["x"])
    };
    let mode = |value: u8| tensor("m", &[], 9, &[value]);
    for file in [
        with(7, &["x"], &[]),
        with(13, &["x", "r"], &[]),
        with(13, &["x", "r", ""], &[]),
        with(13, &["x", "r", "m"], &[mode(0)]),
    ] {
        assert_eq!(read(&file), [3.0, 5.0]);
    }
    let training = "it may be in training mode";
    refused(&with(13, &["x", "r", "m"], &[mode(1)]), training);
    refused(&with(13, &["x", "", "m"], &[mode(1)]), training);
    // What is no truth value, and what is known at run time alone.
    refused(
        &with(13, &["x", "r", "m"], &[floats("m", &[], &[0.0])]),
        training,
    );
    refused(&with(13, &["x", "r", "m"], &[]), training);
    // Then it was in training mode unless it said otherwise.
    refused(&with(6, &["x"], &[]), "operators of version 6");
    // A constant that is dropped at the rate of the activations.
    refused(
        &with(13, &["r", "x"], &[]),
        "the activations must be its first input",
    );
    let unversioned = file(
        17,
        &[node("Gemm", &["x", "w"], "y", &[])],
        &[weights()],
        &["x"],
    );
    refused(
        &unversioned[..unversioned.len() - 4],
        "operators of version 1",
    );
}

#[test]
fn operators_of_one_input_have_one() {
    for operator in ["Identity", "Flatten", "Relu"] {
        let nodes = [
            node(operator, &["w", "x"], "i", &[]),
            node("Gemm", &["i", "w"], "y", &[]),
        ];
        refused(&file(17, &nodes, &[weights()], &["x"]), "not one input");
    }
}
