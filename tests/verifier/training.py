"""Training: the relation and the statement of an edge (notes, *Training relation*)."""

from hashlib import sha256

import encoding as enc
from argument import Gathered
from encoding import le64
from errors import at, check
from layers import Network, encode_weights, open_weights
from multilinear import log2
from network import Weights, bound_after, check_no_wrap, scheduled_rows


def training_network(curve, widths, fixed, rate, batch, steps):
    """(23) to (29), for one segment. Tensors are made in this order."""
    n = Network(curve, widths, fixed, batch, steps, True)
    relation, depth, below = n.relation, len(widths) - 1, "A0"
    n.input("A0", 0)
    n.input("X", depth)
    n.parent, n.child = n.weights("before"), n.weights("after")
    for l in range(1, depth + 1):
        n.commit(f"Y{l}", l)
        n.with_bias(below, l - 1)
        if l < depth:  # (24)
            n.commit(f"S{l}", l)
            n.commit(f"H{l}", l)
            n.look_up("relu", fixed.hidden, f"Y{l}", f"S{l}")
            n.look_up("signed", fixed.gradient, f"H{l}")
            below = f"A{l}"
            n.define(below, l, (1, f"S{l}", f"Y{l}"))
            n.define(f"G{l}", l, (1, f"S{l}", f"H{l}"))
        else:
            n.look_up("signed", fixed.output, f"Y{l}")
            scale = 1 << fixed.g - fixed.s
            n.define(f"G{l}", l, (scale, f"Y{l}"), (-scale, "X"))
    size = 1 << relation.axes["t"]
    relation.public("earlier", "t s", [int(s < t) for s in range(size) for t in range(size)])
    for l in range(1, depth + 1):
        over = f"u{l} u{l - 1} h"
        update = f"A{l - 1}+ b s u{l - 1} h", f"G{l} b s u{l}"
        first = f"before{l} {over}"
        terms = (1, f"{over} t", first), (-rate, f"{over} t", "earlier t s", *update)
        relation.define(f"W{l}", f"{over} t", *terms)  # (25)
        relation.define(f"W{l}end", over, (1, over, first), (-rate, over, *update))  # (26)
        relation.equal(f"after{l}", f"W{l}end", f"W{l}")
    for l in range(1, depth + 1):  # (27)
        factors = f"A{l - 1}+ b t u{l - 1} h", f"W{l} u{l} u{l - 1} h t"
        relation.define(f"Z{l}", f"b t u{l}", (1, f"b t u{l}", *factors))
        n.rounding(f"Z{l}", l, f"Y{l}")
    for l in range(1, depth):  # (28)
        factors = f"G{l + 1} b t u{l + 1}", f"W{l + 1} u{l + 1} u{l} 0 t"
        relation.define(f"P{l}", f"b t u{l}", (1, f"b t u{l}", *factors))
        n.rounding(f"P{l}", l, f"H{l}")
    return n


class Training:
    """The statement of an edge. `node` has the fields of a pre-id."""

    def __init__(self, curve, origin, node, pre_id, dataset):
        self.curve, self.origin, self.node, self.pre_id, self.dataset = curve, origin, node, pre_id, dataset
        self.seed = sha256(
            b"zktree/v1/schedule" + origin.id + dataset.root + node.author + le64(node.nonce)
        ).digest()

    def validate(self):
        """Refuses what does not fit together; returns the bound on the child's weights."""
        origin, node = self.origin, self.node
        check(node.steps >= 1 and node.segment_steps >= 1, "a run or a segment without steps")
        check(1 <= node.batch <= node.rows, "the batch does not fit the data set")
        shape = origin.widths[0], origin.widths[-1]
        check(shape == (self.dataset.features, self.dataset.targets), "columns of the data set")
        bound = bound_after(
            origin.bound, origin.widths, origin.fixed, node.rate, node.batch, node.steps
        )
        check_no_wrap(bound, origin.widths, origin.fixed, self.curve.r.bit_length())
        return bound

    def verify(self, proof):
        """Notes, *Proof of an edge*."""
        node, before, first = self.node, self.origin.weights, 0
        with enc.Reader(proof) as reader:
            for index in range(-(-node.steps // node.segment_steps)):
                with at(f"segment {index}"):
                    steps = min(node.segment_steps, node.steps - first)
                    after = node.weights
                    if first + steps < node.steps:
                        size = Weights.size(self.curve, self.origin.widths)
                        after = Weights(self.curve, self.origin.widths, reader.take(size))
                    self.segment(index, first, steps, before, after, reader.bytes())
                    before, first = after, first + steps

    def segment(self, index, first, steps, before, after, proof):
        node, origin, dataset = self.node, self.origin, self.dataset
        check(steps <= 1 << 10 and steps * node.batch <= 1 << 20, "the segment is too long")
        statement = (
            enc.string("zktree/v1/segment") + enc.string(self.curve.name) + enc.numbers(origin.widths)
            + enc.bytes_(origin.fixed.encoding)
            + b"".join(map(le64, (node.rate, node.batch, node.steps, node.segment_steps, node.hiding)))
            + origin.id + self.pre_id + node.weights.hash + dataset.root + self.seed
            + le64(index) + le64(first) + le64(steps)
            + encode_weights(origin.seed if before is None else None, before) + after.hash
        )
        n = training_network(self.curve, origin.widths, origin.fixed, node.rate, node.batch, steps)
        argument = n.argument(self.curve, node.hiding)
        open_weights(argument, n.parent, origin, before)
        open_weights(argument, n.child, origin, after)
        schedule = scheduled_rows(self.seed, node.rows, node.batch, first, steps)
        low = log2(node.batch)
        rows = [(b + (t << low), row) for t, batch in enumerate(schedule) for b, row in enumerate(batch)]
        columns = {"A0": (0, dataset.features), "X": (dataset.features, dataset.targets)}
        for tensor, (column, count) in columns.items():
            argument.inputs[tensor] = Gathered(dataset.matrix, rows, n.positions, column, count)
        argument.verify(statement, proof)
