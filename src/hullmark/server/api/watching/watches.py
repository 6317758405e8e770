"""Watches: which tags and repositories registries are asked about, and how often."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from hullmark.model.reference import parse_reference
from hullmark.policy.values import NameGlob
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.watching import watches
from hullmark.server.tables.watching.watches import NewWatch, WatchFilter, WatchRow
from hullmark.source.platform import parse_platform

_READ: dict[str, Any] = {"permission": "images:read"}
_WRITE: dict[str, Any] = {"permission": "images:write"}
Every = Annotated[int, msgspec.Meta(ge=10, le=604_800)]
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class WatchBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be watched: a `reference` with a tag, or all tags of a `repository` that fit the `pattern`.

    `every`: seconds between two looks (null: as the server is set). `follows`: whether new tags of a repository are watched too, once they
    were added. `platform`: which image of an index.
    """

    reference: Annotated[str, msgspec.Meta(max_length=1200)] = ""
    repository: Annotated[str, msgspec.Meta(max_length=1200)] = ""
    every: Every | None = None
    pattern: Pattern = "*"
    follows: bool = True
    platform: Annotated[str, msgspec.Meta(max_length=100)] = ""


class WatchChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise; null: as it is."""

    every: Every | None = None
    pattern: Pattern | None = None
    follows: bool | None = None
    active: bool | None = None


class WatchView(msgspec.Struct, kw_only=True):
    """A watch. `tag` is "" for a repository. `digest` is what the registry named last, `checked_at` when it was asked.

    `failures` counts the looks since one did what it should, `reason` says what was in the way.
    """

    id: int
    reference: str
    registry: str
    repository: str
    tag: str
    pattern: str
    follows: bool
    platform: str
    every: int
    active: bool
    digest: str
    next_at: datetime
    checked_at: datetime | None
    failures: int
    reason: str
    created_by: str
    created_at: datetime


def _make_watch_view(row: WatchRow) -> WatchView:
    values = {name: getattr(row, name) for name in WatchView.__struct_fields__ if name != "active"}
    return WatchView(active=row.is_active, **values)


@get("/watches", opt=_READ, summary="What is watched")
async def list_watches(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    registry: FromQuery[str] = "",
    repository: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    active: FromQuery[bool | None] = None,
    failing: FromQuery[bool | None] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[WatchView]:
    """Watches by registry, repository and tag. `failing`: those whose last look failed."""
    wanted = WatchFilter(registry=registry, repository=repository, tag=tag, active=active, failing=failing)
    after = values_in(cursor, TagName)
    async with services.database.tenant(caller.account_id) as connection:
        rows = await watches.list_watches(connection, caller.account_id, wanted, after, limit + 1)
    found = page(rows, limit, lambda row: (row.registry, row.repository, row.tag))
    return Page(items=[_make_watch_view(row) for row in found.items], next=found.next)


@post("/watches", status_code=201, opt=_WRITE, summary="Watch a tag or a repository")
async def add_watch(
    data: JSONBody[WatchBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> WatchView:
    """Watch a tag, or a repository, from now on; what is watched already is watched as is said here. Images are added as they are found."""
    new = _new(data, services, caller)
    async with services.database.tenant(caller.account_id) as connection:
        if await watches.count_watches(connection, caller.account_id) >= watches.MOST:
            raise problem(409, f"the account has {watches.MOST:,} watches already", "remove one first")
        row = await watches.keep(connection, caller.account_id, new, is_decided=True)
        await watches.subscribe_in_step(connection, caller.account_id, row)
        await audit.record(
            connection, caller, "watch.add", "watch", row.reference, None, _describe_for_audit(row), origin
        )
    return _make_watch_view(row)


def _new(request: WatchBody, services: Services, caller: Caller) -> NewWatch:
    if bool(request.reference) == bool(request.repository):
        raise problem(422, "a watch is of a reference, or of a repository", "give one of them")
    named = parse_reference(request.reference or request.repository)
    if named.digest or (request.repository and named.tag):
        raise problem(422, "what has a digest never changes, and a repository has no tag", "name HOST/REPOSITORY[:TAG]")
    if request.platform:
        parse_platform(request.platform)
    _check(request.pattern)
    return NewWatch(
        name=TagName(named.host, named.repository, (named.tag or "latest") if request.reference else ""),
        every=request.every or services.settings.watch_every,
        next_at=services.clock(),
        by=caller.name,
        pattern=request.pattern,
        follows=request.follows,
        platform=request.platform,
    )


def _check(pattern: str) -> None:
    try:
        NameGlob(pattern)
    except ValueError as error:
        raise problem(422, f"the pattern cannot be used: {error}", "write it with * and ? as wildcards") from error
    if "\0" in pattern:
        raise problem(422, "the pattern holds a zero character", "write it with * and ? as wildcards")


@patch("/watches/{number:int}", opt=_WRITE, summary="Change a watch")
async def change_watch(
    number: FromPath[int],
    data: JSONBody[WatchChange],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> WatchView:
    """How often it is looked at, which tags of a repository, and whether at all. It is looked at at once."""
    if data.pattern is not None:
        _check(data.pattern)
    async with services.database.tenant(caller.account_id) as connection:
        before = await _existing(connection, caller, number)
        changed = msgspec.structs.replace(
            before,
            every=before.every if data.every is None else data.every,
            pattern=before.pattern if data.pattern is None else data.pattern,
            follows=before.follows if data.follows is None else data.follows,
            is_active=before.is_active if data.active is None else data.active,
            next_at=services.clock(),
        )
        await watches.change(connection, caller.account_id, changed)
        await watches.subscribe_in_step(connection, caller.account_id, changed)
        steps = (_describe_for_audit(before), _describe_for_audit(changed))
        await audit.record(connection, caller, "watch.change", "watch", before.reference, *steps, origin)
    return _make_watch_view(changed)


@delete("/watches/{number:int}", status_code=204, opt=_WRITE, summary="Watch something no longer")
async def remove_watch(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """The image stays. A tag of a repository that is watched itself is found again: switch it off instead."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _existing(connection, caller, number)
        await watches.remove(connection, caller.account_id, number)
        off = msgspec.structs.replace(row, is_active=False)
        await watches.subscribe_in_step(connection, caller.account_id, off)
        await audit.record(
            connection, caller, "watch.delete", "watch", row.reference, _describe_for_audit(row), None, origin
        )


