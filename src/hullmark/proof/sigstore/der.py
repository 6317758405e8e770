"""The outer form of ASN.1 values in DER (X.690, section 10): tag, length and content, one byte of tag, lengths in their shortest form."""

from __future__ import annotations

import msgspec

from hullmark.model.limit import Limit

INTEGER, OCTETS, OBJECT, UTF8_STRING, SEQUENCE, SET, GENERALIZED_TIME = 0x02, 0x04, 0x06, 0x0C, 0x30, 0x31, 0x18

_MOST_PARTS = Limit(256, "parts of a value in a timestamp", "refused")
_SHORT = 0x80
_LONGEST_LENGTH = 4
_LONG_TAG = 0x1F


class DamagedDer(ValueError):
    """It is not DER."""


class Element(msgspec.Struct, frozen=True):
    """One value: its tag, its content, and all of it as it is written."""

    tag: int
    content: bytes
    raw: bytes

    @property
    def parts(self) -> tuple[Element, ...]:
        """The values that it consists of. Raises DamagedDer."""
        return parts_of(self.content)


def parts_of(body: bytes) -> tuple[Element, ...]:
    """The values that stand one after the other. Raises DamagedDer."""
    found: list[Element] = []
    at = 0
    while at < len(body):
        if len(found) >= _MOST_PARTS:
            raise DamagedDer("it has too many parts")
        element = _element(body, at)
        found.append(element)
        at += len(element.raw)
    return tuple(found)


def only(body: bytes, tag: int) -> Element:
    """The one value of this tag that the bytes are. Raises DamagedDer."""
    element = _element(body, 0)
    if element.tag != tag or len(element.raw) != len(body):
        raise DamagedDer("it is not one value of the kind that is expected")
    return element


def _element(body: bytes, at: int) -> Element:
    if at + 2 > len(body) or body[at] & _LONG_TAG == _LONG_TAG:
        raise DamagedDer("it is cut short, or of an unknown kind")
    length, begin = body[at + 1], at + 2
    if length >= _SHORT:
        size = length - _SHORT
        if not 0 < size <= _LONGEST_LENGTH or begin + size > len(body):
            raise DamagedDer("it has a length that is not valid")
        length, begin = int.from_bytes(body[begin : begin + size], "big"), begin + size
        if length < _SHORT or length >> 8 * (size - 1) == 0:
            raise DamagedDer("it has a length that is not in its shortest form")
    if begin + length > len(body):
        raise DamagedDer("it is cut short")
    return Element(body[at], body[begin : begin + length], body[at : begin + length])
