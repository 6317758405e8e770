"""Subscriptions: who wants to hear of what, where and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.limit import Limit as Bound
from hullmark.notify.quiet import EVERY_DAY, Quiet, TimeOfDay, Weekday, never_ends, zone_of
from hullmark.server.api.caller import Caller
from hullmark.server.api.notice.silences import checked_kinds, checked_selector
from hullmark.server.api.notice.transitions import TransitionView, make_transition_views
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.stories.notice.rehearse import Rehearsal, rehearse
from hullmark.server.stories.notice.wanted import times_of
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import subscriptions, transition_lists, transitions
from hullmark.server.tables.notice.subscriptions import DEFAULT, Mode, NewSubscription, Scope, Stopped, SubscriptionRow

_READ: dict[str, Any] = {"permission": "notices:read"}
_WRITE: dict[str, Any] = {"permission": "notices:write"}
_MOST = Bound(200, "subscriptions of an account", "refused")
_SHOWN = 50

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=100)]
Days = Annotated[tuple[Weekday, ...], msgspec.Meta(min_length=1, max_length=7)]
Selector = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class SubscriptionBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who wants to hear of what. Empty `channels` (names), `kinds` (with wildcards) and `environments` are all.

    `selector`: wildcards on HOST/REPOSITORY:TAG, several with commas between. `severity`: at least that; what has no rating passes.
    `scope`: images that are certified or deployed, only those that are deployed, or all. `digest`: all together at `digest_at` on
    `digest_days` (1 is Monday) in `timezone`. `quiet`: hours in which messages wait. `stopped`: what concerns images that ran and run
    nowhere any more, as collectors tell, waits for `digest_at` too, or is told at once.
    """

    name: Name
    channels: Names = ()
    kinds: Names = ()
    selector: Selector = "*"
    environments: Names = ()
    severity: Severity = "unknown"
    scope: Scope = "watched"
    mode: Mode = "at-once"
    digest_at: TimeOfDay = "09:00"
    digest_days: Days = EVERY_DAY
    timezone: Zone = "UTC"
    quiet: Quiet | None = None
    stopped: Stopped = "digest"
    is_active: bool = True


class SubscriptionChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be said otherwise; what is left out stays. `quiet` null: no quiet hours."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    channels: Names | msgspec.UnsetType = msgspec.UNSET
    kinds: Names | msgspec.UnsetType = msgspec.UNSET
    selector: Selector | msgspec.UnsetType = msgspec.UNSET
    environments: Names | msgspec.UnsetType = msgspec.UNSET
    severity: Severity | msgspec.UnsetType = msgspec.UNSET
    scope: Scope | msgspec.UnsetType = msgspec.UNSET
    mode: Mode | msgspec.UnsetType = msgspec.UNSET
    digest_at: TimeOfDay | msgspec.UnsetType = msgspec.UNSET
    digest_days: Days | msgspec.UnsetType = msgspec.UNSET
    timezone: Zone | msgspec.UnsetType = msgspec.UNSET
    quiet: Quiet | msgspec.UnsetType | None = msgspec.UNSET
    stopped: Stopped | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET


class SubscriptionView(SubscriptionBody, kw_only=True):
    """A subscription as it is kept. A channel that is no more shows by its id: without it the subscription would ask for all.

    `quiet_until`: the end of the quiet hours that it is now; `next_digest`: when the next one is due, of digests.
    """

    quiet_until: datetime | None
    next_digest: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime


class RehearsalBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many of the newest transitions are looked at."""

    last: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class RehearsalView(msgspec.Struct, kw_only=True):
    """What a subscription would have told of the newest `looked_at` transitions, and why not of the others. `items`: the newest of them."""

    looked_at: int
    would_tell: int
    would_not: dict[str, int]
    items: list[TransitionView]


def _make_subscription_view(row: SubscriptionRow, names: Mapping[UUID, str], now: datetime) -> SubscriptionView:
    times = times_of(row, now)
    return SubscriptionView(
        **{
            name: getattr(row, name)
            for name in (*SubscriptionBody.__struct_fields__, "created_by", "created_at", "updated_at")
            if name not in ("channels", "kinds", "environments", "severity", "digest_days", "quiet")
        },
        channels=tuple(names.get(key, str(key)) for key in row.channels),
        kinds=tuple(row.kinds),
        environments=tuple(row.environments),
        severity=SEVERITIES[row.severity],  # type: ignore[arg-type]
        digest_days=tuple(row.digest_days),
        quiet=None if row.quiet is None else msgspec.convert(row.quiet, Quiet),
        quiet_until=times.quiet_until,
        next_digest=times.digest_at if row.mode == "digest" else None,
    )


def check_subscription(
    request: SubscriptionBody, names: Mapping[UUID, str], kept: Sequence[UUID] = ()
) -> NewSubscription:
    """The subscription that a request asks for. `kept`: channels that it names already, even if they are gone. Raises Refusal."""
    if not request.name.strip() or not request.name.isprintable() or "/" in request.name:
        raise problem(422, "the subscription has no name that it could be kept under", "give one without a slash")
    if not all(environment.isprintable() for environment in request.environments):
        raise problem(422, "an environment's name cannot be printed", "correct it")
    if request.quiet is not None and never_ends(request.quiet):
        raise problem(422, "these quiet hours never end", "switch the subscription off, or leave a day out")
    try:
        zone_of(request.timezone)
    except ValueError as error:
        raise problem(422, str(error), "write it as Europe/Berlin, or UTC") from error
    by_name = {name: key for key, name in names.items()} | {str(key): key for key in kept if key not in names}
    for name in request.channels:
        if name not in by_name:
            raise problem(422, f"there is no channel {name!r}", "name one that there is, or make it first")
    return NewSubscription(
        name=request.name,
        channels=tuple(dict.fromkeys(by_name[name] for name in request.channels)),
        kinds=checked_kinds(request.kinds),
        selector=checked_selector(request.selector),
        environments=tuple(dict.fromkeys(request.environments)),
        severity=SEVERITIES.index(request.severity),
        scope=request.scope,
        mode=request.mode,
        digest_at=request.digest_at,
        digest_days=tuple(sorted(set(request.digest_days))),
        timezone=request.timezone,
        quiet=None if request.quiet is None else msgspec.to_builtins(request.quiet),
        stopped=request.stopped,
        is_active=request.is_active,
    )


async def _find_subscription(
    connection: Connection, account_id: int, name: str, *, for_change: bool = False
) -> SubscriptionRow:
    found = await subscriptions.subscription_named(connection, account_id, name, for_change=for_change)
    if found is None:
        raise not_found(f"subscription {name}")
    return found


@post("/subscriptions", status_code=201, opt=_WRITE, summary="Subscribe to what changes")
async def add_subscription(
    data: JSONBody[SubscriptionBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> SubscriptionView:
    """Subscribe channels to what changes. Nobody is told of what came about before."""
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        names = await subscriptions.channel_names(connection, caller.account_id)
        wanted = check_subscription(data, names)
        if await subscriptions.count_subscriptions(connection, caller.account_id) >= _MOST:
            raise Refusal(409, f"the account has {_MOST} subscriptions already", "remove one first")
        if not await subscriptions.add_subscription(connection, caller.account_id, wanted, caller.name, now):
            raise Refusal(409, f"there is a subscription {wanted.name} already", "change it, or take another name")
        row = await _find_subscription(connection, caller.account_id, wanted.name)
        after = _make_subscription_view(row, names, now)
        await audit.record(connection, caller, "subscription.add", "subscription", row.name, None, after, origin)
    return after


@get("/subscriptions", opt=_READ, summary="The subscriptions of the account")
async def list_subscriptions(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[SubscriptionView]:
    """Subscriptions by name. `default` is there from the beginning: all channels hear of all that is watched."""
    after = values_in(cursor, str) or ""
    async with services.database.tenant(caller.account_id) as connection:
        rows = await subscriptions.list_subscriptions(connection, caller.account_id, after=after, limit=limit + 1)
        names = await subscriptions.channel_names(connection, caller.account_id)
    found = page(rows, limit, lambda row: row.name)
    return Page(items=[_make_subscription_view(row, names, services.clock()) for row in found.items], next=found.next)


@get("/subscriptions/{name:str}", opt=_READ, summary="A subscription")
async def get_subscription(
    name: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> SubscriptionView:
    """One by its name."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _find_subscription(connection, caller.account_id, name)
        names = await subscriptions.channel_names(connection, caller.account_id)
    return _make_subscription_view(row, names, services.clock())


