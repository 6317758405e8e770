"""Catalogers over a tree → packages, with the operating system package that owns each, and every file's owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.tree_view import TreeView
from hullmark.model.inventory import Distro
from hullmark.model.package import Location, OwnedFile, Package
from hullmark.model.problem import Problem
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.tree import Tree


class Catalogued(msgspec.Struct, frozen=True):
    """What the catalogers found. `claims` are the files that packages' own records list, at their real paths."""

    packages: tuple[Package, ...]
    problems: tuple[Problem, ...]
    claims: tuple[tuple[bytes, OwnedFile], ...]


def catalogue(
    tree: Tree,
    records: Sequence[LayerRecord],
    catalogers: Iterable[Cataloger],
    distro: Distro | None,
    *,
    all_layers: bool = False,
    claims: bool = False,
) -> Catalogued:
    """Run the catalogers over the finished tree.

    Packages are sorted and merged: one for each (type, name, version, arch, purl, owner) with all its locations. `claims`: also
    answer every file that a package claims, which only listings of files need.
    """
    found: list[Package] = []
    problems: list[Problem] = []
    owned: list[tuple[bytes, OwnedFile]] = []
    owners: dict[bytes, str] = {}
    for cataloger in sorted(catalogers, key=lambda c: not c.system):
        view = TreeView(tree, records, distro, room=cataloger.name, all_layers=all_layers)
        packages = list(_assembled(cataloger, view))
        if cataloger.owned is not None and packages and (cataloger.system or claims):
            for file in cataloger.owned(view):
                place = tree.place(file.path.encode("utf-8", "surrogateescape"))
                path = place if place is not None else file.path.encode("utf-8", "surrogateescape")
                if cataloger.system:
                    owners[path] = file.owner
                if claims:
                    owned.append((path, file))
        found += packages if cataloger.system else [_with_owner(package, owners) for package in packages]
        problems += view.problems
    return Catalogued(_merged(found), tuple(problems), tuple(owned))


def _assembled(cataloger: Cataloger, view: TreeView) -> Iterator[Package]:
    for package in cataloger.assemble(view):
        if package.name.strip():
            yield package
        else:
            view.problem(package.locations[0].path.lstrip("/") if package.locations else "", "a package without a name")


def _with_owner(package: Package, owners: dict[bytes, str]) -> Package:
    for location in package.locations:
        path = location.path[1:].split(":", 1)[0].encode("utf-8", "surrogateescape")
        owner = owners.get(path)
        if owner is not None:
            return msgspec.structs.replace(package, owned_by=owner)
    return package


def _merged(packages: list[Package]) -> tuple[Package, ...]:
    merged: dict[tuple[str, ...], Package] = {}
    for package in packages:
        key = (package.type, package.name, package.version, package.arch, package.purl, package.owned_by or "")
        known = merged.get(key)
        if known is None:
            merged[key] = package
        else:
            merged[key] = msgspec.structs.replace(
                known,
                locations=known.locations + package.locations,
                licenses=tuple(dict.fromkeys(known.licenses + package.licenses)),
                notes={**package.notes, **known.notes},
            )
    return tuple(_with_sorted_locations(merged[key]) for key in sorted(merged))


def _with_sorted_locations(package: Package) -> Package:
    if len(package.locations) < 2:
        return package
    first: dict[str, Location] = {}
    for location in sorted(set(package.locations)):
        first.setdefault(location.path, location)
    return msgspec.structs.replace(package, locations=tuple(first.values()))
