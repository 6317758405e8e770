"""Which namespaces a feed covers completely, and up to which day: what it declares, against what it gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase

from hullmark.advisories.database.schema import FeedInfo
from hullmark.model.advisory import Advisory, Exploitability, KevEntry, Record, Statement

TOLERATED_PARTS = 100
"""A feed is not whole if more than one of so many records could not be read. Large sources carry fewer faulty records for weeks:
only the packages that those name are unknown for it (`feeds.faults`)."""

_DAY = len("2026-01-31")


def day_of(record: Record) -> str:
    """The day that a record speaks of (ISO 8601), "" for none."""
    match record:
        case Advisory():
            return (record.modified or record.published)[:_DAY]
        case Exploitability():
            return record.day
        case KevEntry():
            return record.added
        case Statement():
            return record.at[:_DAY]
        case _:
            return ""


def why_partial(info: FeedInfo) -> str:
    """Why a feed does not tell all of what it covers, as a clause; "" if it does."""
    if info.is_partial:
        return "some of its documents are missing"
    if info.cut:
        return f"a limit left something out of {info.cut:,} record(s)"
    if info.unplaced:
        return f"{info.unplaced:,} of its records could not be read, and may be about any package"
    if info.unread * TOLERATED_PARTS > info.records:
        return f"{info.unread:,} of its records could not be read"
    if info.records < info.least_records:
        return f"it has fewer than {info.least_records:,} records"
    return ""


def whole_at(info: FeedInfo, latest: str) -> str:
    """The day up to which a feed is whole, "" if it is not. `latest` is the youngest date in its records, none of them in the future."""
    if why_partial(info):
        return ""
    day = latest if latest and info.dated_by == "records" else info.checked_on
    return day if _is_day(day) else ""


def goes_by_check(info: FeedInfo, is_dated: bool) -> bool:
    """Whether the day on which the feed was asked says how old it is."""
    return bool(info.covers) and (info.dated_by == "check" or not is_dated)


def list_coverage(info: FeedInfo, counts: Mapping[str, int], day: str) -> Iterator[tuple[str, str]]:
    """Each namespace that the feed covers as of a day, by the numbers of advisories that it gave for each; and its day."""
    for namespace in sorted(counts):
        fits = any(fnmatchcase(namespace, cover.names) and counts[namespace] >= cover.least for cover in info.covers)
        if fits and day:
            yield namespace, day
    for cover in info.covers:
        if cover.day:
            yield cover.names, cover.day


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
