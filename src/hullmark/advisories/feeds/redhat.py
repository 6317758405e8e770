"""Red Hat: CSAF VEX documents, one for each CVE (https://security.access.redhat.com/data/csaf/v2/vex/).

All of them stand in an archive that `archive_latest.txt` names; `changes.csv` and `deletions.csv` say what has changed since.
Rows are of source packages; binary packages have rows of their own only where no source package of theirs is listed. Releases
are `rhel:N`, `rhel:N.M` where a minor release has a fix of its own (see rhel_minors), and the streams of longer support, each for
whom has its repositories: `rhel:N.M+eus`, `+aus`, `+e4s`, `+tus` where they say another thing than the extended one, and `rhel:N+els`.
What is not fixed in a release trumps fixes in it. Flatpak modules and debug packages are left out, and the channel of a repository
(`baseos`, `appstream`): what is not fixed is told without one.

What they say of container images is of the namespace `oci:redhat` (see redhat_images).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report, reason_of
from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.formats.csaf_folders import changes_in, texts_in
from hullmark.advisories.feeds.formats.reading import lines
from hullmark.advisories.feeds.formats.redhat_images import NAMESPACE, WONT_FIX, image_rows, remedies_of
from hullmark.advisories.feeds.formats.rhel_minors import Fix, Row, rows
from hullmark.advisories.feeds.formats.rpms import instant, is_debug, nevra
from hullmark.advisories.feeds.formats.wording import day_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, FixState
from hullmark.model.limit import Limit
from hullmark.model.purl import unquote

PLACE = "https://security.access.redhat.com/data/csaf/v2/vex/"
_MAX_CHANGES = Limit(20_000, "changed Red Hat advisories that are fetched one by one (else all are)", "later")
_CPE = re.compile(r"cpe:(?:/|2\.3:)[ao]:redhat:([a-z0-9_]+):(\d+)(?:\.(\d+))?(?:[:.]|$)")
_MAIN = frozenset({"enterprise_linux", "enterprise_linux_server", "rhel_extras"})
_STREAM = re.compile(r"(?:rhel|enterprise_linux)_(aus|e4s|els|eus|tus)").fullmatch
_MINOR = re.compile(r"-(\d+)\.(\d+)(?=\.|$)")
_PURL = re.compile(r"pkg:rpm/[^/@?]+/([^/@?]+)(?:@([^?]+))?(?:\?(.*))?$")
_MODULE_PURL = re.compile(r"pkg:rpmmod/[^/@?]+/([^/@?]+)@([^:?]+)")
_ANNOUNCEMENT = re.compile(r"RH[A-Z]A-\d{4}:\d+")
_ARCHIVE = re.compile(r"[\w.-]+\.tar\.\w+")
_ARCHIVE_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_OLDEST = 5


class Release(NamedTuple):
    """A release that is matched. `stream`: which longer support of it, "" for none.

    `is_by_binary`: rows are of binary packages, not of source ones.
    """

    namespace: str
    major: int
    minor: int | None = None
    stream: str = ""
    is_by_binary: bool = False


class Component(NamedTuple):
    """A package of a product: `arch` "" if none is told, `module` as `name:stream`, "" outside modules."""

    name: str
    evr: str
    arch: str
    module: str


Releases = Callable[[csaf.Product], Release | None]
"""Which release a platform of a document is, None for products that are not matched."""


def release_of(platform: csaf.Product) -> Release | None:
    """Red Hat Enterprise Linux 5 and later, by the CPE; the minor release by the CPE or the product's id.

    Streams are of a minor release, but for the extended life-cycle, which is of the last one.
    """
    found = _CPE.match(platform.cpe)
    if found is None or int(found[2]) < _OLDEST:
        return None
    stream = _STREAM(found[1])
    if found[1] not in _MAIN and stream is None:
        return None
    major, minor = int(found[2]), None if found[3] is None else int(found[3])
    minor_match = _MINOR.search(platform.product_id)
    if minor is None and minor_match is not None and int(minor_match[1]) == major:
        minor = int(minor_match[2])
    if stream is not None:
        minor = None if stream[1] == "els" else minor
        if minor is None and stream[1] != "els":
            return None
        release = str(major) if minor is None else f"{major}.{minor}"
        return Release(f"rhel:{release}+{stream[1]}", major, minor, stream[1])
    return Release(f"rhel:{major}", major, minor)


def crawl(known: CrawlState, folder: str = PLACE, archive: str = "csaf_vex") -> Crawl:
    """The archive and what has changed since; or only the changes since the last crawl, if they are not too many.

    Each kind of document lies in a `folder`, with a dated archive whose name begins with `archive`.
    """
    changes = (yield Get(url=folder + "changes.csv", is_addition=True)) if known.since else None
    if changes is not None:
        changed = changes_in(changes)
        recent = [path for path, at in changed.items() if at[:19] >= known.since[:19]]
        if len(recent) <= _MAX_CHANGES and len(recent) < len(changed):
            yield Get(url=folder + "deletions.csv", is_addition=True)
            for path in sorted(recent, key=changed.__getitem__):
                yield Get(url=folder + path, is_addition=True, is_optional=True)
            return
    yield from _whole_crawl(folder, archive)


def _whole_crawl(folder: str, archive: str) -> Crawl:
    name = archive_name((yield Get(url=folder + "archive_latest.txt")), archive)
    yield Get(url=folder + name, or_latest=f"{archive}_*.tar.zst")
    yield Get(url=folder + "deletions.csv")
    changes = yield Get(url=folder + "changes.csv")
    made = _ARCHIVE_DAY.search(name)
    if changes is None or made is None:
        return
    changed = changes_in(changes)
    for path in sorted(changed, key=changed.__getitem__):
        if changed[path][:10] >= made[0]:
            yield Get(url=folder + path, is_optional=True)


def archive_name(latest: Document | None, archive: str = "csaf_vex") -> str:
    """The name of the archive that `archive_latest.txt` tells; a usual one if it tells none."""
    named = next(lines(latest), "").strip() if latest is not None else ""
    return named if _ARCHIVE.fullmatch(named) else f"{archive}_latest.tar.zst"


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each document: archives first, then single documents, as they were fetched."""
    yield from parse_vex(documents, report, "redhat", release_of, has_images=True)


