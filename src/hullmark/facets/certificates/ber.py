"""The outer form of ASN.1 values: tags and lengths in BER (X.690), which includes DER. Content is only read on request."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.model.limit import Limit

OCTETS, OBJECT, INTEGER, SEQUENCE = 0x04, 0x06, 0x02, 0x30
CONSTRUCTED = 0x20

_MAX_DEPTH = Limit(30, "values of ASN.1 in each other")
_LONG_TAG = 0x1F
_INDEFINITE = 0x80
_LONGEST_LENGTH = Limit(4, "bytes that say the length of a value of ASN.1")


class DamagedBer(Exception):
    """It is not BER, or nested deeper than real files are."""


class Element(msgspec.Struct, frozen=True):
    """One value: its first byte, its content, and all of it as it is written."""

    tag: int
    content: bytes
    raw: bytes

    def parts(self) -> Iterator[Element]:
        """The values that it consists of. Raises Damaged."""
        if not self.tag & CONSTRUCTED:
            raise DamagedBer
        return elements(self.content)

    def octets(self, depth: int = 0) -> bytes:
        """The bytes of an octet string, which may be written in pieces. Raises Damaged."""
        if not self.tag & CONSTRUCTED:
            return self.content
        if depth > _MAX_DEPTH:
            raise DamagedBer
        return b"".join(part.octets(depth + 1) for part in self.parts())


def elements(body: bytes) -> Iterator[Element]:
    """The values, one after the other. Raises Damaged at an invalid one."""
    at = 0
    while at < len(body):
        begin, end, after = _extent(body, at, 0)
        yield Element(body[at], body[begin:end], body[at:after])
        at = after


def _extent(body: bytes, at: int, depth: int) -> tuple[int, int, int]:
    """Where the content of a value begins and ends, and where the next one begins."""
    if depth > _MAX_DEPTH:
        raise DamagedBer
    tag, begin = body[at], at + 1
    if tag & _LONG_TAG == _LONG_TAG:
        begin = next((i for i in range(begin, len(body)) if not body[i] & 0x80), len(body)) + 1
    length = body[begin] if begin < len(body) else 0xFF
    begin += 1
    if length == _INDEFINITE and tag & CONSTRUCTED:
        return _indefinite(body, begin, depth)
    if length >= _INDEFINITE:
        size = length & 0x7F
        length = int.from_bytes(body[begin : begin + size], "big") if 0 < size <= _LONGEST_LENGTH else len(body)
        begin += size
    if begin + length > len(body):
        raise DamagedBer
    return begin, begin + length, begin + length


def _indefinite(body: bytes, begin: int, depth: int) -> tuple[int, int, int]:
    """The same for a value of indefinite length, which ends with two zeros."""
    at = begin
    while at < len(body):
        if body.startswith(b"\0\0", at):
            return begin, at, at + 2
        _, _, at = _extent(body, at, depth + 1)
    raise DamagedBer


def encode_value(tag: int, *parts: bytes) -> bytes:
    """A value in DER."""
    content = b"".join(parts)
    if len(content) < _INDEFINITE:
        return bytes((tag, len(content))) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, _INDEFINITE | len(size))) + size + content
