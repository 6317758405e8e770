"""Why something is in an image as JSON, `hullmark-provenance/1`: every key always there, sorted."""

from __future__ import annotations

import msgspec

from hullmark.model.correction import CORRECTED
from hullmark.model.jar import IDENTIFIED
from hullmark.model.licences.conclusions import conclusion
from hullmark.model.licences.expressions import expression_of
from hullmark.model.package import Package
from hullmark.model.provenance import FileProvenance, PackageProvenance, Place, Provenance
from hullmark.model.relation import Relation
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import (
    FileJson,
    LicenceEvidenceJson,
    SourceJson,
    file_json,
    licence_evidence_json,
    source_json,
)
from hullmark.report.matches_json import MatchJson, match_json
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-provenance/1"


class PlaceJson(msgspec.Struct, frozen=True, gc=False):
    """Where it is, and what brought it there."""

    digest: str
    instruction: str
    layer: int
    path: str


class NeedJson(msgspec.Struct, frozen=True, gc=False):
    """Another package, and how much the one needs the other: depends-on, development or optional."""

    kind: str
    purl: str


class PackageJson(msgspec.Struct, frozen=True, kw_only=True):
    """A package. `chain` begins with a package that no other one needs and ends with this one. `needed_by` and `needs` are null where the
    source does not tell, `matches` where there are no advisories; `corrected_by` and `identified_by` are
    there only where a correction, or an index of archives, made it what it is; the licences are as in an inventory."""

    chain: tuple[str, ...]
    corrected_by: str | msgspec.UnsetType = msgspec.UNSET
    identified_by: str | msgspec.UnsetType = msgspec.UNSET
    license_concluded: str
    license_evidence: list[LicenceEvidenceJson]
    license_expression: str
    licenses: tuple[str, ...]
    matches: list[MatchJson] | None
    name: str
    needed_by: list[NeedJson] | None
    needs: list[NeedJson] | None
    owned_by: str | None
    places: list[PlaceJson]
    purl: str
    type: str
    version: str


class VersionJson(msgspec.Struct, frozen=True):
    """A file as one layer brought it."""

    file: FileJson
    place: PlaceJson


class FileProvenanceJson(msgspec.Struct, frozen=True):
    """A file: where its links lead, what each layer brought there, and the packages whose record it is."""

    packages: tuple[str, ...]
    path: str
    real: str
    versions: list[VersionJson]


class ProvenanceJson(msgspec.Struct, frozen=True):
    """The whole document; `file` is null where a package was asked for."""

    file: FileProvenanceJson | None
    packages: list[PackageJson]
    problems: list[ProblemJson]
    schema: str
    source: SourceJson
    subject: str
    tool: ToolJson


def render(provenance: Provenance, context: RenderContext) -> bytes:
    """The document as one line."""
    document = ProvenanceJson(
        file=_file(provenance.file) if provenance.file is not None else None,
        packages=[_package(package, package.package) for package in provenance.packages],
        problems=problems(provenance.problems),
        schema=SCHEMA,
        source=source_json(provenance.source),
        subject=provenance.subject,
        tool=ToolJson("hullmark", context.tool_version),
    )
    return encode(document)


def _package(found: PackageProvenance, package: Package) -> PackageJson:
    return PackageJson(
        chain=found.chain,
        corrected_by=package.notes.get(CORRECTED, msgspec.UNSET),
        identified_by=package.notes.get(IDENTIFIED, msgspec.UNSET),
        license_concluded=conclusion(package),
        license_evidence=[licence_evidence_json(evidence) for evidence in package.license_evidence],
        license_expression=expression_of(package.licenses),
        licenses=package.licenses,
        matches=None if found.matches is None else [match_json(match) for match in found.matches],
        name=package.name,
        needed_by=_needs(found.needed_by, is_dependent=True),
        needs=_needs(found.needs, is_dependent=False),
        owned_by=package.owned_by,
        places=[_place(place) for place in found.places],
        purl=package.purl,
        type=package.type,
        version=package.version,
    )


def _needs(relations: tuple[Relation, ...] | None, *, is_dependent: bool) -> list[NeedJson] | None:
    if relations is None:
        return None
    return [
        NeedJson(relation.kind, relation.dependent if is_dependent else relation.dependency) for relation in relations
    ]


def _place(place: Place) -> PlaceJson:
    return PlaceJson(place.digest, place.instruction, place.layer, place.path)


def _file(found: FileProvenance) -> FileProvenanceJson:
    versions = [VersionJson(file_json(version.file), _place(version.place)) for version in found.versions]
    return FileProvenanceJson(found.packages, found.path, found.real, versions)


FORMAT = Format(
    kind="provenance",
    name="json",
    media_type="application/vnd.hullmark.provenance.v1+json",
    file_name="provenance.json",
    render=render,
)
