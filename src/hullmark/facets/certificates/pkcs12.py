"""PKCS #12 files (RFC 7292): certificates and a key, opened with no password or with the one that all of Java's tools begin with.

How often a password is hashed stands in the file, and its maker may ask for hours. So the file is taken apart before anything is
opened, and what the library is given is put together again: only parts whose cost is known, and the key before the encrypted
parts. The library opens the first key that it meets and no other; keys in encrypted parts, whose cost cannot be known, are never
opened. Programs put none there; what is larger than the certificates in it is said to hold more.
"""

from __future__ import annotations

import hashlib
import hmac
from math import prod
from typing import Any, NamedTuple

from hullmark.facets.certificates.ber import (
    CONSTRUCTED,
    INTEGER,
    OBJECT,
    OCTETS,
    SEQUENCE,
    DamagedBer,
    Element,
    elements,
    encode_value,
)
from hullmark.model.limit import Limit

MAX_ROUNDS = Limit(1_000_000, "rounds of hashing a password that opening a PKCS #12 file may cost")
"""So often a password may be hashed to open one file. Programs ask for some 10,000 at each of its parts."""

_PASSWORDS = (None, b"", b"changeit")
_MAX_BAGS = Limit(2000, "bags of a PKCS #12 file")
_MAX_DEPTH = Limit(5, "bags of a PKCS #12 file in each other")
_AROUND_A_CERTIFICATE, _AROUND_A_PART = 320, 256
_PKCS7, _BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07", b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01"
_DATA, _ENCRYPTED = _PKCS7 + b"\x01", _PKCS7 + b"\x06"
_KEY, _SHROUDED, _SAFE = _BAG + b"\x01", _BAG + b"\x02", _BAG + b"\x06"
_EXPLICIT = 0xA0
_SHA1 = encode_value(SEQUENCE, encode_value(OBJECT, b"\x2b\x0e\x03\x02\x1a"), b"\x05\0")
_SALT = bytes(64)
# A dummy key for Ed25519 (RFC 8410): it comes first where a file has no key outside of its encrypted parts.
_NOBODY = encode_value(
    SEQUENCE,
    b"\2\1\0",
    encode_value(SEQUENCE, encode_value(OBJECT, b"\x2b\x65\x70")),
    encode_value(OCTETS, encode_value(OCTETS, bytes(range(32)))),
)


class TooCostly(Exception):
    """Opening the file would take too long."""


class KeystoreContent(NamedTuple):
    """What a file holds: the first of its keys, how many it shows, its certificates in DER, whether more is hidden among them, and the
    password that opened it.
    """

    key: Any
    keys: int
    certificates: list[bytes]
    has_more: bool
    password: str


