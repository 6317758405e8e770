"""What advisories of rpm distributions have in common: package file names, ranges below fixes, moments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cmp_to_key

from hullmark.advisories.feeds.formats.wording import day_of
from hullmark.model.advisory import EVERY_VERSION, Range
from hullmark.versions import rpm
from hullmark.versions.scheme import InvalidVersion

_DEBUG = re.compile(r"-debug(?:info|source)(?:$|-common)")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$")


def instant(text: str | None) -> str:
    """A date or time as ISO 8601: `2024-01-31` or `2024-01-31T12:00:00Z`; "" for what is neither. Times without a zone are UTC."""
    text = (text or "").strip()
    found = _INSTANT.match(text)
    if found is None:
        return day_of(text)
    date, time, zone = found.groups()
    return f"{date}T{time if len(time) > 5 else f'{time}:00'}{'Z' if zone in (None, '+00:00', 'Z') else zone}"


def is_debug(name: str) -> bool:
    """Whether a package holds only what debuggers need."""
    return "-debug" in name and _DEBUG.search(name) is not None


def nevra(text: str) -> tuple[str, str, str] | None:
    """Name, `[epoch:]version-release` and architecture of `name-[epoch:]version-release.arch[.rpm]`; None for any other text."""
    head, dot, arch = text.removesuffix(".rpm").rpartition(".")
    name, dash, release = head.rpartition("-")
    name, second, version = name.rpartition("-")
    if not (dot and dash and second and name and version and release and arch):
        return None
    return name, f"{version}-{release}", arch


def base_of(evr: str) -> str:
    """`epoch:version` of an `epoch:version-release`: what upstream released."""
    return evr.rpartition("-")[0] or evr


def _order(a: str, b: str) -> int:
    try:
        return rpm.compare(a, b)
    except InvalidVersion:
        return (a > b) - (a < b)


EVR_ORDER = cmp_to_key(_order)
"""Sorts versions as rpm orders them; such as rpm cannot read stand in the order of their text."""


def below(fixed: str, low: str = "") -> Range:
    """Everything before a fix, from `low` on if it is given."""
    return Range(low=low, high=fixed, high_open=True, fixed=fixed)


def below_each(fixes: Iterable[str], pick: Callable[..., str] = max) -> tuple[Range, ...]:
    """What is vulnerable where one package was fixed in several builds: before each fix, down to its own upstream version.

    The first reaches down to the beginning. Of several builds of one upstream version the highest counts, or as `pick` says.
    Without any fix that is every version.
    """
    by_base: dict[str, list[str]] = {}
    for evr in fixes:
        by_base.setdefault(base_of(evr), []).append(evr)
    picked = sorted((pick(builds, key=EVR_ORDER) for builds in by_base.values()), key=EVR_ORDER)
    return tuple(below(evr, base_of(evr) if number else "") for number, evr in enumerate(picked)) or (EVERY_VERSION,)


def by_arch(builds: Mapping[str, frozenset[str]]) -> tuple[tuple[str, frozenset[str]], ...]:
    """Fixes by architecture, as (architecture, fixes): one pair with architecture "" where all have the same."""
    distinct = set(builds.values())
    if len(distinct) == 1:
        return (("", distinct.pop()),)
    return tuple(sorted(builds.items()))
