"""composer.lock (composer's documentation, "The lock file"): the packages that are not for development only."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, packages
from hullmark.catalog.documents import JSON_LIMIT, json_object
from hullmark.catalog.languages.php import collector, gather, split_name
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "php-lock"


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages that were chosen."""
    lock = json_object(body, report)
    entries = lock.get("packages", []) if lock is not None else []
    if not isinstance(entries, list):
        report("its packages are not a list")
        return None
    gathering = collector()
    gather(entries, gathering)
    return gathering.finish(report)


COMPOSER = Ecosystem(type="composer", cataloger=_NAME, parted=split_name)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files name."""
    return packages(view, (COMPOSER_LOCK,), COMPOSER)


COMPOSER_LOCK: Read[Listing] = Read(
    name="php-composer-lock", fact=Listing, extract=extract, globs=("**/composer.lock",), limit=JSON_LIMIT
)
CATALOGER = Cataloger(name=_NAME, types=("composer",), reads=(COMPOSER_LOCK,), assemble=assemble)
