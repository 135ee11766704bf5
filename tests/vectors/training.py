"""Independent implementation of the specification in `paper-notes.md`; writes `training.json`.

Formats, public randomness and digests are in `common.py`.

Written from the text alone, before seeing the Rust code, but for `field_bits` and the value in
`stops`. `tests/library/vectors.rs` compares bit for bit. Standard library and NumPy (unbounded integers).
To regenerate, with NumPy 1.24 or later: python3 tests/vectors/training.py
"""

import csv
import itertools
import json
import math
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np

from common import (
    FORMATS,
    batch_rows,
    bound,
    chacha_block,
    digest,
    initial_weights,
    le64,
    log2_up,
    permutation,
    round_k,
    schedule_seed,
)

HERE = Path(__file__).resolve().parent
WINE = HERE.parent.parent / "data" / "winequality-red.csv"

# ---- Data
def read_csv(raw, targets):
    """Names and rows of doubles, features in the order of the file, then the targets as asked."""
    lines = [[cell.strip() for cell in row] for row in csv.reader(raw.decode("utf-8-sig").splitlines())]
    header, *rows = [row for row in lines if row]
    names = [name for name in header if name not in targets] + targets
    order = [header.index(name) for name in names]
    return names, [[float(row[i]) for i in order] for row in rows]

def statistics(column):
    if all(x == column[0] for x in column):
        return column[0] + 0.0, 0.0  # -0 becomes +0
    # Not `sum`, which compensates since Python 3.12.
    total = lambda values: list(itertools.accumulate(values, initial=0.0))[-1]
    mean = total(column) / len(column)
    return mean + 0.0, math.sqrt(total((x - mean) * (x - mean) for x in column) / len(column))

def encode_normalization(names, stats, targets):
    out = b"zktree/v1/normalization" + le64(len(names) - targets) + le64(targets)
    for name, numbers in zip(names, stats):
        out += le64(len(name.encode())) + name.encode() + struct.pack("<dd", *numbers)
    return out

def quantise(fmt, x, mean, deviation):
    v = (x - mean) / deviation if deviation != 0 else x - mean
    fraction, whole = math.modf(abs(v) * 2.0 ** fmt["s"])
    q = int(math.copysign(whole + (fraction >= 0.5), v))
    check(fmt, "data", integers([q], 1))
    return q

# ---- Training
class OutOfRange(Exception):
    """What, in which layer (from 0), and the first value outside (row by row)."""

def integers(values, shape):
    a = np.empty(len(values), dtype=object)
    a[:] = values
    return a.reshape(shape)

def flat(a):
    return a.ravel().tolist()

def check(fmt, what, values, layer=0):
    end = 2 ** (fmt.get(what, 64) - 1)  # 64 bits for weights and biases
    for x in values.flat:
        if not -end <= x < end:
            raise OutOfRange(what, layer, str(x))

def initialise(fmt, widths, seed):
    layers = []
    for l, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        weights = integers(initial_weights(fmt, inputs, outputs, seed, l), (inputs, outputs))
        layers.append((weights, integers([0] * outputs, (outputs,))))
    return layers

def forward(fmt, layers, a):
    """Per layer: its input A_{l-1}, and Z_l and Y_l. Layers are numbered from 0 in this file."""
    trace = []
    for l, (weights, biases) in enumerate(layers):
        z = a.dot(weights) + 2 ** fmt["s"] * biases
        y = round_k(z, fmt["w"])
        trace.append((a, z, y))
        a = np.maximum(y, 0)
    return trace

def step(fmt, layers, c, inputs, targets):
    """The layers after one step, and what the step computed. Checks in the order of the text."""
    s, g, w, last = fmt["s"], fmt["g"], fmt["w"], len(layers) - 1
    check(fmt, "data", inputs)
    trace = forward(fmt, layers, inputs)
    for l, (_, _, y) in enumerate(trace):
        check(fmt, "output" if l == last else "hidden", y, l)
    check(fmt, "data", targets)
    witness = [dict(Y=flat(y), Z_remainder=flat(z - 2**w * y)) for _, z, y in trace]
    grads = {last: 2 ** (g - s) * (trace[last][2] - targets)}
    for l in range(last - 1, -1, -1):
        p = grads[l + 1].dot(layers[l + 1][0].T)
        h = round_k(p, w)
        check(fmt, "gradient", h, l)
        witness[l] |= dict(H=flat(h), P_remainder=flat(p - 2**w * h))
        grads[l] = h * (trace[l][2] > 0)
    new = []
    for l, (weights, biases) in enumerate(layers):
        witness[l]["G"] = flat(grads[l])
        weights = weights - c * trace[l][0].T.dot(grads[l])
        check(fmt, "weight", weights, l)
        biases = biases - c * 2**s * grads[l].sum(axis=0)
        check(fmt, "bias", biases, l)
        new.append((weights, biases))
    return new, witness

