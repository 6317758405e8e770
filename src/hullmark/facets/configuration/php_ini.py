"""The text of php.ini and of php-fpm's files as PHP's own scanner reads it.

Values are strings: `On`, `Yes` and `True` are "1", `Off`, `No`, `False`, `None` and `Null` are "". Constants are replaced outside
quotes, and `|`, `&`, `^`, `~`, `!` and parentheses reckon with whole numbers of 32 bits, from left to right. At a mistake PHP stops
reading the file, and so does this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from hullmark.model.limit import Limit

_BLANKS = re.compile(r"[ \t]*+")
_BETWEEN = re.compile(r"(?:[ \t\r\n]++|;[^\r\n]*+)*+")
_LABEL = re.compile(r'[^=\n\r\t;&|^$~(){}!"\[\]\0]++')
_PIECE = re.compile(
    r"""(?P<end>[\r\n;]|\Z)|(?P<blank>[ \t]++)|(?P<quote>["'])"""
    r"""|(?P<variable>\$\{(?P<name>[^}:$&|~!()\[\]'"\r\n]++)(?::-(?P<other>[^}$]*+))?\})"""
    r"""|(?P<operator>[&|^~()!])|(?P<plain>(?:\$[^{\0]|[^$= \t\r\n;&|^~()!"'\0])++)""",
    re.DOTALL,
)
_IN_QUOTES = re.compile(r'\$\{(?P<name>[^}:$]*+)(?::-(?P<other>[^}$]*+))?\}|\\(?P<escaped>["\\])')
_INTEGER = re.compile(r"[ \t\n\r\v\f]*+([+-]?[0-9]+)")
_WORDS = {"true": "1", "on": "1", "yes": "1", "false": "", "off": "", "no": "", "none": "", "null": ""}
_MAX_NESTED = Limit(50, "brackets in each other in a value of php.ini")
_MAX_VALUE = Limit(1 << 16, "characters of a value in php.ini")


class Entry(msgspec.Struct):
    """`name = value` or `name[offset] = value` below `[section]`; "" is outside sections, and an offset of "" appends."""

    section: str
    name: str
    offset: str | None
    value: str
    line: int


class Mistake(Exception):
    """What PHP does not read, as a sentence."""


class IniReader:
    """Reads the entries of one file.

    `constants` are PHP's; `lookup` gives the value of `${NAME}`, None if it has none. `report(reason, line)` takes the Problem.
    `needs_values`: a name alone is a mistake, as it is in php-fpm's files.
    """

    def __init__(
        self,
        text: str,
        constants: Mapping[str, str],
        lookup: Callable[[str], str | None],
        report: Callable[[str, int], None],
        *,
        needs_values: bool = False,
    ) -> None:
        self._needs_values = needs_values
        self._text = text
        self._constants = constants
        self._lookup = lookup
        self._report = report
        self._position = 0
        self._counted = 0
        self._line = 1

    def entries(self) -> Iterator[Entry]:
        """The entries in order."""
        section = ""
        try:
            while True:
                self._skip(_BETWEEN)
                if self._position >= len(self._text):
                    return
                if self._text[self._position] == "[":
                    section = self._read_brackets()
                elif (entry := self._entry(section)) is not None:
                    yield entry
        except Mistake as mistake:
            self._report(f"{mistake}; the rest of the file is not read", self._here())

    def _here(self) -> int:
        """The line at the position."""
        self._line += self._text.count("\n", self._counted, self._position)
        self._counted = max(self._counted, self._position)
        return self._line

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found[0] if found is not None else ""

    def _entry(self, section: str) -> Entry | None:
        line, begun = self._here(), self._position
        name = self._skip(_LABEL).rstrip(" ")
        if not name:
            raise Mistake(f"{self._text[self._position]!r} is not expected here")
        if name.lower() in _WORDS and self._text[begun - 1 : begun] != " ":
            raise Mistake(f"{name} cannot be a name")
        offset = None
        if self._text.startswith("[", self._position):
            offset = self._read_brackets()
        self._skip(_BLANKS)
        if not self._text.startswith("=", self._position):
            if offset is not None or self._needs_values:
                raise Mistake("a name without a value" if offset is None else "a name in brackets without a value")
            return None
        self._position += 1
        return Entry(section, name, offset, self._value(), line)

    def _read_brackets(self) -> str:
        """The text in brackets, without quotes."""
        end = self._text.find("]", self._position)
        inner = self._text[self._position + 1 : end]
        if end < 0 or any(c in inner for c in "\r\n;"):
            raise Mistake("a bracket that is not closed")
        self._position = end + 1
        self._skip(_BLANKS)
        return inner.replace('"', "").replace("'", "")

    def _value(self) -> str:
        pieces = self._trim_blanks(list(self._pieces()))
        if not pieces:
            return ""
        if len(pieces) == 1 and pieces[0][0] == "word":
            return pieces[0][1]
        return _Expression(pieces).value()

    def _pieces(self) -> Iterator[tuple[str, str]]:
        """The parts of a value, up to the end of its line."""
        size = 0
        while True:
            found = _PIECE.match(self._text, self._position)
            if found is None:
                raise Mistake(f"{self._text[self._position]!r} is not expected in a value")
            kind = found.lastgroup or ""
            if found["end"] is not None:
                return
            self._position = found.end()
            if kind == "quote":
                piece = self._double() if found[0] == '"' else self._single()
            elif found["variable"]:
                piece = ("variable", self._variable(found))
            elif kind == "plain":
                piece = self._plain(found[0])
            else:
                piece = (kind, found[0])
            size += len(piece[1])
            if size > _MAX_VALUE:
                raise Mistake("a value is too long")
            yield piece

    def _plain(self, text: str) -> tuple[str, str]:
        if text.lower() in _WORDS:
            return "word", _WORDS[text.lower()]
        return "plain", self._constants.get(text, text)

    def _single(self) -> tuple[str, str]:
        end = self._text.find("'", self._position)
        if end < 0:
            raise Mistake("a quote that does not end")
        start, self._position = self._position, end + 1
        return "plain", self._text[start:end]

    def _double(self) -> tuple[str, str]:
        """A string in double quotes: a quote in it comes after one backslash, not after two."""
        start = end = self._position
        while True:
            end = self._text.find('"', end)
            if end < 0:
                raise Mistake("a quote that does not end")
            if end == start or self._text[end - 1] != "\\" or self._text[end - 2] == "\\":
                break
            end += 1
        self._position = end + 1
        inner = self._text[start:end]
        return "double", _IN_QUOTES.sub(lambda found: found["escaped"] or self._variable(found), inner)

    def _variable(self, found: re.Match[str]) -> str:
        name = found["name"].strip()
        value = self._lookup(name)
        if value is None and found["other"] is None:
            self._report(f"the variable {name[:100]} has no value here; it may come from the environment", self._here())
        return value or found["other"] or ""

    @staticmethod
    def _trim_blanks(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Without the blanks that PHP drops: at both ends, around operators and around strings in double quotes."""
        edge = ("operator", "double", "")
        kinds = ["", *(kind for kind, _ in pieces), ""]
        return [
            piece
            for i, piece in enumerate(pieces, 1)
            if piece[0] != "blank" or not (kinds[i - 1] in edge or kinds[i + 1] in edge)
        ]


class _Expression:
    """Reckons a value."""

    def __init__(self, pieces: list[tuple[str, str]]) -> None:
        self._pieces = [*pieces, ("", "")]
        self._at = 0

    def value(self) -> str:
        value = self._sum(0)
        if self._pieces[self._at][0]:
            raise Mistake(f"{self._pieces[self._at][1][:20]!r} is not expected in a value")
        return value

    def _sum(self, depth: int) -> str:
        left = self._operand(depth)
        while (operator := self._pieces[self._at]) in (("operator", "|"), ("operator", "&"), ("operator", "^")):
            self._at += 1
            one, other = _integer(left), _integer(self._operand(depth))
            left = str({"|": one | other, "&": one & other, "^": one ^ other}[operator[1]])
        return left

    def _operand(self, depth: int) -> str:
        if depth > _MAX_NESTED:
            raise Mistake("an expression is too deep")
        kind, text = self._pieces[self._at]
        if kind != "operator":
            return self._text()
        self._at += 1
        if text in "~!":
            number = _integer(self._operand(depth + 1))
            return str(~number if text == "~" else int(not number))
        inner = self._sum(depth + 1) if text == "(" else ""
        if text != "(" or self._pieces[self._at] != ("operator", ")"):
            raise Mistake(f"{text!r} is not expected in a value")
        self._at += 1
        return inner

    def _text(self) -> str:
        begun = self._at
        while self._pieces[self._at][0] not in ("operator", "word", ""):
            self._at += 1
        if self._at == begun:
            raise Mistake("a value ends in the middle")
        return "".join(text for _, text in self._pieces[begun : self._at])


def _integer(text: str) -> int:
    """The whole number of 32 bits at the beginning of a text, 0 if there is none."""
    found = _INTEGER.match(text[:40])
    number = int(found[1]) if found is not None else 0
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)
