"""Independent implementation of identities and signatures, from `paper-notes.md` (*Byte formats*),
the descriptions in `src/tree/identity.rs` and `src/nn/model/graph.rs`, and RFC 8032; writes `identity.json`, which `tests/library/identity.rs` compares byte for byte.

Standard library. To regenerate: python3 tests/vectors/identity.py
"""

import json
import struct
from hashlib import sha256, sha512
from pathlib import Path

HERE = Path(__file__).resolve().parent

# ---- Encoding
number = struct.Struct("<Q").pack
flag = lambda b: number(int(b))
bytes_ = lambda b: number(len(b)) + b
string = lambda s: bytes_(s.encode())
number_pair = lambda a, b: number(a) + number(b)
numbers = lambda ns: number(len(ns)) + b"".join(map(number, ns))
optional = lambda value, encode: flag(value is not None) + (b"" if value is None else encode(value))
le_double = struct.Struct("<d").pack

# ---- Curves: y^2 = x^3 + b, a generator, and the byte format of a point
PALLAS = dict(
    name="Pallas",
    p=0x40000000000000000000000000000000224698FC094CF91B992D30ED00000001,
    g=(-1, 2),
)
BLS = dict(
    name="BLS12-381-G1",
    p=0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB,
    g=(
        0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB,
        0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1,
    ),
)

def add(p, a, b):
    if a is None or b is None:
        return a or b
    (x1, y1), (x2, y2) = a, b
    if x1 == x2 and (y1 + y2) % p == 0:
        return None
    top, bottom = (3 * x1 * x1, 2 * y1) if a == b else (y2 - y1, x2 - x1)
    slope = top * pow(bottom, -1, p) % p
    x = (slope * slope - x1 - x2) % p
    return x, (slope * (x1 - x) - y1) % p

def point(curve, k):
    """The encoding of `k` times the generator."""
    p, at = curve["p"], None
    g = tuple(c % p for c in curve["g"])
    for _ in range(k):
        at = add(p, at, g)
    larger = at is not None and at[1] > p - at[1]
    if curve is PALLAS:
        x, flags = (at[0], 0x80 * larger) if at else (0, 0x40)
        return x.to_bytes(32, "little") + bytes([flags])
    x = at[0] if at else 0
    return (x | (4 + 2 * (at is None) + larger) << 381).to_bytes(48, "big")

