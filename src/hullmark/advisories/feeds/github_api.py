"""GitHub's advisories through its GraphQL API (https://docs.github.com/graphql/reference/objects#securityadvisory): it needs a token.

It tells what changed since the last crawl; the data is that of the `ghsa` feed. Pages of the query `securityVulnerabilities`
and of REST's `/advisories` are read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from hullmark.advisories.feeds.feed import (
    Crawl,
    CrawlState,
    DamagedDocument,
    Document,
    Feed,
    Get,
    RecordFault,
    Report,
    reason_of,
)
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.cvss import rating_of, severity_of_ratings
from hullmark.advisories.feeds.formats.ecosystems import ecosystem_of
from hullmark.advisories.feeds.formats.names import found_at
from hullmark.advisories.feeds.formats.osv_affected import fix_state_of
from hullmark.advisories.feeds.formats.reading import UNREADABLE, decode, json_content
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.formats.spans import range_of
from hullmark.advisories.feeds.formats.wording import line_of, links_of, severity_of
from hullmark.advisories.feeds.ghsa import COVERS
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from hullmark.model.limit import Limit
from hullmark.versions.condition import parse_condition

_URL = "https://api.github.com/graphql"
_PAGE = 100
_MAX_PAGES = Limit(2000, "pages of GitHub's list of advisories", "refused")
_QUERY = """query($after: String, $since: DateTime, $count: Int!) {
  securityAdvisories(first: $count, after: $after, updatedSince: $since, orderBy: {field: UPDATED_AT, direction: ASC}) {
    pageInfo { hasNextPage endCursor }
    nodes {
      ghsaId summary severity publishedAt updatedAt withdrawnAt
      identifiers { type value }
      references { url }
      cvssSeverities { cvssV3 { vectorString } cvssV4 { vectorString } }
      cwes(first: 20) { nodes { cweId } }
      vulnerabilities(first: 100) { nodes {
        package { ecosystem name } vulnerableVersionRange firstPatchedVersion { identifier } } }
    }
  }
}"""

_ECOSYSTEMS = {
    "actions": "GitHub Actions",
    "cargo": "crates.io",
    "composer": "Packagist",
    "erlang": "Hex",
    "gem": "RubyGems",
    "go": "Go",
    "golang": "Go",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pip": "PyPI",
    "pub": "Pub",
    "pypi": "PyPI",
    "rubygems": "RubyGems",
    "rust": "crates.io",
    "swift": "SwiftURL",
}
"""GitHub's names of ecosystems, and those under which pages of one ecosystem are filed, as OSV names them."""


class _Text(msgspec.Struct, rename={"text": "value"}):
    text: str = ""


class _Link(msgspec.Struct):
    url: str = ""


class _Cwe(msgspec.Struct):
    graphql: str = msgspec.field(default="", name="cweId")
    rest: str = msgspec.field(default="", name="cwe_id")


class _Cwes(msgspec.Struct):
    nodes: list[_Cwe] = []


class _Vector(msgspec.Struct):
    graphql: str | None = msgspec.field(default=None, name="vectorString")
    rest: str | None = msgspec.field(default=None, name="vector_string")


class _Vectors(msgspec.Struct):
    graphql_v3: _Vector | None = msgspec.field(default=None, name="cvssV3")
    graphql_v4: _Vector | None = msgspec.field(default=None, name="cvssV4")
    rest_v3: _Vector | None = msgspec.field(default=None, name="cvss_v3")
    rest_v4: _Vector | None = msgspec.field(default=None, name="cvss_v4")


class _Package(msgspec.Struct):
    name: str
    ecosystem: str = ""


class _Version(msgspec.Struct):
    identifier: str = ""


class _Advisory(msgspec.Struct, rename="camel"):
    identifiers: list[_Text] = []
    ghsa_id: str = ""
    summary: str | None = None
    severity: str | None = None
    published_at: str | None = None
    updated_at: str | None = None
    withdrawn_at: str | None = None
    references: list[_Link] = []
    cvss_severities: _Vectors | None = None
    cwes: _Cwes | None = None
    vulnerabilities: _Vulnerabilities | None = None


class _Vulnerability(msgspec.Struct, rename="camel"):
    package: _Package
    vulnerable_version_range: str | None = None
    first_patched_version: _Version | msgspec.UnsetType | None = msgspec.UNSET
    advisory: _Advisory | None = None


class _Vulnerabilities(msgspec.Struct):
    nodes: list[_Vulnerability] = []


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool = False
    end_cursor: str | None = None


class _Edge(msgspec.Struct):
    node: msgspec.Raw


class _Pages(msgspec.Struct, rename="camel"):
    page_info: _PageInfo | None = None
    nodes: list[msgspec.Raw] = []
    edges: list[_Edge] = []


