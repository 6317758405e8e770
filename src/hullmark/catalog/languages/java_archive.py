"""Zip archives in memory: some members, without touching the others.

Follows PKWARE's APPNOTE.TXT 6.3.10 and, for what precedes the archive, the practice of self-executing jars.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from hullmark.model.limit import Limit

try:
    from isal import isal_zlib

    _decompressor, _crc32 = isal_zlib.decompressobj, isal_zlib.crc32
    _ERRORS: tuple[type[Exception], ...] = (isal_zlib.error, zlib.error)  # type: ignore[assignment]
except ImportError:  # pragma: no cover - isal has no wheel for some machines
    _decompressor, _crc32 = zlib.decompressobj, zlib.crc32  # type: ignore[assignment]
    _ERRORS = (zlib.error,)

MAX_NAME = Limit(4096, "bytes of a member's name in a Java archive")
"""No system could unpack files of longer names."""

_END = struct.Struct("<4s4HIIH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_STEP = struct.Struct("<I24x3H")
_END_MARK, _END64_MARK, _LOCATOR64_MARK = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENTRY_MARK, _ENTRY_NUMBER, _LOCAL_MARK = b"PK\1\2", 0x02014B50, b"PK\3\4"
_NONE32, _NONE16, _ZIP64_FIELD = 0xFFFFFFFF, 0xFFFF, 1
_STORED, _DEFLATED, _ENCRYPTED = 0, 8, 1
_PIECE = 16 * 1024
_DEFLATE_RATIO = 1032  # no deflate stream holds more bytes for each of its own
_END_CANDIDATES = Limit(16, "places where the list of members of a Java archive may stand")


class DamagedArchive(ValueError):
    """An archive or a member that cannot be read; the text is the end of a sentence that begins with its name."""


class Directory(NamedTuple):
    """The list of members of one archive.

    `entries` are its bytes, `start` says where they stand in the body (no member reaches beyond), `shift` how many bytes
    precede the archive's own first byte.
    """

    entries: bytes
    start: int
    shift: int


class Member(NamedTuple):
    """One member as the directory describes it. `offset` counts from the body's first byte."""

    offset: int
    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int


def read_directory(body: memoryview) -> Directory:
    """Find the directory of the archive that ends with this body (a comment or a little rubbish may follow).

    Raises DamagedArchive.
    """
    start = max(0, len(body) - _END.size - _NONE16)
    tail = bytes(body[start:])
    at = tail.rfind(_END_MARK)
    if at < 0:
        raise DamagedArchive("is not a zip archive, or is cut off")
    for _ in range(_END_CANDIDATES):
        directory = _directory_before(body, start + at) if at + _END.size <= len(tail) else None
        if directory is not None:
            return directory
        at = tail.rfind(_END_MARK, 0, at)
        if at < 0:
            break
    raise DamagedArchive("has no list of members where it should be")


def _directory_before(body: memoryview, end: int) -> Directory | None:
    _, _, _, _, count, size, offset, _ = _END.unpack_from(body, end)
    if _NONE32 in (size, offset) or count == _NONE16:
        size, offset, end = _zip64_directory(body, end) or (size, offset, end)
    for start in (end - size, offset):
        if 0 <= start <= end - size and (size == 0 or body[start : start + 4] == _ENTRY_MARK):
            return Directory(bytes(body[start : start + size]), start, start - offset)
    return None


def _zip64_directory(body: memoryview, end: int) -> tuple[int, int, int] | None:
    locator = end - _LOCATOR64.size
    if locator < 0:
        return None
    mark, _, stated, _ = _LOCATOR64.unpack_from(body, locator)
    if mark != _LOCATOR64_MARK:
        return None
    for at in (locator - _END64.size, stated):
        if 0 <= at <= locator - _END64.size and body[at : at + 4] == _END64_MARK:
            *_, size, offset = _END64.unpack_from(body, at)
            return size, offset, at
    return None


def list_members(directory: Directory, tails: frozenset[bytes] | None) -> tuple[list[Member], bool]:
    """The members whose names end with one of these four bytes (None: all), and whether the whole directory could be read.

    Names longer than MAX_NAME bytes are left out, and it is not read whole then.
    """
    entries, unpack, found = directory.entries, _STEP.unpack_from, []
    is_short = True
    position, last = 0, len(entries) - _ENTRY.size
    while position <= last:
        mark, name_length, extra_length, comment_length = unpack(entries, position)
        end = position + 46 + name_length
        if mark != _ENTRY_NUMBER:
            break
        if tails is None or entries[end - 4 : end] in tails:
            if name_length <= MAX_NAME:
                found.append(_member(directory, position, end, extra_length))
            else:
                is_short = False
        position = end + extra_length + comment_length
    return found, is_short and position == len(entries)


