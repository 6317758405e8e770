"""A treemap: areas as large as what they stand for, in rows of good shape (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000)."""

from collections.abc import Iterator, Sequence

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.scale import Unit, format_value
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

MAX_TILES = 2_000
_MAX_DEPTH = 12
_SIZE = Size(640, 380)
_HEAD = 18.0
_SMALLEST = 2.0  # what has a shorter side is not drawn: its parent shows through


class Tile(msgspec.Struct, frozen=True):
    """A part with its own weight, or the parts it is made of. `key` names it to whoever made it."""

    name: str
    weight: float
    tone: Tone = "soft"
    href: str | None = None
    tip: str = ""
    tiles: tuple["Tile", ...] = ()
    key: str = ""


class PlacedTile(msgspec.Struct, frozen=True):
    """A tile and where it lies."""

    tile: Tile
    box: Box
    depth: int


def draw_treemap(title: str, tiles: Sequence[Tile], unit: Unit = "bytes", size: Size = _SIZE) -> Markup:
    """The map of at most MAX_TILES tiles, the largest first."""
    placed = place_tiles(tiles, Box(0, 0, size.width, size.height))
    shown = [_draw_tile(one, unit) for one in placed]
    largest = sorted(tiles, key=lambda tile: -finite(tile.weight))[:20]
    description = "; ".join(f"{label(tile.name, 60)}: {format_value(finite(tile.weight), unit)}" for tile in largest)
    return drawing(size, title, description, [group(shown, "tiles")], "treemap")


def place_tiles(tiles: Sequence[Tile], box: Box) -> list[PlacedTile]:
    """Every tile that is large enough to be seen, parents before their parts, at most MAX_TILES."""
    placed: list[PlacedTile] = []
    waiting = [(tiles, box, 0)]
    # A queue by levels: where there are too many, it is the deepest that are missing.
    for level, place, depth in _levels(waiting):
        for tile, where in zip(*_squarify_tiles(level, place), strict=True):
            if min(where.width, where.height) < _SMALLEST or len(placed) >= MAX_TILES:
                continue
            placed.append(PlacedTile(tile, where, depth))
            inner = _inside(where)
            if tile.tiles and depth < _MAX_DEPTH and inner is not None:
                waiting.append((tile.tiles, inner, depth + 1))
    return placed


def _levels(waiting: list[tuple[Sequence[Tile], Box, int]]) -> Iterator[tuple[Sequence[Tile], Box, int]]:
    index = 0
    while index < len(waiting):
        yield waiting[index]
        index += 1


def _inside(box: Box) -> Box | None:
    """The room for parts, below the line with the name; None where nothing would be seen."""
    inner = Box(box.x + 2, box.y + _HEAD, box.width - 4, box.height - _HEAD - 2)
    return inner if inner.width > 8 and inner.height > 8 else None


def _squarify_tiles(tiles: Sequence[Tile], box: Box) -> tuple[list[Tile], list[Box]]:
    """The tiles with a weight, heaviest first, and their places."""
    whole = sum(finite(tile.weight) for tile in tiles)
    # What is less than a millionth of a millionth would be lost in rounding.
    heavy = [tile for tile in tiles if finite(tile.weight) > whole * 1e-12]
    heavy.sort(key=lambda tile: (-finite(tile.weight), tile.name))
    areas = [finite(tile.weight) / whole * box.width * box.height for tile in heavy]
    boxes: list[Box] = []
    first = 0
    while first < len(areas):
        short = min(box.width, box.height)
        last = first + 1
        total = areas[first]
        worst = _worst(areas[first], areas[first], total, short)
        while last < len(areas):
            next_worst = _worst(areas[first], areas[last], total + areas[last], short)
            if next_worst > worst:
                break
            worst, total, last = next_worst, total + areas[last], last + 1
        row, box = _row(areas[first:last], total, box)
        boxes += row
        first = last
    return heavy, boxes


def _worst(largest: float, smallest: float, total: float, short: float) -> float:
    """The worst ratio of sides in a row along the short side."""
    if smallest <= 0 or short <= 0 or total <= 0:
        return float("inf")
    return max(short * short * largest / (total * total), total * total / (short * short * smallest))


def _row(areas: Sequence[float], total: float, box: Box) -> tuple[list[Box], Box]:
    """The places of a row along the short side of the box, and what is left of the box."""
    boxes: list[Box] = []
    if box.width >= box.height:
        width = min(total / box.height, box.width) if box.height > 0 else 0
        y = box.y
        for area in areas:
            height = area / total * box.height
            boxes.append(Box(box.x, y, width, height))
            y += height
        return boxes, Box(box.x + width, box.y, box.width - width, box.height)
    height = min(total / box.width, box.height) if box.width > 0 else 0
    x = box.x
    for area in areas:
        width = area / total * box.width
        boxes.append(Box(x, box.y, width, height))
        x += width
    return boxes, Box(box.x, box.y + height, box.width, box.height - height)


def _draw_tile(placed: PlacedTile, unit: Unit) -> Markup:
    tile, box = placed.tile, placed.box
    inner = Box(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1)
    tip = element("title", label(f"{tile.name}: {format_value(finite(tile.weight), unit)} {tile.tip}"))
    parent = bool(tile.tiles) and _inside(box) is not None
    paint = rectangle(inner, None, tone_class(tile.tone), fill="currentColor", fill_opacity=0.12 if parent else 0.55)
    parts = [tip, paint]
    if box.width > 34 and box.height > 15:
        parts.append(text(Point(box.x + 5, box.y + 13), fit_label(tile.name, box.width - 8), "name"))
    if not parent and box.width > 50 and box.height > 30:
        parts.append(
            text(
                Point(box.x + 5, box.y + 27), fit_label(format_value(finite(tile.weight), unit), box.width - 8), "size"
            )
        )
    return link(element("g", *parts), tile.href)
