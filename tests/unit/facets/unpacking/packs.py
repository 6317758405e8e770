"""Packs of Git (gitformat-pack(5)) that tests write."""

from __future__ import annotations

import hashlib


def head_of(kind: int, size: int) -> bytes:
    """The head of an object: its type and its size."""
    first, size = kind << 4 | size & 15, size >> 4
    out = [first]
    while size:
        out[-1] |= 0x80
        out.append(size & 0x7F)
        size >>= 7
    return bytes(out)


def pack_of(*objects: bytes) -> bytes:
    """A pack of objects with their heads."""
    body = b"PACK\0\0\0\2" + len(objects).to_bytes(4, "big") + b"".join(objects)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def copied_and(base: bytes, rest: bytes) -> bytes:
    """A delta that makes a base and some more of the base. Both are shorter than 100 bytes."""
    return bytes((len(base), len(base) + len(rest), 0x90, len(base), len(rest))) + rest
