"""Feeds under test: documents made in place, what a feed reads in them, what it wants to fetch, and damage."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from hullmark.advisories.feeds.feed import CrawlState, DamagedDocument, Document, Feed, Get, Report
from hullmark.model.advisory import Advisory, Record
from tests.support.advisories import Bytes

Problems = list[tuple[str, str]]
T = TypeVar("T")
NOW = CrawlState(now="2026-11-24T00:00:00Z")


def read(feed: Feed, *documents: Document) -> tuple[list[Record], Problems]:
    """The records of the documents, and what was reported; none, and why, where a document is damaged."""
    return heard(lambda report: feed.parse(documents, report))


def heard(reading: Callable[[Report], Iterable[T]]) -> tuple[list[T], Problems]:
    """What a reader gives, and what it reported; nothing, and why, where a document is damaged."""
    problems: Problems = []
    try:
        return list(reading(lambda place, why: problems.append((place, why)))), problems
    except DamagedDocument as error:
        return [], [(error.place, error.reason)]


def advisories(feed: Feed, *documents: Document) -> dict[str, Advisory]:
    """The advisories of the documents by id; nothing may be reported, no id may occur twice."""
    records, problems = read(feed, *documents)
    assert not problems
    found = {record.id: record for record in records if isinstance(record, Advisory)}
    assert len(found) == len(records)
    return found


def crawled(feed: Feed, answer: Callable[[Get], Document | None], known: CrawlState = NOW) -> list[Get]:
    """All that a crawl asks for, when it is answered so."""
    crawl = feed.crawl(known)
    wanted: list[Get] = []
    try:
        get = next(crawl)
        while True:
            wanted.append(get)
            get = crawl.send(answer(get))
    except StopIteration:
        return wanted


def json_document(url: str, value: Any) -> Bytes:
    """A document of JSON."""
    return Bytes(url, json.dumps(value).encode())


def tar_document(url: str, files: Mapping[str, bytes | str], mode: str = "gz") -> Bytes:
    """A tar archive of files by name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return Bytes(url, stream.getvalue())


def zip_document(url: str, files: Mapping[str, bytes | str]) -> Bytes:
    """A zip archive of files by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return Bytes(url, stream.getvalue())


def gzipped(document: Bytes) -> Bytes:
    """The same document, compressed."""
    return Bytes(document.url, gzip.compress(document.data, mtime=0))


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes, and a good document cut, or with bytes written over or put into it."""
    spot = st.integers(0, max(len(good) - 1, 0))
    piece = st.binary(max_size=6) | st.sampled_from(
        [b'"', b"{", b"}", b"[", b"null", b"1e999", b"\xff", b"\n", b",", b":"]
    )
    return (
        st.binary(max_size=200)
        | spot.map(lambda at: good[:at])
        | st.tuples(spot, piece).map(lambda each: good[: each[0]] + each[1] + good[each[0] :])
        | st.tuples(spot, piece).map(lambda each: good[: each[0]] + each[1] + good[each[0] + len(each[1]) :])
    )


def rows(advisory: Advisory) -> Sequence[tuple[str, str, str, str, tuple[str, ...]]]:
    """What an advisory says is affected, in short: namespace, name, kind, fix state, and the upper bounds of its ranges."""
    return [
        (each.namespace, each.name, each.kind, each.fix_state, tuple(span.high for span in each.ranges))
        for each in advisory.affected
    ]


def in_memory(document: Document) -> Bytes:
    """The same document, read at once."""
    with document.open() as stream:
        return Bytes(document.url, stream.read())
