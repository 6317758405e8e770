"""Which processes of the server live, by what they write down, and what the database and the advisories in use are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection

SCHEDULER = "pulse/scheduler"
"""Under this name the scheduler says that it acts."""


class InUse(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot of advisories that counts: when it was adopted, and what each of its namespaces holds."""

    adopted_at: datetime | None
    namespaces: dict[str, Any]


async def give_sign(connection: Connection, name: str) -> None:
    """Write down that somebody lives."""
    await connection.execute(
        "INSERT INTO setting (name, value) VALUES (%s, '{}') ON CONFLICT (name) DO UPDATE SET updated_at = now()",
        (name,),
    )


async def gave_sign(connection: Connection, name: str, within: float) -> bool:
    """Whether somebody gave a sign of life in the last seconds."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM setting WHERE name = %s AND updated_at > now() - make_interval(secs => %s))",
        (name, within),
    )
    return await cursor.fetchone() == (True,)


async def workers(connection: Connection, within: float) -> tuple[int, int]:
    """How many workers gave a sign of life in the last seconds, and how many of them are at work."""
    cursor = await connection.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE EXISTS (
            SELECT FROM procrastinate_jobs job WHERE job.worker_id = worker.id AND job.status = 'doing'))
        FROM procrastinate_workers worker WHERE worker.last_heartbeat > now() - make_interval(secs => %s)
        """,
        (within,),
    )
    row = await cursor.fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def form(connection: Connection) -> str:
    """The name of the database's form."""
    row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
    return str(row[0]) if row else ""


async def advisories_in_use(connection: Connection) -> InUse | None:
    """The advisories that everything is matched with now; None if there are none yet."""
    async with connection.cursor(row_factory=class_row(InUse)) as cursor:
        await cursor.execute(
            "SELECT snapshot.adopted_at, snapshot.namespaces FROM matching JOIN snapshot ON snapshot.id = matching.snapshot_id"
        )
        return await cursor.fetchone()
