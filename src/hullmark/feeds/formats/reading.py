"""Reading what sources serve: what cannot be read is reported and costs as little as it can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from hullmark.feeds.feed import Document, Report
from hullmark.feeds.formats.archives import DAMAGE, plain, whole
from hullmark.model.limit import Limit

T = TypeVar("T")
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding foreign JSON raises."""

_LINE_LIMIT = Limit(1 << 20, "bytes of one line of a feed that is read line by line")


def content(document: Document, report: Report) -> bytes | None:
    """All of a document, uncompressed; None, and a report, if it is damaged or too large."""
    try:
        return whole(document)
    except DAMAGE as error:
        report(document.url, f"it cannot be read: {error}")
        return None


def decode(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, place: str, report: Report) -> T | None:
    """The decoded value; None, and a report, if it is not what the decoder wants."""
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        report(place, f"it cannot be read: {error}")
        return None


def document_of(decoder: msgspec.json.Decoder[T], document: Document, report: Report) -> T | None:
    """A whole document decoded; None, and a report, if that cannot be."""
    data = content(document, report)
    return None if data is None else decode(decoder, data, document.url, report)


def lines(document: Document, report: Report) -> Iterator[str]:
    """The lines of a text, without their ends, as far as they can be read; at most 1 MiB of each."""
    try:
        with plain(document) as stream:
            while line := stream.readline(_LINE_LIMIT):
                yield line.decode("utf-8", "replace").rstrip("\r\n")
    except DAMAGE as error:
        report(document.url, f"it cannot be read to its end: {error}")


def newest_first(documents: Iterable[Document]) -> Iterator[tuple[Document, set[str]]]:
    """The documents from the last to the first, with a set for the ids already seen: so the later ones win without being held."""
    seen: set[str] = set()
    for document in reversed(tuple(documents)):
        yield document, seen
