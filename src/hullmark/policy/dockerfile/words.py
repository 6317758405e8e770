"""Words of instructions: splitting and quoting, and filling in the values of variables.

Follows the Dockerfile reference ("Environment replacement", "Exec form"), and BuildKit's behaviour where the reference is silent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from hullmark.model.limit import Limit
from hullmark.policy.values import wildcard_source

WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as a class of a regular expression; Python's own takes more characters for white."""

MAX_EXPANDED = Limit(16 << 10, "characters of a text that variables of a Dockerfile are put into")
"""The longest text, in characters, that variables may be put into."""

_MAX_DEPTH = Limit(20, "variables of a Dockerfile in each other")
_MAX_PATTERNS = Limit(10, "patterns in one word of a Dockerfile")
_LONGEST_PATTERN = Limit(256, "characters of a pattern in a Dockerfile, and of what it is tried on")
_NAME = re.compile(r"[0-9]+|[@*#?\-$!]|[^\W0-9]\w*")

Variables = Mapping[str, str | None]
"""Values by name. None: there is a variable of this name, and nobody knows its value."""


class BadSubstitution(ValueError):
    """A `$` followed by something no shell understands, or an expansion that exceeds the limits."""


class ExpandedText(NamedTuple):
    """A text with its variables filled in. Variables in `unknown` have no known value and remain as they were written."""

    text: str
    unknown: frozenset[str] = frozenset()


@lru_cache(maxsize=8)
def _pieces(escape: str, *, has_heredocs: bool) -> re.Pattern[str]:
    """A pattern for white space, a quoted text, an escaped character, the beginning of a here-document, or plain characters."""
    mark = re.escape(escape)
    heredoc = f"|(?P<heredoc><<-?[{WHITE}]*)" if has_heredocs else ""
    quoted = rf"'[^']*(?P<open1>\Z|')|\"(?:{mark}.|[^\"{mark}])*{mark}?(?P<open2>\Z|\")"
    return re.compile(rf"(?P<white>[{WHITE}]+)|{quoted}{heredoc}|{mark}(?:.|\Z)|[^{WHITE}'\"{mark}<]+|<", re.DOTALL)


def split_words(text: str, escape: str = "\\", *, has_heredocs: bool = False) -> list[str]:
    """The words between white space, with their quotes and escapes as they were written.

    `has_heredocs`: `<<` and the word after it form one word even with white space between them, and a text with an open quote has no words.
    """
    words: list[str] = []
    word: list[str] = []
    for piece in _pieces(escape, has_heredocs=has_heredocs).finditer(text):
        if piece["white"] is None:
            if has_heredocs and "" in (piece["open1"], piece["open2"]):
                return []
            word.append("" if piece[0] == escape else piece[0])
        elif word:
            words.append("".join(word))
            word = []
    return [text for text in (*words, "".join(word)) if text]


def strip_blanks(text: str) -> str:
    """The text without white space around it."""
    return text.strip(
        "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
    )


def exec_form(value: str) -> tuple[str, ...] | None:
    """The words of the JSON form; None for the shell form. Raises ValueError if the list holds anything but texts."""
    if not value.startswith("["):
        return None
    try:
        found = msgspec.json.decode(value.encode("utf-8", "replace"), type=list[Any])
    except (msgspec.DecodeError, RecursionError):
        return None
    if not all(isinstance(word, str) for word in found):
        raise ValueError("a list in JSON form must hold nothing but texts")
    return tuple(found)


def arguments(value: str) -> tuple[str, ...]:
    """The arguments of COPY, ADD and VOLUME, in either form."""
    found = exec_form(value)
    return found if found is not None else tuple(value.split())


def pairs(value: str, escape: str) -> list[tuple[str, str]]:
    """The names and values of ENV and LABEL, with quotes and variables as written. Raises ValueError if a name has no value."""
    words = split_words(value, escape)
    if words and "=" not in words[0]:
        parts = value.split(None, 1)
        if len(parts) < 2:
            raise ValueError("a name must have a value")
        return [(parts[0], parts[1])]
    found = [(name, rest) for name, equals, rest in (word.partition("=") for word in words) if equals and name]
    if not found or len(found) < len(words):
        raise ValueError("all words must be of the form name=value")
    return found


def expand(text: str, variables: Variables, escape: str = "\\") -> ExpandedText:
    """The text with quotes removed and variables filled in. Raises BadSubstitution."""
    if "$" not in text and not any(mark in text for mark in ("'", '"', escape)):
        return ExpandedText(text)
    expansion = _Expansion(text, variables, escape)
    return ExpandedText(expansion.until("", 0), frozenset(expansion.unknown))


