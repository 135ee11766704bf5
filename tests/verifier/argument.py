"""One proof: witness commitments, the reduction, the opening of all claims, products of pads and the
linear form (notes, *Commitments and openings*, *Hiding*, *Linear form*)."""

from collections import namedtuple
from functools import partial

from errors import at, check
from multilinear import eq, eq_table, log2, none, sumcheck
from relation import Reduction
from transcript import Channel, Form

LAST_ENTRIES = 64

Matrix = namedtuple("Matrix", "row_vars rows points")
# How claims on an input end: by rows of a matrix, gathered rows of one, or the verifier's own value.
Opened = namedtuple("Opened", "matrix")
Gathered = namedtuple("Gathered", "matrix rows low_vars first_column columns")
Public = namedtuple("Public", "evaluate")


def row_vars(entries):
    """Notes, *Rows*: log2 of the length of a row of a group of tensors."""
    return min(13, max(5, (log2(entries) + 3) // 2))


def layout(variables, wanted, real):
    """The length of rows and the rows that hold a real entry; `real` are ranges of indices."""
    length = min(wanted, variables)
    rows = {row for start, end in real for row in range(start >> length, ((end - 1) >> length) + 1)}
    return length, sorted(rows)


class Argument:
    def __init__(self, curve, relation, committed, hiding):
        """`committed` has the ranges of real entries of tensors that the proof commits to, in order;
        multiplicities of the tables follow."""
        self.curve, self.relation, self.hiding = curve, relation, hiding
        # What is public the verifier evaluates itself.
        self.inputs = {
            name: Public(partial(relation.evaluate, name, r=curve.r))
            for name, tensor in relation.tensors.items()
            if tensor.kind == "public"
        }
        committed = committed | {table: [(0, 1 << table.bits)] for table in relation.tables}
        entries = sum(end - start for real in committed.values() for start, end in real)
        check(entries <= 1 << 34, "a proof has too many values")
        wanted, variables = row_vars(entries), relation.variables
        self.witness = {t: layout(variables(t), wanted, real) for t, real in committed.items()}

    def verify(self, statement, proof):
        """Refuses, or the proof holds."""
        channel = Channel(self.curve, b"tensor relation", statement, proof)
        for tensor, (length, rows) in self.witness.items():
            points = channel.receive_points("witness row", len(rows))
            self.inputs[tensor] = Opened(Matrix(length, rows, points))
        terms = [(1, channel.receive_points("masks", 1)[0])] if self.hiding else []
        channel.hiding = self.hiding
        z, rows, opened = self._open(Reduction(self.relation, channel).run(), channel)
        form, value, mu = [], opened.constant, 1
        if self.hiding:
            form, value, mu = combine_constraints(opened, channel)
        # (47): mu C_f + C_m, and the form (eq(z, .) / mu | phi).
        terms += [(mu * weight, point) for weight, point in rows]
        inverse = pow(mu, -1, channel.r)
        columns = [inverse * value for value in eq_table(z, channel.r)]
        with at("linear form"):
            LinearForm(channel, columns, form, value, self.hiding).verify(terms)

    def _open(self, claims, channel):
        """(36) to (41): the point, the weights of rows, and the value that their sum has there."""
        r = channel.r
        forms = []
        for tensor, point, value in claims:
            source = self.inputs[tensor]
            if isinstance(source, Public):
                known = Form(source.evaluate(point) % r)
                with at(str(tensor)):
                    channel.assert_equal(value, known, "an input is the public one")
            else:
                forms.append((*bilinear(source, point, r), value))
        rho = channel.challenge("opening batching")
        claim = channel.combine(*((pow(rho, k, r), form[-1]) for k, form in enumerate(forms)))
        matrices = [form[0] for form in forms] + [
            source.matrix for source in self.inputs.values() if not isinstance(source, Public)
        ]
        z, rest = sumcheck(claim, max(matrix.row_vars for matrix in matrices), 2, channel)
        rows = []
        for k, (matrix, weights, evaluate_columns, _) in enumerate(forms):
            scale = pow(rho, k, r) * evaluate_columns(z) % r
            rows += [(scale * u, point) for u, point in zip(weights, matrix.points, strict=True)]
        return z, rows, rest


def bilinear(source, point, r):
    """A claim as (matrix, weights of its rows, extension of the weights of its columns)."""
    matrix = source.matrix
    if isinstance(source, Opened):  # (37)
        low, table = point[: matrix.row_vars], eq_table(point[matrix.row_vars :], r)
        weights = [table[row] for row in matrix.rows]
        return matrix, weights, lambda z: eq(low, z[: len(low)], r) * none(z[len(low) :], r)
    low, high = (eq_table(part, r) for part in (point[: source.low_vars], point[source.low_vars :]))
    weights = [0] * len(matrix.rows)  # (39)
    for position, row in source.rows:
        weights[row] += low[position]
    columns = list(enumerate(high[: source.columns], source.first_column))

    def evaluate_columns(z):
        table = eq_table(z, r)
        return sum(value * table[column] for column, value in columns)

    return matrix, weights, evaluate_columns


def combine_constraints(opened, channel):
    """(44) to (46), *Products of pads*: the form phi on the vector m, its value, and mu."""
    r, products = channel.r, channel.products
    e = channel.challenge("products")
    factors = sorted({pad for product in products for pad in product})
    answers = {pad: channel.receive_clear("product response") for pad in factors}
    delta, mu = channel.challenge("constraints"), channel.challenge("mu")
    check(mu != 0, "mu is zero")
    # The order in m: pads, products, the m of each factor, t and u of each product.
    first = {"pad": 0, "product": channel.pads, "m": channel.pads + len(products)}
    first["t"] = first["m"] + len(factors)
    first["u"] = first["t"] + len(products)
    phi = [0] * (first["u"] + len(products))
    for (kind, k), coefficient in opened.terms.items():
        phi[first[kind] + k] -= coefficient
    equations = [(form.terms, -form.constant) for form in channel.constraints]
    for n, pad in enumerate(factors):  # (44)
        equations.append(({("m", n): 1, ("pad", pad): e}, answers[pad]))
    for k, (i, j) in enumerate(products):  # (45)
        equations.append(({("product", k): e * e, ("t", k): e, ("u", k): 1}, answers[i] * answers[j]))
    value, power = opened.constant, 1
    for terms, right in equations:  # (46)
        power = power * delta % r
        value += power * right
        for (kind, k), coefficient in terms.items():
            phi[first[kind] + k] += power * coefficient
    return [coefficient % r for coefficient in phi], value % r, mu


class LinearForm:
    """<x, a> = y for the vector x of a commitment, on generators for columns, then for pads."""

    def __init__(self, channel, columns, pads, value, hiding):
        self.channel, self.r, self.hiding = channel, channel.r, hiding
        self.a, self.value = columns + pads, value
        self.columns, self.pads = len(columns), len(pads)

    def verify(self, terms):
        """`terms` are pairs of a scalar and a point, whose sum is the commitment."""
        r, channel = self.r, self.channel
        absorb = channel.transcript.absorb
        absorb("linear form: columns", self.columns.to_bytes(8, "little"))
        absorb("linear form: pads", self.pads.to_bytes(8, "little"))
        absorb("linear form: hiding", bytes([self.hiding]))
        absorb("linear form: value", self.value.to_bytes(32, "little"))
        e, theta, zeta = 1, 0, 0
        if self.hiding:  # (48)
            mask = channel.receive_points("linear form: masking vector", 1)[0]
            theta = channel.receive_clear("linear form: value of the masking vector")
            e = channel.challenge("linear form: e")
            zeta = channel.receive_clear("linear form: masked blinding")
            terms = [(e * scalar, point) for scalar, point in terms] + [(1, mask)]
        q = channel.challenge("linear form: q")
        # (49), with <z, G> and <z, a> by (48), and (50). `bases` are the scalars of the generators.
        product = q * (e * self.value + theta)
        a, bases, blinding = self.a, [-1] * len(self.a), -zeta
        length = len(a)
        while length > LAST_ENTRIES:
            half = 1 << log2(length) - 1
            left, right = (channel.receive_points(f"linear form: {side}", 1)[0] for side in "LR")
            k = channel.challenge("linear form: c")
            terms = [(k * scalar, point) for scalar, point in terms]
            terms += [(1, left), (k * k, right)]
            product, blinding = product * k % r, blinding * k % r
            a = [(k * low + high) % r for low, high in zip(a, a[half:] + [0] * (2 * half - length))]
            # A generator is at its index modulo the length; in the first half it is multiplied by k.
            bases = [s * k % r if i % length < half else s for i, s in enumerate(bases)]
            length = half
        last = [channel.receive_clear("linear form: folded vector") for _ in range(length)]
        product -= q * sum(x * y for x, y in zip(last, a, strict=True))
        channel.challenge("batch of proofs")
        channel.finish()
        generator = channel.curve.generator
        for k, scalar in enumerate(bases):
            family, index = ("columns", k) if k < self.columns else ("pads", k - self.columns)
            terms.append((scalar * last[k % length], generator(family, index)))
        terms += [(product, generator("product", 0)), (blinding, generator("blinding", 0))]
        scalars, points = zip(*terms)
        check(channel.curve.sum_is_zero(scalars, points), "the group equation does not hold")
