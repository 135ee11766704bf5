"""What a network computes, as a program over tensors (notes, *Programs*): operators write it, forward and
backward, and `lowering` makes a relation of it.

Tensors are written as in `relation`: by name, with an index for each dimension. Axes are b, the sample;
t, the step; s, an earlier step; u0, u1, ... for units; and h, which is 1 at biases."""

from collections import namedtuple

from errors import check
from lookup import Table
from multilinear import log2

SLOPE_BITS, MAX_FRACTION, MAX_KEY_BITS = 12, 12, 18

# `bound` is None where a value depends on parameters; `terms` are None of what is not defined.
Value = namedtuple("Value", "axes kind fraction bound terms")


class Program:
    def __init__(self, fixed, batch, steps, training):
        self.fixed, self.training = fixed, training
        self.lengths = {"b": batch, "t": steps} | ({"s": steps} if training else {})
        self.values, self.gradients, self.gadgets = {}, {}, []

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

    def data(self, name, length):
        return self.add(name, f"b t {self.units(length)}", "data", self.fixed.s, 1 << self.fixed.data - 1, None)

    def one(self, axes):
        """1 on real entries, else 0."""
        found = (name for name, value in self.values.items() if value[:2] == (axes, "one"))
        return next(found, None) or self.add("one", axes, "one", 0, 1, None)

    def commit(self, name, axes, fraction, bound):
        return self.add(name, axes, "committed", fraction, bound, None)

    def size(self, name):
        axes, size = self.values[name].axes.split(), 1
        for axis in axes:
            size *= self.lengths[axis]
        return size

    def count(self, term):
        """How many products are added up: inputs with the bias are one more."""
        _, output, *operands = term
        used = {index for operand in operands for index in operand.split()[1:]} - set(output.split())
        count = 1
        for axis in used - {"t", "s", "h"}:
            count *= self.lengths.get(axis, 1)
        return count + ("h" in used)

    def bound(self, terms):
        """The largest magnitude of a sum, or None; terms at different fixed indices do not add up."""
        bounds = []
        for term in terms:
            bound = abs(term[0]) * self.count(term)
            for operand in term[2:]:
                of = self.values[operand.split()[0]].bound
                bound = None if bound is None or of is None else bound * of
            bounds.append(bound)
        if None in bounds:
            return None
        meet = lambda a, b: all({x, y} != {"0", "1"} for x, y in zip(a[1].split(), b[1].split()))
        return max(sum(bound for b, bound in zip(terms, bounds) if meet(a, b)) for a in terms)

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
        if value.fraction == fraction:
            return x
        if value.fraction < fraction:
            return self.entrywise(name, value.axes, fraction, (1 << fraction - value.fraction, x))
        narrow = self.commit(name, value.axes, fraction, 1 << bits - 1)
        self.gadgets.append(("round", (x, narrow, value.fraction - fraction, bits)))
        return narrow

    def rounded(self, name, x, fraction, bits):
        """x rounded to a signed range."""
        narrow = self.round(name, x, fraction, bits)
        if self.values[x].fraction > fraction:
            self.look_up(Table("signed", bits), narrow)
        return narrow

    # ---- Operators: the output and what backward needs; cotangents of what was read

    def linear(self, length, x):
        """(2), (6), (9) and (10); (23), (27) and (28)."""
        i, j, s = self.values[x].axes.split()[-1], self.units(length), self.fixed.s
        w = self.add("W", f"{j} {i} h", "parameter", self.fixed.w, None, None)
        self.gradients[w] = ()
        terms = (1, f"b t {i} 0", f"{x} b t {i}"), (1 << s, "b t 0 1", f"{self.one('b t')} b t")
        biased = self.sum("A+", f"b t {i} h", s, *terms)
        operands = f"{biased} b t {i} h", f"{w} {j} {i} h" + (" t" if self.training else "")
        return self.sum("Z", f"b t {j}", s + self.fixed.w, (1, f"b t {j}", *operands)), (biased, w, i, j)

    def linear_back(self, saved, g, needs):
        biased, w, i, j = saved
        self.gradients[w] = ((1, f"{j} {i} h", f"{biased} b s {i} h", f"{g} b s {j}"),)
        if not needs[0]:
            return [None]
        term = 1, f"b t {i}", f"{g} b t {j}", f"{w} {j} {i} 0 t"
        return [self.sum("P", f"b t {i}", self.fixed.g + self.fixed.w, term)]

    def function(self, name, x):
        """(4), by the sign of Y: S in (24), N in (57); or the tuple of (58)."""
        s, bits = self.fixed.s, self.fixed.hidden
        smooth = name != "relu"
        check(not smooth or s <= MAX_FRACTION and bits <= MAX_KEY_BITS, "there is no table of this function")
        y = self.round("Y", x, s, bits)
        axes = self.values[y].axes
        if smooth:
            images = [self.commit("A", axes, s, (1 << bits - 1) + (1 << s))]
            slope = [SLOPE_BITS] if self.training else []
            images += [self.commit("S", axes, phi, 2 << phi) for phi in slope]
            self.look_up(Table(name, bits, s, *slope), self.one(axes), y, *images)
            return images[0], images[-1]
        sign = self.commit("sign", axes, 0, 1)
        self.look_up(Table("relu" if self.training else "negative", bits), y, sign)
        terms = [(1, sign, y)] if self.training else [(1, y), (-1, sign, y)]
        return self.entrywise("A", axes, s, *terms), sign

    def function_back(self, slope, cotangent):
        """(7), (8)."""
        g, bits = self.fixed.g, self.fixed.gradient
        h, value = self.rounded("H", cotangent, g, bits), self.values[slope]
        exact = self.entrywise("G", value.axes, value.fraction + self.values[h].fraction, (1, slope, h))
        return [self.rounded("G", exact, g, bits)]

    def operator(self, node, x):
        if node.operator == "linear":
            return self.linear(node.number, *x)
        if node.operator == "add":
            return self.total("sum", x), len(x)
        if node.operator == "round":
            return self.rounded("Y", *x, self.fixed.s, self.fixed.output), None
        return self.function(node.operator, *x)

    def back(self, node, saved, cotangent, needs):
        if node.operator == "linear":
            return self.linear_back(saved, cotangent, needs)
        if node.operator == "add":
            return [cotangent] * saved
        if node.operator == "round":
            return [self.rounded("H", cotangent, self.fixed.g, self.fixed.gradient)]
        return self.function_back(saved, cotangent)

    # ---- Networks

    def forward(self, graph, x):
        """The output's name, and of each node what its way back needs."""
        outputs, trained, saved = [x], [False], []
        for node in graph.nodes:
            output, kept = self.operator(node, [outputs[k] for k in node.inputs])
            needs = [trained[k] for k in node.inputs]
            outputs.append(output)
            trained.append(node.operator == "linear" or any(needs))
            saved.append((kept, needs))
        return output, saved

    def backward(self, graph, saved, cotangent):
        """From the last node to the first; what several nodes read gets the sum of their cotangents."""
        parts = [[] for _ in graph.nodes] + [[cotangent]]
        for k, (node, (kept, needs)) in reversed([*enumerate(zip(graph.nodes, saved), 1)]):
            if parts[k]:
                back = self.back(node, kept, self.total("D", parts[k]), needs)
                for source, needed, part in zip(node.inputs, needs, back):
                    parts[source] += [part] if needed else []


