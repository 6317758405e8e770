"""Jobs on a real PostgreSQL: wanted once, begun after what wanted them, given to others when a worker falls silent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import procrastinate
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg.types.json import Jsonb

from hullmark.server.process.worker import lasting as lasting_module
from hullmark.server.process.worker.lasting import LastingJobs
from hullmark.server.process.worker.run import Again
from hullmark.server.tables import jobs
from hullmark.server.tables.database import Connection, Database, DatabaseUnreachable, watchful


def run(url: str, work: Callable[[Database, LastingJobs], Awaitable[Any]]) -> Any:
    async def inside() -> Any:
        connector = procrastinate.PsycopgConnector(conninfo=watchful(url), min_size=1, max_size=4)
        app = procrastinate.App(connector=connector)
        async with Database(url) as database, app.open_async():
            return await work(database, LastingJobs(connector))

    return asyncio.run(inside())


async def wanted(connection: Connection, number: int = 1, **more: Any) -> int | None:
    return await jobs.defer(connection, "judge", {"image_id": number}, once=f"judge:{number}", **more)


async def all_jobs(database: Database) -> list[tuple[Any, ...]]:
    async with database.system() as connection:
        cursor = await connection.execute("SELECT id, status::text, attempts FROM procrastinate_jobs ORDER BY id")
        return await cursor.fetchall()


async def taken(lasting: LastingJobs) -> tuple[Job, int]:
    worker = await lasting.register_worker()
    job = await lasting.fetch_job(None, worker)
    assert job is not None
    return job, worker


def test_what_is_wanted_twice_waits_once_and_as_urgent_as_the_more_urgent_asks(database_url: str) -> None:
    async def work(database: Database, lasting: LastingJobs) -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        async with database.system() as connection:
            assert await wanted(connection, at=later) is not None
        assert await lasting.fetch_job(None, await lasting.register_worker()) is None
        async with database.system() as connection:
            assert await wanted(connection, at=later + timedelta(hours=1), priority=7) is None
        assert await lasting.fetch_job(None, await lasting.register_worker()) is None
        async with database.system() as connection:
            assert await wanted(connection, priority=3) is None
        job, _ = await taken(lasting)
        assert job.priority == 7
        async with database.system() as connection:
            assert await wanted(connection) is not None

    run(database_url, work)


def test_a_job_that_waits_is_not_begun_before_those_who_want_it_have_ended(database_url: str) -> None:
    """Else it would be done by what was so before, and nobody would do it again."""

    async def work(database: Database, lasting: LastingJobs) -> None:
        async with database.system() as connection:
            await wanted(connection)
        worker = await lasting.register_worker()
        async with database.system() as one, database.system() as other:
            assert await wanted(one) is None
            assert await wanted(other) is None
            assert await lasting.fetch_job(None, worker) is None
        assert await lasting.fetch_job(None, worker) is not None

    run(database_url, work)


def test_the_job_of_a_silent_worker_comes_back_as_another(database_url: str) -> None:
    async def work(database: Database, lasting: LastingJobs) -> None:
        async with database.system() as connection:
            first = await wanted(connection)
        job, _ = await taken(lasting)
        async with database.system() as connection:
            assert await jobs.requeue_abandoned(connection, 30.0) == 0
            assert await jobs.requeue_abandoned(connection, 0.0) == 1
        [(second, status, attempts)] = await all_jobs(database)
        assert (second != first, status, attempts) == (True, "todo", 1)
        # What the silent one says in the end does not touch it.
        await lasting.finish_job(job, Status.SUCCEEDED, delete_job=True)
        await lasting.retry_job(job)
        assert await all_jobs(database) == [(second, "todo", 1)]

    run(database_url, work)


def test_the_job_of_a_worker_that_is_gone_comes_back_at_once_and_not_beside_its_twin(database_url: str) -> None:
    async def work(database: Database, lasting: LastingJobs) -> None:
        async with database.system() as connection:
            await wanted(connection)
        _, worker = await taken(lasting)
        async with database.system() as connection:
            twin = await wanted(connection)
        await lasting.unregister_worker(worker)
        async with database.system() as connection:
            assert await jobs.requeue_abandoned(connection, 30.0) == 1
        assert await all_jobs(database) == [(twin, "todo", 0)]

    run(database_url, work)


def test_a_job_that_ends_its_workers_waits_longer_each_time(database_url: str) -> None:
    async def work(database: Database, lasting: LastingJobs) -> None:
        async with database.system() as connection:
            await wanted(connection)
        for _ in range(4):
            _, worker = await taken(lasting)
            await lasting.unregister_worker(worker)
            async with database.system() as connection:
                await jobs.requeue_abandoned(connection, 30.0)
        assert await lasting.fetch_job(None, await lasting.register_worker()) is None
        assert [row[1:] for row in await all_jobs(database)] == [("todo", 4)]

    run(database_url, work)


def test_a_job_whose_taker_never_heard_that_it_has_it_is_given_once_more(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks behind the commit that gave the job away, and the worker lives on."""

    async def work(database: Database, lasting: LastingJobs) -> None:
        async with database.system() as connection:
            await wanted(connection, 1)
            await wanted(connection, 2)
        held, worker = await taken(lasting)
        with monkeypatch.context() as patched:
            patched.setattr(JobManager, "fetch_job", broken)
            assert await lasting.fetch_job(None, worker) is None
        assert [status for _, status, _ in await all_jobs(database)] == ["doing", "doing"]
        again = await lasting.fetch_job(None, worker)
        assert again is not None
        assert again.task_kwargs == {"image_id": 2}
        await lasting.finish_job(again, Status.SUCCEEDED, delete_job=True)
        assert await lasting.fetch_job(None, worker) is None
        assert [(number, status) for number, status, _ in await all_jobs(database)] == [(held.id, "doing")]

    real = JobManager.fetch_job

    async def broken(self: JobManager, queues: Any, worker_id: int) -> Job | None:
        assert await real(self, queues, worker_id) is not None
        raise ConnectorException from psycopg.OperationalError("server closed the connection unexpectedly")

    run(database_url, work)


