"""Reading what sources serve: a document is whole or damaged; a record in it that cannot be read is reported and costs itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from hullmark.advisories.feeds.feed import DamagedDocument, Document, RecordFault, Report
from hullmark.advisories.feeds.formats.archives import convert_damage_errors, plain, whole
from hullmark.advisories.feeds.formats.names import NamesOf, untold
from hullmark.model.limit import Limit

T = TypeVar("T")
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding foreign JSON raises."""

_LINE_LIMIT = Limit(1 << 20, "bytes of one line of a feed that is read line by line", "refused")
_ANY = msgspec.json.Decoder(msgspec.Raw)


def content(document: Document) -> bytes:
    """All of a document, uncompressed. Raises DamagedDocument."""
    with convert_damage_errors(document):
        return whole(document)


def json_content(document: Document) -> bytes:
    """All of a document that is one value of JSON, whatever it says. Raises DamagedDocument for any other text, and for a part of one."""
    data = content(document)
    with convert_damage_errors(document, errors=UNREADABLE):
        _ANY.decode(data)
    return data


def decode(
    decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, place: str, report: Report, names: NamesOf = untold
) -> T | None:
    """The decoded value; None, and a report, if it is not what the decoder wants. `names` tells then what packages it is about."""
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        report(place, RecordFault(f"it cannot be read: {error}", names(data)))
        return None


def document_of(decoder: msgspec.json.Decoder[T], document: Document) -> T:
    """A whole document decoded. Raises DamagedDocument if it is not what the decoder wants."""
    data = content(document)
    with convert_damage_errors(document, errors=UNREADABLE):
        return decoder.decode(data)


def lines(document: Document, *, is_ended: bool = False) -> Iterator[str]:
    """The lines of a text, without their ends. Raises DamagedDocument where it cannot be read to its end, or a line is longer than 1 MiB.

    `is_ended`: its last line has an end too, so that one without is cut.
    """
    line = b"\n"
    with convert_damage_errors(document, "it cannot be read to its end"), plain(document) as stream:
        while more := stream.readline(_LINE_LIMIT + 1):
            if len(more) > _LINE_LIMIT:
                raise DamagedDocument(document.url, f"it has a line of more than {_LINE_LIMIT >> 20} MiB")
            line = more
            yield line.decode("utf-8", "replace").rstrip("\r\n")
    if is_ended and not line.endswith(b"\n"):
        raise DamagedDocument(document.url, "it breaks off in its last line")


def newest_first(documents: Iterable[Document]) -> Iterator[tuple[Document, set[str]]]:
    """The documents from the last to the first, with a set for the ids already seen: so the later ones win without being held."""
    seen: set[str] = set()
    for document in reversed(tuple(documents)):
        yield document, seen