def loss_numerator(fmt, layers, inputs, targets):
    """The sum of (12), in units of 2^(-2s)."""
    return sum(x * x for x in (forward(fmt, layers, inputs)[-1][2] - targets).flat)

def gradient_bounds(fmt, last):
    output = 2 ** (fmt["output"] - 1) + 2 ** (fmt["data"] - 1)
    return [2 ** (fmt["gradient"] - 1)] * last + [2 ** (fmt["g"] - fmt["s"]) * output]

def weight_bound(fmt, widths, c, batch, steps):
    """(13) for a root."""
    a = [max(fmt["hidden" if l else "data"] - 1, fmt["s"]) for l in range(len(widths) - 1)]
    worst = max(2**x * y for x, y in zip(a, gradient_bounds(fmt, len(a) - 1)))
    return max(bound(fmt, n) for n in widths[:-1]) + steps * c * batch * worst

def field_bits(fmt, widths, beta):
    """The bits that the field must have at least, for weights up to `beta`."""
    log, last, w = log2_up, len(widths) - 2, fmt["w"]
    bits = [log(beta)]
    for l, inputs in enumerate(widths[:-1]):
        a = max(fmt["hidden" if l else "data"] - 1, fmt["s"])
        y = fmt["output" if l == last else "hidden"]
        bits.append(1 + max(log(inputs + 1) + a + log(beta), w + y - 1))
        if l < last:
            g = log(gradient_bounds(fmt, last)[l + 1])
            bits.append(1 + max(log(widths[l + 2]) + g + log(beta), w + fmt["gradient"] - 1))
    return max(bits) + 3

def coefficient(fmt, rate, batch):
    """c for a rate, or None where it is refused."""
    unit = 2.0 ** (fmt["w"] - fmt["s"] - fmt["g"])
    c = math.floor(rate * unit / batch + 0.5)  # no ties or large values here
    return c if 1 <= c <= 2**53 and abs(c * batch / unit - rate) <= 0.05 * rate else None

# ---- The file
def all_values(layers):
    """W_1, b_1, W_2, b_2, ..., each row by row."""
    return [x for layer in layers for a in layer for x in flat(a)]

