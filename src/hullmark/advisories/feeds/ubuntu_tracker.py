"""Ubuntu's CVE tracker: a file a CVE of `Field: value` lines (https://git.launchpad.net/ubuntu-cve-tracker, README).

`RELEASE_PACKAGE: STATE (WORDS)` says how a source package stands in a release; `esm-infra/jammy` and such are Ubuntu Pro, of
which the fixes and what is not affected are kept (`ubuntu:22.04+esm`). FIPS, real-time and ROS builds are left out: they are
other packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.wording import is_cve, line_of, links_of, severity_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Cvss, FixState, Range, Record, Severity

_ARCHIVE = "https://git.launchpad.net/ubuntu-cve-tracker/snapshot/ubuntu-cve-tracker-master.tar.gz"
_FILE = re.compile(r"(?:^|/)(CVE-[0-9]{4}-[0-9]{4,19})$").search

CODENAMES = {
    "dapper": "6.06",
    "edgy": "6.10",
    "feisty": "7.04",
    "gutsy": "7.10",
    "hardy": "8.04",
    "intrepid": "8.10",
    "jaunty": "9.04",
    "karmic": "9.10",
    "lucid": "10.04",
    "maverick": "10.10",
    "natty": "11.04",
    "oneiric": "11.10",
    "precise": "12.04",
    "quantal": "12.10",
    "raring": "13.04",
    "saucy": "13.10",
    "trusty": "14.04",
    "utopic": "14.10",
    "vivid": "15.04",
    "wily": "15.10",
    "xenial": "16.04",
    "yakkety": "16.10",
    "zesty": "17.04",
    "artful": "17.10",
    "bionic": "18.04",
    "cosmic": "18.10",
    "disco": "19.04",
    "eoan": "19.10",
    "focal": "20.04",
    "groovy": "20.10",
    "hirsute": "21.04",
    "impish": "21.10",
    "jammy": "22.04",
    "kinetic": "22.10",
    "lunar": "23.04",
    "mantic": "23.10",
    "noble": "24.04",
    "oracular": "24.10",
    "plucky": "25.04",
    "questing": "25.10",
    "resolute": "26.04",
    "stonking": "26.10",
}
"""In the order of release."""

_ORDER = {codename: place for place, codename in enumerate(CODENAMES)}
_SUCCESSORS = dict(zip(CODENAMES, list(CODENAMES)[1:], strict=False))
_ESM_POCKETS = ("esm-infra", "esm-apps", "esm-infra-legacy")

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_./+-]*):[ \t]*(.*)")
_STATE = re.compile(r"([A-Za-z-]+)\s*(?:\((.*)\))?")
_VERSION = re.compile(r"(?:[0-9]+:)?[0-9][A-Za-z0-9.+~:-]*").fullmatch
_CVSS = re.compile(r"(\w+):\s*(CVSS:([34]\.[01])/\S+)(?:\s*\[([0-9.]+))?")
_NOTICE = re.compile(r"/(USN-[0-9]+-[0-9]+)\b")
_UNFIXED: dict[str, FixState] = {
    "needed": "not-fixed",
    "pending": "not-fixed",
    "active": "not-fixed",
    "in-progress": "not-fixed",
    "deferred": "not-fixed",
    "ignored": "wont-fix",
    "needs-triage": "unknown",
}

_Fields = Mapping[str, Sequence[str]]
"""The lines of each field: what follows the colon, then what is indented below."""


def esm_or_base(release: str) -> str:
    """`ubuntu:22.04` for jammy, `ubuntu:22.04+esm` for its pockets of Ubuntu Pro; "" for other builds and unknown names."""
    pocket, slash, codename = release.rpartition("/")
    if slash and codename == "esm":
        pocket, codename = "esm-infra", pocket
    number = CODENAMES.get(codename)
    if number is None or (slash and pocket not in _ESM_POCKETS):
        return ""
    return f"ubuntu:{number}+esm" if slash else f"ubuntu:{number}"


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory a file."""
    for document in documents:
        for name, data in members(document):
            found = _FILE(name)
            if found:
                yield _advisory(found[1], _fields(data.decode("utf-8", "replace")))


