"""Catalogers over a tree → packages, with the operating system package that owns each, and every file's owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

import msgspec

from hullmark.catalog.absent import missing_database
from hullmark.catalog.binaries.package_notes import CATALOGER_NAME
from hullmark.catalog.binaries.programs import PROGRAMS
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.unexplained import executables, unexplained
from hullmark.model.inventory import Distro, UnexplainedPrograms
from hullmark.model.package import Location, OwnedFile, Package
from hullmark.model.problem import Problem
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.misnamed import OTHER_NAME, misnamed
from hullmark.rootfs.reads import Read
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView


class CatalogResult(msgspec.Struct, frozen=True):
    """What the catalogers found. `claims` are the files that packages' own records list, at their real paths."""

    packages: tuple[Package, ...]
    problems: tuple[Problem, ...]
    claims: tuple[tuple[bytes, OwnedFile], ...]
    unexplained: UnexplainedPrograms | None


def catalogue(
    tree: Tree,
    records: Sequence[LayerRecord],
    catalogers: Iterable[Cataloger],
    distro: Distro | None,
    *,
    all_layers: bool = False,
    claims: bool = False,
) -> CatalogResult:
    """Run the catalogers over the finished tree.

    Packages are sorted and merged: one for each (type, name, version, arch, purl, owner) with all its locations. `claims`: also
    answer every file that a package claims, which only listings of files need.
    """
    found: list[Package] = []
    others: list[Package] = []
    productive: list[tuple[Cataloger, TreeView]] = []
    views: list[tuple[TreeView, tuple[Read[Any], ...]]] = []
    catalogers = tuple(catalogers)
    for cataloger in sorted(catalogers, key=lambda c: not c.system):
        view = TreeView(tree, records, distro, room=cataloger.name, all_layers=all_layers)
        packages = list(_assembled(cataloger, view))
        (found if cataloger.system else others).extend(packages)
        views.append((view, cataloger.reads))
        if packages:
            productive.append((cataloger, view))
    listed = [file for cataloger, view in productive for file in _owned(cataloger, view)] if claims else []
    programs = next((view for view, reads in views if PROGRAMS in reads), None)
    runnable = executables(tree, records, programs) if programs is not None else []
    owners = _owners(tree, productive, others, (path for each in runnable for path in each.names))
    missing = tuple(missing_database(distro, (*found, *_not_noted(others)), tree))
    found += _not_repeated([_with_owner(package, owners) for package in others], found, catalogers)
    problems = tuple(problem for view, _ in views for problem in view.problems)
    problems += missing
    problems += tuple(_under_other_names(tree, records, catalogers))
    left = None
    if programs is not None:
        left = unexplained(runnable, owners, found, lambda names: _claimed_by_others(tree, productive, names))
    return CatalogResult(_merged(found), problems, tuple((_real(tree, file), file) for file in listed), left)


def _not_noted(packages: Iterable[Package]) -> Iterator[Package]:
    """The packages but those that the notes of single programs name: such a one is no database."""
    return (package for package in packages if package.cataloger != CATALOGER_NAME)


def _claimed_by_others(
    tree: Tree, catalogers: Iterable[tuple[Cataloger, TreeView]], names: Set[str]
) -> Iterator[bytes]:
    """The real paths of files with these names that packages' records list, of packages that are not the system's."""
    for cataloger, view in catalogers:
        if not cataloger.system:
            yield from (_real(tree, file) for file in _named(cataloger, view, names))


def _under_other_names(
    tree: Tree, records: Sequence[LayerRecord], catalogers: Iterable[Cataloger]
) -> Iterator[Problem]:
    """The files that catalogers want but that were not read because their layers have them under other names."""
    reads = tuple({read.name: read for cataloger in catalogers for read in cataloger.reads}.values())
    found: dict[str, tuple[bytes, int, int]] = {}
    for path, layer, read in misnamed(tree, records, reads):
        first, at, count = found.get(read.name, (path, layer, 0))
        found[read.name] = (first, at, count + 1)
    for name, (path, layer, count) in found.items():
        more = f"; so with {count - 1:,} more files" if count > 1 else ""
        yield Problem("/" + text(path), layer, name, OTHER_NAME + more)


def _owned(cataloger: Cataloger, view: TreeView) -> Iterable[OwnedFile]:
    return cataloger.owned(view) if cataloger.owned is not None else ()


def _named(cataloger: Cataloger, view: TreeView, names: Set[str]) -> Iterable[OwnedFile]:
    """The files with these last segments that the records of a cataloger's packages list."""
    files = cataloger.named(view, names) if cataloger.named is not None else _owned(cataloger, view)
    return (file for file in files if file.path.rpartition("/")[2] in names)


def _real(tree: Tree, file: OwnedFile) -> bytes:
    """The real path of a claimed file, whether or not it exists."""
    path = file.path.encode("utf-8", "surrogateescape")
    place = tree.place(path)
    return path if place is None else place


def _record_path(location: Location) -> str:
    """The file in the image that a location names; of one inside an archive, the archive."""
    return location.path[1:].split(":", 1)[0]


def _owners(
    tree: Tree,
    catalogers: Iterable[tuple[Cataloger, TreeView]],
    packages: Iterable[Package],
    others: Iterable[bytes],
) -> dict[bytes, str]:
    """The system packages that own the records of other packages, and other files, by their real path.

    Most files that system packages own have names that none of these has; those are skipped.
    """
    names = {_record_path(location).rpartition("/")[2] for package in packages for location in package.locations}
    names.update(text(path[path.rfind(b"/") + 1 :]) for path in others)
    owners: dict[bytes, str] = {}
    if not names:
        return owners
    for cataloger, view in catalogers:
        if cataloger.system:
            owners.update((_real(tree, file), file.owner) for file in _named(cataloger, view, names))
    return owners


def _assembled(cataloger: Cataloger, view: TreeView) -> Iterator[Package]:
    for package in cataloger.assemble(view):
        if package.name.strip():
            yield package
        else:
            view.problem(package.locations[0].path.lstrip("/") if package.locations else "", "a package without a name")


def _with_owner(package: Package, owners: dict[bytes, str]) -> Package:
    for location in package.locations:
        owner = owners.get(_record_path(location).encode("utf-8", "surrogateescape"))
        if owner is not None:
            return msgspec.structs.replace(package, owned_by=owner)
    return package


def _not_repeated(
    others: Iterable[Package], systems: Iterable[Package], catalogers: Iterable[Cataloger]
) -> list[Package]:
    """The packages that say more than the system's packages that own them."""
    repeats = {each.name: each.repeats for each in catalogers if each.repeats is not None}
    owners = {package.purl: package for package in systems}
    left = []
    for package in others:
        is_repeat = repeats.get(package.cataloger)
        owner = owners.get(package.owned_by or "")
        if is_repeat is None or owner is None or not is_repeat(package, owner):
            left.append(package)
    return left


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
                mains=tuple(sorted({*known.mains, *package.mains})),
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
