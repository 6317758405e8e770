"""Amazon Linux: the security announcements (ALAS) in its repositories' updateinfo.xml (https://docs.aws.amazon.com/linux/).

Amazon Linux 2 keeps other versions of some packages in repositories of their own (kernel-5.15, tomcat8.5 …): their announcements
speak only of versions of that line. Rows are of binary packages; with an architecture where fixes differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring, iterparse

from hullmark.advisories.feeds.feed import Crawl, CrawlState, DamagedDocument, Document, Feed, Get, RecordFault, Report
from hullmark.advisories.feeds.formats.archives import DAMAGE, convert_damage_errors, plain, whole
from hullmark.advisories.feeds.formats.reading import document_of
from hullmark.advisories.feeds.formats.rpms import below, below_each, by_arch, instant, is_debug
from hullmark.advisories.feeds.formats.wording import cves_in, day_of, line_of, links_of, severity_of
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from hullmark.model.limit import Limit

_CDN = "https://cdn.amazonlinux.com/"
_LISTS = (
    "2/core/latest/x86_64/mirror.list",
    "2/core/latest/aarch64/mirror.list",
    "al2023/core/mirrors/latest/x86_64/mirror.list",
    "al2023/core/mirrors/latest/aarch64/mirror.list",
)
_CATALOGUE = "2/extras-catalog.json"
_EXTRA = re.compile(r"[A-Za-z0-9._+-]+")
_RELEASE = re.compile(r"ALAS(2022|2023|2)?(?![0-9])")
_LINE = re.compile(r"ALAS(?:2022|2023|2(?![0-9]))?([A-Z][A-Z0-9-]*?)-?(\d+(?:\.\d+)*)-\d{4}-\d+$")
_MAX_PACKAGES = Limit(100_000, "packages of one Amazon Linux advisory", "refused")
_UNREADABLE: tuple[type[BaseException], ...] = (*DAMAGE, ParseError, DefusedXmlException, LookupError)


class _Topic(msgspec.Struct):
    n: str = ""


class _Catalogue(msgspec.Struct):
    topics: list[_Topic] = []


_CATALOGUES = msgspec.json.Decoder(_Catalogue)


def line_of_versions(identity: str) -> str:
    """The line of versions that an announcement speaks of: `5.4` of ALASKERNEL-5.4-2023-048, `8.5` of ALAS2TOMCAT8.5-2023-008; or ""."""
    found = _LINE.match(identity)
    return found[2] if found else ""


def low_of(identity: str, fixed: str) -> str:
    """Where the versions begin that an announcement speaks of, given the fix; "" if that is all before the fix."""
    line = line_of_versions(identity)
    version = fixed.partition(":")[2] if ":" in fixed else fixed
    return line if line and version.startswith((f"{line}.", f"{line}-")) else ""


def crawl(known: CrawlState) -> Crawl:
    """The updateinfo of the main repositories, and of Amazon Linux 2's additional ones."""
    lists = list(_LISTS)
    catalogue = yield Get(url=_CDN + _CATALOGUE, is_optional=True)
    if catalogue is not None:
        lists += [f"2/extras/{topic}/latest/x86_64/mirror.list" for topic in _topics(catalogue)]
    for place in lists:
        mirrors = yield Get(url=_CDN + place, is_optional=place not in _LISTS)
        base = _first_line(mirrors)
        if not base:
            continue
        index = yield Get(url=f"{base}/repodata/repomd.xml", is_optional=place not in _LISTS)
        location = _updateinfo_of(index)
        if location:
            yield Get(url=f"{base}/{location}")


def _topics(document: Document) -> list[str]:
    return [topic.n for topic in document_of(_CATALOGUES, document).topics if _EXTRA.fullmatch(topic.n)]


def _first_line(document: Document | None) -> str:
    if document is None:
        return ""
    with convert_damage_errors(document):
        line = whole(document, 1 << 16).decode("utf-8", "replace").strip().partition("\n")[0].strip().rstrip("/")
    return line if line.startswith("https://") else ""


