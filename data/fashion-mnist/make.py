#!/usr/bin/env python3
"""Cuts four parts of 700 images, 70 of each class, from the test images of Fashion-MNIST.

    python3 make.py DIR

reads t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz in DIR and writes the parts beside this file.
Images stay in the order of the source, and each part takes of every class the 70 that follow those of the
part before. Needs nothing but Python's standard library. Packed bytes depend on the version of zlib; what
they unpack to does not, and its SHA-256 is printed.
"""
import gzip
import hashlib
import io
import pathlib
import struct
import sys

PARTS = ("alice", "bob", "carol", "test")
OF_CLASS, CLASSES, SIDE = 70, 10, 28
SOURCES = {
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def unpacked(directory, name):
    data = gzip.decompress((pathlib.Path(directory) / name).read_bytes())
    if hashlib.sha256(data).hexdigest() != SOURCES[name]:
        sys.exit(f"{name} is another file")
    return data


def write(name, axes, values):
    data = struct.pack(f">BBBB{len(axes)}I", 0, 0, 8, len(axes), *axes) + values
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as file:
        file.write(data)
    (pathlib.Path(__file__).parent / name).write_bytes(packed.getvalue())
    print(hashlib.sha256(data).hexdigest(), name)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    images, labels = (unpacked(sys.argv[1], name) for name in SOURCES)
    images, labels = images[16:], labels[8:]
    seen, chosen = [0] * CLASSES, [[] for _ in PARTS]
    for n, label in enumerate(labels):
        part = seen[label] // OF_CLASS
        seen[label] += 1
        if part < len(PARTS):
            chosen[part].append(n)
    size = SIDE * SIDE
    for part, rows in zip(PARTS, chosen):
        pixels = b"".join(images[n * size : (n + 1) * size] for n in rows)
        write(f"{part}-images-idx3-ubyte.gz", (len(rows), SIDE, SIDE), pixels)
        write(f"{part}-labels-idx1-ubyte.gz", (len(rows),), bytes(labels[n] for n in rows))


main()
