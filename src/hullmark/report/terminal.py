"""Text for people: columns that fit, words that wrap, and nothing from an image that a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hullmark.model.limit import Limit
from hullmark.model.problem import Problem, ProblemKind

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_GAP = "  "
_NARROWEST = 8
_WIDEST = 100
_LABEL = 11
_KINDS: dict[ProblemKind, str] = {
    "unseen": "Not seen",
    "uncovered": "Uncovered",
    "unidentified": "Unclear",
    "note": "Notes",
}
_MAX_PROBLEMS = Limit(20, "problems shown in a table; the others are counted", "shortened")


def safe(text: str) -> str:
    """The text with every character written as an escape that is not plainly visible.

    Control characters could command the terminal, and characters that change direction or cannot be seen could make one
    name look like another.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def width_of(text: str) -> int:
    """The columns that the text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def clip(text: str, width: int) -> str:
    """The text, cut and ended with `…` where it takes more columns than `width`."""
    if width_of(text) <= width:
        return text
    kept, left = [], width - 1
    for character in text:
        left -= width_of(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def fold(text: str, width: int, indent: str) -> list[str]:
    """The text in lines of at most `width` columns (0: one line), each after `indent`. A long word is left whole."""
    room = width - len(indent)
    if width <= 0 or width_of(text) <= room:
        return [indent + text]
    lines: list[str] = []
    line, used = "", 0
    for word in text.split(" "):
        size = width_of(word)
        if line and used + 1 + size > room:
            lines.append(indent + line)
            line, used = word, size
        else:
            line, used = (f"{line} {word}", used + 1 + size) if line else (word, size)
    return [*lines, indent + line]


@dataclass(frozen=True, slots=True)
class Paint:
    """Puts styles around text, if colour is wanted."""

    color: bool

    def __call__(self, style: str, text: str) -> str:
        """The text in the style; the text alone where colour is not wanted."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color else text


def fact(name: str, value: str, paint: Paint) -> str:
    """`Name:      value`, the values of all facts below each other."""
    return f"{paint('bold', f'{name}:'.ljust(_LABEL))}{safe(value)}"


def problem_lines(problems: tuple[Problem, ...], width: int, paint: Paint) -> Iterator[str]:
    """What could not be read, by kind, what matters most first: how many problems there are, and the first of them."""
    for kind, name in _KINDS.items():
        found = [problem for problem in problems if problem.kind == kind]
        if found:
            yield fact(name, str(len(found)), paint)
        for problem in found[:_MAX_PROBLEMS]:
            layer = f" (layer {problem.layer})" if problem.layer >= 0 else ""
            yield from fold(f"{safe(problem.path or 'image')}{layer}: {safe(problem.reason)}", width, "  ")
        if len(found) > _MAX_PROBLEMS:
            yield f"  and {len(found) - _MAX_PROBLEMS} more, all of them in the JSON"


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], width: int, paint: Paint) -> Iterable[str]:
    """Lines of a table, its head first: columns as wide as their text, cut where they exceed `width` (0: never).

    Columns in which no row has anything are left out. One very long text does not widen the others: it sticks out of
    its column.
    """
    used = [i for i in range(len(head)) if any(row[i] for row in rows)]
    cells = [[head[i] for i in used], *([row[i] for i in used] for row in rows)]
    widths = [min(_WIDEST, max(map(width_of, column))) for column in zip(*cells, strict=True)]
    if width > 0:
        widths = _squeezed(widths, width - len(_GAP) * (len(widths) - 1))
    lines = (_line(row, widths, cut=width > 0) for row in cells)
    yield paint("bold", next(lines))
    yield from lines


def _squeezed(widths: list[int], room: int) -> list[int]:
    """The widths under the highest common limit with which all columns fit; none becomes narrower than _NARROWEST."""
    limit = max(_NARROWEST, min(max(widths, default=0), room))
    while limit > _NARROWEST and sum(min(width, limit) for width in widths) > room:
        limit -= 1
    return [min(width, limit) for width in widths]


def _line(row: Sequence[str], widths: Sequence[int], *, cut: bool) -> str:
    parts = []
    for text, width in zip(row, widths, strict=True):
        shown = clip(text, width) if cut else text
        parts.append(shown + " " * (width - width_of(shown)))
    return _GAP.join(parts).rstrip()
