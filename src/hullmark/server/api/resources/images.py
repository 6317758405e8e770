"""Images: added, waited for, listed, looked into, let go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter

from hullmark.model.inventory import FileRecord
from hullmark.model.package import Package
from hullmark.model.reference import parse_reference
from hullmark.server.api.caller import Caller
from hullmark.server.api.formats import render_inventory
from hullmark.server.api.paging import Cursor, Limit, Page, cursor_of, page, values_in
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.stories.images import register
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.register import ImageRegistration
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.images.tag_moves import name_of
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images, leases, tag_moves
from hullmark.server.tables.images.images import HeldImage, ImageFilter
from hullmark.server.tables.judging import reports

ImageName = Annotated[str, PathParameter(max_length=1200, description="HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST.")]
_READ: dict[str, Any] = {"permission": "images:read"}
_WRITE: dict[str, Any] = {"permission": "images:write"}


class ImageBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An image to be added: `reference` with a tag or a digest; with a digest, `tag` may name the reference that it goes by.

    `watch`: whether the registry is asked from now on where the tag points to; null: unless somebody switched that off.
    """

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=1200)]
    tag: Annotated[str, msgspec.Meta(max_length=1200)] = ""
    platform: Annotated[str, msgspec.Meta(max_length=100)] = ""
    annotations: Annotated[dict[str, str], msgspec.Meta(max_length=100)] = {}
    dockerfile: Annotated[str, msgspec.Meta(max_length=1_000_000)] = ""
    force: bool = False
    watch: bool | None = None


class EarlierTagView(msgspec.Struct, kw_only=True):
    """A reference that pointed to the image, and when it was seen to point to another."""

    reference: str
    until: datetime


class ImageView(msgspec.Struct, kw_only=True):
    """An image as an account holds it. `size` is in bytes, the sum of its stored layers.

    `reference` is the one that it was added by, "" if that points to another image now; `tags` point to it now, `earlier_tags` did until
    they moved.

    `vulnerabilities` says how many matches count, by severity; null where that is not known: without advisories, or before it is analysed.
    """

    digest: str
    config_digest: str
    kind: str
    media_type: str
    platform: str
    size: int
    state: str
    reason: str
    advice: str
    distro: str
    package_count: int
    file_count: int
    layer_count: int
    created_at: datetime | None
    added_at: datetime
    analysed_at: datetime | None
    reference: str
    tags: list[str]
    earlier_tags: list[EarlierTagView]
    annotations: dict[str, Any]
    added_by: str
    vulnerabilities: dict[str, int] | None


class AddedView(msgspec.Struct, kw_only=True):
    """The result of a request. `is_new`: the account did not hold the image before."""

    digest: str
    state: str
    is_new: bool
    tag: str


class LayerView(msgspec.Struct, kw_only=True):
    """A layer, and the instruction that made it."""

    digest: str
    diff_id: str
    size: int
    created_by: str


def make_image_view(row: HeldImage, counts: dict[int, dict[str, int]]) -> ImageView:
    """An image as it is answered. `counts`: how many matches count, by image and severity."""
    own = ("added_at", "vulnerabilities", "reference", "earlier_tags")
    values = {name: getattr(row, name) for name in ImageView.__struct_fields__ if name not in own}
    values["earlier_tags"] = msgspec.convert(row.earlier_tags, list[EarlierTagView])
    return ImageView(added_at=row.held_at, vulnerabilities=counts.get(row.id), reference=_name_of(row), **values)


def _name_of(row: HeldImage) -> str:
    """The reference that it was added by, unless that points to another now: then one that still points to it, if there is any."""
    moved = [tag["reference"] for tag in row.earlier_tags]
    if row.reference in moved or (moved and not row.tags and "@" not in row.reference):
        return row.tags[0] if row.tags else ""
    return row.reference


async def count_matches(connection: Connection, rows: Sequence[HeldImage]) -> dict[int, dict[str, int]]:
    """The number of matches that count, by image and severity; images without known counts are omitted."""
    known = [row.id for row in rows if row.state == "analysed"]
    if not known or (await snapshots.current(connection)).snapshot_id is None:
        return {}
    found = await reports.counts(connection, known)
    return {number: {str(word): count for word, count in counts.severities.items()} for number, counts in found.items()}