@post("/watches/{number:int}/look", operation_id="look_now", status_code=202, opt=_WRITE, summary="Look now")
async def look_now(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> WatchView:
    """Have the registry asked at once. What is switched off is not looked at."""
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        row = await _existing(connection, caller, number)
        if not row.is_active:
            raise problem(409, f"{row.reference} is not watched: its watch is switched off", "switch it on first")
        await watches.notice(connection, caller.account_id, [TagName(row.registry, row.repository, row.tag)], now)
        await audit.record(connection, caller, "watch.look", "watch", row.reference, None, None, origin)
        return _make_watch_view(await _existing(connection, caller, number))


async def _existing(connection: Connection, caller: Caller, number: int) -> WatchRow:
    rows = await watches.watches_by_id(connection, caller.account_id, [number]) if 0 < number < 1 << 63 else []
    if not rows:
        raise not_found(f"watch {number}", "list them: hullmark watch list, or GET /api/v1/watches")
    return rows[0]


def _describe_for_audit(row: WatchRow) -> dict[str, Any]:
    """What the audit log keeps of it."""
    return {
        "every": row.every,
        "pattern": row.pattern,
        "follows": row.follows,
        "platform": row.platform,
        "active": row.is_active,
    }


ROUTES = [list_watches, add_watch, change_watch, remove_watch, look_now]
