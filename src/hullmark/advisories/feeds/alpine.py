"""Alpine Linux: which version of a package mends what (https://secdb.alpinelinux.org, a secdb file a release and repository)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report
from hullmark.advisories.feeds.formats.secdb import advisories, fixes_of
from hullmark.model.advisory import Record

_HOST = "https://secdb.alpinelinux.org"
_OLDEST, _NEWEST_KNOWN = 3, 23
_REPOSITORIES = ("main", "community")
_RELEASE = re.compile(r"/(?:v([0-9]+\.[0-9]+)|(edge))/(?:main|community)\.(?:json|yaml)$")


def crawl(known: CrawlState) -> Crawl:
    """Both repositories of edge and of each release; releases newer than those known here for as long as there are any."""
    for name in _REPOSITORIES:
        yield Get(url=f"{_HOST}/edge/{name}.json")
    minor = _OLDEST
    is_there = True
    while minor <= _NEWEST_KNOWN or (is_there and minor < 1000):
        is_there = False
        for name in _REPOSITORIES:
            found = yield Get(url=f"{_HOST}/v3.{minor}/{name}.json", is_optional=True)
            is_there = is_there or found is not None
        minor += 1


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an id, over all releases. Alpine rates nothing: the severity stays unknown."""
    sections = []
    for document in documents:
        release = _RELEASE.search(document.url)
        if release is None:
            report(document.url, "left out: its address names no release")
            continue
        sections.append((f"alpine:{release[1] or release[2]}", fixes_of(document, report)))
    return advisories(FEED.name, sections)


FEED = Feed(
    name="alpine",
    title="Alpine Linux security database",
    homepage="https://security.alpinelinux.org",
    licence="not stated clearly by upstream: fetch it where it is used, do not pass it on",
    crawl=crawl,
    parse=parse,
    covers={"alpine:*": 400},
    least_records=2_000,
)
