"""RustSec (https://rustsec.org): advisories for crates, in OSV's export of crates.io or RustSec's own of branch `osv`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.osv_documents import records_in
from hullmark.advisories.feeds.formats.osv_record import advisory_of
from hullmark.advisories.feeds.formats.osv_schema import Record
from hullmark.model.advisory import Advisory, Severity

_OWN = "RUSTSEC-"
_INFORMATIONAL: dict[str, Severity] = {"unmaintained": "negligible", "notice": "negligible", "unsound": "low"}
"""Kinds of advisories that tell of no vulnerability, and what they count as where RustSec does not rate them."""


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a record of RustSec's own; `unmaintained`, `unsound` and `notice` stand in the notes of what is affected."""
    for record, place in records_in(documents, report, (_OWN,)):
        yield _with_kind(advisory_of(record, FEED.name, report, place), _kind(record))


def _kind(record: Record) -> str:
    databases = (entry.database_specific for entry in record.affected or ())
    kinds = (database.informational for database in databases if database)
    return next((kind for kind in kinds if isinstance(kind, str)), "")


def _with_kind(advisory: Advisory, kind: str) -> Advisory:
    if not kind:
        return advisory
    rated = advisory.severity if advisory.severity != "unknown" else _INFORMATIONAL.get(kind, "unknown")
    return replace(advisory, severity=rated, affected=tuple(replace(row, note=kind) for row in advisory.affected))


FEED = Feed(
    name="rustsec",
    title="RustSec advisory database",
    homepage="https://rustsec.org",
    licence="CC0-1.0 (records imported from GitHub: CC-BY-4.0)",
    crawl=crawl_of(Get(url="https://osv-vulnerabilities.storage.googleapis.com/crates.io/all.zip")),
    parse=parse,
    covers={"cargo": 350},
    least_records=350,
)
