"""Debian versions: `[epoch:]upstream[-revision]`, as deb-version(7) orders them and `dpkg --compare-versions` does."""

from __future__ import annotations

import re
from itertools import zip_longest

from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_EPOCH = re.compile(r"[0-9]{1,10}").fullmatch
_UPSTREAM = re.compile(r"[0-9][A-Za-z0-9.+~:-]*").fullmatch
_REVISION = re.compile(r"[A-Za-z0-9.+~]*").fullmatch
_MAX_EPOCH = 2**31 - 1

Chunk = tuple[tuple[int, ...], tuple[int, str]]
_END: Chunk = ((0,), (0, ""))

# The bytes of a key: `~` sorts before the end of a run of non-digits, letters after it, all else after the letters.
_RUN_END = b"\x02"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CODES = {letter: bytes((0x80 | ord(letter),)) for letter in "+-.:"}
_CODES |= {letter: letter.encode() for letter in _LETTERS}
_CODES["~"] = b"\x01"


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. A missing epoch or revision counts as 0. Refuses what `dpkg --validate-version` does."""
    (epoch_a, *parts_a), (epoch_b, *parts_b) = _split(a), _split(b)
    if epoch_a != epoch_b:
        return sign(epoch_a < epoch_b, False)
    for part_a, part_b in zip(parts_a, parts_b, strict=True):
        for x, y in zip_longest(_chunks(part_a), _chunks(part_b), fillvalue=_END):
            if x != y:
                return sign(x < y, False)
    return 0


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0."""
    epoch, upstream, revision = _split(version)
    return number_key(epoch[1]) + _part_key(upstream) + _part_key(revision)


def number_key(digits: str) -> bytes:
    """Bytes that sort as decimal numbers of any length do; none of them starts another."""
    size, digits = number(digits)
    head = bytes((size,)) if size < 0xFF else b"\xff" + size.to_bytes(8, "big")
    return head + digits.encode("ascii")


def _split(version: str) -> tuple[tuple[int, str], str, str]:
    text = version.strip()
    epoch, colon, rest = text.partition(":")
    if not colon:
        epoch, rest = "0", text
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    if not _UPSTREAM(upstream) or not _REVISION(revision) or (dash and not revision):
        raise InvalidVersion(f"{version!r} is not a Debian version")
    if not _EPOCH(epoch) or int(epoch) > _MAX_EPOCH:
        raise InvalidVersion(f"{version!r} has no valid epoch before the colon")
    return number(epoch), upstream, revision


def _chunks(part: str) -> list[Chunk]:
    """Pairs of non-digits and digits. The zero after the non-digits is their end, which sorts after `~`."""
    return [((*map(_weight, text), 0), number(digits)) for text, digits in _PARTS.findall(part) if text or digits]


def _part_key(part: str) -> bytes:
    """A part without anything counts as 0, so its first chunk is always written. The end of the part comes last."""
    (text, digits), *rest = _PARTS.findall(part)
    chunks = [_run_key(text), number_key(digits)]
    for text, digits in rest:
        if text:
            chunks += (_run_key(text), number_key(digits))
    chunks.append(_RUN_END)
    return b"".join(chunks)


def _run_key(text: str) -> bytes:
    if len(text) < 2:  # by far the most
        return _CODES[text] + _RUN_END if text else _RUN_END
    return b"".join(map(_CODES.__getitem__, text)) + _RUN_END


def _weight(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


SCHEME = Scheme(name="deb", compare=compare, types=("deb",), key=key)
