"""What is in an image, by Anchore's types of content. Types of packages that Anchore has none for follow under their own names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.malware import Engine, MalwareScan
from hullmark.model.package import Package
from hullmark.model.policy_facts import KnownImage
from hullmark.model.purl import namespace_of
from hullmark.report.anchore.packages import (
    UNKNOWN,
    folder_of_modules,
    is_system,
    kind_of,
    places,
    version_of,
)
from hullmark.report.anchore.words import Json

CONTENT_TYPES = ("os", "files", "npm", "gem", "python", "java", "binary", "go", "malware")
"""The types that every image has, if only with nothing in them."""

_NOT_AVAILABLE = "N/A"
_FILE_TYPES = {"file": "file", "dir": "dir", "symlink": "slink", "char": "dev", "block": "dev"}
_NOT_THERE = frozenset(("missing", "ghost"))
_ARCHIVES = ("jar", "war", "ear", "jpi", "hpi")


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """All of one type in an image. What an entry has depends on the type."""

    content: list[Any]
    content_type: str
    image_digest: str = msgspec.field(name="imageDigest")


class SystemPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of the system. Anchore's data model has the size as a text."""

    cpes: list[str]
    license: str | None
    licenses: list[str]
    origin: str | None
    package: str
    size: str
    type: str
    version: str


class LanguagePackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a language, at one place."""

    cpes: list[str]
    license: str
    licenses: list[str]
    location: str
    origin: str
    package: str
    type: str
    version: str


class JavaPackage(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A Java archive or what is in it, at one place."""

    cpes: list[str]
    implementation_version: str
    location: str
    maven_version: str
    origin: str
    package: str
    specification_version: str
    type: str


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the finished image; `mode` is five octal digits, as `00755`."""

    filename: str
    gid: int
    linkdest: str | None
    mode: str
    sha256: str | None
    size: int
    type: str
    uid: int


class MalwareFinding(msgspec.Struct, frozen=True):
    """A file that a scanner reports as malware."""

    path: str
    signature: str


class MalwareResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one scanner found, and with which signatures."""

    enabled: bool
    findings: list[MalwareFinding]
    metadata: Json
    scanner: str


def content_types(inventory: Inventory) -> list[str]:
    """Which types of content there are."""
    others = {kind_of(package) for package in inventory.packages if not is_system(package)}
    return [*CONTENT_TYPES, *sorted(others.difference(CONTENT_TYPES))]


def content(known: KnownImage, kind: str) -> Content | None:
    """The content of a type; None if the image has no such type."""
    inventory = known.inventory
    if kind not in content_types(inventory):
        return None
    entries: list[Any]
    if kind == "files":
        entries = [_file(record) for record in inventory.files or () if record.state not in _NOT_THERE]
    elif kind == "malware":
        entries = malware(known.policy_facts.malware)
    else:
        entries = list(_packages(inventory.packages, kind))
    return Content(content=entries, content_type=kind, image_digest=inventory.source.digest)


def malware(scan: MalwareScan | None) -> list[MalwareResult]:
    """What scanners found, one entry for each; empty if nothing was scanned."""
    if scan is None:
        return []
    return [
        MalwareResult(
            enabled=True,
            findings=[
                MalwareFinding(found.path, found.signature) for found in scan.infections if found.engine == engine.name
            ],
            metadata=_signatures(engine),
            scanner=engine.name,
        )
        for engine in scan.engines
    ]


def _signatures(engine: Engine) -> Json:
    at = engine.signatures_at
    return {
        "db_version": {"signatures": engine.signatures},
        "db_updated_at": at.isoformat() if at is not None else None,
        "version": engine.version,
    }


def _packages(packages: Iterable[Package], kind: str) -> Iterable[object]:
    if kind == "os":
        return (_system(package) for package in packages if is_system(package))
    make: Callable[[Package, str], object] = _java if kind == "java" else _language
    chosen = (package for package in packages if not is_system(package) and kind_of(package) == kind)
    return (make(package, place) for package in chosen for place in places(package))


def _system(package: Package) -> SystemPackage:
    text = _licences(package)
    return SystemPackage(
        cpes=[],
        license=text or None,
        licenses=text.split(" ") if text else [],
        origin=package.notes.get("maintainer") or package.notes.get("vendor"),
        package=package.name,
        size=_NOT_AVAILABLE,
        type=kind_of(package),
        version=version_of(package),
    )


def _language(package: Package, place: str) -> LanguagePackage:
    notes = package.notes
    return LanguagePackage(
        cpes=[],
        license=_licences(package) or UNKNOWN,
        licenses=list(package.licenses) or [UNKNOWN],
        location=folder_of_modules(place) if package.type == "pypi" else place,
        origin=notes.get("author") or notes.get("authors") or notes.get("vendor") or UNKNOWN,
        package=package.name,
        type=kind_of(package).upper(),
        version=version_of(package),
    )


def _java(package: Package, place: str) -> JavaPackage:
    ending = place.rpartition(".")[2].lower()
    version = version_of(package)
    return JavaPackage(
        cpes=[],
        implementation_version=version,
        location=place,
        maven_version=version,
        origin=namespace_of(package.purl) or UNKNOWN,
        package=package.name,
        specification_version=_NOT_AVAILABLE,
        type=f"JAVA-{ending.upper()}" if ending in _ARCHIVES else "JAVA-JAR",
    )


def _licences(package: Package) -> str:
    return " ".join(sorted(package.licenses) if package.type == "deb" else package.licenses)


def _file(record: FileRecord) -> FileEntry:
    return FileEntry(
        filename=record.path,
        gid=record.gid,
        linkdest=record.link or None,
        mode=f"{record.mode & 0o7777:05o}",
        sha256=record.sha256 or None,
        size=record.size,
        type=_FILE_TYPES.get(record.type, "UNKNOWN"),
        uid=record.uid,
    )
