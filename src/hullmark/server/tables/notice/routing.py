"""The outbox of transitions, and the messages that they are put into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import args_row, class_row

from hullmark.server.tables.database import Connection

_LOCK = 0x524F5554
"""Beside an account's number: who holds it routes the account's transitions."""


class OpenMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that there is already. `state` is "gathering" while it takes more."""

    id: int
    channel_id: UUID
    cause_id: int | None
    subscription_id: UUID | None
    part: int
    state: str
    due_at: datetime
    is_held: bool


class NewMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that begins: about a cause (form group), or a digest of a subscription."""

    form: Literal["group", "digest"]
    channel_id: UUID
    subscription_id: UUID
    cause_id: int | None
    part: int
    due_at: datetime
    is_held: bool


async def lock_routing(connection: Connection, account_id: int) -> None:
    """Route alone: others wait until this transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_LOCK, account_id % (1 << 31)))


async def list_unrouted(connection: Connection, account_id: int, limit: int) -> list[tuple[int, datetime]]:
    """The first transitions that are not routed: number and moment."""
    cursor = await connection.execute(
        "SELECT id, at FROM transition WHERE account_id = %s AND routed_at IS NULL ORDER BY id LIMIT %s",
        (account_id, limit),
    )
    return [(int(number), at) for number, at in await cursor.fetchall()]


async def accounts_to_route(connection: Connection, until: datetime) -> list[int]:
    """The accounts with unrouted transitions from before a moment."""
    cursor = await connection.execute(
        """
        SELECT id FROM account WHERE EXISTS (SELECT FROM (
            SELECT at FROM transition WHERE account_id = account.id AND routed_at IS NULL ORDER BY id LIMIT 1
        ) AS first WHERE at < %s)
        """,
        (until,),
    )
    return [int(account) for (account,) in await cursor.fetchall()]


async def list_unfinished_causes(connection: Connection, causes: Sequence[int], after: int) -> set[int]:
    """The causes with more to come: they are not complete, or have unrouted transitions after a number."""
    cursor = await connection.execute(
        """
        SELECT cause.id FROM cause WHERE id = ANY(%s::bigint[]) AND (NOT is_complete OR EXISTS (
            SELECT FROM transition t WHERE t.cause_id = cause.id AND t.id > %s AND t.routed_at IS NULL))
        """,
        (list(causes), after),
    )
    return {int(number) for (number,) in await cursor.fetchall()}


_AWAITING = """t.kind = 'tag.moved' AND t.policy_id IS NULL
    AND EXISTS (SELECT FROM image WHERE image.id = t.image_id AND image.state IN ('waiting', 'analysing', 'analysed'))
    AND EXISTS (SELECT FROM activation active WHERE active.account_id = t.account_id AND active.ended_at IS NULL AND NOT active.is_shadow)
    AND NOT EXISTS (SELECT FROM verdict WHERE verdict.account_id = t.account_id AND verdict.image_id = t.image_id
        AND NOT verdict.is_shadow)"""
"""That a transition `t` tells of a tag that moved to an image which is still to be judged by what is in force."""


async def awaiting_verdict(connection: Connection, account_id: int, ids: Sequence[int]) -> set[int]:
    """Of these transitions those that tell of a tag that moved to an image which is still to be judged by what is in force."""
    cursor = await connection.execute(
        f"SELECT t.id FROM transition t WHERE t.account_id = %s AND t.id = ANY(%s::bigint[]) AND {_AWAITING}",
        (account_id, list(ids)),
    )
    return {int(number) for (number,) in await cursor.fetchall()}


async def release_judged(connection: Connection, account_id: int, within: timedelta, now: datetime) -> list[UUID]:
    """Send messages that were held for a verdict, `within` from when they began, and wait for none any more; returns the channels."""
    cursor = await connection.execute(
        f"""
        WITH freed AS (
            UPDATE message SET due_at = %(now)s, is_held = false
            WHERE account_id = %(account)s AND state = 'gathering' AND form = 'group' AND is_held AND due_at = opened_at + %(within)s
                AND NOT EXISTS (SELECT FROM message_item item JOIN transition t ON t.id = item.transition_id
                    WHERE item.message_id = message.id AND t.account_id = %(account)s AND {_AWAITING})
            RETURNING channel_id
        )
        SELECT DISTINCT channel_id FROM freed
        """,
        {"account": account_id, "within": within, "now": now},
    )
    return [channel for (channel,) in await cursor.fetchall()]


