"""MinimOS: which version of a package mends what (https://packages.mini.dev/advisories/secdb/security.json, secdb)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.secdb import advisories, fixes_of
from hullmark.model.advisory import Record


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an id. The format rates nothing: the severity stays unknown."""
    return advisories(FEED.name, [("minimos:rolling", fixes_of(document, report)) for document in documents])


FEED = Feed(
    name="minimos",
    title="MinimOS security database",
    homepage="https://www.minimus.io",
    licence="not stated by upstream",
    crawl=crawl_of(Get(url="https://packages.mini.dev/advisories/secdb/security.json")),
    parse=parse,
    covers={"minimos:rolling": 5000},
    least_records=5_000,
)
