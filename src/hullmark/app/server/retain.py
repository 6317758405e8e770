"""What time brings about: exceptions end, and what nobody needs any more is cleared away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

from hullmark.app.server.services import Services
from hullmark.store import images, jobs, retention
from hullmark.store.objects import Listed, Objects

_AT_ONCE = 500
_GRACE = timedelta(hours=6)
_ANSWERS_KEPT = 24

_Room = Literal["analyses", "files", "verdicts", "layers"]


async def judge_expired(services: Services) -> None:
    """Have the images of accounts judged again whose exceptions have expired: once for each."""
    async with services.database.system() as connection:
        for account_id in await retention.take_expired(connection):
            args = {"account_id": account_id, "cause": "an exception expired"}
            await jobs.defer(connection, "rejudge", args, once=f"rejudge:{account_id}", queue="judging", priority=5)


async def retain(services: Services) -> None:
    """Let images go that are kept no longer, and forget those that no account holds."""
    async with services.database.system() as connection:
        if services.settings.keep_days:
            await retention.let_untagged_go(connection, services.settings.keep_days, _AT_ONCE)
        await images.forget_unheld(connection, _AT_ONCE)
        await retention.forget_answers(connection, _ANSWERS_KEPT)


async def sweep_objects(services: Services) -> None:
    """Remove documents and layer records that nothing names, once they are hours old: what is being written is not named yet."""
    before = services.clock() - _GRACE
    for room, name_of in _ROOMS.items():
        listed = _old(services.objects, room, before)
        while some := await asyncio.to_thread(lambda it=listed: list(islice(it, _AT_ONCE))):  # type: ignore[misc]
            async with services.database.system() as connection:
                named = await retention.still_named(connection, room, [name_of(each.key) for each in some])
            unnamed = [each.key for each in some if name_of(each.key) not in named]
            if unnamed:
                await asyncio.to_thread(services.objects.delete, unnamed)
    await asyncio.to_thread(services.objects.sweep, _GRACE.total_seconds())


def _old(objects: Objects, room: str, before: datetime) -> Iterator[Listed]:
    return (each for each in objects.list(f"{room}/") if each.modified < before)


def _itself(key: str) -> str:
    return key


def _layer(key: str) -> str:
    """The digest of the layer that a record is of: `…/sha256-HEX`."""
    return key.rpartition("/")[2].replace("-", ":", 1)


_ROOMS: dict[_Room, Callable[[str], str]] = {
    "analyses": _itself,
    "files": _itself,
    "verdicts": _itself,
    "layers": _layer,
}
