"""OSV's exports (https://google.github.io/osv.dev/data/): an archive for each ecosystem that has no better feed here.

Day by day only the records that OSV's lists of changes name are fetched, as long as they are few.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report
from hullmark.advisories.feeds.formats.osv_documents import records_in
from hullmark.advisories.feeds.formats.osv_record import advisory_of
from hullmark.advisories.feeds.formats.reading import lines
from hullmark.model.advisory import Advisory
from hullmark.model.limit import Limit

ECOSYSTEMS = (
    *(
        "Alpaquita",
        "Bioconductor",
        "ConanCenter",
        "CRAN",
        "crates.io",
        "GHC",
        "GitHub%20Actions",
        "Go",
        "Hackage",
        "Hex",
    ),
    *("Julia", "Mageia", "Maven", "npm", "NuGet", "opam", "Packagist", "Pub", "PyPI", "RubyGems", "SwiftURL"),
)
"""Folders of the exports that are fetched."""

_EXPORTS = "https://osv-vulnerabilities.storage.googleapis.com"
_CHANGES = "modified_id.csv"
_MAX_CHANGES = Limit(
    500, "changed OSV advisories that are fetched one by one (with more the whole list is fetched)", "later"
)
_SECONDS = len("2024-01-31T12:00:00")
_ELSEWHERE = ("PYSEC-", "RUSTSEC-", "GO-", "HSEC-")
"""Records of databases that have a feed of their own."""


_COLLECTED = "GHSA-other"
"""What mirrors may have of GitHub's advisories for several ecosystems in one archive."""


def crawl(known: CrawlState) -> Crawl:
    """All archives; or, after a good crawl, the records that changed since, if they are few."""
    changed = (yield from _fetch_changes(known.since)) if known.since else None
    if changed is None:
        for ecosystem in (*ECOSYSTEMS, _COLLECTED):
            yield Get(url=f"{_EXPORTS}/{ecosystem}/all.zip", is_optional=True)
        return
    for name in changed:
        yield Get(url=f"{_EXPORTS}/{name}.json", is_optional=True, is_addition=True)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a record, save those of databases with a feed of their own. Also reads single records and the API's answers."""
    wanted = [document for document in documents if not document.url.endswith(_CHANGES)]
    for record, place in records_in(wanted, report):
        if not record.id.startswith(_ELSEWHERE):
            yield advisory_of(record, FEED.name, report, place)


def _fetch_changes(since: str) -> Generator[Get, Document | None, list[str] | None]:
    """`ecosystem/id` of what changed since a moment; None if that cannot be told or is much."""
    changed: list[str] = []
    for ecosystem in ECOSYSTEMS:
        document = yield Get(url=f"{_EXPORTS}/{ecosystem}/{_CHANGES}", is_optional=True, is_addition=True)
        if document is None:
            return None
        for line in lines(document):
            at, _, name = line.partition(",")
            if at[:_SECONDS] < since[:_SECONDS]:
                break  # the newest stand first
            if not name.startswith(_ELSEWHERE):
                changed.append(f"{ecosystem}/{name}")
            if len(changed) > _MAX_CHANGES:
                return None
    return changed


FEED = Feed(
    name="osv",
    title="OSV exports",
    homepage="https://osv.dev",
    licence="each database's own (https://google.github.io/osv.dev/data/#current-data-sources)",
    crawl=crawl,
    parse=parse,
    covers={
        "composer": 3000,
        "conan": 1,
        "cran": 1,
        "gem": 900,
        "githubactions": 10,
        "hex": 25,
        "maven": 3000,
        "npm": 50_000,
        "nuget": 800,
        "pub": 5,
        "swift": 15,
    },
    least_records=60_000,
)
