"""Images that were in compliance at one moment and not at another: gains and losses between the two, taken together."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection

_WINDOW = Limit(
    1000, "gains and losses of compliance that are looked through for a page of images that differ", "later"
)


class ComplianceChange(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a policy says something else of in an environment. `before` is what held at the first moment, `after` at the second;
    `at` and the cause are those of the last change between them."""

    id: int
    image_digest: str
    reference: str
    policy: str
    environment: str
    before: str
    after: str
    at: datetime
    cause_id: int
    sentence: str


class Span(NamedTuple):
    """From one moment, which is not part of it, to another, which is."""

    since: datetime
    until: datetime


class ChangePage(NamedTuple):
    """Some changes, and where to go on: below a moment and number; None: these are the last."""

    rows: list[ComplianceChange]
    next: tuple[datetime, int] | None


_KINDS = "kind IN ('compliance.lost', 'compliance.regained')"
_SAME = """account_id = last.account_id AND other.image_id = last.image_id AND other.policy_id IS NOT DISTINCT FROM last.policy_id
    AND other.environment = last.environment"""


async def changes_between(
    connection: Connection, account_id: int, span: Span, below: tuple[datetime, int] | None, limit: int
) -> ChangePage:
    """Images whose compliance differs between two moments, the last changed first. A page may hold fewer than `limit`."""
    values = {
        "account": account_id,
        "since": span.since,
        "until": span.until,
        "at": below[0] if below else None,
        "id": below[1] if below else None,
        "window": int(_WINDOW),
        "limit": limit + 1,
    }
    inside = f"""{_KINDS} AND account_id = %(account)s AND image_id IS NOT NULL AND at > %(since)s AND at <= %(until)s
        AND (%(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s::bigint))"""
    cursor = await connection.execute(
        f"SELECT at, id FROM transition WHERE {inside} ORDER BY at DESC, id DESC OFFSET %(window)s - 1 LIMIT 1", values
    )
    end = await cursor.fetchone()
    values |= {"end_at": end[0] if end else None, "end_id": end[1] if end else None}
    async with connection.cursor(row_factory=class_row(ComplianceChange)) as rows:
        await rows.execute(
            f"""
            SELECT last.id, last.image_digest, last.reference, last.policy, last.environment, first.before, last.after, last.at,
                last.cause_id, coalesce(cause.sentence, '') AS sentence
            FROM (SELECT * FROM transition WHERE {inside}
                AND (%(end_at)s::timestamptz IS NULL OR (at, id) >= (%(end_at)s, %(end_id)s::bigint))) last
            CROSS JOIN LATERAL (SELECT other.before FROM transition other WHERE {_KINDS} AND other.{_SAME}
                AND other.at > %(since)s AND other.at <= %(until)s ORDER BY other.at, other.id LIMIT 1) first
            LEFT JOIN cause ON cause.id = last.cause_id AND cause.account_id = last.account_id
            WHERE first.before <> last.after AND NOT EXISTS (SELECT FROM transition other WHERE {_KINDS} AND other.{_SAME}
                AND (other.at, other.id) > (last.at, last.id) AND other.at <= %(until)s)
            ORDER BY last.at DESC, last.id DESC LIMIT %(limit)s
            """,
            values,
        )
        found = await rows.fetchall()
    if len(found) > limit:
        return ChangePage(found[:limit], (found[limit - 1].at, found[limit - 1].id))
    return ChangePage(found, (end[0], end[1]) if end else None)
