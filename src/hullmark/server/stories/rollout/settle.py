"""Incrementally updated verdicts are written in full again, when there is no other work."""

from __future__ import annotations

from hullmark.server.stories.images.register import want_verdicts
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.rollout import summed, waves
from hullmark.server.tables.settings import keep_setting, setting

AT_ONCE = 50
"""Images that wait for it at the same time."""
_PRIORITY = -10
_PLACE = "settled"


async def settle_some(services: Services) -> int:
    """A duty: have some images judged whose verdicts had something added to them, the oldest first; returns how many."""
    async with services.database.system() as connection:
        if not await snapshots.is_carried_out(connection):
            return 0  # people wait for that
        waiting = await jobs.waiting_by_task(connection)
        if any(count for (task, _), count in waiting.items() if task in ("judge", "judge_some", "rejudge", "carry")):
            return 0
        after = int(await setting(connection, _PLACE) or 0)
        found = await summed.unsettled_after(connection, after, AT_ONCE)
        await want_verdicts(connection, found.images, "settled", _PRIORITY)
        if found.last > after:
            await keep_setting(connection, _PLACE, found.last)
        return len(found.images)


async def forget_changes(services: Services) -> None:
    """A duty: what came and went of findings is forgotten where no verdict refers to it any more."""
    async with services.database.system() as connection:
        await waves.forget_unreferenced(connection)
