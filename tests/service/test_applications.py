"""Applications: what belongs to a version, the one verdict on it, and the one thread of its images."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.places.applications import applications_of
from hullmark.server.tables.places import applications
from hullmark.server.tables.places.applications import NewVersion
from tests.service.test_places import DIGEST, places, sql
from tests.service.test_threads import KEY, LOST, World, world
from tests.service.test_verdicts import NOT_ROOT, SHOP, kept
from tests.support.desk import Desk, desk
from tests.support.inventories import Agent, container

pytestmark = pytest.mark.anyio


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def test_a_version_of_an_application_has_images_places_and_one_verdict(at: Desk) -> None:
    await kept(at, NOT_ROOT)
    good, bad = at.push("1.0", SHOP, User="nobody"), at.push("2.0", SHOP)
    await at.add("1.0", annotations={"team": "shop"})
    await at.add("2.0")
    await at.work()
    await Agent(at).list(
        container("Deployment/web", digest=good, labels={"part-of": "shop", "version": "1"}),
        container("Deployment/api", digest=good, labels={"part-of": "shop", "version": "1"}),
        container("Deployment/old", digest=bad, labels={"part-of": "shop", "version": "0"}),
        container("Deployment/new", digest=DIGEST, labels={"part-of": "shop", "version": "2"}),
    )
    await at.post("/applications", {"name": "shop", "description": "sells"})
    assert (await at.ask("POST", "/applications", {"name": "shop"})).status_code == 409

    async def version(name: str, **said: Any) -> tuple[str, int, int]:
        answer = await at.ask("PUT", f"/applications/shop/versions/{name}", said)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        return made["verdict"], made["images"], made["places"]

    assert await version("1", selector="part-of=shop,version=1", state="released") == ("go", 1, 2)
    assert await version("0", selector="part-of=shop,version=0", state="end-of-life") == ("stop", 1, 1)
    assert await version("2", selector="part-of=shop,version=2") == ("unknown", 1, 1), "nobody judged its image"
    assert await version("3") == ("unknown", 0, 0), "nothing selects anything"
    assert await version("3", annotations="team=shop") == ("go", 1, 0)
    assert await version("all", selector="place/namespace=shop") == ("stop", 3, 4)
    put = await at.ask("PUT", f"/applications/shop/versions/1/images/{bad}")
    assert (put.json()["verdict"], put.json()["images"]) == ("stop", 2)
    images = await at.get("/applications/shop/versions/1/images")
    assert {image["digest"]: (image["places"], image["verdict"]) for image in images} == {
        good: (2, "go"),
        bad: (0, "stop"),
    }
    gone = f"/applications/shop/versions/1/images/{bad}"
    assert [(await at.ask("DELETE", gone)).status_code for _ in range(2)] == [204, 404]
    listed = (await at.get("/applications/shop/versions/1/places"))["items"]
    assert [each["workload"] for each in listed] == ["Deployment/api", "Deployment/web"]
    named = {item["name"]: item["state"] for item in (await at.get("/applications/shop/versions"))["items"]}
    assert (named["0"], named["1"], named["2"]) == ("end-of-life", "released", "in-progress")
    assert (await at.get("/applications"))["items"][0]["versions"] == 5
    shown = await at.get("/applications/shop")
    assert (shown["name"], shown["versions"], shown["verdict"]) == ("shop", 5, "stop")
    assert (await at.ask("DELETE", "/applications/shop/versions/all")).is_success
    assert (await at.get("/applications/shop"))["verdict"] == "unknown", "of 0, which is at its end, nothing is asked"
    for gone in ("2", "1"):
        assert (await at.ask("DELETE", f"/applications/shop/versions/{gone}")).is_success
    assert (await at.get("/applications/shop"))["verdict"] == "go"
    assert (await at.ask("DELETE", "/applications/shop/versions/3")).status_code == 204
    assert (await at.ask("DELETE", "/applications/shop")).status_code == 204
    assert (await at.ask("GET", "/applications/shop/versions")).status_code == 404
    assert len(await places(at)) == 4


async def test_images_know_their_applications_by_labels_annotations_and_names(at: Desk) -> None:
    one, two, three = (at.push(f"{number}.0", {**SHOP, "n": str(number).encode()}) for number in range(1, 4))
    await at.add("1.0")
    await at.add("2.0", annotations={"team": "pay"})
    await at.add("3.0")
    await at.work()
    await Agent(at).list(container(digest=one, labels={"part-of": "shop"}), container("Deployment/x", digest=three))
    said = {"shop": "part-of=shop", "all": "place/namespace=shop", "old": "part-of"}
    for name, selector in said.items():
        await at.post("/applications", {"name": name})
        state = "end-of-life" if name == "old" else "released"
        version = {"selector": selector, "state": state, **({"annotations": "team=pay"} if name == "shop" else {})}
        assert (await at.ask("PUT", f"/applications/{name}/versions/1", version)).is_success
    numbers = dict(await sql(at, "SELECT digest, id FROM image"))
    async with at.services.database.tenant(1) as connection:
        found = await applications_of(connection, 1, sorted(numbers.values()))
    assert found == {numbers[one]: ["all", "shop"], numbers[two]: ["shop"], numbers[three]: ["all"]}


async def test_images_of_an_application_have_one_thread_whatever_puts_them_out_of_compliance(database_url: str) -> None:
    async with world(database_url) as at:
        await _one_thread(at)


async def _one_thread(at: World) -> None:
    account = at.channel.account_id
    image = await at.value("INSERT INTO image (digest) VALUES ('sha256:a') RETURNING id", ())
    await at.connection.execute("INSERT INTO account_image (account_id, image_id) VALUES (%s, %s)", (account, image))
    await applications.add(at.connection, account, "shop", "", "me")
    kept = await applications.application(at.connection, account, "shop")
    assert kept is not None
    said = NewVersion(state="released", selector="", annotations="")
    await applications.put_version(at.connection, account, kept.id, "1", said, "me")
    version = await applications.version(at.connection, account, "1", "shop")
    assert version is not None
    await applications.add_image(at.connection, account, version.id, image)
    other = image + 1
    first = await at.tell(("compliance.lost", "advisory", "CVE-2026-1", image), ("compliance.lost", *LOST[1:3], other))
    assert set(first) == {"application:shop", KEY}
    assert first["application:shop"].title == "Images of the application shop are out of compliance"
    assert [each.open_count for each in first.values()] == [1, 1]
    more = await at.tell(("finding.new", "policy", "baseline", image))
    assert set(more) == {"application:shop"}
    # One reason less: others are left, and the thread stays open.
    left = await at.tell(("finding.retracted", "retraction", "CVE-2026-1", image))
    assert [(key, thread.is_open, thread.open_count) for key, thread in left.items()] == [("application:shop", True, 1)]
    assert await at.open() == {"application:shop", KEY}
    closed = await at.tell(("compliance.regained", "policy", "baseline", image))
    assert not closed["application:shop"].is_open
    assert await at.open() == {KEY}
