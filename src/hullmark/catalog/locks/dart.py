"""Dart's pubspec.lock, and the project itself in pubspec.yaml (dart.dev, "The pubspec file")."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages, vcs_url
from hullmark.catalog.documents import YAML_LIMIT, Table, yaml_documents
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "dart-lock"
_IS_NAME = late(r"[A-Za-z_][A-Za-z0-9_]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9][0-9A-Za-z.+_-]{0,127}").fullmatch
_USUAL = frozenset(("https://pub.dev", "https://pub.dartlang.org"))


def _gathering() -> PackageCollector:
    return PackageCollector(_IS_NAME, _IS_VERSION)


def extract_lock(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages that were chosen. Which of them others need only for development is not known."""
    gathering = _gathering()
    for document in yaml_documents(body, report):
        entries = document.get("packages", {})
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                gathering.add(name, entry.get("version"), qualifiers=_origin(entry))
            else:
                gathering.refuse(name)
    return gathering.finish(report)


def _origin(entry: Table) -> tuple[tuple[str, str], ...]:
    described = entry.get("description")
    if not isinstance(described, dict):
        return ()
    if entry.get("source") == "git":
        return vcs_url("git", described.get("url"), described.get("resolved-ref"))
    url = described.get("url")
    if not isinstance(url, str) or entry.get("source") != "hosted" or url.rstrip("/") in _USUAL:
        return ()
    return (("repository_url", url[:1024]),) if "@" not in url and url.isprintable() else ()


def extract_project(path: str, body: memoryview, report: Report) -> Listing | None:
    """The project itself, if it has a version."""
    gathering = _gathering()
    for document in yaml_documents(body, report):
        if document.get("name") is not None and document.get("version"):
            gathering.add(document["name"], document["version"])
    return gathering.finish(report)


_PUB = Ecosystem(type="pub", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files name, and the projects."""
    return packages(view, (PUBSPEC_LOCK, PUBSPEC), _PUB)


PUBSPEC_LOCK: Read[Listing] = Read(
    name="dart-pubspec-lock", fact=Listing, extract=extract_lock, globs=("**/pubspec.lock",), limit=YAML_LIMIT
)
PUBSPEC: Read[Listing] = Read(
    name="dart-pubspec", fact=Listing, extract=extract_project, globs=("**/pubspec.yaml", "**/pubspec.yml"), limit=MIB
)
CATALOGER = Cataloger(name=_NAME, types=("pub",), reads=(PUBSPEC_LOCK, PUBSPEC), assemble=assemble)
