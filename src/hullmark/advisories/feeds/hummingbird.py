"""Red Hat Hardened Images (Hummingbird): CSAF VEX documents (https://security.access.redhat.com/data/csaf/v2/vex-feed/).

Advisories are of binary packages. The documents are those of redhat.py, at another place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report
from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.redhat import Release, archive_name, parse_vex
from hullmark.model.advisory import Advisory

_PLACE = "https://security.access.redhat.com/data/csaf/v2/vex-feed/"
_CPE = re.compile(r"cpe:(?:/|2\.3:)[ao]:redhat:hummingbird:")
_RELEASE = Release("hummingbird:rolling", 0, is_by_binary=True)


def release_of(platform: csaf.Product) -> Release | None:
    """The one rolling release, None for other products."""
    return _RELEASE if _CPE.match(platform.cpe) else None


def crawl(known: CrawlState) -> Crawl:
    """The latest archive, and what was deleted from it."""
    name = archive_name((yield Get(url=_PLACE + "archive_latest.txt")))
    yield Get(url=_PLACE + name, or_latest="*.tar.zst")
    yield Get(url=_PLACE + "deletions.csv", is_optional=True)
    yield Get(url=_PLACE + "changes.csv", is_optional=True)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each document that speaks of Hummingbird."""
    for advisory in parse_vex(documents, report, "hummingbird", release_of):
        if advisory.affected:
            yield advisory


FEED = Feed(
    name="hummingbird",
    title="Red Hat Hardened Images (CSAF VEX)",
    homepage="https://access.redhat.com/security/data",
    licence="CC-BY-4.0",
    crawl=crawl,
    parse=parse,
    covers={"hummingbird:rolling": 1},
)
