"""The syntax of postgresql.conf: names and values, quotes, includes (PostgreSQL, Setting Parameters, section 19.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.written import beside, plain_glob
from hullmark.rootfs.reads import Remark

_LETTER = r"[A-Za-z_\x80-\U0010ffff]"
_LINE = re.compile(
    rf"""
    [ \t\r\f\v]*+
    (?P<name>{_LETTER}(?:{_LETTER}|[0-9])*+(?:\.{_LETTER}(?:{_LETTER}|[0-9])*+)?+)
    (?:[ \t\r\f\v]*+=[ \t\r\f\v]*+|[ \t\r\f\v]++|(?=['+]))
    (?:
        '(?P<quoted>(?:[^'\\]|''|\\.)*+)'
      | (?P<plain>
            [+-]?(?:0x[0-9a-fA-F]++|[0-9]++)[A-Za-z]*+(?!\.)
          | [+-]?[0-9]*+\.[0-9]*+(?:[eE][+-]?[0-9]++)?+
          | {_LETTER}(?:{_LETTER}|[0-9._:/\-])*+
        )
    )
    [ \t\r\f\v]*+(?:\#.*+)?
    """,
    re.VERBOSE | re.DOTALL,
).fullmatch
_NOTHING = re.compile(r"[ \t\r\f\v]*+(?:#.*+)?", re.DOTALL).fullmatch
_ESCAPE = re.compile(r"''|\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_INCLUDES = ("include", "include_if_exists", "include_dir")


class WrittenSetting(msgspec.Struct, frozen=True):
    """One setting as it is written: its name in small letters, its value with quotes undone."""

    name: str
    value: str
    path: str
    line: int


def read_conf(files: Files, tree: IncludeTree, path: str, by: str = "", at: int = 0) -> Iterator[WrittenSetting]:
    """The settings of a file and of those that it includes, in their order. `by`, `at`: the place that includes it."""
    with tree.opened(path, by, at) as text:
        for number, line in enumerate((text or "").split("\n"), 1):
            found = _LINE(line)
            if found is not None:
                name = found["name"].lower()
                value = _unquote(found["quoted"]) if found["plain"] is None else found["plain"]
                if name in _INCLUDES:
                    yield from _include(files, tree, WrittenSetting(name, value, path, number))
                else:
                    yield WrittenSetting(name, value, path, number)
            elif not _NOTHING(line):
                files.problem(path, Remark("it is not a setting as the server reads them"), number)


def _unquote(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "'" in text or "\\" in text else text


def _character(found: re.Match[str]) -> str:
    escaped = found[1]
    if escaped is None:
        return "'"
    return chr(int(escaped, 8) & 0xFF) if escaped[0] in "01234567" else _ESCAPES.get(escaped, escaped)


def _include(files: Files, tree: IncludeTree, include: WrittenSetting) -> Iterator[WrittenSetting]:
    target = beside(include.path, include.value)
    if include.name != "include_dir":
        if include.name == "include" or files.status(target) is not None:
            yield from read_conf(files, tree, target, include.path, include.line)
        return
    if files.status(target) is None:
        files.problem(include.path, Remark(f"the folder {target} is not there"), include.line)
    for path in tree.matching(f"{plain_glob(target)}/*.conf", include.path, include.line):
        yield from read_conf(files, tree, path, include.path, include.line)
