"""How Postfix's files are written: logical lines, braces, references to parameters (postconf(5), master(5))."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hullmark.facets.configuration.parser import Files
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Remark

MAX_WORK = Limit(4_000_000, "characters that are looked at to follow all references in main.cf")
"""So much is spent on all references, counted in characters that are looked at; values after that stay as written."""

MAX_VALUE_WORK = Limit(50_000, "characters that are looked at to follow the references of one value in main.cf")
"""So much is spent on the references of one value, besides its own length."""

_MAX_DEPTH = Limit(100, "references in each other in main.cf")
_REFERENCE_WORK = 20
_BLANKS = " \t\n\v\f\r"
_SEPARATOR = re.compile(r"[{}:, \t\r\n]")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_CLOSING = {"{": re.compile(r"[{}]"), "(": re.compile(r"[()]")}
_CONDITION = re.compile(r"([A-Za-z0-9_]*)([?:]?)")
_COMPARISON = re.compile(r"(==|!=|<=|>=|<|>)(level)?(?=[ \t\n\v\f\r]*\{)")
_LEVEL = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,6}))?(?:\.([0-9]{1,6}))?").fullmatch
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_DIGITS = re.compile(r"[0-9]{1,18}").fullmatch


def logical_lines(files: Files, path: str) -> Iterator[tuple[int, str]]:
    """Each logical line with the number of its first line.

    A line that begins with blanks goes on with the one before; comments and empty lines between the two do not matter.
    """
    parts: list[str] = []
    first = 0
    for number, line in enumerate((files.text(path) or "").split("\n"), 1):
        if line.strip(_BLANKS)[:1] in ("", "#"):
            continue
        if line[0] not in _BLANKS:
            if parts:
                yield first, "".join(parts)
            first, parts = number, [line]
        elif parts:
            parts.append(line)
        else:
            files.problem(path, Remark("it goes on with a line, but none stands before it"), number)
    if parts:
        yield first, "".join(parts)


def split(text: str, separators: str = ", \t\r\n") -> list[str]:
    """The words of a text. Text in braces is not split; the braces stay."""
    words = []
    start = depth = 0
    for found in _SEPARATOR.finditer(text):
        sign = found[0]
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth = max(0, depth - 1)
        elif depth == 0 and sign in separators:
            words.append(text[start : found.start()])
            start = found.end()
    return [word for word in (*words, text[start:]) if word]


class UnexpandableError(Exception):
    """A value whose references cannot be followed; the message says why."""


class Expander:
    """Puts in the values of the parameters that a value refers to.

    References to parameters that are not known, as to the machine's own name, stay as they are written, and so do
    conditions on them.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._left: int = MAX_WORK
        self._left_for_value = 0
        self.unknown = 0
        """How many references stayed as they are written."""

    def expand(self, text: str, own: Mapping[str, str] | None = None) -> str:
        """The value. `own` are parameters that count before the others. Raises UnexpandableError."""
        if "$" not in text:
            return text
        self._left_for_value = MAX_VALUE_WORK + len(text)
        return self._expand(text, {} if own is None else own, 0)

    def _expand(self, text: str, own: Mapping[str, str], depth: int) -> str:
        self._spend(len(text) + _REFERENCE_WORK)
        if depth > _MAX_DEPTH:
            raise UnexpandableError("its references go too deep, or round in a circle")
        out = []
        at = 0
        while (start := text.find("$", at)) >= 0:
            out.append(text[at:start])
            if text.startswith("$$", start):
                out.append("$")
                at = start + 2
                continue
            inner, at = _reference(text, start)
            found = self._choose_replacement(inner, own, depth)
            if found is None:
                self.unknown += 1
                out.append(text[start:at])
            else:
                out.append(self._expand(found, own, depth + 1))
        out.append(text[at:])
        return "".join(out)

    def _spend(self, work: int) -> None:
        self._left -= work
        self._left_for_value -= work
        if self._left < 0 or self._left_for_value < 0:
            raise UnexpandableError("its references come to more than is followed")

    def _choose_replacement(self, inner: str, own: Mapping[str, str], depth: int) -> str | None:
        """The replacement for a reference, itself not expanded; None if unknown."""
        value: str | None
        if inner.lstrip(_BLANKS).startswith("{"):
            value, rest = self._evaluate_comparison(inner, own, depth)
            sign, rest = rest[:1], rest[1:]
        else:
            name = _CONDITION.match(inner)
            sign, rest = (name[2], inner[name.end() :]) if name else ("", inner)
            value = own.get(name[1], self._values.get(name[1])) if name and name[1] else ""
        if not sign:
            if rest:
                raise UnexpandableError("it refers to a name with signs that no name has")
            return value
        branches = _branches(sign, rest)
        return None if value is None else branches[0 if value else 1]

    def _evaluate_comparison(self, text: str, own: Mapping[str, str], depth: int) -> tuple[str | None, str]:
        """What a comparison comes to (not empty if it holds, None if that is not known), and what follows it."""
        left, rest = _operand(text)
        sign = _COMPARISON.match(rest)
        if sign is None:
            raise UnexpandableError("it compares with an unknown operator")
        right, rest = _operand(rest[sign.end() :])
        if rest and rest[0] not in "?:":
            raise UnexpandableError("something follows a comparison")
        unknown = self.unknown
        one, other = self._expand(left, own, depth + 1), self._expand(right, own, depth + 1)
        if self.unknown > unknown:
            return None, rest
        return ("true" if _holds(one, sign[1], other, bool(sign[2])) else ""), rest