@post("/images", status_code=202, opt={**_WRITE, "fails": (502,)}, summary="Add an image by reference or digest")
async def add_image(
    data: JSONBody[ImageBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[AddedView]:
    """Add an image: its registry is asked at once what it is, and it is analysed soon, if nobody did yet.

    Adding it twice is adding it once.
    """

    async def entry(connection: Connection, added: register.RegistrationResult) -> None:
        after = {"reference": data.reference, "state": added.placed.state}
        await audit.record(connection, caller, "image.add", "image", added.digest, None, after, origin)

    wanted = ImageRegistration(**msgspec.structs.asdict(data))
    added = await register.add(services, caller.account_id, wanted, caller.name, entry)
    view = AddedView(digest=added.digest, state=added.placed.state, is_new=added.is_new_here, tag=added.tagged)
    return Response(view, status_code=202, headers={"Location": f"/api/v1/images/{added.digest}"})


@get("/images", opt=_READ, summary="List images, the newest first")
async def list_images(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    image_state: Annotated[
        str, QueryParameter(name="state", description="waiting, analysing, analysed or failed")
    ] = "",
    registry: FromQuery[str] = "",
    repository: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    verdict: FromQuery[str] = "",
    distro: FromQuery[str] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[ImageView]:
    """The images that the account holds. `verdict` is that of any policy in force."""
    wanted = ImageFilter(
        state=image_state, registry=registry, repository=repository, tag=tag, verdict=verdict, distro=distro
    )
    after = values_in(cursor, tuple[datetime, int])
    async with services.database.tenant(caller.account_id) as connection:
        rows = await images.list_images(connection, caller.account_id, wanted, after, limit + 1)
        found = page(rows, limit, lambda row: (row.held_at, row.id))
        counts = await count_matches(connection, found.items)
    return Page(items=[make_image_view(row, counts) for row in found.items], next=found.next)


async def find(services: Services, caller: Caller, name: str) -> HeldImage:
    """The image that the account holds under a name. Raises Refusal 404."""
    wanted = name if name.startswith("sha") and ":" in name and "/" not in name else tag_of(name)
    async with services.database.tenant(caller.account_id) as connection:
        row = await images.held_image(connection, caller.account_id, wanted)
    if row is None:
        raise not_found(f"image {name}", "add it first: hullmark image add, or POST /api/v1/images")
    return row


def tag_of(name: str) -> str:
    """The full reference for a short one. Raises HullmarkError if it is not valid."""
    named = parse_reference(name)
    if named.digest:
        return named.digest
    return f"{named.host}/{named.repository}:{named.tag or 'latest'}"


async def find_analysed_image(services: Services, caller: Caller, name: str) -> tuple[HeldImage, StoredFacts]:
    """An image and what is stored of it. Raises Refusal 404, or 409 while it is not analysed."""
    row = await find(services, caller, name)
    if row.state != "analysed" or not row.document:
        raise Refusal(409, f"the image is not analysed: {row.reason or row.state}", row.advice or "wait for it")
    facts = await asyncio.to_thread(StoredFacts, services.objects, row.document, means_of(services))
    return row, facts


@get("/images/{digest:str}", opt=_READ, summary="One image")
async def get_image(
    digest: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> ImageView:
    """An image by any of its digests: manifest, index or config."""
    return await _view(services, caller, digest)


@get(
    "/references/{reference:path}",
    operation_id="get_image_by_reference",
    opt=_READ,
    summary="The image that a tag points to",
)
async def by_reference(
    reference: ImageName,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    as_of: FromQuery[datetime | None] = None,
) -> ImageView:
    """The image that HOST/REPOSITORY:TAG points to now, or pointed to at a moment, as far as it was seen; or that has this digest."""
    name = reference.strip("/")
    then = moment(as_of)
    if then is not None and "@" not in name:
        named = parse_reference(name)
        async with services.database.tenant(caller.account_id) as connection:
            digest = await tag_moves.tagged_as_of(connection, caller.account_id, name_of(named), then)
        if digest is None:
            raise not_found(f"image that {name} pointed to then", "leave as_of out for what it points to now")
        name = digest
    return await _view(services, caller, name)


async def _view(services: Services, caller: Caller, name: str) -> ImageView:
    row = await find(services, caller, name)
    async with services.database.tenant(caller.account_id) as connection:
        return make_image_view(row, await count_matches(connection, [row]))


@delete("/images/{digest:str}", operation_id="delete_image", status_code=204, opt=_WRITE, summary="Let an image go")
async def let_go(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """The account holds the image no longer; its tags and verdicts go with it. What was stored goes when no account holds it."""
    row = await find(services, caller, digest)
    async with services.database.tenant(caller.account_id) as connection:
        await images.let_go(connection, caller.account_id, row.id)
        before = {"tags": row.tags, "reference": row.reference}
        await audit.record(connection, caller, "image.delete", "image", row.digest, before, None, origin)


@post(
    "/images/{digest:str}/analysis",
    operation_id="analyse_image_again",
    status_code=202,
    opt=_WRITE,
    summary="Analyse an image again",
)
async def analyse_again(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> AddedView:
    """Have the image read again from where it came from. Where that fails the earlier analysis is kept, and `reason` says why."""
    row = await find(services, caller, digest)
    if row.kind == "sbom":
        raise Refusal(409, "what an SBOM tells was read when it came", "send the SBOM again, or add the image itself")
    if row.kind == "upload" and not row.upload:
        raise Refusal(
            409,
            "the archive that was uploaded is gone since it was read",
            "upload it again: hullmark image upload, or POST /api/v1/uploads",
        )
    async with services.database.system() as connection:
        if await leases.wait_again(connection, [row.id]):
            await register.want_analysis(connection, row.id)
        await audit.record(connection, caller, "image.analyse", "image", row.digest, None, None, origin)
    return AddedView(digest=row.digest, state="waiting", is_new=False, tag=row.tags[0] if row.tags else "")


@get(
    "/images/{digest:str}/packages",
    operation_id="list_packages",
    opt={**_READ, "fails": (409,)},
    summary="The packages of an image",
)
async def packages(  # noqa: PLR0913 - one parameter a filter
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    type: FromQuery[str] = "",
    name: FromQuery[str] = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Page[Package]:
    """Every package with its place, licences and what owns it."""
    _, facts = await find_analysed_image(services, caller, digest)
    wanted = [
        package
        for package in facts.analysis.inventory.packages
        if (not type or package.type == type) and (not name or package.name == name)
    ]
    return by_place(wanted, limit, cursor)


@get(
    "/images/{digest:str}/files",
    operation_id="list_files",
    opt={**_READ, "fails": (409,)},
    summary="The files of an image",
)
async def files(  # noqa: PLR0913 - one parameter a filter
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    file_state: Annotated[str, QueryParameter(name="state", description="ok, changed, unowned, missing, ghost …")] = "",
    prefix: FromQuery[str] = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Page[FileRecord]:
    """Every file with its layer, owner and state, also what later layers deleted (`ghost`)."""
    _, facts = await find_analysed_image(services, caller, digest)
    found = await asyncio.to_thread(facts.files)
    wanted = [
        file for file in found or () if (not file_state or file.state == file_state) and file.path.startswith(prefix)
    ]
    return by_place(wanted, limit, cursor)


@get(
    "/images/{digest:str}/layers",
    operation_id="list_layers",
    opt={**_READ, "fails": (409,)},
    summary="The layers of an image",
)
async def layers(
    digest: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[LayerView]:
    """The layers, bottom first, with the instructions that made them."""
    _, facts = await find_analysed_image(services, caller, digest)
    return [LayerView(**msgspec.structs.asdict(layer)) for layer in facts.analysis.inventory.source.layers]


@get(
    "/images/{digest:str}/inventory",
    operation_id="get_inventory",
    opt={**_READ, "formats": "inventory", "fails": (409,)},
    summary="Everything that is known of an image",
)
async def inventory(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    format: FromQuery[str] = "json",
    files: FromQuery[bool] = False,
) -> Response[bytes]:
    """The inventory in a format of `hullmark scan`: json, cyclonedx, spdx, syft-json …"""
    _, facts = await find_analysed_image(services, caller, digest)
    return await asyncio.to_thread(render_inventory, facts, format, files)


def by_place(items: Sequence[Any], limit: int, cursor: str) -> Page[Any]:
    """A page of a list that never changes, by number."""
    start = values_in(cursor, int) or 0
    if not 0 <= start <= len(items):
        raise Refusal(400, "the cursor is not from this list", "begin again without a cursor")
    end = start + limit
    return Page(items=list(items[start:end]), next=cursor_of(end) if end < len(items) else None)


def moment(text: datetime | None) -> datetime | None:
    """A time in a request, in UTC if it names no zone. Raises Refusal for a time out of range."""
    if text is None:
        return None
    if not 1 < text.year < 9999:
        raise problem(422, f"{text.isoformat()} is out of all bounds", "give a moment of the years 2 to 9998")
    return text.replace(tzinfo=UTC) if text.tzinfo is None else text


ROUTES = [add_image, list_images, get_image, by_reference, let_go, analyse_again, packages, files, layers, inventory]
