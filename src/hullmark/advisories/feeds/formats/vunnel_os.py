"""vunnel's records of distributions (schema `vulnerability/os` 1.x), one a CVE and release.

A fixed version `None` is affected without a fix, `0` not affected; `NoAdvisory` without a fix is will not fix. A `VulnerableRange` is
the range whatever the fix says. `Advisories` of a major release of Red Hat are builds for minor releases: see rhel_minors for the
rows that they become. Names of releases are this project's, not vunnel's (`ol:8` is `oracle:8`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hullmark.advisories.feeds.amazon import low_of
from hullmark.advisories.feeds.feed import RecordFault, Report, reason_of
from hullmark.advisories.feeds.formats import rhel_minors
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.formats.wording import day_of, line_of, links_of, severity_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Cvss, FixState, Range
from hullmark.model.limit import BeyondLimit, Limit

_FORMATS = {
    "rpm": "rpm",
    "dpkg": "deb",
    "deb": "deb",
    "apk": "apk",
    "pacman": "alpm",
    "portage": "portage",
    "semver": "semver",
}
_DISTRIBUTIONS = {
    "ol": "oracle",
    "amzn": "amazon",
    "archlinux": "arch",
    "alma": "almalinux",
    "rockylinux": "rocky",
    "opensuse-leap": "opensuse",
    "redhat": "rhel",
}
_MODULAR = ("rhel:", "oracle:", "almalinux:", "rocky:", "centos:")
_RHEL_MAJOR = re.compile(r"rhel:\d+$")
_CLAUSE = re.compile(r"\s*(>=|<=|>|<|==|=)\s*([^\s,<>=|]+)\s*,?")
_MAX_RANGE = Limit(10_000, "characters of a range of versions")


class _Available(msgspec.Struct):
    date: str | None = None
    Date: str | None = None


class _AdvisoryLink(msgspec.Struct, rename="pascal"):
    id: str = msgspec.field(default="", name="ID")
    link: str = ""


class _VendorAdvisory(msgspec.Struct, rename="pascal"):
    no_advisory: bool = False
    advisory_summary: list[_AdvisoryLink] | None = None


class _Build(msgspec.Struct, rename="pascal"):
    advisory: str = ""
    version: str = ""
    minor: int | None = None
    channels: list[str] = []


class _FixedIn(msgspec.Struct, rename="pascal"):
    name: str = ""
    version: str | None = None
    version_format: str = ""
    module: str | None = None
    arch: str | None = None
    vulnerable_range: str | None = None
    available: _Available | None = None
    vendor_advisory: _VendorAdvisory | None = None
    advisories: list[_Build] | None = None

    @property
    def fix(self) -> str:
        """The fixed version; "" if there is none."""
        text = (self.version or "").strip()
        return "" if text.lower() == "none" else text

    @property
    def announcements(self) -> tuple[str, ...]:
        """The ids of the announcements of the fix."""
        summary = self.vendor_advisory.advisory_summary if self.vendor_advisory else None
        return tuple(dict.fromkeys(entry.id for entry in summary or () if entry.id))

    @property
    def day(self) -> str:
        """The day on which the fix was there, "" if it is not known."""
        return day_of(self.available.date or self.available.Date or "") if self.available else ""


class _Metrics(msgspec.Struct):
    base_score: float = 0.0


class _Rating(msgspec.Struct):
    version: str = ""
    vector_string: str = ""
    base_metrics: _Metrics | None = None


class _NamedLink(msgspec.Struct, rename="pascal"):
    name: str = ""
    link: str = ""


class _Metadata(msgspec.Struct):
    Issued: str | None = None
    Updated: str | None = None
    Withdrawn: str | None = None
    CVE: list[_NamedLink] | None = None
    NVD: Any = None


class _Vulnerability(msgspec.Struct):
    Name: str
    NamespaceName: str
    Severity: str | None = None
    Description: str | None = None
    Link: str | None = None
    CVSS: list[_Rating] | None = None
    Metadata: _Metadata | None = None
    FixedIn: list[_FixedIn] | None = None


class OsItem(msgspec.Struct):
    """The item of an envelope of this schema."""

    Vulnerability: _Vulnerability


def namespace_of(text: str) -> str:
    """A namespace of vunnel's as this project names it. Raises ValueError for any other text."""
    distribution, colon, release = text.partition(":")
    distribution = _DISTRIBUTIONS.get(distribution, distribution)
    if not (distribution and colon and release):
        raise ValueError(f"{text[:60]!r} is not a namespace of a distribution")
    if distribution == "mariner" and release.partition(".")[0] not in ("1", "2"):
        distribution = "azurelinux"
    return f"{distribution}:{release}"


