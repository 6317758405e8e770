"""What a feed is: where to fetch, and how what was fetched becomes records. No feed touches network or disk itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol

import msgspec

from hullmark.model.advisory import Record
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import BeyondLimit

Report = Callable[[str, str], None]
"""Called with a place (document, or member of one) and what is wrong there: a `Cut` or a `RecordFault` where something of a record was
lost, other text where it says nothing that could be matched. The rest is still read."""


class Cut(str):
    """A reason why something was left out: not that it is wrong, but that it lies beyond a limit of this program."""

    __slots__ = ()


class RecordFault(str):
    """A reason why a record, or a part of it, was left out: it is not as its format says.

    `names`: what it names, among which the names of all packages are that it is about; None where that cannot be told.
    """

    __slots__ = ("names",)

    names: frozenset[str] | None

    def __new__(cls, reason: object, names: Iterable[str] | None = None) -> RecordFault:
        fault = super().__new__(cls, reason)
        fault.names = None if names is None else frozenset(names)
        return fault


def reason_of(error: Exception, names: Iterable[str] | None = None) -> Cut | RecordFault:
    """What to report of an error: a `Cut` if a limit may be behind it, else a fault in a record with these names."""
    return Cut(error) if isinstance(error, BeyondLimit | DamagedDocument) else RecordFault(error, names)


class DamagedDocument(HullmarkError):
    """A document that is cut short, corrupt, or none of its feed's. What else was read of the feed is not to be believed.

    `place` is the document's URL, `reason` a clause. Readers raise it; whoever updates a feed keeps what it gave before.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}", advice="fetch it again")
        self.place, self.reason = place, reason


class Get(msgspec.Struct, frozen=True, kw_only=True):
    """A document to fetch.

    `url` is the upstream's own; whoever fetches may put a mirror before it. `or_latest` is a glob over the last segment of the
    path, by which a mirror's folder may hold dated files instead; `also_at` is another place, HOST/PATH, where mirrors may have
    it. `is_optional`: that it is not there is no failure. `is_addition`: the document adds to those of earlier crawls instead of
    replacing them. `json` is a body to POST.
    """

    url: str
    or_latest: str = ""
    also_at: str = ""
    is_optional: bool = False
    is_addition: bool = False
    json: bytes = b""


class Document(Protocol):
    """A fetched document, kept with its checksum."""

    @property
    def url(self) -> str:
        """The upstream URL that it stands for."""

    def open(self) -> BinaryIO:
        """The bytes as they were served, from the beginning; whoever opens closes."""


class CrawlState(msgspec.Struct, frozen=True, kw_only=True):
    """What a crawl can build upon. `since`: when the last good crawl began (RFC 3339, UTC), "" for none; `now`: the moment of this one."""

    now: str
    since: str = ""


STALE_DAYS = 30
"""After so many days without news, much must be missing from what is told of nearly everything."""

Crawl = Generator[Get, Document | None, None]
"""Yields what to fetch and is sent what came: the document, None where an optional one is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One source of records.

    `crawl(known)` says what to fetch. `parse(documents, report)` is pure: the same documents give the same records, in the same
    order; later documents override earlier ones by id. A record that cannot be read costs only itself and is reported; a document
    that is not whole raises DamagedDocument, and the feed has failed.

    `licence` is the data's (SPDX where there is one, else words), `homepage` where people read about it, `fresh_days` after how many
    days without news its data counts as old. `needs` names an environment variable without which upstream refuses (a token); such a
    feed is left out with a word. `is_default`: fetched unless feeds are chosen by name. `overrides` names a feed whose word on what is
    affected this one replaces, id by id.

    `covers`: the namespaces (globs) that it covers completely, with the least number of advisories that a whole one has; a feed
    that only adds (ratings, VEX, lists of some) covers none. `least_records`: as many has a whole copy of it at least; what gives fewer is
    used, and covers nothing. `stale_days`: after so many days without news its namespaces no longer count as covered. `dated_by` says what
    is news: a date in its records, or, of sources that seldom publish, that it was asked; so it is too where no record has a date.
    """

    name: str
    title: str
    homepage: str
    licence: str
    crawl: Callable[[CrawlState], Crawl]
    parse: Callable[[Sequence[Document], Report], Iterator[Record]]
    fresh_days: int = 7
    needs: str = ""
    is_default: bool = True
    overrides: str = ""
    covers: Mapping[str, int] = field(default_factory=dict)
    least_records: int = 1
    stale_days: int = STALE_DAYS
    dated_by: Literal["records", "check"] = "records"


def crawl_of(*gets: Get) -> Callable[[CrawlState], Crawl]:
    """A crawl that fetches always the same."""

    def crawl(known: CrawlState) -> Crawl:
        for get in gets:  # noqa: UP028 - `yield from` a tuple cannot be sent what came
            yield get

    return crawl
