"""Images as the account holds them: found by what Anchore's clients call them, and told as its records."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime

from hullmark.model.digest import is_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import Reference, parse_reference
from hullmark.report.anchore.errors import not_analysed
from hullmark.report.anchore.images import ImageInfo
from hullmark.report.anchore.words import ANALYSIS, Tag
from hullmark.server.api.anchore.failures import ReadyAnswer, make_refusal, missing
from hullmark.server.api.caller import Caller
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.images.tag_moves import name_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import images, tags
from hullmark.server.tables.images.images import HeldImage, ImageFilter
from hullmark.server.tables.images.tags import TagRow

_BARE_ID = re.compile(r"[0-9a-fA-F]{64}").fullmatch
_PAGE = 1000
_MOST_OF_TAG = Limit(200, "images of a tag's history that are looked at", "shortened")


async def find(services: Services, caller: Caller, name: str) -> HeldImage:
    """The image of a digest (manifest, index or config) or of an id: the config digest's 64 digits. Raises Told 404."""
    wanted = f"sha256:{name.lower()}" if _BARE_ID(name) else name
    row = None
    if is_digest(wanted):
        async with services.database.tenant(caller.account_id) as connection:
            row = await images.held_image(connection, caller.account_id, wanted)
    if row is None:
        raise missing(f"image {name[:200]}", "add it first")
    return row


async def of_tag(services: Services, caller: Caller, name: str, *, history: bool) -> list[HeldImage]:
    """The image that a tag points to, with `history` all that it ever pointed to; or that of a bare id or digest. None: an empty list."""
    bare = f"sha256:{name.lower()}" if _BARE_ID(name) else name
    named = None if is_digest(bare) else reference_of(name)
    wanted = [bare if named is None else named.digest or full_tag(named)]
    async with services.database.tenant(caller.account_id) as connection:
        if history and named is not None and not named.digest:
            wanted = await tags.history_of(connection, caller.account_id, name_of(named), _MOST_OF_TAG)
        found = [await images.held_image(connection, caller.account_id, row) for row in wanted]
    return [row for row in found if row is not None]


async def everything(services: Services, caller: Caller, state: str = "") -> list[HeldImage]:
    """All images of the account, or those of a state, the newest first."""
    found: list[HeldImage] = []
    after: tuple[datetime, int] | None = None
    async with services.database.tenant(caller.account_id) as connection:
        while True:
            wanted = ImageFilter(state=state)
            some = await images.list_images(connection, caller.account_id, wanted, after, _PAGE)
            found += some
            if len(some) < _PAGE:
                return found
            after = (some[-1].held_at, some[-1].id)


async def describe_images(services: Services, caller: Caller, rows: Sequence[HeldImage]) -> list[ImageInfo]:
    """Images as Anchore's answers are made of, in the same order."""
    ids = [row.id for row in rows]
    async with services.database.tenant(caller.account_id) as connection:
        named = await tags.tags_of(connection, caller.account_id, ids)
        indexes = await tags.indexes_of(connection, ids)
    return [_info(caller.account, row, named.get(row.id, []), indexes.get(row.id, "")) for row in rows]


def _info(account: str, row: HeldImage, named: list[TagRow], index: str) -> ImageInfo:
    distro, _, version = row.distro.partition(":")
    seen = tuple(
        Tag(registry=tag.registry, repository=tag.repository, tag=tag.tag, created_at=tag.seen_at, seen_at=tag.seen_at)
        for tag in named
    )
    moments = [row.held_at, *(tag.seen_at for tag in named), *((row.analysed_at,) if row.analysed_at else ())]
    place = _place(row.reference)
    return ImageInfo(
        account=account,
        digest=row.digest,
        config_digest=row.config_digest,
        state=row.state,
        added_at=row.held_at,
        updated_at=max(moments),
        analysed_at=row.analysed_at if row.state == "analysed" else None,
        parent_digest=index,
        platform=row.platform,
        distro=distro,
        distro_version=version,
        size=row.size,
        layer_count=row.layer_count,
        dockerfile=row.dockerfile,
        annotations={name: str(value) for name, value in row.annotations.items()},
        tags=seen,
        registry=place[0],
        repository=place[1],
    )


def _place(reference: str) -> tuple[str, str]:
    """Registry and repository of the reference that an image was added by."""
    try:
        named = parse_reference(reference)
    except HullmarkError:
        return "localbuild", "unnamed"
    return named.host, named.repository


def reference_of(text: str) -> Reference:
    """The full reference for a tag. Raises an error of status 400 if it is not valid."""
    try:
        return parse_reference(text)
    except HullmarkError as error:
        raise make_refusal(400, str(error), error.advice or "") from error


def full_tag(named: Reference) -> str:
    """`registry/repository:tag` of a reference."""
    return f"{named.host}/{named.repository}:{named.tag or 'latest'}"


def require_analysed(row: HeldImage) -> HeldImage:
    """The image, if it is analysed. Raises Told 404 in the words that clients wait by."""
    if row.state != "analysed" or not row.document:
        raise ReadyAnswer(not_analysed(ANALYSIS[row.state]))
    return row


async def facts_of(services: Services, row: HeldImage) -> StoredFacts:
    """What is stored of an image. Raises Told 404 while it is not analysed, HullmarkError where documents are missing."""
    require_analysed(row)
    return await asyncio.to_thread(StoredFacts, services.objects, row.document, means_of(services))
