"""How many places there are, by where they are, how well they are kept apart, and the worst verdict in force there.

Few places are counted as they are asked for. Of many the counts are kept, and counted again by a job (`count_again`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, LiteralString

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection

UNTOLD = -1
"""The grade of places of which nobody told how they are kept apart."""

Level = Literal["platform", "cluster", "namespace", "environment"]
"""What places are grouped by; `namespace` together with its cluster."""

_NAMES: dict[Level, LiteralString] = {
    "platform": "platform",
    "cluster": "cluster",
    "namespace": "cluster || '/' || namespace",
    "environment": "environment",
}


class FleetFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which places are counted; "" asks for nothing."""

    platform: str = ""
    cluster: str = ""
    namespace: str = ""
    environment: str = ""


class FleetSum(msgspec.Struct, frozen=True, kw_only=True):
    """How many places have this grade (its place in GRADES, or UNTOLD) and this verdict ("": nobody judged)."""

    grade: int
    verdict: str
    places: int


class FleetGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The places of one cluster, namespace, environment or platform. `stopped` have the verdict stop; `sums` are grade,
    verdict and places of each cell."""

    name: str
    places: int
    stopped: int
    sums: list[tuple[int, str, int]]


GroupPosition = tuple[int, int, str]
"""Where a list of groups goes on: behind one with so many stopped, so many places and this name."""

_COUNTED: LiteralString = """
WITH grouped AS (
    SELECT placed.platform, placed.cluster, placed.namespace, placed.environment, placed.running_image_id, placed.isolation_id,
        count(*) AS places
    FROM placement placed WHERE placed.account_id = %(account)s AND placed.until IS NULL GROUP BY 1, 2, 3, 4, 5, 6
), worst AS MATERIALIZED (
    SELECT one.running_image_id, one.environment, coalesce((SELECT now.verdict FROM running_image ran JOIN verdict now
        ON now.account_id = %(account)s AND now.image_id = ran.image_id AND NOT now.is_shadow
        AND now.environment IN ('', one.environment)
        WHERE ran.id = one.running_image_id
        ORDER BY array_position(ARRAY['stop', 'unknown', 'warn', 'go'], now.verdict) LIMIT 1), '') AS verdict
    FROM (SELECT DISTINCT running_image_id, environment FROM grouped) one
)
SELECT grouped.platform, grouped.cluster, grouped.namespace, grouped.environment, coalesce(facts.grade, -1)::smallint AS grade,
    worst.verdict, sum(grouped.places)::bigint AS places
