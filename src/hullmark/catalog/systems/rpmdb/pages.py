"""SQLite's pages as far as a log has to be laid over them: the tree of one table, and where its rows begin.

Format: https://sqlite.org/fileformat2.html, "B-tree Pages" and "Record Format". What the pages hold is read by SQLite itself where it
can be (`sqlite.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import msgspec

from hullmark.model.limit import Limit

_MAX_DEPTH = Limit(20, "levels of a table of an rpm database in SQLite")
_MAX_SCHEMA_PAGES = Limit(64, "pages of the list of tables of an rpm database in SQLite")
_INNER, _LEAF = 5, 13
_HEAD = 100
_PAGE = struct.Struct(">BHHHB")
_RIGHTMOST = struct.Struct(">I")


class DamagedPage(ValueError):
    """A page that is not what it should be; the text is the end of a sentence about it."""


class Cell(msgspec.Struct, frozen=True):
    """A row: its number, the bytes of its record, those of them that lie on the page, and the page that has the next ones (0: none)."""

    number: int
    size: int
    local: bytes
    following: int


Page = tuple[int, ...] | list[Cell]
"""A page of a table: the pages below it, or its rows."""


class Outline(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a log needs to know of the database below it.

    `usable`: bytes of a page that SQLite uses. `schema`: the pages of the list of tables, as they are. `inner`: the pages below each inner
    page of Packages; `leaves`: the number of each row of a leaf of it, and the page with what does not fit there (0: none).
    """

    page_bytes: int
    usable: int
    schema: dict[int, bytes]
    inner: dict[int, tuple[int, ...]]
    leaves: dict[int, tuple[tuple[int, int], ...]]


def outline_of(body: memoryview) -> Outline | None:
    """The outline of a database, as far as its pages are sound; None for a file without a head."""
    if len(body) < _HEAD:
        return None
    page_bytes, usable = page_size(body)
    inner: dict[int, tuple[int, ...]] = {}
    leaves: dict[int, tuple[tuple[int, int], ...]] = {}
    schema: dict[int, bytes] = {}

    def look(number: int) -> Page:
        raw = bytes(body[(number - 1) * page_bytes : number * page_bytes]) if number > 0 else b""
        return read_page(raw, number, usable)

    def look_at_schema(number: int) -> Page:
        found = look(number)
        schema[number] = bytes(body[(number - 1) * page_bytes : number * page_bytes])
        return found

    try:
        root = root_of_packages(look_at_schema)
    except DamagedPage:
        root = None
    for number, found in walk(look, root) if root else ():
        if isinstance(found, tuple):
            inner[number] = found
        elif isinstance(found, list):
            leaves[number] = tuple((cell.number, cell.following) for cell in found)
    return Outline(page_bytes, usable, schema, inner, leaves)


def page_size(head: memoryview | bytes) -> tuple[int, int]:
    """The bytes of a page, and those that SQLite uses of it."""
    (written,) = struct.unpack_from(">H", head, 16)
    page_bytes = 65536 if written == 1 else max(written, 512)
    return page_bytes, max(page_bytes - head[20], 480)


def read_page(raw: bytes, number: int, usable: int) -> Page:
    """A page of a table. Raises DamagedPage."""
    start = _HEAD if number == 1 else 0
    try:
        kind, _, count, _, _ = _PAGE.unpack_from(raw, start)
        if kind not in (_INNER, _LEAF):
            raise DamagedPage(f"the page {number} is not of a table")
        places = struct.unpack_from(f">{count}H", raw, start + (12 if kind == _INNER else 8))
        if kind == _INNER:
            below = [_RIGHTMOST.unpack_from(raw, place)[0] for place in places]
            return (*below, _RIGHTMOST.unpack_from(raw, start + 8)[0])
        cells = [_cell(raw, place, usable) for place in places]
    except (struct.error, IndexError):
        raise DamagedPage(f"the page {number} is damaged") from None
    if sum(len(cell.local) for cell in cells) > len(raw):
        raise DamagedPage(f"the rows of the page {number} share their bytes")
    return cells


def _cell(raw: bytes, place: int, usable: int) -> Cell:
    size, place = _varint(raw, place)
    number, place = _varint(raw, place)
    local = _local_bytes(size, usable)
    following = _RIGHTMOST.unpack_from(raw, place + local)[0] if local < size else 0
    if place + local > len(raw):
        raise IndexError
    return Cell(number - (1 << 64) if number >> 63 else number, size, raw[place : place + local], following)


def _local_bytes(size: int, usable: int) -> int:
    """How much of a record lies on its leaf."""
    most, least = usable - 35, (usable - 12) * 32 // 255 - 23
    if size <= most:
        return size
    fitting = least + (size - least) % (usable - 4)
    return fitting if fitting <= most else least


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    """A number, and the place behind it."""
    value = 0
    for at in range(place, place + 8):
        byte = raw[at]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + 1
    return value << 8 | raw[place + 8], place + 9


def walk(look: Callable[[int], Page], root: int) -> Iterator[tuple[int, Page | DamagedPage]]:
    """Each page of a table once, in the order of the rows; what is damaged in its stead."""
    seen: set[int] = set()
    waiting = [(root, 1)]
    while waiting:
        number, depth = waiting.pop()
        if number in seen or depth > _MAX_DEPTH:
            yield number, DamagedPage(f"the page {number} is reached twice, or too deep")
            continue
        seen.add(number)
        try:
            found = look(number)
        except DamagedPage as damage:
            yield number, damage
            continue
        yield number, found
        if isinstance(found, tuple):
            waiting += [(below, depth + 1) for below in reversed(found)]


def root_of_packages(look: Callable[[int], Page]) -> int | None:
    """The first page of the table Packages, by the list of tables; None if there is none. Raises DamagedPage."""
    for count, (_, found) in enumerate(walk(look, 1)):
        if isinstance(found, DamagedPage):
            raise found
        if count >= _MAX_SCHEMA_PAGES:
            raise DamagedPage("the list of tables is too long")
        for cell in found if isinstance(found, list) else ():
            values = columns(cell.local)
            if values[:2] == [b"table", b"Packages"] and len(values) > 3:
                return int.from_bytes(values[3], "big", signed=True)
    return None


_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}


def columns(record: bytes) -> list[bytes]:
    """The bytes of each value of a record; the last one that is there may be cut short. Raises DamagedPage."""
    try:
        at, place = _varint(record, 0)
        end, values = at, []
        while place < end:
            kind, place = _varint(record, place)
            width = _WIDTHS[kind] if kind < 12 else (kind - 12) // 2
            if at > len(record):
                break
            values.append(record[at : at + width])
            at += width
    except (IndexError, KeyError):
        raise DamagedPage("a row is damaged") from None
    return values
