"""Threads: what channels keep open elsewhere (issues, incidents), and which images each of them is about.

A message changes threads once: what it changed is written down with it, so that sending it again finds the same threads as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class CauseOf(msgspec.Struct, frozen=True, kw_only=True):
    """A cause of a message's transitions."""

    id: int
    kind: str
    subject: str


class NamedThreads(msgspec.Struct, frozen=True, kw_only=True):
    """Keys and titles of threads: of each cause, and of images that go into others instead, whatever the cause is."""

    of_causes: Mapping[int, tuple[str, str]]
    of_images: Mapping[int, Sequence[tuple[str, str]]] = {}


class ThreadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A thread that a message changed. `was_open`: before that message. `open_count` are the images that it is about now."""

    key: str
    title: str
    remote: str
    state: str
    was_open: bool
    open_count: int


class OpenRow(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a thread is about, as of its last transition; see model.notice.Item."""

    thread: str
    id: int
    kind: str
    at: datetime
    image: str
    reference: str
    policy: str
    environment: str
    before: str
    after: str
    severity: int
    is_deployed: bool
    history_id: int | None
    evidence: list[dict[str, Any]]


OPENING = ("compliance.lost", "finding.new", "finding.worse")
"""Kinds of transitions that open threads."""

_OF_MESSAGE = """
    SELECT told.id, told.cause_id, told.kind, told.image_id, coalesce(told.policy_id, 0) AS policy_id, told.environment,
        coalesce(grouped.key, of_cause.key) AS key, of_cause.key AS cause_key
    FROM message_item item JOIN transition told ON told.id = item.transition_id
    JOIN unnest(%(causes)s::bigint[], %(keys)s::text[]) AS of_cause (id, key) ON of_cause.id = told.cause_id
    LEFT JOIN unnest(%(grouped)s::bigint[], %(group_keys)s::text[]) AS grouped (image_id, key) ON grouped.image_id = told.image_id
    WHERE item.message_id = %(message)s AND item.account_id = %(account)s
"""
# What ends an open image: compliance regained under its policy, or under another where its own judges it no more; or the thread's own
# subject retracted.
_ENDS = """
    ended.image_id = held.image_id AND ended.environment = held.environment AND (
        ended.kind = 'compliance.regained' AND (ended.policy_id = held.policy_id OR NOT EXISTS (
            SELECT FROM verdict judged WHERE judged.account_id = %(account)s AND judged.image_id = held.image_id
            AND judged.policy_id = held.policy_id AND judged.environment = held.environment AND NOT judged.is_shadow))
        OR ended.kind = 'finding.retracted' AND ended.cause_key = held.key AND ended.policy_id = held.policy_id)
"""


async def count_message(connection: Connection, account_id: int, message_id: int) -> bool:
    """Whether this message was not counted yet; now it is. Another that counts it at the same time is waited for."""
    cursor = await connection.execute(
        "INSERT INTO thread_change (account_id, message_id, key) VALUES (%s, %s, '') ON CONFLICT DO NOTHING",
        (account_id, message_id),
    )
    return cursor.rowcount == 1


async def causes_of(connection: Connection, account_id: int, message_id: int) -> list[CauseOf]:
    """The causes of a message's transitions."""
    async with connection.cursor(row_factory=class_row(CauseOf)) as cursor:
        await cursor.execute(
            """
            SELECT cause.id, cause.kind, cause.subject FROM cause WHERE cause.account_id = %(account)s AND cause.id IN (
                SELECT told.cause_id FROM message_item item JOIN transition told ON told.id = item.transition_id
                WHERE item.message_id = %(message)s AND item.account_id = %(account)s)
            ORDER BY cause.id
            """,
            {"account": account_id, "message": message_id},
        )
        return await cursor.fetchall()


async def images_of(connection: Connection, account_id: int, message_id: int) -> list[int]:
    """The images that a message's transitions are about, by number."""
    cursor = await connection.execute(
        """
        SELECT DISTINCT told.image_id FROM message_item item JOIN transition told ON told.id = item.transition_id
        WHERE item.message_id = %s AND item.account_id = %s AND told.image_id IS NOT NULL ORDER BY 1
        """,
        (message_id, account_id),
    )
    return [int(number) for (number,) in await cursor.fetchall()]


async def apply_message(
    connection: Connection, account_id: int, channel_id: UUID, message_id: int, named: NamedThreads
) -> None:
    """Bring the threads of a channel to what a message tells."""
    of_causes = list(named.of_causes.values())
    of_groups = [(image, *thread) for image, threads in named.of_images.items() for thread in threads]
    known = {
        "account": account_id,
        "channel": channel_id,
        "message": message_id,
        "causes": list(named.of_causes),
        "keys": [key for key, _ in of_causes],
        "grouped": [image for image, _, _ in of_groups],
        "group_keys": [key for _, key, _ in of_groups],
        "all_keys": [*(key for key, _ in of_causes), *(key for _, key, _ in of_groups)],
        "all_titles": [*(title for _, title in of_causes), *(title for _, _, title in of_groups)],
        "opening": list(OPENING),
    }
    await connection.execute(_NOTE_CHANGES, known)
    await connection.execute(_MAKE_THREADS, known)
    await connection.execute(_END_IMAGES, known)
    await connection.execute(_ADD_IMAGES, known)
    await connection.execute(_SET_STATES, known)


