"""Operators, forward and backward (notes, *Networks*, *Images*). They write programs.

An axis that several dimensions are walked through as is written as these, slowest first."""

from collections import namedtuple
from functools import partial
from itertools import product
from math import prod

from errors import Refused, check
from functions import FUNCTIONS
from gadgets import ONE, first_maximum, inverse_root, mean, settled
from lookup import Table
from multilinear import log2

SLOPE_BITS, MAX_FRACTION, MAX_KEY_BITS = 12, 12, 18
MAX_SIZE = 1 << 26


class Shape(namedtuple("Shape", "rows outputs")):
    """Of parameters: the dimensions of the rows but for the bias, slowest first, and columns."""

    @property
    def inputs(self):
        return prod(self.rows)

    @property
    def row_bits(self):
        return sum(map(log2, self.rows))

    def places(self):
        """Where each row is among the padded ones."""
        for index in product(*map(range, self.rows)):
            place = 0
            for k, length in zip(index, self.rows):
                place = place << log2(length) | k
            yield place


class Operator:
    """Where it does not say otherwise, it makes rounded values of the shape of the one input."""

    chain = "anew"  # what it does to chains: "function", "exact"

    def __init__(self, *numbers):
        self.numbers = numbers

    def shape(self, shapes):
        check(len(shapes) == 1, "an operator has not the inputs that it needs")
        return shapes[0]

    def parameter(self, shapes):
        return None

    def rounded(self, all_rounded):
        return True


class Linear(Operator):
    """(2), (6), (9) and (10); (23), (27) and (28), on the last axis."""

    def shape(self, shapes):
        return super().shape(shapes)[:-1] + self.numbers

    def parameter(self, shapes):
        return Shape(shapes[0][-1:], *self.numbers)

    def rounded(self, all_rounded):
        check(all_rounded, "a layer reads what is not rounded")
        return False

    def forward(self, p, x):
        *rest, units = p.values[x].axes.split()
        return self.affine(p, " ".join(rest), units, f"{x} {p.values[x].axes}")

    def affine(self, p, rest, units, *operands):
        """The operands, over the axes `rest` and `units`, with a bias. The last number is that of outputs."""
        s, columns = p.fixed.s, p.units(self.numbers[0])
        first, backwards = (" ".join(part) for part in (["0"] * len(units.split()), units.split()[::-1]))
        w = p.parameter(f"{columns} {backwards} h")
        terms = (1, f"{rest} {units} 0", *operands), (1 << s, f"{rest} {first} 1", f"{p.one(rest)} {rest}")
        biased = p.sum("A+", f"{rest} {units} h", s, *terms)
        factors = f"{biased} {rest} {units} h", f"{w} {columns} {backwards} h" + " t" * p.training
        z = p.sum("Z", f"{rest} {columns}", s + p.fixed.w, (1, f"{rest} {columns}", *factors))
        return z, (biased, w, rest, units, columns)

    def back(self, p, saved, g, needs):
        biased, w, rest, units, columns = saved
        g, before, axes = p.rounded_back("G", g), rest.replace("b t", "b s"), p.values[w].axes
        p.gradients[w] = ((1, axes, f"{biased} {before} {units} h", f"{g} {before} {columns}"),)
        if not needs[0]:
            return [None]
        factors = f"{g} {rest} {columns}", f"{w} {axes.removesuffix('h')}0 t"
        over = f"{rest} {units}"
        return [p.sum("P", over, p.fixed.g + p.fixed.w, (1, over, *factors))]


class Dense(Linear):
    """The same on all axes."""

    def shape(self, shapes):
        check(len(Operator.shape(self, shapes)) >= 2, "an operator reads no image")
        return self.numbers

    def parameter(self, shapes):
        return Shape(shapes[0], *self.numbers)

    def forward(self, p, x):
        axes = p.values[x].axes
        return self.affine(p, "b t", axes.removeprefix("b t "), f"{x} {axes}")

    def back(self, p, saved, g, needs):
        [back] = super().back(p, saved, g, needs)
        return [back and p.entrywise("P:pixels", p.values[back].axes, p.values[back].fraction, (1, back))]


