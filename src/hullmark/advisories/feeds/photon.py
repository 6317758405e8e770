"""Photon OS: which version of a package mends which CVE (packages.broadcom.com, cve_data_photonN.0.json, one a release)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, RecordFault, Report, crawl_of
from hullmark.advisories.feeds.formats.names import found_at
from hullmark.advisories.feeds.formats.reading import decode, document_of
from hullmark.advisories.feeds.formats.wording import severity_of_score
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Range, Record

_FOLDER = "https://packages.broadcom.com/photon/photon_cve_metadata"
_RELEASES = ("1.0", "2.0", "3.0", "4.0", "5.0", "6.0")
_RELEASE = re.compile(r"cve_data_photon([0-9]+\.[0-9]+)\.json$")
_ID = re.compile(r"[A-Z]{2,10}-[0-9]{4}-[0-9A-Za-z-]+").fullmatch
_NONE = ("", "NA")


class _Row(msgspec.Struct):
    cve_id: str
    pkg: str
    cve_score: float | None = None
    res_ver: str | None = None
    status: str = ""


_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ROW = msgspec.json.Decoder(_Row)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an id over all releases, sorted by id; its severity is that of the score. Rows with no proper id are reported."""
    found: dict[str, list[AffectedPackage]] = {}
    scores: dict[str, float] = {}
    for document in documents:
        release = _RELEASE.search(document.url)
        if release is None:
            report(document.url, "left out: its address names no release")
            continue
        rows = document_of(_ROWS, document)
        for number, raw in enumerate(rows):
            place = f"{document.url} row {number}"
            row = decode(_ROW, raw, place, report, found_at("pkg"))
            if row is None:
                continue
            affected = _make_affected_package(f"photon:{release[1]}", row)
            if not _ID(row.cve_id) or affected is None:
                reason = f"it says nothing to go by ({row.cve_id[:40]}, {row.status[:40]})"
                report(place, RecordFault(reason, (row.pkg,)))
                continue
            found.setdefault(row.cve_id, []).append(affected)
            scores[row.cve_id] = max(scores.get(row.cve_id, 0.0), row.cve_score or 0.0)
    for cve in sorted(found):
        severity = severity_of_score(scores[cve])
        yield Advisory(id=cve, source=FEED.name, severity=severity, affected=tuple(dict.fromkeys(found[cve])))


def _make_affected_package(namespace: str, row: _Row) -> AffectedPackage | None:
    status, fixed = row.status.strip().lower(), (row.res_ver or "").strip()
    if status == "not affected":
        return AffectedPackage(
            namespace=namespace, name=row.pkg, scheme="rpm", kind="unaffected", ranges=(EVERY_VERSION,)
        )
    if fixed not in _NONE:
        ranges = (Range(high=fixed, fixed=fixed),)
        return AffectedPackage(namespace=namespace, name=row.pkg, scheme="rpm", ranges=ranges, fix_state="fixed")
    if status == "fixed":
        return None
    return AffectedPackage(
        namespace=namespace, name=row.pkg, scheme="rpm", ranges=(EVERY_VERSION,), fix_state="not-fixed"
    )


FEED = Feed(
    name="photon",
    title="Photon OS CVE metadata",
    homepage="https://github.com/vmware/photon/wiki/Security-Advisories",
    licence="not stated by upstream",
    crawl=crawl_of(*(Get(url=f"{_FOLDER}/cve_data_photon{release}.json", is_optional=True) for release in _RELEASES)),
    parse=parse,
    covers={"photon:*": 200},
    least_records=2_000,
)
