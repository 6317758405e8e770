"""Applications: versions of them, the images and places that belong to these, and one verdict on each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from hullmark.model.limit import Limit as Bound
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.api.resources.images import find
from hullmark.server.api.resources.places import PlaceView, find_page_of_places, selector_of
from hullmark.server.stories.places import applications as stories
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import applications
from hullmark.server.tables.places.applications import ApplicationRow, LifeCycle, NewVersion, VersionImage, VersionRow

_READ: dict[str, Any] = {"permission": "places:read"}
_WRITE: dict[str, Any] = {"permission": "images:write"}
_SHOWN = Bound(200, "images that are shown of a version of an application; all are counted", "shortened")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=70)]


class ApplicationBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An application that is to be kept."""

    name: Name
    description: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class ApplicationView(msgspec.Struct, kw_only=True):
    """An application, and how many versions it has."""

    name: str
    description: str
    versions: int
    created_by: str
    created_at: datetime


class JudgedApplicationView(ApplicationView, kw_only=True):
    """An application with its one verdict: the worst on its versions that are not at the end of their life, unknown where it has none."""

    verdict: str


class VersionBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A version. Its places are those that fit `selector`, as `app.kubernetes.io/part-of=shop,app.kubernetes.io/version=1.2`; its images
    those that run there, those whose annotations fit `annotations`, and those that are named. Empty ones select nothing."""

    state: LifeCycle = "in-progress"
    selector: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    annotations: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class VersionView(msgspec.Struct, kw_only=True):
    """A version, and the worst of the verdicts in force on its images: unknown where one has none, or where there is no image."""

    application: str
    name: str
    state: LifeCycle
    selector: str
    annotations: str
    verdict: str
    images: int
    places: int
    created_by: str
    created_at: datetime


class VersionImageView(msgspec.Struct, kw_only=True):
    """An image of a version: `places` of the version run it; `verdict` is the worst in force there ("": none)."""

    digest: str
    reference: str
    places: int
    verdict: str


@post("/applications", status_code=201, opt=_WRITE, summary="Add an application")
async def add_application(
    data: JSONBody[ApplicationBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> ApplicationView:
    """Add an application. It has no versions yet."""
    _check_name(data.name)
    async with services.database.tenant(caller.account_id) as connection:
        if not await applications.add(
            connection, caller.account_id, data.name, data.description.replace("\0", ""), caller.name
        ):
            raise Refusal(409, f"there is an application {data.name} already", "take another name")
        after = _make_application_view(await _application(connection, caller, data.name))
        await audit.record(connection, caller, "application.add", "application", data.name, None, after, origin)
    return after


@get("/applications", opt=_READ, summary="The applications of the account")
async def list_applications(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[ApplicationView]:
    """Applications by name."""
    after = values_in(cursor, str) or ""
    async with services.database.tenant(caller.account_id) as connection:
        rows = await applications.applications(connection, caller.account_id, after, limit + 1)
    found = page(rows, limit, lambda row: row.name)
    return Page(items=[_make_application_view(row) for row in found.items], next=found.next)


@get("/applications/{name:str}", opt=_READ, summary="One application and its verdict")
async def show_application(
    name: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> JudgedApplicationView:
    """An application with its one verdict."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _application(connection, caller, name)
        verdict = await stories.verdict_of(connection, caller.account_id, row.id)
    return JudgedApplicationView(**msgspec.structs.asdict(_make_application_view(row)), verdict=verdict)


