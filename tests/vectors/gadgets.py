"""Independent implementation of *Softmax, norms and choices* of `paper-notes.md`; writes `gadgets.json`, which the tests of
`nn::gadget` compare.

Plain integers, and decimal numbers of 60 digits for the exponential. Standard library.
To regenerate: python3 tests/vectors/gadgets.py
"""

import json
import random
from decimal import ROUND_FLOOR, Context, Decimal, setcontext
from functools import lru_cache
from math import isqrt
from pathlib import Path

setcontext(Context(prec=60, Emin=-999999, Emax=999999))
SAMPLES = 9  # three steps of three


@lru_cache(maxsize=None)
def exponential(d, p, sigma):
    """round(2^p exp(-d 2^-sigma))."""
    value = 2**p * (-d * Decimal(2) ** -sigma).exp()
    return int((value + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


def rounded(x, k):
    """(1)"""
    return x if k == 0 else (x + (1 << (k - 1))) >> k


def mean(x, d):
    return (2 * x + d) // (2 * d)


def softmax(scores, k, p, sigma):
    """The least level, with a search from below, and the probabilities there."""
    top = exponential(-1, p, sigma + 1)
    zeta = [rounded(z, k) for z in scores]
    level = max(zeta)
    while sum(exponential(level - z, p, sigma) for z in zeta) > top:
        level += 1
    return level, [exponential(level - z, p, sigma) for z in zeta]


def norm(x, cotangent, centred, epsilon, f):
    """(70): what is committed forward, and the cotangent of x, of a cotangent with g fraction bits."""
    d, (s, g, m, q, alpha) = len(x), f
    more = m if centred else 0
    mu = mean(sum(x) << m, d) if centred else 0
    c = [(v << more) - mu for v in x]
    fraction = 2 * (s + more)
    offset = max(1, ((2 * d * epsilon << fraction) + 10**12) // (2 * 10**12))
    energy, target = sum(v * v for v in c) + offset, 4 * d << (fraction + 2 * q)
    root = (isqrt(target // energy) + 1) // 2
    assert (2 * root - 1) ** 2 * energy <= target < (2 * root + 1) ** 2 * energy
    n = [rounded(v * root, more + q) for v in c]
    a = rounded(mean(sum(u * v for u, v in zip(cotangent, n)), d), s - alpha)
    b = mean(sum(cotangent) << alpha, d) if centred else 0
    t = [(u << (s + alpha)) - v * a - (b << s) for u, v in zip(cotangent, n)]
    back = [rounded(v * root, q + s + alpha) for v in t]
    return mu, root, n, back


def softmax_case(rng, s, g, sigma, width, end):
    rows = [[rng.randint(-end, end) for _ in range(width)] for _ in range(SAMPLES)]
    rows[0] = [rows[0][0]] * width
    made = [softmax(row, s - sigma, g, sigma) for row in rows]
    return dict(s=s, g=g, sigma=sigma, rows=rows, levels=[m[0] for m in made], probabilities=[m[1] for m in made])


def norm_case(rng, numbers, width, centred, epsilon, end):
    s, g = numbers[:2]
    rows = [[rng.randint(-end, end) for _ in range(width)] for _ in range(SAMPLES)]
    errors = [[rng.randint(-end // 4, end // 4) for _ in range(width)] for _ in range(SAMPLES)]
    made = [norm(x, [v << (g - s) for v in e], centred, epsilon, numbers) for x, e in zip(rows, errors)]
    names = ["means", "roots", "outputs", "back"]
    case = dict(numbers=numbers, centred=centred, epsilon=epsilon, rows=rows, errors=errors)
    return case | dict(zip(names, zip(*made)))


def main():
    rng = random.Random(7)
    softmaxes = [(8, 12, 8, 10, 1500), (12, 12, 8, 3, 20000), (12, 14, 10, 7, 9000), (10, 16, 4, 2, 2000), (9, 12, 8, 1, 300)]
    norms = [
        ((8, 12, 2, 15, 2), 6, True, 10**7, 1000),
        ((8, 12, 2, 15, 2), 6, False, 10**7, 1000),
        ((8, 12, 0, 12, 3), 16, True, 10**6, 500),
        ((6, 9, 1, 10, 0), 3, True, 10**9, 300),
    ]
    vectors = dict(
        softmax=[softmax_case(rng, *case) for case in softmaxes],
        norm=[norm_case(rng, *case) for case in norms],
    )
    path = Path(__file__).resolve().parent / "gadgets.json"
    path.write_text(json.dumps(vectors, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
