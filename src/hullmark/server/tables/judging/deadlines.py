"""What becomes due by the clock: verdicts that time may change, exceptions that end soon or have ended.

Moments are always given: the caller's clock says what time it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class EndingException(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that ends soon, or has ended. `created_by` is who made it."""

    id: UUID
    account_id: int
    body: dict[str, Any]
    expires_at: datetime
    created_by: str


class DatedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that may change by a moment, and what it was made for."""

    history_id: int
    image_id: int
    policy: str
    environment: str
    reference: str


async def expect_of_distros(
    connection: Connection, policies: Sequence[int], distros: Sequence[str], moment: datetime
) -> int:
    """Have the verdicts of some policies on images of some distributions (`debian:12`) made again at a moment, unless they are
    before; returns how many."""
    cursor = await connection.execute(
        """
        UPDATE verdict SET next_at = %s FROM image WHERE image.id = verdict.image_id AND verdict.policy_id = ANY(%s::bigint[])
            AND image.distro = ANY(%s::text[]) AND (verdict.next_at IS NULL OR verdict.next_at > %s)
        """,
        (moment, list(policies), list(distros), moment),
    )
    return cursor.rowcount


async def distros(connection: Connection) -> list[str]:
    """The distributions of all images (`debian:12`)."""
    cursor = await connection.execute("SELECT DISTINCT distro FROM image WHERE distro <> '' ORDER BY 1")
    return [str(distro) for (distro,) in await cursor.fetchall()]


async def take_due(connection: Connection, now: datetime, limit: int) -> list[tuple[int, int]]:
    """The images (by account and number) of some verdicts whose moment has come, removed from the queue once this transaction
    commits."""
    cursor = await connection.execute(
        """
        WITH due AS (
            SELECT account_id, image_id, policy_id, environment, is_shadow FROM verdict WHERE next_at <= %s
            ORDER BY next_at LIMIT %s FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE verdict SET next_at = NULL FROM due
            WHERE (verdict.account_id, verdict.image_id, verdict.policy_id, verdict.environment, verdict.is_shadow)
                = (due.account_id, due.image_id, due.policy_id, due.environment, due.is_shadow)
            RETURNING verdict.account_id, verdict.image_id
        )
        SELECT DISTINCT account_id, image_id FROM taken ORDER BY 1, 2
        """,
        (now, limit),
    )
    return [(int(account_id), int(image_id)) for account_id, image_id in await cursor.fetchall()]


async def take_ending(connection: Connection, now: datetime, days: int, limit: int) -> list[EndingException]:
    """Some exceptions that end within so many days and were not taken for that yet, the first to end first."""
    return await _fetch_ending_exceptions(
        connection,
        """
        UPDATE exception SET warned = %(days)s WHERE id IN (
            SELECT id FROM exception WHERE ended_at IS NULL AND expired_at IS NULL AND expires_at > %(now)s
                AND expires_at <= %(until)s AND (warned IS NULL OR warned > %(days)s)
            ORDER BY expires_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        RETURNING id, account_id, body, expires_at, created_by
        """,
        {"now": now, "until": now + timedelta(days=days), "days": days, "limit": limit},
    )


async def take_ended(connection: Connection, now: datetime, limit: int) -> list[EndingException]:
    """Some exceptions that have ended by the calendar and were not taken for that yet, the first to end first."""
    return await _fetch_ending_exceptions(
        connection,
        """
        UPDATE exception SET expired_at = %(now)s WHERE id IN (
            SELECT id FROM exception WHERE ended_at IS NULL AND expired_at IS NULL AND expires_at <= %(now)s
            ORDER BY expires_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        RETURNING id, account_id, body, expires_at, created_by
        """,
        {"now": now, "limit": limit},
    )


async def _fetch_ending_exceptions(
    connection: Connection, statement: str, values: dict[str, Any]
) -> list[EndingException]:
    async with connection.cursor(row_factory=class_row(EndingException)) as cursor:
        await cursor.execute(statement, values)
        return sorted(await cursor.fetchall(), key=lambda row: (row.expires_at, row.id))


async def warn_no_more(connection: Connection, key: UUID, days: int) -> None:
    """Note that nobody is told again that an exception ends within so many days."""
    await connection.execute("UPDATE exception SET warned = %s WHERE id = %s", (days, key))


async def dated_before(
    connection: Connection, account_id: int, moment: datetime, *, after: int, limit: int
) -> list[DatedVerdict]:
    """Verdicts in force that may change until a moment, by the number of their history, above one."""
    async with connection.cursor(row_factory=class_row(DatedVerdict)) as cursor:
        await cursor.execute(
            """
            SELECT now.history_id, now.image_id, policy.name AS policy, now.environment, now.reference
            FROM verdict now JOIN policy ON policy.id = now.policy_id
            WHERE now.account_id = %s AND now.next_at <= %s AND NOT now.is_shadow AND now.history_id > %s
            ORDER BY now.history_id LIMIT %s
            """,
            (account_id, moment, after, limit),
        )
        return await cursor.fetchall()


async def listening_accounts(connection: Connection) -> list[int]:
    """The accounts that hold images and have a policy in force."""
    cursor = await connection.execute(
        """
        SELECT id FROM account WHERE EXISTS (SELECT FROM activation WHERE activation.account_id = account.id AND ended_at IS NULL)
            AND EXISTS (SELECT FROM account_image WHERE account_image.account_id = account.id) ORDER BY id
        """
    )
    return [int(number) for (number,) in await cursor.fetchall()]
