"""Semantic versions (semver.org 2.0.0), read leniently, as package managers of several languages write them.

Any count of numbers is taken (missing ones are 0), a leading `v` too, and a pre-release may follow with `-`, `.` or nothing between
(`1.2.0.beta`, `1.20rc1`). Build metadata after `+` never counts.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(
    r"[vV]?(?P<release>[0-9]+(?:\.[0-9]+)*)(?:(?:-|\.?(?=[A-Za-z]))(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[^\s]*)?"
).fullmatch

Identifier = tuple[int, tuple[int, str], str]
_ZERO = (0, "")


def compare(a: str, b: str) -> int:
    """-1, 0 or 1."""
    (release_a, pre_a), (release_b, pre_b) = _parts(a), _parts(b)
    for x, y in zip_longest(release_a, release_b, fillvalue=_ZERO):
        if x != y:
            return sign(x < y, False)
    if not pre_a or not pre_b:
        return sign(bool(pre_a), pre_a == pre_b)
    return sign(pre_a < pre_b, pre_a == pre_b)


def _parts(version: str) -> tuple[list[tuple[int, str]], list[Identifier]]:
    found = _VERSION(version.strip())
    if found is None:
        raise InvalidVersion(f"{version!r} is not a semantic version")
    identifiers = found["pre"].split(".") if found["pre"] else ()
    return [number(part) for part in found["release"].split(".")], [_identifier(part) for part in identifiers]


def _identifier(part: str) -> Identifier:
    """Numbers sort before words, as the specification wants it."""
    return (0, number(part), "") if part.isdigit() else (1, _ZERO, part)


SCHEME = Scheme(name="semver", compare=compare, types=("cargo", "golang", "npm"))
