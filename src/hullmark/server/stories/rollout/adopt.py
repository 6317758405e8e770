"""A newer snapshot of advisories: everything is matched with it, and its changes are carried into all verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.model.advisory import EXPLOITED
from hullmark.model.errors import HullmarkError
from hullmark.model.match import SnapshotInfo
from hullmark.server.stories.advisories import matching
from hullmark.server.stories.advisories.advisories import SnapshotCache, count_sets, current_snapshot
from hullmark.server.stories.advisories.news import Thresholds
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.finding_changes import CAUSE, Step, rejudge, targets_of, thresholds
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.advisories import match_changes, snapshots
from hullmark.server.tables.advisories.snapshots import LAST_RANK, SnapshotRow
from hullmark.server.tables.database import Connection
from hullmark.server.tables.rollout import adoptions, waves

_PAUSE = 0.1


async def adopt(services: Services, snapshot_cache: SnapshotCache, snapshot_id: int) -> bool:
    """Bring all matches and verdicts to a snapshot; goes on where it was stopped. Returns whether it is the one that counts.

    Changes of an earlier snapshot are carried out first. Others may do the same meanwhile.
    """
    while True:
        async with services.database.system() as connection:
            row = await snapshots.snapshot_by_id(connection, snapshot_id)
            before = await current_snapshot(connection)
            known, is_done = await snapshots.current(connection), await snapshots.is_carried_out(connection)
        if row is None:
            raise HullmarkError(f"there is no snapshot {snapshot_id}", advice="publish it")
        if before is not None and before.id > row.id:
            return False  # a newer one counts already
        if before is not None and (before.id, known.at, is_done) == (row.id, services.clock().date().isoformat(), True):
            break
        try:
            await _bring(services, snapshot_cache, row if before is None or is_done else before)
        except snapshots.OtherSnapshot:
            await asyncio.sleep(_PAUSE)  # somebody else was sooner
    await count_sets(services)
    return True


async def _bring(services: Services, snapshot_cache: SnapshotCache, row: SnapshotRow) -> None:
    day = services.clock().date().isoformat()
    async with services.database.system() as connection:
        before = await current_snapshot(connection)
        bounds = await thresholds(connection)
    with snapshot_cache.opened(row.digest, row.object) as source:
        if before is None or before.id == row.id:
            await matching.begin_adoption(
                services.database,
                row.id,
                source,
                None,
                at=day,
                thresholds=bounds,
                is_next=True,
                judge_otherwise=_judge_askers,
            )
        else:
            with _earlier(snapshot_cache, before) as previous:
                await matching.begin_adoption(
                    services.database,
                    row.id,
                    source,
                    previous,
                    at=day,
                    thresholds=bounds,
                    is_next=True,
                    judge_otherwise=_judge_askers,
                )
        await _carry_out(services, snapshot_cache, _Adoption(row, source, bounds))


@contextmanager
def _earlier(snapshot_cache: SnapshotCache, row: SnapshotRow) -> Iterator[Snapshot | None]:
    """The snapshot that counted before; None if it is lost: then all is matched again."""
    with ExitStack() as stack:
        source = None
        with suppress(HullmarkError):
            source = stack.enter_context(snapshot_cache.opened(row.digest, row.object))
        yield source


class _Adoption(NamedTuple):
    """A snapshot on its way into all verdicts, and the thresholds that policies have."""

    row: SnapshotRow
    snapshot: Snapshot
    thresholds: Thresholds


async def _carry_out(services: Services, snapshot_cache: SnapshotCache, adoption: _Adoption) -> None:
    """Match what is planned, the most urgent first, and write the results, until no process is working on it."""
    row = adoption.row
    async with services.database.system() as connection:
        step = await _step(connection, row)
    while True:
        await _carry_some(services, snapshot_cache, adoption, step)
        async with services.database.system() as connection:
            if not await adoptions.is_under_way(connection, row.id, is_told=step is not None):
                await _end(connection, services, row, step)
                return
        await asyncio.sleep(_PAUSE)  # another process may be at the last of it, or be ended within


async def _carry_some(
    services: Services, snapshot_cache: SnapshotCache, adoption: _Adoption, step: Step | None
) -> None:
    row, source, bounds = adoption
    for rank in range(LAST_RANK + 1):
        while await matching.rematch_some(services.database, source, row.id, rank=rank):
            pass
        if rank == LAST_RANK:
            while await matching.weigh_some(services.database, source, row.id, thresholds=bounds):
                pass
        if step is not None:
            await rejudge(services, snapshot_cache, step, rank)


async def _end(connection: Connection, services: Services, row: SnapshotRow, step: Step | None) -> None:
    """Write down that all is done. Rules that depend on single images are judged after that."""
    if step is None:
        await _judge_all(connection)
    elif not row.is_adopted:
        await _judge_wide(connection, services, step)
    await waves.forget(connection, row.id)
    await match_changes.forget_news(connection, row.id)
    await snapshots.settle(connection, row.id)
    await snapshots.carried_out(connection, row.id)


async def _step(connection: Connection, row: SnapshotRow) -> Step | None:
    """From which snapshot to which, or from one day to the next with the only one; None for the first one: nothing is
    announced."""
    known = await snapshots.current(connection)
    if known.is_baseline:
        return None
    previous = await snapshots.snapshot_by_id(connection, known.previous_id) if known.previous_id is not None else row
    assert previous is not None  # noqa: S101 - snapshots are never deleted
    shown = await adoptions.tell_of(connection, row.id)
    assert shown is not None  # noqa: S101 - it is the one that counts
    return Step(
        snapshot_id=row.id,
        before=previous.digest,
        after=row.digest,
        before_at=previous.data_at,
        data_at=row.data_at,
        seen_at=shown.added_at,
        is_day=row.is_adopted,
    )


async def _judge_all(connection: Connection) -> None:
    """The first advisories there are: every image is judged."""
    for account_id in await adoptions.accounts_with_policies(connection):
        await _judge_account(connection, account_id)


async def _judge_wide(connection: Connection, services: Services, step: Step) -> None:
    """Judge all images of accounts whose policies say something else of the advisories as a whole."""
    now = services.clock()
    for account_id in await adoptions.accounts_with_policies(connection):
        for target in await targets_of(connection, [account_id]):
            if target.wide is None:
                continue
            verdicts_ = [
                sums.says_of_all(target.wide, sums.Moment(now, SnapshotInfo(digest="", data_at=data_at)))
                for data_at in (step.before_at, step.data_at)
            ]
            if sums.differ(*verdicts_):
                await _judge_account(connection, account_id)
                break


async def _judge_askers(connection: Connection, namespaces: set[str]) -> None:
    """Judge all images of accounts that ask what is known to be exploited, if the advisories have begun or ceased to tell all of that."""
    if EXPLOITED not in namespaces:
        return
    for account_id in await adoptions.accounts_with_policies(connection):
        if any(sums.asks_what_is_exploited(target) for target in await targets_of(connection, [account_id])):
            await _judge_account(connection, account_id)


async def _judge_account(connection: Connection, account_id: int) -> None:
    args = {"account_id": account_id, "cause": CAUSE}
    await jobs.defer(connection, "rejudge", args, once=f"rejudge:{account_id}", queue=jobs.REJUDGING)
