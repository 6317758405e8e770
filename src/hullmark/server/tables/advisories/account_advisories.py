"""Advisories as an account looks at them: which count in its images, how one's weight changed, and when its people heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.model.match import MatchedAdvisory
from hullmark.server.tables.database import Connection

_LOOKED_AT = Limit(50, "images that are looked through for an account's advisories", "shortened")
_MOST = Limit(1000, "advisories of an account that are listed", "shortened")
_named = msgspec.msgpack.Decoder(MatchedAdvisory).decode


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Images by number: those that run, then those that were added last. `is_all`: the account holds no others."""

    images: tuple[int, ...]
    is_all: bool


class HeldAdvisory(msgspec.Struct, frozen=True, kw_only=True):
    """A vulnerability that counts in images: its CVE, or its id where it has none. `severity` is the place in SEVERITIES of the worst that
    is said; `score` the highest CVSS (None: nobody rated it); `epss` from 0 to 1; `fixable`: a version that mends it is known for some."""

    name: str
    severity: int
    score: float | None
    risk: float
    epss: float | None
    is_exploited: bool
    images: int
    fixable: bool
    summary: str


class WeightPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of a CVE from a moment on: EPSS, and since which day it is listed in KEV (None: it is not)."""

    at: datetime
    epss: float | None
    kev_added: str | None


class AdvisoryCause(msgspec.Struct, frozen=True, kw_only=True):
    """A cause that an advisory brought about: when it became known, was first written down of an image, and first arrived as a message."""

    id: int
    kind: str
    sentence: str
    seen_at: datetime
    matched_at: datetime | None
    told_at: datetime | None


async def sample(connection: Connection, account_id: int) -> Sample:
    """The images that an account's advisories are shown of."""
    most = int(_LOOKED_AT)
    cursor = await connection.execute(
        """
        (SELECT DISTINCT ran.image_id FROM running_image ran WHERE ran.account_id = %(account)s AND ran.image_id IS NOT NULL
            AND EXISTS (SELECT FROM placement placed WHERE placed.running_image_id = ran.id AND placed.until IS NULL) LIMIT %(most)s)
        UNION ALL
        (SELECT image_id FROM account_image WHERE account_id = %(account)s ORDER BY added_at DESC, image_id DESC LIMIT %(most)s + 1)
        """,
        {"account": account_id, "most": most},
    )
    found = list(dict.fromkeys(int(number) for (number,) in await cursor.fetchall()))
    return Sample(images=tuple(found[:most]), is_all=len(found) <= most)


async def advisories_in(connection: Connection, images: Sequence[int]) -> list[HeldAdvisory]:
    """The vulnerabilities that count in images, the weightiest first."""
    cursor = await connection.execute(
        """
        WITH found AS MATERIALIZED (
            SELECT match.advisory_id AS id, held.image_id, bool_or(match.fix_state = 'fixed') AS fixable
            FROM image_set held JOIN set_member member ON member.set_id = held.set_id
            JOIN coordinate_match match ON match.coordinate_id = member.coordinate_id AND match.suppressed_by IS NULL
            WHERE held.image_id = ANY(%(images)s::bigint[]) AND NOT EXISTS (SELECT FROM package_exempt exempt
                WHERE exempt.package_id = member.package_id AND exempt.advisory_id = match.advisory_id)
            GROUP BY 1, 2
        ), summed AS (
            SELECT coalesce(nullif(advisory.cve, ''), advisory.name) AS name, max(advisory.severity) AS severity,
                max(advisory.risk) AS risk, max(advisory.epss) AS epss, bool_or(advisory.kev_added IS NOT NULL) AS is_exploited,
                count(DISTINCT found.image_id) AS images, bool_or(found.fixable) AS fixable, array_agg(DISTINCT found.id) AS ids
            FROM found JOIN advisory ON advisory.id = found.id GROUP BY 1 ORDER BY risk DESC, name LIMIT %(most)s
        )
        SELECT summed.name, summed.severity, summed.risk, summed.epss, summed.is_exploited, summed.images, summed.fixable,
            (SELECT array_agg(body) FROM (SELECT body FROM advisory WHERE advisory.id = ANY(summed.ids)
                ORDER BY advisory.risk DESC, advisory.id LIMIT 4) AS weightiest)
        FROM summed ORDER BY summed.risk DESC, summed.name
        """,
        {"images": list(images), "most": int(_MOST)},
    )
    return [_held(row) for row in await cursor.fetchall()]


def _held(row: tuple[object, ...]) -> HeldAdvisory:
    name, severity, risk, epss, exploited, images, fixable, bodies = row
    named = [_named(body) for body in bodies]  # type: ignore[attr-defined]
    scores = [rating.score for advisory in named for rating in advisory.cvss]
    found = {
        "name": name,
        "severity": severity,
        "score": max(scores, default=None),
        "risk": risk,
        "epss": epss,
        "is_exploited": exploited,
        "images": images,
        "fixable": fixable,
        "summary": next((advisory.summary for advisory in named if advisory.summary), ""),
    }
    return msgspec.convert(found, HeldAdvisory)


async def weights_of(connection: Connection, cve: str, limit: int = 400) -> list[WeightPoint]:
    """How the weight of a CVE changed since it was met here, the oldest first; of many changes the last ones."""
    async with connection.cursor(row_factory=class_row(WeightPoint)) as cursor:
        await cursor.execute(
            "SELECT * FROM (SELECT at, epss, kev_added FROM advisory_weight WHERE cve = %s ORDER BY at DESC LIMIT %s) AS last ORDER BY at",
            (cve, limit),
        )
        return await cursor.fetchall()


async def causes_about(connection: Connection, account_id: int, subject: str, limit: int) -> list[AdvisoryCause]:
    """The newest causes whose subject is this."""
    async with connection.cursor(row_factory=class_row(AdvisoryCause)) as cursor:
        await cursor.execute(
            """
            SELECT cause.id, cause.kind, cause.sentence, cause.seen_at,
                (SELECT min(first.recorded_at) FROM (SELECT recorded_at FROM transition WHERE transition.cause_id = cause.id
                    AND transition.account_id = cause.account_id ORDER BY transition.id LIMIT 1) AS first) AS matched_at,
                (SELECT min(delivered_at) FROM message
                    WHERE message.account_id = cause.account_id AND message.cause_id = cause.id) AS told_at
            FROM cause WHERE cause.account_id = %(account)s AND left(cause.subject, 200) = left(%(subject)s, 200)
                AND cause.subject = %(subject)s ORDER BY cause.id DESC LIMIT %(limit)s
            """,
            {"account": account_id, "subject": subject, "limit": limit},
        )
        return await cursor.fetchall()
