"""Networks: number formats, bounds on weights, public randomness (notes, *Integer SGD* and *Public
randomness*), and how weights and data are committed (notes, *Rows*, *Hashes*)."""

from collections import namedtuple
from functools import lru_cache
from hashlib import sha256
from math import isqrt

from argument import Matrix, layout, row_vars
from encoding import le64
from errors import check
from multilinear import eq_table, log2, none

MAX_WIDTH, MAX_LAYERS, MAX_TABLE_BITS = 1 << 16, 64, 24


def check_widths(widths):
    check(2 <= len(widths) <= MAX_LAYERS + 1, "number of layers")
    check(all(1 <= width <= MAX_WIDTH for width in widths), "widths")
    check(parameters(widths) <= 1 << 28, "number of weights")


def parameters(widths):
    return sum((i + 1) * o for i, o in zip(widths, widths[1:]))


class Format(namedtuple("Format", "s g w hidden output gradient data limbs encoding")):
    """A fixed-point format; the four ranges are signed, by their bits."""

    def check(self):
        s, g, w, limbs = self.s, self.g, self.w, self.limbs
        check(1 <= s <= 24 and s <= g <= s + 12 and s + g <= w <= 60, "fraction bits")
        ranges = (self.hidden, self.output, self.gradient, self.data)
        check(all(2 <= bits <= MAX_TABLE_BITS for bits in ranges), "bits of ranges")
        check(all(1 <= bits <= MAX_TABLE_BITS for bits in limbs) and sum(limbs) == w, "limbs")

    def max_input(self, layer):
        return 1 << (self.data if layer == 0 else self.hidden) - 1

    def max_gradient(self, layer, layers):
        if layer < layers - 1:
            return 1 << self.gradient - 1
        return (1 << self.g - self.s) * ((1 << self.output - 1) + (1 << self.data - 1))


# ---- Bounds, (13)


def initial_bound(inputs, fixed):
    """(14)."""
    return isqrt((6 << 2 * fixed.w) // inputs)


def root_bound(widths, fixed):
    return max(initial_bound(inputs, fixed) for inputs in widths[:-1])


def bound_after(bound, widths, fixed, rate, batch, steps):
    """(13)."""
    layers = range(len(widths) - 1)
    largest = max(
        max(fixed.max_input(l), 1 << fixed.s) * fixed.max_gradient(l, len(layers)) for l in layers
    )
    after = bound + steps * rate * batch * largest
    check(after < 1 << 128, "the bound on weights leaves 128 bits")
    return after


def check_no_wrap(bound, widths, fixed, field_bits):
    """The three lines below (13)."""
    limit, weight, last = field_bits - 2, log2(bound) if bound else 0, len(widths) - 2
    for l in range(last + 1):
        rounded = fixed.w + (fixed.output if l == last else fixed.hidden) - 1
        forward = log2(widths[l] + 1) + max(log2(fixed.max_input(l)), fixed.s) + weight
        bits = [weight, 1 + max(forward, rounded)]
        if l < last:
            gradient = log2(fixed.max_gradient(l + 1, last + 1))
            backward = log2(widths[l + 2]) + gradient + weight
            bits.append(1 + max(backward, fixed.w + fixed.gradient - 1))
        check(all(b < limit for b in bits), f"layer {l} might wrap around the field")


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
def initial_weights(seed, widths, fixed, layer):
    """The matrix of a layer of a root, row by row; biases are zero."""
    below = draws(sha256(b"zktree/v1/init" + le64(seed)).digest(), layer)
    bound = initial_bound(widths[layer], fixed)
    return [below(2 * bound + 1) - bound for _ in range(widths[layer] * widths[layer + 1])]


def evaluate_initial(seed, widths, fixed, layer, r):
    """The extension of W_l of a root, over output unit, input unit and bias."""

    def evaluate(point):
        weights, outputs = initial_weights(seed, widths, fixed, layer), widths[layer + 1]
        low = eq_table(point[: log2(outputs)], r)
        high = eq_table(point[log2(outputs) : -1], r)
        rows = (weights[k : k + outputs] for k in range(0, len(weights), outputs))
        total = sum(e * sum(w * f for w, f in zip(row, low)) for e, row in zip(high, rows))
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


def weight_layouts(widths):
    """For each layer the length of rows and the rows that are committed."""
    wanted = row_vars(parameters(widths))
    for inputs, outputs in zip(widths, widths[1:]):
        j, i = log2(outputs), log2(inputs)
        real = [(0, inputs << j), (1 << i + j, (1 << i + j) + outputs)]
        yield layout(j + i + 1, wanted, real)


def hash_of_rows(curve, encodings):
    name = curve.name.encode()
    return sha256(
        b"zktree-v1 row commitments" + le64(len(name)) + name + le64(len(encodings)) + b"".join(encodings)
    ).digest()


class Weights:
    """A commitment to weights, from the points of all layers, one after the other."""

    def __init__(self, curve, widths, data):
        size, self.layers, hashes = curve.point_bytes, [], b""
        for length, rows in weight_layouts(widths):
            part, data = data[: size * len(rows)], data[size * len(rows) :]
            check(len(part) == size * len(rows), "rows of weights are missing")
            encodings = split(part, size)
            self.layers.append(Matrix(length, rows, [curve.decode(e) for e in encodings]))
            hashes += hash_of_rows(curve, encodings)
        check(not data, "there are too many rows of weights")
        self.hash = sha256(b"zktree-v1 weight commitment" + le64(len(self.layers)) + hashes).digest()

    @staticmethod
    def size(curve, widths):
        return curve.point_bytes * sum(len(rows) for _, rows in weight_layouts(widths))


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
    """Rows of features, then targets."""

    def __init__(self, curve, features, targets, data):
        super().__init__(curve, features + targets, data)
        self.features, self.targets = features, targets
        name = curve.name.encode()
        self.root = sha256(
            b"zktree-v1 data set" + le64(len(name)) + name + le64(features) + le64(targets)
            + le64(len(self.encodings)) + merkle_root(self.encodings)
        ).digest()


def merkle_root(leaves):
    """RFC 6962, section 2.1."""
    if len(leaves) < 2:
        return sha256(b"\0" + leaves[0] if leaves else b"").digest()
    half = 1 << log2(len(leaves)) - 1
    return sha256(b"\1" + merkle_root(leaves[:half]) + merkle_root(leaves[half:])).digest()
