"""Channels, where people are told: added, tried, switched off and on, removed."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.notify.channels import CHANNELS
from hullmark.server.api.notice import channel_actions, channels
from hullmark.server.api.notice.channel_actions import SentView
from hullmark.server.api.notice.channels import ChannelBody, ChannelChange, ChannelView, schema_of
from hullmark.server.api.problems import Refusal
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.schema_forms import fields_in, settings_from
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit, catch_refusal

_COLUMNS: tuple[Column[ChannelView], ...] = (
    Column("name", "Name", lambda row: row.name),
    Column("kind", "Kind", lambda row: row.kind),
    Column("state", "State", lambda row: row.state),
    Column("waiting", "Waiting", lambda row: row.waiting, "number"),
    Column("dead", "Given up", lambda row: row.dead, "number"),
    Column("error", "Last error", lambda row: row.last_error),
    Column("actions", "", lambda row: row.updated_at),
)
_DONE = {"added": "The channel is kept: try it now.", "changed": "It is changed.", "removed": "The channel is removed."}


@get("/{account:str}/admin/channels", opt=rights("notices:read"))
async def channels_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """The account's channels; `kind` opens the form of one."""
    return await _channels(visit, visit.request.query_params.get("kind", ""))


@post("/{account:str}/admin/channels", opt=rights("notices:write"))
async def add_channel(visit: NamedDependency[Visit]) -> Response[Any]:
    """Another channel; a secret that was made for it is shown once."""
    given = await fields_of(visit.request)
    kind = given.word("kind")
    added: list[ChannelView] = []

    async def add() -> None:
        settings = settings_from(fields_in(schema_of(CHANNELS[kind])), given) if kind in CHANNELS else {}
        wanted = {"name": given.word("name"), "kind": kind, "settings": settings}
        added.append(await visit.do(channels.add_channel, (ChannelBody, wanted)))

    if wrong := await catch_refusal(add()):
        return await _channels(visit, kind, wrong, given)
    return await _channels(visit, "", made=added[0]) if added[0].secret else visit.back("admin/channels", "added")


@post("/{account:str}/admin/channels/{name:str}/try", opt=rights("notices:write"))
async def try_channel(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """Send something that says that it is a test."""
    sent: SentView = await visit.do(channel_actions.test_channel, name=name)
    return await _channels(visit, "", tried=(name, sent))


@post("/{account:str}/admin/channels/{name:str}/switch", opt=rights("notices:write"))
async def switch_channel(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """Off, or on again."""
    wanted = {"is_active": (await fields_of(visit.request)).is_set("on")}
    await visit.do(channels.change_channel, (ChannelChange, wanted), name=name)
    return visit.back("admin/channels", "changed")


@post("/{account:str}/admin/channels/{name:str}/remove", opt=rights("notices:write"))
async def remove_channel(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """With all its messages."""
    await visit.do(channels.remove_channel, name=name)
    return visit.back("admin/channels", "removed")


async def _channels(
    visit: Visit, kind: str, wrong: Refusal | None = None, given: Fields | None = None, **values: Any
) -> Response[Any]:
    listing = visit.listing("channels", _COLUMNS, channels.list_channels)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    chosen = CHANNELS.get(kind)
    shown = {
        "channels": await listing.shown(visit.request),
        "kinds": [(channel.name, channel.title) for channel in CHANNELS.values()],
        "kind": chosen,
        "about": (chosen.settings.__doc__ or "").split("\n\n")[0].replace("`", "") if chosen is not None else "",
        "fields": fields_in(schema_of(chosen)) if chosen is not None else [],
        "tried": None,
        "made": None,
        **values,
    }
    return show(visit, "channels", wrong=wrong, given=given, done=_DONE, **shown)


ROUTES = [channels_page, add_channel, try_channel, switch_channel, remove_channel]
