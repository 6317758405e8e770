"""The JSON of syft, schemas 1 to 16 (https://github.com/anchore/syft/tree/main/schema/json), and what Hullmark writes in its form."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import get_args

import msgspec

from hullmark.catalog.sbom.document import (
    MAX_LIST,
    Document,
    Edge,
    Marks,
    Problems,
    SbomFormat,
    SbomPackage,
    clip_text,
    decode_json,
    decoded_parts,
    empty_source,
    label_of,
    layer_numbers,
    read_config,
    with_config,
)
from hullmark.catalog.sbom.licence_claims import clip_evidence, own_licences
from hullmark.catalog.sbom.packages import SYSTEM
from hullmark.catalog.sbom.purl_parts import source_of_rpm
from hullmark.catalog.sbom.syft_names import purl_type
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, InventoryLayer, InventorySource
from hullmark.model.licence_evidence import EvidenceKind, LicenceEvidence
from hullmark.model.package import Location, SourcePackage
from hullmark.model.relation import RelationKind

_OWNS = "ownership-by-file-overlap"
_NEEDS = "dependency-of"


class _Annotations(msgspec.Struct, gc=False):
    evidence: str = ""
    field: str = ""


class _Location(msgspec.Struct):
    path: str = ""
    access_path: str = msgspec.field(name="accessPath", default="")
    layer_id: str = msgspec.field(name="layerID", default="")
    annotations: _Annotations | None = None


class _License(msgspec.Struct):
    value: str = ""
    expression: str = msgspec.field(name="spdxExpression", default="")
    type: str = ""
    locations: list[_Location] | None = None


class _Cpe(msgspec.Struct, gc=False):
    cpe: str = ""


class _Metadata(msgspec.Struct, gc=False, rename="camel"):
    """The parts of all types' metadata that are read."""

    source: str | None = None
    source_version: str | None = None
    source_rpm: str | None = None
    origin_package: str | None = None
    architecture: str | None = None
    vendor: str | None = None
    modularity_label: str | None = None
    main_module: str | None = None
    virtual_path: str | None = None


