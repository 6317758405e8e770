"""Marks to look for in a file, and a sink that keeps only the parts of a large executable that its readers need.

A file is read at random places whether it is in memory or went by in pieces: `Body` has all bytes, the sink's
reader those it kept, and both find the same marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from hullmark.catalog.programs.executable import BytesNotKept, Reader, Section, code, section_table, segments, slices
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Report

BODY_LIMIT = Limit(
    4 * MIB, "bytes of a program that is held in memory (of larger ones the parts that matter are kept)", "later"
)
"""Executables up to this many bytes are held in memory; larger ones go through an OversizeSink."""

LOOKAHEAD = 512
"""Bytes from the beginning of a mark that `PatternSearch.accept` can count on, short of the file's end."""

_BLOCK = 256 * 1024
_TAIL = MIB
_KEPT = Limit(24 * MIB, "bytes that are kept of a large program")
_DATA = Limit(8 * MIB, "bytes that are kept of a large program's writable data")
_HEADERS = Limit(4 * MIB, "bytes of a large program's section headers (with more it is searched through)", "shortened")
_TRIALS = Limit(200_000, "places in a program that look like the beginning of build information")


class PatternSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A mark to look for.

    `accept(window, position, offset)` is a cheap check of a place where `pattern` stands, and behind it one of the bytes `after`
    (empty: any): `position` in the window, `offset` in the file. At most `most` accepted marks are noted. `whole(reader, offset)`
    reads all that belongs to the mark; while it raises Unkept, a sink keeps what follows.

    Of ELF files a sink hunts only in those whose first block has one of `signs` (empty: in all) and none of `unless`;
    with `data`, only where their writable segments are; else not where there is nothing but code.
    """

    pattern: bytes | re.Pattern[bytes]
    accept: Callable[[bytes, int, int], bool]
    after: frozenset[int] = frozenset()
    most: int = 64
    whole: Callable[[Reader, int], object] | None = None
    signs: tuple[bytes, ...] = ()
    unless: tuple[bytes, ...] = ()
    data: bool = False

    def is_signed(self, block: bytes) -> bool:
        """Whether a file with this first block is worth hunting in."""
        if block[:4] != b"\x7fELF":
            return True
        has_sign = not self.signs or any(sign in block for sign in self.signs)
        return has_sign and not any(sign in block for sign in self.unless)


class MarkedReader(Reader, Protocol):
    """A reader that also knows where marks stand."""

    def hits(self, hunt: PatternSearch, /) -> Iterable[int]:
        """Offsets where the hunt's mark stands, ascending."""

    def is_spent(self, hunt: PatternSearch, /) -> bool:
        """Whether the mark had more places than the limit. Valid after all hits were read."""


class _Search:
    """One hunt through one file, window by window."""

    def __init__(self, hunt: PatternSearch) -> None:
        self.hunt = hunt
        self.found: list[int] = []
        self._trials: int = _TRIALS
        self.is_spent = False

    def look(self, window: bytes, offset: int, stop: int) -> list[int]:
        """The new marks that begin before `stop` in the window, which stands at `offset` in the file."""
        known = len(self.found)
        if not self.is_spent:
            for at in _positions(self.hunt, window):
                if at >= stop:
                    break
                if not self._trials or len(self.found) >= self.hunt.most:
                    self.is_spent = True
                    break
                self._trials -= 1
                if self.hunt.accept(window, at, offset + at):
                    self.found.append(offset + at)
        return self.found[known:]


def _positions(hunt: PatternSearch, window: bytes) -> Iterator[int]:
    pattern, after = hunt.pattern, hunt.after
    if not isinstance(pattern, bytes):
        yield from (match.start() for match in pattern.finditer(window))
        return
    find, size = window.find, len(pattern)
    last = len(window) - size - bool(after)
    at = find(pattern)
    while 0 <= at <= last:
        # One byte is found far faster than one of several pairs.
        if not after or window[at + size] in after:
            yield at
        at = find(pattern, at + 1)


