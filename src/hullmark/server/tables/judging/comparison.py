"""Verdicts at two moments: which say another word, by all that an account's images were judged to be, counted and one by one.

Both are made of `verdict_change`, which has a row for each time that a verdict said another word: the work grows with what happened
between the moments, not with the images that there are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection

COUNTED = Limit(
    25_000,
    "changes of verdicts that are counted for a comparison of two moments, the newest; a third of it where it is asked what ran",
    "shortened",
)
_WINDOW = Limit(2_000, "changes of verdicts that are looked through at once for a page of those that differ", "later")
_WINDOWS = 5
"""So many of them for one page."""

KNOWLEDGE = ("advisory", "retraction", "severity", "exploitation", "fix", "lifecycle", "vex", "data", "analyzer")
"""Kinds of causes by which more is known of an image that is the same; others are decisions, or something that happened to it."""


class Span(NamedTuple):
    """From one moment, which is not part of it, to another, which is."""

    since: datetime
    until: datetime


class ComparisonFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which verdicts: `before` and `after` are words ("": any). `ran_at`: only of images that ran at this moment (None: all).

    `is_hindsight`: only of images that were there at the first moment, and about which more, or something else, is known since.
    """

    before: str = ""
    after: str = ""
    ran_at: datetime | None = None
    is_hindsight: bool = False


class ChangeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many verdicts, and on how many images, said `before` at the first moment and `after` at the second."""

    before: str
    after: str
    verdicts: int
    images: int


class ChangeMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """The counts. `since`: only what changed after this moment is counted, as there is more (None: all is)."""

    counts: list[ChangeCount]
    since: datetime | None

    def of(self, before: str, after: str) -> int:
        """How many verdicts went from one word to the other."""
        return sum(count.verdicts for count in self.counts if (count.before, count.after) == (before, after))

    @property
    def verdicts(self) -> int:
        """All that differ."""
        return sum(count.verdicts for count in self.counts)


class VerdictChange(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a policy says another word of in an environment. `at`, the cause and `history_id` are those of the last change between
    the moments; `cause_id` is the cause's number (None: nobody had to be told of it); `kinds` are those of all causes between."""

    id: int
    image_digest: str
    reference: str
    policy: str
    environment: str
    before: str
    after: str
    at: datetime
    history_id: int
    kind: str
    sentence: str
    cause_id: int | None
    kinds: list[str]


class ChangePage(NamedTuple):
    """Some changes, and where to go on: below a moment and number; None: these are the last."""

    rows: list[VerdictChange]
    next: tuple[datetime, int] | None


# In hindsight an image is compared with itself alone, not with what a tag of it pointed to before.
_INSIDE: LiteralString = """change.account_id = %(account)s AND change.at > %(since)s AND change.at <= %(until)s
    AND (change.kind <> 'image' OR NOT %(hindsight)s)"""
_SLOT: LiteralString = """(other.kind <> 'image' OR NOT %(hindsight)s) AND other.account_id = last.account_id
    AND other.image_id = last.image_id AND other.policy_id = last.policy_id AND other.environment = last.environment
    AND other.at > %(since)s AND other.at <= %(until)s"""
_RAN: LiteralString = """FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id
    WHERE ran.account_id = %(account)s AND ran.image_id = last.image_id AND placed.since <= %(ran_at)s
    AND (placed.until IS NULL OR placed.until > %(ran_at)s)"""


def _values(account_id: int, span: Span, wanted: ComparisonFilter) -> dict[str, Any]:
    return {
        "account": account_id,
        "since": span.since,
        "until": span.until,
        "ran_at": wanted.ran_at,
        "before": wanted.before,
        "after": wanted.after,
        "hindsight": wanted.is_hindsight,
        "knowledge": list(KNOWLEDGE),
    }


