"""A hub of OpenVEX documents in the layout of the VEX repository specification (https://github.com/aquasecurity/vexhub).

`vex-repository.json` says what it is, `index.json` which document speaks of which package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.feeds.formats.archives import members
from hullmark.feeds.formats.openvex import statements_of
from hullmark.feeds.formats.reading import decode
from hullmark.model.advisory import Record

_ARCHIVE = "https://github.com/aquasecurity/vexhub/archive/refs/heads/main.tar.gz"


class _Package(msgspec.Struct):
    id: str
    location: str


class _Index(msgspec.Struct):
    packages: list[_Package] = []


_INDEX = msgspec.json.Decoder(_Index)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """The statements of all documents under `pkg/`; those the index names and that are missing are reported."""
    for document in documents:
        there: set[str] = set()
        wanted: list[_Package] = []
        for name, data in members(document, report, (".json",)):
            path = name.partition("/")[2]
            if path == "index.json":
                index = decode(_INDEX, data, name, report)
                wanted = index.packages if index else []
            elif path.startswith("pkg/") and not path.endswith("/manifest.json"):
                there.add(path)
                yield from statements_of(data, FEED.name, report, name)
        for package in wanted:
            if package.location not in there:
                report(
                    f"{document.url} {package.location}",
                    f"it is not in the archive, but the index names it for {package.id}",
                )


FEED = Feed(
    name="vexhub",
    title="VEX Hub",
    homepage="https://github.com/aquasecurity/vexhub",
    licence="Apache-2.0",
    crawl=crawl_of(Get(url=_ARCHIVE)),
    parse=parse,
    fresh_days=30,
)