class _Data(msgspec.Struct, rename="camel"):
    security_advisories: _Pages | None = None
    security_vulnerabilities: _Pages | None = None


class _Answer(msgspec.Struct):
    data: _Data | None = None


class _RestVulnerability(msgspec.Struct):
    package: _Package
    vulnerable_version_range: str | None = None
    first_patched_version: str | None = None


class _RestAdvisory(msgspec.Struct):
    ghsa_id: str
    identifiers: list[_Text] = []
    summary: str | None = None
    severity: str | None = None
    published_at: str | None = None
    updated_at: str | None = None
    withdrawn_at: str | None = None
    references: list[str] | None = None
    cvss_severities: _Vectors | None = None
    cwes: list[_Cwe] | None = None
    vulnerabilities: list[_RestVulnerability] | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_ADVISORY = msgspec.json.Decoder(_Advisory)
_VULNERABILITY = msgspec.json.Decoder(_Vulnerability)
_REST_PAGE = msgspec.json.Decoder(list[msgspec.Raw])
_REST_ADVISORY = msgspec.json.Decoder(_RestAdvisory)


_PAGES_IN_MIRRORS = "api.github.com/graphql-pages.tar.gz"
"""A mirror cannot answer queries; it may hold recorded pages."""


def crawl(known: CrawlState) -> Crawl:
    """Page by page what was updated since the last good crawl, or all."""
    after: str | None = None
    for _ in range(_MAX_PAGES):
        variables = {"after": after, "since": known.since or None, "count": _PAGE}
        body = msgspec.json.encode({"query": _QUERY, "variables": variables})
        document = yield Get(url=_URL, also_at=_PAGES_IN_MIRRORS, json=body, is_addition=bool(known.since))
        page = _next_page(document)
        if page is None or not page.has_next_page or page.end_cursor in (None, after):
            return
        after = page.end_cursor
    raise DamagedDocument(_URL, f"it has more than {_MAX_PAGES:,} pages")


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each that the pages tell of, in their order; of one that is told twice the later pages count.

    Pages of vulnerabilities repeat their advisory for each package: those are joined.
    """
    joined: dict[str, Advisory] = {}
    for document in documents:
        for place, data in _pages(document, report):
            for advisory, is_part in _advisories(data, place, report):
                if not advisory.id:
                    names = {affected.name for affected in advisory.affected}
                    report(place, RecordFault("an advisory has no id", names or None))
                    continue
                known = joined.pop(advisory.id, None) if not is_part else joined.get(advisory.id)
                joined[advisory.id] = _both(known, advisory) if known is not None and is_part else advisory
    yield from joined.values()


def _both(a: Advisory, b: Advisory) -> Advisory:
    return replace(a, affected=tuple(dict.fromkeys((*a.affected, *b.affected))))


def _next_page(document: Document | None) -> _PageInfo | None:
    """What an answer says of the next one; None in a mirror's collection of pages, which has none."""
    if document is None or not _is_json(document):
        return None
    pages = _answer(json_content(document), document.url).security_advisories
    return pages.page_info if pages else None


def _answer(data: bytes, url: str) -> _Data:
    """What an answer tells. Raises DamagedDocument for one that tells nothing, as where a limit was reached."""
    try:
        answer = _ANSWER.decode(data)
    except UNREADABLE as error:
        raise DamagedDocument(url, f"it cannot be read: {error}") from error
    if answer.data is None:
        raise DamagedDocument(url, "it is not an answer to what was asked")
    return answer.data


def _is_json(document: Document) -> bool:
    with document.open() as stream:
        return stream.read(64).lstrip()[:1] in (b"{", b"[")


def _pages(document: Document, report: Report) -> Iterator[tuple[str, bytes]]:
    if _is_json(document):
        yield document.url, json_content(document)
    else:
        yield from members(document, (".json",))


def _advisories(data: bytes, place: str, report: Report) -> Iterator[tuple[Advisory, bool]]:
    """The advisories of a page; and whether each is told only for one of its packages."""
    if data.lstrip()[:1] == b"[":
        items = decode(_REST_PAGE, data, place, report)
        for number, raw in enumerate(items or ()):
            advisory = decode(
                _REST_ADVISORY, raw, f"{place} item {number}", report, found_at("vulnerabilities.*.package.name")
            )
            if advisory is not None:
                yield _advisory(_of_rest(advisory), "", place, report), False
        return
    found = _answer(data, place)
    ecosystem = place.rpartition("/")[2].removesuffix(".json")
    for raw in _nodes(found.security_advisories):
        whole = decode(_ADVISORY, raw, place, report, found_at("vulnerabilities.nodes.*.package.name"))
        if whole is not None:
            yield _advisory(whole, "", place, report), False
    for raw in _nodes(found.security_vulnerabilities):
        part = decode(_VULNERABILITY, raw, place, report, found_at("package.name"))
        if part is not None and part.advisory is None:
            name = part.package.name
            report(place, RecordFault(f"a vulnerability of {name[:100]} has no advisory", (name,)))
        elif part is not None and part.advisory is not None:
            part.advisory.vulnerabilities = _Vulnerabilities([part])
            yield _advisory(part.advisory, ecosystem, place, report), True


