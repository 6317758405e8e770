"""How images stand: what is out of compliance now, since when, and for how long what passes only by grace still may start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.running import runs

MOST = Limit(5000, "verdicts that do not pass and are counted for a page", "shortened")
_INTERVALS = Limit(6_000, "losses of compliance that are drawn over time", "shortened")


class ImageStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The worst verdict in force in any environment ("": none), and the places where the image runs."""

    verdict: str = ""
    places: int = 0


class StandingCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many images some policy does not let pass, and how many of these run there. `is_all`: there are no more."""

    images: int
    running: int
    is_all: bool


class StandingImage(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict in force that does not let pass, or passes by grace only until a moment; `runs` says whether the image does."""

    image_id: int
    digest: str
    reference: str
    policy_id: int
    policy: str
    environment: str
    verdict: str
    reason: str
    judged_at: datetime
    grace_until: datetime | None
    runs: bool


class ComplianceLoss(msgspec.Struct, frozen=True, kw_only=True):
    """An image fell out of compliance at a moment, and was back at another (None: it is not). `severity` is its place in SEVERITIES."""

    at: datetime
    until: datetime | None
    severity: int
    cause_id: int


async def standing_of(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, ImageStanding]:
    """How images stand, by their numbers."""
    cursor = await connection.execute(
        """
        SELECT wanted.id, coalesce((SELECT verdict FROM verdict WHERE account_id = %(account)s AND image_id = wanted.id AND NOT is_shadow
                ORDER BY array_position(ARRAY['stop', 'unknown', 'warn', 'go'], verdict) LIMIT 1), ''),
            (SELECT count(*) FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL
                WHERE ran.account_id = %(account)s AND ran.image_id = wanted.id)
        FROM unnest(%(images)s::bigint[]) AS wanted (id)
        """,
        {"account": account_id, "images": list(image_ids)},
    )
    return {
        int(number): ImageStanding(verdict=word, places=int(places)) for number, word, places in await cursor.fetchall()
    }


_NOT_PASSING = """account_id = %(account)s AND NOT is_shadow AND verdict IN ('stop', 'unknown')
    AND (%(environment)s = '' OR environment = %(environment)s)"""


async def count_standing(connection: Connection, account_id: int, environment: str = "") -> StandingCount:
    """How much is out of compliance, in an environment or in all: of MOST verdicts at most."""
    async with connection.cursor(row_factory=class_row(StandingCount)) as cursor:
        await cursor.execute(
            f"""
            WITH standing AS MATERIALIZED (SELECT image_id FROM verdict WHERE {_NOT_PASSING} ORDER BY verdict, image_id LIMIT %(most)s),
                each AS MATERIALIZED (SELECT DISTINCT image_id FROM standing)
            SELECT count(*) AS images, count(*) FILTER (WHERE {runs("%(account)s", "each.image_id", "%(environment)s")}) AS running,
                (SELECT count(*) < %(most)s FROM standing) AS is_all
            FROM each
            """,
            {"account": account_id, "environment": environment, "most": int(MOST)},
        )
        found = await cursor.fetchone()
    assert found is not None  # noqa: S101 - a count is always one row
    return found


_ORDER = "verdict, image_id, policy_id, environment"
_BY_GRACE = "grace_until, image_id, policy_id, environment"
_IMAGE = f"""
SELECT now.image_id, image.digest, now.reference, now.policy_id, policy.name AS policy, now.environment, now.verdict, now.reason,
    now.judged_at, now.grace_until, {runs("%(account)s", "now.image_id", "now.environment")} AS runs
FROM page now JOIN image ON image.id = now.image_id JOIN policy ON policy.id = now.policy_id
"""


