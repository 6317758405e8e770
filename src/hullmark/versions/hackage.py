"""Haskell versions: numbers separated by dots (Haskell Package Versioning Policy).

Of two that begin alike, the longer is newer. Tags (`1.2-beta`) are taken and do not count, as Cabal does. Ranges are
those of Cabal's `build-depends` (`^>= 1.2 && < 1.2.5 || == 2.*`), but without sets and brackets.
"""

from __future__ import annotations

import re

from hullmark.versions.condition import MAX_CONDITION, Bound, Condition
from hullmark.versions.deb import number_key
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(r"([0-9]+(?:\.[0-9]+)*)(?:-[0-9A-Za-z]+)*").fullmatch
_BOUND = re.compile(
    r"\s*(\^>=|==|!=|>=|<=|=|<|>)?\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?\s*(?:(?:&&|,)\s*(?=\S)|(?=[\s<>=^!]|\Z))"
)
_NAMED: dict[str, tuple[Bound, ...]] = {"-any": (), "-none": (Bound("<", "0"),)}

_MORE, _END = b"\x01", b"\x00"


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Refuses what Cabal refuses."""
    numbers_a, numbers_b = _numbers(a), _numbers(b)
    return sign(numbers_a < numbers_b, numbers_a == numbers_b)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0."""
    return b"".join(_MORE + number_key(digits) for _, digits in _numbers(version)) + _END


def ranges(text: str) -> Condition:
    """Read a range; raises ValueError saying what was not understood."""
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    if not text.strip():
        return Condition(text, ((),))
    return Condition(text, tuple(_bounds(part.strip()) for part in text.split("||")))


def _numbers(version: str) -> list[tuple[int, str]]:
    found = _VERSION(version.strip())
    if found is None:
        raise InvalidVersion(f"{version!r} is not a Haskell version")
    return [number(digits) for digits in found[1].split(".")]


def _bounds(part: str) -> tuple[Bound, ...]:
    if part in _NAMED:
        return _NAMED[part]
    bounds: list[Bound] = []
    at = 0
    while found := _BOUND.match(part, at):
        bounds += _expand_operator(found[1] or "==", found[2], bool(found[3]))
        at = found.end()
    if not bounds or at < len(part):
        rest = part[at:].strip()[:40]
        raise ValueError(f"cannot read the version condition at {rest!r}; write it like '>= 1.2 && < 2'")
    return tuple(bounds)


def _expand_operator(operator: str, version: str, wild: bool) -> tuple[Bound, ...]:
    parts = version.split(".")
    if wild:
        if operator not in ("=", "=="):
            raise ValueError(f"a version condition cannot have {operator!r} before {version + '.*'!r}")
        return Bound(">=", version), Bound("<", _next(parts))
    if operator == "^>=":
        return Bound(">=", version), Bound("<", _next([*parts, "0"][:2]))
    return (Bound(operator, version),)


def _next(parts: list[str]) -> str:
    return ".".join([*parts[:-1], str(int(parts[-1]) + 1)])


SCHEME = Scheme(name="hackage", compare=compare, types=("hackage",), key=key, ranges=ranges)
