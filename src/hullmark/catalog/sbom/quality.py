"""What a bill of materials says of the elements that two specifications want.

"The Minimum Elements For a Software Bill of Materials" (NTIA, July 2021), its data fields; and TR-03183-2 of the BSI, version 2.1.0
(August 2025), sections 5.2.1 to 5.2.4. Only what stands in a document is measured: no practices, nothing optional.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from msgspec.structs import replace

from hullmark.catalog.sbom.document import Document, SbomPackage
from hullmark.catalog.sbom.purl_parts import parts_of
from hullmark.model.licences.expressions import expression_of
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION
from hullmark.model.quality import ElementQuality, Quality, SpecificationQuality

_SHOWN = Limit(5, "components that lack an element and are named (all are counted)", "shortened")
_NO_VERSION = frozenset(("", "noassertion", "none", UNKNOWN_VERSION.lower()))
_MOMENT = re.compile(
    r"(?!1970-01-01)\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d)?"
).fullmatch
_FORMAT = re.compile(r"(CycloneDX|SPDX) (\d+)\.(\d+)(?:\.\d+)*").fullmatch
_NEWEST_WANTED = {"CycloneDX": (1, 6), "SPDX": (3, 0)}


class _OfDocument(NamedTuple):
    name: str
    has: Callable[[Document], object]
    advice: str
    required: bool = True


class _OfComponent(NamedTuple):
    name: str
    has: Callable[[SbomPackage], object]
    advice: str
    required: bool = True


def _is_current(document: Document) -> bool:
    found = _FORMAT(document.statements.format)
    return found is not None and (int(found[2]), int(found[3])) >= _NEWEST_WANTED[found[1]]


def _version(entry: SbomPackage) -> bool:
    parts = parts_of(entry.purl)
    return bool({entry.version.lower(), parts.version.lower() if parts is not None else ""} - _NO_VERSION)


def _name(entry: SbomPackage) -> bool:
    return entry.name.strip().lower() not in ("", "noassertion")


def _identifier(entry: SbomPackage) -> bool:
    return bool(parts_of(entry.purl) or entry.cpes or entry.swid or entry.notes.get("cpes"))


_TIMESTAMP = "SOURCE_DATE_EPOCH=$(date +%s) hullmark scan … writes the moment into the document"
_AUTHOR = "hullmark scan --author 'Example Ltd <sbom@example.com>' … names who made the document"
_SUPPLIER = "say it with `supplier` in a file of corrections, or in the packages' own records"
_VERSION = "say it with `version` in a file of corrections"
_NAMES = "give each component a package URL or a CPE name"
_RELATED = "write the document with its relations: hullmark scan -o cyclonedx-json, spdx-json …"
_FILES = "the tool that builds the component knows its file; an inventory of installed packages does not"

_NTIA: tuple[_OfDocument | _OfComponent, ...] = (
    _OfDocument("author of SBOM data", lambda document: document.statements.author, _AUTHOR),
    _OfDocument("timestamp", lambda document: _MOMENT(document.statements.created), _TIMESTAMP),
    _OfComponent("supplier name", lambda entry: entry.statements.supplier, _SUPPLIER),
    _OfComponent("component name", _name, "give each component a name"),
    _OfComponent("version", _version, _VERSION),
    _OfComponent("other unique identifiers", _identifier, _NAMES),
    _OfComponent("dependency relationship", lambda entry: entry.statements.is_related, _RELATED),
)
_BSI: tuple[_OfDocument | _OfComponent, ...] = (
    _OfDocument(
        "format: CycloneDX 1.6, SPDX 3.0, or newer", _is_current, "hullmark sbom convert -o cyclonedx-json … writes one"
    ),
    _OfDocument("creator of the SBOM (mail or web address)", lambda document: document.statements.contact, _AUTHOR),
    _OfDocument("timestamp", lambda document: _MOMENT(document.statements.created), _TIMESTAMP),
    _OfDocument(
        "completeness of dependencies is stated", lambda document: document.statements.tells_completeness, _RELATED
    ),
    _OfDocument(
        "SBOM-URI",
        lambda document: document.statements.uri,
        "give the document a serial number or namespace",
        required=False,
    ),
    _OfComponent(
        "component creator (mail or web address)",
        lambda entry: entry.statements.contact,
        "say it with `supplier: Name <mail or web address>` in a file of corrections",
    ),
    _OfComponent("component name", _name, "give each component a name"),
    _OfComponent("component version", _version, _VERSION),
    _OfComponent("filename", lambda entry: entry.statements.file_name, _FILES),
    _OfComponent("dependencies", lambda entry: entry.statements.is_related, _RELATED),
    _OfComponent(
        "distribution licences (SPDX expression)",
        lambda entry: expression_of(entry.licenses),
        "say it with `licenses` in a file of corrections",
    ),
    _OfComponent(
        "hash of the deployable component (SHA-512)", lambda entry: "SHA-512" in entry.statements.hashes, _FILES
    ),
    _OfComponent("executable property", lambda entry: "executable" in entry.statements.properties, _FILES),
    _OfComponent("archive property", lambda entry: "archive" in entry.statements.properties, _FILES),
    _OfComponent("structured property", lambda entry: "structured" in entry.statements.properties, _FILES),
    _OfComponent("source code URI", lambda entry: entry.statements.source_uri, _FILES, required=False),
    _OfComponent("URI of the deployable form", lambda entry: entry.statements.download_uri, _FILES, required=False),
    _OfComponent("other unique identifiers", _identifier, _NAMES, required=False),
)
SPECIFICATIONS = (("NTIA minimum elements (2021)", _NTIA), ("BSI TR-03183-2 (2.1.0)", _BSI))
"""Name, and what it wants in its own order."""


def quality_of(document: Document, name: str) -> Quality:
    """What the document lacks. `name` stands for what it is about where it does not say."""
    source = document.source
    return Quality(
        source=source if source.reference else replace(source, reference=name),
        format=document.statements.format or "another format",
        components=len(document.packages),
        specifications=tuple(_specification(title, elements, document) for title, elements in SPECIFICATIONS),
        problems=document.problems.all(),
    )


def _specification(
    title: str, elements: Iterable[_OfDocument | _OfComponent], document: Document
) -> SpecificationQuality:
    found = tuple(_element(element, document) for element in elements)
    # A document without components tells nothing of any.
    shares = [Fraction(element.have, max(1, element.of)) for element in found if element.required]
    score = int(100 * sum(shares, Fraction()) / len(shares))
    return SpecificationQuality(name=title, score=score, elements=found)


def _element(element: _OfDocument | _OfComponent, document: Document) -> ElementQuality:
    if isinstance(element, _OfDocument):
        lacking: tuple[str, ...] = ()
        have, of = int(bool(element.has(document))), 1
    else:
        without = [entry for entry in document.packages if not element.has(entry)]
        have, of = len(document.packages) - len(without), len(document.packages)
        lacking = _list_names(without)
    return ElementQuality(
        name=element.name,
        subject="document" if isinstance(element, _OfDocument) else "component",
        required=element.required,
        have=have,
        of=of,
        lacking=lacking,
        advice=element.advice if have < of or not of else "",
    )


def _list_names(entries: Sequence[SbomPackage]) -> tuple[str, ...]:
    """The first of them, by what they are called."""
    return tuple(entry.purl or f"{entry.name} {entry.version}".strip() or entry.label for entry in entries[:_SHOWN])
