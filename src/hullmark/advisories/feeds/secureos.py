"""SecureOS: which version of a package mends what (https://security.secureos.io/v1/latest.json names the current secdb file)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Crawl, CrawlState, DamagedDocument, Document, Feed, Get, Report
from hullmark.advisories.feeds.formats.reading import document_of
from hullmark.advisories.feeds.formats.secdb import advisories, fixes_of
from hullmark.model.advisory import Record

_HOST = "https://security.secureos.io/"
_LATEST = f"{_HOST}v1/latest.json"
_SECDB = f"{_HOST}v1/secdb.json.gz"


class _Latest(msgspec.Struct):
    latest_url: str = ""


_POINTER = msgspec.json.Decoder(_Latest)


def crawl(known: CrawlState) -> Crawl:
    """The pointer, then the file that it names, if that is of the same host."""
    pointer = yield Get(url=_LATEST, is_optional=True)
    url = _read_latest_url(pointer) if pointer is not None else ""
    yield Get(url=url if url.startswith(_HOST) else _SECDB)


def _read_latest_url(pointer: Document) -> str:
    """The address that the pointer tells, "" where it cannot be read: the usual one is whole as well."""
    try:
        return document_of(_POINTER, pointer).latest_url
    except DamagedDocument:
        return ""


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an id. The format rates nothing: the severity stays unknown."""
    files = [document for document in documents if document.url != _LATEST]
    return advisories(FEED.name, [("secureos:rolling", fixes_of(document, report)) for document in files])


FEED = Feed(
    name="secureos",
    title="SecureOS security database",
    homepage="https://secureos.io",
    licence="not stated by upstream",
    crawl=crawl,
    parse=parse,
    covers={"secureos:rolling": 1},
)
