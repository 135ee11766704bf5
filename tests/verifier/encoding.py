"""Canonical encodings (notes, *Byte formats*), read strictly."""

import math
import struct

from errors import Refused, check


def le64(n):
    return n.to_bytes(8, "little")


def bytes_(data):
    return le64(len(data)) + data


def string(text):
    return bytes_(text.encode())


class Reader:
    """Takes fields off the front of bytes; every length is compared with what is there."""

    def __init__(self, data, kind=None):
        self.data, self.position = data, 0
        if kind:
            check(self.bytes() == kind.encode(), f"it is not of the kind {kind}")

    def take(self, count):
        check(count <= len(self.data) - self.position, "bytes are missing")
        self.position += count
        return self.data[self.position - count : self.position]

    def number(self):
        return int.from_bytes(self.take(8), "little")

    def flag(self):
        flag = self.number()
        check(flag in (0, 1), "a flag is neither 0 nor 1")
        return bool(flag)

    def hash(self):
        return self.take(32)

    def bytes(self):
        return self.take(self.number())

    def string(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Refused("text is not UTF-8") from None

    def numbers(self):
        data = self.take(8 * self.number())
        return tuple(int.from_bytes(data[k : k + 8], "little") for k in range(0, len(data), 8))

    def real(self):
        """A double: finite, and zero has no sign."""
        [value] = struct.unpack("<d", self.take(8))
        check(math.isfinite(value), "a real number is not finite")
        check(value != 0 or math.copysign(1, value) > 0, "zero has a sign")
        return value

    def label(self, longest, lines=False):
        """An optional text for readers."""
        if not self.flag():
            return None
        text = self.string()
        check(len(text.encode()) <= longest, "a text is too long")
        control = lambda c: ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0
        check(not any(control(c) and not (lines and c == "\n") for c in text), "control characters")
        return text

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """`with Reader(data) as reader:` reads all of it."""
        rest = len(self.data) - self.position
        check(kind or rest == 0, f"{rest} bytes are left over")
