"""What is written down of images' verdicts, and whether judging all of them anew finds the same."""

from __future__ import annotations

from typing import Any

from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.judging.judge import judge
from hullmark.server.stories.services import Services
from hullmark.server.tables.judging import verdicts


async def written(services: Services) -> dict[tuple[Any, ...], Any]:
    """All current verdicts: the word, counts, and what their documents tell, by account, image, policy, environment."""
    found: dict[tuple[Any, ...], Any] = {}
    for account, image in await _holdings(services):
        async with services.database.system() as connection:
            rows = await verdicts.current(connection, account, image, shadows=True)
        for row in rows:
            verdict = verdict_at(services.objects, row)
            findings = sorted(
                (finding.rule_id, finding.subject, finding.action.value, finding.message)
                for finding in verdict.findings
            )
            told = (row.verdict, row.stops, row.warns, verdict.verdict.value, verdict.reason, findings)
            found[account, image, row.policy_id, row.environment, row.is_shadow] = told
    return found


async def judge_all(services: Services) -> None:
    """Judge every image of every account as a whole, as if nothing were known of it."""
    snapshot_cache = SnapshotCache(services.objects, services.settings.data / "anew")
    for account, image in await _holdings(services):
        await judge(services, snapshot_cache, account, image, "judged anew")


async def _holdings(services: Services) -> list[tuple[int, int]]:
    async with services.database.system() as connection:
        cursor = await connection.execute("SELECT DISTINCT account_id, image_id FROM verdict ORDER BY 1, 2")
        return [(int(account), int(image)) for account, image in await cursor.fetchall()]
