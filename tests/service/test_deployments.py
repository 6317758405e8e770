"""What runs where is told, and grace goes by it: since when an image runs, and since when what was found is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.judging.judge import judge
from hullmark.server.tables.judging.deployments import Deployment, running_since
from tests.service.test_verdicts import LIBC, NO_HIGH, SHOP, kept, word
from tests.support.desk import Desk, desk
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

GRACE = NO_HIGH.replace("rules:", "grace: {days: 10}\nrules:")
OTHER = advisory("CVE-2026-9", affected("debian:13", "other", "deb", "2"), severity="high")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def put(at: Desk, digest: str, **body: Any) -> Any:
    answer = await at.ask("PUT", f"/images/{digest}/deployments", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def judged(at: Desk, digest: str) -> None:
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT id FROM image WHERE digest = %s", (digest,))).fetchone()
    assert row is not None
    await judge(at.services, at.snapshot_cache, 1, row[0], "a day")


async def test_what_runs_where_is_told_listed_and_taken_back(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    await at.work()
    made = await put(at, digest, environment="production", place="eu/shop", since="2026-04-01T00:00:00Z")
    assert (made["since"], made["seen_at"]) == ("2026-04-01T00:00:00Z", "2026-05-01T12:00:00Z")
    now = await put(at, digest, environment="test")
    assert now["since"] == "2026-05-01T12:00:00Z"
    at.now += timedelta(hours=1)
    assert await put(at, digest, environment="test") == now, "told again it is the same"
    listed = await at.get(f"/images/{digest}/deployments?limit=1")
    assert [item["environment"] for item in listed["items"]] == ["production"]
    rest = await at.get(f"/images/{digest}/deployments?cursor={listed['next']}")
    assert ([item["environment"] for item in rest["items"]], rest["next"]) == (["test"], None)
    gone = f"/images/{digest}/deployments?environment=production&place=eu/shop"
    assert (await at.ask("DELETE", gone)).status_code == 204
    assert (await at.ask("DELETE", gone)).status_code == 404
    kinds = [item["action"] for item in (await at.get("/audit?resource_type=image"))["items"]]
    assert kinds[:3] == ["deployment.remove", "deployment.put", "deployment.put"]


async def test_an_image_does_not_run_since_tomorrow_or_without_being_there(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    body = {"since": "2026-05-02T12:00:00Z"}
    answer = await at.ask("PUT", f"/images/{digest}/deployments", body)
    assert (answer.status_code, "has not come" in answer.json()["detail"]) == (422, True)
    assert (await at.ask("PUT", f"/images/sha256:{'0' * 64}/deployments", {})).status_code == 404


async def test_an_image_that_runs_has_grace_for_what_is_found_later(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await kept(at, GRACE)
    await at.advise(OTHER)
    await at.work()
    await at.add("1.0")
    await at.work()
    await put(at, digest, since="2026-04-01T00:00:00Z")
    await at.work()
    at.now += timedelta(days=1)
    await at.advise(OTHER, LIBC)
    await at.work()
    assert await word(at, digest) == "warn"
    at.now += timedelta(days=9)
    await judged(at, digest)
    assert await word(at, digest) == "warn", "since when it is known is carried from verdict to verdict"
    at.now += timedelta(days=2)
    await judged(at, digest)
    assert await word(at, digest) == "stop"


async def test_grace_comes_and_goes_with_the_deployment(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await kept(at, GRACE)
    await at.advise(OTHER, LIBC)
    await at.work()
    await at.add("1.0")
    await at.work()
    assert await word(at, digest) == "stop"
    await put(at, digest, since="2026-04-01T00:00:00Z")
    await at.work()
    assert await word(at, digest) == "warn"
    assert (await at.ask("DELETE", f"/images/{digest}/deployments")).status_code == 204
    await at.work()
    assert await word(at, digest) == "stop"
    at.now += timedelta(days=1)
    await put(at, digest)
    await at.work()
    assert await word(at, digest) == "stop", "it was started after that was found"
    (newest, *_) = (await at.get(f"/images/{digest}/changes"))["items"]
    assert (newest["before"]["verdict"], newest["after"]["verdict"]) == ("warn", "stop")
    assert "since when" in newest["cause"]["sentence"]


def test_what_runs_in_an_environment_runs_in_any() -> None:
    def runs(environment: str, day: int) -> Deployment:
        moment = datetime(2026, 5, day, tzinfo=UTC)
        return Deployment(environment=environment, place="", since=moment, seen_at=moment)

    known = [runs("production", 3), runs("test", 2), runs("", 1)]
    assert running_since(known, "production") == known[0].since
    assert running_since(known, "") == known[2].since
    assert running_since(known, "elsewhere") is None
