"""The words of a shell script: quotes undone, parameters and what commands print kept as parts (POSIX.1-2024, Shell Command Language)."""

from __future__ import annotations

import re

import msgspec

from hullmark.model.limit import Limit

MAX_NESTED = Limit(40, "commands of the shell in each other")

_BLANK = re.compile(r"(?:[ \t\r]|\\\n)*+")
_COMMENT = re.compile(r"#[^\n]*+")
PLAIN = re.compile(r"[^\s'\"\\$`;&|()<>]++")
_IN_DOUBLE = re.compile(r"[^\"\\$`]++")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+|[0-9]++|[@*#?$!-]")
_ANSI_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*+)'", re.DOTALL).match
_IN_BRACES = re.compile(r"[^}\"'$`\\]++").match
_SIGN = re.compile(r":?[-=+?]|##?|%%?|:|").match
_IN_BRACKETS = re.compile(r"""\\.|'[^']*+'|"(?:[^"\\]|\\.)*+"|[()]""", re.DOTALL)
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


class UnreadableScript(Exception):
    """What of a script is not understood, as a clause; `line` is where."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


class WordPart(msgspec.Struct, frozen=True):
    """A part of a word: a `text`, a `parameter` with an operator and a word behind it, a command whose output is `printed`, what is counted
    (`arithmetic`), or `unknown`."""

    kind: str
    text: str = ""
    operator: str = ""
    other: tuple[WordPart, ...] = ()
    is_quoted: bool = False


ShellWord = tuple[WordPart, ...]


def _is_one_bracket(text: str) -> bool:
    """Whether a text is one pair of brackets with all that is in it: so `$((…))` counts, and `$((a); (b))` runs commands."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    ends = (
        found.end()
        for found in _IN_BRACKETS.finditer(text)
        if not (depth := depth + {"(": 1, ")": -1}.get(found[0], 0))
    )
    return next(ends, 0) == len(text)


