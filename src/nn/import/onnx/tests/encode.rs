//! Writes ONNX files, from the description of the format.

/// A number of as many bytes as it needs, seven bits each.
fn varint(mut value: u64) -> Vec<u8> {
    let mut text = Vec::new();
    while value >= 128 {
        text.push(value as u8 | 128);
        value >>= 7;
    }
    text.push(value as u8);
    text
}

/// A field that has a length.
pub fn bytes(tag: u64, content: &[u8]) -> Vec<u8> {
    [
        &varint(tag << 3 | 2),
        &varint(content.len() as u64),
        content,
    ]
    .concat()
}

/// A field that is a number.
pub fn number(tag: u64, value: i64) -> Vec<u8> {
    [varint(tag << 3), varint(value as u64)].concat()
}

pub fn float(tag: u64, value: f32) -> Vec<u8> {
    [&varint(tag << 3 | 5), &value.to_le_bytes()[..]].concat()
}

/// A tensor of type 1, floats, 7, integers, or 9, truth values.
pub fn tensor(name: &str, shape: &[i64], kind: i64, raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|dim| number(1, *dim)).collect();
    let name = bytes(8, name.as_bytes());
    [dims, number(2, kind), name, bytes(9, raw)].concat()
}

pub fn floats(name: &str, shape: &[i64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensor(name, shape, 1, &raw)
}

pub fn integers(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensor(name, &[values.len() as i64], 7, &raw)
}

pub fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    node_of(operator, inputs, &[output], attributes)
}

/// A node of several outputs.
pub fn node_of(
    operator: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[Vec<u8>],
) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| bytes(1, name.as_bytes()));
    let outputs = outputs.iter().flat_map(|name| bytes(2, name.as_bytes()));
    let attributes = attributes.iter().flat_map(|a| bytes(5, a));
    let parts = [
        inputs.collect(),
        outputs.collect(),
        bytes(4, operator.as_bytes()),
        attributes.collect(),
    ];
    bytes(1, &parts.concat())
}

/// An attribute of this type with these values.
pub fn attribute(name: &str, kind: i64, values: &[Vec<u8>]) -> Vec<u8> {
    [bytes(1, name.as_bytes()), values.concat(), number(20, kind)].concat()
}

pub fn of_float(name: &str, value: f32) -> Vec<u8> {
    attribute(name, 1, &[float(2, value)])
}

pub fn of_integer(name: &str, value: i64) -> Vec<u8> {
    attribute(name, 2, &[number(3, value)])
}

pub fn of_text(name: &str, value: &str) -> Vec<u8> {
    attribute(name, 3, &[bytes(4, value.as_bytes())])
}

pub fn of_integers(name: &str, values: &[i64]) -> Vec<u8> {
    let values: Vec<Vec<u8>> = values.iter().map(|value| number(8, *value)).collect();
    attribute(name, 7, &values)
}

/// A file of operators of this version: from x to y.
pub fn file(version: i64, nodes: &[Vec<u8>], initializers: &[Vec<u8>], inputs: &[&str]) -> Vec<u8> {
    let inputs: Vec<Vec<u8>> = inputs
        .iter()
        .map(|name| bytes(1, name.as_bytes()))
        .collect();
    model(version, nodes, initializers, &inputs)
}

/// The same of one input whose shape is stated; `None` is a symbol.
pub fn file_of(
    version: i64,
    nodes: &[Vec<u8>],
    initializers: &[Vec<u8>],
    shape: &[Option<i64>],
) -> Vec<u8> {
    let dims = shape.iter().map(|dim| match dim {
        Some(len) => number(1, *len),
        None => bytes(2, b"N"),
    });
    let shape: Vec<u8> = dims.flat_map(|dim| bytes(1, &dim)).collect();
    let tensor = [number(1, 1), bytes(2, &shape)].concat();
    let input = [bytes(1, b"x"), bytes(2, &bytes(1, &tensor))].concat();
    model(version, nodes, initializers, &[input])
}

fn model(version: i64, nodes: &[Vec<u8>], initializers: &[Vec<u8>], inputs: &[Vec<u8>]) -> Vec<u8> {
    let initializers = initializers.iter().flat_map(|tensor| bytes(5, tensor));
    let inputs = inputs.iter().flat_map(|input| bytes(11, input));
    let graph = [
        nodes.concat(),
        initializers.collect(),
        inputs.collect(),
        bytes(12, &bytes(1, b"y")),
    ];
    [bytes(7, &graph.concat()), bytes(8, &number(2, version))].concat()
}
