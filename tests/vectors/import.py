"""Writes small networks for the tests of `nn::import`, and what they predict, into `import/`.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx numpy
    /tmp/venv/bin/python tests/vectors/import.py

Knows nothing of the library: files are written by the `onnx` package, or from the description of
the format, and predictions are computed by numpy, or by that package's own evaluator.
"""

import json
import pathlib
import struct

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

OUT = pathlib.Path(__file__).parent / "import"
RNG = numpy.random.default_rng(20231)
WIDTHS = (3, 5, 4, 2)
BATCH = 6
IMAGE = (2, 7, 6)


def network():
    """Weights [inputs, outputs] and biases, and rows with their predictions."""
    layers = [
        (RNG.normal(0, 0.6, (i, o)), RNG.normal(0, 0.3, o)) for i, o in zip(WIDTHS, WIDTHS[1:])
    ]
    return [(w.astype(numpy.float32), b.astype(numpy.float32)) for w, b in layers]


def predict(layers, rows):
    values = rows.astype(numpy.float64)
    for k, (weight, bias) in enumerate(layers):
        if k:
            values = numpy.maximum(values, 0)
        values = values @ weight.astype(numpy.float64) + bias.astype(numpy.float64)
    return values


def model(nodes, constants, shape=(None, WIDTHS[0])):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("x", TensorProto.FLOAT, shape)],
        [value("y", TensorProto.FLOAT, (None, WIDTHS[-1]))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def gemm(layers, trans, alpha=1.0, beta=1.0):
    nodes, constants, at = [], {}, "x"
    for k, (weight, bias) in enumerate(layers):
        last = k == len(layers) - 1
        kind = weight.dtype.type
        constants[f"w{k}"] = (weight.T if trans else weight) / kind(alpha)
        constants[f"b{k}"] = bias / kind(beta)
        out = "y" if last else f"z{k}"
        nodes.append(
            helper.make_node(
                "Gemm", [at, f"w{k}", f"b{k}"], [out], f"fc{k}", transB=trans, alpha=alpha, beta=beta
            )
        )
        at = out
        if not last:
            nodes.append(helper.make_node("Relu", [at], [f"a{k}"], f"relu{k}"))
            at = f"a{k}"
    return nodes, constants


def matmul(layers):
    """MatMul and Add, the bias on either side, behind a Flatten; one weight as a Constant."""
    nodes, constants = [helper.make_node("Flatten", ["x"], ["flat"], "flatten")], {}
    at = "flat"
    for k, (weight, bias) in enumerate(layers):
        last = k == len(layers) - 1
        if k == 1:
            array = numpy_helper.from_array(weight, "value")
            nodes.append(helper.make_node("Constant", [], [f"w{k}"], "constant", value=array))
        else:
            constants[f"w{k}"] = weight
        constants[f"b{k}"] = bias
        nodes.append(helper.make_node("MatMul", [at, f"w{k}"], [f"m{k}"], f"matmul{k}"))
        pair = [f"m{k}", f"b{k}"]
        out = "y" if last else f"z{k}"
        nodes.append(helper.make_node("Add", pair if k % 2 else pair[::-1], [out], f"add{k}"))
        at = out
        if not last:
            nodes.append(helper.make_node("Relu", [at], [f"a{k}"], f"relu{k}"))
            nodes.append(helper.make_node("Identity", [f"a{k}"], [f"i{k}"], f"identity{k}"))
            at = f"i{k}"
    return nodes, constants


def half(layers):
    """Weights in half precision, rounded before predictions are made."""
    layers = [(w.astype(numpy.float16), b.astype(numpy.float16)) for w, b in layers]
    return layers, gemm(layers, 1)


def unsupported():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", group=2, dilations=[2, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Elu", ["r"], ["e"]),
        helper.make_node("AveragePool", ["e"], ["a"], "pool", kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Resize", ["a"], ["y"], "resize"),
    ]
    return nodes, {"w": numpy.zeros((1, 1), numpy.float32)}


