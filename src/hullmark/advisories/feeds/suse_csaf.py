"""SUSE and openSUSE: CSAF VEX documents, one for each CVE (https://ftp.suse.com/pub/projects/security/csaf-vex/).

They say the same as the OVAL files, of every product at once, and change with each CVE: who wants news in minutes takes them, and else the
OVAL feeds do. Places and ranks are those of `suse`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report, reason_of
from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.formats.csaf_folders import changes_in, texts_in
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.suse import LONG_TERM_RANK, MODULE_RANK, PackageStatement, ProductNamespace, row
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage
from hullmark.model.limit import Limit

_FOLDER = "https://ftp.suse.com/pub/projects/security/csaf-vex/"
_ARCHIVE = "https://ftp.suse.com/pub/projects/security/csaf-vex.tar.bz2"
_MAX_CHANGES = Limit(
    5000, "changed SUSE advisories that are fetched one by one (with more the whole archive is fetched)", "later"
)
_SERVER = re.compile(r"SUSE Linux Enterprise (Server|Module for [\w -]+?) (\d\d)(?: SP(\d))?(-LTSS| LTSS)?(?:-ESPOS)?")
_LEAP = re.compile(r"openSUSE Leap (\d\d\.\d)")
_STATES = ("known_affected", "known_not_affected")
_FIXED = ("fixed", "first_fixed", "recommended")


def crawl(known: CrawlState) -> Crawl:
    """The archive; after a good crawl only what has changed since, if that is not too much."""
    changes = (yield Get(url=_FOLDER + "changes.csv", is_addition=True)) if known.since else None
    if changes is not None:
        changed = changes_in(changes)
        recent = [path for path, at in changed.items() if at[:19] >= known.since[:19]]
        if len(recent) <= _MAX_CHANGES and len(recent) < len(changed):
            for path in sorted(recent):
                yield Get(url=_FOLDER + path, is_addition=True, is_optional=True)
            return
    yield Get(url=_ARCHIVE)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each vulnerability of each document."""
    for document in documents:
        if document.url.endswith(".csv"):
            continue
        for place, data in texts_in(document, report):
            try:
                read = csaf.read(data)
            except ValueError as error:
                report(place, reason_of(error, csaf.names_of(data)))
                continue
            for vulnerability in read.vulnerabilities:
                if vulnerability.id:
                    yield _advisory(vulnerability, read)
                else:
                    report(place, csaf.without_id(vulnerability))


def _advisory(vulnerability: csaf.Vulnerability, read: csaf.Csaf) -> Advisory:
    tracking = read.document.tracking
    published = instant(tracking.initial_release_date)
    return Advisory(
        id=vulnerability.id,
        source=FEED.name,
        severity=csaf.severity_of(vulnerability, read),
        cvss=csaf.ratings_of(vulnerability),
        summary=csaf.summary_of(vulnerability, read),
        published=published,
        modified=instant(tracking.current_release_date),
        references=csaf.references_of(vulnerability, read),
        affected=tuple(_list_affected_packages(vulnerability.product_status, published[:10])),
    )


def _list_affected_packages(status: Mapping[str, Sequence[str]], published: str) -> Iterator[AffectedPackage]:
    found: dict[tuple[str, str], dict[int, list[PackageStatement]]] = {}
    for kind in (*_FIXED, *_STATES):
        for identity in dict.fromkeys(status.get(kind, ())):
            platform, _, component = identity.partition(":")
            place = place_of(platform)
            statement = _parse_statement(kind, component)
            if place is not None and statement is not None:
                found.setdefault((place.namespace, statement.name), {}).setdefault(place.rank, []).append(statement)
    for (namespace, name), by_rank in found.items():
        yield row(namespace, name, by_rank[min(by_rank)], published)


def _parse_statement(kind: str, component: str) -> PackageStatement | None:
    """A fix is told with the build that has it, all else of a package by its name."""
    if kind == "known_affected":
        return PackageStatement(component, (EVERY_VERSION,)) if component else None
    if kind == "known_not_affected":
        return PackageStatement(component) if component else None
    name, dash, release = component.rpartition("-")
    name, second, version = name.rpartition("-")
    return (
        PackageStatement(name, (), (f"{version}-{release}",))
        if dash and second and name and version and release
        else None
    )


def place_of(platform: str) -> ProductNamespace | None:
    """Where packages of a product are looked up, None for products that are not matched."""
    if platform == "openSUSE Tumbleweed":
        return ProductNamespace("opensuse:tumbleweed", 0)
    leap = _LEAP.fullmatch(platform)
    if leap is not None:
        return ProductNamespace(f"opensuse:{leap[1]}", 0)
    server = _SERVER.fullmatch(platform)
    if server is None:
        return None
    rank = LONG_TERM_RANK if server[4] else 0 if server[1] == "Server" else MODULE_RANK
    return ProductNamespace(f"sles:{server[2]}{f'.{server[3]}' if server[3] else ''}", rank)


FEED = Feed(
    name="suse-csaf",
    title="SUSE CSAF VEX",
    homepage="https://www.suse.com/support/security/csaf/",
    licence="CC-BY-4.0",
    crawl=crawl,
    parse=parse,
    is_default=False,
    covers={"opensuse:*": 200, "sles:*": 200},
    least_records=10_000,
)