def _member(directory: Directory, position: int, end: int, extra_length: int) -> Member:
    entries = directory.entries
    fields = _ENTRY.unpack_from(entries, position)
    flags, method, crc, packed, size, offset = (*fields[3:5], *fields[7:10], fields[16])
    if _NONE32 in (packed, size, offset):
        packed, size, offset = _zip64_sizes(entries[end : end + extra_length], packed, size, offset)
    name = entries[position + _ENTRY.size : end].decode("utf-8", "replace")
    return Member(offset + directory.shift, name, method, flags, crc, packed, size)


def _zip64_sizes(extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == _ZIP64_FIELD:
            field = extra[position + 4 : position + 4 + length]
            numbers = [n for (n,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8])][::-1]
            size = numbers.pop() if size == _NONE32 and numbers else size
            packed = numbers.pop() if packed == _NONE32 and numbers else packed
            offset = numbers.pop() if offset == _NONE32 and numbers else offset
            break
        position += 4 + length
    return packed, size, offset


def without_overlaps(members: Iterable[Member]) -> tuple[list[Member], bool]:
    """The members by position, without those that begin inside another one; and whether there were such.

    Honest archives have none; in dishonest ones the same bytes are used again and again.
    """
    kept: list[Member] = []
    end, overlap = 0, False
    for member in sorted(members):
        if member.offset < end:
            overlap = True
            continue
        kept.append(member)
        end = member.offset + _LOCAL.size + member.packed
    return kept, overlap


def packed_bytes(body: memoryview, directory: Directory, member: Member) -> memoryview:
    """The member's bytes as they are stored, without copying them. Raises DamagedArchive."""
    if member.flags & _ENCRYPTED:
        raise DamagedArchive("is encrypted")
    if member.method not in (_STORED, _DEFLATED):
        raise DamagedArchive(f"is packed by method {member.method}, which is not understood")
    if not 0 <= member.offset <= directory.start - _LOCAL.size:
        raise DamagedArchive("is said to be outside the archive")
    header = _LOCAL.unpack_from(body, member.offset)
    start = member.offset + _LOCAL.size + header[9] + header[10]
    if header[0] != _LOCAL_MARK:
        raise DamagedArchive("is not where the list of members says")
    if start + member.packed > directory.start:
        raise DamagedArchive("reaches beyond the end of the archive")
    if member.method == _STORED and member.packed != member.size:
        raise DamagedArchive("has two different sizes")
    if member.size > member.packed * _DEFLATE_RATIO + _DEFLATE_RATIO:
        raise DamagedArchive("cannot be as large as the list of members says")
    return body[start : start + member.packed]


def unpack(packed: memoryview, member: Member) -> memoryview:
    """The member's content, checked against its size and checksum; `member.size` bytes, which the caller has bounded.

    Uncompressed members are not copied. Raises DamagedArchive.
    """
    content = packed if member.method == _STORED else _inflate(packed, member.size)
    if _crc32(content) != member.crc:
        raise DamagedArchive("does not have the checksum that the list of members says")
    return content


def _inflate(packed: memoryview, size: int) -> memoryview:
    # One buffer of the promised size, filled from small pieces: inflating at one go would hold the content twice.
    content, inflater, filled = bytearray(size), _decompressor(-15), 0
    try:
        for start in range(0, len(packed), _PIECE):
            piece = inflater.decompress(packed[start : start + _PIECE], size - filled + 1)
            if filled + len(piece) > size:
                raise DamagedArchive("holds more than the list of members says")
            content[filled : filled + len(piece)] = piece
            filled += len(piece)
            if inflater.eof:
                break
    except _ERRORS as error:
        raise DamagedArchive("is not sound deflate data") from error
    if filled != size or not inflater.eof:
        raise DamagedArchive("ends too early")
    return memoryview(content)


def first_bytes(packed: memoryview, member: Member, limit: int) -> bytes:
    """At most `limit` first bytes of the content, unchecked. Raises DamagedArchive."""
    if member.method == _STORED:
        return bytes(packed[:limit])
    try:
        # Bytes that are not needed are not passed on: they would be copied into the inflater's unconsumed tail.
        return bytes(_decompressor(-15).decompress(packed[: limit + _PIECE], limit))
    except _ERRORS as error:
        raise DamagedArchive("is not sound deflate data") from error
