"""Verdicts: the current one of each image, policy and environment, and all that there were, with what they were made of."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from psycopg.rows import class_row

from hullmark.store.database import Connection

Word = Literal["go", "warn", "stop", "unknown"]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict to be written down. `document` is the object with all of it; digests name what it was made of."""

    account_id: int
    image_id: int
    policy_id: int
    policy_version: int
    environment: str
    reference: str
    is_shadow: bool
    verdict: Word
    reason: str
    stops: int
    warns: int
    document: str
    image_digest: str
    policy_digest: str
    exceptions_digest: str
    snapshot_digest: str
    analyzer: str
    cause: str
    at: datetime


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that was written down. `at` is the moment that counted as now, `recorded_at` when it was written."""

    id: int
    policy: str
    policy_version: int
    environment: str
    reference: str
    is_shadow: bool
    verdict: Word
    reason: str
    stops: int
    warns: int
    document: str
    image_digest: str
    policy_digest: str
    exceptions_digest: str
    snapshot_digest: str
    analyzer: str
    cause: str
    at: datetime
    recorded_at: datetime


class CurrentVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a current verdict, which is all that an admission check needs."""

    image: str
    policy: str
    environment: str
    reference: str
    verdict: Word
    reason: str
    stops: int
    warns: int
    judged_at: datetime


_ROW = """history.id, coalesce(policy.name, '') AS policy, history.policy_version, history.environment, history.reference,
    history.is_shadow, history.verdict, history.reason, history.stops, history.warns, history.document,
    history.image_digest, history.policy_digest,
    history.exceptions_digest, history.snapshot_digest, history.analyzer, history.cause, history.at, history.recorded_at"""


async def record(connection: Connection, judged: Judged) -> tuple[str, bool]:
    """Write a verdict down as the current one, and in the history if anything about it is new.

    Answers the verdict before ("" if there was none), and whether it went into the history.
    """
    cursor = await connection.execute(
        """
        SELECT before.verdict, history.document, history.policy_digest, history.exceptions_digest, history.snapshot_digest,
            history.analyzer, history.reference
        FROM verdict before JOIN verdict_history history ON history.id = before.history_id
        WHERE before.account_id = %s AND before.image_id = %s AND before.policy_id = %s AND before.environment = %s
            AND before.is_shadow = %s
        FOR UPDATE OF before
        """,
        (judged.account_id, judged.image_id, judged.policy_id, judged.environment, judged.is_shadow),
    )
    row = await cursor.fetchone()
    made_of = (
        judged.document,
        judged.policy_digest,
        judged.exceptions_digest,
        judged.snapshot_digest,
        judged.analyzer,
        judged.reference,
    )
    if row is not None and tuple(row[1:]) == made_of:
        return str(row[0]), False
    await _put(connection, judged, await _append(connection, judged))
    return (str(row[0]) if row is not None else ""), True


async def _put(connection: Connection, judged: Judged, history_id: int) -> None:
    """Make it the current one."""
    await connection.execute(
        """
        INSERT INTO verdict (account_id, image_id, policy_id, environment, reference, is_shadow, history_id, verdict, reason, stops,
            warns, judged_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (account_id, image_id, policy_id, environment, is_shadow) DO UPDATE SET reference = EXCLUDED.reference,
            history_id = EXCLUDED.history_id, verdict = EXCLUDED.verdict, reason = EXCLUDED.reason, stops = EXCLUDED.stops,
            warns = EXCLUDED.warns, judged_at = EXCLUDED.judged_at
        """,
        (
            judged.account_id,
            judged.image_id,
            judged.policy_id,
            judged.environment,
            judged.reference,
            judged.is_shadow,
            history_id,
            judged.verdict,
            judged.reason,
            judged.stops,
            judged.warns,
            judged.at,
        ),
    )


