"""SPDX 2 in any encoding: its packages → what they say (https://spdx.github.io/spdx-spec/v2.3/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from hullmark.catalog.sbom.document import (
    MAX_LIST,
    Document,
    Edge,
    Problems,
    SbomPackage,
    clip_text,
    empty_source,
    label_of,
)
from hullmark.catalog.sbom.licence_claims import concluded_as, own_licences, told_by
from hullmark.catalog.sbom.packages import SYSTEM
from hullmark.catalog.sbom.purl_parts import parts_of
from hullmark.catalog.sbom.spdx_licenses import licenses_of
from hullmark.catalog.sbom.statements import DocumentStatements, PackageStatements, algorithm, contact_in
from hullmark.catalog.sbom.syft_names import purl_type
from hullmark.catalog.sbom.systems import system_named
from hullmark.model.inventory import InventoryLayer
from hullmark.model.package import Location, SourcePackage
from hullmark.model.relation import RelationKind

_UNSAID = ("NOASSERTION", "NONE")
_OPERATING_SYSTEM = ("OPERATING-SYSTEM", "OPERATING_SYSTEM")
_WHOLE = ("CONTAINER", "FILE", "ARCHIVE", "SOURCE", "INSTALL")
_FOUND_BY = re.compile(
    r"found by (?P<cataloger>.+?) in (?P<places>.*?)(?:; built from (?P<name>\S+)(?: (?P<version>\S+))?)?"
).fullmatch
_ACQUIRED = re.compile(r"acquired package info from .{1,200}?: (?P<places>/.*)").fullmatch
_BUILT = re.compile(r"built package from: (?P<name>\S+)(?: (?P<version>\S+))?").fullmatch
_ROOT = "SPDXRef-DocumentRoot"
_SYSTEM = "SPDXRef-OperatingSystem"
_ORGANIZATION = re.compile(r"Organization:\s*(.*?)(?:\s*\([^()]*\))?").fullmatch
_OWNS = "ownership-by-file-overlap"
_OF_PLACES = "of its places: "
_NEEDS: dict[str, RelationKind] = {
    "DEPENDS_ON": "depends-on",
    "DEPENDENCY_OF": "depends-on",
    "RUNTIME_DEPENDENCY_OF": "depends-on",
    "OPTIONAL_DEPENDENCY_OF": "optional",
    "PROVIDED_DEPENDENCY_OF": "optional",
    "DEV_DEPENDENCY_OF": "development",
    "BUILD_DEPENDENCY_OF": "development",
    "TEST_DEPENDENCY_OF": "development",
}
"""Relationships between what is needed and who needs it (SPDX 2.3, 11). Of the first the element is who needs it, of all others what."""
_SYSTEMS = tuple(f"pkg:{type}/" for type in sorted(SYSTEM))


class _Reference(msgspec.Struct, gc=False, rename="camel"):
    reference_type: str = ""
    reference_locator: str = ""


class _Checksum(msgspec.Struct, gc=False, rename="camel"):
    algorithm: str = ""
    checksum_value: str = ""


class SpdxPackage(msgspec.Struct, kw_only=True, rename="camel"):
    """The fields of a package that are read."""

    id: str = msgspec.field(name="SPDXID", default="")
    name: str = ""
    version: str | None = msgspec.field(name="versionInfo", default=None)
    purpose: str | None = msgspec.field(name="primaryPackagePurpose", default=None)
    source_info: str | None = None
    description: str | None = None
    supplier: str | None = None
    originator: str | None = None
    license_declared: str | None = None
    license_concluded: str | None = None
    license_comments: str | None = None
    external_refs: list[_Reference] | None = None
    checksums: list[_Checksum] | None = None
    file_name: str | None = msgspec.field(name="packageFileName", default=None)
    download_location: str | None = None
    attribution_texts: list[str] | None = None


class Relation(msgspec.Struct, gc=False, rename="camel"):
    """`element` does something to `other`."""

    element: str = msgspec.field(name="spdxElementId", default="")
    other: str = msgspec.field(name="relatedSpdxElement", default="")
    type: str = msgspec.field(name="relationshipType", default="")
    comment: str | None = None


class Spdx(msgspec.Struct, kw_only=True):
    """A document, its parts each decoded. `texts` are licences that are not on SPDX's list, by id."""

    name: str = ""
    version: str = ""
    namespace: str = ""
    created: str = ""
    creators: list[str] = []
    described: list[str] = []
    packages: Iterable[tuple[int, SpdxPackage]] = ()
    relations: list[Relation] = []
    texts: Mapping[str, str] = {}


