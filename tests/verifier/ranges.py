"""The ranges of data and of imported weights, each proven once (notes, *Lookups*, (56))."""

import encoding as enc
from argument import Argument, Opened
from encoding import le64
from errors import check
from lookup import Table
from multilinear import box, log2
from network import MAX_TABLE_BITS, MAX_WIDTH
from relation import Relation


def verify_data_range(curve, dataset, bits, hiding, proof):
    """Every entry of a data set is in the signed range of `bits` bits."""
    check(2 <= bits <= MAX_TABLE_BITS, "bits of a range")
    check(all(1 <= n <= MAX_WIDTH for n in (dataset.features, dataset.targets)), "columns")
    statement = enc.string("zktree/v1/data-range") + enc.string(curve.name) + dataset.root
    statement += le64(bits) + le64(hiding)
    relation = Relation()
    relation.axis("column", log2(dataset.width))
    relation.axis("row", log2(len(dataset.matrix.rows)))
    relation.input("data", "column row")
    relation.look_up(Table("signed", bits), "data")
    argument = Argument(curve, relation, {}, hiding)
    argument.inputs["data"] = Opened(dataset.matrix)
    argument.verify(statement, proof)


def verify_weight_range(curve, graph, weights, imported):
    """(56): imported weights are on a grid and their padding is zero. Such a proof hides."""
    step_bits, range_bits = imported.step_bits, imported.range_bits
    statement = enc.string("zktree/v3/weight-range") + enc.string(curve.name) + enc.bytes_(graph.encoding)
    statement += weights.hash + le64(step_bits) + le64(range_bits) + le64(True) + imported.pre_id
    relation, table = Relation(), Table("gated", range_bits)
    # An operator behind another one shares its width. Parameters have their axes backwards.
    widths, ends = [(graph.inputs,)], []
    for shape in graph.shapes:
        rows = shape.rows[::-1]
        widths += ([] if widths[-1] == rows else [rows]) + [(shape.outputs,)]
        ends.append((len(widths) - 2, len(widths) - 1))
    axes = [" ".join(f"u{k}.{n}" for n in range(len(width))) for k, width in enumerate(widths)]
    for names, width in zip(axes, widths):
        for name, length in zip(names.split(), width):
            relation.axis(name, log2(length))
    relation.axis("h", 1)
    for k, width in enumerate(widths):
        relation.public(f"real{k}", axes[k], box(*width))
    scale = pow(2, -step_bits, curve.r)
    for l, (before, after) in enumerate(ends):
        i, j = axes[before], axes[after]
        relation.input(f"W{l}", f"{j} {i} h")
        relation.define(f"V{l}", f"{j} {i}", (scale, f"{j} {i}", f"W{l} {j} {i} 0"))
        gates = f"real{after} {j}", f"real{before} {i}"
        relation.define(f"gate{l}", f"{j} {i}", (1, f"{j} {i}", *gates))
        relation.look_up(table, f"V{l}", f"gate{l}")
        first = " ".join("0" for _ in i.split())
        relation.define(f"v{l}", j, (scale, j, f"W{l} {j} {first} 1"))
        relation.look_up(table, f"v{l}", f"real{after}")
    argument = Argument(curve, relation, {}, True)
    for l, matrix in enumerate(weights.layers):
        argument.inputs[f"W{l}"] = Opened(matrix)
    argument.verify(statement, imported.proof)
