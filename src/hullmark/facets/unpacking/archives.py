"""What is inside archives, for those who do not open them: zip, tar, ar (deb), gzip, bzip2, xz and zstandard, within each other too.

Archives of other formats are not opened, but reported. Unpacking one file is bounded in depth, number and bytes, and so is
the memory it takes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from hullmark.facets.unpacking.streams import STREAM_MAGIC, damage, describe_damage, stream_of, unpacked_at_once
from hullmark.facets.unpacking.tars import show_tar
from hullmark.facets.unpacking.zips import Skip, Zip
from hullmark.model.limit import Limit
from hullmark.rootfs.inflate import ReadInto
from hullmark.rootfs.limits import Limits

MIB = 1 << 20
MAX_DEPTH = Limit(5, "archives in each other")
MAX_MEMBERS = Limit(100_000, "files in an archive and in those in it")
MAX_BYTES = Limit(512 * MIB, "bytes unpacked of an archive and of those in it")
MAX_MEMBER_BYTES = Limit(64 * MIB, "bytes of a file in an archive")
MAX_HELD_BYTES = Limit(128 * MIB, "bytes of files in an archive that are held at one time")
MAX_TOTAL_BYTES = Limit(8 << 30, "bytes unpacked of all archives of an image together")
"""So many bytes are unpacked of all files together, which bounds the time that many small bombs take."""

Look = Callable[[str, bytes], object]
"""Is called with the path inside (`lib/a.zip!/b.txt`) and the content of each file that is not empty."""

_MAX_NAME = 1000
_PIECE = 1 << 18
_SMALL_PIECE = 1 << 12
BLOCK = 512
_LIMITS = Limits(entries=MAX_MEMBERS)
_END_OF_ZIP, _IN_ZIP, _LONGEST_END = b"PK\5\6", b"PK\1\2", 22 + 0xFFFF
_CLOSED = {
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"MSCF\0\0\0\0": "cabinet",
    b"\x1f\x9d": "compress",
    b"\x04\x22\x4d\x18": "LZ4",
    b"LZIP\1": "lzip",
    b"\xed\xab\xee\xdb": "rpm",
    b"hsqs": "SquashFS",
}
_CLOSED_MAGIC = tuple(_CLOSED)
_EXACT = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_AR, _AR_HEAD = b"!<arch>\n", 60
_USUAL_END = 1024
_MAGIC = (b"PK\3\4", _END_OF_ZIP, _AR, *STREAM_MAGIC, *_CLOSED)
_MAGIC_SIZE = max(map(len, _MAGIC))
FIRST = frozenset(magic[0] for magic in _MAGIC)
"""The first bytes of those that are not tars."""


class StopReading(Exception):
    """The file is not looked at any further. The text is a clause that says why. A `look` may raise it too.

    `is_passing`: it may go otherwise the next time.
    """

    def __init__(self, reason: str, *, is_passing: bool = False) -> None:
        super().__init__(reason)
        self.is_passing = is_passing


def may_hold_files(body: bytes | memoryview) -> bool:
    """Whether a body, or the beginning of one, may be an archive that is opened here; a quick look, for most files hold none."""
    is_known = len(body) > 0 and body[0] in FIRST and bytes(body[:_MAGIC_SIZE]).startswith(_MAGIC)
    return is_known or (len(body) % BLOCK == 0 and _is_tar(bytes(body[:BLOCK])))


def ends_as_zip(body: bytes | memoryview) -> bool:
    """Whether a zip may follow what a body begins with; a quick look, at the end alone."""
    return _END_OF_ZIP in bytes(body[-_USUAL_END:])


class Allowance:
    """How many bytes may still be unpacked. `of_all`: of all files of an image together, so that it may go otherwise the next time."""

    def __init__(self, total: int | None = None, *, of_all: bool = True) -> None:
        self.left: int = MAX_TOTAL_BYTES if total is None else total
        self._of_all = of_all

    def enough(self) -> StopReading:
        """What to raise where nothing is left."""
        if self._of_all:
            return StopReading("the archives of the image hold too much in all", is_passing=True)
        return StopReading("it holds too much for its size")


def look_inside(
    body: bytes, look: Look, allowance: Allowance, formats: Sequence[Format] = (), skip: Skip | None = None
) -> str:
    """Show every file in an archive to `look`, archives in archives too; other files hold nothing. `formats` are opened besides.

    Files in a zip that `skip` names are not unpacked.

    Returns a clause that says why some were not shown, "" if all were. The readable part of a damaged archive is shown.
    Raises StopReading.
    """
    unpacking = Unpacker(look, allowance, formats, skip)
    unpacking.archive(body, "", 0)
    return unpacking.reason


class Unpacker:
    """The unpacking of one file: what is left of its limits, and the first reason why a part of it was left out.

    `shut` is the first that lies in the file itself: it is damaged, or encrypted. `text_begin`: of a zip, where that begins which is not
    in a member; -1: anywhere.
    """

    def __init__(
        self, look: Look, allowance: Allowance, formats: Sequence[Format] = (), skip: Skip | None = None
    ) -> None:
        self.skip = skip
        self._look = look
        self._allowance = allowance
        self._formats = formats
        self._members: int = MAX_MEMBERS
        self._bytes: int = MAX_BYTES
        self._held = 0
        self.reason = ""
        self.shut = ""
        self.text_begin = -1

    @cached_property
    def buffer(self) -> memoryview:
        """The buffer for streams. Most files are not archives and need none."""
        return memoryview(bytearray(_PIECE))

    def note(self, reason: str) -> None:
        """Something was left out."""
        self.reason = self.reason or reason

    def note_shut(self, reason: str) -> None:
        """Something cannot be unpacked."""
        self.note(reason)
        self.shut = self.shut or reason

    def room(self) -> int:
        """The largest file, in bytes, that may be held now."""
        return min(MAX_MEMBER_BYTES, MAX_HELD_BYTES - self._held)

    def too_large(self) -> None:
        """A file is left out because it would not fit."""
        self.note(f"a file in it has more than {self.room() // MIB} MiB")

    def count(self) -> None:
        """One more entry. Raises StopReading where there are too many."""
        self._members -= 1
        if self._members < 0:
            raise StopReading(f"it holds more than {MAX_MEMBERS:,} files")

    def take(self, count: int) -> None:
        """So many more bytes were unpacked. Raises StopReading where that is too much."""
        self._bytes -= count
        self._allowance.left -= count
        if self._bytes < 0:
            raise StopReading(f"it holds more than {MAX_BYTES // MIB} MiB")
        if self._allowance.left < 0:
            raise self._allowance.enough()

    @contextmanager
    def skip_damage(self) -> Iterator[None]:
        """What is damaged is left out."""
        try:
            yield
        except damage() as error:
            self.note_shut(f"an archive in it cannot be unpacked: {describe_damage(error)}")

    def member(self, path: str, content: bytes, depth: int) -> None:
        """Show one file, and what is in it."""
        if content:
            self._held += len(content)
            self._look(path, content)
            self.archive(content, f"{path}!/", depth + 1)
            self._held -= len(content)

    def archive(self, body: bytes, prefix: str, depth: int) -> None:
        """Show what is in a file, if it is an archive."""
        unpack = _unpacker(body) or next(filter(None, (opens(body) for opens in self._formats)), None)
        if body.startswith(_CLOSED_MAGIC):
            closed = next(_CLOSED[magic] for magic in _CLOSED if body.startswith(magic))
            self.note(f"archives of the format {closed} are not opened")
        elif unpack is not None and depth >= MAX_DEPTH:
            self.note(f"archives are in each other more than {MAX_DEPTH} deep")
        elif unpack is not None:
            with self.skip_damage():
                unpack(self, body, prefix, depth)


Unpack = Callable[[Unpacker, bytes, str, int], None]
Format = Callable[[bytes], Unpack | None]
"""How a body of a format is opened, given what its files' paths begin with and how deep it lies; None for one of another format."""


