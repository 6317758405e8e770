"""A watched repository: its registry is asked for its tags, and images of new ones are added, some at a time, the newest first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import Reference
from hullmark.net.errors import NetError
from hullmark.policy.values import NameGlob
from hullmark.server.stories.images import register
from hullmark.server.stories.images.register import ImageRegistration, WatchNotFound
from hullmark.server.stories.images.repositories import tags_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.watching import watches
from hullmark.server.tables.watching.watches import NewWatch, WatchRow
from hullmark.source.source import RegistryUnwell

MOST_TAGS = Limit(2000, "tags of a repository that are watched")
"""The most tags of a repository that are watched."""

_AT_ONCE = 25
_STATEMENT = re.compile(r"sha256-[0-9a-f]{64}(?:\..{1,60})?").fullmatch
_NUMBERS = re.compile(r"[0-9]+|[^0-9]+").findall
_LONGEST_NUMBER = 18


class RepositoryLook(msgspec.Struct, frozen=True):
    """The result of a look: whether new tags remain to be added, and what prevents that ("": nothing)."""

    is_more: bool
    reason: str


async def look_at_repository(services: Services, account_id: int, row: WatchRow) -> RepositoryLook:
    """Add images of tags that are new, as long as the repository is watched.

    Raises ImageNotFound, NetError, HullmarkError if the registry does not list its tags, WatchNotFound if it is watched no longer.
    """
    there = await tags_of(services, account_id, Reference(row.registry, row.repository))
    async with services.database.tenant(account_id) as connection:
        known = await watches.tags_known(connection, account_id, row.registry, row.repository)
    pattern = NameGlob(row.pattern)
    fitting = [tag for tag in there if pattern.matches(tag) and not _STATEMENT(tag)]
    new = newest_first(tag for tag in fitting if tag not in known)
    room = max(MOST_TAGS - len(known), 0)
    for tag in new[: min(room, _AT_ONCE)]:
        await _add(services, account_id, row, tag)
    reason = f"it has {len(fitting):,} tags, of which {MOST_TAGS:,} are watched" if len(new) > room else ""
    return RepositoryLook(is_more=min(len(new), room) > _AT_ONCE, reason=reason)


async def _add(services: Services, account_id: int, row: WatchRow, tag: str) -> None:
    """Add the image of a tag, and watch it, or remember that it is known. If it is not an image, its watch says so."""
    wanted = ImageRegistration(
        reference=f"{row.registry}/{row.repository}:{tag}",
        platform=row.platform,
        watch=None if row.follows else False,
        watched_repository=_name_of(row),
        every=row.every,
        seen_at=row.noticed_at or services.clock(),
    )
    reason = ""
    try:
        await register.add(services, account_id, wanted, "watch")
        if row.follows:
            return
    except (NetError, RegistryUnwell, WatchNotFound):
        raise
    except HullmarkError as error:
        reason = f"{error}; {error.advice}"[:1000]
    new = NewWatch(
        name=TagName(row.registry, row.repository, tag),
        every=row.every,
        next_at=services.clock() + timedelta(seconds=row.every),
        by="watch",
        platform=row.platform,
        is_active=row.follows,
        reason=reason,
    )
    async with services.database.tenant(account_id) as connection:
        await register.check_watch(connection, account_id, _name_of(row))
        await watches.keep(connection, account_id, new)


def _name_of(row: WatchRow) -> TagName:
    return TagName(row.registry, row.repository, "")


def newest_first(tags: Iterable[str]) -> list[str]:
    """As far as names tell: `latest`, then by the numbers in them, the highest first."""
    return sorted(tags, key=lambda tag: (tag == "latest", _parts(tag)), reverse=True)


def _parts(tag: str) -> list[tuple[int, int, str]]:
    """Numbers count as numbers and come before words."""
    return [
        (1, int(part), "") if part.isascii() and part.isdigit() and len(part) <= _LONGEST_NUMBER else (0, 0, part)
        for part in _NUMBERS(tag)
    ]
