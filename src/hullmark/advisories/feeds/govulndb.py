"""The Go vulnerability database (https://go.dev/doc/security/vuln/database): OSV records with packages and symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.osv_record import advisories_of
from hullmark.advisories.feeds.formats.reading import newest_first
from hullmark.model.advisory import Advisory


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a record (`GO-…`); the archive's indexes are not needed."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (".json",)):
            if place.startswith("index/") or "/index/" in place:
                continue
            advisory = advisories_of(data, FEED.name, report, place)
            if advisory is not None and advisory.id not in seen:
                seen.add(advisory.id)
                yield advisory


FEED = Feed(
    name="govulndb",
    title="Go vulnerability database",
    homepage="https://vuln.go.dev",
    licence="CC-BY-4.0",
    crawl=crawl_of(Get(url="https://vuln.go.dev/vulndb.zip")),
    parse=parse,
    covers={"golang": 2000},
    least_records=2_000,
)
