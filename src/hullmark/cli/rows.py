"""Plain tables and JSON for verbs whose results are not documents of their own."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hullmark.cli.output import columns


def add_output(parser: argparse.ArgumentParser, *more: str) -> None:
    """`-o`: table, JSON, or one of some formats more."""
    formats = ("table", "json", *more)
    text = f"{', '.join(formats[:-1])} or {formats[-1]} (default: table)"
    parser.add_argument("-o", "--output", metavar="FORMAT", default="table", choices=formats, help=text)


def terminal_width() -> int:
    """The columns of the terminal that standard output is; 0 where it is not a terminal: then lines are as long as they need to be."""
    return columns(120) if sys.stdout.isatty() else 0


def print_rows(head: tuple[str, ...], rows: list[tuple[str, ...]], spare: tuple[str, ...] = ()) -> None:
    """Columns as wide as their text, the head first. On a terminal they wrap, once those of `spare` are left out."""
    if width := terminal_width():
        from hullmark.report import table
        from hullmark.report.terminal import Paint

        for line in table.columns(head, rows, width, Paint(color=False), spare):
            sys.stdout.write(line + "\n")
        return
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        sys.stdout.write("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def print_line(text: str, label: str = "", hang: int | None = None) -> None:
    """A line behind a label; on a terminal it goes on below, behind `hang` blanks (None: as many as the label has columns).

    A word for which there is no room behind the label, as a digest may be, begins below it.
    """
    from hullmark.report.terminal import width_of, wrap_text

    width = terminal_width()
    indent = " " * (len(label) if hang is None else hang)
    longest = max(map(width_of, text.split(" ")))
    lines = [label + text]
    if width and label.strip() and width - len(label) < longest <= width - 2:
        lines = [label, *("  " + line for line in wrap_text(text, max(width - 2, 1), hang=0))]
    elif width:
        first, *others = wrap_text(text, max(width - max(len(label), len(indent)), 1), hang=0)
        lines = [label + first, *(indent + line for line in others)]
    for line in lines:
        sys.stdout.write(line.rstrip() + "\n")


def plain(value: Any) -> Any:
    """A value as lists, mappings and texts."""
    import msgspec

    return msgspec.to_builtins(value)


def print_json(document: Any) -> None:
    """JSON for people and programs: indented, keys sorted."""
    import json

    sys.stdout.write(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
