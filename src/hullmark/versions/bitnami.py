"""Bitnami: semantic versions with a revision of the packaging after them (`1.2.3-4`), which is not a pre-release but comes later.

The revision is the last number after `-`; what stands before it and begins with a letter is a pre-release (`1.2.0-rc.1-2`).
"""

from __future__ import annotations

import re

from hullmark.versions import semver
from hullmark.versions.scheme import Scheme, number, sign

_REVISION = re.compile(
    r"(?P<version>[vV]?[0-9.]+(?:-?[A-Za-z][^\s+]*?)?)(?<=[0-9A-Za-z])-(?P<revision>[0-9]+(?:\.[0-9]+)*)(?:\+\S*)?"
).fullmatch

_Order = tuple[semver.Order, list[semver.Number]]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1, revisions included. A version without a revision sorts before the same with one."""
    x, y = _order(a), _order(b)
    return sign(x < y, x == y)


def against_bound(version: str, bound: str) -> int:
    """Compare with a bound of a range: the version's revision counts only if the bound has one."""
    x, y = _order(version), _order(bound)
    if not y[1]:
        x = (x[0], [])
    return sign(x < y, x == y)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` does."""
    value, revision = _order(version)
    return semver.order_key(value) + b"".join(map(semver.number_key, revision)) + b"\x00"


def _order(version: str) -> _Order:
    found = _REVISION(version.strip())
    if found is None:
        return semver.order(version), []
    return semver.order(found["version"]), [number(part) for part in found["revision"].split(".")]


SCHEME = Scheme(name="bitnami", compare=compare, types=("bitnami",), against_bound=against_bound, key=key)
