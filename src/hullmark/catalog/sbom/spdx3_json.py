"""SPDX 3 as JSON-LD: one graph of elements (https://spdx.github.io/spdx-spec/v3.0.1/), read as the packages of SPDX 2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from hullmark.catalog.sbom.document import Document, Marks, Problems, SbomFormat, decode_json, decoded_parts
from hullmark.catalog.sbom.spdx import Relation, Spdx, SpdxPackage, document_of

_PURPOSES = {"operatingSystem": "OPERATING-SYSTEM", "container": "CONTAINER", "archive": "ARCHIVE", "source": "SOURCE"}
_DECLARED, _CONCLUDED = "hasDeclaredLicense", "hasConcludedLicense"
_RELATIONS = {"contains": "CONTAINS", "describes": "DESCRIBES", "dependsOn": "DEPENDS_ON"}
_REVERSED = {"hasOptionalDependency": "OPTIONAL_DEPENDENCY_OF", "hasProvidedDependency": "PROVIDED_DEPENDENCY_OF"}
"""Relationships whose two ends SPDX 2 has the other way round."""
_OF_DEVELOPMENT = (("dependsOn", "development"), ("dependsOn", "build"), ("dependsOn", "test"))
"""Relationships, by their scope, that only who builds or changes something needs."""


class _Identifier(msgspec.Struct, gc=False, rename="camel"):
    external_identifier_type: str = ""
    identifier: str = ""


class _Hash(msgspec.Struct, gc=False, rename="camel"):
    algorithm: str = ""
    hash_value: str = ""


class _NamedEntry(msgspec.Struct, gc=False):
    key: str = ""
    value: str = ""


class _Element(msgspec.Struct, kw_only=True):
    type: str = ""
    id: str = msgspec.field(name="spdxId", default="")
    name: str | None = None
    description: str | None = None
    comment: str | None = None
    version: str | None = msgspec.field(name="software_packageVersion", default=None)
    purl: str | None = msgspec.field(name="software_packageUrl", default=None)
    purpose: str | None = msgspec.field(name="software_primaryPurpose", default=None)
    source_info: str | None = msgspec.field(name="software_sourceInfo", default=None)
    identifiers: list[_Identifier] | None = msgspec.field(name="externalIdentifier", default=None)
    hashes: list[_Hash] | None = msgspec.field(name="verifiedUsing", default=None)
    supplied_by: str | None = msgspec.field(name="suppliedBy", default=None)
    root: list[str] | None = msgspec.field(name="rootElement", default=None)
    created: str | None = None
    created_by: list[str] | None = msgspec.field(name="createdBy", default=None)
    spec_version: str | None = msgspec.field(name="specVersion", default=None)
    origin: str | None = msgspec.field(name="from", default=None)
    to: list[str] | None = None
    relationship: str | None = msgspec.field(name="relationshipType", default=None)
    scope: str | None = None
    expression: str | None = msgspec.field(name="simplelicensing_licenseExpression", default=None)
    own_names: list[_NamedEntry] | None = msgspec.field(name="simplelicensing_customIdToUri", default=None)
    text: str | None = msgspec.field(name="simplelicensing_licenseText", default=None)


class _Graph(msgspec.Struct):
    graph: list[msgspec.Raw] = msgspec.field(name="@graph", default_factory=list)


def read(body: bytes) -> Document:
    """What the document tells. Raises Unreadable."""
    problems = Problems()
    elements = [element for _, element in decoded_parts(decode_json(body, _Graph).graph, _Element, "element", problems)]
    licenses = {element.id: element.expression for element in elements if element.expression}
    declared = _licenses(elements, licenses)
    names = {element.id: _agent(element) for element in elements if element.type in ("Organization", "Person")}
    packages = [element for element in elements if element.type.rpartition("_")[2] == "Package"]
    documents = [element for element in elements if element.type.rpartition("_")[2] in ("SpdxDocument", "Sbom")]
    spdx = Spdx(
        name=next((document.name for document in documents if document.name), ""),
        described=[root for document in documents if document.type != "SpdxDocument" for root in document.root or ()],
        packages=[(number, _package(package, declared, names)) for number, package in enumerate(packages)],
        relations=list(_relations(elements)),
        texts=_texts(elements),
        creators=[f"Tool: {element.name}" for element in elements if element.type in ("SoftwareAgent", "Tool")],
        namespace=next((document.id for document in documents if document.type == "SpdxDocument"), ""),
    )
    creation = next((element for element in elements if element.type == "CreationInfo"), _Element())
    spdx.version = f"SPDX {creation.spec_version or '3'}"
    spdx.created = creation.created or ""
    people = {element.id: _agent(element) for element in elements if element.type in ("Organization", "Person")}
    spdx.creators += [people[id] for id in creation.created_by or () if id in people]
    return document_of(spdx, problems)


def _agent(element: _Element) -> str:
    """A person or organization, as SPDX 2 writes them: `Organization: NAME (ADDRESS)`."""
    addresses = [identifier.identifier for identifier in element.identifiers or ()]
    return f"{element.type}: {element.name or ''}" + (f" ({addresses[0]})" if addresses else "")


def _package(element: _Element, declared: dict[tuple[str, str], str], names: dict[str, str]) -> SpdxPackage:
    identifiers = [{"referenceType": "purl", "referenceLocator": element.purl}] if element.purl else []
    for identifier in element.identifiers or ():
        kind = "purl" if identifier.external_identifier_type == "packageUrl" else identifier.external_identifier_type
        identifiers.append({"referenceType": kind, "referenceLocator": identifier.identifier})
    supplier = names.get(element.supplied_by or "", "")
    found: dict[str, Any] = {
        "SPDXID": element.id,
        "name": element.name or "",
        "versionInfo": element.version,
        "primaryPackagePurpose": _PURPOSES.get(element.purpose or "", (element.purpose or "").upper()),
        "sourceInfo": element.source_info,
        "description": element.description,
        "supplier": supplier or None,
        "licenseDeclared": declared.get((element.id, _DECLARED)),
        "licenseConcluded": declared.get((element.id, _CONCLUDED)),
        "licenseComments": element.comment,
        "externalRefs": identifiers,
        "checksums": [
            {"algorithm": checksum.algorithm, "checksumValue": checksum.hash_value} for checksum in element.hashes or ()
        ],
    }
    return msgspec.convert(found, SpdxPackage)


def _texts(elements: Sequence[_Element]) -> dict[str, str]:
    """The texts of licences that SPDX does not list, by their ids and by what expressions call them."""
    texts = {element.id: element.text for element in elements if element.text}
    named = (name for element in elements for name in element.own_names or ())
    return texts | {name.key: texts[name.value] for name in named if name.value in texts}


def _licenses(elements: Iterable[_Element], expressions: dict[str, str]) -> dict[tuple[str, str], str]:
    """The licences of packages, by package and kind. A licence that is an element of another kind is given by its id."""
    found: dict[tuple[str, str], str] = {}
    for element in elements:
        if element.relationship in (_DECLARED, _CONCLUDED):
            parts = [expressions.get(target, target.rpartition("/")[2]) for target in element.to or ()]
            whole = " AND ".join(f"({part})" if " OR " in part and len(parts) > 1 else part for part in parts)
            found.setdefault((element.origin or "", element.relationship), whole)
    return found


def _relations(elements: Iterable[_Element]) -> Iterator[Relation]:
    for element in elements:
        is_developed = (element.relationship, element.scope) in _OF_DEVELOPMENT
        kind = None if is_developed else _RELATIONS.get(element.relationship or "")
        for target in element.to or () if kind else ():
            yield Relation(element.origin or "", target, kind or "", element.comment)
        turned = "DEV_DEPENDENCY_OF" if is_developed else _REVERSED.get(element.relationship or "")
        for target in element.to or () if turned else ():
            yield Relation(target, element.origin or "", turned or "")


def _recognises(marks: Marks) -> bool:
    return bool(bytes(marks.graph)) and b"spdx" in marks.head.lower()


FORMAT = SbomFormat(name="spdx-3-json", recognises=_recognises, read=read)
