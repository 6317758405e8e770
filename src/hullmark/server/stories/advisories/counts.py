"""The advisories in an account's images: counted on request or, for accounts with many images, counted by a job and stored."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import msgspec

from hullmark.model.limit import Limit
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.advisories import advisory_counts
from hullmark.server.tables.advisories.advisory_counts import (
    AdvisoryFilter,
    AdvisoryPosition,
    AdvisorySum,
    CountRun,
    HeldAdvisory,
)
from hullmark.server.tables.database import Connection

COUNTED_AT_ONCE = Limit(
    50, "images whose advisories are counted while somebody waits; counts of more are kept", "shortened"
)
_FRESH = timedelta(minutes=5)
_REST = 20
"""Counting takes at most this part of the time."""


class AdvisoryList(msgspec.Struct, frozen=True, kw_only=True):
    """The advisories of an account. `held` has them if they were counted just now; if it is None, the stored ones of `at` are used.
    `is_awaited`: they are being counted for the first time.
    """

    account_id: int
    held: list[HeldAdvisory] | None = None
    at: datetime | None = None
    is_awaited: bool = False

    async def sum(self, connection: Connection) -> AdvisorySum:
        """How many there are."""
        if self.held is None:
            return await advisory_counts.sum_kept(connection, self.account_id)
        return AdvisorySum(
            total=len(self.held),
            exploited=sum(row.is_exploited for row in self.held),
            fixable=sum(row.is_fixable for row in self.held),
        )

    async def page(
        self, connection: Connection, wanted: AdvisoryFilter, after: AdvisoryPosition | None, limit: int
    ) -> list[HeldAdvisory]:
        """At most `limit` of the wanted advisories after the position `after` (None: from the start), highest risk first."""
        if self.held is None:
            return await advisory_counts.held_kept(connection, self.account_id, wanted, after, limit)
        behind = [row for row in self.held if after is None or (-row.risk, row.name) > (-after[0], after[1])]
        return [row for row in behind if wanted.takes(row)][:limit]


async def advisories_of(services: Services, connection: Connection, account_id: int) -> AdvisoryList:
    """The advisories of an account. Stored counts that are out of date are requested again from a job."""
    images = await advisory_counts.images_of(connection, account_id, COUNTED_AT_ONCE)
    if images is not None:
        return AdvisoryList(account_id=account_id, held=await advisory_counts.held_now(connection, account_id, images))
    known = await advisory_counts.find_count_run(connection, account_id)
    if known is None or services.clock() - known.at > max(_FRESH, timedelta(seconds=known.seconds * _REST)):
        await jobs.defer(
            connection, "count_advisories", {"account_id": account_id}, once=f"count_advisories {account_id}"
        )
    return AdvisoryList(account_id=account_id, at=known.at if known is not None else None, is_awaited=known is None)


async def count_advisories(services: Services, account_id: int) -> None:
    """Count the advisories of an account again, and store the counts."""
    at, began = services.clock(), time.monotonic()
    async with services.database.system() as connection:
        await advisory_counts.count_again(connection, account_id)
        made = CountRun(at=at, seconds=time.monotonic() - began)
        await advisory_counts.note_count(connection, account_id, made)
