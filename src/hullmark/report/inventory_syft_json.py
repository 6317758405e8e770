"""The JSON of syft, schema 16.0, for the many tools that read it (https://github.com/anchore/syft/tree/main/schema/json).

What Hullmark knows and the schema has a place for is there. What only syft collects (CPEs, maintainers, evidence of single
files) is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from hullmark.catalog.relations.graph import tops
from hullmark.model.inventory import Distro, FileRecord, Inventory, InventorySource
from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.licences.conclusions import declared_by, found_in
from hullmark.model.licences.expressions import spdx_expression
from hullmark.model.package import Location, Package
from hullmark.report.components import Identity, Owners, components_of, owners_of
from hullmark.report.documents import cpes_of, encode, image_files, layer_digest, package_ids, repository_of
from hullmark.report.format import Format, RenderContext
from hullmark.report.syft_types import syft_type

_SCHEMA_VERSION = "16.0.18"
_SCHEMA_URL = f"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-{_SCHEMA_VERSION}.json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

Json = dict[str, Any]


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The document as one line. `files` is filled where the inventory lists files."""
    inventory, shared = components_of(inventory)
    source = inventory.source
    ids = package_ids(inventory.packages)
    records = list(image_files(inventory))
    described = _directory(source) if source.kind == "dir" else _image(inventory)
    return encode(
        {
            "artifacts": [_artifact(package, i, source) for package, i in zip(inventory.packages, ids, strict=True)],
            "artifactRelationships": _relationships(inventory, described["id"], ids, records, shared),
            "files": [_file(record, source) for record in records],
            "source": described,
            "distro": _distro(inventory.distro) if inventory.distro else {},
            "descriptor": {"name": "hullmark", "version": context.tool_version, "configuration": {}},
            "schema": {"version": _SCHEMA_VERSION, "url": _SCHEMA_URL},
        }
    )


def _artifact(package: Package, package_id: str, source: InventorySource) -> Json:
    kind = syft_type(package.type)
    artifact: Json = {
        "id": package_id,
        "name": package.name,
        "version": package.version,
        "type": kind.type,
        "foundBy": package.cataloger,
        "locations": [_location(package.type, location, source) for location in package.locations],
        "licenses": list(_licenses(package, source)),
        "language": kind.language,
        "cpes": [{"cpe": name, "source": "declared"} for name in cpes_of(package)],
        "purl": package.purl,
    }
    if kind.metadata:
        artifact["metadataType"] = kind.metadata_type
        artifact["metadata"] = kind.metadata(package)
    return artifact


def _location(purl_type: str, location: Location, source: InventorySource) -> Json:
    # A jar inside an archive is written `archive:member`; syft's path is the archive's.
    return {
        "path": location.path.partition(":")[0] if purl_type == "maven" else location.path,
        "layerID": layer_digest(source, location.layer),
        "accessPath": location.path,
        "annotations": {"evidence": "primary"},
    }


def _licenses(package: Package, source: InventorySource) -> Iterator[Json]:
    """Declared licences, and those that texts tell, with the files that tell them."""
    places: dict[tuple[str, str], list[LicenceEvidence]] = {}
    for evidence in package.license_evidence:
        places.setdefault((evidence.kind, evidence.license), []).append(evidence)
    found = dict.fromkeys(evidence.license for evidence in found_in(package))
    for kind, type, texts in (("declared", "declared", declared_by(package)), ("found", "concluded", found)):
        for text in texts:
            yield {
                "value": text,
                "spdxExpression": spdx_expression(text) or "",
                "type": type,
                "urls": [],
                "locations": [
                    {
                        "path": evidence.path,
                        "layerID": layer_digest(source, evidence.layer),
                        "accessPath": evidence.path,
                        "annotations": {"field": evidence.field} if evidence.field else {},
                    }
                    for evidence in places.get((kind, text), ())
                ],
            }


