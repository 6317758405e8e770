"""What channels with issues or incidents have in common: their threads, the wording, and how foreign text is shown."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import msgspec

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.notice import Digest, Item, Notice, TransitionKind
from hullmark.notify.channel import Again, Delivery, Outgoing, Reply, Thread
from hullmark.notify.details import details_of, whole_words

CARRIED: frozenset[TransitionKind] = frozenset(
    (
        "compliance.lost",
        "compliance.regained",
        "finding.new",
        "finding.worse",
        "finding.retracted",
        "fix.available",
    )
)
"""The kinds that open, change or close issues and incidents: only those about compliance."""

Answers = Generator[Outgoing, Reply, Reply]
_MOST_TEXT = 8000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>+\-.!|~&$^:])")


def threads_for(delivery: Delivery) -> Iterator[Thread]:
    """The wanted states of threads. For a test: a thread that is opened, and closed at once."""
    yield from delivery.threads
    notice = delivery.notice
    if isinstance(notice, Notice) and notice.is_test and not delivery.threads:
        opened = Thread(
            key=f"test:{notice.id}",
            marker=f"hullmark-test-{''.join(sign for sign in notice.id if sign.isascii() and sign.isalnum())[:40]}",
            title=delivery.title,
            remote="",
            is_open=True,
            was_open=False,
            open=notice.items,
            open_count=notice.count,
        )
        yield opened
        yield msgspec.structs.replace(opened, is_open=False, was_open=True, open=(), open_count=0)


def severity_of(thread: Thread, delivery: Delivery) -> Severity:
    """The worst severity that is open; if unknown, that of the notice."""
    found: Severity = max((image.severity for image in thread.open), key=SEVERITIES.index, default="unknown")
    if found == "unknown" and isinstance(delivery.notice, Notice):
        return delivery.notice.severity
    return found


def link_of(delivery: Delivery) -> str:
    """Where the whole notice can be read; "" if that is not a web address."""
    link = delivery.notice.link
    return link if link.startswith(("https://", "http://")) and not _CONTROL.search(link) and " " not in link else ""


def plain(text: str, most: int) -> str:
    """One line of at most this many characters, without control characters for terminals or the direction of writing."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return whole_words(line, most)


def lines_of(text: str, most: int) -> list[str]:
    """The first whole lines of a text that have at most this many characters together, each as `plain` gives it."""
    found: list[str] = []
    for line in text[: 4 * most].splitlines():
        if (most := most - len(line) - 1) < 0:
            return [*found, "…"]
        found.append(plain(line, len(line)))
    return found


def said_by(delivery: Delivery, most: int) -> list[str]:
    """The lines of a delivery's text, but for the link at its end: it stands by itself."""
    link = delivery.notice.link
    return [line for line in lines_of(delivery.text, most) if not (link and line.endswith(f": {link}"))]


def describe_image(item: Item) -> str:
    """An image in words: what it is called, under which policy and where."""
    name = item.reference or item.image or "an image"
    policy = f", policy {item.policy}" if item.policy else ""
    where = f", in {item.environment}" if item.environment else ""
    return plain(f"{name}{policy}{where}", 600)


def why(item: Item) -> str:
    """The first reason that an item gives ("": none): what, by which rule, where, since when, and what to do."""
    found = next((evidence for evidence in item.evidence if evidence.is_gained), None)
    if found is None:
        return ""
    words = details_of(found)
    return plain(": ".join(filter(None, (words.what, words.rest))), 1500)


def state_of(thread: Thread) -> str:
    """How many images are affected, as a sentence."""
    if not thread.is_open:
        return "No image is concerned any more."
    return "One image is concerned." if thread.open_count == 1 else f"{thread.open_count} images are concerned."


def note_of(thread: Thread, delivery: Delivery) -> list[str]:
    """The note for a thread that changes."""
    lines = [plain(delivery.title, 300), *said_by(delivery, _MOST_TEXT), state_of(thread)]
    return [line for line in lines if line]


def note_id(thread: Thread, delivery: Delivery) -> str:
    """A word that identifies this message's note."""
    return f"{thread.marker}-{''.join(sign for sign in delivery.notice.id if sign.isascii() and sign.isalnum())[:40]}"


def account_of(notice: Notice | Digest) -> str:
    """Whose notice it is."""
    return plain(notice.account, 100)


def list_items(items: Sequence[Item], count: int, room: int, line: Any) -> list[str]:
    """A line for each item, as `line(item)` gives it, as long as they fit; then how many more there are."""
    found: list[str] = []
    for item in items:
        text = line(item)
        room -= len(text) + 1
        if room < 0:
            break
        found.append(text)
    return [*found, f"… and {count - len(found)} more"] if count > len(found) else found


def markdown(text: str) -> str:
    """A line that Markdown shows as it is: no markup, links, mentions or references to issues."""
    escaped = _MARKDOWN.sub(r"\\\1", text)
    return escaped.replace("@", "@\u200b").replace("#", "\\#\u200b")


def code(text: str) -> str:
    """A line as a code span of Markdown, whatever it holds."""
    return "`{}`".format(text.replace("`", "'") or " ")


def quote_segment(text: str) -> str:
    """A part of a URL: everything but letters, digits and -._~ as %XX."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")
    )


def document(reply: Reply, where: str) -> Any:
    """The JSON of an answer. Raises Again if it is not JSON."""
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Again(f"{where} answered with something that is not JSON", status=reply.status) from None


def fields(value: Any) -> dict[str, Any]:
    """The fields of an object; empty for any other value."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """The entries of a list; empty for any other value."""
    return value if isinstance(value, list) else []
