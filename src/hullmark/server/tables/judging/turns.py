"""Turns of verdicts: each time that a verdict in force says another word than the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple

from hullmark.server.tables.database import Connection


class VerdictTurn(NamedTuple):
    """A verdict of the history that says another word. `kind` and `sentence` are those of the cause (model.notice.Cause)."""

    image_id: int
    policy_id: int
    environment: str
    before: str
    after: str
    at: datetime
    history_id: int
    kind: str
    sentence: str


KNOWN_SINCE: LiteralString = """coalesce(
    (SELECT known.known_since FROM verdict_change known WHERE known.account_id = new.account_id AND known.image_id = new.image_id
        AND known.environment = new.environment LIMIT 1),
    (SELECT min(first.at) FROM verdict_history first WHERE first.account_id = new.account_id AND first.image_id = new.image_id
        AND first.environment = new.environment AND NOT first.is_shadow), new.at)"""
"""When the image of the row `new` was judged in its environment first, as SQL."""


async def note_turns(connection: Connection, account_id: int, turns: Sequence[VerdictTurn]) -> None:
    """Write them down. The transaction of the verdicts."""
    if not turns:
        return
    columns = [list(column) for column in zip(*turns, strict=True)]
    await connection.execute(
        f"""
        INSERT INTO verdict_change (account_id, image_id, policy_id, environment, before, after, at, history_id, known_since, kind,
            sentence)
        SELECT new.account_id, new.image_id, new.policy_id, new.environment, new.before, new.after, new.at, new.history_id, {KNOWN_SINCE},
            new.kind, new.sentence
        FROM (SELECT %s::bigint AS account_id, told.* FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[],
            %s::timestamptz[], %s::bigint[], %s::text[], %s::text[]) AS told (image_id, policy_id, environment, before, after, at,
            history_id, kind, sentence)) new
        """,
        (account_id, *columns),
    )