def training_program(graph, fixed, batch, steps):
    """A step of training on half the sum of squared errors: the program, and the names of its data."""
    p = Program(fixed, batch, steps, True)
    data = p.data("A0", graph.inputs), p.data("X", graph.outputs)
    output, saved = p.forward(graph, data[0])
    scale = 1 << fixed.g - fixed.s
    terms = (scale, output), (-scale, data[1])
    p.backward(graph, saved, p.entrywise("G", p.values[output].axes, fixed.g, *terms))  # (5)
    return p, data


def inference_program(graph, fixed, samples, inputs_committed, targets_committed, error):
    """A forward pass and, with `error`, (55); what is committed of inputs and targets is looked up in the
    range of data. The program, and the names of its inputs and of its outputs or targets."""
    p, data = Program(fixed, samples, 1, False), Table("signed", fixed.data)
    inputs = p.data("A0", graph.inputs)
    targets = p.data("X", graph.outputs) if error else None
    if inputs_committed:
        p.look_up(data, inputs)
    output, _ = p.forward(graph, inputs)
    if not error:
        return p, (inputs, output)
    axes = p.values[output].axes
    difference = p.entrywise("E", axes, fixed.s, (1, output), (-1, targets))
    squares = p.sum("squares", "", 2 * fixed.s, (1, "", f"{difference} {axes}", f"{difference} {axes}"))
    p.gadgets.append(("tell", (squares,)))
    if targets_committed:
        p.look_up(data, targets)
    return p, (inputs, targets)


# ---- Bounds, (13)


def bound_after(bound, graph, fixed, rate, batch, steps):
    """(13): a step moves a parameter by the rate times the largest entry of its gradient."""
    p, _ = training_program(graph, fixed, batch, 1)
    bounds = [p.bound(terms) if terms else 0 for terms in p.gradients.values()]
    after = bound + steps * rate * max(bounds)
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
            of = lambda term: sum(bits[operand.split()[0]] for operand in term[2:])
            terms = (log2(abs(term[0])) + log2(p.count(term)) + of(term) for term in value.terms)
            bits[name] = max(terms) + log2(len(value.terms))
        check(bits[name] < limit, f"{name} might wrap around the field")
    for kind, gadget in p.gadgets:
        if kind == "round":
            wide, narrow, shift, table = gadget
            rest = 1 + max(bits[wide], shift + table - 1)
            check(rest < limit, f"what rounding to {narrow} drops might wrap around the field")
