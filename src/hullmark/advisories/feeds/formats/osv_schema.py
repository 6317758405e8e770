"""The OSV format, 1.0 to 1.7 (https://ossf.github.io/osv-schema), as far as it is read here."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.advisories.feeds.feed import RecordFault, Report
from hullmark.advisories.feeds.formats.names import found_at, names_at
from hullmark.advisories.feeds.formats.osv_events import Event
from hullmark.advisories.feeds.formats.reading import UNREADABLE, decode


class Rating(msgspec.Struct):
    """A severity: a CVSS vector, or a word (type `Ubuntu`)."""

    type: str = ""
    score: Any = None


class Package(msgspec.Struct):
    """Which package, by its name in an ecosystem."""

    ecosystem: str = ""
    name: str = ""


class Span(msgspec.Struct):
    """A list of events of one kind of versions (`ECOSYSTEM`, `SEMVER`, `GIT`)."""

    type: str = ""
    events: list[Event] | None = None


class Import(msgspec.Struct):
    """A Go package, the names in it that are vulnerable, and the systems it is so on."""

    path: str = ""
    symbols: list[str] | None = None
    goos: list[str] | None = None


class EcosystemSpecific(msgspec.Struct):
    """What ecosystems add: severities (Ubuntu, Debian), imports and own versions (Go), systems (Rust)."""

    severity: Any = None
    ubuntu_priority: Any = None
    urgency: Any = None
    imports: list[Import] | None = None
    custom_ranges: list[Span] | None = None
    affects: Any = None


class DatabaseSpecific(msgspec.Struct):
    """What databases add: severity and CWEs (GitHub, Bitnami), the kind of advisory (RustSec), a bound without a fix (GitHub).

    `fix_state`: `wont-fix` where there will be no fix.
    """

    severity: Any = None
    cwe_ids: Any = None
    informational: Any = None
    last_known_affected_version_range: Any = None
    fix_state: Any = None


class Entry(msgspec.Struct):
    """One of a record's `affected`."""

    package: Package | None = None
    severity: list[Rating] | None = None
    ranges: list[Span] | None = None
    versions: list[str] | None = None
    ecosystem_specific: EcosystemSpecific | None = None
    database_specific: DatabaseSpecific | None = None


class Reference(msgspec.Struct):
    """A link and its type."""

    type: str = ""
    url: str = ""


class Record(msgspec.Struct):
    """An OSV record."""

    id: str
    modified: str | None = None
    published: str | None = None
    withdrawn: str | None = None
    aliases: list[str] | None = None
    upstream: list[str] | None = None
    related: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    severity: list[Rating] | None = None
    affected: list[Entry] | None = None
    references: list[Reference] | None = None
    database_specific: DatabaseSpecific | None = None


_NAMED = "affected.*.package.name"
_RECORD = msgspec.json.Decoder(Record)


def record_of_json(data: bytes | msgspec.Raw, report: Report, place: str) -> Record | None:
    """The record that JSON holds; None, and a report, if it holds none."""
    return _check_record(decode(_RECORD, data, place, report, found_at(_NAMED)), report, place)


def record_of_data(data: object, report: Report, place: str) -> Record | None:
    """The record that plain data holds, such as YAML gives; None, and a report, if it holds none."""
    try:
        return _check_record(msgspec.convert(data, Record), report, place)
    except UNREADABLE as error:
        report(place, RecordFault(f"it cannot be read: {error}", names_at(data, _NAMED)))
        return None


def _check_record(record: Record | None, report: Report, place: str) -> Record | None:
    if record is not None and not record.id:
        report(place, RecordFault("it has no id", names_at(msgspec.to_builtins(record), _NAMED)))
        return None
    return record