class _Expansion:
    """The expansion of one text; `at` is the position of the next character."""

    def __init__(self, text: str, variables: Variables, escape: str) -> None:
        self.text = text
        self.variables = variables
        self.escape = escape
        self.at = 0
        self.patterns = 0
        self.unknown: set[str] = set()
        self.special: Mapping[str, Callable[[int], str]] = {
            "$": self._dollar,
            "'": lambda depth: self._single_quoted(),
            '"': self._double_quoted,
        }

    def until(self, stop: str, depth: int, *, keeps_escapes: bool = False) -> str:
        """The expanded text before the stop character, which is skipped; with a `stop` of "", the text up to its end."""
        found: list[str] = []
        size = 0
        while self.at < len(self.text):
            character = self._next()
            if character == stop:
                return "".join(found)
            if character in self.special:
                found.append(self.special[character](depth))
            elif character == self.escape:
                found.append((character if keeps_escapes else "") + self._next())
            else:
                found.append(character)
            size += len(found[-1])
            if size > MAX_EXPANDED:
                raise BadSubstitution("the text becomes too long")
        if stop:
            raise BadSubstitution(f"there is no {stop}")
        return "".join(found)

    def _next(self) -> str:
        character = self.text[self.at : self.at + 1]
        self.at += 1
        return character

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _single_quoted(self) -> str:
        start, end = self.at, self.text.find("'", self.at)
        if end < 0:
            raise BadSubstitution("a single quote is not closed")
        self.at = end + 1
        return self.text[start:end]

    def _double_quoted(self, depth: int) -> str:
        found: list[str] = []
        while self.at < len(self.text):
            character = self._next()
            if character == '"':
                return "".join(found)
            if character == "$":
                character = self._dollar(depth)
            elif character == self.escape and self._peek() in ('"', "$", self.escape):
                character = self._next()
            found.append(character)
        raise BadSubstitution("a double quote is not closed")

    def _name(self) -> str:
        found = _NAME.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def _dollar(self, depth: int) -> str:
        start = self.at - 1
        if depth > _MAX_DEPTH:
            raise BadSubstitution("variables are nested too deeply")
        if self._peek() != "{":
            name = self._name()
            return self._value(name, start) if name else "$"
        self.at += 1
        name = self._name()
        operator = self._next()
        if not name:
            raise BadSubstitution("${ must be followed by a name")
        if operator == "}":
            return self._value(name, start)
        return self._apply_operator(name, operator, start, depth + 1)

    def _value(self, name: str, start: int) -> str:
        value = self.variables.get(name)
        if value is None:
            self.unknown.add(name)
            return self.text[start : self.at]
        return value

    def _apply_operator(self, name: str, operator: str, start: int, depth: int) -> str:
        value = self.variables.get(name)
        if operator == "/":
            return self._replace_pattern(name, start, depth)
        is_set = value is not None
        if operator == ":":
            operator, is_set = self._next(), bool(value)
        if operator in ("#", "%") and self.text[self.at - 2] != ":":
            return self._trim_value(name, operator, start, depth)
        word = self.until("}", depth)
        if operator == "-":
            return value if is_set and value is not None else word
        if operator == "+":
            return word if is_set else ""
        if operator == "?":
            if value is not None and not is_set:
                raise BadSubstitution(f"{name} must not be empty")
            return self._value(name, start)
        raise BadSubstitution(f"${{{name}{operator} is not known")

    def _trim_value(self, name: str, operator: str, start: int, depth: int) -> str:
        pattern = self.until("}", depth, keeps_escapes=True)
        is_longest = pattern.startswith(operator)
        value = self._value(name, start)
        if name in self.unknown:
            return value
        fits = self._fits(pattern.removeprefix(operator), value)
        lengths = range(len(value), -1, -1) if is_longest else range(len(value) + 1)
        for length in lengths:
            if operator == "#" and fits(value[:length]):
                return value[length:]
            if operator == "%" and fits(value[len(value) - length :]):
                return value[: len(value) - length]
        return value

    def _replace_pattern(self, name: str, start: int, depth: int) -> str:
        wants_all = self._peek() == "/"
        self.at += int(wants_all)
        pattern = self.until("/", depth, keeps_escapes=True).replace("\\/", "/")
        replacement = self.until("}", depth, keeps_escapes=True)
        value = self._value(name, start)
        if name in self.unknown or not pattern:
            return value
        if any(mark in pattern for mark in "*?\\"):
            raise BadSubstitution("wildcards are not replaced")
        if value.count(pattern) * len(replacement) > MAX_EXPANDED:
            raise BadSubstitution("the text becomes too long")
        return value.replace(pattern, replacement, -1 if wants_all else 1)

    def _fits(self, pattern: str, value: str) -> Callable[[str], object]:
        """A function that tells whether a text matches a pattern of `*` and `?`."""
        self.patterns += 1
        if self.patterns > _MAX_PATTERNS or len(pattern) > _LONGEST_PATTERN or len(value) > _LONGEST_PATTERN:
            raise BadSubstitution("the patterns are too long or too many")
        if "\\" in pattern:
            raise BadSubstitution("a pattern has escapes in it")
        return re.compile(wildcard_source(pattern), re.DOTALL).fullmatch
