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
    """What judging by a version took: so many images, processor seconds for all of them (more than none), and for the dearest one."""

    version_id: int
    images: int
    seconds: float
    most: float


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
    """The costs of versions, by their numbers in the database; of those by which an image was judged."""
    async with connection.cursor(row_factory=class_row(PolicyCost)) as cursor:
        await cursor.execute(
            "SELECT version_id, images, seconds, most FROM policy_cost WHERE version_id = ANY(%s::bigint[])",
            (sorted(version_ids),),
        )
        return {row.version_id: row for row in await cursor.fetchall()}
