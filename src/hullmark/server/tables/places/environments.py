"""The environments of placements, which an account's rules name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hullmark.model.place import Place
from hullmark.server.tables.database import Connection


class PlacedLabels(NamedTuple):
    """A placement that has not ended: where it is, its labels, and the environment that it counts to."""

    id: int
    place: Place
    labels: dict[str, str]
    environment: str


async def placed_after(connection: Connection, account_id: int, after: int, limit: int) -> list[PlacedLabels]:
    """Placements that a collector told and that have not ended, by number, after one."""
    cursor = await connection.execute(
        """
        SELECT placed.id, placed.platform, placed.cluster, placed.namespace, placed.workload, placed.container, placed.kind,
            coalesce(label_set.labels, '{}'), placed.environment
        FROM placement placed LEFT JOIN label_set ON label_set.id = placed.label_set_id
        WHERE placed.account_id = %s AND placed.id > %s AND placed.until IS NULL AND placed.collector_id IS NOT NULL
        ORDER BY placed.id LIMIT %s
        """,
        (account_id, after, limit),
    )
    names = ("platform", "cluster", "namespace", "workload", "container", "kind")
    return [
        PlacedLabels(
            id=int(row[0]),
            place=msgspec.convert(dict(zip(names, row[1:7], strict=True)), Place),
            labels=dict(row[7]),
            environment=str(row[8]),
        )
        for row in await cursor.fetchall()
    ]


async def put(connection: Connection, account_id: int, changed: Mapping[int, str]) -> None:
    """Have placements, by number, count to other environments."""
    await connection.execute(
        """
        UPDATE placement SET environment = changed.environment FROM unnest(%s::bigint[], %s::text[]) AS changed (id, environment)
        WHERE placement.account_id = %s AND placement.id = changed.id
        """,
        (list(changed), list(changed.values()), account_id),
    )
