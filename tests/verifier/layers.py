"""The pieces of a network that training and inference share, as tensors and as openings."""

from collections import namedtuple

import encoding as enc
from argument import Argument, Opened, Public
from encoding import le64
from lookup import Table
from multilinear import log2
from network import evaluate_initial
from relation import Relation

# Where a network stands: id, widths, format, a seed or a commitment (the other is None), a bound.
Origin = namedtuple("Origin", "id widths fixed seed weights bound")


class Network:
    """The pieces of a layer that training and inference share. Axes are sample b, step t, earlier step
    s, u0, u1, ... for the units of each layer, and h; tensors over positions are over b, t and units."""

    def __init__(self, curve, widths, fixed, batch, steps, with_earlier):
        self.r, self.widths, self.fixed = curve.r, widths, fixed
        self.relation = relation = Relation()
        self.positions = log2(batch) + log2(steps)
        axes = {"b": log2(batch), "t": log2(steps)} | ({"s": log2(steps)} if with_earlier else {})
        axes |= {f"u{l}": log2(width) for l, width in enumerate(widths)} | {"h": 1}
        for name, variables in axes.items():
            relation.axis(name, variables)
        mask = [int(b < batch) for t in range(steps) for b in range(1 << axes["b"])]
        relation.public("mask", "b t", mask)
        self.committed = {}  # tensor -> ranges of real entries

    def input(self, name, l):
        self.relation.input(name, f"b t u{l}")

    def commit(self, name, l):
        """An input that the proof commits to; real are all positions of real units."""
        self.input(name, l)
        self.committed[name] = [(0, self.widths[l] << self.positions)]

    def weights(self, name):
        """Weights of all layers; their names."""
        names = [f"{name}{l}" for l in range(1, len(self.widths))]
        for l, tensor in enumerate(names, 1):
            self.relation.input(tensor, f"u{l} u{l - 1} h")
        return names

    def look_up(self, kind, bits, *tensors):
        self.relation.look_up(Table(kind, bits), *tensors)

    def define(self, name, l, *terms):
        """A tensor over positions: a sum of products, entry by entry."""
        over = f"b t u{l}"
        terms = ((c, over, *(f"{tensor} {over}" for tensor in factors)) for c, *factors in terms)
        self.relation.define(name, over, *terms)

    def with_bias(self, below, l):
        """(23), the input of layer l."""
        terms = (1, f"b t u{l} 0", f"{below} b t u{l}"), (1 << self.fixed.s, "b t 0 1", "mask b t")
        self.relation.define(f"A{l}+", f"b t u{l} h", *terms)

    def limbs(self, name, l, parts, widths):
        """(29) or (57): a sum in limbs. All but the top one are committed and looked up as unsigned;
        the top one is what is left, and its name is returned."""
        low = [f"{name}_limb{k}" for k in range(len(widths) - 1)]
        for limb in low:
            self.commit(limb, l)
        scale = pow(2, -sum(widths[:-1]), self.r)
        parts = parts + [(-1 << sum(widths[:k]), limb) for k, limb in enumerate(low)]
        self.define(f"{name}_top", l, *((scale * c, tensor) for c, tensor in parts))
        for bits, limb in zip(widths, low):
            self.look_up("unsigned", bits, limb)
        return f"{name}_top"

    def rounding(self, wide, l, rounded):
        """(29): `rounded` is round_w(wide)."""
        parts, limbs = [(1, wide), (-1 << self.fixed.w, rounded)], self.fixed.limbs
        self.look_up("signed", limbs[-1], self.limbs(wide, l, parts, limbs))

    def argument(self, curve, hiding):
        return Argument(curve, self.relation, self.committed, hiding)


def encode_weights(seed, weights):
    """How a statement names the weights that it begins with."""
    if weights is None:
        return enc.string("seed") + le64(seed)
    return enc.string("committed") + weights.hash


def open_weights(argument, tensors, origin, weights):
    """Weights of all layers: rows of a commitment or, without one, the expansion of a root's seed."""
    for layer, tensor in enumerate(tensors):
        if weights is None:
            evaluate = evaluate_initial(
                origin.seed, origin.widths, origin.fixed, layer, argument.curve.r
            )
            argument.inputs[tensor] = Public(evaluate)
        else:
            argument.inputs[tensor] = Opened(weights.layers[layer])
