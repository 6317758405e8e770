"""What a server answers, as JSON or as tables for people. Lists are shown while they come."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hullmark.cli.rows import print_json, print_line, terminal_width

Column = tuple[str, str | Callable[[Any], object]]
"""A heading, and a field's name or a function of the item."""

_BATCH = 200
_WIDEST = 100
"""One very long text does not widen its column for all rows: it sticks out."""

_SPARE = ("LICENCES", "EVERY", "SIZE", "CREATED", "ADDED", "CHANGED", "USED", "OPERATOR", "TYPE", "RISK")
"""What a narrow terminal may do without, the first of them first."""


def show_list(arguments: argparse.Namespace, items: Iterable[Any], columns: Sequence[Column], none: str) -> int:
    """A list in the format that is asked for; `none` is said of an empty one."""
    if arguments.output == "json":
        _print_json_array(items)
    elif not _print_table(iter(items), columns):
        sys.stdout.write(f"{none}\n")
    return 0


def show(arguments: argparse.Namespace, document: Any, line: str | Callable[[Any], str]) -> int:
    """An answer as JSON, or as a line for people."""
    if arguments.output == "json":
        print_json(document)
    else:
        print_line(line if isinstance(line, str) else _safe(line(document)), hang=2)
    return 0


def show_lines(arguments: argparse.Namespace, document: Any, lines: Callable[[Any], Iterable[str]]) -> int:
    """An answer as JSON, or as lines for people."""
    if arguments.output == "json":
        print_json(document)
    else:
        for text in lines(document):
            for line in text.split("\n"):
                print_line(_safe(line), hang=2)
    return 0


def show_fields(arguments: argparse.Namespace, document: Mapping[str, Any]) -> int:
    """An answer as JSON, or as a field a line."""
    if arguments.output == "json":
        print_json(document)
        return 0
    width = max(map(len, document), default=0)
    for name, value in document.items():
        text = ", ".join(map(cell, value)) if isinstance(value, list) else cell(value)
        print_line(_safe(text), f"{name.replace('_', ' '):<{width}}  ")
    return 0


def cell(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        import json

        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def time_of(field: str) -> Callable[[Any], str]:
    """A moment to the second, as 2026-03-01T12:00:00Z."""

    def format_time(item: Any) -> str:
        text = item.get(field) or ""
        return f"{text[:19]}Z" if len(text) >= 19 else text

    return format_time


def short(digest: str) -> str:
    """A digest's beginning, which is enough for people."""
    return digest[:19]


def _safe(text: str) -> str:
    """As terminals can take it. What it needs is loaded when something is shown, not for the help."""
    from hullmark.report.terminal import safe

    return safe(text)


def _print_json_array(items: Iterable[Any]) -> None:
    import json

    before = "["
    for item in items:
        text = json.dumps(item, indent=2, sort_keys=True, ensure_ascii=False)
        sys.stdout.write(before + "\n  " + text.replace("\n", "\n  "))
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def _print_table(items: Iterator[Any], columns: Sequence[Column]) -> bool:
    """Answers whether there was anything. Widths are those of the first rows, and grow with later ones."""
    head = tuple(name for name, _ in columns)
    is_first = True
    widths = [len(name) for name in head]
    while batch := [_row(item, columns) for item in itertools.islice(items, _BATCH)]:
        if width := terminal_width():
            _print_fitting(head, batch, width, is_first=is_first)
        else:
            longest = (max(len(row[i]) for row in batch) for i in range(len(head)))
            widths = [max(before, min(size, _WIDEST)) for before, size in zip(widths, longest, strict=True)]
            for row in (*([head] if is_first else ()), *batch):
                line = "  ".join(f"{text:<{size}}" for text, size in zip(row, widths, strict=True))
                sys.stdout.write(line.rstrip() + "\n")
        is_first = False
    return not is_first


def _print_fitting(head: tuple[str, ...], rows: list[tuple[str, ...]], width: int, *, is_first: bool) -> None:
    """Rows on a terminal; further ones below the first are laid out for themselves, with heads of their own where these move."""
    from hullmark.report.table import grid, left_out_lines
    from hullmark.report.terminal import Paint

    paint = Paint(color=False)
    found = grid(head, rows, width, paint, _SPARE)
    lines = [*found.head] if is_first else ["", *found.head]
    for row in found.rows:
        lines += row
    for line in (*lines, *left_out_lines(found.left_out, width, paint)):
        sys.stdout.write(line + "\n")


def _row(item: Any, columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(_safe(cell(item.get(source) if isinstance(source, str) else source(item))) for _, source in columns)
