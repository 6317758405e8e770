"""A table of numbers as colours: places by grades of isolation, by verdict. Every cell is a link to what it counts."""

import math

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.scale import format_value
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

MAX_ROWS, MAX_COLUMNS = 100, 40
_ROW, _HEAD = 34.0, 24.0
_NAMES, _LETTER = 0.26, 6.8
# The paint of the fullest cell. Written numbers stay legible on it in both themes.
_FAINTEST, _FULLEST = 0.14, 0.62


class Cell(msgspec.Struct, frozen=True):
    """How many, how bad, and where to look; `tip` says it in words."""

    count: int
    tone: Tone
    href: str | None = None
    tip: str = ""


class HeatRow(msgspec.Struct, frozen=True):
    """A row with a cell for each column."""

    label: str
    cells: tuple[Cell, ...]
    href: str | None = None


class HeatMap(msgspec.Struct, frozen=True):
    title: str
    columns: tuple[str, ...]
    rows: tuple[HeatRow, ...]


def draw_heat_map(data: HeatMap, width: float = 640) -> Markup:
    """The map, as high as it has rows. The deeper a cell's colour, the more it counts (by the root, so that few are seen beside many)."""
    rows, columns = data.rows[:MAX_ROWS], data.columns[:MAX_COLUMNS]
    size = Size(width, _HEAD + max(len(rows), 1) * _ROW)
    # Short names leave their room to the cells, and to the names above them.
    names = min(width * _NAMES, 20 + _LETTER * max((len(label(row.label)) for row in rows), default=0))
    step = (width - names) / max(len(columns), 1)
    most = max((cell.count for row in rows for cell in row.cells[:MAX_COLUMNS]), default=0)
    heads = [
        text(Point(names + step * (index + 0.5), _HEAD - 9), fit_label(name, step, 5.6), anchor="middle")
        for index, name in enumerate(columns)
    ]
    lines: list[Markup] = []
    for index, row in enumerate(rows):
        y = _HEAD + index * _ROW
        name = text(Point(0, y + _ROW / 2 + 4), fit_label(row.label, names - 10), "name")
        lines.append(link(element("g", element("title", label(row.label)), name), row.href))
        for column, cell in enumerate(row.cells[: len(columns)]):
            lines.append(_cell(cell, Box(names + step * column + 1.5, y + 1.5, step - 3, _ROW - 3), most))
    described = f"{len(rows)} rows, {len(columns)} columns, the fullest cell counts {format_value(most)}"
    return drawing(size, data.title, described, [group(heads, "axis"), group(lines, "cells")], "heat")


def _cell(cell: Cell, box: Box, most: int) -> Markup:
    if cell.count <= 0:
        return rectangle(box, cell.tip or None, "ground", rx=4)
    depth = _FAINTEST + (_FULLEST - _FAINTEST) * math.sqrt(min(cell.count / max(most, 1), 1.0))
    paint = rectangle(box, None, tone_class(cell.tone), rx=4, fill="currentColor", fill_opacity=depth)
    count = text(
        Point(box.x + box.width / 2, box.y + box.height / 2 + 4), format_value(finite(cell.count)), "count", "middle"
    )
    tip = element("title", label(cell.tip or str(cell.count)))
    return link(element("g", tip, paint, count, class_="cell"), cell.href)
