"""A worker's lanes: what is swift does not wait behind what is heavy, and every queue has its lane."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import procrastinate
import pytest
from psycopg.pq import TransactionStatus

from hullmark.server.process.worker import run
from hullmark.server.process.worker.tasks import TASKS, Work
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from hullmark.server.tables import jobs
from hullmark.server.tables.notice.transitions import AGAIN

pytestmark = pytest.mark.anyio


def test_every_queue_is_in_one_lane() -> None:
    queues = Counter(queue for lane in run.lanes() for queue in lane.queues)
    assert set(queues) >= {queue for queue, _ in TASKS.values()}
    assert set(queues.values()) == {1}


async def wanted(services: Services, task: str, queue: str, count: int) -> None:
    async with services.database.system() as connection:
        for number in range(count):
            await jobs.defer(connection, task, {"number": number}, queue=queue)


async def until(fact: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not fact():
            await asyncio.sleep(0.02)


async def test_swift_jobs_are_done_side_by_side_while_a_heavy_one_runs(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: Counter[str] = Counter()
    done: Counter[str] = Counter()
    go_on = asyncio.Event()

    async def slow(_: Work, number: int) -> None:
        begun["slow"] += 1
        await go_on.wait()
        done["slow"] += 1

    async def quick(_: Work, number: int) -> None:
        begun["quick"] += 1
        await asyncio.wait_for(until(lambda: begun["quick"] >= 8), 20)
        done["quick"] += 1

    async def hanging(_: Work, number: int) -> None:
        begun["hanging"] += 1
        await go_on.wait()
        done["hanging"] += 1

    others = {"slow": ("analysis", slow), "quick": ("delivery", quick), "hanging": (AGAIN, hanging)}
    monkeypatch.setattr(run, "TASKS", {**TASKS, **others})
    services = services_for(Settings(data=tmp_path / "data", database_url=database_url), {})
    work = Work(
        services=services, snapshot_cache=SnapshotCache(services.objects, tmp_path / "snapshots"), worker="test"
    )
    async with services.database:
        working = asyncio.create_task(run._working(work, asyncio.Event()))
        try:
            await wanted(services, "slow", "analysis", 2)
            await wanted(services, "hanging", AGAIN, 50)
            await until(lambda: begun["slow"] == 1 and begun["hanging"] == 32)
            await wanted(services, "quick", "delivery", 8)
            await until(lambda: done["quick"] == 8)
            assert (begun["slow"], done["slow"], done["hanging"]) == (1, 0, 0)
            go_on.set()
            await until(lambda: done["slow"] == 2 and done["hanging"] == 50)
            await until_ended(services)
        finally:
            go_on.set()
            working.cancel()
            await asyncio.wait((working,))


async def until_ended(services: Services) -> None:
    async with asyncio.timeout(20):
        while True:
            async with services.database.system() as connection:
                if not await jobs.waiting_by_task(connection):
                    return
            await asyncio.sleep(0.05)


async def test_a_worker_that_stands_still_after_a_statement_holds_nothing(database_url: str, tmp_path: Path) -> None:
    """As `docker pause` does it: the others ask for the rows of all workers before their first job."""
    services = services_for(Settings(data=tmp_path / "data", database_url=database_url), {})
    work = Work(
        services=services, snapshot_cache=SnapshotCache(services.objects, tmp_path / "snapshots"), worker="test"
    )
    app = run.jobs_app(database_url, work)
    async with app.open_async():
        assert isinstance(app.connector, procrastinate.PsycopgConnector)
        async with app.connector.pool.connection() as connection:
            await connection.execute("SELECT id FROM procrastinate_workers FOR UPDATE")
            assert connection.info.transaction_status is TransactionStatus.IDLE


async def test_a_worker_that_is_told_to_stop_hands_back_what_it_does(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def slow(_: Work, number: int) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(run, "TASKS", {**TASKS, "slow": ("delivery", slow)})
    monkeypatch.setattr(run, "_GRACE", 0.1)
    services = services_for(Settings(data=tmp_path / "data", database_url=database_url), {})
    work = Work(
        services=services, snapshot_cache=SnapshotCache(services.objects, tmp_path / "snapshots"), worker="test"
    )
    async with services.database:
        working = asyncio.create_task(run._working(work, asyncio.Event()))
        await wanted(services, "slow", "delivery", 1)
        await asyncio.wait_for(begun.wait(), 20)
        working.cancel()
        await asyncio.wait((working,), timeout=20)
        assert working.done()
        async with services.database.system() as connection:
            assert await jobs.waiting_by_task(connection) == {("slow", "todo"): 1}


async def test_a_job_that_a_transaction_held_back_is_done_when_it_ends(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a look that nobody asked for: none comes within the test."""
    done: list[int] = []

    async def quick(_: Work, number: int) -> None:
        done.append(number)

    monkeypatch.setattr(run, "TASKS", {**TASKS, "quick": ("notice", quick)})
    monkeypatch.setattr(run, "_POLL", 3600.0)
    services = services_for(Settings(data=tmp_path / "data", database_url=database_url), {})
    work = Work(
        services=services, snapshot_cache=SnapshotCache(services.objects, tmp_path / "snapshots"), worker="test"
    )
    async with services.database:
        async with services.database.system() as connection:
            await jobs.defer(connection, "quick", {"number": 1}, once="one", queue="notice")
        async with services.database.system() as connection:
            assert await jobs.defer(connection, "quick", {"number": 1}, once="one", queue="notice") is None
            working = asyncio.create_task(run._working(work, asyncio.Event()))
            # Another job is done: when the lane has looked behind it, it has passed the one by that is held.
            await wanted(services, "quick", "notice", 1)
            await until(lambda: done == [0])
            await asyncio.sleep(0.5)
        try:
            await until(lambda: done == [0, 1])
        finally:
            working.cancel()
            await asyncio.wait((working,))
