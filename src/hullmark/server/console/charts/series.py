"""Values over time: stacked areas (a backlog by severity) or lines (compliance by environment), with marked events."""

import itertools
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.frame import feet, height_scale, heights, legend, plot_of
from hullmark.server.console.charts.scale import Scale, Unit, format_value, tick_label, time_ticks
from hullmark.server.console.charts.svg import (
    WIDE,
    Box,
    Point,
    Size,
    Tone,
    drawing,
    element,
    finite,
    group,
    label,
    link,
    path,
    text,
    tone_class,
)

MAX_POINTS = 5_000  # of a line, in what a page is given
MAX_LINES = 12
MAX_EVENTS = 40
_DRAWN = 400  # points of a line that are drawn: more than that are not seen


class Line(msgspec.Struct, frozen=True):
    """One line or layer: a value for each moment of its chart, None where it is not known."""

    name: str
    tone: Tone
    values: tuple[float | None, ...]


class Event(msgspec.Struct, frozen=True):
    """What happened at a moment: a new snapshot, a policy that came into force, an exception that ended."""

    at: datetime
    label: str
    href: str | None = None


class TimeSeries(msgspec.Struct, frozen=True):
    """Lines over the same moments, in order. `stacked` are drawn on each other; `most` is the upper end where it is known."""

    title: str
    times: tuple[datetime, ...]
    lines: tuple[Line, ...]
    events: tuple[Event, ...] = ()
    unit: Unit = ""
    stacked: bool = False
    most: float | None = None


def draw_series(data: TimeSeries, size: Size = WIDE) -> Markup:
    """The chart; with fewer than two moments a line that says so."""
    times, lines = _bound_series(data)
    if len(times) < 2 or not lines:
        return _empty(data, size)
    times, lines = _thin_series(times, lines, data.stacked)
    plot = plot_of(size, legend=True)
    across = Scale(times[0].timestamp(), times[-1].timestamp(), plot.x, plot.right)
    up, ticks = height_scale(_most(data, lines), plot, data.unit)
    drawn = _areas(times, lines, across, up) if data.stacked else _strokes(times, lines, across, up)
    description = "; ".join(f"{line.name}: {_last(line, data.unit)}" for line in lines)
    parts = [
        heights(up, ticks, plot, data.unit),
        group(drawn, "areas" if data.stacked else "strokes"),
        _days(times, across, plot),
        _events(data.events, times, across, plot),
        legend([(line.name, line.tone) for line in lines], plot),
    ]
    return drawing(size, data.title, f"Last values: {description}", parts, "series")


def series_json(data: TimeSeries) -> str:
    """The same data for the module that lets a person point at it: {times (seconds), lines, events, unit, stacked, most}."""
    times, lines = _bound_series(data)
    shown = [
        {"name": label(line.name, 60), "tone": line.tone, "values": [_clean_value(value) for value in line.values]}
        for line in lines
    ]
    events = [{"at": event.at.timestamp(), "label": label(event.label, 80)} for event in data.events[:MAX_EVENTS]]
    document = {
        "times": [moment.timestamp() for moment in times],
        "lines": shown,
        "events": events,
        "unit": data.unit,
        "stacked": data.stacked,
        "most": data.most,
    }
    return msgspec.json.encode(document).decode()


def _bound_series(data: TimeSeries) -> tuple[tuple[datetime, ...], tuple[Line, ...]]:
    """The newest moments in order, and as many values to each line; a moment without a zone counts as UTC."""
    aware = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in data.times)
    order = sorted(enumerate(aware), key=lambda numbered: numbered[1])[-MAX_POINTS:]
    lines = tuple(
        msgspec.structs.replace(
            line, values=tuple(line.values[index] if index < len(line.values) else None for index, _ in order)
        )
        for line in data.lines[:MAX_LINES]
    )
    return tuple(moment for _, moment in order), lines


def _thin_series(
    times: tuple[datetime, ...], lines: tuple[Line, ...], stacked: bool
) -> tuple[tuple[datetime, ...], tuple[Line, ...]]:
    """At most as many moments as are seen: of neighbours the one with the highest values, so that no peak is lost, and the last."""
    if len(times) <= _DRAWN:
        return times, lines
    sums = [sum(finite(line.values[index]) for line in lines) for index in range(len(times))]
    width = math.ceil((len(times) - 1) / (_DRAWN - 1))
    starts = range(0, len(times) - 1, width)
    kept = [max(range(start, min(start + width, len(times) - 1)), key=sums.__getitem__) for start in starts]
    kept = sorted({0, *kept, len(times) - 1})
    thin = tuple(msgspec.structs.replace(line, values=tuple(line.values[index] for index in kept)) for line in lines)
    return tuple(times[index] for index in kept), thin


