"""Jobs: deferred in the transaction of the state change that they belong to, so that neither is without the other.

Procrastinate's tables carry them. The database function `defer_job` puts a row in by its documented columns: the library's own function
fails the whole transaction where a job with the same queueing lock waits already, which here is not a fault. Tenants may call it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection

JUDGING, COSTLY, REJUDGING = "judging", "costly", "rejudging"
"""Queues: images to be judged, those of accounts whose policies take long, and what has all images of an account judged."""

IN_TURN = frozenset((JUDGING, COSTLY))
"""Queues whose accounts take turns: next is the one that was judged least lately."""

_DEFER = "SELECT defer_job(%s, %s, %s, %s, %s, %s)"
_DEFER_JUDGING = "SELECT defer_job(judging_queue(%s), %s, %s, %s, %s, %s)"

TOGETHER = 50
"""How many images one job judges: each takes far less then, and none waits long for the others."""


async def defer(  # noqa: PLR0913 - all but two by name
    connection: Connection,
    task: str,
    args: dict[str, Any],
    *,
    once: str = "",
    queue: str = "default",
    priority: int = 0,
    at: datetime | None = None,
) -> int | None:
    """Have a task run after this transaction, not before `at`. While a job of the same `once` waits, nothing is added (None): that one does
    not begin before this transaction has ended either, and as early as the more urgent of both.

    Higher priorities run first. What waits in JUDGING must name its `account_id`, and waits in COSTLY where its policies take long.
    """
    is_judging = queue == JUDGING
    where = args["account_id"] if is_judging else queue
    cursor = await connection.execute(
        _DEFER_JUDGING if is_judging else _DEFER, (where, task, priority, once or None, Jsonb(args), at)
    )
    row = await cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else None


async def is_judging_ahead(connection: Connection, account_id: int, besides: str = "") -> bool:
    """Whether more verdicts of an account are on their way: its images wait to be judged, or new advisories or another policy are carried
    into verdicts. `besides`: without the jobs of this task that run."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'adopt' AND status IN ('todo', 'doing'))
            OR EXISTS (SELECT FROM procrastinate_jobs WHERE (status = 'todo' AND task_name IN ('judge', 'judge_some', 'rejudge', 'carry')
                OR status = 'doing' AND task_name IN ('rejudge', 'carry') AND task_name <> %(besides)s)
                AND (args ->> 'account_id')::bigint = %(account)s)
            -- After these an image is judged in any case.
            OR EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'signatures' AND status = 'todo'
                AND args ->> 'cause' <> '' AND (args ->> 'account_id')::bigint = %(account)s)
            -- One of these is the one that asks.
            OR (SELECT count(*) > 1 FROM procrastinate_jobs WHERE status = 'doing' AND task_name = 'judge_some'
                AND (args ->> 'account_id')::bigint = %(account)s)
        """,
        {"account": account_id, "besides": besides},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def is_waiting(connection: Connection, queue: str) -> bool:
    """Whether a job of a queue waits that is due."""
    cursor = await connection.execute(
        "SELECT FROM procrastinate_jobs WHERE queue_name = %s AND status = 'todo'"
        " AND (scheduled_at IS NULL OR scheduled_at <= now()) LIMIT 1",
        (queue,),
    )
    return await cursor.fetchone() is not None


async def versions_carried(connection: Connection, account_id: int) -> list[int]:
    """The versions of policies from which verdicts of an account are being brought to newer ones."""
    cursor = await connection.execute(
        "SELECT DISTINCT (args ->> 'before_id')::bigint FROM procrastinate_jobs WHERE task_name = 'carry'"
        " AND status IN ('todo', 'doing') AND (args ->> 'account_id')::bigint = %s ORDER BY 1",
        (account_id,),
    )
    return [int(number) for (number,) in await cursor.fetchall()]


async def count_judging(connection: Connection, account_id: int, seconds: float) -> None:
    """Note how much processor time judging for an account took."""
    await connection.execute("SELECT count_judging(%s, %s)", (account_id, seconds))


async def queue_again(connection: Connection, account_id: int) -> None:
    """Have an account's images that wait to be judged wait where they belong now."""
    await connection.execute(
        """
        UPDATE procrastinate_jobs SET queue_name = judging_queue(%(account)s) WHERE status = 'todo' AND queue_name = ANY(%(queues)s)
            AND coalesce((args ->> 'account_id')::bigint, 0) = %(account)s AND task_name <> 'simulate'
            AND queue_name <> judging_queue(%(account)s)
        """,
        {"account": account_id, "queues": sorted(IN_TURN)},
    )


async def forget_waiting(connection: Connection, task: str, account_id: int, priority: int) -> int:
    """Remove jobs of an account that were not started, up to a priority; returns how many."""
    cursor = await connection.execute(
        """
        DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo'
            AND priority <= %s AND (args ->> 'account_id')::bigint = %s FOR UPDATE SKIP LOCKED)
        """,
        (task, priority, account_id),
    )
    return cursor.rowcount


async def waiting_by_task(connection: Connection) -> dict[tuple[str, str], int]:
    """How many jobs there are by task and status, of those that have not ended."""
    cursor = await connection.execute(
        "SELECT task_name, status::text, count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY 1, 2"
    )
    return {(task, status): count for task, status, count in await cursor.fetchall()}


async def requeue_abandoned(connection: Connection, silent: float) -> int:
    """Put jobs back whose worker gave no sign of life for `silent` seconds; returns how many. Each task bears being run again.

    A job comes back as another one: should its worker still live, it can end the old one only, which is gone. One that was given up
    some times already may be what ends the workers: it waits longer each time.
    """
    cursor = await connection.execute(
        """
        WITH gone AS (
            SELECT job.id FROM procrastinate_jobs job LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
            WHERE job.status = 'doing' AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %s))
            FOR UPDATE OF job SKIP LOCKED
        ), ended AS (
            DELETE FROM procrastinate_jobs job USING gone WHERE job.id = gone.id
            RETURNING queue_name, task_name, priority, lock, queueing_lock, args, attempts
        ), again AS (
            -- Where the same waits already there is nothing left to do.
            INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, attempts, scheduled_at)
            SELECT queue_name, task_name, priority, lock, queueing_lock, args, attempts + 1,
                CASE WHEN attempts >= 3 THEN now() + make_interval(secs => least(power(2, least(attempts, 20) - 2), 900)) END
            FROM ended ON CONFLICT DO NOTHING
        )
        SELECT count(*) FROM ended
        """,
        (silent,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def forget_ended(connection: Connection, keep: float) -> int:
    """Remove jobs that ended more than `keep` seconds ago; returns how many."""
    cursor = await connection.execute(
        """
        DELETE FROM procrastinate_jobs job WHERE status IN ('succeeded', 'failed', 'cancelled', 'aborted') AND NOT EXISTS (
            SELECT FROM procrastinate_events event WHERE event.job_id = job.id AND event.at > now() - make_interval(secs => %s))
        """,
        (keep,),
    )
    return cursor.rowcount