class Body:
    """A file that is in memory."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._spent: set[PatternSearch] = set()

    def read(self, offset: int, size: int, /) -> bytes:
        """See Reader."""
        return bytes(self._body[offset : offset + size])

    def is_spent(self, hunt: PatternSearch, /) -> bool:
        """See MarkedReader."""
        return hunt in self._spent

    def hits(self, hunt: PatternSearch, /) -> Iterator[int]:
        """See MarkedReader."""
        search = _Search(hunt)
        for offset in range(0, len(self._body), MIB):
            yield from search.look(self.read(offset, MIB + LOOKAHEAD), offset, MIB)
        if search.is_spent:
            self._spent.add(hunt)


class _KeptBlocks:
    """The blocks of a file that a sink kept."""

    def __init__(self, size: int, block: int) -> None:
        self.size = size
        self.block = block
        self.blocks: dict[int, bytes] = {}
        self.marks: dict[PatternSearch, list[int]] = {}
        self.spent: frozenset[PatternSearch] = frozenset()

    def read(self, offset: int, size: int, /) -> bytes:
        end = min(offset + size, self.size)
        if end <= offset:
            return b""
        first = offset // self.block
        try:
            data = b"".join([self.blocks[index] for index in range(first, (end - 1) // self.block + 1)])
        except KeyError:
            raise BytesNotKept from None
        start = offset - first * self.block
        return data[start : start + end - offset]

    def hits(self, hunt: PatternSearch, /) -> Iterable[int]:
        return self.marks.get(hunt, ())

    def is_spent(self, hunt: PatternSearch, /) -> bool:
        return hunt in self.spent


class _Capture(msgspec.Struct):
    """What belongs to a mark, still coming in. `retry` is the block with which to look again whether it is whole."""

    whole: Callable[[Reader, int], object]
    offset: int
    retry: int


class ExecutableRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request for facts from a large executable.

    `take(reader, report)` makes the fact from the kept parts; where it raises Unkept, `lost` is reported. `data`: the
    writable segments are needed too, as far as they fit.
    """

    hunts: tuple[PatternSearch, ...]
    take: Callable[[MarkedReader, Report], Any]
    lost: str
    data: bool = False


