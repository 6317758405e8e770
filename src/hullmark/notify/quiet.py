"""When people want messages: the next time of a digest, and quiet hours.

Times of day are those of a place, whatever its clocks do: a time that a day does not have comes later by as much as the clocks go
forward; of a time that occurs twice the first one counts.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.limit import Limit

TimeOfDay = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]
"""A time of day, as 09:00 or 22:30."""
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
"""1 is Monday, 7 is Sunday."""
EVERY_DAY: tuple[Weekday, ...] = (1, 2, 3, 4, 5, 6, 7)

_DAY = timedelta(days=1)
_LONGEST_ZONE = Limit(100, "characters of the name of a time zone", "refused")
_MOST_WINDOWS = Limit(16, "quiet hours of a subscription", "refused")
"""More overlapping windows than that do not end within two weeks: they never end."""


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"begins": "from"}):
    """Hours in which messages wait: on these days from one time of day until another, or on the next day if it is not later.
    Messages of at least `unless_severity` do not wait.
    """

    begins: TimeOfDay
    until: TimeOfDay
    days: Annotated[tuple[Weekday, ...], msgspec.Meta(min_length=1, max_length=7)] = EVERY_DAY
    unless_severity: Severity | None = None


def zone_of(name: str) -> tzinfo:
    """A time zone by its name, as Europe/Berlin. Raises ValueError if there is none."""
    if name == "UTC":
        return UTC
    try:
        if not 0 < len(name) <= _LONGEST_ZONE or not name.isascii() or not name.isprintable():
            raise ValueError(name[:_LONGEST_ZONE])
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"{name[:_LONGEST_ZONE]!r} is not a time zone") from error


def next_digest(now: datetime, at: str, days: Collection[int], zone: tzinfo) -> datetime:
    """The first moment after `now` at which it is `at` o'clock in a zone on one of these weekdays (at least one), in UTC."""
    today = now.astimezone(zone).date()
    for offset in range(-1, 9):
        day = today + offset * _DAY
        moment = datetime.combine(day, _time(at), zone).astimezone(UTC)
        if moment > now and day.isoweekday() in days:
            return moment
    raise ValueError("a digest needs a day on which it is sent")


def quiet_until(quiet: Quiet, now: datetime, zone: tzinfo) -> datetime | None:
    """The end of the current quiet hours, in UTC; None outside of them.

    Hours that follow each other without a break are one. Raises ValueError for hours that never end.
    """
    until = now
    for _ in range(_MOST_WINDOWS):
        end = _end_of_window(quiet, until, zone)
        if end is None:
            return until if until > now else None
        until = end
    raise ValueError("these quiet hours never end")


def never_ends(quiet: Quiet) -> bool:
    """Whether hours follow each other without a break."""
    return quiet.begins == quiet.until and set(quiet.days) >= set(EVERY_DAY)


def _end_of_window(quiet: Quiet, now: datetime, zone: tzinfo) -> datetime | None:
    """The latest end of the current windows."""
    today = now.astimezone(zone).date()
    begins, until = _time(quiet.begins), _time(quiet.until)
    ends = []
    for offset in (-2, -1, 0, 1):
        day = today + offset * _DAY
        if day.isoweekday() not in quiet.days:
            continue
        start = datetime.combine(day, begins, zone).astimezone(UTC)
        end = datetime.combine(day if until > begins else day + _DAY, until, zone).astimezone(UTC)
        if start <= now < end:
            ends.append(end)
    return max(ends, default=None)


def _time(text: str) -> time:
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))
