"""Plain tables and JSON for verbs whose results are no documents of their own."""

from __future__ import annotations

import sys
from typing import Any


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
