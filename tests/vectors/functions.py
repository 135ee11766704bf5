"""Independent implementation of the tabulated functions of `paper-notes.md` (*Tables of functions*);
writes `functions.json`, which `tests/library/functions.rs` compares.

Functions are written as they are defined, on decimal numbers of 60 digits; no entry may be nearer to the
middle between two integers than 10^-25, unless it is known exactly. Standard library.
To regenerate, in a minute: python3 tests/vectors/functions.py
"""

import json
import struct
from decimal import ROUND_FLOOR, Context, Decimal, setcontext
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

setcontext(Context(prec=60, Emin=-999999, Emax=999999))
HERE = Path(__file__).resolve().parent
HALF = Decimal("0.5")
NEAR = Decimal("1e-25")
FUNCTIONS = ["gelu", "silu", "tanh", "sigmoid"]

# Bits of the key, s, phi: those of the formats, then small, odd and extreme ones.
FORMATS = [(14, 8, 12), (17, 8, 5), (17, 10, 5), (17, 8, 17)]
OTHERS = [(1, 3, 2), (2, 0, 0), (5, 0, 1), (9, 3, 7), (12, 12, 0), (12, 11, 17), (10, 2, 13)]
# p, sigma, log2 of the number of entries from d = 0 on.
EXPONENTIALS = [(10, 8, 17), (12, 8, 17), (14, 10, 17), (24, 12, 10), (0, 0, 4), (5, 13, 12), (24, 13, 8)]


def arctan_of_inverse(n):
    total, power, k = Decimal(0), Decimal(1) / n, 0
    while power > Decimal("1e-62"):
        total += (-1) ** k * power / (2 * k + 1)
        power, k = power / (n * n), k + 1
    return total


PI = 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)  # Machin
ROOT = (2 / PI).sqrt()
CUBE = Decimal("0.044715")


def tanh(x):
    if x < 0:
        return -tanh(-x)
    e = (-2 * x).exp()
    return (1 - e) / (1 + e)


def sigmoid(x):
    return 1 / (1 + (-x).exp()) if x >= 0 else 1 - sigmoid(-x)


@lru_cache(maxsize=None)
def real(name, x):
    """f(x) and f'(x)."""
    if name == "gelu":
        t = tanh(ROOT * (x + CUBE * x**3))
        return HALF * x * (1 + t), HALF * (1 + t) + HALF * x * (1 - t * t) * ROOT * (1 + 3 * CUBE * x * x)
    if name == "silu":
        q = sigmoid(x)
        return x * q, q * (1 + x * (1 - q))
    if name == "tanh":
        t = tanh(x)
        return t, 1 - t * t
    q = sigmoid(x)
    return q, q * (1 - q)


def rounded(v, exact=False):
    """floor(v + 1/2)."""
    floor = (v + HALF).to_integral_value(ROUND_FLOOR)
    distance = v + HALF - floor
    assert exact or NEAR < distance < 1 - NEAR, v
    return int(floor)


def function(name, y, s, phi):
    f, slope = real(name, y * Decimal(2) ** -s)
    # At 0 all values are multiples of 1/4: nothing was rounded.
    return rounded(f * 2**s, y == 0), rounded(slope * 2**phi, y == 0)


def exponential(d, p, sigma):
    return rounded(2**p * (-d * Decimal(2) ** -sigma).exp(), d == 0)


def digest(numbers):
    """SHA-256 of integers of 64 bits, two's complement, low byte first."""
    return sha256(b"".join(map(struct.Struct("<q").pack, numbers))).hexdigest()


def entries(name, bits, s, phi):
    """The table with slopes, number by number: padding, keys from 1 up, 0, keys from the lowest up."""
    half = 1 << (bits - 1)
    numbers = [0, 0, 0, 0]
    for y in [*range(1, half), 0, *range(-half + 1, 0)]:
        numbers += [1, y, *function(name, y, s, phi)]
    return numbers


def samples(bits):
    half = 1 << (bits - 1)
    near = {0, 1, -1, 2, -2, half - 1, 1 - half}
    spread = {sign * (1 << k) * odd for k in range(0, bits, 3) for odd in (1, 3, 5) for sign in (1, -1)}
    return sorted(y for y in near | spread | {-769, 1234, 4097} if abs(y) < half)


def units(v):
    """In units of 2^-62, to nearest."""
    return str(int((v * 2**62 + HALF).to_integral_value(ROUND_FLOOR)))


def long_values():
    """Values with 62 fraction bits, of which the library says how exact its own are."""
    for name, s in ((name, s) for name in FUNCTIONS for s in (0, 5, 8, 12)):
        for k in range(19):
            y = (-1) ** k * int(Decimal("1.9") ** k)
            f, slope = real(name, y * Decimal(2) ** -s)
            yield [name, y, s, units(f * 2**s), units(slope)]
    for sigma in (0, 8, 13):
        for d in [-1, *(int(Decimal("1.9") ** k) for k in range(19))]:
            yield ["exp", d, sigma, units((-d * Decimal(2) ** -sigma).exp()), "0"]


def main():
    tables = []
    for bits, s, phi in FORMATS + OTHERS:
        for name in FUNCTIONS:
            sample = [[y, *function(name, y, s, phi)] for y in samples(bits)]
            tables.append(
                dict(function=name, bits=bits, s=s, phi=phi, sha256=digest(entries(name, bits, s, phi)), samples=sample)
            )
    exponentials = []
    for p, sigma, depth in EXPONENTIALS:
        values = [exponential(d, p, sigma) for d in range(-1, 1 << depth)]
        exponentials.append(dict(p=p, sigma=sigma, depth=depth, first=values[:9], sha256=digest(values)))
    formats = []
    for bits, s, phi in FORMATS:
        numbers = (n for name in FUNCTIONS for n in entries(name, bits, s, phi))
        formats.append(dict(bits=bits, s=s, phi=phi, sha256=digest(numbers)))
    vectors = dict(formats=formats, tables=tables, exponentials=exponentials, long=list(long_values()))
    text = json.dumps(vectors)
    text = text.replace('{"bits"', '\n{"bits"').replace('{"function"', '\n{"function"').replace('{"p"', '\n{"p"')
    text = text.replace("], [\"", "],\n[\"")
    (HERE / "functions.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
