"""Hullmark's own inventories, `hullmark-inventory/1`."""

from __future__ import annotations

import msgspec

from hullmark.catalog.sbom.document import (
    Document,
    Edge,
    Marks,
    Problems,
    SbomFormat,
    SbomPackage,
    decode_json,
    decoded_parts,
    label_of,
)
from hullmark.model.correction import CORRECTED
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, FileRecord, InventorySource, UnexplainedPrograms
from hullmark.model.jar import IDENTIFIED
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.relation import WrittenRelation

SCHEMA = "hullmark-inventory/1"
_IN_A_REGISTRY = ("registry", "docker", "podman")


class _Facts(msgspec.Struct, frozen=True):
    config: ImageConfig | None = None


class _Package(Package, frozen=True, kw_only=True):
    corrected_by: str = ""
    identified_by: str = ""


class _Document(msgspec.Struct, kw_only=True):
    source: InventorySource
    distro: Distro | None = None
    packages: list[msgspec.Raw]
    problems: tuple[Problem, ...] = ()
    files: tuple[FileRecord, ...] | None = None
    config: ImageConfig | None = None
    policy_facts: _Facts = _Facts()
    unexplained: UnexplainedPrograms | None = None
    relationships: list[msgspec.Raw] | None = None


def read(body: bytes) -> Document:
    """What the document tells. Raises Unreadable."""
    found, problems = decode_json(body, _Document), Problems()
    problems.keep(found.problems)
    document = Document(
        source=_source(found.source),
        problems=problems,
        distro=found.distro,
        config=found.config or found.policy_facts.config,
        files=found.files,
        unexplained=found.unexplained,
    )
    by_purl: dict[str, SbomPackage] = {}
    for number, package in decoded_parts(found.packages, _Package, "package", problems):
        label = label_of("package", number, package.name, package.version)
        fields = msgspec.structs.asdict(package)
        said = {CORRECTED: fields.pop("corrected_by"), IDENTIFIED: fields.pop("identified_by")}
        fields["notes"] = package.notes | {note: text for note, text in said.items() if text}
        entry = SbomPackage(label=label, is_exact=True, **fields)
        document.packages.append(entry)
        by_purl.setdefault(package.purl, entry)
    if found.relationships is not None:
        relations = decoded_parts(found.relationships, WrittenRelation, "relationship", problems)
        document.add_edges(
            Edge(by_purl[relation.from_], by_purl[relation.to], relation.kind)
            for _, relation in relations
            if relation.from_ in by_purl and relation.to in by_purl
        )
    return document


def _source(source: InventorySource) -> InventorySource:
    """The source, named as the user named it."""
    named = source.reference.removeprefix(f"{source.kind}:") if source.kind in _IN_A_REGISTRY else ""
    tags = tuple(sorted({*source.tags, named} - {""}))
    return msgspec.structs.replace(source, kind="sbom", tags=tags)


def _recognises(marks: Marks) -> bool:
    return bool(marks.schema == SCHEMA)


FORMAT = SbomFormat(name="json", recognises=_recognises, read=read)
