"""Tables that fit a terminal: what matters least is left out, the rest wraps, and no name or path is ever cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from hullmark.report.terminal import Paint, broken, longest_part, width_of

_GAP = "  "
_WIDEST = 100
_NARROW, _WORD = 8, 24
"""No column becomes narrower than the first, its head, or a word of up to the second in it, where that can be avoided."""

_NARROWEST = 4
_NAME = 8
"""A name that must be broken, as there is no blank in it, counts as so many lines: prose is rather wrapped."""

_EASY = 2 * _NAME
_SHARE = 4
"""Columns are left out where wrapping counts as more lines than this part of the rows, or `_EASY`: a quarter."""


class Grid(NamedTuple):
    """A table that is laid out: the lines of its head and of each row, and the columns for which there was no room."""

    head: list[str]
    rows: list[list[str]]
    left_out: tuple[str, ...]


def columns(
    head: Sequence[str], rows: Sequence[Sequence[str]], width: int, paint: Paint, spare: Sequence[str] = ()
) -> Iterator[str]:
    """The lines of a table, its head first, and below what columns were left out. `spare` as for `grid`."""
    found = grid(head, rows, width, paint, spare)
    yield from found.head
    for lines in found.rows:
        yield from lines
    yield from left_out_lines(found.left_out, width, paint)


def left_out_lines(left_out: Sequence[str], width: int, paint: Paint) -> Iterator[str]:
    """What is said below a table of the columns for which there was no room."""
    if left_out:
        them = "it" if len(left_out) == 1 else "them"
        said = f"(left out to fit: {', '.join(left_out)}; a wider terminal or -o json has {them})"
        yield from (paint("dim", line) for line in broken(said, width, hang=0))


def grid(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    paint: Paint,
    spare: Sequence[str] = (),
    style: Callable[[int, int], str] | None = None,
) -> Grid:
    """Columns as wide as their text, within `width` (0: no bound, and then one very long text sticks out of its column).

    Where they do not fit, those that are named in `spare` are left out, the first of them first, and long texts wrap.
    Columns in which no row has anything are never shown. `style` names the style of a cell, by the numbers of row and
    column; "" for none.
    """
    used = [i for i in range(len(head)) if any(row[i] for row in rows)]
    shown, widths = _fitted(head, rows, used, width, spare)

    def lines(row: Sequence[str], styles: Sequence[str]) -> list[str]:
        return list(_lines([row[i] for i in shown], widths, styles, paint, wraps=width > 0))

    plain = [""] * len(shown)
    return Grid(
        [paint("bold", line) for line in lines(head, plain)],
        [lines(row, [style(n, i) for i in shown] if style else plain) for n, row in enumerate(rows)],
        tuple(head[i] for i in used if i not in shown),
    )


def _fitted(
    head: Sequence[str], rows: Sequence[Sequence[str]], used: list[int], width: int, spare: Sequence[str]
) -> tuple[list[int], list[int]]:
    """The columns that are shown, and their widths."""
    names = iter(spare)
    while True:
        widths, added = _widths([[head[i], *(row[i] for row in rows)] for i in used], width)
        name = next((name for name in names if any(head[i] == name for i in used)), None)
        if name is None or added <= max(_EASY, len(rows) // _SHARE):
            return used, widths
        used = [i for i in used if head[i] != name]


def _widths(columns: Sequence[Sequence[str]], width: int) -> tuple[list[int], int]:
    """The width of each column, heads first in them, with which the fewest lines are added; and how many are."""
    sizes = [_sizes(column) for column in columns]
    if width <= 0:
        return [min(_WIDEST, max(column)) for column in sizes], 0
    room = width - len(_GAP) * (len(sizes) - 1)
    found = [min(max(column), max(room, _NARROWEST)) for column in sizes]
    if sum(found) <= room:
        return found, 0
    words = [max(_NARROW, width_of(column[0]), min(_WORD, max(map(longest_part, column)))) for column in columns]
    for floors in (words, [_NARROWEST] * len(words), [1] * len(words)):
        while sum(found) > room:
            able = [i for i, floor in enumerate(floors) if found[i] > floor]
            if not able:
                break
            cheapest = min(able, key=lambda i: (_added(sizes[i], found[i] - 1) - _added(sizes[i], found[i]), -found[i]))
            found[cheapest] -= 1
    return found, sum(map(_added, sizes, found))


def _sizes(column: Sequence[str]) -> Counter[int]:
    """How much each width counts that a cell has."""
    found = Counter[int]()
    for text in column:
        found[width_of(text)] += 1 if " " in text else _NAME
    return found


def _added(sizes: Counter[int], width: int) -> int:
    """About how many lines more than one each the cells of a column take in a width."""
    return sum(count * ((size - 1) // width) for size, count in sizes.items() if size > width)


def _lines(
    cells: Sequence[str], widths: Sequence[int], styles: Sequence[str], paint: Paint, *, wraps: bool
) -> Iterator[str]:
    """The lines of a row: what does not fit goes on below, somewhat to the right, so that it looks like no row of its own."""
    stacks = [broken(text, width) if wraps else [text] for text, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, stacks), default=1)):
        parts = []
        for stack, width, style in zip(stacks, widths, styles, strict=True):
            text = stack[number] if number < len(stack) else ""
            parts.append((paint(style, text) if style and text else text) + " " * (width - width_of(text)))
        yield _GAP.join(parts).rstrip()
