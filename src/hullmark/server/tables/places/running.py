"""Whether images run, and since when: SQL for what asks it of many images at once, and the answer for judging."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


def runs(account: LiteralString, image: LiteralString, environment: LiteralString = "''") -> LiteralString:
    """SQL that says whether an image runs anywhere, or in an environment that is not ""; all as SQL."""
    anywhere: LiteralString = (
        "" if environment == "''" else f" AND ({environment} = '' OR placed.environment = {environment})"
    )
    return (
        "EXISTS (SELECT FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL"
        f" WHERE ran.account_id = {account} AND ran.image_id = {image}{anywhere})"
    )


def build_stopped_condition(account: LiteralString, image: LiteralString) -> LiteralString:
    """SQL that says whether an image ran, as a collector told, and runs nowhere any more."""
    return (
        "(EXISTS (SELECT FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NOT NULL"
        f" WHERE ran.account_id = {account} AND ran.image_id = {image} AND placed.collector_id IS NOT NULL)"
        f" AND NOT {runs(account, image)})"
    )


async def running_since(
    connection: Connection, account_id: int, image_ids: Sequence[int]
) -> dict[int, dict[str, datetime]]:
    """Since when images run, by their numbers and by environment; those that run."""
    cursor = await connection.execute(
        """
        SELECT ran.image_id, placed.environment, min(placed.since) FROM running_image ran
        JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL
        WHERE ran.account_id = %s AND ran.image_id = ANY(%s::bigint[]) GROUP BY 1, 2 ORDER BY 1, 2
        """,
        (account_id, list(image_ids)),
    )
    found: dict[int, dict[str, datetime]] = {}
    for image_id, environment, since in await cursor.fetchall():
        found.setdefault(int(image_id), {})[str(environment)] = since
    return found


class RunningPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place where an image runs, by the name that people call it; `grade` is a place in GRADES (None: nobody told)."""

    name: str
    environment: str
    grade: int | None
    since: datetime


_OF_IMAGE = """
FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL
LEFT JOIN isolation facts ON facts.id = placed.isolation_id
WHERE ran.account_id = %(account)s AND ran.id = ANY(%(images)s::bigint[])
    AND (%(environment)s = '' OR placed.environment IN ('', %(environment)s))"""


async def places_of(
    connection: Connection, account_id: int, digest: str, environment: str, limit: int = 3
) -> tuple[int, list[RunningPlace]]:
    """At how many places an image runs in an environment ("": any), and the first of these, those that are kept apart least first."""
    images = await running_images_of(connection, account_id, digest)
    if not images:
        return 0, []
    values = {"account": account_id, "images": images, "environment": environment, "limit": limit}
    row = await (await connection.execute(f"SELECT count(*) {_OF_IMAGE}", values)).fetchone()
    async with connection.cursor(row_factory=class_row(RunningPlace)) as cursor:
        await cursor.execute(
            f"""
            SELECT {PLACE_NAME} AS name, placed.environment, facts.grade, placed.since {_OF_IMAGE}
            ORDER BY facts.grade NULLS FIRST, placed.cluster, placed.namespace, placed.workload, placed.container, placed.id LIMIT %(limit)s
            """,
            values,
        )
        return int(row[0]) if row else 0, await cursor.fetchall()


PLACE_NAME: LiteralString = """coalesce(nullif(placed.told, ''), concat_ws('/', nullif(placed.cluster, ''), nullif(placed.namespace, ''),
    nullif(placed.workload, ''), nullif(placed.container, '')))"""
"""What people call the place of the placement `placed`, as SQL."""


async def running_images_of(connection: Connection, account_id: int, digest: str) -> list[int]:
    """Images as places name them, by any of an image's digests, whether somebody added it or not."""
    cursor = await connection.execute(
        """
        SELECT id FROM running_image WHERE account_id = %(account)s AND digest = %(digest)s
        UNION SELECT id FROM running_image WHERE account_id = %(account)s AND config_digest = %(digest)s AND config_digest <> ''
        UNION SELECT ran.id FROM image_alias alias JOIN running_image ran ON ran.account_id = %(account)s AND ran.image_id = alias.image_id
            WHERE alias.digest = %(digest)s
        """,
        {"account": account_id, "digest": digest},
    )
    return [int(number) for (number,) in await cursor.fetchall()]
