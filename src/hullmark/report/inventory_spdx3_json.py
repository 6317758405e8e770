"""SPDX 3.0.1 as JSON-LD (https://spdx.github.io/spdx-spec/v3.0.1/): what the document of SPDX 2.3 says, as one graph of elements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from hullmark.model.inventory import Inventory
from hullmark.model.licences.expressions import references
from hullmark.report import inventory_spdx_json
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext

Json = dict[str, Any]

_CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_CREATION = "_:creation"
_PURPOSES = {"CONTAINER": "container", "FILE": "file", "LIBRARY": "library", "OPERATING-SYSTEM": "operatingSystem"}
_UNSAID = "NOASSERTION"
_TURNED = {"OPTIONAL_DEPENDENCY_OF": "hasOptionalDependency", "DEV_DEPENDENCY_OF": "dependsOn"}
"""Relationships of SPDX 2 whose ends SPDX 3 has the other way round. What only developers need is a dependency with a scope."""
_SAME = {"CONTAINS": "contains", "DEPENDS_ON": "dependsOn", "DESCRIBES": "describes"}
_LICENCES = (("licenseDeclared", "hasDeclaredLicense"), ("licenseConcluded", "hasConcludedLicense"))


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The graph as one line."""
    document: Json = msgspec.to_builtins(inventory_spdx_json.document_of(inventory, context))
    writer = _Writer(document)
    return encode({"@context": _CONTEXT, "@graph": list(writer.graph())})


