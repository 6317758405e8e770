"""vunnel's records of packages that are not a distribution's: OSV, GitHub's advisories, and OpenVEX of rebuilt libraries.

OSV records that vunnel marks as announcements (`record_type: advisory`), such as AlmaLinux's and Root's, tell from which version on
a package is safe of what others disclose: they become rows of kind unaffected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hullmark.advisories.feeds.feed import Report, reason_of
from hullmark.advisories.feeds.formats.ecosystems import ecosystem_of, pypi_name
from hullmark.advisories.feeds.formats.osv_record import advisories_of
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.formats.vunnel_os import ranges_of
from hullmark.advisories.feeds.formats.wording import day_of, line_of, links_of, severity_of
from hullmark.model.advisory import Advisory, AffectedPackage, Cvss, Kind, Range, Record
from hullmark.model.purl import unquote

_ROOT = "Root:"
_ANNOUNCERS = frozenset({"alma", "rootio"})
_COMMIT = re.compile(r"v?0\.0\.0-\d{14}-[0-9a-f]{12}").match
_PURL_ARCH = re.compile(r"[?&]arch=([\w.-]+)")
_PURL = re.compile(r"pkg:([\w.+-]+)/([^@?#]+)@([^?#]+)")
_SCHEMES = {"pypi": "pep440", "composer": "packagist"}
_GITHUB = {
    "composer": "Packagist",
    "dart": "Pub",
    "erlang": "Hex",
    "gem": "RubyGems",
    "github-action": "GitHub Actions",
    "go": "Go",
    "java": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "python": "PyPI",
    "rust": "crates.io",
    "swift": "SwiftURL",
}
"""Languages as vunnel names them, and their ecosystems as OSV does."""

_SAFE = ("fixed", "not_affected")


class _Package(msgspec.Struct):
    purl: str = ""


class _Specific(msgspec.Struct):
    rpm_modularity: str | None = None


class _Entry(msgspec.Struct):
    package: _Package | None = None
    ecosystem_specific: _Specific | None = None


class _Anchore(msgspec.Struct):
    record_type: str = ""


class _AnchoreMark(msgspec.Struct):
    anchore: _Anchore | None = None


class _Osv(msgspec.Struct):
    """What the reader of OSV leaves out: architectures in purls, modules, and vunnel's mark."""

    affected: list[_Entry] | None = None
    database_specific: _AnchoreMark | None = None


_OSV = msgspec.json.Decoder(_Osv)
_DATA = msgspec.json.Decoder(dict[str, Any])


