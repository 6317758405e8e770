"""Verdicts: the current one of each image, policy and environment, and all that there were, with what they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection

Word = Literal["go", "warn", "stop", "unknown"]


class JudgedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict to be written down. `document` is the object with all of it; digests name what it was made of.

    `next_at` is the first moment at which time alone may change it (None: never), `has_unknowns`: some rule could not be judged. `settles`:
    the id of the incrementally updated verdict that this full one confirms. `snapshot_id` names the advisories,
    `finding_count` counts all findings. `grace_until`: the image may start again until then in spite of what `grace_reason` says (None: no
    grace is granted). `demands`: what the policy asks of places (model.admission.PlaceDemands), as JSON; None: nothing.
    """

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
    next_at: datetime | None = None
    has_unknowns: bool = False
    settles: int | None = None
    snapshot_id: int | None = None
    finding_count: int | None = None
    grace_until: datetime | None = None
    grace_reason: str = ""
    demands: str | None = None


_OF_NOW = (
    "next_at",
    "has_unknowns",
    "settles",
    "snapshot_id",
    "finding_count",
    "grace_until",
    "grace_reason",
    "demands",
)
"""What is known of a verdict while it is the current one only."""


class RecordResult(msgspec.Struct, frozen=True):
    """What happened to a verdict: the one before in a word ("": there was none), whether it went into the history, and its
    number there."""

    before: str
    is_new: bool
    history_id: int


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that was written down. `at` is the moment that counted as now, `recorded_at` when it was written.

    `changes` are the findings that came and went since its document was written, as JSON; None: the document says all.
    """

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
    policy_id: int
    changes: dict[str, Any] | None


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
    history.exceptions_digest, history.snapshot_digest, history.analyzer, history.cause, history.at, history.recorded_at,
    history.policy_id, finding_changes(history.changes) AS changes"""


async def record(connection: Connection, judged: JudgedVerdict) -> RecordResult:
    """Write a verdict down as the current one, and in the history if anything about it is new."""
    cursor = await connection.execute(
        """
        SELECT before.verdict, before.history_id, history.document, history.policy_digest, history.exceptions_digest,
            history.snapshot_digest, history.analyzer, history.reference, history.changes IS NOT NULL
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
        False,
    )
    if row is not None and judged.settles == row[1]:
        await _settle(connection, judged)
        return RecordResult(str(row[0]), False, int(row[1]))
    if row is not None and tuple(row[2:]) == made_of:
        await _note(connection, judged)
        return RecordResult(str(row[0]), False, int(row[1]))
    history_id = await _append(connection, judged)
    await _put(connection, judged, history_id)
    return RecordResult(str(row[0]) if row is not None else "", True, history_id)


async def _settle(connection: Connection, judged: JudgedVerdict) -> None:
    """The whole verdict says what the one with changes says: its document takes the place of both."""
    await connection.execute(
        "UPDATE verdict_history SET document = %s, changes = NULL, reason = %s WHERE id = %s",
        (judged.document, judged.reason, judged.settles),
    )
    await _note(connection, judged)


async def _note(connection: Connection, judged: JudgedVerdict) -> None:
    """What is known of the current verdict besides what it says."""
    await connection.execute(
        """
        UPDATE verdict SET next_at = %(next_at)s, has_unknowns = %(has_unknowns)s, reason = %(reason)s, snapshot_id = %(snapshot_id)s,
            finding_count = %(finding_count)s, is_awaiting = false, grace_until = %(grace_until)s, grace_reason = %(grace_reason)s,
            demands = %(demands)s::jsonb
        WHERE account_id = %(account_id)s AND image_id = %(image_id)s AND policy_id = %(policy_id)s AND environment = %(environment)s
            AND is_shadow = %(is_shadow)s
            AND (next_at, has_unknowns, reason, snapshot_id, finding_count, is_awaiting, grace_until, grace_reason, demands)
            IS DISTINCT FROM (
                %(next_at)s::timestamptz, %(has_unknowns)s::boolean, %(reason)s::text, %(snapshot_id)s::bigint,
                %(finding_count)s::integer, false, %(grace_until)s::timestamptz, %(grace_reason)s::text, %(demands)s::jsonb)
        """,
        msgspec.structs.asdict(judged),
    )


async def hold_current(connection: Connection, account_id: int, image_ids: Sequence[int]) -> None:
    """Lock the current verdicts of these images until the transaction ends."""
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(hashtextextended('judge ' || image_id, %s))
        FROM (SELECT image_id FROM unnest(%s::bigint[]) AS wanted (image_id) ORDER BY image_id) AS ordered
        """,
        (account_id, list(image_ids)),
    )
    await snapshots.current_kept(connection)
    await connection.execute(
        """
        SELECT FROM verdict WHERE account_id = %s AND image_id = ANY(%s::bigint[])
        ORDER BY image_id, policy_id, environment, is_shadow FOR UPDATE
        """,
        (account_id, list(image_ids)),
    )


