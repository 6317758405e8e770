"""Executables that no package owns and no cataloger explains: how many there are, how many bytes, and the largest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest

import msgspec

from hullmark.catalog.binaries import list_companion_paths
from hullmark.catalog.binaries.programs import PROGRAMS
from hullmark.model.inventory import UnexplainedFile, UnexplainedPrograms
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.package_files import PackageFiles
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView

_MAY_RUN = 0o111
_LARGEST = Limit(20, "unexplained executables that are named (all are counted)", "shortened")
_ASSEMBLIES = ".deps.json"


class Executable(msgspec.Struct, frozen=True):
    """A file that can be run: its size in bytes, the layer that brought it, its format, and all paths that it has (hard links)."""

    size: int
    layer: int
    format: str
    names: tuple[bytes, ...]


def executables(tree: Tree, records: Sequence[LayerRecord], view: TreeView) -> list[Executable]:
    """What can be run in the finished image, each file once: programs and libraries whatever their mode, scripts that may be run."""
    linked = _links(tree, records)
    found: dict[tuple[int, int], Executable] = {}
    for fact in view.facts(PROGRAMS):
        path = fact.path.encode("utf-8", "surrogateescape")
        node = tree.nodes.get(path)
        if (
            node is None
            or fact.layer != node.layer
            or (fact.fact.format == "script" and not node.entry.mode & _MAY_RUN)
        ):
            continue
        rank = tree.links.get(node.rank, node.rank)
        # A hard link's own entry has no size.
        size = records[rank[0]].entries[rank[1]].size
        names = dict.fromkeys((path, *linked.get(rank, ())))
        found.setdefault(rank, Executable(size, node.layer, fact.fact.format, tuple(names)))
    return list(found.values())


def _links(tree: Tree, records: Sequence[LayerRecord]) -> dict[tuple[int, int], list[bytes]]:
    """Layer and position of a file → the visible hard links to it."""
    found: dict[tuple[int, int], list[bytes]] = {}
    for link, target in tree.links.items():
        path = tree.moved.get(link) or records[link[0]].entries[link[1]].path
        node = tree.nodes.get(path)
        if node is not None and node.rank == link:
            found.setdefault(target, []).append(path)
    return found


def find_unexplained_programs(
    found: Iterable[Executable],
    owners: Mapping[bytes, str],
    packages: Iterable[Package],
    claims: Callable[[frozenset[str]], Iterable[bytes]],
) -> UnexplainedPrograms:
    """What is left of the executables; one name that is explained is enough. `owners`: the system's packages by real path;
    `claims(names)`: real paths, with these last segments, that other packages' records list."""
    left = [executable for executable in found if owners.keys().isdisjoint(executable.names)]
    if left:
        left = list(_find_unowned_programs(left, tuple(packages)))
    if left:
        names = frozenset(text(path[path.rfind(b"/") + 1 :]) for executable in left for path in executable.names)
        claimed = frozenset(claims(names))
        left = [executable for executable in left if claimed.isdisjoint(executable.names)]
    largest = nsmallest(_LARGEST, left, key=lambda executable: (-executable.size, executable.names))
    return UnexplainedPrograms(
        executables=len(left),
        bytes=sum(executable.size for executable in left),
        largest=tuple(
            UnexplainedFile(path="/" + text(executable.names[0]), size=executable.size, layer=executable.layer)
            for executable in largest
        ),
    )


def _find_unowned_programs(left: Iterable[Executable], packages: tuple[Package, ...]) -> Iterator[Executable]:
    """The executables that no package claims by where it lies."""
    files = PackageFiles(packages)
    beside = {place for package in packages for place in list_companion_paths(package)}
    places = {location.path for package in packages for location in package.locations}
    assemblies = {place.rpartition("/")[0] for place in places if place.endswith(_ASSEMBLIES)}
    for executable in left:
        # Package databases have scripts of their own, and never programs.
        is_held = files.holds if executable.format == "script" else files.of_package
        names = ["/" + text(path) for path in executable.names]
        if not any(
            is_held(name) or _is_below(name[1:], beside) or _is_assembly(name, executable.format, assemblies)
            for name in names
        ):
            yield executable


def _is_below(path: str, places: set[str]) -> bool:
    """Whether a path is one of the places, or in one of them."""
    while path and places:
        if path in places:
            return True
        path = path.rpartition("/")[0]
    return False


def _is_assembly(path: str, format: str, folders: set[str]) -> bool:
    """Whether a .NET application's list stands beside the file or, for assemblies, above it."""
    folder = path.rpartition("/")[0]
    return folder in folders or (format == "pe" and _is_below(folder, folders))