def is_archive(body: bytes) -> bool:
    """Whether a file is of a format that is opened here."""
    return _unpacker(body) is not None


def _unpacker(body: bytes) -> Unpack | None:
    if body.startswith((b"PK\3\4", _END_OF_ZIP)):
        return _zip
    if body.startswith(STREAM_MAGIC):
        return _stream
    if _is_tar(body[:BLOCK]):
        return _plain_tar
    if body.startswith(_AR):
        return _ar
    # A zip may follow a program, as in self-starting jars: its end is what makes it a zip.
    return _appended_zip if body.rfind(_END_OF_ZIP, -_LONGEST_END) > 0 else None


def _is_tar(head: bytes) -> bool:
    """Whether a block is a tar header: its check sum, in which its own field counts as blanks, fits (POSIX.1-2001, ustar)."""
    field = head[148:156].strip(b" \0")
    if len(head) < BLOCK or not field or field.strip(b"01234567"):
        return False
    return int(field, 8) == sum(head) - sum(head[148:156]) + 8 * ord(" ")


def _appended_zip(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            is_zip = bool(archive.filelist)
    except damage():
        is_zip = False  # programs that know the format contain the mark, too
    if is_zip:
        _zip(unpacking, body, prefix, depth)


def _zip(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    archive = Zip(body, MAX_MEMBERS, unpacking.skip)
    if archive.members is None:
        # The library makes an object for each line of the table of contents before it says how many there are.
        if archive.plain is body and body.count(_IN_ZIP) > MAX_MEMBERS:
            raise StopReading(f"it holds more than {MAX_MEMBERS:,} files")
        for line in archive.library.infolist():
            unpacking.count()
            _show_member(unpacking, archive, line, prefix, depth)
        return
    if not depth:
        unpacking.text_begin = archive.text_begin
    for number, member in enumerate(archive.members):
        unpacking.count()
        content = archive.at_once(member, unpacking.room())
        if content is not None:
            unpacking.take(len(content))
            unpacking.member(prefix + member.name[:_MAX_NAME], content, depth)
        elif not (member.is_folder and not member.flags & 1):
            _show_member(unpacking, archive, archive.library.infolist()[number], prefix, depth)


def _show_member(unpacking: Unpacker, archive: Zip, member: zipfile.ZipInfo, prefix: str, depth: int) -> None:
    """Show a member piece by piece, as far as it can be read."""
    if member.flag_bits & 1:
        unpacking.note_shut("a file in it is encrypted")
    elif not member.is_dir():
        with unpacking.skip_damage():
            # For other methods than these two the library unpacks all that a piece holds, and not as little as requested.
            piece = _PIECE if member.compress_type in _EXACT else _SMALL_PIECE
            stream = _CountedStream(archive.opened(member), unpacking)
            _single(unpacking, stream, prefix + member.filename[:_MAX_NAME], depth, piece)


def _ar(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    """The members of an archive of ar(5), as packages of Debian and static libraries are."""
    at = len(_AR)
    while at + _AR_HEAD <= len(body):
        name, size = body[at : at + 16].rstrip(b" /"), body[at + 48 : at + 58].strip()
        if body[at + 58 : at + _AR_HEAD] != b"`\n" or not size.isdigit():
            unpacking.note_shut("an archive in it is damaged")
            return
        unpacking.count()
        begin, end = at + _AR_HEAD, at + _AR_HEAD + int(size)
        if int(size) > unpacking.room():
            unpacking.too_large()
        else:
            unpacking.take(len(body[begin:end]))
            unpacking.member(prefix + name.decode("utf-8", "replace"), body[begin:end], depth)
        at = end + end % 2
        if end > len(body):
            unpacking.note_shut("an archive in it is damaged")


def _plain_tar(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    show_tar(unpacking, io.BytesIO(body).readinto, prefix, depth, _LIMITS)


def _stream(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    """One compressed stream: a tar, or a file without a name."""
    content = unpacked_at_once(body, unpacking.room())
    stream = _CountedStream(stream_of(body) if content is None else io.BytesIO(content).readinto, unpacking)
    if _is_tar(stream.peek(BLOCK) if content is None else content[:BLOCK]):
        show_tar(unpacking, stream.readinto, prefix, depth, _LIMITS)
        return
    unpacking.count()
    if content is None:
        _single(unpacking, stream, f"{prefix}content", depth)
    else:
        unpacking.take(len(content))
        unpacking.member(f"{prefix}content", content, depth)


def _single(unpacking: Unpacker, stream: _CountedStream, path: str, depth: int, piece: int = _PIECE) -> None:
    """Show the unpacked stream as a file, as far as it can be read, unless it would not fit."""
    room, out, buffer = unpacking.room(), io.BytesIO(), unpacking.buffer[:piece]
    with unpacking.skip_damage():
        while n := stream.readinto(buffer):
            if out.tell() + n > room:
                unpacking.too_large()
                return
            out.write(buffer[:n])
    unpacking.member(path, out.getvalue(), depth)


class _CountedStream:
    """An unpacked stream, whose bytes count."""

    def __init__(self, readinto: ReadInto, unpacking: Unpacker) -> None:
        self._readinto = readinto
        self._unpacking = unpacking
        self._head = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, as far as they can be unpacked, without consuming them."""
        buffer = memoryview(bytearray(size))
        with self._unpacking.skip_damage():
            while len(self._head) < size and (n := self._fill(buffer[: size - len(self._head)])):
                self._head += buffer[:n]
        return self._head

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes; 0 at the end."""
        if self._head:
            n = min(len(self._head), len(buffer))
            buffer[:n], self._head = self._head[:n], self._head[n:]
            return n
        return self._fill(buffer)

    def _fill(self, buffer: memoryview) -> int:
        n = self._readinto(buffer)
        self._unpacking.take(n)
        return n