async def _append(connection: Connection, judged: Judged) -> int:
    values = msgspec.structs.asdict(judged)
    columns = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    cursor = await connection.execute(
        f"INSERT INTO verdict_history ({columns}) VALUES ({places}) RETURNING id",
        values,
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    return int(row[0])


async def drop_others(
    connection: Connection, account_id: int, image_id: int, kept: list[tuple[int, str, bool]]
) -> None:
    """Remove the current verdicts of an image that nothing in force asks for: all but those of (policy id, environment, is shadow)."""
    await connection.execute(
        """
        DELETE FROM verdict WHERE account_id = %s AND image_id = %s AND NOT EXISTS (
            SELECT FROM unnest(%s::bigint[], %s::text[], %s::boolean[]) AS kept(policy_id, environment, is_shadow)
            WHERE kept.policy_id = verdict.policy_id AND kept.environment = verdict.environment AND kept.is_shadow = verdict.is_shadow)
        """,
        (account_id, image_id, [p for p, _, _ in kept], [e for _, e, _ in kept], [s for _, _, s in kept]),
    )


async def current(connection: Connection, account_id: int, image_id: int, *, shadows: bool = False) -> list[VerdictRow]:
    """The current verdicts of an image, by policy and environment."""
    async with connection.cursor(row_factory=class_row(VerdictRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ROW} FROM verdict now JOIN verdict_history history ON history.id = now.history_id
            JOIN policy ON policy.id = now.policy_id
            WHERE now.account_id = %s AND now.image_id = %s AND (%s OR NOT now.is_shadow) ORDER BY policy.name, now.environment
            """,
            (account_id, image_id, shadows),
        )
        return await cursor.fetchall()


async def look_up(connection: Connection, account_id: int, digest: str, environment: str) -> list[CurrentVerdict]:
    """The verdicts in force on the image with a digest, in an environment and those of any: one statement, no other table read."""
    async with connection.cursor(row_factory=class_row(CurrentVerdict)) as cursor:
        await cursor.execute(
            """
            SELECT image.digest AS image, policy.name AS policy, now.environment, now.reference, now.verdict, now.reason, now.stops,
                now.warns, now.judged_at
            FROM image_alias alias JOIN verdict now ON now.image_id = alias.image_id AND now.account_id = %s AND NOT now.is_shadow
            JOIN image ON image.id = now.image_id JOIN policy ON policy.id = now.policy_id
            WHERE alias.digest = %s AND now.environment IN ('', %s) ORDER BY policy.name, now.environment
            """,
            (account_id, digest, environment),
        )
        return await cursor.fetchall()


async def as_of(
    connection: Connection, account_id: int, image_id: int, moment: datetime, known_at: datetime | None
) -> list[VerdictRow]:
    """The verdicts that held at a moment, by what was written down until `known_at` (None: by all that is known)."""
    async with connection.cursor(row_factory=class_row(VerdictRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT DISTINCT ON (history.policy_id, history.environment) {_ROW}
            FROM verdict_history history LEFT JOIN policy ON policy.id = history.policy_id
            WHERE history.account_id = %s AND history.image_id = %s AND NOT history.is_shadow AND history.at <= %s
                AND (%s::timestamptz IS NULL OR history.recorded_at <= %s)
            ORDER BY history.policy_id, history.environment, history.at DESC, history.id DESC
            """,
            (account_id, image_id, moment, known_at, known_at),
        )
        return await cursor.fetchall()


async def history(
    connection: Connection,
    account_id: int,
    image_id: int,
    *,
    before: int | None,
    limit: int,
    until: tuple[datetime | None, datetime | None] = (None, None),
) -> list[VerdictRow]:
    """All verdicts that an image ever had, the newest first, before a number; `until`: of which moment, and known when."""
    as_of, known_at = until
    async with connection.cursor(row_factory=class_row(VerdictRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ROW} FROM verdict_history history LEFT JOIN policy ON policy.id = history.policy_id
            WHERE history.account_id = %s AND history.image_id = %s AND (%s::bigint IS NULL OR history.id < %s)
                AND (%s::timestamptz IS NULL OR history.at <= %s) AND (%s::timestamptz IS NULL OR history.recorded_at <= %s)
            ORDER BY history.id DESC LIMIT %s
            """,
            (account_id, image_id, before, before, as_of, as_of, known_at, known_at, limit),
        )
        return await cursor.fetchall()


async def by_number(connection: Connection, account_id: int, number: int) -> VerdictRow | None:
    """A verdict of the history by its number."""
    async with connection.cursor(row_factory=class_row(VerdictRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ROW} FROM verdict_history history LEFT JOIN policy ON policy.id = history.policy_id
            WHERE history.account_id = %s AND history.id = %s
            """,
            (account_id, number),
        )
        return await cursor.fetchone()
