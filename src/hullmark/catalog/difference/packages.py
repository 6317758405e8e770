"""Packages side by side: known again by type, namespace and name; their versions in the order of their ecosystem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cmp_to_key
from itertools import zip_longest

from hullmark.model.difference import PackageChange, PackageStep, PackageVersion
from hullmark.model.licences.expressions import in_spdx_terms
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.model.purl import namespace_of
from hullmark.versions import InvalidVersion, scheme_for

Identity = tuple[str, str, str]
"""Type, namespace and name of a package."""


def identity_of(package: Package) -> Identity:
    """What a package is known again by in another image."""
    return package.type, namespace_of(package.purl), package.name


def package_changes(before: Iterable[Package], after: Iterable[Package]) -> tuple[PackageChange, ...]:
    """The packages that are not the same in both, sorted.

    Where a package has several versions side by side, equal ones are taken for the same, then those that differ in architecture or
    licences alone; the others are paired in the order of their versions, and what is left over came or went.
    """
    old, new = _by_identity(before), _by_identity(after)
    changes: list[PackageChange] = []
    for identity in sorted(old.keys() | new.keys()):
        changes += _changes(identity, old.get(identity, {}), new.get(identity, {}))
    return tuple(changes)


_Key = tuple[str, str, frozenset[str]]
"""Version, architecture, licences in lower case, as their names do not depend on it (SPDX 2.3, annex D)."""


def _by_identity(packages: Iterable[Package]) -> dict[Identity, dict[_Key, PackageVersion]]:
    licenses: dict[Identity, dict[tuple[str, str], set[str]]] = {}
    for package in packages:
        versions = licenses.setdefault(identity_of(package), {})
        versions.setdefault((package.version, package.arch), set()).update(in_spdx_terms(package.licenses))
    return {
        identity: {
            (*key, frozenset(map(str.lower, found))): PackageVersion(*key, tuple(sorted(found)))
            for key, found in versions.items()
        }
        for identity, versions in licenses.items()
    }


def _changes(
    identity: Identity, old: dict[_Key, PackageVersion], new: dict[_Key, PackageVersion]
) -> Iterator[PackageChange]:
    type, namespace, name = identity
    gone = [version for key, version in old.items() if key not in new]
    come = [version for key, version in new.items() if key not in old]
    for before, after in _pairs(type, gone, come):
        step = _step(type, before, after)
        yield PackageChange(step=step, type=type, namespace=namespace, name=name, before=before, after=after)


def _pairs(
    type: str, old: Sequence[PackageVersion], new: Sequence[PackageVersion]
) -> Iterator[tuple[PackageVersion | None, PackageVersion | None]]:
    """Which version became which: equal version and architecture, then equal versions, then in the order of versions."""
    left, right = _in_order(type, old), _in_order(type, new)
    for same in (_version_and_arch, _version):
        partners: dict[object, list[PackageVersion]] = {}
        for version in reversed(right):
            partners.setdefault(same(version), []).append(version)
        rest = []
        for version in left:
            if found := partners.get(same(version)):
                yield version, found.pop()
            else:
                rest.append(version)
        left, right = rest, [version for found in partners.values() for version in found]
        right = _in_order(type, right)
    yield from zip_longest(left, right)


def _version_and_arch(version: PackageVersion) -> tuple[str, str]:
    return version.version, version.arch


def _version(version: PackageVersion) -> str:
    return version.version


def _step(type: str, before: PackageVersion | None, after: PackageVersion | None) -> PackageStep:
    if before is None or after is None:
        return "in" if before is None else "out"
    order = _comparison(type)(before.version, after.version)
    return "up" if order < 0 else "down" if order > 0 else "changed"


def _comparison(type: str) -> Callable[[str, str], int]:
    """The order of a purl type's versions: -1, 0 or 1; 0 also where one of them is not a version."""
    compare = scheme_for(type).compare

    def order(a: str, b: str) -> int:
        if UNKNOWN_VERSION in (a, b):
            return 0
        try:
            return compare(a, b)
        except InvalidVersion:
            return 0

    return order


def _in_order(type: str, versions: Iterable[PackageVersion]) -> Sequence[PackageVersion]:
    """The earliest first; behind them, by their text, what are not versions of the type."""
    compare = scheme_for(type).compare
    good: list[PackageVersion] = []
    odd: list[PackageVersion] = []
    for version in sorted(versions):
        try:
            is_good = version.version != UNKNOWN_VERSION and compare(version.version, version.version) == 0
        except InvalidVersion:
            is_good = False
        (good if is_good else odd).append(version)
    later = cmp_to_key(compare)
    return sorted(good, key=lambda version: later(version.version)) + odd
