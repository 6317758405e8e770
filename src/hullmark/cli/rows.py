"""Plain tables and JSON for verbs whose results are not documents of their own."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add_output(parser: argparse.ArgumentParser, *more: str) -> None:
    """`-o`: table, JSON, or one of some formats more."""
    formats = ("table", "json", *more)
    text = f"{', '.join(formats[:-1])} or {formats[-1]} (default: table)"
    parser.add_argument("-o", "--output", metavar="FORMAT", default="table", choices=formats, help=text)


def print_rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Columns as wide as their text, the head first."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        sys.stdout.write("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def plain(value: Any) -> Any:
    """A value as lists, mappings and texts."""
    import msgspec

    return msgspec.to_builtins(value)


def print_json(document: Any) -> None:
    """JSON for people and programs: indented, keys sorted."""
    import json

    sys.stdout.write(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
