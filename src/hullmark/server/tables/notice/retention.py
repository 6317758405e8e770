"""Deletes old messages, some at a time."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

from hullmark.server.tables.database import Connection

_OLD: tuple[LiteralString, ...] = (
    # With its places in messages. Only the oldest are looked at, so that nothing is looked through.
    "WITH gone AS (DELETE FROM transition USING (SELECT id, at FROM transition ORDER BY id LIMIT %(limit)s) oldest"
    " WHERE oldest.id = transition.id AND oldest.at < %(before)s RETURNING transition.id),"
    " places AS (DELETE FROM message_item USING gone WHERE message_item.transition_id = gone.id) SELECT FROM gone",
    # Attempts go with it.
    "DELETE FROM message USING (SELECT id, opened_at FROM message ORDER BY id LIMIT %(limit)s) oldest"
    " WHERE oldest.id = message.id AND oldest.opened_at < %(before)s",
    "DELETE FROM delivery_attempt USING (SELECT id, at FROM delivery_attempt ORDER BY id LIMIT %(limit)s) oldest"
    " WHERE oldest.id = delivery_attempt.id AND oldest.at < %(before)s",
    "DELETE FROM silence WHERE id IN (SELECT id FROM silence WHERE ends_at < %(before)s LIMIT %(limit)s)",
)
_CAUSES = """
DELETE FROM cause WHERE id IN (
    SELECT id FROM cause WHERE seen_at < %(before)s AND NOT EXISTS (SELECT FROM transition WHERE transition.cause_id = cause.id)
        AND NOT EXISTS (SELECT FROM message WHERE message.cause_id = cause.id) LIMIT %(limit)s)
"""


async def forget_told(connection: Connection, before: datetime, limit: int) -> bool:
    """Forget transitions, messages, attempts to deliver, causes and silences of before a moment, whatever became of them: at most `limit`
    of each; returns whether there may be more."""
    values = {"before": before, "limit": limit}
    counts = [(await connection.execute(statement, values)).rowcount for statement in _OLD]
    if any(counts):
        counts.append((await connection.execute(_CAUSES, values)).rowcount)
    return any(count >= limit for count in counts)
