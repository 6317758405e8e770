"""Channel `teams`: an Adaptive Card to a workflow of Microsoft Teams ("when a Teams webhook request is received").

All words are text runs, which know no markup: nothing in a name can become a link or a mention.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from hullmark.notify.addresses import SecretAddress, check_encrypted, host_of
from hullmark.notify.channel import (
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
from hullmark.notify.details import more_findings
from hullmark.notify.shown import MessageContent, Section, build_content, clean, fit_text, is_worded, strip_mentions

MAX_BYTES = 27_000
"""Teams accepts 28 KB, and one of its ways counts two bytes for each character: the card has to fit both."""

_STYLES = {"critical": "attention", "high": "attention", "medium": "warning", "low": "accent"}
_BRACES = re.compile(r"\{(?=\{)")
_CARD = "application/vnd.microsoft.card.adaptive"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is the workflow's. `layout` "text" sends the template's text instead of a card that shows images and evidence."""

    url: SecretAddress
    layout: Literal["rich", "text"] = "rich"

    def __post_init__(self) -> None:
        """Raises ValueError for an address that is not encrypted."""
        check_encrypted(self.url)


def card(delivery: Delivery, layout: str = "rich") -> dict[str, Any]:
    """The Adaptive Card 1.4, as large as allowed."""
    what = build_content(delivery)
    rows = (
        [row for section in what.sections for row in _rows(section)]
        if layout == "rich"
        else _build_template_rows(delivery)
    )
    body = [_head(what)]
    left = MAX_BYTES - _size(_wrap_card(what, [_head(what), _foot(what)]))
    for row in rows:
        if (needs := _size(row) + 2) <= left:
            body.append(row)
            left -= needs
    return _wrap_card(what, [*body, _foot(what)])


def message(delivery: Delivery, layout: str = "rich") -> bytes:
    """The message with the card."""
    return msgspec.json.encode(
        {
            "type": "message",
            "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card(delivery, layout)}],
        }
    )


def _wrap_card(what: MessageContent, body: list[dict[str, Any]]) -> dict[str, Any]:
    actions = [{"type": "Action.OpenUrl", "title": what.all, "url": what.link}] if what.link else []
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": actions,
    }


def _size(part: dict[str, Any]) -> int:
    text = msgspec.json.encode(part)
    return max(len(text), len(text.decode().encode("utf-16-le")))


def _head(what: MessageContent) -> dict[str, Any]:
    style = "good" if what.is_good else _STYLES.get(what.severity, "emphasis")
    title = _row(_run(what.title, 256, weight="Bolder", size="Medium"))
    return {"type": "Container", "style": style, "bleed": True, "items": [title]}


def _foot(what: MessageContent) -> dict[str, Any]:
    return _row(_run(what.footer, 400, size="Small", isSubtle=True), separator=True)


def _rows(section: Section) -> list[dict[str, Any]]:
    rows = [_row(_run(section.sentence, 1000, weight="Bolder"), separator=True)]
    if section.counts:
        rows.append(_row(_run(section.counts, 400)))
    for found in section.findings:
        what = [_run(found.what, 400, fontType="Monospace")] if found.what else []
        rest = [_run(f": {found.words}" if what else found.words, 1202)] if found.words else []
        rows.append(_row(_run("• ", 2), *what, *rest, spacing="Small"))
    if section.more_findings:
        rows.append(_row(_run(f"… {more_findings(section.more_findings)}", 60), spacing="Small"))
    for image in section.images:
        opens = {"selectAction": {"type": "Action.OpenUrl", "url": image.link}} if image.link else {}
        named = [_run(image.name, 200, fontType="Monospace", underline=bool(opens), **opens)] if image.name else []
        words = _run(f": {image.words}" if named else image.words, 1202)
        rows.append(_row(_run("• ", 2), *named, words, spacing="Small"))
    if section.more:
        rows.append(_row(_run(f"… and {section.more} more", 60), spacing="Small"))
    return rows


def _build_template_rows(delivery: Delivery) -> list[dict[str, Any]]:
    lines = (clean(line) for line in delivery.text.splitlines()[:200])
    return [_row(_run(line, 2000), spacing="Small") for line in lines if line]


def _row(*runs: dict[str, Any], **look: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **look}


def _run(text: str, limit: int, **look: Any) -> dict[str, Any]:
    # {{DATE(…)}} is the only markup in a text run.
    return {"type": "TextRun", "text": fit_text(text, limit, _plain), **look}


def _plain(text: str) -> str:
    return _BRACES.sub("{\u200b", strip_mentions(text))


def deliver(delivery: Delivery, settings: Any) -> Steps:
    """One request."""
    # Without its charset the body counts twice.
    headers = {"Content-Type": "application/json; charset=utf-8"}
    body = message(delivery, "text" if is_worded(delivery) else settings.layout)
    _check_reply((yield Post(url=settings.url, body=body, headers=headers)), host_of(settings.url))
    return ""


def _check_reply(reply: Reply, host: str) -> None:
    """A workflow answers 202 without a body; older connectors answer 200 even for errors: then the body says so."""
    check_reply(reply, host)
    answer = clean(reply.body[:400].decode("utf-8", "replace"), 300)
    if "failed with error" not in answer.lower() and "http error" not in answer.lower():
        return
    reason = f"{host} answered {reply.status}: {answer}"
    if any(f"error {status}" in answer.lower() for status in (400, 413)):
        raise MessageRefused(reason, status=reply.status)
    raise Again(reason, status=reply.status, after=retry_after(reply))


CHANNEL = Channel(name="teams", title="Microsoft Teams", settings=Settings, deliver=deliver, module=__name__)
