"""From a program to a relation (notes, *Training relation*, *Inference*)."""

import encoding as enc
from argument import Argument, Opened, Public
from encoding import le64
from lookup import Table
from multilinear import box, log2, sparse
from network import evaluate_initial
from relation import Relation


def even(bits, count):
    """`count` limbs of as many bits each, the last one of fewer."""
    width = -(-bits // count)
    return [width] * (count - 1) + [bits - width * (count - 1)]


def limb_widths(bits, values):
    """Notes, *Limbs*: how many limbs of which width make lookups of `values` numbers cheapest."""
    counts = range(max(1, -(-bits // 22)), -(-bits // 8) + 1)
    return even(bits, min(counts, key=lambda count: count * values + (2 << -(-bits // count))))


class Lowering:
    """The relation of a program. With `updates`, an optimiser's matrix, it is of training. `opened` is an output
    that is not committed; a program of inference is cut into the limbs that are cheapest."""

    def __init__(self, curve, program, updates=None, opened=None):
        self.curve, self.program, self.opened = curve, program, opened
        self.relation, self.values, self.limbs = Relation(), {}, {}
        for axis, length in (program.lengths | {"h": 2}).items():
            self.relation.axis(axis, log2(length))
        self.positions = log2(program.lengths["b"]) + log2(program.lengths["t"])
        for name, value in program.values.items():
            if value.kind == "data":
                self.relation.input(name, value.axes)
        self.first, self.last = list(program.gradients), []
        if program.training:
            self.first, self.last = ([f"{end}:{w}" for w in self.first] for end in ("before", "after"))
        for name, w in zip(self.first + self.last, 2 * list(program.gradients)):
            self.relation.input(name, program.values[w].axes)
        self.make(False)
        if program.training:
            self.telescope(*updates)
        self.make(True)
        own = {"round": self.rounding, "tell": self.tell, "range": self.within, "zero": self.relation.vanish}
        for kind, arguments in program.gadgets:
            own[kind](*arguments) if kind in own else self.look_up(kind, *arguments)

    def make(self, with_parameters):
        """Tensors for the values that depend on parameters, or for those that do not."""
        for name, value in self.program.values.items():
            if (value.bound is None) != with_parameters:
                continue
            if value.kind == "sum":
                self.relation.define(name, value.axes, *value.terms)
            elif value.kind == "one":
                lengths = (self.program.lengths[axis] for axis in value.axes.split())
                self.relation.public(name, value.axes, box(*lengths))
            elif value.kind == "known":
                self.relation.public(name, value.axes, sparse(value.terms))
            elif value.kind == "committed":
                self.relation.input(name, value.axes)
                if name != self.opened:
                    self.values[name] = self.real(name)

    def real(self, name):
        """What is committed of a value: all that is below the last real index of its last axis."""
        lengths = [self.program.lengths[axis] for axis in self.program.values[name].axes.split()]
        rest = sum(map(log2, lengths[:-1]))
        # Steps are real to the last padded one.
        return [(0, lengths[-1] << rest if len(lengths) > 2 else 1 << rest + log2(lengths[-1]))]

    def telescope(self, factor, matrix, last_row):
        """(25), (26), (64)."""
        self.relation.public("K", "t s", matrix)
        row = []
        if last_row:
            self.relation.public("K:last", "s", last_row)
            row = ["K:last s"]
        for (w, gradient), first, last in zip(self.program.gradients.items(), self.first, self.last):
            axes = self.program.values[w].axes
            parts = [(-factor * c, output, operands) for c, output, *operands in gradient]
            now = ((c, f"{output} t", "K t s", *operands) for c, output, operands in parts)
            self.relation.define(w, f"{axes} t", (1, f"{axes} t", f"{first} {axes}"), *now)
            end = ((c, output, *row, *operands) for c, output, operands in parts)
            self.relation.define(f"end:{w}", axes, (1, axes, f"{first} {axes}"), *end)
            self.relation.equal(last, f"end:{w}", w)

    # ---- Gadgets

    def numbers(self, chosen):
        """How many numbers the chosen gadgets have."""
        return sum(self.program.size(name) for name in map(chosen, self.program.gadgets) if name)

    def widths(self, bits, numbers):
        """Of the limbs of `bits` bits, of values of which there are so many."""
        if self.program.training:
            return even(bits, -(-bits // 17))
        return limb_widths(bits, numbers)

    def rounding(self, wide, narrow, shift, _):
        """(29)."""
        same = lambda gadget: gadget[0] == "round" and gadget[1][2] == shift and gadget[1][1]
        widths, fixed = self.widths(shift, self.numbers(same)), self.program.fixed
        if self.program.training and shift == fixed.w:
            widths = fixed.limbs
        top = self.cut(narrow, [(1, wide), (-1 << shift, narrow)], widths, f"rest:{narrow}")
        self.relation.look_up(Table("signed", widths[-1]), top)

    def within(self, value, *kind):
        """A range of any value, in limbs if it takes several."""
        same = lambda gadget: gadget[0] == "range" and gadget[1][1:] == kind and gadget[1][0]
        widths = self.widths(kind[1], self.numbers(same))
        top = self.cut(value, [(1, value)], widths, value) if len(widths) > 1 else value
        self.relation.look_up(Table(kind[0], widths[-1]), top)

    def look_up(self, table, key, *images):
        """A range is cut into limbs, (57), where that is cheaper."""
        if not self.program.training and table.kind in ("signed", "negative"):
            ranges = [Table(kind, table.bits) for kind in ("signed", "negative")]
            widths = limb_widths(table.bits, self.numbers(lambda g: g[0] in ranges and g[1][0]))
            if len(widths) > 1:
                key = self.cut(key, [(1, key)], widths, key)
                table = Table(table.kind, widths[-1])
        self.relation.look_up(table, key, *images)

    def cut(self, like, parts, widths, name):
        """A sum in limbs, of the shape of `like`. All but the top one are committed and looked up as
        unsigned; the top one is what is left, and its name is returned."""
        axes = self.program.values[like].axes
        low = [f"{name}:limb{k}" for k in range(len(widths) - 1)]
        for limb in low:
            self.relation.input(limb, axes)
            self.limbs[limb] = self.real(like)
        scale = pow(2, -sum(widths[:-1]), self.curve.r)
        parts = parts + [(-1 << sum(widths[:k]), limb) for k, limb in enumerate(low)]
        top = f"{name}:limb{len(low)}"
        self.relation.define(top, axes, *((scale * c, axes, f"{tensor} {axes}") for c, tensor in parts))
        for bits, limb in zip(widths, low):
            self.relation.look_up(Table("unsigned", bits), limb)
        return top

    def tell(self, value):
        self.relation.input("told", "")
        self.relation.equal("told", value, value)

    def argument(self, hiding):
        return Argument(self.curve, self.relation, self.values | self.limbs, hiding)


def encode_weights(origin, weights):
    """How a statement names the weights that it begins with."""
    if weights is None:
        return enc.string("seed") + le64(origin.seed)
    return enc.string("committed") + weights.hash


def open_weights(argument, tensors, origin, weights):
    """Parameters: rows of a commitment or, without one, the expansion of a root's seed."""
    for layer, tensor in enumerate(tensors):
        if weights is None:
            shape = origin.graph.shapes[layer]
            expand = evaluate_initial(origin.seed, shape, origin.fixed, layer, argument.curve.r)
            argument.inputs[tensor] = Public(expand)
        else:
            argument.inputs[tensor] = Opened(weights.layers[layer])
