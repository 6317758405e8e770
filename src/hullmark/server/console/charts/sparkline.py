"""A line as small as a word: where a number came from, without axes."""

from collections.abc import Sequence

from markupsafe import Markup

from hullmark.server.console.charts.scale import Scale
from hullmark.server.console.charts.svg import Point, Size, Tone, drawing, element, finite, path, tone_class

_MAX_POINTS = 120
_SIZE = Size(96, 24)


def draw_sparkline(values: Sequence[float], title: str, tone: Tone = "accent", size: Size = _SIZE) -> Markup:
    """The newest values from left to right; the last one has a dot. Nothing for no values."""
    shown = [finite(value) for value in values[-_MAX_POINTS:]]
    if not shown:
        return Markup("")
    across = Scale(0, max(len(shown) - 1, 1), 3, size.width - 4)
    up = Scale(0, max(*shown, 1.0), size.height - 3, 4)
    points = [Point(across.at(index), up.at(value)) for index, value in enumerate(shown)]
    line = element("path", d=path(points), fill="none", stroke="currentColor", class_="stroke")
    last = element("circle", cx=points[-1].x, cy=points[-1].y, r=2.2, fill="currentColor")
    return drawing(size, title, title, [element("g", line, last, class_=tone_class(tone))], "spark")
