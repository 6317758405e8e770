"""Oracle Linux: OVAL of its errata (https://linux.oracle.com/security/).

Ksplice builds, which patch a running system, and FIPS builds have versions of their own that no ordinary package can be compared
with: both are left out. Modules are those that a definition asks to be enabled. Rows have an architecture where fixes differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hullmark.advisories.feeds.feed import Document, Feed, Get, RecordFault, Report, crawl_of
from hullmark.advisories.feeds.formats import oval
from hullmark.advisories.feeds.formats.rpms import below_each, by_arch
from hullmark.advisories.feeds.formats.wording import cves_in, day_of, line_of, links_of, severity_of
from hullmark.model.advisory import Advisory, AffectedPackage

_URL = "https://linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2"
_RELEASE = re.compile(r"Oracle Linux (\d+) is installed")
_ARCH = re.compile(r"Oracle Linux arch is (\S+)")
_MODULE = re.compile(r"Module (\S+) is enabled")
_PLACES = (_RELEASE, _ARCH, _MODULE)
_ID = re.compile(r"EL[A-Z]A-\d{4}-\d+")
_FLAVOURS = ("ksplice", "_fips")


class _Key(NamedTuple):
    namespace: str
    name: str
    module: str


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each erratum that names packages of ordinary builds."""
    for document in documents:
        for definition in oval.definitions(document, report, _is_place):
            identity = _ID.search(
                f"{definition.title} {' '.join(reference_id for _, reference_id, _ in definition.references)}"
            )
            if identity is None:
                report(definition.id, RecordFault("it names no erratum", oval.names_of(definition)))
                continue
            affected = tuple(_list_affected_packages(definition, identity[0]))
            if affected:
                yield _advisory(definition, identity[0], affected)


def _is_place(test: oval.Test) -> bool:
    return oval.is_place(test) or any(pattern.match(test.comment) for pattern in _PLACES)


def _advisory(definition: oval.Definition, identity: str, affected: tuple[AffectedPackage, ...]) -> Advisory:
    listed = [cve.id for cve in definition.cves]
    named = [name for source, name, _ in definition.references if source.upper() == "CVE"]
    return Advisory(
        id=identity,
        source="oracle",
        aliases=tuple(dict.fromkeys(cve for name in (*named, *listed) for cve in cves_in(name))),
        severity=severity_of(definition.severity),
        cvss=tuple(dict.fromkeys(rating for cve in definition.cves for rating in cve.cvss)),
        summary=line_of(definition.title),
        published=definition.issued,
        modified=definition.updated or definition.issued,
        references=links_of(url for _, _, url in definition.references),
        affected=affected,
    )


def _list_affected_packages(definition: oval.Definition, identity: str) -> Iterator[AffectedPackage]:
    builds: dict[_Key, dict[str, set[str]]] = {}
    for claim in definition.claims:
        span = oval.range_of(claim.tests)
        if span is None or not span.fixed or any(flavour in span.fixed for flavour in _FLAVOURS):
            continue
        module = next(_search_places(claim, _MODULE), "")
        for release in _search_places(claim, _RELEASE):
            key = _Key(f"oracle:{release}", claim.name, ":".join(module.split(":")[:2]))
            for arch in tuple(_search_places(claim, _ARCH)) or ("",):
                builds.setdefault(key, {}).setdefault(arch, set()).add(span.fixed)
    for key, by in builds.items():
        for arch, fixes in by_arch({arch: frozenset(evrs) for arch, evrs in by.items()}):
            yield AffectedPackage(
                namespace=key.namespace,
                name=key.name,
                scheme="rpm",
                ranges=below_each(sorted(fixes)),
                fix_state="fixed",
                fix_date=day_of(definition.issued),
                module=key.module,
                arch=arch,
                vendor_ids=(identity,),
            )


def _search_places(claim: oval.Claim, pattern: re.Pattern[str]) -> Iterator[str]:
    """What a pattern finds in the places of a claim."""
    for group in claim.where:
        for test in group:
            match = pattern.match(test.comment)
            if match is not None:
                yield match[1]


FEED = Feed(
    name="oracle",
    title="Oracle Linux errata",
    homepage="https://linux.oracle.com/security/",
    licence="not stated; Oracle asks that its errata be fetched from it",
    crawl=crawl_of(Get(url=_URL)),
    parse=parse,
    covers={"oracle:*": 100},
    least_records=2_500,
)
