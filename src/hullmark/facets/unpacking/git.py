"""Objects of Git: loose ones and those of packs (gitformat-pack(5)), with what deltas make of each other.

Trees are not shown: they hold names and digests alone.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import NamedTuple

from hullmark.facets.unpacking.archives import MIB, Unpack, Unpacker
from hullmark.model.limit import Limit

MAX_BASES = Limit(32 * MIB, "bytes of a Git pack's objects that others may be made from")

_TYPES = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_OFFSET_DELTA, _NAMED_DELTA = 6, 7
_LOOSE = tuple(kind + b" " for kind in _TYPES.values())
_HEAD = 32
_PIECE = 1 << 14
_LONGEST_NUMBER = 9


class _Object(NamedTuple):
    kind: bytes
    body: bytes


class DamagedObject(ValueError):
    """Not what the format has."""


def loose_object(body: bytes) -> Unpack | None:
    """A file below .git/objects: a zlib stream of a type, a size and the object."""
    if body[:1] != b"x" or len(body) < 2 or int.from_bytes(body[:2], "big") % 31:
        return None
    try:
        head = zlib.decompressobj().decompress(body[: 4 * _HEAD], _HEAD)
    except zlib.error:
        return None
    return _show_loose if head.startswith(_LOOSE) and b"\0" in head else None


def pack(body: bytes) -> Unpack | None:
    """A pack, of the versions that there are."""
    return _show_pack if body.startswith((b"PACK\0\0\0\2", b"PACK\0\0\0\3")) else None


def _show_loose(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    unpacking.count()
    content, _ = _decompress_stream(unpacking, body, 0, unpacking.room())
    head, _, rest = content.partition(b"\0")
    _show(unpacking, _Object(head.partition(b" ")[0], rest), prefix, depth)


def _show(unpacking: Unpacker, found: _Object, prefix: str, depth: int) -> str:
    """Show an object, and return its name."""
    head = b"%s %d\0" % (found.kind, len(found.body))
    name = hashlib.sha1(head + found.body, usedforsecurity=False).hexdigest()
    if found.kind != b"tree":
        unpacking.member(prefix + name, found.body, depth)
    return name


def _decompress_stream(unpacking: Unpacker, body: bytes, at: int, most: int) -> tuple[bytes, int]:
    """What a zlib stream unpacks to, which counts, and where it ends. Raises DamagedObject for more than `most` bytes."""
    stream, out, size = zlib.decompressobj(), [], 0
    while not stream.eof:
        piece = body[at : at + _PIECE]
        if not piece:
            raise DamagedObject
        made = stream.decompress(piece, most + 1 - size)
        unpacking.take(len(made))
        out.append(made)
        size += len(made)
        if size > most:
            raise DamagedObject
        at += len(piece) - len(stream.unused_data) - len(stream.unconsumed_tail)
    return b"".join(out), at


def _show_pack(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    _Pack(unpacking, prefix, depth).show(body)


class _Pack:
    """The objects of one pack, in the order in which they lie. Those that others may be made from are held."""

    def __init__(self, unpacking: Unpacker, prefix: str, depth: int) -> None:
        self._unpacking = unpacking
        self._prefix = prefix
        self._depth = depth
        self._by_place: dict[int, _Object] = {}
        self._by_name: dict[str, _Object] = {}
        self._held = 0

    def show(self, body: bytes) -> None:
        """All of them."""
        at = 12
        for _ in range(int.from_bytes(body[8:12], "big")):
            self._unpacking.count()
            at = self._next(body, at)

    def _next(self, body: bytes, place: int) -> int:
        """Show the object at a place, and return where the next one begins."""
        number, at = _number_at(body, place)
        kind, size = number & 7, number >> 3
        base: _Object | None = None
        if kind == _OFFSET_DELTA:
            distance, at = _distance_at(body, at)
            base = self._by_place.get(place - distance)
        elif kind == _NAMED_DELTA:
            base, at = self._by_name.get(body[at : at + 20].hex()), at + 20
        elif kind not in _TYPES:
            raise DamagedObject
        content, end = _decompress_stream(self._unpacking, body, at, min(size, self._unpacking.room()))
        if kind in _TYPES:
            self._take(place, _Object(_TYPES[kind], content))
        elif base is None:
            self._unpacking.note("an object of a Git pack is made from one that is not held")
            self._take(place, _Object(b"delta", content))
        else:
            self._take(place, _Object(base.kind, self._apply_delta(base.body, content)))
        return end

    def _apply_delta(self, base: bytes, delta: bytes) -> bytes:
        """What a delta makes of its base."""
        _, at = _size_at(delta, 0)
        size, at = _size_at(delta, at)
        if size > self._unpacking.room():
            raise DamagedObject
        self._unpacking.take(size)
        out, made = [], 0
        while at < len(delta) and made <= size:
            order, at = delta[at], at + 1
            if order & 0x80:
                begin, at = _bytes_at(delta, at, order & 0x0F, 4)
                count, at = _bytes_at(delta, at, order >> 4 & 7, 3)
                piece = base[begin : begin + (count or 0x10000)]
            else:
                piece, at = delta[at : at + order], at + order
            out.append(piece)
            made += len(piece)
        return b"".join(out)[:size]

    def _take(self, place: int, found: _Object) -> None:
        name = _show(self._unpacking, found, self._prefix, self._depth)
        self._held += len(found.body)
        if self._held <= MAX_BASES:
            self._by_place[place] = self._by_name[name] = found


def _number_at(body: bytes, at: int) -> tuple[int, int]:
    """The head of an object, as size << 3 | type, and where it ends."""
    first = body[at]
    size, shift = first & 0x0F, 4
    end = at + 1
    while body[end - 1] & 0x80:
        if end - at > _LONGEST_NUMBER:
            raise DamagedObject
        size |= (body[end] & 0x7F) << shift
        shift, end = shift + 7, end + 1
    return size << 3 | first >> 4 & 7, end


def _distance_at(body: bytes, at: int) -> tuple[int, int]:
    """How far in front of an object its base lies."""
    begin, distance = at, body[at] & 0x7F
    while body[at] & 0x80:
        at += 1
        if at - begin > _LONGEST_NUMBER:
            raise DamagedObject
        distance = (distance + 1) << 7 | body[at] & 0x7F
    return distance, at + 1


def _size_at(body: bytes, at: int) -> tuple[int, int]:
    """A size of a delta: seven bits a byte, the lowest first."""
    begin = at
    size = body[at] & 0x7F
    while body[at] & 0x80:
        at += 1
        if at - begin > _LONGEST_NUMBER:
            raise DamagedObject
        size |= (body[at] & 0x7F) << 7 * (at - begin)
    return size, at + 1


def _bytes_at(body: bytes, at: int, present: int, most: int) -> tuple[int, int]:
    """A number written without its zero bytes."""
    number = 0
    for position in range(most):
        if present >> position & 1:
            number |= body[at] << 8 * position
            at += 1
    return number, at
