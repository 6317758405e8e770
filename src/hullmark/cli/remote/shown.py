"""What a server answers, as JSON or as tables for people. Lists are shown while they come."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hullmark.cli.rows import print_json

Column = tuple[str, str | Callable[[Any], object]]
"""A heading, and a field's name or a function of the item."""

_BATCH = 200
_MOST = 100


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
        sys.stdout.write((line if isinstance(line, str) else _safe(line(document))) + "\n")
    return 0


def show_lines(arguments: argparse.Namespace, document: Any, lines: Callable[[Any], Iterable[str]]) -> int:
    """An answer as JSON, or as lines for people."""
    if arguments.output == "json":
        print_json(document)
    else:
        for text in lines(document):
            for line in text.split("\n"):
                sys.stdout.write(_safe(line) + "\n")
    return 0


def show_fields(arguments: argparse.Namespace, document: Mapping[str, Any]) -> int:
    """An answer as JSON, or as a field a line."""
    if arguments.output == "json":
        print_json(document)
        return 0
    width = max(map(len, document), default=0)
    for name, value in document.items():
        text = ", ".join(map(cell, value)) if isinstance(value, list) else cell(value)
        sys.stdout.write(f"{name.replace('_', ' '):<{width}}  {_safe(text)}".rstrip() + "\n")
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

    def shown(item: Any) -> str:
        text = item.get(field) or ""
        return f"{text[:19]}Z" if len(text) >= 19 else text

    return shown


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
    widths = [len(head) for head, _ in columns]
    is_first = True
    while batch := [_row(item, columns) for item in itertools.islice(items, _BATCH)]:
        widths = [max(width, *(len(row[i]) for row in batch)) for i, width in enumerate(widths)]
        head = [tuple(head for head, _ in columns)] if is_first else []
        for row in (*head, *batch):
            line = "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
            sys.stdout.write(line.rstrip() + "\n")
        is_first = False
    return not is_first


def _row(item: Any, columns: Sequence[Column]) -> tuple[str, ...]:
    found = (cell(item.get(source) if isinstance(source, str) else source(item)) for _, source in columns)
    return tuple(_safe(text if len(text) <= _MOST else text[: _MOST - 1] + "…") for text in found)
