"""What C and C++ projects name: conan.lock (versions 1 and 2) and conanfile.txt (Conan's documentation)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import JSON_LIMIT, json_object, text_of
from hullmark.catalog.languages.conan import collector, gather, section
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "conan-lock"


def extract_lock(path: str, body: memoryview, report: Report) -> Listing | None:
    """The references of a lock file: nodes of a graph, or lists. What is only needed to build is left out."""
    found = json_object(body, report)
    if found is None:
        return None
    gathering = collector()
    graph = found.get("graph_lock")
    nodes = graph.get("nodes") if isinstance(graph, dict) else None
    for node in nodes.values() if isinstance(nodes, dict) else ():
        _gather_node(node, gathering)
    required = found.get("requires", [])
    for reference in required if isinstance(required, list) else ():
        gather(reference, gathering)
    return gathering.finish(report)


def _gather_node(node: Any, gathering: PackageCollector) -> None:
    reference = node.get("ref") if isinstance(node, dict) else None
    # The consumer itself may be a bare path or name.
    is_own = not isinstance(reference, str) or "/" not in reference or reference.startswith(("conanfile", ".", "/"))
    if not is_own and node.get("context", "host") == "host":
        gather(reference, gathering)


def extract_file(path: str, body: memoryview, report: Report) -> Listing | None:
    """What a conanfile.txt requires."""
    gathering = collector()
    for line in section(text_of(body), "requires"):
        gather(line, gathering)
    return gathering.finish(report)


LOCK: Read[Listing] = Read(
    name="conan-lock", fact=Listing, extract=extract_lock, globs=("**/conan.lock",), limit=JSON_LIMIT
)
FILE: Read[Listing] = Read(
    name="conan-file", fact=Listing, extract=extract_file, globs=("**/conanfile.txt",), limit=MIB
)
_CONAN = Ecosystem(type="conan", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What lock files and conanfiles name."""
    return packages(view, (LOCK, FILE), _CONAN)


CATALOGER = Cataloger(name=_NAME, types=("conan",), reads=(LOCK, FILE), assemble=assemble)
