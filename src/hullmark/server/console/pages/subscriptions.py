"""Subscriptions: which channel hears of what, and when."""

from __future__ import annotations

from typing import Any, get_args

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.model.advisory import SEVERITIES
from hullmark.server.api.notice import channels, subscriptions
from hullmark.server.api.notice.subscriptions import SubscriptionBody, SubscriptionChange, SubscriptionView
from hullmark.server.api.problems import Refusal
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit
from hullmark.server.tables.notice.subscriptions import Mode, Scope

_COLUMNS: tuple[Column[SubscriptionView], ...] = (
    Column("name", "Name", lambda row: row.name),
    Column("state", "State", lambda row: "on" if row.is_active else "off"),
    Column("channels", "Tells", lambda row: ", ".join(row.channels)),
    Column("severity", "From", lambda row: row.severity),
    Column("about", "About", lambda row: row.selector),
    Column("environments", "In", lambda row: ", ".join(row.environments)),
    Column("mode", "When", lambda row: row.mode),
    Column("actions", "", lambda row: row.updated_at),
)
_DONE = {"added": "The subscription counts from now on.", "changed": "It is changed.", "removed": "It is removed."}
_MOST_CHANNELS = 200


@get("/{account:str}/admin/subscriptions", opt=rights("notices:read"))
async def subscriptions_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """The account's subscriptions."""
    return await _subscriptions(visit)


@post("/{account:str}/admin/subscriptions", opt=rights("notices:write"))
async def add_subscription(visit: NamedDependency[Visit]) -> Response[Any]:
    """Another one."""
    given = await fields_of(visit.request)
    wanted = {
        "name": given.word("name"),
        "channels": given.texts("channels"),
        "kinds": given.word("kinds").replace(",", " ").split(),
        "selector": given.word("selector") or None,
        "environments": given.word("environments").replace(",", " ").split(),
        "severity": given.word("severity") or None,
        "scope": given.word("scope") or None,
        "mode": given.word("mode") or None,
        "digest_at": given.word("digest_at") or None,
        "timezone": given.word("timezone") or None,
    }
    wrong = await visit.attempt(subscriptions.add_subscription, (SubscriptionBody, wanted))
    return await _subscriptions(visit, wrong, given) if wrong else visit.back("admin/subscriptions", "added")


@post("/{account:str}/admin/subscriptions/{name:str}/switch", opt=rights("notices:write"))
async def switch_subscription(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """Off, or on again."""
    wanted = {"is_active": (await fields_of(visit.request)).is_set("on")}
    await visit.do(subscriptions.change_subscription, (SubscriptionChange, wanted), name=name)
    return visit.back("admin/subscriptions", "changed")


@post("/{account:str}/admin/subscriptions/{name:str}/remove", opt=rights("notices:write"))
async def remove_subscription(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """What it began still goes out."""
    await visit.do(subscriptions.remove_subscription, name=name)
    return visit.back("admin/subscriptions", "removed")


async def _subscriptions(visit: Visit, wrong: Refusal | None = None, given: Fields | None = None) -> Response[Any]:
    listing = visit.listing("subscriptions", _COLUMNS, subscriptions.list_subscriptions)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    known = await visit.do(channels.list_channels, limit=_MOST_CHANNELS)
    values: dict[str, Any] = {
        "subscriptions": await listing.shown(visit.request),
        "channels": [channel.name for channel in known.items],
        "severities": [(word, word) for word in SEVERITIES],
        "scopes": [(word, word) for word in get_args(Scope)],
        "modes": [(word, word.replace("-", " ")) for word in get_args(Mode)],
    }
    return show(visit, "subscriptions", wrong=wrong, given=given, done=_DONE, **values)


ROUTES = [subscriptions_page, add_subscription, switch_subscription, remove_subscription]
