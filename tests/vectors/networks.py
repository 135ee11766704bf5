"""Independent implementation of *Networks* in `paper-notes.md`; writes `networks.json`.

The arithmetic is that of the text; the names of values, and which of them a training step keeps, are those of the
Rust code. `tests/library/networks.rs` compares. Standard library. To regenerate: python3 tests/vectors/networks.py
"""

import json
import math
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from common import FORMATS, Draws, bound, digest, initial_weights, le64, log2_up, round_k
from functions import FUNCTIONS, function

HERE = Path(__file__).resolve().parent
PHI = 12


class OutOfRange(Exception):
    """The value's name, the first number outside (row by row), and the bits of the range."""


@dataclass
class Value:
    """A matrix, a row a sample, of an image row by row and channels fastest; its fraction bits; a bound that does not depend on parameters, or None; and its
    logarithm to base 2, rounded up, of parameters and what depends on them the bound that the text has instead."""

    rows: list
    fraction: int
    hat: int | None
    log: int


def known(rows, fraction, hat):
    return Value(rows, fraction, hat, log2_up(hat))


def transposed(rows):
    return [list(column) for column in zip(*rows)]


def product(a, b):
    columns = transposed(b)
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def entrywise(f, *matrices):
    return [[f(*entries) for entries in zip(*rows)] for rows in zip(*matrices)]


def flat(rows):
    return [x for row in rows for x in row]


def cut(row, width):
    return [row[k : k + width] for k in range(0, len(row), width)]


def windows(image, numbers):
    """(80): of rows and columns for each window the pairs of place and index that it sees, all of them for one axis
    after the other."""
    axes = []
    for n, k, stride, before, behind in zip(image, *(numbers[i : i + 2] for i in (0, 2, 4, 6))):
        count = (n + before + behind - k) // stride + 1
        at = lambda o, q: stride * o + q - before
        axes.append([[(q, at(o, q)) for q in range(k) if 0 <= at(o, q) < n] for o in range(count)])
    return axes


def most_seen(axes):
    """(87) of both known tensors: by windows, and by pixels."""
    by_pixel = [Counter(i for window in axis for _, i in window) for axis in axes]
    return [max(map(len, axis)) for axis in axes], [max(counts.values()) for counts in by_pixel]


def share(n):
    """(83)."""
    bits = log2_up(n)
    if n == 2**bits:
        return 1, bits
    return (2 ** (bits + 17) + n) // (2 * n), bits + 16


def check(name, rows, bits, is_key=False):
    """A key is in a table of a function, which has no -2^(bits - 1)."""
    half = 2 ** (bits - 1)
    for x in flat(rows):
        if not -half + is_key <= x < half:
            raise OutOfRange(name, x, bits)


