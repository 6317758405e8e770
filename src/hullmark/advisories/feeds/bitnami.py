"""Bitnami's vulnerability database (https://github.com/bitnami/vulndb): OSV records of the applications it packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.osv_documents import advisories_in
from hullmark.model.advisory import Advisory


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a record (`BIT-…`)."""
    return advisories_in(documents, FEED.name, report)


FEED = Feed(
    name="bitnami",
    title="Bitnami vulnerability database",
    homepage="https://github.com/bitnami/vulndb",
    licence="Apache-2.0",
    crawl=crawl_of(Get(url="https://github.com/bitnami/vulndb/archive/refs/heads/main.tar.gz")),
    parse=parse,
    covers={"bitnami": 3500},
    least_records=3_500,
)