async def count_changes(connection: Connection, account_id: int, span: Span, wanted: ComparisonFilter) -> ChangeMatrix:
    """How many verdicts differ between two moments, by both words, whatever words are wanted."""
    # Whether each ran is looked up one by one: as a join, all places would be read.
    most = max(int(COUNTED) // 3, 1) if wanted.ran_at is not None else int(COUNTED)
    cursor = await connection.execute(
        f"""
        WITH seen AS MATERIALIZED (
            SELECT change.* FROM verdict_change change WHERE {_INSIDE} ORDER BY change.at DESC, change.id DESC LIMIT %(most)s + 1
        ), ending AS (
            SELECT at, id FROM seen ORDER BY at, id LIMIT (SELECT count(*) > %(most)s FROM seen)::int
        ), first AS (
            SELECT DISTINCT ON (image_id, policy_id, environment) image_id, policy_id, environment, before, known_since
            FROM seen WHERE id NOT IN (SELECT id FROM ending) ORDER BY image_id, policy_id, environment, at, id
        ), last AS (
            SELECT DISTINCT ON (image_id, policy_id, environment) image_id, policy_id, environment, after,
                bool_or(kind = ANY(%(knowledge)s)) OVER (PARTITION BY image_id, policy_id, environment) AS is_knowledge
            FROM seen WHERE id NOT IN (SELECT id FROM ending) ORDER BY image_id, policy_id, environment, at DESC, id DESC
        )
        SELECT first.before, last.after, count(*), count(DISTINCT image_id), (SELECT at FROM ending)
        FROM first JOIN last USING (image_id, policy_id, environment)
        WHERE first.before <> last.after AND (NOT %(hindsight)s OR first.known_since <= %(since)s AND last.is_knowledge)
            AND (%(ran_at)s::timestamptz IS NULL OR (SELECT true {_RAN} LIMIT 1))
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        {**_values(account_id, span, wanted), "most": most},
    )
    rows = await cursor.fetchall()
    since = (
        rows[0][4]
        if rows
        else await _find_uncounted_moment(connection, {**_values(account_id, span, wanted), "most": most})
    )
    counts = [
        ChangeCount(before=before, after=after, verdicts=int(count), images=int(images))
        for before, after, count, images, _ in rows
    ]
    return ChangeMatrix(counts=counts, since=since)


async def _find_uncounted_moment(connection: Connection, values: dict[str, Any]) -> datetime | None:
    """The moment of the newest change that is not counted."""
    cursor = await connection.execute(
        f"SELECT change.at FROM verdict_change change WHERE {_INSIDE} ORDER BY change.at DESC, change.id DESC OFFSET %(most)s LIMIT 1",
        values,
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def changes_between(
    connection: Connection,
    account_id: int,
    span: Span,
    wanted: ComparisonFilter,
    below: tuple[datetime, int] | None,
    limit: int,
) -> ChangePage:
    """Verdicts that differ between two moments, the last changed first. A page may hold fewer than `limit`, where few are among many."""
    found: list[VerdictChange] = []
    values = _values(account_id, span, wanted)
    for _ in range(_WINDOWS):
        end = await _end_of_window(connection, values, below)
        found += await _in_window(connection, values, below, end, limit + 1 - len(found))
        if len(found) > limit:
            return ChangePage(found[:limit], (found[limit - 1].at, found[limit - 1].id))
        below = end
        if end is None:
            break
    return ChangePage(found, below)


_BELOW: LiteralString = "(%(at)s::timestamptz IS NULL OR (change.at, change.id) < (%(at)s, %(id)s::bigint))"


def _behind(below: tuple[datetime, int] | None) -> dict[str, Any]:
    return {"at": below[0] if below else None, "id": below[1] if below else None}


async def _end_of_window(
    connection: Connection, values: dict[str, Any], below: tuple[datetime, int] | None
) -> tuple[datetime, int] | None:
    """The last change that is looked through at once; None where these are the last."""
    cursor = await connection.execute(
        f"""SELECT change.at, change.id FROM verdict_change change WHERE {_INSIDE} AND {_BELOW}
            ORDER BY change.at DESC, change.id DESC OFFSET %(window)s - 1 LIMIT 1""",
        {**values, **_behind(below), "window": int(_WINDOW)},
    )
    row = await cursor.fetchone()
    return (row[0], int(row[1])) if row else None


async def _in_window(
    connection: Connection,
    values: dict[str, Any],
    below: tuple[datetime, int] | None,
    end: tuple[datetime, int] | None,
    limit: int,
) -> list[VerdictChange]:
    bounds = {"end_at": end[0] if end else None, "end_id": end[1] if end else None, "limit": limit}
    async with connection.cursor(row_factory=class_row(VerdictChange)) as rows:
        await rows.execute(_ROWS, {**values, **_behind(below), **bounds})
        return await rows.fetchall()


_ROWS: LiteralString = f"""
WITH page AS MATERIALIZED (
    SELECT last.*, first.before AS word FROM (SELECT change.* FROM verdict_change change WHERE {_INSIDE} AND {_BELOW}
        AND (%(end_at)s::timestamptz IS NULL OR (change.at, change.id) >= (%(end_at)s, %(end_id)s::bigint))) last
    CROSS JOIN LATERAL (SELECT other.before FROM verdict_change other WHERE {_SLOT} ORDER BY other.at, other.id LIMIT 1) first
    WHERE first.before <> last.after AND %(before)s IN ('', first.before) AND %(after)s IN ('', last.after)
        AND NOT EXISTS (SELECT FROM verdict_change other WHERE {_SLOT} AND (other.at, other.id) > (last.at, last.id))
        AND (NOT %(hindsight)s OR last.known_since <= %(since)s AND EXISTS (SELECT FROM verdict_change other
            WHERE {_SLOT} AND other.kind = ANY(%(knowledge)s)))
        AND (%(ran_at)s::timestamptz IS NULL OR (SELECT true {_RAN} LIMIT 1))
    ORDER BY last.at DESC, last.id DESC LIMIT %(limit)s
)
SELECT last.id, verdict.image_digest, verdict.reference, coalesce(policy.name, '') AS policy, last.environment, last.word AS before,
    last.after, last.at, last.history_id, coalesce(nullif(last.kind, ''), told.kind, '') AS kind, told.id AS cause_id,
    coalesce(nullif(last.sentence, ''), told.sentence, nullif(found.message, ''), verdict.reason, '') AS sentence,
    (SELECT array_agg(DISTINCT other.kind ORDER BY other.kind) FROM verdict_change other WHERE {_SLOT}) AS kinds
FROM page last JOIN verdict_history verdict ON verdict.id = last.history_id AND verdict.account_id = last.account_id
LEFT JOIN policy ON policy.id = last.policy_id AND policy.account_id = last.account_id
LEFT JOIN LATERAL (
    SELECT cause.id, cause.kind, cause.sentence FROM transition JOIN cause ON cause.id = transition.cause_id
    WHERE transition.account_id = last.account_id AND transition.image_id = last.image_id AND transition.history_id = last.history_id
    ORDER BY transition.id LIMIT 1
) told ON true
-- Of what was carried into it, the last finding that came says it.
LEFT JOIN LATERAL (
    SELECT coalesce(change.gained -> 0 ->> 'message', '') AS message FROM finding_change change
    WHERE change.account_id = last.account_id AND jsonb_typeof(verdict.changes) = 'array' AND change.id = (verdict.changes ->> -1)::bigint
) found ON true
ORDER BY last.at DESC, last.id DESC"""
