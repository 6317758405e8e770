"""Conditions on versions: `>= 1.2, < 2 || = 3.1`.

A condition is alternatives separated by `||`; each is bounds separated by commas or white space, all of which must hold. A bound
is an operator (`=`, `==`, `!=`, `<`, `<=`, `>`, `>=`; none means `=`) and a version. An empty condition always holds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Protocol

import msgspec

from hullmark.model.late import late
from hullmark.model.limit import BeyondLimit, Limit

MAX_CONDITION = Limit(1000, "characters of a condition on a version", "refused")

_BOUND = late(r"\s*(==|!=|<=|>=|=|<|>)?\s*([^\s,<>=!|'\"~^][^\s,<>=!|'\"]*)\s*(?:,\s*(?=\S))?")
_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Order(Protocol):
    """How versions are compared with each other and with bounds: what a condition needs of a scheme (`scheme.Scheme`)."""

    @property
    def compare(self) -> Callable[[str, str], int]:
        """-1, 0 or 1 for two versions."""

    @property
    def against_bound(self) -> Callable[[str, str], int] | None:
        """The same for a version and a bound, where that differs."""


class Bound(msgspec.Struct, frozen=True):
    """An operator and the version it compares with."""

    operator: str
    version: str


class Condition(msgspec.Struct, frozen=True):
    """Alternatives, each a conjunction of bounds. `text` is how it was written."""

    text: str
    alternatives: tuple[tuple[Bound, ...], ...]

    def holds(self, version: str, scheme: Order) -> bool:
        """Whether the version meets the condition. Raises InvalidVersion if it, or a bound, is not a version of the scheme."""
        order = scheme.against_bound or scheme.compare
        return any(
            all(_HOLDS[bound.operator](order(version, bound.version), 0) for bound in bounds)
            for bounds in self.alternatives
        )


def parse_condition(text: str) -> Condition:
    """Read a condition; raises ValueError saying what was not understood."""
    if len(text) > MAX_CONDITION:
        raise BeyondLimit(f"a condition has at most {MAX_CONDITION} characters")
    if not text.strip():
        return Condition(text, ((),))
    return Condition(text, tuple(_bounds(part) for part in text.split("||")))


def _bounds(part: str) -> tuple[Bound, ...]:
    bounds, at = [], 0
    while at < len(part):
        found = _BOUND.match(part, at)
        if found is None:
            break
        bounds.append(Bound(found[1] or "=", found[2]))
        at = found.end()
    if not bounds or at < len(part):
        rest = part[at:].strip()[:40]
        raise ValueError(f"cannot read the version condition at {rest!r}; write it like '>= 1.2, < 2'")
    return tuple(bounds)