def rows(widths):
    """The number of committed rows of each layer."""
    layers = list(zip(widths, widths[1:]))
    log2 = lambda n: (n - 1).bit_length()
    c = min(13, max(5, (log2(sum((i + 1) * o for i, o in layers)) + 3) // 2))
    for inputs, outputs in layers:
        vj, vi = log2(outputs), log2(inputs)
        row = min(c, vj + vi + 1)
        real = [j + (i << vj) for i in range(inputs) for j in range(outputs)]
        real += [j + (1 << vj + vi) for j in range(outputs)]
        yield len({index >> row for index in real})

# ---- Ed25519, RFC 8032 section 5.1
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def ed_add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P

def ed_mul(k, a):
    out = (0, 1)
    while k:
        out = ed_add(out, a) if k & 1 else out
        a, k = ed_add(a, a), k >> 1
    return out

def ed_base():
    y = 4 * pow(5, -1, P) % P
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if x * x % P == xx else x * pow(2, (P - 1) // 4, P) % P
    return (x if x % 2 == 0 else P - x), y

ed_encode = lambda a: (a[1] | (a[0] & 1) << 255).to_bytes(32, "little")

def ed_sign(secret, message):
    h = sha512(secret).digest()
    a = int.from_bytes(h[:32], "little") & ((1 << 254) - 8) | 1 << 254
    public = ed_encode(ed_mul(a, ed_base()))
    r = int.from_bytes(sha512(h[32:] + message).digest(), "little") % L
    big_r = ed_encode(ed_mul(r, ed_base()))
    k = int.from_bytes(sha512(big_r + public + message).digest(), "little") % L
    return public, big_r + ((r + k * a) % L).to_bytes(32, "little")

# ---- Identities
def normalization(features, targets):
    out = b"zktree/v1/normalization" + number(len(features)) + number(len(targets))
    for name, mean, deviation in features + targets:
        out += string(name) + le_double(mean) + le_double(deviation)
    return out

def format_(widths, limbs):
    return string("zktree/v1/fixed-point") + numbers(widths) + numbers(limbs)

OPERATORS = dict(linear=1, round=2, add=3, relu=4, gelu=5, silu=6, tanh=7, sigmoid=8)

def graph(root):
    """The operators of a perceptron. Inputs of a node are numbered: 0 is the network's, k what node k makes,
    nodes counting from 1."""
    widths, nodes = root["widths"], []
    def node(operator, number, *inputs):
        nodes.append(number_pair(OPERATORS[operator], number) + numbers(inputs))
        return len(nodes)
    x = 0
    for layer, (before, outputs) in enumerate(zip(widths, widths[1:])):
        z = node("linear", outputs, x)
        if layer + 2 == len(widths):
            node("round", 0, z)
        else:
            y = node(root["activation"], 0, z)
            same = root["residual"] and layer > 0 and before == outputs
            x = node("add", 0, x, y) if same else y
    return number_pair(widths[0], len(nodes)) + b"".join(nodes)

def commitment(curve, widths):
    """Points of a commitment to weights, by layer. The last of several rows is the identity, which a commitment
    to zeros is."""
    layers = list(rows(widths))
    count = sum(layers)
    points = [point(curve, 0 if 0 < k == count - 1 else k + 1) for k in range(count)]
    return [b"".join(points.pop(0) for _ in range(rows)) for rows in layers]

def network(root):
    """What all roots say."""
    return (
        bytes_(graph(root)) + bytes_(format_(*root["format"]))
        + bytes_(normalization(root["features"], root["targets"]))
    )

def tensors(curve, root):
    """The parameters of a node: name, fraction bits, whether it was trained, rows."""
    layers = commitment(curve, root["widths"])
    weight_bits = root["format"][0][2]
    return number(len(layers)) + b"".join(
        string(f"W{k}") + number(weight_bits) + flag(True) + bytes_(rows)
        for k, rows in enumerate(layers, 1)
    )

def labels(said):
    texts = b"".join(optional(said[field], string) for field in ("title", "licence", "note"))
    return texts + optional(said["loss"], le_double)

def imported(curve, root, node):
    """The root of the same network if its weights were imported by the node's author, with its labels."""
    secret = bytes([node["secret"]] * 32)
    public, _ = ed_sign(secret, b"")
    claim = string("zktree/v2/imported-pre-id") + network(root)
    claim += string(curve["name"]) + bytes_(b"".join(commitment(curve, root["widths"])))
    claim += number(root["grid"][0]) + number(root["grid"][1]) + public + labels(node)
    pre_id, proof = sha256(claim).digest(), bytes.fromhex(node["proofs"][0])
    id_ = sha256(string("zktree/v1/imported-id") + pre_id + sha256(proof).digest()).digest()
    _, signature = ed_sign(secret, string("zktree/v1/signature") + id_)
    file = string("zktree/v2/imported-root") + bytes_(claim) + bytes_(proof) + signature
    return dict(id=id_.hex(), file=file.hex())

def head(node):
    """The node's author's signature of the head of a log of some name."""
    log, size, root = bytes([node["dataset"]] * 32), node["rows"], sha256(b"entries").digest()
    message = string("zktree/v1/head") + log + number(size) + root
    public, signature = ed_sign(bytes([node["secret"]] * 32), message)
    fields = dict(log=log.hex(), size=size, root=root.hex(), signer=public.hex())
    return json.dumps(fields | dict(signature=signature.hex()), separators=(",", ":")) + "\n"

def case(curve, root, node):
    encoded_root = string("zktree/v2/root") + network(root) + number(root["seed"])
    root_id = sha256(encoded_root).digest()
    secret = bytes([node["secret"]] * 32)
    public, _ = ed_sign(secret, b"")
    encoded = string("zktree/v2/pre-id") + string(curve["name"]) + root_id
    encoded += bytes_(graph(root)) + bytes_(format_(*root["format"])) + tensors(curve, root)
    encoded += bytes([node["dataset"]] * 32) + number(node["rows"])
    for field in ("features", "targets"):
        encoded += string("numbers") + number(node[field])
    for field in ("rate", "batch", "steps", "segment_steps"):
        encoded += number(node[field])
    encoded += flag(node["hiding"]) + number(node["nonce"]) + public
    encoded += labels(node)
    pre_id = sha256(encoded).digest()
    proofs = [bytes.fromhex(proof) for proof in node["proofs"]]
    edge = sha256(string("zktree/v1/edge") + b"".join(sha256(p).digest() for p in proofs)).digest()
    node_id = sha256(string("zktree/v1/node") + pre_id + edge).digest()
    _, signature = ed_sign(secret, string("zktree/v1/signature") + node_id)
    file = string("zktree/v1/node-file") + bytes_(encoded)
    file += b"".join(sha256(proof).digest() for proof in proofs) + signature
    return dict(
        curve=curve["name"], root=root, node=node,
        root_encoding=encoded_root.hex(), root_id=root_id.hex(),
        node_encoding=encoded.hex(), pre_id=pre_id.hex(), edge=edge.hex(), id=node_id.hex(),
        public=public.hex(), signature=signature.hex(), file=file.hex(),
        imported=imported(curve, root, node), head=head(node),
    )

def main():
    compact = ([8, 10, 34, 14, 14, 16, 14], [17, 17])
    custom = ([6, 9, 30, 12, 13, 15, 11], [7, 13, 10])
    plain = dict(activation="relu", residual=False)
    node = dict(
        dataset=5, rows=6, features=1, targets=1, rate=11, batch=2, steps=3, segment_steps=4,
        hiding=True, nonce=8, secret=9, title="é", licence=None, note="", loss=0.5,
        proofs=["0102", "03"],
    )
    cases = [
        case(
            PALLAS,
            plain | dict(widths=[1, 1], format=compact, features=[("a", 1.5, 0.5)],
                 targets=[("x", 2.5, 0.0)], seed=7, grid=[6, 10]),
            node,
        ),
        case(
            BLS,
            plain | dict(widths=[11, 64, 1], format=custom,
                 features=[(f"column {k}", k / 3, 1 / (k + 1)) for k in range(11)],
                 targets=[("Qualität", -1e-300, 5e-324)], seed=2**64 - 1, grid=[42, 20]),
            node | dict(
                dataset=255, rows=1000, features=11, rate=2**53, batch=20, steps=2**63,
                segment_steps=1, hiding=False, nonce=2**64 - 1, secret=1, title=None,
                licence="MIT OR Apache-2.0", note="two\nlines", loss=None, proofs=["", "ff" * 70],
            ),
        ),
    ] + [
        case(
            PALLAS,
            dict(activation=activation, residual=residual, widths=[1, 3, 3, 3, 2, 2, 1], format=compact,
                 features=[("a", 1.5, 0.5)], targets=[("x", 2.5, 0.0)], seed=7, grid=[6, 10]),
            node,
        )
        for activation, residual in [
            ("relu", True), ("gelu", True), ("silu", False), ("tanh", True), ("sigmoid", False),
        ]
    ]
    path = HERE / "identity.json"
    path.write_text(json.dumps(dict(cases=cases), indent=1, ensure_ascii=False) + "\n")

main()
