"""Every kind of news in every format in which people get it, from one world (tools/message_world).

python -m tools.messages                   # prints all of it, to be read
python -m tools.messages --kind fix        # only the news whose name has that in it
python -m tools.messages --format slack    # only that format
"""

from __future__ import annotations

import argparse
import html
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hullmark.model.notice import Digest, Notice, TransitionKind
from hullmark.notify.channel import Delivery, Mail, Outgoing, Post, Relay, Reply, Thread
from hullmark.notify.channels import CHANNELS
from hullmark.notify.notice_page import notice_page
from hullmark.notify.words import text_of, title_of
from tools.message_world import NOW, News, world

_SETTINGS: dict[str, dict[str, Any]] = {
    "webhook": {"url": "https://hooks.example/in"},
    "slack": {"url": "https://hooks.slack.com/services/a"},
    "teams": {"url": "https://prod.example/in"},
    "mattermost": {"url": "https://chat.example/hooks/a"},
    "discord": {"url": "https://discord.com/api/webhooks/1/a"},
    "email": {"to": ["ops@example.org"]},
    "apprise": {"url": "ntfy://example"},
    "anchore": {"url": "https://hooks.example/in", "types": ["vuln_update", "tag_update", "event_log"]},
    "pagerduty": {"routing_key": "k"},
    "opsgenie": {"api_key": "k"},
    "jira": {"url": "https://x.atlassian.net", "project": "OPS", "token": "t", "email": "a@example.org"},
    "github": {"repository": "shop/ops", "token": "t"},
}
FORMATS = (*_SETTINGS, "page")


def rendered(format: str, news: News) -> str:
    """All that people read of some news in a format; "" if it does not carry its kinds."""
    if format == "page":
        items = news.notice.items if isinstance(news.notice, Notice) else news.notice.groups[0].items
        return _unmarked(notice_page(news.notice, items).decode())
    channel = CHANNELS[format]
    notice = news.notice
    if channel.carries is not None and not _is_carried(notice, channel.carries):
        return ""
    threads = _threads(notice) if channel.is_threaded else ()
    delivery = Delivery(notice=notice, title=title_of(notice), text=text_of(notice), now=NOW, threads=threads)
    steps = channel.deliver(delivery, msgspec.convert(_SETTINGS[format], channel.settings))
    said: list[str] = []
    try:
        sent = next(steps)
        while True:
            said += _said(sent)
            sent = steps.send(_answer(sent))
    except StopIteration:
        return _readable("\n".join(filter(None, said)))


def _is_carried(notice: Notice | Digest, carries: frozenset[TransitionKind]) -> bool:
    groups = notice.groups if isinstance(notice, Digest) else (notice,)
    return any(kind in carries for group in groups for kind in group.kinds)


def _threads(notice: Notice | Digest) -> tuple[Thread, ...]:
    """An issue that is open as long as an image is out of compliance."""
    groups = notice.groups if isinstance(notice, Digest) else (notice,)
    items = tuple(item for group in groups for item in group.items)
    is_open = any(item.after in ("stop", "unknown") for item in items)
    return (
        Thread(
            key="advisory:CVE-2026-1234",
            marker="hullmark-1",
            title="CVE-2026-1234 puts images out of compliance",
            remote="",
            is_open=is_open,
            was_open=not is_open,
            open=items if is_open else (),
            open_count=len(items) if is_open else 0,
        ),
    )


def _answer(sent: Outgoing) -> Reply:
    if isinstance(sent, Post) and "atlassian" in sent.url:
        issue = {"key": "OPS-1", "fields": {"labels": ["hullmark-1"], "status": {"statusCategory": {"key": "new"}}}}
        offered = [{"id": "1", "name": "Done", "to": {"statusCategory": {"key": "done"}}}]
        return Reply(status=200, body=msgspec.json.encode({**issue, "issues": [issue], "transitions": offered}))
    if isinstance(sent, Post) and "github" in sent.url:
        found: dict[str, Any] = {"number": 1, "state": "open", "body": "hullmark-1"}
        is_list = sent.method == "GET"
        return Reply(status=200, body=msgspec.json.encode([found] if is_list else found))
    return Reply(status=200, body=b"ok" if isinstance(sent, Post) and "slack" in sent.url else b"{}")


def _said(sent: Outgoing) -> list[str]:
    """The words of what is sent."""
    match sent:
        case Post():
            return list(_strings(msgspec.json.decode(sent.body))) if sent.body else []
        case Mail():
            return [f"Subject: {sent.subject}", sent.text, "--- as HTML:", _unmarked(sent.html)]
        case Relay():
            return [sent.title, sent.body]


def _strings(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value.get("type") == "RichTextBlock":
        yield "".join(run["text"] for run in value["inlines"])
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _strings(child, key)
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child, name)
    elif isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        yield f"{name}: {value}"


def _unmarked(page: str) -> str:
    """The words of a page, a line for each of its blocks, and where its links lead."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    body = re.sub(r'<a href="([^"]*)">(.*?)</a>', r"\2 <\1>".replace("<", "&lt;").replace(">", "&gt;"), body)
    text = re.sub(r"</(?:p|li|h1|h2|h3|tr|dd|title)>|<br>", "\n", body)
    lines = (" ".join(html.unescape(re.sub(r"<[^>]+>", "", line)).split()) for line in text.splitlines())
    return "\n".join(filter(None, lines))


def _readable(text: str) -> str:
    """The text as it is seen: without escapes of markup, and what has no width."""
    text = html.unescape(text).replace("\u200b", "")
    return re.sub(r"\\([\\`*_{}\[\]()<>#+\-.!|~&$^:])", r"\1", text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the messages."""
    parser = argparse.ArgumentParser(prog="python -m tools.messages", description=__doc__)
    parser.add_argument("--kind", default="", help="only news whose name has that in it")
    parser.add_argument("--format", default="", choices=("", *FORMATS), help="only that format")
    wanted = parser.parse_args(arguments)
    for news in world():
        for format in FORMATS:
            if wanted.kind in news.name and wanted.format in ("", format) and (text := rendered(format, news)):
                sys.stdout.write(f"=== {news.name}, {format}\n{text}\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