def document_of(spdx: Spdx, problems: Problems) -> Document:
    """What a document tells."""
    is_own = any(creator.startswith("Tool: hullmark-") for creator in spdx.creators)
    described = {*spdx.described, *(relation.other for relation in spdx.relations if relation.type == "DESCRIBES")}
    document = Document(source=empty_source(clip_text(spdx.name)), problems=problems)
    by_id: dict[str, SbomPackage] = {}
    for number, package in spdx.packages:
        if (package.purpose or "") in _OPERATING_SYSTEM or package.id.startswith(_SYSTEM):
            _take_system(package, document)
        elif _is_whole(package, described):
            _take_image(package, document)
        else:
            entry = _entry(package, number, spdx.texts, is_own=is_own)
            if entry is not None:
                document.packages.append(entry)
                by_id.setdefault(package.id, entry)
    _take_owners(spdx.relations, by_id)
    document.statements = _statements(spdx)
    for id in {id for relation in spdx.relations for id in (relation.element, relation.other)} & by_id.keys():
        by_id[id].statements.is_related = True
    if any(relation.type in _NEEDS for relation in spdx.relations):
        document.add_edges(_edges(spdx.relations, by_id))
    return document


def _statements(spdx: Spdx) -> DocumentStatements:
    people = [creator for creator in spdx.creators if not creator.startswith("Tool:")]
    return DocumentStatements(
        format=clip_text(spdx.version),
        author=clip_text(next((_agent(creator) for creator in people), "")),
        contact=clip_text(contact_in(people)),
        created=clip_text(spdx.created),
        uri=clip_text(spdx.namespace),
    )


def _package_statements(package: SpdxPackage) -> PackageStatements:
    agents = [text for text in (package.supplier, package.originator) if text and text not in _UNSAID]
    location = package.download_location or ""
    return PackageStatements(
        supplier=clip_text(next(map(_agent, agents), "")),
        contact=clip_text(contact_in(agents)),
        file_name=clip_text((package.file_name or "").rpartition("/")[2]),
        hashes=frozenset(algorithm(checksum.algorithm) for checksum in (package.checksums or ())[:MAX_LIST]),
        download_uri="" if location in _UNSAID else clip_text(location),
    )


def _agent(text: str) -> str:
    """The name in `Organization: Example Ltd (mail@example.com)`."""
    name = text.partition(":")[2] if text.startswith(("Organization:", "Person:")) else text
    return name.partition("(")[0].strip()


def _is_whole(package: SpdxPackage, described: set[str]) -> bool:
    """Whether it is what was inspected, not something in it."""
    if package.id.startswith(_ROOT) or package.purpose == "CONTAINER":
        return True
    if package.id not in described or len(described) != 1:
        return False
    purl = parts_of(_purl(package))
    if purl is not None:
        return purl.type in ("oci", "docker")
    return (package.purpose or "") in _WHOLE or not package.version


def _take_system(package: SpdxPackage, document: Document) -> None:
    named = system_named(clip_text(package.name), clip_text(package.version or ""))
    if named is not None and document.distro is None:
        document.distro = msgspec.structs.replace(named, pretty_name=clip_text(package.description or ""))


def _take_image(package: SpdxPackage, document: Document) -> None:
    parts = parts_of(_purl(package))
    digests = [package.version or "", parts.version if parts is not None else ""]
    sums = (checksum for checksum in package.checksums or () if checksum.algorithm.upper() == "SHA256")
    digests += [f"sha256:{checksum.checksum_value}" for checksum in sums]
    texts = [text.partition(": ") for text in (package.attribution_texts or ())[:MAX_LIST]]
    layers = (
        InventoryLayer(digest="", diff_id=value, size=-1, created_by="") for key, _, value in texts if key == "DiffID"
    )
    tags = [value for key, _, value in texts if key == "RepoTag"]
    arch = ""
    if parts is not None:
        url, tag, arch = (parts.qualifiers.get(key, "") for key in ("repository_url", "tag", "arch"))
        tags += [f"{url}:{tag}"] if url and tag and not tags else []
    document.source = msgspec.structs.replace(
        document.source,
        reference=clip_text(package.name),
        digest=next((clip_text(digest) for digest in digests if digest.startswith("sha256:")), ""),
        config_digest=next((clip_text(value) for key, _, value in texts if key == "ImageID"), ""),
        platform=f"linux/{clip_text(arch)}" if arch else "",
        layers=tuple(layers),
        tags=tuple(sorted(map(clip_text, set(tags)))),
    )


