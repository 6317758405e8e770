"""The syntax of openssl.cnf: sections, quotes, variables, includes (config(5) of OpenSSL 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.written import beside, plain_glob
from hullmark.model.limit import Limit

_SPACE = " \t\r\n\v\f"
_NAME = r"(?:[A-Za-z0-9_!.%&*+,/;?@^~|\-]|\\.)"
_COMMENT = re.compile(r"""(?:[^#"'`\\]|\\.|(["'`])(?:(?!\1)(?:\\.|[^\\]))*+(?:\1|\\?\Z))*+""", re.DOTALL)
_SECTION = re.compile(rf"\[[ \t]*+((?:{_NAME}++[ \t]*+)++|)\]", re.DOTALL).match
_ASSIGNMENT = re.compile(rf"(?:({_NAME}*+)::)?({_NAME}*+)([ \t]*+)(=?)", re.DOTALL).match
_PIECE = re.compile(
    r"""
    (?P<plain>[^"'`\\$]+)
  | (?P<quote>["'`])(?P<quoted>(?:(?!(?P=quote))(?:\\.|[^\\]))*+)(?:(?P=quote)|\\?\Z)
  | \\(?P<escaped>.|\Z)
  | (?P<variable>\$(?P<open>[{(]?)(?:(?P<section>[A-Za-z0-9_]*+)::)?(?P<name>[A-Za-z0-9_]*+)(?P<close>[})]?))
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b"}
_SWITCH = {"on": True, "true": True, "off": False, "false": False}
_CLOSING = {"{": "}", "(": ")"}
_LONGEST_VALUE = Limit(65_536, "characters of a value with variables in openssl.cnf")
_MAX_EXPANDED = Limit(16 << 20, "characters of all values of openssl.cnf")
_ENTRY = 100
"""What an entry counts beside the length of its value."""


class Entry(msgspec.Struct, frozen=True):
    """The value of a name in a section, quotes and variables undone, and where it is written."""

    value: str
    path: str
    line: int


Sections = dict[str, dict[str, Entry]]


def read_sections(files: Files, path: str) -> Sections:
    """The sections of a file and of those that it includes. Lines before the first section are in `default`.

    Variables of the environment are not known; they stay as they are written.
    """
    reader = _Reader(files)
    reader.read(path, path, 0)
    return reader.sections


class _Unreadable(Exception):
    """What in a line is not understood, as a sentence."""


class _Reader:
    """A file being read. The section goes on into files that are included, and out of them."""

    def __init__(self, files: Files) -> None:
        self.sections: Sections = {"default": {}}
        self._files = files
        self._tree = IncludeTree(files)
        self._section = "default"
        self._expanded = 0
        self._folder = ""
        self._dollar_is_plain = False

    def read(self, path: str, by: str, at: int) -> None:
        with self._tree.opened(path, by, at) as text:
            for number, line in _join_lines((text or "").removeprefix("\ufeff")):
                try:
                    self._line(_without_comment(line).lstrip(_SPACE), path, number)
                except _Unreadable as error:
                    self._files.problem(path, str(error), number)

    def _line(self, line: str, path: str, number: int) -> None:
        if not line:
            return
        if line[0] == "[":
            found = _SECTION(line)
            if found is None:
                raise _Unreadable("the name of a section has no closing bracket")
            self._section = self._expand_text(found[1].rstrip(_SPACE), self._section)
            self.sections.setdefault(self._section, {})
            return
        found = _ASSIGNMENT(line)
        if found is None:
            raise _Unreadable("it is neither a section nor a value")
        section, name, space, equals = found.groups()
        rest = line[found.end() :].strip(_SPACE)
        if name.startswith((".include", ".pragma")) and (space or equals or name not in (".include", ".pragma")):
            self._directive(name, rest, path, number)
        elif not equals:
            raise _Unreadable("it is neither a section nor a value")
        else:
            section = self._section if section is None else section
            value = self._expand_text(rest, section)
            self._expanded += _ENTRY
            if self._expanded > _MAX_EXPANDED:
                raise _Unreadable("there is more than is read")
            self.sections.setdefault(section, {})[name] = Entry(value, path, number)

    def _directive(self, name: str, rest: str, path: str, number: int) -> None:
        if name.startswith(".pragma"):
            self._pragma(*(part.strip(_SPACE) for part in rest.partition(":")))
            return
        named = self._expand_text(rest, self._section)
        if not named:  # as little an error as a file that is not there
            return
        target = beside(f"{self._folder}/" if self._folder else path, named)
        status = self._files.status(target)
        if status is not None and status.kind == "d":
            globs = (f"{plain_glob(target)}/{glob}" for glob in ("*.cnf", "*.conf"))
            for other in sorted(other for glob in globs for other in self._tree.matching(glob, path, number)):
                self.read(other, path, number)
        elif status is not None:
            self.read(target, path, number)

    def _pragma(self, name: str, colon: str, value: str) -> None:
        if not (name and colon and value) or (name in ("dollarid", "abspath") and value.lower() not in _SWITCH):
            raise _Unreadable("a pragma has no value that is known")
        if name == "dollarid":
            self._dollar_is_plain = _SWITCH[value.lower()]
        elif name == "includedir":
            self._folder = value.rstrip("/")

    def _expand_text(self, text: str, section: str) -> str:
        """The text with quotes, escapes and variables undone."""
        if not any(c in text for c in "\"'`\\$"):
            self._expanded += len(text)
            return text
        out: list[str] = []
        size = 0
        for piece in _PIECE.finditer(text):
            out.append(self._piece(piece, section))
            size += len(out[-1])
            if size > _LONGEST_VALUE and "$" in text:
                raise _Unreadable("a value with variables grows too long")
        self._expanded += size
        return "".join(out)

    def _piece(self, piece: re.Match[str], section: str) -> str:
        if piece["plain"] is not None:
            return piece["plain"]
        if piece["quote"] is not None:
            return _QUOTED_ESCAPE.sub(r"\1", piece["quoted"])
        if piece["escaped"] is not None:
            return _ESCAPES.get(piece["escaped"], piece["escaped"])
        return self._variable(piece, section)

    def _variable(self, piece: re.Match[str], section: str) -> str:
        is_open = piece["open"]
        if self._dollar_is_plain and not is_open:
            return piece["variable"]
        if is_open and piece["close"] != _CLOSING[is_open]:
            raise _Unreadable("the name of a variable has no closing bracket")
        named = section if piece["section"] is None else piece["section"]
        if named == "ENV":
            return piece["variable"]
        for place in (named, "default"):
            entry = self.sections.get(place, {}).get(piece["name"])
            if entry is not None:
                return entry.value + ("" if is_open else piece["close"])
        raise _Unreadable(f"the variable {piece['name'][:100]} has no value")


def _join_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that they go on in, after a single backslash at their end; the number is that of the first."""
    pieces: list[str] = []
    first = 1
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r")
        first = first if pieces else number
        pieces.append(line)
        if line.endswith("\\") and not line.endswith("\\\\"):
            pieces[-1] = line[:-1]
            continue
        yield first, "".join(pieces)
        pieces = []
    if pieces:
        yield first, "".join(pieces)


def _without_comment(line: str) -> str:
    if "#" not in line:
        return line
    found = _COMMENT.match(line)
    return line[: found.end()] if found else line
