"""The language of tensor relations and the reduction of claims (notes, *Einsums and levels*).

Axes and tensors have names, and the order in which they are made. An operand is written as a tensor and
an index for each dimension, "W1 u1 u0 0 t": an axis, 0 for the first or 1 for the last index."""

from collections import namedtuple

import lookup
from multilinear import eq, sumcheck
from transcript import Form

Tensor = namedtuple("Tensor", "dims kind body level affine")
Term = namedtuple("Term", "coefficient output operands")


class Relation:
    def __init__(self):
        self.axes, self.tensors = {}, {}  # name -> variables, name -> Tensor
        self.lookups, self.tables, self.equalities, self.vanishing = [], [], [], []

    def axis(self, name, variables):
        self.axes[name] = variables

    def _add(self, name, axes, *fields):
        assert name not in self.tensors and " " not in name
        self.tensors[name] = Tensor([self.axes[axis] for axis in axes.split()], *fields)

    def input(self, name, axes):
        self._add(name, axes, "input", None, 0, True)

    def public(self, name, axes, extension):
        """A tensor that the verifier evaluates, by its coordinates dimension by dimension."""
        self._add(name, axes, "public", extension, 0, True)

    def evaluate(self, name, point, r):
        """The extension of a public tensor."""
        parts, start = [], 0
        for dim in self.tensors[name].dims:
            parts.append(point[start : start + dim])
            start += dim
        return self.tensors[name].body(parts, r)

    def define(self, name, axes, *terms):
        """(20): the sum of terms (coefficient, indices of the output, operand, ...)."""
        split = [[text.split() for text in (output, *operands)] for _, output, *operands in terms]
        body = [
            Term(term[0], output, [(tensor, indices) for tensor, *indices in operands])
            for term, (output, *operands) in zip(terms, split)
        ]
        below = max(self.tensors[tensor].level for term in body for tensor, _ in term.operands)
        affine = all(self.is_direct(term) for term in body)
        self._add(name, axes, "virtual", body, below + (not affine), affine)

    def look_up(self, table, *tensors):
        """The tuple of tensors is in the table, which is made with an input of multiplicities when
        it is first asked for."""
        if table not in self.tables:
            self.tables.append(table)
            self.tensors[table] = Tensor([table.bits], "input", None, 0, True)
        self.lookups.append((self.tables.index(table), tensors))

    def equal(self, tensor, definition, anchor):
        """An input equals a virtual tensor, at the point of a claim on the anchor."""
        self.equalities.append((tensor, definition, anchor))

    def vanish(self, tensor):
        """(59): a tensor is zero."""
        self.vanishing.append(tensor)

    def variables(self, tensor):
        return sum(self.tensors[tensor].dims)

    def private(self, term):
        return [o for o in term.operands if self.tensors[o[0]].kind != "public"]

    def sum_axes(self, term):
        """Axes under the sum of (21): contracted, or output axes in more than one factor."""
        used = [index for _, indices in term.operands for index in indices]
        return [a for a in self.axes if used.count(a) > 1 or (a in used and a not in term.output)]

    def is_direct(self, term):
        return not self.sum_axes(term) and len(self.private(term)) <= 1


class Substitution:
    """What the point of a claim does to a term, (21)."""

    def __init__(self, relation, term, tensor, point, r):
        self.relation, self.term, self.r = relation, term, r
        self.factor = term.coefficient % r
        self.summed = relation.sum_axes(term)
        self.output, start = {}, 0
        for index, dim in zip(term.output, relation.tensors[tensor].dims, strict=True):
            here = point[start : start + dim]
            start += dim
            if index in relation.axes:
                self.output[index] = here
            else:
                self.factor = self.factor * eq(here, [int(index)] * dim, r) % r

    def bind(self, operand):
        """For each dimension its coordinates, or the axis if that is under the sum."""
        tensor, indices = operand
        dims = self.relation.tensors[tensor].dims
        return tensor, tuple(
            index if index in self.summed else self.output.get(index) or (int(index == "1"),) * dim
            for index, dim in zip(indices, dims, strict=True)
        )

    def weight(self, at):
        """The public part of the term at a point of the axes under the sum."""
        weight = self.factor
        for axis in self.output.keys() & self.summed:
            weight = weight * eq(self.output[axis], at[axis], self.r) % self.r
        for operand in self.term.operands:
            if self.relation.tensors[operand[0]].kind == "public":
                point = coordinates(self.bind(operand)[1], at)
                weight = weight * self.relation.evaluate(operand[0], point, self.r) % self.r
        return weight


def coordinates(bound, at):
    """The point of an operand, where axes under the sum are at the given coordinates."""
    return tuple(x for part in bound for x in (at[part] if isinstance(part, str) else part))


