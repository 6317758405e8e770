"""Retire.js (https://retirejs.github.io/retire.js): vulnerabilities of JavaScript libraries and of packages of npm, in two files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.names import only
from hullmark.advisories.feeds.formats.osv_affected import fix_state_of
from hullmark.advisories.feeds.formats.reading import decode, document_of
from hullmark.advisories.feeds.formats.wording import is_cve, line_of, links_of, severity_of
from hullmark.model.advisory import Advisory, AffectedPackage, Range

_REPOSITORIES = "https://raw.githubusercontent.com/RetireJS/retire.js/master/repository"
_EXAMPLE = "retire-example"
_NPM = "pkg:npm/"
_NO_END = re.compile(r"9{2,}(?:\.9+)*").fullmatch
"""Ends that stand for none: 99.999.99999."""

_NO_FIX = re.compile(r"[0-9]+(?:\.9{3,})+").fullmatch
"""Ends of a whole series: 2.999.999."""


class _Identifiers(msgspec.Struct):
    summary: str | None = None
    cve: list[str] | None = msgspec.field(default=None, name="CVE")
    github: str | None = msgspec.field(default=None, name="githubID")


class _Vulnerability(msgspec.Struct, rename="camel"):
    below: str
    at_or_above: str = ""
    severity: str | None = None
    cwe: list[str] | None = None
    excludes: list[str] | None = None
    identifiers: _Identifiers | None = None
    info: list[str] | None = None


class _Library(msgspec.Struct):
    npmname: str = ""
    base_purl: str = msgspec.field(default="", name="basePurl")
    vulnerabilities: list[msgspec.Raw] | None = None


_LIBRARIES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIBRARY = msgspec.json.Decoder(_Library)
_VULNERABILITY = msgspec.json.Decoder(_Vulnerability)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory an id: GitHub's or the CVE, else one made of library, range and words. What shares an id is joined.

    An entry that lists several CVEs is about each of them: it becomes an advisory for each.
    """
    advisories: dict[str, Advisory] = {}
    for document in documents:
        for name, raw in document_of(_LIBRARIES, document).items():
            library = (
                decode(_LIBRARY, raw, f"{document.url} {name[:100]}", report, only(name)) if name != _EXAMPLE else None
            )
            if library is None:
                continue
            for vulnerability in _vulnerabilities(
                library, library.npmname or name, f"{document.url} {name[:100]}", report
            ):
                for advisory in _advisories(vulnerability, name, library):
                    known = advisories.get(advisory.id)
                    advisories[advisory.id] = _both(known, advisory) if known else advisory
    yield from advisories.values()


def _vulnerabilities(library: _Library, key: str, place: str, report: Report) -> Iterator[_Vulnerability]:
    for number, raw in enumerate(library.vulnerabilities or ()):
        found = decode(_VULNERABILITY, raw, f"{place} {number}", report, only(key))
        if found is not None:
            yield found


def _advisories(vulnerability: _Vulnerability, key: str, library: _Library) -> Iterator[Advisory]:
    ids = vulnerability.identifiers or _Identifiers()
    cves = tuple(dict.fromkeys(cve for cve in ids.cve or () if is_cve(cve)))
    github = (ids.github,) if ids.github else ()
    if len(cves) > 1:
        # Which of them GitHub's id means is not said: it is the name of none.
        for cve in cves:
            yield _advisory(vulnerability, (cve,), (*github, *(other for other in cves if other != cve)), library, key)
    else:
        names = (*github, *cves) or (_made_id(vulnerability, key, ids.summary or ""),)
        yield _advisory(vulnerability, names, (), library, key)


def _advisory(
    vulnerability: _Vulnerability, names: Sequence[str], related: tuple[str, ...], library: _Library, key: str
) -> Advisory:
    ids = vulnerability.identifiers or _Identifiers()
    return Advisory(
        id=names[0],
        source=FEED.name,
        aliases=tuple(names[1:]),
        related=related,
        severity=severity_of(vulnerability.severity or ""),
        cwes=tuple(vulnerability.cwe or ()),
        summary=line_of(ids.summary or ""),
        references=links_of(vulnerability.info or ()),
        affected=tuple(_list_affected_packages(vulnerability, key, library)),
    )


def _list_affected_packages(vulnerability: _Vulnerability, key: str, library: _Library) -> Iterator[AffectedPackage]:
    """A library is the package of npm of its name, unless it says that it is another, or none."""
    is_npm = bool(library.npmname) or not library.base_purl or library.base_purl.startswith(_NPM)
    name = library.npmname or (library.base_purl.removeprefix(_NPM) if is_npm else "") or key
    high = "" if _NO_END(vulnerability.below) else vulnerability.below
    span = Range(low=vulnerability.at_or_above, high=high, fixed="" if _NO_FIX(high) else high)
    affected = AffectedPackage(
        namespace="npm" if is_npm else "generic",
        name=name,
        scheme="npm",
        ranges=(span,),
        fix_state=fix_state_of((span,)),
    )
    yield affected
    if vulnerability.excludes:
        yield replace(
            affected, kind="unaffected", ranges=(), versions=tuple(vulnerability.excludes), fix_state="unknown"
        )


def _made_id(vulnerability: _Vulnerability, key: str, summary: str) -> str:
    """Retire.js numbers nothing: the same entry has the same id as long as its words stay the same."""
    words = "\n".join((vulnerability.at_or_above, vulnerability.below, summary, *(vulnerability.info or ())))
    return f"RETIREJS-{key}-{hashlib.sha256(words.encode('utf-8', 'replace')).hexdigest()[:10]}"


def _both(a: Advisory, b: Advisory) -> Advisory:
    return replace(
        a,
        aliases=_once(*a.aliases, *(alias for alias in b.aliases if alias != a.id)),
        related=_once(*a.related, *b.related),
        references=links_of((*a.references, *b.references)),
        affected=_join_ranges((*a.affected, *b.affected)),
    )


def _once(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _join_ranges(affected: Iterable[AffectedPackage]) -> tuple[AffectedPackage, ...]:
    """Ranges of one package in one place."""
    by_name: dict[tuple[str, str, str], AffectedPackage] = {}
    for row in affected:
        key = row.kind, row.namespace, row.name
        known = by_name.get(key)
        ranges = tuple(dict.fromkeys((*(known.ranges if known else ()), *row.ranges)))
        versions = _once(*(known.versions if known else ()), *row.versions)
        state = fix_state_of(ranges) if ranges else row.fix_state
        by_name[key] = replace(row, ranges=ranges, versions=versions, fix_state=state)
    return tuple(by_name.values())


FEED = Feed(
    name="retirejs",
    title="Retire.js",
    homepage="https://retirejs.github.io/retire.js",
    licence="Apache-2.0",
    crawl=crawl_of(
        Get(url=f"{_REPOSITORIES}/jsrepository-v5.json"),
        Get(url=f"{_REPOSITORIES}/npmrepository.json"),
    ),
    parse=parse,
)
