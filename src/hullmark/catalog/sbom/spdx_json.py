"""SPDX 2.2 and 2.3 as JSON."""

from __future__ import annotations

import msgspec

from hullmark.catalog.sbom.document import Document, Marks, Problems, SbomFormat, decode_json, decoded_parts
from hullmark.catalog.sbom.spdx import Relation, Spdx, SpdxPackage, document_of


class _Creation(msgspec.Struct):
    created: str | None = None
    creators: list[str] | None = None


class _ExtractedLicense(msgspec.Struct, gc=False, rename="camel"):
    license_id: str = ""
    extracted_text: str | None = None
    name: str | None = None


class _Document(msgspec.Struct, rename="camel"):
    name: str | None = None
    version: str | None = msgspec.field(name="spdxVersion", default=None)
    namespace: str | None = msgspec.field(name="documentNamespace", default=None)
    creation_info: _Creation | None = None
    document_describes: list[str] | None = None
    packages: list[msgspec.Raw] | None = None
    relationships: list[msgspec.Raw] | None = None
    extracted: list[msgspec.Raw] | None = msgspec.field(name="hasExtractedLicensingInfos", default=None)


def read(body: bytes) -> Document:
    """What the document tells. Raises Unreadable."""
    found, problems = decode_json(body, _Document), Problems()
    texts = {
        license.license_id: license.extracted_text or license.name or ""
        for _, license in decoded_parts(found.extracted or (), _ExtractedLicense, "extracted licence", problems)
    }
    creation = found.creation_info or _Creation()
    spdx = Spdx(
        name=found.name or "",
        version=(found.version or "").replace("SPDX-", "SPDX "),
        namespace=found.namespace or "",
        created=creation.created or "",
        creators=creation.creators or [],
        described=found.document_describes or [],
        packages=decoded_parts(found.packages or (), SpdxPackage, "package", problems),
        relations=[
            relation for _, relation in decoded_parts(found.relationships or (), Relation, "relationship", problems)
        ],
        texts=texts,
    )
    return document_of(spdx, problems)


def _recognises(marks: Marks) -> bool:
    return isinstance(marks.spdx_version, str) and marks.spdx_version.startswith("SPDX-2")


FORMAT = SbomFormat(name="spdx-json", recognises=_recognises, read=read)
