"""Ed25519 (RFC 8032), strict: canonical encodings, and neither key nor R of small order."""

from hashlib import sha512

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P


def add(a, b):
    """The complete sum, in extended coordinates (X, Y, Z, T), x = X / Z, y = Y / Z, T = X Y / Z."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    m, n = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(k, a):
    total = (0, 1, 1, 0)
    while k:
        total = add(total, a) if k & 1 else total
        a, k = add(a, a), k >> 1
    return total


def equal(a, b):
    return all((a[k] * b[2] - b[k] * a[2]) % P == 0 for k in (0, 1))


def decode(data):
    """A point from its canonical encoding (section 5.1.3), or None."""
    y, sign = int.from_bytes(data, "little") & (1 << 255) - 1, data[31] >> 7
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = x if x % 2 == sign else P - x
    return x, y, 1, x * y % P


BASE = decode(BASE_Y.to_bytes(32, "little"))


def verify(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    a, r = decode(key), decode(signature[:32])
    if a is None or r is None or s >= L:
        return False
    identity = (0, 1, 1, 0)
    if equal(times(8, a), identity) or equal(times(8, r), identity):
        return False
    k = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % L
    return equal(times(s, BASE), add(r, times(k, a)))