async def never_passed(
    connection: Connection, account_id: int, environment: str, *, after: tuple[str, int, int, str] | None, limit: int
) -> list[StandingImage]:
    """Verdicts that do not let pass although no loss of compliance is written down: of images that never passed. After a verdict, image,
    policy and environment; only the next MOST verdicts are looked at."""
    async with connection.cursor(row_factory=class_row(StandingImage)) as cursor:
        await cursor.execute(
            f"""
            WITH following AS MATERIALIZED (
                SELECT * FROM verdict WHERE {_NOT_PASSING} AND (%(word)s = '' OR ({_ORDER}) > (%(word)s, %(image)s, %(policy)s, %(place)s))
                ORDER BY {_ORDER} LIMIT %(most)s
            ), page AS MATERIALIZED (
                SELECT * FROM following verdict WHERE (SELECT true FROM transition lost
                    WHERE lost.account_id = %(account)s AND lost.image_id = verdict.image_id
                        AND lost.kind = 'compliance.lost' AND lost.policy_id = verdict.policy_id
                        AND lost.environment = verdict.environment LIMIT 1) IS NULL
                ORDER BY {_ORDER} LIMIT %(limit)s
            ) {_IMAGE} ORDER BY now.verdict, now.image_id, now.policy_id, now.environment
            """,
            {
                "account": account_id,
                "environment": environment,
                "word": after[0] if after else "",
                "image": after[1] if after else 0,
                "policy": after[2] if after else 0,
                "place": after[3] if after else "",
                "limit": limit,
                "most": int(MOST),
            },
        )
        return await cursor.fetchall()


async def looked_until(
    connection: Connection, account_id: int, environment: str, after: tuple[str, int, int, str] | None
) -> tuple[str, int, int, str] | None:
    """The last verdict and image that `never_passed` looks at after one; None if it looks at all that follow."""
    cursor = await connection.execute(
        f"SELECT {_ORDER} FROM verdict WHERE {_NOT_PASSING}"
        f" AND (%(word)s = '' OR ({_ORDER}) > (%(word)s, %(image)s, %(policy)s, %(place)s))"
        f" ORDER BY {_ORDER} LIMIT 1 OFFSET %(most)s - 1",
        {
            "account": account_id,
            "environment": environment,
            "word": after[0] if after else "",
            "image": after[1] if after else 0,
            "policy": after[2] if after else 0,
            "place": after[3] if after else "",
            "most": int(MOST),
        },
    )
    row = await cursor.fetchone()
    return (str(row[0]), int(row[1]), int(row[2]), str(row[3])) if row is not None else None


async def ending_graces(
    connection: Connection,
    account_id: int,
    environment: str,
    *,
    after: tuple[datetime, int, int, str] | None,
    limit: int,
) -> list[StandingImage]:
    """Verdicts whose grace ends, the next one first; after a moment, image, policy and environment."""
    async with connection.cursor(row_factory=class_row(StandingImage)) as cursor:
        await cursor.execute(
            f"""
            WITH page AS MATERIALIZED (
                SELECT * FROM verdict WHERE account_id = %(account)s AND NOT is_shadow AND grace_until IS NOT NULL
                    AND (%(environment)s = '' OR environment = %(environment)s)
                    AND (%(until)s::timestamptz IS NULL OR ({_BY_GRACE}) > (%(until)s, %(image)s, %(policy)s, %(place)s))
                ORDER BY {_BY_GRACE} LIMIT %(limit)s
            ) {_IMAGE.replace("now.reason", "now.grace_reason AS reason")}
            ORDER BY now.grace_until, now.image_id, now.policy_id, now.environment
            """,
            {
                "account": account_id,
                "environment": environment,
                "until": after[0] if after else None,
                "image": after[1] if after else 0,
                "policy": after[2] if after else 0,
                "place": after[3] if after else "",
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def losses(connection: Connection, account_id: int, environment: str, since: datetime) -> list[ComplianceLoss]:
    """When images fell out of compliance since a moment, and when they were back; of many the newest."""
    async with connection.cursor(row_factory=class_row(ComplianceLoss)) as cursor:
        await cursor.execute(
            """
            WITH told AS MATERIALIZED (
                SELECT id, image_id, policy_id, environment, kind, at, severity, cause_id FROM transition
                WHERE account_id = %(account)s AND kind IN ('compliance.lost', 'compliance.regained') AND at >= %(since)s
                    AND (%(environment)s = '' OR environment = %(environment)s)
                ORDER BY id DESC LIMIT %(most)s
            ), ordered AS (
                SELECT *, lead(at) OVER (PARTITION BY image_id, policy_id, environment ORDER BY id) AS until FROM told
            )
            SELECT at, until, severity, cause_id FROM ordered WHERE kind = 'compliance.lost' ORDER BY at
            """,
            {"account": account_id, "environment": environment, "since": since, "most": int(_INTERVALS)},
        )
        return await cursor.fetchall()
