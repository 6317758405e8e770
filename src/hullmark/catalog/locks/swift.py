"""Swift's Package.resolved, versions 1 to 3 (Swift Package Manager's documentation), and CocoaPods' Podfile.lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import (
    DeclaredPackage,
    Ecosystem,
    Listing,
    PackageCollector,
    package,
    packages,
)
from hullmark.catalog.documents import JSON_LIMIT, YAML_LIMIT, json_object, yaml_documents
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import LocatedFact, Read, Report

_SWIFT_NAME, _POD_NAME = "swift-lock", "cocoapods-lock"
_PLACE = late(
    r"(?:[a-z+]{2,10}://)?(?:[^/@\s]{1,128}@)?([A-Za-z0-9.-]{1,253})(?::\d{1,5})?[/:]([^\s?#]{1,512}?)(?:\.git)?/?"
).fullmatch
_IS_PATH = late(r"[A-Za-z0-9_.~/+-]{1,512}").fullmatch
_IS_NAME = late(r"[A-Za-z0-9_.+-]{1,128}(?: [A-Za-z0-9_./~+-]{1,512})?").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}").fullmatch
_POD = late(r"([A-Za-z0-9_.+-]{1,128}(?:/[A-Za-z0-9_.+/-]{1,256})?) \(([0-9A-Za-z][0-9A-Za-z.+_-]{0,127})\)").fullmatch
_IS_POD = late(r"[A-Za-z0-9_.+/-]{1,385}").fullmatch


def extract_resolved(path: str, body: memoryview, report: Report) -> Listing | None:
    """The pins; a name is what the pin is called, a blank, and where it comes from. One without a version is on a branch or commit."""
    found = json_object(body, report)
    if found is None:
        return None
    inner = found.get("object")
    pins = (inner if isinstance(inner, dict) else found).get("pins")
    if not isinstance(pins, list):
        report("its pins are not a list")
        return None
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    for pin in pins:
        _gather_pin(pin, gathering)
    return gathering.finish(report)


def _gather_pin(pin: Any, gathering: PackageCollector) -> None:
    if not isinstance(pin, dict):
        gathering.refuse(pin)
        return
    url = pin.get("location") or pin.get("repositoryURL")
    state = pin.get("state")
    state = state if isinstance(state, dict) else {}
    place = _PLACE(url) if isinstance(url, str) else None
    path = f"{place[1].lower()}/{place[2].strip('/')}" if place and pin.get("kind") != "localSourceControl" else ""
    name = pin.get("identity") or pin.get("package")
    full = f"{name} {path}" if path and _IS_PATH(path) and ".." not in path else name
    gathering.add(full, state.get("version") or state.get("revision"))


def _swift_parts(name: str) -> tuple[str, str]:
    """The purl's namespace and name are the repository's."""
    called, _, place = name.partition(" ")
    namespace, _, own = place.rpartition("/")
    return (namespace, own) if namespace and own else ("", called)


def extract_pods(path: str, body: memoryview, report: Report) -> Listing | None:
    """The pods that were chosen, subspecs (`Pod/Part`) each on their own."""
    gathering = PackageCollector(_IS_POD, _IS_VERSION)
    for document in yaml_documents(body, report):
        pods = document.get("PODS", [])
        for entry in pods if isinstance(pods, list) else ():
            text, needs = next(iter(entry.items()), ("", ())) if isinstance(entry, dict) else (entry, ())
            pod = _POD(text) if isinstance(text, str) else None
            if pod:
                wanted = needs if isinstance(needs, list) else ()
                gathering.add(
                    pod[1], pod[2], needs=(need.partition(" ")[0] for need in wanted if isinstance(need, str))
                )
            else:
                gathering.refuse(text)
    return gathering.finish(report)


_SWIFT = Ecosystem(type="swift", cataloger=_SWIFT_NAME, parted=_swift_parts)
_PODS = Ecosystem(type="cocoapods", cataloger=_POD_NAME)
RESOLVED: Read[Listing] = Read(
    name="swift-package-resolved",
    fact=Listing,
    extract=extract_resolved,
    globs=("**/Package.resolved", "**/.package.resolved"),
    limit=JSON_LIMIT,
)
PODFILE_LOCK: Read[Listing] = Read(
    name="cocoapods-podfile-lock", fact=Listing, extract=extract_pods, globs=("**/Podfile.lock",), limit=YAML_LIMIT
)


def assemble(view: View) -> Iterator[Package]:
    """What Swift's lock files name, as they call it."""
    for locked in packages(view, (RESOLVED,), _SWIFT):
        yield replace(locked, name=locked.name.partition(" ")[0])


def assemble_pods(view: View) -> Iterator[Package]:
    """What CocoaPods' lock files name."""
    return packages(view, (PODFILE_LOCK,), pod_package)


def pod_package(found: LocatedFact[Listing], entry: DeclaredPackage) -> Package:
    """The package that a lock file of CocoaPods' names."""
    made = package(found, entry, _PODS)
    pod, _, part = entry.name.partition("/")
    return replace(made, purl=make_purl("cocoapods", pod, entry.version, subpath=part))


CATALOGERS = (
    Cataloger(name=_SWIFT_NAME, types=("swift",), reads=(RESOLVED,), assemble=assemble),
    Cataloger(name=_POD_NAME, types=("cocoapods",), reads=(PODFILE_LOCK,), assemble=assemble_pods),
)
CATALOGER = CATALOGERS[0]
