"""Who analyses which image: leases that end by themselves, so that no image stays with a worker that died."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from psycopg.rows import class_row

from hullmark.store.database import Connection
from hullmark.store.images import COLUMNS, ImageRow, State


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an analysis came to. `layers` are (digest, diff id, stored size), bottom first."""

    fingerprint: str
    document: str
    files: str
    distro: str
    package_count: int
    file_count: int
    layers: tuple[tuple[str, str, int], ...]
    config_digest: str


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose lease ran out."""

    id: int
    digest: str
    state: State
    reason: str
    advice: str


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


async def finish(connection: Connection, image_id: int, by: str, outcome: Outcome) -> bool:
    """Write down what an analysis came to; False if `by` no longer holds the image, whose result then does not count."""
    cursor = await connection.execute(
        """
        UPDATE image SET state = 'analysed', reason = '', advice = '', attempts = 0, lease_by = '', lease_until = NULL, upload = '',
            fingerprint = %s, document = %s, files = %s, distro = %s, package_count = %s,
            file_count = %s, layer_count = %s, analysed_at = now(),
            config_digest = %s
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


async def give_back(
    connection: Connection, image_id: int, by: str, state: State, reason: str = "", advice: str = ""
) -> bool:
    """End a lease without a result: `waiting` hands the image to the next, `failed` says why nobody need try again by itself."""
    cursor = await connection.execute(
        """
        UPDATE image SET state = %(state)s, reason = %(reason)s, advice = %(advice)s, lease_by = '', lease_until = NULL,
            attempts = CASE WHEN %(state)s = 'waiting' AND %(reason)s = '' THEN greatest(attempts - 1, 0) ELSE attempts END
        WHERE id = %(id)s AND lease_by = %(by)s AND state = 'analysing'
        """,
        {"state": state, "reason": reason, "advice": advice, "id": image_id, "by": by},
    )
    return cursor.rowcount == 1


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


async def release_overdue(connection: Connection, most: int) -> list[Released]:
    """Images whose worker let its lease run out wait again; those that were tried `most` times have failed. Answers both kinds."""
    async with connection.cursor(row_factory=class_row(Released)) as cursor:
        await cursor.execute(
            """
            UPDATE image SET lease_by = '', lease_until = NULL,
                state = CASE WHEN attempts >= %(most)s THEN 'failed' ELSE 'waiting' END,
                reason = CASE WHEN attempts >= %(most)s THEN 'the worker that analysed it died each time' ELSE '' END,
                advice = CASE WHEN attempts >= %(most)s THEN 'look at the workers'' logs and memory, then add it again' ELSE '' END
            WHERE id IN (SELECT id FROM image WHERE state = 'analysing' AND lease_until < now() FOR UPDATE SKIP LOCKED)
            RETURNING id, digest, state, reason, advice
            """,
            {"most": most},
        )
        return await cursor.fetchall()


async def outdated(connection: Connection, fingerprint: str, limit: int) -> list[int]:
    """Analysed images that come from other extractors than these."""
    cursor = await connection.execute(
        """
        SELECT id FROM image WHERE state = 'analysed' AND kind <> 'sbom' AND (fingerprint < %(now)s OR fingerprint > %(now)s)
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
