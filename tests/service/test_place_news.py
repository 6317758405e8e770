"""People hear where images run that something is found in, what starts uncertified, and what changes where it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.isolation import Isolation
from hullmark.model.place import PlaceEvent
from hullmark.server.stories.notice.deliver import wake_due
from tests.service.test_verdicts import LIBC, NO_HIGH, SHOP, kept
from tests.support.desk import Desk, desk
from tests.support.inventories import Agent, container, ended
from tests.support.matching import advisory, affected
from tests.support.receiver import Receiver

pytestmark = pytest.mark.anyio

VM = Isolation(boundary="vm", runtime="kata-qemu", privileged=False, host_network=False)


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        await kept(found, NO_HIGH)
        await found.advise(advisory("CVE-2026-0", affected("debian:13", "nothing", "deb", "2")))
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


async def listening(at: Desk, receiver: Receiver) -> None:
    await at.post("/channels", {"name": "ops", "kind": "webhook", "settings": {"url": receiver.url}})


async def added(at: Desk, tag: str, files: dict[str, bytes] = SHOP) -> str:
    digest = at.push(tag, files)
    await at.add(tag)
    await at.work()
    return digest


async def heard(at: Desk, receiver: Receiver) -> list[Any]:
    """The notices that came since the last time."""
    await at.work()
    await wake_due(at.services)
    await at.work()
    found = [came.event["data"] for came in receiver.received]
    receiver.received.clear()
    return found


async def test_a_finding_names_where_its_image_runs_and_how_well_it_is_kept_apart(at: Desk, receiver: Receiver) -> None:
    await listening(at, receiver)
    digest = await added(at, "1.0")
    agent = Agent(at)
    await agent.list(
        container("Deployment/safe", digest=digest, isolation=VM),
        container("Deployment/web", digest=digest),
        *(container(f"Deployment/x{number}", digest=digest, isolation=VM) for number in range(3)),
    )
    assert await heard(at, receiver) == []
    await at.advise(LIBC)
    (notice,) = await heard(at, receiver)
    (item,) = notice["items"]
    assert (item["kind"], item["place_count"]) == ("compliance.lost", 5)
    assert [(place["name"], place["grade"]) for place in item["places"]] == [
        ("eu-1/shop/Deployment/web/main", "host"),
        ("eu-1/shop/Deployment/safe/main", "vm"),
        ("eu-1/shop/Deployment/x0/main", "vm"),
    ]


async def test_what_starts_uncertified_is_told_once_for_each_start(at: Desk, receiver: Receiver) -> None:
    await listening(at, receiver)
    good = await added(at, "1.0")
    agent = Agent(at)
    await agent.list(container(digest=good))
    assert await heard(at, receiver) == []
    strange = f"sha256:{'e' * 64}"
    started = [container(f"Deployment/{name}", digest=strange, reference="x.example.org/y:1") for name in ("a", "b")]
    await agent.change(*started)
    await agent.send(agent.sent[-1])
    (notice,) = await heard(at, receiver)
    (item,) = notice["items"]
    assert (item["kind"], item["reference"], item["image"]) == ("place.uncertified", "x.example.org/y:1", strange)
    assert item["evidence"][0]["message"] == (
        "it started at eu-1/shop/Deployment/a/main and at 1 more; nobody added the image"
    )
    assert [place["name"] for place in item["places"]] == ["eu-1/shop/Deployment/a/main", "eu-1/shop/Deployment/b/main"]
    assert notice["cause"]["sentence"] == "x.example.org/y:1 started in kubernetes eu-1: no verdict lets it pass."
    await agent.list(container(digest=good), *started)
    assert await heard(at, receiver) == [], "what is as it was is not reported again"
    await agent.change(container("Deployment/a", digest=strange, reference="x.example.org/y:1", labels={"new": "1"}))
    assert await heard(at, receiver) == [], "another label is no start"
    await agent.change(ended=[ended(started[0], at.now)])
    await agent.change(container("Deployment/a", "again", digest=strange, reference="x.example.org/y:1", since=at.now))
    assert len(await heard(at, receiver)) == 1, "it started again"


async def test_a_verdict_stop_counts_in_its_environment_alone(at: Desk, receiver: Receiver) -> None:
    await listening(at, receiver)
    stopped = await added(at, "1.0", {**SHOP, "x": b"1"})
    await at.advise(LIBC)
    await heard(at, receiver)
    rules = [{"selector": "env=prod", "environment": "production"}]
    await at.ask("PUT", "/place-settings", {"environments": rules})
    await Agent(at).list(container(digest=stopped, labels={"env": "prod"}))
    (notice,) = await heard(at, receiver)
    (item,) = notice["items"]
    assert (item["after"], item["environment"]) == ("stop", "production")
    assert "its verdict is stop" in item["evidence"][0]["message"]
    assert notice["cause"]["sentence"].startswith("Images that no verdict lets pass were found to run in kubernetes")


async def test_findings_of_what_runs_nowhere_any_more_wait_for_the_digest(at: Desk, receiver: Receiver) -> None:
    await listening(at, receiver)
    digest = await added(at, "1.0")
    agent = Agent(at)
    await agent.list(container(digest=digest))
    await agent.list()
    await at.advise(LIBC)
    assert await heard(at, receiver) == []
    (waiting,) = (await at.get("/messages"))["items"]
    assert (waiting["form"], waiting["state"]) == ("digest", "gathering")
    at.now += timedelta(days=1)
    (digested,) = await heard(at, receiver)
    assert digested["groups"][0]["items"][0]["image"] == digest


async def test_a_subscription_hears_at_once_of_what_runs_nowhere_if_it_wants_to(at: Desk, receiver: Receiver) -> None:
    await listening(at, receiver)
    digest = await added(at, "1.0")
    agent = Agent(at)
    await agent.list(container(digest=digest))
    await agent.list()
    assert (await at.ask("PATCH", "/subscriptions/default", {"stopped": "at-once"})).is_success
    await at.advise(LIBC)
    assert len(await heard(at, receiver)) == 1


async def test_an_image_of_which_nobody_ever_told_that_it_runs_is_told_as_ever(at: Desk, receiver: Receiver) -> None:
    await listening(at, receiver)
    await added(at, "1.0")
    await Agent(at).list()
    await at.advise(LIBC)
    assert len(await heard(at, receiver)) == 1


async def test_drift_weak_hosts_and_problems_are_told_once(at: Desk, receiver: Receiver) -> None:
    await listening(at, receiver)
    digest = await added(at, "1.0")
    agent = Agent(at, "host-1", "docker")
    web = container(cluster="host-1", namespace="", workload="web", name="", digest=digest)
    await agent.list(web)
    drift = PlaceEvent(
        kind="drift", container=web.id, subject="/usr/bin/ls", summary="the binary is not the image's", at=at.now
    )
    host = PlaceEvent(kind="host", subject="runc 1.1.11", summary="CVE-2024-21626 leads out of containers", at=at.now)
    problem = PlaceEvent(kind="problem", subject="podman.sock", summary="it does not answer", at=at.now)
    await agent.change(events=[drift, host, problem])
    await agent.change(events=[drift])
    found = {item["kind"]: (item, notice) for notice in await heard(at, receiver) for item in notice["items"]}
    assert set(found) == {"place.drift", "place.host", "place.problem"}
    item, notice = found["place.drift"]
    assert (item["image"], item["evidence"][0]["path"], item["evidence"][0]["message"]) == (
        digest,
        "/usr/bin/ls",
        "/usr/bin/ls: the binary is not the image's",
    )
    assert notice["cause"]["sentence"] == "Files of a container at host-1/web differ from its image."
    assert await heard(at, receiver) == []
