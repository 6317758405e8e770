"""Channels: where people are told. Secrets in their settings are encrypted, and never shown again."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from hullmark.model.limit import Limit as Bound
from hullmark.notify.channel import Channel
from hullmark.notify.channels import CHANNELS
from hullmark.notify.templates import MOST_TEMPLATE
from hullmark.notify.webhook import encode_key
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.stories.notice import channel_settings
from hullmark.server.stories.notice.notices import sample_notice
from hullmark.server.stories.notice.sending import try_templates
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import channels, transitions
from hullmark.server.tables.notice.channels import ChannelRow

_READ: dict[str, Any] = {"permission": "notices:read"}
_WRITE: dict[str, Any] = {"permission": "notices:write"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ @+-]{0,199}").fullmatch
_RESERVED = ("preview",)
_MOST = Bound(200, "channels of an account", "refused")
SECRET_BYTES = 32
Name = Annotated[str, PathParameter(max_length=200, description="The channel's name.")]


class Templates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Words of the account's own; "": the usual ones."""

    title: Annotated[str, msgspec.Meta(max_length=int(MOST_TEMPLATE))] = ""
    text: Annotated[str, msgspec.Meta(max_length=int(MOST_TEMPLATE))] = ""


class ChannelBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new channel. `settings` are as its kind says (GET /channel-kinds)."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    kind: str
    settings: dict[str, Any] = {}
    templates: Templates = Templates()
    is_active: bool = True


class ChannelChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise; what is left out stays. `settings` are given whole; "***" keeps the secret that is there."""

    settings: dict[str, Any] | None = None
    templates: Templates | None = None
    is_active: bool | None = None


class ChannelView(msgspec.Struct, kw_only=True):
    """A channel, without its secrets. `state`: "failing" since `failing_since` nothing came through; "off" nothing is sent.

    `secret` is what messages are signed with, where it was just made: it is not shown again.
    """

    id: UUID
    name: str
    kind: str
    settings: dict[str, Any]
    templates: dict[str, str]
    is_active: bool
    state: Literal["well", "failing", "off"]
    failures: int
    failing_since: datetime | None
    resume_at: datetime | None
    last_error: str
    waiting: int
    dead: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    secret: str | None = None


class KindView(msgspec.Struct, kw_only=True):
    """A kind of channel. `settings` is the JSON schema of its settings; those that are `writeOnly` are secrets."""

    name: str
    title: str
    module: str
    settings: dict[str, Any]


@get("/channel-kinds", opt=_READ, summary="The kinds of channels that there are")
async def list_channel_kinds() -> list[KindView]:
    """Each with what it takes."""
    return [
        KindView(name=channel.name, title=channel.title, module=channel.module, settings=schema_of(channel))
        for channel in CHANNELS.values()
    ]


def schema_of(channel: Channel) -> dict[str, Any]:
    """The JSON schema of a kind's settings."""
    schema = msgspec.json.schema(channel.settings)
    main = schema.get("$defs", {}).get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    for name in channel_settings.secret_names(channel.settings):
        main["properties"][name]["writeOnly"] = True
        main["properties"][name].pop("default", None)
    return schema


def make_channel_view(
    services: Services, row: ChannelRow, counts: Mapping[UUID, tuple[int, int]], secret: str | None = None
) -> ChannelView:
    """A channel as it is answered."""
    kind = CHANNELS.get(row.kind)
    given = channel_settings.given_settings(services.vault, row)
    waiting, dead = counts.get(row.id, (0, 0))
    return ChannelView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        settings=channel_settings.show_settings(kind, given) if kind is not None else dict(row.settings),
        templates=row.templates,
        is_active=row.is_active,
        state="off" if not row.is_active else "failing" if row.failing_since is not None else "well",
        failures=row.failures,
        failing_since=row.failing_since,
        resume_at=row.resume_at,
        last_error=row.last_error,
        waiting=waiting,
        dead=dead,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        secret=secret,
    )


async def find_channel(connection: Connection, caller: Caller, name: str, *, lock: bool = False) -> ChannelRow:
    """A channel of the account. Raises Refusal if there is none."""
    row = await channels.channel_named(connection, caller.account_id, name, lock=lock)
    if row is None:
        raise not_found(f"channel {name}")
    return row


