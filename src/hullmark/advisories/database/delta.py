"""What turns one snapshot into another, exactly: rows that go and come, and where those that stay get other numbers.

A delta is `hullmark-delta-1` and a line feed, then pieces: four bytes of length (little-endian) and a msgpack array of what, table
and columns. `map`: runs of numbers (the first old one, the new one that it gets, how many rows from there on move as far); `gone`: keys
to remove, in the new numbers; `come`: rows to write. Snapshots are settled (see layout), so equal rows are equal bytes; whoever applies a
delta proves it by the digest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import msgspec

from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.layout import columns_of_tables, settle
from hullmark.advisories.database.schema import APPLICATION_ID, FORMAT, INDEXES, TABLES
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

_MAGIC = b"hullmark-delta-1\n"
_LENGTH = 4
_MAX_PIECE = Limit(64 << 20, "bytes of one piece of a difference of snapshots", "refused")
_PIECE = 1 << 20
_ROWS = 1 << 14
_PAGE = 4096
_MAX_NUMBER = Limit(1 << 40, "rows that a difference of snapshots speaks of", "refused")

_NTH = (
    "id, vulnerability, product, body, row_number() OVER (PARTITION BY vulnerability, product, body ORDER BY id) AS nth"
)
_NUMBERED = {
    "feed": "SELECT o.id, n.id FROM old.feed AS o JOIN new.feed AS n ON n.name = o.name",
    "package": "SELECT o.id, n.id FROM new.package AS n CROSS JOIN old.package AS o "
    "ON o.namespace = n.namespace AND o.name = n.name",
    "advisory": "SELECT o.id, n.id FROM new.advisory AS n CROSS JOIN map_feed AS m ON m.new = n.feed "
    "CROSS JOIN old.advisory AS o ON o.name = n.name AND o.feed = m.old",
    "statement": f"SELECT o.id, n.id FROM (SELECT {_NTH} FROM old.statement) AS o "  # noqa: S608 - our own words
    f"JOIN (SELECT {_NTH} FROM new.statement) AS n USING (vulnerability, product, body, nth)",
}
"""How rows that have numbers only within a snapshot are known again, by table."""

_POINTS = {
    "feed.id": "feed",
    "coverage.feed": "feed",
    "package.id": "package",
    "advisory.id": "advisory",
    "advisory.feed": "feed",
    "alias.advisory": "advisory",
    "part.advisory": "advisory",
    "span.package": "package",
    "span.advisory": "advisory",
    "lifecycle.feed": "feed",
    "statement.id": "statement",
}
"""Columns that hold such numbers, and of which table. One that is missing here makes deltas larger, not wrong."""

_PAIRS = "SELECT old, new, (SELECT min(id) FROM old.{0} WHERE id > old) FROM map_{0} ORDER BY new"
_RUN = "INSERT INTO map_{0} SELECT id, id + ? FROM old.{0} WHERE id >= ? ORDER BY id LIMIT ?"

Value = int | float | str | bytes | None


class _Piece(msgspec.Struct, frozen=True, array_like=True):
    """Some rows of one table, column by column. Reals are written as text, which packs better and is as exact."""

    what: Literal["map", "gone", "come"]
    table: str
    columns: list[list[Any]]


class _Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    reals: frozenset[str]

    def points(self, column: str) -> str | None:
        return _POINTS.get(f"{self.name}.{column}")


def _tables() -> dict[str, _Table]:
    found = {}
    for name, columns in columns_of_tables().items():
        keys = [column for column, _, place in sorted(columns, key=lambda column: column[2]) if place]
        reals = frozenset(column for column, kind, _ in columns if kind == "REAL")
        found[name] = _Table(name, tuple(column for column, _, _ in columns), tuple(keys), reals)
    return found


# Making


def make_delta(old: Path, new: Path, target: Path) -> None:
    """Write what turns the snapshot `old` into the snapshot `new`. Both must be sound (see layout.inspect).

    Raises OSError, sqlite3.Error, and HullmarkError for rows that are too large for a delta.
    """
    with closing(sqlite3.connect(":memory:", uri=True, isolation_level=None)) as db, target.open("wb", _PIECE) as out:
        _attach(db, "old", old)
        _attach(db, "new", new)
        out.write(_MAGIC)
        for name, query in _NUMBERED.items():
            _make_map(db, name)
            db.execute(f"INSERT OR IGNORE INTO map_{name} {query}")
            rows = _runs(db.execute(_PAIRS.format(name)))
            _write(out, "map", _Table(name, ("old", "new", "count"), (), frozenset()), rows)
        for table in _tables().values():
            _write(out, "gone", _keys_of(table), db.execute(_select_gone(table)))
            _write(out, "come", table, db.execute(_come(table)))


def _attach(db: sqlite3.Connection, name: str, path: Path) -> None:
    db.execute(f"ATTACH ? AS {name}", (f"{path.absolute().as_uri()}?mode=ro&immutable=1",))
    db.execute(f"PRAGMA {name}.cache_size = -65536")


def _make_map(db: sqlite3.Connection, table: str) -> None:
    db.execute(f"CREATE TEMP TABLE map_{table} (old INTEGER PRIMARY KEY, new INTEGER NOT NULL UNIQUE)")


def _runs(pairs: Iterable[tuple[int, int, int | None]]) -> Iterator[tuple[int, int, int]]:
    """Runs of pairs whose old numbers follow each other; each pair comes with the number that follows."""
    first: tuple[int, int] | None = None
    count, following = 0, None
    for old, new, after in pairs:
        if first is not None and old == following and old - new == first[0] - first[1]:
            count += 1
        else:
            if first is not None:
                yield (*first, count)
            first, count = (old, new), 1
        following = after
    if first is not None:
        yield (*first, count)


def _keys_of(table: _Table) -> _Table:
    return table._replace(columns=table.keys)


def _stays(table: _Table) -> tuple[str, dict[str, str]]:
    """The rows of `old` that stay, as FROM clause, and what each column is in the new numbers."""
    clause, becomes = f"old.{table.name} AS o", {}
    for place, column in enumerate(table.columns):
        to = table.points(column)
        if to:
            clause += f" CROSS JOIN map_{to} AS m{place} ON m{place}.old = o.{column}"
        becomes[column] = f"m{place}.new" if to else f"o.{column}"
    return clause, becomes


def _select_gone(table: _Table) -> str:
    clause, becomes = _stays(table)
    same = " AND ".join(f"n.{key} = {becomes[key]}" for key in table.keys)
    keys = ", ".join(becomes[key] for key in table.keys)
    return (
        f"SELECT {keys} FROM {clause} WHERE NOT EXISTS (SELECT 1 FROM new.{table.name} AS n WHERE {same}) "  # noqa: S608
        f"ORDER BY {keys}"
    )


def _come(table: _Table) -> str:
    """Rows of `new` that no row of `old` becomes. Numbers are looked up first: each row is then found by its key."""
    maps, conditions = [], []
    for place, column in enumerate(table.columns):
        to = table.points(column)
        if to:
            maps.append(f"map_{to} AS m{place} ON m{place}.new = n.{column}")
        conditions.append(f"o.{column} IS {f'm{place}.old' if to else f'n.{column}'}")
    tables = " CROSS JOIN ".join((*(join.partition(" ON ")[0] for join in maps), f"old.{table.name} AS o"))
    same = " AND ".join((*(join.partition(" ON ")[2] for join in maps), *conditions))
    return (
        f"SELECT {', '.join(table.columns)} FROM new.{table.name} AS n "  # noqa: S608
        f"WHERE NOT EXISTS (SELECT 1 FROM {tables} WHERE {same}) ORDER BY {', '.join(table.keys)}"
    )


def _write(
    out: BinaryIO, what: Literal["map", "gone", "come"], table: _Table, rows: Iterable[tuple[Value, ...]]
) -> None:
    reals = [column in table.reals for column in table.columns]
    columns: list[list[Value]] = [[] for _ in table.columns]
    size = count = 0
    for row in rows:
        for column, is_real, value in zip(columns, reals, row, strict=True):
            column.append(repr(value) if is_real and isinstance(value, float) else value)
            size += len(value) if isinstance(value, (bytes, str)) else 8
        count += 1
        if size >= _PIECE or count >= _ROWS:
            _write_piece(out, _Piece(what, table.name, columns))
            columns, size, count = [[] for _ in table.columns], 0, 0
    if count:
        _write_piece(out, _Piece(what, table.name, columns))


def _write_piece(out: BinaryIO, piece: _Piece) -> None:
    body = msgspec.msgpack.encode(piece)
    if len(body) > _MAX_PIECE:
        raise HullmarkError(f"a row of {piece.table} is too large for a delta", advice="export the whole snapshot")
    out.write(len(body).to_bytes(_LENGTH, "little") + body)


# Applying


class DeltaTarget(NamedTuple):
    """What applying a delta must give: a file of this digest and size."""

    digest: str
    size: int


def apply_delta(old: Path, delta: BinaryIO, target: Path, goal: DeltaTarget) -> None:
    """Write to `target`, where nothing is yet, what a delta makes of the snapshot `old`; its digest is the goal's.

    Raises HullmarkError if the delta is damaged, or does not lead there; OSError if the file cannot be written.
    """
    try:
        _rebuild(old, delta, target, goal.size)
        settle(target)
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise _delta_error(f"cannot be applied ({error})") from error
    if target.stat().st_size != goal.size or digest_of(target) != goal.digest:
        raise _delta_error("does not give the snapshot that it promises")


def _delta_error(reason: str) -> HullmarkError:
    return HullmarkError(f"the delta {reason}", advice="take the whole snapshot instead")


def _rebuild(old: Path, delta: BinaryIO, target: Path, size: int) -> None:
    tables = _tables()
    with closing(sqlite3.connect(target, uri=True, isolation_level=None)) as db:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536", "page_size = 4096"):
            db.execute(f"PRAGMA {pragma}")
        db.execute(f"PRAGMA max_page_count = {2 * size // _PAGE + 1000}")  # written in no good order, it takes more
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        _attach(db, "old", old)
        for name in _NUMBERED:
            _make_map(db, name)
        db.executescript(TABLES)
        db.execute("BEGIN")
        pieces = _pieces(delta)
        first = _apply_maps(db, pieces)
        for table in tables.values():
            clause, becomes = _stays(table)
            db.execute(
                f"INSERT INTO main.{table.name} ({', '.join(becomes)}) SELECT {', '.join(becomes.values())} FROM {clause}"  # noqa: S608
            )
        for piece in chain((first,) if first else (), pieces):
            _apply(db, tables, piece)
        db.execute("COMMIT")
        db.executescript(INDEXES)


def _apply_maps(db: sqlite3.Connection, pieces: Iterator[_Piece]) -> _Piece | None:
    """Fill the maps; answers the first piece that is another."""
    for piece in pieces:
        if piece.what != "map":
            return piece
        if piece.table not in _NUMBERED or len(piece.columns) != 3:
            raise _delta_error("is damaged")
        for old, new, count in zip(*piece.columns, strict=True):
            if not all(isinstance(number, int) and 0 < number < _MAX_NUMBER for number in (old, new, count)):
                raise _delta_error("is damaged")
            db.execute(_RUN.format(piece.table), (new - old, old, count))
    return None


def _apply(db: sqlite3.Connection, tables: dict[str, _Table], piece: _Piece) -> None:
    table = tables.get(piece.table)
    names = () if table is None else table.keys if piece.what == "gone" else table.columns
    if table is None or piece.what == "map" or len(piece.columns) != len(names):
        raise _delta_error("is damaged")
    columns = [
        _reals(column) if name in table.reals else column for name, column in zip(names, piece.columns, strict=True)
    ]
    if piece.what == "gone":
        statement = f"DELETE FROM main.{table.name} WHERE {' AND '.join(f'{key} = ?' for key in names)}"  # noqa: S608
    else:
        statement = f"INSERT OR REPLACE INTO main.{table.name} VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    db.executemany(statement, zip(*columns, strict=True))


def _reals(column: list[Value]) -> list[Value]:
    return [float(value) if isinstance(value, str) else value for value in column]


def _pieces(stream: BinaryIO) -> Iterator[_Piece]:
    decode = msgspec.msgpack.Decoder(_Piece).decode
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise _delta_error("has an unknown format")
    while head := stream.read(_LENGTH):
        length = int.from_bytes(head, "little")
        body = stream.read(length) if length <= _MAX_PIECE else b""
        if len(head) != _LENGTH or len(body) != length:
            raise _delta_error("is damaged")
        try:
            piece = decode(body)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise _delta_error("is damaged") from error
        if len({len(column) for column in piece.columns}) != 1:
            raise _delta_error("is damaged")
        yield piece
