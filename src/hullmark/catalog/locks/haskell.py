"""Lock files of Haskell: stack.yaml.lock and stack.yaml (stack's documentation), cabal.project.freeze (Cabal's user guide)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, has_text, packages, vcs_url
from hullmark.catalog.documents import YAML_LIMIT, text_of, yaml_documents
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "haskell-lock"
_IS_NAME = late(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+){0,20}").fullmatch
_IS_VERSION = late(r"[0-9]{1,18}(?:\.[0-9]{1,18}){0,20}").fullmatch
_HACKAGE = late(
    r"([A-Za-z0-9-]{1,128})-([0-9][0-9.]{0,127})(?:@(?:sha256|rev):[0-9a-f]{1,64}(?:,\d{1,18})?)?"
).fullmatch
_PINNED = late(r"(?:any\.)?([A-Za-z0-9-]{1,128})\s*==\s*([0-9][0-9.]{0,127})").fullmatch


def _gathering() -> PackageCollector:
    return PackageCollector(_IS_NAME, _IS_VERSION)


def _gather(text: object, gathering: PackageCollector) -> None:
    found = _HACKAGE(text.strip()) if isinstance(text, str) else None
    if found:
        gathering.add(found[1], found[2])
    else:
        gathering.refuse(text)


def extract_lock(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages beside the snapshot, as they were completed; the snapshot's own are not in the file."""
    gathering = _gathering()
    for document in yaml_documents(body, report):
        entries = document.get("packages", [])
        for entry in entries if isinstance(entries, list) else ():
            completed = entry.get("completed", entry) if isinstance(entry, dict) else entry
            _gather_completed(completed, gathering)
    return gathering.finish(report)


def _gather_completed(entry: Any, gathering: PackageCollector) -> None:
    if not isinstance(entry, dict):
        gathering.refuse(entry)
    elif "hackage" in entry:
        _gather(entry["hackage"], gathering)
    else:
        origin = vcs_url("git", entry.get("git"), entry.get("commit"))
        gathering.add(entry.get("name"), entry.get("version"), qualifiers=origin)


def extract_project(path: str, body: memoryview, report: Report) -> Listing | None:
    """The extra dependencies that come from Hackage; folders and archives have no version here."""
    gathering = _gathering()
    for document in yaml_documents(body, report):
        entries = document.get("extra-deps", [])
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, str) and _HACKAGE(entry.strip()):
                _gather(entry, gathering)
    return gathering.finish(report)


def extract_freeze(path: str, body: memoryview, report: Report) -> Listing | None:
    """The constraints on one version; flags of packages are constraints too."""
    gathering = _gathering()
    whole, seen = text_of(body), False
    for line in whole.splitlines():
        field, colon, rest = line.partition(":")
        seen = seen or bool(colon)
        text = rest if colon and field.strip() == "constraints" else line
        for part in text.split(","):
            pinned = _PINNED(part.strip())
            if pinned:
                gathering.add(pinned[1], pinned[2])
    if not seen and has_text(whole, "--"):
        report("it has no field, as constraints is one")
    return gathering.finish(report)


_HACKAGE_PACKAGES = Ecosystem(type="hackage", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files name."""
    return packages(view, (STACK_LOCK, STACK, FREEZE), _HACKAGE_PACKAGES)


STACK_LOCK: Read[Listing] = Read(
    name="haskell-stack-lock", fact=Listing, extract=extract_lock, globs=("**/stack.yaml.lock",), limit=YAML_LIMIT
)
STACK: Read[Listing] = Read(
    name="haskell-stack", fact=Listing, extract=extract_project, globs=("**/stack.yaml",), limit=YAML_LIMIT
)
FREEZE: Read[Listing] = Read(
    name="haskell-cabal-freeze", fact=Listing, extract=extract_freeze, globs=("**/cabal.project.freeze",), limit=4 * MIB
)
CATALOGER = Cataloger(name=_NAME, types=("hackage",), reads=(STACK_LOCK, STACK, FREEZE), assemble=assemble)
