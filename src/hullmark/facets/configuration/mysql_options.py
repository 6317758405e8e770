"""Option files of MySQL and MariaDB as the programs read them: files, groups, options, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.written import beside, plain_glob
from hullmark.rootfs.reads import Remark

MAIN_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf", "/usr/etc/my.cnf")
"""The option files of the whole machine, in the order in which they are read."""

_GROUP = re.compile(r"\[([^\]]*)\]").match
_DIRECTIVE = re.compile(r"!(includedir|include)(?:\s+(\S.*))?").fullmatch
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "s": " ", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_QUOTED_OR_COMMENT = re.compile(r"""[^"'#]+|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|(?P<end>#|["'].*)""", re.DOTALL)
_SPACE = " \t\n\r\v\f"
_WORLD_WRITABLE = 0o002


class Option(msgspec.Struct, frozen=True):
    """One option as it is written: dashes and prefixes kept. An empty `name`: only the head of a group. `value` None: none is given."""

    group: str
    name: str
    value: str | None
    path: str
    line: int


def read_options(files: Files, mains: tuple[str, ...] = MAIN_FILES) -> Iterator[Option]:
    """The options of all groups in the order in which the programs read them. A head of a group is an option without a name."""
    tree = IncludeTree(files)
    for path in mains:
        if files.status(path) is not None:
            yield from _file(files, tree, path, path, 0)


def _file(files: Files, tree: IncludeTree, path: str, by: str, at: int) -> Iterator[Option]:
    status = files.status(path)
    if status is None or status.kind != "f":
        return
    if status.mode & _WORLD_WRITABLE:
        files.problem(path, Remark("everyone may write to it, so the programs ignore it"))
        return
    with tree.opened(path, by, at) as text:
        group: str | None = None
        for number, raw in enumerate((text or "").split("\n"), 1):
            line = raw.strip(_SPACE)
            if line[:1] == "[":
                group = _group(files, path, number, line)
                if group is not None:
                    yield Option(group, "", None, path, number)
            elif line[:1] == "!":
                yield from _directive(files, tree, SourceLine(path, number), line)
            elif line and line[0] not in "#;":
                if group is None or line[0] == "=":
                    files.problem(path, Remark(f"an option {'has no name' if group else 'stands in no group'}"), number)
                else:
                    yield _option(group, line, path, number)


def _group(files: Files, path: str, number: int, line: str) -> str | None:
    found = _GROUP(line)
    if found is None:
        files.problem(path, Remark("the name of a group has no closing bracket"), number)
        return None
    return found[1].rstrip(_SPACE)


def _directive(files: Files, tree: IncludeTree, place: SourceLine, line: str) -> Iterator[Option]:
    path, number = place  # a path that is not absolute begins where the program is started, which is not known
    found = _DIRECTIVE(line)
    if found is None or found[2] is None:
        files.problem(path, Remark("a directive is not known, or lacks its path"), number)
    elif found[1] == "include":
        yield from _file(files, tree, beside(path, found[2]), path, number)
    else:
        folder = beside(path, found[2]).rstrip("/")
        if files.status(folder or "/") is None:
            files.problem(path, Remark(f"the folder {folder} is not there"), number)
        globs = (f"{plain_glob(folder)}/{hidden}*.cnf" for hidden in ("", "."))
        for name in sorted(name for glob in globs for name in tree.matching(glob, path, number)):
            yield from _file(files, tree, name, path, number)


def _option(group: str, line: str, path: str, number: int) -> Option:
    name, equals, value = _without_comment(line).partition("=")
    return Option(group, name.rstrip(_SPACE), _value(value.strip(_SPACE)) if equals else None, path, number)


def _without_comment(line: str) -> str:
    """The line up to a `#` outside quotes. A quote that is never closed holds the rest of the line."""
    if "#" not in line:
        return line
    for piece in _QUOTED_OR_COMMENT.finditer(line):
        if piece["end"]:
            return line[: piece.start()] if piece["end"] == "#" else line
    return line


def _value(text: str) -> str:
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = text[1:-1]
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text) if "\\" in text else text
