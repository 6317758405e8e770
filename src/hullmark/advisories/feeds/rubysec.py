"""Ruby's advisories (https://github.com/rubysec/ruby-advisory-db): YAML files for gems and for Ruby itself.

They tell which versions are patched and which never were affected; what is neither is affected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of, reason_of
from hullmark.advisories.feeds.formats import yamls
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.cvss import severity_of_ratings
from hullmark.advisories.feeds.formats.osv_affected import fix_state_of
from hullmark.advisories.feeds.formats.reading import UNREADABLE, newest_first
from hullmark.advisories.feeds.formats.spans import ranges_of, without
from hullmark.advisories.feeds.formats.wording import day_of, line_of, links_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Cvss, Range
from hullmark.versions import gem

_FILE = re.compile(r"(?:^|/)((?:gems|rubies)/[^/]+/[^/]+)\.yml$").search
_VERSIONS_OF_CVSS = ("2.0", "3.1", "4.0")


class _RelatedIds(msgspec.Struct):
    cve: list[str] | None = None
    ghsa: list[str] | None = None
    url: list[str] | None = None


class _Entry(msgspec.Struct):
    gem: str = ""
    engine: str = ""
    cve: str | None = None
    ghsa: str | None = None
    osvdb: str | int | None = None
    url: str = ""
    title: str = ""
    date: Any = None
    cvss_v2: float | None = None
    cvss_v3: float | None = None
    cvss_v4: float | None = None
    patched_versions: list[str] | None = None
    unaffected_versions: list[str] | None = None
    related: _RelatedIds | None = None


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a file, named as it: `gems/rack/CVE-2024-1`; several files may share a CVE."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (".yml",)):
            found = _FILE(place)
            if found is None or found[1] in seen:
                continue
            try:
                entry = msgspec.convert(yamls.load(data), _Entry)
                advisory = _advisory(found[1], entry)
            except (ValueError, *UNREADABLE) as error:
                report(place, reason_of(error, (found[1].split("/")[1],)))
                continue
            seen.add(found[1])
            yield advisory


def _advisory(name: str, entry: _Entry) -> Advisory:
    related = entry.related or _RelatedIds()
    ratings = tuple(
        Cvss(version=version, vector="", score=score)
        for version, score in zip(_VERSIONS_OF_CVSS, (entry.cvss_v2, entry.cvss_v3, entry.cvss_v4), strict=True)
        if score is not None
    )
    return Advisory(
        id=name,
        source=FEED.name,
        aliases=_aliases(entry),
        related=tuple(f"CVE-{number}" for number in related.cve or ()),
        severity=severity_of_ratings(ratings),
        cvss=ratings,
        summary=line_of(entry.title),
        published=day_of(entry.date) if isinstance(entry.date, str) else "",
        references=links_of((entry.url, *(related.url or ()))),
        affected=(_make_affected_package(entry),),
    )


def _aliases(entry: _Entry) -> tuple[str, ...]:
    pairs = (("CVE", entry.cve), ("GHSA", entry.ghsa), ("OSVDB", entry.osvdb))
    return tuple(f"{kind}-{number}" for kind, number in pairs if number)


def _make_affected_package(entry: _Entry) -> AffectedPackage:
    """Gems by their name; Ruby's own implementations (`ruby`, `jruby`, `mruby`) as programs."""
    if not (entry.gem or entry.engine):
        raise ValueError("it names neither a gem nor an engine")
    patched = _ranges(entry.patched_versions or ())
    safe = (*patched, *_ranges(entry.unaffected_versions or ()))
    ranges = without((EVERY_VERSION,), safe, patched, gem.SCHEME)
    return AffectedPackage(
        namespace="gem" if entry.gem else "generic",
        name=entry.gem or entry.engine,
        scheme="gem",
        ranges=ranges,
        fix_state=fix_state_of(ranges),
    )


def _ranges(requirements: Iterable[str]) -> tuple[Range, ...]:
    return tuple(
        interval for requirement in requirements for interval in ranges_of(gem.ranges(requirement), gem.SCHEME)
    )


FEED = Feed(
    name="rubysec",
    title="Ruby advisory database",
    homepage="https://rubysec.com",
    licence="public domain; text taken from OSVDB is not",
    crawl=crawl_of(Get(url="https://github.com/rubysec/ruby-advisory-db/archive/refs/heads/master.tar.gz")),
    parse=parse,
    covers={"gem": 500},
    least_records=600,
)
