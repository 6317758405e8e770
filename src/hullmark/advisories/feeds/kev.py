"""CISA's catalogue of known exploited vulnerabilities (https://www.cisa.gov/known-exploited-vulnerabilities-catalog)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.reading import decode, document_of
from hullmark.advisories.feeds.formats.wording import day_of, line_of
from hullmark.model.advisory import EXPLOITED, KevEntry, Record


class _Entry(msgspec.Struct, rename="camel"):
    cve: str = msgspec.field(name="cveID")
    vulnerability_name: str = ""
    date_added: str = ""
    due_date: str = ""
    required_action: str = ""
    known_ransomware_campaign_use: str = ""


class _Catalogue(msgspec.Struct):
    vulnerabilities: list[msgspec.Raw]


_CATALOGUE = msgspec.json.Decoder(_Catalogue)
_ENTRY = msgspec.json.Decoder(_Entry)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """The entries, in the catalogue's order (the newest first)."""
    for document in documents:
        catalogue = document_of(_CATALOGUE, document)
        for number, raw in enumerate(catalogue.vulnerabilities):
            entry = decode(_ENTRY, raw, f"{document.url} entry {number}", report)
            if entry is not None:
                yield KevEntry(
                    cve=entry.cve.strip(),
                    source=FEED.name,
                    added=day_of(entry.date_added),
                    due=day_of(entry.due_date),
                    ransomware=entry.known_ransomware_campaign_use.lower() == "known",
                    action=line_of(entry.required_action),
                    name=line_of(entry.vulnerability_name),
                )


FEED = Feed(
    name="kev",
    title="CISA Known Exploited Vulnerabilities",
    homepage="https://www.cisa.gov/known-exploited-vulnerabilities-catalog",
    licence="CC0-1.0",
    crawl=crawl_of(Get(url="https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json")),
    parse=parse,
    covers={EXPLOITED: 700},
    least_records=700,
)