def _fields(text: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            current.append(line.strip())
        elif line[:1] != "#":
            found = _FIELD.match(line)
            if found:
                current = fields.setdefault(found[1], [])
                current.append(found[2].strip())
    return fields


def _advisory(name: str, fields: _Fields) -> Advisory:
    candidate = _first(fields, "Candidate")
    links = fields.get("References", ())
    notices = tuple(dict.fromkeys(notice for link in links for notice in _NOTICE.findall(link)))
    description = " ".join(fields.get("Description", ())).strip()
    published = _moment(_first(fields, "PublicDate"))
    return Advisory(
        id=candidate if is_cve(candidate) else name,
        source=FEED.name,
        severity=_priority(_first(fields, "Priority")),
        cvss=tuple(_cvss(fields.get("CVSS", ()))),
        summary=line_of(description),
        published=published,
        withdrawn=published if description.startswith("** REJECT **") else "",
        references=links_of(links),
        affected=tuple(_list_affected_packages(fields, notices)),
    )


def _list_affected_packages(fields: _Fields, notices: tuple[str, ...]) -> Iterator[AffectedPackage]:
    devel = _devel(fields)
    seen: set[tuple[str, str]] = set()
    for field, lines in fields.items():
        release, _, package = field.partition("_")
        namespace = esm_or_base(devel if release == "devel" else release)
        if not namespace or not package or (namespace, package) in seen:
            continue
        row = _row(namespace, package, lines[0], notices)
        if row is not None:
            seen.add((namespace, package))
            severity = _own_priority(fields, package, release)
            yield row if severity is None else msgspec.structs.replace(row, severity=severity)


def _row(namespace: str, package: str, text: str, notices: tuple[str, ...]) -> AffectedPackage | None:
    found = _STATE.match(text)
    state, words = (found[1], (found[2] or "").strip()) if found else ("", "")
    version = words if _VERSION(words) else ""
    if state == "released" and version:
        return AffectedPackage(
            namespace=namespace,
            name=package,
            scheme="deb",
            ranges=(Range(high=version, fixed=version),),
            fix_state="fixed",
            vendor_ids=notices,
        )
    if state == "not-affected":
        ranges = (Range(low=version),) if version else (EVERY_VERSION,)
        return AffectedPackage(
            namespace=namespace, name=package, scheme="deb", kind="unaffected", ranges=ranges, note=line_of(words)
        )
    if state not in _UNFIXED or namespace.endswith("+esm"):
        return None
    note = line_of(f"{state}: {words}" if words else state)
    return AffectedPackage(
        namespace=namespace, name=package, scheme="deb", ranges=(EVERY_VERSION,), fix_state=_UNFIXED[state], note=note
    )


def _devel(fields: _Fields) -> str:
    """The codename that `devel` stood for when the file was written: what came after the newest release that it names."""
    named = [release for field in fields if (release := field.partition("_")[0]) in _ORDER]
    return _SUCCESSORS.get(max(named, key=_ORDER.__getitem__), "") if named else ""


def _own_priority(fields: _Fields, package: str, release: str) -> Severity | None:
    for field in (f"Priority_{package}_{release}", f"Priority_{package}"):
        if field in fields:
            return _priority(_first(fields, field))
    return None


def _priority(text: str) -> Severity:
    return severity_of(text.split()[0]) if text.split() else "unknown"


def _cvss(lines: Sequence[str]) -> Iterator[Cvss]:
    for line in lines:
        found = _CVSS.match(line)
        if found and found[4]:
            try:
                yield Cvss(found[3], found[2], float(found[4]), found[1])
            except ValueError:
                continue


def _first(fields: _Fields, field: str) -> str:
    return next(iter(fields.get(field, ())), "")


def _moment(text: str) -> str:
    """`2022-03-15 17:15:00 UTC` as `2022-03-15T17:15:00Z`; a day alone stays one."""
    words = text.split()
    return f"{words[0]}T{words[1]}Z" if len(words) == 3 and words[2] == "UTC" else "".join(words[:1])


FEED = Feed(
    name="ubuntu-tracker",
    title="Ubuntu CVE tracker",
    homepage="https://ubuntu.com/security/cves",
    licence="CC-BY-SA-4.0 (as Canonical says of its notices; the tree itself says nothing)",
    crawl=crawl_of(Get(url=_ARCHIVE)),
    parse=parse,
    is_default=False,
    covers={"ubuntu:*": 1000},
    least_records=25_000,
)
