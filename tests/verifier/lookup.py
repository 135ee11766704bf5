"""Lookups: LogUp-GKR over one tree of fractions (notes, *Lookups*)."""

from encoding import le64
from errors import at, check
from functions import FUNCTIONS, columns, exponentials
from multilinear import eq, evaluate, none, sumcheck
from transcript import Form


ARITIES = {"unsigned": 1, "signed": 1, "maximum": 3, "exponential": 4}  # Others but functions have two.


class Table:
    """A table of 2^bits tuples by its kind; the entry at 0 is all zero. Those of functions have s fraction
    bits, and phi of slopes, if there are any; exponentials p and sigma."""

    def __init__(self, kind, bits, *numbers):
        self.kind, self.bits, self.numbers = kind, bits, numbers
        self.arity = 2 + len(numbers) if kind in FUNCTIONS else ARITIES.get(kind, 2)
        numbers = () if kind == "bit" else (bits, *numbers)
        self.id = kind.encode() + b"/" + b"".join(map(le64, numbers))

    def __eq__(self, other):
        return isinstance(other, Table) and self.id == other.id

    def __hash__(self):
        return hash(self.id)

    def evaluate(self, point, r):
        """The extension of each component."""
        unsigned = sum(x << k for k, x in enumerate(point))
        sign, low = point[-1], none(point[:-1], r)
        signed = unsigned - (sign << self.bits)
        if self.kind == "unsigned":
            return [unsigned]
        if self.kind == "signed":
            return [signed]
        if self.kind == "relu":  # (v, [v > 0])
            return [signed, (1 - sign) * (1 - low) % r]
        if self.kind == "negative":  # (v, [v < 0])
            return [signed, sign]
        zero = (1 - sign) * low
        one = point[0] * none(point[1:], r)
        if self.kind == "bit":  # (0, 0) twice, (1, 0) and (1, 1)
            return [point[0], point[0] * point[1] % r]
        if self.kind == "maximum":  # (0, 0, 0), (1, 0, 1), and (1, x - 2, 0)
            return [1 - zero, unsigned - 2 + 2 * zero + one, one]
        if self.kind == "exponential":
            images = exponentials(self.bits, *self.numbers)
            return [1 - zero, unsigned - 1 + zero, *(evaluate(image, point, r) for image in images)]
        # gated: (v, 1) where |v| is less than half, and (0, 0) at 0, and (0, 1) in place of the least
        key, live = signed + (sign * low << self.bits - 1), 1 - zero
        if self.kind == "gated":
            return [key, live]
        s, *phi = self.numbers
        images = columns(self.kind, self.bits, s, *phi or (0,))[: 1 + len(phi)]
        return [live, key, *(evaluate(image, point, r) for image in images)]


def verify(lookups, tables, channel):
    """`lookups` are pairs (number of the table, variables). Returns the point, the values of each
    lookup's columns, and those of the tables' multiplicities, at prefixes of it."""
    blocks, size = stack(lookups, tables)
    check(size <= 1 << 40, "the lookups are too large")
    numbers = [len(tables)] + [number for lookup in lookups for number in lookup]
    channel.transcript.absorb("lookup shape", b"".join(map(le64, numbers)))
    for table in tables:
        channel.transcript.absorb("lookup table", table.id)
    alpha, beta = channel.challenge("lookup alpha"), channel.challenge("lookup beta")
    numerator, denominator = Form(0), channel.receive("lookup root")
    if not denominator.terms:
        check(denominator.constant != 0, "the denominator at the root of the lookups is zero")
    point = []
    for layer in range((size - 1).bit_length()):
        with at(f"lookup tree, layer {layer}"):
            point, numerator, denominator = verify_layer(point, numerator, denominator, channel)
    columns = [
        [channel.receive("lookup column") for _ in range(tables[table].arity)] for table, _ in lookups
    ]
    multiplicities = [channel.receive("lookup multiplicity") for _ in tables]
    with at("lookup tree, leaves"):
        claims = numerator, denominator, columns, multiplicities
        verify_leaves(blocks, lookups, tables, (alpha, beta), point, claims, channel)
    return point, columns, multiplicities


def stack(lookups, tables):
    """Blocks (offset, variables, whether a table, number), largest first, and their size."""
    blocks = [(-variables, False, k) for k, (_, variables) in enumerate(lookups)]
    blocks += [(-table.bits, True, k) for k, table in enumerate(tables)]
    placed, offset = [], 0
    for negative, is_table, k in sorted(blocks):
        placed.append((offset, -negative, is_table, k))
        offset += 1 << -negative
    return placed, offset


def verify_layer(point, numerator, denominator, channel):
    """(32) to (34): from a layer to the one below."""
    r = channel.r
    lam = channel.challenge("lookup lambda")
    claim = channel.combine((1, numerator), (lam, denominator))
    z, rest = sumcheck(claim, len(point), 3, channel)
    n0, n1, d0, d1 = (channel.receive("lookup gate") for _ in range(4))
    gate = [channel.multiply(n0, d1), channel.multiply(n1, d0)]
    weight = eq(point, z, r)
    channel.assert_equal(rest, channel.combine(*((weight, g) for g in gate)), "(33) at the point")
    rho = channel.challenge("lookup rho")
    denominator = channel.combine((1 - rho, d0), (rho, d1))
    half = lam * pow(2, -1, r)
    numerator = channel.combine((1 - rho, n0), (rho, n1), (-half, denominator))
    return [rho, *z], numerator, denominator


def verify_leaves(blocks, lookups, tables, challenges, point, claims, channel):
    """(30) and (35)."""
    r = channel.r
    alpha, beta = challenges
    most = max(table.arity for table in tables)
    numerator, denominator, columns, multiplicities = claims
    ones, sums, fractions, padding = 0, [], [], 1
    for offset, variables, is_table, k in blocks:
        index = [offset >> bit & 1 for bit in range(variables, len(point))]
        selector = eq(point[variables:], index, r)
        padding -= selector
        number = k if is_table else lookups[k][0]
        shift = alpha - pow(beta, most, r) * (number + 1)
        if is_table:
            values = [Form(value) for value in tables[k].evaluate(point[:variables], r)]
            sums.append((-selector, multiplicities[k]))
        else:
            values = columns[k]
            ones += selector
        fractions.append((selector, Form(shift)))
        fractions += [(-selector * pow(beta, j, r), value) for j, value in enumerate(values)]
    channel.assert_equal(numerator, channel.combine((1, Form(ones)), *sums), "(35), numerators")
    fractions.append((1, Form(padding)))
    channel.assert_equal(denominator, channel.combine(*fractions), "(35), denominators")
