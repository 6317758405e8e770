"""Signed verdicts that lie beside their images in registries: which are there, and which could not be put there."""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class PublishedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in a repository (HOST/PATH) about an image, by a policy in an environment. `history_id` is the verdict that was signed
    (None: none could be put there yet), `expires_at` until when that holds; `retry_at` when it is tried again after a failure, or made
    anew (None: it is there)."""

    image_id: int
    policy_id: int
    environment: str
    repository: str
    history_id: int | None = None
    verdict: str = ""
    expires_at: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0


_COLUMNS = "image_id, policy_id, environment, repository, history_id, verdict, expires_at, retry_at, failures"


async def list_published(connection: Connection, account_id: int, image_id: int) -> list[PublishedStatement]:
    """What lies beside an image, or should."""
    async with connection.cursor(row_factory=class_row(PublishedStatement)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM published_statement WHERE account_id = %s AND image_id = %s",
            (account_id, image_id),
        )
        return await cursor.fetchall()


async def keep_published(connection: Connection, account_id: int, row: PublishedStatement) -> None:
    """Note what lies there now, or that it could not be put there."""
    await connection.execute(
        """
        INSERT INTO published_statement (account_id, image_id, policy_id, environment, repository, history_id, verdict, expires_at,
            retry_at, failures)
        VALUES (%(account)s, %(image_id)s, %(policy_id)s, %(environment)s, %(repository)s, %(history_id)s, %(verdict)s,
            %(expires_at)s, %(retry_at)s, %(failures)s)
        ON CONFLICT (account_id, image_id, policy_id, environment, repository) DO UPDATE SET history_id = EXCLUDED.history_id,
            verdict = EXCLUDED.verdict, expires_at = EXCLUDED.expires_at, retry_at = EXCLUDED.retry_at, failures = EXCLUDED.failures
        """,
        {**msgspec.structs.asdict(row), "account": account_id},
    )


async def want_again(
    connection: Connection, account_id: int, image_id: int, policy_id: int, environment: str, at: datetime
) -> None:
    """Have what lies there by a policy in an environment made anew: it does not name what the verdict rests on now."""
    await connection.execute(
        """
        UPDATE published_statement SET retry_at = %s
        WHERE account_id = %s AND image_id = %s AND policy_id = %s AND environment = %s AND retry_at IS NULL
        """,
        (at, account_id, image_id, policy_id, environment),
    )


async def due(
    connection: Connection, account_id: int, now: datetime, renewed_before: datetime, limit: int
) -> list[int]:
    """The numbers of images with something to try again, or that ends before a moment."""
    cursor = await connection.execute(
        """
        SELECT image_id FROM published_statement
        WHERE account_id = %(account)s AND CASE WHEN retry_at IS NULL THEN expires_at <= %(renewed)s ELSE retry_at <= %(now)s END
        GROUP BY image_id ORDER BY image_id LIMIT %(limit)s
        """,
        {"account": account_id, "now": now, "renewed": renewed_before, "limit": limit},
    )
    return [int(number) for (number,) in await cursor.fetchall()]


async def publishing_accounts(connection: Connection) -> list[tuple[int, str]]:
    """The accounts, with their names, that have a registry in which statements are to lie."""
    cursor = await connection.execute(
        "SELECT id, name FROM account WHERE EXISTS (SELECT FROM registry WHERE registry.account_id = account.id AND publishes) ORDER BY id"
    )
    return [(int(number), str(name)) for number, name in await cursor.fetchall()]
