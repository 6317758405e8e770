"""Applications: what belongs together, whatever runs it; their versions, each with one verdict, its images and its places."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.model.limit import Limit
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.console.charts.bars import Bars, Part, Row, draw_bars
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.pages.fleet import VERDICTS
from hullmark.server.console.pages.placed import PLACE_COLUMNS, grade_of, name_of
from hullmark.server.console.views import render, rights
from hullmark.server.stories.places import applications as stories
from hullmark.server.stories.places.applications import VersionContent
from hullmark.server.stories.services import Services
from hullmark.server.tables.places import applications, placements
from hullmark.server.tables.places.applications import ApplicationRow, VersionImage, VersionRow
from hullmark.server.tables.places.placements import PlacementRow, Position

ENTRY = Entry(
    title="Applications",
    path="applications",
    icon="application",
    group="inventory",
    permission="places:read",
    order=30,
)

_BAR_WIDTH = 960.0
_VERSIONS = 20
"""Of a page: the verdict of each is worked out as the page is made."""
_MOST_IMAGES = Limit(200, "images that the console shows of a version of an application", "shortened")


class JudgedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and what belongs to it now."""

    version: VersionRow
    content: VersionContent


class VersionPage(msgspec.Struct, kw_only=True):
    """What the page of a version shows. `picture` are its images by verdict."""

    version: VersionRow
    content: VersionContent
    picture: str
    images: ShownPage[VersionImage]
    places: ShownPage[PlacementRow] | None


@get("/{account:str}/applications", opt=rights("places:read"))
async def applications_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The applications of the account."""

    async def fetch(cursor: str, limit: int) -> Page[ApplicationRow]:
        after = values_in(cursor, str) or ""
        async with services.database.tenant(caller.account_id) as connection:
            rows = await applications.applications(connection, caller.account_id, after, limit + 1)
        return page(rows, limit, lambda row: row.name)

    listing = Listing(name="applications", columns=_APPLICATION_COLUMNS, fetch=fetch)
    if wants_export(request, listing.name):
        return export(request, listing)
    return render(request, "pages/applications.html", table=await listing.shown(request))


@get("/{account:str}/applications/{name:str}", opt=rights("places:read"))
async def application_page(
    name: FromPath[str],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """The versions of an application, each with its verdict."""
    async with services.database.tenant(caller.account_id) as connection:
        found = await applications.application(connection, caller.account_id, name.replace("\0", ""))
    if found is None:
        raise not_found(f"application {name}", "look for it among the applications")
    listing = _versions(services, caller, found)
    if wants_export(request, listing.name):
        return export(request, listing)
    return render(request, "pages/application.html", application=found, table=await listing.shown(request, _VERSIONS))


def _versions(services: Services, caller: Caller, of: ApplicationRow) -> Listing[JudgedVersion]:
    async def fetch(cursor: str, limit: int) -> Page[JudgedVersion]:
        after = values_in(cursor, str) or ""
        async with services.database.tenant(caller.account_id) as connection:
            rows = await applications.versions(connection, caller.account_id, of.id, after, limit + 1)
            found = page(rows, limit, lambda row: row.name)
            judged = [
                JudgedVersion(version=row, content=await stories.content_of(connection, caller.account_id, row))
                for row in found.items
            ]
        return Page(items=judged, next=found.next)

    return Listing(name="versions", columns=_VERSION_COLUMNS, fetch=fetch)


@get("/{account:str}/applications/{name:str}/{version:str}", opt=rights("places:read"))
async def version_page(
    name: FromPath[str],
    version: FromPath[str],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """A version: its images, and where it runs."""
    names = (version.replace("\0", ""), name.replace("\0", ""))
    async with services.database.tenant(caller.account_id) as connection:
        row = await applications.version(connection, caller.account_id, *names)
        if row is None:
            raise not_found(
                f"version {version} of an application {name}", "look for it among the application's versions"
            )
        content = await stories.content_of(connection, caller.account_id, row)
    images, places = _images(content), _places(services, caller, row)
    for listing in (images, places):
        if (
            listing is not None
            and request.query_params.get("table") == listing.name
            and wants_export(request, listing.name)
        ):
            return export(request, listing)
    view = VersionPage(
        version=row,
        content=content,
        picture=_picture(content),
        images=await images.shown(request, _MOST_IMAGES),
        places=await places.shown(request) if places is not None else None,
    )
    return render(request, "pages/version.html", view=view, name_of=name_of, grade_of=grade_of)


def _picture(content: VersionContent) -> str:
    """The images by verdict, as one bar."""
    parts = tuple(
        Part(words, tone, sum(image.verdict == verdict for image in content.images))
        for verdict, words, tone in VERDICTS
    )
    return draw_bars(Bars("Images by verdict", (Row("Images", parts),)), _BAR_WIDTH)


def _images(content: VersionContent) -> Listing[VersionImage]:
    """The images, which are in memory already: those that stop it first."""
    order = {verdict: rank for rank, (verdict, _, _) in enumerate(VERDICTS)}
    images = sorted(content.images, key=lambda image: (order.get(image.verdict, 9), -image.places, image.digest))

    async def fetch(cursor: str, limit: int) -> Page[VersionImage]:
        start = values_in(cursor, int) or 0
        some = images[start : start + limit + 1]
        return page(some, limit, lambda _: start + limit)

    return Listing(name="images", columns=_IMAGE_COLUMNS, fetch=fetch, cursor_name="images.cursor")


def _places(services: Services, caller: Caller, row: VersionRow) -> Listing[PlacementRow] | None:
    """Where the version runs; None where no labels select its places."""
    wanted = stories.selector_of(row)
    if wanted is None:
        return None

    async def fetch(cursor: str, limit: int) -> Page[PlacementRow]:
        after = values_in(cursor, Position)  # type: ignore[arg-type]  # a tuple's type
        async with services.database.tenant(caller.account_id) as connection:
            rows = await placements.list_placements(connection, caller.account_id, wanted, after, limit + 1)
        return page(rows, limit, placements.position_of)

    return Listing(name="places", columns=PLACE_COLUMNS, fetch=fetch)


_APPLICATION_COLUMNS: tuple[Column[ApplicationRow], ...] = (
    Column("name", "Application", lambda row: row.name),
    Column("description", "Description", lambda row: row.description),
    Column("versions", "Versions", lambda row: row.versions, "number"),
    Column("created_by", "Added by", lambda row: row.created_by.partition(":")[2] or row.created_by),
    Column("created_at", "Added", lambda row: row.created_at, "time"),
)
_VERSION_COLUMNS: tuple[Column[JudgedVersion], ...] = (
    Column("verdict", "Verdict", lambda row: row.content.verdict),
    Column("name", "Version", lambda row: row.version.name),
    Column("state", "State", lambda row: row.version.state),
    Column("images", "Images", lambda row: len(row.content.images), "number"),
    Column("places", "Places", lambda row: row.content.places, "number"),
    Column("selector", "What belongs to it", lambda row: row.version.selector, "code"),
)
_IMAGE_COLUMNS: tuple[Column[VersionImage], ...] = (
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("image", "Image", lambda row: row.reference),
    Column("digest", "Digest", lambda row: row.digest, "code"),
    Column("places", "Places", lambda row: row.places, "number"),
)

ROUTES = [applications_page, application_page, version_page]
