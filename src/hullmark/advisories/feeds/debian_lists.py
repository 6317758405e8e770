"""Debian's announcements (DSA, DLA, DTSA): the lists of its security tracker (https://salsa.debian.org/security-tracker-team).

An announcement is a line `[day] DSA-5380-1 package - title`, then indented `{CVE …}`, then `[codename] - source version` lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.reading import lines
from hullmark.advisories.feeds.formats.wording import line_of, links_of, severity_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, FixState, Range, Record

_FOLDER = "https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data"
LISTS = tuple(f"{_FOLDER}/{name}/list" for name in ("DSA", "DLA", "DTSA"))

_RELEASES = {
    "hamm": "2.0",
    "slink": "2.1",
    "potato": "2.2",
    "woody": "3.0",
    "sarge": "3.1",
    "etch": "4",
    "lenny": "5",
    "squeeze": "6",
    "wheezy": "7",
    "jessie": "8",
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
    "duke": "15",
    "sid": "unstable",
}
_HEAD = re.compile(r"\[([^\]]{0,40})\]\s+(D(?:SA|LA|TSA)-[0-9]+(?:-[0-9]+)?)\s+(.*)")
_IDS = re.compile(r"\s+\{([^}]*)\}")
_FIX = re.compile(r"\s+\[([a-z]+)\]\s+-\s+(\S+)\s+(<[a-z-]+>|\S+)(?:\s+\((\w+)\))?")
_REVISED = re.compile(r"(D[A-Z]+-[0-9]+)-([0-9]+)")
_SAYS_NOTHING = ("<undetermined>", "<removed>")
_UNFIXED: dict[str, FixState] = {
    "<unfixed>": "not-fixed",
    "<end-of-life>": "wont-fix",
    "<ignored>": "wont-fix",
    "<no-dsa>": "wont-fix",
    "<postponed>": "not-fixed",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_FIRST = re.compile(r"([0-9]{1,2})\s+([A-Za-z]{3})[a-z]*,?\s+([0-9]{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3})[a-z]*\s+([0-9]{1,2})[a-z]{0,2},?\s+([0-9]{4})")


def namespace_of(codename: str) -> str:
    """`debian:12` for bookworm; "" for what is not a release of Debian. Old releases share a major number: they keep the minor."""
    release = _RELEASES.get(codename)
    return f"debian:{release}" if release else ""


def announcements(document: Document, report: Report) -> Iterator[Advisory]:
    """The announcements of a list, in its order. Raises DamagedDocument."""
    head: re.Match[str] | None = None
    block: list[str] = []
    for line in lines(document, is_ended=True):
        found = _HEAD.match(line)
        if found is None:
            block.append(line)
            continue
        if head is not None:
            yield _announcement(head, block, document.url, report)
        head, block = found, []
    if head is not None:
        yield _announcement(head, block, document.url, report)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an announcement, with its CVEs as aliases; those that mend an earlier update name that as related."""
    for document in documents:
        yield from announcements(document, report)


def _announcement(head: re.Match[str], block: Sequence[str], url: str, report: Report) -> Advisory:
    day, name, title = _day(head[1]), head[2], head[3]
    ids: dict[str, None] = {}
    affected: list[AffectedPackage] = []
    for line in block:
        found = _IDS.match(line)
        fix = None if found else _FIX.match(line)
        if found:
            ids.update(dict.fromkeys(found[1].split()))
        elif fix and not namespace_of(fix[1]):
            report(f"{url} {name}", f"left out: {fix[1]} is not a release known here")
        elif fix and fix[3] not in _SAYS_NOTHING:
            affected.append(_make_affected_package(fix, name, day))
    return Advisory(
        id=name,
        source=FEED.name,
        aliases=tuple(ids),
        related=_find_previous_revision(name),
        summary=line_of(title),
        published=day,
        references=links_of([f"https://security-tracker.debian.org/tracker/{name}"]),
        affected=tuple(affected),
    )


def _make_affected_package(fix: re.Match[str], name: str, day: str) -> AffectedPackage:
    namespace, source, version = namespace_of(fix[1]), fix[2], fix[3]
    if version == "<not-affected>":
        return AffectedPackage(
            namespace=namespace, name=source, scheme="deb", kind="unaffected", ranges=(EVERY_VERSION,)
        )
    severity = severity_of(fix[4] or "")
    is_fixed = version[0] != "<"
    return AffectedPackage(
        namespace=namespace,
        name=source,
        scheme="deb",
        ranges=(Range(high=version, fixed=version),) if is_fixed else (EVERY_VERSION,),
        fix_state="fixed" if is_fixed else _UNFIXED.get(version, "unknown"),
        fix_date=day if is_fixed else "",
        severity="" if severity == "unknown" else severity,
        vendor_ids=(name,),
    )


def _find_previous_revision(name: str) -> tuple[str, ...]:
    found = _REVISED.fullmatch(name)
    if found is None or int(found[2][:6]) < 2:
        return ()
    return (f"{found[1]}-{int(found[2][:6]) - 1}",)


def _day(text: str) -> str:
    first = _DAY_FIRST.match(text)
    second = None if first else _MONTH_FIRST.match(text)
    day, month, year = (
        (first[1], first[2], first[3]) if first else (second[2], second[1], second[3]) if second else ("", "", "")
    )
    if month.lower() not in _MONTHS:
        return ""
    return f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{int(day):02}"


FEED = Feed(
    name="debian-lists",
    title="Debian security announcements",
    homepage="https://www.debian.org/security/",
    licence="not stated by upstream",
    crawl=crawl_of(*(Get(url=url) for url in LISTS)),
    parse=parse,
)
