"""Who analyses which image: leases that end by themselves, so that no image stays with a worker that died."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.images import COLUMNS, ImageRow, State


class AnalysisOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an analysis. `layers` are (digest, diff id, stored size), bottom first; `reach` names what is kept of what the start
    reaches ("": nobody looked)."""

    fingerprint: str
    document: str
    files: str
    distro: str
    package_count: int
    file_count: int
    layers: tuple[tuple[str, str, int], ...]
    config_digest: str
    reach: str = ""


class ReleasedLease(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose lease ended without a result: it waits, or has failed, or is `analysed` as it was before, with the reason."""

    id: int
    digest: str
    state: State
    reason: str
    advice: str


_ENDED = """state = CASE WHEN %(state)s = 'failed' AND document <> '' THEN 'analysed' ELSE %(state)s END,
    reason = CASE WHEN %(state)s = 'failed' AND document <> '' THEN 'an earlier analysis is kept: ' ELSE '' END || %(reason)s,
    advice = %(advice)s,
    attempts = CASE WHEN %(state)s = 'failed' AND document <> '' THEN 0 ELSE greatest(attempts - %(uncounted)s, 0) END,
    upload = CASE WHEN %(state)s = 'failed' AND document <> '' THEN '' ELSE upload END,
    fingerprint = CASE WHEN %(state)s = 'failed' AND document <> '' THEN %(tried)s ELSE fingerprint END,
    lease_by = '', lease_until = NULL"""
"""What is so of an image whose lease ended without a result. One that was analysed before stays so; its fingerprint is that of the
extractors that did not come to an end, so that nobody has it read by these once more."""


async def take(connection: Connection, image_id: int, by: str, lease: float) -> ImageRow | None:
    """Have `by` analyse an image for `lease` seconds; None if it need not be, or another does.

    An image whose lease ran out is not taken: `release_overdue` counts how often that happened before it waits again.
    """
    async with connection.cursor(row_factory=class_row(ImageRow)) as cursor:
        await cursor.execute(
            f"""
            UPDATE image SET state = 'analysing', attempts = attempts + 1, lease_by = %s, lease_until = now() + make_interval(secs => %s)
            WHERE id = (SELECT id FROM image WHERE id = %s AND state = 'waiting' FOR UPDATE SKIP LOCKED)
            RETURNING {COLUMNS}
            """,
            (by, lease, image_id),
        )
        return await cursor.fetchone()


async def keep_lease(connection: Connection, image_id: int, by: str, lease: float) -> bool:
    """Hold an image for `lease` more seconds; False if it is no longer held."""
    cursor = await connection.execute(
        """
        UPDATE image SET lease_until = now() + make_interval(secs => %s) WHERE id = %s AND lease_by = %s AND state = 'analysing'
        """,
        (lease, image_id, by),
    )
    return cursor.rowcount == 1


async def finish(connection: Connection, image_id: int, by: str, outcome: AnalysisOutcome) -> bool:
    """Store the result of an analysis; False if `by` no longer holds the image, whose result then does not count."""
    cursor = await connection.execute(
        """
        UPDATE image SET state = 'analysed', reason = '', advice = '', attempts = 0, lease_by = '', lease_until = NULL, upload = '',
            fingerprint = %s, document = %s, files = %s, distro = %s, package_count = %s,
            file_count = %s, layer_count = %s, analysed_at = now(),
            config_digest = %s, reach = %s
        WHERE id = %s AND lease_by = %s AND state = 'analysing'
        """,
        (
            outcome.fingerprint,
            outcome.document,
            outcome.files,
            outcome.distro,
            outcome.package_count,
            outcome.file_count,
            len(outcome.layers),
            outcome.config_digest,
            outcome.reach,
            image_id,
            by,
        ),
    )
    if cursor.rowcount != 1:
        return False
    await connection.execute("DELETE FROM image_layer WHERE image_id = %s", (image_id,))
    if outcome.layers:
        digests, diff_ids, sizes = zip(*outcome.layers, strict=True)
        await connection.execute(
            """
            INSERT INTO image_layer (image_id, position, digest, diff_id, size)
            SELECT %s, place - 1, digest, diff_id, size
            FROM unnest(%s::text[], %s::text[], %s::bigint[]) WITH ORDINALITY AS layer(digest, diff_id, size, place)
            """,
            (image_id, list(digests), list(diff_ids), list(sizes)),
        )
    return True


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an image could not be analysed, and the fingerprint of the extractors that tried."""

    reason: str = ""
    advice: str = ""
    tried: str = ""


async def give_back(
    connection: Connection, image_id: int, by: str, state: State, failure: Failure | None = None
) -> ReleasedLease | None:
    """End a lease without a result: `waiting` hands the image to the next, `failed` says why nobody need try again by itself, which leaves
    an earlier analysis as it is. Returns what is so now; None if `by` no longer holds the image."""
    why = failure or Failure()
    uncounted = 1 if state == "waiting" and not why.reason else 0
    async with connection.cursor(row_factory=class_row(ReleasedLease)) as cursor:
        await cursor.execute(
            f"""
            UPDATE image SET {_ENDED} WHERE id = %(id)s AND lease_by = %(by)s AND state = 'analysing'
            RETURNING id, digest, state, reason, advice
            """,
            {"state": state, "id": image_id, "by": by, "uncounted": uncounted, **msgspec.structs.asdict(why)},
        )
        return await cursor.fetchone()


async def wait_again(connection: Connection, image_ids: Sequence[int]) -> list[int]:
    """Have images analysed once more that are analysed or failed; answers those that now wait."""
    cursor = await connection.execute(
        """
        UPDATE image SET state = 'waiting', attempts = 0, reason = '', advice = ''
        WHERE id = ANY(%s) AND state IN ('analysed', 'failed') RETURNING id
        """,
        (list(image_ids),),
    )
    return [int(image) for (image,) in await cursor.fetchall()]


async def release_overdue(connection: Connection, most: int, tried: str) -> list[ReleasedLease]:
    """Images whose worker let its lease run out wait again; those that were tried `most` times, by the extractors of this fingerprint,
    have failed, or stay as an earlier analysis has them. Returns all of them."""
    found: list[ReleasedLease] = []
    died = Failure(
        reason="the worker that analysed it died each time",
        advice="look at the workers' logs and memory, then add it again",
        tried=tried,
    )
    rounds: tuple[tuple[State, str, Failure], ...] = (("failed", ">=", died), ("waiting", "<", Failure()))
    async with connection.cursor(row_factory=class_row(ReleasedLease)) as cursor:
        for state, test, failure in rounds:
            await cursor.execute(
                f"""
                UPDATE image SET {_ENDED} WHERE id IN (SELECT id FROM image WHERE state = 'analysing' AND lease_until < now()
                    AND attempts {test} %(most)s FOR UPDATE SKIP LOCKED)
                RETURNING id, digest, state, reason, advice
                """,
                {"most": most, "state": state, "uncounted": 0, **msgspec.structs.asdict(failure)},
            )
            found += await cursor.fetchall()
    return found


async def read_again(connection: Connection, image_id: int, key: str, fingerprint: str) -> bool:
    """Have an uploaded image analysed again from the archive of this key, which was sent again, if that may come to something
    else: other extractors read it before, or could not. False if it is as it would be."""
    cursor = await connection.execute(
        """
        UPDATE image SET state = 'waiting', attempts = 0, reason = '', advice = '', upload = %s
        WHERE id = %s AND kind = 'upload' AND state = 'analysed' AND (fingerprint <> %s OR reason <> '')
        """,
        (key, image_id, fingerprint),
    )
    return cursor.rowcount == 1


async def list_outdated_images(connection: Connection, fingerprint: str, limit: int) -> list[int]:
    """Analysed images that other extractors read than these, and that can be read again: not SBOMs, nor uploads, whose archive is gone."""
    cursor = await connection.execute(
        """
        SELECT id FROM image WHERE state = 'analysed' AND kind = 'registry' AND (fingerprint < %(now)s OR fingerprint > %(now)s)
        ORDER BY id LIMIT %(limit)s
        """,
        {"now": fingerprint, "limit": limit},
    )
    return [int(image) for (image,) in await cursor.fetchall()]


async def waiting_without_job(connection: Connection, limit: int) -> list[int]:
    """Images that wait although no job will take them: there should be none, and these are mended."""
    cursor = await connection.execute(
        """
        SELECT id FROM image WHERE state = 'waiting' AND NOT EXISTS (SELECT FROM procrastinate_jobs job
            WHERE job.queueing_lock = 'analyse:' || image.id AND job.status IN ('todo', 'doing')) ORDER BY id LIMIT %s
        """,
        (limit,),
    )
    return [int(image) for (image,) in await cursor.fetchall()]
