"""OSV's events and lists of versions as ranges (https://ossf.github.io/osv-schema/#evaluation)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cmp_to_key
from typing import NamedTuple

import msgspec

from hullmark.model.advisory import Range
from hullmark.model.limit import Limit
from hullmark.versions import scheme_named
from hullmark.versions.ranges import contains
from hullmark.versions.scheme import InvalidVersion, sign

_BEGINNING = ("0", "0.0.0-0")
_NO_LIMIT = "*"
_MAX_COMPARED = Limit(
    1_000_000, "versions times ranges of one OSV advisory (of more, each version is kept)", "shortened"
)


class Event(msgspec.Struct, frozen=True):
    """One of its fields is set: from here on affected, fixed here, the last version affected, or as far as this was looked at."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class _Step(NamedTuple):
    kind: str
    version: str


def ranges_of_events(events: Sequence[Event], scheme: str) -> tuple[Range, ...]:
    """The ranges that events make, in the order of their versions.

    Events that the scheme cannot order are taken as they stand. A range that ends where it begins is empty.
    """
    ranges: list[Range] = []
    low: str | None = None
    for kind, version in _sort_steps([step for event in events for step in _steps(event)], scheme):
        if kind == "introduced":
            low = version if low is None else low
        elif low is None:
            if kind == "fixed" and ranges and not ranges[-1].fixed and not ranges[-1].high_open:
                ranges[-1] = msgspec.structs.replace(ranges[-1], fixed=version)
        else:
            if version != low or kind == "last_affected":
                ranges.append(_close_range(low, kind, version))
            low = None
    if low is not None:
        ranges.append(Range(low=low))
    return tuple(ranges)


def is_never(events: Sequence[Event]) -> bool:
    """Whether the events say that no version ever was affected: fixed before the beginning, as some distributions write it."""
    steps = [step for event in events for step in _steps(event)]
    return bool(steps) and all(version in ("", *_BEGINNING) for _, version in steps) and steps[-1].kind == "fixed"


def not_covered(versions: Iterable[str], ranges: Sequence[Range], scheme: str) -> tuple[str, ...]:
    """Those of the versions that are in none of the ranges, each once. Of absurdly many, all."""
    distinct = dict.fromkeys(versions)
    if any(not interval.low and not interval.high for interval in ranges):
        return ()
    if len(distinct) * len(ranges) > _MAX_COMPARED:
        return tuple(distinct)
    return tuple(version for version in distinct if not any(contains(span, version, scheme) for span in ranges))


def _steps(event: Event) -> Iterator[_Step]:
    """What an event says; "" is the beginning of all versions. Ends without a version, or without a limit, are none."""
    if event.introduced is not None:
        yield _Step("introduced", "" if event.introduced in _BEGINNING else event.introduced)
    for kind, version in (("fixed", event.fixed), ("last_affected", event.last_affected), ("limit", event.limit)):
        if version and not (kind == "limit" and version == _NO_LIMIT):
            yield _Step(kind, version)


def _sort_steps(steps: list[_Step], scheme: str) -> list[_Step]:
    """By version, and those of one version as they stood."""
    known = scheme_named(scheme)
    if known is None or (len(steps) == 2 and not steps[0].version) or len(steps) < 2:
        return steps
    compare = known.compare

    def order(a: _Step, b: _Step) -> int:
        if a.version and b.version:
            return compare(a.version, b.version)
        return sign(a.version < b.version, a.version == b.version)

    try:
        return sorted(steps, key=cmp_to_key(order))
    except InvalidVersion:
        return steps


def _close_range(low: str, kind: str, version: str) -> Range:
    if kind == "last_affected":
        return Range(low=low, high=version, high_open=False)
    return Range(low=low, high=version, fixed=version if kind == "fixed" else "")
