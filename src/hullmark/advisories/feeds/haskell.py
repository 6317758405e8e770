"""Haskell's advisories (https://github.com/haskell/security-advisories): Markdown with TOML in a fence at its beginning."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of, reason_of
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.names import names_at
from hullmark.advisories.feeds.formats.osv_events import Event
from hullmark.advisories.feeds.formats.osv_record import advisory_of
from hullmark.advisories.feeds.formats.osv_schema import (
    DatabaseSpecific,
    EcosystemSpecific,
    Entry,
    Package,
    Rating,
    Record,
    Reference,
    Span,
)
from hullmark.advisories.feeds.formats.reading import UNREADABLE, newest_first
from hullmark.model.advisory import Advisory
from hullmark.model.limit import BeyondLimit, Limit

_LIMIT = Limit(1 << 20, "bytes of a Haskell advisory")
_MAX_TOML = Limit(
    16 << 10, "bytes of the TOML of a Haskell advisory"
)  # tomllib takes quadratic time for long dotted keys
_FENCE = re.compile(r"\s*```toml\n(.*?)\n```", re.DOTALL).match
_HEADING = re.compile(r"^# +(.+)$", re.MULTILINE).search
_RESERVED = "/reserved/"
_LINK = b".."


class _About(msgspec.Struct):
    id: str
    cwe: list[int] = []
    aliases: list[str] = []
    related: list[str] = []


class _Versions(msgspec.Struct):
    introduced: str
    fixed: str | None = None


class _AffectedPackage(msgspec.Struct, rename={"component": "ghc-component"}):
    package: str | None = None
    component: str | None = None
    cvss: str | None = None
    os: list[str] | None = None
    versions: list[_Versions] = []


class _Front(msgspec.Struct):
    advisory: _About
    affected: list[_AffectedPackage] = []
    references: list[Reference] = []


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a file with content (`HSEC-…`); ids that are only reserved, and links to files, hold none."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (".md",)):
            if "/HSEC-" not in place or _RESERVED in place or data.startswith(_LINK):
                continue
            try:
                record = _record(data)
            except (ValueError, *UNREADABLE) as error:
                report(place, reason_of(error, _names(data)))
                continue
            if record.id not in seen:
                seen.add(record.id)
                yield advisory_of(record, FEED.name, report, place)


def _names(data: bytes) -> frozenset[str] | None:
    """What a file that cannot be read may be about; None where its TOML is not valid."""
    fence = _FENCE(data.decode("utf-8", "replace").replace("\r\n", "\n"))
    try:
        return (
            names_at(tomllib.loads(fence[1]), "affected.*.package")
            if fence is not None and len(fence[1]) <= _MAX_TOML
            else None
        )
    except (ValueError, RecursionError):
        return None


def _record(data: bytes) -> Record:
    if len(data) > _LIMIT:
        raise BeyondLimit(f"it is larger than {_LIMIT >> 20} MiB")
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    fence = _FENCE(text)
    if fence is None:
        raise ValueError("it does not begin with TOML in a fence")
    if len(fence[1]) > _MAX_TOML:
        raise BeyondLimit(f"its TOML is larger than {_MAX_TOML >> 10} KiB")
    front = msgspec.convert(tomllib.loads(fence[1]), _Front)
    title = _HEADING(text, fence.end())
    return Record(
        id=front.advisory.id,
        aliases=front.advisory.aliases,
        related=front.advisory.related,
        summary=title[1] if title else "",
        affected=[_entry(affected) for affected in front.affected],
        references=front.references,
        database_specific=DatabaseSpecific(cwe_ids=[f"CWE-{number}" for number in front.advisory.cwe]),
    )


def _entry(affected: _AffectedPackage) -> Entry:
    events = [
        event
        for bounds in affected.versions
        for event in (Event(introduced=bounds.introduced), Event(fixed=bounds.fixed) if bounds.fixed else None)
        if event is not None
    ]
    return Entry(
        package=Package("Hackage", affected.package) if affected.package else Package("GHC", affected.component or ""),
        severity=[Rating("CVSS", affected.cvss)],
        ranges=[Span("ECOSYSTEM", events)],
        ecosystem_specific=EcosystemSpecific(affects={"os": affected.os} if affected.os else None),
    )


FEED = Feed(
    name="haskell",
    title="Haskell security advisories",
    homepage="https://haskell.github.io/security-advisories",
    licence="CC0-1.0",
    crawl=crawl_of(Get(url="https://github.com/haskell/security-advisories/archive/refs/heads/main.tar.gz")),
    parse=parse,
    covers={"hackage": 15},
    least_records=17,
    dated_by="check",
)
