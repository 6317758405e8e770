"""Channel `discord`: an embed to a webhook of a channel."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from hullmark.notify.addresses import SecretAddress, check_encrypted, host_of
from hullmark.notify.channel import Again, Channel, Delivery, Post, Reply, Steps, check_reply
from hullmark.notify.shown import (
    TICK,
    Markup,
    MessageContent,
    as_templated,
    build_content,
    fit_text,
    is_worded,
    pack_lines,
    paragraphs,
    strip_mentions,
)

MAX_TITLE = 256
MAX_DESCRIPTION = 4096
"""Characters of all parts together."""

_LONGEST_WAIT = 3600.0
_MARKDOWN = re.compile(r"([\\*_~`|>#\[\]()<:-])")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is the webhook's; `thread` the ID of a thread of its channel. `layout` "text" sends the template's text."""

    url: SecretAddress
    thread: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,20}$(?!\n)")] = ""
    layout: Literal["rich", "text"] = "rich"

    def __post_init__(self) -> None:
        """Raises ValueError for an address that is not encrypted."""
        check_encrypted(self.url)


def escape_text(text: str) -> str:
    """Text that is shown as it is."""
    return _MARKDOWN.sub(r"\\\1", strip_mentions(text))


def _code(text: str) -> str:
    return f"`{strip_mentions(text).replace('`', TICK) or ' '}`"


_MARKUP = Markup(
    plain=escape_text,
    code=_code,
    strong=lambda text: f"**{escape_text(text)}**",
    link=lambda text, url: f"[{escape_text(text)}]({_in_brackets(url)})",
)


def _in_brackets(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29")


def message(delivery: Delivery, layout: str = "rich") -> dict[str, Any]:
    """The message. It mentions nobody, whatever it says."""
    what = build_content(delivery)
    text = as_templated(delivery, escape_text, MAX_DESCRIPTION) if layout == "text" else _description(what)
    embed: dict[str, Any] = {
        "title": fit_text(what.title, MAX_TITLE, escape_text),
        "description": text,
        "color": what.colour,
        "footer": {"text": fit_text(what.footer, 600, strip_mentions)},
        "timestamp": delivery.now.isoformat(),
    }
    if what.link:
        embed["url"] = what.link
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _description(what: MessageContent) -> str:
    last = [_MARKUP.link(what.all, what.link)] if what.link else []
    room = MAX_DESCRIPTION - sum(len(line) + 2 for line in last)
    text = pack_lines(paragraphs(what, _MARKUP, 1800), room, "\n\n")
    return "\n\n".join((text, *last))


def deliver(delivery: Delivery, settings: Any) -> Steps:
    """One request, answered once the message exists. Returns its ID."""
    base, _, query = settings.url.partition("?")
    parameters = [part for part in query.split("&") if part and not part.startswith(("wait=", "thread_id="))]
    parameters += ["wait=true", *([f"thread_id={settings.thread}"] if settings.thread else [])]
    reply = yield Post(
        url=f"{base}?{'&'.join(parameters)}",
        body=msgspec.json.encode(message(delivery, "text" if is_worded(delivery) else settings.layout)),
        headers={"Content-Type": "application/json"},
    )
    return _read_message_id(reply, host_of(settings.url))


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    id: str = ""
    retry_after: float | None = None


def _read_message_id(reply: Reply, host: str) -> str:
    """The body gives rate limits in seconds, more exactly than the header."""
    try:
        answer = msgspec.json.decode(reply.body, type=_Answer)
    except msgspec.DecodeError:
        answer = _Answer()
    if reply.status == 429 and answer.retry_after is not None:
        after = min(max(answer.retry_after, 0.0), _LONGEST_WAIT)
        raise Again(f"{host} answered 429: too many messages", status=429, after=after)
    check_reply(reply, host)
    return answer.id


CHANNEL = Channel(name="discord", title="Discord", settings=Settings, deliver=deliver, module=__name__)
