"""The syntax of apt.conf: a tree of names with values, blocks and lists (apt.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.written import beside, plain_glob
from hullmark.model.limit import Limit

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|\#(?!clear|include)[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z))
  | (?P<end>[;{}])
  | "(?P<quoted>[^"\n]*)"
  | (?P<word>\#?(?:[^\s;{}"/\#]|/(?![/*]))+|"[^\n]*)
    """,
    re.VERBOSE,
)
_LONGEST_NAME = Limit(500, "characters of a name in apt.conf")
_FILE_NAME = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]*").fullmatch


class Item(msgspec.Struct, frozen=True):
    """One value. `name` has `::` between its parts and ends with `::` where the value is one of a list.

    `value` None: the name and everything below it is cleared.
    """

    name: str
    value: str | None
    path: str
    line: int


class _Word(msgspec.Struct, frozen=True):
    text: str
    line: int
    is_quoted: bool


def parts(files: Files, folder: str, suffix: str) -> list[str]:
    """The files of a folder that apt reads: with this suffix or none, and no odd characters in the name (run-parts(8))."""
    found = []
    for path in files.matching(f"{plain_glob(folder)}/*"):
        name = path.rpartition("/")[2]
        if _FILE_NAME(name) and ("." not in name or name.endswith(suffix)):
            found.append(path)
    return found


def read_items(files: Files, tree: IncludeTree, path: str, by: str = "", at: int = 0) -> Iterator[Item]:
    """The values of a file and of those that it includes, in their order."""
    with tree.opened(path, by, at) as text:
        blocks: list[str | None] = []
        for statement in _statements(text or ""):
            words, end, line = statement
            if words:
                yield from _statement(files, tree, path, blocks, statement)
            elif end == "{":
                files.problem(path, "a block has no name", line)
            if end == "{":
                name = words[0].text if words else ""
                blocks.append(_join_name(files, SourceLine(path, line), blocks, name))
            elif end == "}" and blocks:
                blocks.pop()
            elif not end:
                files.problem(path, "the last statement has no end", line)


class _Statement(NamedTuple):
    """The words of a statement, what ends it ("": the end of the text), and its last line."""

    words: list[_Word]
    end: str
    line: int


def _statements(text: str) -> Iterator[_Statement]:
    words: list[_Word] = []
    line = 1
    for token in _TOKEN.finditer(text):
        if token["end"]:
            yield _Statement(words, token["end"], line)
            words = []
        elif token["quoted"] is not None:
            words.append(_Word(token["quoted"], line, is_quoted=True))
        elif token["word"]:
            words.append(_Word(token["word"], line, is_quoted=False))
        else:
            line += token[0].count("\n")
    if words:
        yield _Statement(words, "", line)


def _statement(
    files: Files, tree: IncludeTree, path: str, blocks: list[str | None], statement: _Statement
) -> Iterator[Item]:
    words, end, _ = statement
    name, line = words[0].text, words[0].line
    values = words[1:]
    if len(values) > 1 and not all(word.is_quoted for word in values):
        files.problem(path, "more than a value stands in a statement", line)
        return
    value = " ".join(word.text for word in values)
    if name in ("#clear", "#include"):
        if blocks or not value:
            files.problem(path, f"{name} stands in a block, or without a name", line)
        elif name == "#clear":
            yield Item(value, None, path, line)
        else:
            yield from _include(files, tree, Item(value, None, path, line))
    elif values and (full := _join_name(files, SourceLine(path, line), blocks, name)):
        yield Item(full, value, path, line)
    elif end != "{" and not values and blocks and blocks[-1]:
        yield Item(f"{blocks[-1]}::", name, path, line)
    elif end != "{" and not blocks:
        files.problem(path, "a value has no name", line)


def _join_name(files: Files, place: SourceLine, blocks: list[str | None], name: str) -> str | None:
    """The name with those of the blocks around it; None if one of them is longer than real names are."""
    around = blocks[-1] if blocks else ""
    if around is None:
        return None
    full = f"{around}::{name}" if around else name
    if len(full) > _LONGEST_NAME:
        files.problem(place.path, "a name is too long", place.line)
        return None
    return full


def _include(files: Files, tree: IncludeTree, include: Item) -> Iterator[Item]:
    target = beside(include.path, include.name)
    for path in parts(files, target.rstrip("/"), ".conf") if target.endswith("/") else [target]:
        yield from read_items(files, tree, path, include.path, include.line)
