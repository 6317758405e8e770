"""AlmaLinux errata (https://github.com/AlmaLinux/osv-database): OSV records, a file for each erratum of a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.osv_record import advisories_of
from hullmark.advisories.feeds.formats.reading import newest_first
from hullmark.model.advisory import Advisory


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory an erratum (`ALSA-…`), with its CVEs as aliases and what it fixes in every release: files share ids."""
    for document, seen in newest_first(documents):
        advisories: dict[str, Advisory] = {}
        for place, data in members(document, (".json",)):
            advisory = advisories_of(data, FEED.name, report, place)
            if advisory is not None and advisory.id not in seen:
                known = advisories.get(advisory.id)
                advisories[advisory.id] = advisory if known is None else _both(known, advisory)
        seen.update(advisories)
        yield from advisories.values()


def _both(a: Advisory, b: Advisory) -> Advisory:
    return replace(
        a,
        aliases=tuple(dict.fromkeys((*a.aliases, *b.aliases))),
        modified=max(a.modified, b.modified),
        affected=tuple(dict.fromkeys((*a.affected, *b.affected))),
    )


FEED = Feed(
    name="almalinux",
    title="AlmaLinux errata",
    homepage="https://errata.almalinux.org",
    licence="MIT",
    crawl=crawl_of(Get(url="https://github.com/AlmaLinux/osv-database/archive/refs/heads/master.tar.gz")),
    parse=parse,
    covers={"almalinux:*": 100},
    least_records=2_000,
)
