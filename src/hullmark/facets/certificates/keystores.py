"""Java's key stores of the kinds JKS and JCEKS (sun.security.provider.JavaKeyStore): certificates are open in them, keys encrypted."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from hullmark.facets.certificates.ber import DamagedBer, elements
from hullmark.model.certificate import Item, KeyStore, PrivateKey, Unread
from hullmark.model.limit import Limit

MAX_ENTRIES = Limit(5000, "entries of a Java key store, and certificates of one chain in it")

_MAGICS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_HEAD = struct.Struct(">4sII")
_KEY, _CERTIFICATE = 1, 2
_DIGEST_BYTES = 20


PASSWORD = "changeit"  # noqa: S105 — everyone knows it
"""The password that all of Java's tools begin with."""

_LETTERS = PASSWORD.encode("utf-16-be")
_WHITENER = b"Mighty Aphrodite"
_SUN_PROTECTION = bytes.fromhex("2b060104012a02110101")


def is_keystore(body: bytes) -> bool:
    """Whether a file begins as a JKS or JCEKS key store."""
    return body[:4] in _MAGICS


class _Cut(Exception):
    """The file ends too early."""


class _Endless(Exception):
    """A secret key of JCEKS is a serialized Java object: its end is not known."""


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = _HEAD.size

    def take(self, count: int) -> bytes:
        """The next bytes. Raises _Cut where there are not so many."""
        piece = self._body[self._at : self._at + count]
        if len(piece) != count:
            raise _Cut
        self._at += count
        return piece

    def number(self, size: int) -> int:
        """The next unsigned number of `size` bytes, big endian."""
        return int.from_bytes(self.take(size), "big")


def keystore_items(
    body: bytes, certificate: Callable[[bytes], Item], private_key: Callable[[bytes, int], PrivateKey]
) -> Iterator[Item]:
    """The key store, and all that it holds; `certificate` reads one in DER, `private_key` an open one. Parts that are cut off or of an
    unknown kind are reported.
    """
    found = list(_entries(body, certificate, private_key))
    keys = sum(isinstance(item, PrivateKey) for item in found)
    format = "jks" if body[:4] == _MAGICS[0] else "jceks"
    yield KeyStore(format=format, keys=keys, password=PASSWORD if _opens(body) else None)
    yield from found


def _opens(body: bytes) -> bool:
    """Whether the check sum at a store's end is the one that the usual password makes."""
    digest = hashlib.sha1(_LETTERS + _WHITENER + body[:-_DIGEST_BYTES], usedforsecurity=False).digest()
    return hmac.compare_digest(digest, body[-_DIGEST_BYTES:])


def opened_key(protected: bytes) -> bytes | None:
    """A key that the usual password protects in the way of JKS (sun.security.provider.KeyProtector); None for any other."""
    try:
        algorithm, held, *_ = next(elements(protected)).parts()
        if next(algorithm.parts()).content != _SUN_PROTECTION:
            return None
        body = held.octets()
    except (DamagedBer, StopIteration, ValueError):
        return None
    digest, hidden, check = body[:_DIGEST_BYTES], body[_DIGEST_BYTES:-_DIGEST_BYTES], body[-_DIGEST_BYTES:]
    stream = b""
    while len(stream) < len(hidden):
        digest = hashlib.sha1(_LETTERS + digest, usedforsecurity=False).digest()
        stream += digest
    key = bytes(a ^ b for a, b in zip(hidden, stream, strict=False))
    is_right = hashlib.sha1(_LETTERS + key, usedforsecurity=False).digest() == check
    return key if is_right else None


def _entries(
    body: bytes, certificate: Callable[[bytes], Item], private_key: Callable[[bytes, int], PrivateKey]
) -> Iterator[Item]:
    if len(body) < _HEAD.size + _DIGEST_BYTES:
        yield Unread("it is a key store that was cut short", may_be_key=True)
        return
    _, version, count = _HEAD.unpack_from(body)
    reader = _Reader(body[:-_DIGEST_BYTES])
    number = 0
    try:
        for number in range(1, min(count, MAX_ENTRIES) + 1):
            yield from _entry(reader, (number, version), certificate, private_key)
    except _Endless:
        if number < count:
            yield Unread("it holds a secret key, and what follows it is not read", may_be_key=True)
    except _Cut:
        yield Unread("it is a key store that was cut short or is damaged", may_be_key=True)
    if count > MAX_ENTRIES:
        yield Unread(f"it holds more than {MAX_ENTRIES} entries", may_be_key=True)


def _entry(
    reader: _Reader,
    which: tuple[int, int],
    certificate: Callable[[bytes], Item],
    private_key: Callable[[bytes, int], PrivateKey],
) -> Iterator[Item]:
    number, version = which
    kind = reader.number(4)
    reader.take(reader.number(2))  # the alias
    reader.take(8)  # when it was made
    if kind == _CERTIFICATE:
        yield certificate(_read_certificate(reader, version))
    elif kind == _KEY:
        open_key = opened_key(reader.take(reader.number(4)))
        locked = PrivateKey(number=number, is_encrypted=True)
        yield locked if open_key is None else replace(private_key(open_key, number), password=PASSWORD)
        chain = reader.number(4)
        if chain > MAX_ENTRIES:
            raise _Cut
        for _ in range(chain):
            yield certificate(_read_certificate(reader, version))
    else:
        yield PrivateKey(number=number, is_encrypted=True)
        raise _Endless


def _read_certificate(reader: _Reader, version: int) -> bytes:
    if version > 1:
        reader.take(reader.number(2))  # the type, as X.509
    return reader.take(reader.number(4))
