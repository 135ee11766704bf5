"""Predictions and errors: the relation and the statement (notes, *Inference*)."""

from collections import namedtuple
from functools import partial
from hashlib import sha256

import encoding as enc
from argument import Gathered, Public
from encoding import le64
from errors import check
from layers import Network, encode_weights, open_weights
from multilinear import evaluate, log2
from network import MAX_WIDTH, check_no_wrap


def limb_widths(bits, values):
    """Notes, *Limbs*: how many limbs of which width make lookups of `values` numbers cheapest."""
    width = lambda count: -(-bits // count)
    counts = range(max(1, -(-bits // 22)), -(-bits // 8) + 1)
    count = min(counts, key=lambda count: count * values + (2 << width(count)))
    return [width(count)] * (count - 1) + [bits - width(count) * (count - 1)]


def look_up_range(n, tensor, l, bits, values, sign=None):
    """A tensor is in the signed range of `bits` bits; with `sign`, that is one where it is negative."""
    widths = limb_widths(bits, values)
    top = tensor if len(widths) == 1 else n.limbs(tensor, l, [(1, tensor)], widths)
    if sign is None:
        n.look_up("signed", widths[-1], top)
    else:
        n.look_up("negative", widths[-1], top, sign)


def forward_network(curve, widths, fixed, samples, inputs_committed, targets_committed, error):
    """(23), (27), (29), (57), and with `error` (55). Tensors are made in this order."""
    depth, count = len(widths) - 1, sum(widths[1:]) * samples
    fixed = fixed._replace(limbs=tuple(limb_widths(fixed.w, count)))
    n = Network(curve, widths, fixed, samples, 1, False)
    relation, below = n.relation, "A0"
    n.input("A0", 0)
    if inputs_committed:
        look_up_range(n, "A0", 0, fixed.data, widths[0] * samples)
    n.parent = n.weights("W")
    for l in range(1, depth + 1):
        n.with_bias(below, l - 1)
        make = n.input if l == depth and not error else n.commit
        make(f"Y{l}", l)
        negative = None
        if l < depth:  # (57)
            negative, below = f"N{l}", f"A{l}"
            n.commit(negative, l)
            n.define(below, l, (1, f"Y{l}"), (-1, negative, f"Y{l}"))
        bits = fixed.hidden if l < depth else fixed.output
        look_up_range(n, f"Y{l}", l, bits, count, negative)
        factors = f"A{l - 1}+ b t u{l - 1} h", f"W{l} u{l} u{l - 1} h"
        relation.define(f"Z{l}", f"b t u{l}", (1, f"b t u{l}", *factors))  # (27)
        n.rounding(f"Z{l}", l, f"Y{l}")
    n.ends = f"Y{depth}"
    if error:  # (55)
        n.ends, over = "X", f"b t u{depth}"
        n.input("X", depth)
        n.define("E", depth, (1, f"Y{depth}"), (-1, "X"))
        relation.define("squares", "", (1, "", f"E {over}", f"E {over}"))
        relation.input("e", "")
        relation.equal("e", "squares", "squares")
        if targets_committed:
            look_up_range(n, "X", depth, fixed.data, widths[-1] * samples)
    return n


class PublicRows(namedtuple("PublicRows", "values")):
    """Rows of a claim that everyone sees."""

    committed = False

    def shape(self):
        return len(self.values), len(self.values[0]) if self.values else 0

    def digest(self):
        flat = [value for row in self.values for value in row]
        data = b"".join(value.to_bytes(8, "little", signed=True) for value in flat)
        width = len(self.values[0])
        return sha256(b"zktree-v1 public rows" + le64(width) + le64(len(flat)) + data).digest()


def arranged(rows):
    """Rows as a tensor over samples, then units."""
    padding = [0] * ((1 << log2(len(rows))) - len(rows))
    return [value for column in zip(*rows) for value in [*column, *padding]]


class CommittedRows(namedtuple("CommittedRows", "rows start end")):
    """Some columns of committed rows."""

    committed = True

    def shape(self):
        check(1 <= self.rows.width <= 2 * MAX_WIDTH and self.end <= self.rows.width, "columns of rows")
        return len(self.rows.encodings), self.end - self.start

    def digest(self):
        rows = sha256(b"zktree-v1 rows" + le64(self.rows.width) + self.rows.hash).digest()
        columns = le64(self.start) + le64(self.end)
        return sha256(b"zktree-v1 committed rows" + columns + rows).digest()


def verify_inference(curve, origin, inputs, ends, error, hiding, proof):
    """The model has these outputs on these inputs or, if `error` is a number, on inputs and targets
    this sum of squared errors."""
    widths, fixed, seed = origin.widths, origin.fixed, origin.seed
    (samples, width), (count, outputs) = inputs.shape(), ends.shape()
    check((width, outputs) == (widths[0], widths[-1]) and samples == count, "shapes of rows")
    check(1 <= samples <= 1 << 20, "number of samples")
    range_of_ends = fixed.output if error is None else fixed.data
    for rows, bits in ((inputs, fixed.data), (ends, range_of_ends)):
        half = 1 << bits - 1
        in_range = rows.committed or all(-half <= x < half for row in rows.values for x in row)
        check(in_range, "a public value is out of its range")
    check(error is None or 0 <= error < 1 << 63, "the error leaves 63 bits")
    check_no_wrap(origin.bound, widths, fixed, curve.r.bit_length())
    statement = enc.string("zktree/v1/inference") + enc.string(curve.name) + enc.numbers(widths)
    statement += enc.bytes_(fixed.encoding) + le64(hiding) + origin.id
    statement += encode_weights(seed, origin.weights) + inputs.digest()
    statement += enc.string("outputs" if error is None else "squared error") + ends.digest()
    statement += b"" if error is None else le64(error)
    n = forward_network(
        curve, widths, fixed, samples, inputs.committed, ends.committed, error is not None
    )
    argument = n.argument(curve, hiding)
    open_weights(argument, n.parent, origin, origin.weights)
    for tensor, rows in (("A0", inputs), (n.ends, ends)):
        if rows.committed:
            samples_of = [(sample, sample) for sample in range(samples)]
            argument.inputs[tensor] = Gathered(
                rows.rows.matrix, samples_of, log2(samples), rows.start, rows.end - rows.start
            )
        else:
            argument.inputs[tensor] = Public(partial(evaluate, arranged(rows.values), r=curve.r))
    if error is not None:
        argument.inputs["e"] = Public(lambda _: error)
    argument.verify(statement, proof)
