"""Answers to requests that may be sent again: each Idempotency-Key acts once, and is answered the same ever after."""

from __future__ import annotations

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a key was used for (`request`, a digest), and the answer, encrypted. Status 0: it is being worked on."""

    request: bytes
    status: int
    content_type: str
    answer: bytes


async def claim(
    connection: Connection, account_id: int, key: str, request: bytes, patience: float
) -> KeptAnswer | None:
    """Claim a key for a request: None if it is ours to act now, else what is known of it.

    Who claimed it and gave no answer for `patience` seconds has died.
    """
    cursor = await connection.execute(
        """
        INSERT INTO idempotency (account_id, key, request, status, content_type, answer) VALUES (%s, %s, %s, 0, '', '')
        ON CONFLICT (account_id, key) DO UPDATE SET created_at = now() WHERE idempotency.status = 0
            AND idempotency.request = EXCLUDED.request AND idempotency.created_at < now() - make_interval(secs => %s)
        RETURNING true
        """,
        (account_id, key, request, patience),
    )
    if await cursor.fetchone() is not None:
        return None
    async with connection.cursor(row_factory=class_row(KeptAnswer)) as found:
        await found.execute(
            "SELECT request, status, content_type, answer FROM idempotency WHERE account_id = %s AND key = %s",
            (account_id, key),
        )
        return await found.fetchone()


async def keep(connection: Connection, account_id: int, key: str, answer: KeptAnswer) -> None:
    """Keep the answer to a claimed key."""
    await connection.execute(
        "UPDATE idempotency SET status = %s, content_type = %s, answer = %s WHERE account_id = %s AND key = %s AND request = %s",
        (answer.status, answer.content_type, answer.answer, account_id, key, answer.request),
    )


async def release(connection: Connection, account_id: int, key: str) -> None:
    """Give a claimed key back: what was requested did not happen."""
    await connection.execute(
        "DELETE FROM idempotency WHERE account_id = %s AND key = %s AND status = 0", (account_id, key)
    )
