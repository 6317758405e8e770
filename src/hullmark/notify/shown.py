"""What a message shows of a notice, before a channel writes it in its own way; and texts from images, made harmless.

Names, paths and versions come from images: they may be written to abuse people's chats.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.limit import Limit
from hullmark.model.notice import Digest, Evidence, Item, Notice, TransitionKind
from hullmark.notify.channel import Delivery
from hullmark.notify.details import (
    details_of,
    end_of_word,
    findings_of,
    is_of_one,
    more_findings,
    running_at,
    told_items,
    where_in,
)
from hullmark.notify.words import format_counts, text_of

MOST_EVIDENCE = Limit(5, "pieces of evidence that a message shows", "shortened")
MOST_IMAGES = Limit(10, "images that a message names; all are counted", "shortened")
MOST_GROUPS = Limit(8, "causes that a message with several shows; all are counted", "shortened")
MOST_IMAGES_OF_A_GROUP = Limit(
    3, "images that a message with several causes names for each; all are counted", "shortened"
)

_NAME, _WORDS, _REST, _URL = 200, 400, 1200, 600

_KINDS: dict[TransitionKind, str] = {
    "compliance.lost": "out of compliance",
    "compliance.regained": "back in compliance",
    "finding.new": "one more finding",
    "finding.worse": "a finding is worse",
    "finding.retracted": "one finding less that counts",
    "fix.available": "fix available",
    "grace.ending": "grace ending",
    "tag.moved": "tag moved",
    "analysis.failed": "analysis failed",
    "data.stale": "data stale",
    "exception.expiring": "an exception ends soon",
    "exception.expired": "an exception ended",
    "place.uncertified": "started uncertified",
    "place.drift": "a running container changed",
    "place.host": "a host is weak",
    "place.problem": "a collector has a problem",
    "place.silent": "a collector is silent",
    "place.heard": "a collector is heard again",
}
_GOOD = frozenset(("compliance.regained", "finding.retracted", "fix.available", "place.heard"))
_COLOURS: dict[Severity, int] = {"critical": 0xA3182B, "high": 0xD9480F, "medium": 0xE0A100, "low": 0x4C78C9}
_GREEN, _GREY = 0x2F9E44, 0x868E96

TICK = "\u02cb"
"""Replaces a backtick in code, which would end it."""

# Inserted into text that chats would act on: it has no width.
_GAP = "\u200b"
_MENTION = re.compile(r"@(?=everyone|here|channel|all\b)|(?<![\w.+-])@(?=\w)|<(?=[@!#])", re.IGNORECASE)
_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_UNSAFE_IN_URL = re.compile(r"[^A-Za-z0-9:/?#!$&+,;=._~%-]")


class ShownImage(msgspec.Struct, frozen=True, kw_only=True):
    """One line about an image: its name, where it leads ("": nowhere), and what happened to it."""

    name: str
    link: str
    words: str


class ShownFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding: what it is ("": what the section's sentence says), and its rule, place, time and what to do about it ("": nothing of
    that is known)."""

    what: str
    words: str


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One cause: what it is, how many images it concerns by kind, the first findings and how many more, and the first images and how many
    more."""

    sentence: str
    counts: str
    findings: tuple[ShownFinding, ...]
    more_findings: int
    images: tuple[ShownImage, ...]
    more: int
    link: str


class MessageContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a message shows; all of it plain text in one line each, without control characters. `colour` is 0xRRGGBB."""

    title: str
    sections: tuple[Section, ...]
    footer: str
    link: str
    all: str
    colour: int
    severity: Severity
    is_good: bool


