"""What C and C++ projects name: conan.lock (versions 1 and 2) and conanfile.txt (Conan's documentation)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, has_text, packages
from hullmark.catalog.documents import JSON_LIMIT, Table, json_object, text_of
from hullmark.catalog.languages.conan import collector, gather, normalise_reference, section
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
    nodes = nodes if isinstance(nodes, dict) else {}
    for node in nodes.values():
        _gather_node(node, nodes, gathering)
    required = found.get("requires", [])
    for reference in required if isinstance(required, list) else ():
        gather(reference, gathering)
    return gathering.finish(report)


def _gather_node(node: Any, nodes: Table, gathering: PackageCollector) -> None:
    reference = node.get("ref") if isinstance(node, dict) else None
    # The consumer itself may be a bare path or name.
    is_own = not isinstance(reference, str) or "/" not in reference or reference.startswith(("conanfile", ".", "/"))
    if not is_own and node.get("context", "host") == "host":
        wanted = node.get("requires")
        others = (
            nodes.get(number) for number in (wanted if isinstance(wanted, list) else ()) if isinstance(number, str)
        )
        gather(
            reference,
            gathering,
            filter(None, (normalise_reference(need.get("ref")) for need in others if isinstance(need, dict))),
        )


def extract_file(path: str, body: memoryview, report: Report) -> Listing | None:
    """What a conanfile.txt requires."""
    gathering = collector()
    text = text_of(body)
    for line in section(text, "requires"):
        gather(line, gathering)
    if "[" not in text and has_text(text, "#"):
        report("it has no section, as [requires] is one")
    return gathering.finish(report)


LOCK: Read[Listing] = Read(
    name="conan-lock", fact=Listing, extract=extract_lock, globs=("**/conan.lock",), limit=JSON_LIMIT
)
FILE: Read[Listing] = Read(
    name="conan-file", fact=Listing, extract=extract_file, globs=("**/conanfile.txt",), limit=MIB
)
CONAN = Ecosystem(type="conan", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What lock files and conanfiles name."""
    return packages(view, (LOCK, FILE), CONAN)


CATALOGER = Cataloger(name=_NAME, types=("conan",), reads=(LOCK, FILE), assemble=assemble)
