"""What is wrong with a stored image, computed from its inventory with a snapshot that is kept: for any day, and by any knowledge."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hullmark.advisories.match.find import uncovered_in
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.model.errors import HullmarkError
from hullmark.model.match import CoverageGap, Matches
from hullmark.scanning.request import ScanRequest
from hullmark.server.stories.advisories.advisories import SnapshotCache, current_snapshot, object_of
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories.snapshots import SnapshotRow
from hullmark.server.tables.database import Connection
from hullmark.server.tables.rollout import adoptions


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """The moment that counts as now (None: that of `known_at`), and the one by whose advisories (None: those of today). `follows`: it is
    said too what the image's start reaches."""

    as_of: datetime | None = None
    known_at: datetime | None = None
    follows: bool = False

    def day(self, now: datetime) -> str:
        """The day that counts as today (ISO 8601)."""
        return (self.as_of or self.known_at or now).astimezone(UTC).date().isoformat()


async def snapshot_for(connection: Connection, moments: Moments) -> SnapshotRow:
    """The snapshot that counted at `known_at`. Raises HullmarkError if none did."""
    if moments.known_at is None:
        found = await current_snapshot(connection)
        if found is None:
            raise HullmarkError(
                "there are no advisories yet",
                advice="an operator sends some in, or has them fetched: hullmark advisories send or update, or POST /api/v1/advisories",
            )
        return found
    found = await adoptions.counted_at(connection, moments.known_at)
    if found is None:
        day = moments.known_at.astimezone(UTC).isoformat(timespec="seconds")
        raise HullmarkError(f"no advisories were in use at {day}", advice="ask for a later moment")
    return found


def matches_of(
    services: Services, snapshot_cache: SnapshotCache, facts: StoredFacts, snapshot: SnapshotRow, moments: Moments
) -> Matches:
    """What `hullmark vulns` says of the image with this snapshot. For a thread. Raises HullmarkError where the snapshot is not there."""
    scanned = facts.look(ScanRequest(reads=MATCHING_READS, reach=moments.follows))
    with snapshot_cache.opened(snapshot.digest, snapshot.object) as source:
        return match_scan(scanned, source, MatchOptions(at=moments.day(services.clock()), reach=moments.follows))


def uncovered_of(snapshot_cache: SnapshotCache, facts: StoredFacts, snapshot: str, day: str) -> tuple[CoverageGap, ...]:
    """The gaps of the snapshot with this digest for the image, on a day (ISO 8601). For a thread. Raises as `matches_of`."""
    with snapshot_cache.opened(snapshot, object_of(snapshot)) as source:
        return uncovered_in(facts.analysis.inventory, source, at=day)
