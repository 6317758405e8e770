"""Uploads: archives that are being received, or wait to be analysed. `object` is the key under which the archive is stored."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hullmark.server.tables.database import Connection


async def begin(connection: Connection, account_id: int, upload: UUID, key: str) -> None:
    """An account begins to send an archive."""
    await connection.execute(
        "INSERT INTO upload (id, account_id, object) VALUES (%s, %s, %s)", (upload, account_id, key)
    )


async def still_receiving(connection: Connection, upload: UUID, size: int) -> bool:
    """So much has come by now: its age counts from here on. False if it was given up meanwhile."""
    cursor = await connection.execute(
        "UPDATE upload SET size = %s, created_at = now() WHERE id = %s AND state = 'receiving'", (size, upload)
    )
    return cursor.rowcount == 1


async def finish_upload(connection: Connection, upload: UUID, size: int, digest: str) -> bool:
    """All of it has come. False if it was given up meanwhile."""
    cursor = await connection.execute(
        """
        UPDATE upload SET state = 'received', size = %s, digest = %s, created_at = now() WHERE id = %s AND state = 'receiving'
        """,
        (size, digest, upload),
    )
    return cursor.rowcount == 1


async def use(connection: Connection, upload: UUID) -> bool:
    """An image is to be read from it. False if it was given up meanwhile."""
    cursor = await connection.execute(
        "UPDATE upload SET state = 'used', created_at = now() WHERE id = %s AND state = 'received'", (upload,)
    )
    return cursor.rowcount == 1


async def is_needed(connection: Connection, key: str) -> bool:
    """Whether an image is to be read from what is stored under a key."""
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM image WHERE upload <> '' AND upload = %s)", (key,))
    return await cursor.fetchone() == (True,)


async def forget(connection: Connection, keys: Sequence[str]) -> int:
    """Remove the uploads that are stored under these keys; returns how many there were."""
    cursor = await connection.execute("DELETE FROM upload WHERE object = ANY(%s)", (list(keys),))
    return cursor.rowcount


async def lock_leftovers(connection: Connection, age: float, limit: int) -> list[str]:
    """Keys of uploads that gave no sign of life for `age` seconds and that no image is still to be read from.

    They are locked until the transaction ends.
    """
    cursor = await connection.execute(
        """
        SELECT object FROM upload WHERE created_at < now() - make_interval(secs => %s)
            AND NOT EXISTS (SELECT FROM image WHERE image.upload <> '' AND image.upload = upload.object)
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
        """,
        (age, limit),
    )
    return [key for (key,) in await cursor.fetchall()]


async def unknown_objects(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Those of the keys that neither an upload nor an image knows of."""
    cursor = await connection.execute(
        """
        SELECT key FROM unnest(%s::text[]) AS given(key)
        WHERE NOT EXISTS (SELECT FROM upload WHERE upload.object = given.key)
            AND NOT EXISTS (SELECT FROM image WHERE image.upload <> '' AND image.upload = given.key)
        """,
        (list(keys),),
    )
    return [key for (key,) in await cursor.fetchall()]
