"""Julia's Manifest.toml, versions 1 and 2 (Pkg's documentation, "Project.toml and Manifest.toml")."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import TOML_LIMIT, toml_table
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "julia-lock"
_IS_NAME = late(r"[A-Za-z][A-Za-z0-9_]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9][0-9A-Za-z.+_-]{0,127}").fullmatch
_IS_UUID = late(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages that were chosen. A part of Julia itself has no version of its own, and is left out."""
    found = toml_table(body, report)
    if found is None:
        return None
    inner = found.get("deps", {}) if "manifest_format" in found else found
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    for name, entries in inner.items() if isinstance(inner, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict):
                gathering.refuse(name)
            elif entry.get("version") is not None:
                uuid = entry.get("uuid")
                is_sound = isinstance(uuid, str) and _IS_UUID(uuid)
                wanted = entry.get("deps")
                needs = [name for name in wanted if isinstance(name, str)] if isinstance(wanted, list | dict) else ()
                qualifiers = (("uuid", str(uuid)),) if is_sound else ()
                gathering.add(name, entry["version"], qualifiers=qualifiers, needs=needs)
    return gathering.finish(report)


JULIA = Ecosystem(type="julia", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the manifests name."""
    return packages(view, (MANIFEST,), JULIA)


MANIFEST: Read[Listing] = Read(
    name="julia-manifest",
    fact=Listing,
    extract=extract,
    globs=("**/Manifest.toml", "**/JuliaManifest.toml"),
    limit=TOML_LIMIT,
)
CATALOGER = Cataloger(name=_NAME, types=("julia",), reads=(MANIFEST,), assemble=assemble)
