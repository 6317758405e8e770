"""What packages take with them: an update may need newer versions of others, and what goes takes along what depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hullmark.catalog.relations.dpkg import DpkgNeed, need_of
from hullmark.catalog.relations.offers import compares
from hullmark.model.package import Package, is_file
from hullmark.model.remedy import Change
from hullmark.model.upkeep import PackageUpdate
from hullmark.versions import deb

_ONCE = frozenset(("USER", "HEALTHCHECK"))
"""Instructions of which the last alone counts."""


class OfferedName(NamedTuple):
    """A name that something answers to, and its version ("": any need without a version alone)."""

    name: str
    version: str


class UpdateGroup(NamedTuple):
    """The updates that are made together, or why they cannot be (a clause)."""

    updates: tuple[PackageUpdate, ...]
    obstacle: str = ""


def together(
    wanted: Sequence[PackageUpdate],
    every: Mapping[str, PackageUpdate],
    installed: Sequence[Package],
    provided: Collection[OfferedName],
) -> UpdateGroup:
    """Updates with all others that they need. `every` are all updates by the name of the package; `provided` is what the installed
    packages answer to besides their names."""
    chosen = {update.installed.name: update for update in wanted}
    names = {package.name for package in installed}
    todo = list(chosen.values())
    while todo:
        update = todo.pop()
        for missing in _unmet(update, chosen, installed, provided):
            more = [every[name] for name in missing if name in every and name in names and name not in chosen]
            if not more:
                needed = " or ".join(missing[:3])[:200]
                return UpdateGroup(
                    (), f"{update.installed.name} {update.candidate.version} needs {needed}, which is not installed"
                )
            chosen[more[0].installed.name] = more[0]
            todo = list(chosen.values())
        for broken in _find_broken_packages(update, chosen, installed):
            if broken not in every:
                return UpdateGroup((), f"{update.installed.name} {update.candidate.version} cannot be beside {broken}")
            chosen[broken] = every[broken]
            todo = list(chosen.values())
    return UpdateGroup(tuple(chosen[name] for name in sorted(chosen)))


def _unmet(
    update: PackageUpdate,
    chosen: Mapping[str, PackageUpdate],
    installed: Iterable[Package],
    provided: Collection[OfferedName],
) -> Iterator[list[str]]:
    """For each need that is not met: the names that would meet it."""
    if update.installed.type != "deb":
        return
    there = _versions(installed, chosen)
    offers: dict[str, list[str]] = {}
    for name, version in (*there.items(), *provided):
        offers.setdefault(name, []).append(version)
    for group in update.depends.split(","):
        needs = [need for text in group.split("|") if (need := need_of(text)) is not None]
        if needs and not any(_meets(version, need) for need in needs for version in offers.get(need.name, ())):
            yield [need.name for need in needs]


def _find_broken_packages(
    update: PackageUpdate, chosen: Mapping[str, PackageUpdate], installed: Iterable[Package]
) -> Iterator[str]:
    """The installed packages, in the versions that they would have, that the update cannot be beside."""
    if update.installed.type != "deb":
        return
    there = _versions(installed, chosen)
    for text in update.breaks.split(","):
        need = need_of(text)
        if need is None or need.name == update.installed.name or need.name in chosen or need.name not in there:
            continue
        if _meets(there[need.name], need):
            yield need.name


def _versions(installed: Iterable[Package], chosen: Mapping[str, PackageUpdate]) -> dict[str, str]:
    return {
        package.name: package.version for package in installed if package.type == "deb" and not is_file(package)
    } | {name: update.candidate.version for name, update in chosen.items()}


def _meets(version: str, need: DpkgNeed) -> bool:
    return not need.operator or (bool(version) and compares(deb.compare, version, need.operator, need.version))


def with_dependants(purl: str, dependants: Mapping[str, Collection[str]]) -> frozenset[str]:
    """A package and all that, directly or not, needs it."""
    found = {purl}
    todo = [purl]
    while todo:
        for other in dependants.get(todo.pop(), ()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return frozenset(found)


def can_be_together(changes: Iterable[Change]) -> bool:
    """Whether changes exclude each other: two users, two health checks, a package that is updated, or needed by an update, and removed."""
    once: set[str] = set()
    removed: set[str] = set()
    needed: set[str] = set()
    for change in changes:
        keyword = change.setting[0] if change.setting is not None else ""
        if keyword in once:
            return False
        once |= {keyword} & _ONCE
        removed |= {package.name for package in change.removed}
        for update in change.updates:
            texts = update.depends.replace("|", ",").split(",")
            needed |= {update.installed.name, *(need.name for text in texts if (need := need_of(text)) is not None)}
    return not removed & needed
