"""CycloneDX as JSON."""

from __future__ import annotations

import msgspec

from hullmark.catalog.sbom.cyclonedx import document_of
from hullmark.catalog.sbom.cyclonedx_parts import Metadata
from hullmark.catalog.sbom.document import Document, Marks, Problems, SbomFormat, clip_text, decode_json


class _Composition(msgspec.Struct):
    aggregate: str = ""


class _Bom(msgspec.Struct):
    version: str | None = msgspec.field(name="specVersion", default=None)
    serial: str | None = msgspec.field(name="serialNumber", default=None)
    metadata: Metadata | None = None
    components: list[msgspec.Raw] | None = None
    compositions: list[_Composition] | None = None
    dependencies: list[msgspec.Raw] | None = None


def read(body: bytes) -> Document:
    """What the document tells. Raises Unreadable."""
    bom = decode_json(body, _Bom)
    aggregates = [composition.aggregate for composition in bom.compositions or ()]
    metadata = bom.metadata or Metadata()
    document = document_of(metadata, bom.components or (), Problems(), aggregates, bom.dependencies)
    document.statements.format = f"CycloneDX {clip_text(bom.version or '')}".rstrip()
    document.statements.uri = clip_text(bom.serial or "")
    return document


def _recognises(marks: Marks) -> bool:
    return bool(marks.bom_format == "CycloneDX")


FORMAT = SbomFormat(name="cyclonedx-json", recognises=_recognises, read=read)
