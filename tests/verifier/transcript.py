"""The transcript (notes, *Transcript*): merlin over STROBE-128 over Keccak-f[1600], and the verifier's
channel on top of it, where received scalars are affine forms in pads (notes, *Hiding*)."""

from collections import namedtuple
from types import MappingProxyType

from errors import at, check

LANE, ROW = (1 << 64) - 1, (1 << 320) - 1
LOWEST = sum(1 << k for k in range(0, 320, 64))
ROTATIONS = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14]
# Where lane (x, y) is and how far it is turned, and where it goes, (y, 2 x + 3 y): FIPS 202, sections
# 3.2.2 and 3.2.3.
MOVES = [
    (y, 64 * x, ROTATIONS[x + 5 * y], (2 * x + 3 * y) % 5, 64 * y) for y in range(5) for x in range(5)
]


def round_constants():
    """FIPS 202, section 3.2.5: bit 2^j - 1 of round i is that of a linear feedback register."""
    register, constants = 1, []
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (register >> 7) * 0x171
        constants.append(constant)
    return constants


CONSTANTS = round_constants()


def keccak_f(rows):
    """The permutation, of 5 rows of 5 lanes of 64 bits, the first lane lowest."""
    for constant in CONSTANTS:
        column = rows[0] ^ rows[1] ^ rows[2] ^ rows[3] ^ rows[4]
        before, behind = column << 64 | column >> 256, column >> 64 | column << 256
        turned = (behind & ROW) << 1 & ~LOWEST | (behind & ROW) >> 63 & LOWEST
        parity, moved = (before ^ turned) & ROW, [0] * 5
        rows = [row ^ parity for row in rows]
        for y, place, turn, target, to in MOVES:
            lane = rows[y] >> place & LANE
            moved[target] |= (lane << turn & LANE | lane >> 64 - turn) << to
        rows = [b ^ ~(b >> 64 | b << 256) & (b >> 128 | b << 192) & ROW for b in moved]
        rows[0] ^= constant
    return rows


class Strobe:
    """STROBE-128 v1.0.2, as far as merlin uses it."""

    RATE = 166
    I, A, C, M = 1, 2, 4, 16  # noqa: E741, flags of operations

    def __init__(self, label):
        start = bytes([1, self.RATE + 2, 1, 0, 1, 96]) + b"STROBEv1.0.2"
        self.state = bytearray(start.ljust(200, b"\0"))
        self._permute()
        self.position = self.begin = 0
        self.meta_ad(label, False)

    def _permute(self):
        rows = [int.from_bytes(self.state[k : k + 40], "little") for k in range(0, 200, 40)]
        self.state[:] = b"".join(row.to_bytes(40, "little") for row in keccak_f(rows))

    def _run(self):
        self.state[self.position] ^= self.begin
        self.state[self.position + 1] ^= 0x04
        self.state[self.RATE + 1] ^= 0x80
        self._permute()
        self.position = self.begin = 0

    def _step(self):
        self.position += 1
        if self.position == self.RATE:
            self._run()

    def _absorb(self, data):
        for byte in data:
            self.state[self.position] ^= byte
            self._step()

    def _operation(self, flags):
        old, self.begin = self.begin, self.position + 1
        self._absorb(bytes([old, flags]))
        if flags & self.C and self.position:
            self._run()

    def meta_ad(self, data, more):
        if not more:
            self._operation(self.M | self.A)
        self._absorb(data)

    def ad(self, data):
        self._operation(self.A)
        self._absorb(data)

    def prf(self, length):
        self._operation(self.I | self.A | self.C)
        out = bytearray()
        for _ in range(length):
            out.append(self.state[self.position])
            self.state[self.position] = 0
            self._step()
        return bytes(out)


class Transcript:
    PROTOCOL = b"zktree proof of training, version 2"

    def __init__(self, application, statement):
        self.strobe = Strobe(b"Merlin v1.0")
        self.absorb("dom-sep", self.PROTOCOL)
        self.absorb("application", application)
        self.absorb("statement", statement)

    def _frame(self, label, length):
        self.strobe.meta_ad(label.encode(), False)
        self.strobe.meta_ad(length.to_bytes(4, "little"), True)

    def absorb(self, label, data):
        self._frame(label, len(data))
        self.strobe.ad(data)

    def challenge(self, label):
        """64 bytes, little-endian."""
        self._frame(label, 64)
        return int.from_bytes(self.strobe.prf(64), "little")


class Form(namedtuple("Form", "constant terms", defaults=[MappingProxyType({})])):
    """An affine form in pads and products of pads, modulo the order of the group: what the verifier
    knows of a value. `terms` maps ("pad", i) and ("product", k) to coefficients."""


class Channel:
    """What the verifier pulls from a proof, the transcript, and the checks put off."""

    def __init__(self, curve, application, statement, proof):
        self.curve, self.r = curve, curve.r
        self.transcript = Transcript(application, statement)
        self.proof, self.position = proof, 0
        self.hiding = False  # whether scalars are masked from here on
        self.pads = 0
        self.products = []  # pairs of pads
        self.constraints = []  # forms that must be zero

    # ---- Messages

    def _take(self, label, length):
        data = self.proof[self.position : self.position + length]
        check(len(data) == length, f"the proof ends before {label}")
        self.position += length
        self.transcript.absorb(label, data)
        return data

    def receive_clear(self, label):
        value = int.from_bytes(self._take(label, 32), "little")
        check(value < self.r, f"a scalar is not below the modulus: {label}")
        return value

    def receive(self, label):
        """A scalar; (42) with hiding."""
        value = self.receive_clear(label)
        if not self.hiding:
            return Form(value)
        self.pads += 1
        return Form(value, {("pad", self.pads - 1): self.r - 1})

    def receive_points(self, label, count):
        """Points; all are absorbed before one is looked at, and the proof may end before."""
        encodings = [self._take(label, self.curve.point_bytes) for _ in range(count)]
        with at(label):
            return [self.curve.decode(data) for data in encodings]

    def challenge(self, label):
        return self.transcript.challenge(label) % self.r

    def finish(self):
        rest = len(self.proof) - self.position
        check(rest == 0, f"{rest} bytes follow the proof")

    # ---- Values

    def combine(self, *parts):
        """The sum of factor * form over pairs (factor, form). A coefficient may become zero and stays:
        whether a check is put off depends on which pads a form speaks of, not on their values."""
        constant, terms = 0, {}
        for factor, form in parts:
            constant += factor * form.constant
            for mask, coefficient in form.terms.items():
                terms[mask] = (terms.get(mask, 0) + factor * coefficient) % self.r
        return Form(constant % self.r, terms)

    def multiply(self, a, b):
        """(43): the product of two received scalars, or with a number."""
        if not a.terms:
            return self.combine((a.constant, b))
        if not b.terms:
            return self.combine((b.constant, a))
        (x, [p]), (y, [q]) = a, b
        assert a.terms[p] == b.terms[q] == self.r - 1, "factors are received scalars"
        self.products.append((p[1], q[1]))
        product = Form(x * y % self.r, {("product", len(self.products) - 1): 1})
        return self.combine((1, product), (-y, Form(0, {p: 1})), (-x, Form(0, {q: 1})))

    # ---- Checks

    def assert_zero(self, form, what):
        if form.terms:
            self.constraints.append(form)
        else:
            check(form.constant == 0, f"check failed: {what}")

    def assert_equal(self, a, b, what):
        self.assert_zero(self.combine((1, a), (-1, b)), what)
