"""What channels that keep issues or incidents have in common: which threads there are, their words, and how to show foreign ones."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import msgspec

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.notice import Digest, Item, Notice, TransitionKind
from hullmark.notify.channel import Again, Delivery, Outgoing, Reply, Thread

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
"""What opens, changes or closes issues and incidents: what an image is held against, and nothing else."""

Answers = Generator[Outgoing, Reply, Reply]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>+\-.!|~&$^:])")


def threads_for(wish: Delivery) -> Iterator[Thread]:
    """What is to be brought about. Of a test: a thread that is opened, and the same closed at once."""
    yield from wish.threads
    notice = wish.notice
    if isinstance(notice, Notice) and notice.is_test and not wish.threads:
        opened = Thread(
            key=f"test:{notice.id}",
            marker=f"hullmark-test-{''.join(each for each in notice.id if each.isascii() and each.isalnum())[:40]}",
            title=wish.title,
            remote="",
            is_open=True,
            was_open=False,
            open=notice.items,
            open_count=notice.count,
        )
        yield opened
        yield msgspec.structs.replace(opened, is_open=False, was_open=True, open=(), open_count=0)


def severity_of(thread: Thread, wish: Delivery) -> Severity:
    """The worst of what is open; if nothing says, that of the notice."""
    found: Severity = max((each.severity for each in thread.open), key=SEVERITIES.index, default="unknown")
    if found == "unknown" and isinstance(wish.notice, Notice):
        return wish.notice.severity
    return found


def link_of(wish: Delivery) -> str:
    """Where all of the notice can be read; "" if that is no link that browsers follow to a page."""
    link = wish.notice.link
    return link if link.startswith(("https://", "http://")) and not _CONTROL.search(link) and " " not in link else ""


def plain(text: str, most: int) -> str:
    """One line of at most so many characters, without what steers terminals or turns the direction of writing."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def lines_of(text: str, most: int) -> list[str]:
    """The lines of a text of at most so many characters, each as `plain` makes it."""
    return [plain(line, most) for line in text[:most].splitlines()]


def named(item: Item) -> str:
    """An image in words: what it is called, under which policy and where."""
    name = item.reference or item.image or "an image"
    policy = f", policy {item.policy}" if item.policy else ""
    where = f", in {item.environment}" if item.environment else ""
    return plain(f"{name}{policy}{where}", 600)


def why(item: Item) -> str:
    """The first reason that an item gives ("": none)."""
    found = next((each for each in item.evidence if each.is_gained), None)
    if found is None:
        return ""
    said = found.message or found.subject or found.advisory
    return plain(f"{said} (fixed in {found.fix_version})" if found.fix_version else said, 400)


def state_of(thread: Thread) -> str:
    """How many images are concerned, as a sentence."""
    if not thread.is_open:
        return "No image is concerned any more."
    return "One image is concerned." if thread.open_count == 1 else f"{thread.open_count} images are concerned."


def note_of(thread: Thread, wish: Delivery) -> list[str]:
    """What is written below a thread that changes."""
    said = [plain(wish.title, 300), *lines_of(wish.text, 8000), state_of(thread)]
    return [line for line in said if line]


def note_id(thread: Thread, wish: Delivery) -> str:
    """A word that a note of this message is known by."""
    return f"{thread.marker}-{''.join(each for each in wish.notice.id if each.isascii() and each.isalnum())[:40]}"


def account_of(notice: Notice | Digest) -> str:
    """Whose notice it is."""
    return plain(notice.account, 100)


def listed(items: Sequence[Item], count: int, room: int, line: Any) -> list[str]:
    """A line for each item, as `line(item)` makes it, as long as there is room for all together; then how many more there are."""
    found: list[str] = []
    for item in items:
        made = line(item)
        room -= len(made) + 1
        if room < 0:
            break
        found.append(made)
    return [*found, f"… and {count - len(found)} more"] if count > len(found) else found


def markdown(text: str) -> str:
    """A line that Markdown shows as it is: no markup, links, mentions or references to issues."""
    escaped = _MARKDOWN.sub(r"\\\1", text)
    return escaped.replace("@", "@\u200b").replace("#", "\\#\u200b")


def code(text: str) -> str:
    """A line as a code span of Markdown, whatever it holds."""
    return "`{}`".format(text.replace("`", "'") or " ")


def quoted(text: str) -> str:
    """A part of a URL: everything but letters, digits and -._~ as %XX."""
    return "".join(
        chr(each) if each in _UNRESERVED else f"%{each:02X}" for each in text.encode("utf-8", "surrogatepass")
    )


def document(reply: Reply, where: str) -> Any:
    """The JSON of an answer. Raises Again for what is none."""
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Again(f"{where} answered with something that is no JSON", status=reply.status) from None


def fields(value: Any) -> dict[str, Any]:
    """The fields of what should be an object; none if it is not."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """The entries of what should be a list; none if it is not."""
    return value if isinstance(value, list) else []
