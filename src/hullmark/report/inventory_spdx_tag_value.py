"""SPDX 2.3 as tags and values (https://spdx.github.io/spdx-spec/v2.3/): what the JSON says, a line each.

A value of several lines stands between `<text>` and `</text>`, which therefore cannot stand in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from hullmark.model.inventory import Inventory
from hullmark.report import inventory_spdx_json
from hullmark.report.format import Format, RenderContext
from hullmark.report.terminal import safe

Json = dict[str, Any]

_NO_NAMES = ("", "NONE", "NOASSERTION")
_PACKAGE = (
    ("SPDXID", "SPDXID"), ("PackageVersion", "versionInfo"), ("PackageSupplier", "supplier"),
    ("PackageDownloadLocation", "downloadLocation"), ("PrimaryPackagePurpose", "primaryPackagePurpose"),
)  # fmt: skip
_PACKAGE_END = (("PackageLicenseConcluded", "licenseConcluded"), ("PackageLicenseDeclared", "licenseDeclared"))


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The document, its parts separated by empty lines."""
    document: Json = msgspec.to_builtins(inventory_spdx_json.document_of(inventory, context))
    parts = [_head(document), *map(_file, document.get("files", ())), *map(_package, document["packages"])]
    parts += [_licence(entry) for entry in document.get("hasExtractedLicensingInfos", ())]
    parts.append(line for entry in document["relationships"] for line in _relation(entry))
    return "\n\n".join("\n".join(part) for part in parts).encode() + b"\n"


def _head(document: Json) -> Iterator[str]:
    creation = document["creationInfo"]
    yield _line("SPDXVersion", document["spdxVersion"])
    yield _line("DataLicense", document["dataLicense"])
    yield _line("SPDXID", document["SPDXID"])
    yield _line("DocumentName", _format_name(document["name"]))
    yield _line("DocumentNamespace", document["documentNamespace"])
    if "comment" in document:
        yield _text("DocumentComment", document["comment"])
    yield from (_line("Creator", creator) for creator in creation["creators"])
    yield _line("Created", creation["created"])
    yield _line("LicenseListVersion", creation["licenseListVersion"])


def _package(package: Json) -> Iterator[str]:
    yield _line("PackageName", _format_name(package["name"]))
    yield from (_line(tag, package[key]) for tag, key in _PACKAGE if package.get(key, "").strip())
    yield _line("FilesAnalyzed", str(package["filesAnalyzed"]).lower())
    yield from _checksums("PackageChecksum", package.get("checksums", ()))
    if "sourceInfo" in package:
        yield _text("PackageSourceInfo", package["sourceInfo"])
    yield from (_line(tag, package[key]) for tag, key in _PACKAGE_END)
    if "licenseComments" in package:
        yield _text("PackageLicenseComments", package["licenseComments"])
    yield _line("PackageCopyrightText", package["copyrightText"])
    if "description" in package:
        yield _text("PackageDescription", package["description"])
    for reference in package.get("externalRefs", ()):
        words = (reference[key] for key in ("referenceCategory", "referenceType", "referenceLocator"))
        yield _line("ExternalRef", " ".join(words))


def _format_name(name: str) -> str:
    """A name. The words for "none" are not names in this format, as nothing is."""
    return f"({name.strip() or 'no name'})" if name.strip() in _NO_NAMES else name


def _file(file: Json) -> Iterator[str]:
    yield _line("FileName", file["fileName"])
    yield _line("SPDXID", file["SPDXID"])
    yield from _checksums("FileChecksum", file["checksums"])
    yield _line("LicenseConcluded", file["licenseConcluded"])
    yield from (_line("LicenseInfoInFile", licence) for licence in file["licenseInfoInFiles"])
    yield _line("FileCopyrightText", file["copyrightText"])
    if "comment" in file:
        yield _text("FileComment", file["comment"])


def _checksums(tag: str, checksums: Iterable[Json]) -> Iterator[str]:
    return (_line(tag, f"{entry['algorithm']}: {entry['checksumValue']}") for entry in checksums)


def _licence(entry: Json) -> Iterator[str]:
    yield _line("LicenseID", entry["licenseId"])
    yield _text("ExtractedText", entry["extractedText"])


def _relation(entry: Json) -> Iterator[str]:
    yield _line("Relationship", f"{entry['spdxElementId']} {entry['relationshipType']} {entry['relatedSpdxElement']}")
    if "comment" in entry:
        yield _text("RelationshipComment", entry["comment"])


def _line(tag: str, value: str) -> str:
    return f"{tag}: {safe(value)}"


def _text(tag: str, value: str) -> str:
    lines = "\n".join(
        safe(line) for line in value.replace("<text>", "<_text>").replace("</text>", "</_text>").split("\n")
    )
    return f"{tag}: <text>{lines}</text>"


FORMAT = Format(
    kind="inventory",
    name="spdx-tag-value",
    media_type="text/spdx; version=2.3",
    file_name="bom.spdx",
    render=render,
    is_single=True,
    tells_relations=True,
    tells_licences=True,
)
