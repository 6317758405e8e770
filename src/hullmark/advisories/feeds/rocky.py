"""Rocky Linux errata as OSV records (https://apollo.build.resf.org), in OSV's export. Names are of source packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.osv_documents import advisories_in
from hullmark.model.advisory import Advisory


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory an erratum (`RLSA-…`, `RXSA-…`), with its CVEs as aliases."""
    return advisories_in(documents, FEED.name, report)


FEED = Feed(
    name="rocky",
    title="Rocky Linux errata",
    homepage="https://errata.rockylinux.org",
    licence="BSD-3-Clause",
    crawl=crawl_of(Get(url="https://osv-vulnerabilities.storage.googleapis.com/Rocky%20Linux/all.zip")),
    parse=parse,
    covers={"rocky:*": 100},
    least_records=1_400,
)
