"""Collectors that say nothing any more are told of once, and once more when they are heard again; nothing ends by their silence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.notice.deliver import wake_due
from hullmark.server.stories.places.silence import look_for_silent
from tests.support.desk import Desk, desk
from tests.support.inventories import Agent, container
from tests.support.receiver import Receiver

pytestmark = pytest.mark.anyio

DIGEST = f"sha256:{'d' * 64}"


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


async def passes(at: Desk, minutes: int) -> None:
    """Time passes, in which the server looks every minute."""
    for _ in range(minutes):
        at.now += timedelta(minutes=1)
        await look_for_silent(at.services)


async def heard(at: Desk, receiver: Receiver) -> list[tuple[str, list[str]]]:
    """What people heard since the last time: the cause, and what is said of each collector."""
    await at.work()
    await wake_due(at.services)
    await at.work()
    told: list[Any] = [came.event["data"] for came in receiver.received]
    receiver.received.clear()
    return [
        (notice["cause"]["sentence"], [item["evidence"][0]["message"] for item in notice["items"]])
        for notice in told
        if any(item["kind"] in ("place.silent", "place.heard") for item in notice["items"])
    ]


async def last_heard(at: Desk) -> list[str | None]:
    return [item["last_heard_at"] for item in (await at.get("/places"))["items"]]


async def test_a_collector_that_goes_silent_is_told_of_once_and_again_when_it_is_back(
    at: Desk, receiver: Receiver
) -> None:
    await at.post("/channels", {"name": "ops", "kind": "webhook", "settings": {"url": receiver.url}})
    quiet, lively = Agent(at), Agent(at, "eu-2")
    await quiet.list(container(digest=DIGEST), container("Deployment/api", digest=DIGEST))
    await lively.list(container(cluster="eu-2", digest=DIGEST))
    await heard(at, receiver)
    for _ in range(2):
        await passes(at, 30)
        await lively.change()
    assert await last_heard(at) == [None, None, None]
    await passes(at, 2)
    assert await heard(at, receiver) == [
        (
            "Nothing is heard any more of what runs in kubernetes eu-1.",
            ["kubernetes eu-1 was last heard of at 2026-05-01 12:00 UTC, with 2 places"],
        )
    ]
    assert await last_heard(at) == ["2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z", None], "nothing ended"
    states = {item["name"]: item["silent_since"] for item in (await at.get("/collectors"))["items"]}
    assert states == {"eu-1": "2026-05-01T13:02:00Z", "eu-2": None}
    await passes(at, 30)
    assert await heard(at, receiver) == [], "it is told once"
    await quiet.change()
    assert await heard(at, receiver) == [
        (
            "kubernetes eu-1 reports again; it was last heard of at 2026-05-01 12:00 UTC.",
            ["kubernetes eu-1 reports again; it was last heard of at 2026-05-01 12:00 UTC"],
        )
    ]
    assert await last_heard(at) == [None, None, None]
    await lively.change()
    await quiet.change()
    assert await heard(at, receiver) == []


async def test_the_time_in_which_the_server_was_away_is_no_silence(at: Desk) -> None:
    await Agent(at).list(container(digest=DIGEST))
    await passes(at, 1)
    at.now += timedelta(hours=5)
    await passes(at, 60)
    assert await last_heard(at) == [None]
    await passes(at, 2)
    assert await last_heard(at) == ["2026-05-01T12:00:00Z"]


async def test_an_account_says_how_long_its_collectors_may_be_silent(at: Desk) -> None:
    await Agent(at).list(container(digest=DIGEST))
    for bad in (-1, 30, 10**9):
        assert not (await at.ask("PUT", "/place-settings", {"silent_after": bad})).is_success
    assert (await at.ask("PUT", "/place-settings", {"silent_after": 0})).json()["silent_after"] == 0
    await passes(at, 90)
    assert await last_heard(at) == [None]
    await at.ask("PUT", "/place-settings", {"silent_after": 600})
    await passes(at, 1)
    assert await last_heard(at) == ["2026-05-01T12:00:00Z"]


async def test_a_collector_that_somebody_ended_is_not_silent(at: Desk) -> None:
    await Agent(at).list(container(digest=DIGEST))
    await at.ask("DELETE", "/collectors?platform=kubernetes&name=eu-1")
    await passes(at, 90)
    (collector,) = (await at.get("/collectors"))["items"]
    assert collector["silent_since"] is None
