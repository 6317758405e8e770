"""Where the server's advisories come from: feeds that are fetched every few hours, and snapshots that an operator uploads."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.bundle import Bundle
from hullmark.advisories.database.layout import SnapshotFile, inspect
from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.feeds import load
from hullmark.advisories.feeds.feed import Feed
from hullmark.app.origins import Folder, Origin, Upstreams
from hullmark.app.share import import_bundle
from hullmark.app.update import FeedOutcome, UpdateRequest, UpdateResult, update
from hullmark.model.errors import HullmarkError
from hullmark.net.http import Client
from hullmark.server.stories.advisories.advisories import SnapshotCache, publish
from hullmark.server.stories.muting import mute_of, require_unmuted
from hullmark.server.stories.services import Services, outgoing
from hullmark.server.tables import audit, jobs
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection
from hullmark.server.tables.rollout import adoptions
from hullmark.server.tables.settings import keep_setting, setting
from hullmark.source.distribution import http_settings

UPSTREAMS = "default"
"""What HULLMARK_FEEDS says where the feeds themselves are meant."""

_NAME = "advisories.update"
_SQLITE = b"SQLite format 3\0"
_SOON = 300.0
_TRIED = ("updated", "unchanged", "failed", "held")


class LastUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The last fetch of the feeds: when it was requested and ended, and its result; `reason` says why there is no result.

    `digest` is that of the last snapshot that a fetch produced. `failures` counts the failed fetches in a row. `good_at` says when each
    feed was last read, or last reported nothing new; for a feed that was never read, when it was first tried.
    """

    asked_at: datetime
    ended_at: datetime | None = None
    digest: str = ""
    reason: str = ""
    outcomes: tuple[FeedOutcome, ...] = ()
    failures: int = 0
    good_at: dict[str, datetime] = {}


class UpdateOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to update: see UpdateRequest. `environment` may hold the tokens that some feeds need."""

    accepts_shrinking: bool = False
    is_anew: bool = False
    environment: Mapping[str, str] = {}


async def last_update(connection: Connection) -> LastUpdate | None:
    """The last update, None if there was none."""
    value = await setting(connection, _NAME)
    return msgspec.convert(value, LastUpdate) if value is not None else None


async def _remember(connection: Connection, last: LastUpdate) -> None:
    await keep_setting(connection, _NAME, msgspec.to_builtins(last))


async def want_update(
    services: Services,
    *,
    accepts_shrinking: bool = False,
    is_anew: bool = False,
    entry: audit.Entry[bool] | None = None,
) -> bool:
    """Have a worker fetch the feeds; returns False if a fetch is already queued. `entry` logs it in the same transaction.

    Raises HullmarkError if no feeds are set.
    """
    if not services.settings.feeds:
        raise HullmarkError(
            "no feeds are set",
            advice="set HULLMARK_FEEDS=default, or to a mirror's URL or folder, and start the server again",
        )
    args = {"accepts_shrinking": accepts_shrinking, "is_anew": is_anew}
    async with services.database.system() as connection:
        job = await jobs.defer(
            connection, "update_advisories", args, once="update_advisories", queue="feeds", priority=30
        )
        if job is not None:
            before = await last_update(connection)
            kept = before or LastUpdate(asked_at=services.clock())
            await _remember(connection, msgspec.structs.replace(kept, asked_at=services.clock(), reason=""))
        if entry is not None:
            await entry(connection, job is not None)
        return job is not None


async def update_when_due(services: Services) -> None:
    """A duty: request a fetch of the feeds when the interval has passed, sooner after a failure, and at once if there are no advisories
    yet.
    """
    if not services.settings.feeds:
        return
    async with services.database.system() as connection:
        last = await last_update(connection)
        if await mute_of(connection) is not None:
            return
    if last is None or services.clock() >= last.asked_at + timedelta(seconds=_pause(services, last)):
        await want_update(services)


def _pause(services: Services, last: LastUpdate) -> float:
    every = services.settings.feeds_every
    return min(every, _SOON) if last.reason else every


async def update_advisories(services: Services, options: UpdateOptions) -> LastUpdate:
    """Fetch the feeds, and have all matches updated to the resulting snapshot. Failures are recorded. Raises MutedServer."""
    await require_unmuted(services)
    began = services.clock()
    try:
        shelf, updated = await asyncio.to_thread(_update_shelf, services, options, began)
        current = shelf.current()
        is_newest = current is not None and await _publish_update(services, current, updated)
        failed = [outcome for outcome in updated.outcomes if outcome.status == "failed"]
        tried = [outcome for outcome in updated.outcomes if outcome.status not in ("absent", "left-out")]
        reason = "no feed could be fetched" if tried and len(failed) == len(tried) else ""
        outcomes = tuple(
            msgspec.structs.replace(outcome, problems=outcome.problems[:1]) for outcome in updated.outcomes
        )
        digest = updated.digest if is_newest else ""
        last = LastUpdate(asked_at=began, digest=digest, outcomes=outcomes, reason=reason)
    except HullmarkError as error:
        last = LastUpdate(asked_at=began, reason=f"{error}; {error.advice}"[:2000])
    async with services.database.system() as connection:
        last = _following(await last_update(connection), last, services.clock())
        await _remember(connection, last)
    return last


async def _publish_update(services: Services, current: SnapshotFile, updated: UpdateResult) -> bool:
    """Have all matches updated to the result of a fetch; returns whether its snapshot is now the newest.

    If the result differs from that of the last fetch, it becomes current even if it was current before. It does not if a feed could not be
    read and this machine did not produce the last result: another machine may have read that feed since. Nor does it if it equals the last
    result: an operator may have uploaded a newer snapshot in between.
    """
    async with services.database.system() as connection:
        last = await last_update(connection)
    before = last.digest if last is not None else ""
    is_whole = not any(outcome.status in ("failed", "held") for outcome in updated.outcomes)
    may_return = before not in ("", updated.digest) and (is_whole or updated.previous == before)
    number = await publish(services, *current, may_return=may_return)
    async with services.database.system() as connection:
        return number == await snapshots.newest(connection)


def _following(before: LastUpdate | None, last: LastUpdate, ended_at: datetime) -> LastUpdate:
    """The record to store for an update that has ended, based on the record `before` it."""
    good = before.good_at if before is not None else {}
    tried = {
        outcome.feed: outcome.status in ("updated", "unchanged")
        for outcome in last.outcomes
        if outcome.status in _TRIED
    }
    good_at = {feed: ended_at if is_good else good.get(feed, ended_at) for feed, is_good in tried.items()}
    failures = (before.failures if before is not None else 0) + 1 if last.reason else 0
    digest = last.digest or (before.digest if before is not None else "")
    return msgspec.structs.replace(
        last, digest=digest, ended_at=ended_at, failures=failures, good_at=good_at if tried else good
    )


def _update_shelf(services: Services, options: UpdateOptions, now: datetime) -> tuple[Shelf, UpdateResult]:
    every = load()
    request = UpdateRequest(
        now=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        accepts_shrinking=options.accepts_shrinking,
        is_anew=options.is_anew,
        environment=options.environment,
    )
    shelf = Shelf(services.settings.data / "advisories")
    place = services.settings.feeds
    chosen = tuple(feed for feed in every if feed.is_default or place != UPSTREAMS)
    return shelf, update(shelf, chosen, every, _origin(services, every, options), request)


def _origin(services: Services, every: tuple[Feed, ...], options: UpdateOptions) -> Origin:
    place = services.settings.feeds
    if place != UPSTREAMS and not place.startswith(("http://", "https://")):
        return Folder(Path(place.removeprefix("file://")))
    needs = {feed.name: feed.needs for feed in every if feed.needs}
    client = Client(http_settings(outgoing(services)))
    mirror = "" if place == UPSTREAMS else place
    return Upstreams(client, mirror, lambda name: options.environment.get(needs[name], "") if name in needs else "")


# Uploads by an operator


class TakenSnapshot(NamedTuple):
    """An uploaded snapshot: its file and digest, and the fingerprint of the key that signed it ("": no known key)."""

    path: Path
    digest: str
    signer: str


async def take_in_file(
    services: Services, snapshot_cache: SnapshotCache, file: Path, entry: audit.Entry[TakenSnapshot]
) -> TakenSnapshot:
    """Have all matches updated to the snapshot in an uploaded file: a snapshot itself, or a bundle of `db export`. `entry` logs it in the
    same transaction.

    Raises HullmarkError, before anything takes effect, if the file is not valid, is damaged, lacks the required signature, or is older than
    the current snapshot.
    """
    keys = Path(services.settings.advisory_keys) if services.settings.advisory_keys else None
    with file.open("rb") as stream:
        is_snapshot = stream.read(len(_SQLITE)) == _SQLITE
    if is_snapshot and keys is not None:
        raise HullmarkError("a bare snapshot is not signed", advice="send a bundle: hullmark db export --key FILE")
    if is_snapshot:
        taken = await asyncio.to_thread(_inspect_snapshot, file)
    else:
        parent = await _parent(services, file)
        taken = await asyncio.to_thread(_import_bundle, file, keys, snapshot_cache, parent)
    async with services.database.system() as connection:
        if await adoptions.is_superseded(connection, taken.digest):
            raise HullmarkError(
                "this snapshot was in use before, and a newer one counts now", advice="send a newer one"
            )

    async def write(connection: Connection, _: int) -> None:
        await entry(connection, taken)

    await publish(services, taken.path, taken.digest, entry=write)
    return taken


def _inspect_snapshot(file: Path) -> TakenSnapshot:
    inspect(file)
    return TakenSnapshot(file, digest_of(file), "")


def _import_bundle(
    file: Path, keys: Path | None, snapshot_cache: SnapshotCache, parent: snapshots.SnapshotRow | None
) -> TakenSnapshot:
    """Unpack a bundle beside its file. `parent` is the snapshot that the bundle extends."""
    shelf = Shelf(file.with_name("shelf"))
    if parent is not None:
        with snapshot_cache.opened(parent.digest, parent.object) as source:
            target = shelf.path_of(parent.digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.path, target)
    received = import_bundle(shelf, file, trusted=keys, allow_unsigned=keys is None)
    path = shelf.path_of(received.snapshot)
    inspect(path)
    return TakenSnapshot(path, received.snapshot, received.signer)


async def _parent(services: Services, file: Path) -> snapshots.SnapshotRow | None:
    """The stored snapshot that a bundle extends, if there is one."""

    def read_parent_name() -> str:
        with file.open("rb") as stream:
            return Bundle(stream).payload.parent

    digest = await asyncio.to_thread(read_parent_name)
    if not digest:
        return None
    async with services.database.system() as connection:
        return await adoptions.by_digest(connection, digest)


# A new day


async def bring_to_today(services: Services) -> None:
    """A duty: when the date changes, match again the packages whose support has ended. It works once a day; other calls only check the
    date. Images whose policies depend on dates are judged separately, when their time comes.
    """
    today = services.clock().date().isoformat()
    async with services.database.system() as connection:
        if await setting(connection, "today") == today:
            return
        now = await snapshots.current(connection)
        if now.snapshot_id is not None and now.at != today:
            args: dict[str, Any] = {"snapshot_id": now.snapshot_id}
            await jobs.defer(connection, "adopt", args, once=f"adopt:{now.snapshot_id}", queue="matching", priority=20)
        await keep_setting(connection, "today", today)
