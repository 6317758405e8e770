"""From feeds to a snapshot: fetch what changed, read it, and put everything together. One feed's failure is its own."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from hullmark.advisories.database.build import Base, build_on
from hullmark.advisories.database.contributions import Source
from hullmark.advisories.database.schema import FORMAT, Cover, FeedInfo
from hullmark.advisories.database.shelf import FeedState, KeptDocument, Shelf
from hullmark.advisories.database.wholeness import day_of, goes_by_check
from hullmark.advisories.feeds.faults import FaultReport
from hullmark.advisories.feeds.feed import CrawlState, DamagedDocument, Document, Feed
from hullmark.app.origins import FetchContext, Origin, name_of
from hullmark.model.advisory import Record
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.scanning.fingerprint import code_fingerprint, feeds_fingerprint

SHRINK_LIMIT = 0.8
"""A feed that gives fewer than this part of its last records is held: the last good ones stay."""

_WRITING_ROOMS = ("model", "versions", "advisories/database")
"""Whose code decides what is written of a feed's records."""

_MAX_DOCUMENTS = Limit(100_000, "documents of a feed", "refused")
_SHOWN_PROBLEMS = 20
_DAY = len("2026-01-31")

Watch = Callable[[str, str, int, int], None]
"""Called with feed, stage (fetch, read, build), what is done and what there is in all (0: not known)."""

Status = Literal["updated", "unchanged", "failed", "held", "left-out", "absent"]


class FeedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one feed. `records` now count, `before` did. `reason` says why it failed, was held or left out.

    `problems`: places and reasons of records that could not be read (some of them; `problem_count` says how many).
    """

    feed: str
    status: Status
    records: int = 0
    before: int = 0
    reason: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    problem_count: int = 0


class UpdateResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an update: `digest` is in use now, `previous` was before ("" for none)."""

    outcomes: tuple[FeedOutcome, ...]
    digest: str
    previous: str


class UpdateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How to update. `now` is RFC 3339 in UTC. `accepts_shrinking`: take a feed's data however little it gives.

    `is_anew`: read everything again, whatever was kept.
    """

    now: str
    accepts_shrinking: bool = False
    is_anew: bool = False
    environment: Mapping[str, str] = {}


def update(
    shelf: Shelf,
    feeds: Sequence[Feed],
    every: Sequence[Feed],
    origin: Origin,
    request: UpdateRequest,
    watch: Watch | None = None,
) -> UpdateResult:
    """Refresh `feeds`, then make a snapshot of all (`every`) that the shelf has records of.

    Raises HullmarkError if nothing at all could be had, or the shelf cannot be written.
    """
    tell = watch or (lambda *_: None)
    with shelf.lock():
        before = shelf.current()
        run = _Run(shelf, origin, request, tell)
        outcomes = tuple(run.refresh(feed) for feed in feeds)
        _require_any(shelf, every, outcomes)
        digest = _assemble(shelf, every, run.reader, request, tell)
    return UpdateResult(outcomes=outcomes, digest=digest, previous=before[1] if before else "")


class _FeedDocuments(NamedTuple):
    """What a feed is to be read from. `is_partial`: something that it needs was not there."""

    documents: tuple[KeptDocument, ...]
    is_partial: bool


class _Run:
    """One run over feeds."""

    def __init__(self, shelf: Shelf, origin: Origin, request: UpdateRequest, tell: Watch) -> None:
        self._shelf, self._origin, self._request, self._tell = shelf, origin, request, tell
        self.reader = feeds_fingerprint()

    def refresh(self, feed: Feed) -> FeedOutcome:
        """Fetch one feed and read it, if anything is new. Whatever goes wrong is in the answer, and the last good records stay."""
        state = self._shelf.state(feed.name)
        if feed.needs and self._origin.is_upstream and not self._request.environment.get(feed.needs):
            return _outcome(feed, "left-out", state, f"{feed.needs} is not set")
        fetched: _FeedDocuments | None = None
        try:
            fetched = self._fetch(feed, state)
            if not fetched.documents:
                return _outcome(feed, "absent", state, "nothing is there")
            if self._is_known(state, fetched):
                kept = msgspec.structs.replace(
                    state, documents=fetched.documents, checked_at=self._request.now, error="", failing_since=""
                )
                self._shelf.save_state(feed.name, kept)
                self._shelf.tidy(feed.name, kept)
                return _outcome(feed, "unchanged", kept)
            return self._read(feed, state, fetched)
        except DamagedDocument as error:
            reason = str(error)
            state = _without(state, fetched, error.place)
        except HullmarkError as error:
            reason = str(error)
        except OSError as error:
            reason = f"{error.filename or 'a file'}: {error.strerror or error}"
        failed = self._failing(state, error=reason)
        self._shelf.save_state(feed.name, failed)
        self._shelf.tidy(feed.name, failed)
        return _outcome(feed, "failed", failed, reason)

    def _failing(self, state: FeedState, **why: str) -> FeedState:
        """The state of a feed that failed or is held: it gives what it gave before."""
        return msgspec.structs.replace(state, failing_since=state.failing_since or self._request.now, **why)

    def _is_known(self, state: FeedState, fetched: _FeedDocuments) -> bool:
        same = [kept.sha256 for kept in fetched.documents] == [kept.sha256 for kept in state.documents]
        same = same and fetched.is_partial == state.is_partial
        return same and state.reader == self.reader and not self._request.is_anew and not state.held

    def _fetch(self, feed: Feed, state: FeedState) -> _FeedDocuments:
        """The documents that the feed is to be read from: those of this crawl, and earlier ones that they add to."""
        known = {kept.url: kept for kept in state.documents}
        since = "" if self._request.is_anew or not known else state.checked_at
        crawl = feed.crawl(CrawlState(now=self._request.now, since=since))
        found: dict[str, KeptDocument] = {}
        is_adding = is_partial = False
        get = next(crawl, None)
        while get is not None:
            if len(found) == _MAX_DOCUMENTS:
                raise HullmarkError(f"the feed has more than {_MAX_DOCUMENTS:,} documents", advice="please report it")
            progress = partial(self._tell, feed.name, "fetch")
            kept = self._origin.fetch(
                FetchContext(self._shelf, feed.name, self._request.now), get, known.get(name_of(get)), progress
            )
            if kept is None and not get.is_optional and not self._origin.may_lack:
                raise HullmarkError(f"{get.url} is not there", advice="use a mirror (--from), or leave the feed out")
            is_partial = is_partial or (kept is None and not get.is_optional)
            if kept is not None:
                found[kept.url] = kept
                is_adding = is_adding or get.is_addition
            try:
                get = crawl.send(self._shelf.document(feed.name, kept) if kept else None)
            except StopIteration:
                get = None
        if is_adding and not self._request.is_anew:
            # An answer that was there before (an empty page, say) adds nothing, whatever was asked this time.
            old = {kept.sha256 for kept in known.values()}
            added = {url: kept for url, kept in found.items() if url in known or kept.sha256 not in old}
            found = {**{url: kept for url, kept in known.items() if url not in found}, **added}
            is_partial = is_partial or state.is_partial
        return _FeedDocuments(tuple(found.values()), is_partial)

    def _read(self, feed: Feed, state: FeedState, fetched: _FeedDocuments) -> FeedOutcome:
        def accept(count: int) -> bool:
            return self._request.accepts_shrinking or count >= state.records * SHRINK_LIMIT

        opened: list[Document] = [self._shelf.document(feed.name, kept) for kept in fetched.documents]
        reading = _ReadingNotes(feed.name)
        records = self._count_records(feed, reading.records(feed.parse(opened, reading.report)))
        count = self._shelf.write_records(feed.name, records, accept)
        if count is None:
            share = f"less than {SHRINK_LIMIT:.0%} of the {state.records:,} records that it had"
            after = self._failing(state, held=f"it gave {share}; the last good data stays")
            outcome = _outcome(feed, "held", after, after.held)
        else:
            after = FeedState(
                documents=fetched.documents,
                checked_at=self._request.now,
                changed_at=self._request.now,
                reader=self.reader,
                records=count,
                problems=reading.faults.problems,
                cut=reading.faults.cut,
                unread=reading.faults.unread,
                unplaced=reading.faults.unplaced,
                is_partial=fetched.is_partial,
                is_dated=reading.is_dated,
            )
            outcome = msgspec.structs.replace(_outcome(feed, "updated", after), before=state.records)
        self._shelf.save_state(feed.name, after)
        self._shelf.tidy(feed.name, after)
        return msgspec.structs.replace(outcome, problems=tuple(reading.problems), problem_count=reading.faults.problems)

    def _count_records(self, feed: Feed, records: Iterator[Record]) -> Iterator[Record]:
        for number, record in enumerate(records, 1):
            if not number % 1000:
                self._tell(feed.name, "read", number, 0)
            yield record


class _ReadingNotes:
    """What is noticed while a feed is read: records that could not be, and whether a record has a date."""

    def __init__(self, source: str) -> None:
        self.faults = FaultReport(source)
        self.problems: list[tuple[str, str]] = []
        self.is_dated = False

    def report(self, place: str, reason: str) -> None:
        self.faults(place, reason)
        if len(self.problems) < _SHOWN_PROBLEMS:
            self.problems.append((place[:200], reason[:300]))

    def records(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in self.faults.through(records):
            self.is_dated = self.is_dated or day_of(record) != ""
            yield record


def _without(state: FeedState, fetched: _FeedDocuments | None, damaged: str) -> FeedState:
    """The state of a feed without its documents, if the damaged one is among those that it had already: all are to be fetched anew."""
    had = {(kept.url, kept.sha256) for kept in state.documents}
    if all(
        kept.url != damaged or (kept.url, kept.sha256) not in had for kept in (fetched.documents if fetched else ())
    ):
        return state
    return msgspec.structs.replace(state, documents=())


def _outcome(feed: Feed, status: Status, state: FeedState, reason: str = "") -> FeedOutcome:
    return FeedOutcome(feed=feed.name, status=status, records=state.records, before=state.records, reason=reason)


def _require_any(shelf: Shelf, every: Sequence[Feed], outcomes: Sequence[FeedOutcome]) -> None:
    """Raises HullmarkError with the first feed's reason if none has any records, now or from before."""
    if not {feed.name for feed in every}.isdisjoint(shelf.feeds()):
        return
    why = next((f": {outcome.feed}: {outcome.reason}" for outcome in outcomes if outcome.status == "failed"), "")
    raise HullmarkError(
        f"no feed gave anything{why}", advice="check the network, or give a mirror: --from FOLDER or URL"
    )


