"""Security updates of Fedora and of EPEL: pages of Bodhi's API (https://bodhi.fedoraproject.org/docs/server_api/).

An update names builds by `name-version-release` of the source package, and CVEs in the titles of its bugs and in its notes. That of
a module names no packages but the module's own build, `name-stream-version.context`
(https://docs.fedoraproject.org/en-US/modularity/): it becomes a row about `name:stream`, which packages have in their label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Crawl, CrawlState, DamagedDocument, Document, Feed, Get, RecordFault, Report
from hullmark.advisories.feeds.formats.names import found_at, names_at
from hullmark.advisories.feeds.formats.reading import decode, document_of, newest_first
from hullmark.advisories.feeds.formats.wording import cves_in, day_of, line_of, links_of, severity_of
from hullmark.model.advisory import Advisory, AffectedPackage, Range, Record
from hullmark.model.limit import Limit

_API = "https://bodhi.fedoraproject.org/updates/?status=stable&type=security&rows_per_page=100"
_MAX_PAGES = Limit(10_000, "pages of Fedora's list of updates", "refused")
_RELEASE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?").fullmatch
_MODULE = re.compile(r"([^:]+)-([^-:]+)-([0-9]{1,30})\.[0-9a-f]{1,64}").fullmatch
_KINDS = {
    "FEDORA": ("fedora", "rpm"),
    "FEDORA-MODULAR": ("fedora", "module"),
    "FEDORA-EPEL": ("epel", "rpm"),
    "FEDORA-EPEL-MODULAR": ("epel", "module"),
}
"""By the prefix of a release's updates: for what they are, and of what type the builds are that count."""


class _Build(msgspec.Struct):
    nvr: str
    type: str = ""
    epoch: int | None = None


class _Bug(msgspec.Struct):
    title: str | None = None


class _Release(msgspec.Struct):
    version: str
    id_prefix: str = ""


class _Update(msgspec.Struct):
    alias: str
    release: _Release
    builds: list[_Build] = []
    bugs: list[_Bug] = []
    title: str = ""
    notes: str | None = None
    severity: str = ""
    status: str = ""
    date_submitted: str | None = None
    date_modified: str | None = None
    date_pushed: str | None = None
    url: str = ""


class _Page(msgspec.Struct):
    updates: list[msgspec.Raw]
    pages: int = 1


_PAGES = msgspec.json.Decoder(_Page)
_UPDATE = msgspec.json.Decoder(_Update)


def crawl(known: CrawlState) -> Crawl:
    """All pages; after a good crawl only what was pushed since."""
    query = f"&pushed_since={known.since[:19]}" if known.since else ""
    number, pages = 1, 1
    while number <= pages:
        document = yield Get(url=f"{_API}{query}&page={number}", is_addition=bool(known.since))
        page = document_of(_PAGES, document) if document is not None else None
        number, pages = number + 1, page.pages if page else 0
        if document is not None and pages > _MAX_PAGES:
            raise DamagedDocument(document.url, f"it tells of {pages:,} pages, and at most {_MAX_PAGES:,} are read")


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory an update of packages or modules, with its CVEs as aliases; containers, Flatpaks and EPEL Next are left out.

    The documents are read from the last to the first, so what came later wins without being held.
    """
    for document, seen in newest_first(documents):
        page = document_of(_PAGES, document)
        for number, raw in enumerate(page.updates):
            place = f"{document.url} update {number}"
            update = decode(_UPDATE, raw, place, report, found_at("builds.*.nvr"))
            if update is None or update.alias in seen:
                continue
            seen.add(update.alias)
            if update.release.id_prefix in _KINDS and _RELEASE(update.release.version):
                yield _advisory(update, place, report)


def _advisory(update: _Update, place: str, report: Report) -> Advisory:
    titles = " ".join(bug.title or "" for bug in update.bugs)
    return Advisory(
        id=update.alias,
        source=FEED.name,
        aliases=cves_in(f"{titles} {update.title} {update.notes or ''}"),
        severity=severity_of(update.severity),
        summary=line_of(update.title),
        published=update.date_pushed or update.date_submitted or "",
        modified=update.date_modified or "",
        references=links_of([update.url]),
        affected=tuple(_list_affected_packages(update, place, report)),
    )


def _list_affected_packages(update: _Update, place: str, report: Report) -> Iterator[AffectedPackage]:
    system, kind = _KINDS[update.release.id_prefix]
    for build in update.builds:
        if (build.type or kind) != kind:
            continue
        name, version = _module_and_version(build) if kind == "module" else _name_and_version(build)
        if not name:
            expected = "name-stream-version.context" if kind == "module" else "name-version-release"
            reason = f"{build.nvr[:200]!r} is not a {expected}"
            report(place, RecordFault(reason, names_at(build.nvr, "**")))
            continue
        yield AffectedPackage(
            namespace=f"{system}:{update.release.version}",
            name=name,
            scheme="rpm",
            ranges=(Range(high=version, fixed=version),),
            fix_state="fixed",
            fix_date=day_of(update.date_pushed or ""),
            # What is in a module is told of by the module's own updates.
            module=None if kind == "module" else "",
            arch="" if kind == "module" else "src",
            vendor_ids=(update.alias,),
        )


def _module_and_version(build: _Build) -> tuple[str, str]:
    """`name:stream`, and the version that orders a stream's builds (digits)."""
    found = _MODULE(build.nvr)
    return (f"{found[1]}:{found[2]}", found[3]) if found else ("", "")


def _name_and_version(build: _Build) -> tuple[str, str]:
    name, version, release = (*build.nvr.rsplit("-", 2), "", "")[:3]
    if not name or not version or not release:
        return "", ""
    return name, f"{build.epoch}:{version}-{release}" if build.epoch else f"{version}-{release}"


FEED = Feed(
    name="fedora",
    title="Fedora and EPEL updates (Bodhi)",
    homepage="https://bodhi.fedoraproject.org",
    licence="not stated by upstream",
    crawl=crawl,
    parse=parse,
    covers={"epel:*": 20, "fedora:*": 50},
    least_records=5_000,
)