FROM grouped JOIN worst ON worst.running_image_id = grouped.running_image_id AND worst.environment = grouped.environment
LEFT JOIN isolation facts ON facts.id = grouped.isolation_id
GROUP BY 1, 2, 3, 4, 5, 6"""

_KEPT: LiteralString = """
SELECT platform, cluster, namespace, environment, grade, verdict, places FROM fleet_count WHERE account_id = %(account)s"""


async def has_more_places(connection: Connection, account_id: int, than: int) -> bool:
    """Whether more places than so many run something."""
    cursor = await connection.execute(
        "SELECT count(*) FROM (SELECT FROM placement WHERE account_id = %s AND until IS NULL LIMIT %s) found",
        (account_id, than + 1),
    )
    row = await cursor.fetchone()
    return row is not None and row[0] > than


async def counted_at(connection: Connection, account_id: int) -> datetime | None:
    """When the counts that are kept were made; None where there are none yet."""
    cursor = await connection.execute("SELECT at FROM fleet_counted WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return row[0] if row else None


async def count_again(connection: Connection, account_id: int, now: datetime) -> None:
    """Count all places of an account, and keep the counts in place of those before."""
    # The row makes whoever else counts wait.
    await connection.execute(
        "INSERT INTO fleet_counted (account_id, at) VALUES (%s, %s) ON CONFLICT (account_id) DO UPDATE SET at = EXCLUDED.at",
        (account_id, now),
    )
    await connection.execute("DELETE FROM fleet_count WHERE account_id = %s", (account_id,))
    await connection.execute(
        "INSERT INTO fleet_count (account_id, platform, cluster, namespace, environment, grade, verdict, places)"
        f" SELECT %(account)s, counted.* FROM ({_COUNTED}) counted",
        {"account": account_id},
    )


async def sums(connection: Connection, account_id: int, wanted: FleetFilter, *, kept: bool) -> list[FleetSum]:
    """The places by grade and verdict; by the counts that are `kept`, or counted now."""
    where, values = _conditions(account_id, wanted)
    async with connection.cursor(row_factory=class_row(FleetSum)) as cursor:
        await cursor.execute(
            f"""
            SELECT grade, verdict, sum(places)::bigint AS places FROM ({_KEPT if kept else _COUNTED}) counted
            WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2
            """,
            values,
        )
        return await cursor.fetchall()


async def groups(  # noqa: PLR0913 - all but four by name
    connection: Connection,
    account_id: int,
    wanted: FleetFilter,
    level: Level,
    *,
    kept: bool,
    after: GroupPosition | None,
    limit: int,
) -> list[FleetGroup]:
    """Groups of places, those with most verdicts stop first, after one."""
    where, values = _conditions(account_id, wanted)
    behind = "true"
    if after is not None:
        values |= {"stopped": after[0], "all": after[1], "name": after[2]}
        behind = "(-stopped, -places, name) > (-%(stopped)s::bigint, -%(all)s::bigint, %(name)s)"
    async with connection.cursor(row_factory=class_row(FleetGroup)) as cursor:
        await cursor.execute(
            f"""
            WITH cell AS (
                SELECT {_NAMES[level]} AS name, grade, verdict, sum(places)::bigint AS places
                FROM ({_KEPT if kept else _COUNTED}) counted WHERE {where} GROUP BY 1, 2, 3
            ), grouped AS (
                SELECT name, sum(places)::bigint AS places, coalesce(sum(places) FILTER (WHERE verdict = 'stop'), 0)::bigint AS stopped,
                    jsonb_agg(jsonb_build_array(grade, verdict, places) ORDER BY grade, verdict) AS sums
                FROM cell GROUP BY 1
            )
            SELECT name, places, stopped, sums FROM grouped WHERE {behind} ORDER BY stopped DESC, places DESC, name LIMIT %(limit)s
            """,
            {**values, "limit": limit},
        )
        return await cursor.fetchall()


async def choices(connection: Connection, account_id: int, limit: int) -> dict[str, list[str]]:
    """The platforms, clusters and environments that there are, for filters: the first so many of each, by name.

    Each is found by a jump through an index, not by going through all places.
    """
    found: dict[str, list[str]] = {}
    cursor = await connection.execute(
        """
        WITH RECURSIVE named (cluster) AS (
            (SELECT cluster FROM placement WHERE account_id = %(account)s AND until IS NULL ORDER BY cluster LIMIT 1)
            UNION ALL SELECT (SELECT placed.cluster FROM placement placed WHERE placed.account_id = %(account)s AND placed.until IS NULL
                AND placed.cluster > named.cluster ORDER BY placed.cluster LIMIT 1) FROM named WHERE named.cluster IS NOT NULL
        ) SELECT cluster FROM named WHERE cluster IS NOT NULL LIMIT %(limit)s
        """,
        {"account": account_id, "limit": limit},
    )
    found["cluster"] = [str(name) for (name,) in await cursor.fetchall()]
    cursor = await connection.execute(
        """
        SELECT DISTINCT environment FROM activation WHERE account_id = %(account)s AND environment <> ''
        UNION SELECT rule ->> 'environment' FROM place_setting, jsonb_array_elements(environments) rule
            WHERE account_id = %(account)s AND rule ->> 'environment' <> ''
        ORDER BY 1 LIMIT %(limit)s
        """,
        {"account": account_id, "limit": limit},
    )
    found["environment"] = [str(name) for (name,) in await cursor.fetchall()]
    return found


def _conditions(account_id: int, wanted: FleetFilter) -> tuple[LiteralString, dict[str, Any]]:
    values: dict[str, Any] = {"account": account_id}
    conditions: list[LiteralString] = ["true"]
    asked: Sequence[tuple[str, LiteralString, str]] = (
        ("platform", "counted.platform = %(platform)s", wanted.platform),
        ("cluster", "counted.cluster = %(cluster)s", wanted.cluster),
        ("namespace", "counted.namespace = %(namespace)s", wanted.namespace),
        ("environment", "counted.environment = %(environment)s", wanted.environment),
    )
    for name, condition, value in asked:
        if value:
            conditions.append(condition)
            values[name] = value
    return " AND ".join(conditions), values