def test_a_job_whose_end_the_database_forgot_is_given_once_more(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It broke down before the end was on the disk, and was back before the worker asked for anything."""

    async def work(database: Database, lasting: LastingJobs) -> None:
        async with database.system() as connection:
            await wanted(connection)
        job, worker = await taken(lasting)
        async with database.system() as connection:
            rows = await (await connection.execute("SELECT * FROM procrastinate_jobs")).fetchall()
        await lasting.finish_job(job, Status.SUCCEEDED, delete_job=True)
        async with database.system() as connection:
            places = ", ".join(["%s"] * len(rows[0]))
            values = [Jsonb(value) if isinstance(value, dict) else value for value in rows[0]]
            await connection.execute(f"INSERT INTO procrastinate_jobs VALUES ({places})", values)
        monkeypatch.setattr(lasting_module, "_LOOKS", math.inf)
        assert await lasting.fetch_job(None, worker) is None
        monkeypatch.setattr(lasting_module, "_LOOKS", 0.0)
        again = await lasting.fetch_job(None, worker)
        assert again is not None
        assert again.task_kwargs == job.task_kwargs
        assert await lasting.fetch_job(None, worker) is None

    run(database_url, work)


def test_a_job_that_is_to_be_tried_again_gives_way_to_its_twin(database_url: str) -> None:
    async def work(database: Database, lasting: LastingJobs) -> None:
        async with database.system() as connection:
            await wanted(connection)
        job, _ = await taken(lasting)
        async with database.system() as connection:
            twin = await wanted(connection)
        await lasting.retry_job(job)
        assert await all_jobs(database) == [(twin, "todo", 0)]

    run(database_url, work)


@pytest.mark.parametrize(
    ("error", "attempts", "least", "most"),
    [
        (DatabaseUnreachable("x", advice="y"), 0, 2, 2),
        (DatabaseUnreachable("x", advice="y"), 500, 300, 300),
        (ZeroDivisionError(), 3, 16, 16),
        (ZeroDivisionError(), 10, None, None),
        (asyncio.CancelledError(), 7, 0, 0),
    ],
)
def test_trouble_that_passes_is_tried_for_ever_and_a_fault_some_times(
    error: BaseException, attempts: int, least: int | None, most: int | None
) -> None:
    job = Job(id=1, queue="q", lock=None, queueing_lock=None, task_name="judge", attempts=attempts)
    decision = Again().get_retry_decision(exception=error, job=job)
    if least is None or most is None:
        assert decision is None
        return
    assert decision is not None
    assert decision.retry_at is not None
    seconds = (decision.retry_at - datetime.now(UTC)).total_seconds()
    assert least - 2 < seconds <= most


def test_an_address_keeps_what_it_says_itself() -> None:
    told = psycopg.conninfo.conninfo_to_dict(watchful("postgresql://a:b@c/d?connect_timeout=77&options=-c%20jit%3Doff"))
    assert (told["connect_timeout"], told["options"]) == ("77", "-c jit=off")
    assert int(str(told["tcp_user_timeout"])) > 0
