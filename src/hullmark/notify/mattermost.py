"""Channel `mattermost`: a message attachment to an incoming webhook."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from hullmark.notify.addresses import SecretAddress, host_of
from hullmark.notify.channel import Again, Channel, Delivery, Post, Reply, Steps, check_reply, retry_after
from hullmark.notify.shown import (
    TICK,
    Markup,
    MessageContent,
    as_templated,
    build_content,
    clean,
    fit_text,
    is_worded,
    pack_lines,
    paragraphs,
    strip_mentions,
    units,
)

MAX_ATTACHMENTS = 7000
"""Units of the attachments in JSON: older servers keep some 7,600 characters, today's a hundred times as many."""

_MAX_TEXT = 5000
_MARKDOWN = re.compile(r"([\\*_~`|>#\[\]()!+-])")
_OF_MESSAGE = (
    "web.incoming_webhook.parse.app_error",
    "web.incoming_webhook.text.app_error",
    "api.webhook.incoming.error",
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is the webhook's; `channel` the name of another channel than its own, where it may choose. `layout` "text" sends the
    template's text. A server within the own network may be reached by http://.
    """

    url: SecretAddress
    channel: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\s@#]*$(?!\n)")] = ""
    layout: Literal["rich", "text"] = "rich"


def escape_text(text: str) -> str:
    """Text that is shown as it is."""
    return _MARKDOWN.sub(r"\\\1", strip_mentions(text))


_MARKUP = Markup(
    plain=escape_text,
    code=lambda text: f"`{strip_mentions(text).replace('`', TICK) or ' '}`",
    strong=lambda text: f"**{escape_text(text)}**",
    link=lambda text, url: f"[{escape_text(text)}]({url.replace('(', '%28').replace(')', '%29')})",
)


def message(delivery: Delivery, layout: str = "rich", channel: str = "") -> dict[str, Any]:
    """The message. Its text goes into the attachment, not the message itself, which could mention people."""
    what = build_content(delivery)
    attachment: dict[str, Any] = {
        "fallback": fit_text(what.title, 400, strip_mentions),
        "color": f"#{what.colour:06x}",
        "title": fit_text(what.title, 400, escape_text),
        "text": "",
        "footer": fit_text(what.footer, 600, strip_mentions),
    }
    if what.link:
        attachment["title_link"] = what.link
    room = min(_MAX_TEXT, MAX_ATTACHMENTS - units(msgspec.json.encode([attachment]).decode()))
    attachment["text"] = _fitting(delivery, what, layout, room)
    return {"attachments": [attachment], **({"channel": channel} if channel else {})}


def _fitting(delivery: Delivery, what: MessageContent, layout: str, room: int) -> str:
    """The text, cut to fit in JSON, where some characters take two."""
    limit = room
    while True:
        text = as_templated(delivery, escape_text, limit) if layout == "text" else _text(what, limit)
        if (over := units(msgspec.json.encode(text).decode()) - 2 - room) <= 0 or limit <= 0:
            return text if over <= 0 else ""
        limit -= over


def _text(what: MessageContent, room: int) -> str:
    last = [_MARKUP.link(what.all, what.link)] if what.link else []
    text = pack_lines(paragraphs(what, _MARKUP, 1800), room - sum(units(line) + 2 for line in last), "\n\n")
    return "\n\n".join((text, *last))


def deliver(delivery: Delivery, settings: Any) -> Steps:
    """One request."""
    body = msgspec.json.encode(message(delivery, "text" if is_worded(delivery) else settings.layout, settings.channel))
    reply = yield Post(url=settings.url, body=body, headers={"Content-Type": "application/json"})
    _check_reply(reply, host_of(settings.url))
    return ""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    id: str = ""
    message: str = ""


def _check_reply(reply: Reply, host: str) -> None:
    """A webhook that is gone, or may not write to the channel, answers 400 as well: people can fix that."""
    if reply.status == 400:
        try:
            answer = msgspec.json.decode(reply.body, type=_Answer)
        except msgspec.DecodeError:
            answer = _Answer()
        if answer.id and answer.id not in _OF_MESSAGE:
            error = clean(answer.message or answer.id, 200)
            raise Again(f"{host} answered 400: {error}", status=400, after=retry_after(reply))
    check_reply(reply, host)


CHANNEL = Channel(name="mattermost", title="Mattermost", settings=Settings, deliver=deliver, module=__name__)
