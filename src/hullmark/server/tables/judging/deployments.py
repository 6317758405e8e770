"""What people tell of what runs where, image by image: one source of places besides collectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import running


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """An image runs in an environment ("": unknown), at a place in it (a cluster, a namespace; "": unknown), since a moment.

    `seen_at` is when that came to be known here.
    """

    environment: str
    place: str
    since: datetime
    seen_at: datetime


_COLUMNS = "placed.environment, placed.told AS place, placed.since, placed.seen_at"
_TOLD = """
FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL AND placed.collector_id IS NULL
WHERE ran.account_id = %(account)s AND ran.image_id = %(image)s"""
_AT = " AND placed.environment = %(environment)s AND placed.told = %(place)s"


async def put(connection: Connection, account_id: int, image_id: int, deployment: Deployment) -> None:
    """Note that an image runs somewhere; what was known of the place is replaced."""
    await connection.execute(
        """
        WITH named AS (
            INSERT INTO running_image (account_id, image_id, key, reference, digest, config_digest, architecture, is_inferred)
            SELECT held.account_id, image.id, sha256(convert_to('told ' || image.digest, 'UTF8')), held.reference, image.digest, '', '',
                false
            FROM account_image held JOIN image ON image.id = held.image_id WHERE held.account_id = %(account)s AND held.image_id = %(image)s
            ON CONFLICT (account_id, key) DO UPDATE SET image_id = EXCLUDED.image_id RETURNING id
        )
        INSERT INTO placement (account_id, platform, cluster, told, environment, running_image_id, containers, since, seen_at)
        SELECT %(account)s, 'told', left(%(place)s, 200), %(place)s, %(environment)s, named.id, 1, %(since)s, %(seen_at)s FROM named
        ON CONFLICT (account_id, running_image_id, environment, md5(told)) WHERE until IS NULL AND collector_id IS NULL
            DO UPDATE SET since = EXCLUDED.since, seen_at = EXCLUDED.seen_at
        """,
        {**msgspec.structs.asdict(deployment), "account": account_id, "image": image_id},
    )


async def find(
    connection: Connection, account_id: int, image_id: int, environment: str, place: str
) -> Deployment | None:
    """What is known of an image at a place, until the transaction ends."""
    values = {"account": account_id, "image": image_id, "environment": environment, "place": place}
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} {_TOLD} {_AT} FOR UPDATE OF placed", values)
        return await cursor.fetchone()


async def remove(
    connection: Connection, account_id: int, image_id: int, place: Deployment, now: datetime
) -> Deployment | None:
    """Note that an image runs at a place no longer; returns what was known, None if nothing was."""
    values = {"account": account_id, "image": image_id, "environment": place.environment, "place": place.place}
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(
            f"""
            UPDATE placement placed SET until = greatest(placed.since, %(now)s) WHERE placed.id IN (SELECT placed.id {_TOLD} {_AT})
            RETURNING {_COLUMNS}
            """,
            {**values, "now": now},
        )
        return await cursor.fetchone()


async def of_image(
    connection: Connection, account_id: int, image_id: int, after: tuple[str, str] | None = None, limit: int = 10_000
) -> list[Deployment]:
    """Where an image runs as people told, by environment and place, after one of these."""
    environment, place = after if after is not None else (None, None)
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} {_TOLD} AND (%(after)s::text IS NULL OR (placed.environment, placed.told) > (%(after)s, %(place)s))
            ORDER BY placed.environment, placed.told LIMIT %(limit)s
            """,
            {"account": account_id, "image": image_id, "after": environment, "place": place, "limit": limit},
        )
        return await cursor.fetchall()


async def of_images(
    connection: Connection, account_id: int, image_ids: Sequence[int]
) -> dict[int, tuple[Deployment, ...]]:
    """In which environments images run, by their numbers, whoever told; those that run. Each environment is there once, at the place where
    the image runs longest."""
    found = await running.running_since(connection, account_id, image_ids)
    return {
        image_id: tuple(
            Deployment(environment=environment, place="", since=since, seen_at=since)
            for environment, since in environments.items()
        )
        for image_id, environments in found.items()
    }


def running_since(deployments: Iterable[Deployment], environment: str) -> datetime | None:
    """Since when an image runs in an environment ("": in any), at the place where it runs longest; None if it does not."""
    return min(
        (deployment.since for deployment in deployments if environment in ("", deployment.environment)), default=None
    )
