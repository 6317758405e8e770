"""Causes and their transitions: each is written once, however often it is tried.

A transition that is not routed yet is the outbox: it is written in the transaction of what it tells of, together with the job that
routes it to those who want to hear of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.model.advisory import SEVERITY_RANK
from hullmark.model.notice import Cause, Transition, TransitionKind
from hullmark.server.tables import jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.running import runs


class CauseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A cause that was written down; see model.notice.Cause. `severity` is its place in SEVERITIES."""

    id: int
    kind: str
    key: str
    subject: str
    severity: int
    sentence: str
    before: str
    after: str
    evidence: list[dict[str, Any]]
    is_complete: bool
    seen_at: datetime
    created_at: datetime


class TransitionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A transition that was written down; see model.notice.Transition. `outcome` is "" until it is routed, `why` says why nobody
    was told."""

    id: int
    cause_id: int
    kind: TransitionKind
    image_id: int | None
    image_digest: str
    reference: str
    policy_id: int | None
    policy: str
    environment: str
    before: str
    after: str
    severity: int
    history_id: int | None
    is_certified: bool
    is_deployed: bool
    evidence: list[dict[str, Any]]
    at: datetime
    recorded_at: datetime
    routed_at: datetime | None
    outcome: Literal["", "told", "suppressed"]
    why: str


CAUSE = "id, kind, key, subject, severity, sentence, before, after, evidence, is_complete, seen_at, created_at"
TRANSITION = """transition.id, transition.cause_id, transition.kind, transition.image_id, transition.image_digest, transition.reference,
    transition.policy_id, transition.policy, transition.environment, transition.before, transition.after, transition.severity,
    transition.history_id, transition.is_certified, transition.is_deployed, transition.evidence, transition.at,
    transition.recorded_at, transition.routed_at, transition.outcome, transition.why"""


async def keep_cause(connection: Connection, account_id: int, cause: Cause, *, is_complete: bool = True) -> int:
    """The number of a cause, which is written down if it is new. One that is complete becomes incomplete again if more is to come."""
    cursor = await connection.execute(
        """
        INSERT INTO cause (account_id, kind, key, subject, severity, sentence, before, after, evidence, is_complete, seen_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (account_id, key) DO UPDATE SET is_complete = EXCLUDED.is_complete RETURNING id
        """,
        (
            account_id,
            cause.kind,
            cause.key[:1000],
            cause.subject,
            SEVERITY_RANK[cause.severity],
            cause.sentence,
            cause.before,
            cause.after,
            Jsonb(msgspec.to_builtins(cause.evidence)),
            is_complete,
            cause.seen_at,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    return int(row[0])


async def add_transitions(
    connection: Connection, account_id: int, cause_id: int, transitions: Sequence[Transition], suppressed: str = ""
) -> int:
    """Write down those that are new, and whether their images are certified and deployed; returns how many were new.

    `suppressed` says why nobody is to hear of them ("": those who want to).
    """
    cursor = await connection.execute(
        f"""
        INSERT INTO transition (account_id, cause_id, kind, key, image_id, image_digest, reference, policy_id, policy, environment,
            before, after, severity, history_id, evidence, at, outcome, why, routed_at, is_certified, is_deployed)
        SELECT %(account)s, %(cause)s, new.kind, new.key, new.image, new.digest, new.reference, new.policy_id, new.policy,
            new.environment, new.before, new.after, new.severity, new.history, new.evidence, new.at,
            CASE WHEN %(why)s = '' THEN '' ELSE 'suppressed' END, %(why)s, CASE WHEN %(why)s <> '' THEN clock_timestamp() END,
            EXISTS (SELECT FROM account_image held WHERE held.account_id = %(account)s AND held.image_id = new.image
                AND held.certified_at IS NOT NULL),
            {runs("%(account)s", "new.image")}
        FROM ROWS FROM (jsonb_to_recordset(%(new)s) AS (kind text, key text, image bigint, digest text, reference text,
            policy_id bigint, policy text, environment text, before text, after text, severity smallint, history bigint,
            evidence jsonb, at timestamptz)) WITH ORDINALITY AS new ORDER BY new.ordinality
        ON CONFLICT (account_id, key) DO NOTHING
        """,
        {
            "account": account_id,
            "cause": cause_id,
            "why": suppressed,
            "new": Jsonb([_row(transition) for transition in transitions]),
        },
    )
    return cursor.rowcount


def _row(transition: Transition) -> dict[str, Any]:
    return {
        "kind": transition.kind,
        "key": transition.key[:1000],
        "image": transition.image_id,
        "digest": transition.image_digest,
        "reference": transition.reference,
        "policy_id": transition.policy_id,
        "policy": transition.policy,
        "environment": transition.environment,
        "before": transition.before,
        "after": transition.after,
        "severity": SEVERITY_RANK[transition.severity],
        "history": transition.history_id,
        "evidence": msgspec.to_builtins(transition.evidence),
        "at": transition.at.isoformat(),
    }


async def want_routing(connection: Connection, account_id: int) -> None:
    """Have what is not routed yet routed, at once."""
    await jobs.defer(
        connection, "route", {"account_id": account_id}, once=f"route:{account_id}", queue="notice", priority=50
    )


OF_ADVISORIES = ("advisory", "retraction", "severity", "exploitation", "fix")
"""Kinds of causes that come with a snapshot of advisories."""


async def open_causes(connection: Connection, account_id: int, keys: Sequence[str]) -> list[int]:
    """The open causes: those with these keys, and all that did not come with advisories."""
    cursor = await connection.execute(
        "SELECT id FROM cause WHERE account_id = %s AND NOT is_complete AND (kind <> ALL(%s) OR key = ANY(%s))",
        (account_id, list(OF_ADVISORIES), list(keys)),
    )
    return [int(number) for (number,) in await cursor.fetchall()]


async def forgotten_causes(connection: Connection, until: datetime) -> dict[int, list[int]]:
    """The open causes that began until a time, by account."""
    cursor = await connection.execute(
        "SELECT account_id, array_agg(id) FROM cause WHERE NOT is_complete AND created_at < %s GROUP BY 1 ORDER BY 1",
        (until,),
    )
    return {int(account): list(numbers) for account, numbers in await cursor.fetchall()}


async def complete(connection: Connection, account_id: int, cause_ids: Sequence[int]) -> None:
    """No more transitions of these causes are on their way: what gathers of them is due at once, quiet hours aside.

    In the transaction of the last transitions, or after it.
    """
    cursor = await connection.execute(
        "UPDATE cause SET is_complete = true WHERE account_id = %s AND id = ANY(%s::bigint[]) AND NOT is_complete",
        (account_id, list(cause_ids)),
    )
    if cursor.rowcount:
        await send_complete(connection, account_id)
        # Who routes at this moment may not see it yet, and looks once more.
        await want_routing(connection, account_id)


async def go_on(connection: Connection, cause_ids: Sequence[int]) -> None:
    """More transitions of these causes are on their way after all."""
    await connection.execute(
        "UPDATE cause SET is_complete = false WHERE id = ANY(%s::bigint[]) AND is_complete", (list(cause_ids),)
    )


async def send_complete(connection: Connection, account_id: int) -> None:
    """Have what gathers of complete causes sent now, unless quiet hours hold it, or more is about to be put in."""
    cursor = await connection.execute(
        """
        WITH due AS (
            UPDATE message SET due_at = message.opened_at FROM cause
            WHERE message.account_id = %s AND message.state = 'gathering' AND message.form = 'group' AND NOT message.is_held
                AND message.due_at > message.opened_at AND cause.id = message.cause_id AND cause.is_complete
                AND NOT EXISTS (SELECT FROM transition t WHERE t.account_id = %s AND t.routed_at IS NULL)
            RETURNING message.channel_id
        )
        SELECT DISTINCT channel_id FROM due
        """,
        (account_id, account_id),
    )
    await want_delivery(connection, [str(channel) for (channel,) in await cursor.fetchall()])


AGAIN = "delivery-again"
"""The queue of channels that fail: their receivers may take long, and hold up only one another."""


async def want_delivery(connection: Connection, channels: Sequence[str]) -> None:
    """Have what is due to these channels sent, at once."""
    if not channels:
        return
    cursor = await connection.execute(
        "SELECT id::text FROM channel WHERE id = ANY(%s::uuid[]) AND failures > 0", (list(channels),)
    )
    failing = {channel for (channel,) in await cursor.fetchall()}
    for channel in channels:
        queue = AGAIN if channel in failing else "delivery"
        await jobs.defer(
            connection, "deliver", {"channel_id": channel}, once=f"deliver:{channel}", queue=queue, priority=60
        )


async def tell(
    connection: Connection,
    account_id: int,
    cause: Cause,
    transitions: Sequence[Transition],
    *,
    is_complete: bool = True,
    suppressed: str = "",
) -> int:
    """Write down a cause and its transitions, and have people notified; returns how many of the transitions are new.

    The caller's transaction: with what it tells of, or not at all. `is_complete`: no more transitions of this cause are on their way.
    `suppressed` says why nobody is to hear of it ("": those who want to).
    """
    if not transitions:
        return 0
    number = await keep_cause(connection, account_id, cause, is_complete=is_complete)
    count = await add_transitions(connection, account_id, number, transitions, suppressed)
    if count and not suppressed:
        await want_routing(connection, account_id)
    return count


async def causes(connection: Connection, account_id: int, numbers: Sequence[int]) -> dict[int, CauseRow]:
    """Causes by their numbers."""
    async with connection.cursor(row_factory=class_row(CauseRow)) as cursor:
        await cursor.execute(
            f"SELECT {CAUSE} FROM cause WHERE account_id = %s AND id = ANY(%s::bigint[])", (account_id, list(numbers))
        )
        return {row.id: row for row in await cursor.fetchall()}
