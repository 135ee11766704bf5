"""Multilinear extensions (notes, (15) and (16)) and sumcheck ((17) to (19)), modulo r."""

from math import prod


def log2(n):
    """The number of variables of n indices, padded to a power of two."""
    return (n - 1).bit_length()


def eq(a, b, r):
    """(15), eq at two points."""
    product = 1
    for x, y in zip(a, b, strict=True):
        product = product * (2 * x * y + 1 - x - y) % r
    return product


def eq_table(point, r):
    """eq(point, x) for all x of the cube; variable k is bit k of the index."""
    table = [1]
    for x in point:
        high = [value * x % r for value in table]
        table = [(value - h) % r for value, h in zip(table, high)] + high
    return table


def evaluate(values, point, r):
    """(15): the extension of a table whose missing tail is zero."""
    return sum(v * e for v, e in zip(values, eq_table(point, r))) % r


def none(point, r):
    """The product of 1 - x: eq with the index of zeros."""
    return eq(point, [0] * len(point), r)


def below(bound, point, r):
    """The extension of [x < bound]."""
    less = 0
    for k, x in enumerate(point):
        less = (1 - x + x * less if bound >> k & 1 else (1 - x) * less) % r
    return 1 if bound >> len(point) else less


def box(*bounds):
    """The extension of [each index is below its bound]."""
    return lambda parts, r: prod(below(*pair, r) for pair in zip(bounds, parts, strict=True)) % r


def sparse(entries):
    """The extension of a tensor with these entries, by their indices: (86)."""

    def evaluate(parts, r):
        tables = [eq_table(part, r) for part in parts]
        weight = lambda index: prod(table[k] for table, k in zip(tables, index, strict=True))
        return sum(value * weight(index) for index, value in entries.items()) % r

    return evaluate


def earlier(parts, r):
    """The extension of [s < t]."""
    t, s = parts
    less = 0
    for x, y in zip(t, s, strict=True):
        less = (x * (1 - y) + eq([x], [y], r) * less) % r
    return less


def sumcheck(claim, variables, degree, channel):
    """(17), (18): returns the point and the claim that is left there."""
    point = []
    for _ in range(variables):
        c0 = channel.receive("sumcheck round")
        higher = [channel.receive("sumcheck round") for _ in range(degree - 1)]
        x = channel.challenge("sumcheck challenge")
        # c_1 = v - 2 c_0 - c_2 - ... ; the value at x is c_0 + c_1 x + c_2 x^2 + ...
        parts = [(x, claim), (1 - 2 * x, c0)]
        parts += [(pow(x, k, channel.r) - x, c) for k, c in enumerate(higher, 2)]
        claim = channel.combine(*parts)
        point.append(x)
    return point, claim