async def images_of(connection: Connection, account_id: int, ids: Sequence[int]) -> dict[int, tuple[int, int | None]]:
    """The images that transitions are about, and the verdicts that they came with; those about no image are left out."""
    cursor = await connection.execute(
        "SELECT id, image_id, history_id FROM transition WHERE account_id = %s AND id = ANY(%s::bigint[]) AND image_id IS NOT NULL",
        (account_id, list(ids)),
    )
    return {int(number): (int(image), verdict) for number, image, verdict in await cursor.fetchall()}


async def last_messages(
    connection: Connection, account_id: int, images: Sequence[int], above: int
) -> dict[tuple[UUID, int], int]:
    """The newest message to each channel that is not sent yet with something of an image, of those above a number."""
    cursor = await connection.execute(
        """
        SELECT message.channel_id, t.image_id, max(message.id) FROM message JOIN message_item item ON item.message_id = message.id
        JOIN transition t ON t.id = item.transition_id
        WHERE message.account_id = %s AND message.id > %s AND message.state IN ('gathering', 'waiting') AND message.form = 'group'
            AND t.image_id = ANY(%s::bigint[])
        GROUP BY 1, 2
        """,
        (account_id, above, list(images)),
    )
    return {(channel, int(image)): int(number) for channel, image, number in await cursor.fetchall()}


_MESSAGE = "id, channel_id, cause_id, subscription_id, part, state, due_at, is_held"


async def messages_about(
    connection: Connection, account_id: int, wanted: Sequence[tuple[UUID, int]]
) -> list[OpenMessage]:
    """All messages to a channel about a cause, of these pairs. Those that gather are locked until this transaction ends."""
    about = """
        FROM message WHERE account_id = %s AND form = 'group'
            AND (channel_id, cause_id) IN (SELECT * FROM unnest(%s::uuid[], %s::bigint[]))
    """
    values = (account_id, [channel for channel, _ in wanted], [cause for _, cause in wanted])
    await connection.execute(f"SELECT {about} AND state = 'gathering' ORDER BY id FOR NO KEY UPDATE", values)
    async with connection.cursor(row_factory=class_row(OpenMessage)) as cursor:
        await cursor.execute(f"SELECT {_MESSAGE} {about} ORDER BY id", values)
        return await cursor.fetchall()


