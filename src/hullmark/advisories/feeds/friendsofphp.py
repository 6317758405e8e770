"""FriendsOfPHP's advisories (https://github.com/FriendsOfPHP/security-advisories): a YAML file for each, filed by package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of, reason_of
from hullmark.advisories.feeds.formats import yamls
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.osv_affected import fix_state_of
from hullmark.advisories.feeds.formats.reading import UNREADABLE, newest_first
from hullmark.advisories.feeds.formats.spans import range_of
from hullmark.advisories.feeds.formats.wording import cves_in, day_of, line_of, links_of
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from hullmark.versions.condition import parse_condition

_FILE = re.compile(r"(?:^|/)((?!\.)[^/]+/[^/]+/[^/]+)\.yaml$").search
_REFERENCE = "composer://"


class _Branch(msgspec.Struct):
    versions: list[str] = []
    time: Any = None


class _Entry(msgspec.Struct):
    reference: str
    branches: dict[Any, _Branch]
    title: str = ""
    link: str = ""
    cve: str | None = None


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a file, named as it: `vendor/package/CVE-2024-1`. Each branch of versions is a range."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (".yaml",)):
            found = _FILE(place)
            if found is None or found[1] in seen or "/.github/" in place:
                continue
            try:
                entry = msgspec.convert(yamls.load(data), _Entry)
                advisory = _advisory(found[1], entry)
            except (ValueError, *UNREADABLE) as error:
                report(place, reason_of(error, (found[1].rpartition("/")[0],)))
                continue
            seen.add(found[1])
            yield advisory


def _advisory(name: str, entry: _Entry) -> Advisory:
    if not entry.reference.startswith(_REFERENCE):
        raise ValueError(f"{entry.reference[:80]!r} names no package of Composer")
    ranges = tuple(dict.fromkeys(_range(branch) for branch in entry.branches.values()))
    days = [day for branch in entry.branches.values() if isinstance(branch.time, str) and (day := day_of(branch.time))]
    affected = AffectedPackage(
        namespace="composer",
        name=entry.reference.removeprefix(_REFERENCE).lower(),
        scheme="packagist",
        ranges=ranges,
        fix_state=fix_state_of(ranges),
        fix_date=min(days, default=""),
    )
    return Advisory(
        id=name,
        source=FEED.name,
        aliases=cves_in(entry.cve or ""),
        summary=line_of(entry.title),
        published=min(days, default=""),
        references=links_of([entry.link]),
        affected=(affected,) if ranges else (),
    )


def _range(branch: _Branch) -> Range:
    """All versions of a branch's list must hold; one that ends before a version is fixed by it."""
    (bounds,) = parse_condition(", ".join(branch.versions)).alternatives
    span = range_of(bounds)
    return msgspec.structs.replace(span, fixed=span.high if span.high_open else "")


FEED = Feed(
    name="friendsofphp",
    title="FriendsOfPHP security advisories",
    homepage="https://github.com/FriendsOfPHP/security-advisories",
    licence="Unlicense",
    crawl=crawl_of(Get(url="https://github.com/FriendsOfPHP/security-advisories/archive/refs/heads/master.tar.gz")),
    parse=parse,
    least_records=800,
)
