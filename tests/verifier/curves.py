"""The two groups, their byte formats, generators by hash-to-curve, and multi-scalar multiplication.

Notes, *Byte formats*: points, generators. Both curves are y^2 = x^3 + b. An affine point is a pair,
the identity is None; sums are in Jacobian coordinates (X, Y, Z), x = X / Z^2, y = Y / Z^3.
"""

from functools import lru_cache
from hashlib import sha256

from errors import check


ZERO = (1, 1, 0)


class Curve:
    def __init__(self, name, p, r, b, cofactor, z, point_bytes):
        self.name, self.p, self.r, self.b = name, p, r, b
        # What a point is multiplied by to get into the group of order r; 1 if all points are in it.
        self.cofactor = cofactor
        self.point_bytes = point_bytes
        self.dst = f"zktree-v1-{name}_XMD:SHA-256_SVDW_RO_".encode()
        self.svdw = svdw_constants(p, b, z)
        self.generators = {}

    # ---- Arithmetic

    def double(self, a):
        x, y, z = a
        p = self.p
        if z == 0:
            return a
        yy = y * y % p
        s = 4 * x * yy % p
        m = 3 * x * x % p
        x3 = (m * m - 2 * s) % p
        return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p

    def add(self, a, b):
        (x1, y1, z1), (x2, y2, z2) = a, b
        if z1 == 0 or z2 == 0:
            return b if z1 == 0 else a
        p = self.p
        z1z1, z2z2 = z1 * z1 % p, z2 * z2 % p
        u1, s1 = x1 * z2z2 % p, y1 * z2z2 * z2 % p
        h, r = (x2 * z1z1 - u1) % p, (y2 * z1z1 * z1 - s1) % p
        if h == 0:
            return self.double(a) if r == 0 else ZERO
        hh = h * h % p
        hhh, v = h * hh % p, u1 * hh % p
        x3 = (r * r - hhh - 2 * v) % p
        return x3, (r * (v - x3) - s1 * hhh) % p, z1 * z2 * h % p

    def times(self, k, point):
        """k times an affine point, Jacobian."""
        total = ZERO
        for bit in bin(k)[2:] if point else "":
            total = self.double(total)
            if bit == "1":
                total = self.add(total, (*point, 1))
        return total

    def affine(self, a):
        x, y, z = a
        if z == 0:
            return None
        inverse = pow(z, -1, self.p)
        square = inverse * inverse % self.p
        return x * square % self.p, y * square * inverse % self.p

    def sum_is_zero(self, scalars, points):
        """Whether sum_i scalars[i] * points[i] is the identity: Pippenger's buckets."""
        pairs = [(k % self.r, (*a, 1)) for k, a in zip(scalars, points, strict=True) if a]
        window = 4 if len(pairs) < 64 else 6 if len(pairs) < 512 else 8
        total = ZERO
        for shift in reversed(range(0, self.r.bit_length(), window)):
            for _ in range(window):
                total = self.double(total)
            buckets = [ZERO] * (1 << window)
            for k, a in pairs:
                digit = k >> shift & (1 << window) - 1
                if digit:
                    buckets[digit] = self.add(buckets[digit], a)
            running = part = ZERO
            for bucket in reversed(buckets[1:]):
                running = self.add(running, bucket)
                part = self.add(part, running)
            total = self.add(total, part)
        return total[2] == 0

    # ---- Bytes

    def decode(self, data):
        """A point from its unique encoding; refuses what is not on the curve and in the group."""
        x, larger, infinite = self.flags(data)
        if infinite:
            check(x == 0 and not larger, "a point at infinity is not encoded uniquely")
            return None
        check(x < self.p, "a coordinate is not below the modulus")
        y = sqrt((x**3 + self.b) % self.p, self.p)
        check(y is not None, "a point is not on the curve")
        point = x, (y if (2 * y > self.p) == larger else self.p - y)
        in_group = self.cofactor == 1 or self.times(self.r, point)[2] == 0
        check(in_group, "a point is not in the group")
        return point

    def flags(self, data):
        """x, whether y is the larger root, whether this is the identity."""
        if self.name == "Pallas":
            x, flags = int.from_bytes(data[:32], "little"), data[32]
            check(flags in (0, 0x80, 0x40), "flags of a point")
            return x, flags == 0x80, flags == 0x40
        number = int.from_bytes(data, "big")
        check(number >> 383 == 1, "a point is not compressed")
        return number % (1 << 381), bool(number >> 381 & 1), bool(number >> 382 & 1)

    # ---- Generators

    def generator(self, family, index):
        """Notes, *Generators*; made when first asked for."""
        key = family, index
        if key not in self.generators:
            message = family.encode() + index.to_bytes(8, "little")
            self.generators[key] = hash_to_curve(message, self)
        return self.generators[key]


