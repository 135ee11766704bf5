"""What `training.py` and `networks.py` share of `paper-notes.md`: formats, rounding, public randomness, digests.

Standard library.
"""

import itertools
import math
import struct
from hashlib import sha256

FORMATS = {
    "compact": dict(s=8, g=10, w=34, limbs=[17, 17], hidden=14, output=14, gradient=16, data=14),
    "paper": dict(s=16, g=16, w=48, limbs=[16, 16, 16], hidden=21, output=21, gradient=21, data=21),
    # No presets: all widths different; and so few bits that ties occur in the rounding.
    "custom": dict(s=6, g=9, w=30, limbs=[7, 13, 10], hidden=12, output=13, gradient=15, data=11),
    "coarse": dict(s=2, g=2, w=8, limbs=[3, 5], hidden=10, output=11, gradient=12, data=6),
    "small": dict(s=3, g=4, w=12, limbs=[5, 7], hidden=9, output=10, gradient=11, data=8),
}

le64 = struct.Struct("<Q").pack

def log2_up(x):
    return (x - 1).bit_length() if x else 0

def round_k(x, k):
    return (x + 2 ** (k - 1)) >> k

# ---- Public randomness
def chacha_block(key, counter, stream):
    """One block of 64 bytes of ChaCha20 with a 64-bit counter and a 64-bit nonce."""
    start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
    start += [counter % 2**32, counter >> 32, stream % 2**32, stream >> 32]
    x = start[:]

    def quarter(a, b, c, d):
        for p, q, r, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[p] = (x[p] + x[q]) % 2**32
            v = x[r] ^ x[p]
            x[r] = (v << turn | v >> (32 - turn)) % 2**32

    for r in range(20):  # in turn a column round and a diagonal round
        for i in range(4):
            quarter(i, 4 + (i + r % 2) % 4, 8 + (i + r % 2 * 2) % 4, 12 + (i + r % 2 * 3) % 4)
    return struct.pack("<16I", *((a + b) % 2**32 for a, b in zip(x, start)))

class Draws:
    """`keystream(key, stream)`, read 8 bytes at a time."""

    def __init__(self, key, stream):
        blocks = (chacha_block(key, counter, stream) for counter in itertools.count())
        self.words = (word for block in blocks for word in struct.unpack("<8Q", block))

    def below(self, n):
        return next(u for u in self.words if u < 2**64 - 2**64 % n) % n

def bound(fmt, fan_in):
    return math.isqrt(6 * 2 ** (2 * fmt["w"]) // fan_in)

def initial_weights(fmt, inputs, outputs, seed, l):
    """A matrix, row by row; layers are numbered from 0."""
    draws, b = Draws(sha256(b"zktree/v1/init" + le64(seed)).digest(), l), bound(fmt, inputs)
    return [draws.below(2 * b + 1) - b for _ in range(inputs * outputs)]

def schedule_seed(parent, dataset, author, nonce):
    return sha256(b"zktree/v1/schedule" + parent + dataset + author + le64(nonce)).digest()

def permutation(seed, epoch, n):
    draws, p = Draws(seed, epoch), list(range(n))
    for i in range(n - 1, 0, -1):
        j = draws.below(i + 1)
        p[i], p[j] = p[j], p[i]
    return p

def batch_rows(seed, t, n, batch):
    epoch, k = divmod(t, n // batch)
    return permutation(seed, epoch, n)[k * batch : (k + 1) * batch]

# ---- The files
def digest(values):
    return sha256(b"".join(struct.pack("<q", x) for x in values)).hexdigest()