class Markup(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel writes: `plain` words, names as `code`, `strong` words, and a `link` with a text to an address."""

    plain: Callable[[str], str]
    code: Callable[[str], str]
    strong: Callable[[str], str]
    link: Callable[[str, str], str]
    bullet: str = "• "


def clean(text: str, limit: int = 4000) -> str:
    """The text in one line of at most `limit` characters: no control characters, nothing that turns the reading direction."""
    kept = "".join(" " if letter.isspace() else letter if _is_shown(letter) else "" for letter in text[: 4 * limit])
    return fit_text(" ".join(kept.split()), limit)


def _is_shown(letter: str) -> bool:
    return unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Cn", "Co")


def strip_mentions(text: str) -> str:
    """The text without mentions, and without anything that becomes a link by itself."""
    return _LINK.sub(_GAP, _MENTION.sub(lambda found: found[0] + _GAP, text))


def address(url: str) -> str:
    """A web address that is safe in any markup; "" for anything else, and for one that is too long then."""
    if not url.startswith(("https://", "http://")) or len(url) > _URL:
        return ""
    safe = _UNSAFE_IN_URL.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace")), url
    )
    return safe if len(safe) <= _URL else ""


def units(text: str) -> int:
    """The length of a text for receivers that count like JavaScript; never less than its characters."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def fit_text(text: str, limit: int, write: Callable[[str], str] = str) -> str:
    """The text as `write` gives it, cut to `limit` units between two words, and never within the output of `write`."""
    if units(whole := write(text)) <= limit:
        return whole
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if units(write(text[:middle].rstrip() + "…")) <= limit:
            low = middle
        else:
            high = middle - 1
    return write(text[: end_of_word(text, low)].rstrip() + "…")


def pack_lines(lines: Iterable[str], limit: int, between: str = "\n") -> str:
    """The first whole lines that fit together. Lines that would never fit are left out."""
    kept: list[str] = []
    left = limit
    for line in lines:
        if (needs := units(line) + (len(between) if kept else 0)) > left:
            continue
        kept.append(line)
        left -= needs
    return between.join(kept)


def build_content(delivery: Delivery) -> MessageContent:
    """What a delivery shows."""
    notice = delivery.notice
    when = f"{delivery.now:%Y-%m-%d %H:%M} UTC"
    again = " · sent again" if notice.is_replay else ""
    footer = clean(f"Hullmark · {notice.account} · {when}{again}", _WORDS)
    sections = sections_of(notice)
    if isinstance(notice, Digest):
        severity, is_good = _worst(notice.groups), False
        everything = f"All {notice.count} causes" if notice.count > len(sections) else "All of it"
    else:
        severity, is_good = notice.severity, bool(notice.kinds) and set(notice.kinds) <= _GOOD
        is_more = notice.count > 1 and sections[0].more
        everything = f"All {notice.count} of them" if is_more else "All of it"
    title = clean(delivery.title, 256) or "Hullmark"
    if len(sections) == 1 and title.startswith(sections[0].counts):
        sections = (msgspec.structs.replace(sections[0], counts=""),)  # the title says it
    return MessageContent(
        title=title,
        sections=sections,
        footer=footer,
        link=address(notice.link),
        all=everything,
        colour=_GREEN if is_good else _COLOURS.get(severity, _GREY),
        severity=severity,
        is_good=is_good,
    )


def sections_of(notice: Notice | Digest) -> tuple[Section, ...]:
    """What is shown of each cause."""
    if isinstance(notice, Digest):
        return tuple(_section(group, MOST_IMAGES_OF_A_GROUP) for group in notice.groups[:MOST_GROUPS])
    return (_section(notice, MOST_IMAGES),)


def _worst(groups: Sequence[Notice]) -> Severity:
    order: tuple[Severity, ...] = ("critical", "high", "medium", "low", "negligible")
    found = {group.severity for group in groups}
    return next((severity for severity in order if severity in found), "unknown")


def _section(notice: Notice, most: int) -> Section:
    is_one = is_of_one(notice)
    listed = told_items(notice)
    items = listed[:most]
    sentence = clean(notice.cause.sentence, 1000)
    lines = (_finding_shown(evidence, sentence, has_place=is_one) for evidence in findings_of(notice))
    found = [line for line in dict.fromkeys(lines) if line.what or line.words]
    return Section(
        sentence=sentence or clean(notice.cause.subject, _NAME) or "Something changed",
        counts=clean(format_counts(notice.kinds), _WORDS) if notice.kinds else "",
        findings=tuple(found[:MOST_EVIDENCE]),
        more_findings=max(0, len(found) - MOST_EVIDENCE),
        images=tuple(image_shown(item, has_place=not is_one) for item in items if item.image or item.reference),
        more=max(0, notice.count - len(notice.items) + len(listed) - len(items)),
        link=address(notice.link),
    )


def _finding_shown(evidence: Evidence, sentence: str, *, has_place: bool) -> ShownFinding:
    """What the cause's own sentence says is not said again."""
    words = details_of(evidence, has_place=has_place)
    what = clean(words.what, _WORDS)
    return ShownFinding(what="" if what in sentence else what, words=clean(words.rest, _REST))


def image_shown(item: Item, *, has_place: bool = True) -> ShownImage:
    """The line of an image; `has_place`: with where its first finding is seen."""
    words = [_KINDS.get(item.kind, item.kind)]
    if item.policy:
        words.append(f"policy {item.policy}" + (f" in {item.environment}" if item.environment else ""))
    if item.before == item.after != "":
        words.append(f"still {_short(item.after)}")
    elif item.before or item.after:
        words.append(f"{_short(item.before) or 'nothing'} → {_short(item.after) or 'nothing'}")
    if running := running_at(item):
        words.append(running)
    if has_place and (where := where_in(item)):
        words.append(where)
    name = clean(item.reference, _NAME) or clean(item.image, _NAME)
    return ShownImage(name=name, link=address(item.link), words=clean(", ".join(words), _REST))


def _short(text: str) -> str:
    return text[:19] if text.startswith("sha256:") else text


def paragraphs(what: MessageContent, markup: Markup, limit: int) -> list[str]:
    """Each section as up to three paragraphs of at most `limit` units: what happened, what can be seen, and the first images."""
    return [text for section in what.sections for text in _paragraphs(section, markup, limit) if text]


def _paragraphs(section: Section, markup: Markup, limit: int) -> tuple[str, str, str]:
    counts = (markup.plain(section.counts),) if section.counts else ()
    head = pack_lines((fit_text(section.sentence, limit, markup.strong), *counts), limit)

    def rest(count: int) -> str:
        more = f"… and {count} more"
        return markup.link(more, section.link) if section.link else markup.plain(more)

    findings = _list_lines(
        [_finding_line(found, markup, limit - 40) for found in section.findings],
        section.more_findings,
        limit,
        lambda count: markup.plain(f"… {more_findings(count)}"),
    )
    return (
        head,
        findings,
        _list_lines([_image_line(image, markup) for image in section.images], section.more, limit, rest),
    )


def _finding_line(found: ShownFinding, markup: Markup, limit: int) -> str:
    """The finding in one line that fits, whatever it is called."""
    if not found.what:
        return markup.bullet + fit_text(found.words, limit - units(markup.bullet), markup.plain)
    head = f"{markup.bullet}{fit_text(found.what, limit // 2, markup.code)}"
    room = limit - units(head) - 2
    return f"{head}: {fit_text(found.words, room, markup.plain)}" if found.words else head


def _image_line(image: ShownImage, markup: Markup) -> str:
    name = markup.link(image.name, image.link) if image.link else markup.code(image.name)
    return f"{markup.bullet}{name}: {markup.plain(image.words)}"


def _list_lines(lines: Sequence[str], more: int, limit: int, rest: Callable[[int], str]) -> str:
    """The first lines that fit together, and how many more there are."""
    kept: list[str] = []
    for place, line in enumerate(lines):
        left_over = more + len(lines) - place - 1
        ending = [rest(left_over)] if left_over else []
        if units("\n".join([*kept, line, *ending])) > limit:
            break
        kept.append(line)
    left_over = more + len(lines) - len(kept)
    return "\n".join([*kept, rest(left_over)] if left_over else kept)


def is_worded(delivery: Delivery) -> bool:
    """Whether the account has its own wording; then people get that."""
    return delivery.text != text_of(delivery.notice)


def as_templated(delivery: Delivery, write: Callable[[str], str], limit: int) -> str:
    """The text of the channel's template, line by line as plain words, in at most `limit` units."""
    return pack_lines((fit_text(clean(line), limit, write) for line in delivery.text.splitlines()[:500]), limit)
