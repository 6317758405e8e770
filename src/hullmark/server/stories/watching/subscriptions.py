"""Subscriptions of Anchore's clients to new images of a tag, and to new tags of a repository: they are watches by another name."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import Reference, parse_reference
from hullmark.server.tables.clients.anchore_subscriptions import SubscriptionRow
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.watching import watches
from hullmark.server.tables.watching.watches import NewWatch

TAG, REPOSITORY = "tag_update", "repo_update"


class _Value(msgspec.Struct):
    """What a subscription to a repository says of new tags."""

    autosubscribe: bool = False


async def keep_in_step(
    connection: Connection, account_id: int, row: SubscriptionRow, every: int, now: datetime, by: str
) -> None:
    """Make a watch follow a subscription; from now on it looks `every` so many seconds."""
    if row.type not in (TAG, REPOSITORY):
        return
    try:
        named = parse_reference(row.key)
    except HullmarkError:
        return  # nothing that a registry could be asked for
    new = NewWatch(
        name=_name(named, is_tag=row.type == TAG),
        every=every,
        next_at=now,
        by=by,
        follows=_follows(row.value),
        is_active=row.is_active,
    )
    await watches.keep(connection, account_id, new, is_decided=True)


def _name(named: Reference, *, is_tag: bool) -> TagName:
    return TagName(named.host, named.repository, (named.tag or "latest") if is_tag else "")


def _follows(value: str | None) -> bool:
    """Whether new tags are watched too, once their images were added."""
    try:
        return msgspec.json.decode(value or "{}", type=_Value).autosubscribe
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return False