def _clean_value(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else finite(value)


def _most(data: TimeSeries, lines: Sequence[Line]) -> float:
    if data.most is not None:
        return finite(data.most)
    columns = zip(*([finite(value) for value in line.values] for line in lines), strict=True)
    return max((sum(column) if data.stacked else max(column) for column in columns), default=0)


def _areas(times: Sequence[datetime], lines: Sequence[Line], across: Scale, up: Scale) -> list[Markup]:
    """Layers from the bottom; a layer that is nowhere more than nothing is left out."""
    below = [0.0] * len(times)
    parts: list[Markup] = []
    for line in lines:
        above = [low + finite(value) for low, value in zip(below, line.values, strict=True)]
        if above != below:
            upper = _line_of(times, above, across, up)
            lower = _line_of(times, below, across, up)[::-1]
            area = element("path", d=path([*upper, *lower], closed=True), fill="currentColor", class_="area")
            edge = element("path", d=path(upper), fill="none", stroke="currentColor", class_="edge")
            parts.append(element("g", element("title", label(line.name)), area, edge, class_=tone_class(line.tone)))
        below = above
    return parts


def _strokes(times: Sequence[datetime], lines: Sequence[Line], across: Scale, up: Scale) -> list[Markup]:
    """A line breaks where a value is not known."""
    parts: list[Markup] = []
    for line in lines:
        numbered = zip(times, line.values, strict=True)
        pieces = [
            list(piece)
            for known, piece in itertools.groupby(numbered, key=lambda pair: _clean_value(pair[1]) is not None)
            if known
        ]
        drawn = " ".join(
            path(_line_of([at for at, _ in piece], [finite(value) for _, value in piece], across, up))
            for piece in pieces
        )
        stroke = element("path", d=drawn, fill="none", stroke="currentColor", class_="stroke")
        parts.append(element("g", element("title", label(line.name)), stroke, class_=tone_class(line.tone)))
    return parts


def _line_of(times: Sequence[datetime], values: Sequence[float], across: Scale, up: Scale) -> list[Point]:
    return [Point(across.at(moment.timestamp()), up.at(value)) for moment, value in zip(times, values, strict=True)]


def _days(times: Sequence[datetime], across: Scale, plot: Box) -> Markup:
    ticks = time_ticks(times[0].astimezone(UTC), times[-1].astimezone(UTC))
    step = ticks[1] - ticks[0] if len(ticks) > 1 else timedelta(days=1)
    return feet([(across.at(tick.timestamp()), tick_label(tick, step)) for tick in ticks], plot)


def _events(events: Sequence[Event], times: Sequence[datetime], across: Scale, plot: Box) -> Markup:
    """Upright lines with a flag each; the words are its tip and in the page's table."""
    parts: list[Markup] = []
    for event in events[-MAX_EVENTS:]:
        at = (event.at if event.at.tzinfo else event.at.replace(tzinfo=UTC)).timestamp()
        if not times[0].timestamp() <= at <= times[-1].timestamp():
            continue
        x = across.at(at)
        line = element("line", x1=x, x2=x, y1=plot.y, y2=plot.bottom, stroke="currentColor")
        flag = element(
            "path",
            d=path([Point(x - 4, plot.y - 6), Point(x + 4, plot.y - 6), Point(x, plot.y)], closed=True),
            fill="currentColor",
        )
        tip = element("title", f"{event.at:%Y-%m-%d %H:%M} {label(event.label)}")
        parts.append(link(element("g", tip, line, flag, class_="event"), event.href))
    return group(parts, "events tone-ink")


def _last(line: Line, unit: Unit) -> str:
    return next(
        (format_value(finite(value), unit) for value in reversed(line.values) if _clean_value(value) is not None),
        "not known",
    )


def _empty(data: TimeSeries, size: Size) -> Markup:
    middle = Point(size.width / 2, size.height / 2)
    return drawing(size, data.title, "No history yet.", [text(middle, "No history yet", "none", "middle")], "series")
