"""SUSE Linux Enterprise and openSUSE: OVAL, a file for each family of products (https://ftp.suse.com/pub/projects/security/oval/).

A file is large and has one definition for each CVE: each is a feed of its own, so that none has to be held in memory, and who has
no SUSE 12 need not fetch it. `sles:15` is the release without service pack, `sles:15.4` service pack 4. What a definition says of
the server itself counts before what it says of its modules, and that before long term support. Packages that are told not to be
affected are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, RecordFault, Report
from hullmark.advisories.feeds.formats import oval
from hullmark.advisories.feeds.formats.rpms import below_each
from hullmark.advisories.feeds.formats.wording import cves_in, day_of, line_of, links_of, severity_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Range

_PLACE = "https://ftp.suse.com/pub/projects/security/oval/"
_VERSION = re.compile(r"\d+(?:\.\d+)?")
_MODULE = re.compile(r"sle-module-[\w-]+-release$")
_STATED = re.compile(r"(\S+) is (not )?affected$")
_PRODUCT = re.compile(r"[A-Za-z]\S* \S.* is installed$")
_SERVER = re.compile(r"SUSE Linux Enterprise (Server|Module for .*?) (\d+)(?: SP(\d+))?(-LTSS)? is installed$")
_RANKS = {"sles-release": 0, "SLES-release": 0, "openSUSE-release": 0, "sles-ltss-release": 2}
MODULE_RANK, LONG_TERM_RANK = 1, 2


class ProductNamespace(NamedTuple):
    """Where packages of a product are looked up; of several products of one release the least rank counts."""

    namespace: str
    rank: int


class PackageStatement(NamedTuple):
    """What is said of a package: ranges of what has no fix, and fixes; with neither, that it is safe."""

    name: str
    open: tuple[Range, ...] = ()
    fixes: tuple[str, ...] = ()


def crawl(known: CrawlState, name: str) -> Crawl:
    """The file that names unfixed packages too; the one with fixes alone where there is none."""
    if (yield Get(url=f"{_PLACE}{name}-affected.xml.gz", is_optional=True)) is None:
        yield Get(url=f"{_PLACE}{name}.xml.bz2")


def parse(documents: Sequence[Document], report: Report, source: str) -> Iterator[Advisory]:
    """One advisory for each definition that says something of a release that is matched."""
    for document in documents:
        for definition in oval.definitions(document, report, _is_place):
            if definition.kind == "patch":
                continue
            ids = cves_in(definition.title) or cves_in(
                " ".join(reference_id for _, reference_id, _ in definition.references)
            )
            if not ids:
                report(definition.id, RecordFault("it names no CVE", oval.names_of(definition)))
                continue
            affected = tuple(_list_affected_packages(definition))
            if affected:
                yield _advisory(definition, ids, affected, source)


def _is_place(test: oval.Test) -> bool:
    return oval.is_place(test) or (not test.kind and _PRODUCT.match(test.comment) is not None)


def _advisory(
    definition: oval.Definition, ids: Sequence[str], affected: tuple[AffectedPackage, ...], source: str
) -> Advisory:
    ratings = dict.fromkeys(rating for cve in definition.cves for rating in cve.cvss)
    named = [url for _, _, url in definition.references if "suse.com/security/cve" in url]
    return Advisory(
        id=ids[0],
        source=source,
        aliases=tuple(ids[1:]),
        severity=severity_of(definition.severity),
        cvss=tuple(ratings),
        cwes=tuple(dict.fromkeys(cve.cwe for cve in definition.cves if cve.cwe)),
        summary=line_of(definition.description or definition.title),
        published=definition.issued,
        modified=definition.updated or definition.issued,
        references=links_of((*named, *(url for _, _, url in definition.references))),
        affected=affected,
    )


def _list_affected_packages(definition: oval.Definition) -> Iterator[AffectedPackage]:
    found: dict[tuple[str, str], dict[int, list[PackageStatement]]] = {}
    places: dict[int, tuple[ProductNamespace, ...]] = {}
    for claim in definition.claims:
        statement = _parse_statement(claim)
        if statement is None:
            continue
        if id(claim.where) not in places:
            places[id(claim.where)] = tuple(dict.fromkeys(_places(claim)))
        for place in places[id(claim.where)]:
            found.setdefault((place.namespace, statement.name), {}).setdefault(place.rank, []).append(statement)
    for (namespace, name), by_rank in found.items():
        yield row(namespace, name, by_rank[min(by_rank)], day_of(definition.issued))


def row(namespace: str, name: str, statements: Sequence[PackageStatement], issued: str) -> AffectedPackage:
    """One row: what is open counts before fixes, fixes before safety."""
    open_ranges = tuple(dict.fromkeys(interval for one in statements for interval in one.open))
    fixes = tuple(dict.fromkeys(fix for one in statements for fix in one.fixes))
    is_safe = not open_ranges and not fixes
    ranges = (EVERY_VERSION,) if is_safe else open_ranges or below_each(fixes)
    return AffectedPackage(
        namespace=namespace,
        name=name,
        scheme="rpm",
        kind="unaffected" if is_safe else "affected",
        ranges=ranges,
        fix_state="unknown" if is_safe else "not-fixed" if open_ranges else "fixed",
        fix_date=issued if fixes and not open_ranges else "",
    )


def _parse_statement(claim: oval.Claim) -> PackageStatement | None:
    stated = next(filter(None, (_STATED.match(test.comment) for test in claim.tests)), None)
    if stated is not None:
        return PackageStatement(stated[1]) if stated[2] else PackageStatement(stated[1], (EVERY_VERSION,))
    if any(test.subject == "version" and test.value == "0" for test in claim.tests):
        return PackageStatement(claim.name)
    span = oval.range_of(claim.tests)
    if span is None or not claim.name or not all(test.kind for test in claim.tests):
        return None
    return PackageStatement(claim.name, (), (span.fixed,)) if span.fixed else PackageStatement(claim.name, (span,))


def _places(claim: oval.Claim) -> Iterator[ProductNamespace]:
    for test in (test for group in claim.where for test in group):
        rank = _RANKS.get(test.name, MODULE_RANK if _MODULE.match(test.name) else None)
        if rank is not None and "Micro" not in test.comment:
            yield from _place(test, rank)
        elif not test.kind and (stated := _SERVER.match(test.comment)):
            rank = LONG_TERM_RANK if stated[4] else 0 if stated[1] == "Server" else MODULE_RANK
            yield ProductNamespace(f"sles:{stated[2]}{f'.{stated[3]}' if stated[3] else ''}", rank)


def _place(test: oval.Test, rank: int) -> Iterator[ProductNamespace]:
    version = _VERSION.fullmatch(test.value)
    if test.name == "openSUSE-release":
        if test.operation == "greater than or equal":
            yield ProductNamespace("opensuse:tumbleweed", rank)
        elif version is not None:
            yield ProductNamespace(f"opensuse:{version[0]}", rank)
    elif version is not None:
        yield ProductNamespace(f"sles:{version[0]}", rank)


_FILES: tuple[tuple[str, str, str, dict[str, int]], ...] = (
    ("sles15", "SUSE Linux Enterprise 15", "suse.linux.enterprise.server.15", {"sles:15": 200, "sles:15.*": 500}),
    ("sles12", "SUSE Linux Enterprise 12", "suse.linux.enterprise.server.12", {"sles:12": 200, "sles:12.*": 500}),
    ("sles16", "SUSE Linux Enterprise 16", "suse.linux.enterprise.16", {"sles:16.*": 20}),
    ("opensuse15.6", "openSUSE Leap 15.6", "opensuse.leap.15.6", {"opensuse:15.6": 300}),
    ("opensuse15.5", "openSUSE Leap 15.5", "opensuse.leap.15.5", {"opensuse:15.5": 300}),
    ("tumbleweed", "openSUSE Tumbleweed", "opensuse.tumbleweed", {"opensuse:tumbleweed": 3000}),
)


def _feed(name: str, title: str, file: str, covers: dict[str, int]) -> Feed:
    crawled: Callable[[CrawlState], Crawl] = partial(crawl, name=file)
    return Feed(
        name=name,
        title=title,
        homepage="https://www.suse.com/support/security/oval/",
        licence="CC-BY-4.0",
        crawl=crawled,
        parse=partial(parse, source=name),
        covers=covers,
    )


FEEDS = tuple(_feed(*file) for file in _FILES)
FEED = FEEDS[0]