def images():
    """Networks of two images of 7 x 6 pixels and two channels: nodes, constants, and whether a softmax ends them."""

    def normal(*shape):
        return RNG.normal(0, 0.4, shape).astype(numpy.float32)

    node = helper.make_node
    residual = [
        node("Conv", ["x", "k0", "c0"], ["z0"], "stem", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("BatchNormalization", ["z0", "scale", "shift", "mean", "var"], ["n0"], "norm", epsilon=1e-3),
        node("Relu", ["n0"], ["a0"], "relu0"),
        node("Conv", ["a0", "k1", "c1"], ["z1"], "branch", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Add", ["z1", "a0"], ["s1"], "sum"),
        node("Relu", ["s1"], ["a1"], "relu1"),
        node("MaxPool", ["a1"], ["m1"], "max", kernel_shape=[2, 2], strides=[1, 1]),
        node("AveragePool", ["m1"], ["p1"], "mean", kernel_shape=[2, 2], strides=[1, 1],
             pads=[0, 1, 1, 0], count_include_pad=1),
        node("Reshape", ["p1", "flat"], ["f"], "reshape"),
        node("Gemm", ["f", "w2", "c2"], ["z2"], "dense", transB=1),
        node("Tanh", ["z2"], ["a2"], "tanh"),
        node("MatMul", ["a2", "w3"], ["z3"], "scores"),
        node("Add", ["z3", "c3"], ["logits"], "bias"),
    ]
    constants = {
        "k0": normal(3, 2, 3, 2), "c0": normal(3),
        "scale": 1 + normal(3), "shift": normal(3), "mean": normal(3), "var": 1 + normal(3) ** 2,
        "k1": normal(3, 3, 3, 3), "c1": normal(3),
        "flat": numpy.array([0, -1]),
        "w2": normal(4, 3 * 3 * 2), "c2": normal(4), "w3": normal(4, 3), "c3": normal(3),
    }
    yield "image-residual.onnx", residual, constants, True
    half = numpy.float32(0.5)
    channels_last = [
        node("Transpose", ["x"], ["t"], "to_last", perm=[0, 2, 3, 1]),
        node("Transpose", ["t"], ["u"], "to_first", perm=[0, 3, 1, 2]),
        node("Conv", ["u", "k0"], ["z0"], "stem", auto_pad="SAME_LOWER", strides=[3, 1]),
        node("Add", ["z0", "c0"], ["b0"], "bias"),
        node("Div", ["b0", "root"], ["d"], "div"),
        node("Erf", ["d"], ["e"], "erf"),
        node("Add", ["e", "one"], ["o"], "plus"),
        node("Mul", ["b0", "o"], ["m"], "times"),
        node("Mul", ["m", "half"], ["a0"], "half"),
        node("Conv", ["a0", "k1"], ["z1"], "pixel", auto_pad="VALID"),
        node("Sigmoid", ["z1"], ["a1"], "sigmoid"),
        node("GlobalAveragePool", ["a1"], ["g"], "mean"),
        node("Squeeze", ["g", "axes"], ["f"], "squeeze"),
        node("Gemm", ["f", "w2", "c2"], ["logits"], "dense", alpha=0.5, beta=2.0),
    ]
    constants = {
        "k0": normal(4, 2, 2, 3), "c0": normal(1, 4, 1, 1), "k1": normal(5, 4, 1, 1),
        "root": numpy.float32(2**0.5), "one": numpy.float32(1), "half": half,
        "axes": numpy.array([2, 3]), "w2": normal(5, 2), "c2": normal(2),
    }
    yield "image-channels-last.onnx", channels_last, constants, False


def image_model(nodes, constants, output, classes):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("x", TensorProto.FLOAT, ("N", *IMAGE))],
        [value(output, TensorProto.FLOAT, ("N", classes))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def safetensors(tensors):
    header, data = {}, b""
    for name, (kind, array) in tensors.items():
        raw = array.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8"}[kind]).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    OUT.mkdir(exist_ok=True)
    cases = []
    layers = network()
    rows = RNG.uniform(-2, 2, (BATCH, WIDTHS[0])).astype(numpy.float32)

    def add(name, data, of, names=None):
        (OUT / name).write_bytes(data)
        outputs = predict(of, rows).tolist()
        cases.append({"file": name, "outputs": outputs, "names": names})

    for name, nodes in [
        ("gemm.onnx", gemm(layers, 1)),
        ("gemm-transposed-scaled.onnx", gemm(layers, 0, 0.5, 4.0)),
        ("matmul.onnx", matmul(layers)),
    ]:
        made = model(*nodes)
        onnx.checker.check_model(made)
        add(name, made.SerializeToString(), layers)
    rounded, nodes = half(layers)
    add("half.onnx", model(*nodes).SerializeToString(), rounded)

    torch = {}
    for k, (weight, bias) in enumerate(layers):
        torch[f"net.{2 * k}.weight"] = ("F32", weight.T)
        torch[f"net.{2 * k}.bias"] = ("F32", bias)
    add("sequential.safetensors", safetensors(torch), layers)
    keras, names = {}, []
    for k, (weight, bias) in enumerate(rounded):
        keras[f"dense{k}/kernel"] = ("F16", weight)
        keras[f"dense{k}/bias"] = ("F64", bias)
        names.append({"weight": f"dense{k}/kernel", "bias": f"dense{k}/bias", "transposed": True})
    add("keras.safetensors", safetensors(keras), rounded, {"layers": names})

    (OUT / "unsupported.onnx").write_bytes(model(*unsupported()).SerializeToString())
    pictures = []
    for name, nodes, constants, is_classifier in images():
        pixels = RNG.uniform(-1, 1, (2, *IMAGE)).astype(numpy.float32)
        classes = 3 if is_classifier else 2
        scored = image_model(nodes, constants, "logits", classes)
        (scores,) = ReferenceEvaluator(scored).run(None, {"x": pixels})
        if is_classifier:
            nodes.append(helper.make_node("Softmax", ["logits"], ["y"], "softmax", axis=1))
            scored = image_model(nodes, constants, "y", classes)
        (OUT / name).write_bytes(scored.SerializeToString())
        # Rows of data: the channels of each pixel beside one another.
        columns = pixels.transpose(0, 2, 3, 1).reshape(len(pixels), -1)
        case = {"file": name, "inputs": columns.tolist(), "outputs": scores.tolist()}
        pictures.append({**case, "classifier": is_classifier})
    vectors = {"inputs": rows.tolist(), "cases": cases, "images": pictures}
    (OUT / "vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
