"""The frame of a chart with axes: the plot's place, lines at round values, and their labels."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from hullmark.server.console.charts.scale import Scale, Unit, byte_ticks, format_value, round_ticks
from hullmark.server.console.charts.svg import Box, Point, Size, Tone, element, group, label, text, tone_class

LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 12.0, 26.0
_MAX_LEGEND = 12


def plot_of(size: Size, legend: bool = False) -> Box:
    """Where the data is drawn; a legend takes a line above it."""
    top = TOP + (22 if legend else 0)
    return Box(LEFT, top, max(size.width - LEFT - RIGHT, 1), max(size.height - top - BOTTOM, 1))


def height_scale(most: float, plot: Box, unit: Unit, about: int = 4) -> tuple[Scale, tuple[float, ...]]:
    """A scale upwards from 0 with its round ticks."""
    ticks = byte_ticks(most, about) if unit == "bytes" else round_ticks(most, about)
    return Scale(0, ticks[-1], plot.bottom, plot.y), ticks


def heights(scale: Scale, ticks: Sequence[float], plot: Box, unit: Unit) -> Markup:
    """Lines across the plot at the ticks, each with its value to the left."""
    parts: list[Markup] = []
    for tick in ticks:
        y = scale.at(tick)
        parts.append(
            element("line", x1=plot.x, x2=plot.right, y1=y, y2=y, class_="base" if tick == ticks[0] else "rule")
        )
        parts.append(text(Point(plot.x - 8, y + 4), format_value(tick, unit), anchor="end"))
    return group(parts, "axis")


def feet(marks: Iterable[tuple[float, str]], plot: Box) -> Markup:
    """Labels under the plot; one that would touch its neighbour is left out."""
    parts: list[Markup] = []
    free_from = -1e9
    for x, name in marks:
        half = len(label(name)) * 3.1
        middle = min(max(x, half), plot.right + RIGHT - half)
        if middle - half < free_from:
            continue
        free_from = middle + half + 8
        parts.append(text(Point(middle, plot.bottom + 17), name, anchor="middle"))
    return group(parts, "axis")


def legend(names: Sequence[tuple[str, Tone]], plot: Box) -> Markup:
    """Squares with names in a line above the plot, as many as there is room for."""
    parts: list[Markup] = []
    x = plot.x
    for name, tone in names[:_MAX_LEGEND]:
        shown = label(name, 24)
        width = 16 + len(shown) * 6.2 + 14
        if x + width > plot.right + RIGHT and parts:
            break
        square = element(
            "rect", x=x, y=plot.y - 23, width=10, height=10, rx=2, fill="currentColor", class_=tone_class(tone)
        )
        parts += [square, text(Point(x + 16, plot.y - 14), shown)]
        x += width
    return group(parts, "legend")
