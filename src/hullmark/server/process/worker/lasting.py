"""Jobs that outlast the database's absence: what a worker asks of it is asked again, and what it did is written down in the end."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Awaitable, Callable, Iterable

import psycopg
import structlog
from procrastinate import exceptions
from procrastinate.connector import BaseAsyncConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from hullmark.server.tables.jobs import IN_TURN

_log = structlog.get_logger("hullmark.worker")
_PAUSE = 0.5
_INSISTS = 15.0
_DOUBTS = 60.0
_LOOKS = 10.0
_GIVE_BACK = """
    WITH unheard AS (
        SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = %(worker_id)s AND NOT id = ANY(%(held)s::bigint[])
        FOR UPDATE
    ), ended AS (
        DELETE FROM procrastinate_jobs job USING unheard WHERE job.id = unheard.id
        RETURNING queue_name, task_name, priority, lock, queueing_lock, args, attempts
    ), again AS (
        -- Where the same waits already there is nothing left to do.
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, attempts)
        SELECT queue_name, task_name, priority, lock, queueing_lock, args, attempts FROM ended ON CONFLICT DO NOTHING
    )
    SELECT count(*) AS count FROM ended
"""

_IN_TURN = """
    SELECT id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id
    FROM fetch_job_in_turn(%(queues)s, %(worker)s)
"""


class LastingJobs(JobManager):
    """The jobs as a worker sees them. While the database does not answer, there are no jobs and no signs of life.

    `lost` is called where the end of a job could not be written down in time: it then belongs to a worker that does not know of it,
    which has to come back as another worker, so that the job is given to somebody.
    """

    lost: Callable[[], None]

    def __init__(self, connector: BaseAsyncConnector) -> None:
        super().__init__(connector)
        self._held: set[int] = set()
        self._doubtful: dict[int, float] = {}
        self._looked: dict[int, float] = {}

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job, None if there is none now."""
        try:
            # A database that breaks down forgets the ends of jobs that it wrote down last, and may be back before anybody asks it.
            if worker_id in self._doubtful or time.monotonic() - self._looked.get(worker_id, 0.0) >= _LOOKS:
                await self._give_back(worker_id)
            job = await self._next_job(queues, worker_id)
        except exceptions.ConnectorException as error:
            if not _is_passing(error):
                raise
            _log.warning("no jobs to be had", error=str(error.__cause__))
            # It may have given a job to this worker, who then did not hear of it.
            self._doubtful[worker_id] = time.monotonic() + _DOUBTS
            await asyncio.sleep(_PAUSE)
            return None
        if job is not None and job.id is not None:
            self._held.add(job.id)
        return job

    async def _next_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        names = set(queues or ())
        if not names or not names <= IN_TURN:
            return await super().fetch_job(queues, worker_id)
        row = await self.connector.execute_query_one_async(_IN_TURN, queues=sorted(names), worker=worker_id)
        return Job.from_row(row) if row["id"] is not None else None

    async def _give_back(self, worker_id: int) -> None:
        """Have the jobs wait again that are this worker's, and that it does not do: it never heard of them, or did them already."""
        is_over = time.monotonic() > self._doubtful.get(worker_id, 0.0)
        row = await self.connector.execute_query_one_async(_GIVE_BACK, worker_id=worker_id, held=sorted(self._held))
        if row["count"]:
            _log.warning("given back", jobs=row["count"])
        self._looked[worker_id] = time.monotonic()
        if is_over:
            self._doubtful.pop(worker_id, None)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life."""
        try:
            await super().update_heartbeat(worker_id)
        except exceptions.ConnectorException as error:
            if not _is_passing(error):
                raise

    async def unregister_worker(self, worker_id: int) -> None:
        """The worker is gone. If that cannot be said, its silence says it."""
        try:
            await super().unregister_worker(worker_id)
        except exceptions.ConnectorException as error:
            if not _is_passing(error):
                raise

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Listen for new jobs until cancelled. Jobs missed without a connection are found by polling."""
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except exceptions.ConnectorException as error:
                if not _is_passing(error):
                    raise
            await asyncio.sleep(_PAUSE)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Write down that a job has ended."""
        await self._insist(lambda: super(LastingJobs, self).finish_job(job, status, delete_job), job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime.datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Have a job wait again. If the same waits already, that one does what is left to do."""
        try:
            await self._insist(lambda: super(LastingJobs, self).retry_job(job, retry_at, priority, queue, lock), job)
        except exceptions.UniqueViolation:
            await self.finish_job(job, Status.SUCCEEDED, delete_job=True)

    async def _insist(self, tell: Callable[[], Awaitable[None]], job: Job) -> None:
        deadline = time.monotonic() + _INSISTS
        while True:
            try:
                await tell()
                self._held.discard(job.id or 0)
                return
            except exceptions.UniqueViolation:
                raise
            except exceptions.ConnectorException as error:
                if not _is_passing(error):
                    # Others were given the job, since nothing was heard of this worker: it is theirs.
                    _log.warning("the job is no longer ours", job=job.id, error=str(error.__cause__))
                    self._held.discard(job.id or 0)
                    return
                if time.monotonic() > deadline:
                    _log.warning("the end of a job could not be written down", job=job.id)
                    self.lost()
                    return
            await asyncio.sleep(_PAUSE)


def _is_passing(error: exceptions.ConnectorException) -> bool:
    """Whether the database did not answer, other than to refuse."""
    return isinstance(error.__cause__, psycopg.OperationalError)
