"""Documents that hold OSV records: archives of JSON files, one record, a list of records, or an answer of the OSV API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Report
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.osv_record import advisory_of
from hullmark.advisories.feeds.formats.osv_schema import Record, record_of_json
from hullmark.advisories.feeds.formats.reading import decode, document_of, json_content, newest_first
from hullmark.model.advisory import Advisory


class _Answer(msgspec.Struct):
    vulns: list[msgspec.Raw] | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def advisories_in(
    documents: Sequence[Document], source: str, report: Report, prefixes: tuple[str, ...] = ()
) -> Iterator[Advisory]:
    """The advisories of all records, each id once: that of the last document. With prefixes, only ids that begin with one."""
    for record, place in records_in(documents, report, prefixes):
        yield advisory_of(record, source, report, place)


def records_in(
    documents: Sequence[Document], report: Report, prefixes: tuple[str, ...] = ()
) -> Iterator[tuple[Record, str]]:
    """The records and where each stands, each id once: that of the last document. With prefixes, only ids that begin with one."""
    for document, seen in newest_first(documents):
        for place, data in texts_in(document, report):
            record = record_of_json(data, report, place)
            if record is None or record.id in seen or (prefixes and not record.id.startswith(prefixes)):
                continue
            seen.add(record.id)
            yield record, place


def texts_in(document: Document, report: Report) -> Iterator[tuple[str, bytes | msgspec.Raw]]:
    """Each record's JSON and where it stands."""
    with document.open() as stream:
        first = stream.read(64).lstrip()[:1]
    if first not in (b"{", b"["):
        yield from members(document, (".json",))
        return
    if first == b"[":
        data, raws = b"", document_of(_LIST, document)
    else:
        data = json_content(document)
        answer = decode(_ANSWER, data, document.url, report)
        if answer is None:
            return
        raws = answer.vulns or []
    if first == b"{" and not raws:
        yield document.url, data
    for number, raw in enumerate(raws):
        yield f"{document.url} record {number}", raw
