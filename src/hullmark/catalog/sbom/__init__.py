"""Bills of materials → inventories: one module a format. To add one, write a module with a constant `FORMAT` and name it below."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping

import msgspec

from hullmark.catalog.sbom import (
    cyclonedx_json,
    cyclonedx_xml,
    hullmark_json,
    spdx3_json,
    spdx_json,
    spdx_tag_value,
    syft_json,
    trivy_json,
)
from hullmark.catalog.sbom.document import MAX_BYTES, Document, Edge, Marks, SbomFormat, Unreadable, decode_json
from hullmark.catalog.sbom.packages import by_owner, merge_packages, package_of, with_programs
from hullmark.catalog.sbom.systems import distro_of
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.package import Package
from hullmark.model.relation import Relation

FORMATS: tuple[SbomFormat, ...] = (
    hullmark_json.FORMAT,
    cyclonedx_json.FORMAT,
    spdx_json.FORMAT,
    spdx3_json.FORMAT,
    syft_json.FORMAT,
    trivy_json.FORMAT,
    cyclonedx_xml.FORMAT,
    spdx_tag_value.FORMAT,
)
"""Every format that can be read. The first that recognises a document reads it."""

_HEAD = 65536
_OTHER_ENCODINGS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read_sbom(body: bytes, name: str = "") -> Inventory:
    """The inventory in a document. `name` is used for the inspected thing where the document gives none.

    Its `source.kind` is `sbom`. Unreadable parts are among the problems. Raises HullmarkError if it has none of FORMATS,
    is broken as a whole, or is too large.
    """
    return _inventory(read_document(body, name), name)


def read_document(body: bytes, name: str = "") -> Document:
    """What a document says, before packages are made of it. `name` is what errors call it. Raises HullmarkError as `read_sbom` does."""
    if len(body) > MAX_BYTES:
        raise Unreadable(f"it is larger than {MAX_BYTES >> 20} MiB")
    body = _in_utf8(body)
    format = detect_format(body)
    if format is None:
        names = ", ".join(format.name for format in FORMATS)
        raise HullmarkError(
            f"{name or 'the document'} is not an SBOM that can be read", advice=f"these can be read: {names}"
        )
    return format.read(body)


def detect_format(body: bytes) -> SbomFormat | None:
    """The format of a document in UTF-8, by its content; None if it is none of FORMATS."""
    marks = _marks(body)
    return next((format for format in FORMATS if format.recognises(marks)), None)


def _inventory(document: Document, name: str) -> Inventory:
    problems = document.problems
    found: list[tuple[Package, str]] = []
    purls: dict[int, str] = {}
    for entry in document.packages:
        package = package_of(entry, problems.add)
        if package is not None:
            found += [(part, entry.main) for part in by_owner(package, entry.owners)]
            purls[id(entry)] = package.purl
    packages = with_programs([package for package, _ in found], [main for _, main in found])
    distro = distro_of(document.distro, packages, problems.add)
    source = document.source
    return Inventory(
        source=source if source.reference else msgspec.structs.replace(source, reference=name),
        distro=distro,
        packages=merge_packages(packages),
        problems=problems.all(),
        config=document.config,
        files=document.files,
        unexplained=document.unexplained,
        relations=None if document.edges is None else _relations(document.edges, purls),
    )


def _relations(edges: Iterable[Edge], purls: Mapping[int, str]) -> tuple[Relation, ...]:
    """The edges whose ends are packages that were read, by their package URLs; of two kinds between the same the stronger."""
    found: dict[tuple[str, str], Relation] = {}
    for dependent, dependency, kind in edges:
        ends = purls.get(id(dependent), ""), purls.get(id(dependency), "")
        if all(ends) and ends[0] != ends[1]:
            relation = Relation(*ends, kind)
            found[ends] = min(relation, found.get(ends, relation))
    return tuple(sorted(found.values()))


def _marks(body: bytes) -> Marks:
    head = body[:_HEAD]
    if not head.lstrip().startswith(b"{"):
        return Marks(head=head)
    return msgspec.structs.replace(decode_json(body, Marks), head=head)


def _in_utf8(body: bytes) -> bytes:
    """The document without a mark of its encoding. PowerShell writes what it redirects in UTF-16."""
    for mark, encoding in _OTHER_ENCODINGS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace").encode()
    return body.removeprefix(codecs.BOM_UTF8)