@get("/channels", opt=_READ, summary="The channels of the account")
async def list_channels(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[ChannelView]:
    """By name, and how they fare."""
    after = values_in(cursor, str) or ""
    async with services.database.tenant(caller.account_id) as connection:
        rows = await channels.channels(connection, caller.account_id, after=after, limit=limit + 1)
        counts = await channels.counts(connection, caller.account_id)
    some = page(rows, limit, lambda row: row.name)
    return Page(items=[make_channel_view(services, row, counts) for row in some.items], next=some.next)


@get("/channels/{name:str}", opt=_READ, summary="A channel")
async def get_channel(name: Name, services: NamedDependency[Services], caller: NamedDependency[Caller]) -> ChannelView:
    """Its settings without secrets, and how it fares."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await find_channel(connection, caller, name)
        return make_channel_view(services, row, await channels.counts(connection, caller.account_id))


@post("/channels", status_code=201, opt={**_WRITE, "fails": (409,)}, summary="Add a channel")
async def add_channel(
    data: JSONBody[ChannelBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> ChannelView:
    """Subscriptions that name no channels tell all of them. Where messages are signed and no secret is given, one is made, and shown
    this once."""
    if not _NAME(data.name) or data.name in _RESERVED:
        raise problem(422, f"{data.name[:50]!r} is not a name for a channel", "use letters, digits, dots and dashes")
    kind = channel_settings.kind_named(data.kind)
    new_secret_text, given = None, channel_settings.fill_secrets(kind, data.settings, {})
    if {"secret", "previous_secret"} <= channel_settings.secret_names(kind.settings) and not given.get("secret"):
        new_secret_text = given["secret"] = new_secret()
    await asyncio.to_thread(check_templates, services, data.templates)
    now = services.clock()
    settings, secret = await usable(services, kind, given)
    number = uuid4()
    row = ChannelRow(
        id=number,
        account_id=caller.account_id,
        name=data.name,
        kind=kind.name,
        settings=settings,
        secrets=channel_settings.seal_secrets(services.vault, caller.account_id, number, secret),
        templates=msgspec.to_builtins(data.templates),
        is_active=data.is_active,
        failures=0,
        failing_since=None,
        failing_told_at=None,
        resume_at=None,
        last_error="",
        created_by=caller.name,
        created_at=now,
        updated_at=now,
    )
    async with services.database.tenant(caller.account_id) as connection:
        if await channels.count_channels(connection, caller.account_id) >= _MOST:
            raise problem(409, f"the account has {_MOST} channels already", "remove one first")
        if not await channels.add_channel(connection, row):
            raise problem(409, f"there is a channel {data.name} already", "choose another name, or change that one")
        await audit.record(
            connection, caller, "channel.add", "channel", row.name, None, describe_for_audit(services, row), origin
        )
    return make_channel_view(services, row, {}, new_secret_text)


@patch("/channels/{name:str}", opt=_WRITE, summary="Change a channel")
async def change_channel(
    name: Name,
    data: JSONBody[ChannelChange],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> ChannelView:
    """What waits is tried with the new settings at once."""
    if data.templates is not None:
        await asyncio.to_thread(check_templates, services, data.templates)
    if data.settings is not None:
        # Looking up host names may take long: never within a transaction.
        async with services.database.tenant(caller.account_id) as connection:
            kept = await find_channel(connection, caller, name)
        await asyncio.to_thread(channel_settings.check_addresses, services, _settings(services, kept, data.settings))
    async with services.database.tenant(caller.account_id) as connection:
        before = await find_channel(connection, caller, name, lock=True)
        after = _apply_change(services, before, data)
        await channels.change_channel(connection, after)
        await transitions.want_delivery(connection, [str(after.id)])
        change = describe_for_audit(services, before), describe_for_audit(services, after)
        await audit.record(connection, caller, "channel.change", "channel", name, *change, origin)
        return make_channel_view(services, after, await channels.counts(connection, caller.account_id))


def _settings(services: Services, before: ChannelRow, given: Mapping[str, Any]) -> Any:
    """A channel's settings as they are to be. Raises HullmarkError for what cannot be used."""
    kind = channel_settings.kind_named(before.kind)
    kept = channel_settings.given_settings(services.vault, before)
    return channel_settings.as_settings(kind, channel_settings.fill_secrets(kind, given, kept))


def _apply_change(services: Services, before: ChannelRow, data: ChannelChange) -> ChannelRow:
    changes: dict[str, Any] = {"updated_at": services.clock(), "resume_at": None}
    if data.settings is not None:
        changes["settings"], secret = channel_settings.apart(_settings(services, before, data.settings))
        changes["secrets"] = channel_settings.seal_secrets(services.vault, before.account_id, before.id, secret)
    if data.templates is not None:
        changes["templates"] = msgspec.to_builtins(data.templates)
    if data.is_active is not None:
        changes["is_active"] = data.is_active
    return msgspec.structs.replace(before, **changes)


@delete("/channels/{name:str}", operation_id="delete_channel", status_code=204, opt=_WRITE, summary="Remove a channel")
async def remove_channel(
    name: Name,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """With all its messages, also those that wait."""
    async with services.database.tenant(caller.account_id) as connection:
        before = await find_channel(connection, caller, name)
        await channels.remove_channel(connection, caller.account_id, name)
        await audit.record(
            connection, caller, "channel.delete", "channel", name, describe_for_audit(services, before), None, origin
        )


def new_secret() -> str:
    """A fresh secret to sign with."""
    return encode_key(secrets.token_bytes(SECRET_BYTES))


async def usable(services: Services, kind: Channel, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings in two parts, those that may be shown and the secrets. Raises HullmarkError for what cannot be used or reached."""
    settings = channel_settings.as_settings(kind, given)
    await asyncio.to_thread(channel_settings.check_addresses, services, settings)
    return channel_settings.apart(settings)


def check_templates(services: Services, templates: Templates) -> None:
    """Raises HullmarkError for templates that do not work for a sample."""
    try_templates(msgspec.to_builtins(templates), sample_notice(services.settings, "sample", services.clock(), "0"))


def describe_for_audit(services: Services, row: ChannelRow) -> dict[str, Any]:
    """What the audit log keeps of a channel."""
    given = channel_settings.given_settings(services.vault, row)
    settings = channel_settings.show_settings(CHANNELS[row.kind], given) if row.kind in CHANNELS else row.settings
    return {"kind": row.kind, "settings": settings, "templates": row.templates, "is_active": row.is_active}


ROUTES = [list_channel_kinds, list_channels, get_channel, add_channel, change_channel, remove_channel]
