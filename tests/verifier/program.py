"""What a network computes, as a program over tensors (notes, *Programs*): operators write it, forward and
backward, and `lowering` makes a relation of it.

Tensors are written as in `relation`: by name, with an index for each dimension. Axes are b, the sample;
t, the step; s, an earlier step; u0, u1, ... for units; and h, which is 1 at biases."""

from collections import Counter, namedtuple
from itertools import product
from math import prod

from errors import check
from gadgets import first_maximum, one_hot, softmax
from lookup import Table
from multilinear import log2

MAX_KNOWN = 1 << 18

# `bound` is None where a value depends on parameters; `terms` are None of what is not defined.
Value = namedtuple("Value", "axes kind fraction bound terms")


class Program:
    def __init__(self, fixed, batch, steps, training):
        self.fixed, self.training = fixed, training
        self.lengths = {"b": batch, "t": steps} | ({"s": steps} if training else {})
        self.values, self.gradients, self.gadgets, self.entries = {}, {}, [], 0

    # ---- Values

    def units(self, length):
        """A new axis."""
        name = f"u{len(self.lengths)}"
        self.lengths[name] = length
        return name

    def add(self, name, *fields):
        if name in self.values:
            name = f"{name}#{len(self.values)}"
        self.values[name] = Value(*fields)
        return name

    def data(self, name, length, fraction):
        return self.add(name, f"b t {self.units(length)}", "data", fraction, 1 << self.fixed.data - 1, None)

    def one(self, axes):
        """1 on real entries, else 0."""
        found = (name for name, value in self.values.items() if value[:2] == (axes, "one"))
        return next(found, None) or self.add("one", axes, "one", 0, 1, None)

    def commit(self, name, axes, fraction, bound):
        return self.add(name, axes, "committed", fraction, bound, None)

    def parameter(self, axes):
        self.gradients[name := self.add("W", axes, "parameter", self.fixed.w, None, None)] = ()
        return name

    def known(self, name, axes, count, entries):
        """At most `count` entries as pairs of indices and value; all others are zero."""
        self.entries += count
        check(self.entries <= MAX_KNOWN, "entries of known tensors")
        entries = dict(entries)
        return self.add(name, axes, "known", 0, max(map(abs, entries.values()), default=0), entries)

    def indices(self, axes):
        """All of them, the last axis fastest."""
        return [*product(*(range(self.lengths[axis]) for axis in axes.split()))]

    def size(self, name):
        return prod(self.lengths[axis] for axis in self.values[name].axes.split())

    def split(self, term):
        """Names of a term's operands, and how many products it adds up, as factors: lengths of axes, where
        inputs with the bias are one more; and for what is known, most of one entry of the output."""
        _, output, *operands = term
        names, used, factors = [], set(), []
        kept = set(output.split()) | {"t", "s"}
        for name, *indices in map(str.split, operands):
            if self.values[name].kind == "known":
                rows = Counter()
                for index, value in self.values[name].terms.items():
                    rows[tuple(k for k, axis in zip(index, indices) if axis in kept)] += abs(value)
                factors.append(max(rows.values(), default=0))
                kept |= set(indices)
            else:
                names.append(name)
                used |= set(indices)
        lengths = [self.lengths[axis] for axis in used - kept - {"h", "0", "1"}]
        return names, factors + ([prod(lengths) + 1] if "h" in used - kept else lengths)

    def bound(self, terms):
        """The largest magnitude of a sum, or None; terms at different fixed indices do not add up."""
        bounds = []
        for term in terms:
            names, factors = self.split(term)
            bounds.append([abs(term[0]), *factors, *(self.values[name].bound for name in names)])
        if any(None in bound for bound in bounds):
            return None
        meet = lambda a, b: all({x, y} != {"0", "1"} for x, y in zip(a[1].split(), b[1].split()))
        return max(sum(prod(bound) for b, bound in zip(terms, bounds) if meet(a, b)) for a in terms)

    def sum(self, name, axes, fraction, *terms):
        return self.add(name, axes, "sum", fraction, self.bound(terms), terms)

    def entrywise(self, name, axes, fraction, *terms):
        """A sum of products (factor, tensor, ...), entry by entry."""
        over = ((factor, axes, *(f"{tensor} {axes}" for tensor in tensors)) for factor, *tensors in terms)
        return self.sum(name, axes, fraction, *over)

    def total(self, name, parts):
        """The exact sum, with the most fraction bits of the parts; a single part itself."""
        if len(parts) == 1:
            return parts[0]
        fractions = [self.values[part].fraction for part in parts]
        terms = ((1 << max(fractions) - fraction, part) for fraction, part in zip(fractions, parts))
        return self.entrywise(name, self.values[parts[0]].axes, max(fractions), *terms)

    # ---- Gadgets: what is committed, and how it is bound

    def look_up(self, table, *tensors):
        self.gadgets.append((table, tensors))

    def round(self, name, x, fraction, bits):
        """x with so many fraction bits, (1), which the caller looks up; without rounding if it has no more."""
        value = self.values[x]
        if value.fraction <= fraction:
            return self.at_least(name, x, fraction)
        narrow = self.commit(name, value.axes, fraction, 1 << bits - 1)
        self.gadgets.append(("round", (x, narrow, value.fraction - fraction, bits)))
        return narrow

    def at_least(self, name, x, fraction):
        """x with at least so many fraction bits."""
        axes, has = self.values[x].axes, self.values[x].fraction
        return x if has >= fraction else self.entrywise(name, axes, fraction, (1 << fraction - has, x))

    def rounded(self, name, x, fraction, bits):
        """x rounded to a signed range."""
        narrow = self.round(name, x, fraction, bits)
        if self.values[x].fraction > fraction:
            self.look_up(Table("signed", bits), narrow)
        return narrow

    def rounded_back(self, name, x):
        """To the range of gradients."""
        return self.rounded(name, x, self.fixed.g, self.fixed.gradient)

    # ---- Networks

    def image(self, x, shape):
        """(85): a row of data along other axes."""
        parts, column = " ".join(map(self.units, shape)), self.values[x].axes.split()[-1]
        entries = (((*index, k), 1) for k, index in enumerate(self.indices(parts)))
        place = self.known("places", f"{parts} {column}", prod(shape), entries)
        operands = f"{x} b t {column}", f"{place} {parts} {column}"
        return self.sum("image", f"b t {parts}", self.fixed.s, (1, f"b t {parts}", *operands))

    def forward(self, graph, x):
        """The output's name, and of each node what its way back needs."""
        if len(graph.input) > 1:
            x = self.image(x, graph.input)
        outputs, trained, saved = [x], [False], []
        for node in graph.nodes:
            count = len(self.gradients)
            output, kept = node.operator.forward(self, *(outputs[k] for k in node.inputs))
            needs = [trained[k] for k in node.inputs]
            outputs.append(output)
            trained.append(len(self.gradients) > count or any(needs))
            saved.append((kept, needs))
        return output, saved

    def backward(self, graph, saved, cotangent):
        """From the last node to the first; what several nodes read gets the sum of their cotangents."""
        parts = [[] for _ in graph.nodes] + [[cotangent]]
        for k, (node, (kept, needs)) in reversed([*enumerate(zip(graph.nodes, saved), 1)]):
            if parts[k]:
                back = node.operator.back(self, kept, self.total("D", parts[k]), needs)
                for source, needed, part in zip(node.inputs, needs, back):
                    parts[source] += [part] if needed else []


    def targets(self, graph):
        """Numbers, or a class."""
        return self.data("X", graph.targets, 0 if graph.scores else self.fixed.s)

    def cotangent(self, graph, output, targets):
        """(5), or what the softmax of scores lacks of the class, (77)."""
        axes, g = self.values[output].axes, self.fixed.g
        if graph.scores:
            probabilities = softmax(self, output)
            labels = one_hot(self, targets, axes.split()[-1])
            return self.entrywise("G", axes, g, (1, probabilities), (-1 << g, labels))
        scale = 1 << g - self.fixed.s
        return self.entrywise("G", axes, g, (scale, output), (-scale, targets))

    def tell(self, graph, output, targets):
        """(55), or how many classes are right, (78)."""
        axes, s = self.values[output].axes, self.fixed.s
        if graph.scores:
            units = axes.split()[-1]
            a, _ = first_maximum(self, output, units)
            b, fraction = one_hot(self, targets, units), 0
        else:
            a = b = self.entrywise("E", axes, s, (1, output), (-1, targets))
            fraction = 2 * s
        total = self.sum("answer", "", fraction, (1, "", f"{a} {axes}", f"{b} {axes}"))
        self.gadgets.append(("tell", (total,)))


