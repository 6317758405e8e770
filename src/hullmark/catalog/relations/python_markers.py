"""Environment markers of Python requirements, `python_version >= "3.8" and extra == "test"` (PEP 508, dependency specifiers)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from hullmark.model.limit import Limit
from hullmark.versions import pep440

_MAX_TOKENS = Limit(1000, "words of an environment marker of a Python package", "shortened")
_DEEPEST = Limit(50, "brackets within brackets of an environment marker of a Python package", "shortened")

_TOKEN = re.compile(
    r"""\s*(?:(\(|\))|(not\s+in\b|in\b|and\b|or\b|===|[<>=!~]=|[<>])|([a-z_.]+)|'([^']*)'|"([^"]*)")"""
).match
_SEPARATORS = re.compile(r"[-_.]+")
_VERSIONS = frozenset(("python_version", "python_full_version", "implementation_version", "platform_release"))
_OLD_NAMES = {
    "os.name": "os_name",
    "sys.platform": "sys_platform",
    "platform.version": "platform_version",
    "platform.machine": "platform_machine",
    "platform.python_implementation": "platform_python_implementation",
    "python_implementation": "platform_python_implementation",
}
_TEXT_ORDERS: dict[str, Callable[[str, str], bool]] = {
    "==": lambda a, b: a == b,
    "===": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}

_Token = tuple[str, str]
Truth = bool | None
"""None: it cannot be told."""


def holds(marker: str, environment: Mapping[str, str]) -> Truth:
    """Whether a marker holds; None where it is about what `environment` does not have, or cannot be read."""
    tokens = _tokens(marker)
    if tokens is None:
        return None
    reader = _Reader(tokens, environment)
    found = reader.either(0)
    return found if reader.is_done else None


@lru_cache(maxsize=1024)
def _tokens(marker: str) -> tuple[_Token, ...] | None:
    """The words of a marker; None where they cannot be read. Packages have many markers in common."""
    tokens: list[_Token] = []
    at, end = 0, len(marker.rstrip())
    while at < end:
        found = _TOKEN(marker, at, end)
        if found is None or len(tokens) >= _MAX_TOKENS:
            return None
        at = found.end()
        number = found.lastindex or 0
        text = found[number]
        tokens.append((("", "bracket", "operator", "name", "text", "text")[number], " ".join(text.split())))
    return tuple(tokens)


class _Reader:
    """Goes through the tokens once. What cannot be read makes the whole unknown."""

    def __init__(self, tokens: Sequence[_Token], environment: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._environment = environment
        self._at = 0
        self._broken = False

    @property
    def is_done(self) -> bool:
        """Whether all tokens were understood."""
        return not self._broken and self._at == len(self._tokens)

    def either(self, depth: int) -> Truth:
        """Parts joined by `or`."""
        found = [self._both(depth)]
        while self._takes("or"):
            found.append(self._both(depth))
        return True if True in found else None if None in found else False

    def _both(self, depth: int) -> Truth:
        found = [self._one(depth)]
        while self._takes("and"):
            found.append(self._one(depth))
        return False if False in found else None if None in found else True

    def _one(self, depth: int) -> Truth:
        if self._takes("("):
            found = self.either(depth + 1) if depth < _DEEPEST else self._mark_broken()
            return found if self._takes(")") else self._mark_broken()
        left, operator, right = self._next(), self._next(), self._next()
        if operator[0] != "operator" or {left[0], right[0]} - {"name", "text"}:
            return self._mark_broken()
        return _compare_tokens(left, operator[1], right, self._environment)

    def _takes(self, text: str) -> bool:
        there = self._at < len(self._tokens) and self._tokens[self._at] in (("bracket", text), ("operator", text))
        self._at += there
        return there

    def _next(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else ("", "")

    def _mark_broken(self) -> Truth:
        self._broken = True
        return None


def _compare_tokens(left: _Token, operator: str, right: _Token, environment: Mapping[str, str]) -> Truth:
    name = next((_OLD_NAMES.get(text, text) for kind, text in (left, right) if kind == "name"), "")
    values = [environment.get(_OLD_NAMES.get(text, text)) if kind == "name" else text for kind, text in (left, right)]
    first, second = values
    if first is None or second is None:
        return None
    if name == "extra":
        first, second = (_SEPARATORS.sub("-", value).lower() for value in (first, second))
    if name in _VERSIONS and operator not in ("in", "not in"):
        found = _compared_versions(left, first, operator, second)
        if found is not None:
            return found
    order = _TEXT_ORDERS.get(operator)
    return order(first, second) if order is not None else None


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _compared_versions(left: _Token, first: str, operator: str, second: str) -> Truth:
    """As versions; None where one of them is none."""
    if left[0] == "text":
        first, second, operator = second, first, _MIRRORED.get(operator, operator)
    try:
        return pep440.ranges(f"{operator}{second}").holds(first, pep440.SCHEME)
    except ValueError:
        return None
