"""What one of the `affected` of an OSV record says of a package (https://ossf.github.io/osv-schema/#affected-fields)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from hullmark.advisories.feeds.feed import RecordFault, Report
from hullmark.advisories.feeds.formats.ecosystems import Ecosystem, ecosystem_of
from hullmark.advisories.feeds.formats.osv_events import is_never, not_covered, ranges_of_events
from hullmark.advisories.feeds.formats.osv_schema import EcosystemSpecific, Entry, Record
from hullmark.advisories.feeds.formats.wording import day_of, severity_of
from hullmark.model.advisory import EVERY_VERSION, AffectedPackage, FixState, GoImport, Range, Severity

ERRATA = (
    *("ALBA-", "ALEA-", "ALSA-", "DLA-", "DSA-", "DTSA-", "LSN-", "MGASA-", "OESA-", "RHBA-", "RHEA-", "RHSA-"),
    *("RLBA-", "RLEA-", "RLSA-", "RXSA-", "SUSE-", "USN-", "openSUSE-"),
)
"""How the ids of announcements of fixes begin."""

_STREAM = re.compile(r"(?<![\w.+-])[\w.+-]+:[\w.+-]+")
_MODULAR = ("almalinux:", "rhel:", "rocky:")
_MODULE_MARK = ".module"
_LAST_KNOWN = re.compile(r"\s*(<=?)\s*(\S+)\s*").fullmatch
_PLATFORMS = {
    "darwin": "cpe:2.3:o:apple:macos:*:*:*:*:*:*:*:*",
    "linux": "cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*",
    "macos": "cpe:2.3:o:apple:macos:*:*:*:*:*:*:*:*",
    "win32": "cpe:2.3:o:microsoft:windows:*:*:*:*:*:*:*:*",
    "windows": "cpe:2.3:o:microsoft:windows:*:*:*:*:*:*:*:*",
}


def affected_of(record: Record, entry: Entry, report: Report, place: str) -> Iterator[AffectedPackage]:
    """None or one `AffectedPackage`: none for what images do not hold, for versions in git only, and, reported, what is not known."""
    package = entry.package
    if package is None or not package.name:
        if not record.withdrawn and all(span.type != "GIT" for span in entry.ranges or ()):
            report(place, RecordFault("one of its `affected` names no package"))
        return
    try:
        ecosystem = ecosystem_of(package.ecosystem)
    except LookupError as error:
        report(place, str(error))
        return
    if ecosystem is None:
        return
    spans = [span.events or [] for span in entry.ranges or () if span.type != "GIT"]
    is_distribution = ":" in ecosystem.namespace
    if is_distribution and spans and all(map(is_never, spans)):
        yield AffectedPackage(
            namespace=ecosystem.namespace,
            name=ecosystem.spelling(package.name),
            scheme=ecosystem.scheme,
            kind="unaffected",
            ranges=(EVERY_VERSION,),
        )
        return
    found = dict.fromkeys(interval for events in spans for interval in ranges_of_events(events, ecosystem.scheme))
    stated = tuple(found)
    versions = not_covered(entry.versions or (), stated, ecosystem.scheme)
    ranges = _with_project_versions(_close_open_ranges(stated, entry), entry, ecosystem)
    if ranges or versions:
        yield _make_affected_package(record, entry, ecosystem, ranges, versions)
    elif not record.withdrawn and not _begins(entry):
        report(place, RecordFault(f"it names no versions of {package.name[:100]}", (package.name,)))


def _begins(entry: Entry) -> bool:
    """Whether a range says where it begins, whatever it comes to."""
    return any(event.introduced for span in entry.ranges or () for event in span.events or ())


def word_among(words: Iterable[object]) -> Severity:
    """The first severity that one of the words stands for."""
    severities = (severity_of(word) for word in words if isinstance(word, str))
    return next((severity for severity in severities if severity != "unknown"), "unknown")


def fix_state_of(ranges: Iterable[Range]) -> FixState:
    """`fixed` if all have a fix; `not-fixed` if one without has no end either; else it is not known."""
    open_ended = [interval for interval in ranges if not interval.fixed]
    if not open_ended:
        return "fixed"
    return "not-fixed" if any(not interval.high for interval in open_ended) else "unknown"


def platforms_of(systems: Iterable[object]) -> tuple[str, ...]:
    """The CPEs of operating systems, by the names that compilers give them; none if one of them has none here."""
    cpes = {_PLATFORMS.get(system) if isinstance(system, str) else None for system in systems}
    return tuple(sorted(cpe for cpe in cpes if cpe)) if None not in cpes else ()


def _make_affected_package(
    record: Record, entry: Entry, ecosystem: Ecosystem, ranges: tuple[Range, ...], versions: tuple[str, ...]
) -> AffectedPackage:
    specific = entry.ecosystem_specific or EcosystemSpecific()
    word = word_among((specific.ubuntu_priority, specific.urgency, specific.severity))
    is_announced = record.id.startswith(ERRATA) and ":" in ecosystem.namespace
    return AffectedPackage(
        namespace=ecosystem.namespace,
        name=ecosystem.spelling(entry.package.name if entry.package else ""),
        scheme=ecosystem.scheme,
        ranges=ranges,
        versions=versions,
        fix_state=_fix_state(ranges, entry),
        fix_date=day_of(record.published or "") if is_announced else "",
        severity="" if word == "unknown" else word,
        module=_module(record, ranges) if ecosystem.namespace.startswith(_MODULAR) else None,
        symbols=tuple(GoImport(imported.path, tuple(imported.symbols or ())) for imported in specific.imports or ()),
        platforms=_platforms(specific),
        vendor_ids=(record.id,) if is_announced else (),
    )


def _fix_state(ranges: tuple[Range, ...], entry: Entry) -> FixState:
    state = fix_state_of(ranges) if ranges else "unknown"
    is_refused = entry.database_specific is not None and entry.database_specific.fix_state == "wont-fix"
    return "wont-fix" if is_refused and state != "fixed" else state


def _module(record: Record, ranges: Iterable[Range]) -> str | None:
    """The stream that the summary names if the fix is a module's; None if it names none or several; "" outside modules."""
    if not any(_MODULE_MARK in interval.fixed for interval in ranges):
        return ""
    streams = set(_STREAM.findall(record.summary or "")) - {record.id}
    return streams.pop() if len(streams) == 1 else None


