"""Application bundles of macOS: NAME.app/Contents/Info.plist (Apple's "Information Property List")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.guard import guard_call
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_ ()-]{0,127}").fullmatch


class Bundle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an Info.plist says."""

    name: str
    version: str
    identifier: str = ""


def extract(path: str, body: memoryview, report: Report) -> Bundle | None:
    """Name and version, of a property list in XML or binary."""
    import plistlib  # few images have one

    def report_error(error: Exception) -> None:
        is_deep = isinstance(error, RecursionError)
        report("the property list is nested too deeply" if is_deep else "it is not a property list")

    # For a file that is not a property list, the library may raise almost anything.
    found = guard_call(lambda: plistlib.loads(bytes(body)), report_error)
    if found is None:
        return None
    if not isinstance(found, dict):
        report("the property list is not a dictionary")
        return None
    name = _text(found, "CFBundleDisplayName") or _text(found, "CFBundleName") or _text(found, "CFBundleExecutable")
    version = _text(found, "CFBundleShortVersionString") or _text(found, "CFBundleVersion")
    if not name:
        report("the application bundle has no name")
        return None
    return Bundle(name, version if _IS_VERSION(version) else "", _text(found, "CFBundleIdentifier"))


def _text(found: dict[Any, Any], key: str) -> str:
    value = found.get(key)
    text = value.strip()[:256] if isinstance(value, str) else ""
    return text.encode("utf-8", "replace").decode("utf-8") if text.isprintable() else ""


INFO = Read(name="apple-info-plist", fact=Bundle, globs=("**/*.app/Contents/Info.plist",), extract=extract, limit=MIB)


def assemble(view: View) -> Iterator[Package]:
    """One package a bundle; what is inside a bundle's own folders (frameworks, helpers) belongs to it."""
    for found in view.facts(INFO):
        bundle = found.path.removesuffix("/Contents/Info.plist")
        if not bundle.endswith(".app") or ".app/Contents/" in bundle:
            continue
        fact = found.fact
        yield Package(
            type="generic",
            name=fact.name,
            version=fact.version or UNKNOWN_VERSION,
            purl=make_purl("generic", fact.name, fact.version),
            cataloger="apple",
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"identifier": fact.identifier} if fact.identifier else {},
        )


CATALOGER = Cataloger(name="apple", types=("generic",), reads=(INFO,), assemble=assemble)
