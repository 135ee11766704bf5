"""Evaluates a file for PyTorch, written from its description alone, with the standard library.

Arguments: the file. Standard input: JSON, {"inputs": [[...], ...], "activation_bits": s}, inputs in
units of 2^-s. Standard output: JSON, the outputs in floats and for each a bound on how far the
integer network can be away: it rounds each layer to multiples of 2^-s, and rectifiers do not widen
an error.
"""

import json
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    metadata = json.loads(header.pop("__metadata__")["zktree"])
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = (entry["shape"], list(struct.unpack(f"<{(end - start) // 4}f", data[start:end])))
    return tensors, metadata


def layers(tensors):
    """The Linear modules of nn.Sequential(Linear, ReLU, Linear, ...): every other index."""
    result = []
    for index in range(0, len(tensors), 2):
        (outputs, inputs), weight = tensors[f"{index}.weight"]
        shape, bias = tensors[f"{index}.bias"]
        assert shape == [outputs]
        rows = [weight[k * inputs : (k + 1) * inputs] for k in range(outputs)]
        result.append((rows, bias))
    assert 2 * len(result) == len(tensors)
    return result


def evaluate(network, inputs, step):
    """Outputs, and how far off they can be when every layer is rounded to multiples of `step`."""
    values, errors = inputs, [0.0] * len(inputs)
    for index, (rows, bias) in enumerate(network):
        if index:
            values = [max(value, 0.0) for value in values]
        sums, bounds = [], []
        for row, b in zip(rows, bias):
            sums.append(sum(w * x for w, x in zip(row, values)) + b)
            # Weights are floats: a relative error of 2^-24 each.
            size = sum(abs(w * x) for w, x in zip(row, values)) + abs(b)
            moved = sum(abs(w) * e for w, e in zip(row, errors))
            bounds.append(moved * (1 + 2.0**-23) + step / 2 + size * 2.0**-23)
        values, errors = sums, bounds
    return values, errors


def main():
    tensors, metadata = read(sys.argv[1])
    task = json.load(sys.stdin)
    assert metadata["activation_bits"] == task["activation_bits"]
    step = 2.0 ** -task["activation_bits"]
    network = layers(tensors)
    results = [evaluate(network, [x * step for x in row], step) for row in task["inputs"]]
    outputs, bounds = zip(*results)
    answer = {"outputs": outputs, "bounds": bounds, "normalization": metadata["normalization"]}
    json.dump(answer, sys.stdout)


main()
