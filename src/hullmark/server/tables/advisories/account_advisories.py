"""An advisory as an account lived it: how its weight changed, when its people heard of it, and when its images had it no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.server.tables.advisories.advisory_counts import is_live
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.holders import images_with_sets

_CARRIERS = Limit(500, "images with an advisory that are looked at for the day on which it was fixed", "shortened")


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


class AdvisoryEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the images that have an advisory: how many were looked at, and whether these are all; how many of them count, as they
    run or a tag points to them; and since when the last of the others does not (None: that is not known)."""

    images: int = 0
    is_all: bool = True
    live: int = 0
    ended_at: datetime | None = None


class FixedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The image (by digest) by which a tag had an advisory no more, and when it came to be there."""

    tag: str
    digest: str
    at: datetime


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


_LATER: LiteralString = """FROM tag_move later JOIN image ON image.id = later.image_id WHERE later.account_id = own.account_id
    AND later.registry = own.registry AND later.repository = own.repository AND later.tag = own.tag
    AND (later.at, later.id) > (own.at, own.id)"""
_END: LiteralString = f"""
WITH carrier AS MATERIALIZED (
    SELECT image_id FROM unnest(%(images)s::bigint[]) AS wanted (image_id)
), counted AS MATERIALIZED (
    -- What a tag moved to and nobody has read yet may have it as well.
    SELECT image_id, {is_live("%(account)s", "carrier.image_id")} OR EXISTS (SELECT FROM tag own JOIN tag now
        ON now.account_id = own.account_id AND now.registry = own.registry AND now.repository = own.repository AND now.tag = own.tag
        AND now.is_current JOIN image ON image.id = now.image_id AND image.state <> 'analysed'
        WHERE own.account_id = %(account)s AND own.image_id = carrier.image_id) AS is_live FROM carrier
)
SELECT count(*), count(*) FILTER (WHERE is_live), max(greatest(
    (SELECT max((SELECT min(later.at) {_LATER} AND later.image_id <> own.image_id)) FROM tag_move own
        WHERE own.account_id = %(account)s AND own.image_id = counted.image_id),
    (SELECT max(tag.seen_at) FROM tag WHERE tag.account_id = %(account)s AND tag.image_id = counted.image_id AND NOT tag.is_current
        AND NOT EXISTS (SELECT FROM tag now WHERE now.account_id = tag.account_id AND now.registry = tag.registry
            AND now.repository = tag.repository AND now.tag = tag.tag AND now.is_current)),
    (SELECT max(placed.until) FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id
        WHERE ran.account_id = %(account)s AND ran.image_id = counted.image_id))) FILTER (WHERE NOT is_live)
FROM counted"""


async def end_of(connection: Connection, account_id: int, sets: Sequence[int], counted: int = 0) -> AdvisoryEnd:
    """What became of the images of an account that hold one of these sets of packages. Where a count that is kept says that they are by
    far more (`counted`) than are looked at, none is."""
    most = int(_CARRIERS)
    if counted > 2 * most:
        return AdvisoryEnd(images=counted, is_all=False)
    found = await images_with_sets(connection, account_id, sets, 0, most + 1)
    row = await (await connection.execute(_END, {"account": account_id, "images": found[:most]})).fetchone()
    images, live, ended_at = row if row is not None else (0, 0, None)
    return AdvisoryEnd(images=images, is_all=len(found) <= most, live=live, ended_at=ended_at)


async def fixed_in(
    connection: Connection, account_id: int, images: Sequence[int], sets: Sequence[int]
) -> dict[int, FixedIn]:
    """The first images that came to be where tags pointed to these (by number), and that hold none of these sets. Of several tags the
    last. What was not read is not counted: it may have it."""
    cursor = await connection.execute(
        f"""
        SELECT DISTINCT ON (own.image_id) own.image_id, own.registry || '/' || own.repository || ':' || own.tag, fixed.digest, fixed.at
        FROM tag_move own CROSS JOIN LATERAL (
            SELECT image.digest, later.at {_LATER} AND image.state = 'analysed' AND NOT EXISTS (SELECT FROM image_set part
                WHERE part.image_id = later.image_id AND part.set_id + 0 = ANY(%(sets)s::bigint[])) ORDER BY later.at, later.id LIMIT 1
        ) fixed WHERE own.account_id = %(account)s AND own.image_id = ANY(%(images)s::bigint[])
        ORDER BY own.image_id, fixed.at DESC, own.registry, own.repository, own.tag
        """,
        {"account": account_id, "images": list(images), "sets": list(sets)},
        prepare=False,
    )
    return {int(number): FixedIn(tag=tag, digest=digest, at=at) for number, tag, digest, at in await cursor.fetchall()}


async def live_of(connection: Connection, account_id: int, images: Sequence[int]) -> set[int]:
    """Those of these images that count: they run, or a tag points to them."""
    cursor = await connection.execute(
        f"SELECT id FROM unnest(%(images)s::bigint[]) AS wanted (id) WHERE {is_live('%(account)s', 'wanted.id')}",
        {"account": account_id, "images": list(images)},
    )
    return {int(number) for (number,) in await cursor.fetchall()}
