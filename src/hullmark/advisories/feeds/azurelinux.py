"""Azure Linux and CBL-Mariner: Microsoft's OVAL (https://github.com/microsoft/AzureLinuxVulnerabilityData).

One definition is one CVE in one package of one release; an advisory here gathers all of a CVE. `patchable` says whether there is
a fix; "Not Applicable" that these versions are no longer, or never were, affected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, RecordFault, Report, crawl_of
from hullmark.advisories.feeds.formats import oval
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.formats.wording import day_of, line_of, links_of, severity_of
from hullmark.model.advisory import SEVERITIES, Advisory, AffectedPackage

_PLACE = "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/"
_FILES = ("cbl-mariner-1.0-oval.xml", "cbl-mariner-2.0-oval.xml", "azurelinux-3.0-oval.xml")
_RELEASE = re.compile(r"(?:cbl-)?(mariner|azurelinux)-(\d+\.\d+)-oval\.xml(?:\.gz)?$")
_NOT_APPLICABLE = "not applicable"


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each CVE, in the order in which the documents first name them."""
    found: dict[str, Advisory] = {}
    for document in documents:
        release = _RELEASE.search(document.url)
        if release is None:
            report(document.url, "its name tells no release of Azure Linux or Mariner")
            continue
        for definition in oval.definitions(document, report):
            for advisory in _advisories(definition, f"{release[1]}:{release[2]}", report):
                known = found.get(advisory.id)
                found[advisory.id] = advisory if known is None else _merge_advisories(known, advisory)
    yield from found.values()


def _advisories(definition: oval.Definition, namespace: str, report: Report) -> Iterator[Advisory]:
    ids = [identity for source, identity, _ in definition.references if source.upper() == "CVE"]
    affected = tuple(
        filter(None, (_make_affected_package(claim, definition, namespace) for claim in definition.claims))
    )
    if not ids or not affected:
        reason = "it names no versions of a package" if ids else "it names no CVE"
        report(definition.id, RecordFault(reason, oval.names_of(definition)))
        return
    at = instant(definition.details.get("advisory_date"))
    for identity in dict.fromkeys(ids):
        yield Advisory(
            id=identity,
            source="azurelinux",
            severity=severity_of(definition.severity),
            summary=line_of(definition.title),
            published=at,
            modified=at,
            references=links_of(url for _, _, url in definition.references),
            affected=affected,
        )


def _make_affected_package(claim: oval.Claim, definition: oval.Definition, namespace: str) -> AffectedPackage | None:
    span = oval.range_of(claim.tests)
    if span is None or not claim.name or not (span.high or span.low):
        return None
    is_safe = definition.details.get("patchable", "").lower() == _NOT_APPLICABLE
    return AffectedPackage(
        namespace=namespace,
        name=claim.name,
        scheme="rpm",
        kind="unaffected" if is_safe else "affected",
        ranges=(msgspec.structs.replace(span, fixed="") if is_safe else span,),
        fix_state="unknown" if is_safe else "fixed" if span.fixed else "not-fixed",
        fix_date=day_of(definition.details.get("advisory_date", "")) if span.fixed and not is_safe else "",
        severity=severity_of(definition.severity),
        vendor_ids=tuple(filter(None, (definition.details.get("advisory_id", ""),))),
    )


def _merge_advisories(known: Advisory, more: Advisory) -> Advisory:
    return msgspec.structs.replace(
        known,
        severity=max(known.severity, more.severity, key=SEVERITIES.index),
        published=min(filter(None, (known.published, more.published)), default=""),
        modified=max(known.modified, more.modified),
        references=links_of((*known.references, *more.references)),
        affected=tuple(dict.fromkeys((*known.affected, *more.affected))),
    )


FEED = Feed(
    name="azurelinux",
    title="Azure Linux and CBL-Mariner",
    homepage="https://github.com/microsoft/AzureLinuxVulnerabilityData",
    licence="MIT",
    crawl=crawl_of(*(Get(url=_PLACE + name) for name in _FILES)),
    parse=parse,
    covers={"azurelinux:*": 500, "mariner:*": 500},
    least_records=2_500,
)
