"""SPDX 2.3 as JSON (https://spdx.github.io/spdx-spec/v2.3/).

The namespace comes from the content, so that equal images give equal documents. A file must carry a SHA-1: of one that
could not be hashed it is written as zeros, as other producers do, and the document's comment says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from hullmark.catalog.relations.graph import tops
from hullmark.model.inventory import Distro, FileRecord, Inventory
from hullmark.model.licence_evidence import sentence
from hullmark.model.licences.conclusions import conclusion, declared_by
from hullmark.model.licences.expressions import all_of, distinct, references, spdx_expression
from hullmark.model.licences.spdx_ids import LIST_VERSION
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.supplier import Agent, agent, supplier_of
from hullmark.report.components import Identity, Owners, components_of, owners_of
from hullmark.report.documents import (
    EPOCH,
    content_uuid,
    cpes_of,
    encode,
    image_files,
    image_purl,
    known_version,
    layer_digest,
    moment,
    package_ids,
)
from hullmark.report.format import Format, RenderContext

_DOCUMENT = "SPDXRef-DOCUMENT"
_ROOT = "SPDXRef-DocumentRoot-Image"
_OS = "SPDXRef-OperatingSystem"
_UNSAID = "NOASSERTION"
OF_PLACES = "of its places: "
"""How a relationship says which places of a package belong to another one; a list of paths as JSON follows."""

_UNKNOWN_SHA1 = "0" * 40
_MAX_PROBLEMS = Limit(100, "problems named in an SPDX document", "shortened")
_CHOICES = {"development": "DEV_DEPENDENCY_OF", "optional": "OPTIONAL_DEPENDENCY_OF"}
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})").fullmatch
_NOT_FOR_IDS = re.compile(r"[^A-Za-z0-9.]+")

Json = dict[str, Any]


class SpdxRelation(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`spdx_element_id` does something to `related_spdx_element`. A struct, because an image has as many as files."""

    related_spdx_element: str
    relationship_type: str
    spdx_element_id: str
    comment: str | msgspec.UnsetType = msgspec.UNSET


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The document as one line."""
    return encode(document_of(inventory, context))


def document_of(inventory: Inventory, context: RenderContext) -> Json:
    """The document. `files` are there where the inventory lists files."""
    inventory, shared = components_of(inventory)
    ids = [
        f"SPDXRef-Package-{_slug(package.type)}-{_slug(package.name)}-{package_id}"
        for package, package_id in zip(inventory.packages, package_ids(inventory.packages), strict=True)
    ]
    records = {_file_id(record): record for record in image_files(inventory)}
    named: dict[str, str] = {}
    packages = [_image(inventory, has_files=bool(records))]
    if inventory.distro:
        packages.append(_operating_system(inventory.distro))
    owners = {record.owner for record in records.values()}
    for package, spdx_id in zip(inventory.packages, ids, strict=True):
        packages.append(_package(package, spdx_id, named, has_files=package.purl in owners))
    document: Json = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": inventory.source.reference or "image",
        "creationInfo": _creation(inventory, context),
        "packages": packages,
        "relationships": _relationships(inventory, ids, records, shared),
    }
    if inventory.files is not None:
        document["files"] = [
            _file(record, file_id, layer_digest(inventory.source, record.layer)) for file_id, record in records.items()
        ]
    if named:
        document["hasExtractedLicensingInfos"] = [
            {"licenseId": name, "extractedText": text} for name, text in sorted(named.items())
        ]
    comment = _comment(inventory, has_unhashed=any(not record.sha1 for record in records.values()))
    if comment:
        document["comment"] = comment
    name = f"hullmark-{_slug(inventory.source.reference)}-{content_uuid(document)}"
    document["documentNamespace"] = f"https://spdx.org/spdxdocs/{name}"
    return document


def _creation(inventory: Inventory, context: RenderContext) -> Json:
    image_made = inventory.config.created if inventory.config else ""
    author = agent(context.author)
    return {
        "created": moment(context.timestamp) or moment(image_made) or EPOCH,
        "creators": [f"Tool: hullmark-{context.tool_version}", *([_agent(author)] if author is not None else ())],
        "licenseListVersion": LIST_VERSION,
    }


def _element(spdx_id: str, name: str, version: str, purpose: str) -> Json:
    element: Json = {
        "SPDXID": spdx_id,
        "name": name or _UNSAID,
        "downloadLocation": _UNSAID,
        "filesAnalyzed": False,
        "supplier": _UNSAID,
        "licenseConcluded": _UNSAID,
        "licenseDeclared": _UNSAID,
        "copyrightText": _UNSAID,
        "primaryPackagePurpose": purpose,
    }
    if version:
        element["versionInfo"] = version
    return element


def _image(inventory: Inventory, *, has_files: bool) -> Json:
    source = inventory.source
    image = _element(_ROOT, source.reference, source.digest, "FILE" if source.kind == "dir" else "CONTAINER")
    image["filesAnalyzed"] = has_files
    digest = _SHA256(source.digest)
    if digest:
        image["checksums"] = [{"algorithm": "SHA256", "checksumValue": digest[1]}]
    _refer(image, image_purl(source))
    return image


def _operating_system(distro: Distro) -> Json:
    system = _element(_OS, distro.id, distro.version_id, "OPERATING-SYSTEM")
    if distro.pretty_name:
        system["description"] = distro.pretty_name
    return system


def _package(package: Package, spdx_id: str, named: dict[str, str], *, has_files: bool) -> Json:
    element = _element(spdx_id, package.name, known_version(package), "LIBRARY")
    # "Analyzed" means that the document lists the package's files; a package without files must say false.
    element["filesAnalyzed"] = has_files
    element["licenseDeclared"] = _build_expression(declared_by(package), named)
    element["licenseConcluded"] = conclusion(package) or _UNSAID
    if package.license_evidence:
        element["licenseComments"] = "\n".join(map(sentence, package.license_evidence))
    element["sourceInfo"] = _source_info(package)
    supplier = supplier_of(package.notes)
    if supplier is not None:
        element["supplier"] = _agent(supplier)
    _refer(element, package.purl, cpes_of(package))
    return element


def _agent(found: Agent) -> str:
    """An organization with its address; brackets would end its name (SPDX 2.3, 7.5)."""
    name = found.name.replace("(", "[").replace(")", "]")
    address = found.mail or found.web
    return f"Organization: {name} ({address})" if address else f"Organization: {name}"


def _refer(element: Json, purl: str, cpes: Iterable[str] = ()) -> None:
    found = [("PACKAGE-MANAGER", "purl", purl)] if purl else []
    found += [("SECURITY", "cpe23Type", cpe) for cpe in cpes]
    if found:
        element["externalRefs"] = [
            {"referenceCategory": category, "referenceType": kind, "referenceLocator": locator}
            for category, kind, locator in found
        ]


def _source_info(package: Package) -> str:
    places = ", ".join(location.path for location in package.locations)
    built = f"; built from {package.source.name} {package.source.version}".rstrip() if package.source else ""
    return f"found by {package.cataloger} in {places or 'the image'}{built}"


def _build_expression(found: Iterable[str], named: dict[str, str]) -> str:
    """One expression for all licences of a package. What SPDX does not know is put into `named`, id → text."""
    expressions = []
    for text in distinct(found):
        expression = spdx_expression(text)
        if expression is None:
            expression = f"LicenseRef-{_slug(text, 40)}-{sha256(text.encode()).hexdigest()[:8]}"
            named[expression] = text
        else:
            for name in references(expression):
                named.setdefault(name, text if name == expression else name)
        expressions.append(expression)
    return all_of(dict.fromkeys(expressions)) or _UNSAID


def _file(record: FileRecord, file_id: str, layer: str) -> Json:
    file: Json = {
        "SPDXID": file_id,
        "fileName": f".{record.path}",
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": record.sha1 or _UNKNOWN_SHA1},
            {"algorithm": "SHA256", "checksumValue": record.sha256},
        ],
        "licenseConcluded": _UNSAID,
        "licenseInfoInFiles": [_UNSAID],
        "copyrightText": _UNSAID,
    }
    if layer:
        file["comment"] = f"layerID: {layer}"
    return file


def _file_id(record: FileRecord) -> str:
    return f"SPDXRef-File-{_slug(record.path)}-{sha256(record.path.encode()).hexdigest()[:16]}"


def _relationships(
    inventory: Inventory, ids: list[str], records: dict[str, FileRecord], shared: Mapping[Identity, Owners]
) -> list[SpdxRelation]:
    owner_ids = {package.purl: i for package, i in zip(reversed(inventory.packages), reversed(ids), strict=True)}
    found = [_relation(_DOCUMENT, "DESCRIBES", _ROOT)]
    if inventory.distro:
        found.append(_relation(_ROOT, "CONTAINS", _OS))
    found += [_relation(_ROOT, "CONTAINS", spdx_id) for spdx_id in ids]
    for package, spdx_id in zip(inventory.packages, ids, strict=True):
        for purl, paths in owners_of(package, shared):
            owner = owner_ids.get(purl)
            if owner is not None:
                comment = OF_PLACES + msgspec.json.encode(paths).decode() if paths else msgspec.UNSET
                found.append(SpdxRelation(spdx_id, "CONTAINS", owner, comment))
    for file_id, record in records.items():
        owner = owner_ids.get(record.owner) if record.owner else None
        found.append(_relation(owner or _ROOT, "CONTAINS", file_id))
    found += _needs(inventory, ids)
    return found


def _needs(inventory: Inventory, ids: list[str]) -> Iterator[SpdxRelation]:
    """What each package needs; the image those that no other one needs."""
    if inventory.relations is None:
        return
    by_purl: dict[str, list[str]] = {}
    for package, spdx_id in zip(inventory.packages, ids, strict=True):
        by_purl.setdefault(package.purl, []).append(spdx_id)
    for purl in tops((package.purl for package in inventory.packages), inventory.relations):
        yield from (_relation(_ROOT, "DEPENDS_ON", spdx_id) for spdx_id in by_purl[purl])
    for relation in inventory.relations:
        for dependent in by_purl.get(relation.dependent, ()):
            for dependency in by_purl.get(relation.dependency, ()):
                if relation.kind == "depends-on":
                    yield _relation(dependent, "DEPENDS_ON", dependency)
                else:
                    yield _relation(dependency, _CHOICES[relation.kind], dependent)


def _relation(element: str, kind: str, other: str) -> SpdxRelation:
    return SpdxRelation(other, kind, element)


def _comment(inventory: Inventory, *, has_unhashed: bool) -> str:
    lines, problems = [], inventory.problems
    if inventory.unexplained is not None:
        count, size = inventory.unexplained.executables, inventory.unexplained.bytes
        lines.append(f"Executables that no package owns and nothing explains: {count} ({size} bytes).")
    if has_unhashed:
        lines.append("The SHA1 of files that could not be hashed is written as zeros.")
    if gaps := sum(problem.is_open for problem in problems):
        lines.append(f"The list is not complete: {gaps} thing(s) could not be seen.")
    if problems:
        lines += [
            f"{problem.path or 'image'}: {problem.reason} ({problem.kind})" for problem in problems[:_MAX_PROBLEMS]
        ]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(f"and {len(problems) - _MAX_PROBLEMS} more")
    return "\n".join(lines)


def _slug(text: str, longest: int = 60) -> str:
    return _NOT_FOR_IDS.sub("-", text[: 4 * longest])[:longest].strip("-") or "unnamed"


FORMAT = Format(
    kind="inventory",
    name="spdx-json",
    media_type="application/spdx+json; version=2.3",
    file_name="bom.spdx.json",
    render=render,
    is_single=True,
    tells_relations=True,
    tells_licences=True,
)