_NOTE_CHANGES = f"""
    WITH told AS MATERIALIZED ({_OF_MESSAGE}), changed AS (
        SELECT key FROM told WHERE kind = ANY(%(opening)s) AND image_id IS NOT NULL
        UNION SELECT held.key FROM told ended JOIN thread_image held ON held.channel_id = %(channel)s AND {_ENDS}
        UNION SELECT held.key FROM told JOIN thread_image held ON held.channel_id = %(channel)s AND held.key = told.key
            AND held.image_id = told.image_id
    )
    INSERT INTO thread_change (account_id, message_id, key, was_open)
    SELECT %(account)s, %(message)s, changed.key, coalesce(thread.state = 'open', false)
    FROM changed LEFT JOIN thread ON thread.channel_id = %(channel)s AND thread.key = changed.key ON CONFLICT DO NOTHING
"""
_MAKE_THREADS = """
    INSERT INTO thread (account_id, channel_id, key, title, state)
    SELECT DISTINCT ON (named.key) %(account)s, %(channel)s, named.key, named.title, 'closed'
    FROM unnest(%(all_keys)s::text[], %(all_titles)s::text[]) AS named (key, title)
    JOIN thread_change changed ON changed.message_id = %(message)s AND changed.key = named.key ON CONFLICT DO NOTHING
"""
_END_IMAGES = f"""
    WITH ended AS MATERIALIZED ({_OF_MESSAGE})
    DELETE FROM thread_image held USING ended WHERE held.channel_id = %(channel)s AND {_ENDS}
"""
_ADD_IMAGES = f"""
    WITH told AS MATERIALIZED ({_OF_MESSAGE}), opened AS (
        SELECT key, image_id, policy_id, environment, max(id) AS id FROM told
        WHERE kind = ANY(%(opening)s) AND image_id IS NOT NULL GROUP BY 1, 2, 3, 4
    )
    INSERT INTO thread_image (account_id, channel_id, key, image_id, policy_id, environment, transition_id)
    SELECT %(account)s, %(channel)s, held.key, held.image_id, held.policy_id, held.environment, held.id FROM opened held
    WHERE NOT EXISTS (SELECT FROM told ended WHERE ended.id > held.id AND {_ENDS})
    ON CONFLICT (channel_id, key, image_id, policy_id, environment) DO UPDATE SET transition_id = EXCLUDED.transition_id
"""
_SET_STATES = """
    UPDATE thread SET updated_at = clock_timestamp(), state = CASE WHEN EXISTS (
        SELECT FROM thread_image held WHERE held.channel_id = thread.channel_id AND held.key = thread.key
    ) THEN 'open' ELSE 'closed' END
    FROM thread_change changed
    WHERE changed.message_id = %(message)s AND thread.channel_id = %(channel)s AND thread.key = changed.key
"""


async def changed_by(connection: Connection, channel_id: UUID, message_id: int) -> list[ThreadRow]:
    """The threads that a message changed, as they are now."""
    async with connection.cursor(row_factory=class_row(ThreadRow)) as cursor:
        await cursor.execute(
            """
            SELECT thread.key, thread.title, thread.remote, thread.state, changed.was_open, (
                SELECT count(*) FROM thread_image held WHERE held.channel_id = thread.channel_id AND held.key = thread.key
            ) AS open_count
            FROM thread_change changed JOIN thread ON thread.channel_id = %s AND thread.key = changed.key
            WHERE changed.message_id = %s ORDER BY thread.key
            """,
            (channel_id, message_id),
        )
        return await cursor.fetchall()


async def open_images(
    connection: Connection, account_id: int, channel_id: UUID, keys: Sequence[str], limit: int
) -> list[OpenRow]:
    """What threads are about, at most `limit` of each: the most severe first."""
    async with connection.cursor(row_factory=class_row(OpenRow)) as cursor:
        await cursor.execute(
            """
            SELECT wanted.key AS thread, listed.* FROM unnest(%(keys)s::text[]) AS wanted (key) CROSS JOIN LATERAL (
                SELECT told.id, told.kind, told.at, told.image_digest AS image, told.reference, told.policy, told.environment, told.before,
                    told.after, told.severity, told.is_deployed, told.history_id, told.evidence
                FROM thread_image held JOIN transition told ON told.id = held.transition_id AND told.account_id = %(account)s
                WHERE held.channel_id = %(channel)s AND held.key = wanted.key
                ORDER BY told.is_deployed DESC, told.severity DESC, told.reference, told.id LIMIT %(limit)s
            ) listed
            """,
            {"account": account_id, "channel": channel_id, "keys": list(keys), "limit": limit},
        )
        return await cursor.fetchall()


async def keep_remote(connection: Connection, channel_id: UUID, key: str, remote: str) -> None:
    """Write down what a thread is called elsewhere."""
    await connection.execute(
        "UPDATE thread SET remote = %s WHERE channel_id = %s AND key = %s AND remote <> %s",
        (remote, channel_id, key, remote),
    )
