"""The console's fleet: every number leads to the places that it counts; one place closely; counts that are kept of many places."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hullmark.model.isolation import HostPath, Isolation
from hullmark.server.stories.places import fleet as stories
from hullmark.server.tables.places import fleet
from hullmark.server.tables.places.fleet import FleetFilter
from tests.service.test_verdicts import NOT_ROOT, SHOP, kept
from tests.support.desk import PASSWORD, Desk, desk
from tests.support.inventories import Agent, container

pytestmark = pytest.mark.anyio

PRIVILEGED = Isolation(privileged=True, host_paths=(HostPath(path="/", target="/host"),))
USUAL = Isolation(
    boundary="process", privileged=False, seccomp="runtime-default", host_pid=False, host_ipc=False, host_network=False, unmasked_proc=False
)  # fmt: skip


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def page(at: Desk, path: str, status: int = 200) -> str:
    answer = await at.client.get(f"/console/admin/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return answer.text


async def furnish(at: Desk) -> None:
    """Two clusters: three places run an image that must not run, one an image that nobody added."""
    await kept(at, NOT_ROOT)
    digest = at.push("shop", SHOP)
    await at.add("shop")
    await at.work()
    agent, other = Agent(at), Agent(at, "eu-2")
    await agent.list(
        container("Deployment/web", digest=digest, isolation=PRIVILEGED),
        container("Deployment/api", digest=digest, isolation=USUAL, namespace="pay"),
        container("Deployment/strange", digest=f"sha256:{'d' * 64}"),
    )
    await other.list(container("Deployment/web", digest=digest, isolation=USUAL, cluster="eu-2"))
    await at.work()


def cells(text: str) -> dict[str, str]:
    """The links of the maps that lead to places, by their query, with the number in their cell."""
    found = re.findall(r'<a href="/console/admin/fleet\?([^"]*)"><g class="cell">.*?<text[^>]*>([^<]*)</text>', text)
    return {html.unescape(query): number for query, number in found}


async def test_every_cell_of_the_map_leads_to_the_places_that_it_counts(at: Desk) -> None:
    await furnish(at)
    found = cells(await page(at, "fleet"))
    assert {query: number for query, number in found.items() if "verdict" in query} == {
        "tab=places&verdict=stop&grade=host": "1",
        "tab=places&verdict=stop&grade=default": "2",
        "tab=places&verdict=none&grade=host": "1",
    }
    for query, number in found.items():
        assert (await page(at, f"fleet?{query}")).count("fleet/places/") == int(number), query


async def test_groups_are_listed_with_those_that_have_most_to_stop_first(at: Desk) -> None:
    await furnish(at)
    for level, expected in {
        "cluster": [("eu-1", "3", "2"), ("eu-2", "1", "1")],
        "namespace": [("eu-1/shop", "2", "1"), ("eu-1/pay", "1", "1"), ("eu-2/shop", "1", "1")],
        "platform": [("kubernetes", "4", "3")],
    }.items():
        answer = await page(at, f"fleet?by={level}&export=csv&table=groups")
        rows = list(csv.DictReader(io.StringIO(answer)))
        assert [(row[level], row["places"], row["stop"]) for row in rows] == expected


async def test_what_a_filter_cannot_name_is_counted_without_a_link(at: Desk) -> None:
    await furnish(at)
    text = await page(at, "fleet?by=environment")
    assert '<th scope="row">none</th>' in text
    assert [query for query in cells(text) if "verdict" not in query] == []


async def test_environments_are_compared_by_the_verdicts_of_their_places(at: Desk) -> None:
    rules = [
        {"selector": "app=web", "environment": "production"},
        {"selector": "app=api", "environment": "test"},
    ]
    assert (await at.ask("PUT", "/place-settings", {"environments": rules})).is_success
    await furnish(at)
    text = html.unescape(await page(at, "fleet"))
    drawn = text[text.index("<h2>Compliance by environment</h2>") :]
    drawn = drawn[: drawn.index("</section>")]
    assert "production: 2; none: 1; test: 1" in drawn or "production: 2; test: 1; none: 1" in drawn
    assert re.findall(r'href="/console/admin/fleet\?([^"]*verdict=[^"]*)"', drawn) == [
        "tab=places&environment=production&verdict=stop",
        "tab=places&environment=test&verdict=stop",
    ]
    for environment, places in {"production": 2, "test": 1}.items():
        listed = await page(at, f"fleet?tab=places&environment={environment}&verdict=stop")
        assert listed.count("fleet/places/") == places
    assert "Compliance by environment" not in await page(at, "fleet?environment=test")


async def test_filters_narrow_what_is_counted(at: Desk) -> None:
    await furnish(at)
    found = cells(await page(at, "fleet?cluster=eu-2"))
    assert found == {
        "tab=places&cluster=eu-2&verdict=stop&grade=default": "1",
        "tab=places&cluster=eu-2&grade=default": "1",
    }
    assert "No place fits these filters." in await page(at, "fleet?tab=places&cluster=eu-2&grade=vm")
    assert "The selector is not valid" in await page(at, "fleet?tab=places&selector=((", 422)


async def test_counts_of_many_places_are_kept_and_made_again_by_a_job(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(at)
    at_once = cells(await page(at, "fleet"))
    monkeypatch.setattr(stories, "COUNTED_AT_ONCE", 1)
    assert "being counted for the first time" in await page(at, "fleet")
    assert await at.work() == ["count_fleet"]
    text = await page(at, "fleet")
    assert cells(text) == at_once
    assert "Counted now." in text
    at.now += timedelta(hours=1)
    assert "Counted 1 h ago." in await page(at, "fleet")
    assert await at.work() == ["count_fleet"]
    async with at.services.database.tenant(1) as connection:
        counted = await fleet.sums(connection, 1, FleetFilter(), kept=True)
        fresh = await fleet.sums(connection, 1, FleetFilter(), kept=False)
    assert counted == fresh


async def test_a_place_shows_why_it_has_its_grade_and_the_change_to_a_better_one(at: Desk) -> None:
    await furnish(at)
    listed = await page(at, "fleet?tab=places&verdict=stop&grade=host")
    number = re.findall(r"fleet/places/(\d+)", listed)[0]
    text = html.unescape(await page(at, f"fleet/places/{number}"))
    assert "it is privileged" in text
    assert "privileged: false" in text
    assert "The smallest change to default" in text
    assert "Findings here" in text
    assert "hostPath" in text or "/host" in text
    await page(at, "fleet/places/999999", 404)
    await page(at, f"fleet/places/{2**70}", 404)


async def test_a_place_remembers_what_ran_there(at: Desk) -> None:
    await furnish(at)
    digest = at.push("shop-2", SHOP, User="10001")
    at.now += timedelta(days=1)
    await Agent(at, sequence=10).list(container("Deployment/web", digest=digest, isolation=USUAL))
    (number,) = set(re.findall(r"fleet/places/(\d+)", await page(at, "fleet?tab=places&cluster=eu-1")))
    text = await page(at, f"fleet/places/{number}")
    assert len(set(re.findall(r"fleet/places/(\d+)", text))) == 2
    before = next(one for one in re.findall(r"fleet/places/(\d+)", text) if one != number)
    assert "Not running" in await page(at, f"fleet/places/{before}")


async def test_an_application_has_versions_with_their_images_and_places(at: Desk) -> None:
    assert "No applications yet" in await page(at, "applications")
    await furnish(at)
    await at.post("/applications", {"name": "shop <b>"})
    wanted = {"state": "released", "selector": "app in (web,api)"}
    assert (await at.ask("PUT", "/applications/shop <b>/versions/1.0", wanted)).is_success
    assert "shop &lt;b&gt;" in await page(at, "applications")
    listed = await page(at, "applications/shop%20%3Cb%3E")
    assert "applications/shop%20%3Cb%3E/1.0" in listed
    text = await page(at, "applications/shop%20%3Cb%3E/1.0")
    assert len(set(re.findall(r"fleet/places/(\d+)", text))) == 3
    answer = await page(at, "applications/shop%20%3Cb%3E/1.0?export=csv&table=images")
    assert [(row["verdict"], row["places"]) for row in csv.DictReader(io.StringIO(answer))] == [("stop", "3")]
    await page(at, "applications/nothing", 404)
    await page(at, "applications/shop%20%3Cb%3E/2.0", 404)
