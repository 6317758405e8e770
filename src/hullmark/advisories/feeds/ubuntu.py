"""Ubuntu's vulnerabilities: OSV records and OpenVEX documents of Canonical (https://documentation.ubuntu.com/security, OSV, VEX).

OSV says what is affected and fixed, a record a CVE; the notices (USN) among them name and date the fixes. VEX says what is not
affected, what nobody has looked at yet, and of what is not fixed that it never will be (`ubuntu_vex`). Fixes of Ubuntu Pro become
`ubuntu:22.04+esm`; what only Pro names, its base release does not fix. FIPS, real-time and BlueField builds are left out: they
are other packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.cvss import rating_of
from hullmark.advisories.feeds.formats.names import found_at
from hullmark.advisories.feeds.formats.osv_events import Event, is_never, ranges_of_events
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.advisories.feeds.formats.wording import day_of, line_of, links_of, severity_of
from hullmark.advisories.feeds.ubuntu_vex import NOTHING, CveStatement, read_statements
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, FixState, Range, Record

_HOST = "https://security-metadata.canonical.com"
_OSV = f"{_HOST}/osv/osv-all.tar.xz"
_VEX = f"{_HOST}/vex/vex-all.tar.xz"

_ECOSYSTEM = re.compile(r"Ubuntu(:Pro)?:([0-9]{1,2}\.[0-9]{2})(?::LTS)?").fullmatch
_REJECTED = ("** REJECT", "Rejected reason:", "[Rejected")


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Range(msgspec.Struct):
    events: list[Event] = []


class _AffectedPackage(msgspec.Struct):
    package: _Package
    ranges: list[_Range] = []


class _Severity(msgspec.Struct):
    type: str = ""
    score: str = ""


class _Reference(msgspec.Struct):
    url: str = ""


class _Osv(msgspec.Struct):
    """What of a record is used. Its long lists of versions only spell out the ranges."""

    id: str
    details: str = ""
    published: str = ""
    modified: str = ""
    related: list[str] = []
    severity: list[_Severity] = []
    affected: list[_AffectedPackage] = []
    references: list[_Reference] = []


_RECORD = msgspec.json.Decoder(_Osv)
_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(Advisory)

_Notices = dict[tuple[str, str, str], tuple[str, str]]
"""(namespace, package, fixed version) → the notice and its day."""


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory a CVE, under the CVE's own id; Canonical's (`UBUNTU-CVE-…`) is an alias. Of some CVEs VEX alone speaks.

    The archives are in no order and too large to be read twice: advisories wait, packed, until all notices are known.
    `withdrawn` is set only for CVEs that were rejected: Canonical marks so any record that it no longer renews.
    """
    known = read_statements([document for document in documents if document.url == _VEX], report)
    notices: _Notices = {}
    packed: list[bytes] = []
    for document in documents:
        if document.url == _VEX:
            continue
        for name, data in members(document, (".json",)):
            record = decode(_RECORD, data, name, report, found_at("affected.*.package.name"))
            if record is None:
                continue
            if record.id.startswith("USN-"):
                _note(record, notices)
            elif record.id.startswith("UBUNTU-CVE-"):
                cve = record.id.removeprefix("UBUNTU-")
                packed.append(_PACK.encode(_advisory(record, cve, known.pop(cve, NOTHING))))
    for encoded in packed:
        advisory = _UNPACK.decode(encoded)
        affected = tuple(_add_notice(row, notices) for row in advisory.affected)
        yield msgspec.structs.replace(advisory, affected=affected)
    for cve, told_of in known.items():
        affected = tuple(told_of.rows())
        if affected:
            yield Advisory(id=cve, source=FEED.name, published=told_of.day, affected=affected)


def _note(record: _Osv, notices: _Notices) -> None:
    for affected in record.affected:
        namespace = _namespace(affected.package.ecosystem)
        for span in affected.ranges if namespace else ():
            for event in span.events:
                if event.fixed:
                    key = (namespace, affected.package.name, event.fixed)
                    notices.setdefault(key, (record.id, day_of(record.published)))


