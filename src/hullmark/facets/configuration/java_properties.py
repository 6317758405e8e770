"""The syntax of Java's properties files (java.util.Properties, load)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_SPACE = " \t\f"
_KEY = re.compile(r"((?:[^\\=: \t\f]|\\.?)*+)[ \t\f]*+[=:]?[ \t\f]*+", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.?))", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_LINE_END = re.compile(r"\r\n|\r|\n")


class Property(msgspec.Struct, frozen=True):
    """One property, escapes undone, and the first line that it is written on. `value` None: it cannot be read."""

    name: str
    value: str | None
    line: int


def properties(text: str) -> Iterator[Property]:
    """The properties in file order. A value with an invalid escape is None: Java stops reading there."""
    for number, line in _logical(text):
        found = _KEY.match(line)
        if found is not None:
            name, value = _unescape(found[1]), _unescape(line[found.end() :])
            yield Property(found[1] if name is None else name, value if name is not None else None, number)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that they go on in, after an odd number of backslashes; comments and empty lines left out."""
    pieces: list[str] = []
    first = 0
    for number, raw in enumerate(_LINE_END.split(text), 1):
        line = raw.lstrip(_SPACE)
        if not any(pieces):
            pieces = []
            if not line or line[0] in "#!":
                continue
            first = number
        goes_on = (len(line) - len(line.rstrip("\\"))) % 2
        pieces.append(line[:-1] if goes_on else line)
        if not goes_on:
            yield first, "".join(pieces)
            pieces = []
    if pieces:
        yield first, "".join(pieces)


def _unescape(text: str) -> str | None:
    """The text with escapes undone; None if one of them is not valid."""
    if "\\" not in text:
        return text
    out: list[str] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        if found[2] == "u":
            return None
        out.append(text[at : found.start()])
        out.append(chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]))
        at = found.end()
    return "".join(out) + text[at:]
