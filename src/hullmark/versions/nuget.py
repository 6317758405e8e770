"""NuGet: semantic versions with a fourth number and pre-releases in any case (learn.microsoft.com/nuget, "Package versioning")."""

from __future__ import annotations

import re

from hullmark.versions import semver
from hullmark.versions.condition import MAX_CONDITION, Bound, Condition, parse_condition
from hullmark.versions.scheme import InvalidVersion, Scheme, sign

_VERSION = r"[0-9A-Za-z.+-]*"
_INTERVAL = re.compile(
    rf"\s*(?P<open>[\[(])\s*(?P<low>{_VERSION})\s*(?P<comma>,)?\s*(?P<high>{_VERSION})\s*(?P<close>[\])])\s*"
    r"(?:,(?=\s*[\[(]))?"
).match
_FLOATING = re.compile(r"\s*(?:[0-9]+\.)*\*\s*").fullmatch


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Letters' case and build metadata do not count."""
    x, y = _order(a), _order(b)
    return sign(x < y, x == y)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` does."""
    return semver.order_key(_order(version))


def _order(version: str) -> semver.Order:
    # Some letters outside ASCII have a small form inside it.
    if not version.isascii():
        raise InvalidVersion(f"{version[:80]!r} is not a NuGet version")
    return semver.order(version.lower())


def ranges(text: str) -> Condition:
    """Read intervals: `[1.0,2.0)`, `(,1.0]`, `[1.0]`, several as alternatives (`[1.0,1.3),[2.0,2.1)` or with `||`).

    A bare version means exactly that version, as advisories mean it, and not "at least" as in a project's dependencies. `1.2.*` is
    all that begin so, `*` is any. Lists of bounds (`>= 1.0, < 2.0`) are read too. Raises ValueError.
    """
    if not any(character in text for character in "[(*"):
        return parse_condition(text)
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    return Condition(text, tuple(bounds for part in text.split("||") for bounds in _part(part)))


def _part(part: str) -> list[tuple[Bound, ...]]:
    if _FLOATING(part):
        return [semver.within(semver.partial(part.strip()))]
    if not any(character in part for character in "[("):
        if "*" in part:
            raise semver.unread(part)
        return list(parse_condition(part).alternatives)
    found, at = [], 0
    while at < len(part):
        interval = _INTERVAL(part, at)
        if interval is None:
            raise semver.unread(part[at:])
        found.append(_interval(interval))
        at = interval.end()
    return found


def _interval(found: re.Match[str]) -> tuple[Bound, ...]:
    low, high = found["low"], found["high"]
    if found["comma"] is None:
        if not low or high or (found["open"], found["close"]) != ("[", "]"):
            raise semver.unread(found[0])
        return (Bound("=", low),)
    lower = (Bound(">=" if found["open"] == "[" else ">", low),) if low else ()
    upper = (Bound("<=" if found["close"] == "]" else "<", high),) if high else ()
    return lower + upper


SCHEME = Scheme(name="nuget", compare=compare, types=("nuget",), key=key, ranges=ranges)
