"""What .NET projects name: packages.config (NuGet's reference) and obj/project.assets.json, which restoring a project writes."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import JSON_LIMIT, XML_LIMIT, json_object, xml_root
from hullmark.catalog.languages.dotnet import is_version
from hullmark.catalog.languages.dotnet_assembly import is_name
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "dotnet-lock"


def extract_config(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages, without development dependencies."""
    root = xml_root(body, report)
    if root is None:
        return None
    gathering = PackageCollector(is_name, is_version)
    for entry in root:
        if entry.tag == "package" and entry.attrib.get("developmentDependency", "").lower() != "true":
            gathering.add(entry.attrib.get("id"), entry.attrib.get("version"))
    return gathering.finish(report)


def extract_assets(path: str, body: memoryview, report: Report) -> Listing | None:
    """The libraries that are packages, and not projects."""
    found = json_object(body, report)
    libraries = found.get("libraries", {}) if found is not None else {}
    if not isinstance(libraries, dict):
        report("its libraries are not an object")
        return None
    gathering = PackageCollector(is_name, is_version)
    targets = found.get("targets") if found is not None else None
    needs = chosen_needs(targets)
    for key, entry in libraries.items():
        name, _, version = key.partition("/")
        if isinstance(entry, dict) and entry.get("type") == "package":
            gathering.add(name, version, needs=needs.get(key, ()))
    return gathering.finish(report)


CONFIG: Read[Listing] = Read(
    name="dotnet-packages-config", fact=Listing, globs=("**/packages.config",), extract=extract_config, limit=XML_LIMIT
)


def chosen_needs(targets: object) -> dict[str, list[str]]:
    """`Name/1.0` → the `name@version` that each target has chosen of what it depends on. Names are the same in any case."""
    found: dict[str, list[str]] = {}
    for target in targets.values() if isinstance(targets, dict) else ():
        entries = target if isinstance(target, dict) else {}
        chosen = {key.partition("/")[0].lower(): key.replace("/", "@", 1) for key in entries}
        for key, entry in entries.items():
            wanted = entry.get("dependencies") if isinstance(entry, dict) else None
            names = wanted if isinstance(wanted, dict) else ()
            found.setdefault(key, []).extend(chosen[name.lower()] for name in names if name.lower() in chosen)
    return found


ASSETS: Read[Listing] = Read(
    name="dotnet-project-assets",
    fact=Listing,
    globs=("**/project.assets.json",),
    extract=extract_assets,
    limit=JSON_LIMIT,
)
NUGET = Ecosystem(type="nuget", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the files name."""
    return packages(view, (CONFIG, ASSETS), NUGET)


CATALOGER = Cataloger(name=_NAME, types=("nuget",), reads=(CONFIG, ASSETS), assemble=assemble)
