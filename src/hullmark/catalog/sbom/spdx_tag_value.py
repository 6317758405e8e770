"""SPDX 2.1 to 2.3 as lines of tags and values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from hullmark.catalog.sbom.document import MAX_COMPONENTS, Document, Marks, Problems, SbomFormat
from hullmark.catalog.sbom.spdx import Relation, Spdx, SpdxPackage, document_of

_PACKAGE = {
    "SPDXID": "SPDXID",
    "PackageVersion": "versionInfo",
    "PrimaryPackagePurpose": "primaryPackagePurpose",
    "PackageSourceInfo": "sourceInfo",
    "PackageDescription": "description",
    "PackageSupplier": "supplier",
    "PackageOriginator": "originator",
    "PackageLicenseDeclared": "licenseDeclared",
    "PackageLicenseConcluded": "licenseConcluded",
    "PackageLicenseComments": "licenseComments",
    "PackageFileName": "packageFileName",
    "PackageDownloadLocation": "downloadLocation",
}

Json = dict[str, Any]


class _Reader:
    """Takes one tag after the other."""

    def __init__(self, problems: Problems) -> None:
        self.spdx = Spdx(texts={})
        self._problems = problems
        self._packages: list[Json] = []
        self._package: Json | None = None
        self._texts: dict[str, str] = {}
        self._license = ""
        self._relation: Relation | None = None
        self.broken = 0

    def take(self, tag: str, value: str) -> None:
        """One tag with its value."""
        special = _SPECIAL.get(tag)
        if special is not None:
            special(self, value)
        elif self._package is not None and tag in _PACKAGE:
            self._package.setdefault(_PACKAGE[tag], value)

    def finish(self) -> Spdx:
        """The document."""
        packages = ((n, msgspec.convert(package, SpdxPackage)) for n, package in enumerate(self._packages))
        return msgspec.structs.replace(self.spdx, packages=packages, texts=self._texts)

    def document_name(self, value: str) -> None:
        """DocumentName."""
        self.spdx.name = value

    def version(self, value: str) -> None:
        """SPDXVersion."""
        self.spdx.version = value.replace("SPDX-", "SPDX ")

    def namespace(self, value: str) -> None:
        """DocumentNamespace."""
        self.spdx.namespace = value

    def created(self, value: str) -> None:
        """Created."""
        self.spdx.created = value

    def creator(self, value: str) -> None:
        """Creator."""
        self.spdx.creators.append(value)

    def package(self, value: str) -> None:
        """PackageName begins a package."""
        self._package = {"name": value}
        if len(self._packages) < MAX_COMPONENTS:
            self._packages.append(self._package)
        else:
            self._problems.add(f"only the first {MAX_COMPONENTS:,} packages were read")

    def other(self, value: str) -> None:
        """Begins something other than a package."""
        self._package = None

    def reference(self, value: str) -> None:
        """ExternalRef: category, type, locator."""
        words = value.split(None, 2)
        if len(words) != 3:
            self.broken += 1
        elif self._package is not None:
            kept = self._package.setdefault("externalRefs", [])
            kept.append({"referenceType": words[1], "referenceLocator": words[2].strip()})

    def checksum(self, value: str) -> None:
        """PackageChecksum."""
        algorithm, _, digest = value.partition(":")
        if self._package is not None:
            kept = self._package.setdefault("checksums", [])
            kept.append({"algorithm": algorithm.strip(), "checksumValue": digest.strip()})

    def attribution(self, value: str) -> None:
        """PackageAttributionText."""
        if self._package is not None:
            self._package.setdefault("attributionTexts", []).append(value)

    def relation(self, value: str) -> None:
        """Relationship: element, type, other element."""
        words, self._relation = value.split(), None
        if len(words) != 3:
            self.broken += 1
        elif len(self.spdx.relations) >= MAX_COMPONENTS:
            self._problems.add(f"only the first {MAX_COMPONENTS:,} relationships were read")
        else:
            self._relation = Relation(words[0], words[2], words[1])
            self.spdx.relations.append(self._relation)

    def relation_comment(self, value: str) -> None:
        """RelationshipComment, of the relationship before it."""
        if self._relation is not None:
            self._relation.comment = value

    def license_id(self, value: str) -> None:
        """LicenseID begins a licence that is not on SPDX's list."""
        self._package, self._license = None, value

    def license_text(self, value: str) -> None:
        """ExtractedText."""
        self._texts.setdefault(self._license, value)


_SPECIAL: dict[str, Callable[[_Reader, str], None]] = {
    "SPDXVersion": _Reader.version,
    "DocumentName": _Reader.document_name,
    "DocumentNamespace": _Reader.namespace,
    "Created": _Reader.created,
    "Creator": _Reader.creator,
    "PackageName": _Reader.package,
    "FileName": _Reader.other,
    "SnippetSPDXID": _Reader.other,
    "ExternalRef": _Reader.reference,
    "PackageChecksum": _Reader.checksum,
    "PackageAttributionText": _Reader.attribution,
    "Relationship": _Reader.relation,
    "RelationshipComment": _Reader.relation_comment,
    "LicenseID": _Reader.license_id,
    "ExtractedText": _Reader.license_text,
}


def read(body: bytes) -> Document:
    """What the document tells. Lines that are neither tags nor comments are counted among the problems."""
    problems = Problems()
    reader = _Reader(problems)
    bad = 0
    for tag, value in _tags(body.decode("utf-8", "replace")):
        if tag:
            reader.take(tag, value)
        else:
            bad += 1
    if bad:
        problems.add(f"{bad:,} line(s) have no tag and were not read")
    if reader.broken:
        problems.add(f"{reader.broken:,} reference(s) and relationship(s) are not of three words and were not read")
    return document_of(reader.finish(), problems)


def _tags(text: str) -> Iterator[tuple[str, str]]:
    """Each tag with its value; of a line that has none, "". A value within <text> goes on until </text>."""
    position, end = 0, len(text)
    while position < end:
        stop = text.find("\n", position)
        stop = end if stop < 0 else stop
        line = text[position:stop].strip()
        begin, position = position, stop + 1
        if not line or line.startswith("#"):
            continue
        tag, colon, value = line.partition(":")
        value = value.strip()
        if value.startswith("<text>"):
            opens = text.index("<text>", begin) + len("<text>")
            closes = text.find("</text>", opens)
            closes = end if closes < 0 else closes
            value = text[opens:closes]
            after = text.find("\n", closes)
            position = end if after < 0 else after + 1
        yield (tag.strip(), value) if colon else ("", "")


def _recognises(marks: Marks) -> bool:
    lines = (line.strip() for line in marks.head.splitlines())
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    return first.startswith(b"SPDXVersion:")


FORMAT = SbomFormat(name="spdx-tag-value", recognises=_recognises, read=read)
