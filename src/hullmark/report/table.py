"""Tables that fit a terminal: what matters least is left out, the rest wraps, and no name or path is ever cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import NamedTuple

from hullmark.report.terminal import Paint, fold, longest_part, width_of, wrap_text

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
        yield from (paint("dim", line) for line in wrap_text(said, width, hang=0))


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
    A column that would become much narrower than most of its texts, as of digests, stands below each row on lines of its own.
    Columns in which no row has anything are never shown. `style` names the style of a cell, by the numbers of row and
    column; "" for none.
    """
    used = [i for i in range(len(head)) if any(row[i] for row in rows)]
    shown, below, widths = _fit_columns(head, rows, used, width, spare)

    def lines(row: Sequence[str], styles: Sequence[str]) -> list[str]:
        found = list(_lines([row[i] for i in shown], widths, styles, paint, wraps=width > 0))
        return [*found, *(line for i in below if row[i] for line in fold(row[i], width, _GAP))]

    plain = [""] * len(shown)
    return Grid(
        [paint("bold", line) for line in lines(head, plain)],
        [lines(row, [style(n, i) for i in shown] if style else plain) for n, row in enumerate(rows)],
        tuple(head[i] for i in used if i not in (*shown, *below)),
    )


class _Column:
    """What is to be known of a column to find its width: how much each width counts that a text has, its head the first of them."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self.sizes = Counter[int]()
        for text in texts:
            self.sizes[width_of(text)] += 1 if " " in text else _NAME
        self.head = max(width_of(texts[0]), 1)
        self.most = max(self.sizes)

    @cached_property
    def least(self) -> int:
        """How narrow it becomes at most, where that can be avoided."""
        return self.most if self.most <= _NARROW else max(_NARROW, self.head, self._word())

    def _word(self) -> int:
        longest = 0
        for text in self._texts:
            longest = max(longest, longest_part(text))
            if longest >= _WORD:
                return _WORD
        return longest

    def is_tall(self, width: int) -> bool:
        """Whether in this width more than half of the texts take more than two lines."""
        tall = sum(count for size, count in self.sizes.items() if size > 2 * width)
        return 2 * tall > sum(count for size, count in self.sizes.items() if size)

    def cost(self, width: int) -> int:
        """About how many lines more than one each the cells take in a width, as they count."""
        return sum(count * ((size - 1) // width) for size, count in self.sizes.items() if size > width)


def _fit_columns(
    head: Sequence[str], rows: Sequence[Sequence[str]], used: list[int], width: int, spare: Sequence[str]
) -> tuple[list[int], list[int], list[int]]:
    """The columns that are shown side by side, those that stand below each row, and the widths of the former."""
    columns = {i: _Column([head[i], *(row[i] for row in rows)]) for i in used}
    if width <= 0:
        return used, [], [min(_WIDEST, columns[i].most) for i in used]
    names = iter(spare)
    while True:
        widths, added = _widths([columns[i] for i in used], width)
        name = next((name for name in names if any(head[i] == name for i in used)), None)
        if name is None or added <= max(_EASY, len(rows) // _SHARE):
            break
        used = [i for i in used if head[i] != name]
    below: list[int] = []
    while len(used) > 1 and (tall := _tall({i: columns[i] for i in used}, widths, width)) is not None:
        below.append(tall)
        used = [i for i in used if i != tall]
        widths, _ = _widths([columns[i] for i in used], width)
    return used, sorted(below), widths


def _tall(columns: Mapping[int, _Column], widths: Sequence[int], width: int) -> int | None:
    """The widest of the columns that are narrow, and whose texts take many lines."""
    found = [i for i, size in zip(columns, widths, strict=True) if size < width // 2 and columns[i].is_tall(size)]
    return max(found, key=lambda i: columns[i].most, default=None)


def _widths(columns: Sequence[_Column], width: int) -> tuple[list[int], int]:
    """The width of each column with which the fewest lines are added; and how much these count."""
    room = width - len(_GAP) * (len(columns) - 1)
    found = [min(column.most, max(room, _NARROWEST)) for column in columns]
    if sum(found) <= room:
        return found, 0
    for floors in (
        [column.least for column in columns],
        [column.head for column in columns],
        [_NARROWEST] * len(columns),
        [1] * len(columns),
    ):
        while sum(found) > room:
            able = [i for i, floor in enumerate(floors) if found[i] > floor]
            if not able:
                break
            cheapest = min(able, key=lambda i: (columns[i].cost(found[i] - 1) - columns[i].cost(found[i]), -found[i]))
            found[cheapest] -= 1
    return found, sum(column.cost(size) for column, size in zip(columns, found, strict=True))


def _lines(
    cells: Sequence[str], widths: Sequence[int], styles: Sequence[str], paint: Paint, *, wraps: bool
) -> Iterator[str]:
    """The lines of a row: what does not fit goes on below, somewhat to the right, so that it looks like no row of its own."""
    sizes = [width_of(text) for text in cells]
    if not wraps or all(size <= width for size, width in zip(sizes, widths, strict=True)):
        yield _GAP.join(map(_cell, cells, sizes, widths, styles, repeat(paint))).rstrip()
        return
    stacks = [wrap_text(text, width) for text, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, stacks), default=1)):
        texts = [stack[number] if number < len(stack) else "" for stack in stacks]
        yield _GAP.join(map(_cell, texts, map(width_of, texts), widths, styles, repeat(paint))).rstrip()


def _cell(text: str, size: int, width: int, style: str, paint: Paint) -> str:
    return (paint(style, text) if style and text else text) + " " * (width - size)
