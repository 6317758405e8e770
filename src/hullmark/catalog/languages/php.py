"""PHP packages that composer installed: vendor/composer/installed.json (composer 1: a list, 2: an object), else installed.php."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, package, packages, vcs_url
from hullmark.catalog.documents import JSON_LIMIT, Table, json_value, text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

NAME = "php"
_MAX_LICENCES = Limit(32, "licences of one PHP package", "shortened")
_IS_NAME = late(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,126})/[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,126})").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_#/@~-]{0,127}").fullmatch
_VERSIONS = late(r"'versions'\s*=>\s*array\s*\(").search
_ENTRY = late(r"'([^'\\\n]{3,255})'\s*=>\s*array\s*\(\s*'pretty_version'\s*=>\s*(?:'([^'\\\n]{1,128})'|null)").finditer


def collector() -> PackageCollector:
    """For names with a vendor, and versions as composer shows them (`v1.2.3`, `dev-main`)."""
    return PackageCollector(_IS_NAME, _IS_VERSION)


def gather(entries: list[Any], gathering: PackageCollector) -> None:
    """Take composer's descriptions of packages. A branch is told with its commit."""
    for entry in entries:
        if not isinstance(entry, dict):
            gathering.refuse(entry)
            continue
        version = entry.get("version")
        is_branch = isinstance(version, str) and (version.startswith("dev-") or version.endswith("-dev"))
        gathering.add(
            entry.get("name"),
            version,
            licenses=_licences(entry.get("license")),
            qualifiers=_origin(entry) if is_branch else (),
            needs=_needs(entry),
        )


def _needs(entry: Table) -> tuple[str, ...]:
    needs = entry.get("require")
    return tuple(needs) if isinstance(needs, dict) else ()


def _licences(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(text[:512] for text in values[:_MAX_LICENCES] if isinstance(text, str) and text))


def _origin(entry: Table) -> tuple[tuple[str, str], ...]:
    source = entry.get("source")
    if not isinstance(source, dict) or source.get("type") not in ("git", "hg", "svn"):
        return ()
    return vcs_url(source["type"], source.get("url"), source.get("reference"))


def extract_json(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of either form."""
    found = json_value(body, report)
    entries = found.get("packages", []) if isinstance(found, dict) else found
    if not isinstance(entries, list):
        if found is not None:
            report("it is not a list of installed packages")
        return None
    gathering = collector()
    gather(entries, gathering)
    return gathering.finish(report)


def extract_php(path: str, body: memoryview, report: Report) -> Listing | None:
    """The versions in the array that composer 2 writes. What is only replaced or provided has none."""
    text = text_of(body)
    start = _VERSIONS(text)
    if start is None:
        report("it is not composer's list of installed packages")
        return None
    gathering = collector()
    for entry in _ENTRY(text, start.end()):
        gathering.add(entry[1], entry[2])
    return gathering.finish(report)


INSTALLED: Read[Listing] = Read(
    name="php-composer-installed",
    fact=Listing,
    globs=("**/composer/installed.json",),
    extract=extract_json,
    limit=JSON_LIMIT,
)
ARRAY: Read[Listing] = Read(
    name="php-composer-array", fact=Listing, globs=("**/composer/installed.php",), extract=extract_php, limit=16 * MIB
)


def split_name(name: str) -> tuple[str, str]:
    """Vendor and name."""
    vendor, _, own = name.partition("/")
    return vendor, own


COMPOSER = Ecosystem(type="composer", cataloger=NAME, parted=split_name)


def assemble(view: View) -> Iterator[Package]:
    """The packages in installed.json. Where that is absent, those in installed.php."""
    yield from packages(view, (INSTALLED,), COMPOSER, everywhere=True)
    for found in view.facts(ARRAY):
        if view.fact_at(INSTALLED, f"{found.path.removesuffix('.php')}.json") is None:
            yield from (package(found, entry, COMPOSER) for entry in found.fact)


CATALOGER = Cataloger(name=NAME, types=("composer",), reads=(INSTALLED, ARRAY), assemble=assemble)
