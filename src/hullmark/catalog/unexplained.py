"""Executables that no package owns and no cataloger explains: how many there are, how many bytes, and the largest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest

from hullmark.catalog.binaries import brought
from hullmark.catalog.binaries.programs import PROGRAMS
from hullmark.model.inventory import Unexplained, UnexplainedFile
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.package_files import PackageFiles
from hullmark.rootfs.entry import text
from hullmark.rootfs.tree import Node, Tree
from hullmark.rootfs.tree_view import TreeView

_MAY_RUN = 0o111
_LARGEST = Limit(20, "unexplained executables that are named (all are counted)", "shortened")
_ASSEMBLIES = ".deps.json"

Executables = dict[bytes, tuple[Node, str]]
"""Path → node and format of each file that can be run."""


def executables(tree: Tree, view: TreeView) -> Executables:
    """What can be run in the finished image, each file once: programs and libraries whatever their mode, scripts that may be run."""
    found: Executables = {}
    for fact in view.facts(PROGRAMS):
        path = fact.path.encode("utf-8", "surrogateescape")
        node = tree.nodes.get(path)
        if node is None or (node.entry.kind == "h" and node.entry.link in tree.nodes):
            continue
        if fact.fact.format != "script" or node.entry.mode & _MAY_RUN:
            found[path] = (node, fact.fact.format)
    return found


def unexplained(
    found: Executables,
    owners: Mapping[bytes, str],
    packages: Iterable[Package],
    claims: Callable[[frozenset[str]], Iterable[bytes]],
) -> Unexplained:
    """What is left of the executables. `owners`: the system's packages by real path; `claims(names)`: real paths, with these last
    segments, that other packages' records list."""
    left = {path: each for path, each in found.items() if path not in owners}
    if left:
        left = dict(_unaccounted(left, tuple(packages)))
    if left:
        for path in claims(frozenset(text(path[path.rfind(b"/") + 1 :]) for path in left)):
            left.pop(path, None)
    largest = nsmallest(_LARGEST, left, key=lambda path: (-left[path][0].entry.size, path))
    return Unexplained(
        executables=len(left),
        bytes=sum(node.entry.size for node, _ in left.values()),
        largest=tuple(
            UnexplainedFile(path="/" + text(path), size=left[path][0].entry.size, layer=left[path][0].layer)
            for path in largest
        ),
    )


def _unaccounted(left: Executables, packages: tuple[Package, ...]) -> Iterator[tuple[bytes, tuple[Node, str]]]:
    """The executables of which no package says by its place that they are its own."""
    files = PackageFiles(packages)
    beside = {place for package in packages for place in brought(package)}
    places = {location.path for package in packages for location in package.locations}
    assemblies = {place.rpartition("/")[0] for place in places if place.endswith(_ASSEMBLIES)}
    for path, (node, format) in left.items():
        name = "/" + text(path)
        # Package databases have scripts of their own, and never programs.
        is_held = files.holds(name) if format == "script" else files.of_package(name)
        if not is_held and not _is_below(name[1:], beside) and not _is_assembly(name, format, assemblies):
            yield path, (node, format)


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
