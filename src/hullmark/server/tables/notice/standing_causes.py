"""Causes whose images are still out of compliance: what is to be looked at now."""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.running import runs

_WINDOW = Limit(8_000, "transitions that are looked through for causes that still stand", "shortened")


class StandingCause(msgspec.Struct, frozen=True, kw_only=True):
    """A cause, how many images it holds out of compliance still, how many of these run there, and since when the first one is. `severity`
    is its place in SEVERITIES."""

    id: int
    kind: str
    subject: str
    sentence: str
    severity: int
    images: int
    running: int
    since: datetime


async def standing_causes(
    connection: Connection, account_id: int, *, environment: str = "", below: tuple[int, int] | None = None, limit: int
) -> list[StandingCause]:
    """Causes of the last losses of compliance that still hold, those with most running images first; `below` is (running, id) of the
    last one before."""
    async with connection.cursor(row_factory=class_row(StandingCause)) as cursor:
        await cursor.execute(
            f"""
            WITH lost AS (
                SELECT cause_id, image_id, policy_id, environment, at FROM transition
                WHERE account_id = %(account)s AND kind = 'compliance.lost' AND image_id IS NOT NULL
                    AND (%(environment)s = '' OR environment = %(environment)s)
                ORDER BY id DESC LIMIT %(window)s
            ), standing AS (
                SELECT DISTINCT ON (lost.image_id, lost.policy_id, lost.environment) lost.* FROM lost
                -- One look for each: as a join, verdicts of all images would be gone through
                CROSS JOIN LATERAL (SELECT FROM verdict WHERE verdict.account_id = %(account)s AND verdict.image_id = lost.image_id
                    AND verdict.policy_id = lost.policy_id AND verdict.environment = lost.environment
                    AND NOT verdict.is_shadow AND verdict.verdict IN ('stop', 'unknown') LIMIT 1) held
                ORDER BY lost.image_id, lost.policy_id, lost.environment, lost.at DESC
            ), counted AS (
                SELECT cause_id, count(DISTINCT image_id) AS images, min(at) AS since,
                    count(DISTINCT image_id) FILTER (WHERE {runs("%(account)s", "standing.image_id", "%(environment)s")}) AS running
                FROM standing GROUP BY cause_id
            )
            SELECT cause.id, cause.kind, cause.subject, cause.sentence, cause.severity, counted.images, counted.running, counted.since
            FROM counted JOIN cause ON cause.id = counted.cause_id AND cause.account_id = %(account)s
            WHERE %(running)s::bigint IS NULL OR (counted.running, cause.id) < (%(running)s, %(id)s)
            ORDER BY counted.running DESC, cause.id DESC LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "environment": environment,
                "window": int(_WINDOW),
                "running": below[0] if below else None,
                "id": below[1] if below else None,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
