"""Muted: a server that says nothing to anybody outside, and asks nobody by itself, until it is told otherwise. A restored one begins so.

Messages are made and wait. So do watches, feeds, and images that are to be read from registries; archives and SBOMs that are sent in are
read and judged. No test is sent to a channel.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import deliveries
from hullmark.server.tables.settings import forget_setting, keep_setting, setting

NAME = "muted"
"""The setting that holds it."""

ADVICE = "let it speak again: hullmark system unmute"
DISCARDED = "discarded when the server was unmuted"


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """Since when a server is muted, and why."""

    since: datetime
    reason: str


class MutedServer(HullmarkError):
    """The server is muted."""


async def mute_of(connection: Connection) -> Mute | None:
    """How the server is muted; None if it is not."""
    kept = await setting(connection, NAME)
    return msgspec.convert(kept, Mute) if kept is not None else None


async def is_muted(services: Services) -> bool:
    """Whether the server is muted."""
    async with services.database.system() as connection:
        return await mute_of(connection) is not None


async def require_unmuted(services: Services) -> None:
    """Raise MutedServer if the server is."""
    async with services.database.system() as connection:
        kept = await mute_of(connection)
    if kept is not None:
        raise MutedServer(f"the server is muted: {kept.reason}", advice=ADVICE)


async def mute(connection: Connection, reason: str, now: datetime) -> Mute:
    """Mute the server, if it is not yet; answers how it is."""
    kept = await mute_of(connection)
    if kept is None:
        kept = Mute(since=now, reason=reason)
        await keep_setting(connection, NAME, msgspec.to_builtins(kept))
    return kept


async def unmute(connection: Connection, *, discard: bool) -> int:
    """Let the server speak again; with `discard` what waits to be sent is not sent. Answers how many messages that were."""
    await forget_setting(connection, NAME)
    return await deliveries.give_up_all(connection, DISCARDED) if discard else 0
