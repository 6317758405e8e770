"""Hullmark's own JSON for inventories, `hullmark-inventory/1`: every key always present, sorted, equal bytes for equal images.

The structs below are the contract. Their fields are in alphabetical order, the order they are written in.
"""

from __future__ import annotations

import msgspec

from hullmark.model.correction import CORRECTED
from hullmark.model.inventory import FileRecord, Inventory, InventoryLayer, InventorySource, UnexplainedPrograms
from hullmark.model.jar import IDENTIFIED
from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.licences.conclusions import conclusion
from hullmark.model.licences.expressions import expression_of
from hullmark.model.package import Package, SourcePackage
from hullmark.model.relation import Relation, WrittenRelation
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-inventory/1"


class LayerJson(msgspec.Struct, frozen=True, gc=False):
    """A layer: the index in the list is what `layer` means elsewhere. `size` in bytes, -1 if unknown."""

    created_by: str
    diff_id: str
    digest: str
    size: int


class SourceJson(msgspec.Struct, frozen=True):
    """What was inspected."""

    config_digest: str
    digest: str
    kind: str
    layers: list[LayerJson]
    platform: str
    reference: str


class DistroJson(msgspec.Struct, frozen=True, gc=False):
    """The operating system, from os-release(5)."""

    codename: str
    id: str
    pretty_name: str
    version_id: str


class LocationJson(msgspec.Struct, frozen=True, gc=False):
    """Where a package's record is."""

    layer: int
    path: str


class LicenceEvidenceJson(msgspec.Struct, frozen=True, gc=False):
    """Where a licence was told: `declared` in a `field` of the record at `path`, or `found` by the text there, of which `share` is how much
    of the licence's own text it has, in per cent (0: not known)."""

    field: str
    first_line: int
    kind: str
    last_line: int
    layer: int
    license: str
    path: str
    share: int


class PackageJson(msgspec.Struct, frozen=True, kw_only=True):
    """One package. `type` is the type of its package URL, `license_expression` what its licences are in SPDX's terms ("": not certain),
    `license_concluded` what the texts of its files let conclude then, `license_evidence` where each was told. `corrected_by` and
    `identified_by` are there only where a person's correction, or an index of archives, made it what it is."""

    arch: str
    cataloger: str
    corrected_by: str | msgspec.UnsetType = msgspec.UNSET
    identified_by: str | msgspec.UnsetType = msgspec.UNSET
    license_concluded: str
    license_evidence: list[LicenceEvidenceJson]
    license_expression: str
    licenses: tuple[str, ...]
    locations: list[LocationJson]
    name: str
    owned_by: str | None
    purl: str
    source: SourcePackage | None
    type: str
    version: str


class FileJson(msgspec.Struct, frozen=True, gc=False):
    """One file; `mode` holds the permission bits as a number."""

    gid: int
    layer: int
    link: str
    mode: int
    owner: str | None
    path: str
    sha256: str
    size: int
    state: str
    type: str
    uid: int


class UnexplainedFileJson(msgspec.Struct, frozen=True, gc=False):
    """An executable that nothing explains; `size` in bytes."""

    layer: int
    path: str
    size: int


class UnexplainedJson(msgspec.Struct, frozen=True):
    """Executables that no package owns and no cataloger explains: their size together in bytes, their number, the largest of them."""

    bytes: int
    executables: int
    largest: list[UnexplainedFileJson]


class InventoryJson(msgspec.Struct, frozen=True):
    """The whole document; `files` is present only if files were requested. `relationships` is null where nobody asked."""

    distro: DistroJson | None
    files: list[FileJson] | msgspec.UnsetType
    packages: list[PackageJson]
    problems: list[ProblemJson]
    relationships: list[WrittenRelation] | None
    schema: str
    source: SourceJson
    tool: ToolJson
    unexplained: UnexplainedJson | None


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The document as one line."""
    return encode(document(inventory, context))


def document(inventory: Inventory, context: RenderContext) -> InventoryJson:
    """The document, not yet written."""
    distro = inventory.distro
    return InventoryJson(
        distro=DistroJson(distro.codename, distro.id, distro.pretty_name, distro.version_id) if distro else None,
        files=msgspec.UNSET if inventory.files is None else [file_json(record) for record in inventory.files],
        packages=[_package(package) for package in inventory.packages],
        problems=problems(inventory.problems),
        relationships=None
        if inventory.relations is None
        else [_relation(relation) for relation in inventory.relations],
        schema=SCHEMA,
        source=source_json(inventory.source),
        tool=ToolJson("hullmark", context.tool_version),
        unexplained=_build_unexplained_programs(inventory.unexplained),
    )


def _build_unexplained_programs(found: UnexplainedPrograms | None) -> UnexplainedJson | None:
    if found is None:
        return None
    largest = [UnexplainedFileJson(file.layer, file.path, file.size) for file in found.largest]
    return UnexplainedJson(found.bytes, found.executables, largest)


def _relation(relation: Relation) -> WrittenRelation:
    return WrittenRelation(relation.dependent, relation.kind, relation.dependency)


def source_json(source: InventorySource) -> SourceJson:
    """What was inspected, as all of our documents say it."""
    return SourceJson(
        config_digest=source.config_digest,
        digest=source.digest,
        kind=source.kind,
        layers=[_layer(layer) for layer in source.layers],
        platform=source.platform,
        reference=source.reference,
    )


def _layer(layer: InventoryLayer) -> LayerJson:
    return LayerJson(layer.created_by, layer.diff_id, layer.digest, layer.size)


def _package(package: Package) -> PackageJson:
    return PackageJson(
        arch=package.arch,
        cataloger=package.cataloger,
        license_concluded=conclusion(package),
        license_evidence=[licence_evidence_json(evidence) for evidence in package.license_evidence],
        corrected_by=package.notes.get(CORRECTED, msgspec.UNSET),
        identified_by=package.notes.get(IDENTIFIED, msgspec.UNSET),
        license_expression=expression_of(package.licenses),
        licenses=package.licenses,
        locations=[LocationJson(location.layer, location.path) for location in package.locations],
        name=package.name,
        owned_by=package.owned_by,
        purl=package.purl,
        source=package.source,
        type=package.type,
        version=package.version,
    )


def licence_evidence_json(evidence: LicenceEvidence) -> LicenceEvidenceJson:
    """Where a licence was told, as all of our documents say it."""
    return LicenceEvidenceJson(
        evidence.field,
        evidence.first_line,
        evidence.kind,
        evidence.last_line,
        evidence.layer,
        evidence.license,
        evidence.path,
        evidence.share,
    )


def file_json(record: FileRecord) -> FileJson:
    """A file, as all of our documents say it."""
    # By position: an image has a hundred thousand files, and keywords would double the time.
    return FileJson(
        record.gid,
        record.layer,
        record.link,
        record.mode,
        record.owner,
        record.path,
        record.sha256,
        record.size,
        record.state,
        record.type,
        record.uid,
    )


FORMAT = Format(
    kind="inventory",
    name="json",
    media_type="application/vnd.hullmark.inventory.v1+json",
    file_name="inventory.json",
    render=render,
    tells_relations=True,
    tells_licences=True,
)
