"""Scales: a value's place on an axis, round ticks, and how numbers and bytes are written on it."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from hullmark.server.console.charts.svg import finite

Unit = Literal["", "%", "bytes", "days", "seconds"]

_DAY = 86_400
_STEPS = (1, 2, 2.5, 5, 10)
# What distances between ticks of time are taken from, in days; above, whole years.
_DAYS = (1, 2, 7, 14, 30.4375, 61, 91.3125, 182.625)
_YEAR = 365.25


class Scale(msgspec.Struct, frozen=True):
    """From values between `low` and `high` to places between `start` and `end`; what lies outside is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        if not self.high > self.low:
            return self.start
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return self.start + share * (self.end - self.start)


def round_ticks(most: float, about: int = 4) -> tuple[float, ...]:
    """Round values from 0 to the first one that is not below `most`, about so many."""
    most = finite(most)
    if most == 0:
        return (0.0, 1.0)
    rough = most / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))
    return tuple(step * index for index in range(math.ceil(most / step - 1e-9) + 1))


def byte_ticks(most: float, about: int = 4) -> tuple[float, ...]:
    """The same for bytes, round in the unit that they are written in."""
    unit = 1000.0 ** max(int(math.log(max(finite(most), 1), 1000)), 0)
    return tuple(tick * unit for tick in round_ticks(most / unit, about))


def time_ticks(first: datetime, last: datetime, about: int = 6) -> tuple[datetime, ...]:
    """Midnights (UTC) between two moments, about so many: days, weeks, months or years apart."""
    span = max((last - first).total_seconds() / _DAY, 0.0)
    wanted = span / max(about, 1)
    step = next((days for days in _DAYS if days >= wanted), _YEAR * max(math.ceil(wanted / _YEAR), 1))
    if step >= 28:
        return tuple(_months(first, last, max(round(step / 30.4375), 1)))
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    count = min(int(span / step) + 2, 4 * about)
    ticks = (midnight + timedelta(days=step * index) for index in range(count) if midnight.year < 9998)
    return tuple(tick for tick in ticks if first <= tick <= last)


def _months(first: datetime, last: datetime, step: int) -> Sequence[datetime]:
    start = first.year * 12 + (first.month - 1)
    start -= start % step
    end = last.year * 12 + (last.month - 1)
    months = (datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(max(start, 12), end + 1, step))
    return [moment for moment in months if first <= moment <= last]


def tick_label(moment: datetime, step: timedelta) -> str:
    """A day, a month or a year, whichever says enough for ticks so far apart."""
    if step >= timedelta(days=360):
        return f"{moment.year}"
    if step >= timedelta(days=28):
        return f"{moment:%b} {moment.year}" if moment.month == 1 else f"{moment:%b}"
    return f"{moment.day} {moment:%b}"


def format_value(value: float, unit: Unit = "") -> str:
    """A number as it is read: 1,284 or 12.8 k; 3.1 MB; 96 %; 4 d; 2.5 h."""
    if unit == "bytes":
        return _format_scaled(value, ("B", "kB", "MB", "GB", "TB", "PB"))
    if unit == "seconds":
        return _duration(value)
    if unit == "days":
        return f"{_plain(value)} d"
    if unit == "%":
        return f"{_plain(value)} %"
    return _plain(value) if abs(value) < 10_000 else _format_scaled(value, ("", "k", "M", "G", "T", "P"))


def _format_scaled(value: float, names: tuple[str, ...]) -> str:
    value = finite(value)
    power = 0
    # 999,950 would be written as 1000.0 k.
    while value >= 999.95 and power < len(names) - 1:
        value, power = value / 1000, power + 1
    shown = f"{value:.0f}" if power == 0 or value >= 100 else f"{value:.1f}".removesuffix(".0")
    return f"{shown} {names[power]}".strip()


def _plain(value: float) -> str:
    value = value if math.isfinite(value) else 0.0
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def _duration(seconds: float) -> str:
    seconds = finite(seconds)
    for size, name in ((_DAY, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{_plain(round(seconds / size, 1))} {name}"
    return f"{_plain(round(seconds, 2))} s"
