"""Training: the statement of an edge (notes, *Training relation*, *Byte formats*)."""

from hashlib import sha256

import encoding as enc
from argument import Gathered
from encoding import le64
from errors import at, check
from lowering import Lowering, encode_weights, open_weights
from multilinear import log2
from network import Weights, scheduled_rows
from program import bound_after, check_no_wrap, training_program


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
        graph, dataset = origin.graph, self.dataset
        check(graph.scores == bool(dataset.classes), "the network is trained on something else")
        shape = dataset.features, dataset.classes or dataset.targets
        check(shape == (graph.inputs, graph.outputs), "columns of the data set")
        largest_sum = node.optimiser.largest_sum(node.steps, node.segment_steps)
        bound = bound_after(origin.bound, origin.graph, origin.fixed, largest_sum, node.batch)
        check_no_wrap(bound, origin.graph, origin.fixed, self.curve.r.bit_length())
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
                        take = lambda _, size: reader.take(size)
                        after = Weights(self.curve, self.origin.graph.shapes, take)
                    self.segment(index, first, steps, before, after, reader.bytes())
                    before, first = after, first + steps

    def segment(self, index, first, steps, before, after, proof):
        node, origin, dataset = self.node, self.origin, self.dataset
        check(steps <= 1 << 10 and steps * node.batch <= 1 << 20, "the segment is too long")
        statement = (
            enc.string("zktree/v2/segment") + enc.string(self.curve.name)
            + enc.bytes_(origin.graph.encoding) + enc.bytes_(origin.fixed.encoding)
            + node.optimiser.encoding
            + b"".join(map(le64, (node.batch, node.steps, node.segment_steps, node.hiding)))
            + origin.id + self.pre_id + node.weights.hash + dataset.root + self.seed
            + le64(index) + le64(first) + le64(steps) + le64(1) + enc.string("weights")
            + encode_weights(origin, before) + after.hash
        )
        program, data = training_program(origin.graph, origin.fixed, node.batch, steps)
        lowered = Lowering(self.curve, program, node.optimiser.matrix(first, steps, node.steps))
        argument = lowered.argument(node.hiding)
        open_weights(argument, lowered.first, origin, before)
        open_weights(argument, lowered.last, origin, after)
        schedule = scheduled_rows(self.seed, node.rows, node.batch, first, steps)
        low = log2(node.batch)
        rows = [(b + (t << low), row) for t, batch in enumerate(schedule) for b, row in enumerate(batch)]
        columns = (0, dataset.features), (dataset.features, dataset.targets)
        for tensor, (column, count) in zip(data, columns):
            argument.inputs[tensor] = Gathered(dataset.matrix, rows, lowered.positions, column, count)
        argument.verify(statement, proof)
