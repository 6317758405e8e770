"""Who may say what runs somewhere: each collector is one agent's, whose reports come in their order and tell of its own places."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hullmark.model.place import PlaceEvent
from tests.service.test_places import names, sql
from tests.support.desk import Desk, desk
from tests.support.inventories import Agent, container

pytestmark = pytest.mark.anyio


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def test_a_collector_is_the_agents_that_reported_for_it_first(at: Desk) -> None:
    keys = {name: (await at.ask("POST", "/keys", {"name": name, "role": "agent"})).json()["key"] for name in "ab"}
    agent = Agent(at)
    await agent.list(container())
    first = agent.report(running=(container("Deployment/api"),))
    emptied = agent.report(list="none", last=True)

    async def answer(report: Any, key: str) -> Any:
        headers = {"Authorization": f"Bearer {keys[key]}"}
        return await at.client.post("/api/v1/inventories", json=msgspec.to_builtins(report), headers=headers)

    assert (await answer(first, "a")).status_code == 200
    stolen = await answer(emptied, "b")
    assert stolen.status_code == 403, "a key that was stolen from one host does not empty another cluster"
    assert "reported with another key, a" in stolen.json()["detail"]
    assert await names(at) == ["api", "web"]
    assert (await at.ask("DELETE", "/keys/a")).is_success
    assert (await answer(emptied, "b")).status_code == 200
    assert await names(at) == []
    (row,) = await sql(at, "SELECT api_key.name FROM collector JOIN api_key ON api_key.id = collector.key_id")
    assert row == ("b",)
    # Who may end collectors may report for all; one that was ended is anybody's again, and counts anew.
    assert (await at.ask("DELETE", "/collectors?platform=kubernetes&name=eu-1")).is_success
    agent.sequence = 0
    await agent.list(container())
    assert await names(at) == ["web"]


async def test_two_agents_of_one_name_are_told_of_once_a_day(at: Desk) -> None:
    one, other = Agent(at), Agent(at)
    await one.list(container())
    other.sequence = 1000
    await other.list(container("Deployment/api"))
    for _ in range(3):
        assert (await one.post(one.report(running=(container(),)))).status_code == 409
    told = await sql(at, "SELECT evidence FROM transition WHERE kind = 'place.problem'")
    assert len(told) == 1
    assert "two agents seem to report as kubernetes eu-1" in told[0][0][0]["message"]
    at.now += timedelta(hours=1)
    await sql(at, "DELETE FROM transition RETURNING 1")
    assert (await one.post(one.report(running=(container(),)))).status_code == 409, "it lost count, long after"
    assert await sql(at, "SELECT FROM transition") == []


async def test_no_number_silences_a_collector(at: Desk) -> None:
    agent = Agent(at)
    await agent.list(container())
    agent.sequence = (1 << 62) - 2
    answer = await agent.post(agent.report(list="last", last=True))
    assert (answer.status_code, await names(at)) == (422, ["web"])


async def test_a_collector_tells_of_its_own_places_alone(at: Desk) -> None:
    for place in ({"cluster": "us-1"}, {"platform": "docker"}):
        told = container()
        other = replace(told, place=replace(told.place, **place))
        report = msgspec.to_builtins(Agent(at).report(running=(told,), list="all", last=True))
        report["running"][0]["place"] = msgspec.to_builtins(other.place)
        answer = await at.ask("POST", "/inventories", report)
        assert (answer.status_code, await names(at)) == (422, []), answer.text


async def test_what_an_agent_sees_before_it_can_list_is_told(at: Desk) -> None:
    agent = Agent(at)
    problem = PlaceEvent(kind="problem", subject="docker", summary="docker cannot be asked", at=at.now)
    assert (await agent.change(events=(problem,)))["list_needed"]
    (told,) = await sql(at, "SELECT evidence FROM transition WHERE kind = 'place.problem'")
    assert told[0][0]["message"] == "docker: docker cannot be asked"
    assert not (await agent.list(container()))["list_needed"]
