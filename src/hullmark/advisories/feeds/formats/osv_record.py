"""OSV records as advisories (https://ossf.github.io/osv-schema). `advisories_of` also reads the files of a user's own folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hullmark.advisories.feeds.feed import Report
from hullmark.advisories.feeds.formats.cvss import rating_of, severity_of_ratings
from hullmark.advisories.feeds.formats.osv_affected import ERRATA, affected_of, word_among
from hullmark.advisories.feeds.formats.osv_schema import DatabaseSpecific, Rating, Record, Reference, record_of_json
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.formats.wording import is_cve, line_of, links_of
from hullmark.model.advisory import Advisory, AffectedPackage, Cvss, Severity
from hullmark.model.limit import Limit

_MAX_RELATED = Limit(50, "related advisories that one OSV advisory names", "shortened")
_LIVE_PATCHES = "LSN-"  # their versions are of patches to a running kernel, not of packages
_MALWARE = "MAL-"
_NO_DATE = "0001-"
_VENDOR = "vendor"
_WORD = re.compile(r"^(Critical|Important|Moderate|Low): |\((Critical|Important|Moderate|Low)\)$").search
"""How summaries of errata tell their severity."""

_PREFIXED_CVE = re.compile(r"[A-Z]+-(CVE-[0-9]{4}-[0-9]{4,19})").fullmatch
_FIRST_REFERENCES = ("ADVISORY", "FIX")


def advisories_of(data: bytes, source: str, report: Report, place: str) -> Advisory | None:
    """The advisory of one OSV record in JSON, as said by `source`; None, and a report, if it is not a record."""
    record = record_of_json(data, report, place)
    return None if record is None else advisory_of(record, source, report, place)


def advisory_of(record: Record, source: str, report: Report, place: str) -> Advisory:
    """The advisory of a record. What in it cannot be used is reported and left out."""
    entries = () if record.id.startswith(_LIVE_PATCHES) else tuple(record.affected or ())
    affected: dict[AffectedPackage, None] = {}
    for entry in entries:
        affected.update(dict.fromkeys(affected_of(record, entry, report, place)))
    ratings = _ratings(record.severity)
    known = {rating.vector for rating in ratings}
    # A severity beside a package is its vendor's; where it says the same, once is enough.
    own = (rating for entry in entries for rating in _ratings(entry.severity, _VENDOR))
    ratings += [rating for rating in own if rating.vector not in known]
    aliases = _aliases(record)
    database = record.database_specific or DatabaseSpecific()
    return Advisory(
        id=record.id,
        source=source,
        aliases=aliases,
        related=tuple(name for name in dict.fromkeys(record.related or ()) if name not in aliases)[:_MAX_RELATED],
        severity=_severity(record, database, ratings),
        cvss=tuple(dict.fromkeys(ratings)),
        cwes=tuple(cwe for cwe in database.cwe_ids if isinstance(cwe, str))
        if isinstance(database.cwe_ids, list)
        else (),
        summary=line_of(record.summary or record.details or ""),
        published=moment(record.published),
        modified=moment(record.modified),
        withdrawn=moment(record.withdrawn),
        references=_links(record.references or ()),
        affected=tuple(affected),
    )


def moment(text: str | None) -> str:
    """A date as ISO 8601; "" for none, and for the zero dates that Go's records have before they are published."""
    return "" if not text or text.startswith(_NO_DATE) else instant(text)


def _links(references: Iterable[Reference]) -> tuple[str, ...]:
    """Announcements and fixes before the rest, for only so many are kept."""

    def rank(reference: Reference) -> int:
        return (
            _FIRST_REFERENCES.index(reference.type) if reference.type in _FIRST_REFERENCES else len(_FIRST_REFERENCES)
        )

    return links_of(reference.url for reference in sorted(references, key=rank))


def _ratings(ratings: Iterable[Rating] | None, source: str = "") -> list[Cvss]:
    vectors = (
        rating.score for rating in ratings or () if rating.type.startswith("CVSS") and isinstance(rating.score, str)
    )
    return [rating for vector in vectors if (rating := rating_of(vector, source)) is not None]


def _severity(record: Record, database: DatabaseSpecific, ratings: Sequence[Cvss]) -> Severity:
    """The source's own word, if it has one; else by the ratings. Malware is critical."""
    words: list[object] = [database.severity]
    words += [rating.score for rating in record.severity or () if not rating.type.startswith("CVSS")]
    if record.id.startswith(ERRATA) and (found := _WORD(record.summary or "")):
        words += found.groups()
    word = word_among(words)
    if word == "unknown" and record.id.startswith(_MALWARE):
        return "critical"
    return severity_of_ratings(ratings) if word == "unknown" else word


def _aliases(record: Record) -> tuple[str, ...]:
    """Other ids, those it comes from, and the CVEs that an announcement of a fix relates to."""
    ids = dict.fromkeys((*(record.aliases or ()), *(record.upstream or ())))
    if record.id.startswith(ERRATA):
        ids.update(dict.fromkeys(name for name in record.related or () if is_cve(name)))
    for name in (record.id, *ids):
        if found := _PREFIXED_CVE(name):
            ids[found[1]] = None
    ids.pop(record.id, None)
    return tuple(ids)
