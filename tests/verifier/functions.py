"""Tables of smooth functions, from their definitions on decimal numbers (notes, *Tables of functions*)."""

from decimal import ROUND_FLOOR, Context, Decimal, setcontext
from functools import lru_cache

setcontext(Context(prec=50))
PI = Decimal("3.14159265358979323846264338327950288419716939937510")
CUBE, ROOT = Decimal("0.044715"), (8 / PI).sqrt()
FUNCTIONS = ("gelu", "silu", "tanh", "sigmoid")


def logistic(a):
    """sigma(a) = 1 / (1 + exp(-a)) and its derivative; beyond 200 it is 0 or 1 in 50 digits."""
    sigma = 1 / (1 + (-max(Decimal(-200), min(Decimal(200), a))).exp())
    return sigma, sigma * (1 - sigma)


def value_and_slope(function, x):
    """f(x) and f'(x); with a, it is x sigma(a), the derivative sigma + x a' sigma'."""
    sigma, bump = logistic({
        "gelu": ROOT * (x + CUBE * x**3), "silu": x, "tanh": 2 * x, "sigmoid": x,
    }[function])
    if function == "tanh":
        return 2 * sigma - 1, 4 * bump
    if function == "sigmoid":
        return sigma, bump
    weight = ROOT * (x + 3 * CUBE * x**3) if function == "gelu" else x
    return x * sigma, sigma + weight * bump


def nearest(number):
    """Ties up."""
    return int((number + Decimal("0.5")).to_integral_value(rounding=ROUND_FLOOR))


@lru_cache
def exponential(d, p, sigma):
    """E(d)."""
    return nearest((-Decimal(d) / (1 << sigma)).exp() * (1 << p))


@lru_cache
def exponentials(bits, p, sigma):
    """E(d) and E(d - 1) - E(d) by index: 0 is padding, then d from 0."""
    values = [exponential(d, p, sigma) for d in range(-1, (1 << bits) - 1)]
    return [0, *values[1:]], [0, *(before - value for before, value in zip(values, values[1:]))]


@lru_cache
def columns(function, bits, s, phi):
    """F and S by index: 0 is padding, then the keys in two's complement, key 0 in place of the least."""
    half, values, slopes = 1 << bits - 1, [0], [0]
    for index in range(1, 1 << bits):
        key = 0 if index == half else index - (2 * half if index > half else 0)
        value, slope = value_and_slope(function, Decimal(key) / (1 << s))
        values.append(nearest(value * (1 << s)))
        slopes.append(nearest(slope * (1 << phi)))
    return values, slopes
