"""CISA's enrichment of CVE records (https://github.com/cisagov/vulnrichment): CVE JSON 5.x with CISA's ADP container, a file a CVE.

Ratings are CISA's and the CNA's; affected products are those that CISA names by CPE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.cpe_configurations import Products, cpe_of
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.advisories.feeds.formats.wording import line_of, links_of, severity_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Cvss, Range, Record, Severity

_ARCHIVE = "https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.tar.gz"
_FILE = re.compile(r"(?:^|/)CVE-[0-9]{4}-[0-9]+\.json$").search
_CISA = "CISA-ADP"
_CWE = re.compile(r"\bCWE-[0-9]+\b")
_NO_VERSION = ("0", "*", "-", "n/a")
_UNORDERED = ("git", "original_commit_for_fix")


class _Cvss(msgspec.Struct, rename="camel"):
    version: str
    vector_string: str
    base_score: float
    base_severity: str = ""


class _Metric(msgspec.Struct):
    v4: _Cvss | None = msgspec.field(default=None, name="cvssV4_0")
    v31: _Cvss | None = msgspec.field(default=None, name="cvssV3_1")
    v3: _Cvss | None = msgspec.field(default=None, name="cvssV3_0")
    v2: _Cvss | None = msgspec.field(default=None, name="cvssV2_0")


class _Description(msgspec.Struct, rename="camel"):
    cwe_id: str = ""
    description: str = ""


class _ProblemType(msgspec.Struct):
    descriptions: list[_Description] = []


class _Version(msgspec.Struct, rename="camel"):
    version: str = ""
    status: str = ""
    less_than: str = ""
    less_than_or_equal: str = ""
    version_type: str = ""


class _AffectedProduct(msgspec.Struct, rename="camel"):
    cpes: list[str] = []
    versions: list[_Version] = []
    default_status: str = ""


class _Provider(msgspec.Struct, rename="camel"):
    short_name: str = ""


class _Text(msgspec.Struct):
    lang: str = ""
    value: str = ""


class _Reference(msgspec.Struct):
    url: str = ""


class _Container(msgspec.Struct, rename="camel"):
    provider_metadata: _Provider = msgspec.field(default_factory=_Provider)
    metrics: list[_Metric] = []
    problem_types: list[_ProblemType] = []
    affected: list[_AffectedProduct] = []
    descriptions: list[_Text] = []
    references: list[_Reference] = []


class _Containers(msgspec.Struct):
    cna: _Container = msgspec.field(default_factory=_Container)
    adp: list[_Container] = []


class _Metadata(msgspec.Struct, rename="camel"):
    cve_id: str
    state: str = ""
    date_published: str = ""
    date_updated: str = ""


class _Cve(msgspec.Struct, rename="camel"):
    cve_metadata: _Metadata
    containers: _Containers


_CVE = msgspec.json.Decoder(_Cve)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory a file."""
    for document in documents:
        for name, data in members(document, (".json",)):
            cve = decode(_CVE, data, name, report) if _FILE(name) else None
            if cve is not None:
                yield _advisory(cve)


def _advisory(cve: _Cve) -> Advisory:
    meta, cna = cve.cve_metadata, cve.containers.cna
    cisa = [container for container in cve.containers.adp if container.provider_metadata.short_name == _CISA]
    rated = [
        (container.provider_metadata.short_name, cvss) for container in (*cisa, cna) for cvss in _ratings(container)
    ]
    return Advisory(
        id=meta.cve_id,
        source=FEED.name,
        severity=_severity([cvss for _, cvss in rated]),
        cvss=tuple(
            dict.fromkeys(Cvss(rating.version, rating.vector_string, rating.base_score, by) for by, rating in rated)
        ),
        cwes=_cwes((*cisa, cna)),
        summary=line_of(next((text.value for text in cna.descriptions if text.lang.startswith("en")), "")),
        published=meta.date_published,
        modified=meta.date_updated,
        withdrawn=meta.date_updated or meta.date_published if meta.state == "REJECTED" else "",
        references=links_of(reference.url for reference in cna.references),
        affected=_products(cisa),
    )


def _ratings(container: _Container) -> Iterator[_Cvss]:
    for metric in container.metrics:
        yield from (rating for rating in (metric.v4, metric.v31, metric.v3, metric.v2) if rating is not None)


def _severity(ratings: Sequence[_Cvss]) -> Severity:
    return next((severity_of(rating.base_severity) for rating in ratings if rating.base_severity), "unknown")


def _cwes(containers: Sequence[_Container]) -> tuple[str, ...]:
    named = (
        name
        for container in containers
        for problem in container.problem_types
        for description in problem.descriptions
        for name in _CWE.findall(description.cwe_id or description.description)
    )
    return tuple(dict.fromkeys(named))


def _products(containers: Sequence[_Container]) -> tuple[AffectedPackage, ...]:
    products = Products()
    for container in containers:
        for affected in container.affected:
            for text in affected.cpes:
                cpe = cpe_of(text)
                for version in affected.versions if cpe is not None else ():
                    if cpe is not None and version.status == "affected" and version.version_type not in _UNORDERED:
                        products.add(cpe._replace(version=_start(version)), _bounds(version))
    return products.affected()


def _start(version: _Version) -> str:
    return "" if version.version in _NO_VERSION else version.version


def _bounds(version: _Version) -> Range | None:
    """None for the version alone, or for every one. `*` ends nowhere, and neither does `5.*`, whose end nobody can compare with."""
    below, upto = version.less_than, version.less_than_or_equal
    if not below and not upto:
        return None
    low = _start(version)
    if "*" in below or "*" in upto:
        return Range(low=low) if low else EVERY_VERSION
    return Range(low=low, high=below or upto, high_open=bool(below), fixed=below)


FEED = Feed(
    name="vulnrichment",
    title="CISA Vulnrichment",
    homepage="https://github.com/cisagov/vulnrichment",
    licence="CC0-1.0",
    crawl=crawl_of(Get(url=_ARCHIVE)),
    parse=parse,
)
