"""Files of sections with names and values, as Python's configparser reads them, which pip and dnf use.

A value continues in lines that are indented further than its name. Comments have their own lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files

_SECTION = re.compile(r"\[(.+)\]").match
_OPTION = re.compile(r"([^=:]*+)[=:](.*)", re.DOTALL).fullmatch


class Option(msgspec.Struct, frozen=True):
    """One value, its lines joined by line feeds. `name` in small letters."""

    section: str
    name: str
    value: str
    path: str
    line: int


class _OpenOption(NamedTuple):
    """An option whose value may go on in the next lines, which are indented further than `depth`."""

    name: str
    lines: list[str]
    line: int
    depth: int


def read_ini(files: Files, tree: IncludeTree, path: str) -> Iterator[Option]:
    """The values of one file in their order."""
    with tree.opened(path) as text:
        yield from _options(files, path, text or "")


def _options(files: Files, path: str, text: str) -> Iterator[Option]:
    section: str | None = None
    last: _OpenOption | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            if not line and last is not None:
                last.lines.append("")
            continue
        depth = len(raw) - len(raw.lstrip())
        if last is not None and depth > last.depth:
            last.lines.append(line)
            continue
        if last is not None:
            yield _option(section or "", last, path)
            last = None
        head = _SECTION(line)
        option = _OPTION(line) if head is None else None
        if head is not None:
            section = head[1]
        elif option is None or section is None or not option[1].strip():
            files.problem(path, "it is neither a section nor a value in one", number)
        else:
            last = _OpenOption(option[1].rstrip(), [option[2].strip()], number, depth)
    if last is not None:
        yield _option(section or "", last, path)


def _option(section: str, complete: _OpenOption, path: str) -> Option:
    return Option(section, complete.name.lower(), "\n".join(complete.lines).rstrip(), path, complete.line)
