"""Debian's security tracker: source package → CVE → state in each release (https://security-tracker.debian.org/tracker/data/json).

The announcement lists are read beside it, for the names and days of fixes. Undetermined issues are left out: Debian itself
does not yet say whether the package is affected.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.debian_lists import LISTS, announcements, namespace_of
from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.names import only
from hullmark.advisories.feeds.formats.reading import decode, document_of
from hullmark.advisories.feeds.formats.wording import line_of, links_of, severity_of
from hullmark.model.advisory import (
    EVERY_VERSION,
    SEVERITIES,
    Advisory,
    AffectedPackage,
    FixState,
    Range,
    Record,
    Severity,
)

_TRACKER = "https://security-tracker.debian.org/tracker/data/json"
_NEVER_AFFECTED = "0"


class _Release(msgspec.Struct):
    status: str = ""
    fixed_version: str | None = None
    urgency: str = ""
    nodsa: str | None = None


class _Entry(msgspec.Struct):
    releases: dict[str, _Release]
    description: str = ""


_PACKAGES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PACKAGE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENTRY = msgspec.json.Decoder(_Entry)

_Fixes = dict[tuple[str, str, str], tuple[str, str, str]]
"""(namespace, package, CVE) → the announcement, its day, the version."""


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an id over all packages and releases, sorted by id.

    Only the place of each entry in the document is kept until it is that entry's turn: the document is decoded once, a CVE at a
    time.
    """
    fixes = _fixes([document for document in documents if document.url in LISTS], report)
    places: dict[str, list[tuple[str, msgspec.Raw]]] = {}
    for document in documents:
        if document.url in LISTS:
            continue
        for package, raw in document_of(_PACKAGES, document).items():
            for cve, entry in (decode(_PACKAGE, raw, package, report, only(package)) or {}).items():
                places.setdefault(cve, []).append((package, entry))
    for cve in sorted(places):
        entries = [
            (package, decode(_ENTRY, raw, f"{package} {cve}", report, only(package)))
            for package, raw in places.pop(cve)
        ]
        yield _advisory(cve, [(package, entry) for package, entry in entries if entry is not None], fixes)


def _fixes(documents: Sequence[Document], report: Report) -> _Fixes:
    fixes: _Fixes = {}
    for document in documents:
        for announcement in announcements(document, report):
            for affected in announcement.affected:
                version = affected.ranges[0].fixed
                value = (announcement.id, announcement.published, version)
                for alias in announcement.aliases if version else ():
                    fixes.setdefault((affected.namespace, sys.intern(affected.name), alias), value)
    return fixes


def _advisory(name: str, entries: list[tuple[str, _Entry]], fixes: _Fixes) -> Advisory:
    top = _severity(release.urgency for _, entry in entries for release in entry.releases.values())
    affected = [
        row
        for package, entry in entries
        for codename, release in entry.releases.items()
        if (row := _make_affected_package(package, codename, release, top)) is not None
    ]
    description = next((entry.description for _, entry in entries if entry.description), "")
    return Advisory(
        id=name,
        source=FEED.name,
        severity=top,
        summary=line_of(description),
        references=links_of([f"https://security-tracker.debian.org/tracker/{name}"]),
        affected=tuple(_add_announcement(row, fixes.get((row.namespace, row.name, name))) for row in affected),
    )


def _make_affected_package(package: str, codename: str, release: _Release, top: Severity) -> AffectedPackage | None:
    namespace = namespace_of(codename)
    if not namespace or release.status == "undetermined":
        return None
    fixed = (release.fixed_version or "").strip()
    if fixed == _NEVER_AFFECTED:
        return AffectedPackage(
            namespace=namespace, name=package, scheme="deb", kind="unaffected", ranges=(EVERY_VERSION,)
        )
    severity = _severity([release.urgency])
    return AffectedPackage(
        namespace=namespace,
        name=package,
        scheme="deb",
        ranges=(Range(high=fixed, fixed=fixed),) if fixed else (EVERY_VERSION,),
        fix_state="fixed" if fixed else _state(release),
        severity="" if severity in ("unknown", top) else severity,
        note=line_of(release.nodsa or ""),
    )


def _state(release: _Release) -> FixState:
    return "wont-fix" if release.nodsa is not None or release.urgency == "end-of-life" else "not-fixed"


def _add_announcement(row: AffectedPackage, fix: tuple[str, str, str] | None) -> AffectedPackage:
    if fix is None or row.kind != "affected":
        return row
    name, day, version = fix
    is_this = version == row.ranges[0].fixed
    return msgspec.structs.replace(row, vendor_ids=(name,), fix_date=day if is_this else "")


def _severity(urgencies: Iterator[str] | Sequence[str]) -> Severity:
    severities = [severity_of(urgency.rstrip("*")) for urgency in urgencies]
    return max(severities, key=SEVERITIES.index, default="unknown")


FEED = Feed(
    name="debian",
    title="Debian security tracker",
    homepage="https://security-tracker.debian.org",
    licence="not stated by upstream",
    crawl=crawl_of(Get(url=_TRACKER), *(Get(url=url, is_optional=True) for url in LISTS)),
    parse=parse,
    covers={"debian:*": 1000},
    least_records=25_000,
)
