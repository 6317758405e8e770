"""What can be done with channels: try them, look at what they would send, have things sent once more, replace the key they sign with."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from hullmark.model.notice import Digest, Notice
from hullmark.notify.channel import Channel, Delivery, Mail, Outgoing, Post, Relay
from hullmark.server.api.caller import Caller
from hullmark.server.api.notice.channels import Name, Templates, describe_for_audit, find_channel, new_secret
from hullmark.server.api.problems import not_found, problem
from hullmark.server.api.resources.images import moment
from hullmark.server.stories.muting import require_unmuted
from hullmark.server.stories.notice import channel_settings
from hullmark.server.stories.notice.notices import notice_of, sample_notice
from hullmark.server.stories.notice.sending import preview, send, try_templates
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.notice import channels, deliveries, messages, transitions

_READ: dict[str, Any] = {"permission": "notices:read"}
_WRITE: dict[str, Any] = {"permission": "notices:write"}
_OVERLAP = timedelta(hours=24)
_NUMBER = 1 << 62
Number = Annotated[int, msgspec.Meta(ge=1, lt=_NUMBER)]


class SentView(msgspec.Struct, kw_only=True):
    """The result of a test: `message` is its number in the log, `status` the receiver's answer."""

    outcome: Literal["delivered", "again", "refused"]
    status: int | None
    milliseconds: int
    error: str
    message: int


class PreviewBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A channel that need not be kept. `message`: show that one, else a sample."""

    kind: str
    settings: dict[str, Any] = {}
    templates: Templates = Templates()
    message: Number | None = None


class PreviewOf(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`templates`: as if the channel had these. `message`: show that one, else a sample."""

    templates: Templates | None = None
    message: Number | None = None


