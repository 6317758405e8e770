"""Which images hold a package, or one that a vulnerability affects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, cast

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.limit import Limit as Bound
from hullmark.model.match import Match
from hullmark.model.package import Package
from hullmark.report.anchore.vulnerabilities import (
    ConcernedImage,
    feed_group,
    images_by_package,
    images_by_vulnerability,
)
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore import held
from hullmark.server.api.anchore.failures import make_refusal
from hullmark.server.api.caller import Caller
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import holders, images, package_names
from hullmark.server.tables.images.holders import HolderPage, PackageQuery
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import reports
from hullmark.server.tables.judging.reports import Filter, StoredMatch, StoredPackage

_READ: dict[str, Any] = {"permission": "images:read"}
_TYPES = {"apkg": "apk", "binary": "generic", "dpkg": "deb", "go": "golang", "java": "maven", "python": "pypi"}
_MOST_MATCHES = Bound(200, "matches of an image that a query by vulnerability names", "shortened")
Page = Annotated[int, QueryParameter(ge=1, le=10_000)]
Limit = Annotated[int, QueryParameter(ge=1, le=1000)]
Text = Annotated[str, QueryParameter(max_length=1000)]
_Turn = Callable[[Connection, int | None], Awaitable[HolderPage]]


@get("/query/images/by_vulnerability", opt=_READ)
async def by_vulnerability(  # noqa: PLR0913 - one parameter a filter
    vulnerability_id: Text,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    namespace: Text = "",
    affected_package: Text = "",
    severity: FromQuery[str] = "",
    vendor_only: FromQuery[bool] = True,
    page: Page = 1,
    limit: Limit = 100,
) -> Json:
    """The images with packages that a vulnerability (any of its names) affects."""
    level = severity.lower()
    if level and level not in SEVERITIES:
        raise make_refusal(400, f"{severity[:50]!r} is not a severity", f"it is one of {', '.join(SEVERITIES)}")
    wanted = Filter(
        advisory=vulnerability_id,
        package=affected_package,
        severities=(cast("Severity", level),) if level else (),
        counting=True,
    )

    async def turn(connection: Connection, after: int | None) -> HolderPage:
        return await holders.images_with_advisory(connection, caller.account_id, vulnerability_id, after, limit)

    concerned: list[ConcernedImage] = []
    async with services.database.tenant(caller.account_id) as connection:
        found = await _find_page(connection, turn, page)
        rows = await _images(connection, caller, found)
        pages = {row.id: await reports.report(connection, row.id, wanted, None, _MOST_MATCHES) for row in rows}
    for row, info in zip(rows, await held.describe_images(services, caller, rows), strict=True):
        found_here = _select_matches(pages[row.id].matches, namespace, vendor_only=vendor_only)
        if found_here:
            concerned.append(ConcernedImage(info, matches=found_here))
    return images_by_vulnerability(concerned, page, is_last=found.next is None)


@get("/query/images/by_package", opt=_READ)
async def by_package(  # noqa: PLR0913 - one parameter a filter
    name: Text,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    package_type: FromQuery[str] = "",
    version: Text = "",
    page: Page = 1,
    limit: Limit = 100,
) -> Json:
    """The images that hold a package of this very name."""
    type = _TYPES.get(package_type.lower(), package_type.lower())
    wanted = PackageQuery(name=name, version=version, type=type)

    async def turn(connection: Connection, after: int | None) -> HolderPage:
        return await holders.images_with_package(connection, caller.account_id, wanted, after, limit)

    async with services.database.tenant(caller.account_id) as connection:
        found = await _find_page(connection, turn, page)
        rows = await _images(connection, caller, found)
        named = await package_names.packages_named(connection, [row.id for row in rows], wanted)
    infos = await held.describe_images(services, caller, rows)
    concerned = [
        ConcernedImage(info, packages=tuple(_package(*names) for names in named.get(row.id, ())))
        for row, info in zip(rows, infos, strict=True)
    ]
    return images_by_package(concerned, page, is_last=found.next is None)


async def _find_page(connection: Connection, turn: _Turn, page: int) -> HolderPage:
    """The page of a number: the pages before it are gone through."""
    after: int | None = None
    for _ in range(page - 1):
        after = (await turn(connection, after)).next
        if after is None:
            return HolderPage(holders=(), next=None)
    return await turn(connection, after)


async def _images(connection: Connection, caller: Caller, page: HolderPage) -> list[HeldImage]:
    rows = [await images.held_image(connection, caller.account_id, holder.digest) for holder in page.holders]
    return [row for row in rows if row is not None]


def _select_matches(matches: Iterable[StoredMatch], namespace: str, *, vendor_only: bool) -> tuple[Match, ...]:
    """Those of a namespace ("": of any), with `vendor_only` without what the vendor will not fix."""
    return tuple(
        _match(match)
        for match in matches
        if namespace in ("", feed_group(match.advisory)) and not (vendor_only and match.fix.state == "wont-fix")
    )


def _match(stored: StoredMatch) -> Match:
    package: StoredPackage = stored.package
    return Match(
        package=_package(package.type, package.name, package.version, package.purl),
        advisory=stored.advisory,
        fix=stored.fix,
        kind=stored.kind,
        name=stored.name,
        version=stored.version,
        why=stored.why,
        risk=stored.risk,
        confidence=stored.confidence,
    )


def _package(type: str, name: str, version: str, purl: str) -> Package:
    return Package(type=type, name=name, version=version, purl=purl, cataloger="")


ROUTES = [by_vulnerability, by_package]
