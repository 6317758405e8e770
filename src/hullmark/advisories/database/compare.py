"""Two snapshots → what differs between them that could change a match, or whether anything can be told.

Texts that decide nothing (summaries, references) are no difference; see `writer.match_hash`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

import msgspec

from hullmark.advisories.database.excerpt import Excerpt, Key
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.coverage import lasting_gap
from hullmark.model.advisory import Advisory, AffectedPackage, KevEntry, Support

EPSS_THRESHOLDS = (0.1,)
"""The scores (above 0, up to 1) whose reaching is news if nobody says otherwise."""

Row = tuple[str, str, bytes, int]
_END: Row = ("\U0010ffff", "", b"", 0)
_T = TypeVar("_T")


class AdvisoryChange(msgspec.Struct, frozen=True, kw_only=True):
    """One advisory that is in one snapshot only, or says other things in each. `before` and `after` are its row numbers."""

    op: Literal["added", "removed", "changed"]
    feed: str
    id: str
    before: int | None
    after: int | None


class Crossing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A CVE whose EPSS score (0-1) has come to stand between other thresholds. A score below all of them is 0."""

    cve: str
    before: float
    after: float


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A CVE whose entry in the catalogue of known exploited vulnerabilities is new, gone or another."""

    cve: str
    before: KevEntry | None
    after: KevEntry | None


class SupportChange(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose distribution maintains it less, more or otherwise than before."""

    before: Support | None
    after: Support | None

    @property
    def key(self) -> Key:
        """Namespace and name of the package, or of those that a pattern means."""
        known = self.after or self.before
        return (known.namespace, known.name) if known else ("", "")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two snapshots. All tuples are sorted.

    `keys`: the packages about which the advisories say something else. `rated`: CVEs that are rated otherwise. `namespaces`: those
    that only one snapshot knows, or that both cover in part, for different reasons.
    """

    advisories: tuple[AdvisoryChange, ...] = ()
    keys: frozenset[Key] = frozenset()
    rated: frozenset[str] = frozenset()
    kev: tuple[Listing, ...] = ()
    epss: tuple[Crossing, ...] = ()
    support: tuple[SupportChange, ...] = ()
    namespaces: frozenset[str] = frozenset()


def compare(previous: Snapshot, next: Snapshot, thresholds: Sequence[float] = EPSS_THRESHOLDS) -> Difference:
    """The difference of two snapshots. `thresholds` are EPSS scores (above 0) whose crossing counts; others are no difference.

    Both lists of advisories are read once, in order, and merged: memory is that of the difference.
    """
    if previous.digest == next.digest:
        return Difference()
    advisories = tuple(_find_changes(previous, next))
    keys: set[Key] = set()
    rated: set[str] = set()
    for change in advisories:
        before = None if change.before is None else previous.by_number(change.before)
        after = None if change.after is None else next.by_number(change.after)
        keys |= _find_changed_packages(before, after)
        if change.id.startswith("CVE-") and _rating(before) != _rating(after):
            rated.add(change.id)
    kev = tuple(_listings(previous.all_exploited(), next.all_exploited()))
    with Excerpt(previous) as old, Excerpt(next) as new:
        epss = tuple(_crossings(old, new, sorted(thresholds)))
        support = tuple(_support(old, new))
    return Difference(
        advisories=advisories,
        keys=frozenset(keys),
        rated=frozenset(rated),
        kev=kev,
        epss=epss,
        support=support,
        namespaces=frozenset(previous.namespaces.keys() ^ next.namespaces.keys()) | covered_otherwise(previous, next),
    )


def covered_otherwise(previous: Snapshot, next: Snapshot, days: tuple[str, str] | None = None) -> frozenset[str]:
    """The namespaces that two snapshots cover in part, for different reasons, or one does: on one day and on another (ISO 8601) if
    these are given, for time alone makes advisories too old; else whenever they were made."""
    before, after = previous.namespaces, next.namespaces
    since, at = days or ("", "")
    return frozenset(
        name
        for name in before.keys() | after.keys()
        if lasting_gap(name, before.get(name), since) != lasting_gap(name, after.get(name), at)
    )


def band(score: float, thresholds: Sequence[float]) -> int:
    """How many of the thresholds (sorted) a score has reached."""
    return bisect_right(thresholds, score)


def _find_changes(previous: Snapshot, next: Snapshot) -> Iterator[AdvisoryChange]:
    """Merge both lists of hashes, each sorted by feed and id."""
    before, after = previous.hashes(), next.hashes()
    old, new = _next(before), _next(after)
    while old is not _END or new is not _END:
        if old[:2] == new[:2]:
            if old[2] != new[2]:
                yield AdvisoryChange(op="changed", feed=new[0], id=new[1], before=old[3], after=new[3])
            old, new = _next(before), _next(after)
        elif old[:2] < new[:2]:
            yield AdvisoryChange(op="removed", feed=old[0], id=old[1], before=old[3], after=None)
            old = _next(before)
        else:
            yield AdvisoryChange(op="added", feed=new[0], id=new[1], before=None, after=new[3])
            new = _next(after)


def _next(rows: Iterator[Row]) -> Row:
    return next(rows, _END)


def _find_changed_packages(before: Advisory | None, after: Advisory | None) -> set[Key]:
    """The packages about which the advisory says something else; all of its packages if what it says of itself has changed."""
    old, new = _parts(before), _parts(after)
    is_same = _word(before) == _word(after)
    return {key for key in old.keys() | new.keys() if not is_same or old.get(key) != new.get(key)}


def _parts(advisory: Advisory | None) -> dict[Key, list[AffectedPackage]]:
    """What an advisory says of each package, in its order: of equal rank, the first part counts."""
    found: dict[Key, list[AffectedPackage]] = {}
    if advisory is not None and not advisory.withdrawn:
        for affected in advisory.affected:
            found.setdefault((affected.namespace, affected.name), []).append(affected)
    return found


def _word(advisory: Advisory | None) -> tuple[object, ...]:
    """What an advisory says whatever the package."""
    if advisory is None:
        return ()
    return advisory.source, advisory.severity, advisory.cvss, sorted(advisory.aliases)


def _rating(advisory: Advisory | None) -> tuple[object, ...]:
    """How an advisory rates its CVE, and who does."""
    if advisory is None or (advisory.severity == "unknown" and not advisory.cvss):
        return ()
    return advisory.source, advisory.severity, advisory.cvss


def _listings(before: dict[str, KevEntry], after: dict[str, KevEntry]) -> Iterator[Listing]:
    for cve in sorted(before.keys() | after.keys()):
        old, new = before.get(cve), after.get(cve)
        if _entry(old) != _entry(new):
            yield Listing(cve=cve, before=old, after=new)


def _entry(listed: KevEntry | None) -> tuple[object, ...]:
    return () if listed is None else (listed.added, listed.due, listed.ransomware)


def _crossings(old: Excerpt, new: Excerpt, thresholds: Sequence[float]) -> Iterator[Crossing]:
    if not thresholds:
        return
    before, after = old.scores_from(thresholds[0]), new.scores_from(thresholds[0])
    for cve in sorted(before.keys() | after.keys()):
        was, now = before.get(cve, 0.0), after.get(cve, 0.0)
        if band(was, thresholds) != band(now, thresholds):
            yield Crossing(cve=cve, before=was, after=now)


def _support(old: Excerpt, new: Excerpt) -> Iterator[SupportChange]:
    before, after = old.load_support(), new.load_support()
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was != now:
            yield SupportChange(before=_read(was, Support), after=_read(now, Support))


def _read(body: bytes | None, kind: type[_T]) -> _T | None:
    return None if body is None else msgspec.msgpack.decode(body, type=kind)