def case(**spec):
    """Normalise by the first `fit` rows, train on the first `train`, evaluate on `held` after these."""
    out = dict(csv=None, held=0, init_seed=0, ids=[1, 2, 3], nonce=0, stops=None) | spec
    fmt, widths, batch, train = (out[k] for k in ("format", "widths", "batch", "train"))
    fmt = FORMATS[fmt]
    names, rows = read_csv(out["csv"].encode() if out["csv"] else WINE.read_bytes(), out["targets"])
    stats = [statistics([row[i] for row in rows[: out["fit"]]]) for i in range(len(names))]
    data = [quantise(fmt, x, *stats[i]) for row in rows[: train + out["held"]] for i, x in enumerate(row)]
    data = integers(data, (-1, widths[0] + widths[-1]))
    inputs, targets = data[:, : widths[0]], data[:, widths[0] :]
    layers = initialise(fmt, widths, out["init_seed"])
    seed = schedule_seed(*(bytes([i] * 32) for i in out["ids"]), out["nonce"])
    steps = train // batch * out["epochs"]
    beta = weight_bound(fmt, widths, out["c"], batch, steps)
    out |= dict(
        format_fields=fmt,
        columns=names,
        statistics_hex=[struct.pack("<dd", *x).hex() for x in stats],
        normalization_sha256=sha256(encode_normalization(names, stats, widths[-1])).hexdigest(),
        first_rows=data[:3].tolist(),
        dataset_sha256=digest(flat(data[:train])),
        init_first=[flat(weights)[:4] for weights, _ in layers],
        init_sha256=digest(all_values(layers)),
        schedule_seed=seed.hex(),
        permutations=[permutation(seed, epoch, train) for epoch in range(2)],
        batches=[[t, batch_rows(seed, t, train, batch)] for t in (0, train // batch - 1, train // batch)],
        weight_bound=str(beta),
        field_bits=field_bits(fmt, widths, beta),
        losses=[loss_numerator(fmt, layers, inputs[:train], targets[:train])],
        epochs_sha256=[],
    )
    try:
        for t in range(steps):
            chosen = batch_rows(seed, t, train, batch)
            layers, witness = step(fmt, layers, out["c"], inputs[chosen], targets[chosen])
            if t == 0:
                out["step_0"] = [{k: digest(v) for k, v in sorted(x.items())} for x in witness]
            if (t + 1) % (train // batch) == 0:
                out["losses"].append(loss_numerator(fmt, layers, inputs[:train], targets[:train]))
                out["epochs_sha256"].append(digest(all_values(layers)))
        out["mse_hex"] = struct.pack("<d", out["losses"][-1] / 4.0 ** fmt["s"] / train).hex()
        out["held_loss"] = loss_numerator(fmt, layers, inputs[train:], targets[train:])
    except OutOfRange as stop:
        out["stops"] = dict(step=t, what=stop.args[0], layer=stop.args[1], value=stop.args[2])
    final = all_values(layers)
    return out | dict(final=final[:40], final_sha256=digest(final))

def small_csv():
    """27 rows: mark, CRLF, spaces, blank lines, quotes, a constant; targets among the features."""
    lines = ['\ufeffnorth , y two,flat,"east, far", y one', ""]
    for i in range(27):
        a, b = (i * 7 % 27) / 8 - 1.5, math.floor(1000 * math.sin(i)) / 1000
        lines += [f" {a:+.4f},{a * b - 2:.3e},-0.0,{b}  ,{i * i % 11}"] + [""] * (i % 9 == 4)
    return "\r\n".join(lines)

def main():
    assert chacha_block(bytes(32), 0, 0)[:8].hex() == "76b8e0ada0f13d90"  # RFC 8439, A.1
    line = "\n".join(["x,y"] + [f"{i % 5},{3 * (i % 5) - i // 5}" for i in range(14)])
    tie = "x,y\n" + "\n".join(f"{x},{x * x + 9}" for x in (1, 1, 1.5 / 256 + 1, 1 - 2.5 / 256))
    small = dict(csv=small_csv(), targets=["y one", "y two"])
    wine = dict(widths=[11, 16, 8, 1], targets=["quality"])
    one = dict(widths=[1, 1], targets=["y"], csv=line, fit=14, train=14)
    stop = small | dict(format="paper", widths=[3, 5, 2], batch=4, epochs=6, fit=14, train=14)
    more = dict(fit=20, train=20, held=2, targets=["y two", "y one"])
    custom = small | dict(format="custom", widths=[3, 4, 3, 2], train=27, fit=27, nonce=2**63 + 5)
    cases = [
        case(format="compact", widths=[3, 5, 2], batch=5, c=700, epochs=3, fit=27, train=23, held=4, **small),
        case(c=500, init_seed=2**64 - 1, **(stop | more)),
        case(batch=6, c=150, epochs=3, init_seed=9, ids=[255, 0, 128], **custom),
        case(c=1, epochs=3, batch=2, init_seed=7, **(custom | dict(format="coarse"))),
        case(format="compact", batch=7, c=200, epochs=3, fit=1599, train=100, held=20, init_seed=3, **wine),
        case(format="paper", batch=9, c=150, epochs=2, fit=60, train=60, held=10, init_seed=4, **wine),
        case(format="compact", batch=3, c=900, epochs=3, **one),
        case(format="paper", batch=14, c=5000, epochs=2, **(one | dict(targets=["x"]))),
        case(format="compact", batch=1, c=20000, epochs=2, **(one | dict(csv=tie, fit=2, train=3, held=1))),
        case(c=12288, **stop),
        case(c=2**15, **stop),
        case(batch=4, c=3 * 2**15, epochs=6, init_seed=1, **custom),
        case(c=2**28, init_seed=1, **stop),
        case(c=3 * 2**30, **stop),
    ]
    asked = [(0.01, 32), (0.1, 100), (1e-5, 1), (1e-5, 2), (3e-5, 1), (4.3e-5, 2), (0.001, 64)]
    rates = [[name, *x, coefficient(FORMATS[name], *x)] for name in ("compact", "paper") for x in asked]
    lines = [",\n".join(json.dumps(x, separators=(",", ":")) for x in part) for part in (cases, rates)]
    (HERE / "training.json").write_text('{"cases":[\n%s\n],\n"rates":[\n%s\n]}\n' % tuple(lines))

if __name__ == "__main__":
    main()
