"""Gadgets beyond rounding: what a rule computes, and ranges and zeros prove (notes, *Softmax, norms and choices*).
They write programs. A row has the samples, and lies along the last axes of a value."""

from math import isqrt

from errors import check
from functions import exponential
from lookup import Table
from multilinear import log2

MAX_RANGE_BITS, MAX_MAXIMUM_BITS = 60, 24
ONE = 10**12  # of epsilon


def within(p, x, kind, bits):
    """x, exact or committed, is in the range of so many bits, `signed` or `unsigned`."""
    check(bits <= MAX_RANGE_BITS, "a range is too wide")
    p.gadgets.append(("range", (x, kind, bits)))


def between(p, x, one, high):
    """x is from 0 to `high` where `one` is one, and zero where it is zero."""
    bits, value = log2(high + 1), p.values[x]
    within(p, x, "unsigned", bits)
    within(p, p.entrywise("lack", value.axes, value.fraction, (high, one), (-1, x)), "unsigned", bits)


def bounded(p, x):
    check(p.values[x].bound is not None, "an operator reads what is not rounded")
    return p.values[x].bound


def settled(p, name, x, fraction, bits):
    """x rounded to a signed range that is cut into limbs."""
    narrow = p.round(name, x, fraction, bits)
    if p.values[x].fraction > fraction:
        within(p, narrow, "signed", bits)
    return narrow


