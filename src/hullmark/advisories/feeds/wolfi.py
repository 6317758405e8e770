"""Wolfi: which version of a package mends what (https://packages.wolfi.dev/os/security.json, secdb)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.secdb import advisories, fixes_of
from hullmark.model.advisory import Record


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an id. The format rates nothing: the severity stays unknown."""
    return advisories(FEED.name, [("wolfi:rolling", fixes_of(document, report)) for document in documents])


FEED = Feed(
    name="wolfi",
    title="Wolfi security database",
    homepage="https://github.com/wolfi-dev/advisories",
    licence="not stated by upstream",
    crawl=crawl_of(Get(url="https://packages.wolfi.dev/os/security.json")),
    parse=parse,
    covers={"wolfi:rolling": 1500},
    least_records=1_500,
)
