"""Debian's announcements (DSA, DLA, DTSA) as OSV records, in OSV's export. The tracker says more; these say when a fix came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.osv_documents import advisories_in
from hullmark.model.advisory import Advisory


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory an announcement, with its CVEs as aliases."""
    return advisories_in(documents, FEED.name, report)


FEED = Feed(
    name="osv-debian",
    title="Debian security announcements by OSV",
    homepage="https://osv.dev",
    licence="not stated by upstream",
    crawl=crawl_of(Get(url="https://osv-vulnerabilities.storage.googleapis.com/Debian/all.zip")),
    parse=parse,
    is_default=False,
)
