"""Reports of collectors are taken: what runs is compared with what is known, and what is news is written down to be told.

A report is one transaction. One that comes again is answered as the first time. Its places hold from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.place import InventoryAnswer, InventoryReport
from hullmark.server.stories.places import news, silence
from hullmark.server.stories.places.environments import environment_of
from hullmark.server.stories.places.reported import ReportedParts, in_time, read_report
from hullmark.server.stories.services import Services
from hullmark.server.tables import events
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import collectors, intake, shared
from hullmark.server.tables.places.collectors import CollectorRow, ReportNote
from hullmark.server.tables.places.intake import ContainerRow, Differences, PlacementKey, Source
from hullmark.server.tables.places.place_settings import PlaceSettings, place_settings

_FURTHEST = 1 << 40
"""How far a number may be ahead of the last one, and of the clock in milliseconds, with which agents begin: one behind which nothing
could come would silence a collector."""
_RIVAL = timedelta(minutes=10)
"""Who was heard of so lately has not lost count: somebody else reports in its name."""


class ListNeeded(HullmarkError):
    """The report is not taken: a new whole list is to come, with a number above `sequence`. `rival`: the collector in whose name two seem
    to report (None: only one does)."""

    def __init__(self, message: str, sequence: int, rival: CollectorRow | None = None) -> None:
        super().__init__(message, advice="begin a new whole list behind the sequence that is told")
        self.sequence, self.rival = sequence, rival


class CollectorConflict(HullmarkError):
    """Another key reports for this collector."""


async def take(
    services: Services, account_id: int, report: InventoryReport, key_id: int | None = None
) -> InventoryAnswer:
    """Take a report. `key_id`: the API key of an agent, which is held to the collectors that it reported for first (None: whoever reports
    may do so for all; 0: an agent without a key). Raises ListNeeded, CollectorConflict, and HullmarkError for what cannot be kept."""
    now = services.clock()
    parts = read_report(report, now)
    try:
        return await _take(services, account_id, report, parts, key_id)
    except ListNeeded as error:
        if error.rival is not None:
            async with services.database.tenant(account_id) as connection:
                await news.tell_rival(connection, account_id, error.rival, now)
        raise


async def _take(
    services: Services, account_id: int, report: InventoryReport, parts: ReportedParts, key_id: int | None
) -> InventoryAnswer:
    now = services.clock()
    digest = hashlib.sha256(msgspec.json.encode(report, order="deterministic")).digest()
    async with services.database.tenant(account_id) as connection:
        row = await collectors.lock(connection, account_id, report.platform, report.collector, now)
        await _check_key(connection, account_id, row, key_id, now)
        if await collectors.report_digest(connection, row.id, report.sequence) == digest:
            return InventoryAnswer(sequence=row.sequence)
        _check_order(row, report, now)
        at = min(in_time(report.at), now)
        source = Source(account_id, row.id, report.platform, at, now)
        is_anew = bool(report.list) and report.list != row.list
        if is_anew:
            await collectors.forget_parts(connection, account_id, row.id)
        is_listing = bool(report.list or row.list)
        if is_listing:
            named = [container.id for container in parts.containers]
            await collectors.add_part(connection, account_id, row.id, report.sequence, named)
        is_last = bool(report.list) and report.last
        settings = await place_settings(connection, account_id)
        found = await _apply(connection, source, parts, settings, is_last=is_last)
        if is_last:
            await collectors.forget_parts(connection, account_id, row.id)
        note = ReportNote(
            sequence=report.sequence,
            digest=digest,
            list="" if is_last else report.list or row.list,
            listed_at=at if is_last else row.listed_at,
            places=len(found.began) - len(found.ended),
            now=now,
            key_id=key_id or None,
        )
        await collectors.note_report(connection, account_id, row.id, note)
        await silence.tell_heard(connection, account_id, row, now)
        await news.tell(connection, source, report, found, settings)
        await _announce(connection, source, row, note)
    return InventoryAnswer(sequence=report.sequence, list_needed=note.listed_at is None and not note.list)


async def _check_key(
    connection: Connection, account_id: int, row: CollectorRow, key_id: int | None, now: datetime
) -> None:
    if key_id is None or row.key_id is None or row.key_id == key_id:
        return
    if name := await collectors.good_key(connection, account_id, row.key_id, now):
        raise CollectorConflict(
            f"{row.platform} {row.name} is reported with another key, {name}",
            advice="give each cluster and host a name of its own (--name); where that key is worth nothing any more, revoke it",
        )


def _check_order(row: CollectorRow, report: InventoryReport, now: datetime) -> None:
    if report.sequence <= row.sequence:
        raise ListNeeded(
            f"the collector {row.name} reported up to {row.sequence} already, and something else as {report.sequence}",
            row.sequence,
            row if now - row.reported_at < _RIVAL else None,
        )
    if report.sequence > max(row.sequence, int(now.timestamp() * 1000)) + _FURTHEST:
        raise HullmarkError(
            f"the sequence {report.sequence} is too far ahead", advice="begin with the time in milliseconds, and count"
        )
    # What was seen besides builds on no list: an engine that does not answer is told of before it could be listed.
    if (report.running or report.ended) and not report.list and not row.list and row.listed_at is None:
        raise ListNeeded(f"nobody listed yet what runs in {row.name}", row.sequence)


async def _apply(
    connection: Connection, source: Source, parts: ReportedParts, settings: PlaceSettings, *, is_last: bool
) -> Differences:
    """Write down what differs; what ended is counted behind what began, so that a place where both happened goes on."""
    touched: dict[int, datetime] = {}
    _merge(touched, await intake.end_containers(connection, source, parts.ended) if parts.ended else {})
    began, changed = await _put(connection, source, parts, settings) if parts.containers else ([], {})
    _merge(touched, changed)
    if is_last:
        _merge(touched, await intake.end_unlisted(connection, source))
    ended = await intake.recount(connection, source, touched) if touched else []
    return Differences(began, ended)


def _merge(touched: dict[int, datetime], more: Mapping[int, datetime]) -> None:
    for number, at in more.items():
        touched[number] = max(at, touched.get(number, at))


async def _put(
    connection: Connection, source: Source, parts: ReportedParts, settings: PlaceSettings
) -> tuple[list[int], dict[int, datetime]]:
    """Have containers run where they were told to; returns the placements that began, and all that have others now."""
    rows = await _rows(connection, source, parts, settings)
    different = await intake.different(connection, source, rows)
    if not different:
        return [], {}
    fresh = [rows[position] for position in different]
    keys = list(dict.fromkeys(row.placement for row in fresh))
    known = await intake.open_placements(connection, source, keys)
    new: dict[PlacementKey, tuple[str, datetime]] = {}
    for row in fresh:
        if row.placement not in known:
            _, since = new.get(row.placement, ("", row.since))
            new[row.placement] = (row.environment, min(since, row.since))
    began = await intake.begin_placements(connection, source, new) if new else {}
    numbers = {**known, **began}
    await intake.put_containers(connection, source, [(row, numbers[row.placement]) for row in fresh])
    touched = {numbers[row.placement] for row in fresh} | {number for number in different.values() if number}
    return sorted(began.values()), dict.fromkeys(sorted(touched), source.at)


async def _rows(
    connection: Connection, source: Source, parts: ReportedParts, settings: PlaceSettings
) -> list[ContainerRow]:
    account_id = source.account_id
    images = await shared.running_images(connection, account_id, parts.images)
    isolations = await shared.isolations(
        connection, account_id, {digest: kept.graded for digest, kept in parts.isolations.items()}
    )
    label_sets = await shared.label_sets(connection, account_id, parts.label_sets)
    return [
        ContainerRow(
            id=told.id,
            placement=PlacementKey(
                cluster=told.place.cluster,
                namespace=told.place.namespace,
                workload=told.place.workload,
                container=told.place.container,
                kind=told.place.kind,
                running_image_id=images[told.image],
                isolation_id=isolations[told.isolation],
                label_set_id=label_sets[told.labels],
            ),
            environment=environment_of(settings, told.place, parts.label_sets[told.labels]),
            node=told.node,
            since=told.since,
        )
        for told in parts.containers
    ]


async def _announce(connection: Connection, source: Source, row: CollectorRow, note: ReportNote) -> None:
    """An event once a collector is known whole for the first time; what changes later are news, not events: there may be many a second."""
    if row.listed_at is None and note.listed_at is not None:
        body = {"platform": row.platform, "collector": row.name, "places": row.places + note.places}
        await events.tell(connection, source.account_id, "collector.listed", ("collector", row.name), body)
