"""Channel `slack`: an incoming webhook, or a bot that writes to a channel and answers in threads (Block Kit, chat.postMessage)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NoReturn

import msgspec

from hullmark.notify.addresses import SecretAddress, WebAddress, check_encrypted, host_of
from hullmark.notify.channel import (
    SECRET,
    Again,
    Channel,
    Delivery,
    MessageRefused,
    Post,
    Reply,
    Steps,
    check_reply,
    retry_after,
)
from hullmark.notify.shown import (
    TICK,
    Markup,
    MessageContent,
    as_templated,
    build_content,
    clean,
    fit_text,
    is_worded,
    paragraphs,
    strip_mentions,
    units,
)

MAX_BLOCKS = 50
MAX_SECTION = 3000
MAX_TEXT = 3000
MAX_BLOCKS_LENGTH = 12_000
"""Units of all blocks in JSON: more than some 13,000 are rejected (msg_blocks_too_long), whatever each of them may hold."""

_OF_MESSAGE = frozenset(
    (
        *(
            "msg_too_long",
            "msg_blocks_too_long",
            "no_text",
            "too_many_attachments",
            "invalid_blocks",
            "invalid_blocks_format",
        ),
        *("invalid_attachments", "invalid_arguments", "invalid_arg_name", "invalid_array_arg", "invalid_charset"),
        *("invalid_form_data", "invalid_json", "json_not_object", "invalid_post_type", "missing_post_type"),
        *("invalid_payload", "missing_text_or_fallback_or_attachments"),
    )
)
"""Slack's errors about the message itself; all others are about the channel, the login or Slack, and can be fixed."""

_OF_THREAD = frozenset(
    (
        *("thread_not_found", "message_not_found", "invalid_thread_ts", "cannot_reply_to_message"),
        "restricted_action_non_threadable_channel",
    )
)
_STAR = "\u2217"
_WORD = re.compile(r"[a-z_]{1,80}")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either `url`, an incoming webhook, or `token`, a bot's (scope chat:write), with the `channel` that it writes to.

    `api` is for gateways in front of Slack. `layout` "text" sends the template's text instead of blocks.
    """

    url: SecretAddress = ""
    token: Annotated[str, msgspec.Meta(max_length=400, pattern=r"^[\x21-\x7e]*$(?!\n)", extra=SECRET)] = ""
    channel: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\s]*$(?!\n)")] = ""
    api: WebAddress = "https://slack.com/api/"
    layout: Literal["rich", "text"] = "rich"

    def __post_init__(self) -> None:
        """Raises ValueError for settings that say nothing, or two things."""
        if bool(self.url) == bool(self.token):
            raise ValueError("give either url, of an incoming webhook, or token, of a bot")
        if self.token and not self.channel:
            raise ValueError("a bot's token needs the channel that it writes to: give its ID, as C0123456789")
        check_encrypted(self.url or self.api)


def escape_text(text: str) -> str:
    """Text that is shown as it is: no mentions, no links, no code."""
    return _entities(strip_mentions(text).replace("`", TICK))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _link(text: str, url: str) -> str:
    return f"<{_entities(url)}|{escape_text(text.replace('|', '¦'))}>"


_MARKUP = Markup(
    plain=escape_text,
    code=lambda text: f"`{escape_text(text)}`",
    strong=lambda text: f"*{escape_text(text.replace('*', _STAR))}*",
    link=_link,
)


def message(delivery: Delivery, layout: str = "rich") -> dict[str, Any]:
    """The message, for both ways: a line for notifications, and the blocks beside a bar in the severity's colour."""
    what = build_content(delivery)
    blocks = _blocks(what) if layout == "rich" else _text_blocks(delivery, what)
    return {
        "text": fit_text(what.title, MAX_TEXT, escape_text),
        "attachments": [{"color": f"#{what.colour:06x}", "blocks": blocks}],
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _text_blocks(delivery: Delivery, what: MessageContent) -> list[dict[str, Any]]:
    text = as_templated(delivery, escape_text, MAX_SECTION)
    return [_section(text or fit_text(what.title, MAX_SECTION, escape_text)), _context(what)]


def _blocks(what: MessageContent) -> list[dict[str, Any]]:
    last = [_section(_link(what.all, what.link))] if what.link else []
    last.append(_context(what))
    left = MAX_BLOCKS_LENGTH - _length(last)
    blocks: list[dict[str, Any]] = []
    for text in paragraphs(what, _MARKUP, MAX_SECTION):
        block = _section(text)
        if len(blocks) + len(last) < MAX_BLOCKS and (needs := _length([block])) <= left:
            blocks.append(block)
            left -= needs
    return blocks + last


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(what: MessageContent) -> dict[str, Any]:
    return {
        "type": "context",
        "elements": [{"type": "plain_text", "text": fit_text(what.footer, 600, strip_mentions), "emoji": False}],
    }


def _length(blocks: list[dict[str, Any]]) -> int:
    return units(msgspec.json.encode(blocks).decode())


def deliver(delivery: Delivery, settings: Any) -> Steps:
    """One request; a second one if a bot answers in a thread that is gone."""
    content = message(delivery, "text" if is_worded(delivery) else settings.layout)
    if settings.url:
        host = host_of(settings.url)
        reply = yield Post(url=settings.url, body=msgspec.json.encode(content), headers=_headers())
        _judged_hook(reply, host)
        return ""
    thread = delivery.earlier
    reply = yield _api(settings, content, thread)
    answer = _answer(reply)
    if thread and answer.error in _OF_THREAD:
        thread = ""
        reply = yield _api(settings, content, thread)
        answer = _answer(reply)
    if not answer.ok:
        _raise_failure(answer.error, reply, host_of(settings.api))
    return thread or answer.ts  # answers go to the message that began the thread, not to another answer


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    error: str = ""
    ts: str = ""


def _api(settings: Settings, content: dict[str, Any], thread: str) -> Post:
    body = {**content, "channel": settings.channel} | ({"thread_ts": thread} if thread else {})
    return Post(
        url=f"{settings.api.rstrip('/')}/chat.postMessage",
        body=msgspec.json.encode(body),
        headers=_headers() | {"Authorization": f"Bearer {settings.token}"},
    )


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json; charset=utf-8"}


def _answer(reply: Reply) -> _Answer:
    """The Web API's answer: errors come with status 200."""
    check_reply(reply, "Slack")
    try:
        return msgspec.json.decode(reply.body, type=_Answer)
    except msgspec.DecodeError as error:
        raise Again("Slack answered with something that is not its API's", status=reply.status) from error


def _judged_hook(reply: Reply, host: str) -> None:
    """An incoming webhook's answer: a word with a status, `ok` with 200. Gateways may answer like the Web API."""
    word = reply.body[:200].decode("utf-8", "replace").strip()
    if reply.status == 400 and word not in _OF_MESSAGE:
        _raise_failure(word if _WORD.fullmatch(word) else "", reply, host)
    check_reply(reply, host)
    if word.startswith("{"):
        try:
            answer = msgspec.json.decode(reply.body, type=_Answer)
        except msgspec.DecodeError:
            return
        if not answer.ok:
            _raise_failure(answer.error, reply, host)


def _raise_failure(error: str, reply: Reply, host: str) -> NoReturn:
    reason = f"{host} answered {clean(error, 100) or reply.status}"
    if error in _OF_MESSAGE:
        raise MessageRefused(reason, status=reply.status)
    raise Again(reason, status=reply.status, after=retry_after(reply))


CHANNEL = Channel(name="slack", title="Slack", settings=Settings, deliver=deliver, module=__name__)
