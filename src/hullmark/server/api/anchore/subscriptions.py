"""Subscriptions to tags and repositories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from hullmark.model.limit import Limit
from hullmark.model.reference import Reference
from hullmark.report.anchore import subscriptions as shapes
from hullmark.report.anchore.requests import SubscriptionRequest
from hullmark.report.anchore.subscriptions import OF_REPOSITORIES, Subscription, SubscriptionInfo
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.anchore.held import full_tag, reference_of
from hullmark.server.api.caller import Caller
from hullmark.server.stories.images import repositories
from hullmark.server.stories.services import Services
from hullmark.server.stories.watching.subscriptions import keep_in_step
from hullmark.server.tables import audit
from hullmark.server.tables.clients import anchore_subscriptions
from hullmark.server.tables.clients.anchore_subscriptions import NewSubscription, SubscriptionRow
from hullmark.server.tables.database import Connection

_READ: dict[str, Any] = {"permission": "images:read"}
_WRITE: dict[str, Any] = {"permission": "images:write"}
_ALWAYS = ("analysis_update", "policy_eval", "vuln_update")
_MAX_VALUE = Limit(1_000_000, "characters of a subscription's value", "refused")


def _make_subscription_view(account: str, row: SubscriptionRow) -> Subscription:
    info = SubscriptionInfo(account=account, type=row.type, key=row.key, is_active=row.is_active, value=row.value)
    return shapes.subscription(info)


def _new(caller: Caller, type: str, key: str, *, value: str | None = None, is_active: bool = True) -> NewSubscription:
    id = shapes.subscription_id(caller.account, key, type)
    return NewSubscription(id=id, type=type, key=key, value=value, is_active=is_active)


async def watch_tag(
    services: Services, connection: Connection, caller: Caller, tag: str, *, with_updates: bool
) -> None:
    """Subscribe to a tag whose image is added; to new images of it only `with_updates`. What was switched off stays so."""
    wanted = [_new(caller, type, tag) for type in _ALWAYS]
    wanted.append(_new(caller, "tag_update", tag, is_active=with_updates))
    new = await anchore_subscriptions.subscribe(connection, caller.account_id, wanted)
    if with_updates and wanted[-1].id in new:
        await _watch(services, connection, caller, await _existing(connection, caller, wanted[-1].id))


async def _watch(services: Services, connection: Connection, caller: Caller, row: SubscriptionRow) -> None:
    """Have registries asked, or no longer, as a subscription says."""
    every, now = services.settings.watch_every, services.clock()
    await keep_in_step(connection, caller.account_id, row, every, now, caller.name)


async def watched_tags(connection: Connection, caller: Caller, tags: Sequence[str]) -> list[str]:
    """Those of the tags that somebody wants to hear of, other than of the end of an analysis."""
    found: list[str] = []
    for tag in tags:
        rows = await anchore_subscriptions.list_subscriptions(connection, caller.account_id, key=tag)
        if any(row.is_active and row.type != "analysis_update" for row in rows):
            found.append(tag)
    return found


async def forget_tags(connection: Connection, caller: Caller, tags: Sequence[str]) -> None:
    """Remove the subscriptions to tags that point to nothing any more."""
    for tag in tags:
        for row in await anchore_subscriptions.list_subscriptions(connection, caller.account_id, key=tag):
            await anchore_subscriptions.unsubscribe(connection, caller.account_id, row.id)


def _key_of(type: str, key: str) -> str:
    """The key in full. Raises Told 400."""
    if type and type not in shapes.SUBSCRIPTION_TYPES:
        raise make_refusal(
            400, f"{type[:50]!r} is not a subscription_type", f"one of {', '.join(shapes.SUBSCRIPTION_TYPES)}"
        )
    if not key:
        return ""
    named = reference_of(key)
    return f"{named.host}/{named.repository}" if type == OF_REPOSITORIES else full_tag(named)


@get("/subscriptions", opt=_READ)
async def list_subscriptions(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    subscription_key: FromQuery[str] = "",
    subscription_type: FromQuery[str] = "",
) -> list[Subscription]:
    """All subscriptions, or those of a type and a key."""
    key = _key_of(subscription_type, subscription_key)
    if subscription_key and not subscription_type and ":" not in subscription_key.rpartition("/")[2]:
        key = key.rpartition(":")[0]  # without a type, a key without a tag is a repository
    async with services.database.tenant(caller.account_id) as connection:
        rows = await anchore_subscriptions.list_subscriptions(
            connection, caller.account_id, type=subscription_type, key=key
        )
    return [_make_subscription_view(caller.account, row) for row in rows]


@post("/subscriptions", status_code=200, opt=_WRITE)
async def add_subscription(
    data: JSONBody[SubscriptionRequest], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[Subscription]:
    """Subscribe. Refused where there is such a subscription already."""
    if not data.subscription_key or not data.subscription_type:
        raise make_refusal(400, "a subscription has subscription_key and subscription_type", "send both")
    key = _key_of(data.subscription_type, data.subscription_key)
    _check_value(data.subscription_value)
    is_active = True if data.active is None else data.active
    wanted = _new(caller, data.subscription_type, key, value=data.subscription_value, is_active=is_active)
    async with services.database.tenant(caller.account_id) as connection:
        if not await anchore_subscriptions.subscribe(connection, caller.account_id, [wanted]):
            raise make_refusal(409, f"there is a subscription {wanted.type} of {key} already", "change it with PUT")
        row = await _existing(connection, caller, wanted.id)
        await _watch(services, connection, caller, row)
        after = {"type": row.type, "key": row.key, "active": row.is_active}
        await audit.record(connection, caller, "subscription.add", "subscription", row.id, None, after, caller.origin)
    return [_make_subscription_view(caller.account, row)]


@get("/subscriptions/{id:str}", opt=_READ)
async def get_subscription(
    id: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[Subscription]:
    """One subscription."""
    async with services.database.tenant(caller.account_id) as connection:
        return [_make_subscription_view(caller.account, await _existing(connection, caller, id))]


@put("/subscriptions/{id:str}", opt=_WRITE)
async def change_subscription(
    id: FromPath[str],
    data: JSONBody[SubscriptionRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> list[Subscription]:
    """Switch a subscription on or off, or give it another value; key and type stay."""
    _check_value(data.subscription_value)
    async with services.database.tenant(caller.account_id) as connection:
        before = await _existing(connection, caller, id, lock=True)
        await anchore_subscriptions.change_subscription(
            connection, caller.account_id, id, is_active=data.active, value=data.subscription_value
        )
        row = await _existing(connection, caller, id)
        await _watch(services, connection, caller, row)
        changed = ({"active": before.is_active}, {"active": row.is_active})
        await audit.record(connection, caller, "subscription.change", "subscription", id, *changed, caller.origin)
    return [_make_subscription_view(caller.account, row)]


@delete("/subscriptions/{id:str}", status_code=200, opt=_WRITE)
async def delete_subscription(
    id: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> dict[str, str]:
    """Remove a subscription that is switched off."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _existing(connection, caller, id, lock=True)
        if row.is_active:
            raise make_refusal(409, "the subscription is active", "deactivate it first")
        await anchore_subscriptions.unsubscribe(connection, caller.account_id, id)
        before = {"type": row.type, "key": row.key}
        await audit.record(connection, caller, "subscription.delete", "subscription", id, before, None, caller.origin)
    return {}


