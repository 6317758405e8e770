"""One component for what is found at several places.

The inventory has a package for each owner, since a copy that the distribution brought is judged by the distribution's word, and another
one is not. A bill of materials lists it once, with all its places, and says which of them belong to whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from hullmark.model.inventory import Inventory
from hullmark.model.package import Package

Identity = tuple[str, str, str, str, str]

Owners = Mapping[str, tuple[str, ...]]
"""Package URLs of owners → the paths of the places that belong to them."""


class Components(NamedTuple):
    """An inventory in which each package is there once. `shared` has the owners of those whose places belong to several, or only in part
    to one; such a package has no `owned_by`."""

    inventory: Inventory
    shared: Mapping[Identity, Owners]


def identity_of(package: Package) -> Identity:
    """What a component is, wherever it is."""
    return (package.type, package.name, package.version, package.arch, package.purl)


def components_of(inventory: Inventory) -> Components:
    """The inventory with each package once, in its order."""
    groups: dict[Identity, list[Package]] = {}
    for package in inventory.packages:
        groups.setdefault(identity_of(package), []).append(package)
    if len(groups) == len(inventory.packages):
        return Components(inventory, {})
    shared = {
        identity: {
            package.owned_by: tuple(place.path for place in package.locations) for package in group if package.owned_by
        }
        for identity, group in groups.items()
        if len(group) > 1
    }
    return Components(replace(inventory, packages=tuple(map(_join_packages, groups.values()))), shared)


def _join_packages(group: list[Package]) -> Package:
    first = group[0]
    if len(group) == 1:
        return first
    notes: dict[str, str] = {}
    for package in reversed(group):
        notes |= package.notes
    return replace(
        first,
        source=next((package.source for package in group if package.source is not None), None),
        licenses=tuple(dict.fromkeys(text for package in group for text in package.licenses)),
        locations=tuple(sorted({place for package in group for place in package.locations})),
        owned_by=None,
        mains=tuple(sorted({main for package in group for main in package.mains})),
        notes=notes,
    )


def owners_of(package: Package, shared: Mapping[Identity, Owners]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The owners of a component, each with the paths of what belongs to it; no paths: all of it."""
    found = shared.get(identity_of(package))
    if found is not None:
        return sorted(found.items())
    return ((package.owned_by, ()),) if package.owned_by else ()