def _reference(text: str, start: int) -> tuple[str, int]:
    """What a reference has inside, and where it ends. `start` is its dollar sign."""
    if text[start + 1 : start + 2] in _CLOSING:
        end = _closing(text, start + 1)
        inner = text[start + 2 : end - 1]
    else:
        found = _NAME.match(text, start + 1)
        inner, end = (found[0], found.end()) if found else ("", start)
    if not inner:
        raise UnexpandableError("it refers to a parameter without a name")
    return inner, end


def _closing(text: str, start: int) -> int:
    """Where that ends which a bracket opens."""
    depth = 0
    opening = text[start]
    for found in _CLOSING[opening].finditer(text, start):
        depth += 1 if found[0] == opening else -1
        if depth == 0:
            return found.end()
    raise UnexpandableError("its brackets do not close")


def _branches(sign: str, rest: str) -> tuple[str, str]:
    """What stands for a value that is not empty, and for one that is."""
    if_any = ""
    if sign == "?":
        if_any, rest = _operand(rest)
        if not rest:
            return if_any, ""
        if rest[0] != ":":
            raise UnexpandableError("something follows a condition")
        rest = rest[1:]
    if_empty, rest = _operand(rest)
    if rest:
        raise UnexpandableError("something follows a condition")
    return if_any, if_empty


def _operand(text: str) -> tuple[str, str]:
    """A text in braces, and what follows; without braces it goes to the end."""
    braced = text.lstrip(_BLANKS)
    if not braced.startswith("{"):
        return text, ""
    end = _closing(braced, 0)
    return braced[1 : end - 1], braced[end:].lstrip(_BLANKS)


def _holds(one: str, sign: str, other: str, is_level: bool) -> bool:
    """Whether a comparison holds: of levels, of numbers if both are, else of texts."""
    holds = _SIGNS[sign]
    if is_level:
        return holds(_level(one), _level(other))
    if _DIGITS(one) and _DIGITS(other):
        return holds(int(one), int(other))
    return holds(one, other)


def _level(text: str) -> tuple[int, ...]:
    found = _LEVEL(text)
    if found is None:
        raise UnexpandableError("a level of compatibility is not a version")
    return tuple(int(part or 0) for part in found.groups())