def advisory_of(item: OsItem, source: str, report: Report, place: str) -> Advisory:
    """The advisory of one record. Raises ValueError if it belongs to no release."""
    vulnerability = item.Vulnerability
    namespace = namespace_of(vulnerability.NamespaceName)
    metadata = vulnerability.Metadata or _Metadata()
    groups: dict[tuple[str, str | None, str, str], list[_FixedIn]] = {}
    for fix in vulnerability.FixedIn or ():
        scheme = _FORMATS.get(fix.version_format.lower())
        if not fix.name or scheme is None:
            report(place, _left_out(fix))
            continue
        groups.setdefault((fix.name, _module(fix, namespace), fix.arch or "", scheme), []).append(fix)
    severity = severity_of(vulnerability.Severity or "")
    affected: dict[AffectedPackage, None] = {}
    for (name, module, arch, scheme), fixes in groups.items():
        row = AffectedPackage(
            namespace=namespace, name=name, scheme=scheme, module=module, arch=arch, severity=severity
        )
        affected.update(dict.fromkeys(_rows(row, fixes, vulnerability.Name, report)))
    cves = metadata.CVE or ()
    return Advisory(
        id=vulnerability.Name,
        source=source,
        aliases=tuple(dict.fromkeys(cve.name for cve in cves if cve.name and cve.name != vulnerability.Name)),
        severity=severity,
        cvss=tuple(_ratings(vulnerability, metadata)),
        summary=line_of(vulnerability.Description or ""),
        published=instant(metadata.Issued),
        modified=instant(metadata.Updated),
        withdrawn=instant(metadata.Withdrawn),
        references=links_of((vulnerability.Link or "", *(cve.link for cve in cves))),
        affected=tuple(affected),
    )


def _module(fix: _FixedIn, namespace: str) -> str | None:
    return (fix.module or "") if namespace.startswith(_MODULAR) else None


def _ratings(vulnerability: _Vulnerability, metadata: _Metadata) -> Iterator[Cvss]:
    for rating in vulnerability.CVSS or ():
        if rating.vector_string and rating.base_metrics and 0 <= rating.base_metrics.base_score <= 10:
            yield Cvss(rating.version, rating.vector_string, rating.base_metrics.base_score)
    second = metadata.NVD.get("CVSSv2") if isinstance(metadata.NVD, dict) else None
    if isinstance(second, dict) and isinstance(second.get("Score"), int | float) and second.get("Vectors"):
        yield Cvss("2.0", str(second["Vectors"]), float(second["Score"]), "NVD")


def _rows(row: AffectedPackage, fixes: Sequence[_FixedIn], identity: str, report: Report) -> Iterator[AffectedPackage]:
    """The rows of one package: all that is said of it in one module and architecture."""
    if all(fix.fix == "0" for fix in fixes):
        yield msgspec.structs.replace(row, kind="unaffected", ranges=(EVERY_VERSION,))
        return
    has_range = any(fix.vulnerable_range for fix in fixes)
    minors = (
        rhel_minors.compute_minor_rows(_builds(fixes)) if _RHEL_MAJOR.match(row.namespace) and not has_range else ()
    )
    if minors:
        for governed in minors:
            newest = next((fix for fix in fixes if fix.fix == governed.fixes[0].evr), None)
            yield msgspec.structs.replace(
                row,
                namespace=row.namespace if governed.minor is None else f"{row.namespace}.{governed.minor}",
                ranges=governed.ranges,
                fix_state="fixed",
                fix_date=newest.day if newest else "",
                vendor_ids=governed.announcements,
            )
        return
    for fix in fixes:
        if fix.fix == "0":
            continue
        try:
            ranges = _ranges(fix, identity)
        except ValueError as error:
            report(f"{identity} {row.name}", reason_of(error, (row.name,)))
            continue
        yield msgspec.structs.replace(
            row, ranges=ranges, fix_state=_state(fix), fix_date=fix.day if fix.fix else "", vendor_ids=fix.announcements
        )


def _left_out(fix: _FixedIn) -> RecordFault:
    reason = f"the versions of a package are in {fix.version_format[:30]!r}, which is not known"
    return RecordFault(reason, (fix.name,) if fix.name else None)


def _builds(fixes: Sequence[_FixedIn]) -> list[rhel_minors.Fix]:
    return [
        rhel_minors.Fix(build.version, build.minor, build.advisory)
        for fix in fixes
        for build in fix.advisories or ()
        if build.version
    ]


def _state(fix: _FixedIn) -> FixState:
    if fix.fix:
        return "fixed"
    return "wont-fix" if fix.vendor_advisory and fix.vendor_advisory.no_advisory else "not-fixed"


def _ranges(fix: _FixedIn, identity: str) -> tuple[Range, ...]:
    if fix.vulnerable_range:
        return ranges_of(fix.vulnerable_range, fix.fix)
    if not fix.fix:
        return (EVERY_VERSION,)
    low = low_of(identity, fix.fix) if identity.startswith("ALAS") else ""
    return (Range(low=low, high=fix.fix, fixed=fix.fix),)


def ranges_of(text: str, fixed: str) -> tuple[Range, ...]:
    """A condition `>= a, < b || < c` (commas may be missing) as ranges, all with this fix. Raises ValueError for any other text."""
    if len(text) > _MAX_RANGE:
        raise BeyondLimit(f"its range is longer than {_MAX_RANGE:,} characters")
    return tuple(_range(clause, fixed) for clause in text.split("||"))


def _range(clause: str, fixed: str) -> Range:
    low, low_open, high, high_open = "", False, "", True
    at = 0
    while at < len(clause.rstrip()):
        bound = _CLAUSE.match(clause, at)
        if bound is None:
            raise ValueError(f"{clause.strip()[:100]!r} is not a range of versions")
        operator, version = bound.groups()
        if operator in (">", ">="):
            low, low_open = "" if version == "0" and operator == ">=" else version, operator == ">"
        elif operator in ("<", "<="):
            high, high_open = version, operator == "<"
        else:
            low, low_open, high, high_open = version, False, version, False
        at = bound.end()
    return Range(low=low, low_open=low_open, high=high, high_open=high_open, fixed=fixed)
