"""Images: added, listed, let go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from hullmark.model.limit import Limit
from hullmark.report.anchore import images as shapes
from hullmark.report.anchore import requests
from hullmark.report.anchore.images import Deletion, ImageInfo, ImageRecord, TagSummary
from hullmark.report.anchore.words import ANALYSIS
from hullmark.server.api.anchore import held
from hullmark.server.api.anchore.failures import ReadyAnswer, make_refusal
from hullmark.server.api.anchore.subscriptions import forget_tags, watch_tag, watched_tags
from hullmark.server.api.caller import Caller
from hullmark.server.stories.images import register
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images

READ: dict[str, Any] = {"permission": "images:read"}
WRITE: dict[str, Any] = {"permission": "images:write"}
_STATES = {theirs: ours for ours, theirs in ANALYSIS.items()}
_MOST = Limit(1000, "images named in one request of Anchore's clients", "refused")
"""The most images that one request deletes."""

ImageStatus = Annotated[str, QueryParameter(name="image_status")]


@post("/images", status_code=200, opt={**WRITE, "fails": (502,)})
async def add_image(
    data: JSONBody[requests.ImageRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    force: FromQuery[bool] = False,
    autosubscribe: FromQuery[bool] = False,
) -> list[ImageRecord]:
    """Add an image: its registry is asked at once, it is analysed soon."""
    request = requests.wanted_image(data)
    texts = (request.dockerfile, *request.annotations, *request.annotations.values())
    if any("\0" in text for text in texts):
        raise make_refusal(400, "annotations and Dockerfile hold no zero characters", "send them without")
    wanted = register.ImageRegistration(
        reference=request.reference,
        tag=request.tag,
        annotations=request.annotations,
        dockerfile=request.dockerfile,
        force=force,
        watch=False,  # the subscription says it
    )

    async def entry(connection: Connection, added: register.RegistrationResult) -> None:
        if added.tagged:
            tag = held.full_tag(held.reference_of(added.tagged))
            await watch_tag(services, connection, caller, tag, with_updates=autosubscribe)
        after = {"reference": request.reference, "state": added.placed.state}
        await audit.record(connection, caller, "image.add", "image", added.digest, None, after, caller.origin)

    added = await register.add(services, caller.account_id, wanted, caller.name, entry)
    return await _records(services, caller, [await held.find(services, caller, added.digest)])


async def _records(services: Services, caller: Caller, rows: list[images.HeldImage]) -> list[ImageRecord]:
    return [shapes.image_record(info) for info in await held.describe_images(services, caller, rows)]


@get("/images", opt=READ)
async def list_images(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    fulltag: FromQuery[str] = "",
    history: FromQuery[bool] = False,
    image_status: ImageStatus = "active",
    analysis_status: FromQuery[str] = "",
) -> list[ImageRecord]:
    """All images; or the one of a tag, with `history` all that the tag ever stood for."""
    state = _state_of(analysis_status)
    if image_status not in ("all", "active"):
        return []
    if fulltag:
        rows = await held.of_tag(services, caller, fulltag, history=history)
        if not rows:
            raise make_refusal(404, f"there is no image {fulltag[:200]}", "add it first")
        rows = [row for row in rows if state in ("", row.state)]
        return await _records(services, caller, rows)
    infos = await held.describe_images(services, caller, await held.everything(services, caller, state))
    # Of two images that a tag was seen at within one second, clients take the later one in the list for the tag's.
    return [shapes.image_record(info) for info in sorted(infos, key=_last_seen)]


def _last_seen(info: ImageInfo) -> datetime:
    return max((tag.seen_at for tag in info.tags), default=info.added_at)


def _state_of(status: str) -> str:
    if status and status not in _STATES:
        raise make_refusal(400, f"{status[:50]!r} is not an analysis_status", f"it is one of {', '.join(_STATES)}")
    return _STATES[status] if status else ""


@get("/summaries/imagetags", opt=READ)
async def list_tags(
    services: NamedDependency[Services], caller: NamedDependency[Caller], image_status: ImageStatus = "active"
) -> list[TagSummary]:
    """All images in short, once for each tag."""
    rows = await held.everything(services, caller) if image_status in ("all", "active") else []
    infos = await held.describe_images(services, caller, rows)
    return [summary for info in infos for summary in shapes.tag_summaries(info)]


@get(["/images/{digest:str}", "/images/by_id/{digest:str}"], opt=READ)
async def get_image(
    digest: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[ImageRecord]:
    """One image by any of its digests, or by its id."""
    return await _records(services, caller, [await held.find(services, caller, digest)])


@delete(["/images/{digest:str}", "/images/by_id/{digest:str}"], status_code=200, opt=WRITE)
async def delete_image(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    force: FromQuery[bool] = False,
) -> Deletion:
    """The account holds the image no longer. An image that a tag still points to, and that is watched, goes with `force` only."""
    return await _let_go(services, caller, await held.find(services, caller, digest), force=force)


@delete("/images", status_code=200, opt=WRITE)
async def delete_images(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    digests: Annotated[str, QueryParameter(name="imageDigests", max_length=200_000)] = "",
    force: FromQuery[bool] = False,
) -> list[Deletion]:
    """Let several images go, named by digest with commas between; what becomes of each is answered."""
    named = [digest for digest in (part.strip() for part in digests.split(",")) if digest]
    if not named or len(named) > _MOST:
        raise make_refusal(400, f"imageDigests names {len(named)} images", f"name at least 1 and at most {_MOST}")
    found: list[Deletion] = []
    for name in named:
        try:
            row = await held.find(services, caller, name)
        except ReadyAnswer as error:
            found.append(shapes.no_deletion(name, error.body.message, is_known=False))
            continue
        found.append(await _let_go(services, caller, row, force=force))
    return found


async def _let_go(services: Services, caller: Caller, row: images.HeldImage, *, force: bool) -> Deletion:
    async with services.database.tenant(caller.account_id) as connection:
        if not force:
            watched = await watched_tags(connection, caller, row.tags)
            if watched or row.state == "analysing":
                why = f"the latest of {', '.join(watched[:5])}, which is watched" if watched else "being analysed"
                return shapes.no_deletion(row.digest, f"the image is {why}; force deletes it all the same")
        await images.let_go(connection, caller.account_id, row.id)
        await forget_tags(connection, caller, row.tags)
        before = {"tags": row.tags, "reference": row.reference}
        await audit.record(connection, caller, "image.delete", "image", row.digest, before, None, caller.origin)
    return shapes.deletion(row.digest)


ROUTES = [add_image, list_images, list_tags, get_image, delete_image, delete_images]
