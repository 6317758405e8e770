"""The text of an nginx configuration file as a tree of directives.

The rules are those of nginx's own reader: words are separated by blanks, a quote only counts where a word begins, `#` begins a
comment only there, `${` does not open a block, and a backslash takes the next character with it. The blocks of nginx's Lua
module hold Lua.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Remark

MAX_NESTED = Limit(32, "blocks of one file of nginx in each other")
"""How deep blocks of one file may be nested."""

Report = Callable[[str, int], None]
"""Takes a reason and a line."""

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]++)
    | (?P<comment>\#[^\n]*+)
    | (?P<mark>[;{}])
    | (?P<quoted>"(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+')
    | (?P<word>(?!["'])(?:\\.|\$\{*+|[^ \t\r\n;{\\$])++)""",
    re.VERBOSE | re.DOTALL,
)
_AFTER_QUOTED = frozenset(" \t\r\n;{)")
_ESCAPED = re.compile(r"\\([\"'\\trn])")
_CONTROL = {"t": "\t", "r": "\r", "n": "\n"}
_LUA = re.compile(
    r"""--(?!\[=*+\[)[^\n]*+ | (?P<long>(?:--)?\[=*+\[) | "(?:\\.|[^"\\\n])*+"? | '(?:\\.|[^'\\\n])*+'? | (?P<brace>[{}])""",
    re.VERBOSE | re.DOTALL,
)


class Directive(msgspec.Struct):
    """A name, its arguments with quotes and escapes undone, its place, and the directives of its block if it has one.

    `code` is the program text of a Lua block, which has no directives.
    """

    name: str
    arguments: tuple[str, ...]
    path: str
    line: int
    block: list[Directive] | None = None
    code: str | None = None


def parse(text: str, path: str, report: Report) -> list[Directive]:
    """The directives of a file. What nginx would refuse is reported; what can still be understood is kept."""
    return _Reader(text, path, report).read()


def unquote_word(word: str) -> str:
    """A word as nginx reads it, from how it is written, with or without quotes."""
    if word[:1] in "\"'" and word:
        word = word[1:-1]
    return _ESCAPED.sub(lambda found: _CONTROL.get(found[1], found[1]), word) if "\\" in word else word


class _Reader:
    def __init__(self, text: str, path: str, report: Report) -> None:
        self._text = text
        self._path = path
        self._report = report
        self._line = 1
        self._words: list[str] = []
        self._begun = 1
        self._top: list[Directive] = []
        self._stack: list[list[Directive]] = [self._top]

    def read(self) -> list[Directive]:
        position, end = 0, len(self._text)
        while position < end:
            found = _TOKEN.match(self._text, position)
            if found is None:
                self._report("a quote or an escape that does not end; the rest of the file is left out", self._line)
                return self._top
            kind, token = found.lastgroup, found[0]
            position = found.end()
            if kind == "mark":
                after = self._mark(token, position)
                if after is None:
                    return self._top
                position = after
            elif kind in ("word", "quoted"):
                if not self._words:
                    self._begun = self._line
                self._words.append(unquote_word(token))
                if kind == "quoted" and position < end and self._text[position] not in _AFTER_QUOTED:
                    self._report(Remark("something follows the end of a quote without a blank"), self._line)
            self._line += token.count("\n")
        if self._words:
            self._report(Remark("the file ends within a directive"), self._begun)
        if len(self._stack) > 1:
            self._report(Remark("the file ends within a block"), self._line)
        return self._top

    def _mark(self, mark: str, position: int) -> int | None:
        """Act upon `;`, `{` or `}`: where to go on, None for nowhere."""
        if mark == "}":
            if self._words:
                self._report(Remark('"}" stands within a directive'), self._line)
                self._take(None)
            if len(self._stack) > 1:
                self._stack.pop()
            else:
                self._report(Remark('"}" without a block that it ends'), self._line)
        elif not self._words:
            self._report(f'"{mark}" without a directive', self._line)
            if mark == "{":
                self._stack.append([])
        elif mark == ";":
            self._take(None)
        elif self._words[0].endswith("_by_lua_block"):
            return self._lua(position)
        else:
            block: list[Directive] = []
            self._take(block)
            self._stack.append(block)
        if len(self._stack) > MAX_NESTED:
            self._report("blocks stand too deep in each other; the rest of the file is left out", self._line)
            return None
        return position

    def _take(self, block: list[Directive] | None, code: str | None = None) -> None:
        name, *arguments = self._words
        self._stack[-1].append(Directive(name, tuple(arguments), self._path, self._begun, block, code))
        self._words = []

    def _lua(self, start: int) -> int | None:
        """Take the Lua block that begins at a position: where it ends, None if it does not."""
        end = _lua_end(self._text, start)
        if end is None:
            self._report("a Lua block that does not end; the rest of the file is left out", self._begun)
            return None
        self._take(None, self._text[start : end - 1].strip())
        self._line += self._text.count("\n", start, end)
        return end


def _lua_end(text: str, position: int) -> int | None:
    """The position after the brace that closes a Lua block: braces in its strings and comments do not count."""
    depth = 1
    while found := _LUA.search(text, position):
        position = found.end()
        if brace := found["brace"]:
            depth += 1 if brace == "{" else -1
            if not depth:
                return position
        elif found["long"]:
            closing = "]" + found["long"].lstrip("-")[1:-1] + "]"
            end = text.find(closing, position)
            if end < 0:
                return None
            position = end + len(closing)
    return None
