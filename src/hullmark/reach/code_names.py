"""What files of code name, and how it is looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hullmark.model.limit import Limit

_MAX_NAMES = Limit(5_000, "modules and programs that one file of code names")
TOO_MANY = "it names so many modules that not all were kept"
"""Why anything may be named."""

MAKES_MODULES = "it imports modules whose names it makes itself"
MAKES_PROGRAMS = "it starts programs whose names it makes itself"
"""What a file of code computes, as clauses."""

Fits = Callable[[bytes, int], "re.Match[bytes] | None"]
"""An expression's `match`."""

_BACK = 300
"""Bytes of a line that are looked back: a whole program may stand in one line, and be full of what is looked for."""


def matches(body: bytes, sign: bytes, fits: Fits) -> Iterator[re.Match[bytes]]:
    """What an expression finds that begins with these bytes: to search for bytes is many times faster than to search for an expression."""
    at = body.find(sign)
    while at >= 0:
        found = fits(body, at)
        if found is not None:
            yield found
        at = body.find(sign, max(at + 1, found.end() if found is not None else 0))


def before_in_line(body: bytes, at: int) -> bytes:
    """What stands before a place in its line, as far as is looked back."""
    start = max(0, at - _BACK)
    return body[max(body.rfind(b"\n", start, at) + 1, start) : at]


class CodeNames:
    """Collects what is named, each once, up to a limit."""

    def __init__(self) -> None:
        self.imports: dict[str, None] = {}
        self.programs: dict[str, None] = {}
        self.untold: dict[str, None] = {}
        self.paths: dict[str, None] = {}

    def imported(self, name: bytes) -> None:
        self._add(self.imports, name)

    def started(self, command: bytes) -> None:
        words = command.split()
        if words and not words[0].startswith((b"-", b"%", b"{", b"$")):
            self._add(self.programs, words[0])

    def add_path(self, path: bytes) -> None:
        self._add(self.paths, path)

    def _add(self, names: dict[str, None], name: bytes) -> None:
        if len(names) < _MAX_NAMES:
            names[name.decode("utf-8", "backslashreplace")[:500]] = None
        else:
            self.untold[TOO_MANY] = None


def add_calls(body: bytes, calls: Callable[[bytes], Iterator[re.Match[bytes]]], names: CodeNames) -> None:
    """Programs that are started: by their names, or by names that are computed."""
    for match in calls(body):
        start = before_in_line(body, match.start()).lstrip()
        if start.startswith((b"#", b">>>", b"...", b"*", b"//")):
            continue
        if match[1] is not None:
            names.started(match[1])
        elif match[2] not in (b")", b"*"):
            names.untold[MAKES_PROGRAMS] = None
