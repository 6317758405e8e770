"""What runs where: images of accounts in environments, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """An image runs in an environment ("": unknown), at a place in it (a cluster, a namespace; "": unknown), since a moment.

    `seen_at` is when that came to be known here.
    """

    environment: str
    place: str
    since: datetime
    seen_at: datetime


_COLUMNS = "environment, place, since, seen_at"


async def put(connection: Connection, account_id: int, image_id: int, deployment: Deployment) -> None:
    """Note that an image runs somewhere; what was known of the place is replaced."""
    await connection.execute(
        """
        INSERT INTO deployment (account_id, image_id, environment, place, since, seen_at) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (account_id, image_id, environment, place) DO UPDATE SET since = EXCLUDED.since, seen_at = EXCLUDED.seen_at
        """,
        (account_id, image_id, deployment.environment, deployment.place, deployment.since, deployment.seen_at),
    )


async def find(
    connection: Connection, account_id: int, image_id: int, environment: str, place: str
) -> Deployment | None:
    """What is known of an image at a place, until the transaction ends."""
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM deployment WHERE account_id = %s AND image_id = %s AND environment = %s AND place = %s FOR UPDATE
            """,
            (account_id, image_id, environment, place),
        )
        return await cursor.fetchone()


async def remove(
    connection: Connection, account_id: int, image_id: int, environment: str, place: str
) -> Deployment | None:
    """Forget that an image runs somewhere; returns what was known, None if nothing was."""
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(
            f"""
            DELETE FROM deployment WHERE account_id = %s AND image_id = %s AND environment = %s AND place = %s
            RETURNING {_COLUMNS}
            """,
            (account_id, image_id, environment, place),
        )
        return await cursor.fetchone()


async def of_image(
    connection: Connection, account_id: int, image_id: int, after: tuple[str, str] | None = None, limit: int = 10_000
) -> list[Deployment]:
    """Where an image runs, by environment and place, after one of these."""
    environment, place = after if after is not None else (None, None)
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM deployment WHERE account_id = %s AND image_id = %s
                AND (%s::text IS NULL OR (environment, place) > (%s, %s)) ORDER BY environment, place LIMIT %s
            """,
            (account_id, image_id, environment, environment, place, limit),
        )
        return await cursor.fetchall()


async def of_images(
    connection: Connection, account_id: int, image_ids: Sequence[int]
) -> dict[int, tuple[Deployment, ...]]:
    """Where images run, by their numbers; those that run."""
    cursor = await connection.execute(
        f"""
        SELECT image_id, {_COLUMNS} FROM deployment WHERE account_id = %s AND image_id = ANY(%s::bigint[])
        ORDER BY image_id, environment, place
        """,
        (account_id, list(image_ids)),
    )
    found: dict[int, list[Deployment]] = {}
    for image_id, environment, place, since, seen_at in await cursor.fetchall():
        deployment = Deployment(environment=environment, place=place, since=since, seen_at=seen_at)
        found.setdefault(image_id, []).append(deployment)
    return {image_id: tuple(some) for image_id, some in found.items()}


def running_since(deployments: Iterable[Deployment], environment: str) -> datetime | None:
    """Since when an image runs in an environment ("": in any), at the place where it runs longest; None if it does not."""
    return min(
        (deployment.since for deployment in deployments if environment in ("", deployment.environment)), default=None
    )
