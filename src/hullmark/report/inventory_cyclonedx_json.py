"""CycloneDX as JSON (https://cyclonedx.org/docs/1.6/json/), version 1.6 unless another is asked for.

Names and identifiers are laid out as other producers do it, so that consumers find what they look for: `bom-ref` is the package
URL with a `package-id`, properties name the places. The serial number comes from the content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import msgspec

from hullmark.catalog.relations.graph import tops
from hullmark.model.inventory import Distro, FileRecord, Inventory
from hullmark.model.licence_evidence import sentence
from hullmark.model.licences.conclusions import conclude_licences, declared_by, found_in
from hullmark.model.licences.expressions import all_of, distinct, references, spdx_expression, spdx_id
from hullmark.model.package import Package
from hullmark.model.relation import Relation, dependencies_of
from hullmark.model.supplier import Agent, agent, supplier_of
from hullmark.report.components import Components, Identity, Owners, components_of, owners_of
from hullmark.report.cyclonedx_versions import VERSIONS, as_version
from hullmark.report.documents import (
    content_uuid,
    cpes_of,
    encode,
    image_files,
    image_purl,
    known_version,
    moment,
    package_ids,
    purl_with,
)
from hullmark.report.format import Format, RenderContext

_MAX_LICENSE_NAME = 120
_KINDS = {"generic": "application", "oci": "container"}
"""What components of a type are; all others are libraries."""

Json = dict[str, Any]


class Property(msgspec.Struct, frozen=True, gc=False):
    """A named value. A struct, because an image has several for each file."""

    name: str
    value: str


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The document as one line."""
    return encode(document_of(inventory, context))


def document_of(inventory: Inventory, context: RenderContext, *, joins: bool = True) -> Json:
    """The document in the version that the context asks for. Files are components where the inventory lists files. `joins`: what is found
    at several places is one component, whoever brought it. Raises HullmarkError for a version that is not written."""
    inventory, shared = components_of(inventory) if joins else Components(inventory, {})
    root = _image(inventory)
    components = [_operating_system(inventory.distro)] if inventory.distro else []
    own = _choices(inventory.relations or ())
    libraries = list(map(_library, inventory.packages, package_ids(inventory.packages), repeat(own), repeat(shared)))
    components += libraries
    components += map(_file, image_files(inventory))
    document: Json = {
        "bomFormat": "CycloneDX",
        "version": 1,
        "metadata": _metadata(inventory, context, root),
        "components": components,
        # A list that is known to have gaps says so; whether any other is complete cannot be proved.
        "compositions": [
            {"aggregate": "unknown" if inventory.is_whole else "incomplete", "assemblies": [root["bom-ref"]]}
        ],
    }
    if inventory.relations is not None:
        document["dependencies"] = _dependencies(inventory, root["bom-ref"], libraries)
    document = as_version(document, context.spec_version)
    document["serialNumber"] = content_uuid(document).urn
    return document


def _metadata(inventory: Inventory, context: RenderContext, root: Json) -> Json:
    tool = {"type": "application", "name": "hullmark", "version": context.tool_version}
    metadata: Json = {"tools": {"components": [tool]}, "component": root}
    when = moment(context.timestamp)
    if when:
        metadata["timestamp"] = when
    author = agent(context.author)
    if author is not None:
        metadata["manufacturer"] = _entity(author)
    if inventory.problems:
        metadata["properties"] = _properties(
            (f"problem:{i}:{key}", value)
            for i, problem in enumerate(inventory.problems)
            for key, value in (
                ("kind", problem.kind),
                ("path", problem.path),
                ("reason", problem.reason),
                ("room", problem.room),
            )
        )
    return metadata


def _image(inventory: Inventory) -> Json:
    source = inventory.source
    details = [("image:config_digest", source.config_digest), ("image:platform", source.platform)]
    if inventory.unexplained is not None:
        details.append(("image:unexplained_executables", str(inventory.unexplained.executables)))
        details.append(("image:unexplained_bytes", str(inventory.unexplained.bytes)))
    for i, layer in enumerate(source.layers):
        details += [
            (f"layer:{i}:digest", layer.digest),
            (f"layer:{i}:diff_id", layer.diff_id),
            (f"layer:{i}:created_by", layer.created_by),
        ]
    return _without_blanks(
        {
            "bom-ref": f"image:{source.digest or source.config_digest or source.reference}",
            "type": "file" if source.kind == "dir" else "container",
            "name": source.reference,
            "version": source.digest,
            "purl": image_purl(source),
            "properties": _properties(details),
        }
    )


def _operating_system(distro: Distro) -> Json:
    return _without_blanks(
        {
            "bom-ref": f"os:{distro.id}@{distro.version_id}",
            "type": "operating-system",
            "name": distro.id,
            "version": distro.version_id,
            "description": distro.pretty_name,
            "cpe": distro.cpe_name if distro.cpe_name.startswith("cpe:") else "",
            "properties": _properties(
                (("distro:codename", distro.codename), ("distro:id_like", " ".join(distro.id_like)))
            ),
        }
    )


def _dependencies(inventory: Inventory, root: str, libraries: Sequence[Json]) -> list[Json]:
    """What each component needs; the image those that no other one needs. Each is there, as the standard wants it."""
    refs: dict[str, list[str]] = {}
    for package, library in zip(inventory.packages, libraries, strict=True):
        refs.setdefault(package.purl, []).append(library["bom-ref"])
    relations = inventory.relations or ()
    needs = dependencies_of(relations)
    direct = tops((package.purl for package in inventory.packages), relations)
    found = [_dependency(root, [ref for purl in direct for ref in refs[purl]])]
    if inventory.distro:
        found.append(_dependency(_operating_system(inventory.distro)["bom-ref"], ()))
    for package, library in zip(inventory.packages, libraries, strict=True):
        wanted = [ref for purl in needs.get(package.purl, ()) for ref in refs.get(purl, ())]
        found.append(_dependency(library["bom-ref"], wanted))
    return found


