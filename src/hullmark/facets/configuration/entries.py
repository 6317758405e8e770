"""What is written in files, one after the other, and not without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from hullmark.facets.configuration.parser import Files
from hullmark.model.limit import Limit

T = TypeVar("T")

MAX_ENTRIES = Limit(200_000, "entries that are held of one program's configuration before it is known which count")
"""So many entries are held of one program's configuration before it is known which of them count."""


def at_most(files: Files, main: str, entries: Iterable[T]) -> Iterator[T]:
    """The entries up to the most that are held; what comes after them is left out, with a Problem about the main file."""
    for count, entry in enumerate(entries):
        if count == MAX_ENTRIES:
            files.problem(main, f"it comes to more than {MAX_ENTRIES:,} entries; the rest is left out")
            return
        yield entry