class Step:
    """One step of a network, and what is known of its values before."""

    def __init__(self, fmt, parameters, beta=1):
        self.fmt, self.parameters, self.beta = fmt, parameters, beta
        self.values, self.remainders = {}, {}  # The first one of each name; None where it is not compared.
        self.names, self.logs = [], [log2_up(beta)]
        self.gradients = {}  # By the number of the linear operator: the matrix, and its bound for one sample.
        self.label = 0

    def name(self, name, value, compared=True):
        self.names.append((name, value.rows))
        self.values.setdefault(name, value.rows if compared else None)
        self.remainders.setdefault(name, None)
        self.logs.append(value.log)
        return value

    def name_of(self, value):
        return next(name for name, rows in self.names if rows is value.rows)

    def keep(self, value):
        """Factors of gradients are kept, so that they are compared, if they are the first of their name."""
        name = self.name_of(value)
        if next(rows for other, rows in self.names if other == name) is value.rows:
            self.values[name] = value.rows

    def total(self, name, parts):
        """The exact sum, with the fraction bits of the finest."""
        if len(parts) == 1:
            return parts[0]
        fraction = max(part.fraction for part in parts)
        factors = [2 ** (fraction - part.fraction) for part in parts]
        rows = entrywise(lambda *x: sum(f * v for f, v in zip(factors, x)), *(part.rows for part in parts))
        if all(part.hat is not None for part in parts):
            value = known(rows, fraction, sum(f * part.hat for f, part in zip(factors, parts)))
        else:
            largest = max(log2_up(f) + part.log for f, part in zip(factors, parts))
            value = Value(rows, fraction, None, log2_up(len(parts)) + largest)
        return self.name(name, value, value.hat is not None)

    def rounded(self, name, x, fraction, bits, is_key=False):
        drop = x.fraction - fraction
        assert drop >= 0  # Nothing here has fewer.
        if drop == 0:
            return x
        rows = entrywise(lambda v: round_k(v, drop), x.rows)
        check(name, rows, bits, is_key)
        is_first = name not in self.values
        value = self.name(name, known(rows, fraction, 2 ** (bits - 1)))
        if is_first:
            self.remainders[name] = entrywise(lambda wide, narrow: wide - 2**drop * narrow, x.rows, rows)
        self.logs.append(1 + max(x.log, drop + bits - 1))
        return value

    def backward_rounded(self, name, x):
        return self.rounded(name, x, self.fmt["g"], self.fmt["gradient"])

    # Operators: the output, and a function from its cotangent to that of what is read.
    def affine(self, name, rows, hat):
        """(2) of several rows a sample, and a function from its cotangent to that of the rows, (6) and (9, 10)."""
        l, s, positions = self.label, self.fmt["s"], len(rows[0])
        self.label += 1
        weights, parameter = self.parameters[l], log2_up(self.beta)
        outputs = len(weights[0])
        extended = known([row + [2**s] for row in flat(rows)], s, max(hat, 2**s))
        self.logs.append(extended.log)
        self.name(name, extended, False)
        log = log2_up(len(weights)) + extended.log + parameter
        z = flat(product(extended.rows, weights))
        z = Value(cut(z, positions * outputs), s + self.fmt["w"], None, log)
        self.name(f"Z{l + 1}", z, False)

        def back(d, wanted):
            d = self.backward_rounded(f"G{l + 1} rounded", d)
            assert d.fraction == self.fmt["g"] and len(d.rows) == len(rows)
            self.keep(d)
            each = cut(flat(d.rows), outputs)
            hat = extended.hat * d.hat * positions
            self.gradients[l] = product(transposed(extended.rows), each), hat
            if not wanted:
                return None
            log = log2_up(outputs) + d.log + parameter
            p = flat(product(each, transposed(weights[:-1])))
            p = Value(cut(p, len(p) // len(rows)), d.fraction + self.fmt["w"], None, log)
            return self.name(f"P{l}", p, False)

        return z, back

    def linear(self, x, shape, wanted, _):
        """Of the last dimension."""
        rows = [cut(row, shape[-1]) for row in x.rows]
        z, back = self.affine(f"A{self.label} with bias", rows, x.hat)
        return z, lambda d: back(d, wanted)

    def dense(self, x, shape, wanted, _):
        label, fraction = self.label, self.fmt["g"] + self.fmt["w"]
        z, back = self.affine(f"A{label} with bias", [[row] for row in x.rows], x.hat)

        def pixels(d):
            p = back(d, wanted)
            return p and self.name(f"P{label} of pixels", Value(p.rows, fraction, None, p.log), False)

        return z, pixels

    def convolution(self, x, shape, wanted, numbers):
        """(81, 82)."""
        label, channels, kernel = self.label, shape[2], numbers[1:3]
        axes = windows(shape, numbers[1:])
        width = kernel[1] * channels

        def each():
            """Which entries windows see: of the windows, and of the image."""
            for o, row in enumerate(axes[0]):
                for p, column in enumerate(axes[1]):
                    places = [(q, r, i, j) for q, i in row for r, j in column]
                    for q, r, i, j in places:
                        here, at = q * width + r * channels, (i * shape[1] + j) * channels
                        yield o * len(axes[1]) + p, here, at

        rows = []
        for row in x.rows:
            seen = [[0] * (kernel[0] * width) for _ in range(len(axes[0]) * len(axes[1]))]
            for window, here, at in each():
                seen[window][here : here + channels] = row[at : at + channels]
            rows.append(seen)
        z, back = self.affine(f"windows of A{label} with bias", rows, x.hat)

        def pixels(d):
            p = back(d, wanted)
            if not p:
                return None
            out = []
            for row in p.rows:
                row, image = cut(row, kernel[0] * width), [0] * len(x.rows[0])
                for window, here, at in each():
                    for c in range(channels):
                        image[at + c] += row[window][here + c]
                out.append(image)
            log = p.log + sum(map(log2_up, most_seen(axes)[1]))
            return self.name(f"P{label} of pixels", Value(out, p.fraction, None, log), False)

        return z, pixels

    def mean(self, name, x, rows, n, seen):
        """Sums `rows` of `x` times 1 / n, each of as many entries as the product of `seen`."""
        factor, bits = share(n)
        rows = [[factor * v for v in row] for row in rows]
        if x.hat is not None:
            value = known(rows, x.fraction + bits, factor * x.hat * math.prod(seen))
        else:
            log = log2_up(factor) + x.log + sum(map(log2_up, seen))
            value = Value(rows, x.fraction + bits, None, log)
        return self.name(name, value, False)

    def average_pool(self, x, shape, _, numbers):
        """(84)."""
        label, axes, n = self.label, windows(shape, numbers), numbers[0] * numbers[1]
        channels, width = shape[2], len(axes[1])
        pairs = [
            (((o * width + p) * channels + c), (i * shape[1] + j) * channels + c)
            for o, row in enumerate(axes[0])
            for p, column in enumerate(axes[1])
            for _, i in row
            for _, j in column
            for c in range(channels)
        ]

        def spread(rows, length, pairs):
            out = [[0] * length for _ in rows]
            for to, of in zip(out, rows):
                for a, b in pairs:
                    to[a] += of[b]
            return out

        by_window, by_pixel = most_seen(axes)
        sums = spread(x.rows, len(axes[0]) * width * channels, pairs)
        y = self.mean(f"mean of A{label} over windows", x, sums, n, by_window)

        def back(d):
            sums = spread(d.rows, len(x.rows[0]), [(b, a) for a, b in pairs])
            return self.mean(f"D{label} of pixels", d, sums, n, by_pixel)

        return y, back

    def global_average_pool(self, x, shape, *_):
        """(84) over all pixels."""
        label, channels, n = self.label, shape[2], shape[0] * shape[1]
        sums = [[sum(row[c::channels]) for c in range(channels)] for row in x.rows]
        y = self.mean(f"mean of A{label}", x, sums, n, shape[:2])
        return y, lambda d: self.mean(f"D{label} of pixels", d, [row * n for row in d.rows], n, ())

    def round(self, z):
        label = self.label
        y = self.rounded(f"Y{label}", z, self.fmt["s"], self.fmt["output"])
        return y, lambda d: self.backward_rounded(f"H{label}", d)

    def relu(self, z):
        label, s, y = self.label, self.fmt["s"], self.key(z, False)
        slope = self.name(f"S{label}", known(entrywise(lambda v: int(v > 0), y.rows), 0, 1))
        a = known(entrywise(lambda v: max(v, 0), y.rows), s, y.hat)
        self.name(f"A{label}", a, False)  # A proof does not keep it.
        return a, self.slope_back(label, slope)

    def smooth(self, which, z):
        label, s, key = self.label, self.fmt["s"], self.key(z, True)
        pairs = entrywise(lambda y: function(which, y, s, PHI), key.rows)
        a = known(entrywise(lambda pair: pair[0], pairs), s, 2 ** (self.fmt["hidden"] - 1) + 2**s)
        slope = known(entrywise(lambda pair: pair[1], pairs), PHI, 2 ** (PHI + 1))
        return self.name(f"A{label}", a), self.slope_back(label, self.name(f"S{label}", slope))

    def key(self, z, is_key):
        """What a function is of: Y, or what is read, under the name that it has."""
        bits = self.fmt["hidden"]
        y = self.rounded(f"Y{self.label}", z, self.fmt["s"], bits, is_key)
        if y is z:
            check(self.name_of(z), z.rows, bits, is_key)
        return y

    def slope_back(self, label, slope):
        def back(d):
            h = self.backward_rounded(f"H{label}", d)
            rows = entrywise(lambda s, v: s * v, slope.rows, h.rows)
            g = known(rows, slope.fraction + h.fraction, slope.hat * h.hat)
            self.name(f"G{label}", g, False)
            return self.backward_rounded(f"G{label} rounded", g)

        return back

    def run(self, network, inputs, targets):
        """The output; gradients and values are left behind."""
        fmt = self.fmt
        half, bits = 2 ** (fmt["data"] - 1), fmt["data"]
        check("A0", inputs, bits)
        outputs, depends, backs = [self.name("A0", known(inputs, fmt["s"], half))], [False], []
        if len(network["input"]) > 1:
            image = known([row[:] for row in inputs], fmt["s"], half)
            outputs = [self.name("A0 as an image", image, False)]
        read_shapes = all_shapes(network)
        for what, numbers, reads in network["nodes"]:
            x = [outputs[k] for k in reads]
            wanted = [depends[k] for k in reads]
            if what in LINEAR + MEANS:
                y, back = getattr(self, what)(*x, read_shapes[reads[0]], *wanted, numbers)
            elif what == "sum":
                y, back = self.total(f"X{self.label}", x), lambda d: d
            elif what in FUNCTIONS:
                y, back = self.smooth(what, *x)
            else:
                y, back = (self.relu if what == "relu" else self.round)(*x)
            outputs.append(y)
            depends.append(what in LINEAR or any(wanted))
            backs.append((self.label, back))
        check("target", targets, bits)
        self.backward(network, outputs[-1], targets, depends, backs)
        return outputs[-1]

    def backward(self, network, y, targets, depends, backs):
        factor = 2 ** (self.fmt["g"] - self.fmt["s"])
        hat = factor * (y.hat + 2 ** (self.fmt["data"] - 1))
        g = known(entrywise(lambda y, x: factor * (y - x), y.rows, targets), self.fmt["g"], hat)
        cotangents = [[] for _ in depends]
        cotangents[-1].append(self.name(f"G{self.label}", g))
        for k in range(len(backs), 0, -1):
            if cotangents[k]:
                label, back = backs[k - 1]
                d = back(self.total(f"D{label}", cotangents[k]))
                for read in network["nodes"][k - 1][2]:
                    if depends[read]:
                        cotangents[read].append(d)

    def updated(self, c):
        """(9, 10), the bias as the last row. Operators that no cotangent comes to stay as they are."""
        new = []
        for l, rows in enumerate(self.parameters):
            if l in self.gradients:
                rows = entrywise(lambda w, x: w - c * x, rows, self.gradients[l][0])
                check(f"W{l + 1}", rows, 64)
            new.append(rows)
        return new


# ---- Networks
LINEAR, MEANS = ("linear", "dense", "convolution"), ("average_pool", "global_average_pool")


def perceptron(text):
    """The list of operators: what, its numbers, what it reads; 0 is the input, k the k-th operator."""
    widths, *words = text.split()
    widths = [int(x) for x in widths.split(",")]
    residual = words[-1:] == ["residual"]
    activation = next((word for word in words if word != "residual"), "relu")
    nodes, x = [], 0

    def put(*node):
        nodes.append(list(node))
        return len(nodes)

    for l in range(1, len(widths)):
        z = put("linear", [widths[l]], [x])
        if l == len(widths) - 1:
            put("round", [], [z])
            break
        a = put(activation, [], [z])
        is_sum = residual and l > 1 and widths[l - 1] == widths[l]
        x = put("sum", [], [x, a]) if is_sum else a
    return dict(text=text, input=widths[:1], nodes=nodes)


def all_shapes(network):
    """Of the input, and of what each operator makes."""
    found = [network["input"]]
    for what, numbers, reads in network["nodes"]:
        shape = found[reads[0]]
        if what in ("convolution", "average_pool"):
            counts = [len(axis) for axis in windows(shape, numbers[-8:])]
            shape = [*counts, numbers[0] if what == "convolution" else shape[2]]
        elif what == "global_average_pool":
            shape = shape[2:]
        elif what in LINEAR:
            shape = [*(shape[:-1] if what == "linear" else []), numbers[0]]
        found.append(shape)
    return found


def shapes(network):
    """Rows but for the bias and columns of each linear operator, and the width of the output."""
    found, parameters = all_shapes(network), []
    for what, numbers, reads in network["nodes"]:
        shape = found[reads[0]]
        rows = dict(
            linear=shape[-1:], dense=shape, convolution=[*numbers[1:3], *shape[2:]]
        ).get(what)
        parameters += [(math.prod(rows), numbers[0])] if rows else []
    return parameters, found[-1][0]


def bounds(fmt, network, beta, c, batch, steps):
    """(13) with the largest gradient of the network, and the fewest bits of a field in which nothing wraps."""
    all_shapes, outputs = shapes(network)
    zeros = [[[0] * n for _ in range(m + 1)] for m, n in all_shapes]

    def walk(beta):
        step = Step(fmt, zeros, beta)
        step.run(network, [[0] * math.prod(network["input"])], [[0] * outputs])
        return step

    largest = max(hat for _, hat in walk(0).gradients.values())
    after = beta + steps * c * batch * largest
    return after, max(walk(after).logs) + 3


# ---- The file
def numbers(seed, t, rows, width, limit):
    draws = Draws(sha256(b"networks" + le64(seed)).digest(), t)
    return [[draws.below(2 * limit + 1) - limit for _ in range(width)] for _ in range(rows)]


def split(rows, inputs):
    return [row[:inputs] for row in rows], [row[inputs:] for row in rows]


def digests(step):
    """Of each value, and behind it of what rounding to it dropped."""
    values = {name: rows for name, rows in step.values.items() if rows is not None and name != "A0"}
    return {name: digest(flat(rows) + flat(step.remainders[name] or [])) for name, rows in values.items()}


def case(network, fmt, c, batch=1, steps=2, seed=0, weights=None, limit=None, batches=None):
    """`limit` is that of the numbers drawn for batches."""
    name, fmt = fmt, FORMATS[fmt]
    network = perceptron(network) if isinstance(network, str) else network
    all_shapes, outputs = shapes(network)
    inputs = math.prod(network["input"])
    width = inputs + outputs
    parameters = weights
    if parameters is None:
        parameters = []
        for l, (m, n) in enumerate(all_shapes):
            drawn = initial_weights(fmt, m, n, seed, l)
            parameters.append([drawn[k : k + n] for k in range(0, m * n, n)] + [[0] * n])
    if batches is None:
        limit = limit or 2 ** (fmt["s"] + 1)
        batches = [numbers(seed, t, batch, width, limit) for t in range(steps)]
    batch, rows = len(batches[0]), flat(batches)
    first = max(abs(x) for x in flat(flat(weights))) if weights else max(bound(fmt, m) for m, _ in all_shapes)
    after, bits = bounds(fmt, network, first, c, batch, len(batches))
    out = network | dict(format=name, seed=None if weights else seed, weights=weights, c=c, batches=batches)
    out |= dict(bounds=[str(first), str(after)], field_bits=bits, steps=[], stops=None)
    initial = parameters
    try:
        for t, data in enumerate(batches):
            step = Step(fmt, parameters)
            step.run(network, *split(data, inputs))
            parameters = step.updated(c)
            out["steps"].append(digests(step))
        final = Step(fmt, parameters)
        out["predictions"] = final.run(network, *split(rows[:4], inputs)).rows
    except OutOfRange as stop:
        what, value, bits = stop.args
        out["stops"] = dict(step=t, name=what, value=value, bits=bits)
        out["predictions"] = []
    assert out["stops"] or parameters != initial
    values = flat(flat(parameters))
    return out | dict(final=values[:3], final_sha256=digest(values))


def graph(inputs, *nodes):
    """Numbers of an operator are a list, or one, or 0 for none."""
    of = lambda numbers: numbers if isinstance(numbers, list) else [numbers] if numbers else []
    nodes = [[what, of(numbers), reads] for what, numbers, reads in nodes]
    return dict(input=inputs if isinstance(inputs, list) else [inputs], nodes=nodes)


def chain(inputs, *nodes):
    return graph(inputs, *((what, numbers, [k]) for k, (what, numbers) in enumerate(nodes)))


def placed(kernel, stride, before=(0, 0), behind=(0, 0)):
    return [*kernel, *stride, *before, *behind]


# Sums of exact products, also with what is rounded and twice the same; one output read three times, the input twice.
FORK = graph(
    3,
    ("linear", 4, [0]),
    ("gelu", 0, [1]),
    ("tanh", 0, [1]),
    ("sum", 0, [2, 3]),
    ("linear", 4, [4]),
    ("linear", 4, [0]),
    ("sum", 0, [5, 6, 4]),
    ("silu", 0, [7]),
    ("linear", 2, [8]),
    ("linear", 2, [4]),
    ("sum", 0, [9, 10, 9]),
    ("round", 0, [11]),
)
# Functions of the input and of what is rounded, a sum that reads an output twice, and a branch to nowhere.
MIXED = graph(
    2,
    ("sigmoid", 0, [0]),
    ("sum", 0, [0, 0, 1]),
    ("linear", 3, [2]),
    ("relu", 0, [3]),
    ("gelu", 0, [4]),
    ("sum", 0, [4, 5, 4]),
    ("linear", 3, [6]),
    ("relu", 0, [7]),
    ("linear", 1, [5]),
    ("round", 0, [9]),
    ("silu", 0, [10]),
    ("sum", 0, [8, 4]),
    ("linear", 2, [12]),
    ("round", 0, [13]),
)
# A rounding inside, and exact products that are read by a rounding and a sum.
INSIDE = graph(
    3,
    ("linear", 2, [0]),
    ("round", 0, [1]),
    ("silu", 0, [2]),
    ("linear", 2, [2]),
    ("sum", 0, [4, 1, 3]),
    ("tanh", 0, [5]),
    ("linear", 1, [6]),
    ("round", 0, [7]),
)
# A rectifier of a sum that is not rounded again.
AGAIN = graph(
    2,
    ("linear", 3, [0]),
    ("gelu", 0, [1]),
    ("sum", 0, [2, 2, 2]),
    ("relu", 0, [3]),
    ("linear", 1, [4]),
    ("round", 0, [5]),
)


# Images: padding on all sides, on one, strides, windows beside one another and overlapping, one pixel, and a pixel
# that no window sees.
DIGITS = chain(
    [4, 4, 2],
    ("convolution", [3, *placed((3, 3), (1, 1), (1, 1), (1, 1))]),
    ("relu", 0),
    ("average_pool", placed((2, 2), (2, 2))),
    ("round", 0),
    ("dense", 2),
    ("round", 0),
)
UNEVEN = chain(
    [3, 5, 2],
    ("convolution", [2, *placed((2, 3), (1, 2), (1, 0), (0, 2))]),
    ("silu", 0),
    ("convolution", [3, *placed((1, 2), (2, 1), (0, 0), (0, 1))]),
    ("global_average_pool", 0),
    ("relu", 0),
    ("linear", 2),
    ("round", 0),
)
AVERAGED = chain(
    [5, 3, 1],
    ("average_pool", placed((3, 2), (2, 1), (1, 0), (1, 1))),
    ("tanh", 0),
    ("linear", 3),
    ("average_pool", placed((2, 3), (1, 1), (0, 1), (1, 2))),
    ("relu", 0),
    ("convolution", [2, *placed((1, 1), (2, 3))]),
    ("gelu", 0),
    ("dense", 1),
    ("round", 0),
)
# An image that is added to what a convolution makes of it, and read twice again.
SKIP = graph(
    [3, 3, 2],
    ("convolution", [2, *placed((3, 3), (1, 1), (1, 1), (1, 1))], [0]),
    ("relu", 0, [1]),
    ("convolution", [2, *placed((3, 3), (1, 1), (1, 1), (1, 1))], [2]),
    ("sum", 0, [3, 2, 0]),
    ("relu", 0, [4]),
    ("global_average_pool", 0, [5]),
    ("dense", 3, [5]),
    ("tanh", 0, [6]),
    ("linear", 3, [8]),
    ("sum", 0, [7, 9]),
    ("round", 0, [10]),
)
# A dense operator and a function on a row of data that is read as a cube.
CUBE = graph(
    [2, 3, 2, 2],
    ("tanh", 0, [0]),
    ("dense", 2, [1]),
    ("dense", 2, [0]),
    ("sum", 0, [2, 3]),
    ("round", 0, [4]),
)


def main():
    one = 2**34
    unit = [[[one], [0]], [[one], [0]]]
    table = graph(1, ("gelu", 0, [0]), ("linear", 1, [1]), ("round", 0, [2]))
    chain = [[[3 * one], [-one // 3]], [[-one], [7]], [[one // 5], [0]]]
    wide = dict(batch=3, seed=1)
    cases = [
        case("3,5,4,2 gelu", "compact", 700, batch=5),
        case("2,5,5,5,1 silu residual", "compact", 900, limit=250, **wide),
        case("4,4,4,4 tanh residual", "compact", 3000, batch=2, seed=2, limit=500),
        case("7,6,6,1 sigmoid residual", "compact", 4000, batch=4, seed=3),
        case("1,1,1,1 tanh", "compact", 20000, weights=chain, steps=3),
        case("2,3,1 gelu residual", "compact", 2000, batch=2, seed=2**64 - 1, limit=1500),
        case("3,1,2 silu", "compact", 9000, batch=3, seed=6),
        case("3,2,2,3 gelu residual", "small", 3, batch=4, seed=7, steps=3),
        case("1,3,3,1 sigmoid", "small", 5, batch=5, seed=8, limit=127),
        case("3,4,4,2 residual", "small", 2, batch=3, seed=9),
        case(FORK, "compact", 300, batch=3, seed=10),
        case(FORK, "small", 1, batch=2, seed=53, limit=8),
        case(MIXED, "compact", 500, batch=2, seed=12, limit=100),
        case(MIXED, "small", 1, batch=4, seed=13, limit=8),
        case(INSIDE, "small", 2, batch=5, seed=14, steps=3),
        case(INSIDE, "compact", 2000, batch=3, seed=15),
        case(AGAIN, "compact", 800, batch=2, seed=16, limit=300),
        case(DIGITS, "compact", 300, batch=3, seed=21),
        case(DIGITS, "small", 1, batch=4, seed=22, limit=8),
        case(UNEVEN, "compact", 500, batch=2, seed=23),
        case(UNEVEN, "small", 1, batch=3, seed=24, limit=10),
        case(AVERAGED, "compact", 400, batch=2, seed=25, steps=3),
        case(AVERAGED, "small", 1, batch=3, seed=26, limit=12),
        case(SKIP, "compact", 100, batch=2, seed=27, limit=400),
        case(SKIP, "small", 1, batch=2, seed=28, limit=4),
        case(CUBE, "small", 1, batch=3, seed=29, limit=10),
        # What ends training: a table of a function has no lowest number, of a rectifier it has.
        case("1,1,1 gelu", "compact", 9, weights=unit, batches=[[[-8191, 5]], [[-8192, 5]]]),
        case("1,1,1", "compact", 9, weights=unit, batches=[[[-8192, 5]]]),
        case(table, "compact", 9, weights=unit[:1], batches=[[[-8191, 5]], [[7, 9]], [[-8192, 5]]]),
        case(MIXED, "small", 1, batch=4, seed=13, limit=32),
        case("2,5,5,5,1 silu residual", "compact", 900, **wide, limit=700),
        case("4,4,4,4 tanh residual", "compact", 3000, batch=2, seed=2, limit=3000),
        case(AGAIN, "compact", 800, batch=2, seed=16, limit=4000),
        case("3,2,1 gelu", "compact", 2**50, batch=2, seed=17, limit=1000),
        case(DIGITS, "compact", 300, batch=3, seed=21, limit=8000),
        case(CUBE, "small", 1, batch=3, seed=29, limit=127),
    ]
    formats = json.dumps({name: FORMATS[name] for name in ("compact", "small")})
    lines = ",\n".join(json.dumps(x, separators=(",", ":")) for x in cases)
    (HERE / "networks.json").write_text('{"formats":%s,"cases":[\n%s\n]}\n' % (formats, lines))


if __name__ == "__main__":
    main()
