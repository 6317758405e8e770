"""renv.lock (renv's documentation, "Lockfiles"): the packages of an R project."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import JSON_LIMIT, Table, json_object
from hullmark.catalog.languages.r import is_name, is_version
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "r-lock"


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages that were chosen."""
    lock = json_object(body, report)
    entries = lock.get("Packages", {}) if lock is not None else {}
    if not isinstance(entries, dict):
        report("its Packages are not an object")
        return None
    gathering = PackageCollector(is_name, is_version)
    for name, entry in entries.items():
        if isinstance(entry, dict):
            gathering.add(entry.get("Package", name), entry.get("Version"), needs=_needs(entry))
        else:
            gathering.refuse(name)
    return gathering.finish(report)


def _needs(entry: Table) -> Iterator[str]:
    """Names, with a range behind them in newer files."""
    for field in ("Requirements", "Depends", "Imports", "LinkingTo"):
        wanted = entry.get(field)
        yield from (
            text.partition(" ")[0] for text in (wanted if isinstance(wanted, list) else ()) if isinstance(text, str)
        )


CRAN = Ecosystem(type="cran", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files name."""
    return packages(view, (RENV_LOCK,), CRAN)


RENV_LOCK: Read[Listing] = Read(
    name="r-renv-lock", fact=Listing, extract=extract, globs=("**/renv.lock",), limit=JSON_LIMIT
)
CATALOGER = Cataloger(name=_NAME, types=("cran",), reads=(RENV_LOCK,), assemble=assemble)
