"""Results of vunnel, the collector behind grype (https://github.com/anchore/vunnel): envelopes `{schema, identifier, item}`.

A document is one envelope (JSON) or a tar of a results folder, `PROVIDER/results/…`. Each schema has its reader: distributions
(vunnel_os), languages (vunnel_language), and what this project reads from the upstreams themselves: OSV, NVD, CSAF, KEV, EPSS
and ends of life. The source of a record is the provider. Of one provider, records of one id are one advisory.

Red Hat's minor releases: `rhel:9` has the newest build, `rhel:9.2` its own where that is another, `rhel:9.4+eus` what extended
support got. For one advisory, package and module the most specific namespace that has rows counts alone (see rhel_minors).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import msgspec

from hullmark.advisories.feeds import endoflife, hummingbird, kev, nvd, redhat
from hullmark.advisories.feeds.feed import (
    Crawl,
    CrawlState,
    DamagedDocument,
    Document,
    Feed,
    RecordFault,
    Report,
    reason_of,
)
from hullmark.advisories.feeds.formats import vunnel_language, vunnel_os
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.csaf import Product
from hullmark.advisories.feeds.formats.reading import UNREADABLE, json_content
from hullmark.advisories.feeds.formats.wording import day_of, links_of
from hullmark.model.advisory import SEVERITIES, Advisory, Exploitability, Record

_SCHEMA = re.compile(r"/schema/(?:vulnerability/)?([\w-]+)/schema-")
_PROVIDER = re.compile(r"(?:^|/)([\w.-]+)/results/")
_FILE = re.compile(r"([\w-]+)(?:\.[\w.-]*)?$")


class Envelope(msgspec.Struct):
    """What vunnel writes around a record: the URL of its schema, an id unique in the provider, the record."""

    schema: str
    item: msgspec.Raw
    identifier: str = ""


class _Score(msgspec.Struct):
    cve: str
    epss: float
    percentile: float = 0.0
    date: str = ""


class _EndedProduct(msgspec.Struct):
    product: str
    name: str


class _Bytes(NamedTuple):
    """A document made of what stands in an envelope."""

    url: str
    data: bytes

    def open(self) -> BinaryIO:
        """Its bytes."""
        return io.BytesIO(self.data)


_ENVELOPE = msgspec.json.Decoder(Envelope)
_OS = msgspec.json.Decoder(vunnel_os.OsItem)


def records_of(envelope: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    """The records of one envelope, said by `provider`. What cannot be read is reported at `place`."""
    try:
        read = _ENVELOPE.decode(envelope)
        schema = _SCHEMA.search(read.schema)
        reader = _READERS.get(schema[1]) if schema else None
        if reader is None:
            reason = f"its schema {read.schema[-80:]!r} is not known"
            report(place, RecordFault(reason))
            return
        yield from reader(bytes(read.item), provider, report, place)
    except UNREADABLE as error:
        report(place, RecordFault(f"it cannot be read: {error}"))
    except (ValueError, DamagedDocument) as error:  # readers of whole feeds take an envelope for a document
        report(place, reason_of(error))


def _of_os(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    yield vunnel_os.advisory_of(_OS.decode(item), provider, report, place)


def _of_csaf(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    yield from redhat.advisories_of(item, provider, _release_of, report, place)


def _release_of(platform: Product) -> redhat.Release | None:
    return hummingbird.release_of(platform) or redhat.release_of(platform)


def _of_nvd(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    page = _Bytes(place, b'{"vulnerabilities":[' + item + b"]}")
    for record in nvd.parse([page], report):
        yield msgspec.structs.replace(record, source=provider) if isinstance(record, Advisory) else record


def _of_kev(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    yield from kev.parse([_Bytes(place, b'{"vulnerabilities":[' + item + b"]}")], report)


def _of_epss(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    score = msgspec.json.decode(item, type=_Score)
    if not (0 <= score.epss <= 1 and 0 <= score.percentile <= 1):
        raise ValueError("its scores are not probabilities")
    yield Exploitability(score.cve, score.epss, score.percentile, day_of(score.date))


def _of_eol(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    product = msgspec.json.encode(msgspec.json.decode(item, type=_EndedProduct).product)
    wrapped = b'{"result":[{"name":' + product + b',"releases":[' + item + b"]}]}"
    yield from endoflife.parse([_Bytes(place, wrapped)], report)


_Reader = Callable[[bytes, str, Report, str], Iterator[Record]]
_READERS: dict[str, _Reader] = {
    "os": _of_os,
    "osv": vunnel_language.of_osv,
    "github-security-advisory": vunnel_language.of_github,
    "annotated-openvex": vunnel_language.of_openvex,
    "openvex": vunnel_language.of_openvex,
    "csaf": _of_csaf,
    "csaf-vex": _of_csaf,
    "nvd": _of_nvd,
    "kev": _of_kev,
    "known-exploited": _of_kev,
    "epss": _of_epss,
    "eol": _of_eol,
}


def crawl(known: CrawlState) -> Crawl:
    """Nothing: these results are given, not fetched."""
    yield from ()


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """The records of all envelopes; advisories last, those of one provider and id joined, in the order of their first."""
    found: dict[tuple[str, str], Advisory] = {}
    for document in documents:
        for place, provider, data in _envelopes(document, report):
            for record in records_of(data, provider, report, place):
                if not isinstance(record, Advisory):
                    yield record
                    continue
                key = record.source, record.id
                found[key] = _merge_advisories(found[key], record) if key in found else record
    yield from found.values()


def _envelopes(document: Document, report: Report) -> Iterator[tuple[str, str, bytes]]:
    """Place, provider and bytes of each envelope."""
    named = _PROVIDER.search(document.url) or _FILE.search(document.url)
    provider = named[1] if named else "vunnel"
    if document.url.endswith(".json"):
        yield document.url, provider, json_content(document)
        return
    for name, data in members(document, (".json",)):
        inside = _PROVIDER.search(name)
        if not name.endswith("metadata.json"):
            yield name, inside[1] if inside else provider, data


def _merge_advisories(known: Advisory, more: Advisory) -> Advisory:
    return msgspec.structs.replace(
        known,
        aliases=tuple(dict.fromkeys((*known.aliases, *more.aliases))),
        severity=max(known.severity, more.severity, key=SEVERITIES.index),
        cvss=tuple(dict.fromkeys((*known.cvss, *more.cvss))),
        summary=known.summary or more.summary,
        published=min(filter(None, (known.published, more.published)), default=""),
        modified=max(known.modified, more.modified),
        withdrawn=known.withdrawn and more.withdrawn,
        references=links_of((*known.references, *more.references)),
        affected=tuple(dict.fromkeys((*known.affected, *more.affected))),
    )


FEED = Feed(
    name="vunnel",
    title="Results of vunnel",
    homepage="https://github.com/anchore/vunnel",
    licence="that of each provider's data",
    crawl=crawl,
    parse=parse,
    is_default=False,
)
