"""Treemaps: rectangles whose areas are as the sizes they stand for.

The layout is the squarified one of Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): rows are filled along the shorter side of
what is left, for as long as that makes their rectangles more like squares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Rectangle(NamedTuple):
    """Where a part lies; in whatever unit its frame has."""

    x: float
    y: float
    width: float
    height: float


def treemap(sizes: Sequence[float], frame: Rectangle) -> list[Rectangle]:
    """A rectangle for each size, in their order, that together fill the frame. Sizes are above 0, and best sorted, the largest first."""
    total = sum(sizes)
    if not sizes or total <= 0:
        return []
    scale = frame.width * frame.height / total
    found: list[Rectangle] = []
    at = 0
    while at < len(sizes):
        side = min(frame.width, frame.height)
        end = _row_end(sizes, at, scale, side)
        # The last row takes what is left, to the edge: else rounding would leave a gap.
        row, rest = _split(sum(sizes[at:end]) / sum(sizes[at:]) if end < len(sizes) else 1.0, frame)
        found += _in_row(sizes[at:end], row, is_upright=frame.width >= frame.height)
        at, frame = end, rest
    return found


def _row_end(sizes: Sequence[float], start: int, scale: float, side: float) -> int:
    """Where a row ends that begins at `start`: where one more would make its worst rectangle longer than it is."""
    end, total, worst = start, 0.0, float("inf")
    smallest, largest = float("inf"), 0.0
    while end < len(sizes):
        area = sizes[end] * scale
        total, smallest, largest = total + area, min(smallest, area), max(largest, area)
        square, of_side = total * total, side * side
        if not (square and of_side and smallest):
            return len(sizes)  # nothing that could be seen: all of it shares what is left
        longer = max(of_side * largest / square, square / (of_side * smallest))
        if longer > worst:
            break
        worst, end = longer, end + 1
    return end


def _split(share: float, frame: Rectangle) -> tuple[Rectangle, Rectangle]:
    """A share of a frame along its shorter side, and the rest."""
    x, y, width, height = frame
    if width >= height:
        cut = width * share
        return Rectangle(x, y, cut, height), Rectangle(x + cut, y, width - cut, height)
    cut = height * share
    return Rectangle(x, y, width, cut), Rectangle(x, y + cut, width, height - cut)


def _in_row(sizes: Sequence[float], row: Rectangle, *, is_upright: bool) -> Iterator[Rectangle]:
    total, before = sum(sizes), 0.0
    for size in sizes:
        start, length = before / total, size / total
        if is_upright:
            yield Rectangle(row.x, row.y + row.height * start, row.width, row.height * length)
        else:
            yield Rectangle(row.x + row.width * start, row.y, row.width * length, row.height)
        before += size
