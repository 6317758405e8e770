"""Bars that lie: rows of parts beside each other, and the layers of an image as a waterfall of bytes."""

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.scale import Scale, Unit, format_value
from hullmark.server.console.charts.svg import (
    Box,
    Point,
    Size,
    Tone,
    drawing,
    element,
    finite,
    fit_label,
    group,
    label,
    link,
    rectangle,
    text,
    tone_class,
)

MAX_ROWS = 200
_MAX_PARTS = 12
_ROW, _BAR = 26.0, 14.0
_NAMES, _VALUES = 0.34, 74.0
_LETTER = 6.8


class Part(msgspec.Struct, frozen=True):
    """A piece of a bar."""

    name: str
    tone: Tone
    value: float
    href: str | None = None


class Row(msgspec.Struct, frozen=True):
    """One bar: what it is of, and its parts in order. `after` is where it begins, for a waterfall."""

    label: str
    parts: tuple[Part, ...]
    href: str | None = None
    after: float = 0


class Bars(msgspec.Struct, frozen=True):
    """Rows of one unit. `sums`: whether each has its sum written behind it."""

    title: str
    rows: tuple[Row, ...]
    unit: Unit = ""
    sums: bool = True


def draw_bars(data: Bars, width: float = 640) -> Markup:
    """A row for each bar, its name to the left and its sum to the right; as high as it has rows."""
    rows = data.rows[:MAX_ROWS]
    size = Size(width, max(len(rows), 1) * _ROW + 8)
    # Short names leave their room to the bars.
    names = min(width * _NAMES, 20 + _LETTER * max((len(label(row.label)) for row in rows), default=0))
    most = max((finite(row.after) + _sum(row) for row in rows), default=0)
    across = Scale(0, most or 1, names, width - _VALUES)
    drawn = [_row(row, 4 + index * _ROW, across, data) for index, row in enumerate(rows)]
    description = "; ".join(f"{label(row.label, 60)}: {format_value(_sum(row), data.unit)}" for row in rows[:40])
    return drawing(size, data.title, description, [group(drawn, "bars")], "lying")


def waterfall(title: str, steps: Sequence[tuple[str, float, float]]) -> Bars:
    """The bars of layers: what each step (instruction, bytes that stayed, bytes that a later layer hid) added to those before it."""
    rows: list[Row] = []
    after = 0.0
    for name, kept, hidden in steps[:MAX_ROWS]:
        parts = (Part("kept", "accent", kept), Part("hidden by a later layer", "warn", hidden))
        rows.append(Row(name, parts, None, after))
        after += finite(kept) + finite(hidden)
    return Bars(title, tuple(rows), "bytes")


def _sum(row: Row) -> float:
    return sum(finite(part.value) for part in row.parts[:_MAX_PARTS])


def _row(row: Row, y: float, across: Scale, data: Bars) -> Markup:
    middle = y + _ROW / 2
    start = finite(row.after)
    parts = [
        element("title", label(row.label)),
        text(Point(across.start - 10, middle + 4), fit_label(row.label, across.start - 14), "name", "end"),
        rectangle(Box(across.start, middle - _BAR / 2, across.end - across.start, _BAR), None, "ground"),
    ]
    for part in row.parts[:_MAX_PARTS]:
        value = finite(part.value)
        if value:
            parts.append(
                _part(
                    part,
                    Box(across.at(start), middle - _BAR / 2, across.at(start + value) - across.at(start), _BAR),
                    data.unit,
                )
            )
        start += value
    if data.sums:
        parts.append(text(Point(across.end + 8, middle + 4), format_value(_sum(row), data.unit), "value"))
    return link(element("g", *parts), row.href)


def _part(part: Part, box: Box, unit: Unit) -> Markup:
    # What is there is seen, however small it is.
    seen = Box(box.x, box.y, max(box.width, 1.0), box.height)
    tip = f"{part.name}: {format_value(finite(part.value), unit)}"
    return link(rectangle(seen, tip, tone_class(part.tone), fill="currentColor"), part.href)