def _image(inventory: Inventory) -> Json:
    source, config = inventory.source, inventory.config
    os, _, architecture = source.platform.partition("/")
    repository = repository_of(source)
    digest = source.digest or source.config_digest
    return {
        "id": digest.partition(":")[2] or sha256(source.reference.encode()).hexdigest(),
        "name": repository or source.reference,
        "version": digest,
        "type": "image",
        "metadata": {
            "userInput": source.reference,
            "imageID": source.config_digest,
            "manifestDigest": source.digest,
            "mediaType": _MANIFEST,
            "tags": sorted(source.tags),
            "imageSize": sum(max(layer.size, 0) for layer in source.layers),
            "layers": [
                {"mediaType": _LAYER, "digest": layer.diff_id or layer.digest, "size": max(layer.size, 0)}
                for layer in source.layers
            ],
            "manifest": "",
            "config": "",
            "repoDigests": [f"{repository}@{source.digest}"] if repository and source.digest else [],
            "architecture": architecture.partition("/")[0],
            "os": os,
            "labels": dict(config.labels) if config else {},
        },
    }


def _directory(source: InventorySource) -> Json:
    return {
        "id": sha256(source.reference.encode()).hexdigest(),
        "name": source.reference,
        "version": "",
        "type": "directory",
        "metadata": {"path": source.reference},
    }


def _distro(distro: Distro) -> Json:
    release = {
        "prettyName": distro.pretty_name,
        "id": distro.id,
        "idLike": list(distro.id_like),
        "versionID": distro.version_id,
        "versionCodename": distro.codename,
        "cpeName": distro.cpe_name,
    }
    return {key: value for key, value in release.items() if value}


def _relationships(
    inventory: Inventory, root: str, ids: list[str], records: Iterable[FileRecord], shared: Mapping[Identity, Owners]
) -> list[Json]:
    owners = {package.purl: i for package, i in zip(reversed(inventory.packages), reversed(ids), strict=True)}
    found: list[Json] = [{"parent": root, "child": i, "type": "contains"} for i in ids]
    for package, package_id in zip(inventory.packages, ids, strict=True):
        for purl, some in owners_of(package, shared):
            owner = owners.get(purl)
            if owner is None:
                continue
            paths = sorted(some or {location.path for location in package.locations})
            overlap: Json = {"parent": owner, "child": package_id, "type": "ownership-by-file-overlap"}
            found.append({**overlap, "metadata": {"files": paths}})
    for record in records:
        owner = owners.get(record.owner) if record.owner else None
        if owner:
            found.append({"parent": owner, "child": _file_id(record), "type": "contains"})
    found += _needs(inventory, root, ids)
    return found


def _needs(inventory: Inventory, root: str, ids: list[str]) -> Iterator[Json]:
    """The parent is what the child needs: that is how syft writes it. The image needs what no package needs."""
    if inventory.relations is None:
        return
    by_purl: dict[str, list[str]] = {}
    for package, package_id in zip(inventory.packages, ids, strict=True):
        by_purl.setdefault(package.purl, []).append(package_id)
    for purl in tops((package.purl for package in inventory.packages), inventory.relations):
        yield from ({"parent": package_id, "child": root, "type": "dependency-of"} for package_id in by_purl[purl])
    for relation in inventory.relations:
        for dependent in by_purl.get(relation.dependent, ()):
            for dependency in by_purl.get(relation.dependency, ()):
                written: Json = {"parent": dependency, "child": dependent, "type": "dependency-of"}
                yield written if relation.kind == "depends-on" else {**written, "metadata": {"kind": relation.kind}}


def _file(record: FileRecord, source: InventorySource) -> Json:
    return {
        "id": _file_id(record),
        "location": {"path": record.path, "layerID": layer_digest(source, record.layer)},
        "metadata": {
            # The octal digits of the mode, read as a decimal number: that is how syft writes it.
            "mode": int(f"{record.mode:o}"),
            "type": "RegularFile",
            "userID": record.uid,
            "groupID": record.gid,
            "mimeType": "",
            "size": record.size,
        },
        "digests": [{"algorithm": "sha256", "value": record.sha256}],
    }


def _file_id(record: FileRecord) -> str:
    return sha256(record.path.encode()).hexdigest()[:16]


FORMAT = Format(
    kind="inventory",
    name="syft-json",
    media_type="application/vnd.syft+json",
    file_name="bom.syft.json",
    render=render,
    is_single=True,
    tells_relations=True,
    tells_licences=True,
)
