"""Two snapshots and a stored set of images → what is newly affected, no longer affected, or affected otherwise, and which images hold it.

Only coordinates of which something else is said are matched, with the very functions that match an image, once with each snapshot.
What is laid upon the matches of one image (owners, VEX, ignore rules, policies) is not: whoever judges the images does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Literal, NamedTuple

import msgspec

from hullmark.advisorydb.compare import EPSS_THRESHOLDS, Difference, band, compare, kin
from hullmark.advisorydb.excerpt import Excerpt
from hullmark.advisorydb.snapshot import Snapshot
from hullmark.match.advisory_source import AdvisorySource
from hullmark.match.arrays import Images
from hullmark.match.coordinates import package_of
from hullmark.match.find import find, partly_told
from hullmark.match.fleet import Fleet
from hullmark.model.inventory import Distro, Inventory, InventorySource
from hullmark.model.match import Match
from hullmark.model.package import Package

BATCH = 2000

What = Literal["confidence", "cvss", "epss", "fix", "id", "kev", "severity", "told", "untold"]

_NOTHING = InventorySource(kind="", reference="", digest="", config_digest="", platform="", layers=())


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One coordinate and one advisory: `new` if it now affects, `gone` if it no longer does, `changed` if it does otherwise.

    `what` says what changed; of `new`, `told` says that nothing could be told before; of `gone`, `untold` that nothing can be told
    now: it is unknown, not clean, and `reason` says why. `before` and `after` are the matches; a suppressed one does not affect.
    Their package is the coordinate's: an image adds where it lies, and whether another package answers for it.

    Without an advisory: `untold` if the coordinate has become one of the unknown, for this `reason`, `told` if it no longer is.
    """

    op: Literal["new", "gone", "changed", "told", "untold"]
    coordinate: int
    advisory: str = ""
    what: tuple[What, ...] = ()
    before: Match | None = None
    after: Match | None = None
    reason: str = ""


class ReleaseEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution's release is past its end of life now (`reason` says since when), or it no longer is (`maintained`)."""

    op: Literal["ended", "maintained"]
    distro: Distro
    reason: str
    images: Images


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The events of some coordinates. `last` is the last of them: whoever has dealt with the batch goes on after it."""

    last: int
    events: tuple[Event, ...]


class Rematch(msgspec.Struct, frozen=True, kw_only=True):
    """All that came of it. `matched` is the number of coordinates that were matched again.

    `images` hold a coordinate with an event, or are of a release with one.
    """

    difference: Difference
    matched: int
    events: tuple[Event, ...]
    releases: tuple[ReleaseEvent, ...]
    images: Images


def rematch(
    previous: Snapshot,
    next: Snapshot,
    fleet: Fleet,
    *,
    at: str,
    since: str = "",
    thresholds: Sequence[float] = EPSS_THRESHOLDS,
) -> Rematch:
    """Every event between two snapshots, and the images concerned. `at`, `thresholds` as for Rematching, `since` as for `ended`."""
    with Rematching(previous, next, fleet, at=at, thresholds=thresholds) as work:
        events = tuple(event for batch in work.batches() for event in batch.events)
        releases = ended(previous, next, fleet, at=at, since=since)
        images = fleet.images_of({event.coordinate for event in events})
        for event in releases:
            images |= event.images
        return Rematch(
            difference=work.difference, matched=len(work.coordinates), events=events, releases=releases, images=images
        )


def ended(previous: Snapshot, next: Snapshot, fleet: Fleet, *, at: str, since: str = "") -> tuple[ReleaseEvent, ...]:
    """The releases that have come to their end, or whose end was put off.

    What the previous snapshot said on the day `since` is compared with what the next one says on the day `at` (ISO 8601; without
    `since`, both on `at`). Time alone ends releases, also where the snapshots are equal.
    """
    found: list[ReleaseEvent] = []
    for distro in fleet.distros:
        if distro is None:
            continue
        was, now = _end(distro, previous, since or at), _end(distro, next, at)
        if bool(was) != bool(now):
            images = fleet.images_on(distro)
            found.append(ReleaseEvent(op="ended" if now else "maintained", distro=distro, reason=now, images=images))
    return tuple(found)


def _end(distro: Distro, book: AdvisorySource, at: str) -> str:
    """What is said of every image of this release, whatever is in it: that it is past its end of life, if it is."""
    empty = Inventory(source=_NOTHING, distro=distro, packages=(), problems=())
    return "; ".join(problem.reason for problem in find(empty, book, at=at).problems)


class Rematching:
    """A rematch that can be stopped after any batch and taken up again, by whoever has both snapshots and the set.

    `difference` is what differs, `coordinates` are those to be matched again, sorted. Use it as a context manager.
    """

    def __init__(
        self,
        previous: Snapshot,
        next: Snapshot,
        fleet: Fleet,
        *,
        at: str,
        thresholds: Sequence[float] = EPSS_THRESHOLDS,
        difference: Difference | None = None,
    ) -> None:
        """Find what has to be matched. `at` is the day that counts as today (ISO 8601), `thresholds` are EPSS scores (0-1) that matter.

        `difference`: what `compare` found with these thresholds, if that is known already.
        """
        self._fleet, self._at, self._thresholds = fleet, at, sorted(thresholds)
        self._whole = (previous, next)
        self.difference = compare(previous, next, thresholds) if difference is None else difference
        with ExitStack() as stack:
            self._old, self._new = (stack.enter_context(Excerpt(each)) for each in self._whole)
            self._namespaced = fleet.within(self.difference.namespaces)
            self.coordinates = tuple(sorted(self._namespaced | fleet.about(self._keys()) | self._less_supported()))
            for excerpt, numbers in zip(
                (self._old, self._new), kin(self._old, self._new, self.difference.names), strict=True
            ):
                excerpt.limit(numbers)
            self._stack = stack.pop_all()

    def __enter__(self) -> Rematching:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _keys(self) -> set[tuple[str, str]]:
        """The changed packages, and those that advisories of newly rated, listed or scored CVEs speak of."""
        told = self.difference
        names = told.rated.union((each.cve for each in told.kev), (each.cve for each in told.epss))
        return set(told.keys).union(*(each.keys_of(each.going_by(names)) for each in (self._old, self._new)))

    def _less_supported(self) -> set[int]:
        """The coordinates that a change of support may be about: a pattern is any package of its namespace."""
        keys = {each.key for each in self.difference.support}
        patterns = {namespace for namespace, name in keys if "*" in name}
        return self._fleet.within(patterns) | self._fleet.about(keys)

    def batches(self, after: int = -1, size: int = BATCH) -> Iterator[Batch]:
        """The events of all coordinates whose number is above `after`, in their order, `size` coordinates at a time."""
        left = [number for number in self.coordinates if number > after]
        for at in range(0, len(left), size):
            chunk = left[at : at + size]
            yield Batch(last=chunk[-1], events=tuple(self._events(chunk)))

    def _events(self, numbers: Sequence[int]) -> Iterator[Event]:
        # An excerpt tells all about what has changed. Where it could not tell whether anything can be told, the whole is asked.
        whole = [number for number in numbers if number in self._namespaced or not self._fleet.is_comparable(number)]
        part = sorted({*numbers}.difference(whole))
        told: dict[int, tuple[_Told, _Told]] = {}
        for books, chosen in ((self._whole, whole), ((self._old, self._new), part)):
            inventories = _inventories(self._fleet, chosen)
            before, after = (_matched(inventories, book, self._at) for book in books)
            told.update((number, (before[number], after[number])) for number in chosen)
        for number in numbers:
            yield from _compared(number, *told[number], self._thresholds)


class _Told(msgspec.Struct):
    """What a snapshot says of a coordinate; `reason` if it can say nothing."""

    matches: list[Match]
    reason: str = ""


class _Group(NamedTuple):
    """Coordinates of one distribution and its channels, and their packages as an inventory."""

    numbers: list[int]
    channels: tuple[str, ...]
    inventory: Inventory


def _inventories(fleet: Fleet, numbers: Iterable[int]) -> list[_Group]:
    """Coordinates as inventories, which is what is matched."""
    groups: dict[tuple[Distro | None, tuple[str, ...]], tuple[list[int], list[Package]]] = {}
    for number in numbers:
        coordinate = fleet.coordinate(number)
        members, packages = groups.setdefault((coordinate.distro, coordinate.channels), ([], []))
        members.append(number)
        packages.append(package_of(coordinate))
    return [
        _Group(members, channels, Inventory(source=_NOTHING, distro=distro, packages=tuple(packages), problems=()))
        for (distro, channels), (members, packages) in groups.items()
    ]


def _matched(groups: Sequence[_Group], book: AdvisorySource, at: str) -> dict[int, _Told]:
    """What a snapshot says of the coordinates: what `find` says of their packages, which it passes on as they are."""
    found: dict[int, _Told] = {}
    for numbers, channels, inventory in groups:
        told = {id(package): _Told([]) for package in inventory.packages}
        found.update(zip(numbers, told.values(), strict=True))
        result = find(inventory, book, at=at, channels=channels)
        for match in result.matches:
            told[id(match.package)].matches.append(match)
        for unknown in result.unknown:
            told[id(unknown.package)].reason = unknown.reason
        for package, reason in partly_told(inventory, book, at=at, channels=channels):
            told[id(package)].reason = told[id(package)].reason or reason
    return found


def _compared(number: int, before: _Told, after: _Told, thresholds: Sequence[float]) -> Iterator[Event]:
    """The events of one coordinate, by advisory."""
    if bool(before.reason) != bool(after.reason):
        yield Event(op="untold" if after.reason else "told", coordinate=number, reason=after.reason)
    for old, new in _pairs(before.matches, after.matches):
        was, now = old is not None and old.suppressed is None, new is not None and new.suppressed is None
        name = new.advisory.id if new else old.advisory.id if old else ""
        if now and not was:
            what: tuple[What, ...] = ("told",) if before.reason and not before.matches else ()
            yield Event(op="new", coordinate=number, advisory=name, what=what, before=old, after=new)
        elif was and not now:
            reason = "" if after.matches else after.reason
            what = ("untold",) if reason else ()
            yield Event(op="gone", coordinate=number, advisory=name, what=what, before=old, after=new, reason=reason)
        elif old and new and was and (what := _changes(old, new, thresholds)):
            yield Event(op="changed", coordinate=number, advisory=name, what=what, before=old, after=new)


def _pairs(before: Sequence[Match], after: Sequence[Match]) -> Iterator[tuple[Match | None, Match | None]]:
    """Matches of the same vulnerability: of the same advisory, else of one with a name in common. Sorted by the advisory's id."""
    old, new = _by_id(before), _by_id(after)
    pairs: list[tuple[Match | None, Match | None]] = [
        (old.pop(key), new.pop(key)) for key in sorted(old.keys() & new.keys())
    ]
    by_name = {name: key for key, match in reversed(new.items()) for name in _names(match)}
    for match in old.values():
        other = next((key for name in _names(match) if (key := by_name.get(name)) in new), None)
        pairs.append((match, new.pop(other) if other else None))
    pairs += [(None, match) for match in new.values()]
    return iter(sorted(pairs, key=lambda pair: [match.advisory.id for match in reversed(pair) if match]))


