"""Writes the networks of the comparison as ONNX files with random weights, and an input for each."""

import json
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# Small ones; then the fully connected networks of the zkML benchmark that zkDL uses, from two layers
# to eight: the last has 18 million parameters.
SMALL = [(64, 128, 128, 10), (784, 512, 512, 10)]
WIDE = [1000, 1773, 1773, 1773, 1773, 1773, 1124, 1000]
LARGE = [(784, *WIDE[: n - 1], 1000) for n in (2, 4, 6)] + [(784, *WIDE)]


def name(widths):
    return "-".join(str(width) for width in widths)


def parameters(widths):
    return sum((i + 1) * o for i, o in zip(widths, widths[1:]))


def write(out: pathlib.Path, widths, batch):
    """The network for a batch of a fixed size, which some tools need. Returns model and input files."""
    rng = numpy.random.default_rng(7)
    nodes, constants, at = [], [], "x"
    for k, (i, o) in enumerate(zip(widths, widths[1:])):
        # Activations keep their size from layer to layer.
        weight = rng.normal(0, (2 / i) ** 0.5, (o, i)).astype(numpy.float32)
        bias = rng.normal(0, 0.05, o).astype(numpy.float32)
        constants += [numpy_helper.from_array(weight, f"w{k}"), numpy_helper.from_array(bias, f"b{k}")]
        last = k == len(widths) - 2
        out_name = "y" if last else f"z{k}"
        nodes.append(helper.make_node("Gemm", [at, f"w{k}", f"b{k}"], [out_name], f"fc{k}", transB=1))
        at = out_name
        if not last:
            nodes.append(helper.make_node("Relu", [at], [f"a{k}"], f"relu{k}"))
            at = f"a{k}"
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "mlp",
        [value("x", TensorProto.FLOAT, (batch, widths[0]))],
        [value("y", TensorProto.FLOAT, (batch, widths[-1]))],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    stem = f"{name(widths)}-b{batch}"
    path, data = out / f"{stem}.onnx", out / f"{stem}.json"
    onnx.save(model, path)
    inputs = rng.uniform(0, 1, batch * widths[0])
    data.write_text(json.dumps({"input_data": [inputs.tolist()]}))
    return path, data
