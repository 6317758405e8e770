"""Channel `email`: mails as text and HTML; those of one cause are one conversation."""

from __future__ import annotations

import hashlib
import html
from typing import Annotated, Any, Literal

import msgspec

from hullmark.model.notice import Notice
from hullmark.notify.channel import SECRET, UNSAID_HOST, Channel, Delivery, Mail, Steps, check_reply
from hullmark.notify.shown import (
    Markup,
    MessageContent,
    as_templated,
    build_content,
    clean,
    fit_text,
    is_worded,
    paragraphs,
    strip_mentions,
)

MAX_SUBJECT = 200

_MAX_PARAGRAPH = 20_000
_PATTERN = (
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
)

MailAddress = Annotated[str, msgspec.Meta(max_length=254, pattern=rf"^{_PATTERN}$(?!\n)")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`to` are the recipients. `sender` and `relay` (smtp://USER:PASSWORD@HOST:PORT, smtps://…) are used instead of the server's.

    `layout` "text" sends the template's text alone.
    """

    to: Annotated[tuple[MailAddress, ...], msgspec.Meta(min_length=1, max_length=50)]
    sender: Annotated[str, msgspec.Meta(max_length=254, pattern=rf"^({_PATTERN})?$(?!\n)")] = ""
    relay: Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^(smtps?://[^\s/?#]+/?)?$(?!\n)", extra=SECRET)] = ""
    layout: Literal["rich", "text"] = "rich"


_TEXT = Markup(
    plain=strip_mentions,
    code=strip_mentions,
    strong=strip_mentions,
    link=lambda text, url: f"{strip_mentions(text)} <{url}>",
    bullet="- ",
)


def _escape_text(text: str) -> str:
    return html.escape(strip_mentions(text))


_HTML = Markup(
    plain=_escape_text,
    code=lambda text: f"<code>{_escape_text(text)}</code>",
    strong=lambda text: f"<strong>{_escape_text(text)}</strong>",
    link=lambda text, url: f'<a href="{html.escape(url)}">{_escape_text(text)}</a>',
)


def mail(delivery: Delivery, settings: Settings) -> Mail:
    """The mail. Sent again it has the same Message-ID."""
    what = build_content(delivery)
    is_rich = settings.layout == "rich" and not is_worded(delivery)
    return Mail(
        to=settings.to,
        subject=fit_text(what.title, MAX_SUBJECT),
        text=_text(what) if is_rich else as_templated(delivery, strip_mentions, 100_000) + "\n",
        html=_html(what) if is_rich else "",
        message_id=_name(f"message:{delivery.notice.id}:{','.join(settings.to)}", settings),
        thread=_name(f"cause:{delivery.notice.account}:{delivery.notice.cause.key}", settings)
        if isinstance(delivery.notice, Notice) and not delivery.notice.is_test
        else "",
        relay=settings.relay,
        sender=settings.sender,
    )


def _name(of: str, settings: Settings) -> str:
    """A Message-ID (RFC 5322, 3.6.4): only a digest, whatever the names are."""
    host = settings.sender.rpartition("@")[2] or UNSAID_HOST
    return f"<{hashlib.sha256(of.encode('utf-8', 'replace')).hexdigest()[:40]}@{host}>"


def _text(what: MessageContent) -> str:
    parts = paragraphs(what, _TEXT, _MAX_PARAGRAPH)
    if what.link:
        parts.append(f"{what.all}: {what.link}")
    return "\n\n".join((*parts, f"-- \n{what.footer}")) + "\n"


def _html(what: MessageContent) -> str:
    blocks = [text.replace("\n", "<br>\n") for text in paragraphs(what, _HTML, _MAX_PARAGRAPH)]
    if what.link:
        blocks.append(_HTML.link(what.all, what.link))
    body = "\n".join(f"<p>{block}</p>" for block in blocks)
    bar = f"border-left: 4px solid #{what.colour:06x}; padding-left: 12px"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"></head>'
        '<body style="font-family: sans-serif; line-height: 1.5">\n'
        f'<div style="{bar}">\n<h2 style="font-size: 1.2em">{_escape_text(what.title)}</h2>\n{body}\n</div>\n'
        f'<p style="color: #666; font-size: 0.85em">{_escape_text(clean(what.footer, 400))}</p>\n</body></html>\n'
    )


def deliver(delivery: Delivery, settings: Any) -> Steps:
    """One mail to all recipients. Returns its Message-ID."""
    sent = mail(delivery, settings)
    check_reply((yield sent), "the mail relay")
    return sent.message_id


CHANNEL = Channel(name="email", title="E-mail", settings=Settings, deliver=deliver, module=__name__)