def _nodes(pages: _Pages | None) -> Iterable[msgspec.Raw]:
    return (*pages.nodes, *(edge.node for edge in pages.edges)) if pages else ()


def _of_rest(advisory: _RestAdvisory) -> _Advisory:
    vulnerabilities = [
        _Vulnerability(
            vulnerability.package,
            vulnerability.vulnerable_version_range,
            _Version(vulnerability.first_patched_version or ""),
        )
        for vulnerability in advisory.vulnerabilities or ()
    ]
    return _Advisory(
        identifiers=advisory.identifiers,
        ghsa_id=advisory.ghsa_id,
        summary=advisory.summary,
        severity=advisory.severity,
        published_at=advisory.published_at,
        updated_at=advisory.updated_at,
        withdrawn_at=advisory.withdrawn_at,
        references=[_Link(url) for url in advisory.references or ()],
        cvss_severities=advisory.cvss_severities,
        cwes=_Cwes(advisory.cwes or []),
        vulnerabilities=_Vulnerabilities(vulnerabilities),
    )


def _advisory(advisory: _Advisory, ecosystem: str, place: str, report: Report) -> Advisory:
    ids = dict.fromkeys(identifier.text for identifier in advisory.identifiers)
    name = (
        advisory.ghsa_id
        or next((identifier for identifier in ids if identifier.startswith("GHSA-")), "")
        or next(iter(ids), "")
    )
    ids.pop(name, None)
    vectors = advisory.cvss_severities or _Vectors()
    ratings = tuple(
        rating
        for vector in (vectors.graphql_v3, vectors.graphql_v4, vectors.rest_v3, vectors.rest_v4)
        if vector and (rating := rating_of(vector.graphql or vector.rest or "")) is not None
    )
    severity = severity_of(advisory.severity or "")
    affected = (
        _make_affected_package(vulnerability, ecosystem, place, report) for vulnerability in _vulnerabilities(advisory)
    )
    return Advisory(
        id=name,
        source=FEED.name,
        aliases=tuple(ids),
        severity=severity_of_ratings(ratings) if severity == "unknown" else severity,
        cvss=ratings,
        cwes=tuple(node.graphql or node.rest for node in advisory.cwes.nodes) if advisory.cwes else (),
        summary=line_of(advisory.summary or ""),
        published=instant(advisory.published_at),
        modified=instant(advisory.updated_at),
        withdrawn=instant(advisory.withdrawn_at),
        references=links_of(reference.url for reference in advisory.references),
        affected=tuple(dict.fromkeys(row for row in affected if row is not None)),
    )


def _vulnerabilities(advisory: _Advisory) -> list[_Vulnerability]:
    return advisory.vulnerabilities.nodes if advisory.vulnerabilities else []


def _make_affected_package(
    vulnerability: _Vulnerability, ecosystem: str, place: str, report: Report
) -> AffectedPackage | None:
    name = (vulnerability.package.ecosystem or ecosystem).lower()
    found = ecosystem_of(_ECOSYSTEMS[name]) if name in _ECOSYSTEMS else None
    if found is None:
        report(place, f"the ecosystem {name[:60]!r} is not known")
        return None
    try:
        span = _range(vulnerability)
    except ValueError as error:
        name = vulnerability.package.name
        report(f"{place} {name}", reason_of(error, (name,)))
        return None
    return AffectedPackage(
        namespace=found.namespace,
        name=found.spelling(vulnerability.package.name),
        scheme=found.scheme,
        ranges=(span,),
        fix_state=fix_state_of((span,)),
    )


def _range(vulnerability: _Vulnerability) -> Range:
    """The range; where the page does not tell of fixes, the version that a range stops before is taken for one."""
    (bounds,) = parse_condition(vulnerability.vulnerable_version_range or "").alternatives
    span = range_of(bounds)
    fix = vulnerability.first_patched_version
    if isinstance(fix, msgspec.UnsetType):
        return replace(span, fixed=span.high if span.high_open else "")
    return replace(span, fixed=fix.identifier if fix else "")


FEED = Feed(
    name="github-api",
    title="GitHub advisory database by its API",
    homepage="https://github.com/advisories",
    licence="CC-BY-4.0",
    crawl=crawl,
    parse=parse,
    needs="GITHUB_TOKEN",
    is_default=False,
    covers=COVERS,
    least_records=12_000,
)