class _Parts:
    """What a file is made of: its open and its encrypted parts as they are written, how many keys are seen, what opening costs."""

    def __init__(self) -> None:
        self.open: list[bytes] = []
        self.encrypted: list[bytes] = []
        self.keys = 0
        self.rounds = 0
        self._bags = 0

    def has_more(self, certificates: list[bytes]) -> bool:
        """Whether the encrypted parts are larger than such certificates make them."""
        spare = _AROUND_A_CERTIFICATE * len(certificates) + _AROUND_A_PART * len(self.encrypted)
        return sum(map(len, self.encrypted)) > sum(map(len, certificates)) + spare

    def add(self, part: Element) -> None:
        """Take one part (ContentInfo). Raises Damaged."""
        kind, content = _pair(part)
        if kind == _DATA:
            self.open.append(part.raw)
            self._bag_list(content.octets(), 0)
        elif kind == _ENCRYPTED:
            self.encrypted.append(part.raw)
            _, info, *_ = content.parts()
            _, algorithm, *_ = info.parts()
            self.rounds += _rounds(algorithm, 0)

    def _bag_list(self, body: bytes, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise DamagedBer
        for bag in (bag for bags in elements(body) for bag in bags.parts()):
            self._bags += 1
            if self._bags > _MAX_BAGS:
                raise TooCostly
            kind, content = _pair(bag)
            self.keys += kind in (_KEY, _SHROUDED)
            if kind == _SHROUDED:
                self.rounds += _rounds(next(content.parts()), 0)
            elif kind == _SAFE:
                self._bag_list(content.raw, depth + 1)


def open_store(body: bytes) -> KeystoreContent | None:
    """What a file holds; None if none of the passwords opens it. Raises TooCostly, and Damaged for any other file."""
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    parts = _parts_of(body)
    if parts.rounds > MAX_ROUNDS:
        raise TooCostly
    first = [] if parts.keys else [_part(encode_value(SEQUENCE, _bag(_KEY, _NOBODY)))]
    safe = encode_value(SEQUENCE, *parts.open, *first, *parts.encrypted)
    for password in _PASSWORDS:
        try:
            held = pkcs12.load_pkcs12(_store(safe, password), password)
        except (ValueError, TypeError):
            continue
        found = ([held.cert] if held.cert is not None else []) + list(held.additional_certs)
        certificates = [entry.certificate.public_bytes(Encoding.DER) for entry in found]
        return KeystoreContent(
            held.key, parts.keys, certificates, parts.has_more(certificates), (password or b"").decode()
        )
    return None


def _parts_of(body: bytes) -> _Parts:
    parts = _Parts()
    try:
        _, info, *_ = next(elements(body)).parts()
        kind, content = _pair(info)
        if kind != _DATA:
            raise DamagedBer  # it is signed, which no program in wide use does
        for part in next(elements(content.octets())).parts():
            parts.add(part)
    except (ValueError, StopIteration) as error:
        raise DamagedBer from error
    return parts


def _pair(value: Element) -> tuple[bytes, Element]:
    """The identifier and the content of a ContentInfo or a bag."""
    kind, explicit, *_ = value.parts()
    return kind.content, next(explicit.parts())


def _rounds(algorithm: Element, depth: int) -> int:
    """How often a way to encrypt hashes a password: in all of them (PKCS #5, #12, scrypt) the number follows the salt.

    With scrypt three numbers follow it, and cost their product. A second number alone is a length.
    """
    if depth > _MAX_DEPTH:
        raise DamagedBer
    parts = list(algorithm.parts()) if algorithm.tag & CONSTRUCTED else []
    total = sum(_rounds(part, depth + 1) for part in parts)
    tags = [part.tag for part in parts]
    if OCTETS in tags:
        numbers = [int.from_bytes(part.content, "big") for part in parts[tags.index(OCTETS) :] if part.tag == INTEGER]
        total += prod(numbers) if len(numbers) > 2 else sum(numbers[:1])
    return total


def _store(safe: bytes, password: bytes | None) -> bytes:
    """A whole file around its parts, with the check sum that this password makes (RFC 7292, appendix B, one round)."""
    letters = b"" if password is None else b"".join(bytes((0, byte)) for byte in password) + b"\0\0"
    filled = (letters * 64)[: -(-len(letters) // 64) * 64]
    key = hashlib.sha1(b"\3" * 64 + _SALT + filled, usedforsecurity=False).digest()
    digest = encode_value(SEQUENCE, _SHA1, encode_value(OCTETS, hmac.digest(key, safe, "sha1")))
    return encode_value(SEQUENCE, b"\2\1\3", _part(safe), encode_value(SEQUENCE, digest, encode_value(OCTETS, _SALT)))


def _part(content: bytes) -> bytes:
    return encode_value(SEQUENCE, encode_value(OBJECT, _DATA), encode_value(_EXPLICIT, encode_value(OCTETS, content)))


def _bag(kind: bytes, content: bytes) -> bytes:
    return encode_value(SEQUENCE, encode_value(OBJECT, kind), encode_value(_EXPLICIT, content))
