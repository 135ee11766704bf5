"""Independent implementation of *Networks* in `paper-notes.md`; writes `networks.json`.

The arithmetic is that of the text; the names of values, and which of them a training step keeps, are those of the
Rust code. `tests/library/networks.rs` compares. Standard library. To regenerate: python3 tests/vectors/networks.py
"""

import json
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
    """A matrix, a row a sample; its fraction bits; a bound that does not depend on parameters, or None; and its
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
    def linear(self, x, wanted):
        l, s, batch = self.label, self.fmt["s"], len(x.rows)
        self.label += 1
        weights = self.parameters[l]
        outputs = len(weights[0])
        extended = known([row + [2**s] for row in x.rows], s, max(x.hat, 2**s))
        parameter = log2_up(self.beta)
        self.logs.append(extended.log)
        log = log2_up(len(weights)) + extended.log + parameter
        z = Value(product(extended.rows, weights), s + self.fmt["w"], None, log)
        self.name(f"Z{l + 1}", z, False)

        def back(d):
            assert d.fraction == self.fmt["g"] and len(d.rows) == batch
            self.keep(d)
            self.gradients[l] = product(transposed(extended.rows), d.rows), extended.hat * d.hat
            if not wanted:
                return None
            log = log2_up(outputs) + d.log + parameter
            p = Value(product(d.rows, transposed(weights[:-1])), d.fraction + self.fmt["w"], None, log)
            return self.name(f"P{l}", p, False)

        return z, back

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
        for what, _, reads in network["nodes"]:
            x = [outputs[k] for k in reads]
            wanted = [depends[k] for k in reads]
            if what == "linear":
                y, back = self.linear(*x, *wanted)
            elif what == "sum":
                y, back = self.total(f"X{self.label}", x), lambda d: d
            elif what in FUNCTIONS:
                y, back = self.smooth(what, *x)
            else:
                y, back = (self.relu if what == "relu" else self.round)(*x)
            outputs.append(y)
            depends.append(what == "linear" or any(wanted))
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
def perceptron(text):
    """The list of operators: what, its number, what it reads; 0 is the input, k the k-th operator."""
    widths, *words = text.split()
    widths = [int(x) for x in widths.split(",")]
    residual = words[-1:] == ["residual"]
    activation = next((word for word in words if word != "residual"), "relu")
    nodes, x = [], 0

    def put(*node):
        nodes.append(list(node))
        return len(nodes)

    for l in range(1, len(widths)):
        z = put("linear", widths[l], [x])
        if l == len(widths) - 1:
            put("round", 0, [z])
            break
        a = put(activation, 0, [z])
        is_sum = residual and l > 1 and widths[l - 1] == widths[l]
        x = put("sum", 0, [x, a]) if is_sum else a
    return dict(text=text, inputs=widths[0], nodes=nodes)


def shapes(network):
    """Inputs and outputs of each linear operator, and the width of the output."""
    widths, found = [network["inputs"]], []
    for what, number, reads in network["nodes"]:
        if what == "linear":
            found.append((widths[reads[0]], number))
        widths.append(number if what == "linear" else widths[reads[0]])
    return found, widths[-1]


def bounds(fmt, network, beta, c, batch, steps):
    """(13) with the largest gradient of the network, and the fewest bits of a field in which nothing wraps."""
    all_shapes, outputs = shapes(network)
    zeros = [[[0] * n for _ in range(m + 1)] for m, n in all_shapes]

    def walk(beta):
        step = Step(fmt, zeros, beta)
        step.run(network, [[0] * network["inputs"]], [[0] * outputs])
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
    width = network["inputs"] + outputs
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
            step.run(network, *split(data, network["inputs"]))
            parameters = step.updated(c)
            out["steps"].append(digests(step))
        final = Step(fmt, parameters)
        out["predictions"] = final.run(network, *split(rows[:4], network["inputs"])).rows
    except OutOfRange as stop:
        what, value, bits = stop.args
        out["stops"] = dict(step=t, name=what, value=value, bits=bits)
        out["predictions"] = []
    assert out["stops"] or parameters != initial
    values = flat(flat(parameters))
    return out | dict(final=values[:3], final_sha256=digest(values))


def graph(inputs, *nodes):
    return dict(inputs=inputs, nodes=[list(node) for node in nodes])


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
        # What ends training: a table of a function has no lowest number, of a rectifier it has.
        case("1,1,1 gelu", "compact", 9, weights=unit, batches=[[[-8191, 5]], [[-8192, 5]]]),
        case("1,1,1", "compact", 9, weights=unit, batches=[[[-8192, 5]]]),
        case(table, "compact", 9, weights=unit[:1], batches=[[[-8191, 5]], [[7, 9]], [[-8192, 5]]]),
        case(MIXED, "small", 1, batch=4, seed=13, limit=32),
        case("2,5,5,5,1 silu residual", "compact", 900, **wide, limit=700),
        case("4,4,4,4 tanh residual", "compact", 3000, batch=2, seed=2, limit=3000),
        case(AGAIN, "compact", 800, batch=2, seed=16, limit=4000),
        case("3,2,1 gelu", "compact", 2**50, batch=2, seed=17, limit=1000),
    ]
    formats = json.dumps({name: FORMATS[name] for name in ("compact", "small")})
    lines = ",\n".join(json.dumps(x, separators=(",", ":")) for x in cases)
    (HERE / "networks.json").write_text('{"formats":%s,"cases":[\n%s\n]}\n' % (formats, lines))


if __name__ == "__main__":
    main()