def mean(p, x, count):
    """(71): of a sum of so many numbers."""
    bits = log2(bounded(p, x) // count + 2) + 1
    axes, fraction = p.values[x].axes, p.values[x].fraction
    one = p.one(axes)
    mu = p.commit("mean", axes, fraction, 1 << bits - 1)
    within(p, mu, "signed", bits)
    rest = p.entrywise("rest", axes, fraction, (2, x), (count, one), (-2 * count, mu))
    between(p, rest, one, 2 * count - 1)
    return mu


def inverse_root(p, c, epsilon, q):
    """(72): of the mean square of c along its last axis."""
    axes, fraction = p.values[c].axes, 2 * p.values[c].fraction
    bounded(p, c)
    *rows, units = axes.split()
    rows, count = " ".join(rows), p.lengths[units]
    offset = max((2 * epsilon * count * (1 << fraction) // ONE + 1) // 2, 1)
    target = count << fraction + 2 * q + 2
    widest = max(target, epsilon * count << fraction + 1)
    check(widest < 1 << 126, "a row is too long for a norm")
    one = p.one(rows)
    terms = (1, rows, f"{c} {axes}", f"{c} {axes}"), (offset, rows, f"{one} {rows}")
    energy = p.sum("energy", rows, fraction, *terms)
    largest = (isqrt(target // offset) + 1) // 2
    r = p.commit("root", rows, q, largest)
    between(p, r, one, largest)
    square = p.entrywise("square", rows, 2 * q, (1, r, r))
    bound = log2(p.values[energy].bound)
    bits = 1 + max(-(-(log2(target) + bound) // 2) + 2, bound + 2)
    for sign, constant in ((-1, target), (1, -target - 1)):
        terms = (4 * sign, square, energy), (4, r, energy), (sign, energy), (constant, one)
        within(p, p.entrywise("slack", rows, fraction + 2 * q, *terms), "unsigned", bits)
    return r


def zero(p, name, axes, fraction, *terms):
    """A sum is zero at every entry."""
    p.gadgets.append(("zero", (p.sum(name, axes, fraction, *terms),)))


def softmax(p, z):
    """(73), (74): probabilities with g fraction bits, along the last axis."""
    bits, fraction = p.fixed.functions, p.fixed.g
    check(bits, "a format without softmax")
    z = p.at_least("scores", z, sigma := bits.score)
    axes, shift = p.values[z].axes, p.values[z].fraction - sigma
    *rows, units = axes.split()
    rows, entries = " ".join(rows), p.lengths[units]
    check(log2(entries) + 4 <= fraction, "a row is too long for a softmax")
    flag = p.one(axes)
    level = p.commit("level", rows, sigma, 1 << bits.level - 1)
    distance = p.commit("distance", axes, sigma, (1 << bits.exponential) - 2)
    value = p.commit("softmax", axes, fraction, 1 << fraction)
    largest = exponential(-1, fraction, sigma) - exponential(0, fraction, sigma) + 2
    step = p.commit("step", axes, fraction, largest)
    table = Table("exponential", bits.exponential, fraction, sigma)
    p.look_up(table, flag, distance, value, step)
    within(p, level, "signed", bits.level)
    terms = [(1, axes, f"{z} {axes}"), (-1 << shift, axes, f"{level} {rows}", f"{p.one(units)} {units}")]
    terms.append((1 << shift, axes, f"{distance} {axes}"))
    if shift:
        within(p, p.sum("rest", axes, p.values[z].fraction, *terms), "signed", shift)
    else:
        zero(p, "rest", axes, sigma, *terms)
    one, top = f"{p.one(rows)} {rows}", exponential(-1, fraction, sigma + 1)
    room = p.sum("room", rows, fraction, (top, rows, one), (-1, rows, f"{value} {axes}"))
    terms = (1, rows, f"{value} {axes}"), (1, rows, f"{step} {axes}"), (-top - 1, rows, one)
    excess = p.sum("excess", rows, fraction, *terms)
    slack = log2((2 * (top + entries) >> sigma) + 2 + entries)
    within(p, room, "unsigned", slack)
    within(p, excess, "unsigned", slack)
    return value


def one_hot(p, label, classes):
    """(75): one at the class that a label of one column says."""
    rows, fraction = "b t", p.values[label].fraction
    axes = f"{rows} {classes}"
    flag, one = p.one(axes), p.one(rows)
    bits = p.commit("labels", axes, 0, 1)
    p.look_up(Table("bit", 2), flag, bits)
    zero(p, "sum:labels", rows, 0, (1, rows, f"{bits} {axes}"), (-1, rows, f"{one} {rows}"))
    count = p.lengths[classes]
    numbers = p.known("numbers", classes, count, (((k,), k) for k in range(1, count)))
    term = 1 << fraction, rows, f"{numbers} {classes}", f"{bits} {axes}"
    zero(p, "label", rows, fraction, term, (-1, rows, f"{label} {p.values[label].axes}"))
    return bits


def first_maximum(p, x, units):
    """(76): bits of the first of the largest entries along the last axes, and the maximum of each row."""
    axes, fraction, bound = (getattr(p.values[x], field) for field in ("axes", "fraction", "bound"))
    bits, rows = log2(2 * bound + 3), axes.removesuffix(f" {units}")
    check(bits <= MAX_MAXIMUM_BITS, "the numbers of a maximum are too large")
    flag, one, columns = p.one(axes), p.one(rows), p.one(units)
    chosen = p.commit("maximum", axes, 0, 1)
    zero(p, "sum:maxima", rows, 0, (1, rows, f"{chosen} {axes}"), (-1, rows, f"{one} {rows}"))
    value = p.sum("maximum", rows, fraction, (1, rows, f"{chosen} {axes}", f"{x} {axes}"))
    indices = p.indices(units)
    others = " ".join(p.units(p.lengths[unit]) for unit in units.split())
    pairs = ((i + j, 1) for k, i in enumerate(indices) for j in indices[k + 1 :])
    later = p.known("later", f"{units} {others}", len(indices) ** 2, pairs)
    terms = (
        (1, axes, f"{value} {rows}", f"{columns} {units}"),
        (-1, axes, f"{x} {axes}"),
        (-1, axes, f"{later} {units} {others}", f"{chosen} {rows} {others}"),
    )
    p.look_up(Table("maximum", bits), flag, p.sum("lack", axes, fraction, *terms), chosen)
    return chosen, value
