"""What a snapshot changes: how urgent each change is, and which match rows it added and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from hullmark.advisories.database.compare import EPSS_THRESHOLDS, Difference, band
from hullmark.advisories.database.excerpt import Excerpt
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.model.advisory import Advisory
from hullmark.server.tables.advisories import match_changes, matches
from hullmark.server.tables.advisories.match_changes import Exempt, NewChange, OwnedPackage, Side
from hullmark.server.tables.advisories.matches import FoundRow, RewriteResult, Weight
from hullmark.server.tables.advisories.snapshots import LAST_RANK
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import Key

EXPLOITED, CRITICAL, HIGH = 0, 1, 2
"""Ranks of what is urgent; LAST_RANK is all else."""

_BY_SEVERITY = {"critical": CRITICAL, "high": HIGH}
_CRITICAL_SCORE, _HIGH_SCORE = 9.0, 7.0


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """The EPSS scores, percentiles (0-1) and risks (0-100) at which the outcome of a policy may change. Each is sorted."""

    epss: tuple[float, ...] = EPSS_THRESHOLDS
    percentile: tuple[float, ...] = ()
    risk: tuple[float, ...] = ()


def is_news(before: Weight, after: Weight, thresholds: Thresholds) -> bool:
    """True if the KEV status changed, or a score crossed a threshold of a policy."""
    if before.kev != after.kev or (before.epss is None) is not (after.epss is None):
        return True
    scores = [weight.epss.score if weight.epss else 0.0 for weight in (before, after)]
    shares = [weight.epss.percentile if weight.epss else 0.0 for weight in (before, after)]
    return any(
        band(old, bounds) != band(new, bounds)
        for (old, new), bounds in (
            (scores, thresholds.epss),
            (shares, thresholds.percentile),
            ((before.risk, after.risk), thresholds.risk),
        )
    )


# How urgent it is


def ranks_of(difference: Difference, previous: Snapshot, next: Snapshot) -> dict[str, int]:
    """The rank of every name with changes. If several advisories share a name, the least urgent decides, so that everything about the name
    is known once its rank is done.
    """
    exploited = {*previous.all_exploited(), *next.all_exploited()}
    ranks: dict[str, int] = {}
    for pair in _advisories(difference, previous, next):
        rank = _rank(pair, exploited)
        for name in {name for advisory in pair for name in (advisory.id, *advisory.aliases)}:
            ranks[name] = max(ranks.get(name, 0), rank)
    for listing in difference.kev:
        ranks.setdefault(listing.cve, EXPLOITED)
    return ranks


def rank_packages(
    difference: Difference, keys: Iterable[Key], ranks: Mapping[str, int], previous: Snapshot, next: Snapshot
) -> dict[Key, int]:
    """The rank of each package with changes: that of its most urgent change."""
    found = dict.fromkeys(keys, LAST_RANK)
    for pair in _advisories(difference, previous, next):
        rank = min(ranks.get(advisory.id, LAST_RANK) for advisory in pair)
        for affected in (affected for advisory in pair for affected in advisory.affected):
            key = (affected.namespace, affected.name)
            if key in found:
                found[key] = min(found[key], rank)
    for rank in range(LAST_RANK):
        rated = {name for name in difference.rated if ranks.get(name, LAST_RANK) == rank}
        for key in _rated_keys(rated, previous, next):
            if key in found:
                found[key] = min(found[key], rank)
    return found


def _rated_keys(cves: Collection[str], previous: Snapshot, next: Snapshot) -> Iterator[Key]:
    if cves:
        for snapshot in (previous, next):
            with Excerpt(snapshot) as excerpt:
                yield from excerpt.keys_of(excerpt.going_by(cves))


def _advisories(difference: Difference, previous: Snapshot, next: Snapshot) -> Iterator[tuple[Advisory, ...]]:
    for change in difference.advisories:
        before = None if change.before is None else previous.by_number(change.before)
        after = None if change.after is None else next.by_number(change.after)
        yield tuple(advisory for advisory in (before, after) if advisory is not None)


def _rank(advisories: Iterable[Advisory], exploited: Collection[str]) -> int:
    return min((_rank_of(advisory, exploited) for advisory in advisories), default=LAST_RANK)


def _rank_of(advisory: Advisory, exploited: Collection[str]) -> int:
    if any(name in exploited for name in (advisory.id, *advisory.aliases)):
        return EXPLOITED
    if advisory.severity != "unknown":
        return _BY_SEVERITY.get(advisory.severity, LAST_RANK)
    score = max((rating.score for rating in advisory.cvss), default=_HIGH_SCORE)
    return CRITICAL if score >= _CRITICAL_SCORE else HIGH if score >= _HIGH_SCORE else LAST_RANK


# What came and went


class OwnedPackages(msgspec.Struct, frozen=True, kw_only=True):
    """Packages that belong to other packages and, by package, the advisories that their owners covered before and cover now."""

    packages: Sequence[OwnedPackage]
    before: Mapping[int, Exempt]
    after: Mapping[int, Exempt]


async def note_rewritten(conn: Connection, snapshot_id: int, rewritten: RewriteResult, owned: OwnedPackages) -> None:
    """Record which matches appeared and disappeared when coordinates were matched again and their owned packages settled."""
    before, after = _by_coordinate(rewritten.before), _by_coordinate(rewritten.after)
    others = {package.coordinate_id for package in owned.packages} - before.keys() - after.keys()
    same = _by_coordinate(await matches.rows_of(conn, sorted(others)))
    advisories = {row.advisory_id for rows in (*before.values(), *after.values(), *same.values()) for row in rows}
    weights = await match_changes.weights_of(conn, advisories)
    changes: list[NewChange] = [(number, None, "", (), ()) for number in sorted(rewritten.untold)]
    for number in sorted(before.keys() | after.keys()):
        old, new = (_sides(rows.get(number, ()), weights) for rows in (before, after))
        changes += ((number, None, name, was, now) for name, was, now in _differing(old, new, weights))
    for package in sorted(owned.packages):
        kept = same.get(package.coordinate_id, ())
        sides = [
            _sides(rows.get(package.coordinate_id, kept), weights, exempt.get(package.id, {}))
            for rows, exempt in ((before, owned.before), (after, owned.after))
        ]
        names = _differing(sides[0], sides[1], weights)
        changes += ((package.coordinate_id, package.id, name, was, now) for name, was, now in names)
    await match_changes.note(conn, snapshot_id, changes)


async def note_weighed(
    conn: Connection,
    snapshot_id: int,
    before: Mapping[int, Weight],
    after: Mapping[int, Weight],
    news: Collection[int],
) -> None:
    """Record what changed because advisories (by number) have other weights, for those in `news`."""
    names = {name for name, _ in (await match_changes.weights_of(conn, news)).values()}
    coordinates = await matches.coordinates_with(conn, news)
    rows = await match_changes.rows_about(conn, coordinates, names)
    weights = await match_changes.weights_of(conn, {row.advisory_id for weighed in rows.values() for row in weighed})
    old = weights | {number: (weights[number][0], weight) for number, weight in before.items() if number in weights}
    new = weights | {number: (weights[number][0], weight) for number, weight in after.items() if number in weights}
    owned = await match_changes.owned_among(conn, coordinates)
    exempt = await match_changes.exempt_of(conn, [member.id for member in owned])
    changes: list[NewChange] = []
    holders: list[tuple[int, int | None, Exempt]] = [(number, None, {}) for number in sorted(rows)] + [
        (member.coordinate_id, member.id, exempt.get(member.id, {}))
        for member in sorted(owned)
        if member.coordinate_id in rows
    ]
    for number, package, answered in holders:
        sides = [_sides(rows[number], known, answered) for known in (old, new)]
        changes += ((number, package, name, was, now) for name, was, now in _differing(sides[0], sides[1], weights))
    await match_changes.note(conn, snapshot_id, changes)


def _by_coordinate(rows: Iterable[FoundRow]) -> dict[int, set[FoundRow]]:
    found: dict[int, set[FoundRow]] = {}
    for row in rows:
        found.setdefault(row.coordinate_id, set()).add(row)
    return found


_Weights = Mapping[int, tuple[str, Weight]]


def _sides(rows: Iterable[FoundRow], weights: _Weights, exempt: Mapping[int, str] = {}) -> set[Side]:
    return {Side(row, weights[row.advisory_id][1], exempt.get(row.advisory_id)) for row in rows}


def _differing(
    old: set[Side], new: set[Side], weights: _Weights
) -> Iterator[tuple[str, Sequence[Side], Sequence[Side]]]:
    """The changed vulnerabilities, each with all its sides before and now."""
    for name in sorted({weights[side.row.advisory_id][0] for side in old ^ new}):
        was, now = ([side for side in sides if weights[side.row.advisory_id][0] == name] for sides in (old, new))
        yield name, was, now
