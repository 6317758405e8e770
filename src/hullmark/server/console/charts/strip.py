"""Strips: what held from when until when, a row for each thing it held of, all over one axis of time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.frame import feet
from hullmark.server.console.charts.scale import Scale, time_ticks
from hullmark.server.console.charts.svg import (
    Box,
    Point,
    Size,
    Tone,
    drawing,
    element,
    fit_label,
    group,
    link,
    rectangle,
    text,
    tone_class,
)

_MAX_TRACKS = 40
_MAX_PERIODS = 400
_ROW, _BAR = 28.0, 14.0
_NAMES, _FOOT, _MARGIN = 220.0, 24.0, 14.0
_LEAST = 0.5
_TONES: dict[str, Tone] = {"go": "go", "warn": "warn", "stop": "stop", "unknown": "unknown"}


class Period(msgspec.Struct, frozen=True):
    """A word that held between two moments, and the address of what says so."""

    word: str
    begin: datetime
    end: datetime
    href: str | None = None


class Track(msgspec.Struct, frozen=True):
    """A row: its name and its periods, the first one first."""

    name: str
    periods: tuple[Period, ...]


def draw_strip(title: str, tracks: Sequence[Track], width: float = 900) -> Markup:
    """A row for each track; where a verdict begins, it can be followed."""
    shown = tracks[:_MAX_TRACKS]
    size = Size(width, max(len(shown), 1) * _ROW + _FOOT)
    moments = [moment for track in shown for period in track.periods for moment in (period.begin, period.end)]
    if not moments:
        return drawing(size, title, "nothing yet", [])
    first, last = min(moments), max(max(moments), min(moments) + timedelta(hours=1))
    across = Scale(first.timestamp(), last.timestamp(), _NAMES, width - _MARGIN)
    rows = [_track(track, index * _ROW, across) for index, track in enumerate(shown)]
    plot = Box(_NAMES, 0, width - _NAMES - _MARGIN, len(shown) * _ROW)
    names = [(across.at(tick.timestamp()), tick.strftime("%-d %b %Y")) for tick in time_ticks(first, last)]
    description = f"{len(shown)} rows from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return drawing(size, title, description, [group(rows, "bars"), feet(names, plot)], "lying")


def _track(track: Track, y: float, across: Scale) -> Markup:
    middle = y + _ROW / 2
    parts = [text(Point(across.start - 10, middle + 4), fit_label(track.name, across.start - 14), "name", "end")]
    shown = track.periods[-_MAX_PERIODS:]
    for period in shown:
        left, right = across.at(period.begin.timestamp()), across.at(period.end.timestamp())
        if right - left < _LEAST and period is not shown[-1]:
            continue  # it would cover what came right after it
        box = Box(left, middle - _BAR / 2, max(right - left, 2.0), _BAR)
        tip = f"{period.word} from {period.begin:%Y-%m-%d %H:%M} UTC"
        tone = _TONES.get(period.word, "soft")
        parts.append(link(rectangle(box, tip, tone_class(tone), fill="currentColor"), period.href))
    return element("g", *parts)
