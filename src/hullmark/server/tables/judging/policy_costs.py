"""What policies cost: the processor time that judging by each version took, counted as images are judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import columns

COSTLY = 0.1
"""Seconds of processor time for an image: an account with a policy that takes more waits in a queue of its own."""


class PolicyCost(msgspec.Struct, frozen=True, kw_only=True):
    """What judging by a version took: `judged` images took `seconds_each` of processor time on average (None: none was judged by it), and
    the dearest one `seconds_most`. `is_costly`: images wait for it apart from others'."""

    version_id: int
    is_costly: bool = False
    judged: int = 0
    seconds_each: float | None = None
    seconds_most: float | None = None


async def count_costs(connection: Connection, costs: Mapping[tuple[int, int], Sequence[float]]) -> bool:
    """Add the processor seconds of images, by policy and version; returns whether one has become costly by it, or is so no longer."""
    rows = [(*key, len(taken), sum(taken), max(taken)) for key, taken in sorted(costs.items())]
    await connection.execute(
        """
        INSERT INTO policy_cost AS known (version_id, images, seconds, most)
        SELECT version.id, new.images, new.seconds, new.most
        FROM unnest(%s::bigint[], %s::integer[], %s::bigint[], %s::float8[], %s::float8[])
            AS new (policy_id, version, images, seconds, most)
        JOIN policy_version version ON version.policy_id = new.policy_id AND version.version = new.version ORDER BY 1
        ON CONFLICT (version_id) DO UPDATE SET images = known.images + EXCLUDED.images,
            seconds = known.seconds + EXCLUDED.seconds, most = greatest(known.most, EXCLUDED.most)
        """,
        columns(rows, 5),
    )
    policies, versions = columns([row[:2] for row in rows], 2)
    cursor = await connection.execute(
        """
        UPDATE policy_version version SET is_costly = NOT is_costly FROM policy_cost cost
        WHERE cost.version_id = version.id AND is_costly <> (cost.seconds > %s * cost.images)
            AND (version.policy_id, version.version) IN (SELECT * FROM unnest(%s::bigint[], %s::integer[]))
        """,
        (COSTLY, policies, versions),
    )
    return cursor.rowcount > 0


async def costs_of(connection: Connection, version_ids: Collection[int]) -> dict[int, PolicyCost]:
    """The costs of versions, by their numbers in the database."""
    async with connection.cursor(row_factory=class_row(PolicyCost)) as cursor:
        await cursor.execute(
            """
            SELECT version.id AS version_id, version.is_costly, coalesce(cost.images, 0) AS judged,
                cost.seconds / cost.images AS seconds_each, cost.most AS seconds_most
            FROM policy_version version LEFT JOIN policy_cost cost ON cost.version_id = version.id WHERE version.id = ANY(%s::bigint[])
            """,
            (sorted(version_ids),),
        )
        return {row.version_id: row for row in await cursor.fetchall()}


async def is_costly(connection: Connection, version_id: int) -> bool:
    """Whether judging by a version takes long, or is expected to."""
    return (await costs_of(connection, (version_id,)))[version_id].is_costly
