"""What people read of a notice or a digest: a title, and a text that says what, why, how many and where, plain or as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from hullmark.model.notice import TRANSITION_KINDS, Cause, Digest, Evidence, Item, Notice, TransitionKind
from hullmark.notify.details import (
    at_minute,
    details_of,
    findings_of,
    is_of_one,
    more_findings,
    running_at,
    told_items,
    where_in,
    whole_words,
)
from hullmark.notify.details import package_in as package_in

Form = Literal["plain", "markdown"]

_MOST_TITLE = 250
_MOST_WORDS = 500
_MOST_REST = 1200
_ITEMS = 10
_GROUPS = 15
_EVIDENCE = 5
_MARKS = re.compile(r"([\\`*_\[\]<>#|~])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")

_SAYS: dict[TransitionKind, tuple[str, str]] = {
    "compliance.lost": ("1 image out of compliance", "{} images out of compliance"),
    "compliance.regained": ("1 image back in compliance", "{} images back in compliance"),
    "finding.new": ("1 image with one more finding", "{} images with one more finding"),
    "finding.worse": ("1 image with a finding that weighs more", "{} images with a finding that weighs more"),
    "finding.retracted": ("1 image with one finding less that counts", "{} images with one finding less that counts"),
    "fix.available": ("a fix for 1 image", "a fix for {} images"),
    "grace.ending": ("grace ends for 1 image", "grace ends for {} images"),
    "tag.moved": ("1 tag moved", "{} tags moved"),
    "analysis.failed": ("1 image could not be analysed", "{} images could not be analysed"),
    "data.stale": ("advisory data is out of date", "{} sources of advisories are out of date"),
    "exception.expiring": ("1 exception ends soon", "{} exceptions end soon"),
    "exception.expired": ("1 exception has ended", "{} exceptions have ended"),
    "place.uncertified": ("1 uncertified image started", "{} uncertified images started"),
    "place.drift": ("1 change in a running container", "{} changes in running containers"),
    "place.host": ("1 weakness of a host", "{} weaknesses of hosts"),
    "place.problem": ("1 problem of a collector", "{} problems of collectors"),
    "place.silent": ("1 collector is silent", "{} collectors are silent"),
    "place.heard": ("1 collector is heard again", "{} collectors are heard again"),
}


def title_of(notice: Notice | Digest) -> str:
    """One line, at most 250 characters."""
    if isinstance(notice, Digest):
        text = f"{notice.count} causes of change" if notice.count != 1 else "1 cause of change"
        return _line(f"{text} since {at_minute(notice.since)}", _MOST_TITLE)
    title = _line(f"{format_counts(notice.kinds)}: {about(notice)}", _MOST_TITLE)
    return f"Test: {title}"[:_MOST_TITLE] if notice.is_test else title


def format_counts(kinds: dict[str, int]) -> str:
    """The kinds of changes and their numbers, the most urgent first."""
    parts = [
        _SAYS[kind][0] if count == 1 else _SAYS[kind][1].format(count)
        for kind in TRANSITION_KINDS
        if (count := kinds.get(kind, 0))
    ]
    return ", ".join(parts) or "nothing changed"


def about(notice: Notice) -> str:
    """The cause in a few words: `CVE-2026-1234 in openssl (critical, fixed in 3.0.14-1)`."""
    cause = notice.cause
    if cause.kind in ("policy", "exception"):
        name = f"{'exception from' if cause.kind == 'exception' else 'policy'} {cause.subject}".rstrip()
        return f"{name} ({_line(cause.after, 60)})" if cause.after and not _is_digest(cause.after) else name
    found = findings_of(notice)
    if cause.kind in ("image", "place", "signatures"):
        return cause.subject
    packages = _format_list(_distinct(package_in(finding.package)[0] for finding in found), 3)
    text = cause.subject or _line(cause.sentence, 100)
    details: list[str] = [cause.severity] if cause.severity != "unknown" else []
    if cause.kind == "exploitation" and cause.after:
        details.append(_line(cause.after, 60))
    fixes = _distinct(finding.fix_version for finding in found if finding.fix_version)
    if fixes:
        details.append(f"fixed in {_format_list(fixes, 2)}")
    elif any(finding.fix_state in ("not-fixed", "wont-fix") for finding in found):
        details.append("no fix yet")
    text += f" in {packages}" if packages else ""
    return text + (f" ({', '.join(details)})" if details else "")


def text_of(notice: Notice | Digest, form: Form = "plain") -> str:
    """The text: what, why, how many, the first images, and where the others are."""
    page = _Page(form)
    if isinstance(notice, Digest):
        return _digest(notice, page)
    is_one = is_of_one(notice)
    _cause(notice.cause, findings_of(notice), page, has_place=is_one)
    listed = told_items(notice)
    shown = listed[:_ITEMS]
    if notice.kinds:
        page.say("")
        page.say(f"{_capital(format_counts(notice.kinds))}:")
    for item in shown:
        page.point(_item(item, page, has_place=not is_one))
    if (more := notice.count - len(notice.items) + len(listed) - len(shown)) > 0:
        page.point(f"and {more} more")
    _ending(notice, page)
    return page.text()


def escape_markdown(text: str, most: int = _MOST_WORDS) -> str:
    """A foreign text on one line, escaped for Markdown."""
    return _MARKS.sub(r"\\\1", _line(text, most))


class _Page:
    """Lines; foreign words are made harmless."""

    def __init__(self, form: Form) -> None:
        self._lines: list[str] = []
        self._form = form

    def word(self, text: str, most: int = _MOST_WORDS) -> str:
        """A foreign text on one line, escaped for the form."""
        return escape_markdown(text, most) if self._form == "markdown" else _line(text, most)

    def code(self, text: str) -> str:
        """A name."""
        line = _line(text, _MOST_WORDS)
        return f"`{line.replace('`', chr(39))}`" if self._form == "markdown" and line else line

    def say(self, line: str) -> None:
        self._lines.append(line)

    def point(self, line: str) -> None:
        self._lines.append(f"- {line}")

    def link(self, text: str, url: str) -> None:
        if url:
            self.say("")
            self.say(f"[{text}](<{url}>)" if self._form == "markdown" else f"{text}: {url}")

    def text(self) -> str:
        return "\n".join(self._lines)


def _cause(cause: Cause, found: Sequence[Evidence], page: _Page, *, has_place: bool) -> None:
    if cause.sentence:
        page.say(page.word(cause.sentence))
    if _is_worth_saying(cause):
        before, after = (page.word(_shorten_digest(text)) or "nothing" for text in (cause.before, cause.after))
        page.say(f"Before: {before}. Now: {after}.")
    lines = (_finding(evidence, page, cause.sentence, has_place=has_place) for evidence in found[:_EVIDENCE])
    for line in filter(None, dict.fromkeys(lines)):
        page.point(line)
    if len(found) > _EVIDENCE:
        page.point(more_findings(len(found) - _EVIDENCE))


def _is_worth_saying(cause: Cause) -> bool:
    """Whether before and after are not shown already and mean something to people: digests of policies do not."""
    is_said = bool(cause.before and cause.after) and cause.before in cause.sentence and cause.after in cause.sentence
    return (
        bool(cause.before or cause.after)
        and not is_said
        and cause.before != "as it was"  # and now something else: the sentence says that already
        and not (cause.kind == "policy" and _is_digest(cause.after))
    )


def _is_digest(text: str) -> bool:
    return text.startswith("sha256:")


def _shorten_digest(text: str) -> str:
    """A digest as people tell it from others; any other text as it is."""
    return text[: len("sha256:") + 12] if _is_digest(text) else text


def _finding(evidence: Evidence, page: _Page, sentence: str, *, has_place: bool) -> str:
    """A finding that came or went: what, by which rule, where, since when, and what to do. What a sentence says is not said again."""
    words = details_of(evidence, has_place=has_place)
    what = "" if words.what in sentence else page.word(words.what)
    return ": ".join(filter(None, (what, page.word(words.rest, _MOST_REST))))


def _item(item: Item, page: _Page, *, has_place: bool) -> str:
    name = page.code(item.reference or item.image or item.policy) or TRANSITION_KINDS[item.kind]
    more = [word for word in (page.word(item.environment, 100), page.word(running_at(item), _MOST_WORDS)) if word]
    if item.policy and name != page.code(item.policy):
        more.insert(0, f"policy {page.word(item.policy, 100)}")
    before, after = (page.word(_shorten_digest(text), 100) for text in (item.before, item.after))
    became = f": {before} → {after}" if before and after else ""
    became = f": still {after}" if before == after != "" else became
    where = page.word(where_in(item), _MOST_REST) if has_place else ""
    return f"{name}{became}" + (f" ({', '.join(more)})" if more else "") + (f"; {where}" if where else "")


def _digest(digest: Digest, page: _Page) -> str:
    page.say(f"From {at_minute(digest.since)} to {at_minute(digest.until)}:")
    for group in digest.groups[:_GROUPS]:
        page.point(page.word(f"{format_counts(group.kinds)}: {about(group)}"))
        is_one = is_of_one(group)
        found = findings_of(group)
        lines = [_finding(evidence, page, "", has_place=is_one) for evidence in found[:3]]
        lines += [more_findings(len(found) - 3)] if len(found) > 3 else []
        lines += [_item(item, page, has_place=not is_one) for item in told_items(group)[:3]]
        lines += [f"and {group.count - 3} more"] if group.count > 3 else []
        for line in filter(None, lines):
            page.say(f"  - {line}")
    if digest.count > len(digest.groups[:_GROUPS]):
        page.point(f"and {digest.count - len(digest.groups[:_GROUPS])} more causes")
    _ending(digest, page)
    return page.text()


def _ending(notice: Notice | Digest, page: _Page) -> None:
    page.link("All of it", notice.link)
    if notice.is_replay:
        page.say("This was sent before, and is sent again because somebody asked for it.")
    if isinstance(notice, Notice) and notice.is_test:
        page.say("This is a test. Nothing happened.")


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(_line(word, 100) for word in words if word))


def _format_list(words: Sequence[str], most: int) -> str:
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def _line(text: str, most: int) -> str:
    line = " ".join(_CONTROLS.sub(" ", text[: most * 4]).split())
    return whole_words(line, most)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
