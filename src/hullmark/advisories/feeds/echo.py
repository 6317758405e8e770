"""Echo: package → CVE → fixing version of its Debian-based images (https://advisory.echohq.com/data.json)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.names import only
from hullmark.advisories.feeds.formats.reading import decode, document_of
from hullmark.advisories.feeds.formats.wording import severity_of
from hullmark.model.advisory import EVERY_VERSION, SEVERITIES, Advisory, AffectedPackage, Range, Record, Severity

_TEMPORARY = "TEMP-"


class _Entry(msgspec.Struct):
    fixed_version: str | None = None
    severity: str | None = None


_PACKAGES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PACKAGE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENTRY = msgspec.json.Decoder(_Entry)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory a CVE, sorted by id; ids that Debian gave for the time being are left out."""
    found: dict[str, list[AffectedPackage]] = {}
    severities: dict[str, Severity] = {}
    for document in documents:
        for package, raw in document_of(_PACKAGES, document).items():
            for cve, item in (decode(_PACKAGE, raw, f"{document.url} {package}", report, only(package)) or {}).items():
                entry = decode(_ENTRY, item, f"{document.url} {package} {cve}", report, only(package))
                if entry is None or cve.startswith(_TEMPORARY):
                    continue
                found.setdefault(cve, []).append(_make_affected_package(package, entry.fixed_version or ""))
                severities[cve] = max(
                    severities.get(cve, "unknown"), severity_of(entry.severity or ""), key=SEVERITIES.index
                )
    for cve in sorted(found):
        yield Advisory(id=cve, source=FEED.name, severity=severities[cve], affected=tuple(found[cve]))


def _make_affected_package(package: str, fixed: str) -> AffectedPackage:
    if fixed == "0":
        return AffectedPackage(
            namespace="echo:rolling", name=package, scheme="deb", kind="unaffected", ranges=(EVERY_VERSION,)
        )
    if not fixed:
        return AffectedPackage(
            namespace="echo:rolling", name=package, scheme="deb", ranges=(EVERY_VERSION,), fix_state="not-fixed"
        )
    ranges = (Range(high=fixed, fixed=fixed),)
    return AffectedPackage(namespace="echo:rolling", name=package, scheme="deb", ranges=ranges, fix_state="fixed")


FEED = Feed(
    name="echo",
    title="Echo advisories",
    homepage="https://echohq.com",
    licence="not stated by upstream",
    crawl=crawl_of(Get(url="https://advisory.echohq.com/data.json")),
    parse=parse,
    covers={"echo:rolling": 1500},
    least_records=1_500,
)
