"""Zip archives in memory, where Python's library would take most of the time (PKWARE's APPNOTE.TXT 6.3.10): tables of contents and members
that are plain, as nearly all are, are read here. What is damaged or rare is for the library, so that it means here what it means there."""

from __future__ import annotations

import io
import struct
import zipfile
from functools import cached_property
from typing import NamedTuple, cast

from hullmark.facets.unpacking.inflating import AT_ONCE, FAULTS, crc32, decompressor
from hullmark.rootfs.inflate import ReadInto

_END = struct.Struct("<4s4H2LH")
_END_MAGIC, _LINE_MAGIC = b"PK\5\6", b"PK\1\2"
_LINE = 46
_SIZES = struct.Struct("<4s16xL4x3H")
_LINE_FORM = struct.Struct("<4s6H3L5H2L")
_FIELD = struct.Struct("<2H")
_OTHER_NAME = 0x7075
_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NEWEST = 63
_IS_UTF8, _ODD_FLAGS = 0x800, 0x60
_LONGEST_END = 22 + 0xFFFF
_IS_ELSEWHERE = 0xFFFFFFFF
_LOCAL_MAGIC, _LOCAL, _NAMES = b"PK\3\4", 30, struct.Struct("<2H")
_RAW = -15
_STEP = 1 << 16
_BETWEEN = 48
"""So many bytes may stand between two members besides what the table says of them: extra fields, and a descriptor."""


