"""What a version scheme is."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hullmark.versions.condition import Condition


class InvalidVersion(ValueError):
    """A text that is not a version of the scheme."""


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """One way to order versions.

    `compare(a, b)` is -1, 0 or 1, or raises InvalidVersion. `types` are the purl types it orders, `aliases` other names under
    which it is known. `against_bound(version, bound)` compares a version with a bound of a range; it is given only where ranges
    look at less than the whole version. `key(version)` is bytes that sort as the versions do and are equal where they are; it is
    given only where that is proven. `ranges(text)` reads the ecosystem's own way to write ranges (`^1.2`, `~> 2.0`, `[1,2)`) and
    raises ValueError; without it, `condition.parse_condition` reads them.
    """

    name: str
    compare: Callable[[str, str], int]
    types: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    against_bound: Callable[[str, str], int] | None = None
    key: Callable[[str], bytes] | None = None
    ranges: Callable[[str], Condition] | None = None


def sign(is_less: bool, is_equal: bool) -> int:
    """-1, 0 or 1."""
    return 0 if is_equal else -1 if is_less else 1


def number(digits: str) -> tuple[int, str]:
    """An order-preserving form of a decimal number of any length. Turning long ones into an int takes quadratic time."""
    digits = digits.lstrip("0")
    return len(digits), digits
