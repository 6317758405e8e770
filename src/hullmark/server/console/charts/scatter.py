"""Severity against the chance of being exploited: CVSS by EPSS, with a ring around what is known to be exploited.

CVSS: https://www.first.org/cvss/ (0 to 10). EPSS: https://www.first.org/epss/ (0 to 1), most of it below 0.01, so its axis is logarithmic.
"""

import math

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.frame import feet, plot_of
from hullmark.server.console.charts.scale import Scale
from hullmark.server.console.charts.svg import (
    Box,
    Point,
    Size,
    Tone,
    drawing,
    element,
    finite,
    group,
    link,
    rectangle,
    text,
    tone_class,
)

MAX_POINTS = 5_000
_SIZE = Size(640, 320)
_AXIS_NAME = 14.0
_CELL = 9.0  # points closer than that are drawn as one, whose area says how many they are
_LOWEST = 1e-4
_TICKS = ((1e-4, "0.01 %"), (1e-3, "0.1 %"), (1e-2, "1 %"), (1e-1, "10 %"), (1.0, "100 %"))


class Exploitable(msgspec.Struct, frozen=True):
    """An advisory on the chart."""

    label: str
    cvss: float
    epss: float
    tone: Tone = "accent"
    kev: bool = False
    href: str | None = None


class Scatter(msgspec.Struct, frozen=True):
    title: str
    points: tuple[Exploitable, ...]


def draw_scatter(data: Scatter, size: Size = _SIZE) -> Markup:
    """The chart; what is severe and likely to be exploited lies on a tinted ground, up and to the right."""
    # The names of the axes stand outside, where no dot can hide them.
    plot = plot_of(Size(size.width, size.height - _AXIS_NAME), legend=True)
    across = Scale(0, 10, plot.x, plot.right)
    up = Scale(math.log10(_LOWEST), 0, plot.bottom, plot.y)
    points = sorted(data.points, key=lambda point: not point.kev)[:MAX_POINTS]
    cells: dict[tuple[int, int, bool], list[Exploitable]] = {}
    for point in points:
        at = _at(point, across, up)
        cells.setdefault((int(at.x / _CELL), int(at.y / _CELL), point.kev), []).append(point)
    # What is known to be exploited comes last, so that nothing hides it.
    dots = [
        _dot(cell, across, up, plot)
        for key, cell in sorted(cells.items(), key=lambda pair: (pair[0][2], -len(pair[1])))
    ]
    known = sum(point.kev for point in points)
    description = f"{len(points)} advisories, {known} of them known to be exploited"
    names = [
        text(Point(plot.x, plot.y - 10), "EPSS: chance of exploitation within 30 days", "name"),
        text(Point(plot.right, size.height - 2), "CVSS: severity", "name", "end"),
    ]
    parts = [_ground(plot, across, up), group(dots, "dots"), group(names)]
    return drawing(size, data.title, description, parts, "scatter")


def _at(point: Exploitable, across: Scale, up: Scale) -> Point:
    return Point(across.at(finite(point.cvss)), up.at(math.log10(max(finite(point.epss), _LOWEST))))


def _dot(cell: list[Exploitable], across: Scale, up: Scale, plot: Box) -> Markup:
    """The cell's likeliest advisory stands for it."""
    first = max(cell, key=lambda point: (finite(point.epss), finite(point.cvss), point.label))
    at = _at(first, across, up)
    radius = min(3.2 * math.sqrt(len(cell)), 12)
    edge = radius + 4 if first.kev else radius
    at = Point(min(max(at.x, plot.x + edge), plot.right - edge), min(max(at.y, plot.y + edge), plot.bottom - edge))
    more = f" and {len(cell) - 1} more" if len(cell) > 1 else ""
    known = ", known to be exploited" if first.kev else ""
    tip = element(
        "title",
        f"{first.label[:80]}: CVSS {finite(first.cvss):.1f}, EPSS {finite(first.epss) * 100:.2f} %{known}{more}",
    )
    dot = element("circle", cx=at.x, cy=at.y, r=radius, fill="currentColor", class_=tone_class(first.tone))
    ring = element("circle", cx=at.x, cy=at.y, r=edge, fill="none", stroke="currentColor", class_="ring tone-stop")
    return link(element("g", tip, dot, ring if first.kev else Markup("")), first.href)


def _ground(plot: Box, across: Scale, up: Scale) -> Markup:
    urgent = Box(across.at(7), plot.y, plot.right - across.at(7), up.at(-2) - plot.y)
    parts = [rectangle(urgent, None, "urgent tone-stop", fill="currentColor")]
    for value, name in _TICKS:
        y = up.at(math.log10(value))
        parts.append(
            element("line", x1=plot.x, x2=plot.right, y1=y, y2=y, class_="base" if value == _LOWEST else "rule")
        )
        parts.append(text(Point(plot.x - 8, y + 4), name, anchor="end"))
    return group(parts, "axis") + feet([(across.at(value), str(value)) for value in range(0, 11, 2)], plot)