def parse_vex(
    documents: Sequence[Document], report: Report, source: str, releases: Releases, *, has_images: bool = False
) -> Iterator[Advisory]:
    """Read archives of VEX documents and single ones, an advisory for each vulnerability, about container images too if wanted."""
    for place, data in texts(documents, report):
        yield from advisories_of(data, source, releases, report, place, has_images)


def texts(documents: Sequence[Document], report: Report) -> Iterator[tuple[str, bytes]]:
    """Place and text of every document in archives and of single ones, but those that the last of the lists tells were deleted."""
    gone: dict[str, str] = {}
    changed: dict[str, str] = {}
    for document in documents:
        if document.url.endswith("deletions.csv"):
            gone |= changes_in(document)
        elif document.url.endswith("changes.csv"):
            changed |= changes_in(document)
    deleted = {path for path, at in gone.items() if at >= changed.get(path, "")}
    for document in documents:
        if document.url.endswith((".csv", ".txt")):
            continue
        for place, data in texts_in(document, report):
            if "/".join(place.split("/")[-2:]) not in deleted:
                yield place, data


def advisories_of(
    data: bytes, source: str, releases: Releases, report: Report, place: str, has_images: bool = False
) -> Iterator[Advisory]:
    """The advisories of one CSAF document, one for each vulnerability in it. Anything else is reported."""
    try:
        document = csaf.read(data)
    except ValueError as error:
        report(place, reason_of(error, csaf.names_of(data)))
        return
    yield from advisories_in(document, source, releases, report, place, has_images)


def advisories_in(
    document: csaf.Csaf, source: str, releases: Releases, report: Report, place: str, has_images: bool = False
) -> Iterator[Advisory]:
    """The same of a document that was read."""
    products = csaf.products_of(document)
    tracking = document.document.tracking
    for vulnerability in document.vulnerabilities:
        if not vulnerability.id:
            report(place, csaf.without_id(vulnerability))
            continue
        remedies = remedies_of(vulnerability, document.groups)
        images = image_rows(vulnerability, products, remedies, partial(report, place)) if has_images else ()
        yield Advisory(
            id=vulnerability.id,
            source=source,
            severity=csaf.severity_of(vulnerability, document),
            cvss=csaf.ratings_of(vulnerability),
            cwes=(vulnerability.cwe.id,) if vulnerability.cwe and vulnerability.cwe.id else (),
            summary=csaf.summary_of(vulnerability, document),
            published=instant(vulnerability.release_date or tracking.initial_release_date),
            modified=instant(tracking.current_release_date),
            references=csaf.references_of(vulnerability, document),
            affected=(*_list_affected_packages(vulnerability, products, remedies, releases), *images),
        )


