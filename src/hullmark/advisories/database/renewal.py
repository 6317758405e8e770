"""An earlier snapshot → the one of today: the rows of feeds that changed are written anew, all others stay where they are.

A feed's rows have numbers of its own (see schema.row_number), so most rows of other feeds stay as they are. Three things reach further:

* A package has the number of the first feed that speaks of it. Where that has become another number, all its ranges get it.
* A feed that overrides another one removes rows of that. Where it no longer names an advisory, the other feed is written anew too.
* Three tables do not say which feed a row is of: all feeds that give rows to one of them are written anew together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from hullmark.advisories.database.contributions import Contribution, Key, Source
from hullmark.advisories.database.schema import numbers_of, row_number
from hullmark.advisories.database.writer import Writer, overriding
from hullmark.model.advisory import Advisory

_TEMPORARY = (
    "CREATE TEMP TABLE named (package INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE rewritten (low INTEGER PRIMARY KEY, high INTEGER NOT NULL)",
    "CREATE TEMP TABLE moved (old INTEGER PRIMARY KEY, new INTEGER NOT NULL)",
)

_STAYING = "NOT EXISTS (SELECT 1 FROM temp.rewritten AS r WHERE span.advisory > r.low AND span.advisory < r.high)"

_MOVE = (
    "CREATE TEMP TABLE moving AS "  # noqa: S608 - our own words
    "SELECT moved.new, span.advisory, span.part, span.number, flags, low, high, bare_low, bare_high "
    f"FROM temp.moved CROSS JOIN main.span ON span.package = moved.old WHERE {_STAYING}",
    f"DELETE FROM main.span WHERE package IN (SELECT old FROM temp.moved) AND {_STAYING}",  # noqa: S608
    "INSERT INTO main.span SELECT * FROM temp.moving ORDER BY 1, 2, 3, 4",
)


class NotRenewable(Exception):
    """The snapshot has to be written as a whole."""


def renew(db: sqlite3.Connection, before: Sequence[Contribution], sources: Sequence[Source]) -> Writer:
    """Make the rows of an earlier snapshot, to which feeds gave what is said in `before`, those of what the same feeds give now.

    Raises NotRenewable, and leaves some rows changed, if a feed gives rows to a table in which another one's rows stand that stays.
    """
    changed = _find_changed_feeds(db, before, sources)
    old = _collect_package_numbers(before)
    for statement in _TEMPORARY:
        db.execute(statement)
    _remove(db, before, changed, old)
    writer = Writer(db)
    for number, (source, gave) in enumerate(zip(sources, before, strict=True), 1):
        if number in changed:
            writer.feed(source.info, source.digest, source.records())
        else:
            writer.keep(source.info, gave)
    _check_tables(writer.contributions, changed)
    _number_packages(db, old, writer.packages, changed)
    for feed, overridden in overriding((contribution.name, contribution.overrides) for contribution in before):
        if feed in changed or overridden in changed:
            writer.override(feed, overridden)
    writer.describe()
    return writer


def _find_changed_feeds(
    db: sqlite3.Connection, before: Sequence[Contribution], sources: Sequence[Source]
) -> frozenset[int]:
    """The numbers of the feeds that have to be written anew."""
    pairs = list(enumerate(zip(sources, before, strict=True), 1))
    changed = {number for number, (source, gave) in pairs if source.digest != gave.digest}
    for feed, overridden in overriding((contribution.name, contribution.overrides) for contribution in before):
        if feed in changed and overridden not in changed and _releases(db, feed, overridden, sources[feed - 1]):
            changed.add(overridden)
    while True:
        shared = {table for number in changed for table in before[number - 1].tables}
        more = {number for number, (_, gave) in pairs if not shared.isdisjoint(gave.tables)}
        if more <= changed:
            return frozenset(changed)
        changed |= more


def _releases(db: sqlite3.Connection, feed: int, overridden: int, source: Source) -> bool:
    """Whether a feed no longer names an advisory of the one that it overrides."""
    lost = {name for (name,) in db.execute("SELECT name FROM advisory WHERE id > ? AND id < ?", numbers_of(feed))}
    lost -= {record.id for record in source.records() if isinstance(record, Advisory)}
    known = "SELECT 1 FROM advisory WHERE name = ? AND feed = ?"
    return any(db.execute(known, (name, overridden)).fetchone() for name in lost)


def _collect_package_numbers(contributions: Iterable[Contribution]) -> dict[Key, int]:
    """The number of every package."""
    found: dict[Key, int] = {}
    for feed, gave in enumerate(contributions, 1):
        for number, key in enumerate(gave.packages, row_number(feed, 1)):
            found.setdefault(key, number)
    return found


def _remove(
    db: sqlite3.Connection, before: Sequence[Contribution], changed: Collection[int], numbers: dict[Key, int]
) -> None:
    """Remove the rows of feeds."""
    for feed in changed:
        gave, bounds = before[feed - 1], numbers_of(feed)
        db.execute("INSERT INTO temp.rewritten VALUES (?, ?)", bounds)
        db.execute("DELETE FROM temp.named")
        db.executemany("INSERT INTO temp.named VALUES (?)", ((numbers[key],) for key in gave.packages))
        db.execute(
            "DELETE FROM span WHERE package IN (SELECT package FROM temp.named) AND advisory > ? AND advisory < ?",
            bounds,
        )
        for table, column in (("part", "advisory"), ("alias", "advisory"), ("advisory", "id"), ("statement", "id")):
            db.execute(f"DELETE FROM {table} WHERE {column} > ? AND {column} < ?", bounds)  # noqa: S608 - our own words
        db.execute("DELETE FROM lifecycle WHERE feed = ?", (feed,))
        for table in gave.tables:
            db.execute(f"DELETE FROM {table}")  # noqa: S608


def _check_tables(contributions: Sequence[Contribution], changed: Collection[int]) -> None:
    given: dict[bool, set[str]] = {True: set(), False: set()}
    for number, gave in enumerate(contributions, 1):
        given[number in changed].update(gave.tables)
    if given[True] & given[False]:
        raise NotRenewable


def _number_packages(
    db: sqlite3.Connection, old: dict[Key, int], new: dict[Key, int], changed: Collection[int]
) -> None:
    """Give every package its new number, also where feeds speak of it that stay."""
    moved = [(number, new[key]) for key, number in old.items() if new.get(key, number) != number]
    if moved:
        db.executemany("INSERT INTO temp.moved VALUES (?, ?)", moved)
        for statement in _MOVE:
            db.execute(statement)
    gone = ((number,) for key, number in old.items() if new.get(key) != number)
    db.executemany("DELETE FROM package WHERE id = ?", gone)
    come = ((number, *key) for key, number in new.items() if old.get(key) != number)
    db.executemany("INSERT INTO package VALUES (?, ?, ?)", come)