def of_osv(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    """The advisory of an OSV record."""
    data, extra = _DATA.decode(item), _OSV.decode(item)
    head = advisories_of(msgspec.json.encode(data | {"affected": []}), provider, report, place)
    if head is None:
        return
    rows: dict[AffectedPackage, None] = {}
    for entry, more in zip(data.get("affected") or (), extra.affected or (), strict=True):
        alone = msgspec.json.encode(data | {"affected": [_with_tags(_without_root(entry))]})
        read = advisories_of(alone, provider, report, place)
        rows.update(dict.fromkeys(_with(more, row) for row in (read.affected if read else ())))
    marked = extra.database_specific.anchore if extra.database_specific else None
    if provider in _ANNOUNCERS or (marked is not None and marked.record_type == "advisory"):
        rows = dict.fromkeys(safe for row in rows if (safe := _safe(row)) is not None)
    yield msgspec.structs.replace(head, affected=tuple(rows))


def _without_root(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry in the ecosystem that Root patches: `Root:Alpine:3.18` is Alpine 3.18."""
    package = entry.get("package")
    ecosystem = package.get("ecosystem") if isinstance(package, dict) else None
    if not isinstance(package, dict) or not isinstance(ecosystem, str) or not ecosystem.startswith(_ROOT):
        return entry
    return entry | {"package": package | {"ecosystem": ecosystem.removeprefix(_ROOT)}}


def _with_tags(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with a Go project's own tags as ranges, if its end is a commit: every tag would be past that.

    They begin above all commits without a tag, of which the range of commits speaks.
    """
    specific, spans = entry.get("ecosystem_specific"), entry.get("ranges")
    tags = specific.get("custom_ranges") if isinstance(specific, dict) else None
    if not isinstance(spans, list) or not isinstance(tags, list) or not _end_in_commits(spans):
        return entry
    own = [{"type": "SEMVER", "events": [_from_tags(event) for event in _events_of([span])]} for span in tags]
    return entry | {"ranges": [*spans, *own]}


def _end_in_commits(spans: list[Any]) -> bool:
    ends = [event["fixed"] for event in _events_of(spans) if "fixed" in event]
    return bool(ends) and all(isinstance(end, str) and _COMMIT(end) for end in ends)


def _events_of(spans: list[Any]) -> list[dict[str, Any]]:
    lists = [span.get("events") for span in spans if isinstance(span, dict)]
    return [event for events in lists if isinstance(events, list) for event in events if isinstance(event, dict)]


def _from_tags(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"introduced": "0.0.0"} if event.get("introduced") == "0" else event


def _with(entry: _Entry, row: AffectedPackage) -> AffectedPackage:
    arch = _PURL_ARCH.search(entry.package.purl) if entry.package else None
    module = entry.ecosystem_specific.rpm_modularity if entry.ecosystem_specific else None
    row = msgspec.structs.replace(row, arch=arch[1]) if arch else row
    return row if module is None else msgspec.structs.replace(row, module=module)


def _safe(row: AffectedPackage) -> AffectedPackage | None:
    """From the fix on; None where there is none. Rows that are already of what is safe stay."""
    if row.kind == "unaffected":
        return row
    ranges = tuple(Range(low=interval.fixed, fixed=interval.fixed) for interval in row.ranges if interval.fixed)
    return msgspec.structs.replace(row, kind="unaffected", ranges=ranges, versions=()) if ranges else None


class _Available(msgspec.Struct):
    date: str | None = None


class _Fix(msgspec.Struct):
    name: str
    namespace: str
    range: str = ""
    identifier: str | None = None
    available: _Available | None = None


class _Vector(msgspec.Struct):
    version: str = ""
    vector_string: str = ""
    base_metrics: dict[str, float | str | None] = {}


class _Link(msgspec.Struct):
    url: str = ""


class _Advisory(msgspec.Struct):
    ghsa_id: str = msgspec.field(name="ghsaId")
    cve: list[str] | None = msgspec.field(default=None, name="CVE")
    cvss: _Vector | None = msgspec.field(default=None, name="CVSS")
    severity: str | None = msgspec.field(default=None, name="Severity")
    summary: str | None = msgspec.field(default=None, name="Summary")
    fixes: list[_Fix] | None = msgspec.field(default=None, name="FixedIn")
    references: list[_Link] | None = None
    published: str | None = None
    updated: str | None = None
    withdrawn: str | None = None


class _Github(msgspec.Struct):
    Advisory: _Advisory


_GITHUB_ITEM = msgspec.json.Decoder(_Github)


def of_github(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    """The advisory of one of GitHub's."""
    advisory = _GITHUB_ITEM.decode(item).Advisory
    rows = [row for fix in advisory.fixes or () if (row := _github_row(fix, report, place)) is not None]
    yield Advisory(
        id=advisory.ghsa_id,
        source=provider,
        aliases=tuple(dict.fromkeys(advisory.cve or ())),
        severity=severity_of(advisory.severity or ""),
        cvss=_rating(advisory.cvss),
        summary=line_of(advisory.summary or ""),
        published=instant(advisory.published),
        modified=instant(advisory.updated),
        withdrawn=instant(advisory.withdrawn),
        references=links_of(reference.url for reference in advisory.references or ()),
        affected=tuple(_join_rows(rows)),
    )


def _rating(vector: _Vector | None) -> tuple[Cvss, ...]:
    score = vector.base_metrics.get("base_score") if vector else None
    if vector is None or not vector.vector_string or not isinstance(score, int | float) or not 0 <= score <= 10:
        return ()
    return (Cvss(vector.version, vector.vector_string, float(score)),)


def _github_row(fix: _Fix, report: Report, place: str) -> AffectedPackage | None:
    language = _GITHUB.get(fix.namespace.removeprefix("github:").removeprefix("language:"))
    ecosystem = ecosystem_of(language) if language else None
    if ecosystem is None:
        report(place, f"{fix.namespace[:60]!r} is not an ecosystem that is known")
        return None
    fixed = "" if (fix.identifier or "None") == "None" else str(fix.identifier)
    try:
        ranges = ranges_of(fix.range, fixed)
    except ValueError as error:
        report(place, reason_of(error, (fix.name,)))
        return None
    return AffectedPackage(
        namespace=ecosystem.namespace,
        name=ecosystem.spelling(fix.name),
        scheme=ecosystem.scheme,
        ranges=ranges,
        fix_state="fixed" if fixed else "not-fixed",
        fix_date=day_of((fix.available.date if fix.available else None) or "") if fixed else "",
    )


def _join_rows(rows: Sequence[AffectedPackage]) -> Iterator[AffectedPackage]:
    """Rows that differ only in their ranges as one."""
    ranges: dict[AffectedPackage, list[Range]] = {}
    for row in rows:
        ranges.setdefault(msgspec.structs.replace(row, ranges=()), []).extend(row.ranges)
    for row, spans in ranges.items():
        yield msgspec.structs.replace(row, ranges=tuple(dict.fromkeys(spans)))


class _Identifiers(msgspec.Struct):
    purl: str = ""


class _Product(msgspec.Struct):
    id: str = msgspec.field(default="", name="@id")
    identifiers: _Identifiers = msgspec.field(default_factory=_Identifiers)


class _Vulnerability(msgspec.Struct):
    name: str
    aliases: list[str] = []


class _Statement(msgspec.Struct):
    status: str
    vulnerability: _Vulnerability
    products: list[_Product] = []
    timestamp: str = ""
    last_updated: str = ""


class _AnnotatedDocument(msgspec.Struct):
    document: _Statement


_ANNOTATED = msgspec.json.Decoder(_AnnotatedDocument)


def of_openvex(item: bytes, provider: str, report: Report, place: str) -> Iterator[Record]:
    """The advisory of a statement about exact versions of libraries: of kind unaffected where they are fixed or were never affected."""
    statement = _ANNOTATED.decode(item).document
    if statement.status not in (*_SAFE, "affected"):
        return
    kind: Kind = "unaffected" if statement.status in _SAFE else "affected"
    versions: dict[tuple[str, str], dict[str, None]] = {}
    for product in statement.products:
        purl = _PURL.match(product.identifiers.purl or product.id)
        if purl is None:
            report(place, f"{(product.identifiers.purl or product.id)[:100]!r} is not a purl with a version")
            continue
        versions.setdefault((purl[1], _name_of(purl[1], purl[2])), {})[unquote(purl[3])] = None
    rows = [
        AffectedPackage(namespace=space, name=name, scheme=_SCHEMES.get(space, space), kind=kind, versions=tuple(known))
        for (space, name), known in versions.items()
    ]
    yield Advisory(
        id=statement.vulnerability.name,
        source=provider,
        aliases=tuple(dict.fromkeys(statement.vulnerability.aliases)),
        published=instant(statement.timestamp),
        modified=instant(statement.last_updated),
        affected=tuple(rows),
    )


def _name_of(type: str, path: str) -> str:
    """The name of a purl's package as its namespace writes it."""
    parts = [unquote(part) for part in path.split("/")]
    if type == "pypi":
        return pypi_name(parts[-1])
    return (":" if type == "maven" else "/").join(parts)
