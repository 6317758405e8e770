"""Verdicts beside those before them, what was announced about each, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict in force, and the number of the one that it followed in its environment; None: it was the first."""

    id: int
    before_id: int | None


class VerdictTransition(msgspec.Struct, frozen=True, kw_only=True):
    """A transition that came with a verdict, and its cause.

    `outcome` is "" until it is routed, then told or suppressed.
    """

    id: int
    history_id: int
    kind: str
    before: str
    after: str
    outcome: str
    why: str
    evidence: list[dict[str, Any]]
    cause_kind: str
    cause_key: str
    subject: str
    sentence: str
    cause_before: str
    cause_after: str
    seen_at: datetime


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that a transition went to. `state` is that of the message."""

    transition_id: int
    channel: str
    kind: str
    state: str
    delivered_at: datetime | None


async def steps(
    connection: Connection, account_id: int, image_id: int, policy: str, before: int | None, limit: int
) -> list[Step]:
    """The verdicts in force that an image had by a policy ("": any), the newest first, before a number."""
    async with connection.cursor(row_factory=class_row(Step)) as cursor:
        await cursor.execute(
            """
            SELECT history.id, (SELECT max(earlier.id) FROM verdict_history earlier WHERE earlier.account_id = history.account_id
                AND earlier.image_id = history.image_id AND earlier.environment = history.environment AND NOT earlier.is_shadow
                AND earlier.id < history.id) AS before_id
            FROM verdict_history history LEFT JOIN policy ON policy.id = history.policy_id
            WHERE history.account_id = %(account)s AND history.image_id = %(image)s AND NOT history.is_shadow
                AND (%(policy)s = '' OR policy.name = %(policy)s) AND (%(before)s::bigint IS NULL OR history.id < %(before)s)
            ORDER BY history.id DESC LIMIT %(limit)s
            """,
            {"account": account_id, "image": image_id, "policy": policy, "before": before, "limit": limit},
        )
        return await cursor.fetchall()


async def tellings(
    connection: Connection, account_id: int, image_id: int, numbers: Sequence[int]
) -> dict[int, list[VerdictTransition]]:
    """What was announced about verdicts of an image, by their numbers."""
    async with connection.cursor(row_factory=class_row(VerdictTransition)) as cursor:
        await cursor.execute(
            """
            SELECT transition.id, transition.history_id, transition.kind, transition.before, transition.after, transition.outcome,
                transition.why, transition.evidence, cause.kind AS cause_kind, cause.key AS cause_key, cause.subject, cause.sentence,
                cause.before AS cause_before, cause.after AS cause_after, cause.seen_at
            FROM transition JOIN cause ON cause.id = transition.cause_id
            WHERE transition.account_id = %s AND transition.image_id = %s AND transition.history_id = ANY(%s::bigint[])
            ORDER BY transition.id
            """,
            (account_id, image_id, list(numbers)),
        )
        found: dict[int, list[VerdictTransition]] = {}
        for telling in await cursor.fetchall():
            found.setdefault(telling.history_id, []).append(telling)
        return found


async def receivers(
    connection: Connection, account_id: int, transition_ids: Sequence[int]
) -> dict[int, list[Receiver]]:
    """Where transitions went, by their numbers."""
    async with connection.cursor(row_factory=class_row(Receiver)) as cursor:
        await cursor.execute(
            """
            SELECT item.transition_id, channel.name AS channel, channel.kind, message.state, message.delivered_at
            FROM message_item item JOIN message ON message.id = item.message_id JOIN channel ON channel.id = item.channel_id
            WHERE item.account_id = %s AND item.transition_id = ANY(%s::bigint[]) ORDER BY item.transition_id, channel.name
            """,
            (account_id, list(transition_ids)),
        )
        found: dict[int, list[Receiver]] = {}
        for receiver in await cursor.fetchall():
            found.setdefault(receiver.transition_id, []).append(receiver)
        return found
