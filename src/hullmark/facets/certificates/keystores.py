"""Java's key stores of the kinds JKS and JCEKS (sun.security.provider.JavaKeyStore): certificates are open in them, keys encrypted."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from hullmark.model.certificate import Item, PrivateKey, Unread
from hullmark.model.limit import Limit

MAX_ENTRIES = Limit(5000, "entries of a Java key store, and certificates of one chain in it")

_MAGICS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_HEAD = struct.Struct(">4sII")
_KEY, _CERTIFICATE = 1, 2
_DIGEST_BYTES = 20


def is_keystore(body: bytes) -> bool:
    """Whether a file begins as a JKS or JCEKS key store."""
    return body[:4] in _MAGICS


class _Cut(Exception):
    """The file ends too early."""


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


def keystore_items(body: bytes, certificate: Callable[[bytes], Item]) -> Iterator[Item]:
    """All that a key store holds; `certificate` reads one in DER. Parts that are cut off or of an unknown kind are reported."""
    if len(body) < _HEAD.size + _DIGEST_BYTES:
        yield Unread("it is a key store that was cut short", may_be_key=True)
        return
    _, version, count = _HEAD.unpack_from(body)
    reader = _Reader(body[:-_DIGEST_BYTES])
    try:
        for number in range(1, min(count, MAX_ENTRIES) + 1):
            yield from _entry(reader, number, version, certificate)
    except _Cut:
        yield Unread("it is a key store that was cut short or is damaged", may_be_key=True)
    if count > MAX_ENTRIES:
        yield Unread(f"it holds more than {MAX_ENTRIES} entries", may_be_key=True)


def _entry(reader: _Reader, number: int, version: int, certificate: Callable[[bytes], Item]) -> Iterator[Item]:
    kind = reader.number(4)
    reader.take(reader.number(2))  # the alias
    reader.take(8)  # when it was made
    if kind == _CERTIFICATE:
        yield certificate(_encoded(reader, version))
    elif kind == _KEY:
        reader.take(reader.number(4))
        yield PrivateKey(number=number, is_encrypted=True)
        chain = reader.number(4)
        if chain > MAX_ENTRIES:
            raise _Cut
        for _ in range(chain):
            yield certificate(_encoded(reader, version))
    else:
        # A secret key of JCEKS is a serialized Java object: its end is not known.
        yield PrivateKey(number=number, is_encrypted=True)
        raise _Cut


def _encoded(reader: _Reader, version: int) -> bytes:
    if version > 1:
        reader.take(reader.number(2))  # the type, as X.509
    return reader.take(reader.number(4))
