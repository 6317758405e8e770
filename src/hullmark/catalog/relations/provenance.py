"""From an inventory to why a package or a file is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hullmark.catalog.relations.graph import chain, tops
from hullmark.model.inventory import FileRecord, Inventory, InventorySource
from hullmark.model.match import Match
from hullmark.model.package import Package
from hullmark.model.provenance import FileProvenance, FileVersion, PackageProvenance, Place
from hullmark.model.relation import Relation

_MOST_LINKS = 40
"""The kernel follows no more (path_resolution(7))."""


def packages_named(inventory: Inventory, name: str) -> tuple[Package, ...]:
    """The packages that a package URL means, which may lack its version or its qualifiers; or those of a name, or `name@version`."""
    packages = inventory.packages
    if not name.startswith("pkg:"):
        return tuple(package for package in packages if name in (package.name, f"{package.name}@{package.version}"))
    exact = tuple(package for package in packages if package.purl == name)
    if exact:
        return exact
    is_bare = "?" not in name and "#" not in name
    without = (
        {package.purl: package.purl.partition("?")[0].partition("#")[0] for package in packages} if is_bare else {}
    )
    found = tuple(package for package in packages if without.get(package.purl) == name)
    return found or tuple(package for package in packages if without.get(package.purl, "").rpartition("@")[0] == name)


def package_provenances(
    inventory: Inventory, packages: Sequence[Package], matches: Iterable[Match] | None
) -> tuple[PackageProvenance, ...]:
    """Why these packages are there. `matches` are those of the whole inventory, if there are advisories."""
    relations = inventory.relations or ()
    found = list(matches) if matches is not None else None
    ways = (*relations, *_ownerships(inventory.packages))
    starts = tops((package.purl for package in inventory.packages), ways)
    is_told = inventory.relations is not None
    return tuple(
        PackageProvenance(
            package=package,
            places=tuple(place_of(inventory.source, place.path, place.layer) for place in package.locations),
            chain=chain(package.purl, starts, ways),
            needed_by=tuple(relation for relation in relations if relation.dependency == package.purl)
            if is_told
            else None,
            needs=tuple(relation for relation in relations if relation.dependent == package.purl) if is_told else None,
            matches=None if found is None else tuple(match for match in found if match.package.purl == package.purl),
        )
        for package in packages
    )


def _ownerships(packages: Iterable[Package]) -> Iterator[Relation]:
    """A package of the system brought the packages whose files it owns: chains go that way too."""
    for package in packages:
        if package.owned_by and package.purl and package.owned_by != package.purl:
            yield Relation(package.owned_by, package.purl)


def file_provenance(inventory: Inventory, path: str) -> FileProvenance | None:
    """Why a file is there; None where no layer has one of this path."""
    records: dict[str, list[FileRecord]] = {}
    for record in inventory.files or ():
        records.setdefault(record.path, []).append(record)
    real = _real(path, records)
    found = [record for record in records.get(real, ()) if record.layer >= 0 or record.state == "missing"]
    if not found:
        return None
    versions = (
        FileVersion(file=record, place=place_of(inventory.source, record.path, record.layer))
        for record in sorted(found, key=lambda record: record.layer)
    )
    names = {real, path}
    packages = {
        package.purl
        for package in inventory.packages
        for place in package.locations
        if place.path in names or place.path.partition(":")[0] in names
    }
    return FileProvenance(path=path, real=real, versions=tuple(versions), packages=tuple(sorted(packages - {""})))


def place_of(source: InventorySource, path: str, layer: int) -> Place:
    """A path with what is known of its layer."""
    if not 0 <= layer < len(source.layers):
        return Place(path=path, layer=layer)
    brought = source.layers[layer]
    digest = brought.digest or brought.diff_id
    return Place(path=path, layer=layer, digest=digest, instruction=brought.created_by)


def _real(path: str, records: Mapping[str, Sequence[FileRecord]]) -> str:
    """Where the links in a path lead, the last one too. A circle leads nowhere: the path stays as it is."""
    todo = [part for part in path.split("/") if part not in ("", ".")][::-1]
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            del done[-1:]
            continue
        here = "/" + "/".join((*done, part))
        link = next(
            (entry.link for entry in records.get(here, ()) if entry.type == "symlink" and entry.state != "ghost"), ""
        )
        if not link:
            done.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            return path
        done = [] if link.startswith("/") else done
        todo += [part for part in link.split("/") if part not in ("", ".")][::-1]
    return "/" + "/".join(done)