async def open_digests(
    connection: Connection, account_id: int, wanted: Sequence[tuple[UUID, UUID]]
) -> list[OpenMessage]:
    """The digests that gather for a channel and a subscription, of these pairs. None of them is sealed until this transaction ends."""
    async with connection.cursor(row_factory=class_row(OpenMessage)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_MESSAGE} FROM message WHERE account_id = %s AND form = 'digest' AND state = 'gathering'
                AND (channel_id, subscription_id) IN (SELECT * FROM unnest(%s::uuid[], %s::uuid[]))
            ORDER BY id FOR NO KEY UPDATE
            """,
            (account_id, [channel for channel, _ in wanted], [subscription for _, subscription in wanted]),
        )
        return await cursor.fetchall()


async def open_messages(
    connection: Connection, account_id: int, new: Sequence[NewMessage], now: datetime
) -> list[OpenMessage]:
    """Begin messages, in this order."""
    columns: list[list[Any]] = [
        [getattr(message, name) for message in new]
        for name in ("channel_id", "subscription_id", "cause_id", "part", "form", "due_at", "is_held")
    ]
    async with connection.cursor(row_factory=class_row(OpenMessage)) as cursor:
        await cursor.execute(
            f"""
            INSERT INTO message (account_id, channel_id, subscription_id, cause_id, part, form, due_at, is_held, opened_at)
            SELECT %s, channel_id, subscription_id, cause_id, part, form, due_at, is_held, %s
            FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::int[], %s::text[], %s::timestamptz[], %s::boolean[]) WITH ORDINALITY
                AS made(channel_id, subscription_id, cause_id, part, form, due_at, is_held, number)
            ORDER BY number RETURNING {_MESSAGE}
            """,
            (account_id, now, *columns),
        )
        return await cursor.fetchall()


class NewDue(NamedTuple):
    """Another due time for a message."""

    message_id: int
    due_at: datetime
    is_held: bool


async def hasten(connection: Connection, sooner: Sequence[NewDue]) -> None:
    """Give messages that gather other due times."""
    await connection.execute(
        """
        UPDATE message SET due_at = sooner.due_at, is_held = sooner.is_held
        FROM unnest(%s::bigint[], %s::timestamptz[], %s::boolean[]) AS sooner(id, due_at, is_held) WHERE message.id = sooner.id
        """,
        tuple([hastened[column] for hastened in sooner] for column in range(3)),
    )


async def fill(connection: Connection, account_id: int, pairs: Sequence[tuple[int, int]]) -> None:
    """Put transitions into messages (message, transition), except those that their channel has already."""
    await connection.execute(
        """
        WITH added AS (
            INSERT INTO message_item (account_id, channel_id, transition_id, message_id)
            SELECT %(account)s, message.channel_id, given.transition_id, message.id
            FROM unnest(%(messages)s::bigint[], %(transitions)s::bigint[]) AS given(message_id, transition_id)
            JOIN message ON message.id = given.message_id
            ON CONFLICT (channel_id, transition_id) DO NOTHING RETURNING message_id
        ), counted AS (SELECT message_id, count(*) AS more FROM added GROUP BY 1)
        UPDATE message SET item_count = item_count + more FROM counted WHERE message.id = counted.message_id
        """,
        {
            "account": account_id,
            "messages": [message for message, _ in pairs],
            "transitions": [transition for _, transition in pairs],
        },
    )


async def mark_routed(connection: Connection, account_id: int, whys: Sequence[tuple[int, str]], now: datetime) -> None:
    """Write down the decisions about transitions: "" if anyone is told, else why nobody is."""
    await connection.execute(
        """
        UPDATE transition SET routed_at = %s, outcome = CASE given.why WHEN '' THEN 'told' ELSE 'suppressed' END, why = given.why
        FROM unnest(%s::bigint[], %s::text[]) AS given(id, why) WHERE transition.account_id = %s AND transition.id = given.id
        """,
        (now, [number for number, _ in whys], [why for _, why in whys], account_id),
    )


async def release_images(connection: Connection, account_id: int, urgent: Sequence[int], now: datetime) -> list[UUID]:
    """Send messages held by quiet hours, or for a verdict, before messages that do not wait, if they share an image: messages about an
    image stay in order. Returns the channels."""
    cursor = await connection.execute(
        """
        WITH freed AS (
            UPDATE message SET due_at = %(now)s, is_held = false
            WHERE account_id = %(account)s AND state = 'gathering' AND is_held AND id IN (
                SELECT held.id FROM message held JOIN message_item item ON item.message_id = held.id
                JOIN transition t ON t.id = item.transition_id JOIN transition other ON other.image_id = t.image_id
                JOIN message_item going ON going.transition_id = other.id AND going.channel_id = held.channel_id
                WHERE held.account_id = %(account)s AND held.state = 'gathering' AND held.is_held AND other.account_id = %(account)s
                    AND going.message_id = ANY(%(urgent)s::bigint[]) AND held.id <> going.message_id)
            RETURNING channel_id
        )
        SELECT DISTINCT channel_id FROM freed
        """,
        {"account": account_id, "urgent": list(urgent), "now": now},
    )
    return [channel for (channel,) in await cursor.fetchall()]


class TransitionImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a transition is about."""

    id: int
    image: str
    reference: str


async def images_in(connection: Connection, account_id: int, ids: Sequence[int]) -> dict[int, TransitionImage]:
    """What transitions are about, by their numbers; those about no image are left out."""
    async with connection.cursor(
        row_factory=args_row(lambda *row: TransitionImage(id=row[0], image=row[1], reference=row[2]))
    ) as cursor:
        await cursor.execute(
            "SELECT id, image_digest, reference FROM transition WHERE account_id = %s AND id = ANY(%s::bigint[])"
            " AND (image_digest <> '' OR reference <> '')",
            (account_id, list(ids)),
        )
        return {row.id: row for row in await cursor.fetchall()}
