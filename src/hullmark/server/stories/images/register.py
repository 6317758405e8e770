"""An image is added: its registry names it, and it is queued for analysis if it has none yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

import msgspec

from hullmark.facets.secrets.mask import masked_dockerfile
from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.model.reference import Reference, parse_reference
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.logins import asking, login_for
from hullmark.server.stories.images.tag_moves import TagTarget, name_of, point
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit, events, jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images, leases, tag_moves
from hullmark.server.tables.images.images import ImageState, NewImage
from hullmark.server.tables.images.registries import registries
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.watching import watches
from hullmark.source import open_image
from hullmark.source.platform import parse_platform

ADDED = "image added"


class WatchNotFound(HullmarkError):
    """What a look found is not watched any more: somebody let its image go meanwhile, or removed its watch or switched it off."""


class ImageRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is to be added. `tag` is the reference that it goes by where `reference` has a digest only.

    `watch`: whether the tag is watched from now on; None: unless that was switched off. `is_followed`: the tag is watched, and names
    another manifest; what people noted of the image before goes on. If the tag is no longer watched by then, nothing is added; nor is it
    where `watched_repository` is given, and that repository is no longer watched by then.
    `seen_at`: when the tag was seen to name this image (None: now).
    """

    reference: str
    tag: str = ""
    platform: str = ""
    annotations: dict[str, str] = {}
    dockerfile: str = ""
    force: bool = False
    watch: bool | None = None
    is_followed: bool = False
    watched_repository: TagName | None = None
    every: int = 0
    seen_at: datetime | None = None


class RegistrationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to it. `tagged` is the reference whose tag points to it now ("": none), `moved_from` the image that it
    pointed to.

    `named` is the digest that the registry has under the reference: the image's, or that of the index which it was found in.
    """

    placed: ImageState
    digest: str
    is_new_here: bool
    tagged: str
    moved_from: int | None
    named: str = ""


async def add(
    services: Services,
    account_id: int,
    wanted: ImageRegistration,
    by: str,
    entry: audit.Entry[RegistrationResult] | None = None,
) -> RegistrationResult:
    """Add an image by reference; `entry` writes of it in the same transaction.

    Raises HullmarkError if the registry does not have it, or cannot be reached, and WatchNotFound.
    """
    named = parse_reference(wanted.reference)
    tagged = _choose_tag(named, wanted.tag)
    async with services.database.tenant(account_id) as connection:
        rows = await registries(connection, account_id)
    login = login_for(rows, named, account_id, services.vault)

    def look() -> Image:
        platform = parse_platform(wanted.platform) if wanted.platform else None
        with asking(services, named, login, platform) as options:
            return open_image(f"registry:{named}", options)

    image = await asyncio.to_thread(look)
    async with services.database.system() as connection:
        placed = await images.register(connection, new_image(image))
        now = services.clock()
        every = wanted.every or services.settings.watch_every
        holding = Acquisition(wanted, image.digest, tagged, by, wanted.seen_at or now)
        added = await settle(connection, services.objects, account_id, placed, holding)
        if wanted.watched_repository is not None:
            await check_watch(connection, account_id, wanted.watched_repository)
        named_digest = image.index_digest or image.digest
        await _watch_tag(connection, account_id, holding, named_digest, every, now)
        added = msgspec.structs.replace(added, named=named_digest)
        if entry is not None:
            await entry(connection, added)
        return added


async def _watch_tag(
    connection: Connection, account_id: int, holding: Acquisition, named: str, every: int, now: datetime
) -> None:
    """Watch the tag of an image whose registry named this digest; first after so many seconds from now. Raises WatchNotFound."""
    wanted, tagged = holding.wanted, holding.tagged
    if tagged is None or (wanted.watch is False and not wanted.is_followed):
        return
    if wanted.is_followed:
        await check_watch(connection, account_id, name_of(tagged))
    new = watches.NewWatch(
        name=name_of(tagged),
        every=every,
        next_at=now + timedelta(seconds=every),
        by=holding.by,
        platform=wanted.platform,
        digest=named,
    )
    await watches.keep(connection, account_id, new, is_decided=wanted.watch is True)


async def check_watch(connection: Connection, account_id: int, name: TagName) -> None:
    """Raise WatchNotFound if a tag, or a repository, is no longer watched; else it is until the transaction ends.

    The registry took its time to answer: without this, an image that somebody let go meanwhile would be back.
    """
    if not await watches.lock_active(connection, account_id, name):
        raise WatchNotFound(f"the {'tag' if name.tag else 'repository'} is no longer watched", advice="watch it again")


class Acquisition(msgspec.Struct, frozen=True):
    """How an account comes to hold an image; `seen_at` is when the tag was seen to point to it."""

    wanted: ImageRegistration
    digest: str
    tagged: Reference | None
    by: str
    seen_at: datetime


async def settle(
    connection: Connection, objects: Objects, account_id: int, placed: ImageState, holding: Acquisition
) -> RegistrationResult:
    """Have the account hold the image and the tag point to it; it is analysed if it has to be, else judged. One transaction."""
    wanted, tagged = holding.wanted, holding.tagged
    annotations = wanted.annotations
    if wanted.is_followed and tagged is not None:
        annotations = {**await tag_moves.annotations_of(connection, account_id, name_of(tagged)), **annotations}
    is_new_here = await images.hold(
        connection,
        account_id,
        placed.image_id,
        reference=wanted.reference,
        annotations=annotations,
        dockerfile=masked_dockerfile(wanted.dockerfile),
        by=holding.by,
    )
    moved_from = None
    if tagged is not None:
        target = TagTarget(placed.image_id, holding.digest, holding.seen_at)
        moved_from = await point(connection, objects, account_id, tagged, target)
    is_news = is_new_here or moved_from is not None
    state = placed.state
    if state in ("analysed", "failed") and (wanted.force or state == "failed"):
        await leases.wait_again(connection, [placed.image_id])
        state = "waiting"
    if state == "waiting":
        await want_analysis(connection, placed.image_id)
    elif state == "analysed" and (is_news or not wanted.is_followed):
        # Who never held it is first to know what is signed about it, so that nobody is told of what was only not looked at.
        await want_look(connection, account_id, placed.image_id, cause=ADDED if is_new_here else "")
        if not is_new_here:
            await want_verdict(connection, account_id, placed.image_id, ADDED)
    if is_news:
        body = {"digest": holding.digest, "reference": str(tagged) if tagged else wanted.reference}
        await events.tell(connection, account_id, "image.added", ("image", holding.digest), body)
    return RegistrationResult(
        placed=msgspec.structs.replace(placed, state=state),
        digest=holding.digest,
        is_new_here=is_new_here,
        tagged=str(tagged) if tagged else "",
        moved_from=moved_from,
    )


async def want_analysis(connection: Connection, image_id: int, at: datetime | None = None) -> None:
    """Have an image analysed that waits."""
    await jobs.defer(connection, "analyse", {"image_id": image_id}, once=f"analyse:{image_id}", queue="analysis", at=at)


async def want_look(connection: Connection, account_id: int, image_id: int, cause: str = "") -> None:
    """Have it looked at what others signed about an image that an account holds. It is judged if that is something else than before;
    with `cause` (why), in any case."""
    args = {"account_id": account_id, "image_ids": [image_id], "cause": cause}
    once = f"signatures:{account_id}:{image_id}:{cause}"
    await jobs.defer(connection, "signatures", args, once=once, queue="watching", priority=30)


async def want_verdict(connection: Connection, account_id: int, image_id: int, cause: str, priority: int = 10) -> None:
    """Have an image judged by all policies that an account has in force for it."""
    args = {"account_id": account_id, "image_id": image_id, "cause": cause}
    await jobs.defer(
        connection, "judge", args, once=f"judge:{account_id}:{image_id}", queue=jobs.JUDGING, priority=priority
    )


async def want_verdicts(connection: Connection, holdings: Iterable[tuple[int, int]], cause: str, priority: int) -> None:
    """Have many images judged (account, image), some at a time together."""
    for account_id, holding in groupby(sorted(holdings), key=lambda chosen: chosen[0]):
        image_ids = [image_id for _, image_id in holding]
        for start in range(0, len(image_ids), jobs.TOGETHER):
            some = image_ids[start : start + jobs.TOGETHER]
            if len(some) == 1:
                await want_verdict(connection, account_id, some[0], cause, priority)
            else:
                args = {"account_id": account_id, "image_ids": some, "cause": cause, "priority": priority}
                await jobs.defer(connection, "judge_some", args, queue=jobs.JUDGING, priority=priority)


def _choose_tag(named: Reference, tag: str) -> Reference | None:
    """The reference whose tag is to point to the image."""
    if not named.digest:
        return named
    if not tag:
        return named if named.tag else None
    other = parse_reference(tag)
    if (other.host, other.repository) != (named.host, named.repository):
        raise HullmarkError(
            "the tag is of another repository than the digest", advice="name both in the same registry and repository"
        )
    return other


def new_image(image: Image) -> NewImage:
    """What is known of an image before it is analysed."""
    return NewImage(
        digest=image.digest,
        config_digest=image.config_digest,
        media_type=image.media_type,
        platform=str(image.platform) if image.platform is not None else "",
        size=sum(max(layer.size, 0) for layer in image.layers),
        layer_count=len(image.layers),
        created_at=read_creation_time(image),
        aliases=(("config", image.config_digest), ("index", image.index_digest)),
    )


def read_creation_time(image: Image) -> datetime | None:
    """When the image was built, by its settings; None if they do not say, or what cannot be."""
    text = image.config.created if image.config is not None else ""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None and 1970 <= moment.year < 9999 else None