def _dependency(ref: str, wanted: Sequence[str]) -> Json:
    return {"ref": ref, "dependsOn": sorted(set(wanted))} if wanted else {"ref": ref}


def _choices(relations: Iterable[Relation]) -> dict[str, list[tuple[str, str]]]:
    """The properties of packages that tell what they need less than other things: the standard has no place for that."""
    found: dict[str, list[tuple[str, str]]] = {}
    for relation in relations:
        if relation.kind != "depends-on":
            found.setdefault(relation.dependent, []).append((f"package:{relation.kind}", relation.dependency))
    return found


def _library(
    package: Package,
    package_id: str,
    choices: Mapping[str, list[tuple[str, str]]],
    shared: Mapping[Identity, Owners],
) -> Json:
    purl = package.purl
    component: Json = {
        "bom-ref": purl_with(purl, "package-id", package_id) if purl else f"package:{package_id}",
        "type": _KINDS.get(package.type, "library"),
        "name": package.name,
    }
    version = known_version(package)
    if version:
        component["version"] = version
    if purl:
        component["purl"] = purl
    cpes = cpes_of(package)
    if cpes:
        component["cpe"] = cpes[0]
    supplier = supplier_of(package.notes)
    if supplier is not None:
        component["supplier"] = _entity(supplier)
    licenses = [*_licenses(declared_by(package)), *_build_concluded_licences(package)]
    if licenses:
        component["licenses"] = licenses
    component["properties"] = _properties(chain(_package_details(package, shared), choices.get(purl, ())))
    # The standard has a place for one name; where syft has the others, its readers look for them.
    component["properties"] += [Property("syft:cpe23", name) for name in cpes[1:]]
    if evidence := _evidence(package):
        component["evidence"] = evidence
    return component


def _entity(found: Agent) -> Json:
    entity: Json = {"name": found.name}
    if found.web:
        entity["url"] = [found.web]
    if found.mail:
        entity["contact"] = [{"email": found.mail}]
    return entity


def _evidence(package: Package) -> Json:
    """Where it was found, and the licences that texts tell."""
    evidence: Json = {}
    if package.locations:
        evidence["occurrences"] = [{"location": location.path} for location in package.locations]
    if found := dict.fromkeys(evidence.license for evidence in found_in(package)):
        evidence["licenses"] = [{"license": {"id": name} if spdx_id(name) else {"name": name}} for name in found]
    return evidence


def _build_concluded_licences(package: Package) -> Iterator[Json]:
    """Licences that texts tell where the package leaves them open. There is no expression beside them then."""
    for name in conclude_licences(package):
        if spdx_id(name) and name not in declared_by(package):
            yield {"license": {"id": name, "acknowledgement": "concluded"}}


def _package_details(package: Package, shared: Mapping[Identity, Owners]) -> Iterable[tuple[str, str]]:
    owners = {path: owner for owner, paths in owners_of(package, shared) for path in paths}
    yield "package:cataloger", package.cataloger
    yield "package:type", package.type
    yield "package:arch", package.arch
    if package.source:
        yield "package:source:name", package.source.name
        yield "package:source:version", package.source.version
    yield "package:owned_by", package.owned_by or ""
    for name, value in sorted(package.notes.items()):
        yield f"package:note:{name}", value
    for evidence in package.license_evidence:
        yield "package:licence", sentence(evidence)
    for i, location in enumerate(package.locations):
        yield f"location:{i}:path", location.path
        yield f"location:{i}:layer", str(location.layer)
        yield f"location:{i}:owned_by", owners.get(location.path, "")


def _file(record: FileRecord) -> Json:
    details = (("file:layer", str(record.layer)), ("file:owner", record.owner or ""), ("file:state", record.state))
    return {
        "bom-ref": f"file:{record.path}",
        "type": "file",
        "name": record.path,
        "hashes": [{"alg": "SHA-256", "content": record.sha256}],
        "properties": _properties(details),
    }


def _licenses(found: Iterable[str]) -> list[Json]:
    """Identifiers and names, or one expression: the standard allows no mixture."""
    texts = distinct(found)
    expressions = [expression for text in texts if (expression := spdx_expression(text))]
    if len(expressions) == len(texts) and any(spdx_id(expression) is None for expression in expressions):
        return [{"expression": all_of(expressions), "acknowledgement": "declared"}]
    return [{"license": _license(text)} for text in texts]


def _license(text: str) -> Json:
    told = spdx_expression(text) or text
    if references(told):
        told = text
    known = spdx_id(told)
    if known:
        return {"id": known, "acknowledgement": "declared"}
    name = " ".join(told[: 2 * _MAX_LICENSE_NAME].split())[:_MAX_LICENSE_NAME]
    license: Json = {"name": name, "acknowledgement": "declared"}
    if name != told:
        license["text"] = {"contentType": "text/plain", "content": text}
    return license


def _properties(details: Iterable[tuple[str, str]]) -> list[Property]:
    return [Property(f"hullmark:{name}", value) for name, value in details if value]


def _without_blanks(component: Json) -> Json:
    return {key: value for key, value in component.items() if value or key == "name"}


FORMAT = Format(
    kind="inventory",
    name="cyclonedx-json",
    media_type="application/vnd.cyclonedx+json; version=1.6",
    file_name="bom.cdx.json",
    render=render,
    is_single=True,
    tells_relations=True,
    tells_licences=True,
    spec_versions=VERSIONS,
)