# ---- Fields


@lru_cache
def two_adic(p):
    """p - 1 = 2^e m with m odd, and a generator of the group of order 2^e."""
    e, m = 0, p - 1
    while m % 2 == 0:
        e, m = e + 1, m // 2
    non_residue = next(g for g in range(2, 99) if pow(g, (p - 1) // 2, p) != 1)
    return e, m, pow(non_residue, m, p)


def sqrt(a, p):
    """A square root modulo p, or None (Tonelli, Shanks)."""
    if a == 0:
        return 0
    e, m, c = two_adic(p)
    power = pow(a, (m - 1) // 2, p)
    root = a * power % p
    rest = root * power % p  # a^m, of an order that divides 2^e; root^2 = a * rest
    while rest != 1:
        order, at = 0, rest
        while at != 1:
            order, at = order + 1, at * at % p
            if order == e:
                return None
        c = pow(c, 1 << (e - order - 1), p)
        root, e = root * c % p, order
        c = c * c % p
        rest = rest * c % p
    return root


# ---- RFC 9380: hash to curve, SHA-256, Shallue-van de Woestijne, random oracle


def svdw_constants(p, b, z):
    """Section 6.6.1 for a = 0: z, and c1 to c4."""
    g = (z**3 + b) % p
    c3 = sqrt(-g * 3 * z * z % p, p)
    c3 = p - c3 if c3 % 2 else c3
    return z % p, g, -z * pow(2, -1, p) % p, c3, -4 * g * pow(3 * z * z, -1, p) % p


def svdw(u, curve):
    """Section 6.6.1."""
    p = curve.p
    z, g, c2, c3, c4 = curve.svdw
    t1 = u * u % p * g % p
    t2, t1 = 1 + t1, 1 - t1
    product = t1 * t2 % p
    t3 = pow(product, -1, p) if product else 0
    t4 = u * t1 % p * t3 % p * c3 % p
    x3 = (z + c4 * (t2 * t2 % p * t3 % p) ** 2) % p
    for x in (c2 - t4, c2 + t4, x3):
        y = sqrt((x**3 + curve.b) % p, p)
        if y is not None:
            return x % p, y if u % 2 == y % 2 else p - y
    raise AssertionError("one of three is a square")


def expand_message_xmd(message, dst, length):
    """Section 5.3.1."""
    dst += bytes([len(dst)])
    start = sha256(bytes(64) + message + length.to_bytes(2, "big") + b"\0" + dst).digest()
    blocks = [sha256(start + b"\1" + dst).digest()]
    for i in range(2, -(-length // 32) + 1):
        mixed = bytes(x ^ y for x, y in zip(start, blocks[-1]))
        blocks.append(sha256(mixed + bytes([i]) + dst).digest())
    return b"".join(blocks)[:length]


def hash_to_curve(message, curve):
    """Section 3, hash_to_field with security of 128 bits."""
    size = -(-(curve.p.bit_length() + 128) // 8)
    stream = expand_message_xmd(message, curve.dst, 2 * size)
    u, v = (int.from_bytes(half, "big") % curve.p for half in (stream[:size], stream[size:]))
    total = curve.add((*svdw(u, curve), 1), (*svdw(v, curve), 1))
    return curve.affine(curve.times(curve.cofactor, curve.affine(total)))


BLS12_381 = Curve(
    "BLS12-381-G1",
    p=0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB,
    r=0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001,
    b=4,
    cofactor=0xD201000000010001,
    z=-3,
    point_bytes=48,
)
PALLAS = Curve(
    "Pallas",
    p=0x40000000000000000000000000000000224698FC094CF91B992D30ED00000001,
    r=0x40000000000000000000000000000000224698FC0994A8DD8C46EB2100000001,
    b=5,
    cofactor=1,
    z=1,
    point_bytes=33,
)
CURVES = {curve.name: curve for curve in (BLS12_381, PALLAS)}