@delete("/applications/{name:str}", status_code=204, opt=_WRITE, summary="Remove an application")
async def remove_application(
    name: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """Remove an application with its versions. Its images and places stay."""
    async with services.database.tenant(caller.account_id) as connection:
        before = _make_application_view(await _application(connection, caller, name))
        await applications.remove(connection, caller.account_id, name)
        await audit.record(connection, caller, "application.remove", "application", name, before, None, origin)


@get("/applications/{name:str}/versions", opt=_READ, summary="The versions of an application")
async def list_application_versions(
    name: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[VersionView]:
    """Versions by name, each with its verdict."""
    after = values_in(cursor, str) or ""
    async with services.database.tenant(caller.account_id) as connection:
        kept = await _application(connection, caller, name)
        rows = await applications.versions(connection, caller.account_id, kept.id, after, limit + 1)
        found = page(rows, limit, lambda row: row.name)
        items = [await _version_view(connection, caller, row) for row in found.items]
    return Page(items=items, next=found.next)


@put("/applications/{name:str}/versions/{version:str}", opt=_WRITE, summary="Say what a version of an application is")
async def put_version(
    name: FromPath[str],
    version: FromPath[str],
    data: JSONBody[VersionBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> VersionView:
    """Add a version, or say something else of it: its life cycle, and what selects its places and images."""
    _check_name(version)
    selector_of(data.selector)
    selector_of(data.annotations)
    said = NewVersion(
        state=data.state, selector=data.selector.replace("\0", ""), annotations=data.annotations.replace("\0", "")
    )
    async with services.database.tenant(caller.account_id) as connection:
        kept = await _application(connection, caller, name)
        before = await applications.version(connection, caller.account_id, version, name)
        await applications.put_version(connection, caller.account_id, kept.id, version, said, caller.name)
        row = await _version(connection, caller, name, version)
        after = await _version_view(connection, caller, row)
        resource = f"{name} {version}"
        await audit.record(connection, caller, "application.version", "application", resource, before, row, origin)
    return after


@delete("/applications/{name:str}/versions/{version:str}", status_code=204, opt=_WRITE, summary="Remove a version")
async def remove_version(
    name: FromPath[str],
    version: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """Remove a version of an application. Its images and places stay."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _version(connection, caller, name, version)
        await applications.remove_version(connection, caller.account_id, row.id)
        resource = f"{name} {version}"
        await audit.record(connection, caller, "application.version.remove", "application", resource, row, None, origin)


@get("/applications/{name:str}/versions/{version:str}/images", opt=_READ, summary="The images of a version")
async def list_version_images(
    name: FromPath[str],
    version: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> list[VersionImageView]:
    """The first 200 images of a version by digest, each with its verdict at the version's places."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _version(connection, caller, name, version)
        content = await stories.content_of(connection, caller.account_id, row)
    return [_image(image) for image in content.images[:_SHOWN]]


@put(
    "/applications/{name:str}/versions/{version:str}/images/{digest:str}",
    opt=_WRITE,
    summary="Name an image of a version",
)
async def put_version_image(
    name: FromPath[str],
    version: FromPath[str],
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> VersionView:
    """Have an image of the account belong to a version, wherever it runs."""
    image = await find(services, caller, digest)
    async with services.database.tenant(caller.account_id) as connection:
        row = await _version(connection, caller, name, version)
        await applications.add_image(connection, caller.account_id, row.id, image.id)
        resource, after = f"{name} {version}", {"image": image.digest}
        await audit.record(connection, caller, "application.image.add", "application", resource, None, after, origin)
        return await _version_view(connection, caller, row)


@delete(
    "/applications/{name:str}/versions/{version:str}/images/{digest:str}",
    status_code=204,
    opt=_WRITE,
    summary="Take an image from a version",
)
async def remove_version_image(
    name: FromPath[str],
    version: FromPath[str],
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """Have an image that was named belong to a version no longer. Those that run at its places stay."""
    image = await find(services, caller, digest)
    async with services.database.tenant(caller.account_id) as connection:
        row = await _version(connection, caller, name, version)
        if not await applications.remove_image(connection, caller.account_id, row.id, image.id):
            raise not_found("image of this digest that was named for the version", "list them to see which there are")
        resource, before = f"{name} {version}", {"image": image.digest}
        await audit.record(
            connection, caller, "application.image.remove", "application", resource, before, None, origin
        )


@get("/applications/{name:str}/versions/{version:str}/places", opt=_READ, summary="Where a version runs")
async def list_version_places(
    name: FromPath[str],
    version: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[PlaceView]:
    """The places whose labels fit the version's selector."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _version(connection, caller, name, version)
    wanted = stories.selector_of(row)
    return (
        Page(items=[], next=None)
        if wanted is None
        else await find_page_of_places(services, caller, wanted, limit, cursor)
    )


def _check_name(name: str) -> None:
    if not name.isprintable() or "/" in name or not name.strip() or len(name) > 70:
        raise problem(422, "this is not a name that could be kept", "give one of at most 70 characters without a slash")


async def _application(connection: Connection, caller: Caller, name: str) -> ApplicationRow:
    row = await applications.application(connection, caller.account_id, name.replace("\0", ""))
    if row is None:
        raise not_found(f"application {name}", "add it first: hullmark application add")
    return row


async def _version(connection: Connection, caller: Caller, name: str, version: str) -> VersionRow:
    row = await applications.version(connection, caller.account_id, version.replace("\0", ""), name.replace("\0", ""))
    if row is None:
        raise not_found(f"version {version} of an application {name}", "list them to see which there are")
    return row


def _make_application_view(row: ApplicationRow) -> ApplicationView:
    return ApplicationView(**{name: getattr(row, name) for name in ApplicationView.__struct_fields__})


async def _version_view(connection: Connection, caller: Caller, row: VersionRow) -> VersionView:
    content = await stories.content_of(connection, caller.account_id, row)
    return VersionView(
        application=row.application,
        name=row.name,
        state=row.state,
        selector=row.selector,
        annotations=row.annotations,
        verdict=content.verdict,
        images=len(content.images),
        places=content.places,
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _image(image: VersionImage) -> VersionImageView:
    return VersionImageView(**{name: getattr(image, name) for name in VersionImageView.__struct_fields__})


ROUTES = [
    add_application,
    list_applications,
    show_application,
    remove_application,
    list_application_versions,
    put_version,
    remove_version,
    list_version_images,
    put_version_image,
    remove_version_image,
    list_version_places,
]
