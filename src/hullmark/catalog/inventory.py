"""Catalogers over a tree → packages, with the operating system package that owns each, and every file's owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import msgspec

from hullmark.catalog.absent import missing_database
from hullmark.catalog.binaries.package_notes import CATALOGER_NAME
from hullmark.catalog.binaries.programs import PROGRAMS
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.licence_evidence import with_declared
from hullmark.catalog.unexplained import executables, find_unexplained_programs
from hullmark.catalog.unread_locks import unread_locks
from hullmark.model.inventory import Distro, UnexplainedPrograms
from hullmark.model.jar import SHA1
from hullmark.model.package import Location, OwnedFile, Package, is_file
from hullmark.model.problem import Problem
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.misnamed import OTHER_NAME, find_misnamed_files
from hullmark.rootfs.reads import Read
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView

if TYPE_CHECKING:
    from hullmark.model.correction import Corrections
    from hullmark.model.jar import JarIndex


class CatalogResult(msgspec.Struct, frozen=True):
    """What the catalogers found. `claims` are the files that packages' own records list, at their real paths.

    Where a person corrects them, or an index names archives, `packages` and all that names one follow that; `uncorrected` is what the
    records say, and `purls` the new package URLs of what was changed.
    """

    packages: tuple[Package, ...]
    problems: tuple[Problem, ...]
    claims: tuple[tuple[bytes, OwnedFile], ...]
    unexplained: UnexplainedPrograms | None
    uncorrected: tuple[Package, ...]
    purls: Mapping[str, tuple[str, ...]] = {}


def catalogue(  # noqa: PLR0913 - what is asked for is given by name
    tree: Tree,
    records: Sequence[LayerRecord],
    catalogers: Iterable[Cataloger],
    distro: Distro | None,
    *,
    all_layers: bool = False,
    claims: bool = False,
    corrections: Corrections | None = None,
    jars: JarIndex | None = None,
) -> CatalogResult:
    """Run the catalogers over the finished tree.

    Packages are sorted and merged: one for each (type, name, version, arch, purl, owner) with all its locations. `claims`: also
    answer every file that a package claims, which only listings of files need. `corrections` are what a person says of this image,
    `jars` names Java archives that have no pom.
    """
    found: list[Package] = []
    others: list[Package] = []
    productive: list[tuple[Cataloger, TreeView]] = []
    views: list[tuple[TreeView, tuple[Read[Any], ...]]] = []
    catalogers = tuple(catalogers)
    for cataloger in sorted(catalogers, key=lambda c: not c.system):
        view = TreeView(tree, records, distro, room=cataloger.name, all_layers=all_layers)
        packages = list(_assemble_packages(cataloger, view))
        (found if cataloger.system else others).extend(packages)
        views.append((view, cataloger.reads))
        if packages:
            productive.append((cataloger, view))
    listed = [file for cataloger, view in productive for file in _list_owned_files(cataloger, view)] if claims else []
    programs = next((view for view, reads in views if PROGRAMS in reads), None)
    runnable = executables(tree, records, programs) if programs is not None else []
    owners = _owners(tree, productive, others, (path for executable in runnable for path in executable.names))
    missing = tuple(missing_database(distro, (*found, *_not_noted(others)), tree))
    found += _not_repeated([_with_owner(package, owners) for package in others], found, catalogers)
    problems = tuple(problem for view, _ in views for problem in view.problems)
    problems += missing
    problems += tuple(unread_locks(TreeView(tree, records), found, catalogers))
    problems += tuple(_under_other_names(tree, records, catalogers))
    uncorrected = merge_packages(found)
    corrected, purls, notes = _correct_packages(tree, found, corrections, jars)
    left = None
    if programs is not None:
        owners = {path: owner for path, owner in owners.items() if purls.get(owner, (owner,))}
        left = find_unexplained_programs(
            runnable, owners, corrected, lambda names: _claimed_by_others(tree, productive, names, purls)
        )
    return CatalogResult(corrected, problems + notes, tuple(_claims(tree, listed, purls)), left, uncorrected, purls)


def _correct_packages(
    tree: Tree, packages: list[Package], corrections: Corrections | None, jars: JarIndex | None
) -> tuple[tuple[Package, ...], Mapping[str, tuple[str, ...]], tuple[Problem, ...]]:
    """The packages as an index names them and a person corrects them, what became of their package URLs, and what was done."""
    purls: Mapping[str, tuple[str, ...]] = {}
    notes: tuple[Problem, ...] = ()
    if jars is not None:
        from hullmark.catalog.languages.java_index import named_by_index

        packages, purls, notes = named_by_index(packages, jars)
    if corrections is None:
        return merge_packages(packages), purls, notes
    from hullmark.catalog.corrections.apply import after, correct

    def find(path: str) -> Location | None:
        real = tree.resolve(path[1:].encode("utf-8", "surrogateescape"))
        if real is None:
            return None
        node = tree.get(real)
        return Location("/" + text(real), node.layer if node is not None else -1)

    found = correct(merge_packages(packages), corrections, find, merge_packages)
    return found.packages, after(purls, found.purls), notes + found.problems


def _claims(
    tree: Tree, listed: Iterable[OwnedFile], purls: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[bytes, OwnedFile]]:
    """The files that packages list, at their real paths, by the names that the packages have now."""
    for file in listed:
        if file.owner not in purls:
            yield _real(tree, file), file
        elif purls[file.owner]:
            owner = file.owner if file.owner in purls[file.owner] else purls[file.owner][0]
            yield _real(tree, file), msgspec.structs.replace(file, owner=owner)


def _not_noted(packages: Iterable[Package]) -> Iterator[Package]:
    """The packages that a database lists: not those that single programs name in their notes, nor package files that only lie there."""
    return (package for package in packages if package.cataloger != CATALOGER_NAME and not is_file(package))


def _claimed_by_others(
    tree: Tree,
    catalogers: Iterable[tuple[Cataloger, TreeView]],
    names: Set[str],
    purls: Mapping[str, tuple[str, ...]],
) -> Iterator[bytes]:
    """The real paths of files with these names that packages' records list, of packages that are not the system's, nor removed."""
    for cataloger, view in catalogers:
        if not cataloger.system:
            files = (file for file in _find_owned_files(cataloger, view, names) if purls.get(file.owner, (file.owner,)))
            yield from (_real(tree, file) for file in files)


def _under_other_names(
    tree: Tree, records: Sequence[LayerRecord], catalogers: Iterable[Cataloger]
) -> Iterator[Problem]:
    """The files that catalogers want but that were not read because their layers have them under other names."""
    reads = tuple({read.name: read for cataloger in catalogers for read in cataloger.reads}.values())
    found: dict[str, tuple[bytes, int, int]] = {}
    for path, layer, read in find_misnamed_files(tree, records, reads):
        first, at, count = found.get(read.name, (path, layer, 0))
        found[read.name] = (first, at, count + 1)
    for name, (path, layer, count) in found.items():
        more = f"; so with {count - 1:,} more files" if count > 1 else ""
        yield Problem("/" + text(path), layer, name, OTHER_NAME + more)


def _list_owned_files(cataloger: Cataloger, view: TreeView) -> Iterable[OwnedFile]:
    return cataloger.owned(view) if cataloger.owned is not None else ()


def _find_owned_files(cataloger: Cataloger, view: TreeView, names: Set[str]) -> Iterable[OwnedFile]:
    """The files with these last segments that the records of a cataloger's packages list."""
    files = cataloger.named(view, names) if cataloger.named is not None else _list_owned_files(cataloger, view)
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
            owners.update((_real(tree, file), file.owner) for file in _find_owned_files(cataloger, view, names))
    return owners


