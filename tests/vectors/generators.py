"""Independent derivation of the first commitment generators; prints `generators.txt`.

RFC 9380 hash-to-curve, suite XMD:SHA-256 / Shallue-van de Woestijne / random oracle, in plain
Python integers. Run: python3 tests/vectors/generators.py > tests/vectors/generators.txt
"""

from hashlib import sha256

# name: (p, b, multiplier that clears the cofactor)
CURVES = {
    "BLS12-381-G1": (
        0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB,
        4,
        0xD201000000010001,
    ),
    "Pallas": (0x40000000000000000000000000000000224698FC094CF91B992D30ED00000001, 5, 1),
}


def sqrt(a, p):
    """A square root of the square `a` (Cipolla), or None."""
    a %= p
    if a == 0:
        return 0
    if pow(a, (p - 1) // 2, p) != 1:
        return None
    t = 0
    while pow(t * t - a, (p - 1) // 2, p) != p - 1:
        t += 1
    w = (t * t - a) % p
    mul = lambda u, v: ((u[0] * v[0] + u[1] * v[1] * w) % p, (u[0] * v[1] + u[1] * v[0]) % p)
    result, base, e = (1, 0), (t, 1), (p + 1) // 2
    while e:
        if e & 1:
            result = mul(result, base)
        base, e = mul(base, base), e >> 1
    assert result[1] == 0 and result[0] ** 2 % p == a
    return result[0]


def is_square(a, p):
    return pow(a % p, (p - 1) // 2, p) in (0, 1)


def find_z(p, b):
    g = lambda x: (x**3 + b) % p
    counter = 1
    while True:
        for z in (counter % p, -counter % p):
            if g(z) == 0:
                continue
            h = -3 * z * z * pow(4 * g(z), -1, p) % p
            if h and is_square(h, p) and (is_square(g(z), p) or is_square(g(-z * pow(2, -1, p)), p)):
                return z
        counter += 1


def svdw(u, p, b):
    """Section 6.6.1, as written there (not the straight-line form of F.1)."""
    g = lambda x: (x**3 + b) % p
    inv0 = lambda x: pow(x, p - 2, p)
    z = find_z(p, b)
    tv1 = u * u * g(z) % p
    tv2 = (1 + tv1) % p
    tv1 = (1 - tv1) % p
    tv3 = inv0(tv1 * tv2)
    tv4 = sqrt(-g(z) * 3 * z * z, p)
    if tv4 % 2 == 1:
        tv4 = p - tv4
    tv5 = u * tv1 * tv3 * tv4 % p
    tv6 = -4 * g(z) * inv0(3 * z * z) % p
    half = -z * pow(2, -1, p) % p
    x1 = (half - tv5) % p
    x2 = (half + tv5) % p
    x3 = (z + tv6 * (tv2 * tv2 * tv3) ** 2) % p
    x = next(x for x in (x1, x2, x3) if is_square(g(x), p))
    y = sqrt(g(x), p)
    return x, y if u % 2 == y % 2 else p - y


def add(a, b, p):
    if a is None or b is None:
        return b if a is None else a
    (x1, y1), (x2, y2) = a, b
    if x1 == x2 and (y1 + y2) % p == 0:
        return None
    slope = 3 * x1 * x1 * pow(2 * y1, -1, p) if a == b else (y2 - y1) * pow(x2 - x1, -1, p)
    x3 = (slope * slope - x1 - x2) % p
    return x3, (slope * (x1 - x3) - y1) % p


def times(k, a, p):
    result = None
    while k:
        if k & 1:
            result = add(result, a, p)
        a, k = add(a, a, p), k >> 1
    return result


def expand_message_xmd(message, dst, length):
    dst_prime = dst + bytes([len(dst)])
    b0 = sha256(bytes(64) + message + length.to_bytes(2, "big") + b"\0" + dst_prime).digest()
    block = sha256(b0 + b"\1" + dst_prime).digest()
    out = block
    for i in range(2, -(-length // 32) + 1):
        block = sha256(bytes(x ^ y for x, y in zip(b0, block)) + bytes([i]) + dst_prime).digest()
        out += block
    return out[:length]


def hash_to_curve(message, dst, curve):
    p, b, clear = CURVES[curve]
    size = -(-(p.bit_length() + 128) // 8)
    stream = expand_message_xmd(message, dst, 2 * size)
    u = [int.from_bytes(stream[i * size : (i + 1) * size], "big") % p for i in range(2)]
    point = times(clear, add(svdw(u[0], p, b), svdw(u[1], p, b), p), p)
    assert (point[1] ** 2 - point[0] ** 3 - b) % p == 0
    return point


for curve in CURVES:
    dst = f"zktree-v1-{curve}_XMD:SHA-256_SVDW_RO_".encode()
    for family, count in (("columns", 2), ("pads", 2), ("blinding", 1), ("product", 1)):
        for index in range(count):
            x, y = hash_to_curve(family.encode() + index.to_bytes(8, "little"), dst, curve)
            print(curve, family, index, x, y)
