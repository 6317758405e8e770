"""vcpkg.json (vcpkg's reference): the project itself, and what it depends on, at the least version or the one that it overrides."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import JSON_LIMIT, Table, json_object
from hullmark.catalog.languages.vcpkg import is_name, is_version
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "vcpkg-lock"
_KEYS = ("version", "version-semver", "version-date", "version-string")


def _version(entry: Table) -> object:
    found = next((entry[key] for key in _KEYS if entry.get(key)), None)
    port = entry.get("port-version")
    return f"{found}#{port}" if isinstance(found, str) and isinstance(port, int) and port else found


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The project and its dependencies."""
    found = json_object(body, report)
    if found is None:
        return None
    gathering = PackageCollector(is_name, is_version)
    if isinstance(found.get("name"), str):
        gathering.add(found["name"], _version(found))
    overrides = found.get("overrides")
    listed = overrides if isinstance(overrides, list) else []
    chosen = {
        entry["name"]: _version(entry)
        for entry in listed
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    }
    wanted = found.get("dependencies", [])
    for entry in wanted if isinstance(wanted, list) else ():
        name = entry.get("name") if isinstance(entry, dict) else entry
        least = entry.get("version>=") if isinstance(entry, dict) else None
        is_host = isinstance(entry, dict) and entry.get("host") is True
        if not is_host:
            gathering.add(name, chosen.get(name, least) if isinstance(name, str) else None)
    return gathering.finish(report)


VCPKG_JSON: Read[Listing] = Read(
    name="vcpkg-manifest", fact=Listing, extract=extract, globs=("**/vcpkg.json",), limit=JSON_LIMIT
)
_VCPKG = Ecosystem(type="vcpkg", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the manifests name."""
    return packages(view, (VCPKG_JSON,), _VCPKG)


CATALOGER = Cataloger(name=_NAME, types=("vcpkg",), reads=(VCPKG_JSON,), assemble=assemble)