def training_program(graph, fixed, batch, steps):
    """A step of training: the program, and the names of its data."""
    p = Program(fixed, batch, steps, True)
    inputs = p.data("A0", graph.inputs, fixed.s)
    output, saved = p.forward(graph, inputs)
    targets = p.targets(graph)
    p.backward(graph, saved, p.cotangent(graph, output, targets))
    return p, (inputs, targets)


def inference_program(graph, fixed, samples, evaluates, inputs_committed, targets_committed):
    """A forward pass and what it tells, if it evaluates; committed inputs and targets that are numbers are looked
    up in the range of data. The program, and the names of its inputs and of its outputs or targets."""
    p, data = Program(fixed, samples, 1, False), Table("signed", fixed.data)
    inputs = p.data("A0", graph.inputs, fixed.s)
    if inputs_committed:
        p.look_up(data, inputs)
    output, _ = p.forward(graph, inputs)
    if not evaluates:
        return p, (inputs, output)
    targets = p.targets(graph)
    p.tell(graph, output, targets)
    if targets_committed and not graph.scores:
        p.look_up(data, targets)
    return p, (inputs, targets)


# ---- Bounds, (13)


def bound_after(bound, graph, fixed, largest_sum, batch):
    """(13): steps move a parameter by the largest sum of rates times the largest entry of its gradient."""
    p, _ = training_program(graph, fixed, batch, 1)
    bounds = [p.bound(terms) if terms else 0 for terms in p.gradients.values()]
    after = bound + largest_sum * max(bounds)
    check(after < 1 << 128, "the bound on weights leaves 128 bits")
    return after


def check_no_wrap(bound, graph, fixed, field_bits):
    """Notes, *Bounds*: no value, and nothing that rounding drops, is near the order of the field."""
    p, _ = training_program(graph, fixed, 1, 1)
    bits, limit = {}, field_bits - 2
    for name, value in p.values.items():
        if value.kind == "parameter":
            bits[name] = log2(bound)
        elif value.bound is not None:
            check(value.bound < (1 << 128) - 1, f"{name} might leave 128 bits")
            bits[name] = log2(value.bound)
        else:
            parts = ((term[0], *p.split(term)) for term in value.terms)
            terms = (log2(abs(c)) + sum(map(log2, n)) + sum(bits[x] for x in names) for c, names, n in parts)
            bits[name] = max(terms) + log2(len(value.terms))
        check(bits[name] < limit, f"{name} might wrap around the field")
    for kind, gadget in p.gadgets:
        if kind == "round":
            wide, narrow, shift, table = gadget
            rest = 1 + max(bits[wide], shift + table - 1)
            check(rest < limit, f"what rounding to {narrow} drops might wrap around the field")
