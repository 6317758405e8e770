"""The fleet at a glance: how many places there are, by verdict and by how well they are kept apart; and one place closely."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from hullmark.isolation.grades import assess
from hullmark.isolation.patches import patch_of
from hullmark.model.isolation import GRADES, Assessment, IsolationPatch
from hullmark.model.limit import Limit
from hullmark.server.stories.judging.grants import placed_container
from hullmark.server.stories.places.grading import IS_CUT
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import fleet, granted
from hullmark.server.tables.places.fleet import FleetFilter, FleetSum
from hullmark.server.tables.places.granted import GrantedFacts

COUNTED_AT_ONCE = Limit(5_000, "places that are counted while somebody waits; counts of more are kept", "shortened")
_FRESH = timedelta(minutes=1)


class CountBasis(msgspec.Struct, frozen=True, kw_only=True):
    """How places of an account are counted: now, or `kept` since `at` (None: they are being counted for the first time)."""

    kept: bool
    at: datetime | None


class FleetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All places by verdict and grade. `exposed` are those with the verdict stop that their host is hardly protected from."""

    sums: list[FleetSum]
    places: int
    exposed: int

    def of(self, verdict: str, grade: int | None = None) -> int:
        """How many have this verdict, and this grade if one is given."""
        return sum(one.places for one in self.sums if one.verdict == verdict and grade in (None, one.grade))


class GrantedHere(msgspec.Struct, frozen=True, kw_only=True):
    """What the container of a place is granted: its grade with reasons, what is missing to the next, and the change that leads there.

    `is_cut`: not all that was told is kept, so there is no change to show.
    """

    assessment: Assessment
    patch: IsolationPatch | None
    is_cut: bool


async def counting(services: Services, connection: Connection, account_id: int) -> CountBasis:
    """How the account's places are counted. Counts that are kept and are not fresh are asked for anew."""
    if not await fleet.has_more_places(connection, account_id, COUNTED_AT_ONCE):
        return CountBasis(kept=False, at=None)
    at = await fleet.counted_at(connection, account_id)
    if at is None or services.clock() - at > _FRESH:
        await jobs.defer(connection, "count_fleet", {"account_id": account_id}, once=f"count_fleet {account_id}")
    return CountBasis(kept=True, at=at)


async def count_fleet(services: Services, account_id: int) -> None:
    """Count all places of an account anew, for those who look."""
    async with services.database.system() as connection:
        await fleet.count_again(connection, account_id, services.clock())


async def summary(connection: Connection, account_id: int, wanted: FleetFilter, how: CountBasis) -> FleetSummary:
    """The places that are wanted."""
    sums = await fleet.sums(connection, account_id, wanted, kept=how.kept)
    worst = GRADES.index("host")
    exposed = sum(one.places for one in sums if one.verdict in ("stop", "unknown") and one.grade == worst)
    return FleetSummary(sums=sums, places=sum(one.places for one in sums), exposed=exposed)


async def granted_at(connection: Connection, account_id: int, placement_id: int) -> GrantedHere | None:
    """What a place grants its container; None where nobody told."""
    row = await granted.granted_at(connection, account_id, placement_id)
    return None if row is None else _assess_grants(row)


def _assess_grants(row: GrantedFacts) -> GrantedHere:
    placed = placed_container(row)
    is_cut = IS_CUT in row.facts
    return GrantedHere(
        assessment=assess(placed.container.isolation),
        patch=None if is_cut else patch_of(placed.workload, placed.container),
        is_cut=is_cut,
    )
