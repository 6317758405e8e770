"""NVD's CVEs: pages of its API 2.0 (https://nvd.nist.gov/developers/vulnerabilities), or its yearly files of the same form.

Affected products are those of NVD's configurations (`cpe_configurations`); each fix is the version at which a range ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from hullmark.advisories.feeds.feed import Crawl, CrawlState, DamagedDocument, Document, Feed, Get, Report
from hullmark.advisories.feeds.formats.cpe_configurations import Configuration, affected_of
from hullmark.advisories.feeds.formats.names import found_at
from hullmark.advisories.feeds.formats.reading import decode, document_of, newest_first
from hullmark.advisories.feeds.formats.wording import line_of, links_of, severity_of
from hullmark.model.advisory import Advisory, Cvss, Record, Severity
from hullmark.model.limit import Limit

_API = "https://services.nvd.nist.gov/rest/json/cves/2.0"
_PAGE = 2000
_MAX_PAGES = Limit(2000, "pages of the NVD's list of vulnerabilities", "refused")
_WINDOW = timedelta(days=119)
_NVD = "nvd@nist.gov"


class _Text(msgspec.Struct):
    value: str
    lang: str = "en"


class _CvssData(msgspec.Struct, rename="camel"):
    version: str
    vector_string: str
    base_score: float
    base_severity: str = ""


class _Metric(msgspec.Struct, rename="camel"):
    cvss_data: _CvssData
    source: str = ""
    base_severity: str = ""


class _Metrics(msgspec.Struct):
    v40: list[_Metric] = msgspec.field(default_factory=list, name="cvssMetricV40")
    v31: list[_Metric] = msgspec.field(default_factory=list, name="cvssMetricV31")
    v30: list[_Metric] = msgspec.field(default_factory=list, name="cvssMetricV30")
    v2: list[_Metric] = msgspec.field(default_factory=list, name="cvssMetricV2")


class _Weakness(msgspec.Struct):
    description: list[_Text] = []


class _Reference(msgspec.Struct):
    url: str


class _Cve(msgspec.Struct, rename="camel"):
    id: str
    published: str = ""
    last_modified: str = ""
    vuln_status: str = ""
    descriptions: list[_Text] = []
    metrics: _Metrics = msgspec.field(default_factory=_Metrics)
    weaknesses: list[_Weakness] = []
    configurations: list[Configuration] = []
    references: list[_Reference] = []


class _Item(msgspec.Struct):
    cve: msgspec.Raw


class _Page(msgspec.Struct, rename="camel"):
    vulnerabilities: list[_Item]
    total_results: int = 0


_PAGES = msgspec.json.Decoder(_Page)
_NAMES = found_at("configurations.*.nodes.*.cpeMatch.*.criteria")
_CVE = msgspec.json.Decoder(_Cve)


def crawl(known: CrawlState) -> Crawl:
    """All pages; after a good crawl only what changed since, in windows of less than the 120 days that NVD allows."""
    if not known.since:
        yield from _pages("", is_addition=False)
        return
    start, end = datetime.fromisoformat(known.since), datetime.fromisoformat(known.now)
    while start < end:
        stop = min(start + _WINDOW, end)
        yield from _pages(f"&lastModStartDate={_moment(start)}&lastModEndDate={_moment(stop)}", is_addition=True)
        start = stop


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory a CVE. The documents are read from the last to the first, so what came later wins without being held."""
    for document, seen in newest_first(documents):
        page = document_of(_PAGES, document)
        for number, item in enumerate(page.vulnerabilities):
            cve = decode(_CVE, item.cve, f"{document.url} item {number}", report, _NAMES)
            if cve is not None and cve.id not in seen:
                seen.add(cve.id)
                yield _advisory(cve, report, document.url)


def _pages(query: str, is_addition: bool) -> Crawl:
    total = 1
    for number in range(_MAX_PAGES):
        if number * _PAGE >= total:
            return
        url = f"{_API}?resultsPerPage={_PAGE}&startIndex={number * _PAGE}{query}"
        document = yield Get(url=url, is_addition=is_addition)
        page = document_of(_PAGES, document) if document is not None else None
        total = page.total_results if page else 0
        if document is not None and total > _MAX_PAGES * _PAGE:
            raise DamagedDocument(
                document.url, f"it tells of {total:,} records, and at most {_MAX_PAGES * _PAGE:,} are read"
            )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000%%2B00:00")


def _advisory(cve: _Cve, report: Report, place: str) -> Advisory:
    metrics = [*cve.metrics.v40, *cve.metrics.v31, *cve.metrics.v30, *cve.metrics.v2]
    is_rejected = cve.vuln_status == "Rejected"
    return Advisory(
        id=cve.id,
        source=FEED.name,
        severity=_severity(metrics),
        cvss=tuple(dict.fromkeys(_cvss(metric) for metric in metrics)),
        cwes=_cwes(cve.weaknesses),
        summary=line_of(next((text.value for text in cve.descriptions if text.lang.startswith("en")), "")),
        published=cve.published,
        modified=cve.last_modified,
        withdrawn=(cve.last_modified or cve.published) if is_rejected else "",
        references=links_of(reference.url for reference in cve.references),
        affected=affected_of(cve.configurations, report, f"{place} {cve.id}"),
    )


def _severity(metrics: Sequence[_Metric]) -> Severity:
    """CVSS 2 last; NVD's own rating before others; the newest CVSS before older ones."""
    ranked = sorted(metrics, key=lambda metric: (metric.cvss_data.version == "2.0", metric.source != _NVD))
    words = [metric.cvss_data.base_severity or metric.base_severity for metric in ranked]
    return severity_of(words[0]) if words else "unknown"


def _cvss(metric: _Metric) -> Cvss:
    data = metric.cvss_data
    return Cvss(data.version, data.vector_string, data.base_score, metric.source)


def _cwes(weaknesses: Sequence[_Weakness]) -> tuple[str, ...]:
    named = (text.value for weakness in weaknesses for text in weakness.description)
    return tuple(dict.fromkeys(name for name in named if name.startswith("CWE-")))


FEED = Feed(
    name="nvd",
    title="National Vulnerability Database",
    homepage="https://nvd.nist.gov",
    licence="public domain (United States government)",
    crawl=crawl,
    parse=parse,
    covers={"cpe": 100_000},
    least_records=150_000,
)