def component_of(product: csaf.Product, between: Sequence[csaf.Product]) -> Component | None:
    """The package that a component is, by its purl or its id; None for what is not an rpm."""
    module = ""
    for holder in between:
        named = _MODULE_PURL.match(holder.purl)
        module = f"{unquote(named[1])}:{unquote(named[2])}" if named else ":".join(holder.product_id.split(":")[:2])
    identity, _, stream = product.product_id.partition("::")
    purl = _PURL.match(product.purl)
    if purl is None:
        return None if product.purl else _component_of_id(identity, stream or module)
    qualifiers = dict(part.partition("=")[::2] for part in (purl[3] or "").split("&"))
    module = unquote(qualifiers.get("rpmmod", "")) or stream or module
    module = ":".join(module.split(":")[:2])
    evr = ""
    if purl[2]:
        told_epoch = re.search(r"-(\d+):", product.product_id)
        epoch = qualifiers.get("epoch") or (told_epoch[1] if told_epoch and not stream else "0")
        evr = f"{epoch}:{unquote(purl[2])}"
    return Component(unquote(purl[1]), evr, qualifiers.get("arch", ""), module)


def _component_of_id(identity: str, module: str) -> Component:
    parts = nevra(identity)
    if parts is not None and any(sign.isdigit() for sign in parts[1]):
        return Component(parts[0], parts[1], parts[2], module)
    arch = "src" if identity.endswith(".src") else ""
    return Component(identity.removesuffix(".src").rpartition("/")[2], "", arch, module)


class _Key(NamedTuple):
    name: str
    module: str
    arch: str


class _VulnerabilityFacts(NamedTuple):
    """What was gathered of one vulnerability: fixes by release namespace, what has none by major, what is safe."""

    fixed: dict[tuple[_Key, Release], list[Fix]]
    unfixed: dict[tuple[_Key, Release], FixState]
    safe: dict[tuple[_Key, Release], None]


_Parts = dict[Release, list[tuple[str, Component]]]


def _list_affected_packages(
    vulnerability: csaf.Vulnerability,
    products: Mapping[str, csaf.Product],
    remedies: Mapping[str, csaf.Remediation],
    releases: Releases,
) -> Iterator[AffectedPackage]:
    by_status = {
        status: _by_release(vulnerability.product_status.get(status, ()), products, releases)
        for status in ("fixed", "known_affected", "known_not_affected")
    }
    found = _VulnerabilityFacts({}, {}, {})
    for release, parts in by_status["fixed"].items():
        for key, identity, component in _list_components(parts, release):
            found.fixed.setdefault((key, release), []).append(_fix(component, release, remedies.get(identity)))
    for release, parts in by_status["known_affected"].items():
        for key, identity, _ in _list_components(parts, release):
            remedy = remedies.get(identity)
            state: FixState = "wont-fix" if remedy is not None and remedy.category == WONT_FIX else "not-fixed"
            found.unfixed.setdefault((key, release), state)
    for release, parts in by_status["known_not_affected"].items():
        found.safe.update(dict.fromkeys((key, release) for key, _, _ in _list_components(parts, release)))
    return _rows(found)


def _by_release(ids: Sequence[str], products: Mapping[str, csaf.Product], releases: Releases) -> _Parts:
    known: dict[str, Release | None] = {}
    found: _Parts = {}
    for identity in ids:
        product = products.get(identity)
        if product is None or not product.platform:
            continue
        if product.platform in known and known[product.platform] is None:
            continue
        component, platform, between = csaf.parts(product, products)
        if platform is None:
            continue
        release = known.setdefault(product.platform, releases(platform))
        part = None if release is None else component_of(component, between)
        if (
            release is not None
            and part is not None
            and not is_debug(part.name)
            and not part.module.endswith(":flatpak")
        ):
            found.setdefault(release, []).append((identity, part))
    return found


