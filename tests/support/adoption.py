"""Bring all matches of a database to a snapshot, as the server does, without carrying what changes into verdicts."""

from __future__ import annotations

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.server.stories.advisories.matching import BATCH, begin_adoption, rematch_some, weigh_some
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Database


async def adopt_snapshot(
    db: Database, snapshot_id: int, next: Snapshot, previous: Snapshot | None, *, at: str, size: int = BATCH
) -> None:
    """Bring everything to a snapshot, as of the day `at` (ISO 8601). Whoever is stopped calls it again, with the same or a newer one.

    `previous` is the snapshot that counts so far; without it all is matched again. What it says differently waits in `match_change`.
    """
    await begin_adoption(db, snapshot_id, next, previous, at=at)
    while await rematch_some(db, next, snapshot_id, size):
        pass
    while await weigh_some(db, next, snapshot_id):
        pass
    async with db.system() as conn:
        await snapshots.settle(conn, snapshot_id)