class SendingView(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that would be sent: an HTTP request, a mail, or what `apprise` passes on."""

    type: Literal["post", "mail", "relay"]
    url: str = ""
    method: str = ""
    headers: dict[str, str] = {}
    to: list[str] = []
    subject: str = ""
    body: str = ""
    html: str = ""


class PreviewView(msgspec.Struct, kw_only=True):
    """What would be sent, with secrets hidden. `note` says why there may be more."""

    title: str
    text: str
    sends: list[SendingView]
    note: str


class ReplayBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Send again what was to be sent from `since` until before `until`: what was given up, and `include_delivered` what arrived, too."""

    since: datetime
    until: datetime | None = None
    include_delivered: bool = False


class ReplayView(msgspec.Struct, kw_only=True):
    """How many messages are sent again."""

    messages: int


class RotationView(msgspec.Struct, kw_only=True):
    """The new secret, which is not shown again; the one before signs as well until `previous_until`."""

    secret: str
    previous_until: datetime


@post("/channels/{name:str}/test", status_code=200, opt=_WRITE, summary="Send a test")
async def test_channel(
    name: Name,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> SentView:
    """Send a test notice now, and return the result. Not while the server is muted (409)."""
    await require_unmuted(services)
    async with services.database.tenant(caller.account_id) as connection:
        row = await find_channel(connection, caller, name)
    notice = sample_notice(services.settings, caller.account, services.clock(), str(uuid4()))
    attempt = await send(services, row, notice)
    async with services.database.tenant(caller.account_id) as connection:
        await find_channel(connection, caller, name)
        number = await deliveries.log_test(connection, caller.account_id, row.id, UUID(notice.id), attempt)
        await audit.record(
            connection, caller, "channel.test", "channel", name, None, {"outcome": attempt.outcome}, origin
        )
    return SentView(
        outcome=attempt.outcome,
        status=attempt.status,
        milliseconds=attempt.milliseconds,
        error=attempt.error,
        message=number,
    )


@post("/channels/preview", status_code=200, opt=_READ, summary="See what a channel would send")
async def preview_channel(
    data: JSONBody[PreviewBody], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> PreviewView:
    """Nothing is sent, and nothing is kept."""
    kind = channel_settings.kind_named(data.kind)
    settings = channel_settings.as_settings(kind, data.settings)
    notice = await _notice(services, caller, data.message)
    return await asyncio.to_thread(_preview, services, kind, settings, data.templates, notice)


@post("/channels/{name:str}/preview", status_code=200, opt=_READ, summary="See what this channel would send")
async def preview_kept_channel(
    name: Name,
    data: JSONBody[PreviewOf],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> PreviewView:
    """Nothing is sent. Where issues or incidents are kept elsewhere, only a test can show them."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await find_channel(connection, caller, name)
    kind, settings = channel_settings.settings_of(services.vault, row)
    templates = data.templates or msgspec.convert(row.templates, Templates)
    notice = await _notice(services, caller, data.message)
    return await asyncio.to_thread(_preview, services, kind, settings, templates, notice)


async def _notice(services: Services, caller: Caller, number: int | None) -> Notice | Digest:
    if number is None:
        return sample_notice(services.settings, caller.account, services.clock(), str(uuid4()))
    async with services.database.tenant(caller.account_id) as connection:
        row = await messages.message(connection, caller.account_id, number)
        if row is None:
            raise not_found(f"message {number}")
        return await notice_of(connection, services.settings, row, services.clock())


def _preview(
    services: Services, kind: Channel, settings: Any, templates: Templates, notice: Notice | Digest
) -> PreviewView:
    title, text = try_templates(msgspec.to_builtins(templates), notice)
    delivery = Delivery(notice=notice, title=title, text=text, now=services.clock())
    sent, note = preview(kind, settings, delivery)
    return PreviewView(title=title, text=text, sends=[_make_sending_view(message) for message in sent], note=note)


def _make_sending_view(sent: Outgoing) -> SendingView:
    match sent:
        case Post():
            body = sent.body.decode("utf-8", "replace")
            return SendingView(type="post", url=sent.url, method=sent.method, headers=dict(sent.headers), body=body)
        case Mail():
            return SendingView(type="mail", to=list(sent.to), subject=sent.subject, body=sent.text, html=sent.html)
        case Relay():
            return SendingView(type="relay", url=sent.url, subject=sent.title, body=sent.body)


@post("/channels/{name:str}/replay", status_code=202, opt=_WRITE, summary="Send again what a time brought")
async def replay_channel(
    name: Name,
    data: JSONBody[ReplayBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> ReplayView:
    """Each message keeps its id, and says that it is a replay. They go out in their old order, before what comes now."""
    since, until = moment(data.since), moment(data.until)
    assert since is not None  # noqa: S101 - as it was given
    states = ["dead", "delivered"] if data.include_delivered else ["dead"]
    async with services.database.tenant(caller.account_id) as connection:
        row = await find_channel(connection, caller, name)
        count = await messages.replay(connection, row.id, since=since, until=until, states=states, now=services.clock())
        await transitions.want_delivery(connection, [str(row.id)])
        after = {**msgspec.to_builtins(data), "messages": count}
        await audit.record(connection, caller, "channel.replay", "channel", name, None, after, origin)
    return ReplayView(messages=count)


@post(
    "/channels/{name:str}/rotate",
    status_code=200,
    opt=_WRITE,
    summary="Replace the secret that messages are signed with",
)
async def rotate_secret(
    name: Name,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> RotationView:
    """For a day messages are signed with both, so that the receiver can be told in peace."""
    now = services.clock()
    until = now + _OVERLAP
    async with services.database.tenant(caller.account_id) as connection:
        row = await find_channel(connection, caller, name, lock=True)
        kind = channel_settings.kind_named(row.kind)
        if not {"secret", "previous_secret"} <= channel_settings.secret_names(kind.settings):
            raise problem(422, f"channels of kind {kind.name} sign nothing", "change its settings instead")
        given = channel_settings.given_settings(services.vault, row)
        secret = new_secret()
        given |= {"previous_secret": given.get("secret", ""), "previous_until": until, "secret": secret}
        plain, hidden = channel_settings.apart(channel_settings.as_settings(kind, msgspec.to_builtins(given)))
        sealed = channel_settings.seal_secrets(services.vault, row.account_id, row.id, hidden)
        after = msgspec.structs.replace(row, settings=plain, secrets=sealed, updated_at=now)
        await channels.change_channel(connection, after)
        await audit.record(
            connection, caller, "channel.rotate", "channel", name, None, describe_for_audit(services, after), origin
        )
    return RotationView(secret=secret, previous_until=until)


ROUTES = [test_channel, preview_channel, preview_kept_channel, replay_channel, rotate_secret]
