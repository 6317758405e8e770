"""Hooks: a registry reports a push. The secret only proves that a look is worth while, and nothing more."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import parse_reference
from hullmark.policy.values import NameGlob
from hullmark.server.stories.notice.links import root_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.watching import hooks, watches
from hullmark.server.tables.watching.hooks import HookRow
from hullmark.server.tables.watching.watches import NewWatch
from hullmark.source.hooks import HOOKS
from hullmark.source.hooks.hook import Delivery, NamedTag, usable

_IN_ADDRESS = ("dockerhub", "quay")
_NOBODY = "there is no hook with this secret"


class HookResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a delivery: how many tags it named, how many watches are looked at now, and how many of them are new."""

    named: int
    due: int
    added: int


def new_secret() -> str:
    """A secret that nobody can guess."""
    return secrets.token_urlsafe(32)


def seal_secret(services: Services, account_id: int, key: UUID, secret: str) -> bytes:
    """A secret as it is kept, for this hook alone."""
    return services.vault.encrypt(secret, _context(account_id, key))


def _context(account_id: int, key: UUID) -> str:
    return f"hook/{account_id}/{key}"


def address_of(services: Services, row: HookRow, secret: str) -> str:
    """The URL that the registry is to send to; with the secret where the registry has no other place for it."""
    token = f"?token={secret}" if row.kind in _IN_ADDRESS else ""
    return f"{root_of(services.settings)}/hooks/{row.id}{token}"


def registry_of(kind: str, registry: str) -> str:
    """The host that a hook is of: as given, or that of its kind. Raises HullmarkError for none."""
    host = registry or HOOKS[kind].registry
    if not host:
        raise HullmarkError(
            f"a hook of kind {kind} has to name its registry", advice="give the host that its images are named by"
        )
    named = parse_reference(f"{host}/any")
    if named.host != host:
        raise HullmarkError(f"{host[:100]!r} is not a host of a registry", advice="write HOST[:PORT]")
    return host


async def find_proven_hook(services: Services, key: UUID, delivery: Delivery) -> HookRow | None:
    """The hook that a delivery is for, if its sender knows the secret; None for all else, after the same work."""
    async with services.database.system() as connection:
        row = await hooks.hook_of_anybody(connection, key)
    if row is None or row.kind not in HOOKS:
        any(hook.proves(delivery, _NOBODY) for hook in HOOKS.values())
        return None
    secret = services.vault.decrypt(row.secret, _context(row.account_id, row.id))
    return row if HOOKS[row.kind].proves(delivery, secret) else None


async def hear(services: Services, row: HookRow, delivery: Delivery) -> HookResult:
    """Have the tags that a delivery names looked at. Twice is as good as once. Raises HullmarkError for a body of another kind."""
    now = services.clock()
    found = usable(HOOKS[row.kind].names(delivery), row.registry)
    async with services.database.tenant(row.account_id) as connection:
        await hooks.note_use(connection, row.account_id, row.id, now)
        if not found:
            return HookResult(named=0, due=0, added=0)
        names = [TagName(named_tag.registry, named_tag.repository, named_tag.tag) for named_tag in found]
        known = await watches.notice(connection, row.account_id, names, now)
        unknown = [
            named_tag
            for named_tag, name in zip(found, names, strict=True)
            if name not in known and not named_tag.is_deleted
        ]
        repositories = await _repositories(connection, row.account_id, unknown, now)
        added = 0
        if row.adds:
            room = watches.MOST - await watches.count_watches(connection, row.account_id)
            for named_tag in unknown[: max(room, 0)]:
                new = NewWatch(
                    name=TagName(named_tag.registry, named_tag.repository, named_tag.tag),
                    every=services.settings.watch_every,
                    next_at=now,
                    by=f"hook:{row.name}",
                )
                await watches.keep(connection, row.account_id, new)
                added += 1
    return HookResult(named=len(found), due=len(known) + repositories + added, added=added)


async def _repositories(connection: Connection, account_id: int, unknown: Sequence[NamedTag], now: datetime) -> int:
    """Look at watched repositories that may have an unknown tag; returns how many."""
    count = 0
    wholes: dict[TagName, list[str]] = {}
    for named_tag in unknown:
        wholes.setdefault(TagName(named_tag.registry, named_tag.repository, ""), []).append(named_tag.tag)
    for name, tags in wholes.items():
        rows = await watches.list_watches(
            connection,
            account_id,
            watches.WatchFilter(registry=name.registry, repository=name.repository, active=True),
            None,
            1,
        )
        # The whole repository comes before its tags.
        if rows and not rows[0].tag and any(NameGlob(rows[0].pattern).matches(tag) for tag in tags):
            await watches.notice(connection, account_id, [name], now)
            count += 1
    return count
