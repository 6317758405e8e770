"""A cause as its page shows it: how much came of it, how much of that still holds, and where its images run."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.transition_lists import CauseCount, CauseMessage

MOST = Limit(5000, "transitions of a cause that its page counts", "shortened")

Slot = tuple[int, int, str]
"""An image, a policy and an environment: what there is one verdict in force for."""


class CauseSum(msgspec.Struct, frozen=True, kw_only=True):
    """Of the newest transitions of a cause, MOST at most: how many images they are about, how many of these are stopped or cannot be told
    of now, and how many ran when it came. `is_all`: there are no more transitions."""

    images: int
    standing: int
    deployed: int
    is_all: bool


class StandingVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict in force: in a word, and its number in the history."""

    image_id: int
    policy_id: int
    environment: str
    verdict: str
    history_id: int


_NEWEST = """
WITH newest AS MATERIALIZED (
    SELECT id, kind, outcome, why, image_id, policy_id, environment, is_deployed FROM transition
    WHERE account_id = %(account)s AND cause_id = %(cause)s ORDER BY id DESC LIMIT %(most)s
)
"""


async def sum_cause(connection: Connection, account_id: int, cause_id: int) -> CauseSum:
    """What came of a cause."""
    values = {"account": account_id, "cause": cause_id, "most": int(MOST) + 1}
    async with connection.cursor(row_factory=class_row(CauseSum)) as cursor:
        await cursor.execute(
            f"""
            {_NEWEST} SELECT count(DISTINCT newest.image_id) AS images, count(*) <= %(most)s - 1 AS is_all,
                count(DISTINCT newest.image_id) FILTER (WHERE newest.is_deployed) AS deployed,
                count(DISTINCT newest.image_id) FILTER (WHERE now.verdict IN ('stop', 'unknown')) AS standing
            FROM newest LEFT JOIN verdict now ON now.account_id = %(account)s AND now.image_id = newest.image_id
                AND now.policy_id = newest.policy_id AND now.environment = newest.environment AND NOT now.is_shadow
            """,
            values,
        )
        found = await cursor.fetchone()
    assert found is not None  # noqa: S101 - a count is always one row
    return found


async def count_outcomes(connection: Connection, account_id: int, cause_id: int) -> list[CauseCount]:
    """The newest transitions of a cause, MOST at most, by kind and by what became of them."""
    async with connection.cursor(row_factory=class_row(CauseCount)) as cursor:
        await cursor.execute(
            f"{_NEWEST} SELECT kind, outcome, why, count(*) AS count FROM newest GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            {"account": account_id, "cause": cause_id, "most": int(MOST)},
        )
        return await cursor.fetchall()


async def own_messages(connection: Connection, account_id: int, cause_id: int, limit: int) -> list[CauseMessage]:
    """The first messages that are about a cause alone, each with its items, MOST of them at most."""
    async with connection.cursor(row_factory=class_row(CauseMessage)) as cursor:
        await cursor.execute(
            """
            SELECT message.id, message.channel_id, channel.name AS channel, message.form, message.part, message.state,
                (SELECT count(*) FROM (SELECT FROM message_item WHERE message_id = message.id LIMIT %(most)s) AS held) AS count
            FROM message JOIN channel ON channel.id = message.channel_id
            WHERE message.account_id = %(account)s AND message.cause_id = %(cause)s ORDER BY message.id LIMIT %(limit)s
            """,
            {"account": account_id, "cause": cause_id, "most": int(MOST), "limit": limit},
        )
        return await cursor.fetchall()


async def standing_verdicts(
    connection: Connection, account_id: int, slots: Sequence[Slot]
) -> dict[Slot, StandingVerdict]:
    """The verdicts in force of some images, policies and environments."""
    async with connection.cursor(row_factory=class_row(StandingVerdict)) as cursor:
        await cursor.execute(
            """
            SELECT now.image_id, now.policy_id, now.environment, now.verdict, now.history_id
            FROM unnest(%(images)s::bigint[], %(policies)s::bigint[], %(places)s::text[]) AS wanted (image, policy, environment)
            JOIN verdict now ON now.account_id = %(account)s AND now.image_id = wanted.image AND now.policy_id = wanted.policy
                AND now.environment = wanted.environment AND NOT now.is_shadow
            """,
            {
                "account": account_id,
                "images": [slot[0] for slot in slots],
                "policies": [slot[1] for slot in slots],
                "places": [slot[2] for slot in slots],
            },
        )
        return {(row.image_id, row.policy_id, row.environment): row for row in await cursor.fetchall()}