class _Artifact(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    version: str = ""
    type: str = ""
    found_by: str = ""
    locations: list[_Location] | None = None
    licenses: list[_License | str] | None = None
    cpes: list[_Cpe | str] | None = None
    purl: str | None = None
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _Overlap(msgspec.Struct):
    files: list[str] = []


class _Kind(msgspec.Struct, gc=False):
    kind: str = ""


class _Relationship(msgspec.Struct, gc=False):
    parent: str = ""
    child: str = ""
    type: str = ""
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _Layer(msgspec.Struct, gc=False):
    digest: str = ""
    size: int | None = None


class _ImageMetadata(msgspec.Struct, rename="camel"):
    user_input: str = ""
    image_id: str = msgspec.field(name="imageID", default="")
    manifest_digest: str = ""
    tags: list[str] | None = None
    layers: list[_Layer] | None = None
    architecture: str | None = None
    architecture_variant: str | None = None
    os: str | None = None
    config: str | None = None


class _Source(msgspec.Struct):
    name: str = ""
    type: str = ""
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    target: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _Distro(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    pretty_name: str = ""
    version: str = ""
    version_id: str = msgspec.field(name="versionID", default="")
    version_codename: str = ""
    id_like: list[str] | str | None = None
    cpe_name: str = msgspec.field(name="cpeName", default="")


class _Descriptor(msgspec.Struct, gc=False):
    name: str = ""


class _Sbom(msgspec.Struct, rename="camel"):
    artifacts: list[msgspec.Raw] | None = None
    artifact_relationships: list[msgspec.Raw] | None = None
    source: _Source | None = None
    distro: _Distro | None = None
    descriptor: _Descriptor | None = None


def read(body: bytes) -> Document:
    """What the document tells. Raises Unreadable."""
    sbom, problems = decode_json(body, _Sbom), Problems()
    source, config = _source_of(sbom.source or _Source(), problems)
    numbers = layer_numbers(source.layers)
    is_own = sbom.descriptor is not None and sbom.descriptor.name == "hullmark"
    document = Document(source=source, distro=_distro(sbom.distro), config=config, problems=problems)
    by_id: dict[str, SbomPackage] = {}
    owners: dict[str, str] = {}
    for number, artifact in decoded_parts(sbom.artifacts or (), _Artifact, "artifact", problems):
        label = label_of("artifact", number, artifact.name, artifact.version)
        entry = _entry(artifact, label, numbers, problems, is_own=is_own)
        document.packages.append(entry)
        by_id.setdefault(artifact.id, entry)
        if purl_type(artifact.type) in SYSTEM:
            owners.setdefault(artifact.id, entry.purl)
    edges: list[Edge] | None = None
    for _, relation in decoded_parts(sbom.artifact_relationships or (), _Relationship, "relationship", problems):
        owner, owned = owners.get(relation.parent), by_id.get(relation.child)
        if relation.type == _OWNS and owner and owned is not None:
            _take_owner(owned, owner, _owned_files(relation.metadata) if is_own else frozenset())
        needed, dependent = by_id.get(relation.parent), by_id.get(relation.child)
        if relation.type == _NEEDS:
            edges = edges if edges is not None else []
            if needed is not None and dependent is not None:
                edges.append(Edge(dependent, needed, _kind(relation.metadata)))
    if edges is not None:
        document.add_edges(edges)
    return document


def _take_owner(owned: SbomPackage, owner: str, files: frozenset[str]) -> None:
    """Note an owner: of all of a package, or of those of its places that it has."""
    places = {place.path for place in owned.locations}
    if files and places - files:
        owned.owners |= dict.fromkeys(places & files, owner)
    else:
        owned.owned_by = owned.owned_by or owner


def _owned_files(metadata: msgspec.Raw) -> frozenset[str]:
    """The files of a package that another one has, as Hullmark writes them: all places that are its."""
    try:
        return frozenset(msgspec.json.decode(metadata, type=_Overlap).files) if bytes(metadata) else frozenset()
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return frozenset()


def _kind(metadata: msgspec.Raw) -> RelationKind:
    """How much it is needed, as Hullmark writes it; syft says nothing of that."""
    try:
        found = msgspec.json.decode(metadata, type=_Kind).kind if bytes(metadata) else ""
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        found = ""
    return next((kind for kind in get_args(RelationKind) if kind == found), "depends-on")


def _entry(
    artifact: _Artifact, label: str, numbers: dict[str, int], problems: Problems, *, is_own: bool
) -> SbomPackage:
    type = purl_type(artifact.type)
    metadata = _metadata(artifact.metadata, label, problems)
    found = list(artifact.licenses or ())[:MAX_LIST]
    texts = [licence if isinstance(licence, str) else licence.value or licence.expression for licence in found]
    evidence = tuple(_evidence(found, numbers))
    licenses = tuple(text for text in texts if text.strip())
    return SbomPackage(
        label=label,
        name=artifact.name,
        version=artifact.version,
        type="" if artifact.purl and not is_own else type,
        purl=artifact.purl or "",
        arch=(metadata.architecture or "") if type in SYSTEM else "",
        cataloger=artifact.found_by if is_own else "",
        source=_built_from(metadata),
        licenses=own_licences(licenses, evidence) if is_own else licenses,
        license_evidence=evidence,
        locations=_locations(artifact, metadata, numbers, is_own=is_own),
        main=metadata.main_module or "",
        notes={"vendor": metadata.vendor or "", "modularity": metadata.modularity_label or ""} if type == "rpm" else {},
        cpes=tuple(cpe if isinstance(cpe, str) else cpe.cpe for cpe in (artifact.cpes or ())[:MAX_LIST]),
        is_exact=is_own,
    )


def _evidence(licences: Iterable[_License | str], numbers: dict[str, int]) -> Iterator[LicenceEvidence]:
    """Where each licence was found, where the document says so."""
    for licence in licences:
        if isinstance(licence, str) or not (licence.value or licence.expression).strip():
            continue
        kind: EvidenceKind = "found" if licence.type == "concluded" else "declared"
        for place in (licence.locations or ())[:MAX_LIST]:
            path, layer = place.access_path or place.path, numbers.get(place.layer_id, -1)
            text = licence.value or licence.expression
            field = place.annotations.field if place.annotations is not None else ""
            yield clip_evidence(LicenceEvidence(license=text, kind=kind, field=field, path=path, layer=layer))


def _metadata(raw: msgspec.Raw, label: str, problems: Problems) -> _Metadata:
    if not bytes(raw):
        return _Metadata()
    try:
        return msgspec.json.decode(raw, type=_Metadata | None) or _Metadata()
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        problems.add(f"{label}: its metadata were not read: {error}")
        return _Metadata()


def _built_from(metadata: _Metadata) -> SourcePackage | None:
    if metadata.source_rpm:
        return source_of_rpm(metadata.source_rpm)
    name = metadata.source or metadata.origin_package or ""
    return SourcePackage(name, metadata.source_version or "") if name else None


def _locations(
    artifact: _Artifact, metadata: _Metadata, numbers: dict[str, int], *, is_own: bool
) -> tuple[Location, ...]:
    found = artifact.locations or []
    primary = [
        location
        for location in found
        if location.annotations is not None and location.annotations.evidence == "primary"
    ]
    places = []
    for location in (primary or found)[:MAX_LIST]:
        path = location.access_path or location.path if is_own else location.path
        # A jar within an archive: syft's path is the archive's, and the virtual one goes on after a colon.
        inner = metadata.virtual_path or ""
        path = inner if not is_own and inner.startswith(f"{path}:") else path
        places.append(Location(clip_text(path), numbers.get(location.layer_id, -1)))
    return tuple(places)


def _distro(distro: _Distro | None) -> Distro | None:
    if distro is None or not (distro.id or distro.name):
        return None
    like = distro.id_like.split() if isinstance(distro.id_like, str) else distro.id_like or ()
    return Distro(
        id=clip_text(distro.id or distro.name),
        version_id=clip_text(distro.version_id or ("" if distro.id else distro.version)),
        codename=clip_text(distro.version_codename),
        pretty_name=clip_text(distro.pretty_name),
        id_like=tuple(clip_text(name) for name in like[:MAX_LIST]),
        cpe_name=clip_text(distro.cpe_name),
    )


def _source_of(source: _Source, problems: Problems) -> tuple[InventorySource, ImageConfig | None]:
    """What was inspected, and the image's settings where the document carries its config."""
    raw = bytes(source.metadata) or bytes(source.target)
    if raw[:1] != b"{":
        return empty_source(clip_text(source.name)), None
    try:
        image = msgspec.json.decode(raw, type=_ImageMetadata)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        problems.add(f"its source was not read: {error}")
        return empty_source(clip_text(source.name)), None
    layers = (
        InventoryLayer(
            digest="", diff_id=clip_text(layer.digest), size=-1 if layer.size is None else layer.size, created_by=""
        )
        for layer in (image.layers or ())[:MAX_LIST]
    )
    platform = (image.os or "linux", image.architecture, image.architecture_variant) if image.architecture else ()
    found = InventorySource(
        kind="sbom",
        reference=clip_text(image.user_input or source.name),
        digest=clip_text(image.manifest_digest),
        config_digest=clip_text(image.image_id),
        platform=clip_text("/".join(filter(None, platform))),
        layers=tuple(layers),
        tags=tuple(sorted({clip_text(tag) for tag in (image.tags or ())[:MAX_LIST]})),
    )
    config = _config(image.config or "", problems)
    return with_config(found, config), config


def _config(text: str, problems: Problems) -> ImageConfig | None:
    try:
        return read_config(b64decode(text, validate=True), problems)
    except ValueError:
        problems.add("the image's config in it was not read: it is not in base64")
        return None


def _recognises(marks: Marks) -> bool:
    return bool(bytes(marks.artifacts)) and (isinstance(marks.schema, dict) or marks.schema is None)


FORMAT = SbomFormat(name="syft-json", recognises=_recognises, read=read)