def _purl(package: SpdxPackage) -> str:
    found = [
        reference.reference_locator
        for reference in package.external_refs or ()
        if reference.reference_type.endswith("purl")
    ]
    return next((purl for purl in found if parts_of(purl) is not None), found[0] if found else "")


def _entry(package: SpdxPackage, number: int, texts: Mapping[str, str], *, is_own: bool) -> SbomPackage | None:
    purl = _purl(package)
    name = "" if package.name in _UNSAID else package.name
    version = package.version or ""
    attributes = [text.partition(": ") for text in (package.attribution_texts or ())[:MAX_LIST]]
    if not purl and any(key == "Class" for key, _, _ in attributes):
        return None  # Trivy's node for a lock file or a kind of packages
    cataloger, places, source = _source_info(package.source_info or "")
    declared, concluded = (
        licenses_of(expression, texts) for expression in (package.license_declared, package.license_concluded)
    )
    evidence = told_by((package.license_comments or "").split("\n")) or concluded_as(concluded)
    licenses = own_licences(declared, evidence) if is_own else declared or concluded
    type = "" if purl else _type_in(package.id)
    return SbomPackage(
        label=label_of("package", number, name, version),
        name=name,
        version=version,
        type=(parts.type if (parts := parts_of(purl)) is not None else type) if is_own else type,
        purl=purl,
        cataloger=cataloger if is_own else "",
        source=source,
        licenses=licenses,
        license_evidence=evidence,
        locations=places,
        notes={"vendor": _vendor(package)} if purl.startswith("pkg:rpm/") else {},
        cpes=tuple(
            reference.reference_locator
            for reference in (package.external_refs or ())[:MAX_LIST]
            if "cpe" in reference.reference_type
        ),
        is_exact=is_own,
        statements=_package_statements(package),
    )


def _type_in(id: str) -> str:
    """The type that Hullmark and syft write into the id of a package."""
    _, is_ours, rest = id.rpartition("#")[2].partition("SPDXRef-Package-")
    names = (rest.partition("-")[0], "-".join(rest.split("-")[:2])) if is_ours else ()
    return next((type for name in reversed(names) if (type := purl_type(name))), "")


def _vendor(package: SpdxPackage) -> str:
    for text in (package.originator, package.supplier):
        found = _ORGANIZATION(text or "")
        if found:
            return found[1]
    return ""


def _source_info(text: str) -> tuple[str, tuple[Location, ...], SourcePackage | None]:
    """Who found it, where, and what it was built from, as Hullmark, syft and Trivy write it."""
    text = text.strip()[:65536]
    found = _FOUND_BY(text) or _ACQUIRED(text) or _BUILT(text)
    if found is None:
        return "", (), None
    named = found.groupdict()
    paths = (named.get("places") or "").split(", ")[:MAX_LIST]
    places = tuple(Location(clip_text(path), -1) for path in paths if path.startswith("/"))
    source = SourcePackage(named["name"], named["version"] or "") if named.get("name") else None
    return named.get("cataloger") or "", places, source


def _edges(relations: Iterable[Relation], by_id: Mapping[str, SbomPackage]) -> Iterator[Edge]:
    for relation in relations:
        kind = _NEEDS.get(relation.type)
        one, other = by_id.get(relation.element), by_id.get(relation.other)
        if kind is not None and one is not None and other is not None:
            yield Edge(one, other, kind) if relation.type == "DEPENDS_ON" else Edge(other, one, kind)


def _take_owners(relations: Iterable[Relation], by_id: Mapping[str, SbomPackage]) -> None:
    """Packages of the system that own the files of others: Hullmark says that they contain them, syft says it in a comment."""
    for relation in relations:
        owner, owned = by_id.get(relation.element), by_id.get(relation.other)
        says_so = relation.type == "CONTAINS" or (relation.comment or "").startswith(_OWNS)
        if (
            says_so
            and owner is not None
            and owned is not None
            and owner is not owned
            and owner.purl.startswith(_SYSTEMS)
        ):
            if paths := _places_in(relation.comment or ""):
                owned.owners |= dict.fromkeys(paths, owner.purl)
            else:
                owned.owned_by = owned.owned_by or owner.purl


def _places_in(comment: str) -> list[str]:
    """The paths that Hullmark names in a relationship: those of the package's places that belong to the other one."""
    if not comment.startswith(_OF_PLACES):
        return []
    try:
        return msgspec.json.decode(comment.removeprefix(_OF_PLACES), type=list[str])[:MAX_LIST]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
