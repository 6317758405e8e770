"""Numbers of things, in words."""

from __future__ import annotations


def plural(number: int, word: str, several: str = "") -> str:
    """`1 package`, `2 packages`; `several` is the plural if it is irregular."""
    return f"{number} {word}" if number == 1 else f"{number} {several or word + 's'}"
