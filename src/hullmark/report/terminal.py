"""Text for people: columns that fit, words that wrap, and nothing from an image that a terminal would obey."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.problem import Problem, ProblemKind

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_LABEL = 11
_HANG = 2
_SIGNS = frozenset("/\\-_.:,;@=+&?#~")
_PARTS = re.compile(r"[^ /\\_.:,;@=+&?#~-]+[/\\_.:,;@=+&?#~-]?")
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


def shorten_text(text: str, width: int) -> str:
    """The text up to the last word that ends within `width` columns, with `…` for the others. No word is cut, however long."""
    if width_of(text) <= width:
        return text
    words = text.split(" ")
    kept, used = words[0], width_of(words[0]) + 2
    for word in words[1:]:
        used += 1 + width_of(word)
        if used > width:
            break
        kept += f" {word}"
    return text if kept == text else f"{kept} …"


def fold(text: str, width: int, indent: str) -> list[str]:
    """The text in lines of at most `width` columns (0: one line), each after `indent`; broken as `wrap_text` does."""
    if width <= 0 or width_of(text) <= width - len(indent):
        return [indent + text]
    return [indent + line for line in wrap_text(text, max(width - len(indent), 1), hang=0)]


def wrap_text(text: str, width: int, hang: int | None = None) -> list[str]:
    """The text in lines of at most `width` columns (0: one line), of which all but the first begin with `hang` blanks.

    It breaks at blanks; a word that is longer than a line behind one of its signs, or else anywhere. Without the blanks at
    breaks the lines are the text again: nothing is put in, as a hyphen would be.
    """
    if width <= 0 or width_of(text) <= width:
        return [text]
    before = " " * (min(_HANG, width // 8) if hang is None else hang)
    lines, at, start = [], 0, ""
    while at < len(text):
        end = _line_end(text, at, width - len(start))
        lines.append(start + text[at:end].rstrip(" "))
        at, start = end, before
        while text.startswith(" ", at):
            at += 1
    return [line for line in lines if line.strip(" ")] or [""]


def longest_part(text: str) -> int:
    """The columns of the longest part of a text that `wrap_text` keeps together where it can, with the blanks before it."""
    return max((width_of(part) for part in _PARTS.findall(text)), default=0) + min(_HANG, len(text))


def _line_end(text: str, at: int, width: int) -> int:
    """Where a line ends that begins at `at`: at the last blank that it has room for, behind the last sign, or where it is full."""
    end, used = (min(len(text), at + width), width) if text.isascii() else (at, 0)
    while used < width and end < len(text) and (used := used + width_of(text[end])) <= width:
        end += 1
    end = max(end, at + 1)
    if end == len(text) or text[end] == " ":
        return end
    blank = text.rfind(" ", at, end)
    if blank > at and text[at:blank].strip(" "):
        return blank
    return next((i for i in range(end, (at + end) // 2, -1) if text[i - 1] in _SIGNS), end)


class Paint(msgspec.Struct, frozen=True):
    """Puts styles around text, if colour is wanted."""

    color: bool

    def __call__(self, style: str, text: str) -> str:
        """The text in the style; the text alone where colour is not wanted."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color else text


def fact(name: str, value: str, paint: Paint, width: int = 0) -> str:
    """`Name:      value`, the values of all facts below each other; what is longer than a line (0: never) goes on below."""
    label, text = f"{name}:".ljust(_LABEL), safe(value)
    if width <= 0 or _LABEL + width_of(text) <= width:
        return f"{paint('bold', label)}{text}"
    if width - _LABEL < max(map(width_of, text.split(" "))) <= width - _HANG:
        return "\n".join((paint("bold", label.rstrip()), *fold(text, width, "  ")))
    first, *others = fold(text, width, " " * _LABEL)
    return "\n".join((paint("bold", label) + first[_LABEL:], *others))


def problem_lines(problems: tuple[Problem, ...], width: int, paint: Paint) -> Iterator[str]:
    """What could not be read, by kind, what matters most first: how many problems there are, and the first of them."""
    for kind, name in _KINDS.items():
        found = [problem for problem in problems if problem.kind == kind]
        if found:
            yield fact(name, str(len(found)), paint, width)
        for problem in found[:_MAX_PROBLEMS]:
            layer = f" (layer {problem.layer})" if problem.layer >= 0 else ""
            yield from fold(f"{safe(problem.path or 'image')}{layer}: {safe(problem.reason)}", width, "  ")
        if len(found) > _MAX_PROBLEMS:
            yield from fold(f"and {len(found) - _MAX_PROBLEMS} more, all of them in the JSON", width, "  ")
