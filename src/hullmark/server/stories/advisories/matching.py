"""A package is matched once for all images that hold it; a new snapshot causes only the packages that it changes to be matched again.

All work is done in batches. Each is one transaction that takes effect once, so a process that is stopped between two batches can resume.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from hullmark.advisories.database.compare import Difference, compare, covered_otherwise
from hullmark.advisories.database.excerpt import Excerpt
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.advisories.match.coordinates import Coordinate, package_of
from hullmark.advisories.match.find import find, partly_told
from hullmark.advisories.match.risk import risk
from hullmark.app.vulns import MATCHING_READS
from hullmark.catalog.programs.golang_symbols import READ as GO_SYMBOLS
from hullmark.catalog.programs.golang_symbols import with_functions
from hullmark.model.advisory import Support
from hullmark.model.inventory import Distro, Inventory, InventorySource
from hullmark.model.match import Epss, Kev, Match
from hullmark.model.package import Package
from hullmark.scanning.request import ScanResult
from hullmark.server.stories.advisories.news import (
    OwnedPackages,
    Thresholds,
    is_news,
    note_rewritten,
    note_weighed,
    rank_packages,
    ranks_of,
)
from hullmark.server.tables.advisories import match_changes, matches, snapshots
from hullmark.server.tables.advisories.matches import CoordinateMatches, Weight
from hullmark.server.tables.database import Connection, Database
from hullmark.server.tables.images import coordinates
from hullmark.server.tables.images.coordinates import Key

BATCH = 500
"""Coordinates that are matched in one transaction."""
READS = MATCHING_READS
"""What else is read of an image whose packages are to be stored."""

_WEIGHED_AT_ONCE = 5000
_NOTHING = InventorySource(kind="", reference="", digest="", config_digest="", platform="", layers=())


def matchable(scanned: ScanResult) -> Inventory:
    """The inventory of an image that was scanned with READS; its Go modules also list what their programs were linked with."""
    packages = with_functions(scanned.inventory.packages, scanned.found.get(GO_SYMBOLS.name, {}))
    return msgspec.structs.replace(scanned.inventory, packages=packages)


# A new image


async def take_in(
    conn: Connection, source: AdvisorySource, image_id: int, inventory: Inventory, channels: Collection[str] = ()
) -> None:
    """Store the packages of an image and match those not seen before. `source` is the current snapshot; raises OtherSnapshot if it is
    not.
    """
    known = await snapshots.current_kept(conn)
    if known.snapshot_id is None or known.digest != source.digest:
        raise snapshots.OtherSnapshot("another snapshot counts now", advice="take the current snapshot and try again")
    stored = await coordinates.store_packages(conn, image_id, inventory, channels)
    await match_coordinates(conn, source, known.snapshot_id, stored.coordinates)
    await settle_owned(conn, source, stored.owned, known.at)


async def match_coordinates(
    conn: Connection, source: AdvisorySource, snapshot_id: int, ids: Iterable[int]
) -> tuple[int, ...]:
    """Match those of the given coordinates that were never matched, and store the result; returns their numbers, sorted.

    Raises OtherSnapshot if the snapshot is not the current one.
    """
    known = await snapshots.require(conn, snapshot_id)
    never = await matches.list_unmatched(conn, ids)
    found: dict[int, CoordinateMatches] = {}
    for at in range(0, len(never), BATCH):
        found |= told_of(await coordinates.coordinates_by_id(conn, never[at : at + BATCH]), source, known.at)
    # Written in one statement, so that all writers use one order and cannot deadlock.
    return await matches.write_first(conn, snapshot_id, found) if found else ()


async def settle_owned(conn: Connection, source: AdvisorySource, packages: Iterable[int], at: str) -> None:
    """Determine which matches of owned packages (given by number) are already covered by the package that owns them."""
    owned = await matches.owned_by_number(conn, packages)
    answered: dict[int, dict[bytes, str]] = {member.id: {} for member in owned}
    for members, inventory, channels in _situations(owned):
        numbers = {id(package): member.id for package, member in zip(inventory.packages[1:], members, strict=True)}
        for match in find(inventory, source, at=at, channels=channels).matches:
            number = numbers.get(id(match.package))
            if number is not None and match.suppressed is not None and match.suppressed.by == "distro":
                answered[number][matches.advisory_digest(match.advisory)] = match.suppressed.reason
    await matches.write_exempt(conn, answered)


_Members = list[matches.OwnedPackage]


class _OwnerGroup(NamedTuple):
    """The packages of one owner, together with an inventory that lists the owner first and then its packages."""

    members: _Members
    inventory: Inventory
    channels: tuple[str, ...]


def _situations(owned: Iterable[matches.OwnedPackage]) -> Iterator[_OwnerGroup]:
    groups: dict[bytes, _Members] = {}
    for member in owned:
        known = member.situation
        groups.setdefault(msgspec.msgpack.encode((known.owner, known.distro, known.channels)), []).append(member)
    for members in groups.values():
        first = members[0].situation
        # Each package is a separate object, so that it can be identified by `id` even if two are equal.
        packages = [first.owner, *(msgspec.structs.replace(member.situation.package) for member in members)]
        yield _OwnerGroup(members, _inventory(first.distro, packages), first.channels)


def told_of(wanted: Mapping[int, Coordinate], source: AdvisorySource, at: str) -> dict[int, CoordinateMatches]:
    """The matches of coordinates in a snapshot, by number: what `find` returns for their packages. `at` counts as today (ISO 8601)."""
    groups: dict[tuple[Distro | None, tuple[str, ...]], list[tuple[int, Package]]] = {}
    for number, coordinate in wanted.items():
        groups.setdefault((coordinate.distro, coordinate.channels), []).append((number, package_of(coordinate)))
    found: dict[int, CoordinateMatches] = {}
    for (distro, channels), members in groups.items():
        packages = [package for _, package in members]
        result = find(_inventory(distro, packages), source, at=at, channels=channels)
        hits: dict[int, list[Match]] = {id(package): [] for package in packages}
        reasons: dict[int, list[str]] = {id(package): [] for package in packages}
        for match in result.matches:
            hits[id(match.package)].append(match)
        for unknown in result.unknown:
            reasons[id(unknown.package)].append(unknown.reason)
        for package, reason in partly_told(_inventory(distro, packages), source, at=at, channels=channels):
            reasons[id(package)] = reasons[id(package)] or [reason]
        for number, package in members:
            found[number] = CoordinateMatches(matches=tuple(hits[id(package)]), reasons=tuple(reasons[id(package)]))
    return found


def _inventory(distro: Distro | None, packages: Sequence[Package]) -> Inventory:
    return Inventory(source=_NOTHING, distro=distro, packages=tuple(packages), problems=())


# A new snapshot


async def begin_adoption(  # noqa: PLR0913 - all but four by name
    db: Database,
    snapshot_id: int,
    next: Snapshot,
    previous: Snapshot | None,
    *,
    at: str,
    thresholds: Thresholds = Thresholds(),  # noqa: B008 - it cannot change
    is_next: bool = False,
    judge_otherwise: Callable[[Connection, set[str]], Awaitable[None]] | None = None,
) -> None:
    """Make a snapshot the current one, and plan which coordinates to match again: those about which it differs from the one before, or all
    if there is none.

    Work still planned for an earlier snapshot stays planned. `judge_otherwise` is called in the same transaction, with the namespaces whose
    coverage has changed. Raises OtherSnapshot if `previous` is not the current snapshot; with `is_next` also if the current snapshot is
    newer than this one, or its changes are not all in the verdicts yet.
    """
    async with db.system() as conn:
        known = await snapshots.current(conn)
    if (known.snapshot_id, known.at) == (snapshot_id, at):
        return
    is_same = known.digest == next.digest
    if not is_same and previous is not None and known.digest != previous.digest:
        raise snapshots.OtherSnapshot("the previous snapshot is not the one that counts", advice="take the current one")
    source = next if is_same else previous
    difference = compare(source, next) if source is not None else Difference()
    ranks: dict[str, int] = {}
    keys: dict[Key, int] = {}
    if source is not None:
        ranks = ranks_of(difference, source, next)
        changed = changed_keys(difference, source, next, since=known.at, at=at)
        keys = rank_packages(difference, changed, ranks, source, next)
    async with db.system() as conn:
        if await snapshots.current_to_change(conn) != known:
            raise snapshots.OtherSnapshot("another snapshot counts now", advice="take the current one and begin again")
        if is_next and known.snapshot_id not in (None, snapshot_id):
            await snapshots.require_next(conn, snapshot_id)
        if source is None:
            await snapshots.plan_all(conn)
        else:
            namespaces = changed_namespaces(difference, source, next, since=known.at, at=at)
            await snapshots.plan(conn, keys, namespaces)
            if judge_otherwise is not None:
                await judge_otherwise(conn, namespaces)
        await snapshots.count_on(conn, snapshot_id, at)
        await match_changes.note_news(conn, snapshot_id, ranks)
        await _weigh_first(conn, next, snapshot_id, sorted(ranks), thresholds)


def changed_keys(difference: Difference, previous: Snapshot, next: Snapshot, *, since: str, at: str) -> set[Key]:
    """The packages about which a snapshot differs from the one before, as of the day `at` rather than `since`.

    Packages for which only the KEV status or score of a CVE changed are left out: that changes an advisory's weight, not its matches.
    """
    with Excerpt(previous) as old, Excerpt(next) as new:
        rated = set[Key]().union(*(snapshot.keys_of(snapshot.going_by(difference.rated)) for snapshot in (old, new)))
    supported = {change.key for change in difference.support} | _find_support_ends(next, since, at)
    return {*difference.keys, *rated, *(key for key in supported if "*" not in key[1])}


def changed_namespaces(difference: Difference, previous: Snapshot, next: Snapshot, *, since: str, at: str) -> set[str]:
    """The namespaces in which a snapshot may differ for any package, as of the day `at` rather than `since`: those that only it covers, or
    only it covers completely, and those whose support, given by a pattern, has changed.
    """
    supported = {change.key for change in difference.support} | _find_support_ends(next, since, at)
    patterned = {namespace for namespace, name in supported if "*" in name}
    return patterned | difference.namespaces | covered_otherwise(previous, next, (since, at))


def _find_support_ends(snapshot: Snapshot, since: str, at: str) -> set[Key]:
    """The packages whose support ends between two dates."""
    with Excerpt(snapshot) as excerpt:
        known = (msgspec.msgpack.decode(body, type=Support) for body in excerpt.load_support().values())
        return {
            (release.namespace, release.name) for release in known if min(since, at) < release.since <= max(since, at)
        }


async def rematch_some(
    db: Database, source: AdvisorySource, snapshot_id: int, size: int = BATCH, rank: int = snapshots.LAST_RANK
) -> bool:
    """Match some of the planned coordinates again, up to a rank; returns whether there may be more. Several processes may do this at the
    same time.
    """
    async with db.system() as conn:
        known = await snapshots.require(conn, snapshot_id)
        ids = await snapshots.take_planned(conn, size, rank)
        if not ids:
            return False
        owned = await match_changes.owned_among(conn, ids)
        before = await match_changes.exempt_of(conn, [member.id for member in owned])
        wanted = await coordinates.coordinates_by_id(conn, ids)
        rewritten = await matches.rewrite(conn, snapshot_id, told_of(wanted, source, known.at))
        await settle_owned(conn, source, [member.id for member in owned], known.at)
        if not known.is_baseline:
            after = await match_changes.exempt_of(conn, [member.id for member in owned])
            await note_rewritten(
                conn, snapshot_id, rewritten, OwnedPackages(packages=owned, before=before, after=after)
            )
        return True


async def _weigh_first(
    conn: Connection, source: AdvisorySource, snapshot_id: int, names: Sequence[str], thresholds: Thresholds
) -> None:
    """Update the weights of the advisories with these names before all others. Their matches change anyway, and no notice should report a
    weight that is about to change.
    """
    for start in range(0, len(names), _WEIGHED_AT_ONCE):
        rows = await matches.weighed_of(conn, names[start : start + _WEIGHED_AT_ONCE])
        await _weigh(conn, source, snapshot_id, rows, thresholds)


async def weigh_some(
    db: Database,
    source: AdvisorySource,
    snapshot_id: int,
    size: int = _WEIGHED_AT_ONCE,
    thresholds: Thresholds = Thresholds(),  # noqa: B008 - it cannot change
) -> bool:
    """Update the weights of some advisories to the snapshot; returns whether there may be more."""
    async with db.system() as conn:
        known = await _current_to_weigh(conn, snapshot_id)
        if known.is_weighed:
            return False
        rows = await matches.advisories_after(conn, known.weighed, size)
        await _weigh(conn, source, snapshot_id, rows, thresholds)
        await matches.weighed_until(conn, rows[-1].id if rows else None)
        return bool(rows)


async def _current_to_weigh(conn: Connection, snapshot_id: int) -> snapshots.Current:
    known = await snapshots.current_to_change(conn)
    if known.snapshot_id != snapshot_id:
        raise snapshots.OtherSnapshot("another snapshot counts now", advice="take the current one")
    return known


async def _weigh(
    conn: Connection,
    source: AdvisorySource,
    snapshot_id: int,
    rows: Sequence[matches.WeightedAdvisory],
    thresholds: Thresholds,
) -> None:
    weights = await _weights(conn, rows, source)
    news = {row.id: weights[row.id] for row in rows if is_news(row.weight, weights[row.id], thresholds)}
    if news:
        before = {row.id: row.weight for row in rows}
        await note_weighed(conn, snapshot_id, before, weights, news)
    await matches.write_weights(conn, {row.id: weights[row.id] for row in rows if row.weight != weights[row.id]})


async def _weights(
    conn: Connection, rows: Sequence[matches.WeightedAdvisory], source: AdvisorySource
) -> dict[int, Weight]:
    """The weights of advisories by number. An advisory's body is only read if its score or KEV entry has changed."""
    cves = {row.cve for row in rows} - {""}
    scores, listed = source.exploitability(cves), source.exploited(cves)
    found = {row.id: row.weight for row in rows}
    others: dict[int, tuple[Epss | None, Kev | None]] = {}
    for row in rows:
        score, entry = scores.get(row.cve), listed.get(row.cve)
        epss = Epss(score=score.score, percentile=score.percentile) if score else None
        kev = Kev(added=entry.added, due=entry.due, ransomware=entry.ransomware) if entry else None
        if (row.weight.epss, row.weight.kev) != (epss, kev):
            others[row.id] = epss, kev
    for number, body in (await match_changes.bodies_of(conn, others)).items():
        epss, kev = others[number]
        named = matches.advisory_of(body, Weight(0.0, epss, kev))
        found[number] = Weight(risk(named.severity, named.cvss, epss, kev), epss, kev)
    return found
