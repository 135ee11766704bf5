"""Predictions and errors: rows and the statement (notes, *Inference*, *Rows of an inference*)."""

from collections import namedtuple
from functools import partial
from hashlib import sha256

import encoding as enc
from argument import Gathered, Public
from encoding import le64
from errors import check
from lowering import Lowering, encode_weights, open_weights
from multilinear import evaluate, log2
from network import MAX_WIDTH
from program import check_no_wrap, inference_program


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

    def source(self, r):
        """The tensor over samples, then units."""
        padding = [0] * ((1 << log2(len(self.values))) - len(self.values))
        tensor = [value for column in zip(*self.values) for value in [*column, *padding]]
        return Public(partial(evaluate, tensor, r=r))


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

    def source(self, _):
        samples = len(self.rows.encodings)
        rows = [(sample, sample) for sample in range(samples)]
        return Gathered(self.rows.matrix, rows, log2(samples), self.start, self.end - self.start)


def verify_inference(curve, origin, inputs, ends, claim, hiding, proof):
    """The claim is `outputs` on these inputs, or `squared error` or `correct` and a number: on inputs and targets
    this is the sum of squared errors, or so many classes are right."""
    graph, fixed = origin.graph, origin.fixed
    kind, *told = claim
    (samples, width), (count, outputs) = inputs.shape(), ends.shape()
    columns = graph.targets if told else graph.outputs
    check((width, outputs) == (graph.inputs, columns) and samples == count, "shapes of rows")
    check(1 <= samples <= 1 << 20, "number of samples")
    check(not told or graph.scores == (kind == "correct"), "the network has another loss")
    for rows, bits in ((inputs, fixed.data), (ends, fixed.data if told else fixed.output)):
        half = 1 << bits - 1
        in_range = rows.committed or all(-half <= x < half for row in rows.values for x in row)
        check(in_range, "a public value is out of its range")
    most = samples if kind == "correct" else (1 << 63) - 1
    check(all(0 <= number <= most for number in told), "what is told is out of its range")
    check_no_wrap(origin.bound, graph, fixed, curve.r.bit_length())
    statement = enc.string("zktree/v2/inference") + enc.string(curve.name) + enc.bytes_(graph.encoding)
    statement += enc.bytes_(fixed.encoding) + le64(hiding) + origin.id
    statement += encode_weights(origin, origin.weights) + inputs.digest()
    statement += enc.string(kind) + ends.digest() + b"".join(map(le64, told))
    program, tensors = inference_program(graph, fixed, samples, told, inputs.committed, ends.committed)
    lowered = Lowering(curve, program, opened=tensors[1])
    argument = lowered.argument(hiding)
    open_weights(argument, lowered.first, origin, origin.weights)
    for tensor, rows in zip(tensors, (inputs, ends)):
        argument.inputs[tensor] = rows.source(curve.r)
    argument.inputs["told"] = Public(lambda _: told[0])
    argument.verify(statement, proof)
