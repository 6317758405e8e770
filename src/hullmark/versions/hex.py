"""Hex: semantic versions, and the requirements of Elixir's `Version` module (hexdocs.pm/elixir/Version.html)."""

from __future__ import annotations

import re

from hullmark.versions.condition import Bound, Condition
from hullmark.versions.scheme import Scheme
from hullmark.versions.semver import (
    alternatives,
    comparators,
    compare,
    following,
    key,
    node_bounds,
    partial,
    unread,
)

_OR = re.compile(r"\s+or\s+|\|\|")
_AND = re.compile(r"\s+and\s+")


def ranges(text: str) -> Condition:
    """Read `~> 2.1`, `>= 2.0.0 and < 2.1.0 or == 3.0.0`; `,` and `||` also mean `and` and `or`. Raises ValueError.

    `~> 2.1` ends before 3.0.0, `~> 2.1.2` before 2.2.0, both before the pre-releases of that. Missing numbers are 0.
    """
    if not text.strip():
        return alternatives(text, [text], lambda _: ())
    return alternatives(text, _OR.split(text), _bounds)


def _bounds(part: str) -> tuple[Bound, ...]:
    bounds: list[Bound] = []
    for term in _AND.split(part):
        if not term.strip():
            raise unread(part)
        for operator, version in comparators(term):
            bounds += _comparison(operator, version)
    return tuple(bounds)


def _comparison(operator: str, version: str) -> tuple[Bound, ...]:
    given = partial(version)
    if operator == "~>" and given.numbers:
        upto = given.numbers[:2] if len(given.numbers) > 2 else given.numbers[:1]
        return (Bound(">=", given.version), Bound("<", following(upto) + "-0"))
    if given.is_wild or operator in ("^", "~", "~>"):
        return node_bounds(operator or "=", given)
    return (Bound(operator or "=", given.version),)


SCHEME = Scheme(name="hex", compare=compare, types=("hex",), key=key, ranges=ranges)
