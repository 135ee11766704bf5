"""Networks: graphs, number formats, public randomness (notes, *Networks*, *Integer SGD*, *Public randomness*),
and how weights and data are committed (notes, *Rows*, *Hashes*)."""

from collections import namedtuple
from functools import lru_cache
from hashlib import sha256
from math import isqrt, prod

from argument import Matrix, layout, row_vars
from encoding import Reader, le64
from errors import check
from multilinear import eq_table, log2, none
from operators import MAX_SIZE, Round, Scores, read_operator

MAX_WIDTH, MAX_LAYERS, MAX_TABLE_BITS, MAX_RANK = 1 << 16, 64, 24, 4
MAX_NODES, MAX_EDGES = 1 << 10, 1 << 12
MAX_FUNCTIONS, MAX_WAYS = 8, 1 << 12

Node = namedtuple("Node", "operator inputs")


class Graph(namedtuple("Graph", "input outputs nodes shapes encoding")):
    """A network: the shape of its input, the number of outputs, operators, and shapes of parameters."""

    @property
    def inputs(self):
        return prod(self.input)

    @property
    def scores(self):
        """Whether outputs are scores of classes."""
        return isinstance(self.nodes[-1].operator, Scores)

    @property
    def targets(self):
        """Columns of targets."""
        return 1 if self.scores else self.outputs

    @classmethod
    def read(cls, data):
        """Notes, *Networks*."""
        with Reader(data) as reader:
            width = reader.number()
            shape = (width,) if width else reader.numbers()
            check(width or len(shape) >= 2, "an input of one dimension is a width")
            shapes, rounded, functions, ways = [check_shape(shape)], [True], [0], [1]
            nodes, parameters = [], []
            for k in range(reader.number()):
                operator, inputs = read_operator(reader), reader.numbers()
                check(all(source <= k for source in inputs), "a node reads no earlier one")
                read = [shapes[source] for source in inputs]
                shapes.append(check_shape(operator.shape(read)))
                parameter = operator.parameter(read)
                parameters += [parameter] if parameter else []
                all_rounded = all(rounded[source] for source in inputs)
                rounded.append(operator.rounded(all_rounded))
                chain, way = 0, 1
                if operator.chain == "function" and all_rounded:
                    chain = max(functions[source] for source in inputs) + 1
                elif operator.chain == "exact":
                    chain = max(functions[source] for source in inputs)
                    way = sum(ways[source] for source in inputs)
                check(chain <= MAX_FUNCTIONS, "too many functions one behind the other")
                check(way <= MAX_WAYS, "too many sums of sums")
                functions.append(chain)
                ways.append(way)
                nodes.append(Node(operator, inputs))
        check(1 <= len(nodes) <= MAX_NODES, "number of operators")
        check(isinstance(nodes[-1].operator, Round), "the last operator is no rounding")
        inner = (node.operator for node in nodes[:-1])
        check(not any(isinstance(operator, Scores) for operator in inner), "scores that are not the last")
        check(len(shapes[-1]) == 1, "the output is no vector")
        check(sum(len(node.inputs) for node in nodes) <= MAX_EDGES, "number of their inputs")
        check(1 <= len(parameters) <= MAX_LAYERS, "number of layers")
        check(prod(shapes[0]) <= MAX_WIDTH, "width of the input")
        check(number_of(parameters) <= 1 << 28, "number of weights")
        return cls(shapes[0], *shapes[-1], nodes, tuple(parameters), data)


def check_shape(shape):
    fits = 1 <= len(shape) <= MAX_RANK and prod(shape) <= MAX_SIZE
    check(fits and all(1 <= length <= MAX_WIDTH for length in shape), "widths")
    return shape


def number_of(parameters):
    return sum((shape.inputs + 1) * shape.outputs for shape in parameters)


# Numbers of bits of softmax and norms.
Functions = namedtuple(
    "Functions", "probability score exponential level score_gradient mean root row norm"
)


class Format(namedtuple("Format", "s g w hidden output gradient data functions limbs encoding")):
    """A fixed-point format; the four ranges are signed, by their bits. `functions` may be None."""

    @classmethod
    def read(cls, data):
        with Reader(data, "zktree/v1/fixed-point") as fields:
            numbers, limbs = fields.numbers(), fields.numbers()
        check(len(numbers) in (7, 16), "a fixed-point format has seven or sixteen numbers")
        functions = Functions(*numbers[7:]) if numbers[7:] else None
        fixed = cls(*numbers[:7], functions, limbs, data)
        s, g, w, *ranges = numbers[:7]
        check(1 <= s <= 24 and s <= g <= s + 12 and s + g <= w <= 60, "fraction bits")
        check(all(2 <= bits <= MAX_TABLE_BITS for bits in ranges), "bits of ranges")
        check(all(1 <= bits <= MAX_TABLE_BITS for bits in limbs) and sum(limbs) == w, "limbs")
        if functions:
            f = functions
            check(1 <= f.score <= 12 and f.score + 2 <= min(f.probability, g), "bits of scores")
            check(max(f.probability, g) <= 24 and 1 <= f.score_gradient <= 24, "bits of probabilities")
            check(2 <= f.exponential <= 18 and 1 <= f.root <= 20, "bits of functions")
            check(max(f.mean, f.row) <= 8, "bits of means")
            check(all(2 <= bits <= MAX_TABLE_BITS for bits in (f.level, f.norm)), "bits of ranges")
        return fixed