@patch("/subscriptions/{name:str}", opt=_WRITE, summary="Change a subscription, or switch it off or on")
async def change_subscription(
    name: FromPath[str],
    data: JSONBody[SubscriptionChange],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> SubscriptionView:
    """Have a subscription say something else from now on. What it holds back in quiet hours, and its digest, follow the new times."""
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        row = await _find_subscription(connection, caller.account_id, name, for_change=True)
        names = await subscriptions.channel_names(connection, caller.account_id)
        before = _make_subscription_view(row, names, now)
        request = {name: getattr(before, name) for name in SubscriptionBody.__struct_fields__}
        given = {name: getattr(data, name) for name in data.__struct_fields__}
        request |= {field: value for field, value in given.items() if value is not msgspec.UNSET}
        wanted = check_subscription(SubscriptionBody(**request), names, row.channels)
        if name == DEFAULT and wanted.name != DEFAULT:
            raise Refusal(409, f"the subscription {DEFAULT} keeps its name", "switch it off, and add another one")
        if not await subscriptions.change_subscription(connection, caller.account_id, name, wanted, now):
            raise Refusal(409, f"there is a subscription {wanted.name} already", "take another name")
        times = times_of(wanted, now)
        due = await subscriptions.put_off(
            connection, caller.account_id, row.id, held_until=times.quiet_until, digest_at=times.digest_at, now=now
        )
        await transitions.want_delivery(connection, [str(channel) for channel in due])
        after = _make_subscription_view(
            await _find_subscription(connection, caller.account_id, wanted.name), names, now
        )
        await audit.record(connection, caller, "subscription.change", "subscription", name, before, after, origin)
    return after


@delete("/subscriptions/{name:str}", status_code=204, opt=_WRITE, summary="Remove a subscription")
async def remove_subscription(
    name: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """Remove a subscription; messages that it began still go out. `default` can be switched off only, so that one sees that it is."""
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        row = await _find_subscription(connection, caller.account_id, name, for_change=True)
        if name == DEFAULT:
            raise Refusal(409, f"the subscription {DEFAULT} cannot be removed", "switch it off: is_active false")
        names = await subscriptions.channel_names(connection, caller.account_id)
        before = _make_subscription_view(row, names, now)
        await subscriptions.remove_subscription(connection, caller.account_id, name)
        await audit.record(connection, caller, "subscription.remove", "subscription", name, before, None, origin)


@post("/subscriptions/{name:str}/dry-run", status_code=200, opt=_READ, summary="What a subscription would have told")
async def try_subscription(
    name: FromPath[str],
    data: JSONBody[RehearsalBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> RehearsalView:
    """Of which of the newest transitions a subscription would have told by itself, whether it is switched on or not. Nothing is sent."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _find_subscription(connection, caller.account_id, name)
        found: Rehearsal = await rehearse(connection, caller.account_id, row, data.last, services.clock())
        rows = await transition_lists.by_numbers(connection, caller.account_id, found.told[:_SHOWN])
        items = await make_transition_views(connection, caller.account_id, rows)
    return RehearsalView(looked_at=found.looked_at, would_tell=len(found.told), would_not=found.reasons, items=items)


ROUTES = [
    add_subscription,
    list_subscriptions,
    get_subscription,
    change_subscription,
    remove_subscription,
    try_subscription,
]