def _close_open_ranges(ranges: tuple[Range, ...], entry: Entry) -> tuple[Range, ...]:
    """Ranges without an end end where GitHub last knew the package to be affected."""
    last = entry.database_specific.last_known_affected_version_range if entry.database_specific else None
    found = _LAST_KNOWN(last) if isinstance(last, str) else None
    if found is None:
        return ranges
    return tuple(
        interval if interval.high else Range(low=interval.low, high=found[2], high_open=found[1] == "<")
        for interval in ranges
    )


def _with_project_versions(ranges: tuple[Range, ...], entry: Entry, ecosystem: Ecosystem) -> tuple[Range, ...]:
    """Go modules whose tags are not versions of the module are affected in every version; their own say more of the end.

    The beginning stays open: what is built from such a module has a pseudo-version, which is below all of its own.
    """
    spans = entry.ecosystem_specific.custom_ranges if entry.ecosystem_specific else None
    if not spans or ranges != (EVERY_VERSION,):
        return ranges
    own = tuple(interval for span in spans for interval in ranges_of_events(span.events or (), ecosystem.scheme))
    return (msgspec.structs.replace(own[0], low=""), *own[1:]) if own else ranges


def _platforms(specific: EcosystemSpecific) -> tuple[str, ...]:
    if specific.imports and all(imported.goos for imported in specific.imports):
        return platforms_of(system for imported in specific.imports for system in imported.goos or ())
    if isinstance(specific.affects, dict) and isinstance(specific.affects.get("os"), list):
        return platforms_of(specific.affects["os"])
    return ()
