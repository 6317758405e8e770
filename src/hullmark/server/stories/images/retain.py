"""Clears away what nobody needs any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from hullmark.model.limit import Limit
from hullmark.server.objects.objects import ListedObject, Objects
from hullmark.server.stories.services import Services
from hullmark.server.tables import retention
from hullmark.server.tables.identity import accounts
from hullmark.server.tables.images import images
from hullmark.server.tables.notice import retention as notice_retention
from hullmark.server.tables.places import retention as places_retention

_AT_ONCE = 500
_MOST_SETS, _SETS_AT_ONCE = 10_000, 100
_MOST_TRIES, _PAUSE = 50, 0.1
_WEIGHTS_KEPT = 730
_ANSWERS_KEPT = 24
_FAILURES_KEPT = timedelta(days=1)
_TOLD_KEPT = timedelta(days=400)
_TOLD_AT_ONCE = 10_000
_MOST_ROUNDS = Limit(100, "rounds of deleting in one job", "later")


async def retain(services: Services) -> None:
    """Let images go that are kept no longer, and forget those that no account holds."""
    async with services.database.system() as connection:
        if services.settings.keep_days:
            await retention.let_untagged_go(connection, services.settings.keep_days, _AT_ONCE)
        await images.forget_unheld(connection, _AT_ONCE)
        await retention.forget_answers(connection, _ANSWERS_KEPT)
        await retention.forget_weights(connection, _WEIGHTS_KEPT)
        await accounts.forget_old_failures(connection, services.clock() - _FAILURES_KEPT)


async def forget_told(services: Services, limit: int = _TOLD_AT_ONCE) -> None:
    """Delete messages of more than 400 days ago, `limit` rows in a transaction."""
    before = services.clock() - _TOLD_KEPT
    for _ in range(_MOST_ROUNDS):
        async with services.database.system() as connection:
            if not await notice_retention.forget_told(connection, before, limit):
                return


async def forget_places(services: Services, limit: int = _TOLD_AT_ONCE) -> None:
    """Forget what ran longer ago than the settings say, `limit` rows in a transaction, and what only that named."""
    if not services.settings.keep_places:
        return
    before = services.clock() - timedelta(days=services.settings.keep_places)
    for _ in range(_MOST_ROUNDS):
        async with services.database.system() as connection:
            if not await places_retention.forget_places(connection, before, limit):
                break
    async with services.database.system() as connection:
        await places_retention.forget_unnamed(connection, limit)


async def sweep_objects(services: Services, grace: float | None = None) -> None:
    """Remove documents and layer records that nothing names, once they are `grace` seconds old (default: the settings'): what is being
    written is not named yet."""
    seconds = services.settings.grace if grace is None else grace
    before = services.clock() - timedelta(seconds=seconds)
    for room, name_of in _ROOMS.items():
        listed = _old(services.objects, room, before)
        while some := await asyncio.to_thread(lambda it=listed: list(islice(it, _AT_ONCE))):  # type: ignore[misc]
            async with services.database.system() as connection:
                named = await retention.still_named(connection, room, [name_of(obj.key) for obj in some])
            unnamed = [obj.key for obj in some if name_of(obj.key) not in named]
            await asyncio.to_thread(_delete_old, services.objects, unnamed, before)
    await asyncio.to_thread(services.objects.sweep, seconds)
    await _forget_packages(services)
    async with services.database.system() as connection:
        old = await retention.take_old_snapshots(connection, services.settings.keep_snapshots)
        if old:  # before the transaction ends: one that returns meanwhile waits, and is written again
            await asyncio.to_thread(services.objects.delete, old)


async def _forget_packages(services: Services) -> None:
    async with services.database.system() as connection:
        unheld = await retention.unheld_sets(connection, _MOST_SETS)
    tries = 0
    while unheld and tries < _MOST_TRIES:  # else the next time
        async with services.database.system() as connection:
            is_done = await retention.forget_sets(connection, unheld[:_SETS_AT_ONCE])
        if is_done:
            del unheld[:_SETS_AT_ONCE]
        else:
            tries += 1
            await asyncio.sleep(_PAUSE)


def _delete_old(objects: Objects, keys: list[str], before: datetime) -> None:
    """Delete those that are still old: who wants to name one that is there already writes it again."""
    heads = [(key, objects.head(key)) for key in keys]
    objects.delete([key for key, head in heads if head is not None and head.modified < before])


def _old(objects: Objects, room: str, before: datetime) -> Iterator[ListedObject]:
    return (obj for obj in objects.list(f"{room}/") if obj.modified < before)


def _itself(key: str) -> str:
    return key


def _last(key: str) -> str:
    return key.rpartition("/")[2]


def _analysis(key: str) -> str:
    """The analysis whose folders these are."""
    return f"analyses/{_last(key)}"


def _layer(key: str) -> str:
    """The digest of the layer that a record is of: `…/sha256-HEX`."""
    return key.rpartition("/")[2].replace("-", ":", 1)


_ROOMS: dict[retention.Room, Callable[[str], str]] = {
    "analyses": _itself,
    "files": _itself,
    "folders": _analysis,
    "verdicts": _itself,
    "layers": _layer,
    "reach": _last,
    "reach-files": _last,
    "signed": _last,
}
