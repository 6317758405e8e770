"""What images are granted where they run, for policies that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class GrantedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Isolation facts with which an image runs in an environment, and the first of the places where it does."""

    image_id: int
    environment: str
    platform: str
    place: str
    workload: str
    container: str
    kind: str
    reference: str
    facts: dict[str, Any]


async def asks_for_isolation(connection: Connection, account_id: int) -> bool:
    """Whether a policy that an account has in force may ask how containers are kept apart."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (SELECT FROM activation JOIN policy_version ON policy_version.id = activation.version_id
            WHERE activation.account_id = %s AND activation.ended_at IS NULL AND policy_version.text LIKE '%%isolation%%')
        """,
        (account_id,),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def list_granted_facts(
    connection: Connection, account_id: int, image_ids: Sequence[int], limit: int
) -> dict[int, list[GrantedFacts]]:
    """What images are granted where they run, as collectors told, each once in an environment: at most `limit` of each image."""
    async with connection.cursor(row_factory=class_row(GrantedFacts)) as cursor:
        await cursor.execute(
            """
            SELECT placed.* FROM unnest(%(images)s::bigint[]) AS wanted (image_id) CROSS JOIN LATERAL (
                SELECT DISTINCT ON (placed.environment, placed.isolation_id) ran.image_id, placed.environment, placed.platform,
                    concat_ws('/', nullif(placed.cluster, ''), nullif(placed.namespace, ''), nullif(placed.workload, '')) AS place,
                    placed.workload, placed.container, placed.kind, ran.reference, facts.facts
                FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL
                JOIN isolation facts ON facts.id = placed.isolation_id
                WHERE ran.account_id = %(account)s AND ran.image_id = wanted.image_id
                ORDER BY placed.environment, placed.isolation_id, placed.cluster, placed.namespace, placed.workload, placed.container
                LIMIT %(limit)s
            ) placed ORDER BY placed.image_id, placed.environment, placed.place, placed.container
            """,
            {"images": list(image_ids), "account": account_id, "limit": limit},
        )
        rows = await cursor.fetchall()
    found: dict[int, list[GrantedFacts]] = {}
    for row in rows:
        found.setdefault(row.image_id, []).append(row)
    return found


async def granted_at(connection: Connection, account_id: int, placement_id: int) -> GrantedFacts | None:
    """What the container of one placement is granted; None where nobody told."""
    async with connection.cursor(row_factory=class_row(GrantedFacts)) as cursor:
        await cursor.execute(
            """
            SELECT coalesce(ran.image_id, 0) AS image_id, placed.environment, placed.platform, placed.workload, placed.container,
                placed.kind, concat_ws('/', nullif(placed.cluster, ''), nullif(placed.namespace, ''), nullif(placed.workload, '')) AS place,
                ran.reference, facts.facts
            FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
            JOIN isolation facts ON facts.id = placed.isolation_id
            WHERE placed.account_id = %s AND placed.id = %s
            """,
            (account_id, placement_id),
        )
        return await cursor.fetchone()


async def analysed_images(connection: Connection, account_id: int, numbers: Sequence[int]) -> list[int]:
    """The analysed images of placements, by number."""
    cursor = await connection.execute(
        """
        SELECT DISTINCT ran.image_id FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
        JOIN image ON image.id = ran.image_id AND image.state = 'analysed'
        WHERE placed.account_id = %s AND placed.id = ANY(%s::bigint[]) ORDER BY 1
        """,
        (account_id, list(numbers)),
    )
    return [int(number) for (number,) in await cursor.fetchall()]
