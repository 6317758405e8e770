"""openEuler: CSAF documents, one for each CVE (https://repo.openeuler.org/security/data/csaf/cve/).

All service packs of a release call themselves by the same version: the builds of all of them stand in one row, one range for each
upstream version. Rows are of source packages where the document lists these, else of binary ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report, reason_of
from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.formats.reading import json_content, lines
from hullmark.advisories.feeds.formats.rpms import below_each, instant, is_debug, nevra
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, FixState

_PLACE = "https://repo.openeuler.org/security/data/csaf/cve/"
_RELEASE = re.compile(r"openEuler-(\d\d\.\d\d)")
_PATH = re.compile(r"(\d{4})/[\w.-]+\.json")
_ANNOUNCEMENT = re.compile(r"openEuler-SA-\d{4}-\d+")


class _Build(NamedTuple):
    namespace: str
    name: str
    evr: str
    arch: str
    announcement: str


def crawl(known: CrawlState) -> Crawl:
    """Every document that the index names; after a good crawl only those of CVEs of this year and the last."""
    is_addition = bool(known.since)
    index = yield Get(url=_PLACE + "index.txt", is_addition=is_addition)
    if index is None:
        return
    first = int(known.since[:4]) - 1 if is_addition else 0
    for line in lines(index):
        path = _PATH.fullmatch(line.strip())
        if path is not None and int(path[1]) >= first:
            yield Get(url=_PLACE + path[0], is_addition=is_addition, is_optional=True)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each vulnerability of each document."""
    for document in documents:
        if not document.url.endswith(".json"):
            continue
        data = json_content(document)
        try:
            read = csaf.read(data)
        except ValueError as error:
            report(document.url, reason_of(error, csaf.names_of(data)))
            continue
        products = csaf.products_of(read)
        for vulnerability in read.vulnerabilities:
            if vulnerability.id:
                yield _advisory(vulnerability, read, products)
            else:
                report(document.url, csaf.without_id(vulnerability))


def _advisory(vulnerability: csaf.Vulnerability, read: csaf.Csaf, products: Mapping[str, csaf.Product]) -> Advisory:
    tracking = read.document.tracking
    return Advisory(
        id=vulnerability.id,
        source="openeuler",
        severity=csaf.severity_of(vulnerability, read),
        cvss=csaf.ratings_of(vulnerability),
        summary=csaf.summary_of(vulnerability, read),
        published=instant(tracking.initial_release_date),
        modified=instant(tracking.current_release_date),
        references=csaf.references_of(vulnerability, read),
        affected=tuple(_list_affected_packages(vulnerability, products, read.groups)),
    )


def _list_affected_packages(
    vulnerability: csaf.Vulnerability, products: Mapping[str, csaf.Product], groups: Mapping[str, list[str]]
) -> Iterator[AffectedPackage]:
    announced = {
        target: remedy.url
        for remedy in vulnerability.remediations
        if remedy.category == "vendor_fix"
        for target in csaf.targets(remedy, groups)
    }
    status = vulnerability.product_status
    fixed: dict[tuple[str, str], list[_Build]] = {}
    for build in _builds(status.get("fixed", ()), products, announced):
        fixed.setdefault((build.namespace, build.name), []).append(build)
    for (namespace, name), builds in fixed.items():
        row = AffectedPackage(namespace=namespace, name=name, scheme="rpm", fix_state="fixed")
        yield msgspec.structs.replace(
            row,
            ranges=below_each((build.evr for build in builds), min),
            vendor_ids=tuple(dict.fromkeys(build.announcement for build in builds if build.announcement)),
        )
    states: tuple[tuple[str, FixState], ...] = (("known_affected", "not-fixed"), ("known_not_affected", "unknown"))
    for kind, state in states:
        named = dict.fromkeys((build.namespace, build.name) for build in _builds(status.get(kind, ()), products, {}))
        for namespace, name in named:
            if (namespace, name) not in fixed:
                row = AffectedPackage(
                    namespace=namespace, name=name, scheme="rpm", ranges=(EVERY_VERSION,), fix_state=state
                )
                yield row if kind == "known_affected" else msgspec.structs.replace(row, kind="unaffected")


def _builds(ids: Sequence[str], products: Mapping[str, csaf.Product], announced: Mapping[str, str]) -> Iterator[_Build]:
    found: list[_Build] = []
    for identity in ids:
        platform, _, package = identity.partition(":")
        product = products.get(identity)
        release = _RELEASE.match(product.platform if product and product.platform else platform)
        parts = nevra(package) or (package.removesuffix(".src"), "", "src" if package.endswith(".src") else "")
        if release is None or not parts[0] or is_debug(parts[0]):
            continue
        announcement = _ANNOUNCEMENT.search(announced.get(identity, ""))
        found.append(_Build(f"openeuler:{release[1]}", *parts, announcement[0] if announcement else ""))
    sources = [build for build in found if build.arch == "src"]
    yield from sources or found


FEED = Feed(
    name="openeuler",
    title="openEuler security",
    homepage="https://www.openeuler.org/en/security/",
    licence="MulanPSL-2.0",
    crawl=crawl,
    parse=parse,
    is_default=False,
    covers={"openeuler:*": 200},
    least_records=2_000,
)