def _add_notice(row: AffectedPackage, notices: _Notices) -> AffectedPackage:
    if row.fix_state != "fixed":
        return row
    found = notices.get((row.namespace, row.name, row.ranges[-1].fixed))
    return row if found is None else msgspec.structs.replace(row, vendor_ids=(found[0],), fix_date=found[1])


def _namespace(ecosystem: str) -> str:
    found = _ECOSYSTEM(ecosystem)
    return f"ubuntu:{found[2]}{'+esm' if found[1] else ''}" if found else ""


def _advisory(record: _Osv, cve: str, vex: CveStatement) -> Advisory:
    priority = next((rating.score for rating in record.severity if rating.type == "Ubuntu"), "")
    ratings = [rating_of(rating.score) for rating in record.severity if rating.type.startswith("CVSS")]
    is_rejected = record.details.startswith(_REJECTED)
    return Advisory(
        id=cve,
        source=FEED.name,
        aliases=(record.id,),
        related=tuple(dict.fromkeys(name for name in record.related if name != cve)),
        severity=severity_of(priority),
        cvss=tuple(dict.fromkeys(rating for rating in ratings if rating is not None)),
        summary=line_of(record.details),
        published=record.published,
        modified=record.modified,
        withdrawn=(record.modified or record.published) if is_rejected else "",
        references=links_of(reference.url for reference in record.references),
        affected=tuple(_with_vex(_rows(record.affected, vex), vex)),
    )


def _with_vex(rows: Iterable[AffectedPackage], vex: CveStatement) -> Iterator[AffectedPackage]:
    """The rows of OSV, then what VEX says of packages that OSV does not name in this release."""
    named = set()
    for row in rows:
        named.add((row.namespace, row.name))
        yield row
    for row in vex.rows():
        if (row.namespace, row.name) not in named:
            named.add((row.namespace, row.name))
            yield row


def _rows(affected: Sequence[_AffectedPackage], vex: CveStatement) -> Iterator[AffectedPackage]:
    found = {(_namespace(entry.package.ecosystem), entry.package.name): entry for entry in affected}
    for (namespace, name), entry in found.items():
        if not namespace:
            continue
        ranges = tuple(span for part in entry.ranges for span in ranges_of_events(part.events, "deb"))
        is_pro = namespace.endswith("+esm")
        is_fixed = bool(ranges) and all(span.fixed for span in ranges)
        base = namespace.removesuffix("+esm")
        if any(is_never(part.events) for part in entry.ranges):
            yield AffectedPackage(
                namespace=namespace, name=name, scheme="deb", kind="unaffected", ranges=(EVERY_VERSION,)
            )
            continue
        if is_pro and (base, name) not in found:
            yield _row(base, name, (EVERY_VERSION,), "wont-fix", "fixed in Ubuntu Pro only" if is_fixed else "")
        if is_fixed:
            yield _row(namespace, name, ranges, "fixed")
        elif not is_pro:
            state: FixState = "wont-fix" if vex.is_never_fixed(namespace, name) else "not-fixed"
            yield _row(namespace, name, ranges or (EVERY_VERSION,), state)


def _row(namespace: str, name: str, ranges: tuple[Range, ...], state: FixState, note: str = "") -> AffectedPackage:
    return AffectedPackage(namespace=namespace, name=name, scheme="deb", ranges=ranges, fix_state=state, note=note)


FEED = Feed(
    name="ubuntu",
    title="Ubuntu security data (OSV and VEX)",
    homepage="https://ubuntu.com/security/cves",
    licence="CC-BY-SA-4.0",
    crawl=crawl_of(Get(url=_VEX), Get(url=_OSV)),
    parse=parse,
    overrides="ubuntu-tracker",
    covers={"ubuntu:*": 1000},
    least_records=25_000,
)
