"""Zip archives in memory, where Python's library would take most of the time (PKWARE's APPNOTE.TXT 6.3.10): a table of contents without
the files that are not wanted, for each line of which it makes an object, and the members that are deflated, as nearly all are."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, cast

from hullmark.rootfs.inflate import ReadInto

if TYPE_CHECKING:
    import io

try:
    from isal import isal_zlib

    _decompressor, _crc32 = isal_zlib.decompressobj, isal_zlib.crc32
except ImportError:  # pragma: no cover - isal has no wheel for some machines
    _decompressor, _crc32 = zlib.decompressobj, zlib.crc32  # type: ignore[assignment]

_END = struct.Struct("<4s4H2LH")
_END_MAGIC, _LINE_MAGIC = b"PK\5\6", b"PK\1\2"
_LINE = 46
_SIZES = struct.Struct("<3H")
_LONGEST_END = 22 + 0xFFFF
_IS_ELSEWHERE = 0xFFFFFFFF
_LOCAL_MAGIC, _LOCAL, _NAMES = b"PK\3\4", 30, struct.Struct("<2H")
_RAW = -15
_STEP = 1 << 16


class Skip:
    """Files in zips that are not unpacked: those with these endings, but for those in these folders, and those of small zips.

    `count`: how many were left out so far.
    """

    def __init__(self, endings: tuple[str, ...], unless_in: tuple[str, ...] = (), beyond: int = 0) -> None:
        self._endings = tuple(ending.encode() for ending in endings)
        self._unless_in = tuple(folder.encode() for folder in unless_in)
        self._beyond = beyond
        self.count = 0

    def without(self, body: bytes, most: int) -> bytes:
        """The same zip with a table of contents that leaves them out; the body itself where it is small or not plain, or has more
        than `most` other files.

        A line that is damaged ends the table here, and what the library says of it is lost: so the body is returned then, too.
        """
        end = body.rfind(_END_MAGIC, max(len(body) - _LONGEST_END, 0))
        if end < 0 or end + _END.size > len(body) or len(body) <= self._beyond:
            return body
        *head, _, _, size, offset, _ = _END.unpack_from(body, end)
        begin = end - size
        if offset == _IS_ELSEWHERE or begin < 0:
            return body
        kept: list[bytes] = []
        left_out = 0
        at = begin
        while at + _LINE <= end and body.startswith(_LINE_MAGIC, at):
            name, extra, comment = _SIZES.unpack_from(body, at + 28)
            start = at + _LINE
            following = start + name + extra + comment
            if body.endswith(self._endings, start, start + name) and not body.startswith(self._unless_in, start):
                left_out += 1
            else:
                kept.append(body[at:following])
            at = following
        if at != end or len(kept) > most:
            return body
        self.count += left_out
        table = b"".join(kept)
        count = min(len(kept), 0xFFFF)
        return body[:begin] + table + _END.pack(*head, count, count, len(table), offset, 0)


def opened_member(archive: zipfile.ZipFile, body: bytes, member: zipfile.ZipInfo) -> ReadInto:
    """A function that fills a buffer with a member's bytes, and returns how many; 0 at the end. `body` is the archive's.

    Raises BadZipFile, EOFError or the library's error where the member is damaged, after all that came before the damage.
    """
    if member.compress_type != zipfile.ZIP_DEFLATED:
        return cast("io.BufferedIOBase", archive.open(member)).readinto1
    at = member.header_offset
    if not body.startswith(_LOCAL_MAGIC, at) or at + _LOCAL > len(body):
        raise zipfile.BadZipFile("a member is not where the table of contents says")
    start = at + _LOCAL + sum(_NAMES.unpack_from(body, at + 26))
    return _Member(memoryview(body)[start : start + member.compress_size], member.CRC).readinto


class _Member:
    """The bytes of a deflated member, of which no more are held than were requested."""

    def __init__(self, packed: memoryview, crc: int) -> None:
        self._packed = packed
        self._expected = crc
        self._crc = 0
        self._at = 0
        self._rest = b""
        self._inflater = _decompressor(_RAW)

    def readinto(self, buffer: memoryview) -> int:
        while not self._inflater.eof:
            piece = self._rest or self._packed[self._at : self._at + _STEP]
            self._at += 0 if self._rest else len(piece)
            plain = self._inflater.decompress(piece, len(buffer))
            self._rest = self._inflater.unconsumed_tail
            if plain:
                self._crc = _crc32(plain, self._crc)
                buffer[: len(plain)] = plain
                return len(plain)
            if not piece:
                raise EOFError
        if self._crc != self._expected:
            raise zipfile.BadZipFile("a member's checksum is not that of its bytes")
        return 0