class Skip:
    """Files in zips that are not unpacked: those with these endings, but for those in these folders, and those of small zips.

    `count`: how many were left out so far.
    """

    def __init__(self, endings: tuple[str, ...], unless_in: tuple[str, ...] = (), beyond: int = 0) -> None:
        self._endings = tuple(ending.encode() for ending in endings)
        self._unless_in = tuple(folder.encode() for folder in unless_in)
        self._beyond = beyond
        self.count = 0

    def of(self, body: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """(endings, folders) of the names in a zip that are left out, and that are not."""
        return (self._endings if len(body) > self._beyond else ()), self._unless_in


class Member(NamedTuple):
    """A member of a zip, as the table of contents has it."""

    name: str
    raw: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    at: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.name.endswith("/")


class Zip:
    """A zip with at most so many members. `members`: those that are wanted; None where the library must be asked, for the zip is not
    plain, damaged or larger. `plain`: the zip without the lines of the table that are not wanted, as far as that is known.
    """

    def __init__(self, body: bytes, most: int, skip: Skip | None = None) -> None:
        self._body = body
        self._table = _table_of(body, most, skip)
        self.members = None if self._table is None else _members_of(body, self._table)

    @property
    def text_begin(self) -> int:
        """Where the table of contents begins, if nothing else stands in front of it but members; -1 if something may."""
        table = self._table
        if table is None or table.shift:
            return -1
        between = table.begin - table.packed
        return table.begin if 0 <= between <= _BETWEEN * (len(table.lines) + table.left_out) else -1

    @cached_property
    def plain(self) -> bytes:
        return self._body if self._table is None else _drop_unwanted_lines(self._body, self._table)

    @cached_property
    def library(self) -> zipfile.ZipFile:
        """What the library makes of it. Raises what `damage` lists."""
        return zipfile.ZipFile(io.BytesIO(self.plain))

    def at_once(self, member: Member, most: int) -> bytes | None:
        """All bytes of a member of at most so many; None for one that is larger, encrypted, a folder, or not as its line says."""
        body, at = self._body, member.at
        is_small = member.size <= most and member.size <= AT_ONCE
        if (
            not is_small
            or member.flags & 1
            or member.is_folder
            or not body.startswith(_LOCAL_MAGIC, at)
            or at + _LOCAL > len(body)
        ):
            return None
        name, extra = _NAMES.unpack_from(body, at + 26)
        start = at + _LOCAL + name + extra
        if member.method == zipfile.ZIP_STORED:
            content = body[start : start + member.size]
            is_whole = body[at + _LOCAL : at + _LOCAL + name] == member.raw
        else:
            inflater = decompressor(_RAW)
            try:
                content = inflater.decompress(memoryview(body)[start : start + member.packed], member.size + 1)
            except FAULTS:
                return None
            is_whole = inflater.eof
        return content if is_whole and len(content) == member.size and crc32(content) == member.crc else None

    def opened(self, member: zipfile.ZipInfo) -> ReadInto:
        """A function that fills a buffer with a member's bytes, and returns how many; 0 at the end.

        Raises BadZipFile, EOFError or the library's error where the member is damaged, after all that came before the damage.
        """
        if member.compress_type != zipfile.ZIP_DEFLATED:
            return cast("io.BufferedIOBase", self.library.open(member)).readinto1
        return _open_deflated_member(self.plain, member)


class _Table(NamedTuple):
    """The table of contents of a zip: where it begins and ends, how far behind their offsets the members stand, where each line that is
    wanted begins, how many are left out, and how many bytes all members take, with their heads and names.
    """

    begin: int
    end: int
    shift: int
    lines: list[int]
    left_out: int
    packed: int


def _table_of(body: bytes, most: int, skip: Skip | None = None) -> _Table | None:
    """The table of a zip that is plain and undamaged, and has at most so many wanted lines; else None, for the library to say more."""
    end = body.rfind(_END_MAGIC, max(len(body) - _LONGEST_END, 0))
    if end < 0 or end + _END.size > len(body):
        return None
    *_, size, offset, _ = _END.unpack_from(body, end)
    begin = end - size
    if offset == _IS_ELSEWHERE or begin < 0:
        return None
    endings, unless_in = skip.of(body) if skip is not None else ((), ())
    lines: list[int] = []
    left_out, at, unpack, all_packed = 0, begin, _SIZES.unpack_from, 0
    while at + _LINE <= end:
        magic, packed, name, extra, comment = unpack(body, at)
        if magic != _LINE_MAGIC:
            break
        start = at + _LINE
        all_packed += packed + name
        following = start + name + extra + comment
        if endings and body.endswith(endings, start, start + name) and not body.startswith(unless_in, start):
            left_out += 1
        else:
            lines.append(at)
        at = following
    if at != end or len(lines) > most:
        return None
    if skip is not None:
        skip.count += left_out
    all_packed += _LOCAL * (len(lines) + left_out)
    return _Table(begin, end, begin - offset, lines, left_out, all_packed)


def _members_of(body: bytes, table: _Table) -> list[Member] | None:
    """The lines of a table as members; None where one has what only the library reads."""
    members = []
    for at in table.lines:
        _, _, version, flags, method, _, _, crc, packed, size, named, extra, *_, place = _LINE_FORM.unpack_from(
            body, at
        )
        start = at + _LINE
        raw = body[start : start + named]
        is_plain = method in _PLAIN_METHODS and version & 0xFF <= _NEWEST and not flags & _ODD_FLAGS
        is_plain = is_plain and _IS_ELSEWHERE not in (packed, size, place) and 0 <= place + table.shift < table.begin
        # A member that is stored has two sizes too. Names are not checked twice, as the library does with those that it opens.
        is_plain = is_plain and (method != zipfile.ZIP_STORED or packed == size)
        if not (is_plain and raw and 0 not in raw and _is_sound(body[start + named : start + named + extra])):
            return None
        try:
            name = raw.decode("utf-8" if flags & _IS_UTF8 else "cp437")
        except UnicodeDecodeError:
            return None
        members.append(Member(name, raw, flags, method, crc, packed, size, place + table.shift))
    return members


def _is_sound(extra: bytes) -> bool:
    """Whether the extra fields of a line end where it does, and none has another name for the member."""
    at = 0
    while at + _FIELD.size <= len(extra):
        kind, size = _FIELD.unpack_from(extra, at)
        at += _FIELD.size + size
        if kind == _OTHER_NAME:
            return False
    return at <= len(extra)


def _drop_unwanted_lines(body: bytes, table: _Table) -> bytes:
    """A zip without the lines that are not wanted."""
    if not table.left_out:
        return body
    *head, _, _, _, offset, _ = _END.unpack_from(body, table.end)
    lines = b"".join(body[at : at + _LINE + sum(_SIZES.unpack_from(body, at)[2:])] for at in table.lines)
    count = min(len(table.lines), 0xFFFF)
    return body[: table.begin] + lines + _END.pack(*head, count, count, len(lines), offset, 0)


def _open_deflated_member(body: bytes, member: zipfile.ZipInfo) -> ReadInto:
    at = member.header_offset
    if not body.startswith(_LOCAL_MAGIC, at) or at + _LOCAL > len(body):
        raise zipfile.BadZipFile("a member is not where the table of contents says")
    start = at + _LOCAL + sum(_NAMES.unpack_from(body, at + 26))
    return _DeflatedMember(memoryview(body)[start : start + member.compress_size], member.CRC).readinto


class _DeflatedMember:
    """The bytes of a deflated member, of which no more are held than were requested."""

    def __init__(self, packed: memoryview, crc: int) -> None:
        self._packed = packed
        self._expected = crc
        self._crc = 0
        self._at = 0
        self._rest = b""
        self._inflater = decompressor(_RAW)

    def readinto(self, buffer: memoryview) -> int:
        while not self._inflater.eof:
            piece = self._rest or self._packed[self._at : self._at + _STEP]
            self._at += 0 if self._rest else len(piece)
            plain = self._inflater.decompress(piece, len(buffer))
            self._rest = self._inflater.unconsumed_tail
            if plain:
                self._crc = crc32(plain, self._crc)
                buffer[: len(plain)] = plain
                return len(plain)
            if not piece:
                raise EOFError
        if self._crc != self._expected:
            raise zipfile.BadZipFile("a member's checksum is not that of its bytes")
        return 0