class OversizeSink:
    """Keeps the beginning, the last MiB, the section table and what the request names; at most about 25 MiB."""

    def __init__(self, size: int, request: ExecutableRequest, *, block: int = _BLOCK) -> None:
        self._request = request
        self._size = block
        self._tail = max(0, size - _TAIL) // block
        self._data: tuple[range, ...] | None = None
        self._code: tuple[range, ...] = ()
        self._kept = _KeptBlocks(size, block)
        self._searches = [_Search(hunt) for hunt in request.hunts]
        self._captures: list[_Capture] = []
        self._wanted = {0}
        self._headers_end = {0}
        self._pending = bytearray()
        self._before = b""
        self._next = 0

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        while len(piece):
            room = self._size - len(self._pending)
            if not self._pending and len(piece) >= room:
                self._block(piece[:room])
            else:
                self._pending += piece[:room]
                if len(self._pending) == self._size:
                    self._block(self._pending)
                    self._pending.clear()
            piece = piece[room:]

    def _block(self, block: memoryview | bytearray) -> None:
        """A whole block that may not be the last. Most of a program is code, which nobody needs."""
        if self._is_needed(self._next):
            self._arrive(bytes(block), last=False)
        else:
            self._before = b""
            self._forget(self._next)
            self._next += 1

    def finish(self, report: Report, /) -> Any:
        """The fact, from what was kept."""
        self._kept.size = self._next * self._size + len(self._pending)
        self._arrive(bytes(self._pending), last=True)
        self._kept.marks = {search.hunt: search.found for search in self._searches}
        self._kept.spent = frozenset(search.hunt for search in self._searches if search.is_spent)
        try:
            return self._request.take(self._kept, report)
        except BytesNotKept:
            report(self._request.lost)
            return None

    def _is_needed(self, index: int) -> bool:
        """Whether a block must be kept or searched."""
        if self._captures or index in self._wanted or index in self._headers_end or index >= self._tail:
            return True
        return any(self._is_hunted(search.hunt, index) for search in self._searches)

    def _is_hunted(self, hunt: PatternSearch, index: int) -> bool:
        if self._data is not None and hunt.data:
            return any(index in part for part in self._data)
        return not any(index in part for part in self._code)

    def _forget(self, index: int) -> None:
        """Each new block pushes one out of the last blocks."""
        old = index - _TAIL // self._size
        if old not in self._wanted:
            self._kept.blocks.pop(old, None)

    def _arrive(self, block: bytes, *, last: bool) -> None:
        index = self._next
        self._next += 1
        self._kept.blocks[index] = block
        if index == 0:
            self._searches = [search for search in self._searches if search.hunt.is_signed(block)]
        if index in self._headers_end:
            self._plan()
        self._look(index, block, last=last)
        self._captures = [capture for capture in self._captures if self._goes_on(capture, index)]
        self._forget(index)

    def _plan(self) -> None:
        """Want what the headers that have come so far name; look again when those have come."""
        with suppress(BytesNotKept):
            for table in _headers(self._kept):
                self._want(table.offset, min(table.size, _HEADERS))
                self._headers_end.add((table.offset + table.size - 1) // self._size)
        with suppress(BytesNotKept):
            for part in _data(self._kept) if self._request.data else ():
                self._want(part.offset, part.size)
        with suppress(BytesNotKept):
            self._map()

    def _map(self) -> None:
        """Note the blocks of an ELF file's writable segments, and those that are code alone. Raises Unkept."""
        if self._data is not None or self._kept.read(0, 4) != b"\x7fELF":
            return
        size = self._size
        data = (part for part in segments(self._kept) if part.writable)
        # One block more, and one less: a mark at the end of a block is looked at with the next one.
        self._data = tuple(range(p.offset // size, (p.offset + p.size) // size + 2) for p in data) or None
        self._code = tuple(range(-(-p.offset // size) + 1, (p.offset + p.size) // size) for p in code(self._kept))

    def _look(self, index: int, block: bytes, *, last: bool) -> None:
        """A mark may need bytes of the next block: those that begin in a block's last bytes wait for it."""
        offset = index * self._size
        seam = self._before + block[:LOOKAHEAD]
        stop = len(block) if last else len(block) - LOOKAHEAD
        for search in self._searches:
            if not self._is_hunted(search.hunt, index):
                continue
            marks = search.look(seam, offset - len(self._before), len(self._before)) if self._before else []
            for mark in marks + search.look(block, offset, stop):
                self._want(mark, LOOKAHEAD)
                if search.hunt.whole is not None:
                    self._captures.append(_Capture(search.hunt.whole, mark, index))
        self._before = block[-LOOKAHEAD:]

    def _goes_on(self, capture: _Capture, index: int) -> bool:
        self._want(index * self._size, 1)
        if index < capture.retry:
            return True
        try:
            capture.whole(self._kept, capture.offset)
        except BytesNotKept:
            # Doubling, so that long data is not read again with every block.
            capture.retry = max(index + 1, 2 * index - capture.offset // self._size)
            return True
        return False

    def _want(self, offset: int, size: int) -> None:
        first, last = offset // self._size, (offset + size - 1) // self._size
        room = _KEPT // self._size - len(self._wanted)
        self._wanted.update(range(first, min(last + 1, first + room)))


def _headers(reader: Reader) -> Iterator[Section]:
    """Where the file's tables are, as far as the kept parts tell. Raises Unkept."""
    yield from (Section(base, _BLOCK) for base in slices(reader) if base)
    yield from section_table(reader)


def _data(reader: Reader) -> Iterator[Section]:
    """The writable segments, as far as they fit. Raises Unkept."""
    room: int = _DATA
    for base in slices(reader):
        for segment in segments(reader, base):
            if segment.writable and room > 0:
                yield Section(segment.offset, min(segment.size, room))
                room -= segment.size
