"""Pub (Dart): semantic versions whose build metadata counts, and its constraints (dart.dev/tools/pub/versioning, .../dependencies)."""

from __future__ import annotations

import re

from hullmark.versions import semver
from hullmark.versions.condition import Bound, Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, sign

_BUILD = re.compile(r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*").fullmatch


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. A version with build metadata follows the one without it."""
    x, y = _order(a), _order(b)
    return sign(x < y, x == y)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` does."""
    value, build = _order(version)
    return semver.order_key(value) + semver.identifiers_key(build)


def _order(version: str) -> tuple[semver.Order, list[semver.Identifier]]:
    value, build = semver.split(version)
    if not build:
        return value, []
    if not _BUILD(build):
        raise InvalidVersion(f"{version[:80]!r} is not a version of pub")
    return value, semver.identifiers(build)


def ranges(text: str) -> Condition:
    """Read `^1.2.3`, `>=1.2.3 <2.0.0`, `1.2.3`, `any`; alternatives by `||`. Raises ValueError.

    `^1.2.3` ends before 2.0.0, `^0.1.2` and `^0.1.0` before 0.2.0, `^0.0.3` before 0.1.0. An upper bound without a pre-release
    leaves its own pre-releases out (`<2.0.0` does not take 2.0.0-dev), unless the lower bound is one of them.
    """
    return semver.alternatives(text, text.split("||"), _bounds)


def _bounds(part: str) -> tuple[Bound, ...]:
    if part in ("", "any"):
        return ()
    bounds: list[Bound] = []
    for operator, version in semver.comparators(part):
        _order(version)
        bounds += _caret(version) if operator == "^" else _plain(operator, version, part)
    starts = [_release(bound.version) for bound in bounds if bound.operator in (">", ">=") and _is_pre(bound.version)]
    return tuple(
        Bound("<", bound.version + "-0") if _ends_early(bound) and _release(bound.version) not in starts else bound
        for bound in bounds
    )


def _plain(operator: str, version: str, part: str) -> tuple[Bound, ...]:
    if operator in ("~", "~>"):
        raise semver.unread(part)
    return (Bound(operator or "=", version),)


def _caret(version: str) -> tuple[Bound, ...]:
    numbers = semver.partial(version).numbers
    upto = numbers[:1] if numbers[0].strip("0") or len(numbers) == 1 else numbers[:2]
    return (Bound(">=", version), Bound("<", semver.following(upto) + "-0"))


def _ends_early(bound: Bound) -> bool:
    return bound.operator == "<" and "+" not in bound.version and not _is_pre(bound.version)


def _is_pre(version: str) -> bool:
    return not semver.order(version).is_release


def _release(version: str) -> list[semver.Number]:
    return semver.order(version).release


SCHEME = Scheme(name="pub", compare=compare, types=("pub",), key=key, ranges=ranges)
