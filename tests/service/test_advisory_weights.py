"""How the weight of a vulnerability changed is kept: where it moved, once, and not for ever; and when exceptions covered something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hullmark.model.advisory import Exploitability, KevEntry
from hullmark.server.tables import retention
from hullmark.server.tables.advisories.account_advisories import weights_of
from hullmark.server.tables.judging import exception_lists
from tests.service.test_verdicts import LIBC, NO_HIGH, SHOP, kept
from tests.support.desk import Desk, desk

pytestmark = pytest.mark.anyio
CVE = "CVE-2026-1"


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server with an image that has the vulnerability."""
    async with desk(database_url, tmp_path) as found:
        found.push("1.0", SHOP, User="1")
        await kept(found, NO_HIGH)
        await found.advise(LIBC)
        await found.work()
        await found.add("1.0")
        await found.work()
        yield found


async def weights(at: Desk) -> list[tuple[float | None, str | None]]:
    """What was kept of it."""
    async with at.services.database.tenant(1) as connection:
        return [(point.epss, point.kev_added) for point in await weights_of(connection, CVE)]


async def test_what_moved_is_kept_once(at: Desk) -> None:
    assert await weights(at) == []
    kev = KevEntry(cve=CVE, source="cisa", added="2026-05-01")
    for score, more in ((0.2, ()), (0.205, ()), (0.25, ()), (0.25, ()), (0.25, (kev,)), (0.252, ())):
        await at.advise(LIBC, Exploitability(CVE, score, 0.5, "2026-05-01"), *more)
        await at.work()
    assert await weights(at) == [(0.2, None), (0.25, None), (0.25, "2026-05-01"), (0.252, None)]
    async with at.services.database.system() as connection:
        await retention.forget_weights(connection, 730)
        assert len(await weights_of(connection, CVE)) == 4
        await connection.execute("UPDATE advisory_weight SET at = at - interval '731 days'")
        await retention.forget_weights(connection, 730)
        assert await weights_of(connection, CVE) == []


async def test_an_exception_that_covers_something_says_when_it_did_last(at: Desk) -> None:
    document = {"rule": "no-high", "subject": "*", "expires": "2030-01-01", "owner": "me", "reason": "it is known"}
    for rule in ("no-high", "another"):
        await at.post("/exceptions", {**document, "rule": rule})
    await at.work()

    async def used() -> dict[str, object]:
        async with at.services.database.tenant(1) as connection:
            rows = await exception_lists.list_exceptions(connection, 1, "current", at.now, limit=10)
        return {row.body["rule"]: row.used_at for row in rows}

    first = at.now
    assert await used() == {"no-high": first, "another": None}
    for hours, expected in ((0.5, first), (2.0, first + timedelta(hours=2))):
        at.now = first + timedelta(hours=hours)
        await at.post("/exceptions", {**document, "rule": f"rule-{hours}"})
        await at.work()
        assert (await used())["no-high"] == expected
