"""Until when something holds: the last day on which it does (in UTC), or the time at which it ends (RFC 3339)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

EXPECTED = "expected a day such as 2027-01-31, or a moment with its zone such as 2027-01-31T14:00:00Z"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
).fullmatch
_SHOWN = 60
NEVER = datetime.max.replace(tzinfo=UTC)
"""When something ends whose last day is the last of the calendar."""


def canonical(text: str) -> str:
    """The canonical form: a day unchanged, a time in UTC (2027-01-31T14:00:00Z). Raises ValueError."""
    if _DAY(text):
        _ends(text)
        return text
    moment = _ends(text)
    return moment.isoformat().replace("+00:00", "Z")


def ends_at(text: str) -> datetime:
    """The first instant at which it no longer holds, in UTC; for a day, the beginning of the next one. Raises ValueError."""
    return _ends(text)


def is_day(text: str) -> bool:
    """Whether it is a day rather than a time."""
    return _DAY(text) is not None


def _ends(text: str) -> datetime:
    try:
        if _DAY(text):
            return _after(date.fromisoformat(text))
        found = _MOMENT(text)
        if found is None:
            raise ValueError(text)
        if found[1] is None:
            raise ValueError(f"not a valid time: {text[:_SHOWN]!r} does not say in which zone; {EXPECTED}")
        return datetime.fromisoformat(text.upper().replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if str(error).startswith("not a valid time"):
            raise
        raise ValueError(f"not a valid time: {text[:_SHOWN]!r}; {EXPECTED}") from error


def _after(day: date) -> datetime:
    try:
        return datetime.combine(day + timedelta(days=1), time.min, UTC)
    except OverflowError:
        return NEVER
