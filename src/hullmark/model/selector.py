"""Label selectors, as in Kubernetes: `app=web,env in (prod,staging),!canary`.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors, without comparisons of numbers. Keys and values
may also be anything that Docker accepts as labels: any text without blanks, commas, parentheses, `=`, `!`, `<` and `>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from hullmark.model.limit import Limit

Operator = Literal["in", "notin", "exists", "absent"]

MOST_CHARACTERS = Limit(4000, "characters of a label selector", "refused")
MOST_REQUIREMENTS = Limit(50, "requirements of a label selector", "refused")
MOST_VALUES = Limit(500, "values of a requirement of a label selector", "refused")

PLACE_PREFIX = "place/"
"""Keys with this prefix ask for the place itself, `place/namespace=shop`, where a selector is about places."""
PLACE_KEYS = ("platform", "cluster", "namespace", "workload", "container", "kind")

_TOKEN = re.compile(r"\s*(==|!=|[=!,()]|[^\s,()=!]+)")


class Requirement(msgspec.Struct, frozen=True, order=True):
    """One condition on labels. `values` are used by `in` and `notin`; `notin` also holds if the key is absent."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it."""
        if self.operator == "exists":
            return self.key in labels
        if self.operator == "absent":
            return self.key not in labels
        if self.operator == "in":
            return self.key in labels and labels[self.key] in self.values
        return self.key not in labels or labels[self.key] not in self.values

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "absent":
            return f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator == 'in' else '!='}{self.values[0]}"
        return f"{self.key} {self.operator} ({','.join(self.values)})"


class Selector(msgspec.Struct, frozen=True):
    """Requirements that must all hold; without any, everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet all requirements."""
        return all(requirement.fits(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


def parse_selector(text: str) -> Selector:
    """Parse a selector; blank text selects everything. Raises ValueError that says what is wrong, as a clause."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it is longer than {MOST_CHARACTERS} characters")
    if not text.strip():
        return Selector()
    tokens = _Tokens(text)
    found: list[Requirement] = []
    while True:
        found.append(_requirement(tokens))
        if len(found) > MOST_REQUIREMENTS:
            raise ValueError(f"it has more than {MOST_REQUIREMENTS} requirements")
        following = tokens.take()
        if following == "":
            return Selector(tuple(found))
        if following != ",":
            raise ValueError(f"there should be a comma before {following!r}")


class _Tokens:
    """The tokens of a selector, one after the other; "" at the end."""

    def __init__(self, text: str) -> None:
        self._left: Iterator[str] = (match[1] for match in _TOKEN.finditer(text.rstrip()))
        self._next = next(self._left, "")

    def take(self) -> str:
        token, self._next = self._next, next(self._left, "")
        return token

    def look(self) -> str:
        return self._next


_MARKS = frozenset(("", ",", "(", ")", "=", "==", "!=", "!"))


def _requirement(tokens: _Tokens) -> Requirement:
    if tokens.look() == "!":
        tokens.take()
        return Requirement(_word(tokens, "key behind '!'"), "absent")
    key = _word(tokens, "key")
    operator = tokens.look()
    if operator in ("", ","):
        return Requirement(key, "exists")
    tokens.take()
    if operator in ("=", "=="):
        return Requirement(key, "in", (_value(tokens),))
    if operator == "!=":
        return Requirement(key, "notin", (_value(tokens),))
    if operator == "in":
        return Requirement(key, "in", _values(tokens))
    if operator == "notin":
        return Requirement(key, "notin", _values(tokens))
    raise ValueError(f"{operator!r} is not an operator: there are =, ==, !=, in and notin")


def _word(tokens: _Tokens, what: str) -> str:
    token = tokens.take()
    if token in _MARKS:
        raise ValueError(f"there should be a {what}" + (f" instead of {token!r}" if token else " at the end"))
    if "<" in token or ">" in token:
        raise ValueError("labels are not compared with < and >")
    return token


def _value(tokens: _Tokens) -> str:
    """A value, which may be empty."""
    if tokens.look() in ("", ","):
        return ""
    return _word(tokens, "value")


def _values(tokens: _Tokens) -> tuple[str, ...]:
    """The values in parentheses, sorted and each once; an empty one is a value."""
    if tokens.take() != "(":
        raise ValueError("values of in and notin stand in parentheses")
    found: set[str] = set()
    while True:
        found.add("" if tokens.look() in (",", ")") else _word(tokens, "value"))
        if len(found) > MOST_VALUES:
            raise ValueError(f"it has more than {MOST_VALUES} values")
        following = tokens.take()
        if following == ")":
            return tuple(sorted(found))
        if following != ",":
            raise ValueError(
                "a list of values does not end" if not following else f"{following!r} is not expected here"
            )