class Reduction:
    """From the relation to claims on its inputs."""

    def __init__(self, relation, channel):
        self.relation, self.channel, self.r = relation, channel, channel.r
        # (tensor, point) -> [value, whether it was received as it is]; in the order of claiming.
        self.claims = {}

    def run(self):
        """The claims that are left: on public tensors that are looked up, tensor by tensor, then on
        inputs, in the order in which they were made."""
        relation = self.relation
        if relation.lookups:
            self._lookups()
        for level in range(max(t.level for t in relation.tensors.values()), -1, -1):
            self._level(level)
        left = [(tensor, point, value) for (tensor, point), (value, _) in self.claims.items()
                if relation.tensors[tensor].kind != "virtual"]
        public = [t for t in relation.tensors if relation.tensors[t].kind == "public"]
        return sorted(left, key=lambda claim: ([*public, claim[0]].index(claim[0])))

    # ---- Claims

    def _claim(self, tensor, point, value, received):
        known = self.claims.get((tensor, point))
        if known:
            self.channel.assert_equal(value, known[0], "two claims on one evaluation agree")
        else:
            self.claims[tensor, point] = value, received

    def _value(self, tensor, point, factor=False):
        """Sent unless it is claimed; a factor of a product unless it was received before."""
        known = self.claims.get((tensor, point))
        if known and (known[1] or not factor):
            return known[0]
        value = self.channel.receive("evaluation")
        self._claim(tensor, point, value, True)
        return value

    def _claims_of(self, tensor):
        return [(point, value[0]) for (t, point), value in self.claims.items() if t == tensor]

    # ---- Steps

    def _lookups(self):
        relation = self.relation
        shapes = [(table, relation.variables(tensors[0])) for table, tensors in relation.lookups]
        point, columns, uses = lookup.verify(shapes, relation.tables, self.channel)
        tensors = [t for _, tensors in relation.lookups for t in tensors] + relation.tables
        values = [value for column in columns for value in column] + uses
        for tensor, value in zip(tensors, values, strict=True):
            self._claim(tensor, tuple(point[: relation.variables(tensor)]), value, True)

    def _level(self, level):
        tensors = self.relation.tensors
        for tensor, definition, anchor in self.relation.equalities:
            if tensors[definition].level == level:
                self._equality(tensor, definition, anchor)
        for tensor in self.relation.vanishing:
            if tensors[tensor].level == level:
                count = self.relation.variables(tensor)
                point = tuple(self.channel.challenge("vanishing point") for _ in range(count))
                self._claim(tensor, point, Form(0), False)
        virtual = [t for t in tensors if tensors[t].kind == "virtual" and tensors[t].level == level]
        for tensor in reversed(virtual):
            if tensors[tensor].affine:
                for point, value in self._claims_of(tensor):
                    self._split(tensor, point, value)
        others = [tensor for tensor in virtual if not tensors[tensor].affine]
        claims = [(tensor, *claim) for tensor in others for claim in self._claims_of(tensor)]
        if claims:
            self._sumcheck(claims)

    def _equality(self, tensor, definition, anchor):
        drawn = [p for p, _ in self._claims_of(anchor) if not any(x in (0, 1) for x in p)]
        count = self.relation.variables(tensor)
        if drawn:
            point = drawn[0][:count]
        else:
            point = tuple(self.channel.challenge("equality point") for _ in range(count))
        self._claim(definition, point, self._value(tensor, point), False)

    def _direct(self, term, tensor, point):
        """A direct term as (coefficient, operand and its point, or None)."""
        substitution = Substitution(self.relation, term, tensor, point, self.r)
        private = [substitution.bind(operand) for operand in self.relation.private(term)]
        operands = [(operand, coordinates(bound, {})) for operand, bound in private]
        return substitution.weight({}), operands[0] if operands else None

    def _take_off(self, value, parts):
        """A value without direct terms, whose operands are sent unless they are claimed."""
        for coefficient, operand in parts:
            if coefficient:
                known = self._value(*operand) if operand else Form(1)
                value = self.channel.combine((1, value), (-coefficient, known))
        return value

    def _split(self, tensor, point, value):
        """A claim on an affine tensor: what is not claimed yet is sent, but for the last operand."""
        parts = [self._direct(term, tensor, point) for term in self.relation.tensors[tensor].body]
        missing = [k for k, (c, o) in enumerate(parts) if o and c and o not in self.claims]
        solved = parts.pop(missing[-1]) if missing else None
        rest = self._take_off(value, parts)
        if solved is None:
            self.channel.assert_zero(rest, "an affine definition holds")
        else:
            inverse = pow(solved[0], -1, self.r)
            self._claim(*solved[1], self.channel.combine((inverse, rest)), False)

    def _sumcheck(self, claims):
        """(22) for all claims of a level, and (19) at the end."""
        relation, channel, r = self.relation, self.channel, self.r
        left, others = [], []
        for tensor, point, value in claims:
            body = relation.tensors[tensor].body
            direct = [self._direct(t, tensor, point) for t in body if relation.is_direct(t)]
            left.append(self._take_off(value, direct))
            others.append([t for t in body if not relation.is_direct(t)])
        gamma = channel.challenge("level batching")
        claim = channel.combine(*((pow(gamma, k, r), value) for k, value in enumerate(left)))
        products = {}  # (axes, bound operands) -> [(power of gamma, substitution)]
        for k, (tensor, point, _) in enumerate(claims):
            for term in others[k]:
                substitution = Substitution(relation, term, tensor, point, r)
                operands = tuple(substitution.bind(o) for o in relation.private(term))
                key = tuple(substitution.summed), operands
                products.setdefault(key, []).append((pow(gamma, k, r), substitution))
        count = max(sum(relation.axes[a] for a in axes) for axes, _ in products)
        degree = 1 + max(len(operands) for _, operands in products)
        z, rest = sumcheck(claim, count, degree, channel)
        for (axes, operands), weights in products.items():
            at, start = {}, 0
            for axis in axes:
                at[axis] = tuple(z[start : start + relation.axes[axis]])
                start += relation.axes[axis]
            weight = sum(power * substitution.weight(at) for power, substitution in weights)
            value = Form(1)
            for tensor, bound in operands:
                factor = self._value(tensor, coordinates(bound, at), factor=True)
                value = channel.multiply(value, factor)
            rest = channel.combine((1, rest), (-weight * pow(2, start - count, r), value))
        channel.assert_zero(rest, "the end of a level's sumcheck, (22)")
