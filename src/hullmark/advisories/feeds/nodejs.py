"""Node.js' security working group (https://github.com/nodejs/security-wg): JSON files for Node.js itself and, to 2019, for npm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of, reason_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.cvss import rating_of, severity_of_ratings
from hullmark.advisories.feeds.formats.names import found_at, only
from hullmark.advisories.feeds.formats.osv_affected import fix_state_of, platforms_of
from hullmark.advisories.feeds.formats.reading import decode, newest_first
from hullmark.advisories.feeds.formats.spans import ranges_of, without
from hullmark.advisories.feeds.formats.wording import day_of, line_of, links_of, severity_of
from hullmark.model.advisory import Advisory, AffectedPackage, Cvss, Range
from hullmark.versions import npm

_FILE = re.compile(r"(?:^|/)vuln/(core|npm)/([0-9]+)\.json$").search
_EVERYWHERE = "all"
_NO_VERSION = "<0.0.0"
_NO_END = re.compile(r"<=?\s*9{2,}(?:\.9+)+")
"""How files write that no version is safe: `<=99.999.99999`."""


class _Core(msgspec.Struct, rename="camel"):
    cve: list[str]
    vulnerable: str
    patched: str = ""
    ref: str = ""
    description: str = ""
    overview: str = ""
    severity: str = ""
    cvss: str = ""
    publish_date: str = msgspec.field(default="", name="publish_date")
    affected_environments: list[str] = []


class _Npm(msgspec.Struct):
    module_name: str
    vulnerable_versions: str
    patched_versions: str | None = None
    title: str = ""
    cves: list[str] = []
    publish_date: str = ""
    updated_at: str = ""
    references: list[str] | None = None
    cvss_vector: str | None = None


_CORE = msgspec.json.Decoder(_Core)
_NPM = msgspec.json.Decoder(_Npm)
_names = found_at("module_name")


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a file, by the working group's ids: `NSWG-COR-7` for Node.js itself, `NSWG-ECO-7` for a package of npm."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (".json",)):
            found = _FILE(place)
            if found is None:
                continue
            name = f"NSWG-{'COR' if found[1] == 'core' else 'ECO'}-{found[2]}"
            try:
                advisory = (_core if found[1] == "core" else _package)(name, data, place, report)
            except ValueError as error:
                report(place, reason_of(error, ("node",) if found[1] == "core" else _names(data)))
                continue
            if advisory is not None and name not in seen:
                seen.add(name)
                yield advisory


def _core(name: str, data: bytes, place: str, report: Report) -> Advisory | None:
    entry = decode(_CORE, data, place, report, only("node"))
    if entry is None:
        return None
    ranges = _ranges(entry.vulnerable, entry.patched)
    systems = () if _EVERYWHERE in entry.affected_environments else entry.affected_environments
    affected = AffectedPackage(
        namespace="generic",
        name="node",
        scheme="semver",
        ranges=ranges,
        fix_state=fix_state_of(ranges),
        platforms=platforms_of(systems),
    )
    ratings = _ratings(entry.cvss)
    severity = severity_of(entry.severity)
    return Advisory(
        id=name,
        source=FEED.name,
        aliases=tuple(dict.fromkeys(entry.cve)),
        severity=severity_of_ratings(ratings) if severity == "unknown" else severity,
        cvss=ratings,
        summary=line_of(entry.description or entry.overview),
        published=day_of(entry.publish_date),
        references=links_of([entry.ref]),
        affected=(affected,),
    )


def _package(name: str, data: bytes, place: str, report: Report) -> Advisory | None:
    entry = decode(_NPM, data, place, report, _names)
    if entry is None:
        return None
    ranges = _ranges(entry.vulnerable_versions, entry.patched_versions or _NO_VERSION)
    ratings = _ratings(entry.cvss_vector or "")
    return Advisory(
        id=name,
        source=FEED.name,
        aliases=tuple(dict.fromkeys(entry.cves)),
        severity=severity_of_ratings(ratings),
        cvss=ratings,
        summary=line_of(entry.title),
        published=day_of(entry.publish_date),
        modified=day_of(entry.updated_at),
        references=links_of(entry.references or ()),
        affected=(
            AffectedPackage(
                namespace="npm",
                name=entry.module_name,
                scheme="npm",
                ranges=ranges,
                fix_state=fix_state_of(ranges),
            ),
        ),
    )


def _ranges(vulnerable: str, patched: str) -> tuple[Range, ...]:
    safe = ranges_of(npm.ranges(patched), npm.SCHEME) if patched.strip() else ()
    spans = ranges_of(npm.ranges(_NO_END.sub("*", vulnerable)), npm.SCHEME)
    return without(spans, safe, safe, npm.SCHEME)


def _ratings(vector: str) -> tuple[Cvss, ...]:
    rating = rating_of(f"CVSS:{vector}" if vector.startswith("3.") else vector)
    return (rating,) if rating else ()


FEED = Feed(
    name="nodejs",
    title="Node.js security working group",
    homepage="https://github.com/nodejs/security-wg",
    licence="MIT",
    crawl=crawl_of(Get(url="https://github.com/nodejs/security-wg/archive/refs/heads/main.tar.gz")),
    parse=parse,
)
