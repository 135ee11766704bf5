"""Writes key files for `tests/library/keys.rs` into `keys/`, as OpenSSL 3 and Python's `cryptography` do.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install cryptography
    /tmp/venv/bin/python tests/vectors/keys.py

`second-version.pem` is RFC 5958's second version, with the public key, which OpenSSL 3 does not read
and this program wrote once. `public.json` has the public key of each file.
"""

import base64
import json
import pathlib
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

OUT = pathlib.Path(__file__).parent / "keys"


def pem(der):
    text = base64.b64encode(der).decode()
    lines = [text[k : k + 64] for k in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])


def raw(key):
    return key.public_key().public_bytes_raw()


def main():
    OUT.mkdir(exist_ok=True)
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, check=True
    ).stdout
    other = ed25519.Ed25519PrivateKey.generate()
    form = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    secret, public = other.private_bytes_raw(), raw(other)
    second = bytes.fromhex("3051020101300506032b657004220420") + secret
    second += bytes.fromhex("812100") + public
    (OUT / "openssl.pem").write_bytes(made)
    (OUT / "cryptography.pem").write_bytes(other.private_bytes(*form))
    (OUT / "second-version.pem").write_text(pem(second))
    keys = {
        "openssl.pem": raw(serialization.load_pem_private_key(made, None)).hex(),
        "cryptography.pem": public.hex(),
        "second-version.pem": public.hex(),
    }
    (OUT / "public.json").write_text(json.dumps(keys, indent=1) + "\n")


if __name__ == "__main__":
    main()