async def _put(connection: Connection, judged: JudgedVerdict, history_id: int) -> None:
    """Make it the current one."""
    await connection.execute(
        """
        INSERT INTO verdict (account_id, image_id, policy_id, environment, reference, is_shadow, history_id, verdict, reason, stops,
            warns, judged_at, next_at, has_unknowns, snapshot_id, finding_count, grace_until, grace_reason, demands)
        VALUES (%(account_id)s, %(image_id)s, %(policy_id)s, %(environment)s, %(reference)s, %(is_shadow)s, %(history_id)s, %(verdict)s,
            %(reason)s, %(stops)s, %(warns)s, %(at)s, %(next_at)s, %(has_unknowns)s, %(snapshot_id)s, %(finding_count)s,
            %(grace_until)s, %(grace_reason)s, %(demands)s::jsonb)
        ON CONFLICT (account_id, image_id, policy_id, environment, is_shadow) DO UPDATE SET reference = EXCLUDED.reference,
            history_id = EXCLUDED.history_id, verdict = EXCLUDED.verdict, reason = EXCLUDED.reason, stops = EXCLUDED.stops,
            warns = EXCLUDED.warns, judged_at = EXCLUDED.judged_at, next_at = EXCLUDED.next_at, has_unknowns = EXCLUDED.has_unknowns,
            snapshot_id = EXCLUDED.snapshot_id, finding_count = EXCLUDED.finding_count, is_awaiting = false,
            grace_until = EXCLUDED.grace_until, grace_reason = EXCLUDED.grace_reason, demands = EXCLUDED.demands
        """,
        {**msgspec.structs.asdict(judged), "history_id": history_id},
    )


async def _append(connection: Connection, judged: JudgedVerdict) -> int:
    values = {name: value for name, value in msgspec.structs.asdict(judged).items() if name not in _OF_NOW}
    columns = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    cursor = await connection.execute(
        f"INSERT INTO verdict_history ({columns}) VALUES ({places}) RETURNING id",
        values,
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    return int(row[0])


class VerdictSlot(NamedTuple):
    """What an image has one current verdict for."""

    policy_id: int
    environment: str
    is_shadow: bool


async def drop_others(connection: Connection, account_id: int, image_id: int, kept: Sequence[VerdictSlot]) -> None:
    """Remove the current verdicts of an image that nothing in force asks for: all except the kept ones."""
    await connection.execute(
        """
        DELETE FROM verdict WHERE account_id = %s AND image_id = %s AND NOT EXISTS (
            SELECT FROM unnest(%s::bigint[], %s::text[], %s::boolean[]) AS kept(policy_id, environment, is_shadow)
            WHERE kept.policy_id = verdict.policy_id AND kept.environment = verdict.environment AND kept.is_shadow = verdict.is_shadow)
        """,
        (
            account_id,
            image_id,
            [slot.policy_id for slot in kept],
            [slot.environment for slot in kept],
            [slot.is_shadow for slot in kept],
        ),
    )


async def current(connection: Connection, account_id: int, image_id: int, *, shadows: bool = False) -> list[VerdictRow]:
    """The current verdicts of an image, by policy and environment."""
    found = await current_of(connection, account_id, (image_id,), shadows=shadows)
    return list(found.get(image_id, ()))


async def current_of(
    connection: Connection, account_id: int, image_ids: Sequence[int], *, shadows: bool = False
) -> dict[int, tuple[VerdictRow, ...]]:
    """The current verdicts of images, by the image's number: of each by policy and environment."""
    async with connection.cursor(row_factory=class_row(_OfImage)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ROW}, now.image_id FROM verdict now JOIN verdict_history history ON history.id = now.history_id
            JOIN policy ON policy.id = now.policy_id
            WHERE now.account_id = %s AND now.image_id = ANY(%s::bigint[]) AND (%s OR NOT now.is_shadow)
            ORDER BY now.image_id, policy.name, now.environment
            """,
            (account_id, list(image_ids), shadows),
        )
        rows = await cursor.fetchall()
    return {image_id: tuple(some) for image_id, some in groupby(rows, lambda row: row.image_id)}


class _OfImage(VerdictRow, frozen=True, kw_only=True):
    image_id: int


async def last_in_force(connection: Connection, account_id: int, image_id: int) -> list[VerdictRow]:
    """The last verdict in force that an image had, of each policy and environment."""
    async with connection.cursor(row_factory=class_row(VerdictRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT DISTINCT ON (history.policy_id, history.environment) {_ROW}
            FROM verdict_history history LEFT JOIN policy ON policy.id = history.policy_id
            WHERE history.account_id = %s AND history.image_id = %s AND NOT history.is_shadow
            ORDER BY history.policy_id, history.environment, history.id DESC
            """,
            (account_id, image_id),
        )
        return await cursor.fetchall()


async def list_awaiting_verdicts(connection: Connection, account_id: int, image_ids: Sequence[int]) -> set[int]:
    """The numbers of the current verdicts of images that do not know yet what the advisories that count say."""
    cursor = await connection.execute(
        "SELECT history_id FROM verdict WHERE account_id = %s AND image_id = ANY(%s::bigint[]) AND is_awaiting",
        (account_id, list(image_ids)),
    )
    return {int(number) for (number,) in await cursor.fetchall()}


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


async def by_numbers(connection: Connection, account_id: int, numbers: Sequence[int]) -> list[VerdictRow]:
    """Verdicts of the history by their numbers."""
    async with connection.cursor(row_factory=class_row(VerdictRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ROW} FROM verdict_history history LEFT JOIN policy ON policy.id = history.policy_id
            WHERE history.account_id = %s AND history.id = ANY(%s::bigint[])
            """,
            (account_id, list(numbers)),
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
