"""Attempts to deliver messages, and their results."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.messages import MessageRow

Outcome = Literal["delivered", "again", "refused"]


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `status` is the receiver's, None where none came."""

    id: int
    at: datetime
    milliseconds: int
    outcome: Outcome
    status: int | None
    error: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an attempt. `at` is when it was made; `after`: seconds that the receiver asks us to wait; `remote`: the name
    of what was created elsewhere."""

    at: datetime
    milliseconds: int
    outcome: Outcome
    status: int | None = None
    error: str = ""
    after: float | None = None
    remote: str = ""


class EarlierAttempts(msgspec.Struct, frozen=True, kw_only=True):
    """The results of earlier attempts. `reached` is the last of the message's transitions that arrived by itself; `earlier` the
    name of what was made elsewhere for the first part of its cause ("": nothing)."""

    number: int
    reached: int
    earlier: str


async def find_earlier_attempts(connection: Connection, account_id: int, number: int) -> EarlierAttempts | None:
    """What a message goes on from."""
    async with connection.cursor(row_factory=class_row(EarlierAttempts)) as cursor:
        await cursor.execute(
            """
            SELECT this.id AS number, this.reached, coalesce((
                SELECT first.remote FROM message first WHERE first.channel_id = this.channel_id AND first.cause_id = this.cause_id
                    AND first.form = 'group' AND first.part < this.part AND first.remote <> '' ORDER BY first.part LIMIT 1
            ), '') AS earlier
            FROM message this WHERE this.account_id = %s AND this.id = %s
            """,
            (account_id, number),
        )
        return await cursor.fetchone()


async def keep_reached(connection: Connection, number: int, transition_id: int) -> None:
    """Write down how far a message arrived, transition by transition."""
    await connection.execute(
        "UPDATE message SET reached = %s WHERE id = %s AND state = 'waiting' AND reached < %s",
        (transition_id, number, transition_id),
    )


async def attempts(connection: Connection, account_id: int, number: int, limit: int) -> list[AttemptRow]:
    """The last attempts for a message, the newest first."""
    async with connection.cursor(row_factory=class_row(AttemptRow)) as cursor:
        await cursor.execute(
            """
            SELECT id, at, milliseconds, outcome, status, error FROM delivery_attempt WHERE account_id = %s AND message_id = %s
            ORDER BY id DESC LIMIT %s
            """,
            (account_id, number, limit),
        )
        return await cursor.fetchall()


async def log_attempt(connection: Connection, account_id: int, number: int, attempt: Attempt) -> bool:
    """Write an attempt down; False if the message is gone, as it is when its channel was removed meanwhile."""
    cursor = await connection.execute(
        """
        INSERT INTO delivery_attempt (account_id, message_id, at, milliseconds, outcome, status, error)
        SELECT %s, id, %s, %s, %s, %s, %s FROM message WHERE id = %s FOR KEY SHARE
        """,
        (
            account_id,
            attempt.at,
            attempt.milliseconds,
            attempt.outcome,
            attempt.status,
            attempt.error,
            number,
        ),
    )
    return cursor.rowcount == 1


async def refusals(connection: Connection, message: MessageRow) -> int:
    """How often a message was refused, since it was last asked for."""
    cursor = await connection.execute(
        """
        SELECT count(*) FROM delivery_attempt WHERE message_id = %s AND outcome = 'refused'
            AND (%s::timestamptz IS NULL OR at >= %s)
        """,
        (message.id, message.resent_at, message.resent_at),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def note_delivery(connection: Connection, number: int, attempt: Attempt, now: datetime) -> bool:
    """A message has arrived; False if somebody else wrote that down already."""
    cursor = await connection.execute(
        """
        UPDATE message SET state = 'delivered', delivered_at = %s, attempts = attempts + 1, last_status = %s, last_error = '',
            next_at = NULL, remote = CASE WHEN %s = '' THEN remote ELSE %s END
        WHERE id = %s AND state = 'waiting'
        """,
        (now, attempt.status, attempt.remote, attempt.remote, number),
    )
    return cursor.rowcount == 1


async def not_delivered(
    connection: Connection, number: int, attempt: Attempt, *, next_at: datetime | None, is_dead: bool
) -> None:
    """An attempt failed; the message waits, or is given up."""
    await connection.execute(
        """
        UPDATE message SET state = CASE WHEN %s THEN 'dead' ELSE 'waiting' END, attempts = attempts + 1, last_status = %s,
            last_error = %s, next_at = %s
        WHERE id = %s AND state = 'waiting'
        """,
        (is_dead, attempt.status, attempt.error, None if is_dead else next_at, number),
    )


async def give_up(connection: Connection, number: int, reason: str) -> None:
    """A message is not sent any more, without an attempt."""
    await connection.execute(
        "UPDATE message SET state = 'dead', last_error = %s, next_at = NULL WHERE id = %s AND state = 'waiting'",
        (reason, number),
    )


async def give_up_all(connection: Connection, reason: str) -> int:
    """No message that waits or gathers is sent any more; returns how many those are."""
    cursor = await connection.execute(
        "UPDATE message SET state = 'dead', last_error = %s, next_at = NULL WHERE state IN ('gathering', 'waiting')",
        (reason,),
    )
    return cursor.rowcount


async def log_test(connection: Connection, account_id: int, channel_id: UUID, key: UUID, attempt: Attempt) -> int:
    """Keep a test that was sent in the log. Returns the message's number."""
    state = "delivered" if attempt.outcome == "delivered" else "dead"
    cursor = await connection.execute(
        """
        INSERT INTO message (account_id, channel_id, key, form, state, item_count, due_at, sealed_at, attempts, delivered_at,
            last_status, last_error)
        VALUES (%s, %s, %s, 'test', %s, 1, %s, %s, 1, %s, %s, %s) RETURNING id
        """,
        (
            account_id,
            channel_id,
            key,
            state,
            attempt.at,
            attempt.at,
            attempt.at if state == "delivered" else None,
            attempt.status,
            attempt.error,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    await log_attempt(connection, account_id, int(row[0]), attempt)
    return int(row[0])


async def verdict_before(connection: Connection, account_id: int, number: int) -> int | None:
    """The number of the verdict before one of the history, on the same image by the same policy in the same environment."""
    cursor = await connection.execute(
        """
        SELECT before.id FROM verdict_history this JOIN verdict_history before ON before.account_id = this.account_id
            AND before.image_id = this.image_id AND before.policy_id IS NOT DISTINCT FROM this.policy_id
            AND before.environment = this.environment AND before.id < this.id AND NOT before.is_shadow
        WHERE this.account_id = %s AND this.id = %s ORDER BY before.id DESC LIMIT 1
        """,
        (account_id, number),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else None