def _assemble_packages(cataloger: Cataloger, view: TreeView) -> Iterator[Package]:
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
    repeats = {cataloger.name: cataloger.repeats for cataloger in catalogers if cataloger.repeats is not None}
    owners = {package.purl: package for package in systems}
    left = []
    for package in others:
        is_repeat = repeats.get(package.cataloger)
        owner = owners.get(package.owned_by or "")
        if is_repeat is None or owner is None or not is_repeat(package, owner):
            left.append(package)
    return left


def merge_packages(packages: list[Package]) -> tuple[Package, ...]:
    """The packages without repeats, sorted, each with all its places and licences."""
    found: dict[tuple[str, ...], Package] = {}
    for package in packages:
        key = (package.type, package.name, package.version, package.arch, package.purl, package.owned_by or "")
        known = found.get(key)
        if known is None:
            found[key] = package
        else:
            if known.licenses != package.licenses:
                known, package = with_declared(known), with_declared(package)
            found[key] = msgspec.structs.replace(
                known,
                locations=known.locations + package.locations,
                licenses=tuple(dict.fromkeys(known.licenses + package.licenses)),
                license_evidence=tuple(dict.fromkeys(known.license_evidence + package.license_evidence)),
                mains=tuple(sorted({*known.mains, *package.mains})),
                notes=_notes_of_both(known, package),
            )
    return tuple(_with_sorted_locations(found[key]) for key in sorted(found))


def _notes_of_both(one: Package, other: Package) -> dict[str, str]:
    """The notes of two finds; no digest of an archive, where they are two archives. What is installed is not the file beside it."""
    if is_file(one) != is_file(other):
        return dict((other if is_file(one) else one).notes)
    notes = {**other.notes, **one.notes}
    if one.notes.get(SHA1) != other.notes.get(SHA1):
        notes.pop(SHA1, None)
    return notes


def _with_sorted_locations(package: Package) -> Package:
    if len(package.locations) < 2:
        return package
    first: dict[str, Location] = {}
    for location in sorted(set(package.locations)):
        first.setdefault(location.path, location)
    return msgspec.structs.replace(package, locations=tuple(first.values()))