def initial_bound(inputs, fixed):
    """(14)."""
    return isqrt((6 << 2 * fixed.w) // inputs)


# ---- Public randomness


def chacha_block(state):
    """One block of ChaCha20."""
    x = list(state)

    def quarter(a, b, c, d):
        for i, j, k, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[i] = (x[i] + x[j]) & 0xFFFFFFFF
            x[k] ^= x[i]
            x[k] = (x[k] << turn | x[k] >> 32 - turn) & 0xFFFFFFFF

    for _ in range(10):
        for k in range(4):
            quarter(k, k + 4, k + 8, k + 12)
        for k in range(4):
            quarter(k, (k + 1) % 4 + 4, (k + 2) % 4 + 8, (k + 3) % 4 + 12)
    return b"".join((a + b & 0xFFFFFFFF).to_bytes(4, "little") for a, b in zip(x, state))


def draws(key, stream):
    """`below`: a function that draws from keystream(key, stream)."""

    def words(data):
        return [int.from_bytes(data[k : k + 4], "little") for k in range(0, len(data), 4)]

    def numbers():
        start = words(b"expand 32-byte k" + key)
        for counter in range(1 << 64):
            block = chacha_block(start + words(le64(counter) + le64(stream)))
            yield from (int.from_bytes(block[k : k + 8], "little") for k in range(0, 64, 8))

    source = numbers()

    def below(n):
        limit = (1 << 64) - (1 << 64) % n
        return next(u for u in source if u < limit) % n

    return below


@lru_cache
def initial_weights(seed, shape, fixed, layer):
    """The matrix of a layer of a root, row by row; biases are zero."""
    below = draws(sha256(b"zktree/v1/init" + le64(seed)).digest(), layer)
    bound = initial_bound(shape.inputs, fixed)
    return [below(2 * bound + 1) - bound for _ in range(shape.inputs * shape.outputs)]


def evaluate_initial(seed, shape, fixed, layer, r):
    """The extension of the parameters of a layer of a root, over output unit, input unit and bias."""

    def evaluate(point):
        weights, outputs = initial_weights(seed, shape, fixed, layer), shape.outputs
        low = eq_table(point[: log2(outputs)], r)
        high = eq_table(point[log2(outputs) : -1], r)
        rows = (weights[k : k + outputs] for k in range(0, len(weights), outputs))
        folded = (sum(w * f for w, f in zip(row, low)) for row in rows)
        total = sum(high[place] * row for place, row in zip(shape.places(), folded))
        return total * none(point[-1:], r) % r

    return evaluate


def scheduled_rows(seed, rows, batch, first, steps):
    """The rows of each sample of each step, in order."""
    per_epoch, epoch, order = rows // batch, None, []
    for step in range(first, first + steps):
        if step // per_epoch != epoch:
            epoch, order = step // per_epoch, list(range(rows))
            below = draws(seed, epoch)
            for i in range(rows - 1, 0, -1):
                j = below(i + 1)
                order[i], order[j] = order[j], order[i]
        k = step % per_epoch
        yield order[k * batch : (k + 1) * batch]


# ---- Commitments


def weight_layouts(shapes):
    """For each layer the length of rows and the rows that are committed."""
    wanted = row_vars(number_of(shapes))
    for shape in shapes:
        j, bias = log2(shape.outputs), 1 << shape.row_bits + log2(shape.outputs)
        real = [(place << j, place + 1 << j) for place in shape.places()]
        yield layout(log2(bias) + 1, wanted, real + [(bias, bias + shape.outputs)])


def hash_of_rows(curve, encodings):
    name = curve.name.encode()
    return sha256(
        b"zktree-v1 row commitments" + le64(len(name)) + name + le64(len(encodings)) + b"".join(encodings)
    ).digest()


class Weights:
    """A commitment to weights, of which `take(layer, size)` gives the points of each layer."""

    def __init__(self, curve, shapes, take):
        self.layers, hashes = [], b""
        for layer, (length, rows) in enumerate(weight_layouts(shapes)):
            encodings = split(take(layer, curve.point_bytes * len(rows)), curve.point_bytes)
            check(len(encodings) == len(rows), "rows of weights")
            self.layers.append(Matrix(length, rows, [curve.decode(e) for e in encodings]))
            hashes += hash_of_rows(curve, encodings)
        self.hash = sha256(b"zktree-v1 weight commitment" + le64(len(self.layers)) + hashes).digest()


def split(data, size):
    """Pieces of `size` bytes; refuses what is left over."""
    check(len(data) % size == 0, "bytes are no whole points")
    return [data[k : k + size] for k in range(0, len(data), size)]


class Rows:
    """Committed rows of data, one commitment a row."""

    def __init__(self, curve, width, data):
        self.width, self.encodings = width, split(data, curve.point_bytes)
        points = [curve.decode(encoding) for encoding in self.encodings]
        self.matrix = Matrix(log2(width) if width else 0, list(range(len(points))), points)
        self.hash = hash_of_rows(curve, self.encodings)


class Dataset(Rows):
    """Rows of features, then targets: numbers, or one of so many classes."""

    def __init__(self, curve, features, targets, classes, data):
        super().__init__(curve, features + targets, data)
        self.features, self.targets, self.classes = features, targets, classes
        name, kind = curve.name.encode(), b" labelled" if classes else b""
        self.root = sha256(
            b"zktree-v1" + kind + b" data set" + le64(len(name)) + name + le64(features)
            + le64(classes or targets) + le64(len(self.encodings)) + merkle_root(self.encodings)
        ).digest()


def merkle_root(leaves):
    """RFC 6962, section 2.1."""
    if len(leaves) < 2:
        return sha256(b"\0" + leaves[0] if leaves else b"").digest()
    half = 1 << log2(len(leaves)) - 1
    return sha256(b"\1" + merkle_root(leaves[:half]) + merkle_root(leaves[half:])).digest()
