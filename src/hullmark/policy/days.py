"""Days and times: read from texts, and as deadlines. A deadline beyond the calendar's range never comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

TICK = timedelta(microseconds=1)
"""The shortest time that there is: what holds after a moment, but not at it, begins a tick later."""


def day_in(text: str) -> date | None:
    """The day that a date or a time (ISO 8601) begins with; None for any other text."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def moment_in(text: str) -> datetime | None:
    """A time (ISO 8601) in UTC, midnight for a date; None for any other text."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def today(now: datetime) -> date:
    """The current day, in UTC."""
    return now.astimezone(UTC).date()


def starts(day: date, after: int = 0) -> Iterator[datetime]:
    """The time (UTC) at which a day begins, or the day that many days after it; nothing if that is beyond the calendar."""
    try:
        yield datetime.combine(day + timedelta(days=after), time.min, UTC)
    except OverflowError:
        return


def later(moment: datetime, days: int, *, is_beyond: bool = False) -> Iterator[datetime]:
    """The time that many days later, or with `is_beyond` the next instant after it; nothing if that is beyond the calendar."""
    try:
        yield moment + timedelta(days=days) + (TICK if is_beyond else timedelta())
    except OverflowError:
        return


def next_midnight(now: datetime) -> Iterator[datetime]:
    """The time at which the next day begins, in UTC."""
    return starts(today(now), 1)