class _Writer:
    """Writes one document. Ids are the document's namespace with the ids that SPDX 2 has."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._space = f"{document['documentNamespace']}#"
        self._texts = {
            entry["licenseId"]: entry["extractedText"] for entry in document.get("hasExtractedLicensingInfos", ())
        }

    def graph(self) -> Iterator[Json]:
        """All elements: who made it and when, the document, the bill of materials, and what is in it."""
        document = self._document
        creation = document["creationInfo"]
        tool, *authors = creation["creators"]
        yield {
            "type": "CreationInfo",
            "@id": _CREATION,
            "specVersion": "3.0.1",
            "created": creation["created"],
            "createdBy": [self._id("hullmark"), *(self._id(_name("Agent", author)) for author in authors)],
        }
        yield self._element("SoftwareAgent", "hullmark", name=tool.removeprefix("Tool: "))
        elements = [*map(self._package, document["packages"]), *map(self._file, document.get("files", ()))]
        elements += [*self._agents(authors), *self._licences(), *self._relations()]
        ids = [element["spdxId"] for element in elements]
        described = [self._id(entry["relatedSpdxElement"]) for entry in self._find_description_relations()]
        comment = {"comment": document["comment"]} if "comment" in document else {}
        yield self._element(
            "SpdxDocument",
            "document",
            name=document["name"],
            rootElement=[self._id("sbom")],
            profileConformance=["core", "software", "simpleLicensing"],
            **comment,
        )
        yield self._element(
            "software_Sbom",
            "sbom",
            name=document["name"],
            rootElement=described,
            element=ids,
            software_sbomType=["analyzed"],
        )
        yield from elements

    def _id(self, name: str) -> str:
        return self._space + name

    def _element(self, type: str, key: str, **fields: Any) -> Json:
        return {"type": type, "spdxId": self._id(key), "creationInfo": _CREATION, **fields}

    def _package(self, package: Json) -> Json:
        element = self._element("software_Package", package["SPDXID"], name=package["name"])
        element["software_primaryPurpose"] = _PURPOSES[package["primaryPackagePurpose"]]
        for key, name in (
            ("versionInfo", "software_packageVersion"),
            ("sourceInfo", "software_sourceInfo"),
            ("description", "description"),
            ("licenseComments", "comment"),
        ):
            if key in package:
                element[name] = package[key]
        if package["supplier"] != _UNSAID:
            element["suppliedBy"] = self._id(_name("Agent", package["supplier"]))
        for reference in package.get("externalRefs", ()):
            if reference["referenceType"] == "purl":
                element["software_packageUrl"] = reference["referenceLocator"]
            else:
                element.setdefault("externalIdentifier", []).append(_identifier("cpe23", reference["referenceLocator"]))
        if "checksums" in package:
            element["verifiedUsing"] = list(_hashes(package["checksums"]))
        return element

    def _file(self, file: Json) -> Json:
        element = self._element("software_File", file["SPDXID"], name=file["fileName"])
        element["verifiedUsing"] = list(_hashes(file["checksums"]))
        if "comment" in file:
            element["comment"] = file["comment"]
        return element

    def _agents(self, authors: Iterable[str]) -> Iterator[Json]:
        """Each author and supplier once, with a mail or web address where one is known."""
        suppliers = (package["supplier"] for package in self._document["packages"])
        for text in sorted({*authors, *suppliers} - {_UNSAID}):
            # As SPDX 2 writes it: `Organization: NAME (ADDRESS)`, with no other brackets of this kind.
            type, _, said = text.partition(": ")
            name, _, address = said.removesuffix(")").partition(" (")
            element = self._element(type, _name("Agent", text), name=name)
            if address:
                kind = "other" if "://" in address else "email"
                element["externalIdentifier"] = [_identifier(kind, address)]
            yield element

    def _licences(self) -> Iterator[Json]:
        """Each expression once, with the texts that it refers to, and which packages declare it, or for which it is concluded."""
        told: dict[str, list[tuple[str, str]]] = {}
        for package in self._document["packages"]:
            for key, kind in _LICENCES:
                if package[key] != _UNSAID:
                    told.setdefault(package[key], []).append((package["SPDXID"], kind))
        for name, text in sorted(self._texts.items()):
            yield self._element("simplelicensing_SimpleLicensingText", name, simplelicensing_licenseText=text)
        for expression, packages in sorted(told.items()):
            element = self._element(
                "simplelicensing_LicenseExpression",
                _name("Licence", expression),
                simplelicensing_licenseExpression=expression,
                simplelicensing_licenseListVersion=f"{self._document['creationInfo']['licenseListVersion']}.0",
            )
            own = [name for name in references(expression) if name in self._texts]
            if own:
                element["simplelicensing_customIdToUri"] = [
                    {"type": "DictionaryEntry", "key": name, "value": self._id(name)} for name in own
                ]
            yield element
            for id, kind in packages:
                yield self._relation(id, kind, [element["spdxId"]])

    def _relations(self) -> Iterator[Json]:
        """All other relationships: one for each element and kind, with all that it leads to."""
        found: dict[tuple[str, str, str, str], list[str]] = {}
        for entry in self._document["relationships"]:
            kind, ends = entry["relationshipType"], (entry["spdxElementId"], entry["relatedSpdxElement"])
            if kind == "DESCRIBES":
                continue  # the bill of materials has it as its root
            origin, target = ends[::-1] if kind in _TURNED else ends
            scope = "development" if kind == "DEV_DEPENDENCY_OF" else ""
            same = (origin, _TURNED.get(kind) or _SAME[kind], scope, entry.get("comment", ""))
            found.setdefault(same, []).append(self._id(target))
        for (origin, kind, scope, comment), targets in found.items():
            relation = self._relation(origin, kind, targets, scope)
            yield {**relation, "comment": comment} if comment else relation

    def _relation(self, origin: str, kind: str, targets: list[str], scope: str = "") -> Json:
        fields: Json = {"from": self._id(origin), "relationshipType": kind, "to": targets}
        type = "LifecycleScopedRelationship" if scope else "Relationship"
        if scope:
            fields["scope"] = scope
        return self._element(type, _name("Relationship", f"{origin} {kind} {scope} {targets[0]}"), **fields)

    def _find_description_relations(self) -> Iterator[Json]:
        return (entry for entry in self._document["relationships"] if entry["relationshipType"] == "DESCRIBES")


def _hashes(checksums: Iterable[Json]) -> Iterator[Json]:
    for entry in checksums:
        yield {"type": "Hash", "algorithm": entry["algorithm"].lower(), "hashValue": entry["checksumValue"]}


def _name(kind: str, text: str) -> str:
    return f"{kind}-{sha256(text.encode()).hexdigest()[:16]}"


def _identifier(kind: str, text: str) -> Json:
    return {"type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": text}


FORMAT = Format(
    kind="inventory",
    name="spdx3-json",
    media_type="application/ld+json",
    file_name="bom.spdx3.json",
    render=render,
    is_single=True,
    tells_relations=True,
    tells_licences=True,
)