def _list_components(parts: Sequence[tuple[str, Component]], release: Release) -> Iterator[tuple[_Key, str, Component]]:
    """Source packages, and binary ones that none of the source packages stands for; or binary ones alone, if there are any."""
    sources = [part for _, part in parts if part.arch == "src"]
    if release.is_by_binary:
        kept = [pair for pair in parts if pair[1].arch != "src"] or parts
        for identity, part in kept:
            yield _Key(part.name, part.module, "src" if part.arch == "src" else "binary"), identity, part
        return
    builds = {(part.evr, part.module) for part in sources}
    names = {(part.name, part.module) for part in sources}
    for identity, part in parts:
        if part.arch == "src" or not (sources or part.evr):
            yield _Key(part.name, part.module, ""), identity, part
        elif not ((part.evr, part.module) in builds if part.evr else _has_source(part, names)):
            yield _Key(part.name, part.module, "binary"), identity, part


def _has_source(part: Component, names: set[tuple[str, str]]) -> bool:
    """Whether a source package of the same name, or of the beginning of it up to a dash, is listed."""
    name = part.name
    while name:
        if (name, part.module) in names:
            return True
        name = name.rpartition("-")[0]
    return False


def _fix(component: Component, release: Release, remedy: csaf.Remediation | None) -> Fix:
    erratum = _ANNOUNCEMENT.search(remedy.url) if remedy else None
    return Fix(component.evr, release.minor, erratum[0] if erratum else "", day_of(remedy.date) if remedy else "")


def _rows(found: _VulnerabilityFacts) -> Iterator[AffectedPackage]:
    open_majors = {(key, release.major) for key, release in found.unfixed if not release.stream}
    general: dict[tuple[_Key, int], list[Fix]] = {}
    spaces = {(release.major): release.namespace for _, release in found.fixed if not release.stream}
    for (key, release), state in found.unfixed.items():
        yield _row(key, release.namespace, ranges=(EVERY_VERSION,), fix_state=state)
    yield from _list_stream_fixes(found)
    for (key, release), fixes in found.fixed.items():
        if not release.stream and (key, release.major) not in open_majors:
            general.setdefault((key, release.major), []).extend(fixes)
    for (key, major), fixes in general.items():
        for row in rows(list(dict.fromkeys(fixes))):
            yield _make_fixed_row(key, spaces[major] if row.minor is None else f"{spaces[major]}.{row.minor}", row)
    yield from _only_extended(found, open_majors)
    for key, release in found.safe:
        yield _row(key, release.namespace, kind="unaffected", ranges=(EVERY_VERSION,))


def _list_stream_fixes(found: _VulnerabilityFacts) -> Iterator[AffectedPackage]:
    """The fixes of streams. Whoever uses another stream of a minor release has its extended one too: what is equal is told once."""
    streamed = {
        (key, release): rows([Fix(fix.evr, None, fix.announcement, fix.day) for fix in fixes])[0]
        for (key, release), fixes in found.fixed.items()
        if release.stream
    }
    first = {
        (key, release.major, release.minor): row for (key, release), row in streamed.items() if release.stream == "eus"
    }
    for (key, release), row in streamed.items():
        same = first.get((key, release.major, release.minor))
        if release.stream == "eus" or same is None or same.ranges != row.ranges:
            yield _make_fixed_row(key, release.namespace, row)


def _only_extended(found: _VulnerabilityFacts, open_majors: set[tuple[_Key, int]]) -> Iterator[AffectedPackage]:
    """Where only extended support got a fix, the release itself stays vulnerable."""
    general = {(key, release.major) for key, release in (*found.fixed, *found.safe) if not release.stream}
    extended = {(key, release.major): None for key, release in found.fixed if release.stream == "eus"}
    for key, major in extended:
        if (key, major) not in general | open_majors:
            yield _row(key, f"rhel:{major}", ranges=(EVERY_VERSION,), fix_state="wont-fix")


def _make_fixed_row(key: _Key, namespace: str, row: Row) -> AffectedPackage:
    return _row(
        key,
        namespace,
        ranges=row.ranges,
        fix_state="fixed",
        fix_date=row.day,
        vendor_ids=row.announcements,
    )


def _row(key: _Key, namespace: str, **fields: object) -> AffectedPackage:
    return msgspec.structs.replace(
        AffectedPackage(namespace=namespace, name=key.name, scheme="rpm", module=key.module, arch=key.arch), **fields
    )


FEED = Feed(
    name="redhat",
    title="Red Hat Enterprise Linux (CSAF VEX)",
    homepage="https://access.redhat.com/security/data",
    licence="CC-BY-4.0",
    crawl=crawl,
    parse=parse,
    covers={"rhel:*": 500, NAMESPACE: 1_000},
    least_records=9_000,
)