def _updateinfo_of(document: Document | None) -> str:
    """Where the updateinfo stands, below the repository's place; "" if there is none."""
    if document is None:
        return ""
    with convert_damage_errors(document, errors=_UNREADABLE):
        root = fromstring(whole(document, 1 << 20))
    for data in root.iter("{http://linux.duke.edu/metadata/repo}data"):
        location = data.find("{http://linux.duke.edu/metadata/repo}location")
        if data.get("type") == "updateinfo" and location is not None:
            return str(location.get("href", ""))
    return ""


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each announcement, in the order in which the documents first name them."""
    found: dict[str, tuple[Advisory, dict[str, dict[str, set[str]]]]] = {}
    for document in documents:
        if document.url.endswith((".list", ".json", "repomd.xml")):
            continue
        for element in _updates(document):
            advisory, builds = _update(element, document.url)
            if not advisory.id and builds:
                report(document.url, RecordFault("an announcement has no id", builds))
            if not advisory.id or not builds:
                continue
            _, known = found.setdefault(advisory.id, (advisory, {}))
            for name, by in builds.items():
                for arch, evrs in by.items():
                    known.setdefault(name, {}).setdefault(arch, set()).update(evrs)
    for advisory, builds in found.values():
        yield msgspec.structs.replace(advisory, affected=tuple(_list_affected_packages(advisory, builds, report)))


def _updates(document: Document) -> Iterator[Any]:
    with convert_damage_errors(document, "it cannot be read to its end", _UNREADABLE), plain(document) as stream:
        for _, element in iterparse(stream, events=("end",)):
            if element.tag == "update":
                yield element
                element.clear()


def _update(element: Any, place: str) -> tuple[Advisory, dict[str, dict[str, set[str]]]]:
    """An announcement, and its fixes by package and architecture."""
    identity = (element.findtext("id") or "").strip()
    references = element.findall("references/reference")
    description = element.findtext("description") or ""
    cves = [reference.get("id", "") for reference in references if reference.get("type") == "cve"]
    issued, updated = element.find("issued"), element.find("updated")
    advisory = Advisory(
        id=identity,
        source="amazon",
        aliases=tuple(dict.fromkeys(cve for cve in (*cves, *cves_in(description)) if cve.startswith("CVE-"))),
        severity=severity_of(element.findtext("severity") or ""),
        summary=line_of(element.findtext("title") or description),
        published=instant(issued.get("date")) if issued is not None else "",
        modified=instant(updated.get("date")) if updated is not None else "",
        references=links_of(reference.get("href", "") for reference in references),
    )
    builds: dict[str, dict[str, set[str]]] = {}
    for number, package in enumerate(element.iterfind("pkglist/collection/package")):
        if number >= _MAX_PACKAGES:
            raise DamagedDocument(place, f"{identity[:200]} names more than {_MAX_PACKAGES:,} packages")
        name, arch = package.get("name", ""), package.get("arch", "")
        if name and arch != "src" and not is_debug(name):
            evr = f"{package.get('epoch') or '0'}:{package.get('version', '')}-{package.get('release', '')}"
            builds.setdefault(name, {}).setdefault(arch, set()).add(evr)
    return advisory, builds


def _list_affected_packages(
    advisory: Advisory, builds: dict[str, dict[str, set[str]]], report: Report
) -> Iterator[AffectedPackage]:
    release = _RELEASE.match(advisory.id)
    if release is None:
        report(advisory.id, RecordFault("its id tells no release of Amazon Linux", builds))
        return
    for name, by in builds.items():
        for arch, fixes in by_arch({arch: frozenset(evrs) for arch, evrs in by.items()}):
            yield AffectedPackage(
                namespace=f"amazon:{release[1] or '1'}",
                name=name,
                scheme="rpm",
                ranges=_ranges(advisory.id, sorted(fixes)),
                fix_state="fixed",
                fix_date=day_of(advisory.published),
                arch=arch,
                vendor_ids=(advisory.id,),
            )


def _ranges(identity: str, fixes: Sequence[str]) -> tuple[Range, ...]:
    if len(fixes) > 1:
        return below_each(fixes)
    return (below(fixes[0], low_of(identity, fixes[0])),)


FEED = Feed(
    name="amazon",
    title="Amazon Linux Security Center",
    homepage="https://alas.aws.amazon.com",
    licence="CC-BY-4.0",
    crawl=crawl,
    parse=parse,
    covers={"amazon:*": 100},
    least_records=1_500,
)
