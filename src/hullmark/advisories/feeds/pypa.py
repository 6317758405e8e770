"""PyPA's advisory database (https://github.com/pypa/advisory-database), in OSV's export of PyPI or as its own YAML files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of, reason_of
from hullmark.advisories.feeds.formats import yamls
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.osv_record import advisory_of
from hullmark.advisories.feeds.formats.osv_schema import Record, record_of_data, record_of_json
from hullmark.advisories.feeds.formats.reading import newest_first
from hullmark.model.advisory import Advisory

_OWN = "PYSEC-"


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a record of PyPA's own (`PYSEC-…`); what else the export holds is left to other feeds."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (".json", ".yaml")):
            record = _record(place, data, report)
            if record is not None and record.id.startswith(_OWN) and record.id not in seen:
                seen.add(record.id)
                yield advisory_of(record, FEED.name, report, place)


def _record(place: str, data: bytes, report: Report) -> Record | None:
    if place.endswith(".json"):
        return record_of_json(data, report, place)
    if _OWN not in place:
        return None
    try:
        return record_of_data(yamls.load(data), report, place)
    except ValueError as error:
        report(place, reason_of(error, (place.split("/")[-2],)))
        return None


FEED = Feed(
    name="pypa",
    title="PyPA advisory database",
    homepage="https://github.com/pypa/advisory-database",
    licence="CC-BY-4.0",
    crawl=crawl_of(Get(url="https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip")),
    parse=parse,
    covers={"pypi": 1300},
    least_records=1_300,
)
