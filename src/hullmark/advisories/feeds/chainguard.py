"""Chainguard: its secdb file, or its OSV records, one an advisory on a component of packages (https://edu.chainguard.dev).

The OSV records are read where the secdb file is no more. They know architectures (`?arch=` of the purl) and why there is no fix.
One that says `fixed: 0` clears one component: others of the package may have the same vulnerability, so it clears nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report, reason_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.ecosystems import ecosystem_of
from hullmark.advisories.feeds.formats.names import found_at
from hullmark.advisories.feeds.formats.osv_events import Event, is_never, ranges_of_events
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.advisories.feeds.formats.secdb import advisories, fixes_of
from hullmark.model.advisory import Advisory, AffectedPackage, FixState, Record

_SECDB = "https://packages.cgr.dev/chainguard/security.json"
_OSV = "https://packages.cgr.dev/chainguard/v3/osv/chainguard-osv.tar.gz"
_PREFIX = "CGA-"
_WONT_FIX = ("fix_not_planned", "analysis_not_planned")


class _Package(msgspec.Struct):
    ecosystem: str
    name: str
    purl: str = ""


class _Span(msgspec.Struct):
    events: list[Event] = []


class _Component(msgspec.Struct):
    latest_event_status: str = ""


class _Specific(msgspec.Struct):
    components: list[_Component] = []


class _AffectedPackage(msgspec.Struct):
    package: _Package
    ranges: list[_Span] = []
    ecosystem_specific: _Specific | None = None


class _Osv(msgspec.Struct):
    id: str
    upstream: list[str] = []
    aliases: list[str] = []
    published: str = ""
    modified: str = ""
    withdrawn: str = ""
    affected: list[_AffectedPackage] = []


_NAMES = found_at("affected.*.package.name")
_RECORD = msgspec.json.Decoder(_Osv)


def crawl(known: CrawlState) -> Crawl:
    """The secdb file; the OSV records if it is not there."""
    if (yield Get(url=_SECDB, is_optional=True)) is None:
        yield Get(url=_OSV)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an id of a secdb file, then one a record (`CGA-…`) of OSV archives."""
    files = [document for document in documents if not document.url.endswith(".tar.gz")]
    yield from advisories(FEED.name, [("chainguard:rolling", fixes_of(document, report)) for document in files])
    for document in documents:
        if document.url.endswith(".tar.gz"):
            for name, data in members(document, (".json",)):
                record = (
                    decode(_RECORD, data, name, report, _NAMES) if name.rpartition("/")[2].startswith(_PREFIX) else None
                )
                if record is not None:
                    yield _advisory(record, report, name)


def _advisory(record: _Osv, report: Report, place: str) -> Advisory:
    affected: dict[AffectedPackage, None] = {}
    for entry in record.affected:
        row = _make_affected_package(entry, report, place)
        if row is not None:
            affected[row] = None
    return Advisory(
        id=record.id,
        source=FEED.name,
        aliases=tuple(dict.fromkeys((*record.aliases, *record.upstream))),
        published=record.published,
        modified=record.modified,
        withdrawn=record.withdrawn,
        affected=tuple(affected),
    )


def _make_affected_package(entry: _AffectedPackage, report: Report, place: str) -> AffectedPackage | None:
    try:
        ecosystem = ecosystem_of(entry.package.ecosystem)
    except LookupError as error:
        report(place, reason_of(error, (entry.package.name,)))
        return None
    if ecosystem is None or any(is_never(span.events) for span in entry.ranges):
        return None
    ranges = tuple(interval for span in entry.ranges for interval in ranges_of_events(span.events, ecosystem.scheme))
    if not ranges:
        return None
    statuses = (
        [component.latest_event_status for component in entry.ecosystem_specific.components]
        if entry.ecosystem_specific
        else []
    )
    state: FixState = "wont-fix" if any(status in _WONT_FIX for status in statuses) else "not-fixed"
    return AffectedPackage(
        namespace=ecosystem.namespace,
        name=entry.package.name,
        scheme=ecosystem.scheme,
        ranges=ranges,
        fix_state="fixed" if all(interval.fixed for interval in ranges) else state,
        arch=_arch(entry.package.purl),
        note=" ".join(dict.fromkeys(status for status in statuses if status and status != "fixed")),
    )


def _arch(purl: str) -> str:
    qualifiers = purl.partition("?")[2].split("&")
    return next((qualifier.removeprefix("arch=") for qualifier in qualifiers if qualifier.startswith("arch=")), "")


FEED = Feed(
    name="chainguard",
    title="Chainguard security advisories",
    homepage="https://images.chainguard.dev/security",
    licence="not stated by upstream",
    crawl=crawl,
    parse=parse,
    covers={"chainguard:rolling": 2500},
    least_records=2_500,
)