class WordReader:
    """Reads words from a text, one after the other. Whoever reads commands builds on it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._counted, self._passed = 0, 1

    def _wrong(self, reason: str) -> UnreadableScript:
        return UnreadableScript(reason, self._line())

    def _line(self) -> int:
        """The line at the position."""
        self._passed += self._text.count("\n", self._counted, self._at)
        self._counted = max(self._counted, self._at)
        return self._passed

    def _skip_blanks(self) -> None:
        self._at = self._end(_BLANK)
        if self._text.startswith("#", self._at):
            self._at = self._end(_COMMENT)

    def _end(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        return found.end() if found is not None else self._at

    def _word(self, *, may_be_empty: bool = False) -> ShellWord:
        """One word, its quotes undone."""
        parts: list[WordPart] = []
        start = self._at
        while self._at < len(self._text):
            c = self._text[self._at]
            if (plain := PLAIN.match(self._text, self._at)) is not None:
                parts.append(WordPart("text", plain[0]))
                self._at = plain.end()
            elif c == "'":
                parts.append(WordPart("text", self._up_to("'"), is_quoted=True))
            elif c == '"':
                self._at += 1
                parts += self._double()
            elif c == "\\":
                escaped = self._text[self._at + 1 : self._at + 2]
                parts += [WordPart("text", escaped, is_quoted=True)] if escaped != "\n" else []
                self._at += 2
            elif c in "$`":
                parts.append(self._dollar(is_quoted=False))
            elif self._text.startswith(("<(", ">("), self._at):
                self._at += 1
                self._read_substitution("(")
                parts.append(WordPart("unknown"))
            else:
                break
        if self._at == start and not may_be_empty:
            raise self._wrong("a word is missing")
        return tuple(parts)

    def _up_to(self, quote: str) -> str:
        end = self._text.find(quote, self._at + 1)
        if end < 0:
            raise self._wrong("a quote is not closed")
        start, self._at = self._at + 1, end + 1
        return self._text[start:end]

    def _double(self) -> list[WordPart]:
        parts = [WordPart("text", "", is_quoted=True)]
        while self._at < len(self._text):
            c = self._text[self._at]
            if c == '"':
                self._at += 1
                return parts
            if (plain := _IN_DOUBLE.match(self._text, self._at)) is not None:
                parts.append(WordPart("text", plain[0], is_quoted=True))
                self._at = plain.end()
            elif c == "\\":
                escaped = self._text[self._at + 1 : self._at + 2]
                kept = escaped if escaped in '"\\$`' else "" if escaped == "\n" else "\\" + escaped
                parts.append(WordPart("text", kept, is_quoted=True))
                self._at += 2
            else:
                parts.append(self._dollar(is_quoted=True))
        raise self._wrong("a quote is not closed")

    def _dollar(self, *, is_quoted: bool) -> WordPart:
        if self._text[self._at] == "`":
            return WordPart("printed", self._up_to("`").strip(), is_quoted=is_quoted)
        self._at += 1
        c = self._text[self._at : self._at + 1]
        if c == "(":
            text = self._read_substitution("(")
            if _is_one_bracket(text):
                return WordPart("arithmetic", text[1:-1], is_quoted=is_quoted)
            return WordPart("printed", text.strip(), is_quoted=is_quoted)
        if c == "{":
            return self._read_parameter(is_quoted=is_quoted)
        if c == "'" and not is_quoted:
            return self._ansi()
        found = _PARAMETER.match(self._text, self._at)
        if found is None:
            return WordPart("text", "$", is_quoted=is_quoted)
        name = found[0] if not found[0].isdigit() else found[0][0]
        self._at += len(name)
        return WordPart("parameter", name, is_quoted=is_quoted)

    def _ansi(self) -> WordPart:
        found = _ANSI_QUOTED(self._text, self._at)
        if found is None:
            raise self._wrong("a quote is not closed")
        self._at = found.end()
        if re.search(r"\\[^ntr\\'\"]", found[1]):
            return WordPart("unknown", is_quoted=True)
        return WordPart("text", re.sub(r"\\(.)", lambda e: _ANSI.get(e[1], e[1]), found[1]), is_quoted=True)

    def _read_substitution(self, bracket: str) -> str:
        """The text between brackets, those in it paired, which are not counted in quotes."""
        start, depth = self._at + 1, 0
        for found in _IN_BRACKETS.finditer(self._text, self._at):
            depth += {"(": 1, ")": -1}.get(found[0], 0)
            if depth == 0 and found[0] == ")":
                self._at = found.end()
                return self._text[start : found.start()]
        raise self._wrong("a bracket is not closed")

    def _read_parameter(self, *, is_quoted: bool) -> WordPart:
        """`${NAME}`, with an operator and a word behind it or not."""
        self._at += 1
        has_length = self._text.startswith("#", self._at) and not self._text.startswith("#}", self._at)
        self._at += has_length
        found = _PARAMETER.match(self._text, self._at)
        name = found[0] if found is not None else ""
        self._at += len(name)
        operator = _SIGN(self._text, self._at)
        sign = operator[0] if operator is not None else ""
        self._at += len(sign)
        other = self._until_brace()
        if has_length or not name or (not sign and other):
            return WordPart("unknown", is_quoted=is_quoted)
        return WordPart("parameter", name, sign, other, is_quoted)

    def _until_brace(self) -> ShellWord:
        parts: list[WordPart] = []
        self._depth += 1
        if self._depth > MAX_NESTED:
            raise self._wrong("its words stand too deep in each other")
        while self._at < len(self._text):
            c = self._text[self._at]
            if c == "}":
                self._at += 1
                self._depth -= 1
                return tuple(parts)
            if c == '"':
                self._at += 1
                parts += self._double()
            elif c == "'":
                parts.append(WordPart("text", self._up_to("'"), is_quoted=True))
            elif c in "$`":
                parts.append(self._dollar(is_quoted=True))
            elif c == "\\":
                parts.append(WordPart("text", self._text[self._at + 1 : self._at + 2], is_quoted=True))
                self._at += 2
            else:
                plain = _IN_BRACES(self._text, self._at)
                parts.append(WordPart("text", plain[0] if plain is not None else c))
                self._at += len(parts[-1].text)
        raise self._wrong("a brace is not closed")