def _names(match: Match) -> Iterator[str]:
    """The names of its vulnerability, the CVE first."""
    advisory = match.advisory
    return filter(None, (advisory.cve, advisory.id, *advisory.aliases))


def _by_id(matches: Iterable[Match]) -> dict[tuple[str, int], Match]:
    """By id; a number tells apart the matches of one id, of which there is hardly ever more than one."""
    found: dict[tuple[str, int], Match] = {}
    for match in sorted(matches, key=lambda each: (each.advisory.id, each.advisory.source, each.advisory.namespace)):
        name = match.advisory.id
        found[name, next(number for number in range(len(found) + 1) if (name, number) not in found)] = match
    return found


_LOOKS: tuple[tuple[What, Callable[[Match], object]], ...] = (
    ("confidence", lambda match: match.confidence),
    ("cvss", lambda match: match.advisory.cvss),
    ("fix", lambda match: match.fix),
    ("id", lambda match: match.advisory.id),
    ("kev", lambda match: match.advisory.kev),
    ("severity", lambda match: match.advisory.severity),
)


def _changes(before: Match, after: Match, thresholds: Sequence[float]) -> tuple[What, ...]:
    """What differs, sorted."""
    found = [what for what, look in _LOOKS if look(before) != look(after)]
    if _score(before, thresholds) != _score(after, thresholds):
        found.append("epss")
    return tuple(sorted(found))


def _score(match: Match, thresholds: Sequence[float]) -> int:
    return band(match.advisory.epss.score if match.advisory.epss else 0.0, thresholds)
