"""The worker process: takes jobs until it must stop, then finishes its work or hands it back."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

import procrastinate
import psycopg
import structlog
from procrastinate import BaseRetryStrategy, RetryDecision, exceptions
from procrastinate.jobs import Job

from hullmark.model.errors import HullmarkError
from hullmark.server.process.worker.lasting import LastingJobs
from hullmark.server.process.worker.tasks import TASKS, Work, worker_name
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.database import watchful
from hullmark.server.tables.notice.transitions import AGAIN
from hullmark.server.tasks import end_task
from hullmark.server.tracing import span

_log = structlog.get_logger("hullmark.worker")
_GRACE = 15.0
_HANDING_BACK = 5.0
_POLL = 1.0
"""Seconds after which a lane looks for jobs that nobody announced: one that waited for another lane's lock is not known that it is free."""
_PAUSE = 1.0
_WAIT = 10.0
_LONGEST_PAUSE = 300
_RETRIES_OF_BUGS = 10


class Lane(NamedTuple):
    """Queues whose jobs are done beside those of other lanes, `at_once` at the same time."""

    name: str
    queues: tuple[str, ...]
    at_once: int


def lanes() -> tuple[Lane, ...]:
    """What a worker does side by side. What no other lane takes is heavy, one at a time: an analysis needs a whole processor."""
    light = (
        Lane("judging", (jobs.JUDGING,), 1),
        # Policies that take long hold up each other alone.
        Lane("costly", (jobs.COSTLY,), 1),
        Lane("rejudging", (jobs.REJUDGING,), 1),
        Lane("matching", ("matching",), 1),
        Lane("notice", ("notice",), 2),
        Lane("watching", ("watching",), 2),
        Lane("delivery", ("delivery",), 64),
        Lane("delivery-again", (AGAIN,), 32),
    )
    taken = {queue for lane in light for queue in lane.queues}
    heavy = sorted({queue for queue, _ in TASKS.values()} - taken)
    return (Lane("heavy", tuple(heavy), 1), *light)


class Again(BaseRetryStrategy):
    """A job that failed waits twice as long each time, five minutes at most. A trouble that has a name passes some day; a fault of the
    program is not tried for ever."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to try again, None for never."""
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})  # the worker was told to stop
        if not isinstance(exception, HullmarkError) and job.attempts >= _RETRIES_OF_BUGS:
            return None
        return RetryDecision(retry_in={"seconds": min(2 ** min(job.attempts + 1, 20), _LONGEST_PAUSE)})


def jobs_app(url: str, work: Work) -> procrastinate.App:
    """Procrastinate's application with every task."""
    # That a job was taken, or is done, may be forgotten: it is then done once more, which every task bears.
    connector = procrastinate.PsycopgConnector(
        conninfo=watchful(url, is_hasty=True), min_size=1, max_size=8, timeout=_WAIT, configure=_commit_each_statement
    )
    app = procrastinate.App(connector=connector)
    app.job_manager = LastingJobs(connector)
    for name, (queue, run) in TASKS.items():
        app.task(name=name, queue=queue, retry=Again())(_bind_work(run, work))
    return app


async def _commit_each_statement(connection: psycopg.AsyncConnection[Any]) -> None:
    # A process that is stopped, as `docker pause` does, between a statement and its commit would hold the rows of the workers, which
    # each other worker asks for before its first job: nobody would work until it goes on.
    await connection.set_autocommit(True)


def _bind_work(run: Callable[..., Awaitable[None]], work: Work) -> Callable[..., Awaitable[None]]:
    async def task(**args: Any) -> None:
        numbers = {f"hullmark.{key}": value for key, value in args.items() if isinstance(value, int | str)}
        with span(f"job {run.__name__}", numbers):
            await run(work, **args)

    return task


async def run_worker(services: Services) -> None:
    """Take jobs until SIGTERM or SIGINT, in lanes that do not wait for each other. Run more workers for more analyses at a time.

    A thread may still be reading an image that was handed back when this returns: the process then has to be ended by force.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    work = Work(
        services=services,
        snapshot_cache=SnapshotCache(services.objects, services.settings.data / "cache" / "snapshots"),
        worker=worker_name(),
    )
    async with services.database:
        while not stopping.is_set():
            await _work_until(stopping, work)
            if not stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _PAUSE)


async def _work_until(stopping: asyncio.Event, work: Work) -> None:
    """Work as one worker, until told to stop or until the database no longer knows this worker."""
    lost = asyncio.Event()
    working = asyncio.create_task(_working(work, lost))
    waiting = [asyncio.create_task(event.wait()) for event in (stopping, lost)]
    try:
        await asyncio.wait((working, *waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        working.cancel()
    await asyncio.wait((working,), timeout=_GRACE + _HANDING_BACK)
    if stopping.is_set() and not working.done():
        return  # Where the database does not answer nothing can be handed back: silence says it.
    try:
        await end_task(working, _GRACE + _HANDING_BACK)
    except (exceptions.ConnectorException, psycopg.OperationalError) as error:
        _log.warning("begins anew", worker=work.worker, error=str(error.__cause__ or error))


async def _working(work: Work, lost: asyncio.Event) -> None:
    settings = work.services.settings
    app = jobs_app(settings.database_url, work)
    assert isinstance(app.job_manager, LastingJobs)  # noqa: S101 - as it was made
    app.job_manager.lost = lost.set
    async with app.open_async():
        _log.info("working", worker=work.worker)
        running = [asyncio.create_task(_lane(app, work, lane), name=lane.name) for lane in lanes()]
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # A lane ends when told to, or when it cannot go on: the worker then begins again with all of them.
            for task in running:
                task.cancel()
            ended = await asyncio.gather(*running, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
            raise error


async def _lane(app: procrastinate.App, work: Work, lane: Lane) -> None:
    settings = work.services.settings
    await app.run_worker_async(
        name=f"{work.worker}:{lane.name}",
        queues=list(lane.queues),
        concurrency=lane.at_once,
        wait=True,
        fetch_job_polling_interval=_POLL,
        shutdown_graceful_timeout=_GRACE,
        listen_notify=True,
        delete_jobs="successful",
        update_heartbeat_interval=settings.heartbeat,
        stalled_worker_timeout=settings.silence,
        install_signal_handlers=False,
    )
