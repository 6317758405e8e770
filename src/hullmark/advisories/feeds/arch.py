"""Arch Linux security tracker: groups of issues a package (https://security.archlinux.org/all.json)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.names import found_at
from hullmark.advisories.feeds.formats.reading import decode, document_of
from hullmark.advisories.feeds.formats.wording import line_of, links_of, severity_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, FixState, Kind, Range, Record

_NOT_AFFECTED = "not affected"


class _Group(msgspec.Struct):
    name: str
    packages: list[str]
    status: str = ""
    severity: str = ""
    type: str = ""
    affected: str | None = None
    fixed: str | None = None
    ticket: str | int | None = None
    issues: list[str] = []
    advisories: list[str] = []


_GROUPS = msgspec.json.Decoder(list[msgspec.Raw])
_GROUP = msgspec.json.Decoder(_Group)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One advisory a group (`AVG-…`), with its CVEs as aliases."""
    for document in documents:
        groups = document_of(_GROUPS, document)
        for number, raw in enumerate(groups):
            group = decode(_GROUP, raw, f"{document.url} group {number}", report, found_at("packages.*"))
            if group is not None:
                yield _advisory(group)


def _advisory(group: _Group) -> Advisory:
    kind: Kind = "unaffected" if group.status.lower() == _NOT_AFFECTED else "affected"
    state: FixState = "unknown" if kind == "unaffected" else "fixed" if group.fixed else "not-fixed"
    ranges = (Range(high=group.fixed, fixed=group.fixed),) if state == "fixed" and group.fixed else (EVERY_VERSION,)
    affected = tuple(
        AffectedPackage(
            namespace="arch:rolling",
            name=name,
            scheme="alpm",
            kind=kind,
            ranges=ranges,
            fix_state=state,
            vendor_ids=tuple(group.advisories),
        )
        for name in group.packages
    )
    return Advisory(
        id=group.name,
        source=FEED.name,
        aliases=tuple(dict.fromkeys(group.issues)),
        severity=severity_of(group.severity),
        summary=line_of(group.type),
        references=links_of([f"https://security.archlinux.org/{group.name}"]),
        affected=affected,
    )


FEED = Feed(
    name="arch",
    title="Arch Linux security tracker",
    homepage="https://security.archlinux.org",
    licence="not stated by upstream",
    crawl=crawl_of(Get(url="https://security.archlinux.org/all.json")),
    parse=parse,
    covers={"arch:rolling": 1000},
    least_records=1_000,
)