@post("/repositories", status_code=200, opt={**_WRITE, "fails": (502,)})
async def add_repository(
    repository: FromQuery[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    autosubscribe: FromQuery[bool] = False,
    lookuptag: FromQuery[str] = "",
    dryrun: FromQuery[bool] = False,
) -> list[Subscription]:
    """Subscribe to a repository, whose tags the registry is asked for at once; `dryrun` only tells what would be written down."""
    named = reference_of(repository)
    key = f"{named.host}/{named.repository}"
    tags = await repositories.tags_of(services, caller.account_id, Reference(named.host, named.repository))
    if lookuptag and lookuptag not in tags:
        raise make_refusal(
            404, f"{key} has no tag {lookuptag[:128]}", "name a tag that it has", ("REGISTRY_IMAGE_NOT_FOUND",)
        )
    value = shapes.repository_value(tags, autosubscribe=autosubscribe, lookup_tag=lookuptag or None)
    wanted = _new(caller, OF_REPOSITORIES, key, value=value)
    if dryrun:
        info = SubscriptionInfo(account=caller.account, type=wanted.type, key=key, is_active=True, value=value)
        return [shapes.subscription(info)]
    async with services.database.tenant(caller.account_id) as connection:
        if not await anchore_subscriptions.subscribe(connection, caller.account_id, [wanted]):
            await anchore_subscriptions.change_subscription(connection, caller.account_id, wanted.id, value=value)
        row = await _existing(connection, caller, wanted.id)
        await _watch(services, connection, caller, row)
        after = {"type": row.type, "key": key, "tags": len(tags), "autosubscribe": autosubscribe}
        await audit.record(connection, caller, "subscription.add", "subscription", row.id, None, after, caller.origin)
    return [_make_subscription_view(caller.account, row)]


async def _existing(connection: Connection, caller: Caller, id: str, *, lock: bool = False) -> SubscriptionRow:
    row = (
        await anchore_subscriptions.subscription_by_id(connection, caller.account_id, id, lock=lock)
        if "\0" not in id
        else None
    )
    if row is None:
        raise missing(f"subscription {id[:100]}", "list them")
    return row


def _check_value(value: str | None) -> None:
    if value is not None and (len(value) > _MAX_VALUE or "\0" in value):
        raise make_refusal(400, "the subscription_value cannot be kept", f"at most {_MAX_VALUE:,} characters, no zeros")


ROUTES = [
    list_subscriptions,
    add_subscription,
    get_subscription,
    change_subscription,
    delete_subscription,
    add_repository,
]
