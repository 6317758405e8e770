"""Configurations for CVEs that NVD has not analysed or got wrong (https://github.com/anchore/nvd-data-overrides), a file a CVE.

What such an advisory says is affected stands in the place of what NVD says of the same CVE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.cpe_configurations import Configuration, affected_of
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.advisories.feeds.formats.wording import line_of, links_of
from hullmark.model.advisory import Advisory, Record

_ARCHIVE = "https://github.com/anchore/nvd-data-overrides/archive/refs/heads/main.tar.gz"


class _Annotation(msgspec.Struct):
    cve_id: str
    description: str | None = None
    published: str | None = None
    modified: str | None = None
    references: list[str] | None = None


class _Cve(msgspec.Struct):
    configurations: list[Configuration] = []


class _Override(msgspec.Struct):
    annotation: _Annotation = msgspec.field(name="_annotation")
    cve: _Cve


_OVERRIDE = msgspec.json.Decoder(_Override)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory a file; it rates nothing."""
    for document in documents:
        for name, data in members(document, (".json",)):
            override = decode(_OVERRIDE, data, name, report) if "/data/" in name else None
            if override is not None:
                annotation = override.annotation
                yield Advisory(
                    id=annotation.cve_id,
                    source=FEED.name,
                    summary=line_of(annotation.description or ""),
                    published=annotation.published or "",
                    modified=annotation.modified or "",
                    references=links_of(annotation.references or ()),
                    affected=affected_of(override.cve.configurations, report, name),
                )


FEED = Feed(
    name="nvd-overrides",
    title="NVD data overrides",
    homepage="https://github.com/anchore/nvd-data-overrides",
    licence="CC0-1.0",
    crawl=crawl_of(Get(url=_ARCHIVE)),
    parse=parse,
    fresh_days=30,
    overrides="nvd",
)