def _assemble(shelf: Shelf, every: Sequence[Feed], reader: str, request: UpdateRequest, tell: Watch) -> str:
    """A snapshot of all records that are kept; the one in use if it was made of the same. Answers its digest."""
    by_name = {feed.name: feed for feed in every}
    # A feed that overrides another one comes after it.
    names = sorted((name for name in shelf.feeds() if name in by_name), key=lambda name: bool(by_name[name].overrides))
    writer = code_fingerprint(_WRITING_ROOMS)
    recipe = _recipe(shelf, [by_name[name] for name in names], f"{reader} {writer}")
    current = shelf.current()
    if current is not None and shelf.recipe() == (recipe, current[1]):
        return current[1]

    def source(number: int, name: str) -> Source:
        def records() -> Iterator[Record]:
            tell("", "build", number, len(names))
            return shelf.records(name)

        return Source(_info(by_name[name], shelf.state(name)), shelf.digest_of_records(name), records)

    sources = [source(number, name) for number, name in enumerate(names)]
    with shelf.scratch() as folder:
        made = folder / "snapshot"
        try:
            ledger = build_on(made, sources, writer, None if request.is_anew else _base(shelf))
        except sqlite3.Error as error:
            raise HullmarkError(f"the snapshot cannot be written: {error}", advice="check space and rights") from error
        if current is None or ledger.snapshot != current[1]:
            shelf.adopt(made, ledger.snapshot)
    shelf.save_ledger(ledger)
    shelf.save_recipe(recipe, ledger.snapshot)
    return ledger.snapshot


def _base(shelf: Shelf) -> Base | None:
    """The snapshot that was made last, if it is still there and known how."""
    ledger = shelf.ledger()
    path = shelf.path_of(ledger.snapshot) if ledger is not None else None
    return Base(path, ledger) if ledger is not None and path is not None and path.exists() else None


def _info(feed: Feed, state: FeedState) -> FeedInfo:
    return FeedInfo(
        name=feed.name,
        title=feed.title,
        homepage=feed.homepage,
        licence=feed.licence,
        fresh_days=feed.fresh_days,
        overrides=feed.overrides,
        covers=tuple(Cover(names, least) for names, least in sorted(feed.covers.items())),
        least_records=feed.least_records,
        stale_days=feed.stale_days,
        dated_by=feed.dated_by,
        is_partial=state.is_partial,
        unread=state.unread,
        unplaced=state.unplaced,
        cut=state.cut,
        checked_on=state.checked_at[:_DAY],
    )


def _recipe(shelf: Shelf, feeds: Sequence[Feed], code: str) -> str:
    """A name for all that a snapshot is made of. The day of the last check is part of it where a feed's age goes by that."""
    parts = [code, str(FORMAT)]
    for feed in feeds:
        state = shelf.state(feed.name)
        info = _info(feed, state)
        parts += [feed.name, state.changed_at, str(state.records), *(kept.sha256 for kept in state.documents)]
        parts += [
            str((state.is_partial, state.unread, state.unplaced, state.cut)),
            info.checked_on if goes_by_check(info, state.is_dated) else "",
        ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
