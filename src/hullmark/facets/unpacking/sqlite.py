"""Databases of SQLite (https://www.sqlite.org/fileformat2.html): the rows of their tables as text, `column=value` on each line.

Where a row holds a name and a value beside it, they stand together on a line as well. Rows that were deleted are not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from hullmark.facets.unpacking.archives import Unpack, Unpacker
from hullmark.model.limit import Limit

MAX_PAGES = Limit(100_000, "pages of a table of an SQLite database")
MAX_TABLES = Limit(1000, "tables of an SQLite database")

SUFFIX = ".rows"
_MAGIC = b"SQLite format 3\0"
_LEAF, _INNER = 13, 5
_KEYED_LEAF, _KEYED_INNER = 10, 2  # of tables WITHOUT ROWID, whose rows lie as those of an index
_DAMAGED = "a database in it is damaged"
_LONGEST_VALUE = Limit(1 << 20, "bytes of a row of an SQLite database")
_LEAST = 64  # what a row counts besides its bytes: many may lie at one place
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)
_ENCODINGS = {2: "utf-16-le", 3: "utf-16-be"}
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_.:/-]{1,99}")
_COLUMN = re.compile(r"\s*[\"'`\[]?([A-Za-z_][A-Za-z0-9_]*)")

_Row = list[bytes | None]


def database(body: bytes) -> Unpack | None:
    """A database's tables."""
    return _show if body.startswith(_MAGIC) and len(body) >= 512 else None


def _show(unpacking: Unpacker, body: bytes, prefix: str, depth: int) -> None:
    file = _Database(body, unpacking)
    schema = [row for row in file.rows(1) if len(row) >= 5]
    tables = [row for row in schema if row[0] == b"table"]
    if len(tables) > MAX_TABLES:
        unpacking.note(f"a database in it has more than {MAX_TABLES:,} tables")
    for _, name, _, root, sql in (row[:5] for row in tables[:MAX_TABLES]):
        unpacking.count()
        if root is None or name is None or not root.isdigit():
            continue
        columns = _columns((sql or b"").decode("utf-8", "replace"))
        lines, size = [], 0
        for row in file.rows(int(root)):
            line = b"\n".join(_lines(row, columns))
            lines.append(line)
            size += len(line)
            if size > unpacking.room():
                unpacking.too_large()
                break
        unpacking.member(prefix + name.decode("utf-8", "replace") + SUFFIX, b"\n".join(lines), depth)


def _lines(row: _Row, columns: list[bytes]) -> Iterator[bytes]:
    for number, value in enumerate(row):
        if value:
            yield (columns[number] if number < len(columns) else b"column") + b"=" + value
    for name, value in pairwise(filter(None, row)):
        if _NAME.fullmatch(name):
            yield name + b"=" + value


def _columns(sql: str) -> list[bytes]:
    """The names of a table's columns, from the statement that made it."""
    inside = sql.partition("(")[2]
    parts, depth, begin = [], 0, 0
    for at, letter in enumerate(inside):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (letter == "," and not depth):
            parts.append(inside[begin:at])
            begin = at + 1
        if depth < 0:
            break
    names = (_COLUMN.match(part) for part in parts)
    return [found[1].encode() if found else b"column" for found in names]


class _Database:
    """The pages of a file."""

    def __init__(self, body: bytes, unpacking: Unpacker) -> None:
        self._body = body
        self._unpacking = unpacking
        size = int.from_bytes(body[16:18], "big")
        self._size = 65536 if size == 1 else size
        self._usable = self._size - body[20]
        if self._size < 512 or self._usable < 480:
            raise ValueError
        self._encoding = _ENCODINGS.get(int.from_bytes(body[56:60], "big"), "")

    def rows(self, root: int) -> Iterator[_Row]:
        """The rows of the table whose tree begins at a page."""
        seen: set[int] = set()
        wanted = [root]
        while wanted:
            number = wanted.pop()
            if number in seen or number < 1:
                continue
            if number * self._size > len(self._body):
                self._unpacking.note(_DAMAGED)
                continue
            seen.add(number)
            if len(seen) > MAX_PAGES:
                self._unpacking.note(f"a table in it has more than {MAX_PAGES:,} pages")
                return
            page = self._body[(number - 1) * self._size : number * self._size]
            head = 100 if number == 1 else 0
            kind, count = page[head], int.from_bytes(page[head + 3 : head + 5], "big")
            is_inner = kind in (_INNER, _KEYED_INNER)
            cells = _cells(page, head + (12 if is_inner else 8), count)
            if is_inner:
                wanted.append(int.from_bytes(page[head + 8 : head + 12], "big"))
                wanted += [int.from_bytes(page[at : at + 4], "big") for at in reversed(cells)]
            if kind in (_LEAF, _KEYED_LEAF, _KEYED_INNER):
                yield from (self._row(page, at, kind) for at in cells)
            elif not is_inner:
                self._unpacking.note(_DAMAGED)

    def _row(self, page: bytes, at: int, kind: int) -> _Row:
        size, at = _varint(page, at + 4 if kind == _KEYED_INNER else at)
        if kind == _LEAF:
            _, at = _varint(page, at)
        if size > _LONGEST_VALUE:
            self._unpacking.note(f"a row of a database in it has more than {_LONGEST_VALUE:,} bytes")
        most = self._usable - 35 if kind == _LEAF else (self._usable - 12) * 64 // 255 - 23
        payload = self._payload(page, at, size, most)
        self._unpacking.take(len(payload) + _LEAST)
        end, at = _varint(payload, 0)
        values: _Row = []
        place = end
        while at < min(end, len(payload)):
            form, at = _varint(payload, at)
            width = _SIZES[form] if form < len(_SIZES) else (form - 12) // 2
            values.append(self._value(form, payload[place : place + width]))
            place += width
        return values

    def _value(self, kind: int, raw: bytes) -> bytes | None:
        """A text, a blob, or a whole number in digits."""
        if kind >= 12:
            is_wide = kind % 2 and self._encoding
            return raw.decode(self._encoding, "replace").encode() if is_wide else raw
        if kind in (8, 9):
            return b"%d" % (kind - 8)
        return b"%d" % int.from_bytes(raw, "big", signed=True) if 1 <= kind <= 6 else None

    def _payload(self, page: bytes, at: int, size: int, most: int) -> bytes:
        """A row's bytes, with those on overflow pages if there are more than `most`; of a very long row the first ones."""
        least = (self._usable - 12) * 32 // 255 - 23
        if size <= most:
            return page[at : at + size]
        fits = least + (size - least) % (self._usable - 4)
        here = fits if fits <= most else least
        out, held = [page[at : at + here]], here
        following = int.from_bytes(page[at + here : at + here + 4], "big")
        wanted = min(size, _LONGEST_VALUE)
        while following and held < wanted:
            begin = (following - 1) * self._size
            piece = self._body[begin + 4 : begin + self._usable]
            if not piece:
                self._unpacking.note(_DAMAGED)
                break
            out.append(piece)
            held += len(piece)
            following = int.from_bytes(self._body[begin : begin + 4], "big")
        return b"".join(out)[:wanted]


def _cells(page: bytes, at: int, count: int) -> list[int]:
    """Where the cells of a page begin."""
    end = min(at + 2 * count, len(page) - 1)
    return [int.from_bytes(page[place : place + 2], "big") for place in range(at, end, 2)]


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """A number of up to nine bytes, and where it ends."""
    number = 0
    for count in range(8):
        byte = body[at + count]
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            return number, at + count + 1
    return number << 8 | body[at + 8], at + 9
