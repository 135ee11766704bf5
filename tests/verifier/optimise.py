"""Optimisers: the matrix of a segment, from a few integers (notes, *Optimisers*)."""

from collections import namedtuple

from errors import check
from multilinear import earlier, sparse

ONE, MILLION = 1 << 32, 10**6
LEAST_UNITS, MOST_UNITS = 12, 1 << 52
MAX_SEGMENT_STEPS = 1 << 10
FRACTION, PI = 62, 14488038916154245685  # 2^62 pi


class Optimiser(namedtuple("Optimiser", "units momentum beta schedule encoding")):
    """`schedule` is a name and its numbers."""

    @classmethod
    def read(cls, reader):
        start, units = reader.position, reader.number()
        momentum, beta, schedule = "none", 0, ("constant",)
        if not units:
            units, momentum = reader.number(), reader.string()
            if momentum != "none":
                check(momentum in ("heavy ball", "nesterov"), "momentum")
                beta = reader.number()
                check(0 < beta < MILLION, "momentum does not lie between 0 and 1")
                check(reader.string() == "restart", "what becomes of velocity behind a segment")
            name = reader.string()
            check(name in ("constant", "cosine", "step"), "a schedule of rates")
            schedule = (name, *(reader.number() for _ in range({"cosine": 2, "step": 3}.get(name, 0))))
            check(name != "cosine" or schedule[2] <= MILLION, "the floor of rates is above 1")
            check(name != "step" or schedule[2] >= 1 and 0 < schedule[3] < MILLION, "steps of rates")
            check((momentum, name) != ("none", "constant"), "a rate is encoded otherwise")
            check(LEAST_UNITS <= units <= MOST_UNITS, "the rate")
        check(1 <= units <= 1 << 53, "the rate")
        return cls(units, momentum, beta, schedule, reader.data[start : reader.position])

    @property
    def plain(self):
        return self.momentum == "none" and self.schedule == ("constant",)

    def rate(self, step, steps):
        """(60), (61): with 32 fraction bits."""
        name, *numbers = self.schedule
        if name == "constant":
            return ONE
        warmup, *numbers = numbers
        past = max(step - warmup, 0)
        if name == "cosine":
            span, floor = max(steps - warmup, 1), numbers[0]
            rate = (floor * ONE + (MILLION - floor) * half_wave(min(past, span), span)) // MILLION
        else:
            rate = power(numbers[1], past // numbers[0])
        return rate * (step + 1) // warmup if step + 1 < warmup else rate

    def weights(self, steps):
        """(62): of a gradient in its own step and in those behind it, with 32 fraction bits."""
        powers = [ONE]
        while len(powers) <= steps:
            powers.append(powers[-1] * self.beta // MILLION)
        if self.momentum == "nesterov":
            return [powers[0] + powers[1], *powers[2:]][:steps]
        return powers[:steps]

    def columns(self, first, steps, all_steps):
        """(63): of each step of a segment the coefficients of its gradient in all that follow."""
        weights, columns = self.weights(steps), []
        rates = [self.rate(step, all_steps) for step in range(first, first + steps)]
        for tau in range(steps):
            total, column = 0, []
            for rate, weight in zip(rates[tau:], weights):
                total += self.units * rate * weight
                column.append(total + (1 << 63) >> 64)
            columns.append(column)
        return columns

    def matrix(self, first, steps, all_steps):
        """What multiplies all gradients, and the extensions of the matrix [t, s] and of its last row [s],
        which is None if it is all ones."""
        if self.plain:
            return self.units, earlier, None
        columns = self.columns(first, steps, all_steps)
        entries = {(tau + k, tau): x for tau, column in enumerate(columns) for k, x in enumerate(column, 1)}
        inner = {(t, tau): x for (t, tau), x in entries.items() if t < steps}
        return 1, sparse(inner), sparse({(tau,): column[-1] for tau, column in enumerate(columns)})

    def largest_sum(self, steps, segment_steps):
        """(65)."""
        if self.plain:
            return self.units * steps
        size = min(steps, segment_steps)
        check(size <= MAX_SEGMENT_STEPS, "a segment is too long for its matrix")
        weights = self.weights(size)
        of = lambda count: sum(-(-self.units * sum(weights[: k + 1]) // ONE) for k in range(count))
        return of(size) * (steps // size) + of(steps % size)


def power(by, times):
    """From the highest bit of the exponent down."""
    result = ONE
    for bit in bin(times)[2:] if times else "":
        result = result * result >> 32
        if bit == "1":
            result = result * by // MILLION
    return result


def half_wave(past, span):
    """(1 + cos(pi past / span)) / 2 with 32 fraction bits."""
    x = (past << FRACTION) // span
    falls = x > 1 << FRACTION - 1
    if falls:
        x = (1 << FRACTION) - x
    angle, cosine = PI * x >> FRACTION, 1 << FRACTION
    square = angle * angle >> FRACTION
    for n in range(12, 0, -1):
        cosine = (1 << FRACTION) - (square * cosine >> FRACTION) // ((2 * n - 1) * (2 * n))
    wave = (1 << FRACTION) + cosine >> FRACTION - 31
    return ONE - wave if falls else wave