class Windows:
    """How windows lie on an image: (80)."""

    def __init__(self, *numbers):
        self.kernel, self.stride, self.before, self.behind = (numbers[k : k + 2] for k in range(0, 8, 2))

    def count(self, image):
        """Windows a row and a column, and channels."""
        check(len(image) == 3, "an operator reads no image")
        counts = []
        for length, n, stride, *pads in zip(image, self.kernel, self.stride, self.before, self.behind):
            check(n >= 1 and stride >= 1 and max(pads) < n, "windows")
            check(length + sum(pads) >= n, "a window is larger than the image")
            counts.append((length + sum(pads) - n) // stride + 1)
        check(prod(counts) * prod(self.kernel) * image[2] <= MAX_SIZE, "entries of windows")
        return *counts, image[2]

    def place(self, p, x):
        """Axes: of windows, of places in one, and channels; then what sees what, as operands."""
        *image, channels = p.values[x].axes.split()[2:]
        counts = self.count([p.lengths[axis] for axis in (*image, channels)])
        axes = [p.units(length) for length in (*counts[:2], *self.kernel)]
        sees = []
        for k, over in enumerate(zip(axes, axes[2:], image)):
            places, over = [p.lengths[axis] for axis in over], " ".join(over)
            at = lambda o, place: self.stride[k] * o + place - self.before[k]
            windows = product(range(places[0]), range(places[1]))
            entries = (((*pair, at(*pair)), 1) for pair in windows if 0 <= at(*pair) < places[2])
            sees.append(f"{p.known('sees', over, places[0] * places[1], entries)} {over}")
        return " ".join(axes[:2]), " ".join(axes[2:]), channels, sees


class Convolution(Linear):
    """(81), and (82) backward."""

    def __init__(self, outputs, *windows):
        super().__init__(outputs)
        self.windows = Windows(*windows)

    def shape(self, shapes):
        return (*self.windows.count(Operator.shape(self, shapes))[:2], *self.numbers)

    def parameter(self, shapes):
        return Shape((*self.windows.kernel, shapes[0][2]), *self.numbers)

    def forward(self, p, x):
        windows, places, channels, sees = self.windows.place(p, x)
        operands = f"{x} {p.values[x].axes}", *sees
        z, saved = self.affine(p, f"b t {windows}", f"{places} {channels}", *operands)
        return z, (saved, p.values[x].axes, sees)

    def back(self, p, saved, g, needs):
        product, axes, sees = saved
        [back] = super().back(p, product, g, needs)
        if not back:
            return [None]
        value = p.values[back]
        return [p.sum("P:pixels", axes, value.fraction, (1, axes, f"{back} {value.axes}", *sees))]


def share(n):
    """1 / n as an integer and its fraction bits, (83)."""
    bits = log2(n)
    if n == 1 << bits:
        return 1, bits
    bits += 16
    return ((2 << bits) + n) // (2 * n), bits


class Mean(Operator):
    """Means, (84)."""

    chain = "exact"

    def rounded(self, all_rounded):
        return False

    def mean(self, p, x, axes, n, *operands):
        factor, bits = share(n)
        return p.sum("mean", axes, p.values[x].fraction + bits, (factor, axes, *operands))


class AveragePool(Mean):
    def __init__(self, *windows):
        self.windows = Windows(*windows)

    def shape(self, shapes):
        check(prod(self.windows.kernel) > 1, "a mean over one pixel")
        return self.windows.count(super().shape(shapes))

    def forward(self, p, x):
        windows, _, channels, sees = self.windows.place(p, x)
        axes, over = p.values[x].axes, f"b t {windows} {channels}"
        return self.mean(p, x, over, prod(self.windows.kernel), f"{x} {axes}", *sees), (axes, over, sees)

    def back(self, p, saved, g, needs):
        axes, over, sees = saved
        return [self.mean(p, g, axes, prod(self.windows.kernel), f"{g} {over}", *sees)]


class GlobalAverage(Mean):
    def shape(self, shapes):
        image = super().shape(shapes)
        check(len(image) == 3, "an operator reads no image")
        check(image[:2] != (1, 1), "a mean over one pixel")
        return image[2:]

    def forward(self, p, x):
        axes = p.values[x].axes
        pixels, channels = axes.split()[2:4], axes.split()[4]
        n = prod(p.lengths[axis] for axis in pixels)
        return self.mean(p, x, f"b t {channels}", n, f"{x} {axes}"), (axes, " ".join(pixels), channels, n)

    def back(self, p, saved, g, needs):
        axes, pixels, channels, n = saved
        return [self.mean(p, g, axes, n, f"{g} b t {channels}", f"{p.one(pixels)} {pixels}")]


class Add(Operator):
    chain = "exact"

    def shape(self, shapes):
        check(len(shapes) >= 2 and len(set(shapes)) == 1, "an operator has not the inputs that it needs")
        return shapes[0]

    def rounded(self, all_rounded):
        return all_rounded

    def forward(self, p, *x):
        return p.total("sum", x), len(x)

    def back(self, p, saved, g, needs):
        return [g] * saved


class Round(Operator):
    """(3), (7)."""

    def rounded(self, all_rounded):
        check(not all_rounded, "there is nothing to round")
        return True

    def forward(self, p, x):
        return p.rounded("Y", x, p.fixed.s, p.fixed.output), None

    def back(self, p, saved, g, needs):
        return [p.rounded_back("H", g)]


class Scores(Round):
    """The same, of the scores of classes; a loss rounds them itself."""

    def shape(self, shapes):
        shape = super().shape(shapes)
        check(len(shape) == 1 and shape[0] > 1, "scores of fewer than two classes")
        return shape

    def forward(self, p, x):
        return (x, None) if p.training else super().forward(p, x)


class Function(Operator):
    """(7), (8)."""

    chain = "function"

    def back(self, p, slope, g, needs):
        h, value = p.rounded_back("H", g), p.values[slope]
        exact = p.entrywise("G", value.axes, value.fraction + p.values[h].fraction, (1, slope, h))
        return [p.rounded_back("G", exact)]


class Relu(Function):
    """(4), by the sign of Y: S in (24), N in (57)."""

    def forward(self, p, x):
        s, bits = p.fixed.s, p.fixed.hidden
        y = p.round("Y", x, s, bits)
        axes = p.values[y].axes
        sign = p.commit("sign", axes, 0, 1)
        p.look_up(Table("relu" if p.training else "negative", bits), y, sign)
        terms = [(1, sign, y)] if p.training else [(1, y), (-1, sign, y)]
        return p.entrywise("A", axes, s, *terms), sign


class Smooth(Function):
    """The tuple of (58)."""

    def __init__(self, name):
        self.name = name

    def forward(self, p, x):
        s, bits = p.fixed.s, p.fixed.hidden
        check(s <= MAX_FRACTION and bits <= MAX_KEY_BITS, "there is no table of this function")
        y = p.round("Y", x, s, bits)
        axes = p.values[y].axes
        images = [p.commit("A", axes, s, (1 << bits - 1) + (1 << s))]
        slope = [SLOPE_BITS] if p.training else []
        images += [p.commit("S", axes, phi, 2 << phi) for phi in slope]
        p.look_up(Table(self.name, bits, s, *slope), p.one(axes), y, *images)
        return images[0], images[-1]


class MaxPool(Operator):
    """The first maximum of each window, (76)."""

    chain = "function"

    def __init__(self, *windows):
        self.windows = Windows(*windows)

    def shape(self, shapes):
        check(self.windows.before == self.windows.behind == (0, 0), "maxima with padding")
        return self.windows.count(super().shape(shapes))

    def rounded(self, all_rounded):
        check(all_rounded, "a maximum of what is not rounded")
        return True

    def forward(self, p, x):
        windows, places, channels, sees = self.windows.place(p, x)
        axes, over = p.values[x].axes, f"b t {windows} {channels} {places}"
        entries = p.sum("windows", over, p.values[x].fraction, (1, over, f"{x} {axes}", *sees))
        chosen, value = first_maximum(p, entries, places)
        return value, (axes, over, places, sees, chosen)

    def back(self, p, saved, g, needs):
        axes, over, places, sees, chosen = saved
        g = p.rounded_back("D:windows", g)
        factors = f"{chosen} {over}", f"{g} {over.removesuffix(f' {places}')}"
        back = p.sum("D:entries", over, p.fixed.g, (1, over, *factors))
        return [p.sum("D:pixels", axes, p.fixed.g, (1, axes, f"{back} {over}", *sees))]


class Multiply(Operator):
    chain = "exact"

    def shape(self, shapes):
        check(len(shapes) == 2 and shapes[0] == shapes[1], "an operator has not the inputs that it needs")
        return shapes[0]

    def rounded(self, all_rounded):
        check(all_rounded, "a product of what is not rounded")
        return False

    def product(self, p, name, a, b):
        fraction = p.values[a].fraction + p.values[b].fraction
        return p.entrywise(name, p.values[a].axes, fraction, (1, a, b))

    def forward(self, p, a, b):
        return self.product(p, "product", a, b), (a, b)

    def back(self, p, saved, g, needs):
        h = p.rounded_back("H", g)
        return [needed and self.product(p, "G", h, x) for needed, x in zip(needs, saved[::-1])]


class Norm(Operator):
    """(70), along the last axis."""

    chain = "function"

    def __init__(self, centred, epsilon):
        check(epsilon <= ONE, "epsilon is more than one")
        self.centred, self.epsilon = centred, epsilon

    def rounded(self, all_rounded):
        check(all_rounded, "a norm of what is not rounded")
        return True

    def spread(self, p, factor, rows, axes, row):
        """A number for each row at every real unit, as a term."""
        units = axes.split()[-1]
        return factor, axes, f"{row} {rows}", f"{p.one(units)} {units}"

    def forward(self, p, x):
        bits, s, value = p.fixed.functions, p.fixed.s, p.values[x]
        check(bits, "a format without norms")
        axes, c = value.axes, x
        rows, count = axes.rsplit(" ", 1)[0], p.lengths[axes.split()[-1]]
        if self.centred:
            fraction = value.fraction + bits.mean
            whole = p.sum("sum", rows, fraction, (1 << bits.mean, rows, f"{x} {axes}"))
            mu = mean(p, whole, count)
            terms = (1 << bits.mean, axes, f"{x} {axes}"), self.spread(p, -1, rows, axes, mu)
            c = p.sum("centred", axes, fraction, *terms)
        r = inverse_root(p, c, self.epsilon, bits.root)
        factors = f"{c} {axes}", f"{r} {rows}"
        product = p.sum("scaled", axes, p.values[c].fraction + bits.root, (1, axes, *factors))
        n = p.rounded("norm", product, s, p.fixed.hidden)
        return n, (n, r, rows, count)

    def back(self, p, saved, g, needs):
        n, r, rows, count = saved
        bits, s, fraction, axes = p.fixed.functions, p.fixed.s, p.fixed.g, p.values[n].axes
        g, more = p.rounded_back("G", g), bits.row
        along = p.sum("along", rows, fraction + s, (1, rows, f"{g} {axes}", f"{n} {axes}"))
        along = mean(p, along, count)
        dropped = max(p.values[along].fraction - fraction - more, 0)
        width = log2((p.values[along].bound >> dropped) + 2) + 1
        along = settled(p, "part", along, fraction + more, width)
        terms = [(1 << s + more, axes, f"{g} {axes}"), (-1, axes, f"{n} {axes}", f"{along} {rows}")]
        if self.centred:
            whole = p.sum("sum", rows, fraction + more, (1 << more, rows, f"{g} {axes}"))
            terms.append(self.spread(p, -1 << s, rows, axes, mean(p, whole, count)))
        t = p.sum("projected", axes, fraction + s + more, *terms)
        factors = f"{t} {axes}", f"{r} {rows}"
        exact = p.sum("scaled", axes, p.values[t].fraction + bits.root, (1, axes, *factors))
        return [settled(p, "G", exact, fraction, bits.norm)]


# By its code how many numbers an operator has, and what makes it.
KINDS = {
    1: (1, Linear), 2: (0, Round), 3: (0, Add), 4: (0, Relu),
    **{code: (0, partial(Smooth, name)) for code, name in enumerate(FUNCTIONS, 5)},
    9: (0, Scores), 10: (9, Convolution), 11: (8, AveragePool), 12: (0, GlobalAverage), 13: (1, Dense),
    14: (0, Multiply), 15: (1, partial(Norm, True)), 16: (1, partial(Norm, False)), 17: (8, MaxPool),
}


def read_operator(reader):
    code = reader.number()
    if code not in KINDS:
        raise Refused(f"operator {code} is not known here")
    count, make = KINDS[code]
    numbers = [reader.number() for _ in range(max(count, 1))]
    check(count or numbers == [0], "an operator has a number that is not 0")
    return make(*numbers[:count])
