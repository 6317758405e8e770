"""How many in each range: the age of images, the time until people were told. A line may mark an objective or a percentile."""

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.frame import feet, height_scale, heights, plot_of
from hullmark.server.console.charts.scale import format_value
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
    rectangle,
    text,
    tone_class,
)

MAX_BINS = 120
_MAX_MARKS = 6


class Bin(msgspec.Struct, frozen=True):
    """One range of values and how many lie in it."""

    label: str
    count: float
    tone: Tone = "accent"
    href: str | None = None


class Mark(msgspec.Struct, frozen=True):
    """A value on the axis: `at` counts in bins (2.5 is the middle of the third)."""

    at: float
    label: str


class Histogram(msgspec.Struct, frozen=True):
    title: str
    bins: tuple[Bin, ...]
    counted: str = ""  # what is counted, for tips: "images"
    marks: tuple[Mark, ...] = ()


def draw_histogram(data: Histogram, size: Size = WIDE) -> Markup:
    """Upright bars, each a link where it has an address."""
    bins = data.bins[:MAX_BINS]
    plot = plot_of(size, legend=bool(data.marks or data.counted))
    up, ticks = height_scale(max((finite(one.count) for one in bins), default=0), plot, "")
    step = plot.width / max(len(bins), 1)
    bars = [
        _bar(one, Box(plot.x + step * index, plot.y, step, plot.height), up.at(finite(one.count)), data.counted)
        for index, one in enumerate(bins)
    ]
    names = feet([(plot.x + step * (index + 0.5), one.label) for index, one in enumerate(bins)], plot)
    marks = group((_mark(mark, plot, step, len(bins)) for mark in data.marks[:_MAX_MARKS]), "marks tone-ink")
    counted = text(Point(0, 11), data.counted) if data.counted else Markup("")
    description = "; ".join(f"{label(one.label, 40)}: {format_value(one.count)}" for one in bins[:40])
    return drawing(
        size,
        data.title,
        description,
        [heights(up, ticks, plot, ""), counted, group(bars, "bars"), names, marks],
        "histogram",
    )


def _bar(one: Bin, place: Box, top: float, counted: str) -> Markup:
    gap = min(place.width * 0.12, 4)
    box = Box(place.x + gap, top, place.width - 2 * gap, place.bottom - top)
    tip = f"{one.label}: {format_value(one.count)} {counted}".strip()
    # The whole height answers the pointer: low bars are hard to hit.
    whole = rectangle(place, tip, "reach", fill="none")
    bar = rectangle(box, tip, tone_class(one.tone), fill="currentColor", rx=min(2, box.width / 2))
    return link(element("g", whole, bar), one.href)


def _mark(mark: Mark, plot: Box, step: float, count: int) -> Markup:
    x = plot.x + step * min(max(mark.at, 0.0), count)
    line = element("line", x1=x, x2=x, y1=plot.y - 8, y2=plot.bottom, stroke="currentColor", class_="mark")
    far = x > plot.x + plot.width * 0.7
    named = text(Point(x + (-5 if far else 5), plot.y - 4), mark.label, anchor="end" if far else "start")
    return element("g", line, named)
