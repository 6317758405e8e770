"""GitHub's advisory database (https://github.com/github/advisory-database): OSV records, those that GitHub reviewed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.osv_record import advisories_of
from hullmark.advisories.feeds.formats.reading import newest_first
from hullmark.model.advisory import Advisory

_REVIEWED = "/github-reviewed/"


COVERS = {
    "cargo": 400,
    "composer": 2000,
    "gem": 400,
    "githubactions": 10,
    "hex": 15,
    "maven": 2500,
    "npm": 1800,
    "nuget": 300,
    "pub": 5,
    "pypi": 1700,
    "swift": 15,
}
"""The languages whose advisories GitHub reviews, and about half of how many it has of each. Go's own database tells more of Go."""


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a reviewed record (`GHSA-…`). Unreviewed ones are copies of the CVEs and name no packages."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (".json",)):
            if _REVIEWED not in place:
                continue
            advisory = advisories_of(data, FEED.name, report, place)
            if advisory is not None and advisory.id not in seen:
                seen.add(advisory.id)
                yield advisory


FEED = Feed(
    name="ghsa",
    title="GitHub advisory database",
    homepage="https://github.com/advisories",
    licence="CC-BY-4.0",
    crawl=crawl_of(Get(url="https://github.com/github/advisory-database/archive/refs/heads/main.tar.gz")),
    parse=parse,
    overrides="github-api",
    covers=COVERS,
    least_records=12_000,
)
