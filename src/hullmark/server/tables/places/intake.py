"""Containers that a collector tells of become placements: compared as sets, so that what is as it was is not written again.

The collector's row is locked meanwhile (collectors.lock): nobody else changes its placements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hullmark.server.tables.database import Connection


class PlacementKey(NamedTuple):
    """What makes containers one placement: where they run, which image, how isolated, with which labels."""

    cluster: str
    namespace: str
    workload: str
    container: str
    kind: str
    running_image_id: int
    isolation_id: int
    label_set_id: int


class ContainerRow(NamedTuple):
    """A container that runs, as a collector told it."""

    id: str
    placement: PlacementKey
    environment: str
    node: str
    since: datetime


class EndedRow(NamedTuple):
    """A container that ended."""

    id: str
    until: datetime


class Source(NamedTuple):
    """Whose containers these are, and when that was."""

    account_id: int
    collector_id: int
    platform: str
    at: datetime
    seen_at: datetime


class Differences(NamedTuple):
    """What changed: placements that began and that ended, by number."""

    began: list[int]
    ended: list[int]


async def different(connection: Connection, source: Source, rows: Sequence[ContainerRow]) -> dict[int, int | None]:
    """Which of these containers are not known so, by position; with the placement that they were at (None: they are new)."""
    cursor = await connection.execute(
        """
        SELECT told.position, known.placement_id
        FROM unnest(%(ids)s::text[], %(cluster)s::text[], %(namespace)s::text[], %(workload)s::text[], %(container)s::text[],
            %(kind)s::text[], %(running_image_id)s::bigint[], %(isolation_id)s::bigint[], %(label_set_id)s::bigint[], %(node)s::text[],
            %(since)s::timestamptz[]) WITH ORDINALITY
            AS told (id, cluster, namespace, workload, container, kind, running_image_id, isolation_id, label_set_id, node, since, position)
        LEFT JOIN running_container known ON known.collector_id = %(collector)s AND known.id = told.id
        LEFT JOIN placement placed ON placed.id = known.placement_id
        WHERE known.id IS NULL OR known.node <> told.node OR known.since <> told.since
            OR (placed.cluster, placed.namespace, placed.workload, placed.container, placed.kind, placed.running_image_id,
                placed.isolation_id, placed.label_set_id) IS DISTINCT FROM (told.cluster, told.namespace, told.workload, told.container,
                told.kind, told.running_image_id, told.isolation_id, told.label_set_id)
        ORDER BY told.position
        """,
        {**_columns(row.placement for row in rows), **_list_columns(rows), "collector": source.collector_id},
    )
    return {int(position) - 1: number for position, number in await cursor.fetchall()}


def _list_columns(rows: Sequence[ContainerRow]) -> dict[str, list[Any]]:
    return {
        "ids": [row.id for row in rows],
        "node": [row.node for row in rows],
        "since": [row.since for row in rows],
    }


def _columns(keys: Iterable[PlacementKey]) -> dict[str, list[Any]]:
    listed = list(keys)
    return {name: [key[at] for key in listed] for at, name in enumerate(PlacementKey._fields)}


_NEW_KEYS = """unnest(%(cluster)s::text[], %(namespace)s::text[], %(workload)s::text[], %(container)s::text[], %(kind)s::text[],
    %(running_image_id)s::bigint[], %(isolation_id)s::bigint[], %(label_set_id)s::bigint[]"""
_KEY = "cluster, namespace, workload, container, kind, running_image_id, isolation_id, label_set_id"


async def open_placements(
    connection: Connection, source: Source, keys: Sequence[PlacementKey]
) -> dict[PlacementKey, int]:
    """The placements of a collector that have not ended, of these."""
    cursor = await connection.execute(
        f"""
        SELECT {", ".join(f"told.{name}" for name in PlacementKey._fields)}, placed.id
        FROM {_NEW_KEYS}) AS told ({_KEY}) CROSS JOIN LATERAL (
            SELECT placement.id FROM placement WHERE placement.account_id = %(account)s AND placement.until IS NULL
                AND placement.cluster = told.cluster AND placement.namespace = told.namespace AND placement.workload = told.workload
                AND placement.container = told.container AND placement.collector_id = %(collector)s AND placement.kind = told.kind
                AND placement.running_image_id = told.running_image_id AND placement.isolation_id = told.isolation_id
                AND placement.label_set_id = told.label_set_id
            ORDER BY placement.id LIMIT 1
        ) placed
        """,
        {**_columns(keys), "account": source.account_id, "collector": source.collector_id},
    )
    return {PlacementKey(*row[:-1]): int(row[-1]) for row in await cursor.fetchall()}


async def begin_placements(
    connection: Connection, source: Source, new: Mapping[PlacementKey, tuple[str, datetime]]
) -> dict[PlacementKey, int]:
    """Begin placements, each in an environment since a moment; returns their numbers."""
    cursor = await connection.execute(
        f"""
        INSERT INTO placement (account_id, collector_id, platform, {_KEY}, environment, since, seen_at)
        SELECT %(account)s, %(collector)s, %(platform)s, told.*, %(seen_at)s
        FROM {_NEW_KEYS}, %(environment)s::text[], %(since)s::timestamptz[]) AS told RETURNING {_KEY}, id
        """,
        {
            **_columns(new),
            "environment": [environment for environment, _ in new.values()],
            "since": [since for _, since in new.values()],
            "account": source.account_id,
            "collector": source.collector_id,
            "platform": source.platform,
            "seen_at": source.seen_at,
        },
    )
    return {PlacementKey(*row[:-1]): int(row[-1]) for row in await cursor.fetchall()}


async def put_containers(connection: Connection, source: Source, placed: Sequence[tuple[ContainerRow, int]]) -> None:
    """Note which placement containers are at."""
    rows = [row for row, _ in placed]
    await connection.execute(
        """
        INSERT INTO running_container (account_id, collector_id, id, node, since, placement_id)
        SELECT %(account)s, %(collector)s, told.*
        FROM unnest(%(ids)s::text[], %(node)s::text[], %(since)s::timestamptz[], %(placements)s::bigint[]) AS told
        ON CONFLICT (collector_id, id) DO UPDATE SET node = EXCLUDED.node, since = EXCLUDED.since, placement_id = EXCLUDED.placement_id
        """,
        {
            **_list_columns(rows),
            "placements": [number for _, number in placed],
            "account": source.account_id,
            "collector": source.collector_id,
        },
    )


async def end_containers(connection: Connection, source: Source, ended: Sequence[EndedRow]) -> dict[int, datetime]:
    """Note that containers ended, unless they began anew since; returns their placements, and when the last of each ended."""
    cursor = await connection.execute(
        """
        WITH gone AS (
            DELETE FROM running_container known USING unnest(%(ids)s::text[], %(untils)s::timestamptz[]) AS told (id, until)
            WHERE known.collector_id = %(collector)s AND known.id = told.id AND known.since <= told.until
            RETURNING known.placement_id, told.until
        )
        SELECT placement_id, max(until) FROM gone GROUP BY 1
        """,
        {
            "ids": [row.id for row in ended],
            "untils": [row.until for row in ended],
            "collector": source.collector_id,
        },
    )
    return {int(number): until for number, until in await cursor.fetchall()}


async def end_unlisted(connection: Connection, source: Source) -> dict[int, datetime]:
    """Note that what no part of the open list names has ended, at the latest when the list was made; returns the placements."""
    cursor = await connection.execute(
        """
        WITH gone AS (
            DELETE FROM running_container known WHERE known.collector_id = %(collector)s AND known.id NOT IN (
                SELECT unnest(container_ids) FROM listed_part WHERE collector_id = %(collector)s)
            RETURNING known.placement_id
        )
        SELECT DISTINCT placement_id FROM gone
        """,
        {"collector": source.collector_id},
    )
    return {int(number): source.at for (number,) in await cursor.fetchall()}


async def recount(connection: Connection, source: Source, touched: Mapping[int, datetime]) -> list[int]:
    """Count the containers of placements again; those without any have ended, at these moments. Returns those that ended."""
    cursor = await connection.execute(
        """
        WITH counted AS (
            SELECT told.id, told.until, count(known.id) AS containers, min(known.since) AS since
            FROM unnest(%(ids)s::bigint[], %(untils)s::timestamptz[]) AS told (id, until)
            LEFT JOIN running_container known ON known.placement_id = told.id GROUP BY 1, 2
        )
        UPDATE placement SET containers = CASE counted.containers WHEN 0 THEN placement.containers ELSE counted.containers END,
            since = least(placement.since, counted.since),
            until = CASE counted.containers WHEN 0 THEN greatest(placement.since, counted.until) END
        FROM counted WHERE placement.id = counted.id AND placement.account_id = %(account)s AND placement.until IS NULL
            AND (counted.containers = 0 OR placement.containers <> counted.containers OR counted.since < placement.since)
        RETURNING placement.id, placement.until IS NOT NULL
        """,
        {"ids": list(touched), "untils": list(touched.values()), "account": source.account_id},
    )
    return [int(number) for number, is_ended in await cursor.fetchall() if is_ended]
