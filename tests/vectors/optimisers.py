"""Vectors of optimisers, written from the notes (*Optimisers*, *Byte formats*) by what the second verifier
computes. Standard library. To regenerate: python3 tests/vectors/optimisers.py
"""
import json
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "verifier"))

from encoding import Reader, le64, string  # noqa: E402
from optimise import Optimiser  # noqa: E402


def encode(units, momentum, schedule):
    encoded = le64(0) + le64(units) + string(momentum[0])
    if momentum[0] != "none":
        encoded += le64(momentum[1]) + string("restart")
    return encoded + string(schedule[0]) + b"".join(map(le64, schedule[1:]))


def digest(numbers):
    return sha256(b"".join(map(le64, numbers))).hexdigest()


def case(texts, units, momentum, schedule, steps, segment):
    encoded = encode(units, momentum, schedule)
    with Reader(encoded) as reader:
        optimiser = Optimiser.read(reader)
    sampled = sorted({*range(min(steps, 300)), steps // 3, steps // 2, steps - 1})
    last = (steps - 1) // segment * segment
    columns = [
        entry
        for first in sorted({0, min(segment, last), last})
        for column in optimiser.columns(first, min(segment, steps - first), steps)
        for entry in column
    ]
    return dict(
        optimizer=texts[0], schedule=texts[1], units=units, steps=steps, segment_steps=segment,
        encoding=encoded.hex(),
        rates=digest(optimiser.rate(step, steps) for step in sampled),
        matrices=digest(columns),
        largest_sum=str(optimiser.largest_sum(steps, segment)),
    )


def main():
    none, heavy, nesterov = ("none",), lambda b: ("heavy ball", b), lambda b: ("nesterov", b)
    cosine, decay = lambda u, f: ("cosine", u, f), lambda u, q, b: ("step", u, q, b)
    cases = [
        case(("sgd", "cosine:warmup=10,floor=0.1"), 50, none, cosine(10, 10**5), 300, 64),
        case(("momentum:0.9", "constant"), 50, heavy(9 * 10**5), ("constant",), 300, 64),
        case(("nesterov:0.95", "cosine:warmup=7,floor=0"), 12, nesterov(95 * 10**4), cosine(7, 0), 300, 64),
        case(("momentum:0.99", "step:every=11,by=0.7,warmup=5"), 2**52, heavy(99 * 10**4),
             decay(5, 11, 7 * 10**5), 2**63 + 5, 100),
        case(("nesterov:0.123456", "step:every=1,by=0.999999,warmup=0"), 1000, nesterov(123456),
             decay(0, 1, 999999), 10**9, 1000),
        case(("nesterov:0.999999", "constant"), 2**52, nesterov(999999), ("constant",), 1024, 1024),
        case(("momentum:0.000001", "cosine:warmup=18446744073709551615,floor=1"), 99, heavy(1),
             cosine(2**64 - 1, 10**6), 40, 7),
    ]
    path = HERE / "optimisers.json"
    path.write_text(json.dumps(dict(cases=cases), indent=1) + "\n")


main()
